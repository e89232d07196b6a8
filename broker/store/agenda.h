/* agenda: which messages have a time of their own, the earliest first.
 *
 * A heap of 8 bytes a message: its time in ticks, and its number (of the
 * owner's choice). What is found early, in the tick in which it will be over,
 * is put back; what is gone is dropped when its time comes. */
#ifndef NEXUS_BROKER_AGENDA_H
#define NEXUS_BROKER_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/store/store.h"

/* 67 ms: an agenda spans 9 years. */
#define AGENDA_TICK_SHIFT 26

/* A zeroed one is empty. */
struct agenda {
    int64_t base_ns; /* tick 0; */
    uint64_t moved;  /* by so many ticks, for earlier messages */
    uint64_t *keys;  /* owned; the tick above 32 bits of number */
    size_t count, max;
};

/* What agenda_run is to do. */
struct agenda_run {
    int64_t now_ns;
    size_t max, steps; /* calls of fn; messages looked at */
    /* Reads the message of that number: false, it is not there. */
    bool (*look)(void *owner, uint32_t number, struct store_msg *msg);
    void *owner;
    void (*fn)(void *arg, const struct store_msg *msg);
    void *arg;

    size_t count; /* of calls, in all; agenda_run adds */
};

void agenda_fini(struct agenda *agenda);

void agenda_add(struct agenda *agenda, int64_t expires_ns, uint32_t number);

/* Drops those that are gone. */
void agenda_prune(struct agenda *agenda,
                  bool (*there)(void *owner, uint32_t number), void *owner);

/* Before this no message is over. INT64_MAX: there is none. */
int64_t agenda_next(const struct agenda *agenda);

/* Calls fn for messages that are over; one that is there afterwards stays on
 * the agenda. `max` and `steps` are what is left of them. When the next one is
 * over, at the earliest, as agenda_next says, or more exactly. */
int64_t agenda_run(struct agenda *agenda, struct agenda_run *run);

#endif
