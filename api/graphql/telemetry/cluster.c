/* cluster: the type Cluster. */
#include "api/graphql/telemetry/selection.h"
#include "api/graphql/telemetry/stats.h"

/* ---- leaves ---- */

static void write_name(struct gql_out *out, const void *object)
{
    const struct fleet_cluster *cluster = object;
    json_put_raw(&out->json, cluster->json_name);
}

static void write_region(struct gql_out *out, const void *object)
{
    const struct fleet_cluster *cluster = object;
    write_str_or_null(out, cluster->region);
}

static void write_total_hosts(struct gql_out *out, const void *object)
{
    const struct fleet_cluster *cluster = object;
    json_put_i64(&out->json, cluster->host_count);
}

static void write_total_gpus(struct gql_out *out, const void *object)
{
    const struct fleet_cluster *cluster = object;
    int64_t known = 0;
    for (uint32_t i = 0; i < cluster->host_count; i++)
        known += host_known_gpus(cluster->hosts[i]);
    json_put_i64(&out->json, known);
}

static void write_active_hosts(struct gql_out *out, const void *object)
{
    const struct fleet_cluster *cluster = object;
    int64_t active = 0;
    for (uint32_t i = 0; i < cluster->host_count; i++)
        active += cluster->hosts[i]->counts[FLEET_ACTIVE] > 0;
    json_put_i64(&out->json, active);
}

static void write_active_gpus(struct gql_out *out, const void *object)
{
    const struct fleet_cluster *cluster = object;
    json_put_i64(&out->json, cluster->counts[FLEET_ACTIVE]);
}

/* ---- objects ---- */

static void resolve_status_counts(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct fleet_cluster *cluster = batch->parents[i];
        gql_batch_object(batch, i, cluster->counts);
    }
    gql_batch_done(batch);
}

static void resolve_hosts(struct gql_batch *batch)
{
    resolve_lists(batch, hosts_of_cluster);
}

static void resolve_gpus(struct gql_batch *batch)
{
    resolve_lists(batch, gpus_of_cluster);
}

static void resolve_statistics(struct gql_batch *batch)
{
    resolve_stats(batch, gpus_of_cluster);
}

/* ---- Query.clusters, Query.cluster ---- */

static void resolve_clusters(struct gql_batch *batch)
{
    const struct fleet *fleet = fleet_of(&batch->call);
    for (uint32_t i = 0; i < batch->count; i++)
        gql_batch_list(batch, i, (const void *const *)fleet->clusters,
                       fleet->cluster_count);
    gql_batch_done(batch);
}

static void resolve_cluster(struct gql_batch *batch)
{
    struct str id = gql_argument_str(&batch->call, "id");
    for (uint32_t i = 0; i < batch->count; i++)
        gql_batch_object(batch, i,
                         fleet_find_cluster(fleet_of(&batch->call), id));
    gql_batch_done(batch);
}

const struct gql_binding cluster_bindings[] = {
    {.name = "Query.clusters", .resolve = resolve_clusters},
    {.name = "Query.cluster", .resolve = resolve_cluster},
    {.name = "Cluster.id", .write = write_name},
    {.name = "Cluster.name", .write = write_name},
    {.name = "Cluster.region", .write = write_region},
    {.name = "Cluster.asOf", .write = write_as_of},
    {.name = "Cluster.totalHosts", .write = write_total_hosts},
    {.name = "Cluster.totalGPUs", .write = write_total_gpus},
    {.name = "Cluster.activeHosts", .write = write_active_hosts},
    {.name = "Cluster.activeGPUs", .write = write_active_gpus},
    {.name = "Cluster.statusCounts", .resolve = resolve_status_counts},
    {.name = "Cluster.hosts", .resolve = resolve_hosts},
    {.name = "Cluster.gpus", .resolve = resolve_gpus},
    {.name = "Cluster.statistics", .resolve = resolve_statistics},
    {.name = NULL},
};
