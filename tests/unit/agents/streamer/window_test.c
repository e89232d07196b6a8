/* Rows become samples; both bounds of the window; what a sample holds. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "agents/streamer/window.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/json.h"

/* What left, as one text: "uuid@seconds{metric=value,…} ". */
static struct buf left;
static int refuse_after; /* samples; then emit fails */
static struct window *window;

static void append_value(struct str name, double value)
{
    if (left.data[left.len - 1] != '{')
        buf_append_byte(&left, ',');
    buf_append_str(&left, name);
    buf_append_byte(&left, '=');
    json_append_double(&left, value);
}

static int on_sample(void *arg, struct sample *s)
{
    (void)arg;
    if (refuse_after-- == 0)
        return -ECANCELED;
    assert_true(str_is(s->cluster, "local"));
    buf_append_str(&left, s->uuid);
    buf_printf(&left, "@%d{", (int)(s->ts_ns / NS_PER_S));
    for (int m = 0; m < METRIC_COUNT; m++)
        if (sample_has(s, m))
            append_value(metric_catalogue[m].name, s->metrics[m]);
    for (size_t i = 0; i < s->extra_count; i++)
        append_value(s->extra[i].name, s->extra[i].value);
    buf_append_text(&left, s->pod.len > 0 ? "}p " : "} ");
    return 0;
}

static void open_window(int times, size_t samples)
{
    struct str cluster = STR("local");
    refuse_after = -1;
    window = window_new(cluster, times, samples, on_sample, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    window_free(&window);
    buf_fini(&left);
    return 0;
}

static struct reading make_reading(const char *uuid, int seconds)
{
    struct reading r = {.ts_ns = seconds * NS_PER_S};
    for (int n = 0; n < NAME_COUNT; n++)
        r.names[n] = str_of("");
    r.names[NAME_UUID] = str_of(uuid);
    r.names[NAME_HOST] = str_of("host");
    return r;
}

/* A long row: a metric of the catalogue or, with -1, one called "new". */
static int add(const char *uuid, int seconds, int metric, double value)
{
    struct reading r = make_reading(uuid, seconds);
    r.count = 1;
    r.values[0].metric = metric;
    r.values[0].name = str_of("new");
    r.values[0].value = value;
    return window_add(window, &r);
}

static void expect(const char *text)
{
    assert_string_equal(buf_text(&left), text);
    buf_reset(&left);
}

enum { UTIL = METRIC_gpu_utilization, POWER = METRIC_power_draw };

static void rows_of_one_gpu_and_time_are_one_sample(void **state)
{
    (void)state;
    open_window(4, 100);
    add("a", 1, UTIL, 10);
    add("b", 1, UTIL, 20);
    add("a", 1, POWER, 300);
    add("b", 1, POWER, 400);
    add("a", 1, -1, 7);
    assert_int_equal(window_open(window), 2);
    expect("");
    assert_int_equal(window_drain(window), 0);
    expect("a@1{gpu_utilization=10,power_draw=300,new=7} "
           "b@1{gpu_utilization=20,power_draw=400} ");
    assert_int_equal(window_open(window), 0);
}

static void a_sample_leaves_when_its_time_has_passed(void **state)
{
    (void)state;
    open_window(2, 100);
    add("a", 1, UTIL, 1);
    add("b", 1, UTIL, 1);
    add("a", 2, UTIL, 2);
    expect("");
    add("a", 3, UTIL, 3);
    expect("a@1{gpu_utilization=1} b@1{gpu_utilization=1} ");
    assert_int_equal(window_open(window), 2);
}

/* Not the earliest time leaves but the one that got no row for longest. */
static void a_time_that_is_fed_stays(void **state)
{
    (void)state;
    open_window(2, 100);
    add("a", 1, UTIL, 1);
    add("a", 2, UTIL, 2);
    add("b", 1, UTIL, 1);
    add("a", 3, UTIL, 3);
    expect("a@2{gpu_utilization=2} ");
    add("c", 1, UTIL, 1);
    window_drain(window);
    expect("a@3{gpu_utilization=3} a@1{gpu_utilization=1} "
           "b@1{gpu_utilization=1} c@1{gpu_utilization=1} ");
}

static void a_late_row_is_a_further_sample(void **state)
{
    (void)state;
    open_window(1, 100);
    add("a", 1, UTIL, 1);
    add("a", 2, UTIL, 2);
    add("a", 1, POWER, 300);
    window_drain(window);
    expect(
        "a@1{gpu_utilization=1} a@2{gpu_utilization=2} a@1{power_draw=300} ");
}

static void a_full_window_lets_the_oldest_time_leave(void **state)
{
    (void)state;
    open_window(4, 3);
    add("a", 1, UTIL, 1);
    add("b", 1, UTIL, 1);
    add("a", 2, UTIL, 2);
    add("b", 2, UTIL, 2);
    expect("a@1{gpu_utilization=1} b@1{gpu_utilization=1} ");
    assert_int_equal(window_open(window), 2);
}

static void a_time_larger_than_the_window_leaves_in_parts(void **state)
{
    (void)state;
    open_window(4, 2);
    add("a", 1, UTIL, 1);
    add("b", 1, UTIL, 2);
    add("c", 1, UTIL, 3);
    expect("a@1{gpu_utilization=1} b@1{gpu_utilization=2} ");
    add("a", 1, POWER, 4);
    window_drain(window);
    expect("c@1{gpu_utilization=3} a@1{power_draw=4} ");
}

static void the_later_value_wins(void **state)
{
    (void)state;
    open_window(4, 100);
    add("a", 1, UTIL, 1);
    add("a", 1, UTIL, 2);
    add("a", 1, -1, 3);
    add("a", 1, -1, 4);
    window_drain(window);
    expect("a@1{gpu_utilization=2,new=4} ");
}

static void a_reading_without_values_makes_no_sample(void **state)
{
    (void)state;
    open_window(4, 100);
    struct reading r = make_reading("a", 1);
    assert_int_equal(window_add(window, &r), 0);
    assert_int_equal(window_open(window), 0);
}

/* A pod is named on some metrics' rows only, and is gone at the next time. */
static void names_are_filled_in_but_not_carried_on(void **state)
{
    (void)state;
    open_window(4, 100);
    add("a", 1, UTIL, 1);
    struct reading r = make_reading("a", 1);
    r.names[NAME_POD] = str_of("pod");
    r.count = 1;
    r.values[0].metric = POWER;
    r.values[0].value = 5;
    window_add(window, &r);
    add("a", 1, METRIC_temperature, 30);
    add("a", 2, UTIL, 1);
    window_drain(window);
    expect("a@1{gpu_utilization=1,temperature=30,power_draw=5}p "
           "a@2{gpu_utilization=1} ");
}

/* Names have to outlive the row they were read from. */
static void names_are_copied(void **state)
{
    (void)state;
    char uuid[] = "first";
    open_window(4, 100);
    add(uuid, 1, -1, 1);
    memcpy(uuid, "other", 5);
    add(uuid, 1, -1, 1);
    window_drain(window);
    expect("first@1{new=1} other@1{new=1} ");
}

static void add_extras(const char *uuid, int first, int count)
{
    char names[CSV_COLUMNS_MAX][8];
    struct reading r = make_reading(uuid, 1);
    for (int i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "x%d", first + i);
        r.values[r.count++] =
            (struct reading_value){-1, str_of(names[i]), first + i};
    }
    assert_int_equal(window_add(window, &r), 0);
}

static void extra_metrics_go_on_in_a_further_sample(void **state)
{
    (void)state;
    open_window(4, 100);
    for (int i = 0; i < SAMPLE_EXTRA_MAX / CSV_COLUMNS_MAX; i++)
        add_extras("a", i * CSV_COLUMNS_MAX, CSV_COLUMNS_MAX);
    expect("");
    add_extras("a", SAMPLE_EXTRA_MAX, 1);
    assert_non_null(strstr(buf_text(&left), ",x255=255} "));
    buf_reset(&left);
    window_drain(window);
    expect("a@1{x256=256} ");
}

static void what_emit_returns_ends_the_gathering(void **state)
{
    (void)state;
    open_window(1, 100);
    refuse_after = 1;
    assert_int_equal(add("a", 1, UTIL, 1), 0);
    assert_int_equal(add("b", 1, UTIL, 1), 0);
    assert_int_equal(add("c", 1, UTIL, 1), 0);
    assert_int_equal(add("a", 2, UTIL, 1), -ECANCELED);
    expect("a@1{gpu_utilization=1} ");
    assert_int_equal(window_open(window), 1);
    window_clear(window);
    assert_int_equal(window_open(window), 0);
    refuse_after = -1;
    add("d", 3, UTIL, 1);
    window_drain(window);
    expect("d@3{gpu_utilization=1} ");
}

static int64_t count;
static int count_sample(void *arg, struct sample *s)
{
    (void)arg;
    count += __builtin_popcountll(s->present);
    return 0;
}

/* Names without end: the window empties itself and goes on. */
static void names_without_end_do_not_fill_the_memory(void **state)
{
    (void)state;
    struct str cluster = STR("local");
    char uuid[SAMPLE_NAME_MAX + 1];
    window = window_new(cluster, 16, 1000, count_sample, NULL);
    int rows = (int)(WINDOW_NAME_BYTES_MAX / sizeof uuid) + 1000;
    for (int i = 0; i < rows; i++) {
        snprintf(uuid, sizeof uuid, "%0*d", SAMPLE_NAME_MAX, i);
        assert_int_equal(add(uuid, 1, UTIL, 1), 0);
    }
    window_drain(window);
    assert_int_equal(count, rows);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(rows_of_one_gpu_and_time_are_one_sample),
        TEST(a_sample_leaves_when_its_time_has_passed),
        TEST(a_time_that_is_fed_stays),
        TEST(a_late_row_is_a_further_sample),
        TEST(a_full_window_lets_the_oldest_time_leave),
        TEST(a_time_larger_than_the_window_leaves_in_parts),
        TEST(the_later_value_wins),
        TEST(a_reading_without_values_makes_no_sample),
        TEST(names_are_filled_in_but_not_carried_on),
        TEST(names_are_copied),
        TEST(extra_metrics_go_on_in_a_further_sample),
        TEST(what_emit_returns_ends_the_gathering),
        TEST(names_without_end_do_not_fill_the_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
