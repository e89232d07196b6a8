/* subjects: of every subject of a stream, its first and last message and how
 * many there are.
 *
 * A subject is known by its hash only, and one with a single message takes 16
 * bytes, the common case of a key-value bucket; others have a range beside
 * the table. Where the message at an end was removed, that end is open: what
 * stands there is a bound, and who asks searches on from it and tells
 * (subjects_settle). */
#ifndef NEXUS_BROKER_SUBJECTS_H
#define NEXUS_BROKER_SUBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct subjects_slot {
    uint64_t hash;
    uint64_t at; /* 0: free; the only message's sequence; or a range */
};

struct subjects_range {
    uint64_t first_seq, last_seq;
    uint64_t messages;
    bool first_open, last_open;
};

/* A zeroed one is empty. */
struct subjects {
    struct subjects_slot *slots;
    size_t size; /* a power of two */
    size_t count;
    struct subjects_range *ranges;
    size_t ranges_max;
    size_t ranges_used; /* from the start, free ones among them */
    size_t ranges_free; /* first of a list, from 1; chained by messages */
};

void subjects_fini(struct subjects *subjects);

/* Memory it takes. */
size_t subjects_memory(const struct subjects *subjects);

bool subjects_find(const struct subjects *subjects, uint64_t hash,
                   struct subjects_range *found);

/* Adds messages that follow those it has of that subject. */
void subjects_add(struct subjects *subjects, uint64_t hash, uint64_t first_seq,
                  uint64_t last_seq, uint64_t messages);

/* Takes off one message. */
void subjects_remove(struct subjects *subjects, uint64_t hash, uint64_t seq);

/* The ends were looked for: they are these. */
void subjects_settle(struct subjects *subjects, uint64_t hash,
                     uint64_t first_seq, uint64_t last_seq);

/* The subject in slot i: false when it is free. */
bool subjects_slot(const struct subjects *subjects, size_t i, uint64_t *hash,
                   struct subjects_range *found);

#endif
