/* consumer_parts: what the sources of a consumer share.
 *
 *   consumer.c           its beginning and end, and what it says of itself
 *   consumer_backlog.c   what it selects, what is to come, what left the stream
 *   consumer_delivery.c  the next message, and sending it
 *   consumer_pull.c      requests, and serving them
 *   priority.c           which of them comes next, of a priority group
 *   consumer_push.c      the deliver subject, and feeding it
 *   consumer_flow.c      flow control and heartbeats of push consumers
 *   consumer_pace.c      original speed, rate limit, pause
 *   consumer_ack.c       what became of what was sent
 *   consumer_advice.c    advisories and samples */
#ifndef NEXUS_BROKER_CONSUMER_PARTS_H
#define NEXUS_BROKER_CONSUMER_PARTS_H

#include "broker/jetstream/consumer.h"
#include "broker/jetstream/jetstream.h"
#include "broker/jetstream/stream.h"
#include "broker/server.h"
#include "broker/store/store.h"

/* Of one consumer in one turn, so that the others get theirs. */
#define PUMP_MESSAGES_MAX 1024

static inline struct account *consumer_account(const struct consumer *consumer)
{
    return consumer->stream->js->account;
}

static inline struct server *consumer_server(const struct consumer *consumer)
{
    return consumer_account(consumer)->server;
}

static inline struct timers *consumer_timers(const struct consumer *consumer)
{
    return &consumer_server(consumer)->timers;
}

static inline int64_t consumer_now(const struct consumer *consumer)
{
    return consumer_server(consumer)->now_ns;
}

/* Its state is to be saved. */
void consumer_mark_dirty(struct consumer *consumer);

/* Somebody uses it: an ephemeral one stays for a while. */
void consumer_note_activity(struct consumer *consumer);

/* Has it pumped at that time (mono), if not earlier. */
void consumer_wake_at(struct consumer *consumer, int64_t when_ns);

/* ---- consumer_backlog.c ---- */

/* Works out which patterns select, from its configuration. */
void consumer_set_filter(struct consumer *consumer);
void consumer_forget_filter(struct consumer *consumer);

/* Does one of its patterns select the subject? */
bool consumer_selects(const struct consumer *consumer, struct str subject);

/* Counts what became durable; afterwards `left` is consumer_pending. */
void consumer_count(struct consumer *consumer);

/* A message that its filter selects became durable. */
void consumer_came(struct consumer *consumer, uint64_t seq);

/* It has looked at everything before seq. */
void consumer_move_on(struct consumer *consumer, uint64_t seq);

/* The first message its configuration asks for. A last_per_subject consumer's
 * picks are filled in. */
uint64_t consumer_first_wanted(struct consumer *consumer);

/* ---- consumer_delivery.c ---- */

/* A message found to be sent. */
struct candidate {
    struct store_msg msg;
    struct unacked_entry *again; /* or NULL: it is new */
};

/* The next message to be sent now. consumer_count was called in this turn.
 * What the candidate points to is good until the next call on the store. */
bool consumer_find(struct consumer *consumer, struct candidate *found);

/* Bytes the message takes on its way: subject, reply, headers and payload. */
size_t consumer_size(struct consumer *consumer, const struct candidate *found);

enum sent {
    SENT,
    SENT_HELD, /* sent, and the receiver is blocked now */
    SENT_NOT   /* nobody listens */
};
enum sent consumer_send(struct consumer *consumer, struct str to,
                        struct candidate *found);

/* ---- consumer_pull.c ---- */

bool consumer_pump_pulls(struct consumer *consumer);

/* Requests that do not wait for messages end. */
void consumer_end_impatient(struct consumer *consumer);

/* Ends all requests; told status, unless NULL. */
void consumer_end_pulls(struct consumer *consumer, const char *status);

/* Ends those of the pinned client; told status and what they did not get. */
void consumer_end_pinned(struct consumer *consumer, const char *status);

/* Somebody listens to the inbox of a request. */
bool consumer_has_waiting(const struct consumer *consumer);

/* ---- consumer_push.c ---- */

/* Begins to watch the deliver subject; ends that. */
void consumer_push_start(struct consumer *consumer);
void consumer_push_stop(struct consumer *consumer);
bool consumer_pump_push(struct consumer *consumer);

/* ---- consumer_flow.c ---- */

void consumer_flow_start(struct consumer *consumer);
void consumer_flow_stop(struct consumer *consumer);

/* A new receiver owes nothing. */
void consumer_flow_reset(struct consumer *consumer);

/* May more be sent? / A message of that size was sent. */
bool consumer_flow_allows(const struct consumer *consumer);
void consumer_flow_sent(struct consumer *consumer, size_t size);

/* Heartbeats, as long as somebody listens. */
void consumer_beat_timeout(struct timer *timer);
void consumer_beat_schedule(struct consumer *consumer);

/* "NATS/1.0 100 Idle Heartbeat" with the places, up to the empty line. */
void consumer_beat_headers(struct consumer *consumer, struct buf *out);

/* ---- consumer_pace.c ---- */

void consumer_pace_start(struct consumer *consumer);

/* The rate limit or the pause may be another now. */
void consumer_pace_update(struct consumer *consumer);

/* May the new message of that size go now? No: it is woken when it may. */
bool consumer_pace_allows(struct consumer *consumer,
                          const struct candidate *found);
void consumer_pace_sent(struct consumer *consumer,
                        const struct candidate *found);
void consumer_pace_caught_up(struct consumer *consumer);

/* Is it paused? It is woken when that is over. */
bool consumer_check_pause(struct consumer *consumer);

/* ---- consumer_ack.c ---- */

/* The handler of $JS.ACK.<stream>.<consumer>.>. */
void consumer_ack_arrived(struct sub *sub, struct conn *from,
                          const struct msg *msg);
void consumer_ack_timeout(struct timer *timer);

/* Works the floor out again. */
void consumer_raise_floor(struct consumer *consumer);

/* The message is done: acknowledged, given up, or gone from the stream. */
void consumer_settle(struct consumer *consumer, struct unacked_entry *entry);

/* Sets when this delivery, if not acknowledged, is to be repeated. */
void consumer_await_ack(struct consumer *consumer, struct unacked_entry *entry);

/* How long a delivery waits for its acknowledgement. */
int64_t consumer_ack_wait(const struct consumer *consumer,
                          const struct unacked_entry *entry);

/* Sets the timer to the earliest deadline. */
void consumer_schedule_acks(struct consumer *consumer);

/* ---- consumer_advice.c ---- */

/* What an acknowledgement's subject says. */
struct acked {
    uint64_t deliveries, seq, dseq;
};

void consumer_advise_max_deliver(const struct consumer *consumer,
                                 const struct unacked_entry *entry);
void consumer_advise_naked(const struct consumer *consumer,
                           const struct acked *acked);
void consumer_advise_terminated(const struct consumer *consumer,
                                const struct acked *acked, struct str reason);
void consumer_advise_pause(const struct consumer *consumer);
void consumer_advise_pinned(const struct consumer *consumer);
void consumer_advise_unpinned(const struct consumer *consumer,
                              const char *reason);

/* Of some acknowledgements (sample_freq): how long they took. */
void consumer_sample_ack(const struct consumer *consumer,
                         const struct unacked_entry *entry,
                         const struct acked *acked);

#endif
