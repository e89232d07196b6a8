/* A replay's times: one for each source time, never the same, never back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agents/streamer/stamps.h"
#include "lib/clock.h"

#define NOW INT64_C(1752871354123456789)

static struct stamps *stamps;

static int set_up(void **state)
{
    (void)state;
    stamps = stamps_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stamps_free(&stamps);
    return 0;
}

static void a_source_time_keeps_its_stamp(void **state)
{
    (void)state;
    int64_t first = stamps_of(stamps, 100, NOW);
    assert_int_equal(first, NOW - NOW % NS_PER_MS);
    int64_t second = stamps_of(stamps, 200, NOW + 5 * NS_PER_MS);
    assert_int_equal(stamps_of(stamps, 100, NOW + NS_PER_S), first);
    assert_int_equal(stamps_of(stamps, 200, NOW + NS_PER_S), second);
    assert_int_equal(second - first, 5 * NS_PER_MS);
}

static void times_of_one_millisecond_stay_apart(void **state)
{
    (void)state;
    int64_t last = 0;
    for (int i = 0; i < 500; i++) {
        int64_t stamp = stamps_of(stamps, i, NOW);
        assert_true(stamp > last);
        assert_int_equal(stamp % NS_PER_MS, 0);
        last = stamp;
    }
    assert_int_equal(stamps_of(stamps, 250, NOW), last - 249 * NS_PER_MS);
}

static void stamps_do_not_run_far_ahead_of_the_clock(void **state)
{
    (void)state;
    int64_t last = 0;
    for (int i = 0; i < 10000; i++) {
        int64_t stamp = stamps_of(stamps, i, NOW);
        assert_true(stamp > last);
        assert_int_equal(stamp % NS_PER_US, 0);
        last = stamp;
    }
    assert_true(last < NOW + STAMPS_LEAD_MAX_NS + 10 * NS_PER_MS);
}

static void the_next_pass_is_later(void **state)
{
    (void)state;
    int64_t first = stamps_of(stamps, 100, NOW);
    stamps_begin_pass(stamps);
    int64_t again = stamps_of(stamps, 100, NOW);
    assert_true(again > first);
    stamps_begin_pass(stamps);
    assert_true(stamps_of(stamps, 100, NOW - NS_PER_S) > again);
}

static void source_times_without_end_are_forgotten(void **state)
{
    (void)state;
    int64_t first = stamps_of(stamps, 0, NOW);
    for (int64_t i = 1; i < STAMPS_MAX; i++)
        stamps_of(stamps, i, NOW);
    assert_int_equal(stamps_of(stamps, 0, NOW), first);
    int64_t last = stamps_of(stamps, STAMPS_MAX, NOW);
    assert_true(stamps_of(stamps, 0, NOW) > last);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_source_time_keeps_its_stamp),
        TEST(times_of_one_millisecond_stay_apart),
        TEST(stamps_do_not_run_far_ahead_of_the_clock),
        TEST(the_next_pass_is_later),
        TEST(source_times_without_end_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
