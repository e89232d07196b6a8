/* gpus: GET /api/v1/gpus. */
#include <stdlib.h>

#include "api/respond.h"
#include "api/rest/rest.h"

static int gpu_order(const void *a, const void *b)
{
    const struct fleet_gpu *x = *(const struct fleet_gpu *const *)a,
                           *y = *(const struct fleet_gpu *const *)b;
    int order = str_order(x->host->name, y->host->name);
    if (order == 0)
        order = fleet_index_order(x->index, y->index);
    return order != 0 ? order : str_order(x->uuid, y->uuid);
}

/* A place whose GPU was never seen has none to list. */
static uint32_t gpus_gather(const struct fleet *fleet, struct arena *arena,
                            const void ***items)
{
    uint32_t count = 0;
    *items = arena_alloc(arena, (fleet->gpu_count + 1) * sizeof **items);
    for (uint32_t i = 0; i < fleet->gpu_count; i++)
        if (fleet->gpus[i]->uuid.len > 0)
            (*items)[count++] = fleet->gpus[i];
    /* Within a cluster the model has this order. */
    if (fleet->cluster_count > 1)
        qsort(*items, count, sizeof **items, gpu_order);
    return count;
}

static void gpu_append(struct json_writer *w, const void *item)
{
    const struct fleet_gpu *gpu = item;
    json_begin_object(w);
    json_key(w, "id");
    json_put_raw(w, gpu->json_index);
    json_key(w, "uuid");
    json_put_raw(w, gpu->json_uuid);
    json_key(w, "hostname");
    json_put_raw(w, gpu->host->json_name);
    json_key(w, "name");
    json_put_raw(w, gpu->json_model);
    json_key(w, "device");
    json_put_raw(w, gpu->json_device);
    json_member_text(w, "status", fleet_status_names[gpu->status]);
    json_end_object(w);
}

static void gpus_handle(struct api_call *call)
{
    static const struct fleet_list list = {gpus_gather, gpu_append};
    respond_fleet(call, &list);
}

static const struct api_object gpu_object = {
    .name = "Gpu",
    .help = "A GPU",
    .fields =
        (const struct api_field[]){
            {.name = "id",
             .type = FIELD_TEXT,
             .help = "its number on the host",
             .example = "0"},
            {.name = "uuid",
             .type = FIELD_TEXT,
             .help = "its UUID: its name everywhere",
             .example = "GPU-5fd4f087-86f3-7a43-b711-4771313afc50"},
            {.name = "hostname",
             .type = FIELD_TEXT,
             .help = "the host it is in",
             .example = "dgx-01"},
            {.name = "name",
             .type = FIELD_TEXT,
             .help = "its model",
             .example = "NVIDIA H100 80GB HBM3"},
            {.name = "device",
             .type = FIELD_TEXT,
             .help = "its device file",
             .example = "nvidia0"},
            {.name = "status",
             .type = FIELD_STATUS,
             .help = "active; silent, not heard of for three of its "
                     "intervals; missing, left out by its host; maintenance"},
            FIELDS_END,
        },
};

static const struct api_param params[] = {PARAMS_END};

const struct api_route gpus_list = {
    .name = "listGpus",
    .method = "GET",
    .pattern = "/api/v1/gpus",
    .summary = "Every GPU, by host and index",
    .tag = "fleet",
    .params = params,
    .element = &gpu_object,
    .handle = gpus_handle,
};
