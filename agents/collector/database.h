/* database: one connection to PostgreSQL, used by one thread, that comes back.
 */
#ifndef NEXUS_COLLECTOR_DATABASE_H
#define NEXUS_COLLECTOR_DATABASE_H

#include <libpq-fe.h>

#include "lib/errmsg.h"

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

/* Runs statements that return no rows. */
enum db_result db_exec(PGconn *conn, const char *sql, struct errmsg *err);

/* Runs one statement with text parameters. *rows is the caller's to PQclear
 * (NULL unless DB_OK). */
enum db_result db_query(PGconn *conn, const char *sql, int count,
                        const char *const *params, PGresult **rows,
                        struct errmsg *err);

/* What a failed result means; clears it. */
enum db_result db_failure(PGconn *conn, PGresult *result, struct errmsg *err);

#endif
