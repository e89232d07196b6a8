/* streams: publishes that wait for their acknowledgement, consumers, and
 * key-value buckets, which are streams. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "tests/bench/load/link.h"
#include "tests/bench/load/work.h"

#define STREAM  "BENCH"
#define SUBJECT "bench.stream"
#define BUCKET  "KV_bench"
#define INBOX   "_INBOX.bench."
#define KEYS    10000 /* of the key-value rows */

static void stream_create(struct link *link)
{
    link_request(link, "$JS.API.STREAM.CREATE." STREAM,
                 "{\"name\":\"" STREAM "\",\"subjects\":[\"" SUBJECT
                 "\"],\"storage\":\"file\",\"retention\":\"limits\","
                 "\"max_msgs\":-1,\"max_bytes\":-1,\"max_age\":0,"
                 "\"num_replicas\":1}");
}

/* As the clients make a bucket with a history of 1. */
static void bucket_create(struct link *link)
{
    link_request(link, "$JS.API.STREAM.CREATE." BUCKET,
                 "{\"name\":\"" BUCKET "\",\"subjects\":[\"$KV.bench.>\"],"
                 "\"storage\":\"file\",\"retention\":\"limits\","
                 "\"max_msgs_per_subject\":1,\"discard\":\"new\","
                 "\"allow_rollup_hdrs\":true,\"deny_delete\":true,"
                 "\"allow_direct\":true,\"max_msgs\":-1,\"max_bytes\":-1,"
                 "\"max_age\":0,\"max_msg_size\":-1,\"num_replicas\":1}");
}

/* The number behind "name": in an answer. */
static uint64_t member(struct str json, const char *name)
{
    char quoted[64];
    snprintf(quoted, sizeof(quoted), "\"%s\":", name);
    const char *at = memmem(json.p, json.len, quoted, strlen(quoted));
    if (at == NULL)
        fail("no %s in %.*s", name, STR_ARG(json));
    return strtoull(at + strlen(quoted), NULL, 10);
}

/* ---- publishes with an answer each ---- */

/* How the next one looks: appends it to out. */
struct publishes {
    void (*next)(struct buf *out, uint64_t number, const struct work *work);
    void (*check)(const struct frame *answer);
    uint64_t count; /* 0: until the time is over */
};

static void check_stored(const struct frame *answer)
{
    if (!str_has_prefix(answer->payload, str_of("{\"stream\"")))
        fail("not acknowledged: %.*s%.*s", STR_ARG(answer->headers),
             STR_ARG(answer->payload));
}

static void append_pub(struct buf *out, const char *subject, uint64_t number,
                       size_t payload)
{
    buf_append_text(out, "PUB ");
    buf_append_text(out, subject);
    buf_append_text(out, " " INBOX);
    buf_append_u64(out, number);
    buf_append_byte(out, ' ');
    buf_append_u64(out, payload);
    buf_append_text(out, "\r\n");
    memset(buf_reserve(out, payload), 'x', payload);
    out->len += payload;
    buf_append_text(out, "\r\n");
}

/* Sends, with at most window unanswered, and counts the answers. */
static uint64_t publish_all(struct link *link, const struct publishes *what,
                            const struct work *work)
{
    uint64_t sent = 0, answered = 0, window = (uint64_t)work->window;
    int64_t end_ns = clock_mono_ns() + work->time_ns;
    struct buf out = {0};
    struct frame answer;
    for (bool more = true; more || answered < sent;) {
        buf_reset(&out);
        while (more && sent - answered < window) {
            what->next(&out, sent++, work);
            more = what->count == 0 || sent < what->count;
        }
        link_send(link, buf_str(&out));
        link_read(link);
        while (link_frame(link, &answer)) {
            what->check(&answer);
            answered++;
        }
        if (what->count == 0 && clock_mono_ns() >= end_ns)
            more = false;
    }
    buf_fini(&out);
    return answered;
}

static void print_rate(uint64_t count, int64_t start_ns)
{
    int64_t took_ns = clock_mono_ns() - start_ns;
    printf("%.0f\n", (double)count * NS_PER_S / (double)took_ns);
}

static void next_message(struct buf *out, uint64_t number,
                         const struct work *work)
{
    append_pub(out, SUBJECT, number, (size_t)work->payload);
}

static void open_with_inbox(struct link *link, const struct work *work)
{
    link_open(link, (int)work->port);
    link_printf(link, "SUB " INBOX "* 1\r\n");
    link_sync(link);
}

static void expect_stored(struct link *link, const char *stream,
                          uint64_t messages)
{
    char subject[128];
    snprintf(subject, sizeof(subject), "$JS.API.STREAM.INFO.%s", stream);
    uint64_t stored = member(link_request(link, subject, ""), "messages");
    if (stored != messages)
        fail("%s holds %llu messages, not %llu", stream,
             (unsigned long long)stored, (unsigned long long)messages);
}

void work_publish(const struct work *work)
{
    struct link link;
    const struct publishes what = {next_message, check_stored, 0};
    open_with_inbox(&link, work);
    stream_create(&link);
    int64_t start_ns = clock_mono_ns();
    uint64_t count = publish_all(&link, &what, work);
    print_rate(count, start_ns);
    expect_stored(&link, STREAM, count);
}

/* ---- consumers ---- */

#define FILL_WINDOW 2000

static void stream_fill(struct link *link, const struct work *work)
{
    struct work filling = *work;
    const struct publishes what = {next_message, check_stored,
                                   (uint64_t)work->count};
    filling.window = FILL_WINDOW;
    stream_create(link);
    publish_all(link, &what, &filling);
}

static void append_ack(struct buf *acks, const struct frame *frame)
{
    if (frame->payload.len == 0)
        fail("no message: %.*s", STR_ARG(frame->headers));
    buf_append_text(acks, "PUB ");
    buf_append_str(acks, frame->reply);
    buf_append_text(acks, " 4\r\n+ACK\r\n");
}

/* One request, its messages, their acknowledgements as they are read. */
static void fetch(struct link *link, int64_t batch, struct buf *acks)
{
    struct frame frame;
    char body[64];
    int n =
        snprintf(body, sizeof(body), "{\"batch\":%lld,\"expires\":5000000000}",
                 (long long)batch);
    link_printf(link,
                "PUB $JS.API.CONSUMER.MSG.NEXT." STREAM ".c " INBOX
                "fetch %d\r\n%s\r\n",
                n, body);
    for (int64_t got = 0; got < batch;) {
        buf_reset(acks);
        link_read(link);
        for (; link_frame(link, &frame); got++)
            append_ack(acks, &frame);
        link_send(link, buf_str(acks));
    }
}

/* Acknowledgements have no answer: the last ones may still be under way. */
static void wait_until_acked(struct link *link)
{
    int64_t end_ns = clock_mono_ns() + 10 * NS_PER_S;
    for (;;) {
        struct str info =
            link_request(link, "$JS.API.CONSUMER.INFO." STREAM ".c", "");
        if (member(info, "num_ack_pending") == 0 &&
            member(info, "num_pending") == 0)
            return;
        if (clock_mono_ns() > end_ns)
            fail("not all is acknowledged: %.*s", STR_ARG(info));
    }
}

void work_fetch(const struct work *work)
{
    struct link link;
    struct buf acks = {0};
    open_with_inbox(&link, work);
    stream_fill(&link, work);
    link_request(&link, "$JS.API.CONSUMER.DURABLE.CREATE." STREAM ".c",
                 "{\"stream_name\":\"" STREAM "\",\"config\":{"
                 "\"durable_name\":\"c\",\"ack_policy\":\"explicit\","
                 "\"deliver_policy\":\"all\",\"replay_policy\":\"instant\"}}");
    int64_t start_ns = clock_mono_ns();
    for (int64_t got = 0; got < work->count; got += work->window)
        fetch(&link,
              work->window < work->count - got ? work->window
                                               : work->count - got,
              &acks);
    wait_until_acked(&link);
    print_rate((uint64_t)work->count, start_ns);
}

void work_push(const struct work *work)
{
    struct link link;
    struct frame frame;
    open_with_inbox(&link, work);
    stream_fill(&link, work);
    int64_t start_ns = clock_mono_ns();
    link_request(&link, "$JS.API.CONSUMER.DURABLE.CREATE." STREAM ".c",
                 "{\"stream_name\":\"" STREAM "\",\"config\":{"
                 "\"durable_name\":\"c\",\"ack_policy\":\"none\","
                 "\"deliver_policy\":\"all\",\"replay_policy\":\"instant\","
                 "\"deliver_subject\":\"bench.deliver\"}}");
    link_printf(&link, "SUB bench.deliver 2\r\n");
    for (int64_t i = 0; i < work->count; i++) {
        link_wait(&link, &frame);
        if (frame.payload.len != (size_t)work->payload)
            fail("not the message: %.*s", STR_ARG(frame.payload));
    }
    print_rate((uint64_t)work->count, start_ns);
}

/* ---- key-value ---- */

static void next_put(struct buf *out, uint64_t number, const struct work *work)
{
    char subject[64];
    uint64_t keys = work->count < KEYS ? (uint64_t)work->count : KEYS;
    snprintf(subject, sizeof(subject), "$KV.bench.key-%llu",
             (unsigned long long)(number % keys));
    append_pub(out, subject, number, (size_t)work->payload);
}

static void next_get(struct buf *out, uint64_t number, const struct work *work)
{
    char subject[128];
    (void)work;
    snprintf(subject, sizeof(subject),
             "$JS.API.DIRECT.GET." BUCKET ".$KV.bench.key-%llu",
             (unsigned long long)(number % KEYS));
    append_pub(out, subject, number, 0);
}

static void check_got(const struct frame *answer)
{
    if (answer->payload.len == 0)
        fail("no value: %.*s", STR_ARG(answer->headers));
}

void work_kv_put(const struct work *work)
{
    struct link link;
    const struct publishes what = {next_put, check_stored, 0};
    open_with_inbox(&link, work);
    bucket_create(&link);
    int64_t start_ns = clock_mono_ns();
    uint64_t count = publish_all(&link, &what, work);
    print_rate(count, start_ns);
    expect_stored(&link, BUCKET, count < KEYS ? count : KEYS);
}

void work_kv_get(const struct work *work)
{
    struct link link;
    const struct publishes puts = {next_put, check_stored, KEYS};
    const struct publishes gets = {next_get, check_got, 0};
    open_with_inbox(&link, work);
    bucket_create(&link);
    publish_all(&link, &puts, work);
    int64_t start_ns = clock_mono_ns();
    print_rate(publish_all(&link, &gets, work), start_ns);
}

/* ---- what the memory rows are about ---- */

static void next_key(struct buf *out, uint64_t number, const struct work *work)
{
    char subject[64];
    (void)work;
    snprintf(subject, sizeof(subject), "$KV.bench.key-%llu",
             (unsigned long long)number);
    append_pub(out, subject, number, 16);
}

void work_fill(const struct work *work)
{
    struct link link;
    struct work twice = *work;
    const struct publishes keys = {next_key, check_stored,
                                   (uint64_t)work->count};
    open_with_inbox(&link, work);
    twice.count *= 2;
    stream_fill(&link, &twice);
    bucket_create(&link);
    publish_all(&link, &keys, work);
    expect_stored(&link, STREAM, (uint64_t)twice.count);
    expect_stored(&link, BUCKET, (uint64_t)work->count);
    printf("ready\n");
}

/* Says "ready" when all are there, and stays until stdin ends. */
void work_idle(const struct work *work)
{
    struct link *links = mem_zalloc((size_t)work->count * sizeof(*links));
    char byte;
    for (int64_t i = 0; i < work->count; i++) {
        link_open(&links[i], (int)work->port);
        link_printf(&links[i], "SUB bench.idle.%lld 1\r\n", (long long)i);
        link_sync(&links[i]);
    }
    printf("ready\n");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
}
