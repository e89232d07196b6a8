/* stats: one metric over the latest values of many GPUs. */
#ifndef NEXUS_API_TELEMETRY_STATS_H
#define NEXUS_API_TELEMETRY_STATS_H

#include "api/graphql/telemetry/selection.h"

struct metric_stats {
    enum metric metric;
    double *values; /* of those that reported it */
    uint32_t count;
    bool sorted;
    double sum, min, max;
    const struct fleet_gpu *min_gpu, *max_gpu;
};

/* Those whose values are of now. */
#define STATS_ACTIVE (UINT32_C(1) << FLEET_ACTIVE)

/* Over the GPUs of a list that are in one of the states (bits). Memory is the
 * arena's. */
struct metric_stats *stats_new(struct arena *arena, const struct scope *scope,
                               uint32_t statuses, enum metric metric);

/* Between two values interpolated, as percentile_cont does. count > 0. */
double stats_percentile(struct metric_stats *stats, double percent);
double stats_deviation(const struct metric_stats *stats);

struct histogram_bucket {
    double from, to;
    uint32_t count;
};

/* Equal parts of from…to. */
struct histogram_bucket *stats_histogram(const struct metric_stats *stats,
                                         struct arena *arena, uint32_t buckets,
                                         double from, double to);

/* Gives all parents their `statistics(metrics:)`, of active GPUs. */
void resolve_stats(struct gql_batch *batch, scope_fn scope_of);

/* The same of one. */
void stats_give(struct gql_batch *batch, uint32_t parent,
                const struct scope *scope, uint32_t statuses);

#endif
