/* topic: what subscriptions with the same wish share: one log of updates, each
 * written once. Made for the first of them, gone with the last. */
#ifndef NEXUS_API_TOPIC_H
#define NEXUS_API_TOPIC_H

#include <uthash.h>

#include "api/live/event_log.h"
#include "api/live/filter.h"
#include "lib/errmsg.h"

enum topic_kind { TOPIC_TELEMETRY, TOPIC_STATUS, TOPIC_FLEET, TOPIC_KINDS };
extern const char *const topic_names[TOPIC_KINDS]; /* "telemetry" */
extern const char *const topic_types[TOPIC_KINDS]; /* "telemetry_update" */

struct topic {
    UT_hash_handle hh; /* by key */
    struct topics *topics;
    enum topic_kind kind;
    struct filter *filter; /* its own */
    struct event_log *log;
    uint32_t users;
    struct filter_feed *feed;       /* TOPIC_TELEMETRY */
    struct fleet_listener listener; /* TOPIC_STATUS */
    struct http_timer *timer;       /* TOPIC_FLEET */
    uint64_t revision;              /* of the fleet when it was last told */
    size_t key_len;
    char key[];
};

struct topics {
    struct fleet *fleet;
    struct http_server *server;
    struct topic *by_key;
    uint32_t count, count_max;
    struct event_budget budget;
    struct buf scratch;
};

/* One more user. NULL with *err when there are too many topics. */
struct topic *topic_get(struct topics *topics, enum topic_kind kind,
                        const struct filter *filter, struct errmsg *err);
void topic_put(struct topic **topic);

#endif
