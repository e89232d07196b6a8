/* listener: a TCP socket that takes connections, the same in every program. */
#ifndef NEXUS_LISTENER_H
#define NEXUS_LISTENER_H

#include "lib/errmsg.h"

/* Listens on an address or host name (NULL: every address) and port (0: any
 * free one). Returns the socket, non-blocking and close-on-exec, or a negative
 * errno with *err: "port 8080 is in use on …". */
int listener_open(const char *host, int port, struct errmsg *err);

/* The port a listening socket has; 0 when it has none. */
int listener_port(int fd);

#endif
