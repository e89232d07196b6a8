/* picks: the last message of each subject, as they stood at one moment, in the
 * order of the stream; where a last_per_subject consumer begins.
 *
 * Up to `through` only what is picked counts; behind it, everything. */
#ifndef NEXUS_BROKER_PICKS_H
#define NEXUS_BROKER_PICKS_H

#include <stdbool.h>

#include "broker/store/store.h"

/* A zeroed one has nothing. 8 bytes a subject, until they are taken. */
struct picks {
    uint64_t *seqs; /* ascending */
    size_t count, cap, at;
    uint64_t through;
};

void picks_fini(struct picks *picks);

/* Of the subjects the filter selects: the last messages from `from` through
 * `through`. */
void picks_fill(struct picks *picks, struct store *store,
                const struct store_filter *filter, uint64_t from,
                uint64_t through);

static inline uint64_t picks_left(const struct picks *picks)
{
    return picks->count - picks->at;
}

/* The next one; 0: all are taken. */
static inline uint64_t picks_next(const struct picks *picks)
{
    return picks->at < picks->count ? picks->seqs[picks->at] : 0;
}

/* Takes the next one out. */
void picks_take(struct picks *picks);

bool picks_has(const struct picks *picks, uint64_t seq);

/* Drops one that is still to come; false: it is none. */
bool picks_drop(struct picks *picks, uint64_t seq);

/* Drops all up to seq. */
void picks_drop_through(struct picks *picks, uint64_t seq);

#endif
