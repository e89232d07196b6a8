/* collector: what the program's parts share.
 *
 * Worker threads (consume.c) each own a pull subscription and a database
 * connection; the fleet's numbers (registry.c) and the table's partitions
 * (partition.c) are shared by all. The main thread keeps house (house.c). */
#ifndef NEXUS_COLLECTOR_H
#define NEXUS_COLLECTOR_H

#include <stdint.h>

#include "lib/bus.h"
#include "lib/pg.h"
#include "lib/stats.h"

#define BATCH_MAX   10000
#define WORKERS_MAX 64

struct settings {
    const char *id; /* COLLECTOR_ID; names the connections */
    const char *broker_url;
    const char *cluster; /* CLUSTER_ID, which REGION is said of */
    const char *region;
    const char *host; /* of /health, /ready and /metrics */
    int64_t port;
    int64_t batch;   /* messages a transaction, at most */
    int64_t poll_ns; /* wait for the first message of a batch */
    int64_t buffer;  /* messages taken and not acknowledged, all
                               collectors together */
    int64_t ack_wait_ns;
    int64_t workers;
    int64_t retention_ns;            /* 0: keep */
    struct bus_stream_limits stream; /* TELEMETRY, where it is made here */
    int64_t stream_keep_bytes;
    struct pg_settings pg;
};

extern struct settings settings;

/* The connection string made from settings.pg, before threads start. */
extern const char *conninfo;

enum {
    STAT_MESSAGES,
    STAT_ROWS,
    STAT_VALUES,
    STAT_BATCHES_COPIED,
    STAT_BATCHES_MERGED,
    STAT_WRITE_RETRIES,
    STAT_DEADLETTERS,
    STAT_LAST_COMMIT,
    STAT_GPUS,
    STAT_PENDING,
    STAT_ACK_PENDING,
    STAT_REDELIVERED,
    STAT_STREAM_BYTES,
    STAT_BATCH_SECONDS,
    STAT_COUNT
};
extern struct statistic collector_stats[STAT_COUNT + 1];

#endif
