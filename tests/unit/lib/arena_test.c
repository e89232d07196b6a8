/* The memory of one request. */
#include "unit/test.h"

#include <stdalign.h>

#include "lib/arena.h"

static void pieces_are_aligned_and_apart(void **state)
{
    (void)state;
    struct arena a = {0};
    unsigned char *pieces[2000];
    for (size_t i = 0; i < COUNT(pieces); i++) {
        pieces[i] = arena_alloc(&a, i);
        assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        memset(pieces[i], (int)(i & 0xFF), i);
    }
    for (size_t i = 0; i < COUNT(pieces); i++)
        for (size_t k = 0; k < i; k++)
            assert_int_equal(pieces[i][k], i & 0xFF);
    arena_fini(&a);
}

static void zalloc_clears_what_was_used_before(void **state)
{
    (void)state;
    struct arena a = {0};
    memset(arena_alloc(&a, 4096), 0xFF, 4096);
    arena_reset(&a);
    const unsigned char *p = arena_zalloc(&a, 4096);
    for (size_t i = 0; i < 4096; i++)
        assert_int_equal(p[i], 0);
    arena_fini(&a);
}

static void a_steady_load_allocates_nothing(void **state)
{
    (void)state;
    struct arena a = {0};
    const struct arena_block *settled = NULL;
    for (int request = 0; request < 50; request++) {
        for (int i = 0; i < 1000; i++)
            arena_alloc(&a, 100);
        assert_in_range(a.allocated, 100000, 200000);
        if (request == 5)
            settled = a.head;
        if (request > 5) {
            assert_ptr_equal(a.head, settled);
            assert_null(a.retired);
        }
        arena_reset(&a);
        assert_int_equal(a.allocated, 0);
    }
    arena_fini(&a);
}

static void a_reset_does_not_keep_a_huge_block(void **state)
{
    (void)state;
    struct arena a = {0};
    memset(arena_alloc(&a, 8 << 20), 1, 8 << 20);
    arena_reset(&a);
    assert_null(a.head);
    assert_non_null(arena_alloc(&a, 1));
    arena_fini(&a);
}

static void an_empty_arena_can_be_reset_and_ended(void **state)
{
    (void)state;
    struct arena a = {0};
    arena_reset(&a);
    arena_fini(&a);
    arena_fini(&a);
}

static void texts_are_copied(void **state)
{
    (void)state;
    struct arena a = {0};
    char text[] = "abc";
    struct str copy = arena_str(&a, str_of(text));
    const char *cut = arena_text(&a, str_make(text, 2));
    memset(text, 'x', 3);
    assert_str(copy, "abc");
    assert_string_equal(cut, "ab");
    assert_string_equal(arena_text(&a, str_make(NULL, 0)), "");
    /* The NUL has room of its own, also behind a whole number of units. */
    const char *full = arena_text(&a, str_of("0123456789abcdef"));
    memset(arena_alloc(&a, 16), 'x', 16);
    assert_string_equal(full, "0123456789abcdef");
    full = arena_printf(&a, "%016d", 7);
    memset(arena_alloc(&a, 16), 'x', 16);
    assert_string_equal(full, "0000000000000007");
    assert_string_equal(arena_printf(&a, "%s-%d", "n", 7), "n-7");
    assert_int_equal(strlen(arena_printf(&a, "%040000d", 1)), 40000);
    arena_fini(&a);
}

static void ask_for_everything(void)
{
    struct arena a = {0};
    arena_alloc(&a, SIZE_MAX);
}

static void an_impossible_size_stops_the_program(void **state)
{
    (void)state;
    assert_aborts(ask_for_everything);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_and_apart),
        cmocka_unit_test(zalloc_clears_what_was_used_before),
        cmocka_unit_test(a_steady_load_allocates_nothing),
        cmocka_unit_test(a_reset_does_not_keep_a_huge_block),
        cmocka_unit_test(an_empty_arena_can_be_reset_and_ended),
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(an_impossible_size_stops_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
