/* bus_publisher: a window of publishes on their way to a stream.
 *
 * A message is counted in flight from bus_publish until the stream has
 * acknowledged it. The client library calls on_ack for every message, with the
 * acknowledgement or with what went wrong (an error of the stream, or none
 * within ACK_WAIT); those go on a list which a thread of the publisher's own
 * sends again after RETRY_WAIT. The Nats-Msg-Id in the message's header stays,
 * so a message whose acknowledgement was lost is not stored twice. */
#include "lib/bus.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/cond.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/sample.h"
#include "lib/service.h"
#include "lib/ulid.h"

#define TRACE_ID_LEN  32
#define ACK_WAIT_MS   2000
#define RETRY_WAIT_NS (200 * NS_PER_MS)
#define WAIT_SLICE_NS (100 * NS_PER_MS) /* how often a wait looks for a stop */
#define COMPLAINT_NS  (5 * NS_PER_S)    /* at most one warning in */

struct retry {
    natsMsg *msg;
    struct retry *next;
};

struct bus_publisher {
    jsCtx *js;
    natsConnection *nc;
    int64_t window;
    char trace[TRACE_ID_LEN + 1];
    uint64_t span; /* of the newest message */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* in_flight went down, a retry came, or closing */
    int64_t in_flight;
    struct retry *retries; /* newest first; sent in any order */
    struct bus_publisher_stats stats;
    int64_t complained_ns;
    bool closing;
    pthread_t thread;
};

/* Waits on `changed` at most ns; the lock is held. */
static void wait_changed(struct bus_publisher *p, int64_t ns)
{
    int64_t until = clock_mono_ns() + ns;
    cond_wait_until(&p->changed, &p->lock, until);
}

/* ---- answers ---- */

static void complain(struct bus_publisher *p, natsStatus status, jsErrCode code,
                     const char *text)
{
    int64_t now = clock_mono_ns();
    if (service_stopping() || now - p->complained_ns < COMPLAINT_NS)
        return;
    p->complained_ns = now;
    log_warn("the stream has not taken a message; sending it again",
             LOG_STR("status", natsStatus_GetText(status)),
             LOG_I64("err_code", code),
             LOG_STR("reason", text != NULL ? text : ""),
             LOG_I64("in_flight", p->in_flight));
}

/* Takes msg; the lock is held. */
static void retry_later(struct bus_publisher *p, natsMsg *msg)
{
    struct retry *r = mem_alloc(sizeof *r);
    *r = (struct retry){msg, p->retries};
    p->retries = r;
    p->stats.retries++;
    pthread_cond_broadcast(&p->changed);
}

/* A publisher that found the window full goes on once a quarter of it is free:
 * waking it for every single acknowledgement would cost more than the send. */
static int64_t reopen_at(const struct bus_publisher *p)
{
    return p->window - (p->window + 3) / 4;
}

static void settle(struct bus_publisher *p, bool duplicate)
{
    p->stats.acknowledged++;
    p->stats.duplicates += duplicate;
    p->in_flight--;
    if (p->in_flight == reopen_at(p) || p->in_flight == 0)
        pthread_cond_broadcast(&p->changed);
}

static void on_ack(jsCtx *js, natsMsg *msg, jsPubAck *ack, jsPubAckErr *error,
                   void *arg)
{
    (void)js;
    struct bus_publisher *p = arg;
    pthread_mutex_lock(&p->lock);
    if (ack != NULL) {
        settle(p, ack->Duplicate);
    } else {
        complain(p, error->Err, error->ErrCode, error->ErrText);
        retry_later(p, msg);
        msg = NULL;
    }
    pthread_mutex_unlock(&p->lock);
    natsMsg_Destroy(msg);
}

/* ---- sending ---- */

/* Hands msg to the client library; what it does not take is sent again. */
static void send(struct bus_publisher *p, natsMsg *msg, const char *id)
{
    jsPubOptions options;
    jsPubOptions_Init(&options);
    options.MaxWait = ACK_WAIT_MS;
    options.MsgId = id;
    natsStatus s = js_PublishMsgAsync(p->js, &msg, &options);
    if (s == NATS_OK)
        return;
    pthread_mutex_lock(&p->lock);
    complain(p, s, 0, nats_GetLastError(NULL));
    retry_later(p, msg);
    pthread_mutex_unlock(&p->lock);
}

static void drop_retries(struct retry *r)
{
    while (r != NULL) {
        struct retry *next = r->next;
        natsMsg_Destroy(r->msg);
        free(r);
        r = next;
    }
}

static void resend(struct bus_publisher *p, struct retry *r)
{
    while (r != NULL) {
        struct retry *next = r->next;
        send(p, r->msg, NULL);
        free(r);
        r = next;
    }
}

/* Every acknowledgement may wake `changed`; the wait goes on all the same. */
static void wait_before_retry(struct bus_publisher *p)
{
    int64_t until = clock_mono_ns() + RETRY_WAIT_NS;
    int64_t left;
    while (!p->closing && (left = until - clock_mono_ns()) > 0)
        wait_changed(p, left);
}

static void *retry_loop(void *arg)
{
    struct bus_publisher *p = arg;
    pthread_mutex_lock(&p->lock);
    while (!p->closing) {
        if (p->retries == NULL) {
            pthread_cond_wait(&p->changed, &p->lock);
            continue;
        }
        wait_before_retry(p);
        struct retry *due = p->retries;
        p->retries = NULL;
        pthread_mutex_unlock(&p->lock);
        resend(p, due);
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* version-trace-span-flags, see www.w3.org/TR/trace-context. */
static natsStatus set_traceparent(struct bus_publisher *p, natsMsg *msg)
{
    char value[64];
    snprintf(value, sizeof value, "00-%s-%016" PRIx64 "-01", p->trace,
             ++p->span);
    return natsMsgHeader_Set(msg, "traceparent", value);
}

static natsStatus make_msg(struct bus_publisher *p, natsMsg **msg,
                           const char *subject, struct str payload,
                           const char *schema)
{
    natsStatus s =
        natsMsg_Create(msg, subject, NULL, payload.p, (int)payload.len);
    if (s == NATS_OK)
        s = natsMsgHeader_Set(*msg, SAMPLE_SCHEMA_HEADER, schema);
    return s == NATS_OK ? set_traceparent(p, *msg) : s;
}

/* Counts one message in; the lock is held. */
static int enter_window(struct bus_publisher *p)
{
    if (p->in_flight >= p->window)
        while (p->in_flight > reopen_at(p)) {
            if (service_stopping())
                return -ECANCELED;
            wait_changed(p, WAIT_SLICE_NS);
        }
    p->in_flight++;
    p->stats.published++;
    return 0;
}

int bus_publish(struct bus_publisher *p, const char *subject,
                struct str payload, const char *schema)
{
    natsMsg *msg = NULL;
    if (make_msg(p, &msg, subject, payload, schema) != NATS_OK) {
        natsMsg_Destroy(msg);
        return -EINVAL;
    }
    pthread_mutex_lock(&p->lock);
    int rc = enter_window(p);
    pthread_mutex_unlock(&p->lock);
    if (rc < 0) {
        natsMsg_Destroy(msg);
        return rc;
    }
    char id[ULID_LEN + 1];
    ulid_make(id);
    send(p, msg, id);
    return 0;
}

int bus_publisher_flush(struct bus_publisher *p, int64_t wait_ns)
{
    int64_t deadline = clock_mono_ns() + wait_ns;
    pthread_mutex_lock(&p->lock);
    while (p->in_flight > 0 && (wait_ns < 0 || clock_mono_ns() < deadline))
        wait_changed(p, WAIT_SLICE_NS);
    bool done = p->in_flight == 0;
    pthread_mutex_unlock(&p->lock);
    return done ? 0 : -ETIMEDOUT;
}

void bus_publisher_stats(struct bus_publisher *p,
                         struct bus_publisher_stats *out)
{
    pthread_mutex_lock(&p->lock);
    *out = p->stats;
    pthread_mutex_unlock(&p->lock);
}

/* ---- making and ending ---- */

static natsStatus own_jetstream(struct bus_publisher *p)
{
    jsOptions options;
    jsOptions_Init(&options);
    options.PublishAsync.AckHandler = on_ack;
    options.PublishAsync.AckHandlerClosure = p;
    return natsConnection_JetStream(&p->js, p->nc, &options);
}

static void init_lock(struct bus_publisher *p)
{
    cond_init(&p->changed);
    pthread_mutex_init(&p->lock, NULL);
}

/* 32 random hexadecimal digits. */
static void make_trace(char out[TRACE_ID_LEN + 1])
{
    unsigned char random[TRACE_ID_LEN / 2];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        memset(random, 1, sizeof random); /* never so early in a boot */
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(out + 2 * i, 3, "%02x", random[i]);
}

const char *bus_publisher_trace(const struct bus_publisher *p)
{
    return p->trace;
}

struct bus_publisher *bus_publisher_new(struct bus *bus, int64_t window,
                                        struct errmsg *err)
{
    struct bus_publisher *p = mem_zalloc(sizeof *p);
    make_trace(p->trace);
    p->nc = bus_connection(bus);
    p->window = window;
    init_lock(p);
    natsStatus s = own_jetstream(p);
    if (s != NATS_OK || pthread_create(&p->thread, NULL, retry_loop, p) != 0) {
        errmsg_set(err, 0, "publisher: %s", natsStatus_GetText(s));
        jsCtx_Destroy(p->js);
        free(p);
        return NULL;
    }
    return p;
}

/* With messages still in flight the client library may be inside on_ack for
 * one of them, and does not say when it is through: what on_ack looks at then
 * stays, until the process ends. */
static struct bus_publisher *abandoned;

static void free_settled(struct bus_publisher *p)
{
    if (p->in_flight > 0) {
        abandoned = p;
        return;
    }
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

void bus_publisher_free(struct bus_publisher **pp)
{
    struct bus_publisher *p = *pp;
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->closing = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    jsCtx_Destroy(p->js);
    drop_retries(p->retries);
    p->retries = NULL;
    free_settled(p);
    *pp = NULL;
}
