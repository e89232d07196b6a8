/* http: the server: listening, its loop, its end. The listening socket is our
 * own (clear errors, a limit on clients, and an end that refuses new ones
 * first); libwebsockets adopts what it accepts. */
#include "lib/http_private.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mem.h"

#define ACCEPTS_MAX    16 /* clients let in before the loop goes on */
#define LISTEN_BACKLOG 512

/* File descriptors libwebsockets handles besides the clients' own. */
#define LWS_SPARE_FDS 8

/* ---- listening ---- */

static int socket_listen(const struct addrinfo *address, struct errmsg *err)
{
    int on = 1, off = 0;
    int fd = socket(address->ai_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errmsg_set(err, -errno, "cannot make a socket: %s",
                          strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->ai_family == AF_INET6) /* "::" is every address, IPv4 too */
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 &&
        listen(fd, LISTEN_BACKLOG) == 0)
        return fd;
    int code = -errno;
    close(fd);
    return code;
}

static int listen_failed(int code, const struct http_config *config,
                         struct errmsg *err)
{
    const char *host = config->host != NULL ? config->host : "any address";
    if (code == -EADDRINUSE)
        return errmsg_set(err, code,
                          "port %d is in use on %s: stop the program that "
                          "listens there or choose another port",
                          config->port, host);
    if (code == -EACCES)
        return errmsg_set(err, code,
                          "port %d needs privileges this program does not "
                          "have: choose one from 1024",
                          config->port);
    return errmsg_set(err, code, "cannot listen on port %d of %s: %s",
                      config->port, host, strerror(-code));
}

static int port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } bound = {.v6 = {0}};
    socklen_t len = sizeof bound;
    if (getsockname(fd, &bound.any, &len) != 0)
        return 0;
    return ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port
                                                 : bound.v4.sin_port);
}

static int server_listen(struct http_server *server, struct errmsg *err)
{
    const struct http_config *config = &server->config;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[16];
    snprintf(service, sizeof service, "%d", config->port);
    int rc = getaddrinfo(config->host, service, &hints, &found);
    if (rc != 0)
        return errmsg_set(err, -EINVAL, "cannot listen on \"%s\": %s",
                          config->host != NULL ? config->host : "",
                          gai_strerror(rc));
    int fd = -EADDRNOTAVAIL;
    for (struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next)
        fd = socket_listen(a, err);
    freeaddrinfo(found);
    if (fd < 0)
        return listen_failed(fd, config, err);
    server->listen_fd = fd;
    server->port = port_of(fd);
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
