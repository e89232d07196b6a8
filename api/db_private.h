/* db_private: what the files of the pool share. */
#ifndef NEXUS_API_DB_PRIVATE_H
#define NEXUS_API_DB_PRIVATE_H

#include "api/db.h"
#include "lib/clock.h"

#define DB_BACKOFF_MIN_NS (100 * NS_PER_MS) /* the pause after a failure … */
#define DB_BACKOFF_MAX_NS (5 * NS_PER_S)    /* … doubles up to this */
#define DB_CONNECT_NS     (5 * NS_PER_S)    /* for a connection to be ready */
#define DB_PING_NS        (2 * NS_PER_S) /* an idle one is asked this often */
#define DB_QUICK_NS \
    (1500 * NS_PER_US) /* to wait behind others of one's
                                                statement is worth it */

#define DB_MADE_MAX (DB_STATEMENTS_MAX - DB_MADE_SLOT)

struct db_conn;

/* A statement made at run time, in slot DB_MADE_SLOT + its index; or, where all
 * slots are in use, without one: then it is not prepared, and goes with its
 * query. */
struct db_made {
    struct db_statement statement; /* first: a query points here */
    char *sql;
    uint64_t hash;
    uint64_t used; /* when last, by count of uses */
    uint32_t refs; /* queries that have it */
};

struct db_query {
    struct db_query *next;          /* on the queue or its connection */
    struct db_query *older, *newer; /* among all that are open */
    struct db_conn *conn;           /* NULL while it waits */
    const struct db_statement *statement;
    int64_t started_ns;
    db_done done; /* NULL once called: the answer will be dropped */
    void *arg;
    bool preparing; /* a Prepare went ahead of it */
    int parts;      /* of its answer, that are yet to come */
    int param_count;
    const char *values[DB_PARAMS_MAX];
    int lengths[DB_PARAMS_MAX];
    PGresult *result; /* until the answer is whole */
    char bytes[];     /* what values point to */
};

struct query_list {
    struct db_query *first, *last;
    size_t count;
};

enum db_conn_state {
    DB_CONN_PAUSED,     /* waits for the timer before it tries again */
    DB_CONN_CONNECTING, /* libpq connects; the timer is its limit */
    DB_CONN_READY,      /* takes queries; the timer is the next ping */
};

struct db_conn {
    struct db *db;
    enum db_conn_state state;
    PGconn *pg;
    struct http_watch *watch;
    struct http_timer *timer;
    int64_t backoff_ns;
    int64_t progress_ns; /* when the server last answered, or had nothing to */
    int64_t answer_ns;   /* that an answer takes, smoothed */
    struct query_list sent;  /* in the order the answers come */
    bool unsynced;           /* the last of them is not followed by a sync */
    struct http_timer *turn; /* sends it */
    /* By slot: 0: nothing is prepared; else the version there, and 1. */
    uint32_t prepared[DB_STATEMENTS_MAX];
};

struct db {
    struct http_server *server;
    struct db_config config;
    char *conninfo;
    struct db_conn conns[DB_CONNECTIONS_MAX];
    struct db_made *made[DB_MADE_MAX]; /* NULL: the slot is free */
    uint64_t uses;
    uint32_t versions;
    struct query_list queue;
    struct query_list refused;        /* to be told so */
    struct db_query *oldest, *newest; /* open, by deadline */
    struct http_timer *deadline;      /* of the oldest */
    struct http_timer *refuse;
    struct errmsg trouble; /* why the last connection was lost or not made */
};

/* db.c */
void query_list_append(struct query_list *list, struct db_query *q);
struct db_query *query_list_take(struct query_list *list);
void db_query_finish(struct db *db, struct db_query *q, enum db_outcome outcome,
                     const PGresult *result);
void db_query_free(struct db_query *q);
void db_query_retry(struct db *db, struct db_query *q);
void db_requeue(struct db *db, struct query_list *sent);
void db_pump(struct db *db);

/* db_made.c */
void db_made_ref(const struct db_statement *statement);
void db_made_unref(const struct db_statement *statement);
void db_made_fini(struct db *db);

/* db_conn.c */
void db_conn_init(struct db_conn *conn, struct db *db);
void db_conn_fini(struct db_conn *conn);
void db_conn_send(struct db_conn *conn, struct db_query *q);
bool db_conn_is_quick(const struct db_conn *conn, const struct db_query *q);
bool db_conn_may_join(const struct db_conn *conn, const struct db_query *q);

/* A query on it has waited too long: is the server silent altogether? */
void db_conn_check_stuck(struct db_conn *conn);

/* db_value.c */
size_t db_param_size(const struct db_param *param);
char *db_param_write(const struct db_param *param, char *out);

#endif
