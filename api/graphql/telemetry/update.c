/* update: the types TelemetryUpdate, TelemetryData and GPUStatusChange. */
#include "api/graphql/telemetry/update.h"

#include "api/graphql/telemetry/fleet.h"

struct update {
    const struct fleet_gpu *gpu;
    int64_t ts_ns;
    uint64_t sequence;
    uint64_t present; /* bit m: values[m] came, and is asked for */
    double values[METRIC_COUNT];
    struct str extra; /* JSON; empty: there is none */
};

/* ---- copies ---- */

static struct str extra_text(const struct sample *sample, struct arena *arena)
{
    if (sample->extra_count == 0)
        return (struct str){0};
    struct buf text = {0};
    struct json_writer w = json_writer(&text);
    json_begin_object(&w);
    for (size_t i = 0; i < sample->extra_count; i++) {
        json_key_str(&w, sample->extra[i].name);
        json_put_double(&w, sample->extra[i].value);
    }
    json_end_object(&w);
    struct str kept = arena_str(arena, buf_str(&text));
    buf_fini(&text);
    return kept;
}

static const struct update *update_new(const struct gql_call *call,
                                       const struct fleet_update *event)
{
    struct update *update = arena_alloc(call->arena, sizeof *update);
    const struct sample *sample = event->sample;
    update->gpu = event->gpu;
    update->ts_ns = sample->ts_ns;
    update->sequence = event->sequence;
    update->present =
        sample->present & metrics_of(gql_argument(call, "metrics"));
    memcpy(update->values, sample->metrics, sizeof update->values);
    update->extra = extra_text(sample, call->arena);
    return update;
}

void resolve_telemetry_update(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        gql_batch_object(batch, i, update_new(&batch->call, batch->parents[i]));
    gql_batch_done(batch);
}

void resolve_status_change(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        struct fleet_change *change =
            arena_alloc(batch->call.arena, sizeof *change);
        memcpy(change, batch->parents[i], sizeof *change);
        gql_batch_object(batch, i, change);
    }
    gql_batch_done(batch);
}

void resolve_fleet_summary(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        gql_batch_object(batch, i, fleet_view_new(&batch->call, NULL));
    gql_batch_done(batch);
}

/* ---- TelemetryUpdate ---- */

static void write_update_type(struct gql_out *out, const void *object)
{
    (void)object;
    json_put_text(&out->json, "telemetry_update");
}

static void write_update_timestamp(struct gql_out *out, const void *object)
{
    const struct update *update = object;
    write_time(out, update->ts_ns);
}

static void write_update_sequence(struct gql_out *out, const void *object)
{
    const struct update *update = object;
    json_put_u64(&out->json, update->sequence);
}

/* A host's id: its two names as subject tokens, which need no escapes. */
static void write_host_id(struct gql_out *out, const struct fleet_host *host)
{
    struct buf id = {0};
    host_id_append(&id, host);
    json_put_str(&out->json, buf_str(&id));
    buf_fini(&id);
}

static void write_update_cluster_id(struct gql_out *out, const void *object)
{
    const struct update *update = object;
    json_put_raw(&out->json, update->gpu->host->cluster->json_name);
}

static void write_update_host_id(struct gql_out *out, const void *object)
{
    const struct update *update = object;
    write_host_id(out, update->gpu->host);
}

static void write_update_hostname(struct gql_out *out, const void *object)
{
    const struct update *update = object;
    json_put_raw(&out->json, update->gpu->host->json_name);
}

static void write_update_gpu_id(struct gql_out *out, const void *object)
{
    const struct update *update = object;
    json_put_raw(&out->json, update->gpu->json_uuid);
}

static void resolve_update_gpu(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct update *update = batch->parents[i];
        gql_batch_object(batch, i, update->gpu);
    }
    gql_batch_done(batch);
}

/* ---- TelemetryData: its object is the update ---- */

void data_write_metric(struct gql_out *out, const void *object)
{
    const struct update *update = object;
    int64_t metric = out->call.field->binding->number;
    write_double_or_null(out, update->present >> metric & 1,
                         update->values[metric]);
}

static void write_data_extra(struct gql_out *out, const void *object)
{
    const struct update *update = object;
    if (update->extra.len > 0)
        json_put_raw(&out->json, update->extra);
    else
        json_put_null(&out->json);
}

/* ---- GPUStatusChange ---- */

static void write_change_type(struct gql_out *out, const void *object)
{
    (void)object;
    json_put_text(&out->json, "status_change");
}

static void write_change_timestamp(struct gql_out *out, const void *object)
{
    const struct fleet_change *change = object;
    write_time(out, change->at_ns);
}

static void write_change_cluster_id(struct gql_out *out, const void *object)
{
    const struct fleet_change *change = object;
    json_put_raw(&out->json, change->gpu->host->cluster->json_name);
}

static void write_change_host_id(struct gql_out *out, const void *object)
{
    const struct fleet_change *change = object;
    write_host_id(out, change->gpu->host);
}

static void write_change_hostname(struct gql_out *out, const void *object)
{
    const struct fleet_change *change = object;
    json_put_raw(&out->json, change->gpu->host->json_name);
}

static void write_change_gpu_id(struct gql_out *out, const void *object)
{
    const struct fleet_change *change = object;
    write_str_or_null(out, change->gpu->uuid);
}

static void write_change_gpu_index(struct gql_out *out, const void *object)
{
    const struct fleet_change *change = object;
    json_put_raw(&out->json, change->gpu->json_index);
}

static void write_change_before(struct gql_out *out, const void *object)
{
    const struct fleet_change *change = object;
    json_put_text(&out->json, fleet_status_names[change->before]);
}

static void write_change_now(struct gql_out *out, const void *object)
{
    const struct fleet_change *change = object;
    json_put_text(&out->json, fleet_status_names[change->now]);
}

static void resolve_change_gpu(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct fleet_change *change = batch->parents[i];
        gql_batch_object(batch, i,
                         gpu_is_known(change->gpu) ? change->gpu : NULL);
    }
    gql_batch_done(batch);
}

const struct gql_binding update_bindings[] = {
    {.name = "TelemetryUpdate.eventType", .write = write_update_type},
    {.name = "TelemetryUpdate.timestamp", .write = write_update_timestamp},
    {.name = "TelemetryUpdate.sequence", .write = write_update_sequence},
    {.name = "TelemetryUpdate.clusterId", .write = write_update_cluster_id},
    {.name = "TelemetryUpdate.hostId", .write = write_update_host_id},
    {.name = "TelemetryUpdate.hostname", .write = write_update_hostname},
    {.name = "TelemetryUpdate.gpuId", .write = write_update_gpu_id},
    {.name = "TelemetryUpdate.gpuUuid", .write = write_update_gpu_id},
    {.name = "TelemetryUpdate.gpu", .resolve = resolve_update_gpu},
    {.name = "TelemetryUpdate.data"},
    {.name = "TelemetryData.extra", .write = write_data_extra},
    {.name = "GPUStatusChange.eventType", .write = write_change_type},
    {.name = "GPUStatusChange.timestamp", .write = write_change_timestamp},
    {.name = "GPUStatusChange.clusterId", .write = write_change_cluster_id},
    {.name = "GPUStatusChange.hostId", .write = write_change_host_id},
    {.name = "GPUStatusChange.hostname", .write = write_change_hostname},
    {.name = "GPUStatusChange.gpuId", .write = write_change_gpu_id},
    {.name = "GPUStatusChange.gpuUuid", .write = write_change_gpu_id},
    {.name = "GPUStatusChange.gpuIndex", .write = write_change_gpu_index},
    {.name = "GPUStatusChange.gpu", .resolve = resolve_change_gpu},
    {.name = "GPUStatusChange.before", .write = write_change_before},
    {.name = "GPUStatusChange.now", .write = write_change_now},
    {.name = NULL},
};
