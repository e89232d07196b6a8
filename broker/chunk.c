/* chunk: see chunk.h. */
#include "broker/chunk.h"

#include <stdlib.h>

#include "lib/mem.h"

static size_t cap_for(size_t bytes)
{
    if (bytes <= CHUNK_FIRST_BYTES)
        return CHUNK_FIRST_BYTES;
    return bytes <= CHUNK_BYTES ? CHUNK_BYTES : bytes;
}

static struct chunk_list *spares_of(struct chunk_pool *pool, size_t cap)
{
    return cap == CHUNK_FIRST_BYTES ? &pool->firsts : &pool->others;
}

struct chunk *chunk_take(struct chunk_pool *pool, size_t bytes)
{
    size_t cap = cap_for(bytes);
    struct chunk_list *spares = spares_of(pool, cap);
    struct chunk *chunk = spares->first;
    if (chunk != NULL && cap <= CHUNK_BYTES) {
        spares->first = chunk->next;
        spares->count--;
    } else {
        chunk = mem_alloc(sizeof(*chunk) + cap);
        chunk->cap = (uint32_t)cap;
    }
    chunk->next = NULL;
    chunk->len = chunk->sent = 0;
    return chunk;
}

void chunk_give(struct chunk_pool *pool, struct chunk *chunk)
{
    struct chunk_list *spares = spares_of(pool, chunk->cap);
    unsigned most = spares == &pool->firsts ? CHUNK_FIRST_SPARES : CHUNK_SPARES;
    if (chunk->cap > CHUNK_BYTES || spares->count == most) {
        free(chunk);
        return;
    }
    chunk->next = spares->first;
    spares->first = chunk;
    spares->count++;
}

static void list_free(struct chunk_list *list)
{
    while (list->first != NULL) {
        struct chunk *chunk = list->first;
        list->first = chunk->next;
        free(chunk);
    }
    list->count = 0;
}

void chunk_pool_trim(struct chunk_pool *pool)
{
    list_free(&pool->firsts);
    list_free(&pool->others);
}
