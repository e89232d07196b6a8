/* fleet: the GPUs that a filter takes, in figures. */
#ifndef NEXUS_API_TELEMETRY_FLEET_H
#define NEXUS_API_TELEMETRY_FLEET_H

#include "api/graphql/telemetry/selection.h"

struct fleet_view {
    const struct fleet *fleet;
    struct scope scope; /* in the model's order */
    uint32_t statuses;  /* bits: whose values go into statistics */
    uint32_t clusters, hosts, active_hosts;
    uint32_t known; /* GPUs, without places whose GPU was never seen */
    uint32_t counts[FLEET_STATUS_COUNT];
};

/* Memory is the call's. */
const struct fleet_view *fleet_view_new(const struct gql_call *call,
                                        const struct gpu_filter *filter);

#endif
