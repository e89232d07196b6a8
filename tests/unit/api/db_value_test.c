/* PostgreSQL's binary formats, as parameters and as results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "api/db_private.h"
#include "lib/timestamp.h"

static void assert_wire(struct db_param param, const char *bytes, size_t len)
{
    char out[64];
    assert_int_equal(db_param_size(&param), len);
    assert_ptr_equal(db_param_write(&param, out), out + len);
    assert_memory_equal(out, bytes, len);
}

static struct db_param time_param(const char *text)
{
    struct db_param param = {.type = DB_TIME};
    assert_int_equal(timestamp_parse(str_of(text), &param.number), 0);
    return param;
}

static void parameters_are_in_network_order(void **state)
{
    (void)state;
    assert_wire((struct db_param){.type = DB_TEXT, .text = str_of("GPU")},
                "GPU", 3);
    assert_wire((struct db_param){.type = DB_TEXT}, "", 0);
    assert_wire((struct db_param){.type = DB_INT, .number = 0x0102},
                "\0\0\0\0\0\0\1\2", 8);
    assert_wire((struct db_param){.type = DB_INT, .number = -1},
                "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
}

static void arrays_have_a_head(void **state)
{
    (void)state;
    const struct str texts[] = {STR("ab"), STR("")};
    struct db_param two = {.type = DB_TEXTS, .texts = texts, .count = 2};
    assert_wire(two,
                "\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0\2\0\0\0\1"
                "\0\0\0\2ab\0\0\0\0",
                30);
}

static void null_has_no_bytes(void **state)
{
    (void)state;
    assert_wire((struct db_param){.type = DB_INT, .null = true}, "", 0);
    assert_wire((struct db_param){.type = DB_TEXTS, .null = true}, "", 0);
}

static void times_count_microseconds_from_2000(void **state)
{
    (void)state;
    assert_wire(time_param("2000-01-01T00:00:00.000001999Z"),
                "\0\0\0\0\0\0\0\1", 8);
    assert_wire(time_param("1999-12-31T23:59:59.999999999Z"),
                "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    /* before 1970 rounding must not turn upwards */
    struct db_param before = {.type = DB_TIME, .number = -1};
    struct db_param whole = {.type = DB_TIME, .number = -1000};
    char a[8], b[8];
    db_param_write(&before, a);
    db_param_write(&whole, b);
    assert_memory_equal(a, b, sizeof a);
}

static void open_ends_are_infinite(void **state)
{
    (void)state;
    assert_wire((struct db_param){.type = DB_TIME, .number = DB_TIME_MIN},
                "\x80\0\0\0\0\0\0\0", 8);
    assert_wire((struct db_param){.type = DB_TIME, .number = DB_TIME_MAX},
                "\x7f\xff\xff\xff\xff\xff\xff\xff", 8);
}

/* A result as libpq would hand it over. */
static PGresult *result_of(const char *bytes, int len)
{
    PGresAttDesc column = {.name = "c", .format = 1};
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    assert_int_equal(PQsetResultAttrs(result, 1, &column), 1);
    assert_int_equal(PQsetvalue(result, 0, 0, (char *)bytes, len), 1);
    return result;
}

static void results_are_read_back(void **state)
{
    (void)state;
    PGresult *r = result_of("\0\0\0\0\0\0\0\1", 8);
    char text[TIMESTAMP_MAX];
    assert_true(db_i64(r, 0, 0) == 1);
    timestamp_format_nano(db_time(r, 0, 0), text);
    assert_string_equal(text, "2000-01-01T00:00:00.000001Z");
    PQclear(r);
    r = result_of("\x40\x45\x00\x00\x00\x00\x00\x00", 8);
    assert_true(db_double(r, 0, 0) == 42.0);
    assert_false(db_is_null(r, 0, 0));
    PQclear(r);
    r = result_of("a\0b", 3);
    assert_int_equal(db_str(r, 0, 0).len, 3);
    PQclear(r);
    r = result_of(NULL, -1);
    assert_true(db_is_null(r, 0, 0));
    PQclear(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_in_network_order),
        cmocka_unit_test(arrays_have_a_head),
        cmocka_unit_test(null_has_no_bytes),
        cmocka_unit_test(times_count_microseconds_from_2000),
        cmocka_unit_test(open_ends_are_infinite),
        cmocka_unit_test(results_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
