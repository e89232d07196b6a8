/* verbs: see verbs.h. */
#include "broker/verbs.h"

#include <stdio.h>

#include "broker/auth/permissions.h"
#include "broker/conn.h"
#include "broker/route.h"
#include "broker/server.h"
#include "broker/sign_in.h"
#include "broker/subject.h"
#include "lib/log.h"

/* Replies that only the broker may ask for. */
static const struct str reserved_replies[] = {STR("$JS.ACK."), STR("_R_."),
                                              STR("_GR_")};

static void acknowledge(struct conn *conn)
{
    if (conn->options.verbose && conn->state == CONN_OPEN)
        conn_send_text(conn, "+OK\r\n");
}

/* ---- PUB ---- */

static bool reply_reserved(struct str reply)
{
    if (reply.p[0] != '$' && reply.p[0] != '_')
        return false;
    for (size_t i = 0; i < sizeof(reserved_replies) / sizeof(struct str); i++) {
        if (str_has_prefix(reply, reserved_replies[i]))
            return true;
    }
    return false;
}

static bool may_publish(struct conn *conn, struct str subject)
{
    if (grants_publish(conn->grants, subject, conn->server->now_ns))
        return true;
    log_debug("publish denied", LOG_I64("client", conn->id),
              LOG_SLICE("subject", subject));
    conn_error(conn, "Permissions Violation for Publish to \"%.*s\"",
               STR_ARG(subject));
    return false;
}

static void run_pub(struct conn *conn, const struct op *op)
{
    const struct msg *msg = &op->msg;
    conn->traffic.in_msgs++;
    conn->traffic.in_bytes += msg->headers.len + msg->payload.len;
    if (conn->grants != NULL && !may_publish(conn, msg->subject))
        return;
    if (msg->reply.len > 0 && reply_reserved(msg->reply)) {
        conn_error(conn,
                   "Permissions Violation for Publish with Reply of "
                   "\"%.*s\"",
                   STR_ARG(msg->reply));
        return;
    }
    if (conn->options.pedantic && !subject_valid_literal(msg->subject))
        conn_error(conn, "Invalid Publish Subject");
    acknowledge(conn);
    if (route(conn->account, conn, msg) == 0 && msg->reply.len > 0 &&
        conn->options.no_responders)
        route_no_responders(conn, msg->reply);
}

/* ---- SUB, UNSUB ---- */

static void refuse_sub(struct conn *conn, const struct op *op)
{
    log_debug("subscription denied", LOG_I64("client", conn->id),
              LOG_SLICE("subject", op->pattern));
    if (op->queue.len > 0)
        conn_error(conn,
                   "Permissions Violation for Subscription to \"%.*s\" using "
                   "queue \"%.*s\"",
                   STR_ARG(op->pattern), STR_ARG(op->queue));
    else
        conn_error(conn, "Permissions Violation for Subscription to \"%.*s\"",
                   STR_ARG(op->pattern));
}

static void add_sub(struct conn *conn, const struct op *op)
{
    struct sub *sub = sub_new(conn, op->pattern, op->queue, op->sid);
    sub->guarded =
        conn->grants != NULL && grants_guard(conn->grants, op->pattern);
    conn_sub_add(conn, sub);
}

static void run_sub(struct conn *conn, const struct op *op)
{
    if (!conn_may_subscribe(conn, op->pattern, op->queue)) {
        refuse_sub(conn, op);
        return;
    }
    if (conn->subs_max >= 0 && conn->sub_count >= conn->subs_max) {
        conn_error(conn, "maximum subscriptions exceeded");
        return;
    }
    if (!subject_valid(op->pattern)) {
        conn_error(conn, "Invalid Subject");
        return;
    }
    if (conn_sub_find(conn, op->sid) == NULL)
        add_sub(conn, op);
    acknowledge(conn);
}

static void run_unsub(struct conn *conn, const struct op *op)
{
    struct sub *sub = conn_sub_find(conn, op->sid);
    if (sub != NULL) {
        sub->max = op->max;
        if (sub->max <= sub->delivered)
            conn_sub_remove(conn, sub);
    }
    acknowledge(conn);
}

/* ---- PING, PONG ---- */

static void run_ping(struct conn *conn)
{
    conn_send_text(conn, "PONG\r\n");
    if (conn->info_due)
        conn_inform(conn);
}

static void run_pong(struct conn *conn)
{
    if (conn->pings_out > 0)
        conn->rtt_ns = clock_mono_ns() - conn->ping_sent_ns;
    conn->pings_out = 0;
}

void verbs_run(struct conn *conn, const struct op *op)
{
    if (!conn->authorized && op->kind != OP_CONNECT &&
        !sign_in_as_anybody(conn))
        return;
    switch (op->kind) {
    case OP_PUB:
        run_pub(conn, op);
        break;
    case OP_SUB:
        run_sub(conn, op);
        break;
    case OP_UNSUB:
        run_unsub(conn, op);
        break;
    case OP_CONNECT:
        sign_in(conn, op->options);
        break;
    case OP_PING:
        run_ping(conn);
        break;
    case OP_PONG:
        run_pong(conn);
        break;
    case OP_IGNORED:
        break;
    case OP_ERR:
        conn_close(conn, "the client sent -ERR");
        break;
    }
}

void verbs_refuse(struct conn *conn, enum parse_result wrong)
{
    switch (wrong) {
    case PARSE_UNKNOWN:
        conn_fail(conn, "Unknown Protocol Operation");
        break;
    case PARSE_LINE_MAX:
        conn_fail(conn, "maximum control line exceeded");
        break;
    case PARSE_PAYLOAD_MAX:
        conn_fail(conn, "Maximum Payload Violation");
        break;
    case PARSE_ARGUMENTS:
    case PARSE_AGAIN:
        conn_close(conn, "malformed arguments");
        break;
    }
}
