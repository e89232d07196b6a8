/* remotes: the other servers that the operator named. */
#ifndef NEXUS_BROKER_REMOTES_H
#define NEXUS_BROKER_REMOTES_H

#include "broker/remote/remote.h"
#include "lib/errmsg.h"
#include "lib/str.h"

struct remotes;

/* Those of the server's configuration; *out NULL when there are none. 0, or
 * a negative errno with *err. */
int remotes_open(struct server *server, struct remotes **out,
                 struct errmsg *err);

/* After the streams are closed. */
void remotes_free(struct remotes **remotes);

/* The one of that domain; NULL: there is none. remotes may be NULL. */
struct remote *remotes_find(const struct remotes *remotes, struct str domain);

#endif
