/* durable: a work queue on disk. Each message carries its number; the consumer
 * marks the numbers it has seen. Its clients come and go with deliveries
 * unanswered, which must come again. */
#include <stdlib.h>

#include "lib/mem.h"
#include "tests/soak/soak.h"

#define STREAM      "SOAK"
#define SUBJECT     "soak.work"
#define CONSUMER    "worker"
#define WINDOW      1000
#define BATCH       500
#define BEHIND_MAX  200000 /* published and not yet consumed */
#define NUMBERS_MAX (UINT64_C(1) << 32)
#define RESTART_NS  (2 * NS_PER_S)

static unsigned char *seen; /* a bit a number; memory is taken when touched */

void durable_setup(void)
{
    struct link link;
    seen = calloc(NUMBERS_MAX / 8, 1);
    if (seen == NULL)
        fail("no memory for the marks");
    link_open(&link, soak.port);
    link_request(&link, "$JS.API.STREAM.CREATE." STREAM,
                 "{\"name\":\"" STREAM "\",\"subjects\":[\"" SUBJECT
                 "\"],\"storage\":\"file\",\"retention\":\"workqueue\","
                 "\"num_replicas\":1}");
    link_request(&link, "$JS.API.CONSUMER.DURABLE.CREATE." STREAM "." CONSUMER,
                 "{\"stream_name\":\"" STREAM "\",\"config\":{"
                 "\"durable_name\":\"" CONSUMER "\",\"ack_policy\":"
                 "\"explicit\",\"deliver_policy\":\"all\",\"ack_wait\":"
                 "1000000000,\"replay_policy\":\"instant\","
                 "\"max_ack_pending\":5000}}");
    link_close(&link);
}

/* ---- publishing ---- */

static _Atomic uint64_t sent; /* numbers begin at 0 */

static void append_publish(struct buf *out)
{
    append_numbered(out, "PUB " SUBJECT " _INBOX.soak.1 128\r\n", sent);
    if (++sent == NUMBERS_MAX)
        fail("more messages than marks");
}

static bool may_publish(void)
{
    return sent - soak.durable_acked < WINDOW &&
           sent < soak.durable_seen + BEHIND_MAX && !soak.ending;
}

static void take_answers(struct link *link)
{
    struct frame frame;
    link_read(link);
    while (link_frame(link, &frame)) {
        if (!str_has_prefix(frame.payload, str_of("{\"stream\"")))
            fail("a publish was refused: %.*s", STR_ARG(frame.payload));
        soak.durable_acked++;
    }
}

void *durable_publish(void *arg)
{
    struct link link;
    struct buf out = {0};
    struct pace pace = {0};
    (void)arg;
    link_open(&link, soak.port);
    link_printf(&link, "SUB _INBOX.soak.* 1\r\n");
    while (!soak.ending || soak.durable_acked < sent) {
        buf_reset(&out);
        for (unsigned n = 0; n < WINDOW / 4 && may_publish(); n++)
            append_publish(&out);
        soak.durable_published = sent;
        link_send(&link, buf_str(&out));
        if (soak.durable_acked < sent)
            take_answers(&link);
        else
            sleep_ms(1);
        pace_wait(&pace, soak.durable_rate, sent);
    }
    link_close(&link);
    buf_fini(&out);
    return NULL;
}

/* ---- consuming ---- */

static void mark(struct str payload)
{
    uint64_t number = strtoull(payload.p, NULL, 10);
    if (payload.len != PAYLOAD || number >= sent)
        fail("never published: %.*s", STR_ARG(payload));
    unsigned char bit = (unsigned char)(1u << number % 8);
    if (seen[number / 8] & bit)
        soak.durable_again++;
    else
        soak.durable_seen++;
    seen[number / 8] |= bit;
}

static bool all_seen(void)
{
    return soak.ending && soak.durable_acked == sent &&
           soak.durable_seen == sent;
}

/* A batch, or what there is of it within a second. False: it ended early. */
static bool fetch(struct link *link, struct buf *acks)
{
    struct frame frame;
    static const char body[] = "{\"batch\":500,\"expires\":500000000}";
    link_printf(link,
                "PUB $JS.API.CONSUMER.MSG.NEXT." STREAM "." CONSUMER
                " _INBOX.fetch %zu\r\n%s\r\n",
                sizeof(body) - 1, body);
    for (int got = 0; got < BATCH;) {
        buf_reset(acks);
        link_read(link);
        for (; got < BATCH && link_frame(link, &frame); got++) {
            if (frame.reply.len == 0)
                return false; /* 408: the time is over */
            mark(frame.payload);
            buf_append_text(acks, "PUB ");
            buf_append_str(acks, frame.reply);
            buf_append_text(acks, " 4\r\n+ACK\r\n");
        }
        link_send(link, buf_str(acks));
    }
    return true;
}

/* Asks for more than it waits for, and is gone with that unanswered. */
static void vanish(struct link *link)
{
    link_printf(link, "PUB $JS.API.CONSUMER.MSG.NEXT." STREAM "." CONSUMER
                      " _INBOX.fetch 3\r\n100\r\n");
    sleep_ms(rand() % 5);
    link_close(link);
    soak.consumer_restarts++;
}

void *durable_consume(void *arg)
{
    struct buf acks = {0};
    (void)arg;
    while (!all_seen()) {
        struct link link;
        link_open(&link, soak.port);
        link_printf(&link, "SUB _INBOX.fetch 1\r\n");
        int64_t end_ns = clock_mono_ns() + RESTART_NS;
        while (!all_seen() && clock_mono_ns() < end_ns)
            fetch(&link, &acks);
        vanish(&link);
    }
    buf_fini(&acks);
    return NULL;
}

void durable_check(void)
{
    for (uint64_t n = 0; n < sent; n++) {
        if ((seen[n / 8] >> n % 8 & 1) == 0)
            fail("message %llu was acknowledged and never delivered",
                 (unsigned long long)n);
    }
}
