/* puback: publishers that wait until their message is on disk.
 *
 * A queue in the order of publishing; a record is a few bytes and the reply
 * subject. */
#ifndef NEXUS_BROKER_PUBACK_H
#define NEXUS_BROKER_PUBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/str.h"

/* Most that waits for one stream; beyond it publishes are refused. */
#define PUBACKS_BYTES_MAX (64u << 20)

struct puback {
    uint64_t wait_seq; /* acknowledged when the stream is durable up to here */
    uint64_t seq;      /* what is acknowledged: for a duplicate, the original */
    bool duplicate;
    struct str reply;
};

/* A zeroed one is empty. */
struct pubacks {
    struct buf bytes;
    size_t start; /* where the first record begins */
};

void pubacks_fini(struct pubacks *acks);
bool pubacks_full(const struct pubacks *acks);

/* Copies. */
void pubacks_push(struct pubacks *acks, const struct puback *ack);

/* The first one, if durable reaches it; what it points to stays until the next
 * call. False: none. */
bool pubacks_pop(struct pubacks *acks, uint64_t durable, struct puback *ack);

static inline bool pubacks_empty(const struct pubacks *acks)
{
    return acks->start == acks->bytes.len;
}

#endif
