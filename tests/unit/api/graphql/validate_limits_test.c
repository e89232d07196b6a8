/* What one request may ask for: each limit lets its figure through and not one
 * more, says so by its name, and is off at 0. */
#include "unit/api/graphql/validate_fixture.h"

#include "api/graphql/coerce.h"

static struct gql_schema *schema;

static struct validated check(const char *source,
                              const struct gql_limits *limits)
{
    return validated(schema, str_of(source), limits);
}

static void assert_refused(const char *source, const struct gql_limits *limits,
                           const char *message)
{
    struct validated result = check(source, limits);
    assert_int_equal(result.errors, 1);
    assert_string_equal(result.first, message);
    assert_string_equal(result.code, "LIMIT_EXCEEDED");
}

static void assert_good(const char *source, const struct gql_limits *limits)
{
    struct validated result = check(source, limits);
    if (result.errors > 0)
        fail_msg("%s: %s", source, result.first);
}

static void test_defaults_let_graphiql_in(void **state)
{
    (void)state;
    assert_good(
        "query IntrospectionQuery { __schema { description queryType { name } "
        "types { ...FullType } directives { name args { ...InputValue } } } } "
        "fragment FullType on __Type { kind name fields(includeDeprecated: "
        "true) { name args { ...InputValue } type { ...TypeRef } } "
        "inputFields { ...InputValue } interfaces { ...TypeRef } possibleTypes "
        "{ ...TypeRef } } fragment InputValue on __InputValue { name type { "
        "...TypeRef } defaultValue } fragment TypeRef on __Type { kind name "
        "ofType { kind name ofType { kind name ofType { kind name ofType { "
        "kind "
        "name ofType { kind name ofType { kind name ofType { kind name ofType "
        "{ kind name ofType { kind name } } } } } } } } } }",
        &gql_limits_default);
}

static void test_depth(void **state)
{
    (void)state;
    struct gql_limits limits = no_limits();
    limits.depth = 3;
    assert_good("{ gpu { host { name } } }", &limits);
    assert_refused("{ q { gpu { host { name } } } }", &limits,
                   "A depth of 4 is more than the limit of 3.");
    assert_refused(
        "{ ...A } fragment A on Query { gpu { ...B } } fragment B on "
        "Gpu { ... { host { page { total } } } }",
        &limits, "A depth of 4 is more than the limit of 3.");
    limits.depth = 0;
    assert_good("{ q { gpu { host { name } } } }", &limits);
}

static void test_aliases(void **state)
{
    (void)state;
    struct gql_limits limits = no_limits();
    limits.aliases = 2;
    assert_good("{ a: dear b: dear dear }", &limits);
    assert_refused("{ a: dear gpu { b: id ...F } } fragment F on Gpu { c: id }",
                   &limits, "3 aliases are more than the limit of 2.");
}

static void test_directives(void **state)
{
    (void)state;
    struct gql_limits limits = no_limits();
    limits.directives = 2;
    assert_good("{ dear @skip(if: false) @include(if: true) }", &limits);
    assert_refused("{ dear @skip(if: false) ... @skip(if: true) { gpu { ...F "
                   "@skip(if: true) } } } fragment F on Gpu { id }",
                   &limits, "3 directives are more than the limit of 2.");
}

static void test_root_fields(void **state)
{
    (void)state;
    struct gql_limits limits = no_limits();
    limits.root_fields = 3;
    assert_good("{ dear gpu { id name peer { id } } ... { node { id } } }",
                &limits);
    assert_refused("{ dear ...F ...F } fragment F on Query { a: dear b: dear }",
                   &limits, "5 root fields are more than the limit of 3.");
}

static void test_introspection_off(void **state)
{
    (void)state;
    struct gql_limits limits = no_limits();
    limits.introspection = false;
    assert_good("{ __typename gpu { __typename } }", &limits);
    assert_refused(
        "{ __schema { description } }", &limits,
        "Introspection is turned off: \"__schema\" cannot be asked for.");
    assert_refused("{ ...F } fragment F on Query { t: __type(name: \"A\") { "
                   "name } }",
                   &limits,
                   "Introspection is turned off: \"__type\" cannot be asked "
                   "for.");
}

static void test_fragments_in_fragments(void **state)
{
    (void)state;
    struct gql_limits limits = no_limits();
    struct buf text = {0};
    buf_append_text(&text, "{ ...F0 }");
    for (int i = 0; i <= GQL_FRAGMENT_DEPTH_MAX; i++)
        buf_printf(&text, " fragment F%d on Query { dear %s%d }", i,
                   i < GQL_FRAGMENT_DEPTH_MAX ? "...F" : "x", i + 1);
    assert_refused(buf_text(&text), &limits,
                   "Fragments are spread in one another more than 1000 deep.");
    buf_fini(&text);
}

/* ---- cost ---- */

static uint64_t cost_of(const char *source, struct gql_variables *variables)
{
    struct arena arena = {0};
    struct gql_document doc = {.arena = &arena};
    struct gql_errors errors = {.arena = &arena, .source = str_of(source)};
    struct gql_parse_limits parse_limits = {0};
    assert_int_equal(gql_parse(&doc, str_of(source), &parse_limits, &errors),
                     0);
    uint64_t cost = gql_cost(schema, &doc, &doc.first->operation, variables,
                             &gql_limits_default);
    arena_fini(&arena);
    return cost;
}

static void test_cost(void **state)
{
    (void)state;
    assert_int_equal(cost_of("{ gpu { id name } }", NULL), 3);
    assert_int_equal(cost_of("{ dear }", NULL), 100);
    assert_int_equal(
        cost_of("{ __typename __schema { types { name } } }", NULL), 0);
    /* A list has ten items unless it says how many. */
    assert_int_equal(cost_of("{ hosts { id } }", NULL), 1 + 10);
    assert_int_equal(cost_of("{ hosts { gpus { id } } }", NULL),
                     1 + 10 * (1 + 10));
    assert_int_equal(cost_of("{ hosts { gpus(first: 4) { id } } }", NULL),
                     1 + 10 * (1 + 4));
    assert_int_equal(cost_of("{ gpu { samples { at } } }", NULL), 2 + 50);
    assert_int_equal(cost_of("{ gpu { samples(limit: 0) { at } } }", NULL), 2);
    /* A page hands its size on to the list in it. */
    assert_int_equal(
        cost_of("{ host { page(first: 7) { total edges { node { id } } } } }",
                NULL),
        2 + 1 + 1 + 7 * 2);
    assert_int_equal(
        cost_of("{ host { page(first: 7) { ...P } } } fragment P on "
                "Page { edges { node { id } } }",
                NULL),
        2 + 1 + 7 * 2);
}

static void test_cost_of_variables(void **state)
{
    (void)state;
    const char *source =
        "query ($n: Int = 3) { gpu { samples(limit: $n) { at } "
        "} }";
    struct gql_value value = {.kind = GQL_INT, .i64 = 20};
    struct gql_variable variable = {STR("n"), &value};
    struct gql_variables variables = {.list = &variable, .count = 1};
    assert_int_equal(cost_of(source, NULL), 2 + 3);
    assert_int_equal(cost_of(source, &variables), 2 + 20);
    variable.value = NULL;
    assert_int_equal(cost_of(source, &variables), 2 + 50);
}

/* 10^40: what is too large to count is not small. */
static void test_cost_does_not_overflow(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_append_text(&text, "{ host { ");
    for (int i = 0; i < 40; i++)
        buf_append_text(&text, "gpus { host { ");
    buf_append_text(&text, "id ");
    for (int i = 0; i < 81; i++)
        buf_append_text(&text, "} ");
    buf_append_text(&text, "}");
    assert_true(cost_of(buf_text(&text), NULL) == UINT64_MAX);
    buf_fini(&text);
}

/* Spread twice in one another, sixty times: 2^60, in no time. */
static void test_cost_of_doubling_fragments(void **state)
{
    (void)state;
    struct gql_limits limits = no_limits();
    struct buf text = {0};
    limits.cost = 1000;
    buf_append_text(&text, "{ ...F0 }");
    for (int i = 0; i < 60; i++)
        buf_printf(&text,
                   " fragment F%d on Query { q { ...F%d } p: q { ...F%d } }", i,
                   i + 1, i + 1);
    buf_append_text(&text, " fragment F60 on Query { dear }");
    struct validated result = check(buf_text(&text), &limits);
    assert_int_equal(result.errors, 1);
    assert_contains(result.first, "is more than the limit of 1000.");
    assert_true(result.work < 10000);
    buf_fini(&text);
}

static void test_cost_is_limited(void **state)
{
    (void)state;
    struct gql_limits limits = no_limits();
    limits.cost = 11;
    assert_good("{ hosts { id } }", &limits);
    assert_refused("{ hosts { id name } }", &limits,
                   "A cost of 21 is more than the limit of 11.");
    /* What a variable says is not known yet. */
    assert_good("query ($n: Int) { gpu { samples(limit: $n) { at } } }",
                &limits);
    assert_refused("{ gpu { samples(limit: 10) { at } } }", &limits,
                   "A cost of 12 is more than the limit of 11.");
}

/* ---- messages ---- */

static void test_suggestions_off(void **state)
{
    (void)state;
    struct gql_limits limits = no_limits();
    assert_string_equal(check("{ gpus { id } }", &limits).first,
                        "Cannot query field \"gpus\" on type \"Query\". "
                        "Did you mean \"gpu\"?");
    limits.suggestions = false;
    assert_string_equal(check("{ gpus { id } }", &limits).first,
                        "Cannot query field \"gpus\" on type \"Query\".");
}

static void test_errors_are_counted(void **state)
{
    (void)state;
    struct gql_limits limits = no_limits();
    struct buf text = {0};
    buf_append_text(&text, "{ ");
    for (int i = 0; i < 300; i++)
        buf_printf(&text, "f%d ", i);
    buf_append_text(&text, "}");
    assert_int_equal(check(buf_text(&text), &limits).errors,
                     GQL_ERRORS_DEFAULT + 1); /* the last says so */
    buf_fini(&text);
}

static int set_up(void **state)
{
    (void)state;
    schema = schema_of(FIXTURE_SCHEMA);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gql_schema_free(&schema);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_let_graphiql_in),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_directives),
        cmocka_unit_test(test_root_fields),
        cmocka_unit_test(test_introspection_off),
        cmocka_unit_test(test_fragments_in_fragments),
        cmocka_unit_test(test_cost),
        cmocka_unit_test(test_cost_of_variables),
        cmocka_unit_test(test_cost_does_not_overflow),
        cmocka_unit_test(test_cost_of_doubling_fragments),
        cmocka_unit_test(test_cost_is_limited),
        cmocka_unit_test(test_suggestions_off),
        cmocka_unit_test(test_errors_are_counted),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
