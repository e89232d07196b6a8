/* database: one connection to PostgreSQL, used by one thread, that comes back.
 */
#ifndef NEXUS_COLLECTOR_DATABASE_H
#define NEXUS_COLLECTOR_DATABASE_H

#include <libpq-fe.h>

#include "lib/clock.h"
#include "lib/errmsg.h"
#include "lib/str.h"

/* How a statement ended, as far as the caller goes on differently. */
enum db_result {
    DB_OK,
    DB_CONFLICT, /* unique_violation: the row is there already */
    DB_RETRY,    /* the database is at fault: later, the same works */
    DB_REFUSED   /* the rows are at fault: they never will be taken */
};

/* Connects; NULL with *err. */
PGconn *db_connect(const char *conninfo, struct errmsg *err);

/* Connects and tries again, saying why, until it succeeds; NULL when the
 * service stops meanwhile. */
PGconn *db_connect_waiting(const char *conninfo);

/* A database that says nothing for DB_ANSWER_MAX_NS, or DB_STOP_MAX_NS once the
 * service stops, is given up: the connection ends, the statement with it. */
#define DB_ANSWER_MAX_NS (120 * NS_PER_S)
#define DB_STOP_MAX_NS   (5 * NS_PER_S)

/* Runs statements that return no rows. */
enum db_result db_exec(PGconn *conn, const char *sql, struct errmsg *err);

/* Runs one statement with text parameters. *rows is the caller's to PQclear
 * (NULL unless DB_OK). */
enum db_result db_query(PGconn *conn, const char *sql, int count,
                        const char *const *params, PGresult **rows,
                        struct errmsg *err);

/* Ends a transaction that failed. */
void db_rollback(PGconn *conn);

/* Sends what a COPY … FROM STDIN takes, all of it, and ends it. `copy` is that
 * statement. */
enum db_result db_copy(PGconn *conn, const char *copy, struct str data,
                       struct errmsg *err);

#endif
