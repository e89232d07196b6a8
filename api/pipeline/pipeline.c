#include "api/pipeline/pipeline.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "api/pipeline/rate.h"
#include "lib/announce.h"
#include "lib/clock.h"
#include "lib/cond.h"
#include "lib/log.h"
#include "lib/mem.h"

#define LOOK_NS     (2500 * NS_PER_MS)
#define RETRY_NS    (250 * NS_PER_MS) /* while there is no connection yet */
#define API_WAIT_MS 1000
/* A point every second look; a look that is a little early is one, too. */
#define POINT_NS (2 * LOOK_NS - NS_PER_S)

/* So long after the connection came back services may not have told yet that
 * they run: what is not there then is not known to be gone. */
#define TELLING_NS (SERVICES_BEAT_NS + 3 * NS_PER_S)

/* How fast a collector writes, by its key. */
struct meter {
    struct str key;
    struct rate rows;
};

struct pipeline {
    struct http_server *server;
    struct fleet *fleet;
    struct feed *feed;
    struct pipeline_config config;

    /* Of the thread. */
    pthread_t thread;
    struct announce *announce;
    jsCtx *js;
    uint64_t reconnects;

    /* Of the loop. */
    struct look *look;               /* the last one */
    bool connected;                  /* … as of it */
    int64_t since_ns, since_mono_ns; /* of this state */
    double samples_behind;
    struct rate samples, updates, operations;
    struct meter *meters;
    uint32_t meter_count;
    struct pipeline_point points[PIPELINE_POINTS_MAX];
    uint32_t point_count, point_next;
    int64_t point_mono_ns; /* of the newest */
    bool stopped;

    pthread_mutex_t lock; /* of what is below */
    pthread_cond_t changed;
    bool stopping;
    struct look *fresh; /* not taken yet */
    bool flapped;       /* the connection was lost before it */

    /* What is announced: the thread that does may read figures alone. */
    _Atomic int64_t told_samples, told_web_sockets, told_subscriptions;
};

/* ---- the loop's side ---- */

static double known_or_nan(bool known, double value)
{
    return known ? value : NAN;
}

static const struct look *seen(const struct pipeline *p)
{
    struct bus *bus = feed_bus(p->feed);
    bool now = p->look != NULL && p->look->connected && bus != NULL &&
               bus_connected(bus);
    return now ? p->look : NULL;
}

static bool is_collector(const struct look_service *service)
{
    return str_is(service->name, "nexus-collector");
}

const struct look *pipeline_services(const struct pipeline *p)
{
    const struct look *look = seen(p);
    return look != NULL && look->services_known &&
                   look->mono_ns - p->since_mono_ns >= TELLING_NS
               ? look
               : NULL;
}

static const struct meter *meter_of(const struct pipeline *p, struct str key)
{
    for (uint32_t i = 0; i < p->meter_count; i++)
        if (str_eq(p->meters[i].key, key))
            return &p->meters[i];
    return NULL;
}

/* The meters of the collectors that run; their keys are the new look's. */
static void meters_read(struct pipeline *p, const struct look *look)
{
    struct meter *meters =
        mem_grow(NULL, look->service_count + 1, sizeof *meters);
    uint32_t count = 0;
    for (uint32_t i = 0; i < look->service_count; i++) {
        const struct look_service *service = &look->services[i];
        const struct look_figure *rows = look_figure(service, "rows");
        if (!is_collector(service) || rows == NULL || !rows->known)
            continue;
        const struct meter *before = meter_of(p, service->key);
        meters[count] =
            before != NULL ? *before : (struct meter){.rows.count = 0};
        meters[count].key = service->key;
        rate_mark(&meters[count++].rows, service->seen_ns, rows->value);
    }
    free(p->meters);
    p->meters = meters;
    p->meter_count = count;
}

static void add_known(double *sum, double value)
{
    if (!isnan(value))
        *sum = isnan(*sum) ? value : *sum + value;
}

static void put_collectors(const struct pipeline *p, double *figures)
{
    if (pipeline_services(p) == NULL)
        return;
    uint32_t collectors = 0;
    for (uint32_t i = 0; i < p->look->service_count; i++)
        collectors += is_collector(&p->look->services[i]);
    figures[PIPELINE_COLLECTORS] = collectors;
    for (uint32_t i = 0; i < p->meter_count; i++) {
        const struct rate *rows = &p->meters[i].rows;
        add_known(&figures[PIPELINE_ROWS_TOTAL],
                  rows->marks[rows->count - 1].value);
        add_known(&figures[PIPELINE_ROWS_PER_SECOND], rate_per_second(rows));
    }
    if (collectors == 0)
        figures[PIPELINE_ROWS_PER_SECOND] = 0;
}

static void put_stream(const struct pipeline *p, const struct look *look,
                       double *figures)
{
    const struct look_stream *stream = &look->stream;
    if (!stream->known)
        return;
    figures[PIPELINE_SAMPLES_TOTAL] = (double)stream->last;
    figures[PIPELINE_SAMPLES_PER_SECOND] = rate_per_second(&p->samples);
    figures[PIPELINE_STREAM_MESSAGES] = (double)stream->messages;
    figures[PIPELINE_STREAM_BYTES] = (double)stream->bytes;
    figures[PIPELINE_STREAM_BYTES_MAX] =
        known_or_nan(stream->bytes_max > 0, (double)stream->bytes_max);
    figures[PIPELINE_SAMPLES_BEHIND] = p->samples_behind;
}

static void put_queue(const struct look *look, double *figures)
{
    const struct look_queue *queue = &look->queue;
    if (!queue->known)
        return;
    figures[PIPELINE_QUEUE_DEPTH] = (double)queue->pending;
    figures[PIPELINE_UNACKNOWLEDGED] = (double)queue->unacknowledged;
    figures[PIPELINE_REDELIVERED] = (double)queue->redelivered;
    figures[PIPELINE_LAG_SECONDS] =
        known_or_nan(queue->lag_known, (double)queue->lag_ns / NS_PER_S);
}

static double sum_stats(struct statistic *const *stats, int count)
{
    int64_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += stat_get(stats[i]);
    return (double)sum;
}

static double operations_total(const struct graphql_stats *stats)
{
    double sum = 0;
    for (int type = 0; type < GRAPHQL_TYPES; type++)
        sum += sum_stats(stats->operations[type], GRAPHQL_OUTCOMES);
    return sum;
}

static double two(const struct statistic *a, const struct statistic *b)
{
    return (double)(stat_get(a) + stat_get(b));
}

static void put_gateway(const struct pipeline *p, double *figures)
{
    const struct ws_stats *ws = &p->config.ws;
    const struct graphql_stats *graphql = &p->config.graphql;
    figures[PIPELINE_WEB_SOCKETS] =
        sum_stats(graphql->connections, GRAPHQL_SSE) +
        (double)stat_get(ws->connections);
    figures[PIPELINE_SUBSCRIPTIONS] =
        two(graphql->subscriptions, ws->subscriptions);
    figures[PIPELINE_UPDATES_TOTAL] = two(graphql->sent, ws->updates);
    figures[PIPELINE_UPDATES_MISSED] = two(graphql->missed, ws->missed);
    figures[PIPELINE_OPERATIONS_TOTAL] = operations_total(graphql);
    figures[PIPELINE_UPDATES_PER_SECOND] = rate_per_second(&p->updates);
    figures[PIPELINE_OPERATIONS_PER_SECOND] = rate_per_second(&p->operations);
}

struct pipeline_point pipeline_now(const struct pipeline *p)
{
    struct pipeline_point point = {.at_ns = p->look != NULL ? p->look->at_ns
                                                            : clock_wall_ns()};
    for (int i = 0; i < PIPELINE_FIGURES; i++)
        point.figures[i] = NAN;
    if (p->config.refresh != NULL)
        p->config.refresh(p->config.arg);
    put_gateway(p, point.figures);
    const struct look *look = seen(p);
    if (look == NULL)
        return point;
    put_stream(p, look, point.figures);
    put_queue(look, point.figures);
    put_collectors(p, point.figures);
    point.figures[PIPELINE_DEAD_LETTERS] =
        known_or_nan(look->dead_letters_known, (double)look->dead_letters);
    return point;
}

struct pipeline_broker pipeline_broker(const struct pipeline *p)
{
    const struct look *look = seen(p);
    return (struct pipeline_broker){.connected = look != NULL,
                                    .since_ns = p->since_ns,
                                    .address =
                                        look != NULL ? look->server : ""};
}

uint32_t pipeline_history(const struct pipeline *p, int64_t after_ns,
                          uint32_t max, struct pipeline_point *out)
{
    uint32_t count = p->point_count < max ? p->point_count : max, taken = 0;
    uint32_t from = p->point_next + PIPELINE_POINTS_MAX - count;
    for (uint32_t i = 0; i < count; i++) {
        const struct pipeline_point *point =
            &p->points[(from + i) % PIPELINE_POINTS_MAX];
        if (point->at_ns > after_ns)
            out[taken++] = *point;
    }
    return taken;
}

static void keep_point(struct pipeline *p, const struct pipeline_point *point)
{
    int64_t now = p->look->mono_ns;
    if (p->point_count > 0 && now - p->point_mono_ns < POINT_NS)
        return;
    p->point_mono_ns = now;
    p->points[p->point_next] = *point;
    p->point_next = (p->point_next + 1) % PIPELINE_POINTS_MAX;
    if (p->point_count < PIPELINE_POINTS_MAX)
        p->point_count++;
}

static void note_state(struct pipeline *p, const struct look *look,
                       bool flapped)
{
    if (p->since_ns != 0 && look->connected == p->connected && !flapped)
        return;
    p->connected = look->connected;
    p->since_ns = look->at_ns;
    p->since_mono_ns = look->mono_ns;
}

/* The newest that the stream had then, less what has been taken in by now. */
static double behind(const struct pipeline *p, const struct look *look)
{
    uint64_t last = look->stream.last, taken = p->fleet->sequence;
    if (!look->stream.known || !p->config.follows_all)
        return NAN;
    if (look->stream.messages == 0 || last <= taken)
        return 0;
    return taken > 0 ? (double)(last - taken) : NAN;
}

/* A stream that was made anew counts from the start: the rate does, too. */
static void mark_rates(struct pipeline *p, const struct look *look)
{
    const struct look_stream *before =
        p->look != NULL ? &p->look->stream : NULL;
    if (before != NULL && before->known && look->stream.known &&
        before->created_ns != look->stream.created_ns)
        p->samples.count = 0;
    if (look->stream.known)
        rate_mark(&p->samples, look->mono_ns, (double)look->stream.last);
    rate_mark(&p->updates, look->mono_ns,
              two(p->config.graphql.sent, p->config.ws.updates));
    rate_mark(&p->operations, look->mono_ns,
              operations_total(&p->config.graphql));
}

static void tell(struct pipeline *p, const struct pipeline_point *point)
{
    p->told_samples = stat_get(p->config.feed.samples);
    p->told_web_sockets = (int64_t)point->figures[PIPELINE_WEB_SOCKETS];
    p->told_subscriptions = (int64_t)point->figures[PIPELINE_SUBSCRIPTIONS];
}

static void take_look(struct pipeline *p, struct look *look, bool flapped)
{
    note_state(p, look, flapped);
    mark_rates(p, look);
    meters_read(p, look);
    p->samples_behind = behind(p, look);
    look_free(&p->look);
    p->look = look;
    struct pipeline_point point = pipeline_now(p);
    keep_point(p, &point);
    tell(p, &point);
}

static void take(void *arg)
{
    struct pipeline *p = arg;
    pthread_mutex_lock(&p->lock);
    struct look *look = p->fresh;
    bool flapped = p->flapped;
    p->fresh = NULL;
    p->flapped = false;
    pthread_mutex_unlock(&p->lock);
    if (look == NULL || p->stopped)
        look_free(&look);
    else
        take_look(p, look, flapped);
}

/* ---- the thread's side ---- */

static void put_figures(struct json_writer *w, void *arg)
{
    struct pipeline *p = arg;
    json_member_i64(w, "samples", p->told_samples);
    json_member_i64(w, "web_sockets", p->told_web_sockets);
    json_member_i64(w, "subscriptions", p->told_subscriptions);
}

/* The connection is the feed's, which makes it. */
static bool open_broker(struct pipeline *p, struct bus *bus)
{
    if (p->js != NULL)
        return true;
    jsOptions options;
    jsOptions_Init(&options);
    options.Wait = API_WAIT_MS;
    if (natsConnection_JetStream(&p->js, bus_connection(bus), &options) !=
        NATS_OK)
        return false;
    struct announce_config announce = {.service = "nexus-gateway",
                                       .id = p->config.id,
                                       .figures = put_figures,
                                       .arg = p};
    p->announce = announce_start(bus, &announce);
    return true;
}

static void give(struct pipeline *p, struct look *look, bool flapped)
{
    pthread_mutex_lock(&p->lock);
    struct look *older = p->fresh;
    p->fresh = look;
    p->flapped = p->flapped || flapped;
    pthread_mutex_unlock(&p->lock);
    look_free(&older);
    if (older == NULL)
        http_server_post(p->server, take, p);
}

/* Returns how long to wait for the next look. */
static int64_t look_once(struct pipeline *p)
{
    struct bus *bus = feed_bus(p->feed);
    if (bus == NULL || !open_broker(p, bus)) {
        give(p, look_unconnected(), false);
        return RETRY_NS;
    }
    struct look *look = look_new(bus, p->js);
    uint64_t reconnects = bus_reconnects(bus);
    give(p, look, reconnects != p->reconnects);
    p->reconnects = reconnects;
    return LOOK_NS;
}

static bool wait_for_stop(struct pipeline *p, int64_t until)
{
    pthread_mutex_lock(&p->lock);
    while (!p->stopping && clock_mono_ns() < until)
        cond_wait_until(&p->changed, &p->lock, until);
    bool stop = p->stopping;
    pthread_mutex_unlock(&p->lock);
    return stop;
}

static void *run(void *arg)
{
    struct pipeline *p = arg;
    int64_t began;
    do
        began = clock_mono_ns();
    while (!wait_for_stop(p, began + look_once(p)));
    announce_stop(&p->announce);
    jsCtx_Destroy(p->js);
    return NULL;
}

/* ---- the pipeline ---- */

static void init_lock(struct pipeline *p)
{
    cond_init(&p->changed);
    pthread_mutex_init(&p->lock, NULL);
}

struct pipeline *pipeline_new(struct http_server *server, struct fleet *fleet,
                              struct feed *feed,
                              const struct pipeline_config *config)
{
    struct pipeline *p = mem_zalloc(sizeof *p);
    p->server = server;
    p->fleet = fleet;
    p->feed = feed;
    p->config = *config;
    init_lock(p);
    pthread_create(&p->thread, NULL, run, p);
    return p;
}

void pipeline_stop(struct pipeline *p)
{
    if (p == NULL)
        return;
    p->stopped = true;
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_signal(&p->changed);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
}

void pipeline_free(struct pipeline **pipeline)
{
    struct pipeline *p = *pipeline;
    *pipeline = NULL;
    if (p == NULL)
        return;
    look_free(&p->look);
    look_free(&p->fresh);
    free(p->meters);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
