#include "agents/collector/migrate.h"

#include <errno.h>
#include <stdio.h>

#include "agents/collector/database.h"
#include "lib/buf.h"
#include "lib/log.h"
#include "lib/metric.h"

/* Any number will do, as long as all collectors use the same. */
#define LOCK_SQL   "SELECT pg_advisory_lock(7305836)"
#define UNLOCK_SQL "SELECT pg_advisory_unlock(7305836)"

static const struct migration {
    const char *name;
    const char *sql;
} migrations[] = {
#include "migrations.inc"
};
#define MIGRATION_COUNT (sizeof migrations / sizeof *migrations)

static int as_errno(enum db_result result)
{
    return result == DB_OK ? 0 : result == DB_RETRY ? -EAGAIN : -EINVAL;
}

static enum db_result is_applied(PGconn *conn, const char *name, bool *applied,
                                 struct errmsg *err)
{
    PGresult *rows;
    enum db_result rc =
        db_query(conn, "SELECT 1 FROM schema_migrations WHERE name = $1", 1,
                 (const char *const[]){name}, &rows, err);
    if (rc == DB_OK)
        *applied = PQntuples(rows) > 0;
    PQclear(rows);
    return rc;
}

static enum db_result apply(PGconn *conn, const struct migration *m,
                            struct errmsg *err)
{
    struct buf sql = {0};
    buf_printf(&sql,
               "BEGIN;\n%s\nINSERT INTO schema_migrations (name) VALUES "
               "('%s');\nCOMMIT",
               m->sql, m->name);
    enum db_result rc = db_exec(conn, buf_text(&sql), err);
    buf_fini(&sql);
    if (rc != DB_OK) {
        db_rollback(conn);
        return rc;
    }
    log_info("schema changed", LOG_STR("migration", m->name));
    return DB_OK;
}

static enum db_result apply_missing(PGconn *conn, struct errmsg *err)
{
    enum db_result rc = db_exec(
        conn,
        "CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY, "
        "applied_at timestamptz NOT NULL DEFAULT now())",
        err);
    for (size_t i = 0; i < MIGRATION_COUNT && rc == DB_OK; i++) {
        bool applied = false;
        rc = is_applied(conn, migrations[i].name, &applied, err);
        if (rc == DB_OK && !applied)
            rc = apply(conn, &migrations[i], err);
    }
    return rc;
}

/* Asking first spares running systems ALTER TABLE's exclusive lock. */
static enum db_result add_metric_column(PGconn *conn, const char *name,
                                        struct errmsg *err)
{
    PGresult *rows;
    enum db_result rc = db_query(
        conn,
        "SELECT 1 FROM pg_attribute WHERE attrelid = 'telemetry'::regclass "
        "AND attname = $1 AND NOT attisdropped",
        1, (const char *const[]){name}, &rows, err);
    bool present = rc == DB_OK && PQntuples(rows) > 0;
    PQclear(rows);
    if (rc != DB_OK || present)
        return rc;
    char sql[256];
    snprintf(sql, sizeof sql,
             "ALTER TABLE telemetry ADD COLUMN IF NOT EXISTS %s double "
             "precision",
             name);
    return db_exec(conn, sql, err);
}

static enum db_result add_metric_columns(PGconn *conn, struct errmsg *err)
{
    enum db_result rc = DB_OK;
    for (int m = 0; m < METRIC_COUNT && rc == DB_OK; m++)
        rc = add_metric_column(conn, metric_catalogue[m].name.p, err);
    return rc;
}

int migrate(PGconn *conn, struct errmsg *err)
{
    enum db_result rc = db_exec(conn, LOCK_SQL, err);
    if (rc != DB_OK)
        return as_errno(rc);
    rc = apply_missing(conn, err);
    if (rc == DB_OK)
        rc = add_metric_columns(conn, err);
    struct errmsg ignored; /* a lost connection gives the lock up, too */
    (void)db_exec(conn, UNLOCK_SQL, &ignored);
    return as_errno(rc);
}
