/* subjects against an array of sequences for each of a few hashes. */
#include "tests/unit/test.h"

#include "broker/store/subjects.h"

#define HASHES 300
#define SEQS   20000

struct model {
    struct subjects subjects;
    uint16_t of[SEQS + 1]; /* a message's subject, from 1; 0: removed */
    uint64_t last;
};

static uint64_t hash_of(uint16_t subject)
{
    return subject * UINT64_C(0x9e3779b97f4a7c15);
}

static struct subjects_range want(const struct model *m, uint16_t subject)
{
    struct subjects_range range = {.messages = 0};
    for (uint64_t seq = 1; seq <= m->last; seq++) {
        if (m->of[seq] != subject)
            continue;
        if (range.messages++ == 0)
            range.first_seq = seq;
        range.last_seq = seq;
    }
    return range;
}

static void check(struct model *m, uint16_t subject)
{
    struct subjects_range found, range = want(m, subject);
    bool there = subjects_find(&m->subjects, hash_of(subject), &found);
    assert_int_equal(there, range.messages > 0);
    if (!there)
        return;
    assert_int_equal(found.messages, range.messages);
    assert_true(found.first_seq <= range.first_seq);
    assert_true(found.last_seq >= range.last_seq);
    if (!found.first_open)
        assert_int_equal(found.first_seq, range.first_seq);
    if (!found.last_open)
        assert_int_equal(found.last_seq, range.last_seq);
    if (found.first_open || found.last_open)
        subjects_settle(&m->subjects, hash_of(subject), range.first_seq,
                        range.last_seq);
}

static void any_order_of_operations(void **state)
{
    (void)state;
    struct model *m = calloc(1, sizeof *m);
    uint64_t random = 7;
    while (m->last < SEQS) {
        uint16_t subject = (uint16_t)(random_next(&random) % HASHES + 1);
        if (random_next(&random) % 8 < 4) {
            m->of[++m->last] = subject;
            subjects_add(&m->subjects, hash_of(subject), m->last, m->last, 1);
            continue;
        }
        uint64_t seq = random_next(&random) % (m->last + 1);
        if (m->of[seq] != 0)
            subjects_remove(&m->subjects, hash_of(m->of[seq]), seq);
        m->of[seq] = 0;
        if (seq % 16 == 0)
            check(m, subject);
    }
    for (uint16_t subject = 1; subject <= HASHES; subject++)
        check(m, subject);
    subjects_fini(&m->subjects);
    free(m);
}

static void a_key_takes_few_bytes(void **state)
{
    (void)state;
    struct subjects subjects = {.count = 0};
    for (uint64_t seq = 1; seq <= 100000; seq++)
        subjects_add(&subjects, seq * UINT64_C(0x9e3779b97f4a7c15), seq, seq,
                     1);
    assert_int_equal(subjects.count, 100000);
    assert_true(subjects_memory(&subjects) <= 100000 * 40);
    for (uint64_t seq = 1; seq <= 100000; seq++)
        subjects_remove(&subjects, seq * UINT64_C(0x9e3779b97f4a7c15), seq);
    assert_int_equal(subjects.count, 0);
    subjects_fini(&subjects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_of_operations),
        cmocka_unit_test(a_key_takes_few_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
