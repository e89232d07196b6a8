/* schema: from text to types, step by step; see schema_build.h. */
#include "api/graphql/schema.h"

#include <errno.h>
#include <stdlib.h>

#include "api/graphql/parse.h"
#include "api/graphql/schema_build.h"
#include "lib/mem.h"

typedef void (*step_fn)(struct gql_build *build);

static void take_steps(struct gql_build *build)
{
    static const step_fn steps[] = {
        gql_document_names, gql_build_types, gql_build_possible,
        gql_check_uses,     gql_check_types, gql_settle_defaults,
        gql_build_order,
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (build->errors->count == 0)
            steps[i](build);
}

static void say_first(const struct gql_errors *errors, const char *name,
                      struct errmsg *err)
{
    const struct gql_error *e = errors->first;
    struct gql_location at = {1, 1};
    if (e->location_count > 0)
        at = e->locations[0];
    errmsg_set(err, -EINVAL, "%s:%u:%u: %.*s", name, at.line, at.column,
               STR_ARG(e->message));
}

struct gql_schema *gql_schema_new(struct str source, const char *name,
                                  struct gql_errors *errors, struct errmsg *err)
{
    struct gql_schema *schema = mem_zalloc(sizeof *schema);
    struct gql_errors own = {.arena = &schema->arena};
    struct gql_build build = {.schema = schema,
                              .arena = &schema->arena,
                              .doc = {.arena = &schema->arena},
                              .errors = errors != NULL ? errors : &own};
    if (gql_parse(&build.doc, source, NULL, build.errors) == 0)
        take_steps(&build);
    build.errors->source = source;
    if (build.errors->count > 0) {
        say_first(build.errors, name, err);
        gql_schema_free(&schema);
    }
    return schema;
}

void gql_schema_free(struct gql_schema **schema)
{
    if (*schema == NULL)
        return;
    arena_fini(&(*schema)->arena);
    free(*schema);
    *schema = NULL;
}
