/* http_private: what the files of the HTTP server share. The public face is
 * lib/http.h.
 *
 *   http.c          the server: listening, its loop, its end
 *   http_loop.c     watches, timers and posts, for others on the same loop
 *   http_conn.c     one client's connection, a state machine
 *   http_request.c  one request: route, accessors
 *   http_reply.c    one reply
 *   http_head.c     the parser
 *
 * libwebsockets gives the event loop, the sockets with partial writes, the
 * timers, and WebSocket. Its HTTP parser is not used: as of 4.1.6 it answers a
 * malformed escape with 403 and a page of its own, drops a connection whose
 * head is too large without a reply, changes '+', '&' and '//' in paths, and
 * keeps the loop spinning while a request waits for its answer. Connections
 * are its raw sockets instead, and http_head.c reads them. A WebSocket upgrade
 * can be handed to it whole, with the bytes read so far
 * (lws_adopt_socket_vhost_readbuf on a duplicate of the socket): its protocols
 * stand in http.c's one table. */
#ifndef NEXUS_HTTP_PRIVATE_H
#define NEXUS_HTTP_PRIVATE_H

#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>

#include "lib/http.h"
#include "lib/http_head.h"
#include "lib/ulid.h"

#define HTTP_HEAD_MAX            16384 /* bytes of a request's head */
#define HTTP_BODY_DEFAULT        (1 << 20)
#define HTTP_CONNECTIONS_DEFAULT 1024
#define HTTP_SEGMENTS_MAX        16 /* of a path */
#define HTTP_PARAMS_MAX          4  /* {names} of a pattern */
#define HTTP_QUERY_MAX           64 /* query parameters of a request */
#define HTTP_ID_MAX              64 /* bytes of a client's X-Request-Id */
#define HTTP_IDLE_S              75 /* between two requests */
#define HTTP_STALL_S             15 /* without progress inside one */
#define HTTP_LINGER_S            2  /* for the client to read its last reply */
#define HTTP_STOP_NS             (2 * NS_PER_S)
#define HTTP_WRITE_CHUNK         65536 /* handed to the socket at once */

#define HTTP_PROTOCOL_CONN  "nexus-http"
#define HTTP_PROTOCOL_WATCH "nexus-watches"

enum conn_state {
    CONN_HEAD,   /* reads until a head is whole; idle between requests */
    CONN_BODY,   /* reads until the body is whole */
    CONN_WAIT,   /* the handler has the request; nothing is read */
    CONN_SEND,   /* writes the reply; nothing is read */
    CONN_LINGER, /* has sent the last reply and FIN; drops what still comes */
    CONN_DEAD    /* libwebsockets will close it at the next chance */
};

struct http_conn {
    struct http_server *server;
    struct lws *wsi;
    struct http_conn *prev, *next; /* the server's list of all */
    enum conn_state state;
    bool advancing;           /* conn_advance is on the stack */
    struct buf in;            /* read, not yet part of a request */
    size_t in_seen;           /* see http_head_end */
    struct http_request *req; /* of this connection, in every state */
    struct buf out;           /* the reply's head, and a small body behind */
    struct buf out_body;      /* a larger body */
    size_t sent;              /* bytes of both together */
};

struct http_pair {
    struct str name, value;
};

struct http_request {
    struct http_server *server;
    struct http_conn *conn; /* NULL once the client has left */
    struct arena arena;
    struct http_head head;
    const struct http_route *route;
    struct http_pair params[HTTP_PARAMS_MAX];
    size_t param_count;
    struct http_pair query[HTTP_QUERY_MAX];
    size_t query_count;
    struct buf body;
    struct buf headers; /* of the reply, added by the handler */
    char id[HTTP_ID_MAX + 1];
    int64_t started_ns;
    bool open;   /* a handler has it and has not replied */
    bool last;   /* the connection ends with the reply */
    bool unread; /* … and bytes of the client are left unread */
};

struct http_post;

struct http_server {
    struct http_config config;
    char *host;
    struct lws_context *lws;
    struct lws_vhost *vhost;
    int listen_fd;
    int port;
    struct http_watch *listener;
    int epoll_fd; /* of all watches; libwebsockets owns it */
    struct http_conn *conns;
    size_t conn_count;
    const struct http_request *current; /* its handler is on the stack */
    time_t date_s;
    char date[32]; /* of date_s, as the Date field wants it */

    atomic_bool stop_asked;
    bool draining; /* no new requests; ends when the replies are sent */
    bool finished;
    struct http_timer *stop_timer;

    bool threaded;
    pthread_t thread;
    pthread_mutex_t posts_lock; /* guards posts */
    struct http_post *posts;
};

/* http.c */
void http_server_conn_closed(struct http_server *server);

/* http_loop.c */
int http_watches_open(struct http_server *server);
int http_watches_callback(struct lws *wsi, enum lws_callback_reasons reason,
                          void *user, void *in, size_t len);
void http_posts_run(struct http_server *server);

/* http_conn.c */
int http_conn_callback(struct lws *wsi, enum lws_callback_reasons reason,
                       void *user, void *in, size_t len);
void http_conn_open(struct http_server *server, int fd);
void http_conn_send(struct http_conn *conn);
void http_conn_close(struct http_conn *conn);

/* http_request.c */
struct http_request *http_request_new(struct http_server *server,
                                      struct http_conn *conn);
void http_request_free(struct http_request *req);
void http_request_reset(struct http_request *req);

/* Takes a whole head (copied). 0, or the refusal's status and *why. */
int http_request_begin(struct http_request *req, struct str head,
                       const char **why);
/* Finds the route and calls its handler, or replies by itself. */
void http_request_dispatch(struct http_request *req);

/* http_reply.c */
void http_refuse(struct http_request *req, int status, const char *why);

#endif
