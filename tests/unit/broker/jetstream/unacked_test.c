/* unacked: queues, deadlines and the lowest sequence, against a plain array. */
#include "tests/unit/test.h"

#include "broker/jetstream/unacked.h"

static void deadlines_are_sorted(void **state)
{
    (void)state;
    struct unacked u = {0};
    for (uint64_t seq = 1; seq <= 5; seq++)
        unacked_add(&u, seq, seq, (int64_t)(100 + seq));
    unacked_move(&u, unacked_find(&u, 3), UNACKED_DELAYED, 50);
    unacked_move(&u, unacked_find(&u, 4), UNACKED_DELAYED, 40);
    assert_int_equal(unacked_deadline(&u), 40);
    assert_null(unacked_due(&u, 39));
    assert_int_equal(unacked_due(&u, 45)->seq, 4);
    unacked_move(&u, unacked_find(&u, 4), UNACKED_READY, 0);
    assert_int_equal(unacked_due(&u, 50)->seq, 3);
    assert_int_equal(unacked_ready(&u)->seq, 4);
    assert_int_equal(unacked_lowest(&u)->seq, 1);
    unacked_fini(&u);
}

static void ready_ones_keep_their_order(void **state)
{
    (void)state;
    struct unacked u = {0};
    for (uint64_t seq = 1; seq <= 3; seq++)
        unacked_add(&u, seq, seq, 1000);
    uint64_t order[] = {2, 1, 3};
    for (int i = 0; i < 3; i++)
        unacked_move(&u, unacked_find(&u, order[i]), UNACKED_READY, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(unacked_ready(&u)->seq, order[i]);
        unacked_remove(&u, unacked_ready(&u));
    }
    assert_null(unacked_ready(&u));
    unacked_fini(&u);
}

#define SPAN 5000

static void random_use_agrees_with_an_array(void **state)
{
    (void)state;
    static bool in[SPAN + 1];
    struct unacked u = {0};
    uint64_t seed = 3, next = 1, lowest = 1;
    uint32_t count = 0;
    while (next <= SPAN) {
        uint64_t seq = 1 + random_next(&seed) % SPAN;
        if (random_next(&seed) % 2 == 0) {
            unacked_add(&u, next, next, (int64_t)next);
            in[next++] = true;
            count++;
        }
        struct unacked_entry *entry = unacked_find(&u, seq);
        assert_int_equal(entry != NULL, in[seq]);
        if (entry != NULL) {
            assert_int_equal(entry->seq, seq);
            unacked_remove(&u, entry);
            in[seq] = false;
            count--;
        }
        while (lowest < next && !in[lowest])
            lowest++;
        assert_int_equal(u.count, count);
        entry = unacked_lowest(&u);
        assert_int_equal(entry != NULL ? entry->seq : next, lowest);
    }
    unacked_fini(&u);
}

static void out_of_order_is_refused(void)
{
    struct unacked u = {0};
    unacked_add(&u, 2, 1, 0);
    unacked_add(&u, 2, 2, 0);
}

static void a_lower_sequence_stops_the_program(void **state)
{
    (void)state;
    assert_aborts(out_of_order_is_refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deadlines_are_sorted),
        cmocka_unit_test(ready_ones_keep_their_order),
        cmocka_unit_test(random_use_agrees_with_an_array),
        cmocka_unit_test(a_lower_sequence_stops_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
