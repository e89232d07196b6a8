/* openapi: the REST interface as a document, OpenAPI 3.1.
 *
 * Made once, from openapi.json (what is the same for all, and the addresses
 * that are not REST), the route table and the metric catalogue. */
#ifndef NEXUS_API_REST_OPENAPI_H
#define NEXUS_API_REST_OPENAPI_H

#include "lib/buf.h"
#include "lib/http.h"

struct openapi;

/* What of the gateway is turned on: the rest is not described. */
struct openapi_scope {
    bool graphql, websocket;
};

struct openapi *openapi_new(const struct openapi_scope *scope);
void openapi_free(struct openapi **openapi);

/* GET /swagger/swagger.json, spec.json (the same) and swagger.yaml; for
 * http_config.routes. */
const struct http_route *openapi_routes(struct openapi *openapi);

#endif
