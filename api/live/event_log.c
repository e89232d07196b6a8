/* event_log: see the header.
 *
 *     saved                       ring
 *     k1:5  k7:9  k2:12    │  13 14 15 16 17 … newest
 *
 * An event is one block of memory, in the ring until the ring is full. What
 * leaves it is freed, unless it is the newest of its key: then it is saved, in
 * order of number, until a newer one of its key comes. A reader behind the ring
 * reads what is saved, then the ring. */
#include "api/live/event_log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "lib/mem.h"

#define BYTES_DEFAULT  (4 << 20)
#define EVENTS_DEFAULT 16384

struct entry {
    uint64_t number, key, sequence, previous;
    size_t len;
    char payload[];
};

struct key {
    UT_hash_handle hh;
    uint64_t key;
    uint64_t newest;     /* number of its newest event */
    struct entry *saved; /* that one, where it is not in the ring any more */
};

struct event_log {
    struct event_log_config config;
    struct entry **ring; /* number n stands at n & (ring_size - 1) */
    uint32_t ring_size;  /* a power of two */
    uint64_t first;      /* of the ring; newest + 1: it is empty */
    uint64_t newest;
    uint64_t sequence; /* of the newest */
    size_t bytes;      /* of ring and saved, their heads included */
    struct key *keys;
    struct entry **saved; /* in order of number; NULL: no longer its newest */
    uint32_t saved_count, saved_gaps, saved_size;
    struct event_reader idle, busy; /* rings of readers, these their heads */
    size_t readers, idlers;
};

/* ---- readers ---- */

static void list_init(struct event_reader *head)
{
    head->prev = head->next = head;
}

static void list_remove(struct event_reader *reader)
{
    reader->prev->next = reader->next;
    reader->next->prev = reader->prev;
}

static void list_append(struct event_reader *head, struct event_reader *reader)
{
    reader->prev = head->prev;
    reader->next = head;
    head->prev->next = reader;
    head->prev = reader;
}

static void reader_idle(struct event_log *log, struct event_reader *reader)
{
    if (reader->idle)
        return;
    list_remove(reader);
    list_append(&log->idle, reader);
    reader->idle = true;
    log->idlers++;
}

/* The list is taken over first: who reads at once and is idle again is not
 * woken twice. Readers may leave meanwhile, any of them. */
static void readers_wake(struct event_log *log)
{
    if (log->idlers == 0)
        return;
    struct event_reader waking = log->idle;
    waking.next->prev = waking.prev->next = &waking;
    list_init(&log->idle);
    while (waking.next != &waking) {
        struct event_reader *reader = waking.next;
        list_remove(reader);
        list_append(&log->busy, reader);
        reader->idle = false;
        log->idlers--;
        reader->wake(reader);
    }
}

void event_reader_join(struct event_reader *reader, struct event_log *log)
{
    reader->log = log;
    reader->number = log->newest;
    reader->idle = true;
    list_append(&log->idle, reader);
    log->readers++;
    log->idlers++;
}

void event_reader_leave(struct event_reader *reader)
{
    if (reader->log == NULL)
        return;
    list_remove(reader);
    reader->log->readers--;
    reader->log->idlers -= reader->idle;
    reader->log = NULL;
}

/* ---- entries ---- */

static struct entry *ring_at(const struct event_log *log, uint64_t number)
{
    return log->ring[number & (log->ring_size - 1)];
}

static void account(struct event_log *log, const struct entry *entry, int sign)
{
    size_t size = sizeof *entry + entry->len;
    log->bytes += sign > 0 ? size : -size;
    if (log->config.budget != NULL)
        log->config.budget->bytes += sign > 0 ? size : -size;
}

static void entry_free(struct event_log *log, struct entry *entry)
{
    account(log, entry, -1);
    free(entry);
}

/* ---- what is saved ---- */

static uint32_t saved_after(const struct event_log *log, uint64_t number);

static void saved_compact(struct event_log *log)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < log->saved_count; i++)
        if (log->saved[i] != NULL)
            log->saved[kept++] = log->saved[i];
    log->saved_count = kept;
    log->saved_gaps = 0;
}

static void saved_add(struct event_log *log, struct key *key,
                      struct entry *entry)
{
    if (log->saved_count == log->saved_size) {
        log->saved_size = log->saved_size == 0 ? 16 : log->saved_size * 2;
        log->saved =
            mem_grow(log->saved, log->saved_size, sizeof(struct entry *));
    }
    log->saved[log->saved_count++] = entry;
    key->saved = entry;
}

static void saved_drop(struct event_log *log, struct key *key)
{
    uint32_t at = saved_after(log, key->saved->number - 1);
    assert(log->saved[at] == key->saved);
    log->saved[at] = NULL;
    entry_free(log, key->saved);
    key->saved = NULL;
    if (++log->saved_gaps > log->saved_count / 2)
        saved_compact(log);
}

static struct key *key_find(const struct event_log *log, uint64_t key)
{
    struct key *found;
    HASH_FIND(hh, log->keys, &key, sizeof key, found);
    return found;
}

/* The number of the saved one at or behind `at`; a gap has none of its own. */
static uint32_t saved_skip(const struct event_log *log, uint32_t at)
{
    while (at < log->saved_count && log->saved[at] == NULL)
        at++;
    return at;
}

/* The place of the first that is saved behind that number. */
static uint32_t saved_after(const struct event_log *log, uint64_t number)
{
    uint32_t low = 0, high = log->saved_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t at = saved_skip(log, middle);
        if (at < high && log->saved[at]->number <= number)
            low = at + 1;
        else
            high = middle;
    }
    return saved_skip(log, low);
}

/* ---- the ring ---- */

static void ring_grow(struct event_log *log)
{
    uint32_t size = log->ring_size == 0 ? 16 : log->ring_size * 2;
    struct entry **ring = mem_alloc(size * sizeof(struct entry *));
    for (uint64_t n = log->first; n <= log->newest; n++)
        ring[n & (size - 1)] = ring_at(log, n);
    free(log->ring);
    log->ring = ring;
    log->ring_size = size;
}

static void ring_evict(struct event_log *log)
{
    struct entry *entry = ring_at(log, log->first++);
    struct key *key = key_find(log, entry->key);
    if (key->newest == entry->number)
        saved_add(log, key, entry);
    else
        entry_free(log, entry);
}

static bool over_budget(const struct event_log *log)
{
    const struct event_budget *budget = log->config.budget;
    return budget != NULL && budget->bytes > budget->bytes_max;
}

/* Everybody has read everything. */
static void forget_all(struct event_log *log)
{
    for (; log->first <= log->newest; log->first++)
        entry_free(log, ring_at(log, log->first));
    for (uint32_t i = 0; i < log->saved_count; i++)
        if (log->saved[i] != NULL)
            entry_free(log, log->saved[i]);
    log->saved_count = log->saved_gaps = 0;
    struct key *key = log->keys;
    HASH_CLEAR(hh, log->keys);
    while (key != NULL) {
        struct key *next = key->hh.next;
        free(key);
        key = next;
    }
}

/* What is saved is bounded by the number of keys, and, where all logs together
 * are too large, by that: then even a key's newest is left out. */
static void make_room(struct event_log *log)
{
    if (log->idlers == log->readers) {
        forget_all(log);
        return;
    }
    uint64_t count = log->newest + 1 - log->first;
    while (count > 0 &&
           (count >= log->config.events_max ||
            log->bytes > log->config.bytes_max || over_budget(log))) {
        ring_evict(log);
        count--;
        if (count == 0 && over_budget(log))
            forget_all(log);
    }
}

static void key_newest(struct event_log *log, const struct entry *entry)
{
    struct key *key = key_find(log, entry->key);
    if (key == NULL) {
        key = mem_zalloc(sizeof *key);
        key->key = entry->key;
        HASH_ADD(hh, log->keys, key, sizeof key->key, key);
    }
    if (key->saved != NULL)
        saved_drop(log, key);
    key->newest = entry->number;
}

uint64_t event_log_append(struct event_log *log, uint64_t key,
                          uint64_t sequence, struct str payload)
{
    make_room(log);
    if (log->newest + 1 - log->first >= log->ring_size)
        ring_grow(log);
    struct entry *entry = mem_alloc(sizeof *entry + payload.len);
    *entry = (struct entry){.number = log->newest + 1,
                            .key = key,
                            .sequence = sequence,
                            .previous = log->sequence,
                            .len = payload.len};
    if (payload.len > 0)
        memcpy(entry->payload, payload.p, payload.len);
    account(log, entry, 1);
    log->newest++;
    log->ring[log->newest & (log->ring_size - 1)] = entry;
    log->sequence = sequence;
    key_newest(log, entry);
    readers_wake(log);
    return entry->number;
}

static struct entry *entry_after(const struct event_log *log, uint64_t number)
{
    if (number + 1 >= log->first)
        return ring_at(log, number + 1);
    uint32_t at = saved_after(log, number);
    return at < log->saved_count ? log->saved[at] : ring_at(log, log->first);
}

bool event_reader_next(struct event_reader *reader, struct event *event)
{
    struct event_log *log = reader->log;
    if (reader->number == log->newest) {
        reader_idle(log, reader);
        return false;
    }
    const struct entry *entry = entry_after(log, reader->number);
    *event = (struct event){
        .payload = str_make(entry->payload, entry->len),
        .number = entry->number,
        .previous = entry->previous,
        .sequence = entry->sequence,
        .missed = entry->number - reader->number - 1,
    };
    reader->number = entry->number;
    return true;
}

/* ---- the log ---- */

struct event_log *event_log_new(const struct event_log_config *config)
{
    struct event_log *log = mem_zalloc(sizeof *log);
    if (config != NULL)
        log->config = *config;
    if (log->config.bytes_max == 0)
        log->config.bytes_max = BYTES_DEFAULT;
    if (log->config.events_max == 0)
        log->config.events_max = EVENTS_DEFAULT;
    log->first = 1;
    list_init(&log->idle);
    list_init(&log->busy);
    return log;
}

void event_log_free(struct event_log **log)
{
    struct event_log *l = *log;
    *log = NULL;
    if (l == NULL)
        return;
    assert(l->readers == 0);
    forget_all(l);
    free(l->ring);
    free(l->saved);
    free(l);
}

size_t event_log_readers(const struct event_log *log)
{
    return log->readers;
}

size_t event_log_bytes(const struct event_log *log)
{
    return log->bytes;
}

uint64_t event_log_newest(const struct event_log *log)
{
    return log->newest;
}
