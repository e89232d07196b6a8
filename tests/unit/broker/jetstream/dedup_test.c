/* dedup: ids within a window, and no more than the limit. */
#include "tests/unit/test.h"

#include "broker/jetstream/dedup.h"

static struct str id_of(char *room, uint64_t n)
{
    return str_make(room,
                    (size_t)sprintf(room, "id-%llu-%llu", (unsigned long long)n,
                                    (unsigned long long)n * n));
}

static void window(void **state)
{
    (void)state;
    struct dedup dedup = {0};
    char id[64];
    assert_int_equal(dedup_find(&dedup, id_of(id, 1)), 0);
    for (uint64_t n = 1; n <= 10000; n++)
        dedup_add(&dedup, id_of(id, n), n, (int64_t)n * DEDUP_TICK_NS);
    for (uint64_t n = 1; n <= 10000; n++)
        assert_int_equal(dedup_find(&dedup, id_of(id, n)), n);
    assert_int_equal(dedup_find(&dedup, id_of(id, 10001)), 0);
    dedup_expire(&dedup, 5001 * DEDUP_TICK_NS);
    for (uint64_t n = 1; n <= 10000; n++)
        assert_int_equal(dedup_find(&dedup, id_of(id, n)), n < 5001 ? 0 : n);
    dedup_expire(&dedup, 10001 * DEDUP_TICK_NS);
    assert_int_equal(dedup.count, 0);
    dedup_fini(&dedup);
}

static void memory_shrinks_with_the_window(void **state)
{
    (void)state;
    struct dedup dedup = {0};
    char id[64];
    for (uint64_t n = 1; n <= 100000; n++) {
        dedup_add(&dedup, id_of(id, n), n, (int64_t)n * DEDUP_TICK_NS);
        if (n > 50000)
            dedup_expire(&dedup, ((int64_t)n - 100) * DEDUP_TICK_NS);
    }
    assert_true(dedup.cap <= 2048);
    for (uint64_t n = 99900; n <= 100000; n++)
        assert_int_equal(dedup_find(&dedup, id_of(id, n)), n);
    dedup_fini(&dedup);
}

static void the_oldest_go_at_the_limit(void **state)
{
    (void)state;
    struct dedup dedup = {0};
    char id[64];
    uint64_t total = DEDUP_IDS_MAX + 1000;
    for (uint64_t n = 1; n <= total; n++)
        dedup_add(&dedup, id_of(id, n), n, 1);
    assert_int_equal(dedup.count, DEDUP_IDS_MAX);
    assert_int_equal(dedup_find(&dedup, id_of(id, 1000)), 0);
    assert_int_equal(dedup_find(&dedup, id_of(id, 1001)), 1001);
    assert_int_equal(dedup_find(&dedup, id_of(id, total)), total);
    dedup_fini(&dedup);
}

static void the_limit_is_a_setting(void **state)
{
    (void)state;
    struct dedup dedup = {.max = 100};
    uint64_t far = UINT64_C(1) << 40; /* sequences are kept by half */
    char id[64];
    for (uint64_t n = 1; n <= 1000; n++)
        dedup_add(&dedup, id_of(id, n), far + n, 1);
    assert_int_equal(dedup.count, 100);
    assert_int_equal(dedup_find(&dedup, id_of(id, 900)), 0);
    for (uint64_t n = 901; n <= 1000; n++)
        assert_int_equal(dedup_find(&dedup, id_of(id, n)), far + n);
    dedup_fini(&dedup);
}

static void an_id_takes_24_bytes(void **state)
{
    (void)state;
    struct dedup dedup = {0};
    assert_int_equal(sizeof *dedup.ring + 2 * sizeof *dedup.table, 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window),
        cmocka_unit_test(memory_shrinks_with_the_window),
        cmocka_unit_test(the_oldest_go_at_the_limit),
        cmocka_unit_test(the_limit_is_a_setting),
        cmocka_unit_test(an_id_takes_24_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
