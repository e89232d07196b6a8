#include "lib/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN_BACKLOG 1024

static int listen_on(const struct addrinfo *address)
{
    int on = 1, off = 0;
    int fd = socket(address->ai_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
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

static int refuse(int code, const char *host, int port, struct errmsg *err)
{
    if (code == -EADDRINUSE)
        return errmsg_set(err, code,
                          "port %d is in use on %s: stop the program that "
                          "listens there or choose another port",
                          port, host);
    if (code == -EACCES)
        return errmsg_set(err, code,
                          "port %d needs privileges this program does not "
                          "have: choose one from 1024",
                          port);
    return errmsg_set(err, code, "cannot listen on port %d of %s: %s", port,
                      host, strerror(-code));
}

int listener_open(const char *host, int port, struct errmsg *err)
{
    const char *name = host != NULL ? host : "any address";
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    int rc = getaddrinfo(host, service, &hints, &found);
    if (rc != 0)
        return errmsg_set(err, -EINVAL, "cannot listen on \"%s\": %s", name,
                          gai_strerror(rc));
    int fd = -EADDRNOTAVAIL;
    for (struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next)
        fd = listen_on(a);
    freeaddrinfo(found);
    return fd >= 0 ? fd : refuse(fd, name, port, err);
}

int listener_port(int fd)
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
