/* client_view: see client_view.h. */
#include "broker/monitor/client_view.h"

#include <stdio.h>

#include "broker/jetstream/js_config.h"
#include "broker/monitor/page.h"
#include "broker/net/ending.h"
#include "broker/net/tls.h"
#include "broker/server.h"

#define TEXT_COPY(to, text) snprintf((to), sizeof(to), "%s", (text))

/* A token is a secret, and names nobody. */
static const char *user_of(const struct conn *conn)
{
    if (conn->user != NULL)
        return conn->user->name;
    bool by_token = conn->server->config.auth.token != NULL;
    return by_token && conn->authorized ? "[REDACTED]" : "";
}

static void look_at_transport(struct client_view *view, const struct conn *conn)
{
    view->type = conn->websocket ? "websocket" : "nats";
    const struct tls *tls = conn->transport != NULL
                                ? conn->transport->ops->tls(conn->transport)
                                : NULL;
    if (tls == NULL)
        return;
    view->tls_version = tls_version(tls);
    view->tls_cipher = tls_cipher(tls);
}

static const char *reason_of(const struct conn *conn)
{
    const struct ending *ending = ending_of(conn->reason);
    return ending != NULL ? ending->reason : conn->reason;
}

struct client_view client_view(const struct conn *conn)
{
    int64_t now_ns = clock_wall_ns();
    int64_t idle_ns = conn->server->now_ns - conn->active_ns;
    struct client_view view = {.conn = conn,
                               .cid = conn->id,
                               .port = conn->port,
                               .started_ns = conn->started_ns,
                               .active_ns = now_ns - idle_ns,
                               .rtt_ns = conn->rtt_ns,
                               .pending = conn->out_pending,
                               .traffic = conn->traffic,
                               .subs = conn->sub_count};
    if (view.active_ns < view.started_ns)
        view.active_ns = view.started_ns;
    if (conn->state == CONN_CLOSED) {
        view.conn = NULL;
        view.stopped_ns = now_ns;
        view.reason = reason_of(conn);
    }
    look_at_transport(&view, conn);
    TEXT_COPY(view.host, conn->host);
    TEXT_COPY(view.name, conn->options.name);
    TEXT_COPY(view.lang, conn->options.lang);
    TEXT_COPY(view.version, conn->options.version);
    TEXT_COPY(view.user, user_of(conn));
    TEXT_COPY(view.account, conn->account->name);
    return view;
}

/* ---- its JSON ---- */

void client_sub_write(const struct sub *sub, struct json_writer *w,
                      bool account)
{
    json_begin_object(w);
    if (account)
        json_member_text(w, "account", sub->conn->account->name);
    json_member_str(w, "subject", sub->subject);
    if (sub->queue.len > 0)
        json_member_str(w, "qgroup", sub->queue);
    json_member_str(w, "sid", sub->sid);
    json_member_u64(w, "msgs", sub->delivered);
    if (sub->max > 0)
        json_member_u64(w, "max", sub->max);
    json_member_u64(w, "cid", sub->conn->id);
    json_end_object(w);
}

static void write_subs(const struct conn *conn, struct json_writer *w,
                       bool detail)
{
    json_key(w, detail ? "subscriptions_list_detail" : "subscriptions_list");
    json_begin_array(w);
    for (const struct sub *sub = conn->subs; sub != NULL; sub = sub->hh.next) {
        if (detail)
            client_sub_write(sub, w, false);
        else
            json_put_str(w, sub->subject);
    }
    json_end_array(w);
}

static void write_times(const struct client_view *view, struct json_writer *w)
{
    int64_t end_ns = view->stopped_ns != 0 ? view->stopped_ns : clock_wall_ns();
    js_member_time(w, "start", view->started_ns);
    js_member_time(w, "last_activity", view->active_ns);
    if (view->stopped_ns != 0) {
        js_member_time(w, "stop", view->stopped_ns);
        json_member_text(w, "reason", view->reason);
    }
    if (view->rtt_ns > 0)
        page_duration(w, "rtt", view->rtt_ns);
    page_uptime(w, "uptime", end_ns - view->started_ns);
    page_uptime(w, "idle", end_ns - view->active_ns);
}

static void write_traffic(const struct client_view *view, struct json_writer *w)
{
    json_member_u64(w, "pending_bytes", view->pending);
    json_member_u64(w, "in_msgs", view->traffic.in_msgs);
    json_member_u64(w, "out_msgs", view->traffic.out_msgs);
    json_member_u64(w, "in_bytes", view->traffic.in_bytes);
    json_member_u64(w, "out_bytes", view->traffic.out_bytes);
    json_member_u64(w, "subscriptions", view->subs);
}

static void write_unless_empty(struct json_writer *w, const char *key,
                               const char *text)
{
    if (text != NULL && text[0] != '\0')
        json_member_text(w, key, text);
}

void client_view_write(const struct client_view *view, struct json_writer *w,
                       bool auth, enum client_subs subs)
{
    json_begin_object(w);
    json_member_u64(w, "cid", view->cid);
    json_member_text(w, "kind", "Client");
    json_member_text(w, "type", view->type);
    json_member_text(w, "ip", view->host);
    json_member_i64(w, "port", view->port);
    write_times(view, w);
    write_traffic(view, w);
    write_unless_empty(w, "name", view->name);
    write_unless_empty(w, "lang", view->lang);
    write_unless_empty(w, "version", view->version);
    write_unless_empty(w, "tls_version", view->tls_version);
    write_unless_empty(w, "tls_cipher_suite", view->tls_cipher);
    if (auth) {
        write_unless_empty(w, "authorized_user", view->user);
        if (strcmp(view->account, ACCOUNT_DEFAULT) != 0)
            json_member_text(w, "account", view->account);
    }
    if (subs != CLIENT_SUBS_NONE && view->conn != NULL && view->subs > 0)
        write_subs(view->conn, w, subs == CLIENT_SUBS_DETAIL);
    json_end_object(w);
}
