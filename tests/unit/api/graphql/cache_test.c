/* The cache of documents: by text, by SHA-256, its limits, the allow-list. */
#include "unit/test.h"

#include "unit/api/graphql/world.h"

/* printf '{host{name}}' | sha256sum */
#define HOST_QUERY "{host{name}}"
#define HOST_HASH \
    "92cfa87da3b05630773e6ae7a6884c866fb6fd2cf10c9d6a72c2c79797b553c4"

static struct world *w;

static int setup(void **state)
{
    (void)state;
    w = world_new(NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_free(&w);
    return 0;
}

static void begin_with(const struct gql_cache_config *config)
{
    world_free(&w);
    w = world_new_with(NULL, config);
}

static enum gql_prepared prepare(const char *source, const char *hash,
                                 struct gql_query **query)
{
    return gql_prepare(w->cache, str_of(source), str_of(hash), query);
}

/* Is the document known by its hash? */
static bool is_kept(const char *hash)
{
    struct gql_query *query;
    bool kept = prepare(NULL, hash, &query) == GQL_PREPARED;
    gql_query_unref(&query);
    return kept;
}

static const char *hash_of(const char *source)
{
    static char hash[GQL_HASH_LEN + 1];
    struct gql_query *query;
    assert_int_equal(prepare(source, NULL, &query), GQL_PREPARED);
    memcpy(hash, query->hash, sizeof hash);
    gql_query_unref(&query);
    return hash;
}

static void one_text_is_one_document(void **state)
{
    (void)state;
    struct gql_query *a, *b, *c;
    assert_int_equal(prepare(HOST_QUERY, NULL, &a), GQL_PREPARED);
    assert_int_equal(prepare(HOST_QUERY, NULL, &b), GQL_PREPARED);
    assert_int_equal(prepare(HOST_QUERY " ", NULL, &c), GQL_PREPARED);
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    gql_query_unref(&a);
    gql_query_unref(&b);
    gql_query_unref(&c);
}

static void the_hash_is_sha_256(void **state)
{
    (void)state;
    assert_string_equal(hash_of(HOST_QUERY), HOST_HASH);
}

static void errors_are_kept_with_the_document(void **state)
{
    (void)state;
    struct gql_query *query;
    assert_int_equal(prepare("{nothing}", NULL, &query), GQL_PREPARED);
    assert_int_equal(query->errors.count, 1);
    assert_string_equal(query->errors.first->code, GQL_CODE_VALIDATION);
    gql_query_unref(&query);
    assert_int_equal(prepare("{", NULL, &query), GQL_PREPARED);
    assert_string_equal(query->errors.first->code, GQL_CODE_PARSE);
    gql_query_unref(&query);
}

static void a_hash_alone_is_found_once_the_text_was_sent(void **state)
{
    (void)state;
    struct gql_query *query;
    assert_int_equal(prepare(NULL, HOST_HASH, &query), GQL_NOT_FOUND);
    assert_null(query);
    assert_int_equal(prepare(HOST_QUERY, HOST_HASH, &query), GQL_PREPARED);
    gql_query_unref(&query);
    assert_int_equal(prepare(NULL, HOST_HASH, &query), GQL_PREPARED);
    assert_str(query->document.source, HOST_QUERY);
    gql_query_unref(&query);
}

static void a_hash_of_another_text_is_refused(void **state)
{
    (void)state;
    struct gql_query *query;
    assert_int_equal(prepare("{host{id}}", HOST_HASH, &query),
                     GQL_HASH_MISMATCH);
    assert_int_equal(prepare(HOST_QUERY, "0b73", &query), GQL_HASH_MISMATCH);
    assert_int_equal(prepare(NULL, "0b73", &query), GQL_NOT_FOUND);
    assert_int_equal(prepare(HOST_QUERY, HOST_HASH, &query), GQL_PREPARED);
    gql_query_unref(&query);
    /* Also once it is known. */
    assert_int_equal(prepare("{host{id}}", HOST_HASH, &query),
                     GQL_HASH_MISMATCH);
}

static void the_least_used_leave_first(void **state)
{
    (void)state;
    char a[GQL_HASH_LEN + 1], b[GQL_HASH_LEN + 1];
    begin_with(&(struct gql_cache_config){.entries_max = 2});
    strcpy(a, hash_of("{a:__typename}"));
    strcpy(b, hash_of("{b:__typename}"));
    assert_true(is_kept(a)); /* and used again */
    hash_of("{c:__typename}");
    assert_true(is_kept(a));
    assert_false(is_kept(b));
}

static void documents_have_a_limit_in_bytes(void **state)
{
    (void)state;
    char a[GQL_HASH_LEN + 1], b[GQL_HASH_LEN + 1], text[64];
    begin_with(&(struct gql_cache_config){.bytes_max = 20000});
    strcpy(a, hash_of("{a:__typename}"));
    assert_true(is_kept(a));
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "{b%d:__typename}", i);
        strcpy(b, hash_of(text));
    }
    assert_false(is_kept(a));
    assert_true(is_kept(b));
}

/* 600 bytes of text, but each name is a node. */
static void what_is_too_large_drives_nobody_out(void **state)
{
    (void)state;
    char a[GQL_HASH_LEN + 1], many[602];
    begin_with(&(struct gql_cache_config){.bytes_max = 20000});
    strcpy(a, hash_of("{a:__typename}"));
    for (size_t i = 0; i < 600; i++)
        many[i] = "a "[i % 2];
    many[0] = '{';
    many[600] = '}';
    many[601] = '\0';
    assert_false(is_kept(hash_of(many)));
    assert_true(is_kept(a));
}

static void what_left_lives_while_it_is_used(void **state)
{
    (void)state;
    struct gql_query *query;
    begin_with(&(struct gql_cache_config){.entries_max = 1});
    assert_int_equal(prepare(HOST_QUERY, NULL, &query), GQL_PREPARED);
    struct gql_errors errors = world_errors(w);
    struct gql_plan *plan = gql_plan_new(w->cache, query, str_make(NULL, 0),
                                         (struct json){0}, &errors);
    gql_query_unref(&query);
    hash_of("{b:__typename}");
    gql_execute(plan, NULL, w, world_answer, w);
    assert_string_equal(w->response, "{\"data\":{\"host\":{\"name\":\"a\"}}}");
    gql_plan_free(&plan);
}

static void the_allow_list_lets_nothing_else_through(void **state)
{
    (void)state;
    struct gql_query *query;
    struct errmsg err;
    char other[GQL_HASH_LEN + 1];
    strcpy(other, hash_of("{b:__typename}"));
    begin_with(&(struct gql_cache_config){.allow_list = true});
    assert_int_equal(gql_cache_allow(w->cache, str_of(HOST_QUERY), &err), 0);
    assert_int_equal(gql_cache_allow(w->cache, str_of(HOST_QUERY), &err), 0);
    assert_int_equal(prepare(HOST_QUERY, NULL, &query), GQL_PREPARED);
    gql_query_unref(&query);
    assert_int_equal(prepare(NULL, HOST_HASH, &query), GQL_PREPARED);
    gql_query_unref(&query);
    assert_int_equal(prepare("{b:__typename}", NULL, &query), GQL_NOT_ALLOWED);
    assert_int_equal(prepare("{b:__typename}", other, &query), GQL_NOT_ALLOWED);
    assert_int_equal(prepare(NULL, other, &query), GQL_NOT_ALLOWED);
    assert_null(query);
}

static void an_allowed_document_must_be_valid(void **state)
{
    (void)state;
    struct errmsg err;
    assert_true(gql_cache_allow(w->cache, str_of("{host\n{nobody}}"), &err) <
                0);
    assert_contains(err.text, "line 2");
    assert_contains(err.text, "nobody");
}

/* ---- plans ---- */

static struct gql_plan *plan_of(const char *query, const char *variables)
{
    struct gql_plan *plan = world_plan(w, query, variables);
    assert_non_null(plan);
    return plan;
}

static void a_plan_serves_again(void **state)
{
    (void)state;
    struct gql_plan *once = plan_of("query($n:Int){echo(n:$n)}", "{\"n\":1}");
    struct gql_plan *a = plan_of("query($n:Int){echo(n:$n)}", "{\"n\":1}");
    assert_ptr_not_equal(once, a); /* nothing is kept of what comes once */
    gql_plan_free(&once);
    struct gql_plan *b = plan_of("query($n:Int){echo(n:$n)}", "{\"n\":1}");
    struct gql_plan *c = plan_of("query($n:Int){echo(n:$n)}", "{\"n\":2}");
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    gql_plan_free(&a);
    gql_execute(b, NULL, w, world_answer, w);
    assert_string_equal(w->response, "{\"data\":{\"echo\":\"{n: 1}\"}}");
    gql_execute(c, NULL, w, world_answer, w);
    assert_string_equal(w->response, "{\"data\":{\"echo\":\"{n: 2}\"}}");
    gql_plan_free(&b);
    gql_plan_free(&c);
}

static void many_variables_leave_few_plans(void **state)
{
    (void)state;
    struct gql_plan *first = plan_of("query($n:Int){echo(n:$n)}", "{\"n\":0}");
    for (int n = 1; n < 100; n++) {
        char variables[32], response[64];
        snprintf(variables, sizeof variables, "{\"n\":%d}", n);
        snprintf(response, sizeof response, "{\"data\":{\"echo\":\"{n: %d}\"}}",
                 n);
        assert_string_equal(
            world_run(w, "query($n:Int){echo(n:$n)}", variables), response);
    }
    gql_execute(first, NULL, w, world_answer, w);
    assert_string_equal(w->response, "{\"data\":{\"echo\":\"{n: 0}\"}}");
    gql_plan_free(&first);
}

/* A short document of which a large plan is made. */
static void plans_count_as_memory(void **state)
{
    (void)state;
    struct buf query = {0};
    char small[GQL_HASH_LEN + 1], hash[GQL_HASH_LEN + 1];
    buf_append_text(&query, "{...F0}");
    for (int i = 0; i < 7; i++)
        buf_printf(&query,
                   "fragment F%d on Query {a:empty{...F%d} b:empty{...F%d}}", i,
                   i + 1, i + 1);
    buf_append_text(&query, "fragment F7 on Query {__typename}");
    begin_with(&(struct gql_cache_config){.bytes_max = 65536});
    strcpy(small, hash_of(HOST_QUERY));
    strcpy(hash, hash_of(buf_text(&query)));
    world_run(w, HOST_QUERY, NULL);
    assert_true(is_kept(small));
    assert_true(is_kept(hash));
    world_run(w, buf_text(&query), NULL);
    assert_false(is_kept(hash));
    buf_fini(&query);
}

static void variables_text_may_go_away(void **state)
{
    (void)state;
    char variables[] = "{\"t\":\"text\"}";
    struct gql_plan *plan =
        plan_of("query($t:String){echo(in:{a:1,b:$t})}", variables);
    memset(variables, 'x', sizeof variables - 1);
    gql_execute(plan, NULL, w, world_answer, w);
    assert_string_equal(w->response,
                        "{\"data\":{\"echo\":\"{n: 7, in: {a: 1, b: "
                        "\\\"text\\\"}}\"}}");
    gql_plan_free(&plan);
}

static void a_cache_may_end_before_its_plans(void **state)
{
    (void)state;
    struct gql_plan *plan = plan_of(HOST_QUERY, NULL);
    gql_cache_free(&w->cache);
    gql_execute(plan, NULL, w, world_answer, w);
    assert_string_equal(w->response, "{\"data\":{\"host\":{\"name\":\"a\"}}}");
    gql_plan_free(&plan);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_text_is_one_document),
        TEST(the_hash_is_sha_256),
        TEST(errors_are_kept_with_the_document),
        TEST(a_hash_alone_is_found_once_the_text_was_sent),
        TEST(a_hash_of_another_text_is_refused),
        TEST(the_least_used_leave_first),
        TEST(documents_have_a_limit_in_bytes),
        TEST(what_is_too_large_drives_nobody_out),
        TEST(what_left_lives_while_it_is_used),
        TEST(the_allow_list_lets_nothing_else_through),
        TEST(an_allowed_document_must_be_valid),
        TEST(a_plan_serves_again),
        TEST(many_variables_leave_few_plans),
        TEST(plans_count_as_memory),
        TEST(variables_text_may_go_away),
        TEST(a_cache_may_end_before_its_plans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
