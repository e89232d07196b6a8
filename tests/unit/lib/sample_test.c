/* The telemetry message: what is written reads back, the rest is refused with
 * the reason. */
#include "unit/test.h"

#include <errno.h>
#include <math.h>

#include "lib/json.h"
#include "lib/sample.h"
#include "lib/timestamp.h"

/* 2025-07-18T20:42:34Z */
#define NOW INT64_C(1752871354000000000)

static struct arena arena;
static struct buf text;
static struct errmsg err;
static struct sample back;

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    buf_fini(&text);
    return 0;
}

static int decode(const char *json)
{
    err.text[0] = '\0';
    return sample_decode(str_of(json), &arena, &back, &err);
}

static struct sample h100(void)
{
    return (struct sample){
        .ts_ns = NOW,
        .cluster = STR("local"),
        .host = STR("dgx-01"),
        .gpu = STR("0"),
        .uuid = STR("GPU-5fd4f087"),
        .device = STR("nvidia0"),
        .model = STR("NVIDIA H100 80GB HBM3"),
    };
}

static void assert_same(const struct sample *a, const struct sample *b)
{
    assert_true(a->ts_ns == b->ts_ns);
    assert_true(str_eq(a->cluster, b->cluster));
    assert_true(str_eq(a->host, b->host));
    assert_true(str_eq(a->gpu, b->gpu));
    assert_true(str_eq(a->uuid, b->uuid));
    assert_true(str_eq(a->device, b->device));
    assert_true(str_eq(a->model, b->model));
    assert_true(str_eq(a->pod, b->pod));
    assert_true(str_eq(a->namespace, b->namespace));
    assert_true(str_eq(a->container, b->container));
    assert_true(a->present == b->present);
    for (int m = 0; m < METRIC_COUNT; m++)
        if (sample_has(a, (enum metric)m))
            assert_memory_equal(&a->metrics[m], &b->metrics[m], sizeof(double));
    assert_int_equal(a->extra_count, b->extra_count);
    for (size_t i = 0; i < a->extra_count; i++) {
        assert_true(str_eq(a->extra[i].name, b->extra[i].name));
        assert_true(a->extra[i].value == b->extra[i].value);
    }
}

static void assert_round_trip(const struct sample *s)
{
    buf_reset(&text);
    sample_encode(s, &text);
    assert_int_equal(json_validate(buf_str(&text), NULL), 0);
    if (sample_decode(buf_str(&text), &arena, &back, &err) != 0)
        fail_msg("%s: %s", buf_text(&text), err.text);
    assert_same(s, &back);
}

static void the_message_looks_as_agreed(void **state)
{
    (void)state;
    struct sample s = h100();
    struct sample_extra extra = {STR("DCGM_FI_DEV_NEW_THING"), 7};
    sample_set(&s, METRIC_gpu_utilization, 85.5);
    sample_set(&s, METRIC_power_draw, 320.1);
    s.extra = &extra;
    s.extra_count = 1;
    sample_encode(&s, &text);
    assert_buf(&text,
               "{\"v\":1,\"ts\":\"2025-07-18T20:42:34.000Z\","
               "\"cluster\":\"local\",\"host\":\"dgx-01\",\"gpu\":\"0\","
               "\"uuid\":\"GPU-5fd4f087\",\"device\":\"nvidia0\","
               "\"model\":\"NVIDIA H100 80GB HBM3\",\"pod\":\"\","
               "\"namespace\":\"\",\"container\":\"\","
               "\"metrics\":{\"gpu_utilization\":85.5,\"power_draw\":320.1},"
               "\"extra\":{\"DCGM_FI_DEV_NEW_THING\":7}}");
}

static void a_sample_without_metrics_says_so(void **state)
{
    (void)state;
    struct sample s = h100();
    sample_encode(&s, &text);
    assert_contains(buf_text(&text), "\"metrics\":{}}");
    assert_round_trip(&s);
}

static void a_fine_time_is_kept_in_full(void **state)
{
    (void)state;
    struct sample s = h100();
    s.ts_ns = NOW + 123456789;
    assert_round_trip(&s);
    s.ts_ns = SAMPLE_TS_MIN;
    assert_round_trip(&s);
    s.ts_ns = SAMPLE_TS_MAX - 1;
    assert_round_trip(&s);
}

static void names_of_any_kind_read_back(void **state)
{
    (void)state;
    char longest[SAMPLE_NAME_MAX];
    memset(longest, 'x', sizeof longest);
    struct sample s = h100();
    s.host = str_of("dgx.01 \"a\\b\"/\n\t\x01");
    s.model = str_of("\xC3\xA9 \xF0\x9F\x98\x80");
    s.pod = s.uuid = str_make(longest, sizeof longest);
    s.namespace = str_of("*.>");
    s.container = str_of("null");
    assert_round_trip(&s);
}

static double random_value(uint64_t *seed)
{
    uint64_t bits = random_next(seed);
    double value;
    memcpy(&value, &bits, sizeof value);
    if (!isfinite(value) || bits % 2 == 0)
        value = (double)(bits % 100000) / 100;
    return value;
}

static void random_samples_read_back(void **state)
{
    (void)state;
    uint64_t seed = 8;
    for (int i = 0; i < 20000; i++) {
        struct sample s = h100();
        struct sample_extra extra[5];
        s.ts_ns = SAMPLE_TS_MIN +
                  (int64_t)(random_next(&seed) %
                            (uint64_t)(SAMPLE_TS_MAX - SAMPLE_TS_MIN));
        s.present = random_next(&seed) & ((UINT64_C(1) << METRIC_COUNT) - 1);
        for (int m = 0; m < METRIC_COUNT; m++)
            s.metrics[m] = random_value(&seed);
        s.extra_count = random_next(&seed) % COUNT(extra);
        s.extra = extra;
        for (size_t k = 0; k < s.extra_count; k++)
            extra[k] = (struct sample_extra){
                str_of(arena_printf(&arena, "X_%zu", k)), random_value(&seed)};
        assert_round_trip(&s);
        arena_reset(&arena);
    }
}

/* The least a message must have, and room for a member more. */
#define LEAST                                                             \
    "\"v\":1,\"ts\":\"2025-07-18T20:42:34Z\",\"cluster\":\"c\",\"host\":" \
    "\"h\",\"uuid\":\"u\""

static void the_least_message_is_taken(void **state)
{
    (void)state;
    assert_int_equal(decode("{" LEAST "}"), 0);
    assert_true(back.ts_ns == NOW);
    assert_str(back.gpu, "");
    assert_str(back.uuid, "u");
    assert_true(back.present == 0);
    assert_int_equal(back.extra_count, 0);
}

static void unknown_members_are_skipped(void **state)
{
    (void)state;
    assert_int_equal(decode("{\"new\":{\"host\":\"no\",\"v\":9},\"list\":[1,"
                            "{\"uuid\":2}]," LEAST "}"),
                     0);
    assert_str(back.host, "h");
}

static void unknown_metrics_become_extra(void **state)
{
    (void)state;
    assert_int_equal(decode("{" LEAST ",\"metrics\":{\"temperature\":40,"
                            "\"of_tomorrow\":1.5},\"extra\":{\"X\":-2}}"),
                     0);
    assert_true(back.present == UINT64_C(1) << METRIC_temperature);
    assert_true(back.metrics[METRIC_temperature] == 40);
    assert_int_equal(back.extra_count, 2);
    assert_str(back.extra[0].name, "of_tomorrow");
    assert_true(back.extra[0].value == 1.5);
    assert_str(back.extra[1].name, "X");
    assert_true(back.extra[1].value == -2);
}

static void null_is_not_reported(void **state)
{
    (void)state;
    assert_int_equal(decode("{" LEAST ",\"metrics\":{\"temperature\":null,"
                            "\"power_draw\":0},\"extra\":{\"X\":null}}"),
                     0);
    assert_false(sample_has(&back, METRIC_temperature));
    assert_true(sample_has(&back, METRIC_power_draw));
    assert_int_equal(back.extra_count, 0);
}

static void metrics_come_in_any_order(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_append_text(&b, "{" LEAST ",\"metrics\":{");
    for (int m = METRIC_COUNT - 1; m >= 0; m--)
        buf_printf(&b, "\"%s\":%d%s", metric_catalogue[m].name.p, m,
                   m > 0 ? "," : "}}");
    assert_int_equal(decode(buf_text(&b)), 0);
    for (int m = 0; m < METRIC_COUNT; m++)
        assert_true(sample_has(&back, (enum metric)m) && back.metrics[m] == m);
    buf_fini(&b);
}

static void member_names_may_be_escaped(void **state)
{
    (void)state;
    assert_int_equal(decode("{\"\\u0076\":1,\"t\\u0073\":\"2025-07-18T20:42:34"
                            "Z\",\"cluster\":\"c\",\"\\u0068ost\":\"h\","
                            "\"uuid\":\"u\",\"metrics\":{\"temper\\u0061ture\""
                            ":40},\"extra\":{\"\\u0058\":1}}"),
                     0);
    assert_true(sample_has(&back, METRIC_temperature));
    assert_str(back.host, "h");
    assert_int_equal(back.extra_count, 1);
    assert_str(back.extra[0].name, "X");
}

static void a_newer_version_is_not_supported(void **state)
{
    (void)state;
    static const char *const newer[] = {
        "{\"v\":2}", "{" LEAST ",\"v\":2}",
        "{\"ts\":{\"unix\":1},\"uuid\":[],\"v\":7,\"metrics\":[1]}",
        "{\"\\u0076\":2}"};
    for (size_t i = 0; i < COUNT(newer); i++)
        assert_int_equal(decode(newer[i]), -ENOTSUP);
    decode("{\"v\":3}");
    assert_string_equal(
        err.text, "\"v\" is 3: newer than 1, the newest version known here");
}

static void bad_messages_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *why;
    } cases[] = {
        {"", "not JSON: byte 0: expected a value"},
        {"{" LEAST ",}", "not JSON: byte 71: expected a string"},
        {"[1]", "a sample: expected an object"},
        {"null", "a sample: expected an object"},
        {"{}", "\"v\" is missing or empty"},
        {"{\"v\":0}", "\"v\": expected a version number from 1"},
        {"{\"v\":-1}", "\"v\": expected a version number from 1"},
        {"{\"v\":\"1\"}", "\"v\": expected a version number from 1"},
        {"{\"v\":1.0}", "\"v\": expected a version number from 1"},
        {"{\"v\":null}", "\"v\": expected a version number from 1"},
        {"{\"v\":1}", "\"ts\" is missing or empty"},
        {"{\"v\":1,\"ts\":\"yesterday\"}",
         "\"ts\" is \"yesterday\": expected an RFC 3339 time"},
        {"{\"v\":1,\"ts\":\"0123456789012345678901234567890123456789more\"}",
         "\"ts\" is \"0123456789012345678901234567890123456789\": expected an "
         "RFC 3339 time"},
        {"{\"v\":1,\"ts\":1752871354}",
         "\"ts\" is \"1752871354\": expected an RFC 3339 time"},
        {"{\"v\":1,\"ts\":\"1999-12-31T23:59:59Z\"}",
         "\"ts\" is \"1999-12-31T23:59:59Z\": expected a time from the year "
         "2000 to 2199"},
        {"{\"v\":1,\"ts\":\"2200-01-01T00:00:00Z\"}",
         "\"ts\" is \"2200-01-01T00:00:00Z\": expected a time from the year "
         "2000 to 2199"},
        {"{\"v\":1,\"ts\":\"2025-07-18T20:42:34Z\",\"host\":\"h\",\"uuid\":"
         "\"u\"}",
         "\"cluster\" is missing or empty"},
        {"{" LEAST ",\"cluster\":\"\"}", "\"cluster\" is missing or empty"},
        {"{" LEAST ",\"host\":\"\"}", "\"host\" is missing or empty"},
        {"{" LEAST ",\"uuid\":\"\"}", "\"uuid\" is missing or empty"},
        {"{" LEAST ",\"uuid\":5}",
         "\"uuid\": expected a string of at most 255 bytes without NUL"},
        {"{" LEAST ",\"pod\":null}",
         "\"pod\": expected a string of at most 255 bytes without NUL"},
        {"{" LEAST ",\"model\":\"a\\u0000b\"}",
         "\"model\": expected a string of at most 255 bytes without NUL"},
        {"{" LEAST ",\"metrics\":[1]}", "\"metrics\": expected an object"},
        {"{" LEAST ",\"metrics\":null}", "\"metrics\": expected an object"},
        {"{" LEAST ",\"extra\":1}", "\"extra\": expected an object"},
        {"{" LEAST ",\"metrics\":{\"temperature\":\"40\"}}",
         "\"temperature\": expected a finite number"},
        {"{" LEAST ",\"metrics\":{\"temperature\":1e999}}",
         "\"temperature\": expected a finite number"},
        {"{" LEAST ",\"extra\":{\"X\":true}}",
         "\"X\": expected a finite number"},
        {"{" LEAST ",\"extra\":{\"X\":{}}}", "\"X\": expected a finite number"},
        {"{" LEAST ",\"extra\":{\"\":1}}",
         "a metric's name: expected 1 to 255 bytes without NUL"},
        {"{" LEAST ",\"metrics\":{\"a\\u0000\":1}}",
         "a metric's name: expected 1 to 255 bytes without NUL"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(decode(cases[i].json), -EINVAL);
        assert_string_equal(err.text, cases[i].why);
    }
}

/* {LEAST,<before>xxx…<behind>} */
static int decode_long(const char *before, int length, const char *behind)
{
    buf_reset(&text);
    buf_printf(&text, "{" LEAST ",%s%0*d%s}", before, length, 1, behind);
    return decode(buf_text(&text));
}

static void too_long_names_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *before, *behind;
    } cases[] = {{"\"host\":\"", "\""},
                 {"\"container\":\"", "\""},
                 {"\"extra\":{\"", "\":1}"},
                 {"\"metrics\":{\"", "\":1}"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(
            decode_long(cases[i].before, SAMPLE_NAME_MAX, cases[i].behind), 0);
        assert_int_equal(
            decode_long(cases[i].before, SAMPLE_NAME_MAX + 1, cases[i].behind),
            -EINVAL);
    }
}

static int decode_extras(int count)
{
    buf_reset(&text);
    buf_append_text(&text, "{" LEAST ",\"extra\":{");
    for (int i = 0; i < count; i++)
        buf_printf(&text, "%s\"x%d\":%d", i > 0 ? "," : "", i, i);
    buf_append_text(&text, "}}");
    return decode(buf_text(&text));
}

static void too_many_extras_are_refused(void **state)
{
    (void)state;
    assert_int_equal(decode_extras(SAMPLE_EXTRA_MAX), 0);
    assert_int_equal(back.extra_count, SAMPLE_EXTRA_MAX);
    assert_int_equal(decode_extras(SAMPLE_EXTRA_MAX + 1), -EINVAL);
    assert_string_equal(err.text,
                        "expected at most 256 metrics outside the catalogue");
}

static void a_refusal_needs_no_reader(void **state)
{
    (void)state;
    assert_int_equal(sample_decode(str_of("{\"v\":2}"), &arena, &back, NULL),
                     -ENOTSUP);
    assert_int_equal(sample_decode(str_of("{"), &arena, &back, NULL), -EINVAL);
}

static void names_become_one_token_of_the_subject(void **state)
{
    (void)state;
    struct sample s = h100();
    sample_append_subject(&s, &text);
    assert_buf(&text, "telemetry.local.dgx-01.GPU-5fd4f087");
    s.cluster = str_of("eu west");
    s.host = str_of("a.b.example");
    s.uuid = str_of("*>%_\xC3\xA9\x01");
    sample_append_subject(&s, &text);
    assert_buf(&text, "telemetry.eu%20west.a%2Eb%2Eexample."
                      "%2A%3E%25_%C3%A9%01");
    subject_append_token(&text, str_make(NULL, 0));
    assert_buf(&text, "%");
    subject_append_token(&text, str_make("a\0b", 3));
    assert_buf(&text, "a%00b");
}

/* No two names share a token: each byte is told from every other. */
static void tokens_keep_bytes_apart(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char name = (char)c;
        subject_append_token(&text, str_make(&name, 1));
        assert_true(text.len == 1 || text.len == 3);
        if (text.len == 3) {
            assert_int_equal(text.data[0], '%');
            assert_int_equal(strtol(buf_text(&text) + 1, NULL, 16), c);
        } else {
            assert_int_equal(text.data[0], name);
            assert_null(strchr(".*> \t\r\n%", name));
        }
        buf_reset(&text);
    }
}

#define sample_test(t) cmocka_unit_test_teardown(t, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        sample_test(the_message_looks_as_agreed),
        sample_test(a_sample_without_metrics_says_so),
        sample_test(a_fine_time_is_kept_in_full),
        sample_test(names_of_any_kind_read_back),
        sample_test(random_samples_read_back),
        sample_test(the_least_message_is_taken),
        sample_test(unknown_members_are_skipped),
        sample_test(unknown_metrics_become_extra),
        sample_test(null_is_not_reported),
        sample_test(metrics_come_in_any_order),
        sample_test(member_names_may_be_escaped),
        sample_test(a_newer_version_is_not_supported),
        sample_test(bad_messages_are_refused_with_the_reason),
        sample_test(too_long_names_are_refused),
        sample_test(too_many_extras_are_refused),
        sample_test(a_refusal_needs_no_reader),
        sample_test(names_become_one_token_of_the_subject),
        sample_test(tokens_keep_bytes_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
