/* Whole files: what comes out of them, bad rows, passes, pace, and the real
 * file (DCGM_CSV, or ../shared/data beside the repository) where it is. */
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
#include "agents/streamer/figures.h"
#include "agents/streamer/replay.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/log.h"

#define REAL_FILE "../shared/data/dcgm_metrics_20250718_134233.csv"
#define HEADER    "timestamp,metric_name,gpu_id,uuid,hostname,value\n"

static char folder[64], path[96], deadletter_path[96];
static struct replay_config config;
static struct errmsg err;

/* What was published: up to LIMIT samples, then the stop. */
#define SAMPLES_MAX 4096
static struct published {
    int64_t ts_ns, at_ns;
    char uuid[64];
    uint64_t present;
    double metrics[METRIC_COUNT];
} published[SAMPLES_MAX];
static int count, limit;

static int publish(void *arg, const struct sample *s)
{
    (void)arg;
    if (count == limit)
        return -ECANCELED;
    struct published *p = &published[count++];
    p->ts_ns = s->ts_ns;
    p->at_ns = clock_mono_ns();
    p->present = s->present;
    memcpy(p->metrics, s->metrics, sizeof p->metrics);
    snprintf(p->uuid, sizeof p->uuid, "%.*s", STR_ARG(s->uuid));
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/nexus_replay_test_XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/fleet.csv", folder);
    snprintf(deadletter_path, sizeof deadletter_path, "%s/dead.csv", folder);
    config = (struct replay_config){.path = path,
                                    .cluster = "local",
                                    .deadletter_path = deadletter_path,
                                    .batch = 100,
                                    .gather_times = 16,
                                    .gather_samples = 1000,
                                    .source_times = true};
    count = 0;
    limit = SAMPLES_MAX;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    unlink(deadletter_path);
    return rmdir(folder);
}

static void write_file(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    fclose(f);
}

static int play(void)
{
    struct replay *replay = replay_new(&config, publish, NULL);
    int rc = replay_run(replay, &err);
    replay_free(&replay);
    return rc;
}

static int count_lines(const char *file)
{
    FILE *f = fopen(file, "r");
    int lines = 0;
    if (f == NULL)
        return -1;
    for (int c; (c = fgetc(f)) != EOF;)
        lines += c == '\n';
    fclose(f);
    return lines;
}

/* ---- the real file ---- */

static const char *real_file(void)
{
    const char *named = getenv("DCGM_CSV");
    const char *file = named != NULL && *named != '\0' ? named : REAL_FILE;
    return access(file, R_OK) == 0 ? file : NULL;
}

/* Every value of the file, by a reading of the test's own: all fields of the
 * file are quoted, and those it looks at hold no quotes. */
static int check_values(const char *file)
{
    static char line[65536];
    FILE *f = fopen(file, "r");
    int values = 0;
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    while (fgets(line, sizeof line, f) != NULL) {
        char time[32], metric[64], uuid[64], value[32];
        assert_int_equal(sscanf(line,
                                "\"%31[^\"]\",\"%63[^\"]\",\"%*[^\"]\","
                                "\"%*[^\"]\",\"%63[^\"]\",\"%*[^\"]\","
                                "\"%*[^\"]\",\"\",\"\",\"\",\"%31[^\"]\"",
                                time, metric, uuid, value),
                         4);
        int64_t ns;
        int m = metric_by_dcgm(str_of(metric)), i = 0;
        assert_int_equal(timestamp_parse(str_of(time), &ns), 0);
        while (i < count && (published[i].ts_ns != ns ||
                             strcmp(published[i].uuid, uuid) != 0))
            i++;
        assert_true(i < count && (published[i].present >> m & 1) != 0);
        assert_true(published[i].metrics[m] == strtod(value, NULL));
        values++;
    }
    fclose(f);
    return values;
}

static void the_real_file_is_988_samples(void **state)
{
    (void)state;
    const char *file = real_file();
    if (file == NULL)
        skip();
    int64_t rows = figure(FIGURE_ROWS), values = figure(FIGURE_VALUES);
    config.path = file;
    assert_int_equal(play(), 0);
    assert_int_equal(count, 988);
    assert_int_equal(figure(FIGURE_ROWS) - rows, 2470);
    assert_int_equal(figure(FIGURE_VALUES) - values, 2470);
    assert_int_equal(check_values(file), 2470);
}

/* Whatever the window's bounds, nothing is lost; only the samples are more. */
static void the_real_file_through_narrow_windows(void **state)
{
    (void)state;
    const char *file = real_file();
    if (file == NULL)
        skip();
    config.path = file;
    config.gather_times = 1;
    assert_int_equal(play(), 0);
    assert_int_equal(count, 988);
    config.gather_samples = 100;
    count = 0;
    int64_t values = figure(FIGURE_VALUES);
    assert_int_equal(play(), 0);
    assert_int_equal(count, 2470);
    assert_int_equal(figure(FIGURE_VALUES) - values, 2470);
}

/* ---- bad rows ---- */

static void bad_rows_are_counted_kept_and_left_behind(void **state)
{
    (void)state;
    int64_t bad = figure_bad_rows();
    int64_t malformed = figure(figure_of_fault(ROW_MALFORMED));
    int64_t rows = figure(FIGURE_ROWS);
    write_file(HEADER "2025-07-18T20:42:34Z,DCGM_FI_DEV_GPU_UTIL,0,a,h,1\n"
                      "2025-07-18T20:42:34Z,DCGM_FI_DEV_GPU_UTIL,0,b,h,x\n"
                      "2025-07-18T20:42:34Z,\"DCGM\n"
                      "yesterday,DCGM_FI_DEV_GPU_UTIL,0,c,h,1\n"
                      "2025-07-18T20:42:34Z,DCGM_FI_DEV_GPU_UTIL,0,d,h,2\n");
    assert_int_equal(play(), 0);
    assert_int_equal(count, 2);
    assert_string_equal(published[0].uuid, "a");
    assert_string_equal(published[1].uuid, "d");
    assert_int_equal(figure(FIGURE_ROWS) - rows, 5);
    assert_int_equal(figure_bad_rows() - bad, 3);
    assert_int_equal(figure(figure_of_fault(ROW_MALFORMED)) - malformed, 1);

    static struct csv_row row;
    struct csv *csv = csv_open(deadletter_path, &err);
    assert_non_null(csv);
    static const char *const expected[][3] = {
        {"line", "reason", "row"},
        {"3", "column value: \"x\" is not a number",
         "2025-07-18T20:42:34Z,DCGM_FI_DEV_GPU_UTIL,0,b,h,x"},
        {"4", "column metric_name: a quoted field is never closed",
         "2025-07-18T20:42:34Z,\"DCGM"},
        {"5",
         "column timestamp: \"yesterday\" is not an RFC 3339 time such as "
         "2025-07-18T20:42:34Z",
         "yesterday,DCGM_FI_DEV_GPU_UTIL,0,c,h,1"},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_int_equal(csv_next(csv, &row, &err), 1);
        for (int f = 0; f < 3; f++)
            assert_true(
                str_is(csv_text(&row.fields[f + 1], &arena), expected[i][f]));
    }
    assert_int_equal(csv_next(csv, &row, &err), 0);
    csv_close(&csv);
    arena_fini(&arena);
}

/* The same file again: its bad rows are known. A changed one's are told. */
static void bad_rows_are_kept_once_for_an_unchanged_file(void **state)
{
    (void)state;
    int64_t bad = figure_bad_rows();
    write_file(HEADER "2025-07-18T20:42:34Z,m,0,a,h,1\nbad\n");
    config.loop = true;
    limit = 3;
    assert_int_equal(play(), -ECANCELED);
    assert_true(figure_bad_rows() - bad >= 3);
    assert_int_equal(count_lines(deadletter_path), 2);
}

static void
a_dead_letter_file_that_cannot_be_written_stops_nothing(void **state)
{
    (void)state;
    config.deadletter_path = "/nonexistent/dead.csv";
    write_file(HEADER "bad\n2025-07-18T20:42:34Z,m,0,a,h,1\nbad\n");
    assert_int_equal(play(), 0);
    assert_int_equal(count, 1);
}

/* ---- files that cannot be played ---- */

static void files_that_cannot_be_played_are_refused(void **state)
{
    (void)state;
    struct replay *replay = replay_new(&config, publish, NULL);
    char expected[256];
    assert_int_equal(replay_check(replay, &err), -ENOENT);
    snprintf(expected, sizeof expected, "%s: No such file or directory", path);
    assert_string_equal(err.text, expected);
    assert_int_equal(replay_run(replay, &err), -ENOENT);

    write_file("");
    assert_int_equal(replay_check(replay, &err), -EINVAL);
    assert_non_null(strstr(err.text, "expected a header line"));
    write_file("timestamp,uuid,hostname,metric_name\n");
    assert_int_equal(replay_check(replay, &err), -EINVAL);
    snprintf(expected, sizeof expected,
             "%s: line 1: required columns are missing: gpu_id, value", path);
    assert_string_equal(err.text, expected);
    assert_int_equal(replay_run(replay, &err), -EINVAL);
    write_file(HEADER);
    assert_int_equal(replay_check(replay, &err), 0);
    assert_int_equal(replay_run(replay, &err), 0);
    replay_free(&replay);
}

static int publish_nothing(void *arg, const struct sample *s)
{
    (void)arg, (void)s;
    return -EINVAL;
}

/* In loop mode, too: the file is not what is wrong. */
static void what_publishing_says_ends_the_replay(void **state)
{
    (void)state;
    write_file(HEADER "2025-07-18T20:42:34Z,m,0,a,h,1\n");
    config.loop = true;
    struct replay *replay = replay_new(&config, publish_nothing, NULL);
    assert_int_equal(replay_run(replay, &err), -EINVAL);
    assert_string_equal(err.text,
                        "a sample cannot be published: Invalid argument");
    replay_free(&replay);
}

/* ---- times and pace ---- */

static void processing_times_are_one_for_a_source_time(void **state)
{
    (void)state;
    write_file(HEADER "2025-07-18T20:42:34Z,m,0,a,h,1\n"
                      "2025-07-18T20:42:34Z,m,0,b,h,1\n"
                      "2025-07-18T20:42:35Z,m,0,a,h,1\n"
                      "2025-07-18T20:42:34Z,m,0,c,h,1\n");
    config.source_times = false;
    config.gather_times = 1;
    config.loop = true;
    limit = 8;
    int64_t before = clock_wall_ns();
    assert_int_equal(play(), -ECANCELED);
    for (int pass = 0; pass < 2; pass++) {
        const struct published *p = published + pass * 4;
        assert_int_equal(p[1].ts_ns, p[0].ts_ns);
        assert_true(p[2].ts_ns > p[0].ts_ns);
        assert_string_equal(p[3].uuid, "c");
        assert_int_equal(p[3].ts_ns, p[0].ts_ns); /* a late row */
    }
    assert_true(published[0].ts_ns >= before - NS_PER_MS);
    assert_true(published[4].ts_ns > published[2].ts_ns);
}

static void batches_keep_their_interval(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_append_text(&text, HEADER);
    for (int i = 0; i < 10; i++)
        buf_printf(&text, "2025-07-18T20:42:34Z,m,0,gpu%d,h,1\n", i);
    write_file(buf_text(&text));
    buf_fini(&text);
    config.batch = 4;
    config.interval_ns = 30 * NS_PER_MS;
    int64_t began = clock_mono_ns();
    assert_int_equal(play(), 0);
    assert_int_equal(count, 10);
    /* Two intervals lie before the ninth; none behind the last. */
    assert_true(published[4].at_ns - began >= 30 * NS_PER_MS);
    assert_true(published[8].at_ns - began >= 60 * NS_PER_MS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_real_file_is_988_samples),
        TEST(the_real_file_through_narrow_windows),
        TEST(bad_rows_are_counted_kept_and_left_behind),
        TEST(bad_rows_are_kept_once_for_an_unchanged_file),
        TEST(a_dead_letter_file_that_cannot_be_written_stops_nothing),
        TEST(files_that_cannot_be_played_are_refused),
        TEST(what_publishing_says_ends_the_replay),
        TEST(processing_times_are_one_for_a_source_time),
        TEST(batches_keep_their_interval),
    };
    log_setup("replay_test", LOG_ERROR, LOG_LOGFMT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
