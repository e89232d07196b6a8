#include "agents/collector/sink.h"

#include "agents/collector/collector.h"

/* After a conflict, how many batches are merged before copying is tried. */
#define MERGES_AFTER_CONFLICT 16

void sink_fini(struct sink *s)
{
    buf_fini(&s->sql);
    buf_fini(&s->copy);
}

/* COPY table (columns of the batch) FROM STDIN. */
static enum db_result copy_into(struct sink *s, const char *table,
                                const struct batch *b, struct errmsg *err)
{
    buf_reset(&s->sql);
    buf_printf(&s->sql, "COPY %s (", table);
    batch_append_columns(b, &s->sql);
    buf_append_text(&s->sql, ") FROM STDIN (FORMAT binary)");
    buf_reset(&s->copy);
    batch_append_copy(b, &s->copy);
    return db_copy(s->conn, buf_text(&s->sql), buf_str(&s->copy), err);
}

/* A single COPY is a transaction of its own. */
static enum db_result copy_new(struct sink *s, const struct batch *b,
                               struct errmsg *err)
{
    enum db_result rc = copy_into(s, "telemetry", b, err);
    if (rc == DB_OK)
        stat_add(&collector_stats[STAT_BATCHES_COPIED], 1);
    return rc;
}

/* ---- merging: what the stream has later wins, value by value ---- */

static bool in_batch(const struct batch *b, int m)
{
    return (b->metrics >> m & 1) != 0;
}

/* One of the two rows that meet. */
struct side {
    const char *row;       /* "t" or "EXCLUDED" */
    const char *revisions; /* its column, or "NULL" */
};

static const struct side there = {"t", "t.revisions"};

static struct side excluded(const struct batch *b)
{
    return (struct side){"EXCLUDED",
                         b->has_revisions ? "EXCLUDED.revisions" : "NULL"};
}

/* The revision of the side's value `name`; NULL where it has none. */
static void append_value_revision(struct buf *sql, struct side side,
                                  const char *name)
{
    buf_printf(sql,
               "CASE WHEN %s.%s IS NOT NULL THEN revision_of(%s, '%s', "
               "%s.revision) END",
               side.row, name, side.revisions, name, side.row);
}

static void append_merged_metric(struct buf *sql, const struct batch *b,
                                 const char *name)
{
    buf_printf(sql, ", %s = CASE WHEN t.%s IS NULL OR ", name, name);
    append_value_revision(sql, excluded(b), name);
    buf_append_text(sql, " >= ");
    append_value_revision(sql, there, name);
    buf_printf(sql, " THEN EXCLUDED.%s ELSE t.%s END", name, name);
}

/* GREATEST leaves nulls out. */
static void append_merged_metric_revision(struct buf *sql,
                                          const struct batch *b, int m)
{
    const char *name = metric_catalogue[m].name.p;
    buf_printf(sql, "'%s', GREATEST(", name);
    append_value_revision(sql, there, name);
    if (in_batch(b, m)) {
        buf_append_text(sql, ", ");
        append_value_revision(sql, excluded(b), name);
    }
    buf_append_byte(sql, ')');
}

/* Extra metrics of both rows, each name once, with its newest revision. */
static void append_newest_extra(struct buf *sql, const struct batch *b)
{
    buf_append_text(sql, "(SELECT DISTINCT ON (name) name, value, revision "
                         "FROM (SELECT * FROM extra_entries(t.extra, "
                         "t.revisions, t.revision)");
    if (b->has_extra)
        buf_printf(sql,
                   " UNION ALL SELECT * FROM extra_entries(EXCLUDED.extra, "
                   "%s, EXCLUDED.revision)",
                   excluded(b).revisions);
    buf_append_text(sql, ") AS both_rows ORDER BY name, revision DESC) AS "
                         "newest");
}

/* A function takes 100 arguments at most. */
#define METRICS_AN_OBJECT 40

static void append_merged_revisions(struct buf *sql, const struct batch *b)
{
    buf_append_text(sql, ", revisions = COALESCE((SELECT "
                         "jsonb_object_agg('extra.' || name, revision) FROM ");
    append_newest_extra(sql, b);
    buf_append_text(sql, "), '{}')");
    for (int m = 0; m < METRIC_COUNT; m++) {
        buf_append_text(sql, m % METRICS_AN_OBJECT > 0
                                 ? ", "
                                 : " || jsonb_strip_nulls(jsonb_build_object(");
        append_merged_metric_revision(sql, b, m);
        if (m % METRICS_AN_OBJECT == METRICS_AN_OBJECT - 1 ||
            m == METRIC_COUNT - 1)
            buf_append_text(sql, "))");
    }
}

static void append_merge_sql(const struct batch *b, struct buf *sql)
{
    buf_append_text(sql, "INSERT INTO telemetry AS t (");
    batch_append_columns(b, sql);
    buf_append_text(sql, ") SELECT ");
    batch_append_columns(b, sql);
    buf_append_text(sql, " FROM stage ORDER BY gpu_id, ts "
                         "ON CONFLICT (gpu_id, ts) DO UPDATE SET "
                         "revision = GREATEST(t.revision, EXCLUDED.revision)");
    append_merged_revisions(sql, b);
    for (int m = 0; m < METRIC_COUNT; m++)
        if (in_batch(b, m))
            append_merged_metric(sql, b, metric_catalogue[m].name.p);
    if (!b->has_extra)
        return;
    buf_append_text(sql, ", extra = (SELECT jsonb_object_agg(name, value) "
                         "FROM ");
    append_newest_extra(sql, b);
    buf_append_byte(sql, ')');
}

static enum db_result merge_steps(struct sink *s, const struct batch *b,
                                  struct errmsg *err)
{
    enum db_result rc = db_exec(s->conn,
                                "BEGIN; CREATE TEMP TABLE IF NOT EXISTS stage "
                                "(LIKE telemetry) ON COMMIT DELETE ROWS",
                                err);
    if (rc == DB_OK)
        rc = copy_into(s, "stage", b, err);
    if (rc != DB_OK)
        return rc;
    buf_reset(&s->sql);
    append_merge_sql(b, &s->sql);
    rc = db_exec(s->conn, buf_text(&s->sql), err);
    return rc == DB_OK ? db_exec(s->conn, "COMMIT", err) : rc;
}

static enum db_result merge(struct sink *s, const struct batch *b,
                            struct errmsg *err)
{
    enum db_result rc = merge_steps(s, b, err);
    if (rc == DB_OK)
        stat_add(&collector_stats[STAT_BATCHES_MERGED], 1);
    else
        db_rollback(s->conn);
    return rc;
}

enum db_result sink_write(struct sink *s, const struct batch *b,
                          struct errmsg *err)
{
    if (b->count == 0)
        return DB_OK;
    if (s->merges_due == 0) {
        enum db_result rc = copy_new(s, b, err);
        if (rc != DB_CONFLICT)
            return rc;
        s->merges_due = MERGES_AFTER_CONFLICT;
    }
    s->merges_due--;
    enum db_result rc = merge(s, b, err);
    return rc == DB_CONFLICT ? DB_RETRY : rc;
}
