#include "agents/collector/partition.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/timestamp.h"

#define DAY_NS       (86400 * NS_PER_S)
#define NAME_MAX_LEN 32

/* Days since 1970, ascending. */
struct partitions {
    pthread_mutex_t lock;
    int64_t days[PARTITIONS_MAX];
    int count;
};

struct partitions *partitions_new(void)
{
    struct partitions *p = mem_zalloc(sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    return p;
}

void partitions_free(struct partitions **pp)
{
    if (*pp == NULL)
        return;
    pthread_mutex_destroy(&(*pp)->lock);
    free(*pp);
    *pp = NULL;
}

static int compare_days(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool known(const struct partitions *p, int64_t day)
{
    return bsearch(&day, p->days, (size_t)p->count, sizeof day, compare_days) !=
           NULL;
}

static void add_day(struct partitions *p, int64_t day)
{
    int at = p->count++;
    for (; at > 0 && p->days[at - 1] > day; at--)
        p->days[at] = p->days[at - 1];
    p->days[at] = day;
}

/* "telemetry_20250718" */
static void name_of(int64_t day, char out[NAME_MAX_LEN])
{
    char date[TIMESTAMP_MAX];
    timestamp_format(day * DAY_NS, 0, date);
    snprintf(out, NAME_MAX_LEN, "telemetry_%.4s%.2s%.2s", date, date + 5,
             date + 8);
}

/* Making the table first and attaching it then does not lock readers out of
 * telemetry, as CREATE TABLE … PARTITION OF would. The lock keeps collectors
 * apart that see the same new day at once. */
static enum db_result create(PGconn *conn, int64_t day, struct errmsg *err)
{
    char name[NAME_MAX_LEN], from[TIMESTAMP_MAX], to[TIMESTAMP_MAX];
    name_of(day, name);
    timestamp_format(day * DAY_NS, 0, from);
    timestamp_format((day + 1) * DAY_NS, 0, to);
    char sql[1024];
    snprintf(sql, sizeof sql,
             "DO $$ BEGIN PERFORM pg_advisory_xact_lock(7305837); "
             "IF to_regclass('%s') IS NULL THEN "
             "CREATE TABLE %s (LIKE telemetry INCLUDING DEFAULTS INCLUDING "
             "INDEXES); "
             "ALTER TABLE telemetry ATTACH PARTITION %s FOR VALUES FROM "
             "('%s') TO ('%s'); END IF; END $$",
             name, name, name, from, to);
    return db_exec(conn, sql, err);
}

/* How many there are in the database: other collectors make some, too. */
static enum db_result count_all(PGconn *conn, int *count, struct errmsg *err)
{
    PGresult *rows;
    enum db_result rc =
        db_query(conn,
                 "SELECT count(*) FROM pg_inherits WHERE inhparent = "
                 "'telemetry'::regclass",
                 0, NULL, &rows, err);
    if (rc == DB_OK)
        *count = atoi(PQgetvalue(rows, 0, 0));
    PQclear(rows);
    return rc;
}

static enum db_result create_within_limit(struct partitions *p, PGconn *conn,
                                          int64_t day, struct errmsg *err)
{
    int count = 0;
    enum db_result rc = count_all(conn, &count, err);
    if (rc == DB_OK &&
        (count >= PARTITIONS_MAX || p->count >= PARTITIONS_MAX)) {
        errmsg_set(err, 0, "telemetry has %d days already, the most allowed",
                   count);
        return DB_REFUSED;
    }
    if (rc == DB_OK)
        rc = create(conn, day, err);
    if (rc == DB_OK)
        add_day(p, day);
    return rc;
}

enum db_result partitions_ensure(struct partitions *p, PGconn *conn,
                                 int64_t ts_ns, struct errmsg *err)
{
    int64_t day = ts_ns / DAY_NS;
    pthread_mutex_lock(&p->lock);
    enum db_result rc =
        known(p, day) ? DB_OK : create_within_limit(p, conn, day, err);
    pthread_mutex_unlock(&p->lock);
    return rc;
}

void partitions_forget(struct partitions *p)
{
    pthread_mutex_lock(&p->lock);
    p->count = 0;
    pthread_mutex_unlock(&p->lock);
}

static enum db_result drop_rows(PGconn *conn, PGresult *rows, int *dropped,
                                struct errmsg *err)
{
    enum db_result rc = DB_OK;
    for (int i = 0; i < PQntuples(rows) && rc == DB_OK; i++) {
        char sql[256];
        snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS %s",
                 PQgetvalue(rows, i, 0));
        rc = db_exec(conn, sql, err);
        if (rc != DB_OK)
            break;
        ++*dropped;
        log_info("dropped a day past the retention",
                 LOG_STR("partition", PQgetvalue(rows, i, 0)));
    }
    return rc;
}

enum db_result partitions_drop_before(struct partitions *p, PGconn *conn,
                                      int64_t horizon_ns, int *dropped,
                                      struct errmsg *err)
{
    *dropped = 0;
    char before[NAME_MAX_LEN];
    name_of(horizon_ns / DAY_NS, before);
    PGresult *rows;
    enum db_result rc = db_query(
        conn,
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = "
        "i.inhrelid WHERE i.inhparent = 'telemetry'::regclass AND c.relname < "
        "$1 ORDER BY 1",
        1, (const char *const[]){before}, &rows, err);
    if (rc == DB_OK)
        rc = drop_rows(conn, rows, dropped, err);
    PQclear(rows);
    if (*dropped > 0)
        partitions_forget(p);
    return rc;
}
