#include "api/live/topic.h"

#include <stdlib.h>

#include "api/live/message.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/mem.h"

#define FLEET_INTERVAL_NS (1 * NS_PER_S) /* where no other is wished for */
#define LOG_BYTES_MAX     (4u << 20)

const char *const topic_names[TOPIC_KINDS] = {
    [TOPIC_TELEMETRY] = "telemetry",
    [TOPIC_STATUS] = "status",
    [TOPIC_FLEET] = "fleet",
};

const char *const topic_types[TOPIC_KINDS] = {
    [TOPIC_TELEMETRY] = "telemetry_update",
    [TOPIC_STATUS] = "status_update",
    [TOPIC_FLEET] = "fleet_update",
};

/* ---- what happens becomes events ---- */

/* 0 is "one key for all", so a GPU's is its number and one. */
static void append(struct topic *t, const struct fleet_gpu *gpu,
                   uint64_t sequence)
{
    event_log_append(t->log, gpu != NULL ? (uint64_t)gpu->number + 1 : 0,
                     sequence, buf_str(&t->topics->scratch));
}

static void on_update(const struct fleet_update *update, void *arg)
{
    struct topic *t = arg;
    buf_reset(&t->topics->scratch);
    message_update(&t->topics->scratch, update->sample, t->filter->metrics,
                   update->sequence);
    if (t->filter->min_interval_ns > 0)
        message_resume(&t->topics->scratch, filter_feed_resume(t->feed));
    append(t, update->gpu, update->sequence);
}

static void on_change(const struct fleet_change *change, void *arg)
{
    struct topic *t = arg;
    if (!filter_takes(t->filter, change->gpu))
        return;
    uint64_t sequence = t->topics->fleet->sequence;
    buf_reset(&t->topics->scratch);
    message_change(&t->topics->scratch, change, sequence);
    append(t, change->gpu, sequence);
}

static int64_t fleet_interval(const struct topic *t)
{
    return t->filter->min_interval_ns > 0 ? t->filter->min_interval_ns
                                          : FLEET_INTERVAL_NS;
}

static void on_interval(void *arg)
{
    struct topic *t = arg;
    struct fleet *fleet = t->topics->fleet;
    http_timer_set(t->timer, fleet_interval(t));
    if (fleet->revision == t->revision)
        return;
    t->revision = fleet->revision;
    buf_reset(&t->topics->scratch);
    message_fleet(&t->topics->scratch, fleet, t->filter);
    append(t, NULL, fleet->sequence);
}

static void topic_start(struct topic *t)
{
    struct topics *topics = t->topics;
    if (t->kind == TOPIC_TELEMETRY) {
        t->feed = filter_feed_new(topics->fleet, topics->server, t->filter,
                                  on_update, t);
    } else if (t->kind == TOPIC_STATUS) {
        struct fleet_scope scope = filter_scope(t->filter);
        t->listener = (struct fleet_listener){
            .scope = &scope, .change = on_change, .arg = t};
        fleet_listen(topics->fleet, &t->listener);
        t->listener.scope = NULL;
    } else {
        t->revision = topics->fleet->revision;
        t->timer = http_timer_new(topics->server, on_interval, t);
        http_timer_set(t->timer, fleet_interval(t));
    }
}

static void topic_stop(struct topic *t)
{
    filter_feed_free(&t->feed);
    http_timer_free(&t->timer);
    if (t->kind == TOPIC_STATUS)
        fleet_unlisten(t->topics->fleet, &t->listener);
}

/* ---- by key ---- */

static int gpu_order(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    return str_order(*x, *y);
}

static void key_append(struct buf *out, struct str text)
{
    if (text.p == NULL)
        buf_append_byte(out, '*');
    else
        buf_printf(out, "%zu:%.*s", text.len, STR_ARG(text));
}

/* The same wish, the same key: GPUs in order, each once. */
static struct str key_make(struct arena *arena, enum topic_kind kind,
                           struct filter *filter)
{
    struct str *gpus =
        arena_alloc(arena, (filter->gpu_count + 1) * sizeof *gpus);
    struct buf key = {0};
    uint32_t n = 0;
    if (filter->gpu_count > 0)
        memcpy(gpus, filter->gpus, filter->gpu_count * sizeof *gpus);
    qsort(gpus, filter->gpu_count, sizeof *gpus, gpu_order);
    buf_printf(&key, "%d %llx %lld ", kind, (unsigned long long)filter->metrics,
               (long long)filter->min_interval_ns);
    key_append(&key, filter->cluster);
    key_append(&key, filter->host);
    for (uint32_t i = 0; i < filter->gpu_count; i++)
        if (n == 0 || !str_eq(gpus[n - 1], gpus[i])) {
            gpus[n++] = gpus[i];
            key_append(&key, gpus[i]);
        }
    filter->gpus = gpus;
    filter->gpu_count = n;
    struct str text = arena_str(arena, buf_str(&key));
    buf_fini(&key);
    return text;
}

static struct topic *topic_new(struct topics *topics, enum topic_kind kind,
                               const struct filter *filter, struct str key)
{
    struct topic *t = mem_zalloc(sizeof *t + key.len);
    t->topics = topics;
    t->kind = kind;
    t->key_len = key.len;
    memcpy(t->key, key.p, key.len);
    t->filter = filter_copy(filter);
    struct event_log_config config = {.bytes_max = LOG_BYTES_MAX,
                                      .budget = &topics->budget};
    t->log = event_log_new(&config);
    HASH_ADD_KEYPTR(hh, topics->by_key, t->key, t->key_len, t);
    topics->count++;
    topic_start(t);
    return t;
}

struct topic *topic_get(struct topics *topics, enum topic_kind kind,
                        const struct filter *filter, struct errmsg *err)
{
    struct arena arena = {0};
    struct filter wish = *filter;
    struct str key = key_make(&arena, kind, &wish);
    struct topic *t;
    HASH_FIND(hh, topics->by_key, key.p, key.len, t);
    if (t == NULL && topics->count >= topics->count_max)
        errmsg_set(err, -1, "there are %u different subscriptions already",
                   topics->count);
    else if (t == NULL)
        t = topic_new(topics, kind, &wish, key);
    if (t != NULL)
        t->users++;
    arena_fini(&arena);
    return t;
}

void topic_put(struct topic **topic)
{
    struct topic *t = *topic;
    *topic = NULL;
    if (t == NULL || --t->users > 0)
        return;
    topic_stop(t);
    HASH_DEL(t->topics->by_key, t);
    t->topics->count--;
    event_log_free(&t->log);
    free(t->filter);
    free(t);
}
