/* consumer_push: feeding the deliver subject of a push consumer.
 *
 *     waiting ──somebody listens──▶ bound ──its receiver is blocked──▶ held
 *        ▲                          │   ▲                               │
 *        └───────nobody does────────┘   └───────it has room again───────┘
 *
 * Whether somebody listens is looked at when a subscription to the deliver
 * subject came or went (the watch), and told by each delivery. */
#include "broker/jetstream/consumer_parts.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/mem.h"

#define PUSH_RETRY_NS (10 * NS_PER_MS)

static bool somebody_listens(const struct consumer *consumer)
{
    const struct consumer_config *config = &consumer->config;
    struct sublist *subs = consumer_account(consumer)->subs;
    struct str subject = str_of(config->deliver_subject);
    if (config->deliver_group != NULL)
        return sublist_has_group(subs, subject, str_of(config->deliver_group));
    return sublist_has_interest(subs, subject);
}

bool consumer_is_bound(const struct consumer *consumer)
{
    return consumer->push != NULL && somebody_listens(consumer);
}

static void interest_changed(struct interest_watch *watch)
{
    char *start = (char *)watch - offsetof(struct push, watch);
    struct push *push = (struct push *)start;
    push->held = false;
    push->looked = false;
    consumer_wake(push->consumer);
}

void consumer_push_start(struct consumer *consumer)
{
    struct push *push;
    if (!consumer_config_is_push(&consumer->config))
        return;
    push = consumer->push = mem_zalloc(sizeof(*push));
    push->consumer = consumer;
    push->watch.subject = str_of(consumer->config.deliver_subject);
    push->watch.changed = interest_changed;
    interest_add(sublist_interest(consumer_account(consumer)->subs),
                 &push->watch);
    consumer_flow_start(consumer);
    consumer_wake(consumer);
}

void consumer_push_stop(struct consumer *consumer)
{
    struct push *push = consumer->push;
    if (push == NULL)
        return;
    interest_remove(sublist_interest(consumer_account(consumer)->subs),
                    &push->watch);
    consumer_flow_stop(consumer);
    free(push);
    consumer->push = NULL;
}

static void set_bound(struct consumer *consumer, bool bound)
{
    struct push *push = consumer->push;
    if (push->bound == bound)
        return;
    push->bound = bound;
    push->spoke_ns = consumer_now(consumer);
    consumer_flow_reset(consumer);
    consumer_beat_schedule(consumer);
    consumer_note_activity(consumer); /* the time without anybody begins */
}

static bool may_push(struct consumer *consumer)
{
    struct push *push = consumer->push;
    if (!push->looked) {
        push->looked = true;
        set_bound(consumer, somebody_listens(consumer));
    }
    return push->bound && !push->held && consumer_flow_allows(consumer);
}

/* Nobody took it: nobody is there, or only the broker itself, which has much
 * waiting. */
static void note_refused(struct consumer *consumer)
{
    set_bound(consumer, somebody_listens(consumer));
    if (consumer->push->bound)
        consumer_wake_at(consumer, consumer_now(consumer) + PUSH_RETRY_NS);
}

static bool push_one(struct consumer *consumer, struct candidate *found)
{
    struct push *push = consumer->push;
    size_t size = push->flow.sub != NULL ? consumer_size(consumer, found) : 0;
    enum sent sent = consumer_send(consumer, push->watch.subject, found);
    if (sent == SENT_NOT) {
        note_refused(consumer);
        return false;
    }
    push->held = sent == SENT_HELD;
    push->spoke_ns = consumer_now(consumer);
    consumer_flow_sent(consumer, size);
    return true;
}

bool consumer_pump_push(struct consumer *consumer)
{
    struct candidate found;
    if (!may_push(consumer))
        return false;
    consumer_count(consumer);
    for (int i = 0; i < PUMP_MESSAGES_MAX; i++) {
        if (!may_push(consumer) || !consumer_find(consumer, &found) ||
            !push_one(consumer, &found))
            return false;
    }
    return true;
}
