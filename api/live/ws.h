/* ws: the WebSocket at /ws, for clients that want updates and no GraphQL. Its
 * protocol is in docs/websocket.md. */
#ifndef NEXUS_API_WS_H
#define NEXUS_API_WS_H

#include "api/fleet/fleet.h"
#include "api/live/feed.h"
#include "lib/http.h"
#include "lib/stats.h"

#define WS_SUBSCRIPTIONS_MAX 1000 /* of one connection, the most to be set */

struct ws_stats {
    struct statistic *connections, *subscriptions, *topics; /* gauges */
    struct statistic *kept_bytes;
    struct statistic *updates, *missed, *refused; /* counters */
};

struct ws_config {
    bool enabled;
    int64_t subscriptions_max; /* of one connection */
    int64_t message_max;       /* bytes of a client's message */
    int64_t kept_max;          /* bytes of updates kept for slow clients */
    bool any_origin;           /* pages of any origin may connect */
    struct ws_stats stats;
};

struct ws;

struct ws *ws_new(struct http_server *server, struct fleet *fleet,
                  struct feed *feed, const struct ws_config *config);
void ws_free(struct ws **ws); /* before feed and fleet, and the server */

/* Handles GET /ws. */
void ws_open(struct ws *ws, struct http_request *req);
void ws_refresh_stats(struct ws *ws); /* sets the gauges */

#endif
