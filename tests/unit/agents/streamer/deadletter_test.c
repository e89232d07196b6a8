/* The dead letter file: CSV that reads back, with an end to its growth. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "agents/streamer/csv.h"
#include "agents/streamer/deadletter.h"

static char path[64];
static struct deadletter *dl;
static struct errmsg err;

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/nexus_deadletter_test_XXXXXX");
    int fd = mkstemp(path);
    dl = deadletter_new(path);
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    deadletter_free(&dl);
    unlink(path);
    return 0;
}

static void expect_row(struct csv *csv, const char *const fields[4])
{
    static struct csv_row row;
    struct arena arena = {0};
    assert_int_equal(csv_next(csv, &row, &err), 1);
    assert_int_equal(row.count, 4);
    for (int i = 0; i < 4; i++)
        assert_true(str_is(csv_text(&row.fields[i], &arena), fields[i]));
    arena_fini(&arena);
}

static void rows_read_back_as_they_were(void **state)
{
    (void)state;
    static const char bad[] = "\"a,\"\"b\"\"\",x\"y\nz";
    assert_int_equal(
        deadletter_put(dl, "fleet.csv", 17, "not \"this\"", str_of(bad), &err),
        0);
    deadletter_free(&dl);
    dl = deadletter_new(path); /* a second run goes on */
    assert_int_equal(deadletter_put(dl, "f", 2, "r", str_of(""), &err), 0);
    struct csv *csv = csv_open(path, &err);
    assert_non_null(csv);
    expect_row(csv, (const char *[]){"file", "line", "reason", "row"});
    expect_row(csv, (const char *[]){"fleet.csv", "17", "not \"this\"", bad});
    expect_row(csv, (const char *[]){"f", "2", "r", ""});
    csv_close(&csv);
}

static void the_file_has_a_limit(void **state)
{
    (void)state;
    char *row = calloc(1, 1000);
    memset(row, 'x', 999);
    assert_int_equal(truncate(path, DEADLETTER_BYTES_MAX - 1500), 0);
    assert_int_equal(deadletter_put(dl, "f", 1, "r", str_of(row), &err), 0);
    assert_int_equal(deadletter_put(dl, "f", 2, "r", str_of(row), &err),
                     -ENOSPC);
    assert_non_null(strstr(err.text, "reached its limit of 64 MiB"));
    free(row);
}

static void a_folder_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct deadletter *nowhere = deadletter_new("/nonexistent/deadletter.csv");
    assert_int_equal(deadletter_put(nowhere, "f", 1, "r", str_of("x"), &err),
                     -ENOENT);
    assert_string_equal(
        err.text, "/nonexistent/deadletter.csv: No such file or directory");
    deadletter_free(&nowhere);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(rows_read_back_as_they_were),
        TEST(the_file_has_a_limit),
        TEST(a_folder_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
