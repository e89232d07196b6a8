/* fleet: the types Fleet, StatusCounts and ModelCount. */
#include <stdlib.h>

#include "api/graphql/telemetry/fleet.h"
#include "api/graphql/telemetry/stats.h"

static bool same_place(const struct fleet_gpu *a, const struct fleet_gpu *b)
{
    return a != NULL && a->host == b->host;
}

/* The scope is in the model's order: what is of one host, and of one cluster,
 * stands together. */
static void fleet_count(struct fleet_view *view)
{
    const struct fleet_gpu *last = NULL;
    bool active = false; /* one of this host was */
    for (uint32_t i = 0; i < view->scope.count; i++) {
        const struct fleet_gpu *gpu = view->scope.gpus[i];
        bool new_host = !same_place(last, gpu);
        view->hosts += new_host;
        view->clusters +=
            last == NULL || last->host->cluster != gpu->host->cluster;
        active = active && !new_host;
        if (gpu->status == FLEET_ACTIVE && !active) {
            active = true;
            view->active_hosts++;
        }
        view->known += gpu_is_known(gpu);
        view->counts[gpu->status]++;
        last = gpu;
    }
}

/* A list of its own: the model's may be another one when the fields below are
 * resolved. */
static struct scope scope_filtered(const struct gql_call *call,
                                   const struct gpu_filter *filter)
{
    const struct fleet *fleet = fleet_of(call);
    struct fleet_gpu **gpus =
        arena_alloc(call->arena, (fleet->gpu_count + 1) * sizeof *gpus);
    struct scope scope = {.gpus = gpus};
    for (uint32_t i = 0; i < fleet->gpu_count; i++)
        if (gpu_filter_takes(filter, fleet->gpus[i]))
            gpus[scope.count++] = fleet->gpus[i];
    return scope;
}

const struct fleet_view *fleet_view_new(const struct gql_call *call,
                                        const struct gpu_filter *filter)
{
    struct fleet_view *view = arena_zalloc(call->arena, sizeof *view);
    view->fleet = fleet_of(call);
    view->scope = scope_filtered(call, filter);
    view->statuses =
        gpu_filter_names_status(filter) ? UINT32_MAX : STATS_ACTIVE;
    fleet_count(view);
    return view;
}

static void resolve_fleet(struct gql_batch *batch)
{
    const struct gpu_filter *filter;
    struct errmsg err;
    if (gpu_filter_of(&batch->call, &filter, &err) < 0) {
        gql_batch_fail(batch, GQL_CODE_INPUT, "%s", err.text);
    } else {
        const struct fleet_view *view = fleet_view_new(&batch->call, filter);
        for (uint32_t i = 0; i < batch->count; i++)
            gql_batch_object(batch, i, view);
    }
    gql_batch_done(batch);
}

/* ---- leaves ---- */

static void write_event_type(struct gql_out *out, const void *object)
{
    (void)object;
    json_put_text(&out->json, "fleet_summary");
}

static void write_sequence(struct gql_out *out, const void *object)
{
    const struct fleet_view *view = object;
    json_put_u64(&out->json, view->fleet->sequence);
}

static void write_following(struct gql_out *out, const void *object)
{
    const struct fleet_view *view = object;
    json_put_bool(&out->json, view->fleet->following);
}

static void write_total_clusters(struct gql_out *out, const void *object)
{
    const struct fleet_view *view = object;
    json_put_i64(&out->json, view->clusters);
}

static void write_total_hosts(struct gql_out *out, const void *object)
{
    const struct fleet_view *view = object;
    json_put_i64(&out->json, view->hosts);
}

static void write_total_gpus(struct gql_out *out, const void *object)
{
    const struct fleet_view *view = object;
    json_put_i64(&out->json, view->known);
}

static void write_active_hosts(struct gql_out *out, const void *object)
{
    const struct fleet_view *view = object;
    json_put_i64(&out->json, view->active_hosts);
}

static void write_active_gpus(struct gql_out *out, const void *object)
{
    const struct fleet_view *view = object;
    json_put_i64(&out->json, view->counts[FLEET_ACTIVE]);
}

/* ---- StatusCounts: its object is an array of counts ---- */

static void write_status_count(struct gql_out *out, const void *object)
{
    const uint32_t *counts = object;
    json_put_i64(&out->json, counts[out->call.field->binding->number]);
}

static void resolve_status_counts(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct fleet_view *view = batch->parents[i];
        gql_batch_object(batch, i, view->counts);
    }
    gql_batch_done(batch);
}

/* ---- models ---- */

struct model_count {
    const struct fleet_gpu *gpu; /* one of them */
    uint32_t count;
};

static int compare_models(const void *a, const void *b)
{
    struct str x = (*(const struct fleet_gpu *const *)a)->model;
    struct str y = (*(const struct fleet_gpu *const *)b)->model;
    size_t shorter = x.len < y.len ? x.len : y.len;
    int order = shorter > 0 ? memcmp(x.p, y.p, shorter) : 0;
    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

/* The most frequent first, then by name. */
static int compare_counts(const void *a, const void *b)
{
    const struct model_count *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return compare_models(&x->gpu, &y->gpu);
}

static struct model_count *models_of(const struct scope *scope,
                                     struct arena *arena, uint32_t *count)
{
    const struct fleet_gpu **gpus =
        arena_alloc(arena, (scope->count + 1) * sizeof *gpus);
    struct model_count *models =
        arena_alloc(arena, (scope->count + 1) * sizeof *models);
    uint32_t known = 0;
    for (uint32_t i = 0; i < scope->count; i++)
        if (gpu_is_known(scope->gpus[i]))
            gpus[known++] = scope->gpus[i];
    qsort(gpus, known, sizeof *gpus, compare_models);
    *count = 0;
    for (uint32_t i = 0; i < known; i++) {
        if (i == 0 || !str_eq(gpus[i]->model, gpus[i - 1]->model))
            models[(*count)++] = (struct model_count){.gpu = gpus[i]};
        models[*count - 1].count++;
    }
    qsort(models, *count, sizeof *models, compare_counts);
    return models;
}

static void give_models(struct gql_batch *batch, uint32_t parent)
{
    const struct fleet_view *view = batch->parents[parent];
    struct arena *arena = batch->call.arena;
    uint32_t count;
    struct model_count *models = models_of(&view->scope, arena, &count);
    const void **objects = arena_alloc(arena, (count + 1) * sizeof *objects);
    for (uint32_t i = 0; i < count; i++)
        objects[i] = &models[i];
    gql_batch_list(batch, parent, objects, count);
}

static void resolve_models(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        give_models(batch, i);
    gql_batch_done(batch);
}

static void write_model(struct gql_out *out, const void *object)
{
    const struct model_count *model = object;
    json_put_raw(&out->json, model->gpu->json_name);
}

static void write_model_count(struct gql_out *out, const void *object)
{
    const struct model_count *model = object;
    json_put_i64(&out->json, model->count);
}

static void resolve_statistics(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct fleet_view *view = batch->parents[i];
        stats_give(batch, i, &view->scope, view->statuses);
    }
    gql_batch_done(batch);
}

const struct gql_binding fleet_bindings[] = {
    {.name = "Query.asOf", .write = write_as_of},
    {.name = "Query.fleet", .resolve = resolve_fleet},
    {.name = "Fleet.eventType", .write = write_event_type},
    {.name = "Fleet.asOf", .write = write_as_of},
    {.name = "Fleet.timestamp", .write = write_as_of},
    {.name = "Fleet.sequence", .write = write_sequence},
    {.name = "Fleet.following", .write = write_following},
    {.name = "Fleet.totalClusters", .write = write_total_clusters},
    {.name = "Fleet.totalHosts", .write = write_total_hosts},
    {.name = "Fleet.totalGPUs", .write = write_total_gpus},
    {.name = "Fleet.activeHosts", .write = write_active_hosts},
    {.name = "Fleet.activeGPUs", .write = write_active_gpus},
    {.name = "Fleet.statusCounts", .resolve = resolve_status_counts},
    {.name = "Fleet.models", .resolve = resolve_models},
    {.name = "Fleet.statistics", .resolve = resolve_statistics},
    {.name = "StatusCounts.active",
     .write = write_status_count,
     .number = FLEET_ACTIVE},
    {.name = "StatusCounts.silent",
     .write = write_status_count,
     .number = FLEET_SILENT},
    {.name = "StatusCounts.missing",
     .write = write_status_count,
     .number = FLEET_MISSING},
    {.name = "StatusCounts.maintenance",
     .write = write_status_count,
     .number = FLEET_MAINTENANCE},
    {.name = "ModelCount.model", .write = write_model},
    {.name = "ModelCount.count", .write = write_model_count},
    {.name = NULL},
};
