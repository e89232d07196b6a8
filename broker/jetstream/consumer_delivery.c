/* consumer_delivery: requests, and what is sent for them. */
#include "broker/jetstream/consumer_parts.h"

#include <errno.h>

#include "broker/jetstream/retention.h"
#include "broker/route.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/timestamp.h"

/* Of one consumer in one turn, so that the others get theirs. */
#define PUMP_MESSAGES_MAX 1024
#define PUMP_READS_MAX    8192

static void pull_timeout(struct timer *timer);

/* ---- the end of a request ---- */

void consumer_end_pull(struct consumer *consumer, struct pull *pull)
{
    timer_stop(consumer_timers(consumer), &pull->timer);
    pull_remove(&consumer->pulls, pull);
}

void consumer_tell(struct consumer *consumer, struct str inbox,
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

/* ---- sending ---- */

/* A message found to be sent. */
struct candidate {
    struct store_msg msg;
    struct unacked_entry *again; /* or NULL: it is new */
};

/* A message that no later attempt will read. */
static bool is_gone(int rc)
{
    return rc == -ENOENT || rc == -EBADMSG;
}

/* The next message to be sent again. */
static bool find_again(struct consumer *consumer, struct candidate *found)
{
    struct store *store = consumer->stream->store;
    struct unacked_entry *entry;
    while ((entry = unacked_ready(&consumer->unacked)) != NULL) {
        int rc = store->ops->read(store, entry->seq, &found->msg);
        found->again = entry;
        if (rc == 0 || !is_gone(rc))
            return rc == 0;
        consumer_settle(consumer, entry);
    }
    return false;
}

static bool may_send_new(const struct consumer *consumer)
{
    int64_t most = consumer->config.max_ack_pending;
    return most <= 0 || consumer->unacked.count < (uint64_t)most;
}

/* The next new message; passes over what the filter leaves out and what is
 * missing or damaged. */
static bool find_new(struct consumer *consumer, struct candidate *found,
                     int *reads)
{
    struct store *store = consumer->stream->store;
    uint64_t durable = stream_durable(consumer->stream);
    if (!may_send_new(consumer))
        return false;
    found->again = NULL;
    for (; consumer->next_seq <= durable && *reads > 0; --*reads) {
        int rc = store->ops->read(store, consumer->next_seq, &found->msg);
        if (rc == 0 && consumer_selects(consumer, found->msg.subject))
            return true;
        if (rc < 0 && !is_gone(rc))
            return false;
        consumer->next_seq++;
        if (consumer->unacked.count == 0)
            consumer_raise_floor(consumer);
        consumer_mark_dirty(consumer);
    }
    return false;
}

static void append_number(struct buf *out, uint64_t value)
{
    buf_append_u64(out, value);
    buf_append_byte(out, '.');
}

/* $JS.ACK.<stream>.<consumer>.<deliveries>.<seq>.<dseq>.<time>.<pending> */
static struct str ack_subject(struct consumer *consumer,
                              const struct candidate *found)
{
    struct buf *out = &consumer->ack_subject;
    uint64_t pending = consumer_pending(consumer);
    out->len = consumer->ack_prefix;
    append_number(out, found->again != NULL ? found->again->deliveries + 1 : 1);
    append_number(out, found->msg.seq);
    append_number(out, consumer->last_dseq + 1);
    append_number(out, (uint64_t)found->msg.time_ns);
    buf_append_u64(out, found->again == NULL ? pending - 1 : pending);
    return buf_str(out);
}

static void note_sent(struct consumer *consumer, struct candidate *found)
{
    consumer->last_dseq++;
    consumer->sent_ns = consumer_now(consumer);
    consumer_mark_dirty(consumer);
    if (found->again != NULL) {
        consumer->redelivered += found->again->deliveries == 1;
        found->again->deliveries++;
        consumer_await_ack(consumer, found->again);
        return;
    }
    consumer->next_seq = found->msg.seq + 1;
    consumer->left -= consumer->filtered;
    if (consumer->config.ack_policy == ACK_NONE) {
        consumer_raise_floor(consumer);
        retention_acked(consumer->stream, found->msg.seq);
        return;
    }
    struct unacked_entry *entry = unacked_add(
        &consumer->unacked, found->msg.seq, consumer->last_dseq, INT64_MAX);
    consumer_await_ack(consumer, entry);
}

enum sent { SENT, SENT_NOT, SENT_TOO_LARGE };

static enum sent send_to_pull(struct consumer *consumer, struct pull *pull,
                              struct candidate *found)
{
    struct server *server = consumer_server(consumer);
    struct msg msg = {.to = pull->inbox,
                      .subject = found->msg.subject,
                      .reply = ack_subject(consumer, found),
                      .headers = found->msg.headers,
                      .payload = found->msg.payload};
    int64_t size = (int64_t)(msg.subject.len + msg.reply.len + msg.headers.len +
                             msg.payload.len);
    if (pull->left.bytes > 0 && size > pull->left.bytes)
        return SENT_TOO_LARGE;
    server->pressure = false;
    if (route_own(consumer_account(consumer), &msg) == 0)
        return SENT_NOT;
    pull->left.batch--;
    if (pull->left.bytes > 0)
        pull->left.bytes -= size;
    pull->spoke_ns = consumer_now(consumer);
    pull->served = true;
    if (server->pressure) {
        pull->held = true;
        consumer->pulls.held++;
    }
    return SENT;
}

/* Sends the message to the request, or ends the request. */
static bool serve(struct consumer *consumer, struct pull *pull,
                  struct candidate *found)
{
    switch (send_to_pull(consumer, pull, found)) {
    case SENT:
        note_sent(consumer, found);
        if (pull->left.batch == 0)
            consumer_end_pull(consumer, pull);
        else
            pull_rotate(&consumer->pulls, pull);
        return true;
    case SENT_TOO_LARGE:
        tell_left(consumer, pull, "409 Message Size Exceeds MaxBytes");
        consumer_end_pull(consumer, pull);
        return false;
    case SENT_NOT:
    default:
        /* Nobody listens to its inbox any more. */
        consumer_end_pull(consumer, pull);
        return false;
    }
}

/* There is nothing more to send: requests that do not wait end. With an expiry
 * such a request does wait for its first message, then takes what is there. */
static void end_impatient(struct consumer *consumer)
{
    struct pull *next;
    for (struct pull *pull = consumer->pulls.first; pull != NULL; pull = next) {
        next = pull->next;
        if (!pull->left.no_wait || (pull->ends_ns != 0 && !pull->served))
            continue;
        if (pull->served)
            tell_left(consumer, pull, "408 Request Timeout");
        else
            consumer_tell(consumer, pull->inbox, "404 No Messages");
        consumer_end_pull(consumer, pull);
    }
}

bool consumer_pump(struct consumer *consumer)
{
    struct candidate found;
    struct pull *pull;
    int reads = PUMP_READS_MAX, sent = 0;
    while (sent < PUMP_MESSAGES_MAX &&
           (pull = pull_next(&consumer->pulls)) != NULL) {
        if (!find_again(consumer, &found) &&
            !find_new(consumer, &found, &reads)) {
            if (reads == 0)
                return true;
            end_impatient(consumer);
            return false;
        }
        sent += serve(consumer, pull, &found);
    }
    return sent == PUMP_MESSAGES_MAX;
}

/* ---- requests ---- */

/* Ends requests whose inbox nobody listens to. */
static void drop_deserted(struct consumer *consumer)
{
    struct pull *next;
    for (struct pull *pull = consumer->pulls.first; pull != NULL; pull = next) {
        next = pull->next;
        if (!sublist_has_interest(consumer_account(consumer)->subs,
                                  pull->inbox))
            consumer_end_pull(consumer, pull);
    }
}

static void seconds_append(struct buf *out, int64_t ns)
{
    if (ns % NS_PER_S == 0)
        buf_printf(out, "%llds", (long long)(ns / NS_PER_S));
    else
        duration_append(out, ns);
}

/* The status with which the request is refused; false: none. */
static bool refusal(struct consumer *consumer, const struct pull_terms *terms,
                    struct buf *status)
{
    const struct consumer_config *config = &consumer->config;
    if (config->max_batch > 0 && terms->batch > config->max_batch) {
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
    } else if (consumer->pulls.count >= (uint64_t)config->max_waiting) {
        drop_deserted(consumer);
        if (consumer->pulls.count >= (uint64_t)config->max_waiting)
            buf_append_text(status, "409 Exceeded MaxWaiting");
    }
    return status->len > 0;
}

static void pull_schedule(struct consumer *consumer, struct pull *pull)
{
    int64_t when_ns = pull->ends_ns != 0 ? pull->ends_ns : INT64_MAX;
    if (pull->left.heartbeat_ns > 0) {
        int64_t beat_ns = pull->timer.when_ns + pull->left.heartbeat_ns;
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
    pull->timer.when_ns = now_ns;
    if (terms->expires_ns > 0)
        pull->ends_ns = time_after(now_ns, terms->expires_ns);
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
        consumer_tell(consumer, inbox, buf_text(&status));
    else
        admit(consumer, inbox, &terms);
    buf_fini(&status);
    arena_fini(&arena);
}

static void send_heartbeat(struct consumer *consumer, const struct pull *pull)
{
    struct buf headers = {0};
    buf_printf(&headers,
               "NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: %llu\r\n"
               "Nats-Last-Stream: %llu\r\n\r\n",
               (unsigned long long)consumer->last_dseq,
               (unsigned long long)(consumer->next_seq - 1));
    route_status(consumer_account(consumer), pull->inbox, buf_str(&headers));
    buf_fini(&headers);
}

static void pull_timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct pull, timer);
    struct pull *pull = (struct pull *)start;
    struct consumer *consumer = pull->consumer;
    int64_t now_ns = consumer_now(consumer);
    if (pull->ends_ns != 0 && now_ns >= pull->ends_ns) {
        tell_left(consumer, pull, "408 Request Timeout");
        consumer_end_pull(consumer, pull);
        return;
    }
    if (now_ns - pull->spoke_ns >= pull->left.heartbeat_ns)
        send_heartbeat(consumer, pull);
    pull_schedule(consumer, pull);
}
