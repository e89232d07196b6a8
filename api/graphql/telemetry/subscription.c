/* subscription: the sources of telemetryUpdates, gpuStatusChanged, latestValues,
 * fleetSummary and pipelineStatus. What their events look like is in update.c,
 * columns.c and pipeline.c. */
#include <errno.h>
#include <stdlib.h>

#include "api/graphql/telemetry/columns.h"
#include "api/graphql/telemetry/shared.h"
#include "api/graphql/telemetry/update.h"
#include "api/live/filter.h"
#include "lib/clock.h"
#include "lib/mem.h"

#define INTERVAL_MIN_MS 100
#define INTERVAL_MAX_MS 3600000

/* ---- the arguments that say which GPUs ---- */

static int host_read(struct filter *filter, const struct gql_call *call)
{
    struct str host = gql_argument_str(call, "hostId");
    if (host.p == NULL)
        return 0;
    const struct fleet_host *found = host_by_id(fleet_of(call), host);
    filter->host = found != NULL ? found->name : host;
    if (found == NULL)
        return 0;
    bool other = filter->cluster.p != NULL &&
                 !str_eq(filter->cluster, found->cluster->name);
    filter->cluster = found->cluster->name;
    return other ? -EINVAL : 0;
}

static int gpus_read(struct filter *filter, const struct gql_call *call,
                     struct errmsg *err)
{
    struct names many = names_of(gql_argument(call, "gpuUuids"), call->arena);
    struct str one = gql_argument_str(call, "gpuUuid");
    if (many.given && many.count == 0 && one.p == NULL)
        return errmsg_set(err, -EINVAL, "gpuUuids: there is none in it");
    struct str *gpus =
        arena_alloc(call->arena, (many.count + 1) * sizeof *gpus);
    filter->gpus = gpus;
    if (one.p != NULL)
        gpus[filter->gpu_count++] = one;
    uint32_t asked = filter->gpu_count + many.count;
    if (asked > FILTER_GPUS_MAX)
        return errmsg_set(err, -EINVAL, "gpuUuids: %d at most, got %u",
                          FILTER_GPUS_MAX, (unsigned)asked);
    for (uint32_t i = 0; i < many.count; i++)
        if (!filter_lists(filter, many.names[i]))
            gpus[filter->gpu_count++] = many.names[i];
    return 0;
}

static int filter_read(struct filter *filter, const struct gql_call *call,
                       struct errmsg *err)
{
    *filter = (struct filter){.cluster = gql_argument_str(call, "clusterId")};
    if (host_read(filter, call) < 0)
        return errmsg_set(err, -EINVAL,
                          "hostId: this host is not of cluster \"%.*s\"",
                          STR_ARG(gql_argument_str(call, "clusterId")));
    return gpus_read(filter, call, err);
}

static int interval_read(const struct gql_call *call, const char *name,
                         int64_t min_ms, int64_t *ns, struct errmsg *err)
{
    int64_t ms = gql_argument_i64(call, name, min_ms);
    if (ms < min_ms || ms > INTERVAL_MAX_MS)
        return errmsg_set(err, -EINVAL, "%s: expected %lld to %d, got %lld",
                          name, (long long)min_ms, INTERVAL_MAX_MS,
                          (long long)ms);
    *ns = ms * NS_PER_MS;
    return 0;
}

/* Of what a slow reader needs the newest: 0 is "all are alike". */
static uint64_t key_of(const struct fleet_gpu *gpu)
{
    return (uint64_t)gpu->number + 1;
}

/* ---- telemetryUpdates ---- */

struct update_source {
    struct gql_source source; /* first */
    struct filter_feed *feed;
    gql_event_fn on_event;
    void *arg;
};

static void updates_stop(struct gql_source *source)
{
    struct update_source *s = (struct update_source *)source;
    filter_feed_free(&s->feed);
    free(s);
}

static void updates_event(const struct fleet_update *update, void *arg)
{
    struct update_source *s = arg;
    s->on_event(update, key_of(update->gpu), s->arg);
}

static struct gql_source *updates_subscribe(const struct gql_call *call,
                                            gql_event_fn on_event, void *arg,
                                            struct errmsg *err)
{
    struct filter filter;
    const struct gql_value *metrics = gql_argument(call, "metrics");
    bool some = metrics != NULL && metrics->kind != GQL_NULL;
    int64_t interval_ns = 0;
    if (filter_read(&filter, call, err) < 0 ||
        interval_read(call, "minIntervalMs", 0, &interval_ns, err) < 0)
        return NULL;
    filter.min_interval_ns = interval_ns;
    filter.metrics = some ? metrics_of(metrics) : 0;
    if (some && filter.metrics == 0) {
        errmsg_set(err, 0, "metrics: there is none in it");
        return NULL;
    }
    struct update_source *s = mem_zalloc(sizeof *s);
    s->source.stop = updates_stop;
    s->on_event = on_event;
    s->arg = arg;
    s->feed = filter_feed_new(fleet_of(call), context_of(call)->server, &filter,
                              updates_event, s);
    return &s->source;
}

/* ---- gpuStatusChanged ---- */

struct status_source {
    struct gql_source source; /* first */
    struct fleet *fleet;
    struct fleet_listener listener;
    struct filter *filter; /* its own */
    gql_event_fn on_event;
    void *arg;
};

static void status_stop(struct gql_source *source)
{
    struct status_source *s = (struct status_source *)source;
    fleet_unlisten(s->fleet, &s->listener);
    free(s->filter);
    free(s);
}

static void status_event(const struct fleet_change *change, void *arg)
{
    struct status_source *s = arg;
    if (filter_takes(s->filter, change->gpu))
        s->on_event(change, key_of(change->gpu), s->arg);
}

static struct gql_source *status_subscribe(const struct gql_call *call,
                                           gql_event_fn on_event, void *arg,
                                           struct errmsg *err)
{
    struct filter filter;
    if (filter_read(&filter, call, err) < 0)
        return NULL;
    struct status_source *s = mem_zalloc(sizeof *s);
    s->source.stop = status_stop;
    s->fleet = fleet_of(call);
    s->filter = filter_copy(&filter);
    s->on_event = on_event;
    s->arg = arg;
    struct fleet_scope scope = filter_scope(s->filter);
    s->listener.scope = &scope;
    s->listener.change = status_event;
    s->listener.arg = s;
    fleet_listen(s->fleet, &s->listener);
    s->listener.scope = NULL;
    return &s->source;
}

/* ---- latestValues ---- */

/* New samples are not listened to but looked for when it is time: so they cost
 * nothing when they come. */
struct values_source {
    struct gql_source source; /* first */
    struct fleet *fleet;
    struct http_timer *timer;
    struct filter *filter; /* its own */
    int64_t interval_ns;
    uint64_t revision; /* of the fleet: up to it all was told of */
    struct columns_event event;
    uint32_t room; /* for so many GPUs */
    gql_event_fn on_event;
    void *arg;
};

static void values_stop(struct gql_source *source)
{
    struct values_source *s = (struct values_source *)source;
    http_timer_free(&s->timer);
    free(s->event.gpus);
    free(s->filter);
    free(s);
}

static void values_look_at(struct values_source *s, const struct fleet_gpu *gpu)
{
    if (gpu->revision <= s->revision || !columns_take(gpu) ||
        !filter_takes(s->filter, gpu))
        return;
    struct columns_event *event = &s->event;
    if (event->count == s->room) {
        s->room = s->room == 0 ? 64 : s->room * 2;
        event->gpus = mem_grow(event->gpus, s->room, sizeof *event->gpus);
    }
    event->gpus[event->count++] = gpu;
}

static void values_look_at_all(struct values_source *s,
                               struct fleet_gpu *const *gpus, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        values_look_at(s, gpus[i]);
}

/* A host that is known is found without its cluster's others. */
static void values_look(struct values_source *s)
{
    const struct fleet *fleet = s->fleet;
    const struct filter *filter = s->filter;
    const struct fleet_host *host =
        filter->host.p != NULL && filter->cluster.p != NULL
            ? fleet_find_host(fleet, filter->cluster, filter->host)
            : NULL;
    if (filter->gpu_count == 0 && host != NULL)
        values_look_at_all(s, host->gpus, host->gpu_count);
    else if (filter->gpu_count == 0)
        values_look_at_all(s, fleet->gpus, fleet->gpu_count);
    for (uint32_t i = 0; i < filter->gpu_count; i++) {
        const struct fleet_gpu *gpu = fleet_find_gpu(fleet, filter->gpus[i]);
        if (gpu != NULL)
            values_look_at(s, gpu);
    }
}

/* All events have one key, of which a slow reader gets the newest. It is not 0:
 * that would give whoever joins an event that came before. */
#define VALUES_KEY 1

static void values_due(void *arg)
{
    struct values_source *s = arg;
    http_timer_set(s->timer, s->interval_ns);
    if (s->fleet->revision == s->revision)
        return;
    s->event.count = 0;
    values_look(s);
    s->revision = s->fleet->revision;
    if (s->event.count > 0)
        s->on_event(&s->event, VALUES_KEY, s->arg); /* may stop it */
}

static struct gql_source *values_subscribe(const struct gql_call *call,
                                           gql_event_fn on_event, void *arg,
                                           struct errmsg *err)
{
    struct filter filter;
    int64_t interval_ns = 0;
    if (filter_read(&filter, call, err) < 0 ||
        interval_read(call, "intervalMs", INTERVAL_MIN_MS, &interval_ns, err) <
            0)
        return NULL;
    struct values_source *s = mem_zalloc(sizeof *s);
    s->source.stop = values_stop;
    s->fleet = fleet_of(call);
    s->filter = filter_copy(&filter);
    s->interval_ns = interval_ns;
    s->revision = s->fleet->revision;
    s->on_event = on_event;
    s->arg = arg;
    s->timer = http_timer_new(context_of(call)->server, values_due, s);
    http_timer_set(s->timer, interval_ns);
    return &s->source;
}

/* ---- fleetSummary, pipelineStatus: what is now, again and again ---- */

struct now_source {
    struct gql_source source; /* first */
    const void *event;
    struct http_timer *timer;
    int64_t interval_ns;
    gql_event_fn on_event;
    void *arg;
};

static void now_stop(struct gql_source *source)
{
    struct now_source *s = (struct now_source *)source;
    http_timer_free(&s->timer);
    free(s);
}

/* The next one is set first: the event may be what stops it. */
static void now_due(void *arg)
{
    struct now_source *s = arg;
    http_timer_set(s->timer, s->interval_ns);
    s->on_event(s->event, 0, s->arg);
}

static struct gql_source *now_subscribe(const struct gql_call *call,
                                        const void *event,
                                        gql_event_fn on_event, void *arg,
                                        struct errmsg *err)
{
    int64_t interval_ns = 0;
    if (interval_read(call, "intervalMs", INTERVAL_MIN_MS, &interval_ns, err) <
        0)
        return NULL;
    struct now_source *s = mem_zalloc(sizeof *s);
    s->source.stop = now_stop;
    s->event = event;
    s->interval_ns = interval_ns;
    s->on_event = on_event;
    s->arg = arg;
    s->timer = http_timer_new(context_of(call)->server, now_due, s);
    http_timer_set(s->timer, 0);
    return &s->source;
}

static struct gql_source *summary_subscribe(const struct gql_call *call,
                                            gql_event_fn on_event, void *arg,
                                            struct errmsg *err)
{
    return now_subscribe(call, fleet_of(call), on_event, arg, err);
}

static struct gql_source *pipeline_subscribe(const struct gql_call *call,
                                             gql_event_fn on_event, void *arg,
                                             struct errmsg *err)
{
    return now_subscribe(call, context_of(call)->pipeline, on_event, arg, err);
}

const struct gql_binding subscription_bindings[] = {
    {.name = "Subscription.telemetryUpdates",
     .subscribe = updates_subscribe,
     .resolve = resolve_telemetry_update},
    {.name = "Subscription.gpuStatusChanged",
     .subscribe = status_subscribe,
     .resolve = resolve_status_change},
    {.name = "Subscription.latestValues",
     .subscribe = values_subscribe,
     .resolve = resolve_columns_event},
    {.name = "Subscription.fleetSummary",
     .subscribe = summary_subscribe,
     .resolve = resolve_fleet_summary},
    {.name = "Subscription.pipelineStatus",
     .subscribe = pipeline_subscribe,
     .resolve = resolve_pipeline},
    {.name = NULL},
};
