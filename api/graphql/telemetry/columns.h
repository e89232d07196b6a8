/* columns: the latest values of many GPUs, metric by metric. */
#ifndef NEXUS_API_TELEMETRY_COLUMNS_H
#define NEXUS_API_TELEMETRY_COLUMNS_H

#include "api/graphql/telemetry/shared.h"

/* Of which GPUs an event of latestValues tells. */
struct columns_event {
    const struct fleet_gpu **gpus;
    uint32_t count;
};

/* Is there something to tell of it? */
static inline bool columns_take(const struct fleet_gpu *gpu)
{
    return gpu_is_known(gpu) && gpu->ts_ns != 0;
}

/* Its parent: struct columns_event. */
void resolve_columns_event(struct gql_batch *batch);

#endif
