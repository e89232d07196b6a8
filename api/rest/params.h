/* params: a request's parameters, read by the table of its route.
 *
 * The table is all there is to know about them: what it does not name is
 * refused. */
#ifndef NEXUS_API_REST_PARAMS_H
#define NEXUS_API_REST_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/http.h"
#include "lib/str.h"

#define PARAMS_MAX 8 /* of a route */

enum param_place { PARAM_PATH, PARAM_QUERY };
enum param_type {
    PARAM_TEXT,
    PARAM_INT, /* within min..max */
    PARAM_TIME /* RFC 3339, "now", "now-5m" */
};

struct api_param {
    const char *name; /* NULL ends a table */
    enum param_place place;
    enum param_type type;
    const char *initial; /* the default as text; NULL: none */
    int64_t min, max;    /* PARAM_INT */
    const char *help;
    const char *example; /* for who tries it out; or NULL */
};

#define PARAMS_END   \
    {                \
        .name = NULL \
    }

/* One value a line of the table, in its order. */
struct param_value {
    bool given; /* or had a default */
    struct str text;
    int64_t number; /* PARAM_INT; PARAM_TIME: nanoseconds */
};

/* Fills values by the table. False when the request was refused: it has been
 * replied to with 400 naming parameter, value and what was expected. */
bool params_parse(struct http_request *req, const struct api_param *table,
                  struct param_value values[PARAMS_MAX]);

#endif
