/* consumer_parts: what the sources of a consumer share.
 *
 *   consumer.c           its place in the stream, its beginning and end
 *   consumer_delivery.c  requests, and what is sent for them
 *   consumer_ack.c       what became of what was sent */
#ifndef NEXUS_BROKER_CONSUMER_PARTS_H
#define NEXUS_BROKER_CONSUMER_PARTS_H

#include "broker/jetstream/consumer.h"
#include "broker/jetstream/jetstream.h"
#include "broker/server.h"
#include "broker/store/store.h"
#include "broker/jetstream/stream.h"

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

/* Does its filter select the subject? */
bool consumer_selects(const struct consumer *consumer, struct str subject);

/* ---- consumer_delivery.c ---- */

/* Sends a status ("404 No Messages"). */
void consumer_tell(struct consumer *consumer, struct str inbox,
                   const char *status);

/* Forgets a request. */
void consumer_end_pull(struct consumer *consumer, struct pull *pull);

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

/* Sets the timer to the earliest deadline. */
void consumer_schedule_acks(struct consumer *consumer);

#endif
