#include "agents/collector/database.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

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
    PQsetnonblocking(conn, 1);
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

/* What a failed result means (NULL: none came); clears it. */
static enum db_result failure(PGconn *conn, PGresult *result,
                              struct errmsg *err)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    enum db_result kind = DB_RETRY;
    if (PQstatus(conn) == CONNECTION_OK && state != NULL && blames_data(state))
        kind = strcmp(state, "23505") == 0 ? DB_CONFLICT : DB_REFUSED;
    pg_error(conn, err, "database");
    PQclear(result);
    return kind;
}

/* ---- waiting, never for ever ---- */

/* Until the socket is ready; false when the database was silent for too long.
 * Then the connection is shut down, so that libpq finds it lost. */
static bool await_socket(PGconn *conn, short events)
{
    int64_t since = clock_mono_ns();
    for (;;) {
        bool stopping = service_stopping();
        int64_t most = stopping ? DB_STOP_MAX_NS : DB_ANSWER_MAX_NS;
        int64_t left = since + most - clock_mono_ns();
        if (left <= 0)
            break;
        struct pollfd fds[] = {
            {.fd = PQsocket(conn), .events = events},
            {.fd = stopping ? -1 : service_stop_fd(), .events = POLLIN},
        };
        poll(fds, 2, (int)(left / NS_PER_MS) + 1);
        if (fds[0].revents != 0)
            return true;
    }
    log_warn("the database does not answer; its connection is given up");
    shutdown(PQsocket(conn), SHUT_RDWR);
    return false;
}

/* What goes wrong here, the result says. */
static void flush(PGconn *conn)
{
    while (PQflush(conn) == 1)
        if (!await_socket(conn, POLLIN | POLLOUT) || !PQconsumeInput(conn))
            return;
}

static PGresult *next_result(PGconn *conn)
{
    while (PQisBusy(conn))
        if (!await_socket(conn, POLLIN) || !PQconsumeInput(conn))
            break; /* PQgetResult says so */
    return PQgetResult(conn);
}

static bool succeeded(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
           status == PGRES_COPY_IN;
}

/* Of what was sent: the first result that failed, or the last one. */
static PGresult *collect_results(PGconn *conn)
{
    PGresult *kept = NULL, *next;
    flush(conn);
    while ((next = next_result(conn)) != NULL) {
        if (kept != NULL && !succeeded(kept)) {
            PQclear(next);
            continue;
        }
        PQclear(kept);
        kept = next;
        if (PQresultStatus(kept) == PGRES_COPY_IN)
            break; /* it goes on once the data are there */
    }
    return kept;
}

/* ---- statements ---- */

enum db_result db_exec(PGconn *conn, const char *sql, struct errmsg *err)
{
    PGresult *result =
        PQsendQuery(conn, sql) == 1 ? collect_results(conn) : NULL;
    if (result == NULL || !succeeded(result))
        return failure(conn, result, err);
    PQclear(result);
    return DB_OK;
}

enum db_result db_query(PGconn *conn, const char *sql, int count,
                        const char *const *params, PGresult **rows,
                        struct errmsg *err)
{
    *rows = NULL;
    PGresult *result = NULL;
    if (PQsendQueryParams(conn, sql, count, NULL, params, NULL, NULL, 0) == 1)
        result = collect_results(conn);
    if (result == NULL || !succeeded(result))
        return failure(conn, result, err);
    *rows = result;
    return DB_OK;
}

void db_rollback(PGconn *conn)
{
    struct errmsg ignored; /* a lost connection has rolled back */
    (void)db_exec(conn, "ROLLBACK", &ignored);
}

enum db_result db_copy(PGconn *conn, const char *copy, struct str data,
                       struct errmsg *err)
{
    enum db_result rc = db_exec(conn, copy, err);
    if (rc != DB_OK)
        return rc;
    PGresult *result = NULL;
    if (PQputCopyData(conn, data.p, (int)data.len) == 1 &&
        PQputCopyEnd(conn, NULL) == 1)
        result = collect_results(conn);
    if (result == NULL || !succeeded(result))
        return failure(conn, result, err);
    PQclear(result);
    return DB_OK;
}
