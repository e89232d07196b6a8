/* dedup: the message ids a stream has seen within its window.
 *
 * An id is kept as 64 bits of a hash with a secret of this process, and the low
 * half of its sequence and time: 16 bytes in the ring and 8 in the table, so
 * that memory does not depend on the ids' length. (That two ids within a
 * window of a million have the same hash happens once in 10^13 messages.)
 * Beyond a limit the oldest go before their time. */
#ifndef NEXUS_BROKER_DEDUP_H
#define NEXUS_BROKER_DEDUP_H

#include <stdint.h>

#include "lib/str.h"

#define DEDUP_IDS_MAX (1u << 20) /* unless it is set otherwise */
/* The clock of an id: it is forgotten that much late. */
#define DEDUP_TICK_NS (16 * INT64_C(1000000))

/* What is read after a restart to know the ids again: at most so much of what
 * came last, and not more messages than ids are kept. */
#define DEDUP_READ_BYTES_MAX (UINT64_C(256) << 20)

struct dedup_entry {
    uint64_t hash;
    uint32_t seq;  /* low half */
    uint32_t tick; /* of DEDUP_TICK_NS, low half */
};

/* A zeroed one is empty. */
struct dedup {
    uint32_t max;             /* ids; 0: DEDUP_IDS_MAX */
    struct dedup_entry *ring; /* in the order they came */
    uint32_t *table;          /* by hash: place in the ring from 1; 2 * cap */
    uint32_t cap, first, count;
    uint64_t last_seq, last_tick; /* of the one that came last */
};

void dedup_fini(struct dedup *dedup);

/* The sequence of the message that had this id, or 0. */
uint64_t dedup_find(const struct dedup *dedup, struct str id);

/* Adds an id that is not in it. */
void dedup_add(struct dedup *dedup, struct str id, uint64_t seq,
               int64_t time_ns);

/* Forgets what came before that time. */
void dedup_expire(struct dedup *dedup, int64_t before_ns);

#endif
