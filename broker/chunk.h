/* chunk: pieces of output that wait to be written.
 *
 * A connection's output is a list of them. The first is small, so that a
 * message to a thousand clients takes 4 MB and not 128; what does not fit is
 * followed by large ones, which are what a busy connection writes at a time:
 * 128 KiB, with which 128 B messages pass a tenth faster than with 64. */
#ifndef NEXUS_BROKER_CHUNK_H
#define NEXUS_BROKER_CHUNK_H

#include <stddef.h>
#include <stdint.h>

/* With malloc's own word and this struct's, each is a whole number of pages,
 * and the large one less than what malloc would map and unmap each time. */
#define CHUNK_OVERHEAD    64u
#define CHUNK_FIRST_BYTES ((4u << 10) - CHUNK_OVERHEAD)
#define CHUNK_BYTES       ((128u << 10) - CHUNK_OVERHEAD)

/* Kept for reuse, 256 KiB and 2 MiB, until chunk_pool_trim. */
#define CHUNK_FIRST_SPARES 64u
#define CHUNK_SPARES       16u

struct chunk {
    struct chunk *next;
    uint32_t len, sent, cap;
    char bytes[];
};

struct chunk_list {
    struct chunk *first;
    unsigned count;
};

/* A zeroed one is ready. */
struct chunk_pool {
    struct chunk_list firsts, others;
};

/* An empty chunk of at least so many bytes: CHUNK_FIRST_BYTES, CHUNK_BYTES, or
 * for one operation larger than that exactly its size. */
struct chunk *chunk_take(struct chunk_pool *pool, size_t bytes);
void chunk_give(struct chunk_pool *pool, struct chunk *chunk);

/* Frees what is kept. */
void chunk_pool_trim(struct chunk_pool *pool);

#endif
