/* health: GET /health, /ready and /metrics, the same in every program.
 *
 * /health answers 200 while the process lives. /ready answers 200 when every
 * check passes that has to, else 503; the body names each check:
 *     {"status":"ready","service":"nexus-collector","version":"0.1.0",
 *      "checks":{"broker":"ok","database":"connection refused"}} */
#ifndef NEXUS_HEALTH_H
#define NEXUS_HEALTH_H

#include <stdbool.h>

#include "lib/errmsg.h"
#include "lib/http.h"
#include "lib/stats.h"

struct health_check {
    const char *name; /* NULL ends the list */
    /* True when well; else *why says what is wrong. Called on the HTTP thread;
     * must not block. */
    bool (*check)(void *arg, struct errmsg *why);
    void *arg;
    bool told; /* its failure is told, and no reason not to be asked */
};

struct health {
    const char *service;
    const struct health_check *checks;
    struct statistic *stats;
    void (*refresh)(void *arg); /* before /metrics prints; or NULL */
    void *refresh_arg;
    struct http_route routes[4]; /* filled by health_routes */
};

/* The three routes, for http_config.routes; health must outlive the server. */
const struct http_route *health_routes(struct health *health);

#endif
