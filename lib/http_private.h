/* http_private: what the files of the HTTP server share. The public face is
 * lib/http.h.
 *
 *   http.c          the server: listening, its end
 *   http_loop.c     its loop: turns, watches, posts, what is dead
 *   http_loop_uv.c  the same loop on libuv, for thousands of clients
 *   http_timer.c    timers: a heap
 *   http_conn.c     one client's connection, a state machine
 *   http_request.c  one request: route, accessors
 *   http_reply.c    one reply
 *   http_head.c     the parser of heads, http_chunks.c of chunked bodies
 *   http_flow.c     what goes on after the head of a reply: pulled writes
 *   http_stream.c   a reply in pieces, a flow
 *   websocket.c     a WebSocket, a flow; websocket_accept.c its beginning
 *
 * libwebsockets is the event loop and owns the clients' sockets: they are
 * adopted, it says when one can be read or written, wakes for other threads, and
 * closes. Adopted as its raw files, not its raw sockets: those it would read
 * itself, and close at once where a client has shut down its sending side and
 * still waits for the reply. What is built on top is ours (docs/architecture.md
 * says why): heads, WebSocket frames, when and what is written. Watches of
 * others' descriptors live in one epoll set that libwebsockets has as one more
 * raw file: so they stay their owners', and are level-triggered both ways.
 *
 * Nothing is freed while the events of one turn are handed out: what ends is
 * buried, and gone at the end of the turn. Nor is anything written when a socket
 * has room again before that: behind this callback libwebsockets stops looking
 * for room, so what was asked for inside it would be lost.
 */
#ifndef NEXUS_HTTP_PRIVATE_H
#define NEXUS_HTTP_PRIVATE_H

#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/http.h"
#include "lib/http_chunks.h"
#include "lib/http_head.h"
#include "lib/ulid.h"

#define HTTP_HEAD_MAX            16384 /* bytes of a request's head */
#define HTTP_BODY_DEFAULT        (1 << 20)
#define HTTP_CONNECTIONS_DEFAULT 1024
#define HTTP_SEGMENTS_MAX        16 /* of a path */
#define HTTP_PARAMS_MAX          4  /* {names} of a pattern */
#define HTTP_QUERY_MAX           64 /* query parameters of a request */
#define HTTP_ID_MAX              64 /* bytes of a client's X-Request-Id */
#define HTTP_IDLE_NS             (75 * NS_PER_S) /* between two requests */
#define HTTP_STALL_NS            (15 * NS_PER_S) /* without progress in one */
#define HTTP_LINGER_NS           (2 * NS_PER_S)  /* to read the last reply */
#define HTTP_STOP_NS             (2 * NS_PER_S)
#define HTTP_READ_CHUNK          65536 /* taken from a socket at once */
#define HTTP_WRITE_CHUNK         65536 /* asked of a flow at once */

/* ---- what is dead ---- */

/* First in what may end while the loop hands out events. */
struct http_dead {
    struct http_dead *next;
};

/* Frees it at the end of the turn. */
void http_bury(struct http_server *server, struct http_dead *dead);

/* ---- watches and timers, also inside other structures ---- */

struct http_watch {
    struct http_dead dead; /* first */
    struct http_server *server;
    int fd;
    int events;
    http_watch_fn fn; /* NULL: it has ended */
    void *arg;
};

struct http_timer {
    struct http_server *server;
    void (*fn)(void *arg);
    void *arg;
    int64_t due_ns;
    size_t at; /* its place in the heap, from 1; 0: it is not set */
};

struct http_timer_entry {
    int64_t key_ns; /* due_ns, or earlier: then it is looked at again */
    struct http_timer *timer;
};

struct http_timers {
    struct http_timer_entry *heap; /* from 1 */
    size_t count, cap;
};

void http_timer_init(struct http_timer *timer, struct http_server *server,
                     void (*fn)(void *arg), void *arg);
void http_timer_set_at(struct http_timer *timer, int64_t due_ns);
void http_timer_cancel(struct http_timer *timer);
void http_timers_run(struct http_server *server);
void http_timers_close(struct http_server *server);

/* When the next one is to be looked at; INT64_MAX: never. */
int64_t http_timers_next(const struct http_server *server);

/* ---- connections ---- */

enum conn_state {
    CONN_HEAD,   /* reads until a head is whole; idle between requests */
    CONN_BODY,   /* reads until the body is whole */
    CONN_WAIT,   /* the handler has the request; nothing is read */
    CONN_SEND,   /* writes the reply; nothing is read */
    CONN_FLOW,   /* a flow has it: a stream or a WebSocket */
    CONN_LINGER, /* has sent the last reply and FIN; drops what still comes */
    CONN_DEAD    /* closed; its memory goes at the end of the turn */
};

struct http_flow;

struct http_conn {
    struct lws *wsi;         /* has the socket; NULL: it is closed */
    int fd;                  /* … which this is */
    struct http_timer timer; /* never cancelled, only set: see http_timer.c */
    struct http_server *server;
    struct http_conn *prev, *next; /* the server's list of all, or closed */
    struct http_conn *next_roomy;
    enum conn_state state;
    bool reads, writes; /* what libwebsockets looks for */
    bool roomy;         /* it has found room; in the server's list of these */
    bool advancing;     /* conn_advance is on the stack */
    bool last;          /* it ends with the reply being sent */
    bool unread;        /* … and bytes of the client are left unread */
    struct buf in;      /* read, not yet part of a request */
    size_t in_seen;     /* see http_head_end */
    struct http_request *req; /* NULL between requests */
    struct http_flow *flow;   /* in CONN_FLOW */
    struct buf out;      /* what the socket did not take: of the head, … */
    struct buf out_body; /* … and behind it of a reply's body */
    size_t sent;         /* bytes of both together */
};

/* ---- requests ---- */

struct http_pair {
    struct str name, value;
};

struct http_request {
    struct http_request *next; /* spare ones */
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
    struct http_chunks chunks; /* it comes in, maybe */
    struct buf headers;        /* of the reply, added by the handler */
    char id[HTTP_ID_MAX + 1];
    void (*gone)(void *arg); /* see http_on_gone; NULL: nobody asks */
    void *gone_arg;
    int64_t started_ns;
    bool open; /* a handler has it and has not replied */
    bool last; /* the connection ends with the reply */
};

/* ---- flows ---- */

struct http_flow_ops {
    /* Appends what goes out next; true: there is more. */
    bool (*fill)(struct http_flow *flow, struct buf *out, size_t room);
    /* What the client sends; it may be changed in place. NULL: it belongs to
     * the next request. */
    void (*received)(struct http_flow *flow, char *bytes, size_t len);
    void (*drained)(struct http_flow *flow); /* nothing is unsent */
    /* The connection's timer; NULL: it is for a client that takes nothing. */
    void (*due)(struct http_flow *flow);
    void (*stop)(struct http_flow *flow); /* the server ends */
    /* The connection has gone, by whatever cause: the last call. */
    void (*gone)(struct http_flow *flow);
};

TAILQ_HEAD(http_flows, http_flow);

struct http_flow {
    struct http_dead dead; /* first */
    const struct http_flow_ops *ops;
    struct http_server *server;
    struct http_conn *conn; /* NULL once the client has left */
    TAILQ_ENTRY(http_flow) link;
    struct http_flows *queue; /* the one it stands in, or NULL */
    int64_t wrote_ns;         /* when fill was last called */
    int64_t gather_ns;
    size_t filled; /* bytes at the front of conn->out that fill gave */
    bool wanted;   /* fill has something */
};

/* Flows wait for what else comes in slots of a millisecond. */
#define HTTP_SLOTS 64

struct http_gather {
    struct http_flows ready; /* to be served at the end of this turn */
    struct http_flows slots[HTTP_SLOTS];
    uint64_t filled; /* a bit for each slot that is not empty */
    int64_t ms;      /* the last one that was served */
    struct buf out;  /* scratch */
};

void http_flow_init(struct http_flow *flow, struct http_server *server,
                    const struct http_flow_ops *ops, int64_t gather_ns);
void http_flow_want(struct http_flow *flow);

/* Where to append what goes out at the end of this turn, between two fills. */
struct buf *http_flow_push(struct http_flow *flow);

/* Has it called drained, even with nothing to send. */
void http_flow_wake(struct http_flow *flow);
size_t http_flow_unsent(const struct http_flow *flow);
size_t
http_flow_pushed(const struct http_flow *flow); /* of these, not fill's */
void http_flow_serve(struct http_flow *flow);

/* No more of it: out of every queue, dead at the end of the turn. */
void http_flow_end(struct http_flow *flow);

void http_gather_open(struct http_server *server);
void http_gather_run(struct http_server *server);
void http_gather_close(struct http_server *server);
int64_t http_gather_next(const struct http_server *server);

/* ---- the server ---- */

struct http_post;

struct http_server {
    struct http_config config;
    char *host;
    int listen_fd;
    int port;
    struct http_watch *listener;
    struct http_timer *listen_again;
    struct lws_context *lws;
    struct lws_vhost *vhost;
    void *loop;                 /* config.loop's own */
    lws_sorted_usec_list_t due; /* ends the wait of libwebsockets' own loop */
    int files_max;              /* descriptors below it can be adopted */
    int epoll_fd;               /* of all watches; libwebsockets closes it */
    struct http_timers timers;
    struct http_gather gather;
    int64_t now_ns; /* when this turn of the loop began */
    bool turning;   /* it has */
    struct http_dead *dead;
    struct http_conn *conns;
    struct http_conn *closed; /* to be freed at the end of the turn */
    struct http_conn *roomy;  /* to be written to then */
    size_t conn_count;
    size_t conn_peak; /* since memory was last given back */
    struct http_timer *trim;
    int64_t trim_by_ns;         /* mono: not put off beyond; 0: it is not set */
    struct http_request *spare; /* requests, to be used again */
    size_t spare_count;
    const struct http_request *current; /* its handler is on the stack */
    time_t date_s;
    char date[32];    /* of date_s, as the Date field wants it */
    struct buf reply; /* scratch: a reply's head */

    /* What all WebSockets share, made by the first one. */
    void *sockets;
    void (*sockets_free)(void *sockets);

    atomic_bool stop_asked;
    bool draining; /* no new requests; ends when the replies are sent */
    bool finished;
    struct http_timer *stop_timer;

    bool threaded;
    pthread_t thread;
    pthread_mutex_t posts_lock; /* guards posts */
    struct http_post *posts, **posts_end;

    char in[HTTP_READ_CHUNK]; /* scratch: what a socket gives */
};

/* http.c */
void http_server_conn_closed(struct http_server *server);

/* Called when another thread has woken the loop. */
void http_server_woken(struct http_server *server);

/* How the loop waits. */
struct http_loop {
    size_t connections; /* the default */
    int (*open)(struct http_server *server,
                struct lws_context_creation_info *info);
    /* One turn's events, waiting for them until due_ns (INT64_MAX: for ever). */
    void (*turn)(struct http_server *server, int64_t due_ns);
    void (*close)(struct http_server *server); /* server->lws, too, if any */
};

/* http_loop.c */
int http_loop_open(struct http_server *server);

/* Called with each event: the first one begins the turn. */
void http_loop_event(struct http_server *server);
void http_loop_turn(struct http_server *server);
void http_loop_wake(struct http_server *server);
void http_loop_close(struct http_server *server);
void http_posts_run(struct http_server *server);

/* http_conn.c */
#define HTTP_PROTOCOL_CONN "nexus-http"
void http_conn_open(struct http_server *server, int fd);
int http_conn_callback(struct lws *wsi, enum lws_callback_reasons reason,
                       void *user, void *in, size_t len);
void http_conns_write(struct http_server *server); /* where there is room */
void http_conns_free(struct http_server *server);  /* those that are closed */

/* Sends head and body (takes it, leaves it empty) as the request's reply. */
void http_conn_reply(struct http_conn *conn, struct str head, struct buf *body);

/* Sends head; from then on the connection is the flow's. The request is gone. */
void http_conn_upgrade(struct http_conn *conn, struct str head,
                       struct http_flow *flow);

/* The flow has ended and is sent: on with the next request, unless last. */
void http_conn_resume(struct http_conn *conn, bool last);
void http_conn_deadline(struct http_conn *conn, int64_t delay_ns); /* 0: none */

/* Sends what is unsent. True: all of it is out. Waits for room where not. */
bool http_conn_flush(struct http_conn *conn);
void http_conn_wait(struct http_conn *conn);
void http_conn_feed(struct http_conn *conn); /* looks at what is unread */
void http_conn_close(struct http_conn *conn);

/* http_request.c */
struct http_request *http_request_new(struct http_server *server,
                                      struct http_conn *conn);
void http_request_free(struct http_request *req);

/* The client has left, whom a handler may wait for: see http_on_gone. */
void http_request_gone(struct http_request *req);
void http_requests_close(struct http_server *server);

/* Takes a whole head (copied). 0, or the refusal's status and *why. */
int http_request_begin(struct http_request *req, struct str head,
                       const char **why);
/* Finds the route and calls its handler, or replies by itself. */
void http_request_dispatch(struct http_request *req);

/* http_reply.c */
void http_refuse(struct http_request *req, int status, const char *why);

/* For replies that go on: the head's start, up to and with the fields that
 * every reply has and the handler's own; no empty line. */
struct buf *http_reply_begin(struct http_request *req, int status,
                             const char *type);

/* Tells log and observer; the request is not open any more. */
void http_reply_done(struct http_request *req, int status, size_t bytes);

#endif
