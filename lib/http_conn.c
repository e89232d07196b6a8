/* http_conn: one client's connection.
 *
 *     HEAD ──▶ BODY ──▶ WAIT ──▶ SEND ──▶ HEAD …
 *       └────────▶───────┤         └────▶ LINGER ──▶ DEAD
 *                        └─────▶ FLOW ──▶ HEAD, LINGER
 *
 * Every change goes through conn_enter. Only in HEAD, BODY, FLOW and LINGER is
 * the socket read, so a client that sends request after request without reading
 * the replies fills its own socket and nothing here. conn_advance is the one
 * place that turns bytes into requests: what is pipelined behind a request is
 * looked at when its reply has gone.
 *
 * Reading is not switched off until the socket is found readable at the wrong
 * time, so an ordinary request costs no change of what the loop looks for. */
#include "lib/http_private.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/mem.h"

#define IN_KEEP 1024 /* bytes an idle connection keeps for its next request */

/* A flow that listens to nothing is read nevertheless, for the client's end;
 * what it sends already belongs to its next request. */
static bool conn_reads(const struct http_conn *conn)
{
    if (conn->state == CONN_FLOW && conn->flow->ops->received == NULL)
        return conn->in.len < HTTP_HEAD_MAX;
    return conn->state != CONN_WAIT && conn->state != CONN_SEND;
}

static bool conn_unsent(const struct http_conn *conn)
{
    return conn->sent < conn->out.len + conn->out_body.len;
}

void http_conn_deadline(struct http_conn *conn, int64_t delay_ns)
{
    int64_t now = conn->server->now_ns;
    http_timer_set_at(&conn->timer, delay_ns > 0 ? now + delay_ns : INT64_MAX);
}

static void conn_watch(struct http_conn *conn, bool reads)
{
    if (reads != conn->reads)
        lws_rx_flow_control(conn->wsi, reads);
    if (conn_unsent(conn) && !conn->writes) {
        lws_callback_on_writable(conn->wsi); /* once */
        conn->writes = true;
    }
    conn->reads = reads;
}

static void conn_enter(struct http_conn *conn, enum conn_state state)
{
    assert(conn->state != CONN_DEAD);
    conn->state = state;
    switch (state) {
    case CONN_HEAD:
        http_conn_deadline(conn,
                           conn->in.len > 0 ? HTTP_STALL_NS : HTTP_IDLE_NS);
        conn_watch(conn, true);
        break;
    case CONN_BODY:
    case CONN_SEND:
        http_conn_deadline(conn, HTTP_STALL_NS);
        break;
    case CONN_WAIT:
        http_conn_deadline(conn, 0);
        break;
    case CONN_FLOW:
        http_conn_deadline(conn, 0);
        conn_watch(conn, true);
        break;
    case CONN_LINGER:
        shutdown(conn->fd, SHUT_WR);
        http_conn_deadline(conn, HTTP_LINGER_NS);
        conn_watch(conn, true);
        break;
    case CONN_DEAD:
        break;
    }
}

/* ---- its end ---- */

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

/* A request that a handler holds lives on without it. */
static void conn_let_go(struct http_conn *conn)
{
    struct http_request *req = conn->req;
    struct http_flow *flow = conn->flow;
    conn->req = NULL;
    conn->flow = NULL;
    if (req != NULL && req->open) {
        req->conn = NULL;
        http_request_gone(req);
    } else if (req != NULL) {
        http_request_free(req);
    }
    if (flow != NULL) {
        flow->conn = NULL;
        flow->ops->gone(flow);
    }
}

/* The client learns of it now; the descriptor goes when libwebsockets and its
 * loop are through with it. */
void http_conn_close(struct http_conn *conn)
{
    if (conn->state == CONN_DEAD)
        return;
    shutdown(conn->fd, SHUT_RDWR);
    conn_enter(conn, CONN_DEAD);
    conn_unlink(conn);
    http_timer_cancel(&conn->timer);
    buf_fini(&conn->in);
    buf_fini(&conn->out);
    buf_fini(&conn->out_body);
    conn_let_go(conn);
    conn->next = conn->server->closed;
    conn->server->closed = conn;
    http_server_conn_closed(conn->server);
}

void http_conns_free(struct http_server *server)
{
    struct http_conn *conn = server->closed;
    server->closed = NULL;
    while (conn != NULL) {
        struct http_conn *next = conn->next;
        if (conn->wsi != NULL)
            lws_set_timeout(conn->wsi, PENDING_TIMEOUT_USER_REASON_BASE,
                            LWS_TO_KILL_SYNC);
        free(conn);
        conn = next;
    }
}

static void conn_overdue(void *arg)
{
    struct http_conn *conn = arg;
    if (conn->state == CONN_FLOW && conn->flow->ops->due != NULL)
        conn->flow->ops->due(conn->flow);
    else
        http_conn_close(conn);
}

/* ---- reading requests ---- */

static void conn_refuse(struct http_conn *conn, int status, const char *why)
{
    conn->req->last = conn->unread = true;
    buf_reset(&conn->in);
    conn_enter(conn, CONN_WAIT);
    http_refuse(conn->req, status, why);
}

/* A client that asks first is told to send the body. */
static void conn_continue(struct http_conn *conn)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (conn->req->head.expect_continue && conn->in.len == 0)
        (void)send(conn->fd, go_on, sizeof go_on - 1,
                   MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Moves body bytes from in to the request. True when the body is whole. */
static bool conn_fill_counted(struct http_conn *conn)
{
    struct buf *body = &conn->req->body;
    size_t missing = (size_t)conn->req->head.content_length - body->len;
    size_t n = conn->in.len < missing ? conn->in.len : missing;
    buf_append(body, conn->in.data, n);
    buf_consume(&conn->in, n);
    return n == missing;
}

static void conn_refuse_body(struct http_conn *conn, bool too_large)
{
    conn_refuse(conn, too_large ? 413 : 400,
                too_large ? "the body is larger than this server takes"
                          : "the body's chunks are malformed");
}

static bool conn_fill_chunked(struct http_conn *conn)
{
    struct http_request *req = conn->req;
    ssize_t n = http_chunks_take(&req->chunks, buf_str(&conn->in), &req->body,
                                 conn->server->config.body_max);
    if (n < 0) {
        conn_refuse_body(conn, n == -EMSGSIZE);
        return false;
    }
    buf_consume(&conn->in, (size_t)n);
    return req->chunks.state == CHUNKS_DONE;
}

static bool conn_fill_body(struct http_conn *conn)
{
    return conn->req->head.chunked ? conn_fill_chunked(conn)
                                   : conn_fill_counted(conn);
}

static void conn_dispatch(struct http_conn *conn)
{
    conn_enter(conn, CONN_WAIT);
    http_request_dispatch(conn->req);
}

static void conn_begin_body(struct http_conn *conn)
{
    struct http_request *req = conn->req;
    if (req->head.content_length > (int64_t)req->server->config.body_max) {
        conn_refuse_body(conn, true);
    } else if (req->head.content_length > 0 || req->head.chunked) {
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
    conn->req = http_request_new(conn->server, conn);
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

/* What came together with the request that began the flow. */
static void conn_feed_flow(struct http_conn *conn)
{
    struct buf in = conn->in;
    conn->in = (struct buf){0};
    conn->flow->ops->received(conn->flow, in.data, in.len);
    buf_fini(&in);
}

static bool conn_advance_once(struct http_conn *conn)
{
    switch (conn->state) {
    case CONN_HEAD:
        return conn_take_head(conn);
    case CONN_BODY:
        if (!conn_fill_body(conn))
            return false;
        conn_dispatch(conn);
        return true;
    case CONN_FLOW:
        if (conn->flow->ops->received == NULL)
            return false;
        conn_feed_flow(conn);
        return true;
    case CONN_LINGER:
        buf_reset(&conn->in);
        return false;
    default:
        return false;
    }
}

static void conn_advance(struct http_conn *conn)
{
    if (conn->advancing) /* the loop below goes on when the reply has gone */
        return;
    conn->advancing = true;
    while (conn->in.len > 0 && conn_advance_once(conn))
        ;
    conn->advancing = false;
    if (conn->in.len == 0 && conn->in.cap > IN_KEEP)
        buf_fini(&conn->in);
}

static void conn_received(struct http_conn *conn, char *data, size_t len)
{
    bool begins = conn->state == CONN_HEAD && conn->in.len == 0;
    if (conn->state == CONN_LINGER)
        return;
    if (conn->state == CONN_FLOW && conn->in.len == 0 &&
        conn->flow->ops->received != NULL) {
        conn->flow->ops->received(conn->flow, data, len);
        return;
    }
    buf_append(&conn->in, data, len);
    conn_advance(conn);
    if (conn->state == CONN_BODY ||
        (conn->state == CONN_HEAD && begins && conn->in.len > 0))
        http_conn_deadline(conn, HTTP_STALL_NS);
}

/* Found readable though nobody reads it: that may be a request behind this one,
 * or the client's end. */
static void conn_stop_reading(struct http_conn *conn)
{
    conn_watch(conn, false);
    if (conn->state == CONN_WAIT && conn->req->gone != NULL &&
        http_gone(conn->req))
        http_request_gone(conn->req);
}

static void conn_read(struct http_conn *conn)
{
    char *in = conn->server->in;
    if (!conn_reads(conn)) {
        conn_stop_reading(conn);
        return;
    }
    ssize_t n = recv(conn->fd, in, HTTP_READ_CHUNK, MSG_DONTWAIT);
    if (n > 0)
        conn_received(conn, in, (size_t)n);
    else if (n == 0 || errno != EAGAIN)
        http_conn_close(conn);
}

/* ---- writing ---- */

static struct iovec part_from(const struct buf *b, size_t at)
{
    if (at == b->len)
        return (struct iovec){0};
    return (struct iovec){b->data + at, b->len - at};
}

/* The parts that are to be written next. */
static int unsent_parts(const struct http_conn *conn, struct iovec parts[2])
{
    size_t of_out = conn->sent < conn->out.len ? conn->sent : conn->out.len;
    parts[0] = part_from(&conn->out, of_out);
    parts[1] = part_from(&conn->out_body, conn->sent - of_out);
    return 2;
}

/* Bytes that the socket took; -1 when it is broken. */
static ssize_t conn_send_parts(struct http_conn *conn, struct iovec *parts,
                               int count)
{
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
    ssize_t n = sendmsg(conn->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    return n;
}

/* A WebSocket's client is asked for a sign of life; any other must take
 * something now and then. */
void http_conn_wait(struct http_conn *conn)
{
    bool asked = conn->flow != NULL && conn->flow->ops->due != NULL;
    if (!asked)
        http_conn_deadline(conn, conn_unsent(conn) ? HTTP_STALL_NS : 0);
    conn_watch(conn, conn_reads(conn));
}

bool http_conn_flush(struct http_conn *conn)
{
    struct iovec parts[2];
    if (!conn_unsent(conn))
        return true;
    ssize_t n = conn_send_parts(conn, parts, unsent_parts(conn, parts));
    if (n < 0) {
        http_conn_close(conn);
        return false;
    }
    conn->sent += (size_t)n;
    if (!conn_unsent(conn)) {
        buf_fini(&conn->out);
        buf_fini(&conn->out_body);
        conn->sent = 0;
    }
    http_conn_wait(conn);
    return conn->sent == 0;
}

static void conn_sent(struct http_conn *conn)
{
    bool last = conn->last || conn->server->draining;
    if (!last)
        conn_enter(conn, CONN_HEAD);
    else if (conn->unread || conn->in.len > 0)
        conn_enter(conn, CONN_LINGER);
    else
        http_conn_close(conn);
}

static void conn_keep_unsent(struct http_conn *conn, struct str head,
                             struct buf *body, size_t sent)
{
    size_t of_head = sent < head.len ? sent : head.len;
    buf_append(&conn->out, head.p + of_head, head.len - of_head);
    conn->out_body = *body;
    conn->sent = sent - of_head;
    if (conn->out.len > 0)
        conn->sent = 0;
    *body = (struct buf){0};
}

void http_conn_reply(struct http_conn *conn, struct str head, struct buf *body)
{
    struct iovec parts[2] = {{(char *)(uintptr_t)head.p, head.len},
                             {body->data, body->len}};
    assert(conn->state == CONN_WAIT);
    conn->last = conn->req->last;
    http_request_free(conn->req);
    conn->req = NULL;
    conn_enter(conn, CONN_SEND);
    ssize_t n = conn_send_parts(conn, parts, 2);
    if (n < 0) {
        http_conn_close(conn);
    } else if ((size_t)n == head.len + body->len) {
        conn_sent(conn);
    } else {
        conn_keep_unsent(conn, head, body, (size_t)n);
        http_conn_wait(conn);
    }
    buf_fini(body);
    if (conn->state == CONN_HEAD)
        conn_advance(conn);
}

static void conn_write(struct http_conn *conn)
{
    if (http_conn_flush(conn))
        conn_sent(conn);
    if (conn->state == CONN_HEAD)
        conn_advance(conn);
}

/* ---- flows ---- */

void http_conn_upgrade(struct http_conn *conn, struct str head,
                       struct http_flow *flow)
{
    assert(conn->state == CONN_WAIT);
    conn->last = conn->req->last;
    http_request_free(conn->req);
    conn->req = NULL;
    conn->flow = flow;
    flow->conn = conn;
    buf_append_str(http_flow_push(flow), head);
    conn_enter(conn, CONN_FLOW);
    if (conn->in.len == 0)
        buf_fini(&conn->in);
}

void http_conn_resume(struct http_conn *conn, bool last)
{
    assert(conn->state == CONN_FLOW);
    conn->flow = NULL;
    conn->last = conn->last || last;
    conn->unread = conn->unread || last;
    conn_sent(conn);
    if (conn->state == CONN_HEAD)
        conn_advance(conn);
}

void http_conn_feed(struct http_conn *conn)
{
    if (conn->in.len > 0)
        conn_advance(conn);
}

/* ---- its beginning ---- */

static void conn_ready(struct http_conn *conn)
{
    if (conn->state == CONN_SEND)
        conn_write(conn);
    else if (conn->state == CONN_FLOW)
        http_flow_serve(conn->flow);
}

void http_conns_write(struct http_server *server)
{
    struct http_conn *conn = server->roomy;
    server->roomy = NULL;
    while (conn != NULL) {
        struct http_conn *next = conn->next_roomy;
        conn->roomy = false;
        conn_ready(conn);
        conn = next;
    }
}

static void conn_has_room(struct http_conn *conn)
{
    conn->writes = false;
    if (conn->roomy)
        return;
    conn->roomy = true;
    conn->next_roomy = conn->server->roomy;
    conn->server->roomy = conn;
}

int http_conn_callback(struct lws *wsi, enum lws_callback_reasons reason,
                       void *user, void *in, size_t len)
{
    (void)user;
    (void)in;
    (void)len;
    struct http_conn *conn = wsi != NULL ? lws_get_opaque_user_data(wsi) : NULL;
    if (conn == NULL)
        return 0;
    http_loop_event(conn->server);
    if (reason == LWS_CALLBACK_RAW_RX_FILE && conn->state != CONN_DEAD) {
        conn_read(conn);
    } else if (reason == LWS_CALLBACK_RAW_WRITEABLE_FILE) {
        conn_has_room(conn);
    } else if (reason == LWS_CALLBACK_RAW_CLOSE_FILE) {
        conn->wsi = NULL;
        http_conn_close(conn);
    }
    return 0;
}

static struct lws *conn_adopt(struct http_conn *conn)
{
    struct http_server *server = conn->server;
    lws_adopt_desc_t adopt = {
        .vh = server->vhost,
        .type = LWS_ADOPT_RAW_FILE_DESC,
        .fd.filefd = conn->fd,
        .vh_prot_name = HTTP_PROTOCOL_CONN,
        .opaque = conn,
    };
    if (server->files_max > 0 && conn->fd >= server->files_max)
        return NULL;
    return lws_adopt_descriptor_vhost_via_info(&adopt);
}

void http_conn_open(struct http_server *server, int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct http_conn *conn = mem_zalloc(sizeof *conn);
    conn->server = server;
    conn->fd = fd;
    conn->reads = true;
    conn->wsi = conn_adopt(conn);
    if (conn->wsi == NULL) {
        close(fd);
        free(conn);
        return;
    }
    http_timer_init(&conn->timer, server, conn_overdue, conn);
    conn->next = server->conns;
    if (conn->next != NULL)
        conn->next->prev = conn;
    server->conns = conn;
    if (++server->conn_count > server->conn_peak)
        server->conn_peak = server->conn_count;
    conn_enter(conn, CONN_HEAD);
}
