/* options: everything the broker is told, as flags, variables and a file say
 * it.
 *
 *     options_read    what a configuration file says, over what is there
 *     options_finish  looks at the whole and works the users out
 *
 * The file's keys are nats-server's. A key that is not known, or that stands
 * for something this broker does not do, is refused with its place. */
#ifndef NEXUS_BROKER_OPTIONS_H
#define NEXUS_BROKER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/server.h"
#include "lib/arena.h"
#include "lib/errmsg.h"

/* Owns what everything in it borrows. */
struct options {
    struct server_config server;
    const char *http_addr; /* NULL: as clients' */
    int64_t http_port;     /* 0: none, -1: any free one */
    const char *config_file, *pid_file, *log_file; /* NULL: none */
    bool debug, trace, logtime;
    const char *system_account; /* accepted; it hears nothing */

    const char *user, *pass, *token; /* of the command line: nobody else */
    struct auth_user *users;         /* of the file, by name */
    struct auth_user *flag_user;     /* the one of the command line */
    const char *no_auth_user;
    struct arena arena;
};

/* 0, or -EINVAL with *err: "file:line:column: what". */
int options_read(struct options *options, const char *path, struct errmsg *err);

/* The same for a text, for tests; it may not include files. */
int options_read_text(struct options *options, struct str text,
                      const char *name, struct errmsg *err);

/* 0, or -EINVAL with *err. */
int options_finish(struct options *options, struct errmsg *err);

void options_fini(struct options *options);

#endif
