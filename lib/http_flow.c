/* http_flow: writing what is pulled.
 *
 * Who has something says so, and the flow is served: at the end of this turn
 * of the loop, or, where it was written to a moment ago, when gather_ns have
 * passed, so that what comes in between shares a system call. All flows append
 * to one scratch buffer; a connection keeps only what its socket did not take,
 * and is not asked for more before that is gone. */
#include "lib/http_private.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#define SERVED_MAX  256       /* flows of one turn */
#define ROUNDS_MAX  4         /* writes of one flow in one turn */
#define SCRATCH_MAX (1 << 20) /* bytes kept for the next flow */

static_assert(HTTP_SLOTS == 64, "a bit for each slot");

/* ---- queues ---- */

static void leave_queue(struct http_flow *flow)
{
    struct http_gather *g = &flow->server->gather;
    if (flow->queue == NULL)
        return;
    TAILQ_REMOVE(flow->queue, flow, link);
    if (flow->queue != &g->ready && TAILQ_EMPTY(flow->queue))
        g->filled &= ~(UINT64_C(1) << (flow->queue - g->slots));
    flow->queue = NULL;
}

static void enter_queue(struct http_flow *flow, struct http_flows *queue)
{
    struct http_gather *g = &flow->server->gather;
    leave_queue(flow);
    TAILQ_INSERT_TAIL(queue, flow, link);
    flow->queue = queue;
    if (queue != &g->ready)
        g->filled |= UINT64_C(1) << (queue - g->slots);
}

static void make_ready(struct http_flow *flow)
{
    if (flow->queue != &flow->server->gather.ready)
        enter_queue(flow, &flow->server->gather.ready);
}

static int64_t fill_due(const struct http_flow *flow)
{
    return flow->wrote_ns + flow->gather_ns;
}

static void gather(struct http_flow *flow)
{
    struct http_gather *g = &flow->server->gather;
    int64_t ms = (fill_due(flow) + NS_PER_MS - 1) / NS_PER_MS;
    if (ms >= g->ms + HTTP_SLOTS)
        ms = g->ms + HTTP_SLOTS - 1;
    if (ms <= g->ms)
        make_ready(flow);
    else
        enter_queue(flow, &g->slots[(uint64_t)ms % HTTP_SLOTS]);
}

void http_gather_open(struct http_server *server)
{
    struct http_gather *g = &server->gather;
    g->ms = server->now_ns / NS_PER_MS;
    TAILQ_INIT(&g->ready);
    for (size_t i = 0; i < HTTP_SLOTS; i++)
        TAILQ_INIT(&g->slots[i]);
}

void http_gather_close(struct http_server *server)
{
    buf_fini(&server->gather.out);
}

int64_t http_gather_next(const struct http_server *server)
{
    const struct http_gather *g = &server->gather;
    if (!TAILQ_EMPTY(&g->ready))
        return 0;
    if (g->filled == 0)
        return INT64_MAX;
    unsigned first = (unsigned)(g->ms + 1) % HTTP_SLOTS;
    uint64_t turned = g->filled >> first |
                      (first > 0 ? g->filled << (HTTP_SLOTS - first) : 0);
    return (g->ms + 1 + __builtin_ctzll(turned)) * NS_PER_MS;
}

static void slots_run(struct http_server *server)
{
    struct http_gather *g = &server->gather;
    int64_t now = server->now_ns / NS_PER_MS;
    for (int i = 0; g->ms < now && g->filled != 0 && i < HTTP_SLOTS; i++) {
        struct http_flows *slot = &g->slots[(uint64_t)++g->ms % HTTP_SLOTS];
        while (!TAILQ_EMPTY(slot))
            make_ready(TAILQ_FIRST(slot));
    }
    g->ms = now;
}

void http_gather_run(struct http_server *server)
{
    struct http_gather *g = &server->gather;
    slots_run(server);
    for (int i = 0; i < SERVED_MAX && !TAILQ_EMPTY(&g->ready); i++) {
        struct http_flow *flow = TAILQ_FIRST(&g->ready);
        leave_queue(flow);
        http_flow_serve(flow);
    }
}

/* ---- writing ---- */

static struct buf *scratch(struct http_server *server)
{
    struct buf *out = &server->gather.out;
    if (out->cap > SCRATCH_MAX)
        buf_fini(out);
    buf_reset(out);
    return out;
}

/* What was pushed from inside fill goes behind what fill gave. */
static void append_pushed(struct http_conn *conn, struct buf *out)
{
    buf_append(out, conn->out.data, conn->out.len);
    buf_fini(&conn->out);
}

static void send_filled(struct http_flow *flow, struct buf *out)
{
    struct http_conn *conn = flow->conn;
    ssize_t n =
        send(conn->fd, out->data, out->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN) {
        http_conn_close(conn);
        return;
    }
    size_t sent = n > 0 ? (size_t)n : 0;
    flow->filled = out->len - sent;
    if (flow->filled == 0)
        return;
    buf_append(&conn->out, out->data + sent, flow->filled);
    http_conn_wait(conn);
}

/* Until there is no more, or no room, or nothing comes. */
static void fill_room(struct http_flow *flow, struct buf *out)
{
    size_t before;
    do {
        before = out->len;
        flow->wanted = flow->ops->fill(flow, out, HTTP_WRITE_CHUNK - before);
    } while (flow->wanted && flow->conn != NULL && out->len > before &&
             out->len < HTTP_WRITE_CHUNK);
}

/* One write. True: all of it is out, and there is more. */
static bool fill_once(struct http_flow *flow)
{
    struct buf *out = scratch(flow->server);
    fill_room(flow, out);
    if (flow->conn == NULL)
        return false;
    append_pushed(flow->conn, out);
    if (out->len == 0)
        return false;
    /* Where there is more, there is nothing to wait for. */
    flow->wrote_ns = flow->wanted ? 0 : flow->server->now_ns;
    send_filled(flow, out);
    return flow->wanted && flow->conn != NULL && http_flow_unsent(flow) == 0;
}

static void fill_some(struct http_flow *flow)
{
    bool more = true;
    for (int i = 0; more && i < ROUNDS_MAX; i++)
        more = fill_once(flow);
    if (more)
        make_ready(flow);
}

void http_flow_serve(struct http_flow *flow)
{
    if (flow->conn == NULL) { /* it has begun without one */
        flow->ops->gone(flow);
        return;
    }
    if (!http_conn_flush(flow->conn))
        return;
    if (flow->wanted && flow->server->now_ns < fill_due(flow))
        gather(flow);
    else if (flow->wanted)
        fill_some(flow);
    if (flow->conn != NULL && http_flow_unsent(flow) == 0)
        flow->ops->drained(flow);
    if (flow->conn != NULL) /* what came before it was there */
        http_conn_feed(flow->conn);
}

/* ---- for who has something ---- */

void http_flow_init(struct http_flow *flow, struct http_server *server,
                    const struct http_flow_ops *ops, int64_t gather_ns)
{
    flow->ops = ops;
    flow->server = server;
    flow->gather_ns = gather_ns;
}

void http_flow_want(struct http_flow *flow)
{
    if (flow->wanted || flow->conn == NULL)
        return;
    flow->wanted = true;
    if (flow->queue == NULL && http_flow_unsent(flow) == 0)
        gather(flow);
}

struct buf *http_flow_push(struct http_flow *flow)
{
    make_ready(flow);
    return &flow->conn->out;
}

void http_flow_wake(struct http_flow *flow)
{
    make_ready(flow);
}

size_t http_flow_unsent(const struct http_flow *flow)
{
    return flow->conn != NULL ? flow->conn->out.len - flow->conn->sent : 0;
}

size_t http_flow_pushed(const struct http_flow *flow)
{
    if (flow->conn == NULL)
        return 0;
    size_t sent = flow->conn->sent;
    return flow->conn->out.len - (sent > flow->filled ? sent : flow->filled);
}

void http_flow_end(struct http_flow *flow)
{
    leave_queue(flow);
    http_bury(flow->server, &flow->dead);
}
