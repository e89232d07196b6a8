/* consumer_state: written and read back; no damage passes. */
#include "tests/unit/test.h"

#include <errno.h>

#include "broker/jetstream/consumer_state.h"
#include "lib/clock.h"

static void fill(struct consumer *consumer)
{
    int64_t soon_ns = clock_mono_ns() + 5 * NS_PER_S;
    consumer->last_dseq = 12;
    consumer->next_seq = 30;
    consumer->floor = (struct consumer_position){.dseq = 3, .seq = 9};
    unacked_add(&consumer->unacked, 10, 4, soon_ns);
    unacked_add(&consumer->unacked, 20, 11, soon_ns)->deliveries = 3;
    unacked_add(&consumer->unacked, 29, 12, soon_ns);
    unacked_move(&consumer->unacked, unacked_find(&consumer->unacked, 29),
                 UNACKED_READY, 0);
}

static void comes_back(void **state)
{
    (void)state;
    struct consumer before = {0}, after = {0};
    struct buf bytes = {0};
    fill(&before);
    consumer_state_encode(&before, &bytes);
    assert_int_equal(bytes.len, 48 + 3 * 32);
    assert_int_equal(consumer_state_decode(&after, buf_str(&bytes)), 0);
    assert_int_equal(after.last_dseq, 12);
    assert_int_equal(after.next_seq, 30);
    assert_int_equal(after.floor.dseq, 3);
    assert_int_equal(after.floor.seq, 9);
    assert_int_equal(after.unacked.count, 3);
    const struct unacked_entry *entry = unacked_find(&after.unacked, 20);
    assert_int_equal(entry->dseq, 11);
    assert_int_equal(entry->deliveries, 3);
    assert_true(entry->deadline_ns > clock_mono_ns());
    assert_int_equal(unacked_due(&after.unacked, clock_mono_ns())->seq, 29);
    unacked_fini(&before.unacked);
    unacked_fini(&after.unacked);
    buf_fini(&bytes);
}

static void no_damage_passes(void **state)
{
    (void)state;
    struct consumer before = {0}, after = {.next_seq = 77};
    struct buf bytes = {0};
    fill(&before);
    consumer_state_encode(&before, &bytes);
    for (size_t len = 0; len < bytes.len; len++)
        assert_int_equal(
            consumer_state_decode(&after, str_make(bytes.data, len)), -EBADMSG);
    for (size_t bit = 0; bit < bytes.len * 8; bit++) {
        bytes.data[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_equal(consumer_state_decode(&after, buf_str(&bytes)),
                         -EBADMSG);
        bytes.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_int_equal(after.next_seq, 77);
    assert_int_equal(after.unacked.count, 0);
    unacked_fini(&before.unacked);
    buf_fini(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back),
        cmocka_unit_test(no_damage_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
