/* net: the broker's two doors, for clients over TCP or TLS and for those over
 * WebSocket, and what a new connection begins with at each. */
#ifndef NEXUS_BROKER_NET_H
#define NEXUS_BROKER_NET_H

#include "lib/errmsg.h"

struct server;
struct server_config;

/* Reads the certificates and listens, as server->config says. 0, or a negative
 * errno with *err. */
int net_open(struct server *server, struct errmsg *err);

/* Reads the certificates of a new configuration: connections made from now on
 * get these, and those that are there keep theirs. Ports stay as they are. 0,
 * or -EINVAL with *err and everything as it was. */
int net_reload(struct server *server, const struct server_config *config,
               struct errmsg *err);

/* Takes no more clients. */
void net_close(struct server *server);

/* After the connections are freed. */
void net_free(struct server *server);

#endif
