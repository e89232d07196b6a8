#include "broker/store/pending.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/mem.h"

static void chunk_set_len(struct chunk *chunk, size_t len)
{
    atomic_store_explicit(&chunk->len, len, memory_order_relaxed);
}

static void chunks_free(struct chunk *chunk)
{
    while (chunk != NULL) {
        struct chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

void pending_fini(struct pending *pending)
{
    chunks_free(pending->head);
    chunks_free(pending->spares);
    *pending = (struct pending){.bytes = 0};
}

/* A spare chunk, or a new one; one that is large enough. */
static struct chunk *chunk_take(struct pending *pending, size_t size)
{
    struct chunk *chunk = pending->spares;
    if (chunk != NULL && size <= PENDING_CHUNK_BYTES) {
        pending->spares = chunk->next;
        pending->spares_count--;
    } else {
        if (size < PENDING_CHUNK_BYTES)
            size = PENDING_CHUNK_BYTES;
        chunk = mem_alloc(sizeof *chunk + size);
        chunk->size = size;
    }
    chunk->next = NULL;
    chunk->synced = 0;
    chunk_set_len(chunk, 0);
    return chunk;
}

static void chunk_give_back(struct pending *pending, struct chunk *chunk)
{
    if (chunk->size > PENDING_CHUNK_BYTES ||
        pending->spares_count == PENDING_SPARES_MAX) {
        free(chunk);
        return;
    }
    chunk->next = pending->spares;
    pending->spares = chunk;
    pending->spares_count++;
}

static void append_chunk(struct pending *pending, size_t size)
{
    struct chunk *chunk = chunk_take(pending, size);
    if (pending->tail != NULL)
        pending->tail->next = chunk;
    else
        pending->head = chunk;
    pending->tail = chunk;
}

struct record *pending_add(struct pending *pending, size_t size, uint64_t seq)
{
    struct chunk *tail = pending->tail;
    if (tail == NULL || tail->size - chunk_len(tail) < size) {
        append_chunk(pending, size);
        tail = pending->tail;
    }
    struct record *record = (void *)(tail->data + chunk_len(tail));
    chunk_set_len(tail, chunk_len(tail) + size);
    tail->last_seq = seq;
    pending->bytes += size;
    return record;
}

void pending_release(struct pending *pending, uint64_t durable_seq)
{
    struct chunk *chunk = pending->head;
    while (chunk != NULL && chunk->last_seq <= durable_seq) {
        struct chunk *next = chunk->next;
        pending->bytes -= chunk_len(chunk);
        if (pending->walk_chunk == chunk)
            pending->walk_chunk = NULL;
        chunk_give_back(pending, chunk);
        chunk = next;
    }
    pending->head = chunk;
    if (chunk != NULL)
        return;
    pending->tail = NULL;
    while (pending->spares_count > PENDING_SPARES_IDLE) {
        chunk = pending->spares;
        pending->spares = chunk->next;
        pending->spares_count--;
        free(chunk);
    }
}

/* Puts the walk on the record with that sequence and returns it. */
static const struct record *walk_to(struct pending *pending, uint64_t seq)
{
    struct chunk *chunk = pending->walk_chunk;
    const struct record *record = NULL;
    if (chunk != NULL)
        record = (const void *)(chunk->data + pending->walk_at);
    if (record == NULL || record->seq > seq) {
        chunk = pending->head;
        pending->walk_at = 0;
    }
    while (chunk != NULL && chunk->last_seq < seq) {
        chunk = chunk->next;
        pending->walk_at = 0;
    }
    assert(chunk != NULL);
    pending->walk_chunk = chunk;
    record = (const void *)(chunk->data + pending->walk_at);
    while (record->seq < seq) {
        pending->walk_at += record_size(record);
        record = (const void *)(chunk->data + pending->walk_at);
    }
    assert(record->seq == seq);
    return record;
}

const struct record *pending_find(struct pending *pending, uint64_t seq)
{
    return walk_to(pending, seq);
}

const struct record *pending_next(const struct pending *pending,
                                  struct pending_walk *walk)
{
    if (!walk->begun)
        *walk = (struct pending_walk){.chunk = pending->head, .begun = true};
    while (walk->chunk != NULL && walk->at == chunk_len(walk->chunk)) {
        walk->chunk = walk->chunk->next;
        walk->at = 0;
    }
    if (walk->chunk == NULL)
        return NULL;
    const struct record *record = (const void *)(walk->chunk->data + walk->at);
    walk->at += record_size(record);
    return record;
}
