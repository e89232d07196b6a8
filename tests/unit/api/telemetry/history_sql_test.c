/* What PostgreSQL is asked for a GPU's history. */
#include "unit/test.h"

#include "api/graphql/telemetry/history_sql.h"
#include "lib/metric.h"

#define BIT(name) (UINT64_C(1) << METRIC_##name)

static const char *sql_of(const struct history_shape *shape)
{
    static struct buf sql;
    buf_reset(&sql);
    history_sql_append(&sql, shape);
    return buf_text(&sql);
}

static void only_what_is_selected_is_fetched(void **state)
{
    (void)state;
    struct history_shape shape = {.metrics = BIT(temperature) | BIT(xid),
                                  .many = true};
    assert_string_equal(
        sql_of(&shape),
        "SELECT u.n, t.* FROM unnest($1::text[]) WITH ORDINALITY u (uuid, n)"
        " JOIN gpu g ON g.uuid = u.uuid CROSS JOIN LATERAL (SELECT ts,"
        " temperature, xid FROM telemetry WHERE gpu_id = g.id"
        " AND ts >= $2::timestamptz AND ts <= $3::timestamptz"
        " ORDER BY ts DESC LIMIT $4::bigint) t");
    shape.many = false;
    assert_string_equal(
        sql_of(&shape),
        "SELECT ts, temperature, xid FROM telemetry"
        " WHERE gpu_id = (SELECT id FROM gpu WHERE uuid = ($1::text[])[1])"
        " AND ts >= $2::timestamptz AND ts <= $3::timestamptz"
        " ORDER BY ts DESC LIMIT $4::bigint");
    shape = (struct history_shape){.extra = true};
    assert_non_null(strstr(sql_of(&shape), "SELECT ts, extra FROM telemetry"));
    shape = (struct history_shape){0};
    assert_non_null(strstr(sql_of(&shape), "SELECT ts FROM telemetry"));
}

static void each_aggregate_is_applied_to_each_column(void **state)
{
    (void)state;
    static const char *const expected[AGGREGATE_COUNT] = {
        [AGGREGATE_AVG] = "avg(temperature), avg(power_draw)",
        [AGGREGATE_MIN] = "min(temperature), min(power_draw)",
        [AGGREGATE_MAX] = "max(temperature), max(power_draw)",
        [AGGREGATE_SUM] = "sum(temperature), sum(power_draw)",
        [AGGREGATE_FIRST] =
            "(array_agg(temperature ORDER BY ts) FILTER"
            " (WHERE temperature IS NOT NULL))[1], (array_agg(power_draw",
        [AGGREGATE_LAST] =
            "(array_agg(temperature ORDER BY ts DESC) FILTER"
            " (WHERE temperature IS NOT NULL))[1], (array_agg(power_draw",
        [AGGREGATE_P50] = "percentile_cont(0.5) WITHIN GROUP"
                          " (ORDER BY temperature), percentile_cont(0.5)",
        [AGGREGATE_P95] = "percentile_cont(0.95) WITHIN GROUP"
                          " (ORDER BY temperature), percentile_cont(0.95)",
        [AGGREGATE_P99] = "percentile_cont(0.99) WITHIN GROUP"
                          " (ORDER BY temperature), percentile_cont(0.99)",
    };
    for (int a = 0; a < AGGREGATE_COUNT; a++) {
        struct history_shape shape = {.metrics =
                                          BIT(temperature) | BIT(power_draw),
                                      .stepped = true,
                                      .aggregate = (enum aggregate)a};
        const char *sql = sql_of(&shape);
        if (strstr(sql, expected[a]) == NULL)
            fail_msg("%s: no \"%s\" in: %s", aggregate_names[a], expected[a],
                     sql);
    }
}

static void steps_are_bounded_by_the_newest(void **state)
{
    (void)state;
    struct history_shape shape = {.metrics = BIT(xid), .stepped = true};
    const char *sql = sql_of(&shape);
    assert_non_null(strstr(sql, "AS newest FROM telemetry WHERE gpu_id = g.id"
                                " AND ts >= $2::timestamptz"
                                " AND ts <= $3::timestamptz"
                                " ORDER BY ts DESC LIMIT 1) f"));
    assert_non_null(strstr(sql, "AND ts >= f.newest - $6::bigint * interval"
                                " '1 microsecond' GROUP BY step"
                                " ORDER BY step DESC LIMIT $4::bigint) t"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_selected_is_fetched),
        cmocka_unit_test(each_aggregate_is_applied_to_each_column),
        cmocka_unit_test(steps_are_bounded_by_the_newest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
