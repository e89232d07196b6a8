/* history_sql: see the header. */
#include "api/graphql/telemetry/history_sql.h"

#include "lib/metric.h"

const char *const aggregate_names[AGGREGATE_COUNT] = {
    "AVG", "MIN", "MAX", "SUM", "FIRST", "LAST", "P50", "P95", "P99"};

/* %s: the column. */
static const char *const expressions[AGGREGATE_COUNT] = {
    [AGGREGATE_AVG] = "avg(%s)",
    [AGGREGATE_MIN] = "min(%s)",
    [AGGREGATE_MAX] = "max(%s)",
    [AGGREGATE_SUM] = "sum(%s)",
    [AGGREGATE_FIRST] =
        "(array_agg(%s ORDER BY ts) FILTER (WHERE %s IS NOT NULL))[1]",
    [AGGREGATE_LAST] =
        "(array_agg(%s ORDER BY ts DESC) FILTER (WHERE %s IS NOT NULL))[1]",
    [AGGREGATE_P50] = "percentile_cont(0.5) WITHIN GROUP (ORDER BY %s)",
    [AGGREGATE_P95] = "percentile_cont(0.95) WITHIN GROUP (ORDER BY %s)",
    [AGGREGATE_P99] = "percentile_cont(0.99) WITHIN GROUP (ORDER BY %s)",
};

/* An expression with the column's name in all its places. */
static void expression_append(struct buf *out, const char *format,
                              struct str column)
{
    for (const char *p = format; *p != '\0'; p++)
        if (p[0] == '%' && p[1] == 's') {
            buf_append_str(out, column);
            p++;
        } else {
            buf_append_byte(out, *p);
        }
}

static void columns_append(struct buf *out, const struct history_shape *shape)
{
    for (int m = 0; m < METRIC_COUNT; m++) {
        struct str name = metric_catalogue[m].name;
        if ((shape->metrics >> m & 1) == 0)
            continue;
        buf_append_text(out, ", ");
        if (shape->stepped)
            expression_append(out, expressions[shape->aggregate], name);
        else
            buf_append_str(out, name);
    }
}

#define ONE_GPU "SELECT id FROM gpu WHERE uuid = ($1::text[])[1]"

/* Whose samples; what is read of each of them follows. */
static void gpus_append(struct buf *out, const struct history_shape *shape)
{
    buf_append_text(out, shape->many ? "SELECT u.n, t.* FROM unnest($1::text[])"
                                       " WITH ORDINALITY u (uuid, n)"
                                       " JOIN gpu g ON g.uuid = u.uuid"
                                     : "SELECT t.* FROM (" ONE_GPU ") g");
    buf_append_text(out, " CROSS JOIN LATERAL (");
}

#define RANGE_OF(gpu)                     \
    " FROM telemetry WHERE gpu_id = " gpu \
    " AND ts >= $2::timestamptz AND ts <= $3::timestamptz"
#define RANGE  RANGE_OF("g.id")
#define NEWEST " ORDER BY ts DESC LIMIT $4::bigint"

static void sample_columns_append(struct buf *out,
                                  const struct history_shape *shape)
{
    buf_append_text(out, "SELECT ts");
    if (shape->extra)
        buf_append_text(out, ", extra");
    columns_append(out, shape);
}

/* The partitions are in order of time, so the newest one is read first, and no
 * further one once there are enough rows. Of one GPU that needs no join, which
 * would be a fifth of the statement's time. */
static void samples_append(struct buf *out, const struct history_shape *shape)
{
    if (shape->many)
        gpus_append(out, shape);
    sample_columns_append(out, shape);
    buf_append_text(out, shape->many ? RANGE NEWEST ") t"
                                     : RANGE_OF("(" ONE_GPU ")") NEWEST);
}

#define STEP       "$5::bigint * interval '1 microsecond'"
#define STEP_OF_TS "date_bin(" STEP ", ts, timestamptz 'epoch')"

/* Steps are counted back from the newest one with a sample, so that what is
 * read is bounded, however long the history is. */
static void steps_append(struct buf *out, const struct history_shape *shape)
{
    gpus_append(out, shape);
    buf_append_text(out, "SELECT " STEP_OF_TS " AS newest" RANGE
                         " ORDER BY ts DESC LIMIT 1) f CROSS JOIN LATERAL ("
                         "SELECT " STEP_OF_TS " AS step, count(*)");
    columns_append(out, shape);
    buf_append_text(out, RANGE " AND ts >= f.newest"
                               " - $6::bigint * interval '1 microsecond'"
                               " GROUP BY step ORDER BY step DESC"
                               " LIMIT $4::bigint) t");
}

void history_sql_append(struct buf *out, const struct history_shape *shape)
{
    if (shape->stepped)
        steps_append(out, shape);
    else
        samples_append(out, shape);
}
