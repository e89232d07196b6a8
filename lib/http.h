/* http: an HTTP/1.1 server, for a few routes or a whole API.
 *
 * One thread owns a server: it runs the loop, calls the handlers and sends the
 * replies. A handler may answer at once, or keep the request and answer later
 * from the same thread (when a database result has come). It must not block.
 *
 * HEAD is answered by GET's handler without the body. Unknown paths get 404,
 * known paths with another method 405 with Allow, too large bodies 413,
 * malformed requests 400, too large heads 414 or 431: all as
 * application/problem+json (RFC 9457). Bodies have a Content-Length or come in
 * chunks.
 *
 * Every request has an id: the client's X-Request-Id where it is 1 to 64 of
 * A-Z a-z 0-9 . _ -, else a fresh ULID. It is echoed in the reply, and log
 * lines written while a handler runs carry it. */
#ifndef NEXUS_HTTP_H
#define NEXUS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/errmsg.h"
#include "lib/str.h"

#define HTTP_JSON    "application/json"
#define HTTP_PROBLEM "application/problem+json"
#define HTTP_TEXT    "text/plain; charset=utf-8"

struct http_server;
struct http_request;

typedef void (*http_handler)(struct http_request *req, void *arg);

struct http_route {
    const char *method;  /* "GET"; NULL ends a table */
    const char *pattern; /* "/api/v1/gpus/{id}/telemetry"; a last {name...}
                            takes the rest of the path, slashes too */
    http_handler handle;
    void *arg;
};

/* How libwebsockets waits for what is ready. */
struct http_loop;
extern const struct http_loop http_loop_poll; /* 1,024 clients; each turn looks
                                                 at all of them */
extern const struct http_loop http_loop_uv;   /* 16,384, at what is ready alone;
                            linked with -luv, loads libwebsockets-evlib-uv */

struct http_config {
    const char *host; /* address to listen on; NULL: all */
    int port;         /* 0: any free one, see http_server_port */
    const struct http_route *const *routes; /* tables, NULL at the end;
                                               borrowed as long as it serves */
    size_t body_max;              /* bytes of a request's body; 0: 1 MiB */
    size_t connections_max;       /* 0: the loop's; further clients wait in the
                               backlog */
    const struct http_loop *loop; /* NULL: http_loop_poll */
    bool cors; /* answer preflights; Access-Control-Allow-Origin: * */

    /* Called for every reply, with the route (NULL where none matched) and the
     * time since the request's head had come; or NULL. */
    void (*observe)(const struct http_route *route, int status,
                    int64_t elapsed_ns, void *arg);
    void *observe_arg;
};

/* Listens. NULL with *err, which says e.g. that the port is in use. */
struct http_server *http_server_new(const struct http_config *config,
                                    struct errmsg *err);
int http_server_port(const struct http_server *server);

/* Serves until http_server_stop, in a thread of its own … */
int http_server_start(struct http_server *server, struct errmsg *err);
/* … or in the caller's. */
void http_server_run(struct http_server *server);

/* Ends the loop after the replies that are due, at most 2 s. From any thread
 * or a signal's reader; joins the thread of http_server_start. */
void http_server_stop(struct http_server *server);
void http_server_free(struct http_server **server);

/* ---- the loop, for code that runs on it ---- */

struct http_watch;
enum { HTTP_READABLE = 1, HTTP_WRITABLE = 2 };
typedef void (*http_watch_fn)(int fd, int events, void *arg);

/* Calls fn while fd is ready for one of the events (level-triggered: the caller
 * reads or writes, or stops asking). An fd that is broken is reported as ready
 * for both, whatever was asked for. The fd stays the caller's: unwatch before
 * closing it. fn may free its watch. NULL when fd cannot be watched. On the
 * loop's thread, or while the loop does not run. */
struct http_watch *http_watch_new(struct http_server *server, int fd,
                                  int events, http_watch_fn fn, void *arg);
void http_watch_set(struct http_watch *watch, int events);
void http_watch_free(struct http_watch **watch);

/* Calls fn once after delay_ns, on the loop; setting it again starts anew. */
struct http_timer;
struct http_timer *http_timer_new(struct http_server *server,
                                  void (*fn)(void *arg), void *arg);
void http_timer_set(struct http_timer *timer, int64_t delay_ns);
/* At the end of this turn of the loop, when all that was ready has been seen
 * to. Not from fn itself, which would never end. */
void http_timer_set_turn(struct http_timer *timer);
void http_timer_free(struct http_timer **timer);

/* Calls fn(arg) soon on the loop; from any thread. */
void http_server_post(struct http_server *server, void (*fn)(void *arg),
                      void *arg);

/* ---- a request ---- */

struct str http_method(const struct http_request *req);
struct str http_path(const struct http_request *req); /* as sent: encoded */
const char *http_request_id(const struct http_request *req);

/* {name} of the route's pattern, percent-decoded. */
struct str http_param(const struct http_request *req, const char *name);

/* A query parameter, percent-decoded ('+' is a space): false when absent. The
 * first one where it repeats. */
bool http_query(const struct http_request *req, const char *name,
                struct str *value);

/* The query parameters one by one, in order: false behind the last. */
bool http_query_at(const struct http_request *req, size_t index,
                   struct str *name, struct str *value);

/* A header, name in lower case ("accept"): len 0 when absent. */
struct str http_header(const struct http_request *req, const char *name);
struct str http_body(const struct http_request *req);

/* Memory of this request; gone with its reply. */
struct arena *http_arena(struct http_request *req);

/* True once the client has left; replying is still due (and does nothing). */
bool http_gone(const struct http_request *req);

/* Has fn(arg) called once, should the client leave before the reply; so ends
 * early what is done for nobody. Replying is still due, maybe within fn. A
 * client that only stops sending counts as one that left: the two look the
 * same. What it sent behind the request hides its end. */
void http_on_gone(struct http_request *req, void (*fn)(void *arg), void *arg);

/* A further header of the reply; copies. */
void http_reply_header(struct http_request *req, const char *name,
                       const char *value);

/* Answers and ends the request, exactly once; takes body's memory and leaves
 * *body empty. type NULL: no body (body may be NULL). */
void http_reply(struct http_request *req, int status, const char *type,
                struct buf *body);

/* Answers with problem+json: {"type","title","status","detail","instance"}
 * and, with param, "errors":[{"parameter":…,"detail":…}]. */
void http_reply_problem(struct http_request *req, int status, const char *param,
                        const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- a reply in pieces ---- */

/* A reply whose body has no end yet (server-sent events, a long export),
 * chunked for HTTP/1.1. Pulled like a WebSocket's frames: fill appends to out
 * and says whether there is more; http_stream_want asks for the call. */
struct http_stream;
struct http_stream_handlers {
    bool (*fill)(struct http_stream *stream, struct buf *out, size_t room,
                 void *arg);
    void (*closed)(struct http_stream *stream, void *arg); /* last call, also
                                                 after http_stream_end */
};

/* Sends the head and ends the request (its arena goes, too). handlers are
 * borrowed. */
struct http_stream *http_reply_stream(struct http_request *req, int status,
                                      const char *type,
                                      const struct http_stream_handlers *h,
                                      void *arg);
void http_stream_want(struct http_stream *stream);
/* No more is to come; what fill has given is still sent. */
void http_stream_end(struct http_stream *stream);

#endif
