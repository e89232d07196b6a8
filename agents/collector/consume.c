#include "agents/collector/consume.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agents/collector/batch.h"
#include "agents/collector/collector.h"
#include "agents/collector/deadletter.h"
#include "agents/collector/sink.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/service.h"

#define RETRY_NS     (200 * NS_PER_MS)
#define COMPLAINT_NS (10 * NS_PER_S)
#define NAK_DELAY_MS 5000
#define MAX_DELIVER  (-1) /* no message is given up */

/* A message and what became of it. */
struct delivery {
    natsMsg *msg;
    struct sample *sample; /* NULL: it went to the dead letters */
    int64_t revision;
};

struct worker {
    struct consume *shared;
    int number;
    pthread_t thread;
    natsSubscription *sub;
    int generation;
    PGconn *conn;
    struct sink sink;
    int64_t complaint_due; /* mono */
    struct arena arena;    /* of one batch */
    struct delivery deliveries[BATCH_MAX];
    size_t count;
};

/* ---- the stream's side ---- */

static int ensure_consumer(struct bus *bus, struct errmsg *err)
{
    jsConsumerInfo *info = NULL;
    jsErrCode code = 0;
    jsCtx *js = bus_jetstream(bus);
    natsStatus s =
        js_GetConsumerInfo(&info, js, BUS_STREAM, BUS_CONSUMER, NULL, &code);
    jsConsumerInfo_Destroy(info);
    if (s == NATS_NOT_FOUND) {
        jsConsumerConfig config;
        jsConsumerConfig_Init(&config);
        config.Durable = BUS_CONSUMER;
        config.AckPolicy = js_AckExplicit;
        config.AckWait = settings.ack_wait_ns;
        config.MaxAckPending = settings.buffer;
        config.MaxDeliver = MAX_DELIVER;
        s = js_AddConsumer(NULL, js, BUS_STREAM, &config, NULL, &code);
    }
    if (s == NATS_OK)
        return 0;
    return errmsg_set(err, -EIO, "consumer %s: %s (err_code %d)", BUS_CONSUMER,
                      natsStatus_GetText(s), (int)code);
}

int consume_ensure(struct consume *c, struct errmsg *err)
{
    int rc = bus_ensure_stream(c->bus, BUS_STREAM, SAMPLE_SUBJECTS,
                               &settings.stream, err);
    if (rc == 0)
        rc = deadletter_ensure(c->bus, err);
    return rc == 0 ? ensure_consumer(c->bus, err) : rc;
}

static bool subscribe(struct worker *w)
{
    natsSubscription_Destroy(w->sub);
    w->sub = NULL;
    w->generation = atomic_load(&w->shared->generation);
    jsSubOptions options;
    jsSubOptions_Init(&options);
    options.Stream = BUS_STREAM;
    options.Consumer = BUS_CONSUMER;
    jsErrCode code = 0;
    natsStatus s = js_PullSubscribe(&w->sub, bus_jetstream(w->shared->bus),
                                    NULL, NULL, NULL, &options, &code);
    if (s == NATS_OK)
        return true;
    log_warn("cannot subscribe; trying again", LOG_I64("worker", w->number),
             LOG_STR("error", natsStatus_GetText(s)),
             LOG_I64("err_code", code));
    return false;
}

static bool subscribed(struct worker *w)
{
    return (w->sub != NULL &&
            w->generation == atomic_load(&w->shared->generation)) ||
           subscribe(w);
}

/* What is there now, or the first to come within the poll interval. */
static void fetch(struct worker *w)
{
    jsFetchRequest request;
    jsFetchRequest_Init(&request);
    request.Batch = (int)settings.batch;
    request.NoWait = true;
    request.Expires = settings.poll_ns;
    natsMsgList list;
    natsStatus s = natsSubscription_FetchRequest(&list, w->sub, &request);
    if (s != NATS_OK) {
        if (s != NATS_TIMEOUT && s != NATS_NOT_FOUND)
            service_wait_stop(RETRY_NS);
        return;
    }
    assert(list.Count <= BATCH_MAX);
    for (int i = 0; i < list.Count; i++)
        w->deliveries[i] = (struct delivery){.msg = list.Msgs[i]};
    w->count = (size_t)list.Count;
    list.Count = 0; /* the messages are ours now, the list is not */
    natsMsgList_Destroy(&list);
}

/* The acknowledgements leave the client library's buffer together, soon. */
static void acknowledge(struct worker *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->deliveries[i].msg != NULL)
            natsMsg_Ack(w->deliveries[i].msg, NULL);
}

static void drop_messages(struct worker *w)
{
    for (size_t i = 0; i < w->count; i++)
        natsMsg_Destroy(w->deliveries[i].msg);
    w->count = 0;
}

/* ---- messages that cannot be stored ---- */

/* It leaves the stream's work once the dead letters have it; till then it
 * comes back after a while. */
static void bury(struct worker *w, struct delivery *d, const char *reason,
                 const char *detail)
{
    struct errmsg err;
    const char *trace = NULL;
    natsMsgHeader_Get(d->msg, "traceparent", &trace);
    log_warn("a message went to the dead letters", LOG_STR("reason", reason),
             LOG_STR("detail", detail),
             LOG_STR("subject", natsMsg_GetSubject(d->msg)),
             LOG_STR("traceparent", trace));
    if (deadletter_publish(w->shared->bus, d->msg, reason, detail, &err) == 0) {
        stat_add(&collector_stats[STAT_DEADLETTERS], 1);
        natsMsg_Term(d->msg, NULL);
    } else {
        log_error("the dead letters do not take it; it will come again",
                  LOG_STR("error", err.text));
        natsMsg_NakWithDelay(d->msg, NAK_DELAY_MS, NULL);
    }
    natsMsg_Destroy(d->msg);
    *d = (struct delivery){0};
}

static int stream_time(natsMsg *msg, int64_t *ns)
{
    jsMsgMetaData *meta = NULL;
    if (natsMsg_GetMetaData(&meta, msg) != NATS_OK)
        return -EINVAL;
    *ns = meta->Timestamp;
    jsMsgMetaData_Destroy(meta);
    return 0;
}

static void decode(struct worker *w, struct delivery *d)
{
    struct errmsg err;
    struct sample *s = arena_alloc(&w->arena, sizeof *s);
    struct str text = str_make(natsMsg_GetData(d->msg),
                               (size_t)natsMsg_GetDataLength(d->msg));
    int rc = sample_decode(text, &w->arena, s, &err);
    if (rc == 0 && stream_time(d->msg, &d->revision) < 0)
        rc = errmsg_set(&err, -EINVAL, "not from a stream");
    if (rc == 0)
        d->sample = s;
    else
        bury(w, d, rc == -ENOTSUP ? "version" : "malformed", err.text);
}

/* ---- the database's side ---- */

static void disconnect(struct worker *w)
{
    if (w->conn == NULL)
        return;
    atomic_fetch_sub(&w->shared->databases_up, 1);
    PQfinish(w->conn);
    w->conn = NULL;
}

static bool connected(struct worker *w)
{
    if (w->conn != NULL && PQstatus(w->conn) == CONNECTION_OK)
        return true;
    disconnect(w);
    w->conn = db_connect_waiting(conninfo);
    w->sink.conn = w->conn;
    if (w->conn != NULL)
        atomic_fetch_add(&w->shared->databases_up, 1);
    return w->conn != NULL;
}

static enum db_result ensure_partitions(struct worker *w,
                                        struct delivery *const *which,
                                        size_t count, struct errmsg *err)
{
    enum db_result rc = DB_OK;
    for (size_t i = 0; i < count && rc == DB_OK; i++)
        rc = partitions_ensure(w->shared->partitions, w->conn,
                               which[i]->sample->ts_ns, err);
    return rc;
}

static enum db_result resolve(struct worker *w, struct delivery *const *which,
                              size_t count, struct row *rows,
                              struct errmsg *err)
{
    const struct sample **samples =
        arena_alloc(&w->arena, count * sizeof(const struct sample *));
    int32_t *ids = arena_alloc(&w->arena, count * sizeof *ids);
    for (size_t i = 0; i < count; i++)
        samples[i] = which[i]->sample;
    enum db_result rc = registry_resolve(w->shared->registry, w->conn, samples,
                                         count, ids, err);
    for (size_t i = 0; i < count && rc == DB_OK; i++)
        rows[i] = (struct row){.gpu_id = ids[i],
                               .ts_us = samples[i]->ts_ns / NS_PER_US,
                               .revision = which[i]->revision,
                               .sample = samples[i]};
    return rc;
}

static enum db_result write_once(struct worker *w,
                                 struct delivery *const *which, size_t count,
                                 struct errmsg *err)
{
    struct batch batch = {
        .rows = arena_alloc(&w->arena, count * sizeof *batch.rows),
        .count = count,
    };
    enum db_result rc = resolve(w, which, count, batch.rows, err);
    if (rc == DB_OK)
        rc = ensure_partitions(w, which, count, err);
    if (rc != DB_OK)
        return rc;
    batch_merge(&batch, &w->arena);
    rc = sink_write(&w->sink, &batch, err);
    if (rc == DB_OK) {
        stat_add(&collector_stats[STAT_ROWS], (int64_t)batch.count);
        stat_add(&collector_stats[STAT_VALUES], batch_values(&batch));
        stat_set(&collector_stats[STAT_LAST_COMMIT],
                 clock_wall_ns() / NS_PER_S);
    }
    return rc;
}

/* Waits a moment; false when the service stops. One warning in COMPLAINT_NS. */
static bool wait_to_retry(struct worker *w, const struct errmsg *err)
{
    stat_add(&collector_stats[STAT_WRITE_RETRIES], 1);
    int64_t now = clock_mono_ns();
    if (now >= w->complaint_due) {
        w->complaint_due = now + COMPLAINT_NS;
        log_warn("a batch was not written; trying again",
                 LOG_I64("worker", w->number), LOG_STR("error", err->text));
    }
    partitions_forget(w->shared->partitions);
    return !service_wait_stop(RETRY_NS);
}

/* Tries until the database has taken or refused it; DB_RETRY only when the
 * service stops. */
static enum db_result write_waiting(struct worker *w,
                                    struct delivery *const *which, size_t count,
                                    struct errmsg *err)
{
    enum db_result rc = DB_RETRY;
    bool stuck = false;
    while (connected(w)) {
        rc = write_once(w, which, count, err);
        if (rc != DB_RETRY)
            break;
        if (!stuck)
            atomic_fetch_add(&w->shared->stuck, 1);
        stuck = true;
        if (!wait_to_retry(w, err))
            break;
    }
    if (stuck)
        atomic_fetch_sub(&w->shared->stuck, 1);
    return rc;
}

/* A batch the database refuses is halved until the message at fault stands
 * alone; the others are written. At most log2(BATCH_MAX) deep. False: the
 * service stopped before it was through. */
static bool write_or_bury(struct worker *w, struct delivery *const *which,
                          size_t count)
{
    struct errmsg err;
    if (count == 0)
        return true;
    enum db_result rc = write_waiting(w, which, count, &err);
    if (rc != DB_REFUSED)
        return rc == DB_OK;
    if (count == 1) {
        bury(w, which[0], "refused", err.text);
        return true;
    }
    size_t half = count / 2;
    return write_or_bury(w, which, half) &&
           write_or_bury(w, which + half, count - half);
}

/* ---- the loop ---- */

static void process(struct worker *w)
{
    int64_t start = clock_mono_ns();
    struct delivery **good =
        arena_alloc(&w->arena, w->count * sizeof(struct delivery *));
    size_t count = 0;
    for (size_t i = 0; i < w->count; i++) {
        decode(w, &w->deliveries[i]);
        if (w->deliveries[i].sample != NULL)
            good[count++] = &w->deliveries[i];
    }
    if (write_or_bury(w, good, count)) {
        acknowledge(w);
        stat_add(&collector_stats[STAT_MESSAGES], (int64_t)w->count);
        stat_observe_ns(&collector_stats[STAT_BATCH_SECONDS],
                        clock_mono_ns() - start);
    }
    drop_messages(w);
    arena_reset(&w->arena);
}

static void *run(void *arg)
{
    struct worker *w = arg;
    while (!service_stopping()) {
        if (!connected(w))
            break;
        if (!subscribed(w)) {
            service_wait_stop(RETRY_NS);
            continue;
        }
        fetch(w);
        if (w->count > 0)
            process(w);
    }
    natsSubscription_Destroy(w->sub);
    disconnect(w);
    sink_fini(&w->sink);
    arena_fini(&w->arena);
    return NULL;
}

struct worker *worker_start(struct consume *c, int number, struct errmsg *err)
{
    struct worker *w = mem_zalloc(sizeof *w);
    w->shared = c;
    w->number = number;
    int rc = pthread_create(&w->thread, NULL, run, w);
    if (rc != 0) {
        errmsg_set(err, -rc, "a worker's thread: %s", strerror(rc));
        free(w);
        return NULL;
    }
    return w;
}

void worker_join(struct worker **wp)
{
    if (*wp == NULL)
        return;
    pthread_join((*wp)->thread, NULL);
    free(*wp);
    *wp = NULL;
}
