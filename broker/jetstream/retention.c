/* retention: see retention.h. */
#include "broker/jetstream/retention.h"

#include <errno.h>

#include "broker/jetstream/jetstream.h"
#include "broker/jetstream/js_headers.h"
#include "broker/jetstream/msg_ttl.h"
#include "broker/jetstream/publish.h"
#include "broker/jetstream/subject_list.h"
#include "broker/server.h"
#include "lib/clock.h"

/* Messages whose time is over, of one stream in one turn. */
#define EXPIRE_MAX 1000

/* Messages of one stream that a review looks at in one turn. */
#define REVIEW_MAX 1000

/* Wait of the timers where there is more to be done than may be in one turn. */
#define EXPIRE_AGAIN_NS (10 * NS_PER_MS)

static struct timers *timers_of(const struct stream *stream)
{
    return &stream->js->account->server->timers;
}

static int64_t now_of(const struct stream *stream)
{
    return stream->js->account->server->now_ns;
}

/* ---- limits ---- */

void retention_keep_last(struct stream *stream, struct str subject,
                         uint64_t keep)
{
    struct store_subject there;
    while (stream->store->ops->subject(stream->store, subject, &there) &&
           there.messages > keep &&
           stream_drop(stream, there.first_seq, subject, false) == 0)
        ;
}

static bool is_over(const struct stream_config *config,
                    const struct store_state *state)
{
    return state->messages > 0 &&
           ((config->max_msgs > 0 &&
             state->messages > (uint64_t)config->max_msgs) ||
            (config->max_bytes > 0 &&
             state->bytes > (uint64_t)config->max_bytes));
}

static void drop_oldest(struct stream *stream)
{
    const struct stream_config *config = &stream->config;
    struct store_state state;
    if (config->discard != DISCARD_OLD ||
        (config->max_msgs <= 0 && config->max_bytes <= 0))
        return;
    for (stream_state(stream, &state); is_over(config, &state);
         stream_state(stream, &state))
        stream_remove_through(stream, state.first_seq);
}

/* ---- time ---- */

/* Subjects whose message's time was over (subject_list). */
struct expired {
    struct stream *stream;
    struct buf subjects, subject; /* the second: scratch */
};

static bool is_marker(const struct store_msg *msg)
{
    struct str reason;
    return msg->headers.len > 0 &&
           msg_header(msg->headers, "Nats-Marker-Reason", &reason);
}

/* A marker leaves no other. */
static void expire(struct expired *expired, const struct store_msg *msg)
{
    struct stream *stream = expired->stream;
    if (stream->config.delete_marker_ttl_ns > 0 && !is_marker(msg))
        subject_list_add(&expired->subjects, msg->subject);
    buf_reset(&expired->subject);
    buf_append_str(&expired->subject, msg->subject);
    stream_drop(stream, msg->seq, buf_str(&expired->subject), false);
}

static void put_marker(struct stream *stream, struct str subject)
{
    struct buf headers = {0}, ttl = {0};
    int64_t ttl_ns = stream->config.delete_marker_ttl_ns;
    msg_ttl_append(&ttl, ttl_ns);
    js_headers_begin(&headers, str_make(NULL, 0));
    js_headers_text(&headers, "Nats-Marker-Reason", str_of("MaxAge"));
    js_headers_text(&headers, "Nats-TTL", buf_str(&ttl));
    js_headers_text(&headers, "Nats-Rollup", str_of("sub"));
    js_headers_end(&headers);
    const struct msg msg = {
        .to = subject, .subject = subject, .headers = buf_str(&headers)};
    publish_own(stream, &msg, ttl_ns);
    buf_fini(&headers);
    buf_fini(&ttl);
}

/* Of subjects that have nothing any more. */
static void put_markers(struct expired *expired)
{
    struct stream *stream = expired->stream;
    struct store_subject there;
    struct str subject;
    size_t at = 0;
    while (subject_list_next(&expired->subjects, &at, &subject)) {
        if (!stream->store->ops->subject(stream->store, subject, &there))
            put_marker(stream, subject);
    }
    buf_fini(&expired->subjects);
    buf_fini(&expired->subject);
}

/* One by one: some stay for ever, and are not looked at again; some leave a
 * marker. */
static void expire_aged(struct stream *stream, int64_t oldest_ns)
{
    struct store *store = stream->store;
    struct expired expired = {.stream = stream};
    struct store_msg msg;
    for (unsigned n = 0; n < EXPIRE_MAX; n++) {
        if (store->ops->next(store, NULL, stream->aged_seq, &msg) != 0 ||
            msg.time_ns > oldest_ns)
            break;
        stream->aged_seq = msg.seq + 1;
        if (!msg_ttl_is_never(msg.headers))
            expire(&expired, &msg);
    }
    put_markers(&expired);
}

/* When the first message that ends with max_age was stored. False: there is
 * none. One that is not durable yet counts as stored now. */
static bool first_aging(const struct stream *stream, int64_t *time_ns)
{
    struct store *store = stream->store;
    struct store_state state;
    struct store_msg msg;
    stream_state(stream, &state);
    uint64_t from = stream->config.allow_msg_ttl ? stream->aged_seq : 0;
    if (state.messages == 0 || state.last_seq < from)
        return false;
    *time_ns = state.first_time_ns;
    if (state.first_seq < from)
        *time_ns = store->ops->next(store, NULL, from, &msg) == 0
                       ? msg.time_ns
                       : clock_wall_ns();
    return true;
}

static void schedule_age(struct stream *stream)
{
    int64_t first_ns;
    if (stream->config.max_age_ns <= 0 || !first_aging(stream, &first_ns)) {
        timer_stop(timers_of(stream), &stream->age_timer);
        return;
    }
    int64_t end_ns = time_after(first_ns, stream->config.max_age_ns);
    int64_t left_ns = end_ns - clock_wall_ns() + NS_PER_MS;
    if (left_ns <= 0)
        left_ns = stream->config.allow_msg_ttl ? EXPIRE_AGAIN_NS : 0;
    timer_set(timers_of(stream), &stream->age_timer,
              time_after(now_of(stream), left_ns));
}

void retention_age_timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct stream, age_timer);
    struct stream *stream = (struct stream *)start;
    struct store_state state;
    int64_t oldest_ns = clock_wall_ns() - stream->config.max_age_ns;
    stream_state(stream, &state);
    if (stream->config.allow_msg_ttl)
        expire_aged(stream, oldest_ns);
    else if (state.messages > 0 && state.first_time_ns <= oldest_ns)
        stream_remove_through(stream, stream_seq_at(stream, oldest_ns) - 1);
    schedule_age(stream);
}

static void schedule_ttl(struct stream *stream)
{
    int64_t when_ns = stream->store->ops->next_expiry(stream->store);
    if (when_ns == INT64_MAX) {
        timer_stop(timers_of(stream), &stream->ttl_timer);
        return;
    }
    int64_t left_ns = when_ns - clock_wall_ns();
    if (left_ns < EXPIRE_AGAIN_NS)
        left_ns = EXPIRE_AGAIN_NS;
    timer_set(timers_of(stream), &stream->ttl_timer,
              time_after(now_of(stream), left_ns));
}

/* The timer is set for a time before that: no need to ask the store. */
static bool is_looked_at_before(const struct stream *stream, int64_t expires_ns)
{
    const struct timer *timer = &stream->ttl_timer;
    return timer_is_set(timer) &&
           timer->when_ns <=
               time_after(now_of(stream), expires_ns - clock_wall_ns());
}

static void ttl_is_over(void *arg, const struct store_msg *msg)
{
    expire(arg, msg);
}

void retention_ttl_timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct stream, ttl_timer);
    struct stream *stream = (struct stream *)start;
    struct expired expired = {.stream = stream};
    stream->store->ops->expired(stream->store, clock_wall_ns(), EXPIRE_MAX,
                                ttl_is_over, &expired);
    put_markers(&expired);
    schedule_ttl(stream);
}

/* ---- when something changed ---- */

void retention_appended(struct stream *stream, const struct store_msg *msg)
{
    const struct stream_config *config = &stream->config;
    if (config->max_msgs_per_subject > 0)
        retention_keep_last(stream, msg->subject,
                            (uint64_t)config->max_msgs_per_subject);
    drop_oldest(stream);
    if (config->max_age_ns > 0 && !timer_is_set(&stream->age_timer))
        schedule_age(stream);
    if (msg->expires_ns != 0 && !stream->config.sealed &&
        !is_looked_at_before(stream, msg->expires_ns))
        schedule_ttl(stream);
}

/* Subjects that have more than they may. */
struct crowded {
    uint64_t most;
    struct buf subjects; /* subject_list */
};

static bool note_crowded(void *arg, struct str subject,
                         const struct store_subject *found)
{
    struct crowded *crowded = arg;
    if (found->messages > crowded->most)
        subject_list_add(&crowded->subjects, subject);
    return true;
}

static void thin_subjects(struct stream *stream)
{
    struct crowded crowded = {
        .most = (uint64_t)stream->config.max_msgs_per_subject};
    if (stream->config.max_msgs_per_subject <= 0)
        return;
    stream->store->ops->subjects(stream->store, NULL, note_crowded, &crowded);
    struct str subject;
    size_t at = 0;
    while (subject_list_next(&crowded.subjects, &at, &subject))
        retention_keep_last(stream, subject, crowded.most);
    buf_fini(&crowded.subjects);
}

void retention_apply(struct stream *stream)
{
    thin_subjects(stream);
    drop_oldest(stream);
    schedule_age(stream);
    schedule_ttl(stream);
}

/* ---- interest and work queues ---- */

static bool is_needed(const struct stream *stream, uint64_t seq,
                      struct str subject)
{
    for (const struct consumer *consumer = stream->consumers; consumer != NULL;
         consumer = consumer->hh.next) {
        if (consumer_needs(consumer, seq, subject))
            return true;
    }
    return origin_is_needed(stream, seq, subject);
}

bool retention_wants(const struct stream *stream, struct str subject)
{
    return stream->config.retention != RETENTION_INTEREST ||
           is_needed(stream, UINT64_MAX, subject);
}

void retention_acked(struct stream *stream, uint64_t seq)
{
    struct store_msg msg;
    if (stream->config.retention == RETENTION_LIMITS)
        return;
    if (stream->config.retention == RETENTION_INTEREST &&
        (stream->store->ops->read(stream->store, seq, &msg) != 0 ||
         is_needed(stream, seq, msg.subject)))
        return;
    if (stream->readers != NULL &&
        (stream->store->ops->read(stream->store, seq, &msg) != 0 ||
         origin_is_needed(stream, seq, msg.subject)))
        return;
    stream_remove(stream, seq, false);
}

static void review_some(struct stream *stream)
{
    struct store *store = stream->store;
    struct store_msg msg;
    for (unsigned n = 0; n < REVIEW_MAX; n++) {
        if (store->ops->next(store, NULL, stream->review_seq, &msg) != 0 ||
            msg.seq > stream->review_through)
            return;
        stream->review_seq = msg.seq + 1;
        if (!is_needed(stream, msg.seq, msg.subject))
            stream_remove(stream, msg.seq, false);
    }
    timer_set(timers_of(stream), &stream->review_timer,
              time_after(now_of(stream), EXPIRE_AGAIN_NS));
}

void retention_review_timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct stream, review_timer);
    struct stream *stream = (struct stream *)start;
    retention_review(stream, stream->review_seq);
}

void retention_review(struct stream *stream, uint64_t from)
{
    bool under_way = timer_is_set(&stream->review_timer);
    if (stream->config.retention != RETENTION_INTEREST)
        return;
    timer_stop(timers_of(stream), &stream->review_timer);
    if (stream->consumers == NULL && stream->readers == NULL) {
        stream_remove_through(stream, stream_durable(stream));
        return;
    }
    if (!under_way || from < stream->review_seq)
        stream->review_seq = from;
    stream->review_through = stream_durable(stream);
    review_some(stream);
}

/* ---- consumers of a work queue ---- */

/* Each message of a work queue is for one consumer. */
static bool is_apart(const struct stream *stream, const char *name,
                     const struct consumer_config *config)
{
    for (const struct consumer *other = stream->consumers; other != NULL;
         other = other->hh.next) {
        if (strcmp(other->name, name) != 0 &&
            consumer_config_overlap(config, &other->config))
            return false;
    }
    return true;
}

static bool has_others(const struct stream *stream, const char *name)
{
    const struct consumer *first = stream->consumers;
    return stream->consumer_count > 1 ||
           (first != NULL && strcmp(first->name, name) != 0);
}

int retention_admits(const struct stream *stream, const char *name,
                     const struct consumer_config *config,
                     struct js_error *error)
{
    if (stream->config.retention != RETENTION_WORKQUEUE)
        return 0;
    if (config->ack_policy == ACK_NONE && config->deliver_subject == NULL)
        return js_refuse(
            error, 400, 10084,
            "consumer in pull mode requires explicit ack policy on "
            "workqueue stream");
    if (config->ack_policy != ACK_EXPLICIT)
        return js_refuse(error, 400, 10098,
                         "workqueue stream requires explicit ack");
    if (has_others(stream, name) && config->filters.count == 0)
        return js_refuse(error, 400, 10099,
                         "multiple non-filtered consumers not allowed on "
                         "workqueue stream");
    if (!is_apart(stream, name, config))
        return js_refuse(error, 400, 10100,
                         "filtered consumer not unique on workqueue stream");
    if (config->deliver_policy != DELIVER_ALL)
        return js_refuse(error, 400, 10101,
                         "consumer must be deliver all on workqueue stream");
    return 0;
}
