/* verbs: see verbs.h. */
#include "broker/verbs.h"

#include <stdio.h>

#include "broker/auth/auth.h"
#include "broker/conn.h"
#include "broker/route.h"
#include "broker/server.h"
#include "broker/subject.h"
#include "lib/arena.h"
#include "lib/json.h"
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

static void run_pub(struct conn *conn, const struct op *op)
{
    conn->traffic.in_msgs++;
    conn->traffic.in_bytes += op->headers.len + op->payload.len;
    if (op->reply.len > 0 && reply_reserved(op->reply)) {
        conn_error(conn,
                   "Permissions Violation for Publish with Reply of "
                   "\"%.*s\"",
                   STR_ARG(op->reply));
        return;
    }
    if (conn->options.pedantic && !subject_valid_literal(op->subject))
        conn_error(conn, "Invalid Publish Subject");
    acknowledge(conn);
    struct msg msg = {.to = op->subject,
                      .subject = op->subject,
                      .reply = op->reply,
                      .headers = op->headers,
                      .payload = op->payload};
    if (route(conn->account, conn, &msg) == 0 && op->reply.len > 0 &&
        conn->options.no_responders)
        route_no_responders(conn, op->reply);
}

/* ---- SUB, UNSUB ---- */

static void run_sub(struct conn *conn, const struct op *op)
{
    if (!subject_valid(op->subject)) {
        conn_error(conn, "Invalid Subject");
        return;
    }
    if (conn_sub_find(conn, op->sid) == NULL) {
        struct sub *sub = sub_new(conn, op->subject, op->queue, op->sid);
        conn_sub_add(conn, sub);
    }
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

/* ---- CONNECT ---- */

struct sign_in {
    struct conn_options options;
    struct str user, pass, token;
    bool account; /* asks for another account */
};

static struct str text_of(struct json root, const char *name,
                          struct arena *arena)
{
    struct str text = STR("");
    if (json_string(json_get(root, name), arena, &text) != 0)
        return str_make("", 0);
    return text;
}

static void text_copy(char *to, size_t room, struct str text)
{
    size_t n = text.len < room ? text.len : room - 1;
    memcpy(to, text.p, n);
    to[n] = '\0';
}

static void flag_read(struct json root, const char *name, bool *flag)
{
    json_bool(json_get(root, name), flag);
}

static bool sign_in_read(struct sign_in *in, struct str text,
                         struct arena *arena)
{
    struct json_doc doc;
    if (json_parse(&doc, text, arena, NULL) != 0 ||
        json_type(json_root(&doc)) != JSON_OBJECT)
        return false;
    struct json root = json_root(&doc);
    struct conn_options *o = &in->options;
    *o = (struct conn_options){.verbose = true, .pedantic = true, .echo = true};
    flag_read(root, "verbose", &o->verbose);
    flag_read(root, "pedantic", &o->pedantic);
    flag_read(root, "echo", &o->echo);
    flag_read(root, "headers", &o->headers);
    flag_read(root, "no_responders", &o->no_responders);
    int64_t protocol = 0;
    json_i64(json_get(root, "protocol"), &protocol);
    o->protocol = protocol == 0 || protocol == 1 ? (int)protocol : -1;
    text_copy(o->name, sizeof(o->name), text_of(root, "name", arena));
    text_copy(o->lang, sizeof(o->lang), text_of(root, "lang", arena));
    text_copy(o->version, sizeof(o->version), text_of(root, "version", arena));
    in->user = text_of(root, "user", arena);
    in->pass = text_of(root, "pass", arena);
    in->token = text_of(root, "auth_token", arena);
    in->account = text_of(root, "account", arena).len > 0;
    return true;
}

static void refuse_sign_in(struct conn *conn)
{
    log_warn("authorization refused", LOG_I64("client", conn->id),
             LOG_STR("address", conn->host));
    conn_fail(conn, "Authorization Violation");
}

static void sign_in_apply(struct conn *conn, const struct sign_in *in)
{
    if (in->options.protocol < 0) {
        conn_fail(conn, "invalid client protocol");
        return;
    }
    if (in->options.no_responders && !in->options.headers) {
        conn_fail(conn, "no responders requires headers support");
        return;
    }
    if (in->account || !auth_check(&conn->server->config.auth, in->user,
                                   in->pass, in->token)) {
        refuse_sign_in(conn);
        return;
    }
    conn->options = in->options;
    conn->parser.headers = in->options.headers;
    conn->authorized = true;
    acknowledge(conn);
}

static void run_connect(struct conn *conn, const struct op *op)
{
    struct arena arena = {0};
    struct sign_in in = {0};
    if (sign_in_read(&in, op->options, &arena))
        sign_in_apply(conn, &in);
    else
        conn_close(conn, "malformed CONNECT");
    arena_fini(&arena);
}

/* ---- PING, PONG ---- */

static void run_pong(struct conn *conn)
{
    if (conn->pings_out > 0)
        conn->rtt_ns = clock_mono_ns() - conn->ping_sent_ns;
    conn->pings_out = 0;
}

void verbs_run(struct conn *conn, const struct op *op)
{
    if (!conn->authorized && op->kind != OP_CONNECT) {
        refuse_sign_in(conn);
        return;
    }
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
        run_connect(conn, op);
        break;
    case OP_PING:
        conn_send_text(conn, "PONG\r\n");
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
