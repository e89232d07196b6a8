/* gpus: GET /api/v1/gpus. */
#include "api/respond.h"
#include "api/rest/rest.h"

/* A shorter number is a smaller one, so length and text order by number. */
static const struct db_statement statement = {
    .slot = SLOT_GPUS,
    .name = "gpus",
    .sql = "SELECT g.gpu_index, g.uuid, h.hostname, g.model, g.device,"
           " (g.last_seen >= $1::timestamptz)::int::bigint"
           " FROM gpu g JOIN host h ON h.id = g.host_id"
           " ORDER BY h.hostname COLLATE \"C\", length(g.gpu_index),"
           " g.gpu_index COLLATE \"C\", g.uuid COLLATE \"C\"",
};

enum { COL_INDEX, COL_UUID, COL_HOSTNAME, COL_MODEL, COL_DEVICE, COL_ACTIVE };

static const char *status_of(const struct fleet *fleet, const PGresult *rows,
                             int i)
{
    const struct fleet_gpu *gpu =
        fleet_find_gpu(fleet, db_str(rows, i, COL_UUID));
    if (gpu != NULL)
        return fleet_status_names[gpu->status];
    return db_i64(rows, i, COL_ACTIVE) != 0 ? "active" : "silent";
}

static void gpu_append(struct json_writer *w, const struct fleet *fleet,
                       const PGresult *rows, int i)
{
    json_begin_object(w);
    json_member_str(w, "id", db_str(rows, i, COL_INDEX));
    json_member_str(w, "uuid", db_str(rows, i, COL_UUID));
    json_member_str(w, "hostname", db_str(rows, i, COL_HOSTNAME));
    json_member_str(w, "name", db_str(rows, i, COL_MODEL));
    json_member_str(w, "device", db_str(rows, i, COL_DEVICE));
    json_member_text(w, "status", status_of(fleet, rows, i));
    json_end_object(w);
}

static void gpus_handle(struct api_call *call)
{
    struct db_param since = respond_active_since(call);
    respond_rows(call, &statement, &since, 1, gpu_append);
}

static const struct api_param params[] = {PARAMS_END};

const struct api_route gpus_list = {
    .name = "listGpus",
    .method = "GET",
    .pattern = "/api/v1/gpus",
    .summary = "Every GPU, by host and index",
    .params = params,
    .handle = gpus_handle,
};
