#include "agents/collector/database.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/pg.h"
#include "lib/service.h"

#define RECONNECT_NS (500 * NS_PER_MS)

/* PostgreSQL's notices ("relation exists, skipping") are no news here. */
static void ignore_notice(void *arg, const PGresult *result)
{
    (void)arg, (void)result;
}

PGconn *db_connect(const char *conninfo, struct errmsg *err)
{
    PGconn *conn = PQconnectdb(conninfo);
    if (PQstatus(conn) != CONNECTION_OK) {
        pg_error(conn, err, "the database does not answer");
        PQfinish(conn);
        return NULL;
    }
    PQsetNoticeReceiver(conn, ignore_notice, NULL);
    return conn;
}

PGconn *db_connect_waiting(const char *conninfo)
{
    struct errmsg err;
    bool told = false;
    do {
        PGconn *conn = db_connect(conninfo, &err);
        if (conn != NULL)
            return conn;
        if (!told)
            log_warn("waiting for the database", LOG_STR("error", err.text));
        told = true;
    } while (!service_wait_stop(RECONNECT_NS));
    return NULL;
}

/* Whether the rows themselves are at fault: SQLSTATE class 22 (data exception)
 * and 23 (constraint), but for 23514, the answer to a row whose partition
 * another collector has dropped meanwhile. Everything else (a read-only
 * database, a full disk, a missing grant or table, a restart) is the
 * database's, and once that is mended the same rows are taken. */
static bool blames_data(const char *state)
{
    return strncmp(state, "22", 2) == 0 ||
           (strncmp(state, "23", 2) == 0 && strcmp(state, "23514") != 0);
}

enum db_result db_failure(PGconn *conn, PGresult *result, struct errmsg *err)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    enum db_result kind = DB_RETRY;
    if (PQstatus(conn) == CONNECTION_OK && state != NULL && blames_data(state))
        kind = strcmp(state, "23505") == 0 ? DB_CONFLICT : DB_REFUSED;
    pg_error(conn, err, "database");
    PQclear(result);
    return kind;
}

enum db_result db_exec(PGconn *conn, const char *sql, struct errmsg *err)
{
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK &&
        PQresultStatus(result) != PGRES_TUPLES_OK)
        return db_failure(conn, result, err);
    PQclear(result);
    return DB_OK;
}

enum db_result db_query(PGconn *conn, const char *sql, int count,
                        const char *const *params, PGresult **rows,
                        struct errmsg *err)
{
    *rows = PQexecParams(conn, sql, count, NULL, params, NULL, NULL, 0);
    if (PQresultStatus(*rows) == PGRES_TUPLES_OK ||
        PQresultStatus(*rows) == PGRES_COMMAND_OK)
        return DB_OK;
    enum db_result kind = db_failure(conn, *rows, err);
    *rows = NULL;
    return kind;
}
