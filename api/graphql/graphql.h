/* graphql: the engine's face. A request goes
 *
 *     text ──gql_prepare──▶ query (parsed, validated, cached)
 *          ──gql_plan_new──▶ plan (one operation with its variables)
 *          ──gql_execute──▶ bytes of the response
 *
 * The first two are done once for a text and for a subscription; the last once
 * for an event. Nothing here knows what the API is about. One thread uses a
 * cache and all that comes from it. */
#ifndef NEXUS_GRAPHQL_H
#define NEXUS_GRAPHQL_H

#include "api/graphql/ast.h"
#include "api/graphql/bind.h"
#include "api/graphql/error.h"
#include "api/graphql/limits.h"
#include "api/graphql/schema.h"

/* ---- documents, parsed and validated ---- */

#define GQL_HASH_LEN 64 /* SHA-256 in lower-case hexadecimal */

/* A document that may be executed, or the errors that it has. Reference
 * counted: gql_query_unref when done. */
struct gql_query {
    uint32_t refs;
    struct arena arena;
    struct gql_document document;
    struct gql_errors errors; /* count 0: valid */
    char hash[GQL_HASH_LEN + 1];
};

struct gql_cache_config {
    size_t entries_max; /* documents kept; the least used leave first: 1000 */
    size_t bytes_max;   /* of their memory, with plans that are kept: 16 MiB */
    bool allow_list;    /* only what gql_cache_allow has put in is executed */
};

struct gql_cache; /* of one schema */

struct gql_cache *gql_cache_new(const struct gql_schema *schema,
                                const struct gql_limits *limits,
                                const struct gql_cache_config *config);
void gql_cache_free(struct gql_cache **cache);
const struct gql_schema *gql_cache_schema(const struct gql_cache *cache);
const struct gql_limits *gql_cache_limits(const struct gql_cache *cache);

/* Puts a document on the allow-list. 0, or -EINVAL with *err. */
int gql_cache_allow(struct gql_cache *cache, struct str source,
                    struct errmsg *err);

/* How gql_prepare ended. */
enum gql_prepared {
    GQL_PREPARED,      /* *query is set; it may hold errors */
    GQL_NOT_FOUND,     /* a hash alone that is not known: the client sends the
                          text (PERSISTED_QUERY_NOT_FOUND) */
    GQL_HASH_MISMATCH, /* the hash is not the text's */
    GQL_NOT_ALLOWED    /* not on the allow-list */
};

/* Finds or parses and validates. hash: of Apollo's automatic persisted queries,
 * len 0: none. source: p NULL: hash alone. A document is kept for its hash only
 * where a hash was given with it or the cache saw it before. */
enum gql_prepared gql_prepare(struct gql_cache *cache, struct str source,
                              struct str hash, struct gql_query **query);
void gql_query_unref(struct gql_query **query);

/* ---- one operation of a document with variables ---- */

struct gql_variables; /* coerced */
struct gql_plan;
struct gql_execution;

/* Picks the operation (name.p NULL: there must be one only), coerces the
 * variables (a JSON object, null or JSON_NONE), checks the cost, collects the
 * fields. NULL with errors added (their arena and source set by the caller):
 * a request error. The plan holds its query and has an arena of its own. */
struct gql_plan *gql_plan_new(struct gql_cache *cache, struct gql_query *query,
                              struct str operation_name, struct json variables,
                              struct gql_errors *errors);
void gql_plan_free(struct gql_plan **plan);
enum gql_operation_type gql_plan_type(const struct gql_plan *plan);

/* ---- execution ---- */

/* Called once, with the whole response, {"data":…} or
 * {"errors":[…],"data":…}, in *out (the callee may take its memory); failed:
 * it has errors. Maybe before gql_execute returns. */
typedef void (*gql_done_fn)(struct buf *out, bool failed, void *arg);

/* Executes a query or mutation (root NULL), or a subscription's plan for one
 * event (root: the event). A plan may be executed any number of times, at the
 * same time, too. NULL: done was called already; else it will be, unless the
 * execution is cancelled. */
struct gql_execution *gql_execute(struct gql_plan *plan, const void *root,
                                  void *context, gql_done_fn done, void *arg);

/* The client has gone: nothing is written any more, done is not called; what
 * the resolvers have under way ends by itself. Not after done. */
void gql_execution_cancel(struct gql_execution *execution);

/* It takes too long: done is called now, with an error that says so. Not after
 * done. (limits->time_ns alone is looked at only when a batch is done.) */
void gql_execution_expire(struct gql_execution *execution);

/* Starts a subscription's source (its field's `subscribe`). NULL with errors
 * added. */
struct gql_source *gql_subscribe(struct gql_plan *plan, void *context,
                                 gql_event_fn on_event, void *arg,
                                 struct gql_errors *errors);

/* {"errors":[…]} alone: the response to a request error. */
void gql_response_errors(const struct gql_errors *errors, struct buf *out);

#endif
