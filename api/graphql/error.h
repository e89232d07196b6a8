/* error: what went wrong with a GraphQL request, for its `errors` (Response
 * Format, September 2025 edition, section 7.1.2). */
#ifndef NEXUS_GRAPHQL_ERROR_H
#define NEXUS_GRAPHQL_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/str.h"

#define GQL_ERRORS_DEFAULT 100 /* of one request */

/* A step of a path: a response name, or an index where name.p is NULL. */
struct gql_path {
    const struct gql_path *up; /* towards the root; NULL at the top */
    struct str name;
    uint32_t index;
};

struct gql_location {
    uint32_t line;   /* from 1; ended by LF, CR LF or CR */
    uint32_t column; /* from 1, in UTF-16 code units as graphql-js counts */
};

struct gql_error {
    struct gql_error *next;
    struct str message;
    const char *code; /* extensions.code: "GRAPHQL_VALIDATION_FAILED" … */
    struct gql_location *locations;
    uint32_t location_count;
    const struct gql_path *path; /* NULL: no `path` member */
};

#define GQL_CODE_PARSE      "GRAPHQL_PARSE_FAILED"
#define GQL_CODE_VALIDATION "GRAPHQL_VALIDATION_FAILED"
#define GQL_CODE_INPUT      "BAD_USER_INPUT" /* variables, arguments */
#define GQL_CODE_OPERATION  "OPERATION_RESOLUTION_FAILURE"
#define GQL_CODE_LIMIT      "LIMIT_EXCEEDED"
#define GQL_CODE_INTERNAL   "INTERNAL_SERVER_ERROR"

/* Errors in the order they were found. Memory is the arena's. */
struct gql_errors {
    struct arena *arena;
    struct str source; /* of the document: offsets become locations by it */
    uint32_t max;      /* 0: GQL_ERRORS_DEFAULT */
    uint32_t count;    /* kept */
    struct gql_error *first, *last;
    uint32_t located_to; /* error.c's: where it left off counting lines */
    struct gql_location located;
};

static inline bool gql_errors_full(const struct gql_errors *errors)
{
    return errors->count >=
           (errors->max > 0 ? errors->max : GQL_ERRORS_DEFAULT);
}

/* Adds an error at byte offsets of the source, in the order given. Where the
 * list is full nothing is added but, once, "Too many … errors" with code
 * LIMIT_EXCEEDED, which is one more than the maximum. */
void gql_error_add(struct gql_errors *errors, const char *code,
                   const uint32_t *offsets, uint32_t count, const char *format,
                   ...) __attribute__((format(printf, 5, 6)));

/* The same with the message as it is, a NUL in it and all, and of an execution
 * error its path (copied), or NULL. */
void gql_error_add_str(struct gql_errors *errors, const char *code,
                       const uint32_t *offsets, uint32_t count,
                       const struct gql_path *path, struct str message);

/* Appends the JSON list, "[{"message":…,"locations":[…],"path":[…],
 * "extensions":{"code":…}}]". */
void gql_errors_append(const struct gql_errors *errors, struct buf *out);

#endif
