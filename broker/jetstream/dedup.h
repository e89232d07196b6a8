/* dedup: the message ids a stream has seen within its window.
 *
 * An id is kept as 128 bits of a hash with a secret of this process, 32 bytes
 * each with its sequence and time, so that memory does not depend on the ids'
 * length. Beyond DEDUP_IDS_MAX the oldest go before their time. */
#ifndef NEXUS_BROKER_DEDUP_H
#define NEXUS_BROKER_DEDUP_H

#include <stdint.h>

#include "lib/str.h"

#define DEDUP_IDS_MAX (1u << 20) /* power of two */

struct dedup_entry {
    uint64_t hash[2];
    uint64_t seq;
    int64_t time_ns;
};

struct dedup_slot {
    uint32_t place; /* in the ring, from 1; 0: free */
    uint32_t tag;   /* some of the hash, so that the ring is seldom asked */
};

/* A zeroed one is empty. */
struct dedup {
    struct dedup_entry *ring; /* in the order they came */
    struct dedup_slot *table; /* by hash; 2 * cap */
    uint32_t cap, first, count;
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
