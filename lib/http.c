/* http: the server: listening, its loop, its end. The listening socket is our
 * own (clear errors, a limit on clients, and an end that refuses new ones
 * first); libwebsockets adopts what it accepts. */
#include "lib/http_private.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/listener.h"
#include "lib/log.h"
#include "lib/mem.h"

#define ACCEPTS_MAX 16 /* clients let in before the loop goes on */

/* File descriptors libwebsockets handles besides the clients' own. */
#define LWS_SPARE_FDS 8

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
        if (client < 0)
            return;
        http_conn_open(server, client);
    }
}

static void listener_close(struct http_server *server)
{
    http_watch_free(&server->listener);
    if (server->listen_fd >= 0)
        close(server->listen_fd);
    server->listen_fd = -1;
}

/* ---- libwebsockets ---- */

static void library_log(int level, const char *line)
{
    (void)level;
    log_debug("libwebsockets", LOG_SLICE("line", str_trim(str_of(line))));
}

static void server_check_stop(struct http_server *server);

/* The first protocol hears what concerns the whole context. */
static int server_callback(struct lws *wsi, enum lws_callback_reasons reason,
                           void *user, void *in, size_t len)
{
    (void)user;
    (void)in;
    (void)len;
    if (reason != LWS_CALLBACK_EVENT_WAIT_CANCELLED)
        return 0;
    struct http_server *server = lws_context_user(lws_get_context(wsi));
    http_posts_run(server);
    server_check_stop(server);
    return 0;
}

static const struct lws_protocols protocols[] = {
    {.name = "nexus-server", .callback = server_callback},
    {.name = HTTP_PROTOCOL_CONN,
     .callback = http_conn_callback,
     .tx_packet_size = HTTP_WRITE_CHUNK},
    {.name = HTTP_PROTOCOL_WATCH, .callback = http_watches_callback},
    {.name = NULL},
};

static int context_open(struct http_server *server, struct errmsg *err)
{
    lws_set_log_level(LLL_ERR | LLL_WARN, library_log);
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = protocols,
        .user = server,
        .gid = -1,
        .uid = -1,
        .vhost_name = "nexus",
        .pt_serv_buf_size = HTTP_HEAD_MAX,
        .fd_limit_per_thread =
            (unsigned)server->config.connections_max + LWS_SPARE_FDS,
    };
    server->lws = lws_create_context(&info);
    if (server->lws == NULL)
        return errmsg_set(err, -ENOMEM, "cannot start the HTTP server");
    server->vhost = lws_get_vhost_by_name(server->lws, "nexus");
    assert(server->vhost != NULL);
    int rc = http_watches_open(server);
    if (rc != 0)
        return errmsg_set(err, rc, "cannot start the HTTP server's loop: %s",
                          strerror(-rc));
    return 0;
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
    if (server->config.connections_max == 0)
        server->config.connections_max = HTTP_CONNECTIONS_DEFAULT;
}

/* Timers run before the loop waits: it must be told not to wait any more. */
static void server_finish(struct http_server *server)
{
    server->finished = true;
    lws_cancel_service(server->lws);
}

static void stop_overdue(void *arg)
{
    server_finish(arg);
}

struct http_server *http_server_new(const struct http_config *config,
                                    struct errmsg *err)
{
    struct http_server *server = mem_zalloc(sizeof *server);
    server->listen_fd = -1;
    pthread_mutex_init(&server->posts_lock, NULL);
    config_copy(server, config);
    if (server_listen(server, err) == 0 && context_open(server, err) == 0) {
        server->stop_timer = http_timer_new(server, stop_overdue, server);
        server->listener = http_watch_new(server, server->listen_fd,
                                          HTTP_READABLE, server_accept, server);
        assert(server->listener != NULL);
        return server;
    }
    http_server_free(&server);
    return NULL;
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_run(struct http_server *server)
{
    while (!server->finished && lws_service(server->lws, 0) >= 0)
        ;
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
static void idle_conns_close(struct http_server *server)
{
    for (struct http_conn *c = server->conns; c != NULL; c = c->next)
        if (c->state != CONN_WAIT && c->state != CONN_SEND)
            http_conn_close(c);
}

static void server_check_stop(struct http_server *server)
{
    if (!atomic_load(&server->stop_asked) || server->draining)
        return;
    server->draining = true;
    listener_close(server);
    idle_conns_close(server);
    http_timer_set(server->stop_timer, HTTP_STOP_NS);
    if (server->conn_count == 0)
        server_finish(server);
}

void http_server_conn_closed(struct http_server *server)
{
    if (!server->draining)
        http_watch_set(server->listener, HTTP_READABLE);
    else if (!server->finished && server->conn_count == 0)
        server_finish(server);
}

void http_server_stop(struct http_server *server)
{
    atomic_store(&server->stop_asked, true);
    lws_cancel_service(server->lws);
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
    http_posts_run(s);
    listener_close(s);
    http_timer_free(&s->stop_timer);
    if (s->lws != NULL)
        lws_context_destroy(s->lws);
    pthread_mutex_destroy(&s->posts_lock);
    free(s->host);
    free(s);
}
