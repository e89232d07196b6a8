/* schema_build: what the steps from a schema's text to its types share.
 *
 *     schema.c           reads the text and takes the steps
 *     schema_document.c  names: known, and given once
 *     schema_build.c     types and directives
 *     schema_order.c     lists over all types
 *     schema_uses.c      directives where they are used
 *     schema_check.c     the rules of each kind of type
 *     schema_default.c   default values
 *
 * A step adds what is wrong to the errors; the next is taken only where
 * nothing was, so it need not ask again. */
#ifndef NEXUS_GRAPHQL_SCHEMA_BUILD_H
#define NEXUS_GRAPHQL_SCHEMA_BUILD_H

#include "api/graphql/schema_private.h"

struct gql_part {
    struct gql_part *next;
    const struct gql_type_def *def;
};

/* A type that the text defines. */
struct gql_type_source {
    enum gql_def_kind kind;
    struct gql_part *parts; /* its definition, then its extensions */
    struct gql_part *last;
    struct gql_type *own; /* NULL: it repeats a built-in scalar */
    const struct gql_type *type;
};

struct gql_build {
    struct gql_schema *schema;
    struct arena *arena; /* the schema's */
    struct gql_document doc;
    struct gql_errors *errors;
    struct gql_name_map names; /* of types to sources */
    struct gql_type_source *sources;
    uint32_t count;
    struct gql_type *own; /* the types, at their source's index */
    struct gql_directive *directives;
};

/* An error at one place. */
#define GQL_SCHEMA_ERROR(build, at, ...)                                      \
    gql_error_add((build)->errors, GQL_CODE_VALIDATION, &(uint32_t){(at)}, 1, \
                  __VA_ARGS__)

/* Is this the first of that name in the map? It is in it then, with that
 * value; otherwise *first (may be NULL) is set to the value of the first. */
bool gql_is_first(struct gql_build *build, struct gql_name_map *names,
                  struct str name, const void *value, const void **first);

/* A type as a message shows it; the arena's. */
const char *gql_build_ref_text(struct gql_build *build,
                               const struct gql_type_ref *type);

void gql_document_names(struct gql_build *build);
void gql_build_types(struct gql_build *build);
void gql_build_possible(struct gql_build *build);
void gql_build_order(struct gql_build *build);
void gql_check_uses(struct gql_build *build);
void gql_check_types(struct gql_build *build);
void gql_settle_defaults(struct gql_build *build);

/* The type of that name; NULL where it is not known. */
const struct gql_type *gql_build_find(const struct gql_build *build,
                                      struct str name);

/* Adds what makes a constant unfit for its type. what: "The default value of
 * Query.gpus(limit:)", put before each message. */
void gql_check_constant(struct gql_build *build, const struct gql_value *value,
                        const struct gql_type_ref *type, const char *what);

#endif
