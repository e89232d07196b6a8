/* monitor: the broker over HTTP, on a thread of its own.
 *
 * /health, /ready and /metrics as in every program; the rest (pages.h) as
 * nats-server's tools read it. A request is answered from what the loop says at
 * that moment (server_call). */
#ifndef NEXUS_BROKER_MONITOR_H
#define NEXUS_BROKER_MONITOR_H

#include <stdint.h>

#include "lib/errmsg.h"
#include "lib/json.h"

struct monitor;
struct server;

/* Listens on addr and port (0: any free one) and serves. Before the server's
 * loop runs: it is to remember connections that end from now on. NULL with
 * *err. */
struct monitor *monitor_start(struct server *server, const char *addr, int port,
                              struct errmsg *err);

/* While the server's loop still runs, or after it has ended. */
void monitor_stop(struct monitor **monitor);

/* Where it listens. */
const char *monitor_addr(const struct monitor *monitor);
int monitor_port(const struct monitor *monitor);

/* How often each page was asked for, as an object. */
void monitor_write_requests(const struct monitor *monitor,
                            struct json_writer *w);

#endif
