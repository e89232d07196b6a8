/* control: what signals ask of a broker that runs.
 *
 *     SIGHUP   the configuration is read again
 *     SIGUSR1  the log's file is opened again, under its name
 *     SIGUSR2  lame duck
 *
 * SIGINT and SIGTERM, a prompt and clean stop, are lib/service's. */
#ifndef NEXUS_BROKER_CONTROL_H
#define NEXUS_BROKER_CONTROL_H

#include "lib/errmsg.h"

struct control;
struct options;
struct server;

/* Signals wait from now on until control_new. Before any thread begins. */
void control_block_signals(void);

/* Takes options, from which server was made; serves signals on its loop. */
struct control *control_new(struct server *server, struct options *options);

/* After the server is freed. */
void control_free(struct control **control);

/* Level and file of the log. 0, or a negative errno with *err. */
int control_log(const struct options *options, struct errmsg *err);

/* Sends a running broker what --signal names: "reload", "ldm=1234",
 * "stop=/run/nexus.pid"; without a number or file, that of the options' pid
 * file. 0, or a negative errno with *err. */
int control_send(const char *text, const struct options *options,
                 struct errmsg *err);

#endif
