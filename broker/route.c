/* route: see route.h. The hot path of the broker: subject → answer of the
 * sublist → one MSG line and the payload copied behind each receiver's output. */
#include "broker/route.h"

#include <assert.h>

#include "broker/conn.h"
#include "broker/server.h"

/* "HMSG", five separators, two sizes and two line ends. */
#define FRAME_BYTES 64

static const struct str no_responders = STR("NATS/1.0 503\r\n\r\n");

static char *put(char *at, struct str s)
{
    if (s.len > 0)
        memcpy(at, s.p, s.len);
    return at + s.len;
}

static char *put_size(char *at, size_t value)
{
    char digits[20];
    size_t n = sizeof(digits);
    do {
        digits[--n] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    memcpy(at, digits + n, sizeof(digits) - n);
    return at + sizeof(digits) - n;
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
        at = put_size(at, headers);
        *at++ = ' ';
    }
    at = put_size(at, headers + msg->payload.len);
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

static bool usable(const struct sub *sub, const struct conn *from)
{
    if (sub->closed)
        return false;
    return sub->conn == NULL || sub->conn != from || from->options.echo;
}

static void deliver(struct server *server, struct sub *sub, struct conn *from,
                    const struct msg *msg)
{
    sub->delivered++;
    if (sub->conn == NULL) {
        sub->handle(sub, from, msg);
        return;
    }
    send_to(server, sub, from, msg);
    if (sub->max > 0 && sub->delivered >= sub->max && !sub->closed)
        conn_sub_remove(sub->conn, sub);
}

/* One member, beginning the search at a random place. */
static bool deliver_to_group(struct server *server,
                             const struct sub_set *members, struct conn *from,
                             const struct msg *msg)
{
    uint32_t start =
        members->count > 1 ? server_random(server) % members->count : 0;
    for (uint32_t i = 0; i < members->count; i++) {
        struct sub *sub = members->subs[(start + i) % members->count];
        if (usable(sub, from)) {
            deliver(server, sub, from, msg);
            return true;
        }
    }
    return false;
}

static uint32_t deliver_all(struct server *server,
                            const struct sub_result *result, struct conn *from,
                            const struct msg *msg)
{
    uint32_t delivered = 0;
    for (uint32_t i = 0; i < result->plain.count; i++) {
        struct sub *sub = result->plain.subs[i];
        if (!usable(sub, from))
            continue;
        deliver(server, sub, from, msg);
        delivered++;
    }
    for (uint32_t i = 0; i < result->group_count; i++)
        delivered +=
            deliver_to_group(server, &result->groups[i].members, from, msg);
    return delivered;
}

static bool memo_holds(const struct conn *conn, struct str subject,
                       uint64_t generation)
{
    return conn->memo_generation == generation && conn->memo != NULL &&
           conn->memo_len == subject.len &&
           memcmp(conn->memo_subject, subject.p, subject.len) == 0;
}

static void memo_keep(struct conn *conn, struct str subject,
                      uint64_t generation, const struct sub_result *result)
{
    if (subject.len > sizeof(conn->memo_subject))
        return;
    memcpy(conn->memo_subject, subject.p, subject.len);
    conn->memo_len = subject.len;
    conn->memo_generation = generation;
    conn->memo = result;
}

uint32_t route(struct server *server, struct conn *from, const struct msg *msg)
{
    if (from != NULL &&
        memo_holds(from, msg->to, sublist_generation(server->subs)))
        return deliver_all(server, from->memo, from, msg);
    assert(server->route_depth < SERVER_ROUTE_DEPTH_MAX);
    struct sub_result *scratch = &server->scratch[server->route_depth++];
    const struct sub_result *result =
        sublist_match(server->subs, msg->to, scratch);
    if (from != NULL && result != scratch)
        memo_keep(from, msg->to, sublist_generation(server->subs), result);
    uint32_t delivered = deliver_all(server, result, from, msg);
    server->route_depth--;
    return delivered;
}

uint32_t route_text(struct server *server, struct str to, struct str reply,
                    struct str payload)
{
    struct msg msg = {
        .to = to, .subject = to, .reply = reply, .payload = payload};
    return route(server, NULL, &msg);
}

uint32_t route_status(struct server *server, struct str to, struct str headers)
{
    struct msg msg = {.to = to, .subject = to, .headers = headers};
    return route(server, NULL, &msg);
}

void route_no_responders(struct server *server, struct conn *from,
                         struct str reply)
{
    struct sub_result own = {0};
    const struct sub_result *result = sublist_match(server->subs, reply, &own);
    struct msg msg = {.to = reply, .subject = reply, .headers = no_responders};
    for (uint32_t i = 0; i < result->plain.count; i++) {
        struct sub *sub = result->plain.subs[i];
        if (sub->conn == from && !sub->closed) {
            send_to(server, sub, from, &msg);
            break;
        }
    }
    sub_result_fini(&own);
}
