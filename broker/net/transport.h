/* transport: what stands between a connection and its socket, where its bytes
 * do not go there as they are: TLS, WebSocket, WebSocket over TLS.
 *
 * A plain connection has none (NULL) and pays one branch for that. */
#ifndef NEXUS_BROKER_TRANSPORT_H
#define NEXUS_BROKER_TRANSPORT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct tls;
struct transport;

enum transport_phase {
    TRANSPORT_LISTENING, /* for the first byte, which says who the client is */
    TRANSPORT_HANDSHAKE, /* its handshake is under way; read drives it */
    TRANSPORT_READY,     /* carries the protocol */
    TRANSPORT_PLAIN      /* the client does without: let go of it and go on */
};

struct transport_ops {
    /* As recv: bytes read; 0: the peer has ended; a negative errno, -EAGAIN
     * when there is nothing now (or the handshake goes on). */
    ssize_t (*read)(struct transport *t, char *at, size_t room);

    /* How many of the bytes were taken, from the front; they are its own from
     * then on. -EAGAIN: none can be taken now; another negative errno. Without
     * bytes (count 0) it moves on what it holds itself: 0 when that is all out,
     * else -EAGAIN. After -EAGAIN the same bytes come again, and maybe more. */
    ssize_t (*write)(struct transport *t, const struct iovec *iov, int count);

    /* Has it read more from the socket than it handed out? The loop does not
     * wake anybody for that. */
    bool (*pending)(const struct transport *t);

    /* The epoll events to wait for, where the connection itself would wait for
     * these. */
    uint32_t (*events)(const struct transport *t, uint32_t events);

    /* Takes leave of the peer as its protocol wants it, if that can be said
     * at once; the reason is one of conn_close's. Nothing is written after. */
    void (*end)(struct transport *t, const char *reason);
    void (*free)(struct transport *t);

    /* The TLS in it; NULL: none. */
    const struct tls *(*tls)(const struct transport *t);
    const char *type; /* "nats", "websocket": as /connz calls it */
};

/* Each kind of transport starts with this. */
struct transport {
    const struct transport_ops *ops;
    enum transport_phase phase;
    bool optional; /* LISTENING may end as PLAIN */
};

/* Both over a transport, or where that is NULL over the socket itself. */
static inline ssize_t transport_read(struct transport *t, int fd, char *at,
                                     size_t room)
{
    if (t != NULL)
        return t->ops->read(t, at, room);
    ssize_t n = recv(fd, at, room, MSG_DONTWAIT);
    return n >= 0 ? n : -errno;
}

static inline ssize_t transport_write(struct transport *t, int fd,
                                      struct iovec *iov, int count)
{
    if (t != NULL)
        return t->ops->write(t, iov, count);
    struct msghdr header = {.msg_iov = iov, .msg_iovlen = (size_t)count};
    ssize_t n = sendmsg(fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    return n >= 0 ? n : -errno;
}

#endif
