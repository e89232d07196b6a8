/* feed: see the header.
 *
 * One thread connects, reads the stream and decodes; the loop takes decoded
 * batches in. At the start it goes back a minute before the stream's newest
 * message, because what the fleet loads from the database may be behind by the
 * collectors' batches; after that always from where it stood. */
#include "api/live/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/live/feed_private.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mem.h"

#define BATCHES_MAX     16 /* on their way to the loop */
#define START_BACK_NS   (60 * NS_PER_S)
#define POLL_MS         250
#define RETRY_NS        (500 * NS_PER_MS)
#define QUIET_NS        (500 * NS_PER_MS) /* between two signs of life */
#define LATE_NS         (2 * NS_PER_S)    /* longer ago is late */
#define BATCHES_AT_ONCE 4 /* then the loop looks after its clients */
/* Further behind than this, what was missed is skipped but for a minute. */
#define CATCH_UP_MAX 2000000

static void count(struct statistic *stat, int64_t n)
{
    if (stat != NULL)
        stat_add(stat, n);
}

static void set_state(struct feed *f, const char *text)
{
    pthread_mutex_lock(&f->lock);
    bool news = strcmp(f->state, text) != 0;
    snprintf(f->state, sizeof f->state, "%s", text);
    pthread_mutex_unlock(&f->lock);
    if (news && text[0] != '\0')
        log_info("not following the stream", LOG_STR("reason", text));
}

/* ---- the loop's side ---- */

static void take_items(struct feed *f, const struct batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct batch_item *item = &batch->items[i];
        if (item->sequence <= f->taken)
            continue;
        f->taken = item->sequence;
        fleet_sample_at(f->fleet, &item->sample, item->sequence,
                        item->heard_ns);
    }
    count(f->config.stats.samples, batch->count);
}

static void take_batch(struct feed *f, const struct batch *batch)
{
    f->stream_ns = batch->stream_ns;
    if (batch->anew) {
        f->taken = 0;
        f->streams++;
        fleet_stream_anew(f->fleet);
    }
    take_items(f, batch);
    if (batch->lost)
        fleet_set_following(f->fleet, false);
    if (batch->caught_up) {
        fleet_set_following(f->fleet, true);
        fleet_quiet(f->fleet);
    }
}

static void take(void *arg)
{
    struct feed *f = arg;
    struct batch *batch;
    if (f->stopped)
        return;
    for (int i = 0; i < BATCHES_AT_ONCE; i++) {
        if ((batch = channel_take(&f->channel)) == NULL)
            return;
        take_batch(f, batch);
        channel_return(&f->channel, batch);
    }
    http_server_post(f->server, take, f);
}

/* ---- the thread's side ---- */

static void give(struct feed *f, struct batch *batch)
{
    if (channel_give(&f->channel, batch))
        http_server_post(f->server, take, f);
}

static bool pause_thread(struct feed *f)
{
    return !channel_wait_closed(&f->channel, RETRY_NS);
}

/* NULL when the feed ends. */
static struct batch *spare(struct feed *f)
{
    struct batch *batch = channel_spare(&f->channel);
    if (batch != NULL) {
        batch->anew = f->anew;
        batch->stream_ns = f->created_ns;
        f->anew = false;
    }
    return batch;
}

/* What has just come is heard now, whatever the broker's clock says: by it we
 * know how far the clocks are apart. What was waiting in the stream was heard
 * when the stream took it. */
static int64_t heard_ns(struct feed *f, const struct tail_message *m)
{
    int64_t now = clock_wall_ns();
    if (m->pending == 0)
        f->apart_ns = now - m->time_ns;
    int64_t age = now - m->time_ns - f->apart_ns;
    return age > LATE_NS ? now - age : now;
}

static void add(struct feed *f, struct batch *batch, struct tail_message *m)
{
    f->last = m->sequence;
    batch->caught_up = m->pending == 0;
    if (!follow_takes(f->config.follow, natsMsg_GetSubject(m->msg))) {
        natsMsg_Destroy(m->msg);
        return;
    }
    struct errmsg err;
    if (batch_add(batch, m, heard_ns(f, m), &err))
        return;
    count(f->config.stats.malformed, 1);
    log_debug("a message is no sample", LOG_I64("sequence", m->sequence),
              LOG_STR("reason", err.text));
}

/* What is there behind the first one, without waiting for more. */
static enum tail_result gather(struct feed *f, struct batch *batch)
{
    struct tail_message message;
    enum tail_result result = TAIL_MESSAGE;
    while (batch->count < BATCH_SAMPLES_MAX &&
           (result = tail_next(f->tail, 0, &message)) == TAIL_MESSAGE)
        add(f, batch, &message);
    return result;
}

/* Now and then, while nothing comes: all there is has been taken in. */
static bool tell_quiet(struct feed *f)
{
    int64_t now = clock_mono_ns();
    if (now < f->quiet_due || !f->following)
        return true;
    f->quiet_due = now + QUIET_NS;
    struct batch *batch = spare(f);
    if (batch == NULL)
        return false;
    batch->caught_up = true;
    give(f, batch);
    return true;
}

static bool tell_lost(struct feed *f)
{
    f->following = false;
    struct batch *batch = spare(f);
    if (batch == NULL)
        return false;
    batch->lost = true;
    give(f, batch);
    return true;
}

static void note_caught_up(struct feed *f, const struct batch *batch)
{
    if (!batch->caught_up || f->following)
        return;
    f->following = true;
    set_state(f, "");
    log_info("following the stream", LOG_I64("sequence", f->last));
}

/* False: the tail is lost, or the feed ends. */
static bool read_some(struct feed *f)
{
    struct tail_message message;
    enum tail_result result = tail_next(f->tail, POLL_MS, &message);
    if (result != TAIL_MESSAGE)
        return result == TAIL_QUIET && tell_quiet(f);
    struct batch *batch = spare(f);
    if (batch == NULL) {
        natsMsg_Destroy(message.msg);
        return false;
    }
    add(f, batch, &message);
    result = gather(f, batch);
    note_caught_up(f, batch);
    give(f, batch);
    return result != TAIL_LOST;
}

int feed_look(struct bus *bus, struct stream_state *state, struct errmsg *err)
{
    jsStreamInfo *info = NULL;
    jsErrCode code = 0;
    natsStatus s =
        js_GetStreamInfo(&info, bus_jetstream(bus), BUS_STREAM, NULL, &code);
    if (s == NATS_NOT_FOUND)
        return errmsg_set(err, -ENOENT, "stream %s is not there yet",
                          BUS_STREAM);
    if (s != NATS_OK)
        return errmsg_set(err, -EIO, "stream %s: %s (err_code %d)", BUS_STREAM,
                          natsStatus_GetText(s), (int)code);
    *state = (struct stream_state){.first = info->State.FirstSeq,
                                   .last = info->State.LastSeq,
                                   .empty = info->State.Msgs == 0,
                                   .last_time_ns = info->State.LastTime,
                                   .created_ns = info->Created};
    jsStreamInfo_Destroy(info);
    return 0;
}

/* Another stream of the same name: its sequences start again. */
static void note_anew(struct feed *f, const struct stream_state *state)
{
    bool anew = f->created_ns != 0 &&
                (state->created_ns != f->created_ns || state->last < f->last);
    f->created_ns = state->created_ns;
    if (!anew)
        return;
    log_warn("the stream was made anew", LOG_I64("stood_at", f->last),
             LOG_I64("last", state->last));
    f->anew = true;
    f->last = state->first > 0 ? state->first - 1 : 0;
}

static struct tail_from place(struct feed *f, const struct stream_state *state,
                              bool first)
{
    if (state->empty)
        return (struct tail_from){.sequence = state->last + 1};
    if (first || state->last - f->last > CATCH_UP_MAX) {
        if (!first)
            log_warn("too far behind the stream; a part of it is left out",
                     LOG_I64("stood_at", f->last),
                     LOG_I64("last", state->last));
        return (struct tail_from){.time_ns =
                                      state->last_time_ns - START_BACK_NS};
    }
    return (struct tail_from){.sequence = f->last + 1};
}

static bool open_tail(struct feed *f)
{
    struct stream_state state = {0};
    struct errmsg err;
    bool first = f->created_ns == 0;
    if (feed_look(f->bus, &state, &err) == 0) {
        note_anew(f, &state);
        struct tail_from from = place(f, &state, first);
        f->tail = tail_open(f->bus, f->config.follow->cover, &from, &err);
    }
    if (f->tail == NULL) {
        set_state(f, err.text);
        return false;
    }
    count(f->config.stats.restarts, 1);
    if (tail_empty(f->tail)) {
        struct batch all = {.caught_up = true};
        note_caught_up(f, &all);
        f->quiet_due = 0;
        tell_quiet(f);
    }
    return true;
}

static void follow_stream(struct feed *f)
{
    if (!bus_connected(f->bus)) {
        set_state(f, "not connected");
        pause_thread(f);
        return;
    }
    if (!open_tail(f)) {
        pause_thread(f);
        return;
    }
    while (read_some(f))
        ;
    tail_close(&f->tail);
    set_state(f, "lost the stream; reading it again");
    tell_lost(f);
}

static bool connect_bus(struct feed *f)
{
    struct errmsg err;
    struct bus *bus = bus_connect(f->config.urls, f->config.name, -1, &err);
    if (bus == NULL) {
        set_state(f, err.text);
        return false;
    }
    pthread_mutex_lock(&f->lock);
    f->bus = bus;
    pthread_mutex_unlock(&f->lock);
    return true;
}

static void *feed_run(void *arg)
{
    struct feed *f = arg;
    while (!connect_bus(f))
        if (!pause_thread(f))
            return NULL;
    while (!channel_wait_closed(&f->channel, 0))
        follow_stream(f);
    return NULL;
}

/* ---- the feed ---- */

struct feed *feed_new(struct http_server *server, struct fleet *fleet,
                      const struct feed_config *config)
{
    struct feed *f = mem_zalloc(sizeof *f);
    f->server = server;
    f->fleet = fleet;
    f->config = *config;
    snprintf(f->state, sizeof f->state, "not connected");
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->idle, NULL);
    channel_init(&f->channel, BATCHES_MAX);
    pthread_create(&f->thread, NULL, feed_run, f);
    return f;
}

/* The bus goes last: the threads use it. */
void feed_stop(struct feed *f)
{
    if (f == NULL)
        return;
    f->stopped = true;
    channel_close(&f->channel);
    replays_close(f);
    if (f->bus != NULL && !bus_connected(f->bus))
        natsConnection_Close(bus_connection(f->bus)); /* no call waits on */
    pthread_join(f->thread, NULL);
    pthread_mutex_lock(&f->lock);
    while (f->replays > 0)
        pthread_cond_wait(&f->idle, &f->lock);
    pthread_mutex_unlock(&f->lock);
    bus_close(&f->bus);
}

/* The server runs what was posted to its end. */
void feed_free(struct feed **feed)
{
    struct feed *f = *feed;
    *feed = NULL;
    if (f == NULL)
        return;
    replays_free(f);
    channel_fini(&f->channel);
    pthread_cond_destroy(&f->idle);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

bool feed_check(void *feed, struct errmsg *why)
{
    struct feed *f = feed;
    pthread_mutex_lock(&f->lock);
    bool well = f->state[0] == '\0';
    if (!well)
        errmsg_set(why, 0, "%s", f->state);
    pthread_mutex_unlock(&f->lock);
    return well;
}

struct bus *feed_bus(struct feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    struct bus *bus = feed->bus;
    pthread_mutex_unlock(&feed->lock);
    return bus;
}

uint64_t feed_streams(const struct feed *feed)
{
    return feed->streams;
}

int64_t feed_stream(const struct feed *feed)
{
    return feed->stream_ns;
}
