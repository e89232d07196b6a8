/* unacked: see unacked.h. */
#include "broker/jetstream/unacked.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "lib/mem.h"

#define CAP_MIN 64u

void unacked_fini(struct unacked *u)
{
    free(u->entries);
    free(u->table);
    *u = (struct unacked){0};
}

static struct unacked_entry *at(const struct unacked *u, uint32_t index)
{
    return index != 0 ? &u->entries[index] : NULL;
}

static uint32_t index_of(const struct unacked *u,
                         const struct unacked_entry *entry)
{
    return (uint32_t)(entry - u->entries);
}

/* ---- lists; which of an entry's two links is told by its offset ---- */

#define ORDER offsetof(struct unacked_entry, order)
#define TURN  offsetof(struct unacked_entry, turn)

static struct unacked_link *link_of(struct unacked *u, uint32_t index,
                                    size_t which)
{
    return (struct unacked_link *)((char *)&u->entries[index] + which);
}

/* Puts index behind `after`, or at the front where that is 0. */
static void list_insert(struct unacked *u, struct unacked_list *list,
                        uint32_t index, uint32_t after, size_t which)
{
    struct unacked_link *link = link_of(u, index, which);
    link->prev = after;
    link->next = after != 0 ? link_of(u, after, which)->next : list->first;
    if (link->next != 0)
        link_of(u, link->next, which)->prev = index;
    else
        list->last = index;
    if (after != 0)
        link_of(u, after, which)->next = index;
    else
        list->first = index;
}

static void list_remove(struct unacked *u, struct unacked_list *list,
                        uint32_t index, size_t which)
{
    struct unacked_link *link = link_of(u, index, which);
    if (link->prev != 0)
        link_of(u, link->prev, which)->next = link->next;
    else
        list->first = link->next;
    if (link->next != 0)
        link_of(u, link->next, which)->prev = link->prev;
    else
        list->last = link->prev;
}

/* ---- the table by sequence ---- */

static uint32_t mask(const struct unacked *u)
{
    return u->cap * 2 - 1;
}

static uint32_t home(const struct unacked *u, uint64_t seq)
{
    return (uint32_t)((seq * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & mask(u);
}

static uint32_t slot_of(const struct unacked *u, uint64_t seq)
{
    uint32_t slot = home(u, seq);
    while (u->table[slot] != 0 && u->entries[u->table[slot]].seq != seq)
        slot = (slot + 1) & mask(u);
    return slot;
}

static void slot_clear(struct unacked *u, uint32_t hole)
{
    for (uint32_t slot = (hole + 1) & mask(u); u->table[slot] != 0;
         slot = (slot + 1) & mask(u)) {
        uint32_t wanted = home(u, u->entries[u->table[slot]].seq);
        if (((slot - wanted) & mask(u)) >= ((slot - hole) & mask(u))) {
            u->table[hole] = u->table[slot];
            hole = slot;
        }
    }
    u->table[hole] = 0;
}

static void grow(struct unacked *u)
{
    uint32_t old = u->cap;
    u->cap = old > 0 ? old * 2 : CAP_MIN;
    u->entries = mem_grow(u->entries, u->cap + 1, sizeof(*u->entries));
    for (uint32_t i = old + 1; i <= u->cap; i++) {
        u->entries[i].turn.next = u->free;
        u->free = i;
    }
    free(u->table);
    u->table = mem_zalloc(sizeof(*u->table) * 2 * u->cap);
    for (uint32_t i = u->order.first; i != 0; i = u->entries[i].order.next)
        u->table[slot_of(u, u->entries[i].seq)] = i;
}

/* ---- the interface ---- */

struct unacked_entry *unacked_find(const struct unacked *u, uint64_t seq)
{
    if (u->count == 0)
        return NULL;
    return at(u, u->table[slot_of(u, seq)]);
}

static void enqueue(struct unacked *u, struct unacked_entry *entry,
                    enum unacked_queue queue, int64_t deadline_ns)
{
    struct unacked_list *list = &u->queues[queue];
    uint32_t after = list->last;
    entry->queue = queue;
    entry->deadline_ns = deadline_ns;
    while (queue != UNACKED_READY && after != 0 &&
           u->entries[after].deadline_ns > deadline_ns)
        after = u->entries[after].turn.prev;
    list_insert(u, list, index_of(u, entry), after, TURN);
}

struct unacked_entry *unacked_add(struct unacked *u, uint64_t seq,
                                  uint64_t dseq, int64_t deadline_ns)
{
    assert(u->order.last == 0 || u->entries[u->order.last].seq < seq);
    if (u->count == u->cap)
        grow(u);
    uint32_t index = u->free;
    struct unacked_entry *entry = &u->entries[index];
    u->free = entry->turn.next;
    *entry = (struct unacked_entry){.seq = seq, .dseq = dseq, .deliveries = 1};
    u->table[slot_of(u, seq)] = index;
    list_insert(u, &u->order, index, u->order.last, ORDER);
    enqueue(u, entry, UNACKED_WAITING, deadline_ns);
    u->count++;
    return entry;
}

void unacked_remove(struct unacked *u, struct unacked_entry *entry)
{
    uint32_t index = index_of(u, entry);
    slot_clear(u, slot_of(u, entry->seq));
    list_remove(u, &u->order, index, ORDER);
    list_remove(u, &u->queues[entry->queue], index, TURN);
    entry->turn.next = u->free;
    u->free = index;
    u->count--;
}

void unacked_move(struct unacked *u, struct unacked_entry *entry,
                  enum unacked_queue queue, int64_t deadline_ns)
{
    list_remove(u, &u->queues[entry->queue], index_of(u, entry), TURN);
    enqueue(u, entry, queue, deadline_ns);
}

struct unacked_entry *unacked_lowest(const struct unacked *u)
{
    return at(u, u->order.first);
}

struct unacked_entry *unacked_ready(const struct unacked *u)
{
    return at(u, u->queues[UNACKED_READY].first);
}

struct unacked_entry *unacked_higher(const struct unacked *u,
                                     const struct unacked_entry *entry)
{
    return at(u, entry->order.next);
}

struct unacked_entry *unacked_due(const struct unacked *u, int64_t now_ns)
{
    struct unacked_entry *waiting = at(u, u->queues[UNACKED_WAITING].first);
    struct unacked_entry *delayed = at(u, u->queues[UNACKED_DELAYED].first);
    if (waiting != NULL && waiting->deadline_ns <= now_ns)
        return waiting;
    if (delayed != NULL && delayed->deadline_ns <= now_ns)
        return delayed;
    return NULL;
}

int64_t unacked_deadline(const struct unacked *u)
{
    int64_t earliest = INT64_MAX;
    for (int q = UNACKED_WAITING; q <= UNACKED_DELAYED; q++) {
        const struct unacked_entry *first = at(u, u->queues[q].first);
        if (first != NULL && first->deadline_ns < earliest)
            earliest = first->deadline_ns;
    }
    return earliest;
}
