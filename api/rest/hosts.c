/* hosts: GET /api/v1/hosts. */
#include <stdlib.h>

#include "api/respond.h"
#include "api/rest/rest.h"

static int host_order(const void *a, const void *b)
{
    const struct fleet_host *x = *(const struct fleet_host *const *)a,
                            *y = *(const struct fleet_host *const *)b;
    int order = str_order(x->name, y->name);
    return order != 0 ? order : str_order(x->cluster->name, y->cluster->name);
}

static uint32_t hosts_gather(const struct fleet *fleet, struct arena *arena,
                             const void ***items)
{
    *items = arena_alloc(arena, (fleet->host_count + 1) * sizeof **items);
    for (uint32_t i = 0; i < fleet->host_count; i++)
        (*items)[i] = fleet->hosts[i];
    qsort(*items, fleet->host_count, sizeof **items, host_order);
    return fleet->host_count;
}

int64_t rest_gpus_of(const struct fleet_host *host)
{
    int64_t n = 0;
    for (uint32_t i = 0; i < host->gpu_count; i++)
        n += host->gpus[i]->uuid.len > 0;
    return n;
}

static void host_append(struct json_writer *w, const void *item)
{
    const struct fleet_host *host = item;
    json_begin_object(w);
    json_key(w, "hostname");
    json_put_raw(w, host->json_name);
    json_key(w, "cluster_id");
    json_put_raw(w, host->cluster->json_name);
    json_member_i64(w, "total_gpus", rest_gpus_of(host));
    json_member_i64(w, "active_gpus", host->counts[FLEET_ACTIVE]);
    json_end_object(w);
}

static void hosts_handle(struct api_call *call)
{
    static const struct fleet_list list = {hosts_gather, host_append};
    respond_fleet(call, &list);
}

static const struct api_object host_object = {
    .name = "Host",
    .help = "A host",
    .fields =
        (const struct api_field[]){
            {.name = "hostname",
             .type = FIELD_TEXT,
             .help = "its name",
             .example = "dgx-01"},
            {.name = "cluster_id",
             .type = FIELD_TEXT,
             .help = "the cluster it is in",
             .example = "local"},
            {.name = "total_gpus",
             .type = FIELD_COUNT,
             .help = "GPUs that ever reported"},
            {.name = "active_gpus",
             .type = FIELD_COUNT,
             .help = "GPUs that report as they should"},
            FIELDS_END,
        },
};

static const struct api_param params[] = {PARAMS_END};

const struct api_route hosts_list = {
    .name = "listHosts",
    .method = "GET",
    .pattern = "/api/v1/hosts",
    .summary = "Every host, with the number of its GPUs",
    .tag = "fleet",
    .params = params,
    .element = &host_object,
    .handle = hosts_handle,
};
