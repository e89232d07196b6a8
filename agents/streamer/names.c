#include "agents/streamer/names.h"

#include <stdlib.h>

#include "lib/mem.h"

#define BUCKETS_MIN 1024

/* Multiply and fold, eight bytes at a time: GPU names share long prefixes, so
 * every byte has to reach the low bits that choose the bucket. */
static uint64_t mix(uint64_t hash, uint64_t bytes)
{
    hash = (hash ^ bytes) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 32;
}

static uint64_t hash_text(struct str s)
{
    uint64_t hash = s.len, bytes = 0;
    size_t i = 0;
    for (; i + sizeof bytes <= s.len; i += sizeof bytes) {
        memcpy(&bytes, s.p + i, sizeof bytes);
        hash = mix(hash, bytes);
    }
    bytes = 0;
    if (i < s.len)
        memcpy(&bytes, s.p + i, s.len - i);
    return mix(hash, bytes);
}

static struct name_entry **bucket(const struct names *n, uint64_t hash)
{
    return &n->buckets[hash & (n->bucket_count - 1)];
}

static void put(struct names *n, struct name_entry *entry)
{
    struct name_entry **head = bucket(n, entry->hash);
    entry->next = *head;
    *head = entry;
}

/* Twice the buckets, at one entry a bucket. */
static void grow(struct names *n)
{
    struct name_entry **old = n->buckets;
    size_t old_count = n->bucket_count;
    n->bucket_count = old_count > 0 ? old_count * 2 : BUCKETS_MIN;
    n->buckets = mem_zalloc(n->bucket_count * sizeof(struct name_entry *));
    for (size_t i = 0; i < old_count; i++)
        for (struct name_entry *e = old[i], *next; e != NULL; e = next) {
            next = e->next;
            put(n, e);
        }
    free(old);
}

struct name_entry *names_intern(struct names *n, struct str text)
{
    uint64_t hash = hash_text(text);
    if (n->count >= n->bucket_count)
        grow(n);
    struct name_entry *e = *bucket(n, hash);
    while (e != NULL && (e->hash != hash || !str_eq(e->text, text)))
        e = e->next;
    if (e == NULL) {
        e = arena_alloc(&n->arena, sizeof *e);
        *e = (struct name_entry){arena_str(&n->arena, text), hash, NULL, NULL};
        put(n, e);
        n->count++;
    }
    return e;
}

void names_clear(struct names *n)
{
    arena_reset(&n->arena);
    if (n->count > 0)
        memset(n->buckets, 0, n->bucket_count * sizeof(struct name_entry *));
    n->count = 0;
}

void names_fini(struct names *n)
{
    free(n->buckets);
    arena_fini(&n->arena);
    *n = (struct names){0};
}
