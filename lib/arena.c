#include "lib/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/mem.h"

#define ARENA_BLOCK ((size_t)16 * 1024)   /* smallest block */
#define ARENA_KEEP  ((size_t)1024 * 1024) /* largest block kept by a reset */

struct arena_block {
    struct arena_block *next;
    size_t size, used;
    alignas(max_align_t) char bytes[];
};

static void free_blocks(struct arena_block *block)
{
    while (block != NULL) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_fini(struct arena *a)
{
    free_blocks(a->head);
    free_blocks(a->retired);
    *a = (struct arena){0};
}

/* Keeps the newest, hence largest, block. */
void arena_reset(struct arena *a)
{
    free_blocks(a->retired);
    a->retired = NULL;
    a->allocated = 0;
    if (a->head == NULL)
        return;
    a->head->used = 0;
    if (a->head->size > ARENA_KEEP) {
        free(a->head);
        a->head = NULL;
    }
}

static void new_head(struct arena *a, size_t least)
{
    size_t size = a->head != NULL ? a->head->size * 2 : ARENA_BLOCK;
    if (size > ARENA_KEEP)
        size = ARENA_KEEP;
    if (size < least)
        size = least;
    struct arena_block *block = mem_alloc(sizeof *block + size);
    block->size = size;
    block->used = 0;
    block->next = NULL;
    if (a->head != NULL) {
        a->head->next = a->retired;
        a->retired = a->head;
    }
    a->head = block;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t rounded =
        (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    assert(rounded >= size);
    if (a->head == NULL || a->head->size - a->head->used < rounded)
        new_head(a, rounded);
    void *p = a->head->bytes + a->head->used;
    a->head->used += rounded;
    a->allocated += rounded;
    return p;
}

void *arena_zalloc(struct arena *a, size_t size)
{
    return memset(arena_alloc(a, size), 0, size);
}

struct str arena_str(struct arena *a, struct str s)
{
    return str_make(arena_text(a, s), s.len);
}

char *arena_text(struct arena *a, struct str s)
{
    char *copy = arena_alloc(a, s.len + 1);
    if (s.len > 0)
        memcpy(copy, s.p, s.len);
    copy[s.len] = '\0';
    return copy;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    assert(len >= 0);
    char *text = arena_alloc(a, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}
