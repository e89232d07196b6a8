/* server: the one loop that everything else in the broker runs on.
 *
 * A turn: wait for events; serve each; run due timers; let the streams hand
 * what was published to the disk, acknowledge what reached it and feed their
 * consumers; write every connection's output; free what ended. Nothing is
 * freed before the last step. */
#ifndef NEXUS_BROKER_SERVER_H
#define NEXUS_BROKER_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "broker/account.h"
#include "broker/auth/auth.h"
#include "broker/chunk.h"
#include "broker/conn.h"
#include "broker/jetstream/jetstream_config.h"
#include "broker/net/acceptor.h"
#include "broker/net/tls_config.h"
#include "broker/net/websocket_config.h"
#include "broker/sublist.h"
#include "broker/timer.h"
#include "broker/watch.h"
#include "lib/clock.h"
#include "lib/errmsg.h"

/* What clients are told; they tell features apart by it: several filters,
 * metadata, transforms and limits for consumers came with 2.10. What came
 * later is there in parts (pausing, lifetimes of messages), which no client
 * infers from this number. */
#define SERVER_NATS_VERSION "2.10.29"

#define SERVER_READ_BYTES      (256u << 10)
#define SERVER_EVENTS_MAX      256
#define SERVER_ROUTE_DEPTH_MAX 4

/* A subscriber that is blocked with this much output slows publishers down:
 * each is paused at most this long at a time, so that a dead subscriber costs
 * its max_pending, not the others' time. */
#define SERVER_SLOW_BYTES (1u << 20)
#define SERVER_SLOW_NS    (2 * NS_PER_MS)

struct jetstream;
struct password_checker;
struct remotes;
struct syncer;

struct server_config {
    const char *addr;
    int64_t port; /* 0, -1: any free one */
    const char *name;
    struct auth_config auth;
    int64_t payload_max, control_line_max, pending_max, connections_max;
    int64_t subs_max; /* of one connection; 0: any number */
    int64_t ping_interval_ns, ping_max, auth_timeout_ns, write_deadline_ns;
    /* From the lame duck signal to the end: a pause, then the clients go one
     * by one. */
    int64_t lame_duck_grace_ns, lame_duck_ns;
    bool jetstream;
    struct jetstream_config js;
    struct tls_config tls;
    struct websocket_config websocket;
};

struct server_counts {
    uint64_t accepted, slow_consumers, stale;
    struct conn_traffic closed; /* of connections that are gone */
};

struct closed_clients;
struct server_call;

struct server {
    struct server_config config;
    char id[27];
    int epoll_fd, port;
    struct acceptor clients, websockets;
    struct tls_context *tls;           /* NULL: clients speak in clear */
    struct tls_context *websocket_tls; /* the same at the other door */
    struct ws_shared *websocket;       /* NULL: that door is closed */
    int64_t now_ns;                    /* mono, of this turn */
    int64_t started_ns;                /* wall */

    struct account *accounts; /* by name */
    struct account *account;  /* the default one */
    struct timers timers;
    struct password_checker *passwords; /* NULL: none was checked yet */
    struct syncer *syncer;   /* of all file stores; NULL: no streams */
    struct remotes *remotes; /* whose streams are copied; NULL: none */
    struct sub_result scratch[SERVER_ROUTE_DEPTH_MAX];
    unsigned route_depth;
    uint64_t random;
    bool pressure; /* this operation met a slow subscriber or disk */

    struct conn *conns;
    uint32_t conn_count;
    uint64_t last_conn_id;
    struct conn *dirty, *closed, *paused;
    struct closed_clients *closed_clients; /* NULL: nobody asks about them */
    struct chunk_pool chunks;              /* of all connections' output */
    struct timer trim_timer;
    int64_t trimmed_ns; /* when memory was given back, mono */
    unsigned turns;     /* since trim_timer fired */
    bool busy;          /* many of them when it did */
    char *read_buffer;  /* SERVER_READ_BYTES */
    struct server_counts counts;

    struct watch stop_watch, wake_watch;
    int wake_fd; /* the syncer and server_call write it */
    bool stopping;

    bool lame_duck; /* SIGUSR2 came; see lame_duck.h */
    struct timer duck_timer;
    int64_t duck_step_ns;
    uint32_t duck_batch;

    pthread_mutex_t call_lock;
    pthread_cond_t call_done;
    struct server_call *calls;
    bool calls_closed;
};

/* Listens, and opens the streams when jetstream is on. NULL with *err. */
struct server *server_new(const struct server_config *config,
                          struct errmsg *err);

/* Serves until stop_fd is readable, then ends cleanly: what was published is
 * on disk and acknowledged, connections are closed. */
void server_run(struct server *server, int stop_fd);
void server_free(struct server **server);

/* The account of that name; made when it is not there. */
struct account *server_account(struct server *server, const char *name);

/* Adds fd to the loop / tells which events to wait for. */
void server_watch(struct server *server, int fd, uint32_t events,
                  struct watch *watch);
void server_watch_change(struct server *server, int fd, uint32_t events,
                         struct watch *watch);

/* From another thread: runs fn(server, arg) on the loop and waits for it.
 * False, and fn is not run, when the server is ending. */
bool server_call(struct server *server, void (*fn)(struct server *, void *),
                 void *arg);

/* A quick pseudo-random number. */
uint32_t server_random(struct server *server);

/* Traffic of all connections, gone ones included. */
struct conn_traffic server_traffic(const struct server *server);

/* The INFO line for a connection. */
void server_info(const struct server *server, const struct conn *conn,
                 struct buf *out);

#endif
