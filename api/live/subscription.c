/* subscription: what one client wants to hear of, and how far it is.
 *
 *     WAIT ──▶ REPLAY ──▶ LIVE        with "since"
 *              SNAPSHOT ──▶ LIVE      with "snapshot"
 *
 * A resumed one joins its topic's log, then reads the stream again up to where
 * the log begins for it: so nothing is left out, and nothing comes twice. If
 * that takes so long that the live updates have run far ahead, it is done once
 * more from where it got to. */
#include <stdlib.h>
#include <utlist.h>

#include "api/live/message.h"
#include "api/live/ws_private.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/mem.h"

#define QUEUE_BYTES_MAX    (64 << 10) /* of a replay, rendered and unsent */
#define SNAPSHOT_BYTES_MAX (48 << 10) /* of one message, but for one GPU more */
#define TRIES_MAX          20         /* to read on where the broker was lost */
#define NEAR_ENOUGH        5000       /* live updates a replay may be behind */

static struct fleet *fleet_of(const struct subscription *s)
{
    return s->client->ws->topics.fleet;
}

static void count(struct statistic *stat, uint64_t n)
{
    if (stat != NULL)
        stat_add(stat, (int64_t)n);
}

static void frame(const struct subscription *s, struct buf *out,
                  struct str text)
{
    websocket_append(s->client->socket, out, &text, 1);
}

/* ---- the queue of a replay ---- */

static void queue_put(struct subscription *s, struct str text)
{
    uint32_t len = (uint32_t)text.len;
    buf_append(&s->queue, &len, sizeof len);
    buf_append_str(&s->queue, text);
    websocket_want(s->client->socket);
}

static bool queue_empty(const struct subscription *s)
{
    return s->queue_at == s->queue.len;
}

static void queue_send(struct subscription *s, struct buf *out)
{
    uint32_t len;
    memcpy(&len, s->queue.data + s->queue_at, sizeof len);
    s->queue_at += sizeof len;
    frame(s, out, str_make(s->queue.data + s->queue_at, len));
    s->queue_at += len;
    if (!queue_empty(s))
        return;
    s->queue_at = 0;
    buf_fini(&s->queue);
    if (s->replay != NULL)
        feed_replay_more(s->replay);
}

/* ---- gaps ---- */

/* What lies between the last update and `first` (0: it is not known) cannot be
 * had any more. */
static struct str gap_text(struct subscription *s, uint64_t first,
                           const char *reason)
{
    struct buf *out = &s->client->ws->scratch;
    struct json_writer w = json_writer(out);
    buf_reset(out);
    json_begin_object(&w);
    json_member_text(&w, "type", "gap");
    json_key(&w, "id");
    json_put_raw(&w, s->id);
    json_member_u64(&w, "since", s->last);
    json_key(&w, "first");
    if (first == 0)
        json_put_null(&w);
    else
        json_put_u64(&w, first);
    json_member_text(&w, "reason", reason);
    json_end_object(&w);
    s->gap_told = true;
    return buf_str(out);
}

/* ---- resuming ---- */

static void replay_start(struct subscription *s);

static void tell_first(struct subscription *s, uint64_t first)
{
    if (first == 0 || s->gap_told)
        return;
    queue_put(s, gap_text(s, first, "the stream does not go back so far"));
    s->last = first - 1;
}

static void replay_send(struct subscription *s, const struct sample *sample,
                        uint64_t sequence, uint64_t resume)
{
    struct buf *out = &s->client->ws->scratch;
    buf_reset(out);
    buf_append_str(out, s->prefix);
    message_update(out, sample, s->topic->filter->metrics, sequence);
    if (s->pace != NULL)
        message_resume(out, resume);
    buf_append_text(out, ",\"previous\":");
    buf_append_u64(out, s->last);
    buf_append_byte(out, '}');
    queue_put(s, buf_str(out));
    count(s->client->ws->config.stats.updates, 1);
    s->last = sequence;
}

static void paced(const struct fleet_update *update, uint64_t resume, void *arg)
{
    replay_send(arg, update->sample, update->sequence, resume);
}

/* min_interval_ms is kept by the stream's own time. */
static bool replay_event(const struct sample *sample, uint64_t sequence,
                         int64_t time_ns, void *arg)
{
    struct subscription *s = arg;
    s->place.since = sequence;
    s->tries = 0;
    struct fleet_update update = {fleet_find_gpu(fleet_of(s), sample->uuid),
                                  sample, sequence};
    tell_first(s, feed_replay_first(s->replay));
    if (s->pace == NULL || update.gpu == NULL) {
        replay_send(s, sample, sequence, sequence);
    } else {
        pace_tick(s->pace, time_ns);
        pace_take(s->pace, &update, time_ns);
    }
    return s->queue.len < QUEUE_BYTES_MAX;
}

/* Nothing is held back any more. */
static void pace_end(struct subscription *s)
{
    if (s->pace != NULL)
        pace_flush(s->pace);
    pace_free(&s->pace);
}

static void resumed(struct subscription *s)
{
    struct buf *out = &s->client->ws->scratch;
    pace_end(s);
    buf_reset(out);
    buf_append_text(out, "{\"type\":\"resumed\",\"id\":");
    buf_append_str(out, s->id);
    buf_append_text(out, ",\"sequence\":");
    buf_append_u64(out, s->after);
    buf_append_byte(out, '}');
    queue_put(s, buf_str(out));
    s->state = SUBSCRIPTION_LIVE;
}

static void replay_failed(struct subscription *s,
                          const struct feed_replay_end *end)
{
    const char *reason = end->anew ? "the stream was made anew: its sequences "
                                     "start again"
                                   : end->error;
    pace_end(s);
    queue_put(s, gap_text(s, 0, reason));
    s->last = s->after = end->anew ? 0 : s->last;
    s->streams = feed_streams(s->client->ws->feed);
    s->state = SUBSCRIPTION_LIVE;
}

/* What was read already is not read again. */
static void await_broker(struct subscription *s)
{
    struct ws *ws = s->client->ws;
    event_reader_leave(&s->reader);
    s->state = SUBSCRIPTION_WAIT;
    if (ws->retrying)
        return;
    ws->retrying = true;
    http_timer_set(ws->retry, 200 * NS_PER_MS);
}

static void replay_done(const struct feed_replay_end *end, void *arg)
{
    struct subscription *s = arg;
    if (end->error != NULL && ++s->tries < TRIES_MAX) {
        feed_replay_free(&s->replay);
        await_broker(s);
        return;
    }
    if (!end->anew)
        tell_first(s, end->first);
    s->place.since = s->after = s->until;
    if (end->anew || end->error != NULL)
        replay_failed(s, end);
    feed_replay_free(&s->replay);
    if (s->state == SUBSCRIPTION_LIVE)
        return;
    if (fleet_of(s)->sequence > s->until + NEAR_ENOUGH)
        replay_start(s);
    else
        resumed(s);
}

static const struct feed_replay_handlers replay_handlers = {replay_event,
                                                            replay_done};

/* From where it got to, to where the live updates begin, which is now. */
static void replay_start(struct subscription *s)
{
    struct errmsg err;
    struct fleet *fleet = fleet_of(s);
    uint64_t until = s->place.since;
    if (s->place.stream_ns == 0)
        s->place.stream_ns = feed_stream(s->client->ws->feed);
    if (fleet->sequence > until)
        until = fleet->sequence;
    if (fleet->following)
        s->replay =
            feed_replay_new(s->client->ws->feed, s->topic->filter, &s->place,
                            until, &replay_handlers, s, &err);
    if (s->replay == NULL) {
        await_broker(s);
        return;
    }
    s->until = until;
    s->gap_told = false;
    s->state = SUBSCRIPTION_REPLAY;
    event_reader_leave(&s->reader);
    event_reader_join(&s->reader, s->topic->log);
}

bool subscription_retry(struct subscription *s)
{
    if (s->state == SUBSCRIPTION_WAIT)
        replay_start(s);
    return s->state != SUBSCRIPTION_WAIT;
}

/* ---- what is known now ---- */

static void snapshot_begin(struct subscription *s, struct buf *out)
{
    struct fleet *fleet = fleet_of(s);
    buf_reset(out);
    buf_append_text(out, "{\"type\":\"snapshot\",\"id\":");
    buf_append_str(out, s->id);
    buf_printf(out, ",\"topic\":\"%s\",", topic_names[s->topic->kind]);
    if (s->topic->kind == TOPIC_FLEET)
        return;
    buf_append_text(out, "\"timestamp\":");
    message_time(out, fleet->as_of_ns);
    buf_printf(out, ",\"following\":%s,\"sequence\":",
               fleet->following ? "true" : "false");
    buf_append_u64(out, fleet->sequence);
}

static void snapshot_gpus(struct subscription *s, struct buf *out)
{
    const struct fleet *fleet = fleet_of(s);
    const struct filter *filter = s->topic->filter;
    const char *separator = ",\"data\":[";
    while (s->snapshot_at < fleet->gpu_count && out->len < SNAPSHOT_BYTES_MAX) {
        const struct fleet_gpu *gpu = fleet->gpus[s->snapshot_at++];
        if (!filter_takes(filter, gpu))
            continue;
        buf_append_text(out, separator);
        message_gpu(out, gpu, filter->metrics);
        separator = ",";
    }
    if (separator[1] != '\0')
        buf_append_text(out, separator);
    bool more = s->snapshot_at < fleet->gpu_count;
    buf_append_text(out, more ? "],\"more\":true}" : "],\"more\":false}");
}

static void snapshot_send(struct subscription *s, struct buf *to)
{
    struct buf *out = &s->client->ws->scratch;
    snapshot_begin(s, out);
    if (s->topic->kind == TOPIC_FLEET) {
        message_fleet(out, fleet_of(s), s->topic->filter);
        buf_append_byte(out, '}');
        s->snapshot_at = UINT32_MAX;
    } else {
        snapshot_gpus(s, out);
    }
    frame(s, to, buf_str(out));
    if (s->snapshot_at >= fleet_of(s)->gpu_count)
        s->state = SUBSCRIPTION_LIVE;
}

/* ---- live ---- */

static struct str tail_write(const struct subscription *s, char text[80],
                             const struct event *event)
{
    static const char previous[] = ",\"previous\":", missed[] = ",\"missed\":";
    char *at = mempcpy(text, previous, sizeof previous - 1);
    at = str_put_u64(at, event->missed > 0 ? event->previous : s->last);
    if (event->missed > 0) {
        at = mempcpy(at, missed, sizeof missed - 1);
        at = str_put_u64(at, event->missed);
    }
    *at++ = '}';
    return str_make(text, (size_t)(at - text));
}

static void event_send(struct subscription *s, struct buf *out,
                       const struct event *event)
{
    char tail[80];
    struct ws_stats *stats = &s->client->ws->config.stats;
    struct str parts[] = {s->prefix, event->payload,
                          tail_write(s, tail, event)};
    websocket_append(s->client->socket, out, parts, 3);
    s->last = event->sequence;
    count(stats->updates, 1);
    if (event->missed > 0)
        count(stats->missed, event->missed);
}

/* The sequences start again: all before belong to another stream. */
static bool anew_send(struct subscription *s, struct buf *out)
{
    uint64_t streams = feed_streams(s->client->ws->feed);
    if (s->streams == streams)
        return false;
    s->streams = streams;
    frame(
        s, out,
        gap_text(s, 0, "the stream was made anew: its sequences start again"));
    s->last = s->after = 0;
    return true;
}

static bool live_send(struct subscription *s, struct buf *out)
{
    struct event event;
    if (anew_send(s, out))
        return true;
    while (event_reader_next(&s->reader, &event)) {
        if (event.sequence <= s->after && s->topic->kind == TOPIC_TELEMETRY)
            continue;
        event_send(s, out, &event);
        return true;
    }
    return false;
}

bool subscription_fill(struct subscription *s, struct buf *out)
{
    if (!queue_empty(s))
        queue_send(s, out);
    else if (s->state == SUBSCRIPTION_SNAPSHOT)
        snapshot_send(s, out);
    else
        return s->state == SUBSCRIPTION_LIVE && live_send(s, out);
    return true;
}

/* ---- the subscription ---- */

static void wake(struct event_reader *reader)
{
    struct subscription *s = (struct subscription *)reader;
    websocket_want(s->client->socket);
}

static struct str prefix_make(const struct subscription *s)
{
    struct buf out = {0};
    buf_printf(&out, "{\"type\":\"%s\",\"id\":%.*s,",
               topic_types[s->topic->kind], STR_ARG(s->id));
    return buf_str(&out); /* takes its memory */
}

static void start(struct subscription *s, const struct wish *wish)
{
    s->last = fleet_of(s)->sequence;
    if (wish->resume) {
        s->last = s->after = wish->since;
        s->place = (struct feed_place){wish->since, wish->stream};
        if (wish->filter.min_interval_ns > 0)
            s->pace = pace_new(wish->filter.min_interval_ns, paced, s);
        replay_start(s);
        return;
    }
    event_reader_join(&s->reader, s->topic->log);
    s->state = wish->snapshot ? SUBSCRIPTION_SNAPSHOT : SUBSCRIPTION_LIVE;
    if (wish->snapshot)
        websocket_want(s->client->socket);
}

struct subscription *subscription_new(struct ws_client *client,
                                      const struct wish *wish, struct str id,
                                      struct errmsg *err)
{
    struct topic *topic =
        topic_get(&client->ws->topics, wish->topic, &wish->filter, err);
    if (topic == NULL)
        return NULL;
    struct subscription *s = mem_zalloc(sizeof *s);
    s->client = client;
    s->topic = topic;
    s->reader.wake = wake;
    s->streams = feed_streams(client->ws->feed);
    s->id = str_make(mem_strndup(id), id.len);
    s->prefix = prefix_make(s);
    DL_APPEND(client->subscriptions, s);
    client->count++;
    client->ws->subscription_count++;
    start(s, wish);
    return s;
}

void subscription_free(struct subscription **subscription)
{
    struct subscription *s = *subscription;
    struct ws_client *client = s->client;
    *subscription = NULL;
    if (client->turn == s)
        client->turn = s->next;
    DL_DELETE(client->subscriptions, s);
    client->count--;
    client->ws->subscription_count--;
    feed_replay_free(&s->replay);
    pace_free(&s->pace);
    event_reader_leave(&s->reader);
    topic_put(&s->topic);
    buf_fini(&s->queue);
    free((char *)s->id.p);
    free((char *)s->prefix.p);
    free(s);
}
