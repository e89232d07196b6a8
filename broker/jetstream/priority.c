/* priority: see priority.h. */
#include "broker/jetstream/priority.h"

#include <stdlib.h>

#include "broker/jetstream/js_config.h"
#include "lib/clock.h"
#include "lib/mem.h"

#define RANK_NOT_NOW INT64_MAX

static bool is_pinned(const struct consumer *consumer)
{
    return consumer->priority->pin[0] != '\0';
}

static void pin_timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct priority, timer);
    const struct priority *priority = (const struct priority *)start;
    priority_unpin(priority->consumer, "timeout");
}

void priority_start(struct consumer *consumer)
{
    if (consumer->config.priority_policy == PRIORITY_NONE ||
        consumer->priority != NULL)
        return;
    consumer->priority = mem_zalloc(sizeof(*consumer->priority));
    consumer->priority->consumer = consumer;
    consumer->priority->timer.fire = pin_timeout;
}

void priority_stop(struct consumer *consumer)
{
    if (consumer->priority == NULL)
        return;
    for (struct pull *pull = consumer->pulls.first; pull != NULL;
         pull = pull->next)
        pull->pinned = false;
    timer_stop(consumer_timers(consumer), &consumer->priority->timer);
    free(consumer->priority);
    consumer->priority = NULL;
}

/* ---- requests ---- */

bool priority_refuses(const struct consumer *consumer,
                      const struct pull_terms *terms, struct buf *status)
{
    const struct consumer_config *config = &consumer->config;
    enum priority_policy policy = config->priority_policy;
    const char *why = NULL;
    if (policy != PRIORITY_OVERFLOW &&
        (terms->min_pending > 0 || terms->min_ack_pending > 0))
        why = "400 Bad Request - Not a Overflow Priority consumer";
    else if (policy != PRIORITY_PINNED_CLIENT && terms->id.len > 0)
        why = "400 Bad Request - Not a Pinned Client Priority consumer";
    else if (policy == PRIORITY_NONE)
        return false;
    else if (terms->group.len == 0)
        why = "400 Bad Request - Priority Group missing";
    else if (!str_is(terms->group, config->priority_groups.texts[0]))
        why = "400 Bad Request - Invalid Priority Group";
    else if (terms->id.len > 0 && !str_is(terms->id, consumer->priority->pin))
        why = "423 Nats-Pin-Id mismatch";
    if (why == NULL)
        return false;
    buf_printf(status,
               "%s\r\nNats-Pending-Messages: %lld\r\n"
               "Nats-Pending-Bytes: %lld",
               why, (long long)terms->batch, (long long)terms->bytes);
    return true;
}

/* The pinned client is there. */
static void prolong(struct consumer *consumer)
{
    timer_set(consumer_timers(consumer), &consumer->priority->timer,
              time_after(consumer_now(consumer),
                         consumer->config.priority_timeout_ns));
}

void priority_admitted(struct consumer *consumer, struct pull *pull,
                       struct str id)
{
    if (id.len == 0)
        return;
    pull->pinned = true; /* another id would have been refused */
    prolong(consumer);
}

/* ---- whose turn it is ---- */

static int64_t overflow_rank(const struct consumer *consumer,
                             const struct pull_terms *terms)
{
    int64_t pending = terms->min_pending, acks = terms->min_ack_pending;
    if (pending == 0 && acks == 0)
        return 0;
    bool reached = (pending > 0 && consumer->left >= (uint64_t)pending) ||
                   (acks > 0 && consumer->unacked.count >= (uint64_t)acks);
    return reached ? 1 : RANK_NOT_NOW;
}

/* The lower, the sooner. */
static int64_t rank_of(const struct consumer *consumer, const struct pull *pull)
{
    switch (consumer->config.priority_policy) {
    case PRIORITY_OVERFLOW:
        return overflow_rank(consumer, &pull->left);
    case PRIORITY_PINNED_CLIENT:
        return pull->pinned == is_pinned(consumer) ? 0 : RANK_NOT_NOW;
    case PRIORITY_PRIORITIZED:
        return pull->left.priority;
    case PRIORITY_NONE:
    default:
        return 0;
    }
}

struct pull *priority_next(const struct consumer *consumer)
{
    struct pull *best = NULL;
    int64_t best_rank = RANK_NOT_NOW;
    for (struct pull *pull = consumer->pulls.first;
         pull != NULL && best_rank > 0; pull = pull->next) {
        int64_t rank = pull->held ? RANK_NOT_NOW : rank_of(consumer, pull);
        if (rank >= best_rank)
            continue;
        best = pull;
        best_rank = rank;
    }
    return best;
}

/* ---- the pin ---- */

static void make_pin(struct consumer *consumer)
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz";
    for (int i = 0; i < PIN_ID_LEN; i++)
        consumer->priority->pin[i] =
            letters[server_random(consumer_server(consumer)) %
                    (sizeof(letters) - 1)];
}

enum sent priority_send(struct consumer *consumer, struct pull *pull,
                        struct candidate *found)
{
    bool pins = consumer->config.priority_policy == PRIORITY_PINNED_CLIENT &&
                !is_pinned(consumer);
    if (pins)
        make_pin(consumer); /* the message has to carry it */
    enum sent sent = consumer_send(consumer, pull->inbox, found);
    if (pins && sent == SENT_NOT) {
        consumer->priority->pin[0] = '\0';
    } else if (pins) {
        pull->pinned = true;
        consumer->priority->pinned_ns = clock_wall_ns();
        prolong(consumer);
        consumer_advise_pinned(consumer);
    }
    return sent;
}

void priority_unpin(struct consumer *consumer, const char *reason)
{
    if (!is_pinned(consumer))
        return;
    consumer->priority->pin[0] = '\0';
    timer_stop(consumer_timers(consumer), &consumer->priority->timer);
    consumer_end_pinned(consumer, "423 Nats-Wrong-Pin-Id");
    consumer_advise_unpinned(consumer, reason);
    consumer_wake(consumer);
}

void priority_describe(const struct consumer *consumer, struct json_writer *w)
{
    json_key(w, "priority_groups");
    json_begin_array(w);
    json_begin_object(w);
    json_member_text(w, "group", consumer->config.priority_groups.texts[0]);
    if (is_pinned(consumer)) {
        json_member_text(w, "pinned_client_id", consumer->priority->pin);
        js_member_time(w, "pinned_ts", consumer->priority->pinned_ns);
    }
    json_end_object(w);
    json_end_array(w);
}
