/* connz: the connections, sorted and picked as asked for. */
#include <errno.h>
#include <stdlib.h>

#include "broker/monitor/client_view.h"
#include "broker/monitor/closed_clients.h"
#include "broker/monitor/pages.h"
#include "broker/server.h"
#include "lib/mem.h"

#define CONNZ_LIMIT 1024

enum state { STATE_OPEN, STATE_CLOSED, STATE_ALL, STATE_COUNT };

/* ---- orders ---- */

struct order {
    const char *name;
    int64_t (*key)(const struct client_view *view);
    bool descending;
    bool closed_only;
};

static int64_t key_cid(const struct client_view *v)
{
    return (int64_t)v->cid;
}
static int64_t key_start(const struct client_view *v)
{
    return v->started_ns;
}
static int64_t key_subs(const struct client_view *v)
{
    return v->subs;
}
static int64_t key_pending(const struct client_view *v)
{
    return (int64_t)v->pending;
}
static int64_t key_msgs_to(const struct client_view *v)
{
    return (int64_t)v->traffic.out_msgs;
}
static int64_t key_msgs_from(const struct client_view *v)
{
    return (int64_t)v->traffic.in_msgs;
}
static int64_t key_bytes_to(const struct client_view *v)
{
    return (int64_t)v->traffic.out_bytes;
}
static int64_t key_bytes_from(const struct client_view *v)
{
    return (int64_t)v->traffic.in_bytes;
}
static int64_t key_last(const struct client_view *v)
{
    return v->active_ns;
}
static int64_t key_idle(const struct client_view *v)
{
    return -v->active_ns;
}
static int64_t key_uptime(const struct client_view *v)
{
    return (v->stopped_ns != 0 ? v->stopped_ns : clock_wall_ns()) -
           v->started_ns;
}
static int64_t key_stop(const struct client_view *v)
{
    return v->stopped_ns;
}
static int64_t key_rtt(const struct client_view *v)
{
    return v->rtt_ns;
}

/* The first one is taken where none is asked for; "reason" has no key. */
static const struct order orders[] = {
    {"cid", key_cid, false, false},
    {"start", key_start, false, false},
    {"subs", key_subs, true, false},
    {"pending", key_pending, true, false},
    {"msgs_to", key_msgs_to, true, false},
    {"msgs_from", key_msgs_from, true, false},
    {"bytes_to", key_bytes_to, true, false},
    {"bytes_from", key_bytes_from, true, false},
    {"last", key_last, true, false},
    {"idle", key_idle, true, false},
    {"uptime", key_uptime, true, false},
    {"stop", key_stop, true, true},
    {"reason", NULL, false, true},
    {"rtt", key_rtt, true, false},
};

static int compare_views(const void *a, const void *b, void *arg)
{
    const struct order *order = arg;
    const struct client_view *x = a, *y = b;
    int difference;
    if (order->key == NULL) {
        difference = strcmp(x->reason, y->reason);
    } else {
        int64_t p = order->key(x), q = order->key(y);
        difference = (p > q) - (p < q);
        if (order->descending)
            difference = -difference;
    }
    return difference != 0 ? difference : (x->cid > y->cid) - (x->cid < y->cid);
}

/* ---- what was asked for ---- */

struct query {
    enum state state;
    const struct order *order;
    struct page_window window;
    int64_t cid; /* 0: all */
    struct str account, user, subject;
    bool auth;
    enum client_subs subs;
};

static bool read_state(struct page *page, struct query *query)
{
    static const char *const names[STATE_COUNT] = {"open", "closed", "all"};
    static const char *const others[STATE_COUNT] = {"", "closed", "any"};
    struct str text = page_text(page, "state");
    for (int i = 0; i < STATE_COUNT; i++) {
        if (str_is(text, names[i]) || str_is(text, others[i])) {
            query->state = (enum state)i;
            return true;
        }
    }
    errmsg_set(&page->refused, -EINVAL,
               "Error decoding state for %.*s: expected open, closed or all",
               STR_ARG(text));
    return false;
}

static bool read_order(struct page *page, struct query *query)
{
    struct str text = page_text(page, "sort");
    query->order = text.len == 0 ? &orders[0] : NULL;
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        if (str_is(text, orders[i].name))
            query->order = &orders[i];
    }
    if (query->order == NULL)
        errmsg_set(&page->refused, -EINVAL, "invalid sorting option: %.*s",
                   STR_ARG(text));
    else if (query->order->closed_only && query->state != STATE_CLOSED)
        errmsg_set(&page->refused, -EINVAL,
                   "sort by %s only valid on closed connections",
                   query->order->name);
    return page->refused.text[0] == '\0';
}

static bool read_query(struct page *page, struct query *query)
{
    bool detail = str_is(page_text(page, "subs"), "detail");
    *query = (struct query){.account = page_text(page, "acc"),
                            .user = page_text(page, "user"),
                            .subject = page_text(page, "filter_subject"),
                            .auth = page_flag(page, "auth")};
    if (detail)
        query->subs = CLIENT_SUBS_DETAIL;
    else if (page_flag(page, "subs"))
        query->subs = CLIENT_SUBS_NAMES;
    if (!read_state(page, query) || !read_order(page, query) ||
        !page_window(page, CONNZ_LIMIT, &query->window) ||
        !page_number(page, "cid", &query->cid))
        return false;
    if (query->cid > 0)
        query->window = (struct page_window){.limit = 1};
    return true;
}

/* ---- picking ---- */

static bool hears(const struct client_view *view, struct str subject)
{
    if (view->conn == NULL)
        return false;
    for (const struct sub *sub = view->conn->subs; sub != NULL;
         sub = sub->hh.next) {
        if (str_eq(sub->subject, subject))
            return true;
    }
    return false;
}

static bool selects(const struct query *query, const struct client_view *view)
{
    return (query->cid <= 0 || view->cid == (uint64_t)query->cid) &&
           (query->account.len == 0 || str_is(query->account, view->account)) &&
           (query->user.len == 0 || str_is(query->user, view->user)) &&
           (query->subject.len == 0 || hears(view, query->subject));
}

struct views {
    struct client_view *list;
    size_t count;
};

static void collect(const struct server *server, const struct query *query,
                    struct views *views)
{
    const struct closed_clients *closed = server->closed_clients;
    uint64_t kept = closed != NULL ? closed_clients_kept(closed) : 0;
    views->list =
        mem_grow(NULL, server->conn_count + kept + 1, sizeof(*views->list));
    views->count = 0;
    for (const struct conn *conn = server->conns;
         conn != NULL && query->state != STATE_CLOSED; conn = conn->next) {
        views->list[views->count] = client_view(conn);
        views->count += selects(query, &views->list[views->count]);
    }
    for (uint64_t i = 0; i < kept && query->state != STATE_OPEN; i++) {
        views->list[views->count] = *closed->views[i];
        views->count += selects(query, &views->list[views->count]);
    }
}

static uint64_t total_of(const struct server *server, const struct query *query)
{
    uint64_t total = 0;
    if (query->state != STATE_CLOSED)
        total += server->conn_count;
    if (query->state != STATE_OPEN && server->closed_clients != NULL)
        total += closed_clients_kept(server->closed_clients);
    return total;
}

static int64_t shown_of(const struct query *query, const struct views *views)
{
    int64_t rest = (int64_t)views->count - query->window.offset;
    if (rest < 0)
        return 0;
    return rest < query->window.limit ? rest : query->window.limit;
}

void page_connz(struct server *server, struct page *page)
{
    struct json_writer *w = &page->w;
    struct query query;
    struct views views;
    if (!read_query(page, &query))
        return;
    collect(server, &query, &views);
    qsort_r(views.list, views.count, sizeof(*views.list), compare_views,
            (void *)(uintptr_t)query.order);
    page_begin(server, page);
    json_member_i64(w, "num_connections", shown_of(&query, &views));
    json_member_u64(w, "total", total_of(server, &query));
    json_member_i64(w, "offset", query.window.offset);
    json_member_i64(w, "limit", query.window.limit);
    json_key(w, "connections");
    json_begin_array(w);
    for (size_t i = 0; i < views.count; i++) {
        if (page_shows(&query.window, (int64_t)i))
            client_view_write(&views.list[i], w, query.auth, query.subs);
    }
    json_end_array(w);
    json_end_object(w);
    free(views.list);
}
