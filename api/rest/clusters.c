/* clusters: GET /api/v1/clusters. A cluster is known by its name: that is its
 * id in paths and subjects, too. */
#include "api/respond.h"
#include "api/rest/rest.h"

static uint32_t clusters_gather(const struct fleet *fleet, struct arena *arena,
                                const void ***items)
{
    *items = arena_alloc(arena, (fleet->cluster_count + 1) * sizeof **items);
    for (uint32_t i = 0; i < fleet->cluster_count; i++)
        (*items)[i] = fleet->clusters[i];
    return fleet->cluster_count;
}

static void counts_append(struct json_writer *w,
                          const struct fleet_cluster *cluster)
{
    int64_t gpus = 0, active_hosts = 0;
    for (uint32_t i = 0; i < cluster->host_count; i++) {
        gpus += rest_gpus_of(cluster->hosts[i]);
        active_hosts += cluster->hosts[i]->counts[FLEET_ACTIVE] > 0;
    }
    json_begin_object(w);
    json_member_i64(w, "total_hosts", cluster->host_count);
    json_member_i64(w, "total_gpus", gpus);
    json_member_i64(w, "active_hosts", active_hosts);
    json_member_i64(w, "active_gpus", cluster->counts[FLEET_ACTIVE]);
    json_end_object(w);
}

static void cluster_append(struct json_writer *w, const void *item)
{
    const struct fleet_cluster *cluster = item;
    json_begin_object(w);
    json_key(w, "cluster_id");
    json_put_raw(w, cluster->json_name);
    json_key(w, "cluster_name");
    json_put_raw(w, cluster->json_name);
    json_key(w, "region");
    if (cluster->region.p == NULL)
        json_put_null(w);
    else
        json_put_str(w, cluster->region);
    json_key(w, "metadata");
    counts_append(w, cluster);
    json_end_object(w);
}

static void clusters_handle(struct api_call *call)
{
    static const struct fleet_list list = {clusters_gather, cluster_append};
    respond_fleet(call, &list);
}

static const struct api_object counts_object = {
    .name = "ClusterCounts",
    .help = "Its hosts and GPUs",
    .fields =
        (const struct api_field[]){
            {.name = "total_hosts",
             .type = FIELD_COUNT,
             .help = "hosts that ever reported"},
            {.name = "total_gpus",
             .type = FIELD_COUNT,
             .help = "GPUs that ever reported"},
            {.name = "active_hosts",
             .type = FIELD_COUNT,
             .help = "hosts with an active GPU"},
            {.name = "active_gpus",
             .type = FIELD_COUNT,
             .help = "GPUs that report as they should"},
            FIELDS_END,
        },
};

static const struct api_object cluster_object = {
    .name = "Cluster",
    .help = "A cluster",
    .fields =
        (const struct api_field[]){
            {.name = "cluster_id",
             .type = FIELD_TEXT,
             .help = "its name, which is its id",
             .example = "local"},
            {.name = "cluster_name",
             .type = FIELD_TEXT,
             .help = "its name",
             .example = "local"},
            {.name = "region",
             .type = FIELD_TEXT,
             .nullable = true,
             .help = "where it is, if that was told"},
            {.name = "metadata",
             .type = FIELD_OBJECT,
             .object = &counts_object},
            FIELDS_END,
        },
};

static const struct api_param params[] = {PARAMS_END};

const struct api_route clusters_list = {
    .name = "listClusters",
    .method = "GET",
    .pattern = "/api/v1/clusters",
    .summary = "Every cluster, with the number of its hosts and GPUs",
    .tag = "fleet",
    .params = params,
    .element = &cluster_object,
    .handle = clusters_handle,
};
