/* /metrics, as Prometheus reads it. */
#include "unit/test.h"

#include <pthread.h>

#include "lib/clock.h"
#include "lib/stats.h"

static const double seconds[] = {0.001, 0.25, 10, 0};

enum { ROWS, LATE, BAD, DEPTH, TIME, SLOW, END };

static struct statistic fresh_table[END + 1] = {
    [ROWS] = {.name = "t_rows_total", .help = "Rows.", .type = STAT_COUNTER},
    [LATE] = {.name = "t_drops_total",
              .help = "Drops.",
              .type = STAT_COUNTER,
              .labels = "reason=\"late\""},
    [BAD] = {.name = "t_drops_total",
             .help = "Drops.",
             .type = STAT_COUNTER,
             .labels = "reason=\"bad\""},
    [DEPTH] = {.name = "t_depth", .help = "Depth.", .type = STAT_GAUGE},
    [TIME] = {.name = "t_seconds",
              .help = "Time.",
              .type = STAT_HISTOGRAM,
              .buckets = seconds},
    [SLOW] = {.name = "t_slow_seconds",
              .help = "Time.",
              .type = STAT_HISTOGRAM,
              .labels = "op=\"x\"",
              .buckets = seconds},
};

static struct statistic table[END + 1];
static struct buf page;

static int set_up(void **state)
{
    (void)state;
    memcpy(table, fresh_table, sizeof table);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_fini(&page);
    return 0;
}

static const char *print_page(void)
{
    buf_reset(&page);
    stats_append(&page, table);
    return buf_text(&page);
}

static void counters_and_gauges_have_one_line(void **state)
{
    (void)state;
    stat_add(&table[ROWS], 40);
    stat_add(&table[ROWS], 2);
    stat_set(&table[DEPTH], 9);
    stat_set(&table[DEPTH], -3);
    assert_int_equal(stat_get(&table[ROWS]), 42);
    const char *text = print_page();
    assert_contains(text, "# HELP t_rows_total Rows.\n"
                          "# TYPE t_rows_total counter\n"
                          "t_rows_total 42\n");
    assert_contains(text, "# HELP t_depth Depth.\n"
                          "# TYPE t_depth gauge\n"
                          "t_depth -3\n");
}

static void entries_of_one_name_share_their_head(void **state)
{
    (void)state;
    stat_add(&table[BAD], 1);
    assert_contains(print_page(), "# HELP t_drops_total Drops.\n"
                                  "# TYPE t_drops_total counter\n"
                                  "t_drops_total{reason=\"late\"} 0\n"
                                  "t_drops_total{reason=\"bad\"} 1\n"
                                  "# HELP t_depth");
}

static void histograms_count_up_to_each_bound(void **state)
{
    (void)state;
    stat_observe_ns(&table[TIME], NS_PER_MS);       /* on the first bound */
    stat_observe_ns(&table[TIME], NS_PER_MS + 1);   /* just past it */
    stat_observe_ns(&table[TIME], 0);               /* below all */
    stat_observe_ns(&table[TIME], 1 * NS_PER_S);    /* in the last */
    stat_observe_ns(&table[TIME], 3600 * NS_PER_S); /* past all */
    assert_contains(print_page(), "# TYPE t_seconds histogram\n"
                                  "t_seconds_bucket{le=\"0.001\"} 2\n"
                                  "t_seconds_bucket{le=\"0.25\"} 3\n"
                                  "t_seconds_bucket{le=\"10\"} 4\n"
                                  "t_seconds_bucket{le=\"+Inf\"} 5\n"
                                  "t_seconds_sum 3601.002000001\n"
                                  "t_seconds_count 5\n");
}

static void a_histograms_labels_stand_before_the_bound(void **state)
{
    (void)state;
    assert_contains(print_page(),
                    "t_slow_seconds_bucket{op=\"x\",le=\"0.001\"} 0\n"
                    "t_slow_seconds_bucket{op=\"x\",le=\"0.25\"} 0\n"
                    "t_slow_seconds_bucket{op=\"x\",le=\"10\"} 0\n"
                    "t_slow_seconds_bucket{op=\"x\",le=\"+Inf\"} 0\n"
                    "t_slow_seconds_sum{op=\"x\"} 0.000000000\n"
                    "t_slow_seconds_count{op=\"x\"} 0\n");
}

/* "name[{labels}] number\n" or a comment: what a scraper takes. */
static void check_line(const char *line)
{
    if (line[0] == '#') {
        assert_true(strncmp(line, "# HELP ", 7) == 0 ||
                    strncmp(line, "# TYPE ", 7) == 0);
        return;
    }
    size_t name = strspn(line, "abcdefghijklmnopqrstuvwxyz_");
    assert_true(name > 0);
    const char *at = line + name;
    if (*at == '{')
        at = strchr(at, '}') + 1;
    assert_int_equal(*at, ' ');
    char *end;
    strtod(at + 1, &end);
    assert_true(end > at + 1);
    assert_int_equal(*end, '\0');
}

static void every_line_can_be_scraped(void **state)
{
    (void)state;
    stat_observe_ns(&table[TIME], 5);
    char *text = (char *)(uintptr_t)print_page();
    assert_int_equal(text[page.len - 1], '\n');
    int count = 0;
    for (char *rest = NULL, *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest), count++)
        check_line(line);
    assert_true(count > 30);
}

static double process_value(const char *name)
{
    struct buf wanted = {0};
    buf_printf(&wanted, "\n%s ", name);
    const char *at = strstr(print_page(), buf_text(&wanted));
    assert_non_null(at);
    double value = strtod(at + wanted.len, NULL);
    buf_fini(&wanted);
    return value;
}

static int open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++) {
        int copy = dup(fd);
        count += copy >= 0;
        close(copy);
    }
    return count;
}

static void the_process_tells_of_itself(void **state)
{
    (void)state;
    assert_true(process_value("process_resident_memory_bytes") > 100000);
    assert_true(process_value("process_cpu_seconds_total") >= 0);
    double before = process_value("process_open_fds");
    assert_true(before == open_descriptors());
    int fd = dup(STDERR_FILENO);
    assert_true(process_value("process_open_fds") == before + 1);
    close(fd);
    assert_true(process_value("process_open_fds") == before);
}

static void *count_many(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100000; i++) {
        stat_add(&table[ROWS], 1);
        stat_observe_ns(&table[TIME], i);
    }
    return NULL;
}

static void threads_lose_no_count(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, count_many, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_contains(print_page(), "t_rows_total 400000\n");
    assert_contains(print_page(), "t_seconds_count 400000\n");
}

#define stats_test(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        stats_test(counters_and_gauges_have_one_line),
        stats_test(entries_of_one_name_share_their_head),
        stats_test(histograms_count_up_to_each_bound),
        stats_test(a_histograms_labels_stand_before_the_bound),
        stats_test(every_line_can_be_scraped),
        stats_test(the_process_tells_of_itself),
        stats_test(threads_lose_no_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
