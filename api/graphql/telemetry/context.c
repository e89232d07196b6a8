/* context: what all resolvers share, and their tables. */
#include <stdlib.h>

#include "api/graphql/telemetry/annotations.h"
#include "api/graphql/telemetry/history.h"
#include "api/graphql/telemetry/shared.h"
#include "lib/mem.h"

/* clang-format off */
const struct gql_binding *const telemetry_bindings[] = {
    scalar_bindings,
    node_bindings,
    fleet_bindings,
    cluster_bindings,
    host_bindings,
    gpu_bindings,
    health_bindings,
    latest_bindings,
    latest_metric_bindings,
    columns_bindings,
    history_bindings,
    telemetry_metric_bindings,
    metric_bindings,
    stats_bindings,
    connection_bindings,
    mutation_bindings,
    subscription_bindings,
    update_bindings,
    pipeline_bindings,
    data_metric_bindings,
    NULL,
};
/* clang-format on */

struct api_context *api_context_new(struct http_server *server,
                                    struct fleet *fleet, struct db *db,
                                    struct pipeline *pipeline)
{
    struct api_context *context = mem_zalloc(sizeof *context);
    context->fleet = fleet;
    context->db = db;
    context->server = server;
    context->pipeline = pipeline;
    context->annotations = annotations_new(server, fleet, db);
    context->history = history_new();
    return context;
}

void api_context_free(struct api_context **context)
{
    struct api_context *c = *context;
    *context = NULL;
    if (c == NULL)
        return;
    annotations_free(&c->annotations);
    history_free(&c->history);
    free(c);
}

struct gql_schema *telemetry_schema_new(struct errmsg *err)
{
    struct gql_schema *schema = gql_schema_new(
        telemetry_schema_text(), TELEMETRY_SCHEMA_NAME, NULL, err);
    if (schema == NULL)
        return NULL;
    metric_bindings_fill();
    if (metric_check_schema(schema, err) < 0 ||
        gql_bind(schema, telemetry_bindings, err) < 0)
        gql_schema_free(&schema);
    return schema;
}
