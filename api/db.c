/* db: the pool. What happens on one connection is in db_conn.c, how values
 * look in db_value.c.
 *
 * A query is on two lists: on `open`, in the order of the deadlines, from
 * db_query until its result has been dealt with; and on either the queue or
 * the connection that it was sent on. All queries have the same time, so the
 * order of deadlines is the order in which they came. */
#include "api/db_private.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mem.h"

/* ---- lists ---- */

void query_list_append(struct query_list *list, struct db_query *q)
{
    q->next = NULL;
    *(list->last != NULL ? &list->last->next : &list->first) = q;
    list->last = q;
    list->count++;
}

struct db_query *query_list_take(struct query_list *list)
{
    struct db_query *q = list->first;
    if (q == NULL)
        return NULL;
    list->first = q->next;
    if (list->first == NULL)
        list->last = NULL;
    list->count--;
    return q;
}

static void query_list_remove(struct query_list *list, struct db_query *q)
{
    struct db_query *before = NULL;
    for (struct db_query *i = list->first; i != q; i = i->next)
        before = i;
    *(before != NULL ? &before->next : &list->first) = q->next;
    if (list->last == q)
        list->last = before;
    list->count--;
}

static void open_append(struct db *db, struct db_query *q)
{
    q->older = db->newest;
    *(db->newest != NULL ? &db->newest->newer : &db->oldest) = q;
    db->newest = q;
}

static void open_remove(struct db *db, struct db_query *q)
{
    if (q->older != NULL)
        q->older->newer = q->newer;
    else
        db->oldest = q->newer;
    if (q->newer != NULL)
        q->newer->older = q->older;
    else
        db->newest = q->older;
    q->older = q->newer = NULL;
}

/* ---- the life of a query ---- */

/* Tells the owner, once. The query may stay on its connection until the server
 * has answered it. */
void db_query_finish(struct db *db, struct db_query *q, enum db_outcome outcome,
                     const PGresult *result)
{
    if (q->done == NULL)
        return;
    db_done done = q->done;
    q->done = NULL;
    open_remove(db, q);
    stat_add(db->config.stats.outcomes[outcome], 1);
    stat_observe_ns(db->config.stats.seconds, clock_mono_ns() - q->started_ns);
    done(outcome, result, q->arg);
}

void db_query_free(struct db_query *q)
{
    db_made_unref(q->statement);
    free(q);
}

/* Is a better for q than b, which stands before it? The first that is through
 * with others of its statement in no time; else one with nothing to do; else one
 * whose transaction it can share; else the one with the least to do. */
static bool is_better(const struct db_conn *a, const struct db_conn *b,
                      const struct db_query *q)
{
    bool quick = db_conn_is_quick(a, q);
    if (quick || db_conn_is_quick(b, q))
        return quick && !db_conn_is_quick(b, q);
    if (a->sent.count == 0 || b->sent.count == 0)
        return a->sent.count < b->sent.count;
    bool joins = db_conn_may_join(a, q);
    if (joins != db_conn_may_join(b, q))
        return joins;
    return a->sent.count < b->sent.count;
}

static struct db_conn *conn_for(struct db *db, const struct db_query *q)
{
    struct db_conn *best = NULL;
    for (int i = 0; i < db->config.connections; i++) {
        struct db_conn *c = &db->conns[i];
        if (c->state == DB_CONN_READY && c->sent.count < DB_PIPELINE_MAX &&
            (best == NULL || is_better(c, best, q)))
            best = c;
    }
    return best;
}

void db_pump(struct db *db)
{
    while (db->queue.count > 0) {
        struct db_conn *conn = conn_for(db, db->queue.first);
        if (conn == NULL)
            return;
        db_conn_send(conn, query_list_take(&db->queue));
    }
}

/* Back to the queue's end, unless nobody waits for it any more. */
void db_query_retry(struct db *db, struct db_query *q)
{
    PQclear(q->result);
    q->result = NULL;
    q->conn = NULL;
    if (q->done != NULL)
        query_list_append(&db->queue, q);
    else
        db_query_free(q);
}

/* What a lost connection had goes back to the head of the queue, in order. */
void db_requeue(struct db *db, struct query_list *sent)
{
    struct query_list rest = db->queue;
    db->queue = (struct query_list){0};
    struct db_query *q;
    while ((q = query_list_take(sent)) != NULL)
        db_query_retry(db, q);
    while ((q = query_list_take(&rest)) != NULL)
        query_list_append(&db->queue, q);
}

/* Told from a timer, so that no owner hears of its query inside db_query. */
static void refuse_full(void *arg)
{
    struct db *db = arg;
    struct query_list refused = db->refused;
    db->refused = (struct query_list){0};
    struct db_query *q;
    while ((q = query_list_take(&refused)) != NULL) {
        db_query_finish(db, q, DB_FULL, NULL);
        db_query_free(q);
    }
}

static void deadline_arm(struct db *db)
{
    if (db->oldest == NULL)
        return;
    int64_t left =
        db->oldest->started_ns + db->config.timeout_ns - clock_mono_ns();
    http_timer_set(db->deadline, left > 0 ? left : 0);
}

static void oldest_expire(struct db *db)
{
    struct db_query *q = db->oldest;
    struct db_conn *conn = q->conn;
    assert(q->done != NULL && q->older == NULL); /* it is open, and first */
    if (conn == NULL)
        query_list_remove(&db->queue, q);
    db_query_finish(db, q, DB_TIMEOUT, NULL);
    if (conn == NULL)
        db_query_free(q);
    else
        db_conn_check_stuck(conn);
}

static void deadline_reached(void *arg)
{
    struct db *db = arg;
    refuse_full(db);
    int64_t limit = clock_mono_ns() - db->config.timeout_ns;
    while (db->oldest != NULL && db->oldest->started_ns <= limit)
        oldest_expire(db);
    deadline_arm(db);
    db_pump(db);
}

/* ---- handing in ---- */

static struct db_query *query_new(const struct db_statement *statement,
                                  const struct db_param *params, int count,
                                  db_done done, void *arg)
{
    assert(count <= DB_PARAMS_MAX && statement->slot < DB_STATEMENTS_MAX);
    size_t bytes = 0;
    for (int i = 0; i < count; i++)
        bytes += db_param_size(&params[i]);
    struct db_query *q = mem_zalloc(sizeof *q + bytes);
    q->statement = statement;
    db_made_ref(statement);
    q->started_ns = clock_mono_ns();
    q->done = done;
    q->arg = arg;
    q->param_count = count;
    char *out = q->bytes;
    for (int i = 0; i < count; i++) {
        q->values[i] = params[i].null ? NULL : out;
        q->lengths[i] = (int)db_param_size(&params[i]);
        out = db_param_write(&params[i], out);
    }
    return q;
}

void db_query(struct db *db, const struct db_statement *statement,
              const struct db_param *params, int count, db_done done, void *arg)
{
    struct db_query *q = query_new(statement, params, count, done, arg);
    open_append(db, q);
    if (db->oldest == q)
        deadline_arm(db);
    if (db->queue.count >= (size_t)db->config.queue_max) {
        query_list_append(&db->refused, q);
        http_timer_set(db->refuse, 0);
        return;
    }
    query_list_append(&db->queue, q);
    db_pump(db);
}

/* ---- the pool ---- */

struct db *db_new(struct http_server *server, const struct db_config *config)
{
    assert(config->connections >= 1 &&
           config->connections <= DB_CONNECTIONS_MAX);
    struct db *db = mem_zalloc(sizeof *db);
    db->server = server;
    db->config = *config;
    db->conninfo = mem_strdup(config->conninfo);
    db->deadline = http_timer_new(server, deadline_reached, db);
    db->refuse = http_timer_new(server, refuse_full, db);
    for (int i = 0; i < config->connections; i++)
        db_conn_init(&db->conns[i], db);
    return db;
}

void db_free(struct db **db)
{
    struct db *d = *db;
    *db = NULL;
    if (d == NULL)
        return;
    for (int i = 0; i < d->config.connections; i++)
        db_conn_fini(&d->conns[i]);
    refuse_full(d);
    struct db_query *q;
    while ((q = query_list_take(&d->queue)) != NULL) {
        db_query_finish(d, q, DB_FAILED, NULL);
        db_query_free(q);
    }
    http_timer_free(&d->deadline);
    http_timer_free(&d->refuse);
    db_made_fini(d);
    free(d->conninfo);
    free(d);
}

bool db_check(const struct db *db, struct errmsg *why)
{
    for (int i = 0; i < db->config.connections; i++)
        if (db->conns[i].state == DB_CONN_READY)
            return true;
    const char *trouble = db->trouble.text;
    errmsg_set(why, 0, "%s", trouble[0] != '\0' ? trouble : "connecting");
    return false;
}

void db_refresh_stats(struct db *db)
{
    int64_t ready = 0, in_flight = 0;
    for (int i = 0; i < db->config.connections; i++) {
        ready += db->conns[i].state == DB_CONN_READY;
        in_flight += (int64_t)db->conns[i].sent.count;
    }
    stat_set(db->config.stats.ready, ready);
    stat_set(db->config.stats.connecting, db->config.connections - ready);
    stat_set(db->config.stats.queued, (int64_t)db->queue.count);
    stat_set(db->config.stats.in_flight, in_flight);
}
