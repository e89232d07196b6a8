/* seqset against an array of flags. */
#include "tests/unit/test.h"

#include "broker/store/seqset.h"

#define SEQS (10 * SEQSET_PAGE_SEQS)

struct both {
    struct seqset set;
    bool flags[SEQS + 1];
    uint64_t below; /* dropped */
};

static void check(const struct both *b, uint64_t seq, uint64_t through)
{
    uint64_t next = seq, prev = seq, members = 0;
    struct store_range run;
    assert_int_equal(seqset_has(&b->set, seq), b->flags[seq]);
    while (next <= SEQS && b->flags[next])
        next++;
    assert_int_equal(seqset_next_absent(&b->set, seq), next);
    while (prev > 0 && b->flags[prev])
        prev--;
    if (prev >= b->below)
        assert_int_equal(seqset_prev_absent(&b->set, seq), prev);
    for (uint64_t at = seq; at <= through; at++)
        members += b->flags[at];
    assert_int_equal(seqset_members(&b->set, seq, through), members);
    for (next = seq; next <= SEQS && !b->flags[next];)
        next++;
    assert_int_equal(seqset_next_run(&b->set, seq, &run), next <= SEQS);
    if (next > SEQS)
        return;
    assert_int_equal(run.first_seq, next);
    while (next <= SEQS && b->flags[next])
        next++;
    assert_int_equal(run.last_seq, next - 1);
}

static void drop(struct both *b, uint64_t seq)
{
    seqset_drop_below(&b->set, seq);
    b->below = seq & ~(SEQSET_PAGE_SEQS - 1);
    memset(b->flags, 0, b->below * sizeof *b->flags);
}

static void any_order_of_operations(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct both *b = calloc(1, sizeof *b);
        uint64_t random = seed;
        for (int step = 0; step < 3000; step++) {
            uint64_t seq = random_next(&random) % (SEQS - b->below) + b->below;
            uint64_t through = seq + random_next(&random) % (SEQS - seq + 1);
            if (seq == 0)
                continue;
            if (step % 500 == 499) {
                drop(b, seq / 2 > b->below ? seq / 2 : b->below);
            } else if (step % 97 == 0) {
                seqset_add_range(&b->set, seq, through);
                memset(b->flags + seq, 1, through + 1 - seq);
            } else if (step % 3 == 0) {
                assert_int_equal(seqset_add(&b->set, seq), !b->flags[seq]);
                b->flags[seq] = true;
            } else {
                check(b, seq, through);
            }
        }
        seqset_fini(&b->set);
        free(b);
    }
}

static void full_pages_cost_nothing(void **state)
{
    (void)state;
    struct seqset set = {.count = 0};
    seqset_add_range(&set, 1, UINT64_C(1) << 50);
    assert_true(set.count <= 3);
    assert_int_equal(seqset_next_absent(&set, 7), (UINT64_C(1) << 50) + 1);
    assert_int_equal(seqset_prev_absent(&set, UINT64_C(1) << 50), 0);
    for (uint64_t seq = (UINT64_C(1) << 50) + 100000; seq > UINT64_C(1) << 50;
         seq--)
        seqset_add(&set, seq);
    assert_true(set.count <= 4);
    seqset_fini(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_of_operations),
        cmocka_unit_test(full_pages_cost_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
