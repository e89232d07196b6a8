/* DateTime, Duration and BigInt as input; and the schema with its bindings. */
#include "unit/test.h"

#include "api/graphql/scalar.h"
#include "api/graphql/telemetry/shared.h"
#include "lib/clock.h"

static struct gql_schema *schema;
static struct arena arena;

static int setup(void **state)
{
    (void)state;
    struct errmsg err;
    schema = telemetry_schema_new(&err);
    if (schema == NULL)
        print_error("%s\n", err.text);
    return schema == NULL;
}

static int teardown(void **state)
{
    (void)state;
    gql_schema_free(&schema);
    arena_fini(&arena);
    return 0;
}

static struct errmsg why;

static int coerce(const char *scalar, enum gql_value_kind kind,
                  const char *text, struct gql_value *out)
{
    struct gql_value in = {.kind = kind, .text = str_of(text)};
    *out = (struct gql_value){0};
    why.text[0] = '\0';
    return gql_leaf_coerce(gql_schema_type(schema, str_of(scalar)),
                           GQL_FROM_DOCUMENT, &in, out, &arena, &why);
}

static bool takes(const char *scalar, enum gql_value_kind kind,
                  const char *text)
{
    struct gql_value out;
    return coerce(scalar, kind, text, &out) == 0;
}

static void date_time_takes_times_and_times_ago(void **state)
{
    (void)state;
    assert_true(takes("DateTime", GQL_STRING, "2025-07-18T20:42:34Z"));
    assert_true(takes("DateTime", GQL_STRING, "2025-07-18T20:42:34.25+02:00"));
    assert_true(takes("DateTime", GQL_STRING, "now"));
    assert_true(takes("DateTime", GQL_STRING, "now-5m"));
    assert_false(takes("DateTime", GQL_STRING, "yesterday"));
    assert_string_equal(why.text, "DateTime cannot represent \"yesterday\": "
                                  "expected RFC 3339, \"now\", or a time "
                                  "before now as \"now-5m\"");
    assert_false(takes("DateTime", GQL_STRING, ""));
    assert_false(takes("DateTime", GQL_STRING, "2025-02-30T00:00:00Z"));
    assert_false(takes("DateTime", GQL_INT, "1752871354"));
    assert_false(takes("DateTime", GQL_ENUM, "now"));
}

/* What "now" is, is known when it is used: not when a document is read. */
static void date_time_stays_what_it_was(void **state)
{
    (void)state;
    struct gql_value out;
    assert_int_equal(coerce("DateTime", GQL_STRING, "now-5m", &out), 0);
    assert_str(out.text, "now-5m");
    int64_t ns = 0, before = clock_wall_ns() - 300 * NS_PER_S;
    time_of(&out, &ns);
    assert_in_range(ns, before, before + 10 * NS_PER_S);
}

static void duration_is_nanoseconds(void **state)
{
    (void)state;
    struct gql_value out;
    assert_int_equal(coerce("Duration", GQL_STRING, "5m", &out), 0);
    assert_int_equal(out.i64, 300 * NS_PER_S);
    assert_int_equal(coerce("Duration", GQL_INT, "90", &out), 0);
    assert_int_equal(out.i64, 90 * NS_PER_S);
    assert_false(takes("Duration", GQL_STRING, "5 minutes"));
    assert_false(takes("Duration", GQL_STRING, ""));
    assert_false(takes("Duration", GQL_INT, "-1"));
    assert_false(takes("Duration", GQL_FLOAT, "1.5"));
    assert_false(takes("Duration", GQL_STRING, "99999999999999999d"));
}

static void big_int_has_64_bits(void **state)
{
    (void)state;
    struct gql_value out;
    assert_int_equal(coerce("BigInt", GQL_INT, "9223372036854775807", &out), 0);
    assert_int_equal(out.i64, INT64_MAX);
    assert_int_equal(coerce("BigInt", GQL_STRING, "-5", &out), 0);
    assert_int_equal(out.i64, -5);
    assert_false(takes("BigInt", GQL_INT, "9223372036854775808"));
    assert_false(takes("BigInt", GQL_STRING, "5 "));
    assert_false(takes("BigInt", GQL_FLOAT, "5.0"));
}

static void fields_of_metrics_are_in_camel_case(void **state)
{
    (void)state;
    char name[METRIC_FIELD_MAX];
    metric_field_name(METRIC_gpu_utilization, name);
    assert_string_equal(name, "gpuUtilization");
    metric_field_name(METRIC_ecc_double_bit, name);
    assert_string_equal(name, "eccDoubleBit");
    metric_field_name(METRIC_xid, name);
    assert_string_equal(name, "xid");
}

/* The schema with one text in place of another, as far as its metrics go. */
static void assert_metrics_refused(const char *text, const char *other,
                                   const char *expected)
{
    struct buf source = {0};
    const char *whole = telemetry_schema_text().p, *at = strstr(whole, text);
    assert_non_null(at);
    buf_append(&source, whole, (size_t)(at - whole));
    buf_append_text(&source, other);
    buf_append_text(&source, at + strlen(text));
    struct errmsg err = {""};
    struct gql_schema *changed =
        gql_schema_new(buf_str(&source), "changed", NULL, &err);
    if (changed != NULL && metric_check_schema(changed, &err) == 0)
        assert_int_not_equal(gql_bind(changed, telemetry_bindings, &err), 0);
    if (strstr(err.text, expected) == NULL)
        fail_msg("\"%s\" does not name %s", err.text, expected);
    gql_schema_free(&changed);
    buf_fini(&source);
}

static void a_metric_in_one_place_only_stops_the_start(void **state)
{
    (void)state;
    assert_metrics_refused("  pcie_replays\n", "", "nvlink_bandwidth");
    assert_metrics_refused("  nvlink_bandwidth\n}", "}", "nvlink_bandwidth");
    assert_metrics_refused("  nvlink_bandwidth\n}",
                           "  nvlink_bandwidth\n  fan_speed\n}", "fan_speed");
    /* the fields of the interface and of the first of its types */
    assert_metrics_refused("  \"Last XID error\"\n  xid: Float\n", "", "xid");
    assert_metrics_refused("type TelemetryData implements Metrics {",
                           "type TelemetryData implements Metrics {\n"
                           "  fanSpeed: Float",
                           "TelemetryData.fanSpeed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(date_time_takes_times_and_times_ago),
        cmocka_unit_test(date_time_stays_what_it_was),
        cmocka_unit_test(duration_is_nanoseconds),
        cmocka_unit_test(big_int_has_64_bits),
        cmocka_unit_test(fields_of_metrics_are_in_camel_case),
        cmocka_unit_test(a_metric_in_one_place_only_stops_the_start),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
