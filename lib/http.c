/* http: the server: listening, its end. The listening socket is our own (clear
 * errors, a limit on clients, and an end that refuses new ones first). */
#include "lib/http_private.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/listener.h"
#include "lib/mem.h"

#define ACCEPTS_MAX 64 /* clients let in before the loop goes on */

/* Until it is looked whether a file descriptor has come free. */
#define ACCEPT_AGAIN_NS (100 * NS_PER_MS)

/* What many clients needed is given back to the system this long after they
 * have left; few are not worth it. */
#define TRIM_NS     (2 * NS_PER_S)
#define TRIM_MAX_NS (20 * NS_PER_S) /* where they leave all the time */
#define TRIM_MIN    32

/* ---- listening ---- */

static int server_listen(struct http_server *server, struct errmsg *err)
{
    int fd = listener_open(server->config.host, server->config.port, err);
    if (fd < 0)
        return fd;
    server->listen_fd = fd;
    server->port = listener_port(fd);
    return 0;
}

/* A client that is not let in waits in the backlog, where it would be found
 * ready all the time: so nobody looks for a while. */
static void accept_failed(struct http_server *server, int code)
{
    if (code != EMFILE && code != ENFILE && code != ENOBUFS && code != ENOMEM)
        return;
    http_watch_set(server->listener, 0);
    http_timer_set(server->listen_again, ACCEPT_AGAIN_NS);
}

static void server_accept(int fd, int events, void *arg)
{
    (void)events;
    struct http_server *server = arg;
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        if (server->conn_count >= server->config.connections_max) {
            http_watch_set(server->listener, 0);
            return;
        }
        int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client < 0) {
            accept_failed(server, errno);
            return;
        }
        http_conn_open(server, client);
    }
}

static void accept_again(void *arg)
{
    struct http_server *server = arg;
    if (!server->draining &&
        server->conn_count < server->config.connections_max)
        http_watch_set(server->listener, HTTP_READABLE);
}

static void listener_close(struct http_server *server)
{
    http_watch_free(&server->listener);
    if (server->listen_fd >= 0)
        close(server->listen_fd);
    server->listen_fd = -1;
}

/* ---- memory that is not needed any more ---- */

static void trim(void *arg)
{
    struct http_server *server = arg;
    server->trim_by_ns = 0;
    server->conn_peak = server->conn_count;
    malloc_trim(0);
}

/* Half of them have left, and maybe more do. */
static void trim_soon(struct http_server *server)
{
    if (server->conn_peak < TRIM_MIN ||
        server->conn_count > server->conn_peak / 2)
        return;
    int64_t now = clock_mono_ns();
    if (server->trim_by_ns == 0)
        server->trim_by_ns = now + TRIM_MAX_NS;
    int64_t left = server->trim_by_ns - now;
    http_timer_set(server->trim,
                   left < TRIM_NS ? (left > 0 ? left : 0) : TRIM_NS);
}

/* ---- the server ---- */

static void config_copy(struct http_server *server,
                        const struct http_config *config)
{
    server->config = *config;
    if (config->host != NULL)
        server->config.host = server->host = mem_strdup(config->host);
    if (server->config.body_max == 0)
        server->config.body_max = HTTP_BODY_DEFAULT;
    if (server->config.loop == NULL)
        server->config.loop = &http_loop_poll;
    if (server->config.connections_max == 0)
        server->config.connections_max = server->config.loop->connections;
}

static void stop_overdue(void *arg)
{
    struct http_server *server = arg;
    server->finished = true;
}

static int server_open(struct http_server *server, struct errmsg *err)
{
    int rc = server_listen(server, err);
    if (rc != 0)
        return rc;
    rc = http_loop_open(server);
    if (rc != 0)
        return errmsg_set(err, rc, "cannot start the HTTP server's loop: %s",
                          strerror(-rc));
    server->stop_timer = http_timer_new(server, stop_overdue, server);
    server->listen_again = http_timer_new(server, accept_again, server);
    server->trim = http_timer_new(server, trim, server);
    server->listener = http_watch_new(server, server->listen_fd, HTTP_READABLE,
                                      server_accept, server);
    assert(server->listener != NULL);
    return 0;
}

struct http_server *http_server_new(const struct http_config *config,
                                    struct errmsg *err)
{
    struct http_server *server = mem_zalloc(sizeof *server);
    server->listen_fd = -1;
    pthread_mutex_init(&server->posts_lock, NULL);
    config_copy(server, config);
    if (server_open(server, err) != 0)
        http_server_free(&server);
    return server;
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

static void conns_close(struct http_server *server)
{
    while (server->conns != NULL)
        http_conn_close(server->conns);
}

void http_server_run(struct http_server *server)
{
    while (!server->finished)
        http_loop_turn(server);
    conns_close(server);
}

static void *server_thread(void *arg)
{
    http_server_run(arg);
    return NULL;
}

/* Signals belong to the program's own thread. */
int http_server_start(struct http_server *server, struct errmsg *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&server->thread, NULL, server_thread, server);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return errmsg_set(err, -rc, "cannot start the HTTP thread: %s",
                          strerror(rc));
    server->threaded = true;
    return 0;
}

/* ---- its end ---- */

/* A client whose request is not whole yet is owed nothing. */
static void conn_stop(struct http_conn *conn)
{
    if (conn->state == CONN_FLOW)
        conn->flow->ops->stop(conn->flow);
    else if (conn->state != CONN_WAIT && conn->state != CONN_SEND)
        http_conn_close(conn);
}

static void check_stop(struct http_server *server)
{
    if (!atomic_load(&server->stop_asked) || server->draining)
        return;
    server->draining = true;
    listener_close(server);
    http_timer_set(server->stop_timer, HTTP_STOP_NS);
    for (struct http_conn *c = server->conns, *next; c != NULL; c = next) {
        next = c->next;
        conn_stop(c);
    }
    if (server->conn_count == 0)
        server->finished = true;
}

void http_server_woken(struct http_server *server)
{
    http_posts_run(server);
    check_stop(server);
}

void http_server_conn_closed(struct http_server *server)
{
    if (!server->draining) {
        http_watch_set(server->listener, HTTP_READABLE);
        trim_soon(server);
    } else if (server->conn_count == 0) {
        server->finished = true;
    }
}

void http_server_stop(struct http_server *server)
{
    atomic_store(&server->stop_asked, true);
    http_loop_wake(server);
    if (!server->threaded || pthread_equal(server->thread, pthread_self()))
        return;
    pthread_join(server->thread, NULL);
    server->threaded = false;
}

/* Posts that the loop did not come to are run, so that nothing they own is
 * lost. */
void http_server_free(struct http_server **server)
{
    struct http_server *s = *server;
    *server = NULL;
    if (s == NULL)
        return;
    assert(!s->threaded);
    s->finished = s->draining = true;
    if (s->posts_end != NULL)
        http_posts_run(s);
    conns_close(s);
    listener_close(s);
    http_timer_free(&s->stop_timer);
    http_timer_free(&s->listen_again);
    http_timer_free(&s->trim);
    http_loop_close(s);
    http_requests_close(s);
    if (s->sockets_free != NULL)
        s->sockets_free(s->sockets);
    buf_fini(&s->reply);
    pthread_mutex_destroy(&s->posts_lock);
    free(s->host);
    free(s);
}
