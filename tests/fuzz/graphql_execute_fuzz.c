/* Any document with any variables, on a small schema over a fixture: validated,
 * planned, executed, twice. The answer is JSON, the same both times, and says
 * by its first key whether it has errors. Input: the document, a zero byte, the
 * variables.
 *
 * fuzz-links: api/graphql/?*.c api/graphql/cli/fixture.c */
#include <assert.h>
#include <stdlib.h>

#include "api/graphql/cli/fixture.h"
#include "api/graphql/graphql.h"

static const char sdl[] =
    "type Query { a: Int b: [Float!] c: C! u: [U] m: [[C]] e: E n: [[Int!]!]\n"
    "  s(x: Int! = 3, i: In, l: [[E]], o: One, j: J, f: Float): String\n"
    "  node(id: ID!): Node bad: C must: C! }\n"
    "type Mutation { a(x: Int): C b: C! }\n"
    "type Subscription { c: C }\n"
    "scalar J enum E { X Y Z @deprecated } union U = C | D\n"
    "input In { a: Int = 1 b: [String!] in: In l: [In] e: E! = X }\n"
    "input One @oneOf { a: Int b: In }\n"
    "interface Node { id: ID! }\n"
    "type C implements Node { id: ID! x: Int y: String! c: C n: [Node!] j: J "
    "}\n"
    "type D implements Node { id: ID! z: Boolean c: [C!]! }\n"
    "directive @many(x: Int) repeatable on FIELD | QUERY";

static const char data[] =
    "{\"a\":1.5,\"b\":[1,null,2],\"c\":{\"id\":1,\"x\":\"12\",\"y\":true,"
    "\"c\":{\"x\":2},\"n\":[{\"__typename\":\"D\",\"id\":\"d\",\"c\":[]},"
    "{\"__typename\":\"C\"}],\"j\":{\"q\":[1,2.5,\"x\"]}},"
    "\"u\":[{\"__typename\":\"C\",\"y\":\"s\"},{\"__typename\":\"D\",\"z\":1,"
    "\"c\":[{\"x\":1,\"y\":2},null]},{\"z\":2},null,{\"__error\":\"no\"}],"
    "\"m\":[[{\"x\":1},null],null,5,[{\"x\":{\"__error\":\"bad\"}}]],"
    "\"e\":\"Z\",\"n\":[[1,2],[3,null],null],\"s\":{\"__arguments\":true},"
    "\"node\":{\"__typename\":\"C\",\"id\":7,\"y\":\"\\u00e9\"},"
    "\"bad\":{\"__error\":\"all\"}}";

static struct gql_schema *schema;
static struct gql_cache *cache;
static struct arena forever, arena;
static const void *root;
static struct buf answers[2];

static void set_up(void)
{
    struct errmsg err;
    struct json_doc *doc = arena_alloc(&forever, sizeof *doc);
    int rc = json_parse(doc, str_of(data), &forever, &err);
    assert(rc == 0);
    root = fixture_root(json_root(doc), &forever);
    schema = gql_schema_new(str_of(sdl), "fuzz", NULL, &err);
    assert(schema != NULL);
    rc = fixture_bind(schema, &forever, &err);
    assert(rc == 0);
    struct gql_limits limits = gql_limits_default;
    limits.response = 65536;
    limits.time_ns = 0;
    cache = gql_cache_new(schema, &limits,
                          &(struct gql_cache_config){.entries_max = 8});
}

static void take(struct buf *out, bool failed, void *arg)
{
    static const struct str has_errors = STR("{\"errors\":[{");
    assert(failed == str_has_prefix(buf_str(out), has_errors));
    buf_append_str(arg, buf_str(out));
}

static void answer(struct gql_query *query, struct json variables,
                   struct buf *out)
{
    struct gql_errors errors = {.arena = &arena};
    struct gql_plan *plan = NULL;
    buf_reset(out);
    if (query->errors.count > 0)
        gql_response_errors(&query->errors, out);
    else if ((plan = gql_plan_new(cache, query, str_make(NULL, 0), variables,
                                  &errors)) == NULL)
        gql_response_errors(&errors, out);
    else
        gql_execute(plan, root, NULL, take, out);
    gql_plan_free(&plan);
    assert(json_validate(buf_str(out), NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    if (schema == NULL)
        set_up();
    const char *text = (const char *)input;
    const char *end = size > 0 ? memchr(text, '\0', size) : NULL;
    size_t len = end != NULL ? (size_t)(end - text) : size;
    struct json_doc doc;
    struct json variables = {0};
    struct gql_query *query;
    if (end != NULL &&
        json_parse(&doc, str_make(end + 1, size - len - 1), &arena, NULL) == 0)
        variables = json_root(&doc);
    enum gql_prepared prepared = gql_prepare(
        cache, str_make(size > 0 ? text : "", len), str_make(NULL, 0), &query);
    assert(prepared == GQL_PREPARED);
    answer(query, variables, &answers[0]);
    answer(query, variables, &answers[1]);
    assert(str_eq(buf_str(&answers[0]), buf_str(&answers[1])));
    gql_query_unref(&query);
    arena_reset(&arena);
    return 0;
}
