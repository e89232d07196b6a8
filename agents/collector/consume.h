/* consume: the workers that carry messages from the stream into the table.
 *
 * A worker fetches a batch from the durable consumer that all collectors
 * share, decodes it, registers new GPUs, writes the rows in one transaction,
 * and acknowledges each message after the commit and never before. What a
 * worker had not acknowledged when it died is delivered again, to any worker,
 * and writing it again changes nothing. */
#ifndef NEXUS_COLLECTOR_CONSUME_H
#define NEXUS_COLLECTOR_CONSUME_H

#include <pthread.h>
#include <stdatomic.h>

#include "agents/collector/partition.h"
#include "agents/collector/registry.h"
#include "lib/bus.h"
#include "lib/errmsg.h"

/* What all workers of a collector share. */
struct consume {
    _Atomic(struct bus *) bus; /* NULL until connected */
    struct registry *registry;
    struct partitions *partitions;
    atomic_int generation;       /* raised when subscriptions must be made
                                      anew: the consumer was lost */
    atomic_int databases_up;     /* workers with a connection */
    atomic_int stuck;            /* workers whose batch is not taken */
    _Atomic int64_t answered_ns; /* mono: when the database last answered */
};

/* Makes the streams and the consumer where they are missing. 0 or -EIO. */
int consume_ensure(struct consume *consume, struct errmsg *err);

struct worker;
struct worker *worker_start(struct consume *consume, int number,
                            struct errmsg *err);

/* Waits for the worker to end, which it does once the service stops. */
void worker_join(struct worker **worker);

#endif
