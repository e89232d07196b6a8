/* consumer: see consumer.h. Its beginning and end, and what it says of itself;
 * consumer_parts.h tells where the rest is. */
#include "broker/jetstream/consumer_parts.h"

#include <stdlib.h>

#include "broker/jetstream/js_config.h"
#include "broker/jetstream/priority.h"
#include "broker/jetstream/retention.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mem.h"

void consumer_mark_dirty(struct consumer *consumer)
{
    if (consumer->durable)
        jetstream_consumer_dirty(consumer->stream->js, consumer);
}

/* ---- coming and going ---- */

static void inactive_timeout(struct timer *timer);
static void wake_timeout(struct timer *timer);

static void name_acks(struct consumer *consumer)
{
    struct buf *subject = &consumer->ack_subject;
    buf_printf(subject, "$JS.ACK.%s.%s.", consumer->stream->name,
               consumer->name);
    consumer->ack_prefix = subject->len;
    buf_append_byte(subject, '>');
    consumer->ack_sub =
        sub_new(NULL, buf_str(subject), str_make(NULL, 0), str_make(NULL, 0));
    consumer->ack_sub->handle = consumer_ack_arrived;
    consumer->ack_sub->arg = consumer;
    sublist_insert(consumer_account(consumer)->subs, consumer->ack_sub);
}

void consumer_note_activity(struct consumer *consumer)
{
    int64_t threshold_ns = consumer->config.inactive_threshold_ns;
    consumer->active_ns = consumer_now(consumer);
    if (threshold_ns > 0)
        timer_set(consumer_timers(consumer), &consumer->inactive_timer,
                  time_after(consumer->active_ns, threshold_ns));
    else
        timer_stop(consumer_timers(consumer), &consumer->inactive_timer);
}

struct consumer *consumer_new(struct stream *stream, const char *name,
                              struct consumer_config *config,
                              int64_t created_ns)
{
    struct consumer *consumer = mem_zalloc(sizeof(*consumer));
    consumer->stream = stream;
    consumer->config = *config;
    *config = (struct consumer_config){0};
    consumer->name = mem_strdup(name);
    consumer->created_ns = created_ns;
    consumer->durable = consumer->config.durable_name != NULL;
    if (consumer->config.name == NULL)
        consumer->config.name = mem_strdup(name);
    consumer->ack_timer.fire = consumer_ack_timeout;
    consumer->inactive_timer.fire = inactive_timeout;
    consumer->wake_timer.fire = wake_timeout;
    consumer_set_filter(consumer);
    consumer_index_add(&stream->index, consumer);
    uint64_t first = consumer_first_wanted(consumer);
    consumer_restart(consumer, first, consumer->picks.through);
    name_acks(consumer);
    consumer_pace_start(consumer);
    consumer_push_start(consumer);
    priority_start(consumer);
    consumer_note_activity(consumer);
    return consumer;
}

void consumer_free(struct consumer *consumer, const char *status)
{
    struct timers *timers = consumer_timers(consumer);
    consumer_end_pulls(consumer, status);
    consumer_push_stop(consumer);
    priority_stop(consumer);
    jetstream_consumer_forget(consumer->stream->js, consumer);
    timer_stop(timers, &consumer->ack_timer);
    timer_stop(timers, &consumer->inactive_timer);
    timer_stop(timers, &consumer->wake_timer);
    sublist_remove(consumer_account(consumer)->subs, consumer->ack_sub);
    unacked_fini(&consumer->unacked);
    picks_fini(&consumer->picks);
    consumer_index_remove(&consumer->stream->index, consumer);
    consumer_forget_filter(consumer);
    buf_fini(&consumer->ack_subject);
    consumer_config_fini(&consumer->config);
    free(consumer->name);
    free(consumer);
}

void consumer_update(struct consumer *consumer, struct consumer_config *config)
{
    consumer_push_stop(consumer);
    if (!consumer_config_same_group(&consumer->config, config))
        priority_stop(consumer);
    consumer_config_fini(&consumer->config);
    consumer->config = *config;
    *config = (struct consumer_config){0};
    consumer_pace_update(consumer);
    consumer_recount(consumer);
    consumer_push_start(consumer);
    priority_start(consumer);
    consumer_note_activity(consumer);
    consumer_wake(consumer);
}

void consumer_reset(struct consumer *consumer, uint64_t seq)
{
    uint64_t behind = consumer->floor.seq + 1;
    unacked_fini(&consumer->unacked);
    consumer_schedule_acks(consumer);
    consumer->redelivered = 0;
    consumer->last_dseq = 0;
    consumer->sent_ns = consumer->acked_ns = 0;
    consumer->next_seq = seq;
    consumer->floor = (struct consumer_position){.seq = seq - 1};
    consumer->pace = (struct consumer_pace){0};
    consumer_pace_start(consumer);
    if (consumer->push != NULL)
        consumer_flow_reset(consumer);
    consumer_recount(consumer);
    if (seq > behind) /* nobody else may need what it passes over */
        retention_review(consumer->stream, behind);
    consumer_mark_dirty(consumer);
    consumer_wake(consumer);
}

static bool is_used(const struct consumer *consumer)
{
    return consumer_is_bound(consumer) || consumer_has_waiting(consumer);
}

static void inactive_timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct consumer, inactive_timer);
    struct consumer *consumer = (struct consumer *)start;
    if (is_used(consumer))
        consumer->active_ns = consumer_now(consumer);
    int64_t end_ns =
        time_after(consumer->active_ns, consumer->config.inactive_threshold_ns);
    if (end_ns > consumer_now(consumer)) {
        timer_set(consumer_timers(consumer), timer, end_ns);
        return;
    }
    log_info("inactive consumer removed",
             LOG_STR("stream", consumer->stream->name),
             LOG_STR("consumer", consumer->name));
    stream_consumer_delete(consumer->stream, consumer);
}

/* ---- being fed ---- */

void consumer_wake(struct consumer *consumer)
{
    jetstream_consumer_woken(consumer->stream->js, consumer);
}

static void wake_timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct consumer, wake_timer);
    consumer_wake((struct consumer *)start);
}

void consumer_wake_at(struct consumer *consumer, int64_t when_ns)
{
    struct timer *timer = &consumer->wake_timer;
    if (!timer_is_set(timer) || timer->when_ns > when_ns)
        timer_set(consumer_timers(consumer), timer, when_ns);
}

static void release_pulls(struct pulls *pulls)
{
    for (struct pull *pull = pulls->first; pull != NULL; pull = pull->next)
        pull->held = false;
    pulls->held = 0;
}

void consumer_room(struct consumer *consumer)
{
    bool held = consumer->push != NULL && consumer->push->held;
    if (consumer->pulls.held == 0 && !held)
        return;
    release_pulls(&consumer->pulls);
    if (held)
        consumer->push->held = false;
    consumer_wake(consumer);
}

bool consumer_pump(struct consumer *consumer)
{
    if (consumer_check_pause(consumer)) {
        consumer_end_impatient(consumer);
        return false;
    }
    return consumer->push != NULL ? consumer_pump_push(consumer)
                                  : consumer_pump_pulls(consumer);
}

/* ---- what it says of itself ---- */

static void describe_position(struct json_writer *w, const char *key,
                              struct consumer_position position,
                              int64_t active_ns)
{
    json_key(w, key);
    json_begin_object(w);
    json_member_u64(w, "consumer_seq", position.dseq);
    json_member_u64(w, "stream_seq", position.seq);
    if (active_ns != 0)
        js_member_time(w, "last_active",
                       clock_wall_ns() - (clock_mono_ns() - active_ns));
    json_end_object(w);
}

void consumer_describe(struct consumer *consumer, struct json_writer *w)
{
    consumer_describe_with(consumer, true, w);
}

void consumer_describe_with(struct consumer *consumer, bool config,
                            struct json_writer *w)
{
    consumer_count(consumer);
    const struct consumer_position delivered = {.dseq = consumer->last_dseq,
                                                .seq = consumer->next_seq - 1};
    json_member_text(w, "stream_name", consumer->stream->name);
    json_member_text(w, "name", consumer->name);
    js_member_time(w, "created", consumer->created_ns);
    if (config) {
        json_key(w, "config");
        consumer_config_write(&consumer->config, w);
    }
    describe_position(w, "delivered", delivered, consumer->sent_ns);
    describe_position(w, "ack_floor", consumer->floor, consumer->acked_ns);
    json_member_u64(w, "num_ack_pending", consumer->unacked.count);
    json_member_u64(w, "num_redelivered", consumer->redelivered);
    json_member_u64(w, "num_waiting", consumer->pulls.count);
    json_member_u64(w, "num_pending", consumer_pending(consumer));
    if (consumer_is_bound(consumer))
        json_member_bool(w, "push_bound", true);
    if (consumer->config.pause_until_ns != 0)
        consumer_describe_pause(consumer, w);
    if (consumer->priority != NULL)
        priority_describe(consumer, w);
}
