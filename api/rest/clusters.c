/* clusters: GET /api/v1/clusters. A cluster is known by its name: that is its
 * id in paths and subjects, too. */
#include "api/respond.h"
#include "api/rest/rest.h"

static const struct db_statement statement = {
    .slot = SLOT_CLUSTERS,
    .name = "clusters",
    .sql = "SELECT c.name, c.region, count(DISTINCT h.id), count(g.id),"
           " count(DISTINCT h.id)"
           " FILTER (WHERE g.last_seen >= $1::timestamptz),"
           " count(g.id) FILTER (WHERE g.last_seen >= $1::timestamptz)"
           " FROM cluster c LEFT JOIN host h ON h.cluster_id = c.id"
           " LEFT JOIN gpu g ON g.host_id = h.id"
           " GROUP BY c.id ORDER BY c.name COLLATE \"C\"",
};

enum {
    COL_NAME,
    COL_REGION,
    COL_HOSTS,
    COL_GPUS,
    COL_ACTIVE_HOSTS,
    COL_ACTIVE_GPUS
};

static int64_t active_gpus(const struct fleet_cluster *cluster,
                           const PGresult *rows, int i)
{
    return cluster != NULL ? cluster->counts[FLEET_ACTIVE]
                           : db_i64(rows, i, COL_ACTIVE_GPUS);
}

static int64_t active_hosts(const struct fleet_cluster *cluster,
                            const PGresult *rows, int i)
{
    int64_t n = 0;
    if (cluster == NULL)
        return db_i64(rows, i, COL_ACTIVE_HOSTS);
    for (uint32_t h = 0; h < cluster->host_count; h++)
        n += cluster->hosts[h]->counts[FLEET_ACTIVE] > 0;
    return n;
}

static void cluster_append(struct json_writer *w, const struct fleet *fleet,
                           const PGresult *rows, int i)
{
    const struct fleet_cluster *cluster =
        fleet_find_cluster(fleet, db_str(rows, i, COL_NAME));
    json_begin_object(w);
    json_member_str(w, "cluster_id", db_str(rows, i, COL_NAME));
    json_member_str(w, "cluster_name", db_str(rows, i, COL_NAME));
    json_key(w, "region");
    if (db_is_null(rows, i, COL_REGION))
        json_put_null(w);
    else
        json_put_str(w, db_str(rows, i, COL_REGION));
    json_key(w, "metadata");
    json_begin_object(w);
    json_member_i64(w, "total_hosts", db_i64(rows, i, COL_HOSTS));
    json_member_i64(w, "total_gpus", db_i64(rows, i, COL_GPUS));
    json_member_i64(w, "active_hosts", active_hosts(cluster, rows, i));
    json_member_i64(w, "active_gpus", active_gpus(cluster, rows, i));
    json_end_object(w);
    json_end_object(w);
}

static void clusters_handle(struct api_call *call)
{
    struct db_param since = respond_active_since(call);
    respond_rows(call, &statement, &since, 1, cluster_append);
}

static const struct api_param params[] = {PARAMS_END};

const struct api_route clusters_list = {
    .name = "listClusters",
    .method = "GET",
    .pattern = "/api/v1/clusters",
    .summary = "Every cluster, with the number of its hosts and GPUs",
    .params = params,
    .handle = clusters_handle,
};
