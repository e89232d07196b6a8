/* Which texts are JSON, by RFC 8259. */
#include "unit/test.h"

#include <errno.h>
#include <sys/mman.h>

#include "lib/json.h"

static const char *const well_formed[] = {
    "null",
    "true",
    "false",
    "0",
    "-0",
    "12",
    "-1.5",
    "0.5",
    "1e5",
    "1E+5",
    "0e-0",
    "1.25e-300",
    "1e400",
    "\"\"",
    "\"abc\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\u0000\\u00e9\\uABCD\\uabcd\"",
    "\"\\ud83d\\ude00\"",
    "\"\\uDBFF\\uDFFF\"",
    "\"\\ud800\\udc00\"",
    "\"\x7f\"",
    "\"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\"",
    "[]",
    "{}",
    "[ ]",
    "{ }",
    "[1,2,[3,[4]],{}]",
    "{\"a\":1,\"a\":2,\"\":null}",
    " \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \n",
};

struct refusal {
    const char *text;
    size_t at;
    const char *expected;
};

static const struct refusal malformed[] = {
    {"", 0, "a value"},
    {" ", 1, "a value"},
    {"{\"a\":1,}", 7, "a string"},
    {"[1,]", 3, "a value"},
    {"[,1]", 1, "a value"},
    {"[1,,2]", 3, "a value"},
    {"[1 2]", 3, "',' or ']'"},
    {"[1}", 2, "',' or ']'"},
    {"[1", 2, "',' or ']'"},
    {"[", 1, "a value"},
    {"]", 0, "a value"},
    {"[]]", 2, "the end"},
    {"{", 1, "a string"},
    {"}", 0, "a value"},
    {"{\"a\"}", 4, "':' behind the name"},
    {"{\"a\" 1}", 5, "':' behind the name"},
    {"{\"a\"::1}", 5, "a value"},
    {"{\"q\":}", 5, "a value"},
    {"{\"a\":1 \"b\":2}", 7, "',' or '}'"},
    {"{\"a\":1]", 6, "',' or '}'"},
    {"{\"a\":1", 6, "',' or '}'"},
    {"{a:1}", 1, "a string"},
    {"{'a':1}", 1, "a string"},
    {"{1:1}", 1, "a string"},
    {"{null:1}", 1, "a string"},
    {"{,}", 1, "a string"},
    {"{} {}", 3, "the end"},
    {"1 2", 2, "the end"},
    {"nul", 0, "a value"},
    {"[nul]", 1, "a value"},
    {"nulll", 4, "the end"},
    {"True", 0, "a value"},
    {"NaN", 0, "a value"},
    {"Infinity", 0, "a value"},
    {"-Infinity", 1, "a digit"},
    {"undefined", 0, "a value"},
    {"[01]", 2, "',' or ']'"},
    {"-01", 2, "the end"},
    {"+1", 0, "a value"},
    {"-", 1, "a digit"},
    {"--1", 1, "a digit"},
    {".5", 0, "a value"},
    {"1.", 2, "a digit"},
    {"1.e5", 2, "a digit"},
    {"[1.2.3]", 4, "',' or ']'"},
    {"1e", 2, "a digit"},
    {"1e+", 3, "a digit"},
    {"1e+-1", 3, "a digit"},
    {"1e1.5", 3, "the end"},
    {"0x10", 1, "the end"},
    {"1_000", 1, "the end"},
    {"\"abc", 4, "the closing quote"},
    {"\"", 1, "the closing quote"},
    {"abc\"", 0, "a value"},
    {"'abc'", 0, "a value"},
    {"\"a\nb\"", 2, "an escape in place of a control character"},
    {"\"a\tb\"", 2, "an escape in place of a control character"},
    {"\"\x01\"", 1, "an escape in place of a control character"},
    {"\"\\", 2, "one of \"\\/bfnrtu behind a backslash"},
    {"\"\\x41\"", 2, "one of \"\\/bfnrtu behind a backslash"},
    {"\"\\'\"", 2, "one of \"\\/bfnrtu behind a backslash"},
    {"\"\\u12\"", 5, "four hexadecimal digits"},
    {"\"\\u12G4\"", 5, "four hexadecimal digits"},
    {"\"\\u", 3, "four hexadecimal digits"},
    {"\"\\ud800\"", 7, "the low half of a surrogate pair"},
    {"\"\\ud800x\"", 7, "the low half of a surrogate pair"},
    {"\"\\ud800\\n\"", 8, "the low half of a surrogate pair"},
    {"\"\\ud800\\u0041\"", 13, "the low half of a surrogate pair"},
    {"\"\\ud800\\ud800\"", 13, "the low half of a surrogate pair"},
    {"\"\\udc00\"", 7, "a high surrogate before this low one"},
    {"\"\x80\"", 1, "well-formed UTF-8"},
    {"\"\xC3\"", 1, "well-formed UTF-8"},
    {"\"\xC0\xAF\"", 1, "well-formed UTF-8"},
    {"\"\xED\xA0\x80\"", 1, "well-formed UTF-8"},
    {"\"\xF4\x90\x80\x80\"", 1, "well-formed UTF-8"},
    {"\"a\xFF\"", 2, "well-formed UTF-8"},
    {"\xEF\xBB\xBF{}", 0, "a value"},
    {"\xC2\xA0{}", 0, "a value"},
    {"\f{}", 0, "a value"},
    {"{}\v", 2, "the end"},
    {"{} // no", 3, "the end"},
    {"/**/{}", 0, "a value"},
    {"{\"a\":1;}", 6, "',' or '}'"},
    {"[1,\n2\n3]", 6, "',' or ']'"},
};

static void well_formed_texts_are_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(well_formed); i++) {
        struct errmsg err;
        if (json_validate(str_of(well_formed[i]), &err) != 0)
            fail_msg("%s: %s", well_formed[i], err.text);
    }
}

static void malformed_texts_are_refused_where_they_go_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(malformed); i++) {
        const struct refusal *m = &malformed[i];
        struct errmsg err = {""}, expected;
        errmsg_set(&expected, 0, "not JSON: byte %zu: expected %s", m->at,
                   m->expected);
        assert_int_equal(json_validate(str_of(m->text), &err), -EINVAL);
        assert_string_equal(err.text, expected.text);
        assert_int_equal(json_validate(str_of(m->text), NULL), -EINVAL);
    }
}

static void a_nul_byte_is_nowhere_allowed(void **state)
{
    (void)state;
    assert_int_equal(json_validate(str_make("\"a\0b\"", 5), NULL), -EINVAL);
    assert_int_equal(json_validate(str_make("{}\0", 3), NULL), -EINVAL);
    assert_int_equal(json_validate(str_make("\0", 1), NULL), -EINVAL);
    assert_int_equal(json_validate(str_make("\"\\\0\"", 4), NULL), -EINVAL);
    assert_int_equal(json_validate(str_make("\"\\u00\0\0\"", 8), NULL),
                     -EINVAL);
    assert_int_equal(json_validate(str_make(NULL, 0), NULL), -EINVAL);
}

/* open times the one bracket, close times the other. */
static int validate_nested(size_t depth, const char *open, const char *close)
{
    struct buf b = {0};
    for (size_t i = 0; i < depth; i++)
        buf_append_text(&b, open);
    buf_append_text(&b, "1");
    for (size_t i = 0; i < depth; i++)
        buf_append_text(&b, close);
    struct errmsg err = {""};
    int rc = json_validate(buf_str(&b), &err);
    if (rc < 0)
        assert_contains(err.text, "expected less depth");
    buf_fini(&b);
    return rc;
}

static void depth_is_limited(void **state)
{
    (void)state;
    assert_int_equal(validate_nested(JSON_DEPTH_MAX, "[", "]"), 0);
    assert_int_equal(validate_nested(JSON_DEPTH_MAX + 1, "[", "]"), -EINVAL);
    assert_int_equal(validate_nested(JSON_DEPTH_MAX, "{\"a\":", "}"), 0);
    assert_int_equal(validate_nested(JSON_DEPTH_MAX + 1, "{\"a\":", "}"),
                     -EINVAL);
    assert_int_equal(validate_nested(1000000, "[", "]"), -EINVAL);
}

static void breadth_is_not_depth(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_append_byte(&b, '[');
    for (int i = 0; i < 1000; i++)
        buf_append_text(&b, "[[]],{\"a\":{}},");
    buf_append_text(&b, "0]");
    assert_int_equal(json_validate(buf_str(&b), NULL), 0);
    buf_fini(&b);
}

/* A page that may be written, the one behind it not even read. */
static char *guarded_page(size_t size)
{
    char *page = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(page, MAP_FAILED);
    assert_int_equal(mprotect(page + size, size, PROT_NONE), 0);
    return page;
}

static void check_all_cuts(char *page, size_t size, const char *text)
{
    for (size_t n = 0; n <= strlen(text); n++) {
        char *at = page + size - n;
        memcpy(at, text, n);
        int whole = json_validate(str_of(text), NULL);
        int cut = json_validate(str_make(at, n), NULL);
        if (n == strlen(text))
            assert_int_equal(cut, whole);
    }
}

static void nothing_behind_the_text_is_read(void **state)
{
    (void)state;
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    char *page = guarded_page(size);
    for (size_t i = 0; i < COUNT(well_formed); i++)
        check_all_cuts(page, size, well_formed[i]);
    for (size_t i = 0; i < COUNT(malformed); i++)
        check_all_cuts(page, size, malformed[i].text);
    munmap(page, 2 * size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_texts_are_taken),
        cmocka_unit_test(malformed_texts_are_refused_where_they_go_wrong),
        cmocka_unit_test(a_nul_byte_is_nowhere_allowed),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(breadth_is_not_depth),
        cmocka_unit_test(nothing_behind_the_text_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
