/* service: the GraphQL API over HTTP, WebSocket and server-sent events, at
 * /graphql; GraphiQL for browsers at the same address.
 *
 * Knows the engine (api/graphql/) and the HTTP server, nothing of the API's
 * types: schema and context are what the program hands over. */
#ifndef NEXUS_GRAPHQL_SERVICE_H
#define NEXUS_GRAPHQL_SERVICE_H

#include "api/graphql/graphql.h"
#include "api/graphql/transport/settings.h"
#include "api/graphql/transport/stats.h"
#include "api/static.h"
#include "lib/http.h"

struct graphql_service;

struct graphql_service_config {
    struct graphql_settings settings;
    struct gql_schema *schema;  /* bound; taken, also where this fails */
    struct str schema_text;     /* for who wants to read it; borrowed */
    struct static_files *files; /* where GraphiQL is; borrowed */
    struct graphql_stats stats;
    bool any_origin; /* pages of any origin may open a WebSocket */
};

/* Reads the allow-list. NULL with *err. */
struct graphql_service *
graphql_service_new(const struct graphql_service_config *config,
                    struct errmsg *err);

/* For http_config.routes. */
const struct http_route *graphql_service_routes(struct graphql_service *s);

/* The server is there; context is that of every execution. Both are borrowed
 * until graphql_service_stop. */
void graphql_service_start(struct graphql_service *service,
                           struct http_server *server, void *context);

/* Before the server or what the context holds is freed: nothing is executed any
 * more. The service itself is freed behind the server, which still has its
 * clients. */
void graphql_service_stop(struct graphql_service *service);
void graphql_service_free(struct graphql_service **service);

#endif
