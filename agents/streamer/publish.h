/* publish: a sample becomes a message on telemetry.<cluster>.<host>.<uuid>. */
#ifndef NEXUS_STREAMER_PUBLISH_H
#define NEXUS_STREAMER_PUBLISH_H

#include "lib/buf.h"
#include "lib/bus.h"
#include "lib/sample.h"

struct publish {
    struct bus_publisher *publisher; /* borrowed */
    struct buf subject, payload;
};

void publish_fini(struct publish *publish);

/* Waits while the window of unacknowledged messages is full. 0; -ECANCELED
 * when the service stops meanwhile; -EINVAL when no message can be made of
 * it. For replay_new: arg is the struct publish. */
int publish_sample(void *arg, const struct sample *sample);

#endif
