/* filter_feed: the updates a filter takes, no GPU's more often than wanted. */
#include <stdlib.h>

#include "api/live/filter.h"
#include "api/live/pace.h"
#include "lib/clock.h"
#include "lib/mem.h"

struct filter_feed {
    struct fleet *fleet;
    struct filter *filter; /* its own */
    filter_feed_fn fn;
    void *arg;
    struct fleet_listener listener;
    struct pace *pace;        /* NULL: every update is given */
    struct http_timer *timer; /* of the pace */
    uint64_t resume;
};

static void give(const struct fleet_update *update, uint64_t resume, void *arg)
{
    struct filter_feed *f = arg;
    f->resume = resume;
    f->fn(update, f->arg);
}

static void timer_set(struct filter_feed *f, int64_t now)
{
    if (pace_due(f->pace) != 0)
        http_timer_set(f->timer, pace_due(f->pace) - now);
}

static void interval_over(void *arg)
{
    struct filter_feed *f = arg;
    int64_t now = clock_mono_ns();
    if (pace_tick(f->pace, now))
        timer_set(f, now);
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
    if (f->pace == NULL) {
        give(update, update->sequence, f);
        return;
    }
    /* Set first: what is given may be the end of the feed. */
    if (pace_due(f->pace) == 0)
        http_timer_set(f->timer, filter->min_interval_ns);
    pace_take(f->pace, update, clock_mono_ns());
}

uint64_t filter_feed_resume(const struct filter_feed *f)
{
    return f->resume;
}

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
    if (filter->min_interval_ns > 0) {
        f->pace = pace_new(filter->min_interval_ns, give, f);
        f->timer = http_timer_new(server, interval_over, f);
    }
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
    fleet_unlisten(f->fleet, &f->listener);
    http_timer_free(&f->timer);
    pace_free(&f->pace);
    free(f->filter);
    free(f);
}
