/* seqset: a set of sequences that only grows, and from below is forgotten.
 *
 * Which messages of a stream are gone. Pages of 4096 sequences stand in
 * ascending order, 512 bytes each; neighbouring pages that are full are one
 * entry without bits. So it costs one bit a message where some are missing,
 * and next to nothing where none or all are. */
#ifndef NEXUS_BROKER_SEQSET_H
#define NEXUS_BROKER_SEQSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/store/store.h"

#define SEQSET_PAGE_BITS 12
#define SEQSET_PAGE_SEQS (UINT64_C(1) << SEQSET_PAGE_BITS)

struct seqset_page {
    uint64_t key;    /* of its first sequence, without the low bits */
    uint64_t span;   /* pages; more than one only when full */
    uint64_t *bits;  /* owned; NULL: all of them */
    uint32_t filled; /* bits that are set */
};

/* A zeroed one is empty. */
struct seqset {
    struct seqset_page *pages;
    size_t count, max;
};

void seqset_fini(struct seqset *set);

bool seqset_has(const struct seqset *set, uint64_t seq);

/* False: it was there. */
bool seqset_add(struct seqset *set, uint64_t seq);
void seqset_add_range(struct seqset *set, uint64_t from, uint64_t through);

/* The first sequence at or behind seq that is not in it. */
uint64_t seqset_next_absent(const struct seqset *set, uint64_t seq);

/* The last one at or before seq; 0: none but that. */
uint64_t seqset_prev_absent(const struct seqset *set, uint64_t seq);

/* How many of from to through are in it. */
uint64_t seqset_members(const struct seqset *set, uint64_t from,
                        uint64_t through);

/* The first run of neighbouring members that begins or goes on at seq or
 * behind. False: there is none. */
bool seqset_next_run(const struct seqset *set, uint64_t seq,
                     struct store_range *run);

/* Forgets members below seq; some of those next to it may stay. */
void seqset_drop_below(struct seqset *set, uint64_t seq);

#endif
