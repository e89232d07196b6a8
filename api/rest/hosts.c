/* hosts: GET /api/v1/hosts. */
#include "api/respond.h"
#include "api/rest/rest.h"

static const struct db_statement statement = {
    .slot = SLOT_HOSTS,
    .name = "hosts",
    .sql = "SELECT h.hostname, c.name, count(g.id),"
           " count(g.id) FILTER (WHERE g.last_seen >= $1::timestamptz)"
           " FROM host h JOIN cluster c ON c.id = h.cluster_id"
           " LEFT JOIN gpu g ON g.host_id = h.id"
           " GROUP BY h.id, c.id"
           " ORDER BY h.hostname COLLATE \"C\", c.name COLLATE \"C\"",
};

enum { COL_HOSTNAME, COL_CLUSTER, COL_GPUS, COL_ACTIVE };

static int64_t active_of(const struct fleet *fleet, const PGresult *rows, int i)
{
    const struct fleet_host *host = fleet_find_host(
        fleet, db_str(rows, i, COL_CLUSTER), db_str(rows, i, COL_HOSTNAME));
    return host != NULL ? host->counts[FLEET_ACTIVE]
                        : db_i64(rows, i, COL_ACTIVE);
}

static void host_append(struct json_writer *w, const struct fleet *fleet,
                        const PGresult *rows, int i)
{
    json_begin_object(w);
    json_member_str(w, "hostname", db_str(rows, i, COL_HOSTNAME));
    json_member_str(w, "cluster_id", db_str(rows, i, COL_CLUSTER));
    json_member_i64(w, "total_gpus", db_i64(rows, i, COL_GPUS));
    json_member_i64(w, "active_gpus", active_of(fleet, rows, i));
    json_end_object(w);
}

static void hosts_handle(struct api_call *call)
{
    struct db_param since = respond_active_since(call);
    respond_rows(call, &statement, &since, 1, host_append);
}

static const struct api_param params[] = {PARAMS_END};

const struct api_route hosts_list = {
    .name = "listHosts",
    .method = "GET",
    .pattern = "/api/v1/hosts",
    .summary = "Every host, with the number of its GPUs",
    .params = params,
    .handle = hosts_handle,
};
