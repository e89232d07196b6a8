/* websocket: see websocket.h. The bytes are taken apart by ws_frame.h; here is
 * what they mean, and what goes the other way.
 *
 * A message that arrives whole in one frame is handed on from where it was
 * read. What comes in pieces is collected, and checked as far as it has come:
 * a client hears of bad text before it has sent all of it. */
#include "lib/websocket.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/utf8.h"
#include "lib/websocket_private.h"

#define MESSAGE_MAX  (1u << 20)
#define UNSENT_MAX   (1u << 20)
#define PING_NS      (25 * NS_PER_S)
#define PONG_NS      (10 * NS_PER_S)
#define GATHER_NS    (5 * NS_PER_MS)
#define CLOSE_NS     (2 * NS_PER_S) /* for the client to close, too */
#define DEFLATE_MIN  64u            /* bytes; less is sent as it is */
#define INFLATE_STEP 16384u
#define REASON_MAX   (WS_CONTROL_MAX - 2)

#define CODE_NO_CODE     1005 /* never on the wire: a close frame without */
#define CODE_LOST        1006 /* never on the wire: no close frame */
#define CODE_UNSUPPORTED 1003
#define CODE_BAD_TEXT    1007

static size_t message_max(const struct websocket *ws)
{
    return ws->config->message_max > 0 ? ws->config->message_max : MESSAGE_MAX;
}

static size_t unsent_max(const struct websocket *ws)
{
    return ws->config->unsent_max > 0 ? ws->config->unsent_max : UNSENT_MAX;
}

static struct websocket *of_flow(struct http_flow *flow)
{
    return (struct websocket *)flow;
}

/* ---- the end ---- */

static void socket_free(struct websocket *ws)
{
    buf_fini(&ws->message);
    ws_inflater_free(&ws->inflater);
    http_flow_end(&ws->flow);
}

/* The connection has gone, or is about to. */
static void socket_gone(struct http_flow *flow)
{
    struct websocket *ws = of_flow(flow);
    ws->phase = WEBSOCKET_CLOSED;
    ws->handlers->closed(ws, ws->code, ws->arg);
    socket_free(ws);
}

/* The connection lingers until the client has closed it. */
static void socket_leave(struct websocket *ws)
{
    struct http_conn *conn = ws->flow.conn;
    ws->flow.conn = NULL;
    http_conn_resume(conn, true);
    socket_gone(&ws->flow);
}

static void socket_drained(struct http_flow *flow)
{
    struct websocket *ws = of_flow(flow);
    if (ws->phase == WEBSOCKET_CLOSED)
        socket_leave(ws);
}

/* ---- control frames ---- */

static void push_frame(struct websocket *ws, enum ws_opcode opcode,
                       struct str text)
{
    struct buf *out = http_flow_push(&ws->flow);
    char *at = buf_reserve(out, WS_HEAD_OUT_MAX + text.len);
    out->len += ws_write_head(at, opcode, false, text.len);
    buf_append_str(out, text);
}

static void push_close(struct websocket *ws, int code, struct str reason)
{
    char text[WS_CONTROL_MAX] = {(char)(code >> 8), (char)code};
    if (reason.len > 0)
        memcpy(text + 2, reason.p, reason.len);
    push_frame(ws, WS_CLOSE, str_make(text, 2 + reason.len));
}

/* As much of it as a close frame holds, no character cut in two. */
static struct str reason_of(const char *text)
{
    struct str reason = str_of(text);
    size_t len = 0, n = 0;
    while (len < reason.len) {
        n = utf8_sequence(reason.p + len, reason.len - len);
        if (n == 0 || len + n > REASON_MAX)
            break;
        len += n;
    }
    return str_make(reason.p, len);
}

void websocket_close(struct websocket *ws, int code, const char *reason)
{
    if (ws->phase != WEBSOCKET_OPEN)
        return;
    ws->phase = WEBSOCKET_CLOSING;
    ws->code = code;
    ws->flow.wanted = false;
    buf_fini(&ws->message);
    ws_inflater_free(&ws->inflater);
    push_close(ws, code, reason_of(reason));
    http_conn_deadline(ws->flow.conn, CLOSE_NS);
}

/* The codes that may be sent, of RFC 6455 section 7.4 and the registry. */
static bool code_valid(unsigned code)
{
    if (code >= 3000)
        return code <= 4999;
    return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}

/* What a client's close frame says: its code, or 0 when it is not valid. */
static unsigned close_code(struct str text)
{
    if (text.len == 0)
        return CODE_NO_CODE;
    if (text.len == 1)
        return 0;
    unsigned code =
        (unsigned)(unsigned char)text.p[0] << 8 | (unsigned char)text.p[1];
    return code_valid(code) ? code : 0;
}

/* Both have closed: what is unsent still goes out, then it is over. */
static void end_handshake(struct websocket *ws)
{
    ws->phase = WEBSOCKET_CLOSED;
    ws->flow.wanted = false;
    http_conn_deadline(ws->flow.conn, CLOSE_NS);
    http_flow_wake(&ws->flow);
}

/* A client's close frame is its last, whatever is wrong with it. */
static void take_close(struct websocket *ws, struct str text)
{
    unsigned code = close_code(text);
    struct str reason =
        text.len > 2 ? str_make(text.p + 2, text.len - 2) : str_make("", 0);
    if (code == 0)
        websocket_close(ws, WS_STATUS_PROTOCOL_ERROR, "close frame");
    else if (utf8_valid(reason.p, reason.len) != reason.len)
        websocket_close(ws, CODE_BAD_TEXT, "the reason is not UTF-8");
    if (ws->phase == WEBSOCKET_OPEN) {
        ws->code = (int)code;
        push_frame(ws, WS_CLOSE, str_make(text.p, text.len < 2 ? 0 : 2));
    }
    end_handshake(ws);
}

static void check_unsent(struct websocket *ws)
{
    if (http_flow_pushed(&ws->flow) > unsent_max(ws))
        websocket_close(ws, WS_STATUS_POLICY_VIOLATION,
                        "what was sent is not read");
}

static void await_ping(struct websocket *ws)
{
    int64_t ns = ws->config->ping_ns > 0 ? ws->config->ping_ns : PING_NS;
    ws->pong_awaited = false;
    http_conn_deadline(ws->flow.conn, ns);
}

static void take_control(struct websocket *ws, const struct ws_piece *piece)
{
    if (piece->opcode == WS_CLOSE) {
        take_close(ws, piece->text);
    } else if (ws->phase != WEBSOCKET_OPEN) {
        return;
    } else if (piece->opcode == WS_PING) {
        push_frame(ws, WS_PONG, piece->text);
        check_unsent(ws);
    } else if (ws->pong_awaited) {
        await_ping(ws);
    }
}

/* The connection's timer: a ping is due, or was not answered, or the close. */
static void socket_due(struct http_flow *flow)
{
    struct websocket *ws = of_flow(flow);
    if (ws->phase != WEBSOCKET_OPEN || ws->pong_awaited) {
        http_conn_close(flow->conn);
        return;
    }
    int64_t ns = ws->config->pong_ns > 0 ? ws->config->pong_ns : PONG_NS;
    ws->pong_awaited = true;
    push_frame(ws, WS_PING, str_make(NULL, 0));
    http_conn_deadline(flow->conn, ns);
}

/* ---- messages ---- */

static void fail_text(struct websocket *ws)
{
    websocket_close(ws, CODE_BAD_TEXT, "the message is not UTF-8");
}

static void fail_size(struct websocket *ws)
{
    websocket_close(ws, WS_STATUS_TOO_BIG, "the message is too large");
}

/* Checks what has come; a character that is cut off may go on while the
 * message does. */
static bool check_text(struct websocket *ws, bool last)
{
    const struct buf *m = &ws->message;
    size_t left = m->len - ws->checked;
    if (left == 0)
        return true;
    size_t valid = utf8_valid(m->data + ws->checked, left);
    ws->checked += valid;
    if (valid == left)
        return true;
    return !last && utf8_cut_off(m->data + ws->checked, left - valid);
}

static void deliver(struct websocket *ws, struct str text)
{
    ws->handlers->message(ws, text, ws->arg);
}

static void deliver_collected(struct websocket *ws)
{
    struct buf message = ws->message;
    ws->message = (struct buf){0};
    ws->checked = 0;
    deliver(ws, str_make(message.len > 0 ? message.data : "", message.len));
    buf_fini(&message);
}

/* More of the message stands in ws->message. */
static void take_collected(struct websocket *ws, bool last)
{
    if (ws->message.len > message_max(ws))
        fail_size(ws);
    else if (!check_text(ws, last))
        fail_text(ws);
    else if (last)
        deliver_collected(ws);
}

static void take_plain(struct websocket *ws, const struct ws_piece *piece)
{
    size_t coming = piece->text.len + ws->reader.left;
    if (coming > message_max(ws) - ws->message.len ||
        coming < piece->text.len) {
        fail_size(ws);
    } else if (!piece->last || ws->message.len > 0) {
        buf_append_str(&ws->message, piece->text);
        take_collected(ws, piece->last);
    } else if (utf8_valid(piece->text.p, piece->text.len) != piece->text.len) {
        fail_text(ws);
    } else {
        deliver(ws, piece->text);
    }
}

static void inflate_some(struct websocket *ws, bool *more)
{
    char *at = buf_reserve(&ws->message, INFLATE_STEP);
    ssize_t n = ws_inflate(ws->inflater, at, INFLATE_STEP);
    *more = n == (ssize_t)INFLATE_STEP;
    if (n < 0) {
        websocket_close(ws, WS_STATUS_PROTOCOL_ERROR, "compressed data");
        return;
    }
    ws->message.len += (size_t)n;
    bool last = !*more && ws_inflater_done(ws->inflater);
    if (last)
        ws_inflater_free(&ws->inflater);
    take_collected(ws, last);
}

static void take_compressed(struct websocket *ws, const struct ws_piece *piece)
{
    if (ws->inflater == NULL)
        ws->inflater = ws_inflater_new();
    ws_inflater_feed(ws->inflater, piece->text, piece->last);
    for (bool more = true; more && ws->phase == WEBSOCKET_OPEN;)
        inflate_some(ws, &more);
}

static void take_data(struct websocket *ws, const struct ws_piece *piece)
{
    if (ws->phase != WEBSOCKET_OPEN)
        return;
    if (ws->reader.opcode == WS_BINARY)
        websocket_close(ws, CODE_UNSUPPORTED, "messages are text");
    else if (piece->compressed)
        take_compressed(ws, piece);
    else
        take_plain(ws, piece);
}

/* What cannot be understood ends the handshake, too: nothing comes behind. */
static void fail_frame(struct websocket *ws)
{
    websocket_close(ws, WS_STATUS_PROTOCOL_ERROR, "frame");
    end_handshake(ws);
}

static void socket_received(struct http_flow *flow, char *bytes, size_t len)
{
    struct websocket *ws = of_flow(flow);
    for (size_t at = 0; at < len && flow->conn != NULL;) {
        struct ws_piece piece;
        if (ws->phase == WEBSOCKET_CLOSED)
            return;
        ssize_t n = ws_read_piece(&ws->reader, bytes + at, len - at, &piece);
        if (n < 0) {
            fail_frame(ws);
            return;
        }
        at += (size_t)n;
        if (piece.kind == WS_CONTROL)
            take_control(ws, &piece);
        else if (piece.kind == WS_DATA)
            take_data(ws, &piece);
    }
}

/* ---- sending ---- */

static struct websocket_shared *shared_of(const struct websocket *ws)
{
    return ws->flow.server->sockets;
}

static size_t parts_len(const struct str *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    return len;
}

static void append_plain(struct buf *out, const struct str *parts, size_t count,
                         size_t len)
{
    char *at = buf_reserve(out, WS_HEAD_OUT_MAX + len);
    char *to = at + ws_write_head(at, WS_TEXT, false, len);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0)
            memcpy(to, parts[i].p, parts[i].len);
        to += parts[i].len;
    }
    out->len += (size_t)(to - at);
}

static void append_deflated(const struct websocket *ws, struct buf *out,
                            const struct str *parts, size_t count)
{
    struct websocket_shared *shared = shared_of(ws);
    struct buf *text = &shared->text, *packed = &shared->packed;
    buf_reset(text);
    buf_reset(packed);
    for (size_t i = 0; i < count; i++)
        buf_append_str(text, parts[i]);
    if (shared->deflater == NULL)
        shared->deflater = ws_deflater_new();
    struct iovec whole = {text->data, text->len};
    ws_deflate(shared->deflater, &whole, 1, text->len, packed);
    char *at = buf_reserve(out, WS_HEAD_OUT_MAX);
    out->len += ws_write_head(at, WS_TEXT, true, packed->len);
    buf_append_str(out, buf_str(packed));
}

void websocket_append(const struct websocket *ws, struct buf *out,
                      const struct str *parts, size_t count)
{
    size_t len = parts_len(parts, count);
    if (ws->deflate && len >= DEFLATE_MIN)
        append_deflated(ws, out, parts, count);
    else
        append_plain(out, parts, count, len);
}

void websocket_send(struct websocket *ws, struct str text)
{
    websocket_send_all(ws, &text, 1);
}

/* Checked before: how long an answer is is not the client's fault. */
void websocket_send_all(struct websocket *ws, const struct str *texts,
                        size_t count)
{
    if (ws->phase == WEBSOCKET_OPEN)
        check_unsent(ws);
    for (size_t i = 0; i < count && ws->phase == WEBSOCKET_OPEN; i++)
        websocket_append(ws, http_flow_push(&ws->flow), &texts[i], 1);
}

void websocket_want(struct websocket *ws)
{
    if (ws->phase == WEBSOCKET_OPEN && ws->handlers->fill != NULL)
        http_flow_want(&ws->flow);
}

static bool socket_fill(struct http_flow *flow, struct buf *out, size_t room)
{
    struct websocket *ws = of_flow(flow);
    bool more = ws->handlers->fill(ws, out, room, ws->arg);
    return more && ws->phase == WEBSOCKET_OPEN;
}

static void socket_stop(struct http_flow *flow)
{
    websocket_close(of_flow(flow), WS_STATUS_GOING_AWAY,
                    "the server is stopping");
}

size_t websocket_unsent(const struct websocket *ws)
{
    return http_flow_unsent(&ws->flow);
}

struct http_server *websocket_server(const struct websocket *ws)
{
    return ws->flow.server;
}

/* ---- its beginning ---- */

static const struct http_flow_ops ops = {
    .fill = socket_fill,
    .received = socket_received,
    .drained = socket_drained,
    .due = socket_due,
    .stop = socket_stop,
    .gone = socket_gone,
};

static void shared_free(void *arg)
{
    struct websocket_shared *shared = arg;
    ws_deflater_free(&shared->deflater);
    buf_fini(&shared->text);
    buf_fini(&shared->packed);
    free(shared);
}

static void share(struct http_server *server)
{
    if (server->sockets != NULL)
        return;
    server->sockets = mem_zalloc(sizeof(struct websocket_shared));
    server->sockets_free = shared_free;
}

struct websocket *websocket_begin(struct http_request *req, struct str head,
                                  bool deflate,
                                  const struct websocket_config *config,
                                  const struct websocket_handlers *handlers,
                                  void *arg)
{
    struct websocket *ws = mem_zalloc(sizeof *ws);
    int64_t gather_ns = config->gather_ns > 0 ? config->gather_ns : GATHER_NS;
    ws->config = config;
    ws->handlers = handlers;
    ws->arg = arg;
    ws->code = CODE_LOST;
    ws->deflate = ws->reader.deflate = deflate;
    share(req->server);
    http_flow_init(&ws->flow, req->server, &ops, gather_ns);
    http_conn_upgrade(req->conn, head, &ws->flow);
    await_ping(ws);
    return ws;
}
