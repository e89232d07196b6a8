/* route: the REST interface as one table.
 *
 * Each resource's file in api/rest/ describes its routes; route.c lists them,
 * reads the parameters by the route's own table and calls the handler. */
#ifndef NEXUS_API_ROUTE_H
#define NEXUS_API_ROUTE_H

#include "api/rest/object.h"
#include "api/rest/params.h"
#include "lib/http.h"

struct gateway;

/* One call of a route: lives as long as the request. */
struct api_call {
    struct gateway *gateway;
    struct http_request *req;
    struct param_value values[PARAMS_MAX]; /* in the order of the table */
};

/* All there is to say of an operation: how it is called, and the document
 * (rest/openapi.h). */
struct api_route {
    const char *name; /* of the operation: "listGpus" */
    const char *method;
    const char *pattern;
    const char *summary;
    const char *description; /* Markdown; or NULL */
    const char *tag;         /* one of openapi.json's */
    const struct api_param *params;
    const struct api_object *element; /* of the list it answers with */
    void (*handle)(struct api_call *call);
};

/* All routes; NULL at the end. */
extern const struct api_route *const api_routes[];

/* The table for http_config.routes, in the order of api_routes. The caller
 * frees it with route_table_free. */
struct http_route *route_table_new(struct gateway *gateway);
void route_table_free(struct http_route **table);

/* What a route of such a table was made from. */
const struct api_route *route_of(const struct http_route *route);

#endif
