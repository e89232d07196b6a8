/* request: what a client asks for, the same from every transport: a document or
 * its hash, the operation's name, variables. */
#ifndef NEXUS_GRAPHQL_REQUEST_H
#define NEXUS_GRAPHQL_REQUEST_H

#include "lib/arena.h"
#include "lib/errmsg.h"
#include "lib/http.h"
#include "lib/json.h"

struct graphql_request {
    struct str query;          /* p NULL: its hash alone */
    struct str hash;           /* extensions.persistedQuery.sha256Hash; len 0:
                                  none */
    struct str operation_name; /* p NULL: none */
    struct json variables;     /* an object, null or JSON_NONE */
};

/* From {"query","operationName","variables","extensions"}: all borrowed from
 * the JSON or in the arena. 0, or -EINVAL with *err. */
int graphql_request_read(struct graphql_request *request, struct json object,
                         struct arena *arena, struct errmsg *err);

/* From the text of such an object. */
int graphql_request_parse(struct graphql_request *request, struct str text,
                          struct arena *arena, struct errmsg *err);

/* From a URL's parameters of these names. */
int graphql_request_of_url(struct graphql_request *request,
                           struct http_request *req, struct errmsg *err);

/* JSON with the members of every object in order of their names, so that equal
 * values are equal texts. Nothing for JSON_NONE, null and {}. */
void graphql_canonical_append(struct json value, struct arena *arena,
                              struct buf *out);

#endif
