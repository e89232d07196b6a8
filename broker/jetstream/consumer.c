/* consumer: see consumer.h. Its place in the stream, its beginning and end; what
 * it sends is in consumer_delivery.c, what it hears back in consumer_ack.c. */
#include "broker/jetstream/consumer_parts.h"

#include <stdlib.h>

#include "broker/jetstream/js_config.h"
#include "broker/subject.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mem.h"

void consumer_mark_dirty(struct consumer *consumer)
{
    if (consumer->durable)
        jetstream_consumer_dirty(consumer->stream->js, consumer);
}

/* ---- what it selects ---- */

bool consumer_selects(const struct consumer *consumer, struct str subject)
{
    return !consumer->filtered ||
           subject_matches(str_of(consumer->config.filter_subject), subject);
}

static bool filter_leaves_out(const struct consumer *consumer)
{
    if (consumer->config.filter_subject == NULL)
        return false;
    if (consumer->stream->narrowed)
        return true;
    struct str filter = str_of(consumer->config.filter_subject);
    const struct stream_config *stream = &consumer->stream->config;
    for (unsigned i = 0; i < stream->subject_count; i++) {
        if (!subject_covers(filter, str_of(stream->subjects[i])))
            return true;
    }
    return false;
}

static uint64_t count_between(const struct consumer *consumer, uint64_t from,
                              uint64_t to)
{
    struct store *store = consumer->stream->store;
    struct store_msg msg;
    uint64_t count = 0;
    for (uint64_t seq = from; seq <= to; seq++) {
        if (store->ops->read(store, seq, &msg) == 0)
            count += consumer_selects(consumer, msg.subject);
    }
    return count;
}

static uint64_t first_to_come(const struct consumer *consumer)
{
    struct store_state state;
    stream_state(consumer->stream, &state);
    return consumer->next_seq > state.first_seq ? consumer->next_seq
                                                : state.first_seq;
}

void consumer_recount(struct consumer *consumer)
{
    consumer->filtered = filter_leaves_out(consumer);
    consumer->left = 0;
    if (consumer->filtered)
        consumer->left = count_between(consumer, first_to_come(consumer),
                                       stream_durable(consumer->stream));
}

void consumer_count(struct consumer *consumer, uint64_t seq, struct str subject)
{
    if (seq >= consumer->next_seq && consumer_selects(consumer, subject))
        consumer->left++;
}

uint64_t consumer_pending(const struct consumer *consumer)
{
    if (consumer->filtered)
        return consumer->left;
    uint64_t from = first_to_come(consumer);
    uint64_t durable = stream_durable(consumer->stream);
    return durable >= from ? durable - from + 1 : 0;
}

/* ---- where it starts ---- */

static uint64_t last_selected(const struct consumer *consumer,
                              const struct store_state *state)
{
    struct store *store = consumer->stream->store;
    struct store_msg msg;
    for (uint64_t seq = state->last_seq; seq >= state->first_seq && seq > 0;
         seq--) {
        if (store->ops->read(store, seq, &msg) == 0 &&
            consumer_selects(consumer, msg.subject))
            return seq;
    }
    return state->last_seq + 1;
}

static uint64_t first_wanted(const struct consumer *consumer)
{
    const struct consumer_config *config = &consumer->config;
    struct store_state state;
    stream_state(consumer->stream, &state);
    switch (config->deliver_policy) {
    case DELIVER_LAST:
        return last_selected(consumer, &state);
    case DELIVER_NEW:
        return state.last_seq + 1;
    case DELIVER_BY_START_SEQUENCE:
        return config->start_seq;
    case DELIVER_BY_START_TIME:
        return stream_seq_at(consumer->stream, config->start_time_ns);
    case DELIVER_ALL:
    default:
        return state.first_seq;
    }
}

/* ---- coming and going ---- */

static void inactive_timeout(struct timer *timer);

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

void consumer_restart(struct consumer *consumer, uint64_t start_seq)
{
    consumer->start_seq = start_seq > 0 ? start_seq : 1;
    consumer->next_seq = consumer->start_seq;
    consumer->floor.seq = consumer->start_seq - 1;
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
    consumer->filtered = filter_leaves_out(consumer);
    consumer_restart(consumer, first_wanted(consumer));
    consumer_recount(consumer);
    name_acks(consumer);
    consumer_note_activity(consumer);
    return consumer;
}

void consumer_free(struct consumer *consumer, const char *status)
{
    struct server *server = consumer_server(consumer);
    while (consumer->pulls.first != NULL) {
        if (status != NULL)
            consumer_tell(consumer, consumer->pulls.first->inbox, status);
        consumer_end_pull(consumer, consumer->pulls.first);
    }
    jetstream_consumer_forget(consumer->stream->js, consumer);
    timer_stop(&server->timers, &consumer->ack_timer);
    timer_stop(&server->timers, &consumer->inactive_timer);
    sublist_remove(consumer_account(consumer)->subs, consumer->ack_sub);
    unacked_fini(&consumer->unacked);
    buf_fini(&consumer->ack_subject);
    consumer_config_fini(&consumer->config);
    free(consumer->name);
    free(consumer);
}

void consumer_update(struct consumer *consumer, struct consumer_config *config)
{
    consumer_config_fini(&consumer->config);
    consumer->config = *config;
    *config = (struct consumer_config){0};
    if (consumer->config.name == NULL)
        consumer->config.name = mem_strdup(consumer->name);
    consumer_recount(consumer);
    consumer_note_activity(consumer);
    consumer_wake(consumer);
}

static bool somebody_waits(const struct consumer *consumer)
{
    for (const struct pull *pull = consumer->pulls.first; pull != NULL;
         pull = pull->next) {
        if (sublist_has_interest(consumer_account(consumer)->subs, pull->inbox))
            return true;
    }
    return false;
}

static void inactive_timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct consumer, inactive_timer);
    struct consumer *consumer = (struct consumer *)start;
    if (somebody_waits(consumer))
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

void consumer_wake(struct consumer *consumer)
{
    jetstream_consumer_woken(consumer->stream->js, consumer);
}

void consumer_room(struct consumer *consumer)
{
    if (consumer->pulls.held == 0)
        return;
    for (struct pull *pull = consumer->pulls.first; pull != NULL;
         pull = pull->next)
        pull->held = false;
    consumer->pulls.held = 0;
    consumer_wake(consumer);
}

/* ---- messages that leave the stream ---- */

static void give_up_from(struct consumer *consumer, uint64_t seq)
{
    struct unacked_entry *entry = unacked_lowest(&consumer->unacked), *next;
    for (; entry != NULL; entry = next) {
        next = unacked_higher(&consumer->unacked, entry);
        if (entry->seq >= seq)
            consumer_settle(consumer, entry);
    }
}

/* The stream lost messages at its end and gives their sequences to new ones,
 * which must not pass for delivered. */
static void step_back(struct consumer *consumer, uint64_t last_seq)
{
    const struct consumer_config *config = &consumer->config;
    uint64_t next_seq = last_seq + 1;
    if (config->deliver_policy == DELIVER_BY_START_SEQUENCE &&
        config->start_seq > next_seq)
        next_seq = config->start_seq;
    if (consumer->next_seq <= next_seq)
        return;
    log_error("consumer is ahead of its stream, goes back to its end",
              LOG_STR("stream", consumer->stream->name),
              LOG_STR("consumer", consumer->name),
              LOG_I64("next_seq", consumer->next_seq),
              LOG_I64("last_seq", last_seq));
    consumer->next_seq = next_seq;
    give_up_from(consumer, next_seq);
    if (consumer->floor.seq >= next_seq)
        consumer->floor.seq = next_seq - 1;
    consumer_mark_dirty(consumer);
}

void consumer_recovered(struct consumer *consumer)
{
    struct store_state state;
    stream_state(consumer->stream, &state);
    step_back(consumer, state.last_seq);
    consumer_left(consumer, state.first_seq - 1);
    consumer->redelivered = 0;
    for (const struct unacked_entry *entry = unacked_lowest(&consumer->unacked);
         entry != NULL; entry = unacked_higher(&consumer->unacked, entry))
        consumer->redelivered += entry->deliveries > 1;
    consumer_recount(consumer);
    consumer_schedule_acks(consumer);
}

void consumer_leaving(struct consumer *consumer, uint64_t seq)
{
    if (!consumer->filtered || seq < consumer->next_seq)
        return;
    if (seq >= stream_durable(consumer->stream))
        consumer->left = 0;
    else
        consumer->left -= count_between(consumer, first_to_come(consumer), seq);
}

void consumer_left(struct consumer *consumer, uint64_t seq)
{
    struct unacked_entry *lowest;
    while ((lowest = unacked_lowest(&consumer->unacked)) != NULL &&
           lowest->seq <= seq)
        consumer_settle(consumer, lowest);
    if (consumer->next_seq <= seq) {
        consumer->next_seq = seq + 1;
        consumer_raise_floor(consumer);
        consumer_mark_dirty(consumer);
    }
}

void consumer_lost(struct consumer *consumer, uint64_t seq, struct str subject)
{
    struct unacked_entry *entry = unacked_find(&consumer->unacked, seq);
    if (entry != NULL)
        consumer_settle(consumer, entry);
    if (consumer->filtered && seq >= consumer->next_seq &&
        seq <= stream_durable(consumer->stream) &&
        consumer_selects(consumer, subject))
        consumer->left--;
}

bool consumer_needs(const struct consumer *consumer, uint64_t seq,
                    struct str subject)
{
    if (seq < consumer->next_seq)
        return unacked_find(&consumer->unacked, seq) != NULL;
    return consumer_selects(consumer, subject);
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

void consumer_describe(const struct consumer *consumer, struct json_writer *w)
{
    const struct consumer_position delivered = {.dseq = consumer->last_dseq,
                                                .seq = consumer->next_seq - 1};
    json_member_text(w, "stream_name", consumer->stream->name);
    json_member_text(w, "name", consumer->name);
    js_member_time(w, "created", consumer->created_ns);
    json_key(w, "config");
    consumer_config_write(&consumer->config, w);
    describe_position(w, "delivered", delivered, consumer->sent_ns);
    describe_position(w, "ack_floor", consumer->floor, consumer->acked_ns);
    json_member_u64(w, "num_ack_pending", consumer->unacked.count);
    json_member_u64(w, "num_redelivered", consumer->redelivered);
    json_member_u64(w, "num_waiting", consumer->pulls.count);
    json_member_u64(w, "num_pending", consumer_pending(consumer));
}
