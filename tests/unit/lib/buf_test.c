/* The growing buffer. */
#include "unit/test.h"

static void an_empty_buffer_needs_no_memory(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_append(&b, NULL, 0);
    buf_append_str(&b, str_make(NULL, 0));
    buf_append_text(&b, "");
    buf_consume(&b, 0);
    assert_null(b.data);
    assert_int_equal(b.len, 0);
    assert_string_equal(buf_text(&b), "");
    buf_fini(&b);
    assert_null(b.data);
}

static void appending_grows(void **state)
{
    (void)state;
    struct buf b = {0};
    for (int i = 0; i < 100000; i++)
        buf_append_byte(&b, (char)('a' + i % 26));
    assert_int_equal(b.len, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(b.data[i], 'a' + i % 26);
    buf_fini(&b);
}

static void reset_keeps_the_memory(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_append_text(&b, "abc");
    char *data = b.data;
    buf_reset(&b);
    assert_int_equal(b.len, 0);
    buf_append_text(&b, "d");
    assert_ptr_equal(b.data, data);
    assert_buf(&b, "d");
    buf_fini(&b);
}

static void reserved_room_is_the_callers_to_write(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_append_text(&b, "ab");
    memset(buf_reserve(&b, 5000), 'x', 5000);
    assert_int_equal(b.len, 2);
    b.len += 5000;
    assert_int_equal(b.data[1], 'b');
    assert_int_equal(b.data[5001], 'x');
    buf_fini(&b);
}

static void numbers_print_up_to_the_limits(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_append_u64(&b, 0);
    assert_buf(&b, "0");
    buf_append_u64(&b, UINT64_MAX);
    assert_buf(&b, "18446744073709551615");
    buf_append_i64(&b, -7);
    assert_buf(&b, "-7");
    buf_append_i64(&b, INT64_MIN);
    assert_buf(&b, "-9223372036854775808");
    buf_append_i64(&b, INT64_MAX);
    assert_buf(&b, "9223372036854775807");
    buf_fini(&b);
}

static void formatted_text_is_appended_whole(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_append_byte(&b, '[');
    buf_printf(&b, "%s=%d", "x", 5);
    assert_buf(&b, "[x=5");
    buf_printf(&b, "%0*d", 3000, 1);
    assert_int_equal(b.len, 3000);
    assert_int_equal(b.data[2999], '1');
    buf_fini(&b);
    for (int n = 1; n < 600; n++) {
        buf_printf(&b, "%0*d", n, 1); /* its NUL just fits or just not */
        assert_int_equal(b.len, n);
        assert_true(b.cap > b.len);
        buf_fini(&b);
    }
}

static void consuming_moves_the_rest_to_the_front(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_append_text(&b, "abcdef");
    buf_consume(&b, 2);
    assert_str(buf_str(&b), "cdef");
    buf_consume(&b, 4);
    assert_str(buf_str(&b), "");
    buf_fini(&b);
}

static void text_ends_with_a_nul_that_does_not_count(void **state)
{
    (void)state;
    struct buf b = {0};
    for (int n = 0; n < 600; n++) {
        assert_int_equal(strlen(buf_text(&b)), n);
        assert_int_equal(b.len, n);
        buf_append_byte(&b, 'x');
    }
    buf_fini(&b);
}

static void consume_too_much(void)
{
    struct buf b = {0};
    buf_append_text(&b, "ab");
    buf_consume(&b, 3);
}

static void reserve_more_than_there_is(void)
{
    struct buf b = {0};
    buf_append_text(&b, "ab");
    buf_reserve(&b, SIZE_MAX);
}

static void misuse_stops_the_program(void **state)
{
    (void)state;
    assert_aborts(consume_too_much);
    assert_aborts(reserve_more_than_there_is);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_needs_no_memory),
        cmocka_unit_test(appending_grows),
        cmocka_unit_test(reset_keeps_the_memory),
        cmocka_unit_test(reserved_room_is_the_callers_to_write),
        cmocka_unit_test(numbers_print_up_to_the_limits),
        cmocka_unit_test(formatted_text_is_appended_whole),
        cmocka_unit_test(consuming_moves_the_rest_to_the_front),
        cmocka_unit_test(text_ends_with_a_nul_that_does_not_count),
        cmocka_unit_test(misuse_stops_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
