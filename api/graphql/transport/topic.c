/* topic: see the header.
 *
 * An event's response mostly is there before gql_execute returns, and goes into
 * the log at once. One that waits for the database stands in a line, and those
 * behind it wait with it, so that events keep their order. */
#include "api/graphql/transport/topic.h"

#include <assert.h>
#include <uthash.h>

#include "api/graphql/transport/service_private.h"
#include "lib/mem.h"

#define MISSED ",\"extensions\":{\"missed\":"

struct pending {
    struct pending *next;
    struct graphql_topic *topic;
    struct gql_execution *execution; /* NULL: it is done */
    uint64_t key;
    struct buf out; /* its response, while others are in front */
    bool running;   /* gql_execute is on the stack */
    bool done;
};

struct graphql_topic {
    UT_hash_handle hh;
    struct graphql_service *service;
    struct gql_plan *plan;
    struct gql_source *source;
    struct event_log *log;
    struct pending *first, **last; /* in the order of their events */
    struct pending *spare;
    uint32_t pending;
    uint32_t holders;
    uint64_t left_out; /* since the last event in the log */
    bool alike;        /* its events are: the newest is of use to those who come
                          later, too */
    size_t key_len;
    char key[];
};

/* ---- events ---- */

/* An event that follows some that were left out says so. */
static void response_append(struct graphql_topic *topic, uint64_t key,
                            struct str response)
{
    if (topic->left_out == 0) {
        event_log_append(topic->log, key, 0, response);
        return;
    }
    struct buf marked = {0};
    graphql_topic_mark_missed(response, topic->left_out, &marked);
    topic->left_out = 0;
    event_log_append(topic->log, key, 0, buf_str(&marked));
    buf_fini(&marked);
}

static struct pending *pending_push(struct graphql_topic *topic, uint64_t key)
{
    struct pending *p = topic->spare;
    topic->spare = NULL;
    if (p == NULL)
        p = mem_alloc(sizeof *p);
    *p = (struct pending){.topic = topic, .key = key};
    *topic->last = p;
    topic->last = &p->next;
    topic->pending++;
    return p;
}

static void pending_pop(struct graphql_topic *topic)
{
    struct pending *p = topic->first;
    topic->first = p->next;
    if (topic->first == NULL)
        topic->last = &topic->first;
    topic->pending--;
    buf_fini(&p->out);
    free(topic->spare);
    topic->spare = p;
}

/* Those in front that are done leave. */
static void pending_flush(struct graphql_topic *topic)
{
    struct pending *p;
    while ((p = topic->first) != NULL && p->done && !p->running) {
        if (p->out.len > 0)
            response_append(topic, p->key, buf_str(&p->out));
        pending_pop(topic);
    }
}

static void event_done(struct buf *out, bool failed, void *arg)
{
    (void)failed;
    struct pending *p = arg;
    p->done = true;
    p->execution = NULL;
    if (p == p->topic->first) {
        response_append(p->topic, p->key, buf_str(out));
    } else {
        p->out = *out;
        *out = (struct buf){0};
    }
    if (!p->running)
        pending_flush(p->topic);
}

static void event_came(const void *event, uint64_t key, void *arg)
{
    struct graphql_topic *topic = arg;
    struct graphql_stats *stats = &topic->service->stats;
    topic->alike = key == 0;
    if (topic->pending == GRAPHQL_PENDING_MAX) {
        topic->left_out++;
        stat_add(stats->dropped, 1);
        return;
    }
    stat_add(stats->events, 1);
    struct pending *p = pending_push(topic, key);
    p->running = true;
    struct gql_execution *execution =
        gql_execute(topic->plan, event, topic->service->context, event_done, p);
    p->running = false;
    if (p->done)
        pending_flush(topic);
    else
        p->execution = execution;
}

/* What a response says it missed, and where it says so: no more than a few
 * bytes from its end. */
static uint64_t marked_missed(struct str *response)
{
    static const struct str mark = STR(MISSED);
    size_t tail = mark.len + 24;
    size_t from = response->len > tail ? response->len - tail : 0;
    const char *at =
        memmem(response->p + from, response->len - from, mark.p, mark.len);
    int64_t missed = 0;
    if (at == NULL)
        return 0;
    const char *digits = at + mark.len;
    size_t len = (size_t)(response->p + response->len - digits);
    if (len < 3 || str_to_i64(str_make(digits, len - 2), &missed) != 0)
        return 0;
    response->len = (size_t)(at - response->p) + 1; /* ends like a '}' */
    return (uint64_t)missed;
}

void graphql_topic_mark_missed(struct str response, uint64_t missed,
                               struct buf *out)
{
    assert(response.len > 0 && response.p[response.len - 1] == '}');
    missed += marked_missed(&response);
    buf_append(out, response.p, response.len - 1);
    buf_append_text(out, MISSED);
    buf_append_u64(out, missed);
    buf_append_text(out, "}}");
}

/* ---- coming and going ---- */

struct graphql_topic *graphql_topic_find(struct graphql_service *service,
                                         struct str key)
{
    struct graphql_topic *topic;
    HASH_FIND(hh, service->topics, key.p, key.len, topic);
    if (topic != NULL)
        topic->holders++;
    return topic;
}

struct graphql_topic *graphql_topic_new(struct graphql_service *service,
                                        struct str key, struct gql_plan **plan)
{
    if (HASH_COUNT(service->topics) >= service->settings.topics)
        return NULL;
    struct graphql_topic *topic = mem_zalloc(sizeof *topic + key.len);
    topic->service = service;
    topic->plan = *plan;
    *plan = NULL;
    topic->last = &topic->first;
    topic->log = event_log_new(
        &(struct event_log_config){.budget = &service->log_budget});
    topic->holders = 1;
    topic->key_len = key.len;
    memcpy(topic->key, key.p, key.len);
    HASH_ADD_KEYPTR(hh, service->topics, topic->key, topic->key_len, topic);
    stat_set(service->stats.topics, HASH_COUNT(service->topics));
    return topic;
}

/* Of what is alike, a state, the newest is told to who comes later: it is what a
 * source of its own would have begun with. */
static void reader_begin_with_newest(struct event_reader *reader)
{
    if (reader->number == 0)
        return;
    reader->number--;
    reader->wake(reader);
}

bool graphql_topic_join(struct graphql_topic *topic,
                        struct event_reader *reader, struct gql_errors *errors)
{
    event_reader_join(reader, topic->log);
    if (topic->source != NULL) {
        if (topic->alike)
            reader_begin_with_newest(reader);
        return true;
    }
    topic->source = gql_subscribe(topic->plan, topic->service->context,
                                  event_came, topic, errors);
    if (topic->source == NULL)
        event_reader_leave(reader);
    return topic->source != NULL;
}

static void pending_cancel(struct graphql_topic *topic)
{
    while (topic->first != NULL) {
        if (topic->first->execution != NULL)
            gql_execution_cancel(topic->first->execution);
        pending_pop(topic);
    }
    free(topic->spare);
}

static void topic_free(struct graphql_topic *topic)
{
    struct graphql_service *service = topic->service;
    HASH_DEL(service->topics, topic);
    stat_set(service->stats.topics, HASH_COUNT(service->topics));
    if (topic->source != NULL)
        topic->source->stop(topic->source);
    pending_cancel(topic);
    gql_plan_free(&topic->plan);
    event_log_free(&topic->log);
    free(topic);
}

void graphql_topic_release(struct graphql_topic **topic,
                           struct event_reader *reader)
{
    struct graphql_topic *t = *topic;
    *topic = NULL;
    if (reader->log != NULL)
        event_reader_leave(reader);
    if (--t->holders == 0)
        topic_free(t);
}
