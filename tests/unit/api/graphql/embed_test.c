/* The program of api/graphql/README.md, "In a program of your own": an API of
 * films, its resolvers, and a request from text to bytes. */
#include "unit/test.h"

#include <stdio.h>
#include <string.h>

#include "api/graphql/graphql.h"

/* ---- the program's own data ---- */

struct person {
    const char *name;
};

struct film {
    const char *id, *title;
    const struct person *director;
};

static const struct person varda = {"Agnès Varda"};
static const struct film films[] = {
    {"1", "Cléo de 5 à 7", &varda},
    {"2", "Vagabond", &varda},
    {"3", "La Jetée", NULL},
};

#define FILMS (sizeof films / sizeof *films)

struct films_api { /* a request's context */
    int statements;
};

/* ---- the schema and its resolvers ---- */

static const char sdl[] =
    "type Query { films(limit: Int = 10): [Film!]!  film(id: ID!): Film }\n"
    "type Film { id: ID!  title: String!  director: Person }\n"
    "type Person { name: String! }\n";

static void resolve_films(struct gql_batch *batch)
{
    int64_t limit = gql_argument_i64(&batch->call, "limit", 0);
    const void *list[FILMS];
    uint32_t count = 0;
    while (count < FILMS && count < limit) {
        list[count] = &films[count];
        count++;
    }
    gql_batch_list(batch, 0, list, count); /* Query has one object */
    gql_batch_done(batch);
}

static void resolve_film(struct gql_batch *batch)
{
    struct str id = gql_argument_str(&batch->call, "id");
    for (size_t i = 0; i < FILMS; i++)
        if (str_is(id, films[i].id))
            gql_batch_object(batch, 0, &films[i]);
    gql_batch_done(batch); /* no result: null */
}

/* Asked once for all films of the level: one statement, however many. */
static void resolve_director(struct gql_batch *batch)
{
    struct films_api *api = batch->call.context;
    api->statements++;
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct film *film = batch->parents[i];
        gql_batch_object(batch, i, film->director);
    }
    gql_batch_done(batch);
}

static void write_id(struct gql_out *out, const void *object)
{
    json_put_text(&out->json, ((const struct film *)object)->id);
}

static void write_title(struct gql_out *out, const void *object)
{
    json_put_text(&out->json, ((const struct film *)object)->title);
}

static void write_name(struct gql_out *out, const void *object)
{
    json_put_text(&out->json, ((const struct person *)object)->name);
}

static const struct gql_binding bindings[] = {
    {.name = "Query.films", .resolve = resolve_films},
    {.name = "Query.film", .resolve = resolve_film},
    {.name = "Film.id", .write = write_id},
    {.name = "Film.title", .write = write_title},
    {.name = "Film.director", .resolve = resolve_director},
    {.name = "Person.name", .write = write_name},
    {0}};

/* ---- a request ---- */

static void take(struct buf *out, bool failed, void *arg)
{
    (void)failed; /* {"errors":[…],"data":…} */
    buf_append_str(arg, buf_str(out));
}

static void answer(struct gql_cache *cache, struct str text,
                   struct json variables, struct films_api *api,
                   struct buf *out)
{
    struct str none = {0};
    struct gql_query *query;
    struct gql_plan *plan = NULL;
    struct arena arena = {0};
    struct gql_errors errors = {.arena = &arena};
    gql_prepare(cache, text, none, &query);
    if (query->errors.count > 0)
        gql_response_errors(&query->errors, out);
    else if ((plan = gql_plan_new(cache, query, none, variables, &errors)) ==
             NULL)
        gql_response_errors(&errors, out);
    else
        gql_execute(plan, NULL, api, take, out);
    gql_plan_free(&plan);
    gql_query_unref(&query);
    arena_fini(&arena);
}

/* ---- it works ---- */

static struct gql_schema *schema;
static struct gql_cache *cache;
static struct films_api api;

static int begin(void **state)
{
    (void)state;
    const struct gql_binding *const tables[] = {bindings, NULL};
    struct errmsg err;
    schema = gql_schema_new(str_of(sdl), "films.graphql", NULL, &err);
    if (schema == NULL || gql_bind(schema, tables, &err) < 0)
        return -1;                             /* err.text says where and why */
    cache = gql_cache_new(schema, NULL, NULL); /* the safe limits */
    return 0;
}

static int end(void **state)
{
    (void)state;
    gql_cache_free(&cache);
    gql_schema_free(&schema);
    return 0;
}

static void expect(const char *query, const char *variables,
                   const char *response)
{
    struct arena arena = {0};
    struct json_doc doc;
    struct errmsg err;
    struct buf out = {0};
    assert_int_equal(json_parse(&doc, str_of(variables), &arena, &err), 0);
    api = (struct films_api){0};
    answer(cache, str_of(query), json_root(&doc), &api, &out);
    assert_string_equal(buf_text(&out), response);
    buf_fini(&out);
    arena_fini(&arena);
}

static void a_list_with_its_directors(void **state)
{
    (void)state;
    expect("{films{title director{name}}}", "null",
           "{\"data\":{\"films\":["
           "{\"title\":\"Cléo de 5 à 7\",\"director\":{\"name\":\"Agnès "
           "Varda\"}},"
           "{\"title\":\"Vagabond\",\"director\":{\"name\":\"Agnès Varda\"}},"
           "{\"title\":\"La Jetée\",\"director\":null}]}}");
    assert_int_equal(api.statements, 1);
}

static void a_film_by_a_variable(void **state)
{
    (void)state;
    expect("query Film($id: ID!) { film(id: $id) { title } }", "{\"id\":2}",
           "{\"data\":{\"film\":{\"title\":\"Vagabond\"}}}");
    expect("query Film($id: ID!) { film(id: $id) { title } }", "{\"id\":4}",
           "{\"data\":{\"film\":null}}");
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    expect("{film(id: 1) {titel}}", "null",
           "{\"errors\":[{\"message\":\"Cannot query field \\\"titel\\\" on "
           "type \\\"Film\\\". Did you mean \\\"title\\\"?\",\"locations\":[{"
           "\"line\":1,\"column\":15}],\"extensions\":{\"code\":"
           "\"GRAPHQL_VALIDATION_FAILED\"}}]}");
    expect("query Film($id: ID!) { film(id: $id) { title } }", "{}",
           "{\"errors\":[{\"message\":\"Variable \\\"$id\\\" of required type "
           "\\\"ID!\\\" was not provided.\",\"locations\":[{\"line\":1,"
           "\"column\":12}],\"extensions\":{\"code\":\"BAD_USER_INPUT\"}}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_list_with_its_directors, begin, end),
        cmocka_unit_test_setup_teardown(a_film_by_a_variable, begin, end),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_said, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
