/* deadletter: where messages go that cannot be read or stored.
 *
 * They are published to deadletter.<reason> with their payload and headers as
 * they were, and Nexus-Reason, Nexus-Detail and Nexus-Subject besides. */
#ifndef NEXUS_COLLECTOR_DEADLETTER_H
#define NEXUS_COLLECTOR_DEADLETTER_H

#include "lib/bus.h"
#include "lib/errmsg.h"

/* Makes the stream DEADLETTER where it is missing. */
int deadletter_ensure(struct bus *bus, struct errmsg *err);

/* Publishes a copy of msg and waits for the stream's acknowledgement. 0 or
 * -EIO with *err. */
int deadletter_publish(struct bus *bus, natsMsg *msg, const char *reason,
                       const char *detail, struct errmsg *err);

#endif
