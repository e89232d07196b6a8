/* dedup: see dedup.h. The table is open addressing with linear probing; what is
 * removed is filled by moving later entries of the run back. */
#include "broker/jetstream/dedup.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/random.h>

#include "lib/mem.h"

#define CAP_MIN 64u

static const uint64_t *secret(void)
{
    static uint64_t words[2];
    static bool made;
    if (!made) {
        if (getrandom(words, sizeof(words), 0) != sizeof(words))
            words[0] = (uint64_t)(uintptr_t)&words;
        made = true;
    }
    return words;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * (b | 1);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_word(struct str id, uint64_t k0, uint64_t k1)
{
    uint64_t h = k0 ^ id.len;
    const char *p = id.p;
    size_t left = id.len;
    for (; left >= 8; left -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        h = mix(h ^ word, k1 ^ UINT64_C(0x9e3779b97f4a7c15)) + h;
    }
    uint64_t tail = 0;
    memcpy(&tail, p, left);
    return mix(mix(h ^ tail, k1) ^ k0, UINT64_C(0xd6e8feb86659fd93));
}

static uint64_t hash_id(struct str id)
{
    const uint64_t *key = secret();
    return hash_word(id, key[0], key[1]);
}

void dedup_fini(struct dedup *dedup)
{
    free(dedup->ring);
    free(dedup->table);
    *dedup = (struct dedup){0};
}

static uint32_t slots(const struct dedup *dedup)
{
    return dedup->cap * 2;
}

static uint32_t home(const struct dedup *dedup, uint64_t hash)
{
    return (uint32_t)hash & (slots(dedup) - 1);
}

static struct dedup_entry *entry_at(const struct dedup *dedup, uint32_t slot)
{
    return &dedup->ring[dedup->table[slot] - 1];
}

/* The slot that holds the hash, or the free one where it belongs. */
static uint32_t slot_of(const struct dedup *dedup, uint64_t hash)
{
    uint32_t slot = home(dedup, hash);
    while (dedup->table[slot] != 0 && entry_at(dedup, slot)->hash != hash)
        slot = (slot + 1) & (slots(dedup) - 1);
    return slot;
}

static void slot_clear(struct dedup *dedup, uint32_t hole)
{
    uint32_t mask = slots(dedup) - 1;
    for (uint32_t at = (hole + 1) & mask; dedup->table[at] != 0;
         at = (at + 1) & mask) {
        uint32_t wanted = home(dedup, entry_at(dedup, at)->hash);
        if (((at - wanted) & mask) >= ((at - hole) & mask)) {
            dedup->table[hole] = dedup->table[at];
            hole = at;
        }
    }
    dedup->table[hole] = 0;
}

static void resize(struct dedup *dedup, uint32_t cap)
{
    struct dedup old = *dedup;
    dedup->cap = cap;
    dedup->first = dedup->count = 0;
    dedup->ring = mem_grow(NULL, cap, sizeof(*dedup->ring));
    dedup->table = mem_zalloc(sizeof(*dedup->table) * 2 * cap);
    for (uint32_t i = 0; i < old.count; i++) {
        const struct dedup_entry *e =
            &old.ring[(old.first + i) & (old.cap - 1)];
        dedup->ring[dedup->count++] = *e;
        dedup->table[slot_of(dedup, e->hash)] = dedup->count;
    }
    free(old.ring);
    free(old.table);
}

static void drop_first(struct dedup *dedup)
{
    const struct dedup_entry *e = &dedup->ring[dedup->first];
    slot_clear(dedup, slot_of(dedup, e->hash));
    dedup->first = (dedup->first + 1) & (dedup->cap - 1);
    dedup->count--;
}

static uint64_t tick_of(int64_t time_ns)
{
    return time_ns > 0 ? (uint64_t)(time_ns / DEDUP_TICK_NS) : 0;
}

uint64_t dedup_find(const struct dedup *dedup, struct str id)
{
    if (dedup->count == 0)
        return 0;
    uint32_t slot = slot_of(dedup, hash_id(id));
    if (dedup->table[slot] == 0)
        return 0;
    return dedup->last_seq -
           ((uint32_t)dedup->last_seq - entry_at(dedup, slot)->seq);
}

void dedup_add(struct dedup *dedup, struct str id, uint64_t seq,
               int64_t time_ns)
{
    uint64_t hash = hash_id(id);
    if (dedup->count == (dedup->max > 0 ? dedup->max : DEDUP_IDS_MAX))
        drop_first(dedup);
    else if (dedup->count == dedup->cap)
        resize(dedup, dedup->cap > 0 ? dedup->cap * 2 : CAP_MIN);
    uint32_t slot = slot_of(dedup, hash);
    if (dedup->table[slot] != 0)
        return; /* another with its hash: that one counts */
    dedup->last_seq = seq;
    if (tick_of(time_ns) > dedup->last_tick)
        dedup->last_tick = tick_of(time_ns);
    uint32_t place = (dedup->first + dedup->count) & (dedup->cap - 1);
    dedup->ring[place] = (struct dedup_entry){
        .hash = hash,
        .seq = (uint32_t)seq,
        .tick = (uint32_t)dedup->last_tick,
    };
    dedup->table[slot] = place + 1;
    dedup->count++;
}

/* The first one's time is over. */
static bool first_is_over(const struct dedup *dedup, uint64_t before_tick)
{
    uint32_t tick = dedup->ring[dedup->first].tick;
    uint64_t age = (uint32_t)dedup->last_tick - tick;
    return dedup->last_tick - age < before_tick;
}

void dedup_expire(struct dedup *dedup, int64_t before_ns)
{
    uint64_t before_tick = tick_of(before_ns);
    while (dedup->count > 0 && first_is_over(dedup, before_tick))
        drop_first(dedup);
    if (dedup->cap > CAP_MIN && dedup->count < dedup->cap / 8)
        resize(dedup, dedup->cap / 2);
}
