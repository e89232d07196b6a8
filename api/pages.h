/* pages: what the gateway shows in a browser, from the files of build/web: the
 * dashboard at /, GraphiQL's parts (its page is /graphql itself), Swagger UI at
 * /swagger/. Addresses in them, and in redirects, are relative, so that all of
 * it works behind a proxy that takes a prefix off the path. */
#ifndef NEXUS_API_PAGES_H
#define NEXUS_API_PAGES_H

#include "api/static.h"

struct pages;

/* files is borrowed. */
struct pages *pages_new(struct static_files *files);
void pages_free(struct pages **pages);

/* For http_config.routes, behind those of the documents under /swagger/. */
const struct http_route *pages_routes(struct pages *pages);

#endif
