/* consumer: see consumer.h. */
#include "broker/consumer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "broker/jetstream.h"
#include "broker/js_config.h"
#include "broker/route.h"
#include "broker/server.h"
#include "broker/store.h"
#include "broker/stream.h"
#include "broker/subject.h"
#include "lib/arena.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/timestamp.h"

/* Of one consumer in one turn, so that the others get theirs. */
#define PUMP_MESSAGES_MAX 1024
#define PUMP_READS_MAX    8192

#define ACK_TOKENS 9 /* of $JS.ACK.<stream>.<consumer>.… */

static struct server *server_of(const struct consumer *consumer)
{
    return consumer->stream->js->server;
}

static struct timers *timers_of(const struct consumer *consumer)
{
    return &server_of(consumer)->timers;
}

static int64_t now_of(const struct consumer *consumer)
{
    return server_of(consumer)->now_ns;
}

static void mark_dirty(struct consumer *consumer)
{
    if (consumer->durable)
        jetstream_consumer_dirty(consumer->stream->js, consumer);
}

/* ---- what it selects ---- */

static bool selects(const struct consumer *consumer, struct str subject)
{
    return !consumer->filtered ||
           subject_matches(str_of(consumer->config.filter_subject), subject);
}

static bool filter_leaves_out(const struct consumer *consumer)
{
    if (consumer->config.filter_subject == NULL)
        return false;
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
            count += selects(consumer, msg.subject);
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

static void recount(struct consumer *consumer)
{
    consumer->filtered = filter_leaves_out(consumer);
    consumer->left = 0;
    if (consumer->filtered)
        consumer->left = count_between(consumer, first_to_come(consumer),
                                       stream_durable(consumer->stream));
}

void consumer_count(struct consumer *consumer, uint64_t seq, struct str subject)
{
    if (seq >= consumer->next_seq && selects(consumer, subject))
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
            selects(consumer, msg.subject))
            return seq;
    }
    return state->last_seq + 1;
}

static uint64_t start_seq(const struct consumer *consumer)
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

static void ack_arrived(struct sub *sub, struct conn *from,
                        const struct msg *msg);
static void ack_timeout(struct timer *timer);
static void inactive_timeout(struct timer *timer);
static void pull_timeout(struct timer *timer);

static void name_acks(struct consumer *consumer)
{
    struct buf *subject = &consumer->ack_subject;
    buf_printf(subject, "$JS.ACK.%s.%s.", consumer->stream->name,
               consumer->name);
    consumer->ack_prefix = subject->len;
    buf_append_byte(subject, '>');
    consumer->ack_sub =
        sub_new(NULL, buf_str(subject), str_make(NULL, 0), str_make(NULL, 0));
    consumer->ack_sub->handle = ack_arrived;
    consumer->ack_sub->arg = consumer;
    sublist_insert(server_of(consumer)->subs, consumer->ack_sub);
}

static void watch_activity(struct consumer *consumer)
{
    int64_t threshold_ns = consumer->config.inactive_threshold_ns;
    consumer->active_ns = now_of(consumer);
    if (threshold_ns > 0)
        timer_set(timers_of(consumer), &consumer->inactive_timer,
                  consumer->active_ns + threshold_ns);
    else
        timer_stop(timers_of(consumer), &consumer->inactive_timer);
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
    consumer->ack_timer.fire = ack_timeout;
    consumer->inactive_timer.fire = inactive_timeout;
    consumer->filtered = filter_leaves_out(consumer);
    consumer->next_seq = start_seq(consumer);
    consumer->floor.seq = consumer->next_seq - 1;
    recount(consumer);
    name_acks(consumer);
    watch_activity(consumer);
    return consumer;
}

static void end_pull(struct consumer *consumer, struct pull *pull)
{
    timer_stop(timers_of(consumer), &pull->timer);
    pull_remove(&consumer->pulls, pull);
}

static void tell(struct consumer *consumer, struct str inbox,
                 const char *status)
{
    struct buf headers = {0};
    buf_printf(&headers, "NATS/1.0 %s\r\n\r\n", status);
    route_status(server_of(consumer), inbox, buf_str(&headers));
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
    route_status(server_of(consumer), pull->inbox, buf_str(&headers));
    buf_fini(&headers);
}

void consumer_free(struct consumer *consumer, const char *status)
{
    struct server *server = server_of(consumer);
    while (consumer->pulls.first != NULL) {
        if (status != NULL)
            tell(consumer, consumer->pulls.first->inbox, status);
        end_pull(consumer, consumer->pulls.first);
    }
    jetstream_consumer_forget(consumer->stream->js, consumer);
    timer_stop(&server->timers, &consumer->ack_timer);
    timer_stop(&server->timers, &consumer->inactive_timer);
    sublist_remove(server->subs, consumer->ack_sub);
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
    recount(consumer);
    watch_activity(consumer);
    consumer_wake(consumer);
}

static bool somebody_waits(const struct consumer *consumer)
{
    for (const struct pull *pull = consumer->pulls.first; pull != NULL;
         pull = pull->next) {
        if (sublist_has_interest(server_of(consumer)->subs, pull->inbox))
            return true;
    }
    return false;
}

static void inactive_timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct consumer, inactive_timer);
    struct consumer *consumer = (struct consumer *)start;
    if (somebody_waits(consumer))
        consumer->active_ns = now_of(consumer);
    int64_t end_ns =
        consumer->active_ns + consumer->config.inactive_threshold_ns;
    if (end_ns > now_of(consumer)) {
        timer_set(timers_of(consumer), timer, end_ns);
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

/* ---- the acknowledgement floor and deadlines ---- */

static void schedule_redelivery(struct consumer *consumer)
{
    int64_t deadline_ns = unacked_deadline(&consumer->unacked);
    if (deadline_ns == INT64_MAX)
        timer_stop(timers_of(consumer), &consumer->ack_timer);
    else if (!timer_is_set(&consumer->ack_timer) ||
             consumer->ack_timer.when_ns > deadline_ns)
        timer_set(timers_of(consumer), &consumer->ack_timer, deadline_ns);
}

static void raise_floor(struct consumer *consumer)
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
static void settle(struct consumer *consumer, struct unacked_entry *entry)
{
    bool was_full =
        consumer->config.max_ack_pending > 0 &&
        consumer->unacked.count >= (uint64_t)consumer->config.max_ack_pending;
    bool was_lowest = entry == unacked_lowest(&consumer->unacked);
    consumer->redelivered -= entry->deliveries > 1;
    unacked_remove(&consumer->unacked, entry);
    if (was_lowest)
        raise_floor(consumer);
    mark_dirty(consumer);
    if (was_full)
        consumer_wake(consumer);
}

static void advise_max_deliver(struct consumer *consumer,
                               const struct unacked_entry *entry)
{
    const char *stream = consumer->stream->name;
    struct buf subject = {0}, body = {0};
    buf_printf(&subject, "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.%s.%s",
               stream, consumer->name);
    struct json_writer w = json_writer(&body);
    jetstream_advisory_begin(&w, "io.nats.jetstream.advisory.v1.max_deliver");
    json_member_text(&w, "stream", stream);
    json_member_text(&w, "consumer", consumer->name);
    json_member_u64(&w, "stream_seq", entry->seq);
    json_member_u64(&w, "deliveries", entry->deliveries);
    json_end_object(&w);
    route_text(server_of(consumer), buf_str(&subject), str_make(NULL, 0),
               buf_str(&body));
    buf_fini(&subject);
    buf_fini(&body);
}

/* To be sent again, unless it was sent often enough. */
static void redeliver(struct consumer *consumer, struct unacked_entry *entry)
{
    int64_t most = consumer->config.max_deliver;
    if (most > 0 && entry->deliveries >= (uint64_t)most) {
        advise_max_deliver(consumer, entry);
        settle(consumer, entry);
        return;
    }
    unacked_move(&consumer->unacked, entry, UNACKED_READY, 0);
    consumer_wake(consumer);
}

static void ack_timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct consumer, ack_timer);
    struct consumer *consumer = (struct consumer *)start;
    int64_t now_ns = now_of(consumer);
    struct unacked_entry *entry;
    while ((entry = unacked_due(&consumer->unacked, now_ns)) != NULL)
        redeliver(consumer, entry);
    schedule_redelivery(consumer);
}

/* How long this delivery may stay without an acknowledgement. */
static void await_ack(struct consumer *consumer, struct unacked_entry *entry)
{
    const struct consumer_config *config = &consumer->config;
    enum unacked_queue queue = UNACKED_WAITING;
    int64_t wait_ns = config->ack_wait_ns;
    if (config->backoff_count > 0 && entry->deliveries > 1) {
        unsigned step = entry->deliveries - 1;
        unsigned last = config->backoff_count - 1;
        wait_ns = config->backoff_ns[step < last ? step : last];
        queue = UNACKED_DELAYED;
    }
    unacked_move(&consumer->unacked, entry, queue, now_of(consumer) + wait_ns);
    schedule_redelivery(consumer);
}

void consumer_recovered(struct consumer *consumer)
{
    struct store_state state;
    stream_state(consumer->stream, &state);
    consumer_left(consumer, state.first_seq - 1);
    consumer->redelivered = 0;
    for (const struct unacked_entry *entry = unacked_lowest(&consumer->unacked);
         entry != NULL; entry = unacked_higher(&consumer->unacked, entry))
        consumer->redelivered += entry->deliveries > 1;
    recount(consumer);
    schedule_redelivery(consumer);
}

/* ---- messages that leave the stream ---- */

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
        settle(consumer, lowest);
    if (consumer->next_seq <= seq) {
        consumer->next_seq = seq + 1;
        raise_floor(consumer);
        mark_dirty(consumer);
    }
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
        settle(consumer, entry);
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
        if (rc == 0 && selects(consumer, found->msg.subject))
            return true;
        if (rc < 0 && !is_gone(rc))
            return false;
        consumer->next_seq++;
        if (consumer->unacked.count == 0)
            raise_floor(consumer);
        mark_dirty(consumer);
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
    consumer->sent_ns = now_of(consumer);
    mark_dirty(consumer);
    if (found->again != NULL) {
        consumer->redelivered += found->again->deliveries == 1;
        found->again->deliveries++;
        await_ack(consumer, found->again);
        return;
    }
    consumer->next_seq = found->msg.seq + 1;
    consumer->left -= consumer->filtered;
    if (consumer->config.ack_policy == ACK_NONE) {
        raise_floor(consumer);
        return;
    }
    struct unacked_entry *entry = unacked_add(
        &consumer->unacked, found->msg.seq, consumer->last_dseq, INT64_MAX);
    await_ack(consumer, entry);
}

enum sent { SENT, SENT_NOT, SENT_TOO_LARGE };

static enum sent send_to_pull(struct consumer *consumer, struct pull *pull,
                              struct candidate *found)
{
    struct server *server = server_of(consumer);
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
    if (route(server, NULL, &msg) == 0)
        return SENT_NOT;
    pull->left.batch--;
    if (pull->left.bytes > 0)
        pull->left.bytes -= size;
    pull->spoke_ns = now_of(consumer);
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
            end_pull(consumer, pull);
        else
            pull_rotate(&consumer->pulls, pull);
        return true;
    case SENT_TOO_LARGE:
        tell_left(consumer, pull, "409 Message Size Exceeds MaxBytes");
        end_pull(consumer, pull);
        return false;
    case SENT_NOT:
    default:
        end_pull(consumer, pull); /* nobody listens to its inbox any more */
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
            tell(consumer, pull->inbox, "404 No Messages");
        end_pull(consumer, pull);
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
        if (!sublist_has_interest(server_of(consumer)->subs, pull->inbox))
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
        timer_set(timers_of(consumer), &pull->timer, when_ns);
}

static void admit(struct consumer *consumer, struct str inbox,
                  const struct pull_terms *terms)
{
    struct pull *pull = pull_add(&consumer->pulls, inbox, terms);
    int64_t now_ns = now_of(consumer);
    pull->consumer = consumer;
    pull->timer.fire = pull_timeout;
    pull->timer.when_ns = now_ns;
    if (terms->expires_ns > 0)
        pull->ends_ns = now_ns + terms->expires_ns;
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
    watch_activity(consumer);
    if (pull_terms_read(&terms, body, &arena, &why) != 0)
        buf_printf(&status, "400 Bad Request - %s", why.text);
    if (status.len > 0 || refusal(consumer, &terms, &status))
        tell(consumer, inbox, buf_text(&status));
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
    route_status(server_of(consumer), pull->inbox, buf_str(&headers));
    buf_fini(&headers);
}

static void pull_timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct pull, timer);
    struct pull *pull = (struct pull *)start;
    struct consumer *consumer = pull->consumer;
    int64_t now_ns = now_of(consumer);
    if (pull->ends_ns != 0 && now_ns >= pull->ends_ns) {
        tell_left(consumer, pull, "408 Request Timeout");
        end_pull(consumer, pull);
        return;
    }
    if (now_ns - pull->spoke_ns >= pull->left.heartbeat_ns)
        send_heartbeat(consumer, pull);
    pull_schedule(consumer, pull);
}

/* ---- acknowledgements ---- */

/* The stream sequence in an acknowledgement's subject; 0: not one. */
static uint64_t acked_seq(struct str subject)
{
    struct str token;
    int64_t seq = 0;
    unsigned place = 0;
    for (; subject_next(&subject, &token); place++) {
        if (place == 5 && (str_to_i64(token, &seq) != 0 || seq <= 0))
            return 0;
    }
    return place == ACK_TOKENS ? (uint64_t)seq : 0;
}

static void acknowledge(struct consumer *consumer, uint64_t seq)
{
    struct unacked_entry *entry;
    consumer->acked_ns = now_of(consumer);
    if (consumer->config.ack_policy == ACK_ALL) {
        while ((entry = unacked_lowest(&consumer->unacked)) != NULL &&
               entry->seq <= seq)
            settle(consumer, entry);
        return;
    }
    entry = unacked_find(&consumer->unacked, seq);
    if (entry != NULL)
        settle(consumer, entry);
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

static void refuse_delivery(struct consumer *consumer, uint64_t seq,
                            struct str words)
{
    struct unacked_entry *entry = unacked_find(&consumer->unacked, seq);
    int64_t delay_ns = nak_delay(words);
    if (entry == NULL)
        return;
    if (delay_ns == 0) {
        redeliver(consumer, entry);
        return;
    }
    unacked_move(&consumer->unacked, entry, UNACKED_DELAYED,
                 now_of(consumer) + delay_ns);
    schedule_redelivery(consumer);
}

static void prolong(struct consumer *consumer, uint64_t seq)
{
    struct unacked_entry *entry = unacked_find(&consumer->unacked, seq);
    if (entry != NULL && entry->queue != UNACKED_READY)
        await_ack(consumer, entry);
}

static bool starts(struct str body, const char *word)
{
    return str_has_prefix(body, str_of(word));
}

static struct str behind(struct str body, size_t n)
{
    return str_make(body.p + n, body.len - n);
}

static void ack_arrived(struct sub *sub, struct conn *from,
                        const struct msg *msg)
{
    (void)from;
    struct consumer *consumer = sub->arg;
    struct str body = msg->payload, reply = msg->reply;
    uint64_t seq = acked_seq(msg->to);
    if (seq == 0)
        return;
    consumer->active_ns = now_of(consumer);
    if (body.len == 0 || starts(body, "+ACK") || starts(body, "+OK")) {
        acknowledge(consumer, seq);
    } else if (starts(body, "+NXT")) {
        acknowledge(consumer, seq);
        if (reply.len > 0)
            consumer_request(consumer, reply, behind(body, 4));
        return;
    } else if (starts(body, "-NAK")) {
        refuse_delivery(consumer, seq, behind(body, 4));
    } else if (starts(body, "+WPI")) {
        prolong(consumer, seq);
    } else if (starts(body, "+TERM")) {
        acknowledge(consumer, seq);
    }
    if (reply.len > 0)
        route_text(server_of(consumer), reply, str_make(NULL, 0),
                   str_make(NULL, 0));
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
