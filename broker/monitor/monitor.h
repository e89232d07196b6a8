/* monitor: the broker's figures over HTTP, on a thread of its own.
 *
 * /health, /ready and /metrics as in every program; /healthz, /varz, /connz,
 * /subsz and /jsz as nats-server's tools read them. A request is answered from
 * what the loop says at that moment (server_call). */
#ifndef NEXUS_BROKER_MONITOR_H
#define NEXUS_BROKER_MONITOR_H

#include <stdint.h>

#include "lib/errmsg.h"

struct monitor;
struct server;

/* Listens on addr and port (0: any free one) and serves. NULL with *err. */
struct monitor *monitor_start(struct server *server, const char *addr, int port,
                              struct errmsg *err);

/* While the server's loop still runs, or after it has ended. */
void monitor_stop(struct monitor **monitor);

#endif
