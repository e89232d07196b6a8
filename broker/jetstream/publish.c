/* publish: see publish.h. */
#include "broker/jetstream/publish.h"

#include <errno.h>
#include <stdlib.h>

#include "broker/jetstream/jetstream.h"
#include "broker/jetstream/js_limits.h"
#include "broker/jetstream/msg_ttl.h"
#include "broker/jetstream/publish_headers.h"
#include "broker/jetstream/retention.h"
#include "broker/jetstream/transform.h"
#include "broker/route.h"
#include "broker/server.h"
#include "broker/subject.h"
#include "lib/clock.h"
#include "lib/mem.h"

/* One message on its way in. */
struct publication {
    struct stream *stream;
    struct msg msg; /* subject: as it is stored */
    struct publish_headers asks;
    int64_t ttl_ns;  /* 0: none; MSG_TTL_NEVER */
    uint64_t size;   /* as the stream counts */
    uint64_t seq;    /* of the original, when it is a duplicate */
    uint64_t at_seq; /* a mirror's: where it goes; 0: behind the last */
    int64_t time_ns; /* the same: of the original; 0: now */
    bool duplicate;
};

static uint64_t last_seq(const struct stream *stream)
{
    struct store_state state;
    stream_state(stream, &state);
    return state.last_seq;
}

/* ---- what its headers expect ---- */

static int check_stream(const struct publication *it, struct js_error *error)
{
    if (it->asks.expected_stream.len == 0 ||
        str_is(it->asks.expected_stream, it->stream->name))
        return 0;
    return js_refuse(error, 400, 10060, "expected stream does not match");
}

static int check_ttl(struct publication *it, struct js_error *error)
{
    if (it->asks.ttl.len == 0)
        return 0;
    if (!it->stream->config.allow_msg_ttl)
        return js_refuse(error, 400, 10166, "per-message TTL is disabled");
    if (msg_ttl_read(it->asks.ttl, &it->ttl_ns) != 0)
        return js_refuse(error, 400, 10165, "invalid per-message TTL");
    return 0;
}

static bool keep_highest(void *arg, struct str subject,
                         const struct store_subject *found)
{
    uint64_t *highest = arg;
    (void)subject;
    if (found->last_seq > *highest)
        *highest = found->last_seq;
    return true;
}

/* The last sequence on a subject, or on those that a pattern selects. */
static uint64_t last_on(const struct stream *stream, struct str subject)
{
    struct store *store = stream->store;
    struct store_subject found;
    uint64_t highest = 0;
    if (!subject_has_wildcard(subject))
        return store->ops->subject(store, subject, &found) ? found.last_seq : 0;
    const struct store_filter filter = {.patterns = &subject, .count = 1};
    store->ops->subjects(store, &filter, keep_highest, &highest);
    return highest;
}

static int expect_seq(struct str expected, uint64_t actual,
                      struct js_error *error)
{
    int64_t seq;
    if (str_to_i64(expected, &seq) == 0 && (uint64_t)seq == actual)
        return 0;
    return js_refuse(error, 400, 10071, "wrong last sequence: %llu",
                     (unsigned long long)actual);
}

static int check_seqs(const struct publication *it, struct js_error *error)
{
    const struct publish_headers *asks = &it->asks;
    struct str subject = asks->expected_subject.len > 0 ? asks->expected_subject
                                                        : it->msg.subject;
    if (asks->expected_subject_seq.len > 0 &&
        expect_seq(asks->expected_subject_seq, last_on(it->stream, subject),
                   error) != 0)
        return -1;
    if (asks->expected_last_seq.len > 0)
        return expect_seq(asks->expected_last_seq, last_seq(it->stream), error);
    return 0;
}

static int check_last_id(const struct publication *it, struct js_error *error)
{
    const char *last = it->stream->last_msg_id;
    if (last == NULL)
        last = "";
    if (it->asks.expected_last_id.len == 0 ||
        str_is(it->asks.expected_last_id, last))
        return 0;
    return js_refuse(error, 400, 10070, "wrong last msg ID: %s", last);
}

static int check_rollup(const struct publication *it, struct js_error *error)
{
    const struct stream_config *config = &it->stream->config;
    struct str rollup = it->asks.rollup;
    if (rollup.len == 0)
        return 0;
    if (!config->allow_rollup || config->deny_purge)
        return js_refuse(error, 500, 10111, "rollup not permitted");
    if (!str_ieq(rollup, str_of("sub")) && !str_ieq(rollup, str_of("all")))
        return js_refuse(error, 500, 10111, "rollup value invalid: \"%.*s\"",
                         (int)(rollup.len < 64 ? rollup.len : 64), rollup.p);
    return 0;
}

static uint64_t find_duplicate(struct stream *stream, struct str id)
{
    if (id.len == 0 || stream->config.duplicate_window_ns <= 0)
        return 0;
    dedup_expire(&stream->dedup,
                 clock_wall_ns() - stream->config.duplicate_window_ns);
    return dedup_find(&stream->dedup, id);
}

/* ---- whether there is room ---- */

static uint64_t stored_size(const struct stream *stream, const struct msg *msg)
{
    const struct store_msg stored = {.subject = msg->subject,
                                     .headers = msg->headers,
                                     .payload = msg->payload};
    return stream->store->ops->size(&stored);
}

static int check_size(const struct publication *it, struct js_error *error)
{
    const struct stream_config *config = &it->stream->config;
    const struct msg *msg = &it->msg;
    if (config->max_msg_size >= 0 &&
        msg->headers.len + msg->payload.len > (uint64_t)config->max_msg_size)
        return js_refuse(error, 400, 10054,
                         "message size exceeds maximum allowed");
    if (msg->headers.len > STREAM_HEADERS_MAX)
        return js_refuse(error, 400, 10097,
                         "header size exceeds maximum allowed of 64k");
    if (config->max_bytes > 0 && it->size > (uint64_t)config->max_bytes)
        return js_refuse(error, 503, 10077, "maximum bytes exceeded");
    if (js_limits_admit_bytes(it->stream->js, config->storage, it->size,
                              error) != 0)
        return -1;
    if (republish_full(&it->stream->republish))
        return js_refuse(error, 503, 10077, "too much waits to be republished");
    return 0;
}

/* What will leave because it is its subject's oldest; 0 bytes: nothing. */
static uint64_t bytes_replaced(const struct publication *it)
{
    struct store *store = it->stream->store;
    int64_t most = it->stream->config.max_msgs_per_subject;
    struct store_subject there;
    struct store_msg oldest;
    if (most <= 0 || !store->ops->subject(store, it->msg.subject, &there) ||
        there.messages < (uint64_t)most)
        return 0;
    if (store->ops->read(store, there.first_seq, &oldest) != 0)
        return 1;
    return store->ops->size(&oldest);
}

/* Where the new give way to the old. */
static int check_room(const struct publication *it, struct js_error *error)
{
    const struct stream_config *config = &it->stream->config;
    struct store_state state;
    if (config->discard == DISCARD_OLD)
        return 0;
    uint64_t leaves = bytes_replaced(it);
    stream_state(it->stream, &state);
    if (config->max_msgs > 0 && leaves == 0 &&
        state.messages >= (uint64_t)config->max_msgs)
        return js_refuse(error, 503, 10077, "maximum messages exceeded");
    if (config->max_bytes > 0 &&
        state.bytes + it->size > (uint64_t)config->max_bytes + leaves)
        return js_refuse(error, 503, 10077, "maximum bytes exceeded");
    if (leaves > 0 && config->discard_new_per_subject)
        return js_refuse(error, 503, 10077,
                         "maximum messages per subject exceeded");
    return 0;
}

/* ---- appending ---- */

/* Each message a time of its own: who orders by it orders as the stream. */
static int64_t time_of(const struct publication *it)
{
    int64_t last_ns = it->stream->last_time_ns;
    if (it->time_ns != 0)
        return it->time_ns > last_ns ? it->time_ns : last_ns;
    int64_t now_ns = clock_wall_ns();
    return now_ns > last_ns ? now_ns : last_ns + 1;
}

static int append(const struct publication *it, struct store_msg *stored,
                  struct js_error *error)
{
    struct stream *stream = it->stream;
    int64_t now_ns = time_of(it);
    if (it->at_seq > last_seq(stream) + 1)
        stream_skip(stream, it->at_seq - 1);
    *stored = (struct store_msg){.seq = last_seq(stream) + 1,
                                 .time_ns = now_ns,
                                 .subject = it->msg.subject,
                                 .headers = it->msg.headers,
                                 .payload = it->msg.payload};
    if (it->ttl_ns > 0 && it->ttl_ns != MSG_TTL_NEVER)
        stored->expires_ns = time_after(now_ns, it->ttl_ns);
    int rc = stream->store->ops->append(stream->store, stored);
    if (rc == -EAGAIN)
        return js_refuse(error, 503, 10077, "too much waits for the disk");
    if (rc < 0)
        return js_refuse(error, 503, 10077, "%s", strerror(-rc));
    stream->last_time_ns = now_ns;
    stream->backlog.appended += it->size;
    js_limits_took(stream->js, stream->config.storage, it->size);
    stream_mark_dirty(stream);
    return 0;
}

static void remember_id(const struct publication *it)
{
    struct stream *stream = it->stream;
    struct str id = it->asks.msg_id;
    if (id.len > 0 && stream->config.duplicate_window_ns > 0)
        dedup_add(&stream->dedup, id, it->seq, stream->last_time_ns);
    stream_set_last_id(stream, id);
}

/* What was there before goes. */
static void roll_up(const struct publication *it)
{
    if (it->asks.rollup.len == 0)
        return;
    if (str_ieq(it->asks.rollup, str_of("all")))
        stream_remove_through(it->stream, it->seq - 1);
    else
        retention_keep_last(it->stream, it->msg.subject, 1);
}

/* Nobody waits for it: it gets a sequence, and is not kept. */
static int pass_over(struct publication *it, struct js_error *error)
{
    struct store *store = it->stream->store;
    it->seq = it->at_seq > 0 ? it->at_seq : last_seq(it->stream) + 1;
    int rc = store->ops->skip(store, it->seq);
    if (rc != 0)
        return js_refuse(error, 503, 10077, "%s", strerror(-rc));
    it->stream->last_time_ns = time_of(it);
    stream_mark_dirty(it->stream);
    remember_id(it);
    return 0;
}

static int store_it(struct publication *it, struct js_error *error)
{
    struct stream *stream = it->stream;
    struct store_msg stored;
    uint64_t before = 0;
    if (republish_is_on(&stream->republish))
        before = last_on(stream, it->msg.subject);
    if (append(it, &stored, error) != 0)
        return -1;
    it->seq = stored.seq;
    remember_id(it);
    stream->store->making_room = true;
    roll_up(it);
    retention_appended(stream, &stored);
    stream->store->making_room = false;
    if (republish_is_on(&stream->republish))
        republish_add(&stream->republish, stream->name, &stored, before);
    return 0;
}

static int check_mark(const struct publication *it, struct js_error *error)
{
    const struct origins *origins = it->stream->origins;
    if (origins == NULL || !origins_is_mark(origins, it->msg.headers))
        return 0;
    return js_refuse(error, 400, 10003,
                     "bad request: the header " SOURCE_HEADER
                     " names a source of the stream");
}

/* What was stored already is a duplicate whatever it expects: the first time,
 * it was as expected. */
static int check_headers(struct publication *it, struct js_error *error)
{
    publish_headers_read(&it->asks, it->msg.headers);
    if (check_mark(it, error) != 0 || check_stream(it, error) != 0 ||
        check_ttl(it, error) != 0)
        return -1;
    it->seq = find_duplicate(it->stream, it->asks.msg_id);
    it->duplicate = it->seq != 0;
    if (it->duplicate)
        return 0;
    if (check_seqs(it, error) != 0 || check_last_id(it, error) != 0)
        return -1;
    return check_rollup(it, error);
}

static int take(struct publication *it, struct js_error *error)
{
    if (it->stream->config.sealed)
        return js_refuse(error, JS_SEALED);
    if (it->msg.headers.len > 0 && check_headers(it, error) != 0)
        return -1;
    if (it->duplicate)
        return 0;
    it->size = stored_size(it->stream, &it->msg);
    if (check_size(it, error) != 0)
        return -1;
    if (!retention_wants(it->stream, it->msg.subject))
        return pass_over(it, error);
    return check_room(it, error) != 0 ? -1 : store_it(it, error);
}

/* Under which subject it is stored. */
static void transform_subject(struct stream *stream, struct msg *msg)
{
    struct buf *out = &stream->transformed;
    buf_reset(out);
    if (transform_apply(stream->transform, msg->subject, out) &&
        subject_valid_literal(buf_str(out)))
        msg->subject = buf_str(out);
}

void publish_own(struct stream *stream, const struct msg *msg, int64_t ttl_ns)
{
    struct js_error error;
    struct publication it = {.stream = stream,
                             .msg = *msg,
                             .ttl_ns = ttl_ns,
                             .size = stored_size(stream, msg)};
    store_it(&it, &error);
}

/* A copy was wanted once: its TTL and roll-up count where they are allowed,
 * and it is stored all the same where they are not. */
static void read_copied_headers(struct publication *it)
{
    struct js_error error;
    publish_headers_read(&it->asks, it->msg.headers);
    if (check_ttl(it, &error) != 0)
        it->ttl_ns = 0;
    if (check_rollup(it, &error) != 0)
        it->asks.rollup.len = 0;
    if (it->at_seq == 0)
        it->duplicate = find_duplicate(it->stream, it->asks.msg_id) != 0;
}

static bool never_fits(const struct publication *it,
                       const struct js_error *error)
{
    int64_t max_bytes = it->stream->config.max_bytes;
    return error->err_code == 10054 || error->err_code == 10097 ||
           (max_bytes > 0 && it->size > (uint64_t)max_bytes);
}

int publish_copied(struct stream *stream, const struct store_msg *msg,
                   struct js_error *error)
{
    struct publication it = {.stream = stream,
                             .msg = {.subject = msg->subject,
                                     .headers = msg->headers,
                                     .payload = msg->payload},
                             .at_seq = msg->seq,
                             .time_ns = msg->seq > 0 ? msg->time_ns : 0};
    if (stream->config.sealed) {
        js_refuse(error, 400, 10109, "invalid operation on sealed stream");
        return -EAGAIN;
    }
    if (stream->transform != NULL)
        transform_subject(stream, &it.msg);
    if (it.msg.headers.len > 0)
        read_copied_headers(&it);
    it.size = stored_size(stream, &it.msg);
    if (it.duplicate)
        return 0;
    if (check_size(&it, error) != 0)
        return never_fits(&it, error) ? -EMSGSIZE : -EAGAIN;
    if (!retention_wants(stream, it.msg.subject))
        return pass_over(&it, error) == 0 ? 0 : -EAGAIN;
    return check_room(&it, error) == 0 && store_it(&it, error) == 0 ? 0
                                                                    : -EAGAIN;
}

/* ---- answering ---- */

static void answer_refusal(struct stream *stream, struct str reply,
                           const struct js_error *error)
{
    struct buf text = {0};
    struct json_writer w = json_writer(&text);
    json_begin_object(&w);
    js_error_write(error, &w);
    json_member_text(&w, "stream", stream->name);
    json_member_i64(&w, "seq", 0);
    json_end_object(&w);
    route_text(stream->js->account, reply, str_make(NULL, 0), buf_str(&text));
    buf_fini(&text);
}

void publish_name_acks(struct stream *stream)
{
    struct json_writer w = json_writer(&stream->ack);
    const char *domain = jetstream_domain(stream->js);
    json_begin_object(&w);
    json_member_text(&w, "stream", stream->name);
    if (domain[0] != '\0') {
        buf_append_text(&stream->ack, ", \"domain\":");
        w.comma = false;
        json_put_text(&w, domain);
    }
    buf_append_text(&stream->ack, ", \"seq\":");
    stream->ack_prefix = stream->ack.len;
}

static void answer(struct stream *stream, const struct puback *ack)
{
    struct buf *text = &stream->ack;
    text->len = stream->ack_prefix;
    buf_append_u64(text, ack->seq);
    if (ack->duplicate)
        buf_append_text(text, ",\"duplicate\": true");
    buf_append_byte(text, '}');
    route_text(stream->js->account, ack->reply, str_make(NULL, 0),
               buf_str(text));
}

void publish_acknowledge(struct stream *stream, uint64_t durable)
{
    struct puback ack;
    while (pubacks_pop(&stream->acks, durable, &ack))
        answer(stream, &ack);
}

/* The answer comes when all that is appended now is durable. */
static void promise(const struct publication *it, struct str reply)
{
    const struct puback ack = {.wait_seq = last_seq(it->stream),
                               .seq = it->seq,
                               .duplicate = it->duplicate,
                               .reply = reply};
    pubacks_push(&it->stream->acks, &ack);
    stream_mark_dirty(it->stream);
    if (++it->stream->uncommitted == STREAM_COMMIT_EACH)
        stream_commit(it->stream);
}

void publish_arrived(struct sub *sub, struct conn *from, const struct msg *msg)
{
    struct stream *stream = sub->arg;
    struct publication it = {.stream = stream, .msg = *msg};
    struct js_error error;
    bool wanted = msg->reply.len > 0 && !stream->config.no_ack;
    (void)from;
    if (stream->transform != NULL)
        transform_subject(stream, &it.msg);
    int rc = wanted && pubacks_full(&stream->acks)
                 ? js_refuse(&error, 503, 10077,
                             "too many acknowledgements wait for the disk")
                 : take(&it, &error);
    if (stream_congested(stream))
        stream->js->account->server->pressure = true;
    if (wanted && rc != 0)
        answer_refusal(stream, msg->reply, &error);
    else if (wanted)
        promise(&it, msg->reply);
}
