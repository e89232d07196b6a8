#include "agents/streamer/stamps.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/mem.h"

#define PLACES_MIN 1024

struct stamp {
    int64_t source_ns;
    int64_t stamp_ns; /* 0: the place is free */
};

/* Open addressing, at most half full. */
struct stamps {
    struct stamp *places;
    size_t place_count; /* a power of two */
    size_t count;
    int64_t last_ns;     /* the newest stamp */
    struct stamp recent; /* the one asked for last */
};

struct stamps *stamps_new(void)
{
    struct stamps *s = mem_zalloc(sizeof *s);
    s->place_count = PLACES_MIN;
    s->places = mem_zalloc(PLACES_MIN * sizeof(struct stamp));
    return s;
}

void stamps_free(struct stamps **stamps)
{
    if (*stamps == NULL)
        return;
    free((*stamps)->places);
    free(*stamps);
    *stamps = NULL;
}

void stamps_begin_pass(struct stamps *s)
{
    memset(s->places, 0, s->place_count * sizeof(struct stamp));
    s->count = 0;
    s->recent = (struct stamp){0};
}

/* Where a source time is, or would go. */
static struct stamp *find_place(const struct stamps *s, int64_t source_ns)
{
    uint64_t hash = (uint64_t)source_ns * UINT64_C(0x9E3779B97F4A7C15);
    size_t mask = s->place_count - 1;
    size_t i = hash >> 32 & mask;
    while (s->places[i].stamp_ns != 0 && s->places[i].source_ns != source_ns)
        i = (i + 1) & mask;
    return &s->places[i];
}

static void grow(struct stamps *s)
{
    struct stamp *old = s->places;
    size_t old_count = s->place_count;
    s->place_count = old_count * 2;
    s->places = mem_zalloc(s->place_count * sizeof(struct stamp));
    for (size_t i = 0; i < old_count; i++)
        if (old[i].stamp_ns != 0)
            *find_place(s, old[i].source_ns) = old[i];
    free(old);
}

static void make_room(struct stamps *s)
{
    if (s->count == STAMPS_MAX)
        stamps_begin_pass(s);
    if (s->count >= s->place_count / 2)
        grow(s);
}

/* The processing time in whole milliseconds, which is how finely samples are
 * written, as long as that is later than the stamp before. */
static int64_t next_stamp(struct stamps *s, int64_t now_ns)
{
    int64_t stamp = now_ns - now_ns % NS_PER_MS;
    if (stamp <= s->last_ns) {
        bool far_ahead = s->last_ns - now_ns > STAMPS_LEAD_MAX_NS;
        stamp = s->last_ns + (far_ahead ? NS_PER_US : NS_PER_MS);
    }
    s->last_ns = stamp;
    return stamp;
}

int64_t stamps_of(struct stamps *s, int64_t source_ns, int64_t now_ns)
{
    if (s->recent.stamp_ns != 0 && s->recent.source_ns == source_ns)
        return s->recent.stamp_ns;
    struct stamp *place = find_place(s, source_ns);
    if (place->stamp_ns == 0) {
        make_room(s);
        place = find_place(s, source_ns);
        *place = (struct stamp){source_ns, next_stamp(s, now_ns)};
        s->count++;
    }
    s->recent = *place;
    return place->stamp_ns;
}
