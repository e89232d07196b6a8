/* http_conn: one client's connection.
 *
 *     HEAD ──▶ BODY ──▶ WAIT ──▶ SEND ──▶ HEAD …
 *       └────────▶───────┘         └────▶ LINGER ──▶ DEAD
 *
 * Every change goes through conn_enter. Only in HEAD, BODY and LINGER is the
 * socket read, so a client that sends request after request without reading
 * the replies fills its own socket and nothing here. conn_advance is the one
 * place that turns bytes into requests: what is pipelined behind a request is
 * looked at when its reply has gone. */
#include "lib/http_private.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mem.h"

static void timeout_set(struct http_conn *conn, int seconds)
{
    lws_set_timeout(conn->wsi,
                    seconds > 0 ? PENDING_TIMEOUT_USER_REASON_BASE
                                : NO_PENDING_TIMEOUT,
                    seconds);
}

static void conn_enter(struct http_conn *conn, enum conn_state state)
{
    assert(conn->state != CONN_DEAD);
    conn->state = state;
    switch (state) {
    case CONN_HEAD:
        timeout_set(conn, conn->in.len > 0 ? HTTP_STALL_S : HTTP_IDLE_S);
        lws_rx_flow_control(conn->wsi, 1);
        break;
    case CONN_BODY:
    case CONN_SEND:
        timeout_set(conn, HTTP_STALL_S);
        break;
    case CONN_WAIT:
        timeout_set(conn, 0);
        break;
    case CONN_LINGER:
        shutdown(lws_get_socket_fd(conn->wsi), SHUT_WR);
        timeout_set(conn, HTTP_LINGER_S);
        lws_rx_flow_control(conn->wsi, 1);
        break;
    case CONN_DEAD:
        lws_set_timeout(conn->wsi, PENDING_TIMEOUT_USER_REASON_BASE,
                        LWS_TO_KILL_ASYNC);
        break;
    }
}

void http_conn_close(struct http_conn *conn)
{
    if (conn->state != CONN_DEAD)
        conn_enter(conn, CONN_DEAD);
}

/* ---- reading requests ---- */

static void conn_refuse(struct http_conn *conn, int status, const char *why)
{
    conn->req->last = conn->req->unread = true;
    buf_reset(&conn->in);
    conn_enter(conn, CONN_WAIT);
    http_refuse(conn->req, status, why);
}

/* A client that asks first is told to send the body. */
static void conn_continue(struct http_conn *conn)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char text[sizeof go_on];
    memcpy(text, go_on, sizeof go_on);
    if (conn->req->head.expect_continue && conn->in.len == 0)
        (void)lws_write(conn->wsi, (unsigned char *)text, sizeof go_on - 1,
                        LWS_WRITE_RAW);
}

/* Moves body bytes from in to the request. True when the body is whole. */
static bool conn_fill_body(struct http_conn *conn)
{
    struct buf *body = &conn->req->body;
    size_t missing = (size_t)conn->req->head.content_length - body->len;
    size_t n = conn->in.len < missing ? conn->in.len : missing;
    buf_append(body, conn->in.data, n);
    buf_consume(&conn->in, n);
    return n == missing;
}

static void conn_dispatch(struct http_conn *conn)
{
    conn_enter(conn, CONN_WAIT);
    http_request_dispatch(conn->req);
    if (conn->state == CONN_WAIT)
        lws_rx_flow_control(conn->wsi, 0);
}

static void conn_begin_body(struct http_conn *conn)
{
    struct http_request *req = conn->req;
    if (req->head.chunked) {
        conn_refuse(conn, 411, "send the body with a Content-Length");
    } else if (req->head.content_length >
               (int64_t)req->server->config.body_max) {
        conn_refuse(conn, 413, "the body is larger than this server takes");
    } else if (req->head.content_length > 0) {
        conn_enter(conn, CONN_BODY);
        conn_continue(conn);
    } else {
        conn_dispatch(conn);
    }
}

/* A head that does not end within the limit: whose fault is it? */
static void conn_refuse_large(struct http_conn *conn)
{
    bool line = memchr(conn->in.data, '\n', HTTP_HEAD_MAX) != NULL;
    conn_refuse(conn, line ? 431 : 414,
                line ? "the request's header fields are too large"
                     : "the request line is too long");
}

static void skip_empty_lines(struct buf *in)
{
    size_t n = 0;
    while (n < in->len && (in->data[n] == '\r' || in->data[n] == '\n'))
        n++;
    buf_consume(in, n);
}

/* Takes one request's head from in. False when there is none yet. */
static bool conn_take_head(struct http_conn *conn)
{
    if (conn->in_seen == 0)
        skip_empty_lines(&conn->in);
    size_t len = http_head_end(buf_str(&conn->in), &conn->in_seen);
    if (len == 0 && conn->in.len < HTTP_HEAD_MAX)
        return false;
    conn->in_seen = 0;
    if (len == 0 || len > HTTP_HEAD_MAX) {
        conn_refuse_large(conn);
        return true;
    }
    const char *why;
    struct str head = str_make(conn->in.data, len);
    int status = http_request_begin(conn->req, head, &why);
    buf_consume(&conn->in, len);
    if (status != 0)
        conn_refuse(conn, status, why);
    else
        conn_begin_body(conn);
    return true;
}

static void conn_advance(struct http_conn *conn)
{
    if (conn->advancing) /* the loop below goes on when the reply has gone */
        return;
    conn->advancing = true;
    bool progress = true;
    while (progress && conn->in.len > 0) {
        if (conn->state == CONN_HEAD)
            progress = conn_take_head(conn);
        else if (conn->state == CONN_BODY && (progress = conn_fill_body(conn)))
            conn_dispatch(conn);
        else
            progress = false;
    }
    conn->advancing = false;
}

static int conn_received(struct http_conn *conn, const char *data, size_t len)
{
    if (conn->state == CONN_LINGER)
        return 0;
    if (conn->state == CONN_DEAD)
        return -1;
    if (conn->state == CONN_BODY ||
        (conn->state == CONN_HEAD && conn->in.len == 0))
        timeout_set(conn, HTTP_STALL_S);
    buf_append(&conn->in, data, len);
    conn_advance(conn);
    return conn->state == CONN_DEAD ? -1 : 0;
}

/* ---- writing replies ---- */

static void conn_sent(struct http_conn *conn)
{
    bool last = conn->req->last || conn->server->draining;
    bool unread = conn->req->unread || conn->in.len > 0;
    buf_reset(&conn->out);
    buf_fini(&conn->out_body);
    conn->sent = 0;
    http_request_reset(conn->req);
    if (!last)
        conn_enter(conn, CONN_HEAD);
    else
        conn_enter(conn, unread ? CONN_LINGER : CONN_DEAD);
}

/* The bytes that are to be written next, at most HTTP_WRITE_CHUNK. */
static struct str conn_unsent(const struct http_conn *conn)
{
    const struct buf *part = &conn->out;
    size_t offset = conn->sent;
    if (offset >= part->len) {
        offset -= part->len;
        part = &conn->out_body;
    }
    size_t len = part->len - offset;
    return str_make(part->data + offset,
                    len < HTTP_WRITE_CHUNK ? len : HTTP_WRITE_CHUNK);
}

/* Writes until the reply is out or the socket is full. */
static void conn_write(struct http_conn *conn)
{
    size_t total = conn->out.len + conn->out_body.len;
    while (conn->sent < total && !lws_partial_buffered(conn->wsi)) {
        struct str bytes = conn_unsent(conn);
        int n = lws_write(conn->wsi, (unsigned char *)bytes.p, bytes.len,
                          LWS_WRITE_RAW);
        if (n < 0) {
            http_conn_close(conn);
            return;
        }
        conn->sent += bytes.len; /* what did not fit is kept by lws_write */
    }
    if (conn->sent == total && !lws_partial_buffered(conn->wsi)) {
        conn_sent(conn);
        return;
    }
    timeout_set(conn, HTTP_STALL_S);
    lws_rx_flow_control(conn->wsi, 0);
    lws_callback_on_writable(conn->wsi);
}

void http_conn_send(struct http_conn *conn)
{
    if (conn->state == CONN_DEAD)
        return;
    assert(conn->state == CONN_WAIT);
    conn_enter(conn, CONN_SEND);
    conn_write(conn);
    if (conn->state == CONN_HEAD)
        conn_advance(conn);
}

static int conn_writable(struct http_conn *conn)
{
    if (conn->state == CONN_SEND)
        conn_write(conn);
    if (conn->state == CONN_HEAD)
        conn_advance(conn);
    return conn->state == CONN_DEAD ? -1 : 0;
}

/* ---- its beginning and end ---- */

void http_conn_open(struct http_server *server, int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct http_conn *conn = mem_zalloc(sizeof *conn);
    conn->server = server;
    lws_adopt_desc_t adopt = {
        .vh = server->vhost,
        .type = LWS_ADOPT_SOCKET,
        .fd.sockfd = fd,
        .vh_prot_name = HTTP_PROTOCOL_CONN,
        .opaque = conn,
    };
    conn->wsi = lws_adopt_descriptor_vhost_via_info(&adopt);
    if (conn->wsi == NULL) { /* it has closed the socket */
        free(conn);
        return;
    }
    conn->req = http_request_new(server, conn);
    conn->next = server->conns;
    if (conn->next != NULL)
        conn->next->prev = conn;
    server->conns = conn;
    server->conn_count++;
    conn_enter(conn, CONN_HEAD);
}

static void conn_unlink(struct http_conn *conn)
{
    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else
        conn->server->conns = conn->next;
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    conn->server->conn_count--;
}

/* The client has left. A request that a handler holds lives on without it. */
static void conn_closed(struct http_conn *conn)
{
    struct http_server *server = conn->server;
    conn_unlink(conn);
    if (conn->req->open)
        conn->req->conn = NULL;
    else
        http_request_free(conn->req);
    buf_fini(&conn->in);
    buf_fini(&conn->out);
    buf_fini(&conn->out_body);
    free(conn);
    http_server_conn_closed(server);
}

int http_conn_callback(struct lws *wsi, enum lws_callback_reasons reason,
                       void *user, void *in, size_t len)
{
    (void)user;
    struct http_conn *conn = wsi != NULL ? lws_get_opaque_user_data(wsi) : NULL;
    if (conn == NULL)
        return 0;
    switch (reason) {
    case LWS_CALLBACK_RAW_RX:
        return conn_received(conn, in, len);
    case LWS_CALLBACK_RAW_WRITEABLE:
        return conn_writable(conn);
    case LWS_CALLBACK_RAW_CLOSE:
        if (conn->wsi != NULL) /* else its adoption failed */
            conn_closed(conn);
        return 0;
    default:
        return 0;
    }
}
