/* picks: see picks.h. */
#include "broker/jetstream/picks.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

#define CAP_MIN 64u

void picks_fini(struct picks *picks)
{
    free(picks->seqs);
    *picks = (struct picks){0};
}

struct filling {
    struct picks *picks;
    uint64_t from;
};

static bool pick(void *arg, struct str subject,
                 const struct store_subject *found)
{
    const struct filling *filling = arg;
    struct picks *picks = filling->picks;
    (void)subject;
    if (found->last_seq < filling->from || found->last_seq > picks->through)
        return true;
    if (picks->count == picks->cap) {
        picks->cap = picks->cap > 0 ? picks->cap * 2 : CAP_MIN;
        picks->seqs = mem_grow(picks->seqs, picks->cap, sizeof(*picks->seqs));
    }
    picks->seqs[picks->count++] = found->last_seq;
    return true;
}

static int ascending(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

void picks_fill(struct picks *picks, struct store *store,
                const struct store_filter *filter, uint64_t from,
                uint64_t through)
{
    struct filling filling = {.picks = picks, .from = from};
    picks_fini(picks);
    picks->through = through;
    store->ops->subjects(store, filter, pick, &filling);
    if (picks->count > 0)
        qsort(picks->seqs, picks->count, sizeof(*picks->seqs), ascending);
}

static void release_when_taken(struct picks *picks)
{
    if (picks->at < picks->count)
        return;
    uint64_t through = picks->through;
    picks_fini(picks);
    picks->through = through;
}

void picks_take(struct picks *picks)
{
    picks->at++;
    release_when_taken(picks);
}

/* Where seq is or would be among those to come. */
static size_t place_of(const struct picks *picks, uint64_t seq)
{
    size_t low = picks->at, high = picks->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (picks->seqs[middle] < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool picks_has(const struct picks *picks, uint64_t seq)
{
    size_t place = place_of(picks, seq);
    return place < picks->count && picks->seqs[place] == seq;
}

bool picks_drop(struct picks *picks, uint64_t seq)
{
    size_t place = place_of(picks, seq);
    if (place == picks->count || picks->seqs[place] != seq)
        return false;
    picks->count--;
    memmove(&picks->seqs[place], &picks->seqs[place + 1],
            (picks->count - place) * sizeof(*picks->seqs));
    release_when_taken(picks);
    return true;
}

void picks_drop_through(struct picks *picks, uint64_t seq)
{
    picks->at = place_of(picks, seq + 1);
    release_when_taken(picks);
}
