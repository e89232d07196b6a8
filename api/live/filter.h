/* filter: which GPUs, and which of their metrics, somebody wants to hear of.
 * The same for /ws and GraphQL subscriptions. */
#ifndef NEXUS_API_FILTER_H
#define NEXUS_API_FILTER_H

#include "api/fleet/fleet.h"

#define FILTER_GPUS_MAX 256

struct filter {
    struct str cluster;      /* p NULL: any */
    struct str host;         /* name; p NULL: any */
    const struct str *gpus;  /* UUIDs; */
    uint32_t gpu_count;      /* 0: any */
    uint64_t metrics;        /* bits: updates without any of them are left out;
                               0: all are wanted */
    int64_t min_interval_ns; /* between two updates of one GPU; 0: all */
};

/* A copy, texts and all, in one block: free it. */
struct filter *filter_copy(const struct filter *filter);

/* For a listener that looks at what it is told with filter_takes. */
struct fleet_scope filter_scope(const struct filter *filter);

bool filter_takes(const struct filter *filter, const struct fleet_gpu *gpu);
bool filter_lists(const struct filter *filter, struct str uuid);

/* Appends the broker's subjects that hold what it takes, e.g.
 * telemetry.local.*.GPU-1; calls add for each. For a consumer of the stream. */
void filter_subjects(const struct filter *filter,
                     void (*add)(const char *subject, void *arg), void *arg);

/* A stream of the updates it takes, min_interval_ns kept: of what comes too
 * soon the newest is given when the interval is over. */
struct filter_feed;
typedef void (*filter_feed_fn)(const struct fleet_update *update, void *arg);

/* Copies the filter. `update` is good during the call (a held-back one has a
 * copy of its sample). */
struct filter_feed *filter_feed_new(struct fleet *fleet,
                                    struct http_server *server,
                                    const struct filter *filter,
                                    filter_feed_fn fn, void *arg);
/* During fn: all up to this sequence has been given, but for what is held of
 * other GPUs, which begins behind it. */
uint64_t filter_feed_resume(const struct filter_feed *feed);
void filter_feed_free(struct filter_feed **feed);

#endif
