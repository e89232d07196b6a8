/* chunk: which sizes there are, and what is kept. */
#include "tests/unit/test.h"

#include "broker/chunk.h"

static uint32_t cap_of(size_t bytes)
{
    struct chunk_pool pool = {0};
    struct chunk *chunk = chunk_take(&pool, bytes);
    uint32_t cap = chunk->cap;
    chunk_give(&pool, chunk);
    chunk_pool_trim(&pool);
    return cap;
}

static void sizes(void **state)
{
    (void)state;
    assert_int_equal(cap_of(1), CHUNK_FIRST_BYTES);
    assert_int_equal(cap_of(CHUNK_FIRST_BYTES), CHUNK_FIRST_BYTES);
    assert_int_equal(cap_of(CHUNK_FIRST_BYTES + 1), CHUNK_BYTES);
    assert_int_equal(cap_of(CHUNK_BYTES), CHUNK_BYTES);
    assert_int_equal(cap_of(CHUNK_BYTES + 1), CHUNK_BYTES + 1);
}

static void reuse(void **state)
{
    (void)state;
    struct chunk_pool pool = {0};
    struct chunk *chunk = chunk_take(&pool, 1);
    chunk->len = chunk->sent = 1;
    chunk_give(&pool, chunk);
    struct chunk *other = chunk_take(&pool, CHUNK_BYTES);
    assert_ptr_not_equal(other, chunk); /* of another size */
    struct chunk *again = chunk_take(&pool, 2);
    assert_ptr_equal(again, chunk);
    assert_int_equal(again->len, 0);
    assert_int_equal(again->sent, 0);
    chunk_give(&pool, again);
    chunk_give(&pool, other);
    chunk_pool_trim(&pool);
    assert_null(pool.firsts.first);
    assert_null(pool.others.first);
}

static void kept(void **state)
{
    (void)state;
    enum { MANY = 2 * CHUNK_FIRST_SPARES };
    struct chunk_pool pool = {0};
    struct chunk *chunks[MANY];
    for (size_t i = 0; i < MANY; i++)
        chunks[i] = chunk_take(&pool, i % 2 == 0 ? 1 : CHUNK_BYTES);
    for (size_t i = 0; i < MANY; i++)
        chunk_give(&pool, chunks[i]);
    chunk_give(&pool, chunk_take(&pool, CHUNK_BYTES + 1));
    assert_int_equal(pool.firsts.count, CHUNK_FIRST_SPARES);
    assert_int_equal(pool.others.count, CHUNK_SPARES);
    chunk_pool_trim(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sizes),
                                       cmocka_unit_test(reuse),
                                       cmocka_unit_test(kept)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
