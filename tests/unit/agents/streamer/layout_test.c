/* What header lines and rows mean, and what is wrong with them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "agents/streamer/layout.h"
#include "lib/buf.h"

#define LONG_HEADER                                                          \
    "timestamp,metric_name,gpu_id,device,uuid,modelName,Hostname,container," \
    "pod,namespace,value,labels_raw"
#define WIDE_HEADER                                                       \
    "timestamp,gpu_id,hostname,uuid,gpu_utilization,DCGM_FI_DEV_FB_USED," \
    "fan_speed,note"

static struct layout layout;
static struct csv_row row;
static struct reading reading;
static struct arena arena;
static struct errmsg err;

static const struct csv_row *parse(const char *text)
{
    assert_true(csv_parse_row(str_of(text), true, &row, &err) > 0);
    return &row;
}

static void use_header(const char *text)
{
    assert_int_equal(layout_init(&layout, parse(text), &err), 0);
}

static enum row_fault read_row(const char *text)
{
    arena_reset(&arena);
    return layout_read(&layout, parse(text), &arena, &reading, &err);
}

static int tear_down(void **state)
{
    (void)state;
    layout_fini(&layout);
    layout = (struct layout){0};
    arena_fini(&arena);
    return 0;
}

static void assert_str(struct str s, const char *expected)
{
    char copy[512];
    snprintf(copy, sizeof copy, "%.*s", STR_ARG(s));
    assert_string_equal(copy, expected);
}

/* ---- header lines ---- */

static void both_kinds_are_told_apart(void **state)
{
    (void)state;
    use_header(LONG_HEADER);
    assert_int_equal(layout.kind, LAYOUT_LONG);
    layout_fini(&layout);
    use_header(WIDE_HEADER);
    assert_int_equal(layout.kind, LAYOUT_WIDE);
    assert_int_equal(layout.metric_count, 4);
    assert_int_equal(layout.metrics[0].metric, METRIC_gpu_utilization);
    assert_int_equal(layout.metrics[1].metric, METRIC_memory_used_mb);
    assert_int_equal(layout.metrics[2].metric, -1);
}

static void missing_columns_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *header, *error;
    } cases[] = {
        {"metric_name,timestamp,device",
         "required columns are missing: gpu_id, uuid, hostname, value"},
        {"timestamp,uuid,hostname,power_draw",
         "required columns are missing: gpu_id"},
        {"a,b", "required columns are missing: timestamp, gpu_id, uuid, "
                "hostname"},
        {"timestamp,gpu_id,uuid,hostname,value",
         "no column holds a metric: expected metric_name and value, or columns "
         "such as gpu_utilization"},
        {"timestamp,uuid,x,UUID", "columns 2 and 4 are both named \"UUID\""},
        {"timestamp,\"u\001\"",
         "the name of column 2 is not UTF-8 text without control characters"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(layout_init(&layout, parse(cases[i].header), &err),
                         -EINVAL);
        assert_string_equal(err.text, cases[i].error);
    }
}

static void names_of_columns_have_a_limit(void **state)
{
    (void)state;
    char text[SAMPLE_NAME_MAX + 2] = "";
    memset(text, 'x', SAMPLE_NAME_MAX + 1);
    assert_int_equal(layout_init(&layout, parse(text), &err), -EINVAL);
    assert_string_equal(err.text,
                        "the name of column 1 is longer than 255 bytes");
}

/* ---- long rows ---- */

static void a_long_row_is_read(void **state)
{
    (void)state;
    use_header(LONG_HEADER);
    assert_int_equal(
        read_row("\"2025-07-18T20:42:34Z\",\"DCGM_FI_DEV_POWER_USAGE\",\"3\","
                 "\"nvidia3\",\"GPU-1\",\"NVIDIA \"\"H100\"\"\",\"host-1\","
                 "\"train\",\"pod-1\",\"ml\",\"156.596\",\"a=\"\"b\"\"\""),
        ROW_GOOD);
    assert_int_equal(reading.ts_ns, INT64_C(1752871354000000000));
    assert_str(reading.names[NAME_GPU], "3");
    assert_str(reading.names[NAME_DEVICE], "nvidia3");
    assert_str(reading.names[NAME_UUID], "GPU-1");
    assert_str(reading.names[NAME_MODEL], "NVIDIA \"H100\"");
    assert_str(reading.names[NAME_HOST], "host-1");
    assert_str(reading.names[NAME_CONTAINER], "train");
    assert_str(reading.names[NAME_POD], "pod-1");
    assert_str(reading.names[NAME_NAMESPACE], "ml");
    assert_int_equal(reading.count, 1);
    assert_int_equal(reading.values[0].metric, METRIC_power_draw);
    assert_true(reading.values[0].value == 156.596);
}

static void columns_stand_in_any_order_and_case(void **state)
{
    (void)state;
    use_header("VALUE, Uuid ,HOSTNAME,Metric_Name,TimeStamp,GPU_ID,other");
    assert_int_equal(read_row("7,u,h,gpu_utilization,2025-07-18T20:42:34.25Z,"
                              "0,ignored"),
                     ROW_GOOD);
    assert_int_equal(reading.ts_ns, INT64_C(1752871354250000000));
    assert_str(reading.names[NAME_UUID], "u");
    assert_str(reading.names[NAME_HOST], "h");
    assert_str(reading.names[NAME_MODEL], "");
    assert_int_equal(reading.values[0].metric, METRIC_gpu_utilization);
    assert_true(reading.values[0].value == 7);
}

#define SHORT_HEADER "timestamp,metric_name,gpu_id,uuid,hostname,value"
#define T            "2025-07-18T20:42:34Z"

static void a_metric_of_no_catalogue_keeps_its_name(void **state)
{
    (void)state;
    use_header(SHORT_HEADER);
    assert_int_equal(read_row(T ",DCGM_FI_DEV_NEW,0,u,h,-1e3"), ROW_GOOD);
    assert_int_equal(reading.values[0].metric, -1);
    assert_str(reading.values[0].name, "DCGM_FI_DEV_NEW");
    assert_true(reading.values[0].value == -1000);
    assert_int_equal(read_row(T ",DCGM_FI_DEV_GPU_UTIL,0,u,h,1"), ROW_GOOD);
    assert_int_equal(reading.values[0].metric, METRIC_gpu_utilization);
    assert_int_equal(read_row(T ",DCGM_FI_DEV_NEW,0,u,h,2"), ROW_GOOD);
    assert_int_equal(reading.values[0].metric, -1);
}

static void an_empty_value_is_not_reported(void **state)
{
    (void)state;
    use_header(SHORT_HEADER);
    assert_int_equal(read_row(T ",DCGM_FI_DEV_GPU_UTIL,0,u,h,"), ROW_GOOD);
    assert_int_equal(reading.count, 0);
    assert_int_equal(read_row(T ",DCGM_FI_DEV_GPU_UTIL,0,u,h,\" \""), ROW_GOOD);
    assert_int_equal(reading.count, 0);
    assert_int_equal(read_row(T ",DCGM_FI_DEV_GPU_UTIL,0,u,h,NaN"), ROW_GOOD);
    assert_int_equal(reading.count, 0);
    assert_int_equal(read_row(T ",DCGM_FI_DEV_GPU_UTIL,0,u,h, 5 "), ROW_GOOD);
    assert_int_equal(reading.count, 1);
}

static void bad_rows_say_what_was_expected(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum row_fault fault;
        const char *error;
    } cases[] = {
        {T ",m,0,u,h", ROW_COLUMNS,
         "the row has 5 columns: expected 6 as in line 1"},
        {T ",m,0,u,h,1,2", ROW_COLUMNS,
         "the row has 7 columns: expected 6 as in line 1"},
        {"yesterday,m,0,u,h,1", ROW_TIMESTAMP,
         "column timestamp: \"yesterday\" is not an RFC 3339 time such as "
         "2025-07-18T20:42:34Z"},
        {",m,0,u,h,1", ROW_TIMESTAMP,
         "column timestamp: \"\" is not an RFC 3339 time such as "
         "2025-07-18T20:42:34Z"},
        {"1999-12-31T23:59:59Z,m,0,u,h,1", ROW_TIMESTAMP,
         "column timestamp: \"1999-12-31T23:59:59Z\" is not a time from the "
         "year 2000 to 2199"},
        {T ",m,0,,h,1", ROW_NAME, "column uuid: \"\" is not a name"},
        {T ",m,0,u,,1", ROW_NAME, "column hostname: \"\" is not a name"},
        {T ",,0,u,h,1", ROW_NAME,
         "column metric_name: \"\" is not the name of a metric"},
        {T ",m,0,u,\"h\n1\",1", ROW_NAME,
         "column hostname: \"h\n1\" is not UTF-8 text without control "
         "characters"},
        {T ",m,0,GPU-aaaaaaaaaaaaaa\x7f,h,1", ROW_NAME,
         "column uuid: \"GPU-aaaaaaaaaaaaaa\x7f\" is not UTF-8 text without "
         "control characters"},
        {T ",m,0,u\xC3,h,1", ROW_NAME,
         "column uuid: \"u\xC3\" is not UTF-8 text without control "
         "characters"},
        {T ",m,0,u,h,abc", ROW_VALUE, "column value: \"abc\" is not a number"},
        {T ",m,0,u,h,inf", ROW_VALUE, "column value: \"inf\" is not a number"},
        {T ",m,0,u,h,1e999", ROW_VALUE,
         "column value: \"1e999\" is not a number"},
    };
    use_header(SHORT_HEADER);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(read_row(cases[i].text), cases[i].fault);
        assert_string_equal(err.text, cases[i].error);
    }
    assert_int_equal(read_row(T ",m,0,\xC3\xBC-\xE2\x82\xAC,h,1"), ROW_GOOD);
}

static void names_have_a_limit(void **state)
{
    (void)state;
    use_header(SHORT_HEADER);
    struct buf text = {0};
    for (int over = 0; over < 2; over++) {
        buf_reset(&text);
        buf_append_text(&text, T ",m,0,");
        for (int i = 0; i < SAMPLE_NAME_MAX + over; i++)
            buf_append_byte(&text, 'u');
        buf_append_text(&text, ",h,1");
        assert_int_equal(read_row(buf_text(&text)), over ? ROW_NAME : ROW_GOOD);
    }
    buf_fini(&text);
}

/* ---- wide rows ---- */

static void a_wide_row_keeps_what_is_a_number(void **state)
{
    (void)state;
    use_header(WIDE_HEADER);
    assert_int_equal(read_row(T ",0,h,u,85.5,4,31,spare"), ROW_GOOD);
    assert_int_equal(reading.count, 3);
    assert_int_equal(reading.values[0].metric, METRIC_gpu_utilization);
    assert_int_equal(reading.values[1].metric, METRIC_memory_used_mb);
    assert_int_equal(reading.values[2].metric, -1);
    assert_str(reading.values[2].name, "fan_speed");
    assert_true(reading.values[2].value == 31);
}

static void blanks_of_wide_rows_are_not_reported(void **state)
{
    (void)state;
    static const char *const blanks[] = {
        "", "N/A", "n/a", "NaN", "[N/A]", "\" \"", "[Not Supported]"};
    use_header(WIDE_HEADER);
    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++) {
        char text[128];
        snprintf(text, sizeof text, T ",0,h,u,%s,4,%s,", blanks[i], blanks[i]);
        assert_int_equal(read_row(text), ROW_GOOD);
        assert_int_equal(reading.count, 1);
        assert_int_equal(reading.values[0].metric, METRIC_memory_used_mb);
    }
}

static void a_known_metric_has_to_be_a_number(void **state)
{
    (void)state;
    use_header(WIDE_HEADER);
    assert_int_equal(read_row(T ",0,h,u,85 %,4,31,"), ROW_VALUE);
    assert_string_equal(err.text,
                        "column gpu_utilization: \"85 %\" is not a number");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(both_kinds_are_told_apart),
        TEST(missing_columns_are_named),
        TEST(names_of_columns_have_a_limit),
        TEST(a_long_row_is_read),
        TEST(columns_stand_in_any_order_and_case),
        TEST(a_metric_of_no_catalogue_keeps_its_name),
        TEST(an_empty_value_is_not_reported),
        TEST(bad_rows_say_what_was_expected),
        TEST(names_have_a_limit),
        TEST(a_wide_row_keeps_what_is_a_number),
        TEST(blanks_of_wide_rows_are_not_reported),
        TEST(a_known_metric_has_to_be_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
