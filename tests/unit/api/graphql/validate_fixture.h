/* A schema and a document, validated: what is said of it and how many steps it
 * took. */
#ifndef NEXUS_TESTS_VALIDATE_FIXTURE_H
#define NEXUS_TESTS_VALIDATE_FIXTURE_H

#include "unit/test.h"

#include "api/graphql/parse.h"
#include "api/graphql/validate_private.h"
#include "lib/buf.h"

#define FIXTURE_SCHEMA                                                  \
    "directive @cost(value: Int!) on FIELD_DEFINITION\n"                \
    "interface Node { id: ID  name: String  peer: Node }\n"             \
    "type Gpu implements Node {\n"                                      \
    "  id: ID  name: String  peer: Node  host: Host\n"                  \
    "  samples(limit: Int = 50, from: Int): [Sample!]!  text(a: Any): " \
    "String\n"                                                          \
    "}\n"                                                               \
    "type Host implements Node {\n"                                     \
    "  id: ID  name: String  peer: Node  gpus(first: Int): [Gpu!]!\n"   \
    "  page(first: Int, last: Int): Page\n"                             \
    "}\n"                                                               \
    "type Page { edges: [Edge]  total: Int }\n"                         \
    "type Edge { node: Gpu }\n"                                         \
    "type Sample { at: Int  value(of: In): Float }\n"                   \
    "input In { a: Int  b: Int  c: In }\n"                              \
    "scalar Any\n"                                                      \
    "type Query { gpu(id: ID): Gpu  host: Host  hosts: [Host!]!\n"      \
    "  node: Node  q: Query  dear: Int @cost(value: 100) }\n"           \
    "type Subscription { gpu: Gpu }\n"

struct validated {
    uint64_t work;
    uint32_t errors;
    char first[512]; /* the message of the first, and its code */
    char code[64];
};

/* No limits but those on introspection and errors. */
static inline struct gql_limits no_limits(void)
{
    struct gql_limits limits = gql_limits_default;
    limits.tokens = limits.depth = limits.aliases = limits.directives = 0;
    limits.root_fields = 0;
    limits.cost = 0;
    return limits;
}

static inline struct gql_schema *schema_of(const char *text)
{
    struct errmsg err = {{0}};
    struct gql_schema *schema =
        gql_schema_new(str_of(text), "fixture", NULL, &err);
    if (schema == NULL)
        fail_msg("%s", err.text);
    return schema;
}

static inline struct validated validated(const struct gql_schema *schema,
                                         struct str source,
                                         const struct gql_limits *limits)
{
    struct arena arena = {0};
    struct gql_document doc = {.arena = &arena};
    struct gql_errors errors = {.arena = &arena, .source = source};
    struct gql_parse_limits parse_limits = {0};
    struct validated result = {0};
    if (gql_parse(&doc, source, &parse_limits, &errors) == 0)
        result.work = validation_run(schema, &doc, limits, &errors);
    result.errors = errors.count;
    if (errors.first != NULL) {
        snprintf(result.first, sizeof result.first, "%.*s",
                 STR_ARG(errors.first->message));
        snprintf(result.code, sizeof result.code, "%s", errors.first->code);
    }
    arena_fini(&arena);
    return result;
}

#endif
