/* Allocation that cannot fail. */
#include "unit/test.h"

#include "lib/errmsg.h"
#include "lib/mem.h"

static void allocated_memory_can_be_used(void **state)
{
    (void)state;
    char *p = mem_zalloc(100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(p[i], 0);
    p = mem_realloc(p, 1000);
    p = mem_grow(p, 100, 100);
    memset(p, 1, 10000);
    free(p);
    free(mem_alloc(0));
}

static void copies_are_the_callers(void **state)
{
    (void)state;
    char *whole = mem_strdup("abc");
    char *part = mem_strndup(str_make("abc", 2));
    char *none = mem_strndup(str_make(NULL, 0));
    assert_string_equal(whole, "abc");
    assert_string_equal(part, "ab");
    assert_string_equal(none, "");
    free(whole);
    free(part);
    free(none);
}

static void grow_past_the_address_space(void)
{
    mem_grow(NULL, SIZE_MAX / 2, 3);
}

static void a_product_that_overflows_stops_the_program(void **state)
{
    (void)state;
    assert_aborts(grow_past_the_address_space);
}

static void a_message_is_cut_and_returns_its_code(void **state)
{
    (void)state;
    struct errmsg err;
    assert_int_equal(errmsg_set(&err, -5, "%s is %d", "n", 3), -5);
    assert_string_equal(err.text, "n is 3");
    assert_int_equal(errmsg_set(NULL, -7, "nobody reads it"), -7);
    errmsg_set(&err, 0, "%01000d", 1);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocated_memory_can_be_used),
        cmocka_unit_test(copies_are_the_callers),
        cmocka_unit_test(a_product_that_overflows_stops_the_program),
        cmocka_unit_test(a_message_is_cut_and_returns_its_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
