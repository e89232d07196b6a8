/* republish: see republish.h. */
#include "broker/jetstream/republish.h"

#include "broker/jetstream/js_headers.h"
#include "broker/jetstream/transform.h"
#include "broker/route.h"
#include "broker/subject.h"

#define KEEP_BYTES (64u << 10) /* a larger empty queue gives its memory up */

/* One that waits; subject, headers and payload stand behind it. */
struct record {
    uint64_t seq;
    uint32_t subject_len, headers_len, payload_len;
};

void republish_set(struct republish *republish,
                   const struct stream_config *config)
{
    const struct subject_map *map = &config->republish.map;
    transform_free(&republish->transform);
    republish->headers_only = config->republish.headers_only;
    if (map->dest != NULL)
        republish->transform =
            transform_new(str_of(map->src), str_of(map->dest), NULL);
}

void republish_fini(struct republish *republish)
{
    transform_free(&republish->transform);
    buf_fini(&republish->waiting);
    buf_fini(&republish->headers);
    buf_fini(&republish->subject);
}

static void write_headers(struct republish *republish, const char *stream,
                          const struct store_msg *msg, uint64_t last_seq)
{
    struct buf *out = &republish->headers;
    buf_reset(out);
    js_headers_begin(out, msg->headers);
    js_headers_text(out, "Nats-Stream", str_of(stream));
    js_headers_text(out, "Nats-Subject", msg->subject);
    js_headers_u64(out, "Nats-Sequence", msg->seq);
    js_headers_time(out, "Nats-Time-Stamp", msg->time_ns);
    js_headers_u64(out, "Nats-Last-Sequence", last_seq);
    if (republish->headers_only)
        js_headers_u64(out, "Nats-Msg-Size", msg->payload.len);
    js_headers_end(out);
}

static void make_room(struct republish *republish)
{
    struct buf *waiting = &republish->waiting;
    if (republish->start == waiting->len) {
        if (waiting->cap > KEEP_BYTES)
            buf_fini(waiting);
        buf_reset(waiting);
        republish->start = 0;
    } else if (republish->start > waiting->len / 2) {
        buf_consume(waiting, republish->start);
        republish->start = 0;
    }
}

void republish_add(struct republish *republish, const char *stream,
                   const struct store_msg *msg, uint64_t last_seq)
{
    struct buf *subject = &republish->subject;
    buf_reset(subject);
    if (!transform_apply(republish->transform, msg->subject, subject) ||
        !subject_valid_literal(buf_str(subject)))
        return;
    write_headers(republish, stream, msg, last_seq);
    struct str payload =
        republish->headers_only ? str_make(NULL, 0) : msg->payload;
    const struct record record = {.seq = msg->seq,
                                  .subject_len = (uint32_t)subject->len,
                                  .headers_len =
                                      (uint32_t)republish->headers.len,
                                  .payload_len = (uint32_t)payload.len};
    make_room(republish);
    buf_append(&republish->waiting, &record, sizeof(record));
    buf_append_str(&republish->waiting, buf_str(subject));
    buf_append_str(&republish->waiting, buf_str(&republish->headers));
    buf_append_str(&republish->waiting, payload);
}

void republish_send(struct republish *republish, struct account *account,
                    uint64_t durable)
{
    while (republish->start < republish->waiting.len) {
        struct record record;
        const char *at = republish->waiting.data + republish->start;
        memcpy(&record, at, sizeof(record));
        if (record.seq > durable)
            break;
        at += sizeof(record);
        struct str subject = str_make(at, record.subject_len);
        at += record.subject_len;
        const struct msg msg = {
            .to = subject,
            .subject = subject,
            .headers = str_make(at, record.headers_len),
            .payload = str_make(at + record.headers_len, record.payload_len)};
        route_own(account, &msg);
        republish->start += sizeof(record) + record.subject_len +
                            record.headers_len + record.payload_len;
    }
}
