/* filter_feed: the updates a filter takes, no GPU's more often than wanted.
 *
 * A GPU that was given an update stands in a list, in order of time, until its
 * interval is over; all intervals are equal, so who is due stands in front and
 * one timer serves the list. What comes meanwhile is held: newer values over
 * older ones, so that parts of one sample do not hide each other. */
#include <stdlib.h>
#include <uthash.h>
#include <utlist.h>

#include "api/live/filter.h"
#include "lib/clock.h"
#include "lib/mem.h"

struct held {
    UT_hash_handle hh; /* by number */
    uint32_t number;
    struct held *prev, *next; /* in order of due_ns */
    int64_t due_ns;           /* mono: its interval is over */
    const struct fleet_gpu *gpu;
    bool full; /* there is something to give */
    uint64_t sequence;
    struct sample sample; /* its names are the GPU's */
    char *extra_names;    /* memory of the extras' */
};

struct filter_feed {
    struct fleet *fleet;
    struct filter *filter; /* its own */
    filter_feed_fn fn;
    void *arg;
    struct fleet_listener listener;
    struct http_timer *timer; /* NULL: every update is given */
    struct held *held;        /* by number */
    struct held *waiting;     /* in order of due_ns */
    bool *gone;               /* freed from within fn */
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

static void hold(struct held *h, const struct fleet_update *update)
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
    h->full = true;
}

/* ---- giving ---- */

static void wait_on(struct filter_feed *f, struct held *h)
{
    bool first = f->waiting == NULL;
    h->due_ns = clock_mono_ns() + f->filter->min_interval_ns;
    DL_APPEND(f->waiting, h);
    if (first)
        http_timer_set(f->timer, f->filter->min_interval_ns);
}

static void held_forget(struct filter_feed *f, struct held *h)
{
    HASH_DEL(f->held, h);
    extras_free(h);
    free(h);
}

/* False when the feed was freed meanwhile. */
static bool give(struct filter_feed *f, const struct fleet_update *update)
{
    bool gone = false;
    f->gone = &gone;
    f->fn(update, f->arg);
    if (gone)
        return false;
    f->gone = NULL;
    return true;
}

static bool held_give(struct filter_feed *f, struct held *h)
{
    names_take(&h->sample, h->gpu);
    struct fleet_update update = {h->gpu, &h->sample, h->sequence};
    if (!give(f, &update))
        return false;
    extras_free(h);
    h->sample = (struct sample){0};
    h->full = false;
    return true;
}

static void interval_over(void *arg)
{
    struct filter_feed *f = arg;
    int64_t now = clock_mono_ns();
    struct held *h;
    while ((h = f->waiting) != NULL && h->due_ns <= now) {
        DL_DELETE(f->waiting, h);
        if (!h->full)
            held_forget(f, h);
        else if (held_give(f, h))
            wait_on(f, h);
        else
            return;
    }
    if (f->waiting != NULL)
        http_timer_set(f->timer, f->waiting->due_ns - now);
}

static void pace(struct filter_feed *f, const struct fleet_update *update)
{
    uint32_t number = update->gpu->number;
    struct held *h;
    HASH_FIND(hh, f->held, &number, sizeof number, h);
    if (h != NULL) {
        hold(h, update);
        return;
    }
    h = mem_zalloc(sizeof *h);
    h->number = number;
    h->gpu = update->gpu;
    HASH_ADD(hh, f->held, number, sizeof h->number, h);
    wait_on(f, h);
    give(f, update);
}

static void on_update(const struct fleet_update *update, void *arg)
{
    struct filter_feed *f = arg;
    const struct filter *filter = f->filter;
    if (filter->metrics != 0 &&
        (filter->metrics & update->sample->present) == 0)
        return;
    if (!filter_takes(filter, update->gpu))
        return;
    if (f->timer != NULL)
        pace(f, update);
    else
        f->fn(update, f->arg);
}

/* ---- the feed ---- */

struct filter_feed *filter_feed_new(struct fleet *fleet,
                                    struct http_server *server,
                                    const struct filter *filter,
                                    filter_feed_fn fn, void *arg)
{
    struct filter_feed *f = mem_zalloc(sizeof *f);
    f->fleet = fleet;
    f->fn = fn;
    f->arg = arg;
    f->filter = filter_copy(filter);
    f->listener.update = on_update;
    f->listener.arg = f;
    struct fleet_scope scope = filter_scope(f->filter);
    f->listener.scope = &scope;
    if (filter->min_interval_ns > 0)
        f->timer = http_timer_new(server, interval_over, f);
    fleet_listen(fleet, &f->listener);
    f->listener.scope = NULL;
    return f;
}

void filter_feed_free(struct filter_feed **feed)
{
    struct filter_feed *f = *feed;
    *feed = NULL;
    if (f == NULL)
        return;
    if (f->gone != NULL)
        *f->gone = true;
    fleet_unlisten(f->fleet, &f->listener);
    http_timer_free(&f->timer);
    struct held *h = f->held;
    HASH_CLEAR(hh, f->held);
    while (h != NULL) {
        struct held *next = h->hh.next;
        extras_free(h);
        free(h);
        h = next;
    }
    free(f->filter);
    free(f);
}
