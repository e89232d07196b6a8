/* service_private: what the files of the transports share. The public face is
 * service.h.
 *
 *   service.c    routes, allow-list, the beat of keep-alives
 *   request.c    what a client asks for
 *   operation.c  one operation: prepared, run, cancelled, in time
 *   topic.c      subscriptions: one execution an event, however many listen
 *   http.c       GraphQL over HTTP
 *   graphiql.c   the page for browsers
 *   sse.c        … with server-sent events
 *   socket.c     a WebSocket and its operations
 *   protocol.c   the two protocols that are spoken on it
 *   settings.c   limits and times */
#ifndef NEXUS_GRAPHQL_SERVICE_PRIVATE_H
#define NEXUS_GRAPHQL_SERVICE_PRIVATE_H

#include "api/graphql/transport/operation.h"
#include "api/graphql/transport/service.h"
#include "lib/websocket.h"

/* What the logs of all topics may keep together. */
#define GRAPHQL_LOGS_MAX (64 << 20)

/* Somebody who has to say something now and then. */
struct graphql_beat {
    struct graphql_beat *prev, *next;
    void (*fn)(struct graphql_beat *beat);
};

/* Under the 15 s after which proxies and clients of the older protocol begin to
 * lose patience. */
#define GRAPHQL_BEAT_NS (12 * NS_PER_S)

struct graphql_service {
    struct graphql_settings settings;
    struct gql_schema *schema;
    struct str schema_text;
    struct gql_cache *cache;
    struct static_files *files;
    struct graphql_stats stats;
    bool any_origin;
    struct http_route routes[4];
    struct http_server *server; /* NULL: not started, or stopped */
    void *context;
    struct graphql_topic *topics; /* uthash */
    struct event_budget log_budget;
    struct websocket_config websocket;
    struct arena scratch;     /* of the message that is being read */
    int64_t sockets, streams; /* connected now */
    struct graphql_beat *beats;
    struct http_timer *beat_timer;
};

/* Joins the beat: fn is called every GRAPHQL_BEAT_NS, until it is left. */
void graphql_beat_join(struct graphql_service *service,
                       struct graphql_beat *beat);
void graphql_beat_leave(struct graphql_service *service,
                        struct graphql_beat *beat);

/* http.c: the handlers of POST and GET /graphql */
void graphql_http_post(struct http_request *req, void *service);
void graphql_http_get(struct http_request *req, void *service);

/* http.c: … and of GET /graphql/schema.graphql. */
void graphql_schema_get(struct http_request *req, void *service);

/* graphiql.c: answers with the page. */
void graphql_page_reply(struct graphql_service *service,
                        struct http_request *req);

/* Answers with one error of that code: {"errors":[…]}. */
void graphql_http_refuse(struct http_request *req, int status, const char *code,
                         const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* sse.c: answers with the results of an operation that has begun, which it
 * takes, as events; or with the errors as the only one. */
void graphql_sse_open(struct graphql_service *service, struct http_request *req,
                      struct operation *op);
void graphql_sse_refuse(struct graphql_service *service,
                        struct http_request *req,
                        const struct gql_errors *errors);

/* socket.c: the request becomes a WebSocket. */
void graphql_socket_open(struct graphql_service *service,
                         struct http_request *req);

#endif
