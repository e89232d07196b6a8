#include "agents/streamer/window.h"

#include <assert.h>
#include <stdlib.h>

#include "agents/streamer/names.h"
#include "lib/mem.h"

#define SLOTS_PER_CHUNK 256

/* A GPU as its last row named it; each name interned. */
struct gpu {
    struct str names[NAME_COUNT];
};

struct slot {
    struct sample sample;
    const struct gpu *gpu;
    size_t extra_cap;
    struct slot *in_bucket; /* the next one there */
    struct slot *in_group; /* the next one there; or in the list of free ones */
};

/* The open samples of one source time. */
struct group {
    int64_t ts_ns;
    struct slot *first, **last; /* in order of their first rows */
    struct group *older, *newer;
};

struct chunk {
    struct chunk *next;
    struct slot slots[SLOTS_PER_CHUNK];
};

struct window {
    struct str cluster;
    size_t samples_max;
    window_emit emit;
    void *arg;

    struct names names; /* and GPUs, each the owner of its UUID */
    struct slot **buckets;
    size_t bucket_mask;
    size_t open;
    struct slot *free_slots;
    struct chunk *chunks;

    struct group *oldest, *newest; /* by when they were fed last */
    struct group *free_groups;     /* by newer */
    struct group *groups;
};

static size_t power_of_two(size_t least)
{
    size_t n = 1;
    while (n < least)
        n *= 2;
    return n;
}

struct window *window_new(struct str cluster, int times, size_t samples,
                          window_emit emit, void *arg)
{
    assert(times >= 1 && times <= WINDOW_TIMES_MAX);
    assert(samples >= 1 && samples <= WINDOW_SAMPLES_MAX);
    struct window *w = mem_alloc(sizeof *w);
    *w = (struct window){
        .cluster = cluster, .samples_max = samples, .emit = emit, .arg = arg};
    size_t buckets = power_of_two(samples);
    w->bucket_mask = buckets - 1;
    w->buckets = mem_zalloc(buckets * sizeof(struct slot *));
    w->groups = mem_zalloc((size_t)times * sizeof(struct group));
    for (int i = 0; i < times; i++) {
        w->groups[i].newer = w->free_groups;
        w->free_groups = &w->groups[i];
    }
    return w;
}

void window_free(struct window **window)
{
    struct window *w = *window;
    if (w == NULL)
        return;
    for (struct chunk *c = w->chunks, *next; c != NULL; c = next) {
        next = c->next;
        for (int i = 0; i < SLOTS_PER_CHUNK; i++)
            free(c->slots[i].sample.extra);
        free(c);
    }
    names_fini(&w->names);
    free(w->buckets);
    free(w->groups);
    free(w);
    *window = NULL;
}

size_t window_open(const struct window *w)
{
    return w->open;
}

/* ---- slots ---- */

static struct slot **find_bucket(const struct window *w, const struct gpu *gpu,
                                 int64_t ts_ns)
{
    uint64_t key = (uint64_t)(uintptr_t)gpu >> 4 ^
                   (uint64_t)ts_ns * UINT64_C(0x9E3779B97F4A7C15);
    key *= UINT64_C(0xD6E8FEB86659FD93);
    return &w->buckets[key >> 32 & w->bucket_mask];
}

static void add_chunk(struct window *w)
{
    struct chunk *c = mem_zalloc(sizeof *c);
    c->next = w->chunks;
    w->chunks = c;
    for (int i = SLOTS_PER_CHUNK; i-- > 0;) {
        c->slots[i].in_group = w->free_slots;
        w->free_slots = &c->slots[i];
    }
}

/* A slot's extra metrics keep their memory when it is used again. */
static struct slot *slot_new(struct window *w, struct group *group,
                             const struct gpu *gpu)
{
    if (w->free_slots == NULL)
        add_chunk(w);
    struct slot *s = w->free_slots;
    w->free_slots = s->in_group;
    struct sample_extra *extra = s->sample.extra;
    s->sample = (struct sample){
        .ts_ns = group->ts_ns, .cluster = w->cluster, .extra = extra};
    s->gpu = gpu;

    struct slot **bucket = find_bucket(w, gpu, group->ts_ns);
    s->in_bucket = *bucket;
    *bucket = s;
    s->in_group = NULL;
    *group->last = s;
    group->last = &s->in_group;
    w->open++;
    return s;
}

/* Takes the first slot of a group out of the window. */
static struct slot *slot_take(struct window *w, struct group *group)
{
    struct slot *s = group->first;
    struct slot **link = find_bucket(w, s->gpu, group->ts_ns);
    while (*link != s)
        link = &(*link)->in_bucket;
    *link = s->in_bucket;
    group->first = s->in_group;
    if (group->first == NULL)
        group->last = &group->first;
    w->open--;
    return s;
}

static void slot_free(struct window *w, struct slot *s)
{
    s->in_group = w->free_slots;
    w->free_slots = s;
}

/* ---- groups ---- */

static void unlink_group(struct window *w, struct group *g)
{
    *(g->older != NULL ? &g->older->newer : &w->oldest) = g->newer;
    *(g->newer != NULL ? &g->newer->older : &w->newest) = g->older;
}

static void link_newest(struct window *w, struct group *g)
{
    g->older = w->newest;
    g->newer = NULL;
    *(w->newest != NULL ? &w->newest->newer : &w->oldest) = g;
    w->newest = g;
}

static void group_free(struct window *w, struct group *g)
{
    unlink_group(w, g);
    g->newer = w->free_groups;
    w->free_groups = g;
}

/* Lets the samples of one time leave. What emit refuses is lost with it. */
static int group_emit(struct window *w, struct group *g)
{
    int rc = 0;
    while (rc == 0 && g->first != NULL) {
        struct slot *s = slot_take(w, g);
        rc = w->emit(w->arg, &s->sample);
        slot_free(w, s);
    }
    if (g->first == NULL)
        group_free(w, g);
    return rc;
}

/* The group of a time, made the newest; NULL when it is not open. There are
 * few, and the one looked for is nearly always the newest. */
static struct group *group_find(struct window *w, int64_t ts_ns)
{
    struct group *g = w->newest;
    while (g != NULL && g->ts_ns != ts_ns)
        g = g->older;
    if (g != NULL && g != w->newest) {
        unlink_group(w, g);
        link_newest(w, g);
    }
    return g;
}

static struct group *group_new(struct window *w, int64_t ts_ns)
{
    struct group *g = w->free_groups;
    w->free_groups = g->newer;
    *g = (struct group){.ts_ns = ts_ns};
    g->last = &g->first;
    link_newest(w, g);
    return g;
}

/* ---- rows ---- */

/* The GPU of a row, with its names brought up to date. */
static const struct gpu *find_gpu(struct window *w, const struct reading *r)
{
    struct name_entry *uuid = names_intern(&w->names, r->names[NAME_UUID]);
    struct gpu *gpu = uuid->owner;
    if (gpu == NULL) {
        gpu = arena_alloc(&w->names.arena, sizeof *gpu);
        *gpu = (struct gpu){.names = {[NAME_UUID] = uuid->text}};
        uuid->owner = gpu;
    }
    for (int n = 0; n < NAME_COUNT; n++)
        if (!str_eq(gpu->names[n], r->names[n]))
            gpu->names[n] = names_intern(&w->names, r->names[n])->text;
    return gpu;
}

static struct slot *find_slot(const struct window *w, const struct gpu *gpu,
                              int64_t ts_ns)
{
    struct slot *s = *find_bucket(w, gpu, ts_ns);
    while (s != NULL && (s->gpu != gpu || s->sample.ts_ns != ts_ns))
        s = s->in_bucket;
    return s;
}

static void fill(struct str *field, struct str name)
{
    if (field->len == 0)
        *field = name;
}

/* The first row that names something names it for the sample: the next metric
 * may carry no pod. */
static void take_names(struct sample *s, const struct gpu *gpu)
{
    fill(&s->uuid, gpu->names[NAME_UUID]);
    fill(&s->host, gpu->names[NAME_HOST]);
    fill(&s->gpu, gpu->names[NAME_GPU]);
    fill(&s->device, gpu->names[NAME_DEVICE]);
    fill(&s->model, gpu->names[NAME_MODEL]);
    fill(&s->pod, gpu->names[NAME_POD]);
    fill(&s->namespace, gpu->names[NAME_NAMESPACE]);
    fill(&s->container, gpu->names[NAME_CONTAINER]);
}

/* A metric outside the catalogue: replaces the value of the same name. */
static void take_extra(struct window *w, struct slot *s,
                       const struct reading_value *v)
{
    struct sample *sample = &s->sample;
    const char *name = names_intern(&w->names, v->name)->text.p;
    size_t i = 0;
    while (i < sample->extra_count && sample->extra[i].name.p != name)
        i++;
    if (i == s->extra_cap) {
        s->extra_cap = s->extra_cap > 0 ? s->extra_cap * 2 : 4;
        sample->extra =
            mem_grow(sample->extra, s->extra_cap, sizeof(struct sample_extra));
    }
    sample->extra[i] =
        (struct sample_extra){str_make(name, v->name.len), v->value};
    if (i == sample->extra_count)
        sample->extra_count++;
}

static void take_values(struct window *w, struct slot *s,
                        const struct reading *r)
{
    for (int i = 0; i < r->count; i++) {
        const struct reading_value *v = &r->values[i];
        if (v->metric >= 0)
            sample_set(&s->sample, (enum metric)v->metric, v->value);
        else
            take_extra(w, s, v);
    }
}

/* Lets samples leave until a new one of that time has room: 0 or what emit
 * returned. The time itself leaves last. */
static int make_room(struct window *w, int64_t ts_ns)
{
    int rc = 0;
    while (rc == 0 &&
           (w->open == w->samples_max ||
            (w->free_groups == NULL && group_find(w, ts_ns) == NULL)))
        rc = group_emit(w, w->oldest);
    return rc;
}

static int open_slot(struct window *w, const struct gpu *gpu, int64_t ts_ns,
                     struct slot **out)
{
    int rc = make_room(w, ts_ns);
    if (rc != 0)
        return rc;
    struct group *group = group_find(w, ts_ns);
    if (group == NULL)
        group = group_new(w, ts_ns);
    *out = slot_new(w, group, gpu);
    return 0;
}

/* True when the reading's values might take a sample past SAMPLE_EXTRA_MAX. */
static bool is_full(const struct slot *s, const struct reading *r)
{
    return s->sample.extra_count + (size_t)r->count > SAMPLE_EXTRA_MAX;
}

_Static_assert(CSV_COLUMNS_MAX <= SAMPLE_EXTRA_MAX, "a row fits one sample");

/* A fleet whose names never end would fill the memory. */
static int bound_names(struct window *w)
{
    if (w->names.arena.allocated <= WINDOW_NAME_BYTES_MAX)
        return 0;
    int rc = window_drain(w);
    if (rc == 0)
        names_clear(&w->names);
    return rc;
}

/* The sample a reading goes to: 0 and *out, or what emit returned. */
static int choose_slot(struct window *w, const struct gpu *gpu,
                       const struct reading *r, struct slot **out)
{
    struct group *group = group_find(w, r->ts_ns);
    struct slot *slot = group != NULL ? find_slot(w, gpu, r->ts_ns) : NULL;
    if (slot != NULL && is_full(slot, r)) {
        int rc = group_emit(w, group);
        if (rc != 0)
            return rc;
        slot = NULL;
    }
    if (slot == NULL)
        return open_slot(w, gpu, r->ts_ns, out);
    *out = slot;
    return 0;
}

int window_add(struct window *w, const struct reading *r)
{
    if (r->count == 0)
        return 0;
    int rc = bound_names(w);
    if (rc != 0)
        return rc;
    const struct gpu *gpu = find_gpu(w, r);
    struct slot *slot;
    rc = choose_slot(w, gpu, r, &slot);
    if (rc != 0)
        return rc;
    take_names(&slot->sample, gpu);
    take_values(w, slot, r);
    return 0;
}

int window_drain(struct window *w)
{
    int rc = 0;
    while (rc == 0 && w->oldest != NULL)
        rc = group_emit(w, w->oldest);
    return rc;
}

void window_clear(struct window *w)
{
    while (w->oldest != NULL) {
        while (w->oldest->first != NULL)
            slot_free(w, slot_take(w, w->oldest));
        group_free(w, w->oldest);
    }
    names_clear(&w->names);
}
