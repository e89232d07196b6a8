/* Reading values out of JSON texts. The writer is json_write_test.c, the
 * check json_check_test.c. */
#include "unit/test.h"

#include <errno.h>
#include <math.h>

#include "lib/json.h"

/* A text, read; the arena lives as long as the test. */
struct reading {
    struct arena arena;
    struct json_doc doc;
};

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct reading));
    return *state == NULL;
}

static int tear_down(void **state)
{
    struct reading *r = *state;
    arena_fini(&r->arena);
    free(r);
    return 0;
}

static struct json read_text(struct reading *r, const char *text)
{
    struct errmsg err;
    if (json_parse(&r->doc, str_of(text), &r->arena, &err) != 0)
        fail_msg("%s: %s", text, err.text);
    return json_root(&r->doc);
}

static void each_type_is_told(void **state)
{
    static const struct {
        const char *text;
        enum json_type type;
    } cases[] = {
        {" null ", JSON_NULL},     {"true", JSON_BOOL},
        {"false", JSON_BOOL},      {"-1.5e3", JSON_NUMBER},
        {"0", JSON_NUMBER},        {"\"\"", JSON_STRING},
        {"\"null\"", JSON_STRING}, {"[1]", JSON_ARRAY},
        {" []", JSON_ARRAY},       {"{\"a\":1}", JSON_OBJECT},
        {"{ } ", JSON_OBJECT},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(json_type(read_text(*state, cases[i].text)),
                         cases[i].type);
}

static void malformed_text_gives_no_document(void **state)
{
    struct reading *r = *state;
    struct errmsg err;
    assert_int_equal(json_parse(&r->doc, str_of("[1 2]"), &r->arena, &err),
                     -EINVAL);
    assert_string_equal(err.text, "not JSON: byte 3: expected ',' or ']'");
    assert_int_equal(json_parse(&r->doc, str_of(""), &r->arena, NULL), -EINVAL);
}

static void members_are_found_by_name(void **state)
{
    struct json o = read_text(
        *state, "{\"a\":{\"b\":1},\"b\":[2,{\"c\":3}],\"\":4,\"c\":null}");
    int64_t n;
    assert_int_equal(json_i64(json_get(json_get(o, "a"), "b"), &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(json_type(json_get(o, "b")), JSON_ARRAY);
    assert_int_equal(json_i64(json_get(o, ""), &n), 0);
    assert_int_equal(n, 4);
    assert_int_equal(json_type(json_get(o, "c")), JSON_NULL);
    assert_int_equal(json_type(json_get(o, "d")), JSON_NONE);
    assert_int_equal(json_type(json_get(json_get(o, "d"), "e")), JSON_NONE);
    assert_int_equal(json_type(json_get(json_get(o, "b"), "c")), JSON_NONE);
}

static void the_last_of_two_members_counts(void **state)
{
    struct json o = read_text(*state, "{\"a\":1,\"b\":2,\"a\":3}");
    int64_t n;
    assert_int_equal(json_i64(json_get(o, "a"), &n), 0);
    assert_int_equal(n, 3);
}

static void a_name_is_compared_as_it_reads(void **state)
{
    struct json o = read_text(*state, "{\"\\u0061\\n\":1,\"\\\\u0061\":2}");
    int64_t n;
    assert_int_equal(json_i64(json_get(o, "a\n"), &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(json_i64(json_get(o, "\\u0061"), &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(json_type(json_get(o, "\\u0061\\n")), JSON_NONE);
}

static void iteration_steps_over_what_is_inside(void **state)
{
    struct json o = read_text(*state, "{\"a\":[1,[2,{\"x\":[]}]],\"b\":{},"
                                      "\"c\":\"\",\"d\":{\"e\":[[]]},\"f\":7}");
    static const char *const keys[] = {"a", "b", "c", "d", "f"};
    static const char *const raws[] = {"[1,[2,{\"x\":[]}]]", "{}", "",
                                       "{\"e\":[[]]}", "7"};
    size_t i = 0;
    for (struct json_iter it = json_iter(o); json_next(&it); i++) {
        assert_in_range(i, 0, 4);
        assert_str(it.key, keys[i]);
        assert_str(json_raw(it.value), raws[i]);
    }
    assert_int_equal(i, 5);
    assert_int_equal(json_count(o), 5);
}

static void arrays_are_iterated_in_order(void **state)
{
    struct json a = read_text(*state, "[[],[1],2,{\"a\":3},\"4\",null]");
    static const char *const raws[] = {"[]",        "[1]", "2",
                                       "{\"a\":3}", "4",   "null"};
    size_t i = 0;
    for (struct json_iter it = json_iter(a); json_next(&it); i++)
        assert_str(json_raw(it.value), raws[i]);
    assert_int_equal(i, COUNT(raws));
    assert_int_equal(json_count(a), COUNT(raws));
}

static void what_is_no_container_has_nothing_in_it(void **state)
{
    static const char *const empty[] = {"[]", "{}", "1", "\"[1,2]\"", "null"};
    for (size_t i = 0; i < COUNT(empty); i++) {
        struct json v = read_text(*state, empty[i]);
        struct json_iter it = json_iter(v);
        assert_false(json_next(&it));
        assert_int_equal(json_count(v), 0);
    }
    struct json_iter none = json_iter((struct json){0});
    assert_false(json_next(&none));
    assert_int_equal(json_raw((struct json){0}).len, 0);
}

static void a_text_of_many_tokens_is_read_whole(void **state)
{
    struct reading *r = *state;
    struct buf b = {0};
    buf_append_byte(&b, '[');
    for (int i = 0; i < 5000; i++)
        buf_printf(&b, "%s{\"n\":[%d]}", i > 0 ? "," : "", i);
    buf_append_byte(&b, ']');
    assert_int_equal(json_parse(&r->doc, buf_str(&b), &r->arena, NULL), 0);
    int64_t expected = 0;
    for (struct json_iter it = json_iter(json_root(&r->doc)); json_next(&it);) {
        struct json_iter inner = json_iter(json_get(it.value, "n"));
        int64_t n;
        assert_true(json_next(&inner));
        assert_int_equal(json_i64(inner.value, &n), 0);
        assert_int_equal(n, expected++);
    }
    assert_int_equal(expected, 5000);
    buf_fini(&b);
}

static void escapes_are_resolved(void **state)
{
    struct reading *r = *state;
    struct str s;
    struct json v =
        read_text(r, "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC"
                     "\\uD83D\\uDE00\xC3\xA9z\"");
    assert_int_equal(json_string(v, &r->arena, &s), 0);
    assert_str(s, "a\"\\/\b\f\n\r\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"
                  "\xC3\xA9z");
    v = read_text(r, "\"a\\u0000b\"");
    assert_int_equal(json_string(v, &r->arena, &s), 0);
    assert_int_equal(s.len, 3);
    assert_memory_equal(s.p, "a\0b", 3);
    v = read_text(r, "\"\\ud800\\udc00\\udbff\\udfff\"");
    assert_int_equal(json_string(v, &r->arena, &s), 0);
    assert_str(s, "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF");
}

static void a_string_without_escapes_is_borrowed(void **state)
{
    struct reading *r = *state;
    static const char text[] = "{\"k\":\"abc\"}";
    struct str s;
    assert_int_equal(
        json_string(json_get(read_text(r, text), "k"), &r->arena, &s), 0);
    assert_ptr_equal(s.p, text + 6);
    assert_str(s, "abc");
}

static void integers_are_read_up_to_the_limits(void **state)
{
    int64_t i;
    uint64_t u;
    struct json a = read_text(*state, "[9223372036854775807]");
    struct json_iter it = json_iter(a);
    json_next(&it);
    assert_int_equal(json_i64(it.value, &i), 0);
    assert_true(i == INT64_MAX);
    assert_int_equal(json_i64(read_text(*state, "-9223372036854775808"), &i),
                     0);
    assert_true(i == INT64_MIN);
    assert_int_equal(json_u64(read_text(*state, "18446744073709551615"), &u),
                     0);
    assert_true(u == UINT64_MAX);
    assert_int_equal(json_u64(read_text(*state, "0"), &u), 0);
    assert_int_equal(u, 0);
}

static void what_is_no_such_integer_is_refused(void **state)
{
    static const char *const not_i64[] = {"9223372036854775808",
                                          "-9223372036854775809",
                                          "1.0",
                                          "1e3",
                                          "\"1\"",
                                          "true",
                                          "[1]",
                                          "null"};
    static const char *const not_u64[] = {
        "18446744073709551616", "-1", "-0", "1.0", "1e3", "\"1\"", "[1]"};
    int64_t i;
    uint64_t u;
    for (size_t n = 0; n < COUNT(not_i64); n++)
        assert_int_equal(json_i64(read_text(*state, not_i64[n]), &i), -EINVAL);
    for (size_t n = 0; n < COUNT(not_u64); n++)
        assert_int_equal(json_u64(read_text(*state, not_u64[n]), &u), -EINVAL);
    assert_int_equal(json_i64((struct json){0}, &i), -EINVAL);
    assert_int_equal(json_u64((struct json){0}, &u), -EINVAL);
}

static void doubles_are_read(void **state)
{
    double d;
    assert_int_equal(json_double(read_text(*state, "-1.5e3"), &d), 0);
    assert_true(d == -1500);
    assert_int_equal(
        json_double(read_text(*state, "1.7976931348623157E308"), &d), 0);
    assert_true(d == 1.7976931348623157e308);
    assert_int_equal(json_double(read_text(*state, "-0.0"), &d), 0);
    assert_true(d == 0 && signbit(d));
    assert_int_equal(json_double(read_text(*state, "1e400"), &d), -EINVAL);
    assert_int_equal(json_double(read_text(*state, "\"1\""), &d), -EINVAL);
    assert_int_equal(json_double(read_text(*state, "null"), &d), -EINVAL);
    assert_int_equal(json_double((struct json){0}, &d), -EINVAL);
}

static void bools_and_strings_are_read_only_from_their_kind(void **state)
{
    struct reading *r = *state;
    bool b;
    struct str s;
    assert_int_equal(json_bool(read_text(r, "true"), &b), 0);
    assert_true(b);
    assert_int_equal(json_bool(read_text(r, "false"), &b), 0);
    assert_false(b);
    assert_int_equal(json_bool(read_text(r, "1"), &b), -EINVAL);
    assert_int_equal(json_bool(read_text(r, "\"true\""), &b), -EINVAL);
    assert_int_equal(json_bool((struct json){0}, &b), -EINVAL);
    assert_int_equal(json_string(read_text(r, "1"), &r->arena, &s), -EINVAL);
    assert_int_equal(json_string((struct json){0}, &r->arena, &s), -EINVAL);
}

#define json_test(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        json_test(each_type_is_told),
        json_test(malformed_text_gives_no_document),
        json_test(members_are_found_by_name),
        json_test(the_last_of_two_members_counts),
        json_test(a_name_is_compared_as_it_reads),
        json_test(iteration_steps_over_what_is_inside),
        json_test(arrays_are_iterated_in_order),
        json_test(what_is_no_container_has_nothing_in_it),
        json_test(a_text_of_many_tokens_is_read_whole),
        json_test(escapes_are_resolved),
        json_test(a_string_without_escapes_is_borrowed),
        json_test(integers_are_read_up_to_the_limits),
        json_test(what_is_no_such_integer_is_refused),
        json_test(doubles_are_read),
        json_test(bools_and_strings_are_read_only_from_their_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
