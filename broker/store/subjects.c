#include "broker/store/subjects.h"

#include <stdlib.h>

#include "lib/mem.h"

#define SLOTS_MIN 64U
/* In subjects_slot.at: what follows is the number of a range. */
#define IN_RANGE (UINT64_C(1) << 63)

void subjects_fini(struct subjects *subjects)
{
    free(subjects->slots);
    free(subjects->ranges);
    *subjects = (struct subjects){.count = 0};
}

size_t subjects_memory(const struct subjects *subjects)
{
    return subjects->size * sizeof *subjects->slots +
           subjects->ranges_max * sizeof *subjects->ranges;
}

static size_t home(const struct subjects *subjects, uint64_t hash)
{
    return (hash >> 20) & (subjects->size - 1);
}

static struct subjects_slot *slot_of(const struct subjects *subjects,
                                     uint64_t hash)
{
    size_t i = home(subjects, hash);
    while (subjects->slots[i].at != 0 && subjects->slots[i].hash != hash)
        i = (i + 1) & (subjects->size - 1);
    return &subjects->slots[i];
}

/* ---- ranges ---- */

static struct subjects_range *range_of(const struct subjects *subjects,
                                       const struct subjects_slot *slot)
{
    return &subjects->ranges[slot->at & ~IN_RANGE];
}

static size_t range_take(struct subjects *subjects)
{
    size_t i = subjects->ranges_free;
    if (i > 0) {
        subjects->ranges_free = subjects->ranges[i - 1].messages;
        return i - 1;
    }
    if (subjects->ranges_used == subjects->ranges_max) {
        subjects->ranges_max = subjects->ranges_max * 2 + 8;
        subjects->ranges = mem_grow(subjects->ranges, subjects->ranges_max,
                                    sizeof *subjects->ranges);
    }
    return subjects->ranges_used++;
}

/* The slot goes on without its range. */
static void range_drop(struct subjects *subjects, struct subjects_slot *slot,
                       uint64_t seq)
{
    size_t i = slot->at & ~IN_RANGE;
    subjects->ranges[i].messages = subjects->ranges_free;
    subjects->ranges_free = i + 1;
    slot->at = seq;
}

static void read_slot(const struct subjects *subjects,
                      const struct subjects_slot *slot,
                      struct subjects_range *found)
{
    if (slot->at & IN_RANGE)
        *found = *range_of(subjects, slot);
    else
        *found = (struct subjects_range){
            .first_seq = slot->at, .last_seq = slot->at, .messages = 1};
}

/* ---- the table ---- */

static void resize(struct subjects *subjects, size_t size)
{
    struct subjects_slot *before = subjects->slots;
    size_t n = subjects->size;
    subjects->size = size;
    subjects->slots = mem_zalloc(size * sizeof *subjects->slots);
    for (size_t i = 0; i < n; i++)
        if (before[i].at != 0)
            *slot_of(subjects, before[i].hash) = before[i];
    free(before);
}

/* Empties the slot and moves later ones of the run back. */
static void clear(struct subjects *subjects, struct subjects_slot *slot)
{
    size_t mask = subjects->size - 1;
    size_t hole = (size_t)(slot - subjects->slots);
    for (size_t i = (hole + 1) & mask; subjects->slots[i].at != 0;
         i = (i + 1) & mask) {
        size_t wanted = home(subjects, subjects->slots[i].hash);
        if (((i - wanted) & mask) >= ((i - hole) & mask)) {
            subjects->slots[hole] = subjects->slots[i];
            hole = i;
        }
    }
    subjects->slots[hole].at = 0;
    subjects->count--;
}

bool subjects_find(const struct subjects *subjects, uint64_t hash,
                   struct subjects_range *found)
{
    if (subjects->count == 0)
        return false;
    const struct subjects_slot *slot = slot_of(subjects, hash);
    if (slot->at == 0)
        return false;
    read_slot(subjects, slot, found);
    return true;
}

void subjects_add(struct subjects *subjects, uint64_t hash, uint64_t first_seq,
                  uint64_t last_seq, uint64_t messages)
{
    if (subjects->count * 5 >= subjects->size * 4)
        resize(subjects, subjects->size > 0 ? subjects->size * 2 : SLOTS_MIN);
    struct subjects_slot *slot = slot_of(subjects, hash);
    struct subjects_range range = {
        .first_seq = first_seq, .last_seq = last_seq, .messages = messages};
    if (slot->at == 0) {
        slot->hash = hash;
        subjects->count++;
        if (messages == 1) {
            slot->at = first_seq;
            return;
        }
    } else {
        struct subjects_range before;
        read_slot(subjects, slot, &before);
        range.first_seq = before.first_seq;
        range.first_open = before.first_open;
        range.messages += before.messages;
    }
    if (!(slot->at & IN_RANGE))
        slot->at = IN_RANGE | range_take(subjects);
    *range_of(subjects, slot) = range;
}

static void remove_from_range(struct subjects *subjects,
                              struct subjects_slot *slot, uint64_t seq)
{
    struct subjects_range *range = range_of(subjects, slot);
    range->messages--;
    if (seq == range->first_seq)
        range->first_open = true;
    if (seq == range->last_seq)
        range->last_open = true;
    if (range->messages == 1 && !range->last_open)
        range_drop(subjects, slot, range->last_seq);
    else if (range->messages == 1 && !range->first_open)
        range_drop(subjects, slot, range->first_seq);
    else if (range->messages == 0) {
        range_drop(subjects, slot, seq);
        clear(subjects, slot);
    }
}

void subjects_remove(struct subjects *subjects, uint64_t hash, uint64_t seq)
{
    if (subjects->count == 0)
        return;
    struct subjects_slot *slot = slot_of(subjects, hash);
    if (slot->at & IN_RANGE)
        remove_from_range(subjects, slot, seq);
    else if (slot->at != 0 && slot->at == seq)
        clear(subjects, slot);
}

void subjects_settle(struct subjects *subjects, uint64_t hash,
                     uint64_t first_seq, uint64_t last_seq)
{
    if (subjects->count == 0)
        return;
    struct subjects_slot *slot = slot_of(subjects, hash);
    if (!(slot->at & IN_RANGE))
        return;
    struct subjects_range *range = range_of(subjects, slot);
    range->first_seq = first_seq;
    range->last_seq = last_seq;
    range->first_open = range->last_open = false;
    if (range->messages == 1)
        range_drop(subjects, slot, first_seq);
}

bool subjects_slot(const struct subjects *subjects, size_t i, uint64_t *hash,
                   struct subjects_range *found)
{
    const struct subjects_slot *slot = &subjects->slots[i];
    if (slot->at == 0)
        return false;
    *hash = slot->hash;
    read_slot(subjects, slot, found);
    return true;
}
