#include "lib/mem.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#define LARGE (1024 * 1024)

/* Without it the C library raises its own limit to what was freed last. */
void mem_return_large(void)
{
    mallopt(M_MMAP_THRESHOLD, LARGE);
}

static void *must(void *p, size_t size)
{
    if (p == NULL && size > 0) {
        fprintf(stderr, "out of memory: %zu bytes were asked for\n", size);
        abort();
    }
    return p;
}

void *mem_alloc(size_t size)
{
    return must(malloc(size), size);
}

void *mem_zalloc(size_t size)
{
    return must(calloc(1, size), size);
}

void *mem_realloc(void *p, size_t size)
{
    return must(realloc(p, size), size);
}

void *mem_grow(void *p, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        must(NULL, SIZE_MAX);
    return mem_realloc(p, bytes);
}

char *mem_strdup(const char *text)
{
    return mem_strndup(str_of(text));
}

char *mem_strndup(struct str s)
{
    char *copy = mem_alloc(s.len + 1);
    if (s.len > 0)
        memcpy(copy, s.p, s.len);
    copy[s.len] = '\0';
    return copy;
}
