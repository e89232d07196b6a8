/* telemetry: GET /api/v1/gpus/{id}/telemetry.
 *
 * Two queries, one after the other: which GPU is meant (its names are the same
 * in every entry), then its rows. Those come newest first, so that the limit
 * keeps the latest, and are written oldest first. */
#include "api/gateway.h"
#include "api/respond.h"
#include "api/rest/rest.h"
#include "lib/clock.h"
#include "lib/metric.h"
#include "lib/timestamp.h"

#define TELEMETRY_LIMIT_DEFAULT "100"
#define TELEMETRY_LIMIT_MAX     10000

static const struct db_statement gpu_statement = {
    .slot = SLOT_GPU,
    .name = "gpu",
    .sql = "SELECT g.id::bigint, h.hostname, g.gpu_index, g.uuid, g.device,"
           " g.model FROM gpu g JOIN host h ON h.id = g.host_id"
           " WHERE g.uuid = $1::text",
};

enum { COL_ID, COL_HOSTNAME, COL_INDEX, COL_UUID, COL_DEVICE, COL_MODEL };

#define METRIC(name, dcgm, unit, title) ", " #name
static const struct db_statement rows_statement = {
    .slot = SLOT_TELEMETRY,
    .name = "telemetry",
    .sql = "SELECT ts, extra"
#include "schema/metrics.def"
           " FROM telemetry WHERE gpu_id = $1::bigint::int"
           " AND ts >= $2::timestamptz AND ts <= $3::timestamptz"
           " ORDER BY ts DESC LIMIT $4::bigint",
};
#undef METRIC

enum { COL_TS, COL_EXTRA, COL_METRICS /* the first of the catalogue's */ };

/* Room for an entry, so that a reply grows once, not by doubling. */
#define ENTRY_BYTES 640

/* A call between its two queries, and what all its entries have in common. */
struct telemetry {
    struct api_call *call;
    struct buf id;      /* "<host>_<gpu>_"; an entry adds its seconds */
    size_t id_len;      /* … and is cut back to this */
    struct buf members; /* "gpu_id":…,"uuid":… and so on, as JSON */
};

static void telemetry_init(struct telemetry *t, struct api_call *call,
                           const PGresult *gpu)
{
    *t = (struct telemetry){.call = call};
    buf_append_str(&t->id, db_str(gpu, 0, COL_HOSTNAME));
    buf_append_byte(&t->id, '_');
    buf_append_str(&t->id, db_str(gpu, 0, COL_INDEX));
    buf_append_byte(&t->id, '_');
    t->id_len = t->id.len;

    struct json_writer w = json_writer(&t->members);
    json_member_str(&w, "gpu_id", db_str(gpu, 0, COL_INDEX));
    json_member_str(&w, "uuid", db_str(gpu, 0, COL_UUID));
    json_member_str(&w, "device", db_str(gpu, 0, COL_DEVICE));
    json_member_str(&w, "model_name", db_str(gpu, 0, COL_MODEL));
    json_member_str(&w, "hostname", db_str(gpu, 0, COL_HOSTNAME));
}

static void telemetry_fini(struct telemetry *t)
{
    buf_fini(&t->id);
    buf_fini(&t->members);
}

/* Most of a reply is this. A metric's name is a C identifier, so its member
 * up to the colon is known when compiling. */
static void metrics_append(struct buf *out, const PGresult *rows, int i)
{
#define METRIC(name, dcgm, unit, title) STR(",\"" #name "\":"),
    static const struct str keys[METRIC_COUNT] = {
#include "schema/metrics.def"
    };
#undef METRIC
    for (int m = 0; m < METRIC_COUNT; m++) {
        buf_append_str(out, keys[m]);
        if (db_is_null(rows, i, COL_METRICS + m))
            buf_append(out, "null", 4);
        else
            json_append_double(out, db_double(rows, i, COL_METRICS + m));
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

static void entry_append(struct json_writer *w, struct telemetry *t,
                         const PGresult *rows, int i)
{
    int64_t ts = db_time(rows, i, COL_TS);
    char time[TIMESTAMP_MAX];
    timestamp_format_nano(ts, time);
    t->id.len = t->id_len;
    buf_append_i64(&t->id, ts / NS_PER_S);

    json_begin_object(w);
    json_member_str(w, "telemetry_id", buf_str(&t->id));
    json_member_text(w, "timestamp", time);
    buf_append_byte(w->out, ',');
    buf_append_str(w->out, buf_str(&t->members));
    metrics_append(w->out, rows, i);
    extra_append(w, rows, i);
    json_end_object(w);
}

static void rows_reply(struct telemetry *t, const PGresult *rows)
{
    int count = PQntuples(rows);
    struct buf body = {0};
    buf_reserve(&body, (size_t)(count + 1) * ENTRY_BYTES);
    struct json_writer w = respond_begin(&body, count);
    for (int i = count - 1; i >= 0; i--)
        entry_append(&w, t, rows, i);
    respond_end(t->call, &w);
}

static void rows_done(enum db_outcome outcome, const PGresult *rows, void *arg)
{
    struct telemetry *t = arg;
    struct telemetry own = *t; /* its place ends with the request */
    if (outcome == DB_OK)
        rows_reply(&own, rows);
    else
        respond_db_problem(own.call, outcome);
    telemetry_fini(&own);
}

enum { PARAM_ID, PARAM_START, PARAM_END, PARAM_LIMIT };

static int64_t bound(const struct param_value *value, int64_t open)
{
    return value->given ? value->number : open;
}

static void rows_query(struct api_call *call, const PGresult *gpu)
{
    const struct param_value *values = call->values;
    struct telemetry *t = arena_alloc(http_arena(call->req), sizeof *t);
    telemetry_init(t, call, gpu);
    const struct db_param params[] = {
        {.type = DB_INT, .number = db_i64(gpu, 0, COL_ID)},
        {.type = DB_TIME, .number = bound(&values[PARAM_START], DB_TIME_MIN)},
        {.type = DB_TIME, .number = bound(&values[PARAM_END], DB_TIME_MAX)},
        {.type = DB_INT, .number = values[PARAM_LIMIT].number},
    };
    db_query(call->gateway->db, &rows_statement, params, 4, rows_done, t);
}

static void gpu_done(enum db_outcome outcome, const PGresult *gpu, void *arg)
{
    struct api_call *call = arg;
    if (outcome != DB_OK)
        respond_db_problem(call, outcome);
    else if (PQntuples(gpu) == 0)
        http_reply_problem(call->req, 404, NULL, "there is no GPU \"%.*s\"",
                           STR_ARG(call->values[PARAM_ID].text));
    else
        rows_query(call, gpu);
}

static void telemetry_handle(struct api_call *call)
{
    const struct param_value *values = call->values;
    const struct param_value *start = &values[PARAM_START];
    const struct param_value *end = &values[PARAM_END];
    if (start->given && end->given && start->number > end->number) {
        http_reply_problem(call->req, 400, "start_time",
                           "start_time \"%.*s\" is after end_time \"%.*s\"",
                           STR_ARG(start->text), STR_ARG(end->text));
        return;
    }
    struct db_param uuid = {.type = DB_TEXT, .text = values[PARAM_ID].text};
    db_query(call->gateway->db, &gpu_statement, &uuid, 1, gpu_done, call);
}

static const struct api_object entry_object = {
    .name = "Telemetry",
    .help = "What a GPU reported at one time",
    .fields =
        (const struct api_field[]){
            {.name = "telemetry_id",
             .type = FIELD_TEXT,
             .help = "host, GPU, and seconds since 1970",
             .example = "dgx-01_0_1752871354"},
            {.name = "timestamp", .type = FIELD_TIME, .help = "when"},
            {.name = "gpu_id",
             .type = FIELD_TEXT,
             .help = "the GPU's number on the host",
             .example = "0"},
            {.name = "uuid",
             .type = FIELD_TEXT,
             .help = "the GPU's UUID",
             .example = "GPU-5fd4f087-86f3-7a43-b711-4771313afc50"},
            {.name = "device",
             .type = FIELD_TEXT,
             .help = "its device file",
             .example = "nvidia0"},
            {.name = "model_name",
             .type = FIELD_TEXT,
             .help = "its model",
             .example = "NVIDIA H100 80GB HBM3"},
            {.name = "hostname",
             .type = FIELD_TEXT,
             .help = "the host it is in",
             .example = "dgx-01"},
            {.name = "extra",
             .type = FIELD_NUMBERS,
             .optional = true,
             .help = "what it reported beyond the catalogue, by DCGM field"},
            FIELDS_END,
        },
    .metrics = true,
};

static const struct api_param params[] = {
    [PARAM_ID] = {.name = "id",
                  .place = PARAM_PATH,
                  .type = PARAM_TEXT,
                  .help = "UUID of the GPU",
                  .example = "GPU-5fd4f087-86f3-7a43-b711-4771313afc50"},
    [PARAM_START] = {.name = "start_time",
                     .place = PARAM_QUERY,
                     .type = PARAM_TIME,
                     .help = "earliest time, inclusive",
                     .example = "now-1h"},
    [PARAM_END] = {.name = "end_time",
                   .place = PARAM_QUERY,
                   .type = PARAM_TIME,
                   .help = "latest time, inclusive",
                   .example = "now"},
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
    .description = "Oldest first. Where there are more entries than `limit`, "
                   "these are the latest of the range.",
    .tag = "history",
    .params = params,
    .element = &entry_object,
    .handle = telemetry_handle,
};
