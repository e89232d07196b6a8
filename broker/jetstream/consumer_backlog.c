/* consumer_backlog: what a consumer selects of its stream, where it begins, how
 * much is to come, and what leaves the stream before it came.
 *
 * `left` counts the selected messages from next_seq through `counted`. What is
 * behind `counted` is counted by the store when somebody asks (consumer_count);
 * from then on a consumer with a filter is told of what comes (consumer_came),
 * and one without counts on, so that an idle consumer costs nothing. */
#include "broker/jetstream/consumer_parts.h"

#include <stdlib.h>

#include "broker/subject.h"
#include "lib/log.h"
#include "lib/mem.h"

/* ---- what it selects ---- */

static bool covers_all(struct str filter, const struct stream_config *stream)
{
    for (unsigned i = 0; i < stream->subject_count; i++) {
        if (!subject_covers(filter, str_of(stream->subjects[i])))
            return false;
    }
    return true;
}

/* One filter that selects everything is none, which is faster. */
static bool leaves_out(const struct consumer *consumer)
{
    const struct consumer_config *config = &consumer->config;
    const struct stream *stream = consumer->stream;
    return config->filters.count > 1 ||
           (config->filters.count == 1 &&
            (stream->narrowed ||
             !covers_all(str_of(config->filters.texts[0]), &stream->config)));
}

void consumer_forget_filter(struct consumer *consumer)
{
    free((void *)consumer->filter.patterns);
    consumer->filter = (struct store_filter){0};
}

void consumer_set_filter(struct consumer *consumer)
{
    const struct consumer_config *config = &consumer->config;
    consumer_forget_filter(consumer);
    if (!leaves_out(consumer))
        return;
    struct str *patterns =
        mem_zalloc(config->filters.count * sizeof(*patterns));
    for (unsigned i = 0; i < config->filters.count; i++)
        patterns[i] = str_of(config->filters.texts[i]);
    consumer->filter.patterns = patterns;
    consumer->filter.count = config->filters.count;
}

bool consumer_selects(const struct consumer *consumer, struct str subject)
{
    const struct store_filter *filter = &consumer->filter;
    for (unsigned i = 0; i < filter->count; i++) {
        if (subject_matches(filter->patterns[i], subject))
            return true;
    }
    return filter->count == 0;
}

/* ---- counting ---- */

/* Forgets what was counted, but for the picks. */
static void count_anew(struct consumer *consumer)
{
    const struct picks *picks = &consumer->picks;
    consumer->left = picks_left(picks);
    consumer->counted = consumer->next_seq > picks->through
                            ? consumer->next_seq - 1
                            : picks->through;
    consumer->tracked = false;
}

/* What it was not told of it does not select. */
static void sync_counted(struct consumer *consumer)
{
    uint64_t durable = stream_durable(consumer->stream);
    if (consumer->tracked && consumer->counted < durable)
        consumer->counted = durable;
}

void consumer_move_on(struct consumer *consumer, uint64_t seq)
{
    consumer->next_seq = seq;
    if (consumer->unacked.count == 0)
        consumer_raise_floor(consumer);
}

void consumer_came(struct consumer *consumer, uint64_t seq)
{
    if (!consumer->tracked || seq <= consumer->counted)
        return;
    if (consumer->left == 0)
        consumer_move_on(consumer, seq); /* nothing is to be found before */
    consumer->left++;
    consumer->counted = seq;
}

static void count_new(struct consumer *consumer)
{
    struct store *store = consumer->stream->store;
    uint64_t durable = store->ops->durable(store), count, before;
    sync_counted(consumer);
    if (consumer->tracked || durable <= consumer->counted) {
        consumer->tracked = consumer->filter.count > 0;
        return;
    }
    do { /* the syncer moves it on at any time */
        before = durable;
        count =
            store->ops->count(store, &consumer->filter, consumer->counted + 1);
        durable = store->ops->durable(store);
    } while (durable != before);
    consumer->left += count;
    consumer->counted = durable;
    consumer->tracked = consumer->filter.count > 0;
}

void consumer_count(struct consumer *consumer)
{
    count_new(consumer);
    if (consumer->left == 0 && consumer->next_seq <= consumer->counted)
        consumer_move_on(consumer, consumer->counted + 1);
}

uint64_t consumer_pending(struct consumer *consumer)
{
    consumer_count(consumer);
    return consumer->left;
}

void consumer_recount(struct consumer *consumer)
{
    struct consumer_index *index = &consumer->stream->index;
    consumer_index_remove(index, consumer);
    consumer_set_filter(consumer);
    consumer_index_add(index, consumer);
    if (consumer->next_seq <= consumer->picks.through)
        picks_fill(&consumer->picks, consumer->stream->store, &consumer->filter,
                   consumer->next_seq, consumer->picks.through);
    count_anew(consumer);
}

/* ---- where it begins ---- */

static uint64_t last_selected(const struct consumer *consumer)
{
    struct store *store = consumer->stream->store;
    struct store_msg msg;
    if (store->ops->last(store, &consumer->filter, UINT64_MAX, &msg) == 0)
        return msg.seq;
    return stream_durable(consumer->stream) + 1;
}

static uint64_t first_pick(struct consumer *consumer, uint64_t last_seq)
{
    picks_fill(&consumer->picks, consumer->stream->store, &consumer->filter, 1,
               last_seq);
    uint64_t first = picks_next(&consumer->picks);
    return first > 0 ? first : last_seq + 1;
}

uint64_t consumer_first_wanted(struct consumer *consumer)
{
    const struct consumer_config *config = &consumer->config;
    struct store_state state;
    stream_state(consumer->stream, &state);
    switch (config->deliver_policy) {
    case DELIVER_LAST:
        return last_selected(consumer);
    case DELIVER_NEW:
        return state.last_seq + 1;
    case DELIVER_BY_START_SEQUENCE:
        return config->start_seq <= state.last_seq ? config->start_seq
                                                   : state.last_seq + 1;
    case DELIVER_BY_START_TIME:
        return stream_seq_at(consumer->stream, config->start_time_ns);
    case DELIVER_LAST_PER_SUBJECT:
        return first_pick(consumer, state.last_seq);
    case DELIVER_ALL:
    default:
        return state.first_seq;
    }
}

void consumer_restart(struct consumer *consumer, uint64_t start_seq,
                      uint64_t picked_through)
{
    consumer->start_seq = start_seq > 0 ? start_seq : 1;
    consumer->next_seq = consumer->start_seq;
    consumer->floor.seq = consumer->start_seq - 1;
    consumer->picks.through = picked_through;
    count_anew(consumer);
}

/* ---- messages that leave the stream ---- */

void consumer_left(struct consumer *consumer, uint64_t seq)
{
    struct unacked_entry *lowest;
    while ((lowest = unacked_lowest(&consumer->unacked)) != NULL &&
           lowest->seq <= seq)
        consumer_settle(consumer, lowest);
    if (consumer->next_seq > seq)
        return;
    consumer->next_seq = seq + 1;
    picks_drop_through(&consumer->picks, seq);
    count_anew(consumer);
    consumer_raise_floor(consumer);
    consumer_mark_dirty(consumer);
}

static bool is_to_come(const struct consumer *consumer, uint64_t seq,
                       struct str subject)
{
    if (seq < consumer->next_seq)
        return false;
    if (seq <= consumer->picks.through)
        return picks_has(&consumer->picks, seq);
    return consumer_selects(consumer, subject);
}

void consumer_lost(struct consumer *consumer, uint64_t seq, struct str subject)
{
    struct unacked_entry *entry = unacked_find(&consumer->unacked, seq);
    struct store *store = consumer->stream->store;
    if (entry != NULL)
        consumer_settle(consumer, entry);
    sync_counted(consumer);
    if (seq > consumer->counted || !is_to_come(consumer, seq, subject) ||
        !store->ops->has(store, seq)) /* it is not counted twice */
        return;
    consumer->left--;
    picks_drop(&consumer->picks, seq);
}

bool consumer_needs(const struct consumer *consumer, uint64_t seq,
                    struct str subject)
{
    return unacked_find(&consumer->unacked, seq) != NULL ||
           is_to_come(consumer, seq, subject);
}

/* ---- after a restart ---- */

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
    uint64_t next_seq = last_seq + 1;
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

/* Its state is older than the stream's: what was acknowledged last may have
 * left. */
static void settle_gone(struct consumer *consumer)
{
    struct store *store = consumer->stream->store;
    struct unacked_entry *entry = unacked_lowest(&consumer->unacked), *next;
    for (; entry != NULL; entry = next) {
        next = unacked_higher(&consumer->unacked, entry);
        if (!store->ops->has(store, entry->seq))
            consumer_settle(consumer, entry);
    }
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
    settle_gone(consumer);
    if (consumer->next_seq <= consumer->picks.through)
        picks_fill(&consumer->picks, consumer->stream->store, &consumer->filter,
                   consumer->next_seq, consumer->picks.through);
    else
        picks_fini(&consumer->picks);
    count_anew(consumer);
    consumer_schedule_acks(consumer);
}
