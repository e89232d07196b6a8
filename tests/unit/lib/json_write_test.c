/* Writing JSON: commas, escapes and the shortest numbers. */
#include "unit/test.h"

#include <ctype.h>
#include <float.h>
#include <math.h>

#include "lib/json.h"
#include "lib/utf8.h"

#define PATTERNS 1000000 /* random doubles tried */

static void commas_stand_between_values(void **state)
{
    (void)state;
    struct buf b = {0};
    struct json_writer w = json_writer(&b);
    json_begin_object(&w);
    json_member_i64(&w, "i", -1);
    json_member_u64(&w, "u", UINT64_MAX);
    json_member_text(&w, "t", "x");
    json_member_text(&w, "none", NULL);
    json_member_str(&w, "s", str_make("abc", 2));
    json_member_bool(&w, "b", true);
    json_member_double(&w, "d", 0.5);
    json_key(&w, "a");
    json_begin_array(&w);
    json_begin_array(&w);
    json_end_array(&w);
    json_put_bool(&w, false);
    json_put_null(&w);
    json_begin_object(&w);
    json_end_object(&w);
    json_put_raw(&w, str_of("{\"r\":1}"));
    json_put_i64(&w, 2);
    json_end_array(&w);
    json_key_str(&w, str_make("z\"", 2));
    json_put_u64(&w, 3);
    json_end_object(&w);
    assert_buf(&b, "{\"i\":-1,\"u\":18446744073709551615,\"t\":\"x\","
                   "\"none\":null,\"s\":\"ab\",\"b\":true,\"d\":0.5,"
                   "\"a\":[[],false,null,{},{\"r\":1},2],\"z\\\"\":3}");
    buf_fini(&b);
}

static void check_written(struct str s, const char *expected)
{
    struct buf b = {0};
    struct json_writer w = json_writer(&b);
    json_put_str(&w, s);
    assert_int_equal(json_validate(buf_str(&b), NULL), 0);
    assert_buf(&b, expected);
    buf_fini(&b);
}

static void what_needs_an_escape_gets_one(void **state)
{
    (void)state;
    check_written(str_of("plain"), "\"plain\"");
    check_written(str_make(NULL, 0), "\"\"");
    check_written(str_of("\"\\/\n\r\t"), "\"\\\"\\\\/\\n\\r\\t\"");
    check_written(str_make("a\0\x01\x1f\x7f", 5),
                  "\"a\\u0000\\u0001\\u001f\x7f\"");
    check_written(str_of("\b\f"), "\"\\b\\f\"");
    check_written(str_of("\xC3\xA9\xF0\x9F\x98\x80"),
                  "\"\xC3\xA9\xF0\x9F\x98\x80\"");
}

#define U_FFFD "\xEF\xBF\xBD"

static void bytes_that_are_not_utf8_are_replaced(void **state)
{
    (void)state;
    check_written(str_of("a\x80z"), "\"a" U_FFFD "z\"");
    check_written(str_of("\xC3"), "\"" U_FFFD "\"");
    check_written(str_of("\xC3(\xFF"), "\"" U_FFFD "(" U_FFFD "\"");
    check_written(str_of("\xED\xA0\x80"), "\"" U_FFFD U_FFFD U_FFFD "\"");
    check_written(str_of("\xC0\xAF"), "\"" U_FFFD U_FFFD "\"");
    check_written(str_of("\xE2\x82"), "\"" U_FFFD U_FFFD "\"");
}

/* Any bytes make a well-formed string that reads back, UTF-8 unchanged. */
static void any_bytes_make_a_string(void **state)
{
    (void)state;
    uint64_t seed = 5;
    struct arena arena = {0};
    struct buf b = {0};
    for (int i = 0; i < 50000; i++) {
        char text[40];
        size_t len = random_next(&seed) % sizeof text;
        for (size_t k = 0; k < len; k++)
            text[k] = (char)(random_next(&seed) >> 56);
        bool utf8 = true;
        for (size_t k = 0, n; k < len && utf8; k += n)
            utf8 = (n = utf8_sequence(text + k, len - k)) > 0;
        struct json_writer w = json_writer(&b);
        json_put_str(&w, str_make(text, len));
        struct json_doc doc;
        struct str back;
        assert_int_equal(json_parse(&doc, buf_str(&b), &arena, NULL), 0);
        assert_int_equal(json_string(json_root(&doc), &arena, &back), 0);
        if (utf8)
            assert_true(str_eq(back, str_make(text, len)));
        buf_reset(&b);
        arena_reset(&arena);
    }
    buf_fini(&b);
    arena_fini(&arena);
}

static void sensor_values_are_written_as_people_would(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {-17, "-17"},
        {85.5, "85.5"},
        {320.125, "320.125"},
        {-0.05, "-0.05"},
        {0.001, "0.001"},
        {0.1 + 0.2, "0.30000000000000004"},
        {0.0001, "0.0001"},
        {123456789012.345, "123456789012.345"},
        {123456789012345680, "1.2345678901234568e+17"},
        {1e15, "1000000000000000"},
        {-1795292802893150, "-1795292802893150"},
        {9007199254740992, "9007199254740992"},
        {9007199254740994, "9007199254740994"},
        {18446744073709551616.0, "1.8446744073709552e+19"},
        {9007199254740993.0, "9007199254740992"},
        {1e300, "1e+300"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {5e-324, "5e-324"},
        {3e-320, "3e-320"},
        {NAN, "null"},
        {INFINITY, "null"},
        {-INFINITY, "null"},
    };
    struct buf b = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct json_writer w = json_writer(&b);
        json_put_double(&w, cases[i].value);
        assert_buf(&b, cases[i].text);
    }
    buf_fini(&b);
}

/* Digits from the first to the last that is not zero, exponent left out. */
static int significant_digits(const char *text)
{
    int digits = 0, zeros = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (!isdigit((unsigned char)*text) || (*text == '0' && digits == 0))
            continue;
        zeros = *text == '0' ? zeros + 1 : 0;
        digits++;
    }
    return digits > zeros ? digits - zeros : 1;
}

/* The fewest digits that read back, found by trying one after the other. */
static int fewest_digits(double value)
{
    for (int digits = 1; digits < 17; digits++) {
        char text[40];
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            return digits;
    }
    return 17;
}

static void check_reads_back(struct buf *b, double value)
{
    json_append_double(b, value);
    double back = strtod(buf_text(b), NULL);
    if (memcmp(&back, &value, sizeof value) != 0)
        fail_msg("%.17g was written as %s", value, b->data);
}

static void check_shortest(struct buf *b, double value)
{
    check_reads_back(b, value);
    if (significant_digits(b->data) != fewest_digits(value))
        fail_msg("%.17g was written as %s", value, b->data);
    assert_int_equal(json_validate(buf_str(b), NULL), 0);
}

static void any_double_reads_back(void **state)
{
    (void)state;
    uint64_t seed = 6;
    struct buf b = {0};
    for (int i = 0; i < PATTERNS; i++) {
        uint64_t bits = random_next(&seed);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        if (i % 64 == 0)
            check_shortest(&b, value);
        else
            check_reads_back(&b, value);
        buf_reset(&b);
    }
    buf_fini(&b);
}

/* Sensors report few decimals; small numbers have fewer digits. */
static void everyday_and_tiny_doubles_are_shortest(void **state)
{
    (void)state;
    static const double scale[] = {1, 10, 100, 1000, 1e4, 1e6};
    uint64_t seed = 7;
    struct buf b = {0};
    for (int i = 0; i < PATTERNS / 20; i++) {
        uint64_t bits = random_next(&seed);
        double value = (double)(int64_t)(bits >> (24 + i % 40)) /
                       scale[(size_t)i % COUNT(scale)];
        check_shortest(&b, i % 2 == 0 ? value : -value);
        buf_reset(&b);
        bits >>= 12 + i % 52; /* subnormal */
        memcpy(&value, &bits, sizeof value);
        check_shortest(&b, value);
        buf_reset(&b);
    }
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_stand_between_values),
        cmocka_unit_test(what_needs_an_escape_gets_one),
        cmocka_unit_test(bytes_that_are_not_utf8_are_replaced),
        cmocka_unit_test(any_bytes_make_a_string),
        cmocka_unit_test(sensor_values_are_written_as_people_would),
        cmocka_unit_test(any_double_reads_back),
        cmocka_unit_test(everyday_and_tiny_doubles_are_shortest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
