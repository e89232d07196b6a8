/* respond: how an API call is answered, the same for every resource. */
#ifndef NEXUS_API_RESPOND_H
#define NEXUS_API_RESPOND_H

#include "api/db.h"
#include "api/fleet/fleet.h"
#include "api/route.h"
#include "lib/json.h"

/* {"success":true,"count":N,"data":[ … ]}: what comes between the two calls is
 * the elements. */
struct json_writer respond_begin(struct buf *out, int64_t count);
void respond_end(struct api_call *call, struct json_writer *w);

/* Runs the query and answers with its rows, each as append writes it. What is
 * active the live model knows better than the rows, where it knows of it. */
typedef void (*row_append)(struct json_writer *w, const struct fleet *fleet,
                           const PGresult *rows, int row);
void respond_rows(struct api_call *call, const struct db_statement *statement,
                  const struct db_param *params, int count, row_append append);

/* For a query that did not end with DB_OK: 503, with Retry-After where trying
 * again helps, or 500. */
void respond_db_problem(struct api_call *call, enum db_outcome outcome);

/* A GPU that was last seen before this is silent: a parameter for queries. */
struct db_param respond_active_since(const struct api_call *call);

#endif
