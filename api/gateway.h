/* gateway: the program's parts put together: HTTP server, routes, database,
 * the live model and its feed, figures. Everything runs on the server's one thread. */
#ifndef NEXUS_API_GATEWAY_H
#define NEXUS_API_GATEWAY_H

#include "api/db.h"
#include "api/fleet/fleet.h"
#include "api/graphql/telemetry/bindings.h"
#include "api/graphql/transport/service.h"
#include "api/live/feed.h"
#include "api/live/ws.h"
#include "api/pipeline/pipeline.h"
#include "api/pages.h"
#include "api/rest/openapi.h"
#include "api/static.h"
#include "api/stats.h"
#include "lib/health.h"
#include "lib/http.h"

struct gateway_config {
    const char *host; /* to listen on; NULL: all */
    int port;
    int64_t connections_max; /* clients; further ones wait */
    bool cors;
    const char *name;        /* of this instance, to the broker */
    int64_t silent_after_ns; /* at least so long a GPU is waited for */
    const char *broker_urls;
    const struct follow *follow; /* borrowed */
    struct ws_config ws;
    struct db_config db;
    struct graphql_settings graphql;
    const char *web_root; /* of the pages; NULL: "web" beside the program */
};

struct gateway {
    struct gateway_config config;
    struct gateway_stats *stats;
    struct health health;
    struct health_check checks[3];
    struct http_route *routes;
    const struct http_route *tables[7];
    struct http_server *server;
    struct db *db;
    struct fleet *fleet;
    struct fleet_waiter *waiters; /* lists, for the fleet to be loaded */
    int64_t started_ns;           /* mono */
    struct feed *feed;
    struct pipeline *pipeline;
    struct ws *ws; /* NULL: turned off */
    struct http_route ws_routes[2];
    struct static_files *files;
    struct pages *pages;
    struct openapi *openapi;
    struct graphql_service *graphql; /* NULL: turned off */
    struct api_context *context;     /* of GraphQL's executions */
};

/* Listens. NULL with *err. */
struct gateway *gateway_new(const struct gateway_config *config,
                            struct errmsg *err);

/* Serves until the service is asked to stop (lib/service.h), then answers what
 * is due. */
void gateway_run(struct gateway *gateway);
void gateway_free(struct gateway **gateway);

#endif
