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
        dedup_add(&dedup, id_of(id, n), n, (int64_t)n);
    for (uint64_t n = 1; n <= 10000; n++)
        assert_int_equal(dedup_find(&dedup, id_of(id, n)), n);
    assert_int_equal(dedup_find(&dedup, id_of(id, 10001)), 0);
    dedup_expire(&dedup, 5001);
    for (uint64_t n = 1; n <= 10000; n++)
        assert_int_equal(dedup_find(&dedup, id_of(id, n)), n < 5001 ? 0 : n);
    dedup_expire(&dedup, 10001);
    assert_int_equal(dedup.count, 0);
    dedup_fini(&dedup);
}

static void memory_shrinks_with_the_window(void **state)
{
    (void)state;
    struct dedup dedup = {0};
    char id[64];
    for (uint64_t n = 1; n <= 100000; n++) {
        dedup_add(&dedup, id_of(id, n), n, (int64_t)n);
        if (n > 50000)
            dedup_expire(&dedup, (int64_t)n - 100);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window),
        cmocka_unit_test(memory_shrinks_with_the_window),
        cmocka_unit_test(the_oldest_go_at_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
