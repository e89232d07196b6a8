/* pace: see the header.
 *
 * A GPU that was given an update stands in a list, in order of time, until its
 * interval is over; all intervals are equal, so who is due stands in front.
 * Those of whom something is held stand in another, in order of its sequence:
 * the first says from where a client would have to resume. */
#include "api/live/pace.h"

#include <stdlib.h>
#include <uthash.h>
#include <utlist.h>

#include "lib/mem.h"

struct held {
    UT_hash_handle hh; /* by number */
    uint32_t number;
    struct held *prev, *next; /* in order of due_ns */
    struct held *full_prev, *full_next;
    int64_t due_ns; /* its interval is over */
    const struct fleet_gpu *gpu;
    bool full;      /* there is something to give */
    uint64_t first; /* sequence of the first that is held */
    uint64_t sequence;
    struct sample sample; /* its names are the GPU's */
    char *extra_names;    /* memory of the extras' */
};

struct pace {
    int64_t interval_ns;
    pace_fn fn;
    void *arg;
    struct held *held;    /* by number */
    struct held *waiting; /* in order of due_ns */
    struct held *full;    /* in order of first */
    uint64_t newest;      /* sequence of the update that came last */
    bool *gone;           /* freed from within fn */
};

/* ---- a copy of a sample ---- */

static void extras_free(struct held *h)
{
    free(h->sample.extra);
    free(h->extra_names);
    h->sample.extra = NULL;
    h->extra_names = NULL;
    h->sample.extra_count = 0;
}

static size_t names_size(const struct sample *s)
{
    size_t size = 0;
    for (size_t i = 0; i < s->extra_count; i++)
        size += s->extra[i].name.len;
    return size;
}

static void extras_copy(struct held *h, const struct sample *s)
{
    if (s->extra_count == 0)
        return;
    extras_free(h);
    h->sample.extra = mem_alloc(s->extra_count * sizeof *s->extra);
    h->sample.extra_count = s->extra_count;
    char *at = h->extra_names = mem_alloc(names_size(s) + 1);
    for (size_t i = 0; i < s->extra_count; i++) {
        struct str name = s->extra[i].name;
        memcpy(at, name.p, name.len);
        h->sample.extra[i] =
            (struct sample_extra){str_make(at, name.len), s->extra[i].value};
        at += name.len;
    }
}

static void names_take(struct sample *s, const struct fleet_gpu *gpu)
{
    s->cluster = gpu->host->cluster->name;
    s->host = gpu->host->name;
    s->gpu = gpu->index;
    s->uuid = gpu->uuid;
    s->device = gpu->device;
    s->model = gpu->model;
    s->pod = gpu->pod;
    s->namespace = gpu->namespace;
    s->container = gpu->container;
}

static void fill(struct pace *p, struct held *h, uint64_t sequence)
{
    if (h->full)
        return;
    h->full = true;
    h->first = sequence;
    DL_APPEND2(p->full, h, full_prev, full_next);
}

/* Parts of one sample do not hide each other. */
static void hold(struct pace *p, struct held *h,
                 const struct fleet_update *update)
{
    const struct sample *s = update->sample;
    bool older = h->full && s->ts_ns < h->sample.ts_ns;
    for (uint64_t left = s->present; left != 0; left &= left - 1) {
        int m = __builtin_ctzll(left);
        if (!older || !sample_has(&h->sample, m))
            sample_set(&h->sample, m, s->metrics[m]);
    }
    if (!older)
        h->sample.ts_ns = s->ts_ns;
    extras_copy(h, s);
    h->sequence = update->sequence;
    fill(p, h, update->sequence);
}

/* ---- giving ---- */

/* False when it was freed meanwhile. */
static bool give(struct pace *p, const struct fleet_update *update,
                 uint64_t resume)
{
    bool gone = false;
    p->gone = &gone;
    p->fn(update, p->full != NULL ? p->full->first - 1 : resume, p->arg);
    if (gone)
        return false;
    p->gone = NULL;
    return true;
}

/* Nothing is held any more when it is given. */
static bool held_give(struct pace *p, struct held *h)
{
    names_take(&h->sample, h->gpu);
    struct fleet_update update = {h->gpu, &h->sample, h->sequence};
    DL_DELETE2(p->full, h, full_prev, full_next);
    h->full = false;
    if (!give(p, &update, p->newest))
        return false;
    extras_free(h);
    h->sample = (struct sample){0};
    return true;
}

static void wait_on(struct pace *p, struct held *h, int64_t now_ns)
{
    h->due_ns = now_ns + p->interval_ns;
    DL_APPEND(p->waiting, h);
}

/* clang-analyzer loses sight of what HASH_DEL does to the table's head. */
/* NOLINTBEGIN(clang-analyzer-core.NullDereference) */
static void forget(struct pace *p, struct held *h)
{
    HASH_DEL(p->held, h);
    extras_free(h);
    free(h);
}
/* NOLINTEND(clang-analyzer-core.NullDereference) */

static void look_at(struct pace *p, uint64_t sequence)
{
    if (sequence > p->newest)
        p->newest = sequence;
}

void pace_take(struct pace *p, const struct fleet_update *update,
               int64_t now_ns)
{
    uint32_t number = update->gpu->number;
    struct held *h;
    look_at(p, update->sequence);
    HASH_FIND(hh, p->held, &number, sizeof number, h);
    if (h != NULL) {
        hold(p, h, update);
        return;
    }
    h = mem_zalloc(sizeof *h);
    h->number = number;
    h->gpu = update->gpu;
    HASH_ADD(hh, p->held, number, sizeof h->number, h);
    wait_on(p, h, now_ns);
    give(p, update, p->newest);
}

bool pace_tick(struct pace *p, int64_t now_ns)
{
    struct held *h;
    while ((h = p->waiting) != NULL && h->due_ns <= now_ns) {
        DL_DELETE(p->waiting, h);
        if (!h->full)
            forget(p, h);
        else if (held_give(p, h))
            wait_on(p, h, now_ns);
        else
            return false;
    }
    return true;
}

int64_t pace_due(const struct pace *p)
{
    return p->waiting != NULL ? p->waiting->due_ns : 0;
}

void pace_flush(struct pace *p)
{
    while (p->full != NULL)
        if (!held_give(p, p->full))
            return;
}

/* ---- the pace ---- */

struct pace *pace_new(int64_t interval_ns, pace_fn fn, void *arg)
{
    struct pace *p = mem_zalloc(sizeof *p);
    p->interval_ns = interval_ns;
    p->fn = fn;
    p->arg = arg;
    return p;
}

void pace_free(struct pace **pace)
{
    struct pace *p = *pace;
    *pace = NULL;
    if (p == NULL)
        return;
    if (p->gone != NULL)
        *p->gone = true;
    struct held *h = p->held;
    HASH_CLEAR(hh, p->held);
    while (h != NULL) {
        struct held *next = h->hh.next;
        extras_free(h);
        free(h);
        h = next;
    }
    free(p);
}
