/* agenda against an array of times. */
#include "tests/unit/test.h"

#include "broker/store/agenda.h"
#include "lib/clock.h"

#define NUMBERS 3000

struct times {
    int64_t expires_ns[NUMBERS]; /* 0: not there */
    int64_t now_ns;
    bool stay;
};

static bool look(void *owner, uint32_t number, struct store_msg *msg)
{
    const struct times *t = owner;
    *msg =
        (struct store_msg){.seq = number, .expires_ns = t->expires_ns[number]};
    return msg->expires_ns != 0;
}

static bool there(void *owner, uint32_t number)
{
    struct store_msg msg;
    return look(owner, number, &msg);
}

static void over(void *arg, const struct store_msg *msg)
{
    struct times *t = arg;
    assert_true(msg->expires_ns <= t->now_ns);
    if (!t->stay)
        t->expires_ns[msg->seq] = 0;
}

static size_t run(struct agenda *agenda, struct times *t, size_t max,
                  int64_t *next_ns)
{
    struct agenda_run run = {.now_ns = t->now_ns,
                             .max = max,
                             .steps = 2 * NUMBERS,
                             .look = look,
                             .owner = t,
                             .fn = over,
                             .arg = t};
    *next_ns = agenda_run(agenda, &run);
    return run.count;
}

static uint64_t next_random(uint64_t below)
{
    static uint64_t random = 1;
    random = random * 6364136223846793005U + 1442695040888963407U;
    return (random >> 33) % below;
}

/* From milliseconds to years, some earlier than all before, some removed. */
static void fill(struct agenda *agenda, struct times *t)
{
    for (uint32_t n = 0; n < NUMBERS; n++) {
        int64_t after_ns = (int64_t)next_random(10 * NS_PER_S);
        if (n % 10 == 0)
            after_ns = (int64_t)next_random(1000000) * 3600 * NS_PER_S / 10;
        if (n % 100 == 7)
            after_ns = -(int64_t)n * 60 * NS_PER_S;
        t->expires_ns[n] = t->now_ns + after_ns;
        agenda_add(agenda, t->expires_ns[n], n);
    }
    for (uint32_t n = 0; n < NUMBERS; n += 5)
        t->expires_ns[n] = 0;
}

static int64_t earliest(const struct times *t)
{
    int64_t earliest_ns = INT64_MAX;
    for (uint32_t n = 0; n < NUMBERS; n++)
        if (t->expires_ns[n] != 0 && t->expires_ns[n] < earliest_ns)
            earliest_ns = t->expires_ns[n];
    return earliest_ns;
}

static void all_that_is_over_and_nothing_else(void **state)
{
    (void)state;
    static struct times t;
    struct agenda agenda = {.keys = NULL};
    int64_t next_ns;
    t.now_ns = clock_wall_ns();
    fill(&agenda, &t);
    agenda_prune(&agenda, there, &t);
    assert_int_equal(agenda.count, NUMBERS - NUMBERS / 5);
    for (int i = 0; i < 120; i++, t.now_ns += 90 * NS_PER_MS) {
        while (run(&agenda, &t, 7, &next_ns) > 0)
            assert_true(next_ns <= earliest(&t));
        assert_true(next_ns <= earliest(&t) && next_ns > t.now_ns);
        assert_true(earliest(&t) > t.now_ns);
    }
    t.now_ns += 10 * 365 * 24 * 3600 * NS_PER_S;
    while (run(&agenda, &t, SIZE_MAX, &next_ns) > 0)
        continue;
    assert_int_equal(agenda.count, 0);
    assert_int_equal(agenda_next(&agenda), INT64_MAX);
    agenda_fini(&agenda);
}

static void what_is_not_removed_comes_again(void **state)
{
    (void)state;
    static struct times t = {.now_ns = 100, .stay = true};
    struct agenda agenda = {.keys = NULL};
    int64_t next_ns;
    t.expires_ns[3] = 50;
    agenda_add(&agenda, 50, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run(&agenda, &t, 10, &next_ns), 1);
        assert_int_equal(next_ns, 50);
    }
    agenda_fini(&agenda);
}

/* A row of lifetimes each shorter than the one before. */
static void ever_earlier_ones_are_cheap(void **state)
{
    (void)state;
    struct agenda agenda = {.keys = NULL};
    int64_t now_ns = clock_wall_ns(), base_ns = 0;
    unsigned moves = 0;
    for (uint32_t n = 0; n < NUMBERS; n++) {
        agenda_add(&agenda, now_ns - n * NS_PER_S, n);
        moves += agenda.base_ns != base_ns;
        base_ns = agenda.base_ns;
    }
    assert_true(moves < 30);
    assert_true(agenda_next(&agenda) <= now_ns - (NUMBERS - 1) * NS_PER_S);
    agenda_fini(&agenda);
}

/* A damaged or forged record may say anything. */
static void any_time_has_its_place(void **state)
{
    static const int64_t times[] = {INT64_MAX, INT64_MIN, 1, -1, 0};
    (void)state;
    struct agenda agenda = {.keys = NULL};
    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++)
        agenda_add(&agenda, times[i], (uint32_t)i);
    assert_int_equal(agenda.count, sizeof(times) / sizeof(*times));
    assert_true(agenda_next(&agenda) <= 0);
    agenda_fini(&agenda);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_is_over_and_nothing_else),
        cmocka_unit_test(what_is_not_removed_comes_again),
        cmocka_unit_test(ever_earlier_ones_are_cheap),
        cmocka_unit_test(any_time_has_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
