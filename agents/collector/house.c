#include "agents/collector/house.h"

#include "agents/collector/collector.h"
#include "agents/collector/database.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/service.h"

#define KEEP_HOUSE_NS NS_PER_S
#define SEEN_NS       (5 * NS_PER_S)
#define STREAM_NS     (2 * NS_PER_S)
#define RETENTION_NS  (600 * NS_PER_S)

struct house {
    struct consume *consume;
    PGconn *conn;
    int64_t seen_due, stream_due, retention_due;
    uint64_t ack_floor; /* stream sequence up to which all is acknowledged */
};

static bool due(int64_t *when, int64_t every)
{
    int64_t now = clock_mono_ns();
    if (now < *when)
        return false;
    *when = now + every;
    return true;
}

static void flush_seen(struct house *h)
{
    struct errmsg err;
    stat_set(&collector_stats[STAT_GPUS],
             (int64_t)registry_count(h->consume->registry));
    if (registry_flush_seen(h->consume->registry, h->conn, &err) != DB_OK)
        log_warn("last_seen was not written", LOG_STR("error", err.text));
}

static void drop_old_days(struct house *h)
{
    struct errmsg err;
    int dropped;
    if (partitions_drop_before(h->consume->partitions, h->conn,
                               clock_wall_ns() - settings.retention_ns,
                               &dropped, &err) != DB_OK)
        log_warn("days past the retention were not dropped",
                 LOG_STR("error", err.text));
}

/* A broker that lost its disk comes back without stream and consumer. */
static void mend_consumer(struct house *h)
{
    struct errmsg err;
    log_warn("the consumer is gone; making it again");
    if (consume_ensure(h->consume, &err) == 0)
        atomic_fetch_add(&h->consume->generation, 1);
    else
        log_error("the consumer cannot be made", LOG_STR("error", err.text));
}

static bool look_at_lag(struct house *h)
{
    jsConsumerInfo *info = NULL;
    jsErrCode code = 0;
    natsStatus s = js_GetConsumerInfo(&info, bus_jetstream(h->consume->bus),
                                      BUS_STREAM, BUS_CONSUMER, NULL, &code);
    if (code == JSStreamNotFoundErr || code == JSConsumerNotFoundErr)
        mend_consumer(h);
    if (s != NATS_OK)
        return false;
    h->ack_floor = info->AckFloor.Stream;
    stat_set(&collector_stats[STAT_PENDING], (int64_t)info->NumPending);
    stat_set(&collector_stats[STAT_ACK_PENDING], info->NumAckPending);
    stat_set(&collector_stats[STAT_REDELIVERED], info->NumRedelivered);
    jsConsumerInfo_Destroy(info);
    return true;
}

/* What stays of the acknowledged. A stream that holds less than twice that
 * would have no room left for what is to come. */
static uint64_t bytes_to_keep(const jsStreamInfo *info)
{
    int64_t most = info->Config->MaxBytes;
    int64_t keep = settings.stream_keep_bytes;
    return (uint64_t)(most > 0 && keep > most / 2 ? most / 2 : keep);
}

/* The first sequence that stays: as many bytes as are to be kept, and all that
 * is not acknowledged. 0: nothing to purge. */
static uint64_t purge_before(const struct house *h, const jsStreamInfo *info)
{
    const jsStreamState *state = &info->State;
    uint64_t keep = bytes_to_keep(info);
    if (state->Msgs == 0 || state->Bytes <= keep)
        return 0;
    uint64_t keep_messages =
        (uint64_t)((double)keep / (double)state->Bytes * (double)state->Msgs);
    uint64_t first = state->LastSeq + 1 - keep_messages;
    if (first > h->ack_floor + 1)
        first = h->ack_floor + 1;
    return first > state->FirstSeq ? first : 0;
}

static void purge(struct house *h, uint64_t first)
{
    jsOptions options;
    jsOptions_Init(&options);
    options.Stream.Purge.Sequence = first;
    jsErrCode code = 0;
    if (js_PurgeStream(bus_jetstream(h->consume->bus), BUS_STREAM, &options,
                       &code) != NATS_OK)
        log_warn("the stream was not purged", LOG_I64("err_code", code));
}

/* The state of the stream and the consumer's place in it are asked for one
 * behind the other: a place from earlier might be one of a stream that is gone,
 * and purging up to there would take from the new one what nobody has seen. */
static void look_at_stream(struct house *h)
{
    if (!bus_connected(h->consume->bus))
        return;
    jsStreamInfo *info = NULL;
    if (js_GetStreamInfo(&info, bus_jetstream(h->consume->bus), BUS_STREAM,
                         NULL, NULL) == NATS_OK)
        stat_set(&collector_stats[STAT_STREAM_BYTES],
                 (int64_t)info->State.Bytes);
    uint64_t first = 0;
    if (look_at_lag(h) && info != NULL)
        first = purge_before(h, info);
    jsStreamInfo_Destroy(info);
    if (first > 0)
        purge(h, first);
}

/* Asks the database something, so that /ready knows whether it answers. */
static void ping(struct house *h)
{
    struct errmsg err;
    if (db_exec(h->conn, "SELECT 1", &err) == DB_OK)
        atomic_store(&h->consume->answered_ns, clock_mono_ns());
}

static bool house_connected(struct house *h)
{
    if (PQstatus(h->conn) == CONNECTION_OK)
        return true;
    PQreset(h->conn);
    return PQstatus(h->conn) == CONNECTION_OK;
}

void house_keep(struct consume *consume, PGconn *conn)
{
    struct house house = {.consume = consume, .conn = conn};
    struct house *h = &house;
    ping(h);
    while (!service_wait_stop(KEEP_HOUSE_NS)) {
        if (due(&h->stream_due, STREAM_NS))
            look_at_stream(h);
        if (!house_connected(h))
            continue;
        ping(h);
        if (due(&h->seen_due, SEEN_NS))
            flush_seen(h);
        if (settings.retention_ns > 0 && due(&h->retention_due, RETENTION_NS))
            drop_old_days(h);
    }
}

void house_leave(struct consume *consume, PGconn *conn)
{
    struct house house = {.consume = consume, .conn = conn};
    if (house_connected(&house))
        flush_seen(&house);
}
