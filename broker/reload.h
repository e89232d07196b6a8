/* reload: another configuration for a broker that runs. */
#ifndef NEXUS_BROKER_RELOAD_H
#define NEXUS_BROKER_RELOAD_H

#include "lib/errmsg.h"

struct server;
struct server_config;

/* On the loop. Users, permissions, accounts, limits and certificates are those of config from now on;
 * whoever is not let in by it any more is told so and closed. The old configuration's users and
 * permissions are not referred to after that, while its addresses, names and
 * folders are. Borrows config as server_new does.
 *
 * -EINVAL with *err, and nothing is changed, where something differs that needs
 * a restart, or a file cannot be read. */
int server_reload(struct server *server, const struct server_config *config,
                  struct errmsg *err);

#endif
