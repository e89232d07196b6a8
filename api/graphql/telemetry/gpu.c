/* gpu: the types GPU, Label and Maintenance. What it reported is in history.c,
 * its latest values in latest.c. */
#include "api/graphql/telemetry/annotations.h"
#include "api/graphql/telemetry/selection.h"
#include "lib/clock.h"

/* ---- leaves ---- */

static void write_uuid(struct gql_out *out, const void *object)
{
    const struct fleet_gpu *gpu = object;
    json_put_raw(&out->json, gpu->json_uuid);
}

static void write_index(struct gql_out *out, const void *object)
{
    const struct fleet_gpu *gpu = object;
    json_put_raw(&out->json, gpu->json_index);
}

static void write_name(struct gql_out *out, const void *object)
{
    const struct fleet_gpu *gpu = object;
    json_put_raw(&out->json, gpu->json_name);
}

static void write_device(struct gql_out *out, const void *object)
{
    const struct fleet_gpu *gpu = object;
    json_put_raw(&out->json, gpu->json_device);
}

static void write_hostname(struct gql_out *out, const void *object)
{
    const struct fleet_gpu *gpu = object;
    json_put_raw(&out->json, gpu->host->json_name);
}

static void write_cluster_id(struct gql_out *out, const void *object)
{
    const struct fleet_gpu *gpu = object;
    json_put_raw(&out->json, gpu->host->cluster->json_name);
}

static void write_pod(struct gql_out *out, const void *object)
{
    const struct fleet_gpu *gpu = object;
    write_str_or_null(out, gpu->pod);
}

static void write_namespace(struct gql_out *out, const void *object)
{
    const struct fleet_gpu *gpu = object;
    write_str_or_null(out, gpu->namespace);
}

static void write_container(struct gql_out *out, const void *object)
{
    const struct fleet_gpu *gpu = object;
    write_str_or_null(out, gpu->container);
}

static void write_status(struct gql_out *out, const void *object)
{
    const struct fleet_gpu *gpu = object;
    json_put_text(&out->json, fleet_status_names[gpu->status]);
}

static void write_status_since(struct gql_out *out, const void *object)
{
    const struct fleet_gpu *gpu = object;
    write_time_or_null(out, gpu->status_since_ns);
}

static void write_last_seen(struct gql_out *out, const void *object)
{
    const struct fleet_gpu *gpu = object;
    write_time_or_null(out, gpu->heard_ns);
}

static void write_interval(struct gql_out *out, const void *object)
{
    const struct fleet_gpu *gpu = object;
    int64_t ms = gpu->interval_ns / NS_PER_MS;
    write_double_or_null(out, gpu->interval_ns > 0, (double)ms / 1000);
}

/* ---- labels, maintenance ---- */

static void write_label(struct gql_out *out, const void *object)
{
    const struct fleet_gpu *gpu = object;
    struct str key = gql_argument_str(&out->call, "key");
    for (uint32_t i = 0; i < gpu->label_count; i++)
        if (str_eq(gpu->labels[i].key, key)) {
            json_put_str(&out->json, gpu->labels[i].value);
            return;
        }
    json_put_null(&out->json);
}

/* Copies: the model's go when they are changed. */
static void give_labels(struct gql_batch *batch, uint32_t parent)
{
    const struct fleet_gpu *gpu = batch->parents[parent];
    struct arena *arena = batch->call.arena;
    const void **objects =
        arena_alloc(arena, (gpu->label_count + 1) * sizeof *objects);
    struct fleet_label *labels =
        arena_alloc(arena, (gpu->label_count + 1) * sizeof *labels);
    for (uint32_t i = 0; i < gpu->label_count; i++) {
        labels[i].key = arena_str(arena, gpu->labels[i].key);
        labels[i].value = arena_str(arena, gpu->labels[i].value);
        objects[i] = &labels[i];
    }
    gql_batch_list(batch, parent, objects, gpu->label_count);
}

static void resolve_labels(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        give_labels(batch, i);
    gql_batch_done(batch);
}

static void write_label_key(struct gql_out *out, const void *object)
{
    const struct fleet_label *label = object;
    json_put_str(&out->json, label->key);
}

static void write_label_value(struct gql_out *out, const void *object)
{
    const struct fleet_label *label = object;
    json_put_str(&out->json, label->value);
}

static void resolve_maintenance(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct fleet_gpu *gpu = batch->parents[i];
        gql_batch_object(batch, i, gpu->maintenance ? gpu : NULL);
    }
    gql_batch_done(batch);
}

static void write_maintenance_reason(struct gql_out *out, const void *object)
{
    const struct fleet_gpu *gpu = object;
    write_str_or_null(out, gpu->maintenance_reason);
}

static void write_maintenance_since(struct gql_out *out, const void *object)
{
    const struct annotations *all = context_of(&out->call)->annotations;
    write_time_or_null(out, annotations_maintenance_since(all, object));
}

/* ---- objects ---- */

static void resolve_host(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct fleet_gpu *gpu = batch->parents[i];
        gql_batch_object(batch, i, gpu->host);
    }
    gql_batch_done(batch);
}

static void resolve_cluster(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct fleet_gpu *gpu = batch->parents[i];
        gql_batch_object(batch, i, gpu->host->cluster);
    }
    gql_batch_done(batch);
}

/* ---- Query.gpus, Query.gpu ---- */

static void resolve_gpus(struct gql_batch *batch)
{
    resolve_lists(batch, gpus_of_fleet);
}

static void resolve_gpu(struct gql_batch *batch)
{
    struct str uuid = gql_argument_str(&batch->call, "uuid");
    const struct fleet *fleet = fleet_of(&batch->call);
    const struct fleet_gpu *gpu =
        uuid.len > 0 ? fleet_find_gpu(fleet, uuid) : NULL;
    for (uint32_t i = 0; i < batch->count; i++)
        gql_batch_object(batch, i, gpu);
    gql_batch_done(batch);
}

const struct gql_binding gpu_bindings[] = {
    {.name = "Query.gpus", .resolve = resolve_gpus},
    {.name = "Query.gpu", .resolve = resolve_gpu},
    {.name = "GPU.id", .write = write_uuid},
    {.name = "GPU.uuid", .write = write_uuid},
    {.name = "GPU.index", .write = write_index},
    {.name = "GPU.name", .write = write_name},
    {.name = "GPU.model", .write = write_name},
    {.name = "GPU.deviceName", .write = write_name},
    {.name = "GPU.device", .write = write_device},
    {.name = "GPU.hostname", .write = write_hostname},
    {.name = "GPU.host", .resolve = resolve_host},
    {.name = "GPU.clusterId", .write = write_cluster_id},
    {.name = "GPU.cluster", .resolve = resolve_cluster},
    {.name = "GPU.pod", .write = write_pod},
    {.name = "GPU.namespace", .write = write_namespace},
    {.name = "GPU.container", .write = write_container},
    {.name = "GPU.status", .write = write_status},
    {.name = "GPU.statusSince", .write = write_status_since},
    {.name = "GPU.lastSeen", .write = write_last_seen},
    {.name = "GPU.intervalSeconds", .write = write_interval},
    {.name = "GPU.health"},
    {.name = "GPU.labels", .resolve = resolve_labels},
    {.name = "GPU.label", .write = write_label},
    {.name = "GPU.maintenance", .resolve = resolve_maintenance},
    {.name = "Label.key", .write = write_label_key},
    {.name = "Label.value", .write = write_label_value},
    {.name = "Maintenance.reason", .write = write_maintenance_reason},
    {.name = "Maintenance.since", .write = write_maintenance_since},
    {.name = NULL},
};
