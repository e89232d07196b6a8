/* consumer_pull: requests for messages, and serving them. */
#include "broker/jetstream/consumer_parts.h"

#include "broker/jetstream/priority.h"
#include "broker/route.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/timestamp.h"

static void pull_timeout(struct timer *timer);

/* ---- the end of a request ---- */

static void end_pull(struct consumer *consumer, struct pull *pull)
{
    timer_stop(consumer_timers(consumer), &pull->timer);
    pull_remove(&consumer->pulls, pull);
}

/* Sends a status ("404 No Messages"). */
static void tell(struct consumer *consumer, struct str inbox,
                 const char *status)
{
    struct buf headers = {0};
    buf_printf(&headers, "NATS/1.0 %s\r\n\r\n", status);
    route_status(consumer_account(consumer), inbox, buf_str(&headers));
    buf_fini(&headers);
}

/* The end of a request that did not get all it asked for. */
static void tell_left(struct consumer *consumer, const struct pull *pull,
                      const char *status)
{
    struct buf headers = {0};
    buf_printf(&headers,
               "NATS/1.0 %s\r\nNats-Pending-Messages: %lld\r\n"
               "Nats-Pending-Bytes: %lld\r\n\r\n",
               status, (long long)pull->left.batch,
               (long long)pull->left.bytes);
    route_status(consumer_account(consumer), pull->inbox, buf_str(&headers));
    buf_fini(&headers);
}

void consumer_end_pulls(struct consumer *consumer, const char *status)
{
    while (consumer->pulls.first != NULL) {
        if (status != NULL)
            tell(consumer, consumer->pulls.first->inbox, status);
        end_pull(consumer, consumer->pulls.first);
    }
}

void consumer_end_pinned(struct consumer *consumer, const char *status)
{
    struct pull *next;
    for (struct pull *pull = consumer->pulls.first; pull != NULL; pull = next) {
        next = pull->next;
        if (!pull->pinned)
            continue;
        tell_left(consumer, pull, status);
        end_pull(consumer, pull);
    }
}

static bool is_awaited(const struct consumer *consumer, const struct pull *pull)
{
    return sublist_has_interest(consumer_account(consumer)->subs, pull->inbox);
}

bool consumer_has_waiting(const struct consumer *consumer)
{
    for (const struct pull *pull = consumer->pulls.first; pull != NULL;
         pull = pull->next) {
        if (is_awaited(consumer, pull))
            return true;
    }
    return false;
}

/* ---- serving ---- */

/* It got a message of that size. */
static void note_served(struct consumer *consumer, struct pull *pull,
                        size_t size, bool held)
{
    pull->left.batch--;
    pull->spoke_ns = consumer_now(consumer);
    pull->served = true;
    if (pull->left.bytes > 0) {
        pull->left.bytes -= (int64_t)size;
        if (pull->left.bytes == 0 && pull->left.batch > 0) {
            tell_left(consumer, pull, "409 Batch Completed");
            pull->left.batch = 0;
        }
    }
    if (held) {
        pull->held = true;
        consumer->pulls.held++;
    }
}

/* Sends the message to the request, or ends the request: then nobody listens
 * to its inbox any more, or it takes no message of this size. */
static bool serve(struct consumer *consumer, struct pull *pull,
                  struct candidate *found)
{
    size_t size = pull->left.bytes > 0 ? consumer_size(consumer, found) : 0;
    if (pull->left.bytes > 0 && (int64_t)size > pull->left.bytes) {
        tell_left(consumer, pull, "409 Message Size Exceeds MaxBytes");
        end_pull(consumer, pull);
        return false;
    }
    enum sent sent = consumer->priority == NULL
                         ? consumer_send(consumer, pull->inbox, found)
                         : priority_send(consumer, pull, found);
    if (sent == SENT_NOT) {
        end_pull(consumer, pull);
        return false;
    }
    note_served(consumer, pull, size, sent == SENT_HELD);
    if (pull->left.batch == 0)
        end_pull(consumer, pull);
    else
        pull_rotate(&consumer->pulls, pull);
    return true;
}

/* With an expiry such a request does wait for its first message, then takes
 * what is there. */
void consumer_end_impatient(struct consumer *consumer)
{
    struct pull *next;
    if (consumer->pulls.impatient == 0)
        return;
    for (struct pull *pull = consumer->pulls.first; pull != NULL; pull = next) {
        next = pull->next;
        if (!pull->left.no_wait || (pull->ends_ns != 0 && !pull->served))
            continue;
        if (pull->served)
            tell_left(consumer, pull, "408 Request Timeout");
        else
            tell(consumer, pull->inbox, "404 No Messages");
        end_pull(consumer, pull);
    }
}

static struct pull *next_pull(const struct consumer *consumer)
{
    return consumer->priority == NULL ? pull_next(&consumer->pulls)
                                      : priority_next(consumer);
}

bool consumer_pump_pulls(struct consumer *consumer)
{
    struct candidate found;
    struct pull *pull;
    int sent = 0;
    if (consumer->pulls.first == NULL)
        return false;
    consumer_count(consumer);
    while (sent < PUMP_MESSAGES_MAX) {
        if ((pull = next_pull(consumer)) == NULL) {
            if (consumer->pulls.held == 0) /* it is the turn of none of them */
                consumer_end_impatient(consumer);
            return false;
        }
        if (!consumer_find(consumer, &found)) {
            consumer_end_impatient(consumer);
            return false;
        }
        sent += serve(consumer, pull, &found);
    }
    return true;
}

/* ---- requests ---- */

/* Ends requests whose inbox nobody listens to. */
static void drop_deserted(struct consumer *consumer)
{
    struct pull *next;
    for (struct pull *pull = consumer->pulls.first; pull != NULL; pull = next) {
        next = pull->next;
        if (!is_awaited(consumer, pull))
            end_pull(consumer, pull);
    }
}

static void seconds_append(struct buf *out, int64_t ns)
{
    if (ns % NS_PER_S == 0)
        buf_printf(out, "%llds", (long long)(ns / NS_PER_S));
    else
        duration_append(out, ns);
}

static bool is_full(struct consumer *consumer)
{
    uint64_t most = (uint64_t)consumer->config.max_waiting;
    if (consumer->pulls.count >= most)
        drop_deserted(consumer);
    return consumer->pulls.count >= most;
}

/* The status with which the request is refused; false: none. */
static bool refusal(struct consumer *consumer, const struct pull_terms *terms,
                    struct buf *status)
{
    const struct consumer_config *config = &consumer->config;
    if (consumer_config_is_push(config)) {
        buf_append_text(status, "409 Consumer is push based");
    } else if (config->max_batch > 0 && terms->batch > config->max_batch) {
        buf_printf(status, "409 Exceeded MaxRequestBatch of %lld",
                   (long long)config->max_batch);
    } else if (config->max_expires_ns > 0 &&
               terms->expires_ns > config->max_expires_ns) {
        buf_append_text(status, "409 Exceeded MaxRequestExpires of ");
        seconds_append(status, config->max_expires_ns);
    } else if (config->max_bytes > 0 && terms->bytes > config->max_bytes) {
        buf_printf(status, "409 Exceeded MaxRequestMaxBytes of %lld",
                   (long long)config->max_bytes);
    } else if (terms->heartbeat_ns > terms->expires_ns / 2) {
        buf_append_text(status, "400 Bad Request - heartbeat value too large");
    } else if ((consumer->priority != NULL || terms->group.len > 0) &&
               priority_refuses(consumer, terms, status)) {
        return true;
    } else if (is_full(consumer)) {
        buf_append_text(status, "409 Exceeded MaxWaiting");
    }
    return status->len > 0;
}

static void pull_schedule(struct consumer *consumer, struct pull *pull)
{
    int64_t when_ns = pull->ends_ns != 0 ? pull->ends_ns : INT64_MAX;
    if (pull->left.heartbeat_ns > 0) {
        int64_t beat_ns = pull->spoke_ns + pull->left.heartbeat_ns;
        when_ns = beat_ns < when_ns ? beat_ns : when_ns;
    }
    if (when_ns != INT64_MAX)
        timer_set(consumer_timers(consumer), &pull->timer, when_ns);
}

static void admit(struct consumer *consumer, struct str inbox,
                  const struct pull_terms *terms)
{
    struct pull *pull = pull_add(&consumer->pulls, inbox, terms);
    int64_t now_ns = consumer_now(consumer);
    pull->consumer = consumer;
    pull->timer.fire = pull_timeout;
    pull->spoke_ns = now_ns;
    if (terms->expires_ns > 0)
        pull->ends_ns = time_after(now_ns, terms->expires_ns);
    if (consumer->priority != NULL)
        priority_admitted(consumer, pull, terms->id);
    pull_schedule(consumer, pull);
    consumer_wake(consumer);
}

void consumer_request(struct consumer *consumer, struct str inbox,
                      struct str body)
{
    struct arena arena = {0};
    struct buf status = {0};
    struct pull_terms terms;
    struct errmsg why;
    if (str_has_prefix(inbox, str_of("$JS.")))
        return; /* messages must not act as requests to the broker */
    consumer_note_activity(consumer);
    if (pull_terms_read(&terms, body, &arena, &why) != 0)
        buf_printf(&status, "400 Bad Request - %s", why.text);
    if (status.len > 0 || refusal(consumer, &terms, &status))
        tell(consumer, inbox, buf_text(&status));
    else
        admit(consumer, inbox, &terms);
    buf_fini(&status);
    arena_fini(&arena);
}

static void send_heartbeat(struct consumer *consumer, struct pull *pull)
{
    struct buf headers = {0};
    consumer_beat_headers(consumer, &headers);
    buf_append_text(&headers, "\r\n");
    route_status(consumer_account(consumer), pull->inbox, buf_str(&headers));
    buf_fini(&headers);
    pull->spoke_ns = consumer_now(consumer);
}

static void pull_timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct pull, timer);
    struct pull *pull = (struct pull *)start;
    struct consumer *consumer = pull->consumer;
    int64_t now_ns = consumer_now(consumer);
    if (pull->ends_ns != 0 && now_ns >= pull->ends_ns) {
        tell_left(consumer, pull, "408 Request Timeout");
        end_pull(consumer, pull);
        return;
    }
    if (now_ns - pull->spoke_ns >= pull->left.heartbeat_ns)
        send_heartbeat(consumer, pull);
    pull_schedule(consumer, pull);
}
