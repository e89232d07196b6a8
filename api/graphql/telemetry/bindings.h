/* bindings: what is behind the fields of schema/telemetry.graphql.
 *
 * Lists, states and latest values come from the live model, time ranges from
 * PostgreSQL: one statement for all parents of a level. One file a noun; each
 * ends with its table. */
#ifndef NEXUS_API_TELEMETRY_BINDINGS_H
#define NEXUS_API_TELEMETRY_BINDINGS_H

#include "api/db.h"
#include "api/fleet/fleet.h"
#include "api/graphql/bind.h"
#include "lib/http.h"

struct annotations;
struct history;
struct pipeline;

/* The context of every plan and execution: one for the whole gateway, made
 * after the model and the pool. Freed after the pool (which ends what is under
 * way) and before the model and the server. */
struct api_context {
    struct fleet *fleet;
    struct db *db;
    struct http_server *server;
    struct pipeline *pipeline;
    struct annotations *annotations;
    struct history *history;
};

struct api_context *api_context_new(struct http_server *server,
                                    struct fleet *fleet, struct db *db,
                                    struct pipeline *pipeline);
void api_context_free(struct api_context **context);

/* The text of schema/telemetry.graphql, as it was when the program was built.
 * Its name is for messages. */
#define TELEMETRY_SCHEMA_NAME "telemetry.graphql"
struct str telemetry_schema_text(void);

/* The resolvers of all its fields, for gql_bind; NULL at the end. */
extern const struct gql_binding *const telemetry_bindings[];

/* Reads the schema, binds it, and checks that its metrics are those of
 * schema/metrics.def. NULL with *err, which names what does not fit. */
struct gql_schema *telemetry_schema_new(struct errmsg *err);

#endif
