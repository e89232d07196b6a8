/* node: the interface Node, which is any object by its id: a GPU's UUID, a
 * host's <cluster>/<hostname>, a cluster's name. Where an id is both, it is
 * looked for in this order. */
#include "api/graphql/telemetry/shared.h"

#define NODES_MAX 1000

static const void *node_by_id(const struct fleet *fleet, struct str id)
{
    const void *node = id.len > 0 ? fleet_find_gpu(fleet, id) : NULL;
    if (node == NULL)
        node = host_by_id(fleet, id);
    return node != NULL ? node : fleet_find_cluster(fleet, id);
}

static void resolve_node(struct gql_batch *batch)
{
    struct str id = gql_argument_str(&batch->call, "id");
    for (uint32_t i = 0; i < batch->count; i++)
        gql_batch_object(batch, i, node_by_id(fleet_of(&batch->call), id));
    gql_batch_done(batch);
}

static void give_nodes(struct gql_batch *batch, const struct names *ids)
{
    struct arena *arena = batch->call.arena;
    const void **nodes = arena_alloc(arena, (ids->count + 1) * sizeof *nodes);
    for (uint32_t i = 0; i < ids->count; i++)
        nodes[i] = node_by_id(fleet_of(&batch->call), ids->names[i]);
    for (uint32_t i = 0; i < batch->count; i++)
        gql_batch_list(batch, i, nodes, ids->count);
}

static void resolve_nodes(struct gql_batch *batch)
{
    struct names ids =
        names_of(gql_argument(&batch->call, "ids"), batch->call.arena);
    if (ids.count > NODES_MAX)
        gql_batch_fail(batch, GQL_CODE_LIMIT, "ids: %d at most, got %u",
                       NODES_MAX, (unsigned)ids.count);
    else
        give_nodes(batch, &ids);
    gql_batch_done(batch);
}

static bool is_cluster(const struct fleet *fleet, const void *object)
{
    for (uint32_t i = 0; i < fleet->cluster_count; i++)
        if (fleet->clusters[i] == object)
            return true;
    return false;
}

/* Only the model's objects are nodes. A host begins with its cluster, a GPU
 * with its host; so looking at the first pointer tells them apart. */
static const char *type_of(const void *object, void *context)
{
    const struct api_context *api = context;
    if (is_cluster(api->fleet, object))
        return "Cluster";
    const struct fleet_host *host = object;
    return is_cluster(api->fleet, host->cluster) ? "Host" : "GPU";
}

const struct gql_binding node_bindings[] = {
    {.name = "Query.node", .resolve = resolve_node},
    {.name = "Query.nodes", .resolve = resolve_nodes},
    {.name = "Node", .type_of = type_of},
    {.name = NULL},
};
