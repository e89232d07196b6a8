/* arena: memory of one request, given back all at once.
 *
 * Allocation moves a pointer; nothing is freed alone. arena_reset keeps the
 * blocks for the next request, so a steady load allocates nothing. */
#ifndef NEXUS_ARENA_H
#define NEXUS_ARENA_H

#include <stddef.h>

#include "lib/str.h"

struct arena_block;

/* A zeroed struct arena is ready for use. */
struct arena {
    struct arena_block *head;    /* the block being filled */
    struct arena_block *retired; /* full blocks, newest first */
    size_t allocated;            /* bytes handed out since the last reset */
};

void arena_fini(struct arena *a);
void arena_reset(struct arena *a);

/* size bytes aligned for any type, uninitialised. */
void *arena_alloc(struct arena *a, size_t size);
void *arena_zalloc(struct arena *a, size_t size);

/* Copies that live as long as the arena; arena_text adds a NUL. */
struct str arena_str(struct arena *a, struct str s);
char *arena_text(struct arena *a, struct str s);
char *arena_printf(struct arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
