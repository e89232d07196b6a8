/* consumer_delivery: the next message of a consumer, and sending it. */
#include "broker/jetstream/consumer_parts.h"

#include <errno.h>

#include "broker/jetstream/priority.h"
#include "broker/jetstream/retention.h"
#include "broker/route.h"
#include "lib/clock.h"

/* A read that failed is tried again after this. */
#define READ_RETRY_NS (500 * NS_PER_MS)

/* ---- finding ---- */

/* Sets found->msg. False: it is gone (no later attempt will read it), or it
 * could not be read now. */
static bool read_message(struct consumer *consumer, uint64_t seq,
                         struct candidate *found, bool *gone)
{
    struct store *store = consumer->stream->store;
    int rc = store->ops->read(store, seq, &found->msg);
    *gone = rc == -ENOENT || rc == -EBADMSG;
    if (rc < 0 && !*gone)
        consumer_wake_at(consumer, consumer_now(consumer) + READ_RETRY_NS);
    return rc == 0;
}

/* The next message to be sent again. */
static bool find_again(struct consumer *consumer, struct candidate *found)
{
    struct unacked_entry *entry;
    bool gone = true;
    while (gone && (entry = unacked_ready(&consumer->unacked)) != NULL) {
        found->again = entry;
        if (read_message(consumer, entry->seq, found, &gone))
            return true;
        if (gone)
            consumer_settle(consumer, entry);
    }
    return false;
}

static bool may_send_new(const struct consumer *consumer)
{
    int64_t most = consumer->config.max_ack_pending;
    return most <= 0 || consumer->unacked.count < (uint64_t)most;
}

static bool find_pick(struct consumer *consumer, struct candidate *found)
{
    uint64_t durable = stream_durable(consumer->stream), seq;
    bool gone = true;
    while (gone && (seq = picks_next(&consumer->picks)) != 0) {
        if (seq > durable)
            return false;
        if (read_message(consumer, seq, found, &gone))
            return true;
        if (gone) {
            picks_take(&consumer->picks);
            consumer->left--;
        }
    }
    return false;
}

/* The first message from next_seq on that the filter selects. */
static bool find_selected(struct consumer *consumer, struct candidate *found)
{
    struct store *store = consumer->stream->store;
    const struct store_filter *filter = &consumer->filter;
    if (consumer->next_seq > consumer->counted)
        return false;
    /* Mostly it is the very next one, which needs no search. */
    int rc = store->ops->read(store, consumer->next_seq, &found->msg);
    if (rc == -ENOENT || rc == -EBADMSG ||
        (rc == 0 && !consumer_selects(consumer, found->msg.subject)))
        rc = store->ops->next(store, filter, consumer->next_seq, &found->msg);
    if (rc == 0)
        return found->msg.seq <= consumer->counted;
    if (rc == -ENOENT) {
        consumer_move_on(consumer, consumer->counted + 1);
        consumer->left = 0;
        consumer_pace_caught_up(consumer);
    } else {
        consumer_wake_at(consumer, consumer_now(consumer) + READ_RETRY_NS);
    }
    return false;
}

static bool find_new(struct consumer *consumer, struct candidate *found)
{
    found->again = NULL;
    if (!may_send_new(consumer))
        return false;
    if (consumer->left == 0) {
        consumer_pace_caught_up(consumer);
        return false;
    }
    if (consumer->next_seq <= consumer->picks.through) {
        if (find_pick(consumer, found))
            return true;
        if (picks_next(&consumer->picks) != 0)
            return false;
        consumer_move_on(consumer, consumer->picks.through + 1);
    }
    return find_selected(consumer, found);
}

bool consumer_find(struct consumer *consumer, struct candidate *found)
{
    if (find_again(consumer, found))
        return true;
    return find_new(consumer, found) && consumer_pace_allows(consumer, found);
}

/* ---- sending ---- */

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
    uint64_t deliveries =
        found->again != NULL ? found->again->deliveries + 1 : 1;
    out->len = consumer->ack_prefix;
    append_number(out, deliveries);
    append_number(out, found->msg.seq);
    append_number(out, consumer->last_dseq + 1);
    append_number(out, (uint64_t)found->msg.time_ns);
    buf_append_u64(out, consumer->left - (found->again == NULL));
    return buf_str(out);
}

/* Does it go out with headers that it was not stored with? */
static bool adds_headers(const struct consumer *consumer)
{
    return consumer->config.headers_only ||
           (consumer->priority != NULL && consumer->priority->pin[0] != '\0');
}

/* Its headers and what the consumer adds to them: the payload's size in place
 * of the payload, the id of the pinned client. */
static void add_headers(const struct consumer *consumer, struct msg *msg,
                        struct buf *out)
{
    struct str headers = msg->headers;
    if (headers.len >= 2)
        buf_append(out, headers.p, headers.len - 2); /* less the empty line */
    else
        buf_append_text(out, MSG_HEADERS_LINE);
    if (consumer->config.headers_only) {
        buf_printf(out, "Nats-Msg-Size: %zu\r\n", msg->payload.len);
        msg->payload = str_make(NULL, 0);
    }
    if (consumer->priority != NULL && consumer->priority->pin[0] != '\0')
        buf_printf(out, "Nats-Pin-Id: %s\r\n", consumer->priority->pin);
    buf_append_text(out, "\r\n");
    msg->headers = buf_str(out);
}

size_t consumer_size(struct consumer *consumer, const struct candidate *found)
{
    const struct store_msg *msg = &found->msg;
    size_t payload = consumer->config.headers_only ? 0 : msg->payload.len;
    return msg->subject.len + ack_subject(consumer, found).len +
           msg->headers.len + payload;
}

static void note_sent_again(struct consumer *consumer,
                            struct unacked_entry *entry)
{
    consumer->redelivered += entry->deliveries == 1;
    entry->deliveries++;
    consumer_await_ack(consumer, entry);
}

static void note_sent_new(struct consumer *consumer, struct candidate *found)
{
    uint64_t seq = found->msg.seq;
    consumer_pace_sent(consumer, found);
    consumer->next_seq = seq + 1;
    consumer->left--;
    if (picks_next(&consumer->picks) == seq)
        picks_take(&consumer->picks);
    if (consumer->config.ack_policy == ACK_NONE) {
        consumer_raise_floor(consumer);
        retention_acked(consumer->stream, seq);
        return;
    }
    consumer_await_ack(consumer, unacked_add(&consumer->unacked, seq,
                                             consumer->last_dseq, INT64_MAX));
}

static void note_sent(struct consumer *consumer, struct candidate *found)
{
    consumer->last_dseq++;
    consumer->sent_ns = consumer_now(consumer);
    consumer_mark_dirty(consumer);
    if (found->again != NULL)
        note_sent_again(consumer, found->again);
    else
        note_sent_new(consumer, found);
}

enum sent consumer_send(struct consumer *consumer, struct str to,
                        struct candidate *found)
{
    struct server *server = consumer_server(consumer);
    struct buf headers = {0};
    struct msg msg = {.to = to,
                      .subject = found->msg.subject,
                      .reply = ack_subject(consumer, found),
                      .headers = found->msg.headers,
                      .payload = found->msg.payload};
    if (adds_headers(consumer))
        add_headers(consumer, &msg, &headers);
    server->pressure = false;
    uint32_t receivers = route_own(consumer_account(consumer), &msg);
    buf_fini(&headers);
    if (receivers == 0)
        return SENT_NOT;
    note_sent(consumer, found);
    return server->pressure ? SENT_HELD : SENT;
}
