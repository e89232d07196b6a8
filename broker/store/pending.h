/* pending: records that wait in memory until they are on disk.
 *
 * The loop thread adds records at the tail and releases chunks from the head;
 * the syncer walks in between, from the first record that is not durable to
 * the last that was committed. A chunk never moves and what was added to it
 * never changes, so the walk needs no lock: see store_file.h. */
#ifndef NEXUS_BROKER_PENDING_H
#define NEXUS_BROKER_PENDING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/store/record.h"

#define PENDING_CHUNK_BYTES (256U << 10)
/* Empty chunks that are kept for the next burst. */
#define PENDING_SPARES_MAX 16
/* And when nothing waits any more. */
#define PENDING_SPARES_IDLE 1

struct chunk {
    struct chunk *next;
    uint64_t last_seq; /* the loop thread's */
    size_t size;
    size_t synced;      /* bytes that are on disk; the syncer's */
    _Atomic size_t len; /* bytes filled */
    _Alignas(RECORD_ALIGN) char data[];
};

static inline size_t chunk_len(const struct chunk *chunk)
{
    return atomic_load_explicit(&chunk->len, memory_order_relaxed);
}

struct pending {
    struct chunk *head, *tail;
    struct chunk *spares;
    size_t spares_count;
    size_t bytes; /* in all chunks, what is durable but not released too */
    /* Where the last walk of pending_stream_bytes stopped. */
    struct chunk *walk_chunk;
    size_t walk_at;
};

void pending_fini(struct pending *pending);

/* Room for a record of size bytes, which is to carry seq. */
struct record *pending_add(struct pending *pending, size_t size, uint64_t seq);

/* Lets go of chunks all of whose records are durable. */
void pending_release(struct pending *pending, uint64_t durable_seq);

/* The record with that sequence, which must be there. Calls with rising
 * sequences walk on from each other. */
const struct record *pending_find(struct pending *pending, uint64_t seq);

/* A walk over all records, oldest first; begins zeroed. NULL at the end. */
struct pending_walk {
    const struct chunk *chunk;
    size_t at;
    bool begun;
};
const struct record *pending_next(const struct pending *pending,
                                  struct pending_walk *walk);

#endif
