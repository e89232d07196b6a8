#include "agents/collector/sink.h"

#include "agents/collector/collector.h"

/* After a conflict, how many batches are merged before copying is tried. */
#define MERGES_AFTER_CONFLICT 16

void sink_fini(struct sink *s)
{
    buf_fini(&s->sql);
    buf_fini(&s->copy);
}

static enum db_result end_copy(struct sink *s, struct errmsg *err)
{
    enum db_result rc = DB_OK;
    PGresult *result;
    while ((result = PQgetResult(s->conn)) != NULL) {
        if (PQresultStatus(result) == PGRES_COMMAND_OK)
            PQclear(result);
        else
            rc = db_failure(s->conn, result, err);
    }
    return rc;
}

/* COPY table (columns of the batch) FROM STDIN. */
static enum db_result copy_into(struct sink *s, const char *table,
                                const struct batch *b, struct errmsg *err)
{
    buf_reset(&s->sql);
    buf_printf(&s->sql, "COPY %s (", table);
    batch_append_columns(b, &s->sql);
    buf_append_text(&s->sql, ") FROM STDIN (FORMAT binary)");
    PGresult *begin = PQexec(s->conn, buf_text(&s->sql));
    if (PQresultStatus(begin) != PGRES_COPY_IN)
        return db_failure(s->conn, begin, err);
    PQclear(begin);
    buf_reset(&s->copy);
    batch_append_copy(b, &s->copy);
    if (PQputCopyData(s->conn, s->copy.data, (int)s->copy.len) != 1 ||
        PQputCopyEnd(s->conn, NULL) != 1) {
        pg_error(s->conn, err, "database");
        return DB_RETRY;
    }
    return end_copy(s, err);
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

/* The value of the sample that is later in the stream, or the only one. */
static void append_merged_column(struct buf *sql, const char *name)
{
    buf_printf(sql,
               ", %s = CASE WHEN EXCLUDED.revision >= t.revision "
               "THEN COALESCE(EXCLUDED.%s, t.%s) "
               "ELSE COALESCE(t.%s, EXCLUDED.%s) END",
               name, name, name, name, name);
}

static void append_merged_extra(struct buf *sql)
{
    buf_append_text(
        sql, ", extra = CASE WHEN EXCLUDED.revision >= t.revision "
             "THEN COALESCE(t.extra || EXCLUDED.extra, EXCLUDED.extra, t.extra)"
             " ELSE COALESCE(EXCLUDED.extra || t.extra, t.extra, "
             "EXCLUDED.extra) END");
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
    if (b->has_extra)
        append_merged_extra(sql);
    for (int m = 0; m < METRIC_COUNT; m++)
        if ((b->metrics >> m & 1) != 0)
            append_merged_column(sql, metric_catalogue[m].name.p);
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
        PQclear(PQexec(s->conn, "ROLLBACK"));
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
