/* acceptor: see acceptor.h. */
#include "broker/net/acceptor.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/conn.h"
#include "broker/server.h"
#include "lib/clock.h"
#include "lib/listener.h"
#include "lib/log.h"

#define ACCEPTS_PER_TURN 64
#define ACCEPT_REST_NS   (100 * NS_PER_MS)
#define ACCEPT_WARN_NS   (10 * NS_PER_S) /* at most one line in this time */

static void accept_one(struct acceptor *acceptor, int fd)
{
    struct server *server = acceptor->server;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct conn *conn = conn_new(server, fd);
    server->counts.accepted++;
    log_debug("client connected", LOG_I64("client", conn->id),
              LOG_STR("address", conn->host), LOG_I64("port", conn->port));
    acceptor->begin(conn);
    if (server->conn_count > (uint64_t)server->config.connections_max)
        conn_fail(conn, "maximum connections exceeded");
}

/* No descriptor is left: those who wait are looked at again in a while. */
static void rest_from_accepting(struct acceptor *acceptor, int error)
{
    struct server *server = acceptor->server;
    if (server->now_ns >= acceptor->warn_ns) {
        log_warn("clients wait: none can be accepted",
                 LOG_STR("error", strerror(error)),
                 LOG_I64("clients", server->conn_count));
        acceptor->warn_ns = server->now_ns + ACCEPT_WARN_NS;
    }
    server_watch_change(server, acceptor->fd, 0, &acceptor->watch);
    timer_set(&server->timers, &acceptor->rest_timer,
              server->now_ns + ACCEPT_REST_NS);
}

static void accept_again(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct acceptor, rest_timer);
    struct acceptor *acceptor = (struct acceptor *)start;
    server_watch_change(acceptor->server, acceptor->fd, EPOLLIN,
                        &acceptor->watch);
}

static bool out_of_resources(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS ||
           error == ENOMEM;
}

static void accept_ready(struct watch *watch, uint32_t events)
{
    (void)events;
    struct acceptor *acceptor = (struct acceptor *)watch;
    for (int i = 0; i < ACCEPTS_PER_TURN && acceptor->fd >= 0; i++) {
        int fd =
            accept4(acceptor->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (out_of_resources(errno))
                rest_from_accepting(acceptor, errno);
            return;
        }
        accept_one(acceptor, fd);
    }
}

int acceptor_open(struct acceptor *acceptor, struct server *server,
                  const char *addr, int64_t port, struct errmsg *err)
{
    int fd = listener_open(addr, port < 0 ? 0 : (int)port, err);
    if (fd < 0)
        return fd;
    acceptor->fd = fd;
    acceptor->port = listener_port(fd);
    acceptor->server = server;
    acceptor->watch.ready = accept_ready;
    acceptor->rest_timer.fire = accept_again;
    server_watch(server, fd, EPOLLIN, &acceptor->watch);
    return 0;
}

void acceptor_close(struct acceptor *acceptor)
{
    if (acceptor->fd < 0)
        return;
    timer_stop(&acceptor->server->timers, &acceptor->rest_timer);
    close(acceptor->fd);
    acceptor->fd = -1;
}
