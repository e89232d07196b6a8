/* route: see route.h. The hot path of the broker: subject → answer of the
 * sublist → one MSG line and the payload copied behind each receiver's output. */
#include "broker/route.h"

#include <assert.h>

#include "broker/account.h"
#include "broker/auth/permissions.h"
#include "broker/conn.h"
#include "broker/server.h"
#include "lib/mem.h"

/* "HMSG", five separators, two sizes and two line ends. */
#define FRAME_BYTES 64

static const struct str no_responders = STR("NATS/1.0 503\r\n\r\n");

/* The first and the last n bytes of s, which has n to 2 × n. */
static inline void put_ends(char *at, struct str s, size_t n)
{
    memcpy(at, s.p, n);
    memcpy(at + s.len - n, s.p + s.len - n, n);
}

static inline void put_few(char *at, struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        at[i] = s.p[i];
}

/* Subjects and sids are short: two moves that overlap, instead of a call. */
static inline char *put(char *at, struct str s)
{
    if (s.len > 32)
        memcpy(at, s.p, s.len);
    else if (s.len >= 16)
        put_ends(at, s, 16);
    else if (s.len >= 8)
        put_ends(at, s, 8);
    else
        put_few(at, s);
    return at + s.len;
}

/* Everything of a MSG but the payload's bytes: verb to line end. */
static char *put_line(char *at, const struct sub *sub, const struct msg *msg,
                      size_t headers)
{
    if (headers > 0)
        *at++ = 'H';
    memcpy(at, "MSG ", 4);
    at = put(at + 4, msg->subject);
    *at++ = ' ';
    at = put(at, sub->sid);
    *at++ = ' ';
    if (msg->reply.len > 0) {
        at = put(at, msg->reply);
        *at++ = ' ';
    }
    if (headers > 0) {
        at = str_put_u64(at, headers);
        *at++ = ' ';
    }
    at = str_put_u64(at, headers + msg->payload.len);
    *at++ = '\r';
    *at++ = '\n';
    return at;
}

static void note_pressure(struct server *server, struct conn *conn,
                          const struct conn *from)
{
    if (conn->out_pending > (size_t)server->config.pending_max) {
        server->counts.slow_consumers++;
        conn_close(conn, "slow consumer: too much output pending");
    } else if (conn != from) {
        server->pressure = true;
    }
}

static void send_to(struct server *server, struct sub *sub,
                    const struct conn *from, const struct msg *msg)
{
    struct conn *conn = sub->conn;
    size_t headers = conn->options.headers ? msg->headers.len : 0;
    size_t size = headers + msg->payload.len;
    size_t room =
        FRAME_BYTES + msg->subject.len + sub->sid.len + msg->reply.len + size;
    char *start = conn_reserve(conn, room);
    char *at = put_line(start, sub, msg, headers);
    if (headers > 0)
        at = put(at, msg->headers);
    at = put(at, msg->payload);
    *at++ = '\r';
    *at++ = '\n';
    conn_wrote(conn, (size_t)(at - start));
    conn->traffic.out_msgs++;
    conn->traffic.out_bytes += size;
    if (conn->out_blocked && conn->out_pending > SERVER_SLOW_BYTES)
        note_pressure(server, conn, from);
}

/* A message on its way, and whom it is for now. */
struct delivery {
    struct account *account;
    struct conn *from;
    const struct msg *msg;
    enum { ALL, CLIENTS, LISTENERS } receivers;
};

static bool is_listener(const struct sub *sub)
{
    return sub->conn == NULL;
}

/* A stream's message has two subjects: where it goes, and its own. Neither may
 * be denied. */
static bool may_receive(const struct sub *sub, const struct msg *msg)
{
    const struct grants *grants = sub->conn->grants;
    if (msg->to.p != msg->subject.p &&
        !grants_hear(grants, msg->to, sub->queue))
        return false;
    return grants_receive(sub->conn->grants, msg->subject, sub->queue,
                          msg->reply, sub->conn->server->now_ns);
}

static bool usable(const struct sub *sub, const struct delivery *d)
{
    if (sub->closed)
        return false;
    if (is_listener(sub))
        return d->receivers != CLIENTS;
    return d->receivers != LISTENERS &&
           (sub->conn != d->from || d->from->options.echo) &&
           (!sub->guarded || may_receive(sub, d->msg));
}

static void deliver(const struct delivery *d, struct sub *sub)
{
    sub->delivered++;
    if (is_listener(sub)) {
        sub->handle(sub, d->from, d->msg);
        return;
    }
    send_to(d->account->server, sub, d->from, d->msg);
    if (sub->max > 0 && sub->delivered >= sub->max && !sub->closed)
        conn_sub_remove(sub->conn, sub);
}

/* One member, beginning the search at a random place. */
static bool deliver_to_group(const struct delivery *d,
                             const struct sub_set *members)
{
    uint32_t start = members->count > 1
                         ? server_random(d->account->server) % members->count
                         : 0;
    for (uint32_t i = 0; i < members->count; i++) {
        struct sub *sub = members->subs[(start + i) % members->count];
        if (usable(sub, d)) {
            deliver(d, sub);
            return true;
        }
    }
    return false;
}

static uint32_t deliver_all(const struct delivery *d,
                            const struct sub_result *result)
{
    uint32_t delivered = 0;
    for (uint32_t i = 0; i < result->plain.count; i++) {
        struct sub *sub = result->plain.subs[i];
        if (!usable(sub, d))
            continue;
        deliver(d, sub);
        delivered++;
    }
    for (uint32_t i = 0; i < result->group_count; i++)
        delivered += deliver_to_group(d, &result->groups[i].members);
    return delivered;
}

/* The parser knows the memo's subject: one that it found again points there. */
static bool memo_holds(const struct conn *conn, struct str subject,
                       uint64_t generation)
{
    return subject.p == conn->memo_subject &&
           conn->memo_generation == generation;
}

/* Only for the message that conn is publishing: what it published before may
 * have pointed to the memo. */
static void memo_keep(struct conn *conn, struct str subject,
                      uint64_t generation, const struct sub_result *result)
{
    conn->memo_generation = generation;
    conn->memo = result;
    if (subject.p == conn->memo_subject)
        return;
    if (subject.len > CONN_SUBJECT_MEMO) {
        conn->parser.known = str_make(NULL, 0);
        return;
    }
    if (conn->memo_subject == NULL)
        conn->memo_subject = mem_alloc(CONN_SUBJECT_MEMO);
    memcpy(conn->memo_subject, subject.p, subject.len);
    conn->parser.known = str_make(conn->memo_subject, subject.len);
}

static bool holds_listener(const struct sub_result *result)
{
    for (uint32_t i = 0; i < result->plain.count; i++) {
        const struct sub *sub = result->plain.subs[i];
        if (is_listener(sub) && !sub->closed)
            return true;
    }
    return false;
}

/* To the clients now, to the broker's own listeners later. */
static uint32_t deliver_own(const struct delivery *d,
                            const struct sub_result *result)
{
    bool posted =
        holds_listener(result) && mailbox_put(&d->account->mailbox, d->msg);
    return deliver_all(d, result) + posted;
}

static uint32_t match_and_deliver(const struct delivery *d)
{
    struct server *server = d->account->server;
    struct sublist *subs = d->account->subs;
    struct conn *from = d->from;
    assert(server->route_depth < SERVER_ROUTE_DEPTH_MAX);
    struct sub_result *scratch = &server->scratch[server->route_depth++];
    const struct sub_result *result = sublist_match(subs, d->msg->to, scratch);
    if (from != NULL && result != scratch)
        memo_keep(from, d->msg->to, sublist_generation(subs), result);
    uint32_t delivered = d->receivers == CLIENTS ? deliver_own(d, result)
                                                 : deliver_all(d, result);
    server->route_depth--;
    return delivered;
}

uint32_t route(struct account *account, struct conn *from,
               const struct msg *msg)
{
    const struct delivery d = {.account = account, .from = from, .msg = msg};
    if (from != NULL &&
        memo_holds(from, msg->to, sublist_generation(account->subs)))
        return deliver_all(&d, from->memo);
    return match_and_deliver(&d);
}

uint32_t route_own(struct account *account, const struct msg *msg)
{
    const struct delivery d = {
        .account = account, .msg = msg, .receivers = CLIENTS};
    return match_and_deliver(&d);
}

void route_mailbox(struct account *account)
{
    struct mailbox mailbox = account->mailbox;
    struct msg msg;
    const struct delivery d = {
        .account = account, .msg = &msg, .receivers = LISTENERS};
    account->mailbox = (struct mailbox){0};
    while (mailbox_take(&mailbox, &msg))
        match_and_deliver(&d);
    mailbox_fini(&mailbox);
}

uint32_t route_text(struct account *account, struct str to, struct str reply,
                    struct str payload)
{
    struct msg msg = {
        .to = to, .subject = to, .reply = reply, .payload = payload};
    return route_own(account, &msg);
}

uint32_t route_status(struct account *account, struct str to,
                      struct str headers)
{
    struct msg msg = {.to = to, .subject = to, .headers = headers};
    return route_own(account, &msg);
}

void route_no_responders(struct conn *from, struct str reply)
{
    struct sub_result own = {0};
    const struct sub_result *result =
        sublist_match(from->account->subs, reply, &own);
    struct msg msg = {.to = reply, .subject = reply, .headers = no_responders};
    for (uint32_t i = 0; i < result->plain.count; i++) {
        struct sub *sub = result->plain.subs[i];
        if (sub->conn == from && !sub->closed) {
            send_to(from->server, sub, from, &msg);
            break;
        }
    }
    sub_result_fini(&own);
}
