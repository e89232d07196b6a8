/* consumer_ack: what became of the messages a consumer sent: acknowledged,
 * refused, or due to be sent again. */
#include "broker/jetstream/consumer_parts.h"

#include "broker/jetstream/retention.h"
#include "broker/route.h"
#include "lib/arena.h"
#include "lib/json.h"
#include "lib/timestamp.h"

/* ---- the floor and deadlines ---- */

void consumer_schedule_acks(struct consumer *consumer)
{
    int64_t deadline_ns = unacked_deadline(&consumer->unacked);
    if (deadline_ns == INT64_MAX)
        timer_stop(consumer_timers(consumer), &consumer->ack_timer);
    else if (!timer_is_set(&consumer->ack_timer) ||
             consumer->ack_timer.when_ns > deadline_ns)
        timer_set(consumer_timers(consumer), &consumer->ack_timer, deadline_ns);
}

void consumer_raise_floor(struct consumer *consumer)
{
    const struct unacked_entry *lowest = unacked_lowest(&consumer->unacked);
    if (lowest != NULL) {
        consumer->floor.dseq = lowest->dseq - 1;
        consumer->floor.seq = lowest->seq - 1;
    } else {
        consumer->floor.dseq = consumer->last_dseq;
        consumer->floor.seq = consumer->next_seq - 1;
    }
}

/* The message is done: acknowledged, given up, or gone from the stream. */
void consumer_settle(struct consumer *consumer, struct unacked_entry *entry)
{
    bool was_full =
        consumer->config.max_ack_pending > 0 &&
        consumer->unacked.count >= (uint64_t)consumer->config.max_ack_pending;
    bool was_lowest = entry == unacked_lowest(&consumer->unacked);
    consumer->redelivered -= entry->deliveries > 1;
    unacked_remove(&consumer->unacked, entry);
    if (was_lowest)
        consumer_raise_floor(consumer);
    consumer_mark_dirty(consumer);
    if (was_full)
        consumer_wake(consumer);
}

/* To be sent again, unless it was sent often enough. */
static void redeliver(struct consumer *consumer, struct unacked_entry *entry)
{
    int64_t most = consumer->config.max_deliver;
    if (most > 0 && entry->deliveries >= (uint64_t)most) {
        consumer_advise_max_deliver(consumer, entry);
        consumer_settle(consumer, entry);
        return;
    }
    unacked_move(&consumer->unacked, entry, UNACKED_READY, 0);
    consumer_wake(consumer);
}

void consumer_ack_timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct consumer, ack_timer);
    struct consumer *consumer = (struct consumer *)start;
    int64_t now_ns = consumer_now(consumer);
    struct unacked_entry *entry;
    while ((entry = unacked_due(&consumer->unacked, now_ns)) != NULL)
        redeliver(consumer, entry);
    consumer_schedule_acks(consumer);
}

static bool has_backoff(const struct consumer *consumer,
                        const struct unacked_entry *entry)
{
    return consumer->config.backoff_count > 0 && entry->deliveries > 1;
}

int64_t consumer_ack_wait(const struct consumer *consumer,
                          const struct unacked_entry *entry)
{
    const struct consumer_config *config = &consumer->config;
    if (!has_backoff(consumer, entry))
        return config->ack_wait_ns;
    unsigned step = entry->deliveries - 1;
    unsigned last = config->backoff_count - 1;
    return config->backoff_ns[step < last ? step : last];
}

void consumer_await_ack(struct consumer *consumer, struct unacked_entry *entry)
{
    int64_t wait_ns = consumer_ack_wait(consumer, entry);
    unacked_move(&consumer->unacked, entry,
                 has_backoff(consumer, entry) ? UNACKED_DELAYED
                                              : UNACKED_WAITING,
                 time_after(consumer_now(consumer), wait_ns));
    consumer_schedule_acks(consumer);
}

/* ---- what arrives ---- */

/* The number that *text begins with, up to a '.' or the end, taken off. */
static bool take_number(struct str *text, uint64_t *out)
{
    size_t i = 0;
    *out = 0;
    for (; i < text->len && text->p[i] != '.'; i++) {
        unsigned digit = (unsigned char)text->p[i] - (unsigned)'0';
        if (digit > 9 || *out > (UINT64_MAX - digit) / 10)
            return false;
        *out = *out * 10 + digit;
    }
    size_t taken = i < text->len ? i + 1 : i;
    *text = str_make(text->p + taken, text->len - taken);
    return i > 0;
}

/* <deliveries>.<seq>.<dseq>.<time>.<pending>, which is what follows
 * $JS.ACK.<stream>.<consumer>. Nobody needs the last two. */
static bool read_acked(struct str rest, struct acked *acked)
{
    return take_number(&rest, &acked->deliveries) &&
           take_number(&rest, &acked->seq) && acked->seq > 0 &&
           take_number(&rest, &acked->dseq) && rest.len > 0;
}

/* Acknowledged: with interest or workqueue retention it may leave the
 * stream. */
static void conclude(struct consumer *consumer, struct unacked_entry *entry)
{
    uint64_t seq = entry->seq;
    consumer_settle(consumer, entry);
    retention_acked(consumer->stream, seq);
}

static void acknowledge(struct consumer *consumer, const struct acked *acked)
{
    struct unacked_entry *entry = unacked_find(&consumer->unacked, acked->seq);
    consumer->acked_ns = consumer_now(consumer);
    if (entry != NULL)
        consumer_sample_ack(consumer, entry, acked);
    if (consumer->config.ack_policy == ACK_ALL) {
        while ((entry = unacked_lowest(&consumer->unacked)) != NULL &&
               entry->seq <= acked->seq)
            conclude(consumer, entry);
    } else if (entry != NULL) {
        conclude(consumer, entry);
    }
}

/* +TERM, +TERM reason: it does not come again. */
static void terminate(struct consumer *consumer, const struct acked *acked,
                      struct str words)
{
    struct unacked_entry *entry = unacked_find(&consumer->unacked, acked->seq);
    if (entry == NULL)
        return;
    consumer_advise_terminated(consumer, acked, str_trim(words));
    conclude(consumer, entry);
}

/* -NAK, -NAK 5s, -NAK {"delay":5000000000} */
static int64_t nak_delay(struct str words)
{
    struct arena arena = {0};
    struct json_doc doc;
    int64_t delay_ns = 0;
    words = str_trim(words);
    if (words.len > 0 && words.p[0] == '{') {
        if (json_parse(&doc, words, &arena, NULL) == 0)
            json_i64(json_get(json_root(&doc), "delay"), &delay_ns);
    } else if (words.len > 0) {
        duration_parse(words, &delay_ns);
    }
    arena_fini(&arena);
    return delay_ns > 0 ? delay_ns : 0;
}

static void refuse_delivery(struct consumer *consumer,
                            const struct acked *acked, struct str words)
{
    struct unacked_entry *entry = unacked_find(&consumer->unacked, acked->seq);
    int64_t delay_ns = nak_delay(words);
    if (entry == NULL)
        return;
    consumer_advise_naked(consumer, acked);
    if (delay_ns == 0) {
        redeliver(consumer, entry);
        return;
    }
    unacked_move(&consumer->unacked, entry, UNACKED_DELAYED,
                 time_after(consumer_now(consumer), delay_ns));
    consumer_schedule_acks(consumer);
}

static void prolong(struct consumer *consumer, uint64_t seq)
{
    struct unacked_entry *entry = unacked_find(&consumer->unacked, seq);
    if (entry != NULL && entry->queue != UNACKED_READY)
        consumer_await_ack(consumer, entry);
}

static bool starts(struct str body, const char *word)
{
    return str_has_prefix(body, str_of(word));
}

static struct str behind(struct str body, size_t n)
{
    return str_make(body.p + n, body.len - n);
}

void consumer_ack_arrived(struct sub *sub, struct conn *from,
                          const struct msg *msg)
{
    (void)from;
    struct consumer *consumer = sub->arg;
    struct str body = msg->payload, reply = msg->reply;
    struct acked acked;
    if (!read_acked(behind(msg->to, consumer->ack_prefix), &acked))
        return;
    consumer->active_ns = consumer_now(consumer);
    if (body.len == 0 || starts(body, "+ACK") || starts(body, "+OK")) {
        acknowledge(consumer, &acked);
    } else if (starts(body, "-NAK")) {
        refuse_delivery(consumer, &acked, behind(body, 4));
    } else if (starts(body, "+WPI")) {
        prolong(consumer, acked.seq);
    } else if (starts(body, "+TERM")) {
        terminate(consumer, &acked, behind(body, 5));
    } else if (starts(body, "+NXT")) {
        acknowledge(consumer, &acked);
        if (reply.len > 0)
            consumer_request(consumer, reply, behind(body, 4));
        return;
    }
    if (reply.len > 0)
        route_text(consumer_account(consumer), reply, str_make(NULL, 0),
                   str_make(NULL, 0));
}
