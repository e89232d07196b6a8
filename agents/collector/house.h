/* house: what is done now and then, beside the workers.
 *
 * Every few seconds: gpu.last_seen, the gauges, and purging from the stream
 * what all have consumed; every ten minutes the days past the retention. And
 * when the consumer is gone (a broker came back without its disk), streams and
 * consumer are made anew. */
#ifndef NEXUS_COLLECTOR_HOUSE_H
#define NEXUS_COLLECTOR_HOUSE_H

#include <libpq-fe.h>

#include "agents/collector/consume.h"

/* Keeps house until the service is asked to stop. Borrows both. */
void house_keep(struct consume *consume, PGconn *conn);

/* Once the workers have ended: writes down whom they heard last. */
void house_leave(struct consume *consume, PGconn *conn);

#endif
