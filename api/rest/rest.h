/* rest: the resources. One file each: its routes, its statement where it has
 * one, how an element becomes JSON. */
#ifndef NEXUS_API_REST_REST_H
#define NEXUS_API_REST_REST_H

#include "api/db.h"
#include "api/fleet/fleet.h"
#include "api/route.h"

extern const struct api_route clusters_list;
extern const struct api_route hosts_list;
extern const struct api_route gpus_list;
extern const struct api_route gpu_telemetry;

/* A host's GPUs as lists count them: a place whose GPU was never seen is none. */
int64_t rest_gpus_of(const struct fleet_host *host);

/* Slots of the statements: see db_statement. 0 and 1 are the pool's own. */
enum rest_slot {
    SLOT_GPU = 2,
    SLOT_TELEMETRY,
    SLOT_FLEET,
    SLOT_ANNOTATIONS,
    SLOT_SET_LABELS,
    SLOT_SET_MAINTENANCE
};

#endif
