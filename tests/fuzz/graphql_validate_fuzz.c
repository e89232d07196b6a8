/* Any bytes as a document, validated on a schema that has something of
 * everything: twice to the same end, and in a number of steps that grows with
 * the document. What is valid has a cost and keeps it.
 *
 * fuzz-links: api/graphql/?*.c */
#include <assert.h>

#include "api/graphql/parse.h"
#include "api/graphql/validate_private.h"

/* Of validation: the budgets of merging and of shared fragments among them. */
#define STEPS_LEAST     500000
#define STEPS_PER_TOKEN 2000

static const char text[] =
    "directive @once(a: Int! = 1, b: [String]) on FIELD | QUERY |"
    " INLINE_FRAGMENT | FRAGMENT_SPREAD | VARIABLE_DEFINITION\n"
    "directive @many(a: In) repeatable on FIELD | FRAGMENT_DEFINITION\n"
    "interface I { a: Int  b(x: Int, y: In): String  i: I }\n"
    "interface J implements I { a: Int  b(x: Int, y: In): String  i: I }\n"
    "type A implements I & J { a: Int  b(x: Int, y: In): String  i: I\n"
    "  l(first: Int = 3): [A!]!  u: U }\n"
    "type B implements I { a: Int  b(x: Int, y: In): String  i: I\n"
    "  l(limit: Int!): [[B]]  c: E }\n"
    "union U = A | B\n"
    "enum E { X Y Z }\n"
    "scalar S\n"
    "input In { a: Int!  b: [Int!]  c: In  d: Int! = 4  o: O }\n"
    "input O @oneOf { a: Int  b: String  c: In }\n"
    "type Query { a: A  b: B  i: I  j: J  u: U  q(x: Boolean): Query\n"
    "  f(i: Int, f: Float, s: String, t: Boolean, d: ID, e: E, x: S, n: In,\n"
    "    o: O, p: O!, l: [Int!]!, m: [[In]]): Int }\n"
    "type Mutation { m(x: Int!): A }\n"
    "type Subscription { s: A  t: Int }\n";

static struct gql_schema *schema_once(void)
{
    static struct gql_schema *schema;
    if (schema == NULL)
        schema = gql_schema_new(str_of(text), "fuzz", NULL, NULL);
    assert(schema != NULL);
    return schema;
}

static void check_cost(const struct gql_schema *schema,
                       const struct gql_document *doc,
                       const struct gql_limits *limits)
{
    for (const struct gql_definition *def = doc->first; def != NULL;
         def = def->next)
        if (def->kind == GQL_DEF_OPERATION)
            assert(gql_cost(schema, doc, &def->operation, NULL, limits) ==
                   gql_cost(schema, doc, &def->operation, NULL, limits));
}

/* Returns how many errors there are. */
static uint32_t check(const struct gql_document *doc, struct arena *arena,
                      const struct gql_limits *limits)
{
    struct gql_errors errors = {.arena = arena, .source = doc->source};
    uint64_t work = validation_run(schema_once(), doc, limits, &errors);
    struct buf out = {0};
    assert(work <= STEPS_LEAST + (uint64_t)STEPS_PER_TOKEN * doc->tokens);
    gql_errors_append(&errors, &out);
    buf_fini(&out);
    return errors.count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena arena;
    struct str source = str_make((const char *)data, size);
    struct gql_document doc = {.arena = &arena};
    struct gql_errors errors = {.arena = &arena, .source = source};
    struct gql_parse_limits parse_limits = {0};
    struct gql_limits limits = gql_limits_default;
    if (gql_parse(&doc, source, &parse_limits, &errors) == 0) {
        uint32_t found = check(&doc, &arena, &limits);
        assert(check(&doc, &arena, &limits) == found);
        if (found == 0)
            check_cost(schema_once(), &doc, &limits);
        limits = (struct gql_limits){.errors = 1000};
        check(&doc, &arena, &limits);
    }
    arena_reset(&arena);
    return 0;
}
