/* respond: how an API call is answered, the same for every resource. */
#ifndef NEXUS_API_RESPOND_H
#define NEXUS_API_RESPOND_H

#include "api/db.h"
#include "api/fleet/fleet.h"
#include "api/route.h"
#include "lib/json.h"

/* {"success":true,"count":N,"data":[ … ]}: what comes between the two calls is
 * the elements. */
struct json_writer respond_begin(struct buf *out, int64_t count);
void respond_end(struct api_call *call, struct json_writer *w);

/* A list from the live model: gather puts its elements in order, in the
 * arena, and returns their number; append writes one. It never waits for the
 * database, but at the start, a moment, for the fleet to be loaded. Later it
 * says what the broker's stream has told; 503 where that is not heard either. */
struct fleet_list {
    uint32_t (*gather)(const struct fleet *fleet, struct arena *arena,
                       const void ***items);
    void (*append)(struct json_writer *w, const void *item);
};
void respond_fleet(struct api_call *call, const struct fleet_list *list);

/* The fleet has been loaded: those that wait for it are answered. */
void respond_fleet_loaded(struct gateway *gateway);
/* It will not be any more: they are told so. */
void respond_fleet_stop(struct gateway *gateway);

/* For a query that did not end with DB_OK: 503, with Retry-After where trying
 * again helps, or 500. */
void respond_db_problem(struct api_call *call, enum db_outcome outcome);

#endif
