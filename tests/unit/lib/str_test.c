/* Slices of text and the numbers in them. */
#include "unit/test.h"

#include <math.h>

static void equality_compares_bytes(void **state)
{
    (void)state;
    assert_true(str_eq(str_of("abc"), str_make("abcd", 3)));
    assert_false(str_eq(str_of("abc"), str_of("abd")));
    assert_false(str_eq(str_of("ab"), str_of("abc")));
    assert_true(str_eq(str_make(NULL, 0), str_of("")));
    assert_true(str_eq(str_make("a\0b", 3), str_make("a\0b", 3)));
    assert_false(str_eq(str_make("a\0b", 3), str_make("a\0c", 3)));
    assert_true(str_is(str_of("x"), "x"));
    assert_int_equal(str_of(NULL).len, 0);
}

static void case_is_folded_in_ascii_only(void **state)
{
    (void)state;
    assert_true(str_ieq(str_of("Content-Type"), str_of("content-tYPE")));
    assert_true(str_ieq(str_make(NULL, 0), str_of("")));
    assert_false(str_ieq(str_of("ab"), str_of("abc")));
    assert_false(str_ieq(str_of("\xC3\x84"), str_of("\xC3\xA4")));
}

static void prefix(void **state)
{
    (void)state;
    assert_true(str_has_prefix(str_of("now-5m"), str_of("now")));
    assert_true(str_has_prefix(str_of("now"), str_of("now")));
    assert_true(str_has_prefix(str_of("x"), str_make(NULL, 0)));
    assert_false(str_has_prefix(str_of("no"), str_of("now")));
    assert_false(str_has_prefix(str_make(NULL, 0), str_of("n")));
}

static void trimming_takes_blanks_from_both_ends(void **state)
{
    (void)state;
    assert_str(str_trim(str_of(" \t\r\na b\n ")), "a b");
    assert_str(str_trim(str_of("ab")), "ab");
    assert_str(str_trim(str_of(" \n\t ")), "");
    assert_str(str_trim(str_of(" ")), "");
    assert_str(str_trim(str_of("a")), "a");
    assert_str(str_trim(str_make(NULL, 0)), "");
}

static void integers_are_read_up_to_the_limits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {"+7", 7},
        {"007", 7},
        {"-42", -42},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t value = 99;
        assert_int_equal(str_to_i64(str_of(cases[i].text), &value), 0);
        assert_int_equal(value, cases[i].value);
    }
}

static void other_integers_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "-",
                                      "+",
                                      "--1",
                                      "+-1",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "0x1",
                                      "1e3",
                                      "12a",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999999999"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        int64_t value = 99;
        if (str_to_i64(str_of(bad[i]), &value) != -1)
            fail_msg("\"%s\" was read as a number", bad[i]);
        assert_int_equal(value, 99);
    }
}

static void doubles_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        {"0", 0},
        {"85.5", 85.5},
        {"-320.125", -320.125},
        {"1e3", 1000},
        {"1E-3", 0.001},
        {"1.", 1},
        {".5", 0.5},
        {"+2", 2},
        {"1.7976931348623157e308", 1.7976931348623157e308},
        {"5e-324", 5e-324},
        {"123456789012345", 123456789012345.0},
        {"1234567890123456789", 1234567890123456789.0},
        {"0.1", 0.1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        double value = 99;
        assert_int_equal(str_to_double(str_of(cases[i].text), &value), 0);
        assert_true(value == cases[i].value);
    }
    double zero;
    assert_int_equal(str_to_double(str_of("-0.0"), &zero), 0);
    assert_true(zero == 0 && signbit(zero));
}

static void what_is_no_finite_decimal_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",      "-",      ".",   "-.",  "e5",   "1e",       "1e+",
        "--1",   "1.2.3",  "nan", "inf", "-inf", "infinity", "0x1p3",
        "1e999", "-1e999", " 1",  "1 ",  "1,5",  "1_000",    "12abc"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        double value = 99;
        if (str_to_double(str_of(bad[i]), &value) != -1)
            fail_msg("\"%s\" was read as a number", bad[i]);
        assert_true(value == 99);
    }
    double value;
    assert_int_equal(str_to_double(str_make("1\0", 2), &value), -1);
    assert_int_equal(str_to_double(str_make("1.5\0e9999", 9), &value), -1);
}

static void a_number_longer_than_any_double_needs_is_refused(void **state)
{
    (void)state;
    char text[400];
    memset(text, '0', sizeof text);
    double value;
    assert_int_equal(str_to_double(str_make(text, 319), &value), 0);
    assert_int_equal(str_to_double(str_make(text, 320), &value), -1);
}

/* The short way around strtod must agree with it in every bit. */
static void short_decimals_read_as_strtod_reads_them(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 300000; i++) {
        char text[64];
        int64_t number = (int64_t)(random_next(&seed) >> (i % 60));
        int decimals = (int)(random_next(&seed) % 16);
        snprintf(text, sizeof text, "%s%lld.%0*llu", i & 1 ? "-" : "",
                 (long long)number % 10000000, decimals + 1,
                 (unsigned long long)random_next(&seed) % 1000);
        double value, expected = strtod(text, NULL);
        assert_int_equal(str_to_double(str_of(text), &value), 0);
        if (memcmp(&value, &expected, sizeof value) != 0)
            fail_msg("%s was read as %.17g", text, value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equality_compares_bytes),
        cmocka_unit_test(case_is_folded_in_ascii_only),
        cmocka_unit_test(prefix),
        cmocka_unit_test(trimming_takes_blanks_from_both_ends),
        cmocka_unit_test(integers_are_read_up_to_the_limits),
        cmocka_unit_test(other_integers_are_refused),
        cmocka_unit_test(doubles_are_read),
        cmocka_unit_test(what_is_no_finite_decimal_is_refused),
        cmocka_unit_test(a_number_longer_than_any_double_needs_is_refused),
        cmocka_unit_test(short_decimals_read_as_strtod_reads_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
