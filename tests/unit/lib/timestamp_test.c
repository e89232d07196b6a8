/* Times as text, against the C library's calendar. */
#include "unit/test.h"

#include <errno.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/timestamp.h"

#define MS NS_PER_MS
#define S  NS_PER_S

/* 2025-07-18T20:42:34Z */
#define NOW INT64_C(1752871354000000000)

struct reading {
    const char *text;
    int64_t ns;
};

static void check_readings(const struct reading *cases, size_t count,
                           int (*parse)(struct str, int64_t *))
{
    for (size_t i = 0; i < count; i++) {
        int64_t ns = -1;
        if (parse(str_of(cases[i].text), &ns) != 0 || ns != cases[i].ns)
            fail_msg("\"%s\" was read as %lld", cases[i].text, (long long)ns);
    }
}

static void check_refused(const char *const *texts, size_t count,
                          int (*parse)(struct str, int64_t *))
{
    for (size_t i = 0; i < count; i++) {
        int64_t ns = -1;
        if (parse(str_of(texts[i]), &ns) != -EINVAL)
            fail_msg("\"%s\" was read as %lld", texts[i], (long long)ns);
    }
}

static void times_are_read(void **state)
{
    (void)state;
    static const struct reading cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2025-07-18T20:42:34Z", NOW},
        {"2025-07-18t20:42:34z", NOW},
        {"2025-07-18 20:42:34Z", NOW},
        {"2025-07-18T20:42:34.2Z", NOW + 200 * MS},
        {"2025-07-18T20:42:34.250Z", NOW + 250 * MS},
        {"2025-07-18T20:42:34.000000001Z", NOW + 1},
        {"2025-07-18T20:42:34.999999999Z", NOW + S - 1},
        {"2025-07-18T22:42:34+02:00", NOW},
        {"2025-07-18T15:12:34-05:30", NOW},
        {"2025-07-19T20:41:34+23:59", NOW},
        {"2025-07-18T20:42:34+00:00", NOW},
        {"2025-07-18T20:42:34-00:00", NOW},
        {"1969-12-31T23:59:59.5Z", -500 * MS},
        {"2000-02-29T00:00:00Z", 951782400 * S},
        {"2024-02-29T12:00:00Z", 1709208000 * S},
        {"2024-02-29T23:30:00-01:00", 1709253000 * S},
        {"2016-12-31T23:59:60Z", 1483228800 * S},
    };
    check_readings(cases, COUNT(cases), timestamp_parse);
}

static void other_times_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2025",
        "2025-07-18",
        "2025-07-18T20:42Z",
        "2025-07-18T20:42:34",
        "2025-07-18T20:42:34ZZ",
        "2025-07-18T20:42:34Z ",
        " 2025-07-18T20:42:34Z",
        "2025-07-18_20:42:34Z",
        "2025-7-18T20:42:34Z",
        "25-07-18T20:42:34Z",
        "+025-07-18T20:42:34Z",
        "2025/07/18T20:42:34Z",
        "2025-00-18T20:42:34Z",
        "2025-13-18T20:42:34Z",
        "2025-07-00T20:42:34Z",
        "2025-07-32T20:42:34Z",
        "2025-06-31T20:42:34Z",
        "2025-02-29T20:42:34Z",
        "1900-02-29T20:42:34Z",
        "2100-02-29T20:42:34Z",
        "2025-07-18T24:00:00Z",
        "2025-07-18T20:60:00Z",
        "2025-07-18T20:42:61Z",
        "2025-07-18T20:42:34.Z",
        "2025-07-18T20:42:34,5Z",
        "2025-07-18T20:42:34.1234567890Z",
        "2025-07-18T20:42:34.-1Z",
        "2025-07-18T20:42:34+2:00",
        "2025-07-18T20:42:34+0200",
        "2025-07-18T20:42:34+02",
        "2025-07-18T20:42:34+24:00",
        "2025-07-18T20:42:34+02:60",
        "2025-07-18T20:42:34+02:00Z",
        "1752871354",
        "now",
    };
    check_refused(bad, COUNT(bad), timestamp_parse);
    int64_t ns;
    assert_int_equal(timestamp_parse(str_make(NULL, 0), &ns), -EINVAL);
    assert_int_equal(
        timestamp_parse(str_make("2025-07-18\00020:42:34Z", 20), &ns), -EINVAL);
}

static void every_cut_of_a_time_is_refused(void **state)
{
    (void)state;
    const char *text = "2025-07-18T20:42:34.123+02:00";
    int64_t ns;
    for (size_t n = 0; n < strlen(text); n++)
        assert_int_equal(timestamp_parse(str_make(text, n), &ns), -EINVAL);
}

/* ':' and '/' stand beside the digits in ASCII. */
static void every_digit_must_be_one(void **state)
{
    (void)state;
    char text[] = "2025-07-18T20:42:34.123+02:00";
    int64_t ns;
    for (char *c = text; *c != '\0'; c++) {
        if (*c < '0' || *c > '9')
            continue;
        char digit = *c;
        for (const char *other = ":/a \x01\xB1"; *other != '\0'; other++) {
            *c = *other;
            if (timestamp_parse(str_of(text), &ns) != -EINVAL)
                fail_msg("\"%s\" was read", text);
        }
        *c = digit;
    }
    assert_int_equal(timestamp_parse(str_of(text), &ns), 0);
}

static void the_range_is_that_of_64_bits(void **state)
{
    (void)state;
    static const struct reading cases[] = {
        {"2262-04-11T23:47:16.854775807Z", INT64_MAX},
        {"2262-04-12T00:47:16.854775807+01:00", INT64_MAX},
        {"1677-09-21T00:12:44Z", INT64_C(-9223372036) * S},
    };
    static const char *const beyond[] = {"2262-04-11T23:47:16.854775808Z",
                                         "2262-04-11T23:47:17Z",
                                         "2262-04-11T23:47:16.854775807-00:01",
                                         "1677-09-21T00:12:42Z",
                                         "9999-12-31T23:59:59Z",
                                         "0000-01-01T00:00:00Z"};
    check_readings(cases, COUNT(cases), timestamp_parse);
    check_refused(beyond, COUNT(beyond), timestamp_parse);
}

static void digits_are_cut_never_rounded(void **state)
{
    (void)state;
    char text[TIMESTAMP_MAX];
    int64_t ns = NOW + 999999999;
    assert_int_equal(timestamp_format(ns, 0, text), 20);
    assert_string_equal(text, "2025-07-18T20:42:34Z");
    assert_int_equal(timestamp_format(ns, 3, text), 24);
    assert_string_equal(text, "2025-07-18T20:42:34.999Z");
    timestamp_format(ns, 6, text);
    assert_string_equal(text, "2025-07-18T20:42:34.999999Z");
    timestamp_format(ns, 9, text);
    assert_string_equal(text, "2025-07-18T20:42:34.999999999Z");
    timestamp_format(-1, 3, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    timestamp_format(INT64_MAX, 9, text);
    assert_string_equal(text, "2262-04-11T23:47:16.854775807Z");
    timestamp_format(INT64_MIN, 9, text);
    assert_string_equal(text, "1677-09-21T00:12:43.145224192Z");
}

static void nano_leaves_trailing_zeros_out(void **state)
{
    (void)state;
    char text[TIMESTAMP_MAX];
    assert_int_equal(timestamp_format_nano(NOW, text), 20);
    assert_string_equal(text, "2025-07-18T20:42:34Z");
    timestamp_format_nano(NOW + 250 * MS, text);
    assert_string_equal(text, "2025-07-18T20:42:34.25Z");
    timestamp_format_nano(NOW + 10, text);
    assert_string_equal(text, "2025-07-18T20:42:34.00000001Z");
    timestamp_format_nano(-4 * S, text);
    assert_string_equal(text, "1969-12-31T23:59:56Z");
}

/* What the C library makes of the same second. */
static void libc_format(int64_t seconds, char out[TIMESTAMP_MAX])
{
    time_t t = seconds;
    struct tm tm;
    assert_non_null(gmtime_r(&t, &tm));
    strftime(out, TIMESTAMP_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void the_calendar_is_the_c_librarys(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (int i = 0; i < 300000; i++) {
        int64_t seconds =
            (int64_t)(random_next(&seed) % 18446744072) - INT64_C(9223372036);
        char expected[TIMESTAMP_MAX], text[TIMESTAMP_MAX];
        libc_format(seconds, expected);
        timestamp_format(seconds * S, 0, text);
        assert_string_equal(text, expected);
        int64_t ns;
        assert_int_equal(timestamp_parse(str_of(text), &ns), 0);
        assert_true(ns == seconds * S);
    }
}

static bool libc_knows(int year, int month, int day)
{
    struct tm tm = {
        .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    timegm(&tm);
    return tm.tm_mon == month - 1 && tm.tm_mday == day;
}

static void each_day_is_there_or_not_as_in_the_c_library(void **state)
{
    (void)state;
    for (int year = 1678; year <= 2261; year++)
        for (int month = 0; month <= 13; month++)
            for (int day = 0; day <= 32; day++) {
                char text[TIMESTAMP_MAX];
                snprintf(text, sizeof text, "%04d-%02d-%02dT00:00:00Z",
                         year % 10000, month % 100, day % 100);
                int64_t ns;
                bool taken = timestamp_parse(str_of(text), &ns) == 0;
                bool known = month >= 1 && month <= 12 && day >= 1 &&
                             libc_knows(year, month, day);
                if (taken != known)
                    fail_msg("%s is %staken", text, taken ? "" : "not ");
            }
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int i = 0; i < 300000; i++) {
        int64_t ns = (int64_t)(random_next(&seed) >> 1), back;
        if (i % 2 == 0)
            ns = -ns + S;
        char text[TIMESTAMP_MAX];
        timestamp_format(ns, 9, text);
        assert_int_equal(timestamp_parse(str_of(text), &back), 0);
        assert_true(back == ns);
        int length = timestamp_format_nano(ns, text);
        assert_int_equal(strlen(text), length);
        assert_int_equal(timestamp_parse(str_of(text), &back), 0);
        assert_true(back == ns);
    }
}

static int parse_query(struct str text, int64_t *ns)
{
    return timestamp_parse_query(text, NOW, ns);
}

static void queries_count_back_from_now(void **state)
{
    (void)state;
    static const struct reading cases[] = {
        {"now", NOW},
        {"now-30s", NOW - 30 * S},
        {"now-5m", NOW - 300 * S},
        {"now-2h", NOW - 7200 * S},
        {"now-7d", NOW - 7 * 86400 * S},
        {"now-250ms", NOW - 250 * MS},
        {"now-0s", NOW},
        {"now-5", NOW - 5 * S},
        {"2025-07-18T20:42:34.5Z", NOW + 500 * MS},
    };
    static const char *const bad[] = {
        "",        "now-", "now+5m",  "now5m",           "now -5m",
        "now--5m", "NOW",  "nowhere", "now-5x",          "now-1.5h",
        "now-m",   "-5m",  "now-5m ", "now-99999999999d"};
    check_readings(cases, COUNT(cases), parse_query);
    check_refused(bad, COUNT(bad), parse_query);
    int64_t ns;
    assert_int_equal(timestamp_parse_query(str_of("now-1s"), INT64_MIN, &ns),
                     -EINVAL);
}

static void durations_are_read(void **state)
{
    (void)state;
    static const struct reading cases[] = {
        {"0", 0},
        {"5", 5 * S},
        {"250ms", 250 * MS},
        {"5s", 5 * S},
        {"2m", 120 * S},
        {"1h", 3600 * S},
        {"7d", 7 * 86400 * S},
        {"3us", 3000},
        {"9223372036854775807ns", INT64_MAX},
        {"106751d", 86400 * S * 106751},
    };
    static const char *const bad[] = {"",
                                      "s",
                                      "-5s",
                                      "+5s",
                                      "5 s",
                                      "5S",
                                      "5sec",
                                      "1.5s",
                                      "1h2m",
                                      " 5s",
                                      "5s ",
                                      "106752d",
                                      "9223372037",
                                      "9223372036854775808ns",
                                      "99999999999999999999"};
    check_readings(cases, COUNT(cases), duration_parse);
    check_refused(bad, COUNT(bad), duration_parse);
    int64_t ns;
    assert_int_equal(duration_parse(str_make("55", 1), &ns), 0);
    assert_true(ns == 5 * S);
}

static void durations_are_written_in_their_largest_unit(void **state)
{
    (void)state;
    static const struct reading cases[] = {
        {"0s", 0},           {"1ns", 1},
        {"1500us", 1500000}, {"250ms", 250 * MS},
        {"90s", 90 * S},     {"2m", 120 * S},
        {"25h", 90000 * S},  {"7d", 7 * 86400 * S},
    };
    struct buf b = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        duration_append(&b, cases[i].ns);
        assert_buf(&b, cases[i].text);
    }
    uint64_t seed = 4;
    for (int i = 0; i < 100000; i++) {
        int64_t ns = (int64_t)(random_next(&seed) >> (1 + i % 63)), back;
        if (i % 3 == 0)
            ns = ns / S * S;
        duration_append(&b, ns);
        assert_int_equal(duration_parse(buf_str(&b), &back), 0);
        assert_true(back == ns);
        buf_reset(&b);
    }
    buf_fini(&b);
}

static void clocks_go_forward(void **state)
{
    (void)state;
    int64_t mono = clock_mono_ns(), wall = clock_wall_ns();
    time_t now = time(NULL);
    assert_true(llabs(now - wall / S) < 60);
    for (int i = 0; i < 1000; i++) {
        int64_t next = clock_mono_ns();
        assert_true(next >= mono);
        mono = next;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(other_times_are_refused),
        cmocka_unit_test(every_cut_of_a_time_is_refused),
        cmocka_unit_test(every_digit_must_be_one),
        cmocka_unit_test(the_range_is_that_of_64_bits),
        cmocka_unit_test(digits_are_cut_never_rounded),
        cmocka_unit_test(nano_leaves_trailing_zeros_out),
        cmocka_unit_test(the_calendar_is_the_c_librarys),
        cmocka_unit_test(each_day_is_there_or_not_as_in_the_c_library),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(queries_count_back_from_now),
        cmocka_unit_test(durations_are_read),
        cmocka_unit_test(durations_are_written_in_their_largest_unit),
        cmocka_unit_test(clocks_go_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
