/* telemetry: GET /api/v1/gpus/{id}/telemetry.
 *
 * One statement answers it all: no row means that there is no such GPU, one
 * row without a time that it has nothing in the range. Rows come newest first,
 * so that the limit keeps the latest, and are written oldest first. */
#include "api/gateway.h"
#include "api/respond.h"
#include "api/rest/rest.h"
#include "lib/clock.h"
#include "lib/metric.h"
#include "lib/timestamp.h"

#define TELEMETRY_LIMIT_DEFAULT "100"
#define TELEMETRY_LIMIT_MAX     10000

#define METRIC(name, dcgm, unit, title) ", t." #name
static const struct db_statement statement = {
    .slot = SLOT_TELEMETRY,
    .name = "telemetry",
    .sql = "SELECT h.hostname, g.gpu_index, g.uuid, g.device, g.model, t.ts,"
           " t.extra"
#include "schema/metrics.def"
           " FROM gpu g JOIN host h ON h.id = g.host_id"
           " LEFT JOIN LATERAL (SELECT * FROM telemetry"
           "  WHERE gpu_id = g.id AND ts >= $2::timestamptz"
           "  AND ts <= $3::timestamptz"
           "  ORDER BY ts DESC LIMIT $4::bigint) t ON true"
           " WHERE g.uuid = $1::text ORDER BY t.ts DESC",
};
#undef METRIC

enum {
    COL_HOSTNAME,
    COL_INDEX,
    COL_UUID,
    COL_DEVICE,
    COL_MODEL,
    COL_TS,
    COL_EXTRA,
    COL_METRICS /* the first of the catalogue's */
};

/* "<host>_<gpu>_<unix seconds>" */
static void id_append(struct json_writer *w, struct arena *arena,
                      const PGresult *rows, int i)
{
    struct str host = db_str(rows, i, COL_HOSTNAME);
    struct str gpu = db_str(rows, i, COL_INDEX);
    int64_t seconds = db_time(rows, i, COL_TS) / NS_PER_S;
    json_member_text(w, "telemetry_id",
                     arena_printf(arena, "%.*s_%.*s_%lld", STR_ARG(host),
                                  STR_ARG(gpu), (long long)seconds));
}

static void metrics_append(struct json_writer *w, const PGresult *rows, int i)
{
    for (int m = 0; m < METRIC_COUNT; m++) {
        json_key_str(w, metric_catalogue[m].name);
        if (db_is_null(rows, i, COL_METRICS + m))
            json_put_null(w);
        else
            json_put_double(w, db_double(rows, i, COL_METRICS + m));
    }
}

/* jsonb travels as a version byte and the JSON text. */
static void extra_append(struct json_writer *w, const PGresult *rows, int i)
{
    struct str extra = db_str(rows, i, COL_EXTRA);
    if (db_is_null(rows, i, COL_EXTRA) || extra.len < 1)
        return;
    json_key(w, "extra");
    json_put_raw(w, str_make(extra.p + 1, extra.len - 1));
}

static void entry_append(struct json_writer *w, struct arena *arena,
                         const PGresult *rows, int i)
{
    char time[TIMESTAMP_MAX];
    timestamp_format_nano(db_time(rows, i, COL_TS), time);
    json_begin_object(w);
    id_append(w, arena, rows, i);
    json_member_text(w, "timestamp", time);
    json_member_str(w, "gpu_id", db_str(rows, i, COL_INDEX));
    json_member_str(w, "uuid", db_str(rows, i, COL_UUID));
    json_member_str(w, "device", db_str(rows, i, COL_DEVICE));
    json_member_str(w, "model_name", db_str(rows, i, COL_MODEL));
    json_member_str(w, "hostname", db_str(rows, i, COL_HOSTNAME));
    metrics_append(w, rows, i);
    extra_append(w, rows, i);
    json_end_object(w);
}

static void telemetry_reply(struct api_call *call, const PGresult *rows)
{
    int count = db_is_null(rows, 0, COL_TS) ? 0 : PQntuples(rows);
    struct buf body = {0};
    struct json_writer w = respond_begin(&body, count);
    for (int i = count - 1; i >= 0; i--)
        entry_append(&w, http_arena(call->req), rows, i);
    respond_end(call, &w);
}

enum { PARAM_ID, PARAM_START, PARAM_END, PARAM_LIMIT };

static void telemetry_done(enum db_outcome outcome, const PGresult *rows,
                           void *arg)
{
    struct api_call *call = arg;
    struct str id = call->values[PARAM_ID].text;
    if (outcome != DB_OK)
        respond_db_problem(call, outcome);
    else if (PQntuples(rows) == 0)
        http_reply_problem(call->req, 404, NULL, "there is no GPU \"%.*s\"",
                           STR_ARG(id));
    else
        telemetry_reply(call, rows);
}

static int64_t bound(const struct param_value *value, int64_t open)
{
    return value->given ? value->number : open;
}

static void telemetry_handle(struct api_call *call)
{
    const struct param_value *values = call->values;
    int64_t start = bound(&values[PARAM_START], DB_TIME_MIN);
    int64_t end = bound(&values[PARAM_END], DB_TIME_MAX);
    if (start > end) {
        http_reply_problem(call->req, 400, "start_time",
                           "start_time \"%.*s\" is after end_time \"%.*s\"",
                           STR_ARG(values[PARAM_START].text),
                           STR_ARG(values[PARAM_END].text));
        return;
    }
    const struct db_param params[] = {
        {.type = DB_TEXT, .text = values[PARAM_ID].text},
        {.type = DB_TIME, .number = start},
        {.type = DB_TIME, .number = end},
        {.type = DB_INT, .number = values[PARAM_LIMIT].number},
    };
    db_query(call->gateway->db, &statement, params, 4, telemetry_done, call);
}

static const struct api_param params[] = {
    [PARAM_ID] = {.name = "id",
                  .place = PARAM_PATH,
                  .type = PARAM_TEXT,
                  .help = "UUID of the GPU"},
    [PARAM_START] = {.name = "start_time",
                     .place = PARAM_QUERY,
                     .type = PARAM_TIME,
                     .help = "earliest time, inclusive"},
    [PARAM_END] = {.name = "end_time",
                   .place = PARAM_QUERY,
                   .type = PARAM_TIME,
                   .help = "latest time, inclusive"},
    [PARAM_LIMIT] = {.name = "limit",
                     .place = PARAM_QUERY,
                     .type = PARAM_INT,
                     .initial = TELEMETRY_LIMIT_DEFAULT,
                     .min = 1,
                     .max = TELEMETRY_LIMIT_MAX,
                     .help = "entries at most: the latest of the range"},
    PARAMS_END,
};

const struct api_route gpu_telemetry = {
    .name = "getGpuTelemetry",
    .method = "GET",
    .pattern = "/api/v1/gpus/{id}/telemetry",
    .summary = "What one GPU reported, by time",
    .params = params,
    .handle = telemetry_handle,
};
