/* protocol: graphql-transport-ws, and the older one of subscriptions-transport-
 * ws, whose subprotocol is named graphql-ws.
 *
 * The first is strict: what it does not know closes the connection with a code
 * of its own (4400 …), and nothing may be asked before the acknowledgement. The
 * older one answers what it does not know with an error and goes on. */
#include "api/graphql/transport/socket.h"

#include "lib/json.h"

static const struct str none = {NULL, 0};

/* A member that is a string, and not an empty one. */
static bool text_member(struct socket *socket, struct json message,
                        const char *name, struct str *out)
{
    return json_string(json_get(message, name), socket_arena(socket), out) ==
               0 &&
           out->len > 0;
}

/* ---- graphql-transport-ws ---- */

static void transport_malformed(struct socket *socket, const char *why)
{
    struct buf reason = {0};
    buf_printf(&reason, "Invalid message: %s", why);
    socket_close(socket, 4400, buf_text(&reason));
    buf_fini(&reason);
}

/* A payload that may be left out, and is an object if not. False: the
 * connection is being closed. */
static bool payload_check(struct socket *socket, struct json message,
                          struct json *payload)
{
    *payload = json_get(message, "payload");
    enum json_type type = json_type(*payload);
    if (type == JSON_NONE || type == JSON_NULL || type == JSON_OBJECT)
        return true;
    transport_malformed(socket, "\"payload\" must be an object");
    return false;
}

static bool id_check(struct socket *socket, struct json message, struct str *id)
{
    if (text_member(socket, message, "id", id))
        return true;
    transport_malformed(socket, "\"id\" must be a string that is not empty");
    return false;
}

static void transport_init(struct socket *socket, struct json message)
{
    struct json payload;
    if (!payload_check(socket, message, &payload))
        return;
    if (socket->acknowledged)
        socket_close(socket, 4429, "Too many initialisation requests");
    else
        socket_acknowledge(socket);
}

static void transport_ping(struct socket *socket, struct json message)
{
    struct json payload;
    if (payload_check(socket, message, &payload))
        socket_say(socket, "pong", none,
                   json_type(payload) == JSON_OBJECT ? json_raw(payload)
                                                     : none);
}

static void transport_pong(struct socket *socket, struct json message)
{
    struct json payload;
    (void)payload_check(socket, message, &payload);
}

static void transport_subscribe(struct socket *socket, struct json message)
{
    struct graphql_request request;
    struct errmsg err;
    struct str id;
    if (!id_check(socket, message, &id))
        return;
    if (graphql_request_read(&request, json_get(message, "payload"),
                             socket_arena(socket), &err) != 0) {
        transport_malformed(socket, err.text);
    } else if (!socket->acknowledged) {
        socket_close(socket, 4401, "Unauthorized");
    } else if (socket_find(socket, id) != NULL) {
        struct buf reason = {0};
        buf_printf(&reason, "Subscriber for %.*s already exists", STR_ARG(id));
        socket_close(socket, 4409, buf_text(&reason));
        buf_fini(&reason);
    } else {
        socket_start(socket, id, &request);
    }
}

static void transport_complete(struct socket *socket, struct json message)
{
    struct str id;
    if (!id_check(socket, message, &id))
        return;
    struct socket_operation *op = socket_find(socket, id);
    if (op != NULL) /* else it is over, which the client did not know yet */
        socket_stop(socket, op);
}

struct verb {
    const char *type;
    void (*handle)(struct socket *socket, struct json message);
};

static const struct verb transport_verbs[] = {
    {"connection_init", transport_init},
    {"subscribe", transport_subscribe},
    {"complete", transport_complete},
    {"ping", transport_ping},
    {"pong", transport_pong},
    {NULL, NULL},
};

/* The one of the message's type; NULL: none. */
static const struct verb *verb_find(const struct verb *verbs, struct str type)
{
    while (verbs->type != NULL && !str_is(type, verbs->type))
        verbs++;
    return verbs->type != NULL ? verbs : NULL;
}

static void transport_message(struct socket *socket, struct json message)
{
    struct str type;
    if (json_type(message) != JSON_OBJECT) {
        transport_malformed(socket, "it must be an object");
        return;
    }
    if (!text_member(socket, message, "type", &type)) {
        transport_malformed(socket, "\"type\" must be a string");
        return;
    }
    const struct verb *verb = verb_find(transport_verbs, type);
    if (verb != NULL)
        verb->handle(socket, message);
    else
        transport_malformed(socket, "its \"type\" is none of this protocol's");
}

/* A list of errors. */
static void transport_refusal(const struct gql_errors *errors, struct buf *out)
{
    gql_errors_append(errors, out);
}

/* ---- graphql-ws, the older one ---- */

static void legacy_error(struct socket *socket, const char *type, struct str id,
                         const char *message)
{
    struct buf payload = {0};
    struct json_writer w = json_writer(&payload);
    json_begin_object(&w);
    json_member_text(&w, "message", message);
    json_end_object(&w);
    socket_say(socket, type, id, buf_str(&payload));
    buf_fini(&payload);
}

static void legacy_malformed(struct socket *socket, const char *why)
{
    struct buf text = {0};
    buf_printf(&text, "The message is not JSON: %s", why);
    legacy_error(socket, socket->acknowledged ? "error" : "connection_error",
                 none, buf_text(&text));
    buf_fini(&text);
}

/* Its clients take the first "ka" as the promise of more. */
static void legacy_init(struct socket *socket, struct json message)
{
    (void)message;
    socket_acknowledge(socket);
    socket_say(socket, "ka", none, none);
}

static void legacy_start(struct socket *socket, struct json message)
{
    struct graphql_request request;
    struct errmsg err;
    struct str id;
    if (!text_member(socket, message, "id", &id)) {
        legacy_error(socket, "error", none, "\"id\" must be a string");
        return;
    }
    if (!socket->acknowledged) {
        legacy_error(socket, "error", id, "connection_init comes first");
        return;
    }
    struct socket_operation *before = socket_find(socket, id);
    if (before != NULL)
        socket_stop(socket, before);
    if (graphql_request_read(&request, json_get(message, "payload"),
                             socket_arena(socket), &err) != 0)
        legacy_error(socket, "error", id, err.text);
    else
        socket_start(socket, id, &request);
}

static void legacy_stop(struct socket *socket, struct json message)
{
    struct str id;
    if (!text_member(socket, message, "id", &id))
        return;
    struct socket_operation *op = socket_find(socket, id);
    if (op != NULL)
        socket_stop(socket, op);
}

static void legacy_terminate(struct socket *socket, struct json message)
{
    (void)message;
    socket_close(socket, 1000, "");
}

static const struct verb legacy_verbs[] = {
    {"connection_init", legacy_init},
    {"start", legacy_start},
    {"stop", legacy_stop},
    {"connection_terminate", legacy_terminate},
    {NULL, NULL},
};

static void legacy_message(struct socket *socket, struct json message)
{
    struct str type, id = none;
    const struct verb *verb = NULL;
    if (text_member(socket, message, "type", &type))
        verb = verb_find(legacy_verbs, type);
    if (verb != NULL) {
        verb->handle(socket, message);
        return;
    }
    if (!text_member(socket, message, "id", &id))
        id = none;
    legacy_error(socket, "error", id,
                 "the message's \"type\" is none of this protocol's");
}

/* {"message":…,"errors":[…]}: the first for those who show one, and all. */
static void legacy_refusal(const struct gql_errors *errors, struct buf *out)
{
    struct json_writer w = json_writer(out);
    struct buf list = {0};
    gql_errors_append(errors, &list);
    json_begin_object(&w);
    json_member_str(&w, "message", errors->first->message);
    json_key(&w, "errors");
    json_put_raw(&w, buf_str(&list));
    json_end_object(&w);
    buf_fini(&list);
}

/* ---- both ---- */

static const struct protocol protocols[] = {
    {
        .name = "graphql-transport-ws",
        .transport = GRAPHQL_TRANSPORT_WS,
        .event_type = "next",
        .message = transport_message,
        .malformed = transport_malformed,
        .refusal = transport_refusal,
    },
    {
        .name = "graphql-ws",
        .transport = GRAPHQL_LEGACY_WS,
        .event_type = "data",
        .keepalive = true,
        .message = legacy_message,
        .malformed = legacy_malformed,
        .refusal = legacy_refusal,
    },
};

const struct protocol *protocol_find(struct str name)
{
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
        if (str_is(name, protocols[i].name))
            return &protocols[i];
    return NULL;
}
