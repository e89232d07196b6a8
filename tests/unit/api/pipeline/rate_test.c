/* How fast a counter grows. */
#include "unit/test.h"

#include <math.h>

#include "api/pipeline/rate.h"
#include "lib/clock.h"

static struct rate rate;

static int set_up(void **state)
{
    (void)state;
    rate = (struct rate){.count = 0};
    return 0;
}

static void it_takes_two_marks(void **state)
{
    (void)state;
    assert_true(isnan(rate_per_second(&rate)));
    rate_mark(&rate, NS_PER_S, 10);
    assert_true(isnan(rate_per_second(&rate)));
    rate_mark(&rate, 3 * NS_PER_S, 30);
    assert_true(rate_per_second(&rate) == 10);
}

static void the_same_time_is_no_mark(void **state)
{
    (void)state;
    rate_mark(&rate, NS_PER_S, 10);
    rate_mark(&rate, NS_PER_S, 20);
    assert_true(isnan(rate_per_second(&rate)));
}

static void old_marks_do_not_count(void **state)
{
    (void)state;
    rate_mark(&rate, 0, 1000);
    for (int i = 1; i <= RATE_MARKS; i++)
        rate_mark(&rate, i * NS_PER_S, 1000 + 2 * i);
    assert_true(rate_per_second(&rate) == 2);
    rate_mark(&rate, 100 * NS_PER_S, 1000 + 2 * RATE_MARKS);
    assert_true(rate_per_second(&rate) < 1);
}

static void a_counter_that_begins_anew_does_not_fall(void **state)
{
    (void)state;
    rate_mark(&rate, NS_PER_S, 1000);
    rate_mark(&rate, 2 * NS_PER_S, 2000);
    rate_mark(&rate, 3 * NS_PER_S, 5);
    assert_true(isnan(rate_per_second(&rate)));
    rate_mark(&rate, 4 * NS_PER_S, 10);
    assert_true(rate_per_second(&rate) == 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(it_takes_two_marks, set_up),
        cmocka_unit_test_setup(the_same_time_is_no_mark, set_up),
        cmocka_unit_test_setup(old_marks_do_not_count, set_up),
        cmocka_unit_test_setup(a_counter_that_begins_anew_does_not_fall,
                               set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
