/* route: see the header. */
#include "api/route.h"

#include <stdlib.h>

#include "api/rest/rest.h"
#include "lib/mem.h"

const struct api_route *const api_routes[] = {
    &clusters_list, &hosts_list, &gpus_list, &gpu_telemetry, NULL,
};

struct bound_route {
    struct gateway *gateway;
    const struct api_route *route;
};

static void route_call(struct http_request *req, void *arg)
{
    const struct bound_route *bound = arg;
    struct api_call *call = arena_zalloc(http_arena(req), sizeof *call);
    call->gateway = bound->gateway;
    call->req = req;
    if (params_parse(req, bound->route->params, call->values))
        bound->route->handle(call);
}

struct http_route *route_table_new(struct gateway *gateway)
{
    size_t count = 0;
    while (api_routes[count] != NULL)
        count++;
    struct http_route *table = mem_zalloc((count + 1) * sizeof *table);
    struct bound_route *bound = mem_zalloc(count * sizeof *bound);
    for (size_t i = 0; i < count; i++) {
        bound[i] = (struct bound_route){gateway, api_routes[i]};
        table[i] = (struct http_route){.method = api_routes[i]->method,
                                       .pattern = api_routes[i]->pattern,
                                       .handle = route_call,
                                       .arg = &bound[i]};
    }
    return table;
}

void route_table_free(struct http_route **table)
{
    if (*table != NULL)
        free((*table)[0].arg);
    free(*table);
    *table = NULL;
}

const struct api_route *route_of(const struct http_route *route)
{
    return ((const struct bound_route *)route->arg)->route;
}
