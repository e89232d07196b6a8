/* meta: store.meta, which says from where on a stream's messages count,
 * and how far they are known to have come. The form is described in README.md, "The disk layout". */
#ifndef NEXUS_BROKER_META_H
#define NEXUS_BROKER_META_H

#include <stdint.h>

#include "lib/errmsg.h"

#define META_NAME    "store.meta"
#define META_VERSION 1

struct meta {
    int fd; /* owned */
    uint32_t salt;
    uint64_t generation;
    uint64_t first_seq;
    uint64_t last_seq; /* at least this one was durable; 0: not known */
};

/* Opens or makes dir/store.meta. 0: read; 1: there was none, or none that is
 * well: all numbers are 0; a negative errno with *err. */
int meta_open(struct meta *meta, const char *dir, struct errmsg *err);
void meta_close(struct meta *meta);

/* Writes salt and sequences as the next generation, and syncs. */
int meta_save(struct meta *meta);

#endif
