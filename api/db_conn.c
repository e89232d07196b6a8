/* db_conn: one connection of the pool, a state machine.
 *
 *     PAUSED ──▶ CONNECTING ──▶ READY
 *        ▲───────────┴────────────┘  conn_lost
 *
 * In pipeline mode queries of one statement that are sent in one turn of the
 * loop share a sync, and so a transaction: that spares both sides calls and
 * wake-ups. The server answers in order:
 *
 *     ([result of Prepare [and Deallocate]] result-of-the-query)… sync
 *
 * One that fails takes those behind it in its transaction with it; they are sent
 * again. What changes something has a transaction of its own, and is answered
 * when that has been committed.
 */
#include "api/db_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/log.h"
#include "lib/mem.h"
#include "lib/pg.h"

static const struct db_statement ping = {
    .slot = 0, .name = "ping", .sql = "SELECT 1"};

/* The server gives a query up before the pool gives the connection up. Every
 * statement has one shape that suits all values, so it is planned once; and each
 * finds its rows by an index, which the planner would not believe of small
 * tables, nor of many rows, if it took pages in any order to be slow to read. */
static const struct db_statement setup = {
    .slot = 1,
    .changes = true,
    .name = "setup",
    .sql = "SELECT set_config('statement_timeout', $1::text, false),"
           " set_config('plan_cache_mode', 'force_generic_plan', false),"
           " set_config('jit', 'off', false),"
           " set_config('random_page_cost', '1.1', false)"};

static void conn_ready(int fd, int events, void *arg);
static void conn_timer(void *arg);
static void conn_turn(void *arg);
static void conn_ask(struct db_conn *conn, const struct db_statement *statement,
                     const char *value);

void db_conn_init(struct db_conn *conn, struct db *db)
{
    conn->db = db;
    conn->backoff_ns = DB_BACKOFF_MIN_NS;
    conn->timer = http_timer_new(db->server, conn_timer, conn);
    conn->turn = http_timer_new(db->server, conn_turn, conn);
    http_timer_set(conn->timer, 0); /* on the loop, not before it runs */
}

/* ---- losing it ---- */

static void conn_close(struct db_conn *conn)
{
    http_watch_free(&conn->watch);
    PQfinish(conn->pg);
    conn->pg = NULL;
    conn->unsynced = false;
    memset(conn->prepared, 0, sizeof conn->prepared);
    db_requeue(conn->db, &conn->sent);
}

/* Up to half of the pause is chance, so that many gateways do not come back in
 * step. */
static int64_t backoff_next(struct db_conn *conn)
{
    int64_t pause = conn->backoff_ns / 2 + random() % (conn->backoff_ns / 2);
    conn->backoff_ns = conn->backoff_ns * 2 < DB_BACKOFF_MAX_NS
                           ? conn->backoff_ns * 2
                           : DB_BACKOFF_MAX_NS;
    return pause;
}

/* Many attempts of many connections fail for one reason: that is one line. */
static void lost_log(const struct db_conn *conn, const struct errmsg *why)
{
    bool known = strcmp(conn->db->trouble.text, why->text) == 0;
    enum log_level level = known ? LOG_DEBUG : LOG_WARN;
    if (conn->state == DB_CONN_READY)
        log_warn("database connection lost", LOG_STR("reason", why->text),
                 LOG_I64("queries", conn->sent.count));
    else
        LOG_AT(level, "cannot connect to the database",
               LOG_STR("reason", why->text));
}

static void conn_lost(struct db_conn *conn, const struct errmsg *why)
{
    lost_log(conn, why);
    conn->db->trouble = *why;
    conn_close(conn);
    conn->state = DB_CONN_PAUSED;
    http_timer_set(conn->timer, backoff_next(conn));
}

static void conn_lost_pg(struct db_conn *conn, const char *doing)
{
    struct errmsg why;
    pg_error(conn->pg, &why, doing);
    conn_lost(conn, &why);
}

void db_conn_check_stuck(struct db_conn *conn)
{
    int64_t silent_ns = clock_mono_ns() - conn->progress_ns;
    if (conn->state != DB_CONN_READY || silent_ns < conn->db->config.timeout_ns)
        return;
    struct errmsg why;
    errmsg_set(&why, 0, "the database has not answered for %d ms",
               (int)(silent_ns / NS_PER_MS));
    conn_lost(conn, &why);
}

void db_conn_fini(struct db_conn *conn)
{
    conn_close(conn);
    http_timer_free(&conn->timer);
    http_timer_free(&conn->turn);
}

/* ---- sending ---- */

static void conn_flush(struct db_conn *conn)
{
    int rc = PQflush(conn->pg);
    if (rc < 0)
        conn_lost_pg(conn, "sending a query");
    else
        http_watch_set(conn->watch,
                       HTTP_READABLE | (rc > 0 ? HTTP_WRITABLE : 0));
}

static const int binary[DB_PARAMS_MAX] = {1, 1, 1, 1, 1, 1, 1, 1};

/* What a statement is called on a connection. */
static const char *prepared_name(int slot, uint32_t version, char out[32])
{
    snprintf(out, 32, "s%d_%u", slot, (unsigned)version);
    return out;
}

/* Prepares it in its slot; what was there before goes afterwards, so that the
 * first part of the answer tells of the new one. */
static bool pg_prepare(struct db_conn *conn, struct db_query *q)
{
    char name[32], sql[64];
    const struct db_statement *s = q->statement;
    uint32_t old = conn->prepared[s->slot];
    conn->prepared[s->slot] = s->version + 1;
    prepared_name(s->slot, s->version, name);
    q->parts++;
    if (PQsendPrepare(conn->pg, name, s->sql, 0, NULL) == 0)
        return false;
    if (old == 0)
        return true;
    q->parts++;
    snprintf(sql, sizeof sql, "DEALLOCATE %s",
             prepared_name(s->slot, old - 1, name));
    return PQsendQueryParams(conn->pg, sql, 0, NULL, NULL, NULL, NULL, 1) != 0;
}

static bool pg_send_prepared(struct db_conn *conn, struct db_query *q)
{
    const struct db_statement *s = q->statement;
    char name[32];
    q->preparing = conn->prepared[s->slot] != s->version + 1;
    if (q->preparing && !pg_prepare(conn, q))
        return false;
    return PQsendQueryPrepared(
               conn->pg, prepared_name(s->slot, s->version, name),
               q->param_count, q->values, q->lengths, binary, 1) != 0;
}

static bool pg_send_text(struct db_conn *conn, struct db_query *q)
{
    return PQsendQueryParams(conn->pg, q->statement->sql, q->param_count, NULL,
                             q->values, q->lengths, binary, 1) != 0;
}

static bool pg_send(struct db_conn *conn, struct db_query *q)
{
    q->parts = 1;
    return q->statement->slot >= 0 ? pg_send_prepared(conn, q)
                                   : pg_send_text(conn, q);
}

/* The sync is the last part of the answer to the query ahead of it. Where all
 * have been answered without, as much of what the server says at once fits a
 * message, there has to be one. */
static void conn_sync(struct db_conn *conn)
{
    if (!conn->unsynced)
        return;
    conn->unsynced = false;
    if (conn->sent.count == 0) {
        conn_ask(conn, &ping, NULL);
        return;
    }
    conn->sent.last->parts++;
    if (PQpipelineSync(conn->pg) != 0)
        conn_flush(conn);
    else
        conn_lost_pg(conn, "sending a query");
}

static void conn_turn(void *arg)
{
    conn_sync(arg);
}

/* Would it be answered at once though it stood behind others of its statement?
 * As quickly as those before it, that is. */
bool db_conn_is_quick(const struct db_conn *conn, const struct db_query *q)
{
    const struct db_query *last = conn->sent.last;
    return last != NULL && last->statement == q->statement &&
           !q->statement->changes &&
           conn->answer_ns * (int64_t)(conn->sent.count + 1) < DB_QUICK_NS;
}

/* May it share the transaction of those that have no sync yet? A quick one is
 * not to wait for the answer to a slow one: those of one statement are alike. */
bool db_conn_may_join(const struct db_conn *conn, const struct db_query *q)
{
    const struct db_query *last = conn->sent.last;
    return conn->unsynced && last != NULL && last->statement == q->statement &&
           !q->statement->changes;
}

static void conn_append(struct db_conn *conn, struct db_query *q)
{
    if (conn->sent.count == 0)
        conn->progress_ns = clock_mono_ns();
    q->conn = conn;
    query_list_append(&conn->sent, q);
    if (!pg_send(conn, q)) {
        conn_lost_pg(conn, "sending a query");
        return;
    }
    conn->unsynced = true;
    if (q->statement->changes)
        conn_sync(conn);
    else
        http_timer_set_turn(conn->turn);
}

void db_conn_send(struct db_conn *conn, struct db_query *q)
{
    if (!db_conn_may_join(conn, q))
        conn_sync(conn);
    if (conn->state == DB_CONN_READY)
        conn_append(conn, q);
    else
        db_query_retry(conn->db, q);
}

/* A question of the pool's own; nobody waits for the answer. */
static void conn_ask(struct db_conn *conn, const struct db_statement *statement,
                     const char *value)
{
    size_t len = value != NULL ? strlen(value) : 0;
    struct db_query *q = mem_zalloc(sizeof *q + len);
    q->statement = statement;
    q->started_ns = clock_mono_ns();
    if (value != NULL) {
        memcpy(q->bytes, value, len);
        q->values[0] = q->bytes;
        q->lengths[0] = (int)len;
        q->param_count = 1;
    }
    db_conn_send(conn, q);
}

/* ---- receiving ---- */

static enum db_outcome outcome_of(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK)
        return DB_OK;
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (state == NULL)
        return DB_FAILED;
    if (strcmp(state, "42P01") == 0 || strcmp(state, "42703") == 0)
        return DB_ABSENT; /* undefined_table, undefined_column */
    return strcmp(state, "57014") == 0 ? DB_TIMEOUT : DB_FAILED;
}

static void outcome_log(const struct db_query *q)
{
    struct str why = str_of(PQresultErrorMessage(q->result));
    log_warn("query failed", LOG_STR("statement", q->statement->name),
             LOG_SLICE("reason", str_trim(why)));
}

/* The Prepare that this query counted on had failed by the time it came. */
static bool is_unprepared(const struct db_query *q)
{
    const char *state = PQresultErrorField(q->result, PG_DIAG_SQLSTATE);
    return !q->preparing && state != NULL && strcmp(state, "26000") == 0;
}

/* It could not be prepared; unless the slot holds another one by now. */
static void conn_forget(struct db_conn *conn, const struct db_statement *s)
{
    if (conn->prepared[s->slot] == s->version + 1)
        conn->prepared[s->slot] = 0;
}

/* It has not been looked at, because of one ahead of it. */
static bool is_aborted(const struct db_query *q)
{
    return PQresultStatus(q->result) == PGRES_PIPELINE_ABORTED;
}

static void query_answered(struct db_conn *conn, struct db_query *q)
{
    if (is_aborted(q) && q->preparing)
        conn_forget(conn, q->statement);
    if (is_aborted(q) || is_unprepared(q)) {
        db_query_retry(conn->db, q);
        return;
    }
    enum db_outcome outcome = outcome_of(q->result);
    if (outcome != DB_OK)
        outcome_log(q);
    if (q->preparing)
        conn_forget(conn, q->statement);
    db_query_finish(conn->db, q, outcome, outcome == DB_OK ? q->result : NULL);
    PQclear(q->result);
    db_query_free(q);
}

static void part_keep(struct db_query *q, PGresult *part)
{
    switch (PQresultStatus(part)) {
    case PGRES_PIPELINE_SYNC:
        PQclear(part);
        break;
    case PGRES_COMMAND_OK:
        q->preparing = false;
        PQclear(part);
        break;
    default:
        if (q->result == NULL)
            q->result = part;
        else
            PQclear(part);
    }
}

/* Answers come in bursts; on the average they are as far apart as the server
 * needs for each. */
static void conn_progress(struct db_conn *conn)
{
    int64_t now = clock_mono_ns();
    conn->answer_ns += (now - conn->progress_ns - conn->answer_ns) / 16;
    conn->progress_ns = now;
}

/* One part of the answer to the oldest query on the connection. What is kept
 * is the rows, or the first thing that went wrong. */
static void part_take(struct db_conn *conn, PGresult *part)
{
    struct db_query *q = conn->sent.first;
    part_keep(q, part);
    if (--q->parts > 0)
        return;
    conn_progress(conn);
    query_list_take(&conn->sent);
    query_answered(conn, q);
}

static void conn_receive(struct db_conn *conn)
{
    if (PQconsumeInput(conn->pg) == 0) {
        conn_lost_pg(conn, "reading an answer");
        return;
    }
    while (conn->sent.count > 0 && PQisBusy(conn->pg) == 0) {
        PGresult *part = PQgetResult(conn->pg);
        if (PQstatus(conn->pg) == CONNECTION_BAD) {
            PQclear(part);
            break;
        }
        if (part != NULL)
            part_take(conn, part);
    }
    /* An owner's next query may have found the connection lost already. */
    if (conn->state == DB_CONN_READY && PQstatus(conn->pg) == CONNECTION_BAD)
        conn_lost_pg(conn, "reading an answer");
}

/* ---- connecting ---- */

static void conn_established(struct db_conn *conn)
{
    char limit_ms[32];
    int64_t ms = conn->db->config.timeout_ns / NS_PER_MS;
    snprintf(limit_ms, sizeof limit_ms, "%d", (int)(ms * 4 / 5 + 1));
    conn->state = DB_CONN_READY;
    conn->backoff_ns = DB_BACKOFF_MIN_NS;
    conn->progress_ns = clock_mono_ns();
    conn->answer_ns = DB_QUICK_NS; /* until it has shown better */
    if (PQsetnonblocking(conn->pg, 1) != 0 ||
        PQenterPipelineMode(conn->pg) == 0) {
        conn_lost_pg(conn, "setting up the connection");
        return;
    }
    conn->db->trouble.text[0] = '\0';
    log_info("database connected", LOG_STR("host", PQhost(conn->pg)));
    http_timer_set(conn->timer, DB_PING_NS);
    conn_ask(conn, &setup, limit_ms);
    db_pump(conn->db);
}

/* libpq may have changed sockets since the last step: watch afresh. */
static void conn_rewatch(struct db_conn *conn, int events)
{
    http_watch_free(&conn->watch);
    conn->watch = http_watch_new(conn->db->server, PQsocket(conn->pg), events,
                                 conn_ready, conn);
    assert(conn->watch != NULL);
}

static void conn_connect_step(struct db_conn *conn)
{
    switch (PQconnectPoll(conn->pg)) {
    case PGRES_POLLING_READING:
        conn_rewatch(conn, HTTP_READABLE);
        break;
    case PGRES_POLLING_WRITING:
        conn_rewatch(conn, HTTP_WRITABLE);
        break;
    case PGRES_POLLING_OK:
        conn_rewatch(conn, HTTP_READABLE);
        conn_established(conn);
        break;
    default:
        conn_lost_pg(conn, "connecting");
    }
}

static void conn_start(struct db_conn *conn)
{
    conn->pg = PQconnectStart(conn->db->conninfo);
    if (conn->pg == NULL || PQstatus(conn->pg) == CONNECTION_BAD) {
        conn_lost_pg(conn, "connecting");
        return;
    }
    conn->state = DB_CONN_CONNECTING;
    http_timer_set(conn->timer, DB_CONNECT_NS);
    conn_rewatch(conn, HTTP_WRITABLE); /* as libpq's manual has it */
}

static void conn_ready(int fd, int events, void *arg)
{
    (void)fd;
    struct db_conn *conn = arg;
    if (conn->state == DB_CONN_CONNECTING) {
        conn_connect_step(conn);
        return;
    }
    if (events & HTTP_READABLE)
        conn_receive(conn);
    if (conn->state == DB_CONN_READY)
        conn_flush(conn);
    db_pump(conn->db);
}

/* An idle connection is asked now and then, so that a server that went silent
 * is noticed before somebody needs it. */
static void conn_ping(struct db_conn *conn)
{
    http_timer_set(conn->timer, DB_PING_NS);
    if (conn->sent.count == 0)
        conn_ask(conn, &ping, NULL);
    else
        db_conn_check_stuck(conn);
}

static void conn_timer(void *arg)
{
    struct db_conn *conn = arg;
    static const struct errmsg late = {"connecting: the server is silent"};
    switch (conn->state) {
    case DB_CONN_PAUSED:
        conn_start(conn);
        break;
    case DB_CONN_CONNECTING:
        conn_lost(conn, &late);
        break;
    case DB_CONN_READY:
        conn_ping(conn);
        break;
    }
}
