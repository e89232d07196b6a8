/* socket: a WebSocket at /graphql, its operations, and the protocol that is
 * spoken on it.
 *
 * What subscriptions have to say is pulled: their operations stand in a ring,
 * and when the socket can take more each gives a frame in turn. Answers and
 * results of queries are pushed. */
#ifndef NEXUS_GRAPHQL_SOCKET_H
#define NEXUS_GRAPHQL_SOCKET_H

#include "api/graphql/transport/service_private.h"
#include "lib/websocket.h"

struct socket;

/* A protocol on the wire. Both send {"id":…,"type":…,"payload":…}. */
struct protocol {
    const char *name; /* of the subprotocol */
    enum graphql_transport transport;
    const char *event_type; /* of a result: "next" */
    bool keepalive;         /* {"type":"ka"} on the beat */
    void (*message)(struct socket *socket, struct json message);
    void (*malformed)(struct socket *socket, const char *why);
    /* Appends a request error's payload. */
    void (*refusal)(const struct gql_errors *errors, struct buf *out);
};

/* The one of that name: NULL where there is none. */
const struct protocol *protocol_find(struct str name);

struct socket_operation {
    struct operation operation;
    struct socket *socket;
    struct socket_operation *prev, *next;             /* of its socket */
    struct socket_operation *ready_prev, *ready_next; /* ring; NULL: not in */
    uint32_t id_len, head_len;
    char text[]; /* its id, and {"id":…,"type":"next","payload": */
};

struct socket {
    struct graphql_service *service;
    struct websocket *ws;
    const struct protocol *protocol;
    bool acknowledged;
    bool closing;
    struct http_timer *init_timer; /* until it has introduced itself */
    struct graphql_beat beat;
    struct socket_operation *operations;
    uint32_t operation_count;
    struct socket_operation *ready; /* whose turn it is */
};

/* What protocols do. Each may have closed the socket's connection afterwards,
 * never freed it. */
void socket_acknowledge(struct socket *socket);
void socket_close(struct socket *socket, int code, const char *reason);
/* {"type":…} with id (p NULL: none) and payload (JSON text; len 0: none). */
void socket_say(struct socket *socket, const char *type, struct str id,
                struct str payload);
struct socket_operation *socket_find(struct socket *socket, struct str id);
void socket_start(struct socket *socket, struct str id,
                  const struct graphql_request *request);
void socket_stop(struct socket *socket, struct socket_operation *operation);

/* Memory for the message that is being read. */
struct arena *socket_arena(struct socket *socket);

#endif
