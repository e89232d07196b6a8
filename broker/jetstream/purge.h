/* purge: removing many messages of a stream at a request. */
#ifndef NEXUS_BROKER_PURGE_H
#define NEXUS_BROKER_PURGE_H

#include "broker/jetstream/stream.h"

struct purge {
    struct str filter; /* len 0: all subjects */
    uint64_t seq;      /* only what is before it; 0: everything */
    uint64_t keep;     /* the last ones stay; not with seq */
};

/* How many messages were removed. Without a filter, a seq beyond the stream's
 * end is where it goes on. */
uint64_t stream_purge(struct stream *stream, const struct purge *purge);

#endif
