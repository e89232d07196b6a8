/* columns: the types LatestValues and MetricColumn.
 *
 * A value is copied as the text it was printed to when it came, so a fleet of
 * 10,000 GPUs is written in a few milliseconds. */
#include "api/graphql/telemetry/columns.h"

#include "api/graphql/telemetry/selection.h"

struct columns {
    const struct fleet_gpu **gpus;
    uint32_t count;
    uint64_t metrics; /* bits: asked for, and reported by one of these */
};

struct column {
    const struct columns *of;
    enum metric metric;
};

/* ---- making them ---- */

static struct columns *columns_new(const struct gql_call *call, uint32_t room)
{
    struct columns *columns = arena_zalloc(call->arena, sizeof *columns);
    columns->gpus =
        arena_alloc(call->arena, (room + 1) * sizeof *columns->gpus);
    return columns;
}

static void columns_add(struct columns *columns, const struct fleet_gpu *gpu)
{
    columns->gpus[columns->count++] = gpu;
    columns->metrics |= gpu->present;
}

static void columns_choose(struct columns *columns, const struct gql_call *call)
{
    columns->metrics &= metrics_of(gql_argument(call, "metrics"));
}

static const struct columns *columns_of_fleet(const struct gql_call *call,
                                              const struct gpu_filter *filter)
{
    const struct fleet *fleet = fleet_of(call);
    struct columns *columns = columns_new(call, fleet->gpu_count);
    for (uint32_t i = 0; i < fleet->gpu_count; i++)
        if (columns_take(fleet->gpus[i]) &&
            gpu_filter_takes(filter, fleet->gpus[i]))
            columns_add(columns, fleet->gpus[i]);
    columns_choose(columns, call);
    return columns;
}

static void resolve_latest_values(struct gql_batch *batch)
{
    const struct gpu_filter *filter;
    struct errmsg err;
    if (gpu_filter_of(&batch->call, &filter, &err) < 0) {
        gql_batch_fail(batch, GQL_CODE_INPUT, "%s", err.text);
    } else {
        const struct columns *columns = columns_of_fleet(&batch->call, filter);
        for (uint32_t i = 0; i < batch->count; i++)
            gql_batch_object(batch, i, columns);
    }
    gql_batch_done(batch);
}

static const struct columns *columns_of_event(const struct gql_call *call,
                                              const struct columns_event *event)
{
    struct columns *columns = columns_new(call, event->count);
    for (uint32_t i = 0; i < event->count; i++)
        columns_add(columns, event->gpus[i]);
    columns_choose(columns, call);
    return columns;
}

void resolve_columns_event(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        gql_batch_object(batch, i,
                         columns_of_event(&batch->call, batch->parents[i]));
    gql_batch_done(batch);
}

/* ---- LatestValues ---- */

static void write_event_type(struct gql_out *out, const void *object)
{
    (void)object;
    json_put_text(&out->json, "latest_values");
}

static void write_sequence(struct gql_out *out, const void *object)
{
    (void)object;
    json_put_u64(&out->json, fleet_of(&out->call)->sequence);
}

static void write_following(struct gql_out *out, const void *object)
{
    (void)object;
    json_put_bool(&out->json, fleet_of(&out->call)->following);
}

static void write_uuids(struct gql_out *out, const void *object)
{
    const struct columns *columns = object;
    json_begin_array(&out->json);
    for (uint32_t i = 0; i < columns->count; i++)
        json_put_raw(&out->json, columns->gpus[i]->json_uuid);
    json_end_array(&out->json);
}

static void write_timestamps(struct gql_out *out, const void *object)
{
    const struct columns *columns = object;
    json_begin_array(&out->json);
    for (uint32_t i = 0; i < columns->count; i++)
        write_time(out, columns->gpus[i]->ts_ns);
    json_end_array(&out->json);
}

static void resolve_columns(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct columns *of = batch->parents[i];
        const void *objects[METRIC_COUNT];
        uint32_t count = 0;
        for (int m = 0; m < METRIC_COUNT; m++) {
            if ((of->metrics >> m & 1) == 0)
                continue;
            struct column *column =
                arena_alloc(batch->call.arena, sizeof *column);
            *column = (struct column){of, (enum metric)m};
            objects[count++] = column;
        }
        gql_batch_list(batch, i, objects, count);
    }
    gql_batch_done(batch);
}

/* ---- MetricColumn ---- */

static void write_metric(struct gql_out *out, const void *object)
{
    const struct column *column = object;
    json_put_str(&out->json, metric_catalogue[column->metric].name);
}

static void write_values(struct gql_out *out, const void *object)
{
    const struct column *column = object;
    json_begin_array(&out->json);
    for (uint32_t i = 0; i < column->of->count; i++)
        write_latest_value(out, column->of->gpus[i], column->metric);
    json_end_array(&out->json);
}

const struct gql_binding columns_bindings[] = {
    {.name = "Query.latestValues", .resolve = resolve_latest_values},
    {.name = "LatestValues.eventType", .write = write_event_type},
    {.name = "LatestValues.asOf", .write = write_as_of},
    {.name = "LatestValues.timestamp", .write = write_as_of},
    {.name = "LatestValues.sequence", .write = write_sequence},
    {.name = "LatestValues.following", .write = write_following},
    {.name = "LatestValues.gpuUuids", .write = write_uuids},
    {.name = "LatestValues.timestamps", .write = write_timestamps},
    {.name = "LatestValues.columns", .resolve = resolve_columns},
    {.name = "MetricColumn.metric", .write = write_metric},
    {.name = "MetricColumn.values", .write = write_values},
    {.name = NULL},
};
