/* replay: a part of the stream, read again for one client.
 *
 * A thread of its own reads and decodes, at most two batches ahead of the loop;
 * it ends when it is through, or when the loop has closed its channel. Thread
 * and owner let go of the replay by a last call on the loop, behind all calls
 * that they asked for; the second of the two frees it. */
#include <stdlib.h>
#include <utlist.h>

#include "api/live/feed_private.h"
#include "api/live/filter.h"
#include "lib/clock.h"
#include "lib/mem.h"

#define BATCHES_MAX 2
#define POLL_MS     250
#define QUIET_MAX   40 /* polls without a message that was promised */

struct feed_replay {
    struct feed *feed;
    struct feed_replay *prev, *next; /* the feed's list of all */
    struct channel channel;
    char cover[FOLLOW_BYTES_MAX];
    struct feed_place place;
    uint64_t until;

    /* Of the thread, until it hands over its last batch. */
    struct feed_replay_end end;
    struct errmsg error;
    /* What the broker said is left. nats-server counts what has just come a
     * little later than it stores it, so none is believed when nothing came. */
    uint64_t pending;
    int quiet; /* polls in a row without a message */

    /* Of the loop. */
    const struct feed_replay_handlers *handlers;
    void *arg;
    struct filter *filter; /* its own */
    struct batch *batch;   /* being given */
    bool waiting;          /* event returned false */
    bool posted;
    int holders; /* the thread, the owner */
};

/* ---- the thread's side ---- */

static void deliver(void *arg);
static void let_go(void *arg);

static void thread_give(struct feed_replay *r, struct batch *batch)
{
    if (channel_give(&r->channel, batch))
        http_server_post(r->feed->server, deliver, r);
}

/* False: nothing more is to be read. */
static bool thread_add(struct feed_replay *r, struct batch *batch,
                       struct tail_message *message)
{
    struct errmsg err;
    bool more = message->sequence < r->until;
    r->pending = message->pending;
    if (message->sequence > r->until)
        natsMsg_Destroy(message->msg);
    else
        batch_add(batch, message, message->time_ns,
                  &err); /* malformed: as the feed does */
    return more;
}

static bool thread_fill(struct feed_replay *r, struct tail *tail,
                        struct batch *batch)
{
    struct tail_message message;
    int64_t wait_ms = POLL_MS;
    while (batch->count < BATCH_SAMPLES_MAX) {
        enum tail_result result = tail_next(tail, wait_ms, &message);
        if (result == TAIL_QUIET)
            return batch->count > 0 ||
                   (r->pending > 0 && ++r->quiet < QUIET_MAX);
        if (result == TAIL_LOST) {
            r->end.error = "the broker was lost";
            return false;
        }
        r->quiet = 0;
        if (!thread_add(r, batch, &message))
            return false;
        wait_ms = 0;
    }
    return true;
}

static void thread_read(struct feed_replay *r, struct tail *tail)
{
    bool more = r->place.since < r->until;
    r->pending = tail_empty(tail) ? 0 : 1;
    while (more) {
        struct batch *batch = channel_spare(&r->channel);
        if (batch == NULL)
            return;
        more = thread_fill(r, tail, batch);
        thread_give(r, batch);
    }
}

static void thread_replay(struct feed_replay *r)
{
    struct stream_state state;
    if (feed_look(r->feed->bus, &state, &r->error) < 0) {
        r->end.error = r->error.text;
        return;
    }
    r->end.anew =
        state.last < r->place.since ||
        (r->place.stream_ns != 0 && state.created_ns != r->place.stream_ns);
    if (state.first > r->place.since + 1)
        r->end.first = state.first;
    if (r->end.anew || state.empty)
        return;
    struct tail_from from = {.sequence = r->place.since + 1, .pull = true};
    struct tail *tail = tail_open(r->feed->bus, r->cover, &from, &r->error);
    if (tail == NULL)
        r->end.error = r->error.text;
    else
        thread_read(r, tail);
    tail_close(&tail);
}

static void *thread_run(void *arg)
{
    struct feed_replay *r = arg;
    struct feed *feed = r->feed;
    thread_replay(r);
    struct batch *batch = channel_spare(&r->channel);
    if (batch != NULL) {
        batch->end = true;
        thread_give(r, batch);
    }
    http_server_post(feed->server, let_go, r);
    pthread_mutex_lock(&feed->lock);
    if (--feed->replays == 0)
        pthread_cond_signal(&feed->idle);
    pthread_mutex_unlock(&feed->lock);
    return NULL;
}

/* ---- the loop's side ---- */

static bool takes(const struct feed_replay *r, const struct sample *s)
{
    const struct filter *filter = r->filter;
    if (filter->metrics != 0 && (filter->metrics & s->present) == 0)
        return false;
    if (filter->cluster.p != NULL && !str_eq(filter->cluster, s->cluster))
        return false;
    if (filter->host.p != NULL && !str_eq(filter->host, s->host))
        return false;
    for (uint32_t i = 0; i < filter->gpu_count; i++)
        if (str_eq(filter->gpus[i], s->uuid))
            return true;
    return filter->gpu_count == 0;
}

/* False: no more is wanted for now. */
static bool batch_deliver(struct feed_replay *r, struct batch *batch)
{
    while (batch->at < batch->count) {
        const struct batch_item *item = &batch->items[batch->at++];
        if (takes(r, &item->sample) &&
            !r->handlers->event(&item->sample, item->sequence, item->heard_ns,
                                r->arg)) {
            r->waiting = true;
            return false;
        }
    }
    return true;
}

/* One batch a call: the loop serves its clients in between. */
static void deliver(void *arg)
{
    struct feed_replay *r = arg;
    r->posted = false;
    if (r->handlers == NULL || r->waiting)
        return;
    if (r->batch == NULL)
        r->batch = channel_take(&r->channel);
    if (r->batch == NULL || !batch_deliver(r, r->batch))
        return;
    bool end = r->batch->end;
    channel_return(&r->channel, r->batch);
    r->batch = NULL;
    if (end)
        r->handlers->done(&r->end, r->arg);
    else
        feed_replay_more(r);
}

void feed_replay_more(struct feed_replay *r)
{
    r->waiting = false;
    if (r->posted)
        return;
    r->posted = true;
    http_server_post(r->feed->server, deliver, r);
}

/* Written before the first batch was handed over. */
uint64_t feed_replay_first(const struct feed_replay *replay)
{
    return replay->end.first;
}

static void add_subject(const char *subject, void *arg)
{
    char *cover = arg;
    if (strlen(subject) >= FOLLOW_BYTES_MAX)
        memcpy(cover, SAMPLE_SUBJECTS, sizeof SAMPLE_SUBJECTS);
    else if (cover[0] == '\0')
        memcpy(cover, subject, strlen(subject) + 1);
    else
        follow_cover(cover, subject);
}

/* Room and a connection for one more? */
static int admit(struct feed *feed, struct errmsg *err)
{
    int rc = 0;
    pthread_mutex_lock(&feed->lock);
    if (feed->bus == NULL || !bus_connected(feed->bus))
        rc = errmsg_set(err, -1, "the broker is not connected");
    else if (feed->replays >= FEED_REPLAYS_MAX)
        rc = errmsg_set(err, -1, "%d clients are catching up already",
                        FEED_REPLAYS_MAX);
    else
        feed->replays++;
    pthread_mutex_unlock(&feed->lock);
    return rc;
}

struct feed_replay *feed_replay_new(struct feed *feed,
                                    const struct filter *filter,
                                    const struct feed_place *place,
                                    uint64_t until,
                                    const struct feed_replay_handlers *handlers,
                                    void *arg, struct errmsg *err)
{
    if (admit(feed, err) < 0)
        return NULL;
    struct feed_replay *r = mem_zalloc(sizeof *r);
    r->feed = feed;
    r->place = *place;
    r->until = until;
    r->holders = 2;
    r->handlers = handlers;
    r->arg = arg;
    DL_APPEND(feed->all, r);
    if (feed->config.stats.replays != NULL)
        stat_add(feed->config.stats.replays, 1);
    channel_init(&r->channel, BATCHES_MAX);
    r->filter = filter_copy(filter);
    filter_subjects(filter, add_subject, r->cover);
    pthread_t thread;
    pthread_create(&thread, NULL, thread_run, r);
    pthread_detach(thread);
    return r;
}

static void replay_destroy(struct feed_replay *r)
{
    DL_DELETE(r->feed->all, r);
    if (r->feed->config.stats.replays != NULL)
        stat_add(r->feed->config.stats.replays, -1);
    if (r->batch != NULL)
        channel_return(&r->channel, r->batch);
    channel_fini(&r->channel);
    free(r->filter);
    free(r);
}

static void let_go(void *arg)
{
    struct feed_replay *r = arg;
    if (--r->holders == 0)
        replay_destroy(r);
}

void replays_close(struct feed *feed)
{
    for (struct feed_replay *r = feed->all; r != NULL; r = r->next)
        channel_close(&r->channel);
}

/* That a list's first element goes off it clang's analyzer does not see.
 * NOLINTBEGIN(clang-analyzer-unix.Malloc) */
void replays_free(struct feed *feed)
{
    while (feed->all != NULL)
        replay_destroy(feed->all);
}
/* NOLINTEND(clang-analyzer-unix.Malloc) */

void feed_replay_free(struct feed_replay **replay)
{
    struct feed_replay *r = *replay;
    *replay = NULL;
    if (r == NULL)
        return;
    r->handlers = NULL;
    channel_close(&r->channel);
    http_server_post(r->feed->server, let_go, r);
}
