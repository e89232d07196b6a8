/* names: each text once, for as long as the table lives.
 *
 * Samples outlive the rows they are gathered from, and their names repeat from
 * row to row: a fleet has few. Interned names can be compared and kept by
 * address. */
#ifndef NEXUS_STREAMER_NAMES_H
#define NEXUS_STREAMER_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/str.h"

struct name_entry {
    struct str text;
    uint64_t hash;
    struct name_entry *next; /* in its bucket */
    void *owner;             /* what the caller knows by this name, or NULL */
};

/* A zeroed struct names is an empty table. */
struct names {
    struct name_entry **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    size_t count;
    struct arena arena; /* entries, and what callers keep beside them */
};

void names_fini(struct names *names);

/* Forgets every name. */
void names_clear(struct names *names);

/* The entry of that text, made if it is new. */
struct name_entry *names_intern(struct names *names, struct str text);

#endif
