/* What a client asks for: reading it, and when two ask for the same. */
#include "tests/unit/test.h"

#include "api/graphql/transport/request.h"

static struct arena arena;

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static void request_is_read(void **state)
{
    (void)state;
    struct graphql_request r;
    struct errmsg err;
    assert_int_equal(
        graphql_request_parse(
            &r,
            str_of("{\"query\":\"{\\u0061}\",\"operationName\":\"X\","
                   "\"variables\":{\"a\":1},\"extensions\":{\"persistedQuery\":"
                   "{\"version\":1,\"sha256Hash\":\"ab\"}}}"),
            &arena, &err),
        0);
    assert_str(r.query, "{a}");
    assert_str(r.operation_name, "X");
    assert_str(r.hash, "ab");
    assert_int_equal(json_type(r.variables), JSON_OBJECT);
}

static void absent_and_null_are_alike(void **state)
{
    (void)state;
    struct graphql_request r;
    struct errmsg err;
    const char *texts[] = {
        "{\"query\":\"{a}\"}",
        "{\"query\":\"{a}\",\"operationName\":null,\"variables\":null,"
        "\"extensions\":null}",
        "{\"query\":\"{a}\",\"extensions\":{\"persistedQuery\":null}}",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_int_equal(
            graphql_request_parse(&r, str_of(texts[i]), &arena, &err), 0);
        assert_null(r.operation_name.p);
        assert_int_equal(r.hash.len, 0);
    }
}

static void wrong_types_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"{", "not JSON"},
        {"[]", "batched"},
        {"[{\"query\":\"{a}\"}]", "batched"},
        {"7", "must be an object, not a number"},
        {"{}", "\"query\" is missing"},
        {"{\"query\":1}", "\"query\" must be a string, not a number"},
        {"{\"query\":\"a\",\"variables\":[]}",
         "\"variables\" must be an object"},
        {"{\"query\":\"a\",\"variables\":\"{}\"}", "\"variables\" must be"},
        {"{\"query\":\"a\",\"extensions\":0}", "\"extensions\" must be"},
        {"{\"query\":\"a\",\"operationName\":{}}", "\"operationName\" must be"},
        {"{\"extensions\":{\"persistedQuery\":1}}", "persistedQuery"},
        {"{\"extensions\":{\"persistedQuery\":{\"version\":2,"
         "\"sha256Hash\":\"a\"}}}",
         "persistedQuery"},
        {"{\"extensions\":{\"persistedQuery\":{\"version\":1}}}", "sha256Hash"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct graphql_request r;
        struct errmsg err;
        assert_int_not_equal(
            graphql_request_parse(&r, str_of(cases[i].text), &arena, &err), 0);
        if (strstr(err.text, cases[i].why) == NULL)
            fail_msg("%s: %s", cases[i].text, err.text);
    }
}

static char *canonical(const char *text)
{
    struct json_doc doc;
    struct errmsg err;
    struct buf out = {0};
    assert_int_equal(json_parse(&doc, str_of(text), &arena, &err), 0);
    graphql_canonical_append(json_root(&doc), &arena, &out);
    char *copy = arena_text(&arena, buf_str(&out));
    buf_fini(&out);
    return copy;
}

static void order_of_members_is_of_no_account(void **state)
{
    (void)state;
    const char *one =
        canonical("{\"b\":[1,{\"y\":null,\"x\":\"s\"}],\"a\":true}");
    const char *two =
        canonical(" { \"a\" : true, \"b\":[ 1,{\"x\":\"s\",\"y\":null } ] } ");
    assert_string_equal(one, two);
    assert_string_not_equal(one, canonical("{\"a\":true,\"b\":[1]}"));
    assert_string_not_equal(canonical("{\"a\":1}"), canonical("{\"a\":\"1\"}"));
    assert_string_not_equal(canonical("{\"a\":[1,2]}"),
                            canonical("{\"a\":[12]}"));
    assert_string_not_equal(canonical("{\"a\":[[],[1]]}"),
                            canonical("{\"a\":[[1],[]]}"));
    assert_string_not_equal(canonical("{\"a\":{},\"b\":{\"c\":1}}"),
                            canonical("{\"a\":{\"c\":1},\"b\":{}}"));
    assert_string_equal(canonical("{}"), "");
    assert_string_equal(canonical("null"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_is_read),
        cmocka_unit_test(absent_and_null_are_alike),
        cmocka_unit_test(wrong_types_are_refused),
        cmocka_unit_test(order_of_members_is_of_no_account),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
