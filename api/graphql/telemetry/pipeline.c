/* pipeline: the types Pipeline, PipelinePoint, PipelineBroker … Their objects are
 * copies: what the gateway knows may be replaced while a query is under way. */
#include <math.h>

#include "api/graphql/telemetry/shared.h"
#include "api/graphql/telemetry/update.h"
#include "api/pipeline/pipeline.h"

struct pipeline_view {
    struct pipeline_point point; /* first: see write_figure */
    struct pipeline_broker broker;
    bool database;
    struct errmsg database_problem;
};

static const struct pipeline *pipeline_of(const struct gql_call *call)
{
    return context_of(call)->pipeline;
}

static const struct pipeline_view *view_new(const struct gql_call *call)
{
    const struct pipeline *pipeline = pipeline_of(call);
    struct pipeline_view *view = arena_zalloc(call->arena, sizeof *view);
    view->point = pipeline_now(pipeline);
    view->broker = pipeline_broker(pipeline);
    view->broker.address =
        arena_text(call->arena, str_of(view->broker.address));
    view->database = db_check(context_of(call)->db, &view->database_problem);
    return view;
}

void resolve_pipeline(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        gql_batch_object(batch, i, view_new(&batch->call));
    gql_batch_done(batch);
}

static void write_event_type(struct gql_out *out, const void *object)
{
    (void)object;
    json_put_text(&out->json, "pipeline_status");
}

/* ---- figures, of now or of a point ---- */

/* Where a double's whole numbers leave int64_t. */
#define WHOLE_END 0x1p63

static void write_point_time(struct gql_out *out, const void *object)
{
    const struct pipeline_point *point = object;
    write_time(out, point->at_ns);
}

static void write_real(struct gql_out *out, const void *object)
{
    const struct pipeline_point *point = object;
    double value = point->figures[out->call.field->binding->number];
    write_double_or_null(out, !isnan(value), value);
}

static void write_whole(struct gql_out *out, const void *object)
{
    const struct pipeline_point *point = object;
    double value = point->figures[out->call.field->binding->number];
    if (value > -WHOLE_END && value < WHOLE_END)
        json_put_i64(&out->json, (int64_t)value);
    else
        json_put_null(&out->json); /* NaN, too */
}

/* ---- history ---- */

static void give_history(struct gql_batch *batch, uint32_t parent)
{
    struct arena *arena = batch->call.arena;
    int64_t after_ns = INT64_MIN;
    time_of(gql_argument(&batch->call, "after"), &after_ns);
    int64_t limit =
        gql_argument_i64(&batch->call, "limit", PIPELINE_POINTS_MAX);
    if (limit < 1 || limit > PIPELINE_POINTS_MAX) {
        gql_batch_error(batch, parent, GQL_CODE_INPUT,
                        "limit: expected 1 to %d, got %lld",
                        PIPELINE_POINTS_MAX, (long long)limit);
        return;
    }
    struct pipeline_point *points =
        arena_alloc(arena, (size_t)limit * sizeof *points);
    const void **objects = arena_alloc(arena, (size_t)limit * sizeof *objects);
    uint32_t count = pipeline_history(pipeline_of(&batch->call), after_ns,
                                      (uint32_t)limit, points);
    for (uint32_t i = 0; i < count; i++)
        objects[i] = &points[i];
    gql_batch_list(batch, parent, objects, count);
}

static void resolve_history(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        give_history(batch, i);
    gql_batch_done(batch);
}

/* ---- broker and database: their object is the pipeline's ---- */

static void write_broker_connected(struct gql_out *out, const void *object)
{
    const struct pipeline_view *view = object;
    json_put_bool(&out->json, view->broker.connected);
}

static void write_broker_since(struct gql_out *out, const void *object)
{
    const struct pipeline_view *view = object;
    write_time_or_null(out, view->broker.since_ns);
}

static void write_broker_address(struct gql_out *out, const void *object)
{
    const struct pipeline_view *view = object;
    write_str_or_null(out, str_of(view->broker.address));
}

static void write_database_connected(struct gql_out *out, const void *object)
{
    const struct pipeline_view *view = object;
    json_put_bool(&out->json, view->database);
}

static void write_database_problem(struct gql_out *out, const void *object)
{
    const struct pipeline_view *view = object;
    json_put_text(&out->json,
                  view->database ? NULL : view->database_problem.text);
}

/* ---- services ---- */

static const struct look_service *service_copy(const struct look_service *from,
                                               struct arena *arena)
{
    struct look_service *to = arena_alloc(arena, sizeof *to);
    *to = *from;
    to->name = arena_str(arena, from->name);
    to->id = arena_str(arena, from->id);
    to->host = arena_str(arena, from->host);
    to->version = arena_str(arena, from->version);
    to->figures =
        arena_alloc(arena, (from->figure_count + 1) * sizeof *to->figures);
    for (uint32_t i = 0; i < from->figure_count; i++) {
        to->figures[i] = from->figures[i];
        to->figures[i].name = arena_str(arena, from->figures[i].name);
    }
    return to;
}

/* Without a list of them the field is null. */
static void give_services(struct gql_batch *batch, uint32_t parent)
{
    struct arena *arena = batch->call.arena;
    const struct look *look = pipeline_services(pipeline_of(&batch->call));
    if (look == NULL)
        return;
    const void **objects =
        arena_alloc(arena, (look->service_count + 1) * sizeof *objects);
    for (uint32_t i = 0; i < look->service_count; i++)
        objects[i] = service_copy(&look->services[i], arena);
    gql_batch_list(batch, parent, objects, look->service_count);
}

static void resolve_services(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        give_services(batch, i);
    gql_batch_done(batch);
}

static void write_service_name(struct gql_out *out, const void *object)
{
    const struct look_service *service = object;
    json_put_str(&out->json, service->name);
}

static void write_service_id(struct gql_out *out, const void *object)
{
    const struct look_service *service = object;
    json_put_str(&out->json, service->id);
}

static void write_service_host(struct gql_out *out, const void *object)
{
    const struct look_service *service = object;
    json_put_str(&out->json, service->host);
}

static void write_service_pid(struct gql_out *out, const void *object)
{
    const struct look_service *service = object;
    if (service->pid > 0 && service->pid <= INT32_MAX)
        json_put_i64(&out->json, service->pid);
    else
        json_put_null(&out->json);
}

static void write_service_version(struct gql_out *out, const void *object)
{
    const struct look_service *service = object;
    json_put_str(&out->json, service->version);
}

static void write_service_started(struct gql_out *out, const void *object)
{
    const struct look_service *service = object;
    write_time(out, service->started_ns);
}

static void write_service_seen(struct gql_out *out, const void *object)
{
    const struct look_service *service = object;
    write_time(out, service->seen_ns);
}

static void give_service_figures(struct gql_batch *batch, uint32_t parent)
{
    const struct look_service *service = batch->parents[parent];
    const void **objects = arena_alloc(
        batch->call.arena, (service->figure_count + 1) * sizeof *objects);
    for (uint32_t i = 0; i < service->figure_count; i++)
        objects[i] = &service->figures[i];
    gql_batch_list(batch, parent, objects, service->figure_count);
}

static void resolve_service_figures(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        give_service_figures(batch, i);
    gql_batch_done(batch);
}

static void write_figure_name(struct gql_out *out, const void *object)
{
    const struct look_figure *figure = object;
    json_put_str(&out->json, figure->name);
}

static void write_figure_value(struct gql_out *out, const void *object)
{
    const struct look_figure *figure = object;
    write_double_or_null(out, figure->known, figure->value);
}

#define WHOLE(type, field, figure)                                       \
    {                                                                    \
        .name = type "." field, .write = write_whole, .number = (figure) \
    }
#define REAL(type, field, figure)                                       \
    {                                                                   \
        .name = type "." field, .write = write_real, .number = (figure) \
    }

/* Those of the interface PipelineFigures. */
#define FIGURES(type)                                                \
    {.name = type ".timestamp", .write = write_point_time},          \
        WHOLE(type, "samplesTotal", PIPELINE_SAMPLES_TOTAL),         \
        REAL(type, "samplesPerSecond", PIPELINE_SAMPLES_PER_SECOND), \
        WHOLE(type, "streamMessages", PIPELINE_STREAM_MESSAGES),     \
        WHOLE(type, "streamBytes", PIPELINE_STREAM_BYTES),           \
        WHOLE(type, "streamBytesMax", PIPELINE_STREAM_BYTES_MAX),    \
        WHOLE(type, "queueDepth", PIPELINE_QUEUE_DEPTH),             \
        WHOLE(type, "unacknowledged", PIPELINE_UNACKNOWLEDGED),      \
        WHOLE(type, "redelivered", PIPELINE_REDELIVERED),            \
        REAL(type, "lagSeconds", PIPELINE_LAG_SECONDS),              \
        WHOLE(type, "collectors", PIPELINE_COLLECTORS),              \
        WHOLE(type, "rowsTotal", PIPELINE_ROWS_TOTAL),               \
        REAL(type, "rowsPerSecond", PIPELINE_ROWS_PER_SECOND),       \
        WHOLE(type, "deadLetters", PIPELINE_DEAD_LETTERS),           \
        WHOLE(type, "samplesBehind", PIPELINE_SAMPLES_BEHIND),       \
        WHOLE(type, "webSocketClients", PIPELINE_WEB_SOCKETS),       \
        WHOLE(type, "subscriptions", PIPELINE_SUBSCRIPTIONS),        \
        WHOLE(type, "updatesTotal", PIPELINE_UPDATES_TOTAL),         \
        REAL(type, "updatesPerSecond", PIPELINE_UPDATES_PER_SECOND), \
        WHOLE(type, "updatesMissed", PIPELINE_UPDATES_MISSED),       \
        WHOLE(type, "operationsTotal", PIPELINE_OPERATIONS_TOTAL),   \
        REAL(type, "operationsPerSecond", PIPELINE_OPERATIONS_PER_SECOND)

const struct gql_binding pipeline_bindings[] = {
    {.name = "Query.pipeline", .resolve = resolve_pipeline},
    {.name = "Pipeline.eventType", .write = write_event_type},
    FIGURES("Pipeline"),
    FIGURES("PipelinePoint"),
    {.name = "Pipeline.broker"},
    {.name = "Pipeline.database"},
    {.name = "Pipeline.services", .resolve = resolve_services},
    {.name = "Pipeline.history", .resolve = resolve_history},
    {.name = "PipelineBroker.connected", .write = write_broker_connected},
    {.name = "PipelineBroker.since", .write = write_broker_since},
    {.name = "PipelineBroker.address", .write = write_broker_address},
    {.name = "PipelineDatabase.connected", .write = write_database_connected},
    {.name = "PipelineDatabase.problem", .write = write_database_problem},
    {.name = "PipelineService.name", .write = write_service_name},
    {.name = "PipelineService.id", .write = write_service_id},
    {.name = "PipelineService.host", .write = write_service_host},
    {.name = "PipelineService.pid", .write = write_service_pid},
    {.name = "PipelineService.version", .write = write_service_version},
    {.name = "PipelineService.startedAt", .write = write_service_started},
    {.name = "PipelineService.lastSeen", .write = write_service_seen},
    {.name = "PipelineService.figures", .resolve = resolve_service_figures},
    {.name = "ServiceFigure.name", .write = write_figure_name},
    {.name = "ServiceFigure.value", .write = write_figure_value},
    {.name = NULL},
};
