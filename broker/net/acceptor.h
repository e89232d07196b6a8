/* acceptor: a listening socket on the loop, and what its clients begin with. */
#ifndef NEXUS_BROKER_ACCEPTOR_H
#define NEXUS_BROKER_ACCEPTOR_H

#include <stdint.h>

#include "broker/timer.h"
#include "broker/watch.h"
#include "lib/errmsg.h"

struct conn;
struct server;

struct acceptor {
    struct watch watch; /* first */
    struct server *server;
    int fd; /* -1: does not listen */
    int port;
    void (*begin)(struct conn *conn); /* greets it, or starts a handshake */
    struct timer rest_timer;          /* set while no client can be accepted */
    int64_t warn_ns;                  /* not before: the next line about that */
};

/* Listens on addr (NULL: every address) and port (below 1: any free one). 0,
 * or a negative errno with *err. */
int acceptor_open(struct acceptor *acceptor, struct server *server,
                  const char *addr, int64_t port, struct errmsg *err);

/* Takes no more clients. Also where it does not listen. */
void acceptor_close(struct acceptor *acceptor);

#endif
