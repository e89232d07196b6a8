/* db: PostgreSQL that never blocks the loop.
 *
 * A small pool of libpq connections in pipeline mode, watched on the HTTP
 * server's loop. Several queries are on their way on each at a time; what does
 * not fit waits in one queue. A query follows others of its statement where
 * they are answered so quickly that it will hardly wait, else it goes to the
 * connection with the least to do: few busy servers answer sooner than many
 * that share the processors, and a slow query holds up nobody for long. Statements are prepared on a connection when it first needs them, and
 * results are binary. A statement's text is part of the program, or made while
 * it runs (db_statement_made); of those the ones used last stay prepared.
 *
 * A connection that is lost, or that has answered nothing for the time a query
 * may take, is made anew, with growing pauses; the queries it had are sent
 * again elsewhere. So what writes must be written such that doing it twice is
 * doing it once. While libpq connects it resolves the
 * server's name by itself: that alone can hold the loop up, and an address in
 * place of a name avoids it. */
#ifndef NEXUS_API_DB_H
#define NEXUS_API_DB_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/errmsg.h"
#include "lib/http.h"
#include "lib/stats.h"
#include "lib/str.h"

#define DB_PARAMS_MAX      8  /* of a statement */
#define DB_STATEMENTS_MAX  64 /* a connection keeps apart: */
#define DB_MADE_SLOT       16 /* from this slot on, those made at run time */
#define DB_CONNECTIONS_MAX 32
#define DB_PIPELINE_MAX    16 /* queries on their way on one connection */

/* How a query ended. */
enum db_outcome {
    DB_OK,
    DB_TIMEOUT, /* no answer within the time */
    DB_FULL,    /* the queue was full */
    DB_ABSENT,  /* a table or column is not there (yet) */
    DB_FAILED,  /* the server refused it, or the pool was closed */
    DB_OUTCOMES
};

struct db_stats {
    struct statistic *outcomes[DB_OUTCOMES]; /* counters */
    struct statistic *seconds;               /* histogram, waiting included */
    struct statistic *ready;                 /* gauges: connections … */
    struct statistic *connecting;
    struct statistic *queued; /* … and queries */
    struct statistic *in_flight;
};

struct db_config {
    const char *conninfo;
    int connections;
    int64_t queue_max;  /* queries that wait for a connection */
    int64_t timeout_ns; /* of a query, its wait included */
    struct db_stats stats;
};

/* A query's text, once for the whole run. slot is its own number below
 * DB_MADE_SLOT. */
struct db_statement {
    int slot;
    uint32_t version; /* of what the slot holds; 0 where it never changes */
    bool changes;     /* something: what it did must not be undone by others */
    const char *name;
    const char *sql; /* parameters carry their types: $1::text */
};

struct db_param {
    enum {
        DB_TEXT, /* text */
        DB_INT,  /* bigint */
        DB_TIME, /* timestamptz */
        DB_TEXTS /* text[] */
    } type;
    bool null;               /* whatever the type */
    struct str text;         /* DB_TEXT */
    int64_t number;          /* DB_INT; DB_TIME: nanoseconds, DB_TIME_MIN or
                               DB_TIME_MAX */
    const struct str *texts; /* DB_TEXTS */
    uint32_t count;
};

/* PostgreSQL's -infinity and infinity. */
#define DB_TIME_MIN INT64_MIN
#define DB_TIME_MAX INT64_MAX

/* Called once, on the loop; never from inside db_query. result is NULL unless
 * outcome is DB_OK, and gone when done returns. */
typedef void (*db_done)(enum db_outcome outcome, const PGresult *result,
                        void *arg);

struct db;

/* Starts connecting; queries may be handed in at once. */
struct db *db_new(struct http_server *server, const struct db_config *config);

/* Ends what is still open with DB_FAILED. */
void db_free(struct db **db);

/* The statement of a text that is made at run time: the same text gives the
 * same one. name (borrowed for good) is for log lines. It is the pool's, and to
 * be used before the next one is made. */
const struct db_statement *db_statement_made(struct db *db, const char *name,
                                             struct str sql);

/* Copies params. */
void db_query(struct db *db, const struct db_statement *statement,
              const struct db_param *params, int count, db_done done,
              void *arg);

/* True when a connection is ready; else *why says what is wrong. */
bool db_check(const struct db *db, struct errmsg *why);

/* Sets the gauges. */
void db_refresh_stats(struct db *db);

/* ---- values of a binary result ---- */

bool db_is_null(const PGresult *result, int row, int column);
struct str db_str(const PGresult *result, int row, int column);
int64_t db_i64(const PGresult *result, int row, int column); /* bigint */
double db_double(const PGresult *result, int row, int column);
/* For many of them: false, and 0, where it is null. */
bool db_take_double(const PGresult *result, int row, int column, double *value);
int64_t db_time(const PGresult *result, int row, int column); /* ns */

#endif
