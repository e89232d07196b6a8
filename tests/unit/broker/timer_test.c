/* timer: fires in order, moves, stops. */
#include "tests/unit/test.h"

#include "broker/timer.h"

#define TIMERS 500

struct ticking {
    struct timer timer;
    int fired;
};

static int64_t last_when;

static void fire(struct timer *timer)
{
    assert_true(timer->when_ns >= last_when);
    assert_false(timer_is_set(timer));
    last_when = timer->when_ns;
    ((struct ticking *)timer)->fired++;
}

static void random_order(void **state)
{
    (void)state;
    static struct ticking all[TIMERS];
    struct timers timers = {0};
    uint64_t seed = 7;
    for (int i = 0; i < TIMERS; i++) {
        all[i].timer.fire = fire;
        timer_set(&timers, &all[i].timer, (int64_t)(random_next(&seed) % 1000));
    }
    for (int i = 0; i < TIMERS; i += 3)
        timer_set(&timers, &all[i].timer, (int64_t)(random_next(&seed) % 1000));
    for (int i = 0; i < TIMERS; i += 5)
        timer_stop(&timers, &all[i].timer);
    timers_run(&timers, 499);
    assert_true(last_when <= 499);
    timers_run(&timers, 1000);
    for (int i = 0; i < TIMERS; i++)
        assert_int_equal(all[i].fired, i % 5 != 0);
    assert_int_equal(timers.count, 0);
    timers_fini(&timers);
}

static void waiting_time(void **state)
{
    (void)state;
    struct timers timers = {0};
    struct ticking one = {.timer.fire = fire};
    assert_int_equal(timers_wait_ms(&timers, 0, 50), 50);
    timer_set(&timers, &one.timer, 2000001);
    assert_int_equal(timers_wait_ms(&timers, 0, 50), 3);
    assert_int_equal(timers_wait_ms(&timers, 0, 2), 2);
    assert_int_equal(timers_wait_ms(&timers, 2000001, 50), 0);
    timer_stop(&timers, &one.timer);
    timer_stop(&timers, &one.timer);
    timers_fini(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_order),
        cmocka_unit_test(waiting_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
