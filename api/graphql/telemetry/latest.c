/* latest: the types LatestTelemetry and MetricValue. The object of the former
 * is the GPU itself. */
#include "api/graphql/telemetry/shared.h"

void write_latest_value(struct gql_out *out, const struct fleet_gpu *gpu,
                        enum metric m)
{
    if (gpu->value_json[m].len > 0)
        json_put_raw(&out->json,
                     str_make(gpu->value_json[m].text, gpu->value_json[m].len));
    else
        json_put_null(&out->json);
}

void latest_write_metric(struct gql_out *out, const void *object)
{
    write_latest_value(out, object,
                       (enum metric)out->call.field->binding->number);
}

static void write_timestamp(struct gql_out *out, const void *object)
{
    const struct fleet_gpu *gpu = object;
    write_time(out, gpu->ts_ns);
}

static void write_sequence(struct gql_out *out, const void *object)
{
    const struct fleet_gpu *gpu = object;
    if (gpu->sequence > 0)
        json_put_u64(&out->json, gpu->sequence);
    else
        json_put_null(&out->json);
}

static void resolve_latest(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct fleet_gpu *gpu = batch->parents[i];
        gql_batch_object(batch, i, gpu->ts_ns != 0 ? gpu : NULL);
    }
    gql_batch_done(batch);
}

/* ---- MetricValue: one value, copied ---- */

struct metric_value {
    enum metric metric;
    double value;
    int64_t ts_ns;
};

static void *value_new(struct arena *arena, const struct fleet_gpu *gpu, int m)
{
    struct metric_value *value = arena_alloc(arena, sizeof *value);
    value->metric = (enum metric)m;
    value->value = gpu->values[m];
    value->ts_ns = gpu->value_ts_ns[m];
    return value;
}

static void resolve_value(struct gql_batch *batch)
{
    int metric = metric_of(gql_argument(&batch->call, "metric"));
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct fleet_gpu *gpu = batch->parents[i];
        if (gpu->present >> metric & 1)
            gql_batch_object(batch, i,
                             value_new(batch->call.arena, gpu, metric));
    }
    gql_batch_done(batch);
}

static void resolve_values(struct gql_batch *batch)
{
    uint64_t asked = metrics_of(gql_argument(&batch->call, "metrics"));
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct fleet_gpu *gpu = batch->parents[i];
        const void *values[METRIC_COUNT];
        uint32_t count = 0;
        for (int m = 0; m < METRIC_COUNT; m++)
            if ((gpu->present & asked) >> m & 1)
                values[count++] = value_new(batch->call.arena, gpu, m);
        gql_batch_list(batch, i, values, count);
    }
    gql_batch_done(batch);
}

static void resolve_value_metric(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct metric_value *value = batch->parents[i];
        gql_batch_object(batch, i, &metric_catalogue[value->metric]);
    }
    gql_batch_done(batch);
}

static void write_value(struct gql_out *out, const void *object)
{
    const struct metric_value *value = object;
    json_put_double(&out->json, value->value);
}

static void write_value_timestamp(struct gql_out *out, const void *object)
{
    const struct metric_value *value = object;
    write_time(out, value->ts_ns);
}

const struct gql_binding latest_bindings[] = {
    {.name = "GPU.latest", .resolve = resolve_latest},
    {.name = "LatestTelemetry.timestamp", .write = write_timestamp},
    {.name = "LatestTelemetry.asOf", .write = write_as_of},
    {.name = "LatestTelemetry.sequence", .write = write_sequence},
    {.name = "LatestTelemetry.value", .resolve = resolve_value},
    {.name = "LatestTelemetry.values", .resolve = resolve_values},
    {.name = "MetricValue.metric", .resolve = resolve_value_metric},
    {.name = "MetricValue.value", .write = write_value},
    {.name = "MetricValue.timestamp", .write = write_value_timestamp},
    {.name = NULL},
};
