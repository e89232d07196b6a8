/* conn: see conn.h. */
#include "broker/conn.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/auth/permissions.h"
#include "broker/jetstream/jetstream.h"
#include "broker/monitor/closed_clients.h"
#include "broker/server.h"
#include "broker/sign_in.h"
#include "broker/verbs.h"
#include "lib/log.h"
#include "lib/mem.h"

#define FIRST_PING_NS   (2 * NS_PER_S)
#define LINGER_NS       (1 * NS_PER_S)
#define IOV_MAX_CHUNKS  16
#define IN_KEEP_BYTES   4096u /* an input buffer larger than this is given up */
#define PING_SPREAD_PCT 20 /* pings are spread over this part of the interval */

/* ---- coming and going ---- */

static void conn_ready(struct watch *watch, uint32_t events);
static void conn_timeout(struct timer *timer);
static void conn_resume_timeout(struct timer *timer);
static void set_events(struct conn *conn);
static void serve_transport(struct conn *conn, uint32_t events);

static void read_peer(struct conn *conn)
{
    struct sockaddr_storage addr = {0};
    socklen_t len = sizeof(addr);
    if (getpeername(conn->fd, (struct sockaddr *)&addr, &len) != 0)
        return;
    if (addr.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&addr;
        inet_ntop(AF_INET6, &in6->sin6_addr, conn->host, sizeof(conn->host));
        conn->port = ntohs(in6->sin6_port);
    } else if (addr.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&addr;
        inet_ntop(AF_INET, &in->sin_addr, conn->host, sizeof(conn->host));
        conn->port = ntohs(in->sin_port);
    }
}

static void conn_link(struct conn *conn)
{
    struct server *server = conn->server;
    conn->next = server->conns;
    if (conn->next != NULL)
        conn->next->prev = conn;
    server->conns = conn;
    server->conn_count++;
    conn->account->conn_count++;
}

static void conn_unlink(struct conn *conn)
{
    struct server *server = conn->server;
    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else
        server->conns = conn->next;
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    server->conn_count--;
    conn->account->conn_count--;
}

static void schedule(struct conn *conn)
{
    const struct server_config *config = &conn->server->config;
    int64_t when = conn->next_ping_ns;
    if (conn->out_blocked &&
        conn->blocked_ns + config->write_deadline_ns < when)
        when = conn->blocked_ns + config->write_deadline_ns;
    timer_set(&conn->server->timers, &conn->timer, when);
}

struct conn *conn_new(struct server *server, int fd)
{
    const struct server_config *config = &server->config;
    struct conn *conn = mem_zalloc(sizeof(*conn));
    conn->watch.ready = conn_ready;
    conn->server = server;
    conn->account = server->account;
    conn->fd = fd;
    conn->id = ++server->last_conn_id;
    conn->options =
        (struct conn_options){.verbose = true, .pedantic = true, .echo = true};
    conn->parser.payload_max = (size_t)config->payload_max;
    conn->parser.control_line_max = (size_t)config->control_line_max;
    conn->timer.fire = conn_timeout;
    conn->resume_timer.fire = conn_resume_timeout;
    conn->started_ns = clock_wall_ns();
    conn->active_ns = server->now_ns;
    conn->authorized = auth_open(&config->auth);
    conn->subs_max = config->subs_max > 0 ? config->subs_max : -1;
    if (config->auth.has_nkeys)
        nkey_nonce(conn->nonce);
    conn->next_ping_ns = server->now_ns + config->auth_timeout_ns;
    read_peer(conn);
    conn_link(conn);
    conn->events = EPOLLIN;
    server_watch(server, fd, EPOLLIN, &conn->watch);
    schedule(conn);
    return conn;
}

static void give_sign_in_time(struct conn *conn)
{
    const struct server *server = conn->server;
    conn->next_ping_ns =
        server->now_ns +
        (conn->authorized ? FIRST_PING_NS : server->config.auth_timeout_ns);
    schedule(conn);
}

void conn_inform(struct conn *conn)
{
    struct buf info = {0};
    server_info(conn->server, conn, &info);
    conn_send(conn, buf_str(&info));
    buf_fini(&info);
    conn->info_due = false;
}

void conn_greet(struct conn *conn)
{
    conn_inform(conn);
    conn->greeted = true;
    give_sign_in_time(conn);
}

void conn_carry(struct conn *conn, struct transport *transport,
                int64_t handshake_ns)
{
    conn->transport = transport;
    conn->next_ping_ns = conn->server->now_ns + handshake_ns;
    schedule(conn);
    set_events(conn);
}

static void drop_chunks(struct conn *conn)
{
    while (conn->out_first != NULL) {
        struct chunk *chunk = conn->out_first;
        conn->out_first = chunk->next;
        chunk_give(&conn->server->chunks, chunk);
    }
    conn->out_last = NULL;
    conn->out_pending = 0;
}

void conn_free(struct conn *conn)
{
    assert(conn->state == CONN_CLOSED && conn->subs == NULL);
    drop_chunks(conn);
    if (conn->transport != NULL)
        conn->transport->ops->free(conn->transport);
    buf_fini(&conn->in);
    free(conn->memo_subject);
    grants_free(&conn->grants);
    free(conn);
}

static void drop_subs(struct conn *conn)
{
    while (conn->subs != NULL)
        conn_sub_remove(conn, conn->subs);
}

static void count_out(struct conn_traffic *sum, const struct conn_traffic *add)
{
    sum->in_msgs += add->in_msgs;
    sum->in_bytes += add->in_bytes;
    sum->out_msgs += add->out_msgs;
    sum->out_bytes += add->out_bytes;
}

void conn_close(struct conn *conn, const char *reason)
{
    if (conn->state == CONN_CLOSED)
        return;
    struct server *server = conn->server;
    log_debug("client closed", LOG_I64("client", conn->id),
              LOG_STR("reason", reason));
    conn_resume(conn);
    conn->state = CONN_CLOSED;
    sign_in_end(conn);
    if (conn->reason == NULL)
        conn->reason = reason;
    if (server->closed_clients != NULL)
        closed_clients_add(server->closed_clients, conn);
    drop_subs(conn);
    timer_stop(&server->timers, &conn->timer);
    timer_stop(&server->timers, &conn->resume_timer);
    if (conn->transport != NULL)
        conn->transport->ops->end(conn->transport, conn->reason);
    close(conn->fd);
    conn->fd = -1;
    conn_unlink(conn);
    count_out(&server->counts.closed, &conn->traffic);
    conn->next_closed = server->closed;
    server->closed = conn;
}

/* ---- output ---- */

static void set_events(struct conn *conn)
{
    uint32_t events = 0;
    if (!conn->paused && conn->state != CONN_HELD)
        events |= EPOLLIN;
    if (conn->out_blocked)
        events |= EPOLLOUT;
    if (conn->transport != NULL)
        events = conn->transport->ops->events(conn->transport, events);
    if (events == conn->events)
        return;
    conn->events = events;
    server_watch_change(conn->server, conn->fd, events, &conn->watch);
}

void conn_mark_dirty(struct conn *conn)
{
    conn->out_dirty = true;
    conn->next_dirty = conn->server->dirty;
    conn->server->dirty = conn;
}

/* A small chunk is followed by a large one, a large one is written. */
static size_t make_room(struct conn *conn)
{
    if (conn->out_last == NULL)
        return CHUNK_FIRST_BYTES;
    if (conn->out_last->cap > CHUNK_FIRST_BYTES && !conn->out_blocked &&
        conn->state != CONN_CLOSED)
        conn_flush(conn);
    return CHUNK_BYTES;
}

char *conn_reserve_slow(struct conn *conn, size_t n)
{
    size_t usual = make_room(conn);
    struct chunk *chunk =
        chunk_take(&conn->server->chunks, n > usual ? n : usual);
    if (conn->out_last != NULL)
        conn->out_last->next = chunk;
    else
        conn->out_first = chunk;
    conn->out_last = chunk;
    return chunk->bytes;
}

void conn_send(struct conn *conn, struct str bytes)
{
    char *at = conn_reserve(conn, bytes.len);
    memcpy(at, bytes.p, bytes.len);
    conn_wrote(conn, bytes.len);
}

void conn_send_text(struct conn *conn, const char *text)
{
    conn_send(conn, str_of(text));
}

void conn_error(struct conn *conn, const char *format, ...)
{
    struct buf line = {0};
    va_list args;
    va_start(args, format);
    buf_append_text(&line, "-ERR '");
    buf_vprintf(&line, format, args);
    buf_append_text(&line, "'\r\n");
    va_end(args);
    conn_send(conn, buf_str(&line));
    buf_fini(&line);
}

void conn_fail(struct conn *conn, const char *text)
{
    if (conn->state != CONN_OPEN)
        return;
    conn_error(conn, "%s", text);
    conn_resume(conn);
    conn->state = CONN_LINGERING;
    conn->reason = text;
    drop_subs(conn);
    log_info("client refused", LOG_I64("client", conn->id),
             LOG_STR("reason", text));
    timer_set(&conn->server->timers, &conn->timer,
              conn->server->now_ns + LINGER_NS);
    conn_flush(conn);
}

static int fill_iov(const struct conn *conn, struct iovec *iov)
{
    int count = 0;
    for (struct chunk *chunk = conn->out_first;
         chunk != NULL && count < IOV_MAX_CHUNKS; chunk = chunk->next) {
        iov[count].iov_base = chunk->bytes + chunk->sent;
        iov[count++].iov_len = chunk->len - chunk->sent;
    }
    return count;
}

static void drop_sent(struct conn *conn, size_t sent)
{
    conn->out_pending -= sent;
    while (conn->out_first != NULL) {
        struct chunk *chunk = conn->out_first;
        size_t left = chunk->len - chunk->sent;
        if (sent < left) {
            chunk->sent += (uint32_t)sent;
            return;
        }
        sent -= left;
        conn->out_first = chunk->next;
        if (chunk->next == NULL)
            conn->out_last = NULL;
        chunk_give(&conn->server->chunks, chunk);
    }
}

static void note_blocked(struct conn *conn)
{
    conn->blocked_ns = conn->server->now_ns;
    if (conn->out_blocked)
        return;
    conn->out_blocked = true;
    set_events(conn);
    if (conn->state == CONN_OPEN)
        schedule(conn);
}

static void note_unblocked(struct conn *conn)
{
    if (conn->out_blocked) {
        conn->out_blocked = false;
        set_events(conn);
    }
    if (conn->state != CONN_LINGERING)
        return;
    if (conn->transport != NULL)
        conn->transport->ops->end(conn->transport, conn->reason);
    shutdown(conn->fd, SHUT_WR);
}

/* More to be written: the transport may hold some of its own. */
static bool owes_output(const struct conn *conn)
{
    return conn->out_pending > 0 || conn->transport != NULL;
}

/* The socket took a part of a chunk: it is full. */
static bool cut_short(const struct conn *conn)
{
    return conn->transport == NULL && conn->out_first != NULL &&
           conn->out_first->sent > 0;
}

void conn_flush(struct conn *conn)
{
    struct iovec iov[IOV_MAX_CHUNKS];
    while (owes_output(conn) && conn->state != CONN_CLOSED) {
        int count = fill_iov(conn, iov);
        ssize_t n = transport_write(conn->transport, conn->fd, iov, count);
        if (n > 0) {
            drop_sent(conn, (size_t)n);
            conn->blocked_ns = conn->server->now_ns;
            if (cut_short(conn)) {
                note_blocked(conn);
                return;
            }
        } else if (n == 0) {
            break;
        } else if (n == -EAGAIN) {
            note_blocked(conn);
            return;
        } else if (n != -EINTR) {
            conn_close(conn, "write failed");
            return;
        }
    }
    if (conn->state != CONN_CLOSED)
        note_unblocked(conn);
}

/* ---- slowing a publisher down ---- */

/* The loop tells of bytes in the socket, not of those in the transport. */
static void read_again_soon(struct conn *conn)
{
    struct server *server = conn->server;
    bool reads = conn->state != CONN_CLOSED && conn->state != CONN_HELD;
    if (reads && !conn->paused &&
        conn->transport->ops->pending(conn->transport))
        timer_set(&server->timers, &conn->resume_timer, server->now_ns + 1);
}

void conn_pause(struct conn *conn, int64_t delay_ns)
{
    struct server *server = conn->server;
    if (conn->state != CONN_OPEN || conn->paused)
        return;
    conn->paused = true;
    conn->next_paused = server->paused;
    server->paused = conn;
    timer_set(&server->timers, &conn->resume_timer, server->now_ns + delay_ns);
    set_events(conn);
}

void conn_resume(struct conn *conn)
{
    struct server *server = conn->server;
    if (!conn->paused)
        return;
    struct conn **at = &server->paused;
    while (*at != conn)
        at = &(*at)->next_paused;
    *at = conn->next_paused;
    conn->paused = false;
    timer_stop(&server->timers, &conn->resume_timer);
    set_events(conn);
    if (conn->transport != NULL)
        read_again_soon(conn);
}

static void conn_resume_timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct conn, resume_timer);
    struct conn *conn = (struct conn *)start;
    conn_resume(conn);
    const struct jetstream *js = conn->account->js;
    if (js != NULL && jetstream_congested(js))
        conn_pause(conn, SERVER_SLOW_NS);
    if (conn->transport != NULL)
        serve_transport(conn, EPOLLIN);
}

/* A subscriber has room again: whoever waited for that goes on. */
static void note_room(struct conn *conn)
{
    while (conn->server->paused != NULL)
        conn_resume(conn->server->paused);
    if (conn->account->js != NULL)
        jetstream_room(conn->account->js);
}

/* ---- input ---- */

static size_t run_input(struct conn *conn, const char *data, size_t len)
{
    size_t used = 0;
    struct op op;
    while (conn->state == CONN_OPEN) {
        ssize_t n = parser_next(&conn->parser, data + used, len - used, &op);
        if (n <= 0) {
            if (n < 0)
                verbs_refuse(conn, (enum parse_result)n);
            break;
        }
        used += (size_t)n;
        verbs_run(conn, &op);
    }
    conn->active_ns = conn->server->now_ns;
    return used;
}

static void keep_rest(struct conn *conn, const char *rest, size_t len)
{
    if (conn->in.cap > IN_KEEP_BYTES && len < IN_KEEP_BYTES)
        buf_fini(&conn->in);
    buf_reset(&conn->in);
    if (len > 0)
        buf_append(&conn->in, rest, len);
}

/* False: nothing came. */
static bool read_bytes(struct conn *conn, char *at, size_t room, size_t *got)
{
    ssize_t n = transport_read(conn->transport, conn->fd, at, room);
    if (n > 0) {
        *got = (size_t)n;
        return true;
    }
    if (n == 0)
        conn_close(conn, "the client hung up");
    else if (n != -EAGAIN && n != -EINTR)
        conn_close(conn, "read failed");
    return false;
}

static void read_shared(struct conn *conn)
{
    char *buffer = conn->server->read_buffer;
    size_t kept = conn->in.len, got;
    assert(kept < SERVER_READ_BYTES);
    if (kept > 0)
        memcpy(buffer, conn->in.data, kept);
    if (!read_bytes(conn, buffer + kept, SERVER_READ_BYTES - kept, &got))
        return;
    size_t used = run_input(conn, buffer, kept + got);
    keep_rest(conn, buffer + used, kept + got - used);
}

/* An operation too large for the shared buffer gets one of its own. */
static void read_large(struct conn *conn)
{
    size_t need = conn->parser.need, got;
    char *at = buf_reserve(&conn->in, need - conn->in.len);
    if (!read_bytes(conn, at, need - conn->in.len, &got))
        return;
    conn->in.len += got;
    if (conn->in.len < need)
        return;
    size_t used = run_input(conn, conn->in.data, conn->in.len);
    assert(used == conn->in.len || conn->state != CONN_OPEN);
    keep_rest(conn, NULL, 0);
}

static void read_input(struct conn *conn)
{
    struct server *server = conn->server;
    server->pressure = false;
    if (conn->parser.need > SERVER_READ_BYTES / 2)
        read_large(conn);
    else
        read_shared(conn);
    if (server->pressure)
        conn_pause(conn, SERVER_SLOW_NS);
}

static void read_away(struct conn *conn)
{
    size_t got;
    read_bytes(conn, conn->server->read_buffer, SERVER_READ_BYTES, &got);
}

static void take_events(struct conn *conn, uint32_t events)
{
    if (conn->state != CONN_CLOSED && (events & EPOLLOUT) != 0) {
        conn_flush(conn);
        if (conn->out_pending < SERVER_SLOW_BYTES / 2)
            note_room(conn);
    }
    if (conn->state == CONN_CLOSED)
        return;
    bool reads = !conn->paused && conn->state != CONN_HELD;
    if (!reads && (events & (EPOLLHUP | EPOLLERR)) != 0)
        conn_close(conn, "the client is gone");
    else if (conn->state == CONN_LINGERING)
        read_away(conn);
    else if (reads && (events & ~(uint32_t)EPOLLOUT) != 0)
        read_input(conn);
}

static void conn_ready(struct watch *watch, uint32_t events)
{
    struct conn *conn = (struct conn *)watch;
    if (conn->transport != NULL)
        serve_transport(conn, events);
    else
        take_events(conn, events);
}

/* ---- while its password is checked ---- */

/* Who is in and wants to be somebody else has as long as who comes. */
void conn_hold(struct conn *conn)
{
    conn->state = CONN_HELD;
    set_events(conn);
    if (conn->authorized) {
        conn->next_ping_ns =
            conn->server->now_ns + conn->server->config.auth_timeout_ns;
        schedule(conn);
    }
}

void conn_release(struct conn *conn)
{
    conn->state = CONN_OPEN;
    set_events(conn);
    schedule(conn);
}

void conn_go_on(struct conn *conn)
{
    char *buffer = conn->server->read_buffer;
    size_t kept = conn->in.len;
    assert(kept < SERVER_READ_BYTES);
    if (kept > 0) {
        memcpy(buffer, conn->in.data, kept);
        size_t used = run_input(conn, buffer, kept);
        keep_rest(conn, buffer + used, kept - used);
    }
    if (conn->transport != NULL)
        read_again_soon(conn);
}

/* ---- over a transport ---- */

static void drop_transport(struct conn *conn)
{
    struct transport *transport = conn->transport;
    conn->transport = NULL;
    transport->ops->free(transport);
    give_sign_in_time(conn);
}

/* The handshake may have come to an end in this read. */
static void note_phase(struct conn *conn)
{
    enum transport_phase phase = conn->transport->phase;
    if (phase == TRANSPORT_PLAIN)
        drop_transport(conn);
    if (phase != TRANSPORT_READY)
        return;
    conn->carried = true;
    if (conn->greeted)
        give_sign_in_time(conn);
    else
        conn_greet(conn);
}

/* Either direction of a transport may wait for the other one. */
static void serve_transport(struct conn *conn, uint32_t events)
{
    if (conn->out_blocked)
        events |= EPOLLOUT;
    take_events(conn, events | EPOLLIN);
    if (conn->state == CONN_CLOSED)
        return;
    if (!conn->carried)
        note_phase(conn);
    if (conn->transport != NULL)
        read_again_soon(conn);
    set_events(conn);
}

/* It waits for INFO in clear: gets it, and then its time for the handshake. */
static void greet_in_clear(struct conn *conn)
{
    struct transport *transport = conn->transport;
    conn->transport = NULL;
    conn_greet(conn);
    conn_flush(conn);
    if (!transport->optional)
        transport->phase = TRANSPORT_HANDSHAKE;
    conn->transport = transport;
    if (conn->state != CONN_CLOSED)
        conn_carry(conn, transport, conn->server->config.tls.timeout_ns);
}

static void handshake_timeout(struct conn *conn)
{
    if (conn->transport->phase != TRANSPORT_LISTENING)
        conn_close(conn, "TLS Handshake Failure");
    else if (!conn->greeted)
        greet_in_clear(conn);
    else
        drop_transport(conn);
    if (conn->state != CONN_CLOSED)
        set_events(conn);
}

/* ---- time limits ---- */

static void send_ping(struct conn *conn)
{
    struct server *server = conn->server;
    int64_t interval = server->config.ping_interval_ns;
    bool quiet = server->now_ns - conn->active_ns >= interval;
    bool first = conn->rtt_ns == 0 && conn->pings_out == 0;
    if (conn->pings_out >= (unsigned)server->config.ping_max) {
        server->counts.stale++;
        conn_fail(conn, "Stale Connection");
        return;
    }
    if (quiet || first) {
        conn->pings_out++;
        conn->ping_sent_ns = clock_mono_ns();
        conn_send_text(conn, "PING\r\n");
    }
    int64_t spread = server_random(server) % 1000 * interval / 1000;
    conn->next_ping_ns =
        server->now_ns + interval + spread * PING_SPREAD_PCT / 100;
}

/* Its password may be waiting to be checked. */
static void sign_in_timeout(struct conn *conn)
{
    if (conn->state == CONN_HELD) {
        sign_in_end(conn);
        conn_release(conn);
    }
    conn_fail(conn, "Authentication Timeout");
}

static bool must_sign_in(const struct conn *conn)
{
    return conn->state == CONN_HELD ||
           (!conn->authorized &&
            auth_required(&conn->server->config.auth, sign_in_way(conn)));
}

static bool write_overdue(const struct conn *conn)
{
    return conn->out_blocked && conn->server->now_ns - conn->blocked_ns >=
                                    conn->server->config.write_deadline_ns;
}

static void conn_timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct conn, timer);
    struct conn *conn = (struct conn *)start;
    if (conn->state == CONN_LINGERING) {
        conn_close(conn, "refused");
        return;
    }
    if (write_overdue(conn)) {
        conn->server->counts.slow_consumers++;
        conn_close(conn, "slow consumer: a write took too long");
        return;
    }
    if (conn->server->now_ns >= conn->next_ping_ns) {
        if (conn->transport != NULL && !conn->carried)
            handshake_timeout(conn);
        else if (must_sign_in(conn))
            sign_in_timeout(conn);
        else
            send_ping(conn);
    }
    if (conn->state == CONN_OPEN || conn->state == CONN_HELD)
        schedule(conn);
}

/* ---- subscriptions ---- */

struct sub *conn_sub_find(struct conn *conn, struct str sid)
{
    struct sub *sub;
    HASH_FIND(hh, conn->subs, sid.p, sid.len, sub);
    return sub;
}

void conn_sub_add(struct conn *conn, struct sub *sub)
{
    HASH_ADD_KEYPTR(hh, conn->subs, sub->sid.p, sub->sid.len, sub);
    conn->sub_count++;
    sublist_insert(conn->account->subs, sub);
}

void conn_sub_remove(struct conn *conn, struct sub *sub)
{
    HASH_DEL(conn->subs, sub);
    conn->sub_count--;
    sublist_remove(conn->account->subs, sub);
}

void conn_move(struct conn *conn, struct account *account)
{
    drop_subs(conn);
    conn->parser.known = str_make(NULL, 0); /* and with it the memo */
    conn->account->conn_count--;
    conn->account = account;
    account->conn_count++;
}

bool conn_may_subscribe(const struct conn *conn, struct str subject,
                        struct str queue)
{
    return conn->grants == NULL ||
           grants_subscribe(conn->grants, subject, queue);
}
