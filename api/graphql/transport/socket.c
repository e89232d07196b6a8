/* socket: see the header. */
#include "api/graphql/transport/socket.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "api/graphql/transport/topic.h"
#include "lib/json.h"
#include "lib/mem.h"

struct arena *socket_arena(struct socket *socket)
{
    return &socket->service->scratch;
}

/* ---- saying ---- */

/* {"id":…,"type":…  */
static void message_begin(struct json_writer *w, const char *type,
                          struct str id)
{
    json_begin_object(w);
    if (id.p != NULL)
        json_member_str(w, "id", id);
    json_member_text(w, "type", type);
}

static void message_append(struct buf *out, const char *type, struct str id,
                           struct str payload)
{
    struct json_writer w = json_writer(out);
    message_begin(&w, type, id);
    if (payload.len > 0) {
        json_key(&w, "payload");
        json_put_raw(&w, payload);
    }
    json_end_object(&w);
}

void socket_say(struct socket *socket, const char *type, struct str id,
                struct str payload)
{
    if (socket->closing)
        return;
    struct buf out = {0};
    message_append(&out, type, id, payload);
    websocket_send(socket->ws, buf_str(&out));
    buf_fini(&out);
}

/* ---- whose turn it is ---- */

static void ready_add(struct socket_operation *op)
{
    struct socket *socket = op->socket;
    if (op->ready_next != NULL)
        return;
    struct socket_operation *first = socket->ready;
    if (first == NULL) {
        op->ready_prev = op->ready_next = socket->ready = op;
    } else { /* behind all others */
        op->ready_next = first;
        op->ready_prev = first->ready_prev;
        first->ready_prev->ready_next = op;
        first->ready_prev = op;
    }
    websocket_want(socket->ws);
}

static void ready_remove(struct socket_operation *op)
{
    struct socket *socket = op->socket;
    if (op->ready_next == NULL)
        return;
    if (socket->ready == op)
        socket->ready = op->ready_next == op ? NULL : op->ready_next;
    op->ready_prev->ready_next = op->ready_next;
    op->ready_next->ready_prev = op->ready_prev;
    op->ready_prev = op->ready_next = NULL;
}

static struct str operation_id(const struct socket_operation *op)
{
    return str_make(op->text, op->id_len);
}

static struct str operation_head(const struct socket_operation *op)
{
    return str_make(op->text + op->id_len, op->head_len);
}

static void event_append(const struct socket_operation *op,
                         const struct event *event, struct buf *out)
{
    struct str parts[3] = {operation_head(op), event->payload, STR("}")};
    struct buf marked = {0};
    if (event->missed > 0) {
        graphql_topic_mark_missed(event->payload, event->missed, &marked);
        parts[1] = buf_str(&marked);
    }
    websocket_append(op->socket->ws, out, parts, 3);
    buf_fini(&marked);
}

/* One event each in turn, so that none waits for another's crowd. */
static bool socket_fill(struct websocket *ws, struct buf *out, size_t room,
                        void *arg)
{
    (void)ws;
    struct socket *socket = arg;
    struct event event;
    size_t end = out->len + room;
    while (socket->ready != NULL && out->len < end) {
        struct socket_operation *op = socket->ready;
        if (operation_next(&op->operation, &event)) {
            event_append(op, &event, out);
            socket->ready = op->ready_next;
        } else {
            ready_remove(op);
        }
    }
    return socket->ready != NULL;
}

/* ---- operations ---- */

struct socket_operation *socket_find(struct socket *socket, struct str id)
{
    struct socket_operation *op = socket->operations;
    while (op != NULL && !str_eq(operation_id(op), id))
        op = op->next;
    return op;
}

static struct socket_operation *operation_new(struct socket *socket,
                                              struct str id)
{
    struct buf head = {0};
    struct json_writer w = json_writer(&head);
    message_begin(&w, socket->protocol->event_type, id);
    json_key(&w, "payload");
    struct socket_operation *op = mem_zalloc(sizeof *op + id.len + head.len);
    op->socket = socket;
    op->id_len = (uint32_t)id.len;
    op->head_len = (uint32_t)head.len;
    if (id.len > 0)
        memcpy(op->text, id.p, id.len);
    memcpy(op->text + id.len, head.data, head.len);
    buf_fini(&head);
    op->next = socket->operations;
    if (op->next != NULL)
        op->next->prev = op;
    socket->operations = op;
    socket->operation_count++;
    return op;
}

void socket_stop(struct socket *socket, struct socket_operation *op)
{
    ready_remove(op);
    operation_end(&op->operation);
    assert((op->prev == NULL) == (op == socket->operations));
    if (op->prev != NULL)
        op->prev->next = op->next;
    else
        socket->operations = op->next;
    if (op->next != NULL)
        op->next->prev = op->prev;
    socket->operation_count--;
    free(op);
}

/* A query's result, and the end of it. */
static void operation_result(struct operation *operation, struct buf *out)
{
    struct socket_operation *op = (struct socket_operation *)operation;
    struct socket *socket = op->socket;
    struct buf next = {0}, complete = {0};
    buf_append_str(&next, operation_head(op));
    buf_append_str(&next, buf_str(out));
    buf_append_byte(&next, '}');
    message_append(&complete, "complete", operation_id(op), (struct str){0});
    socket_stop(socket, op);
    websocket_send_all(socket->ws,
                       (struct str[]){buf_str(&next), buf_str(&complete)}, 2);
    buf_fini(&next);
    buf_fini(&complete);
}

static void operation_woken(struct operation *operation)
{
    ready_add((struct socket_operation *)operation);
}

static const struct operation_handlers operation_handlers = {
    .result = operation_result,
    .wake = operation_woken,
};

static void refuse(struct socket *socket, struct str id,
                   const struct gql_errors *errors)
{
    struct buf payload = {0};
    socket->protocol->refusal(errors, &payload);
    socket_say(socket, "error", id, buf_str(&payload));
    buf_fini(&payload);
}

/* False: it may not have another one. */
static bool count_check(struct socket *socket, struct gql_errors *errors)
{
    int64_t most = socket->service->settings.operations;
    if (socket->operation_count < most)
        return true;
    gql_error_add(errors, GQL_CODE_LIMIT, NULL, 0,
                  "A connection may have %lld operations at the same time.",
                  (long long)most);
    return false;
}

void socket_start(struct socket *socket, struct str id,
                  const struct graphql_request *request)
{
    struct gql_errors errors = {.arena = socket_arena(socket)};
    if (!count_check(socket, &errors)) {
        refuse(socket, id, &errors);
        return;
    }
    struct socket_operation *op = operation_new(socket, id);
    bool begun =
        operation_begin(&op->operation, socket->service, &operation_handlers,
                        request, OPERATION_ANY, &errors) == OPERATION_READY;
    if (begun && operation_run(&op->operation, &errors))
        return; /* it may be gone already */
    refuse(socket, id, &errors);
    socket_stop(socket, op);
}

/* ---- the connection ---- */

void socket_acknowledge(struct socket *socket)
{
    http_timer_free(&socket->init_timer);
    socket->acknowledged = true;
    socket_say(socket, "connection_ack", str_make(NULL, 0), str_make(NULL, 0));
}

static void operations_stop(struct socket *socket)
{
    while (socket->operations != NULL)
        socket_stop(socket, socket->operations);
}

void socket_close(struct socket *socket, int code, const char *reason)
{
    if (socket->closing)
        return;
    socket->closing = true;
    http_timer_free(&socket->init_timer);
    operations_stop(socket);
    websocket_close(socket->ws, code, reason);
}

static void init_overdue(void *arg)
{
    socket_close(arg, 4408, "Connection initialisation timeout");
}

static void beat(struct graphql_beat *b)
{
    struct socket *socket =
        (struct socket *)((char *)b - offsetof(struct socket, beat));
    if (socket->acknowledged)
        socket_say(socket, "ka", str_make(NULL, 0), str_make(NULL, 0));
}

static void message_came(struct websocket *ws, struct str text, void *arg)
{
    (void)ws;
    struct socket *socket = arg;
    struct json_doc doc;
    struct errmsg err;
    if (socket->closing)
        return;
    arena_reset(socket_arena(socket));
    if (json_parse(&doc, text, socket_arena(socket), &err) != 0)
        socket->protocol->malformed(socket, err.text);
    else
        socket->protocol->message(socket, json_root(&doc));
}

static void socket_free(struct socket *socket)
{
    struct graphql_service *service = socket->service;
    socket->closing = true;
    operations_stop(socket);
    http_timer_free(&socket->init_timer);
    if (socket->protocol->keepalive)
        graphql_beat_leave(service, &socket->beat);
    stat_add(service->stats.connections[socket->protocol->transport], -1);
    service->sockets--;
    free(socket);
}

static void connection_closed(struct websocket *ws, int code, void *arg)
{
    (void)ws;
    (void)code;
    socket_free(arg);
}

static const struct websocket_handlers websocket_handlers = {
    .message = message_came,
    .fill = socket_fill,
    .closed = connection_closed,
};

/* ---- beginning ---- */

static struct socket *socket_new(struct graphql_service *service,
                                 const struct protocol *protocol)
{
    struct socket *socket = mem_zalloc(sizeof *socket);
    socket->service = service;
    socket->protocol = protocol;
    socket->beat.fn = beat;
    service->sockets++;
    stat_add(service->stats.connections[protocol->transport], 1);
    if (protocol->keepalive)
        graphql_beat_join(service, &socket->beat);
    socket->init_timer = http_timer_new(service->server, init_overdue, socket);
    http_timer_set(socket->init_timer, service->settings.init_timeout_ns);
    return socket;
}

/* Who speaks none of ours hears so by a close code, which a browser shows to
 * the page: a refused upgrade it does not. It needs a subprotocol for that. */
static void deaf_message(struct websocket *ws, struct str text, void *arg)
{
    (void)ws;
    (void)text;
    (void)arg;
}

static void deaf_closed(struct websocket *ws, int code, void *arg)
{
    (void)ws;
    (void)code;
    (void)arg;
}

static const struct websocket_handlers deaf_handlers = {
    .message = deaf_message,
    .closed = deaf_closed,
};

static void unknown_refuse(struct graphql_service *service,
                           struct http_request *req)
{
    struct str first;
    const char *name = websocket_offered(req, 0, &first)
                           ? arena_text(http_arena(req), first)
                           : NULL;
    struct websocket *ws =
        websocket_accept(req, name, &service->websocket, &deaf_handlers, NULL);
    if (ws != NULL)
        websocket_close(ws, 4406, "Subprotocol not acceptable");
}

static const struct protocol *protocol_choose(const struct http_request *req)
{
    struct str name;
    const struct protocol *protocol = NULL;
    for (size_t i = 0; protocol == NULL && websocket_offered(req, i, &name);
         i++)
        protocol = protocol_find(name);
    return protocol;
}

/* A page of another origin: no browser asks first whether it may connect. */
static bool is_foreign(const struct http_request *req)
{
    struct str origin = http_header(req, "origin");
    struct str host = http_header(req, "host");
    const char *scheme =
        origin.len > 0 ? memmem(origin.p, origin.len, "://", 3) : NULL;
    if (origin.len == 0)
        return false;
    if (scheme == NULL) /* "null" */
        return true;
    size_t skipped = (size_t)(scheme - origin.p) + 3;
    return !str_ieq(str_make(origin.p + skipped, origin.len - skipped), host);
}

/* False: it has been answered. */
static bool may_connect(struct graphql_service *service,
                        struct http_request *req)
{
    if (!service->any_origin && is_foreign(req)) {
        graphql_http_refuse(req, 403, "FORBIDDEN",
                            "Pages of other origins may not connect.");
        return false;
    }
    if (service->server != NULL && service->sockets < service->settings.sockets)
        return true;
    http_reply_header(req, "Retry-After", "5");
    graphql_http_refuse(req, 503, GQL_CODE_LIMIT,
                        "There are as many connections as may be.");
    return false;
}

void graphql_socket_open(struct graphql_service *service,
                         struct http_request *req)
{
    const struct protocol *protocol = protocol_choose(req);
    if (!may_connect(service, req))
        return;
    if (protocol == NULL) {
        unknown_refuse(service, req);
        return;
    }
    struct socket *socket = socket_new(service, protocol);
    socket->ws = websocket_accept(req, protocol->name, &service->websocket,
                                  &websocket_handlers, socket);
    if (socket->ws == NULL)
        socket_free(socket);
}
