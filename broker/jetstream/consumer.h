/* consumer: a place in a stream, and what comes next from there.
 *
 *     1 … floor … [delivered, some acknowledged] … next … durable end
 *
 * Up to the acknowledgement floor everything is done. Between it and `next`
 * the messages without an acknowledgement stand in `unacked`. What comes from
 * `next` on is new. A message is sent when somebody waits for it
 * (consumer_pump): a request of a pull consumer (consumer_pull.c), or whoever
 * listens to the deliver subject of a push consumer (consumer_push.c). First
 * come those to be sent again, then new ones.
 *
 * A durable consumer's configuration is on disk before its creation is
 * answered; its state is written behind (consumer_state.h), so that after a
 * crash some messages may come again and none is skipped. */
#ifndef NEXUS_BROKER_CONSUMER_H
#define NEXUS_BROKER_CONSUMER_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "broker/jetstream/consumer_config.h"
#include "broker/jetstream/picks.h"
#include "broker/jetstream/pull.h"
#include "broker/jetstream/push.h"
#include "broker/jetstream/unacked.h"
#include "broker/msg.h"
#include "broker/sublist.h"
#include "broker/timer.h"
#include "lib/buf.h"

struct jetstream;
struct priority;
struct stream;

struct consumer_position {
    uint64_t dseq; /* in the order of this consumer's deliveries */
    uint64_t seq;  /* in the stream */
};

/* How fast it goes: see consumer_pace.c. */
struct consumer_pace {
    bool replaying;       /* at the speed at which messages came */
    int64_t last_time_ns; /* of the message sent last */
    int64_t last_sent_ns; /* mono */
    int64_t credit;       /* of a rate limit: bytes */
    int64_t credited_ns;  /* mono: when that was worked out */
};

struct consumer {
    struct stream *stream;
    struct consumer_config config;
    char *name;
    int64_t created_ns;
    bool durable;

    uint64_t start_seq; /* where it began */
    uint64_t next_seq;  /* first message not looked at yet */
    uint64_t last_dseq; /* deliveries so far */
    struct consumer_position floor;
    struct unacked unacked;
    uint64_t redelivered; /* of the unacked, sent more than once */

    struct store_filter filter; /* no patterns: all of the stream */
    struct picks picks;         /* last_per_subject: what comes first */
    uint64_t left;              /* selected, from next_seq through `counted` */
    uint64_t counted;
    bool tracked;         /* consumer_came has told of all behind `counted` */
    struct sub **indexed; /* its patterns in the stream's consumer_index */
    unsigned indexed_count;

    struct pulls pulls;
    struct push *push;         /* NULL: a pull consumer */
    struct priority *priority; /* NULL: no priority group */
    struct consumer_pace pace;
    struct sub *ack_sub;    /* $JS.ACK.<stream>.<consumer>.> */
    struct buf ack_subject; /* "$JS.ACK.<stream>.<consumer>." and scratch */
    size_t ack_prefix;
    struct timer ack_timer;      /* the earliest deadline of the unacked */
    struct timer inactive_timer; /* ephemeral */
    struct timer wake_timer;     /* something has to wait until then */
    int64_t active_ns;           /* mono: last request or acknowledgement */
    int64_t sent_ns, acked_ns;   /* mono; 0: not since the start */

    bool paused; /* until config.pause_until_ns */
    bool woken;  /* in the list of those to be pumped */
    struct consumer *next_woken;
    bool dirty;       /* state differs from what is on disk */
    bool save_failed; /* and that was logged */
    struct consumer *next_dirty;
    UT_hash_handle hh; /* of its stream */
};

/* A consumer of stream at the place its configuration asks for; takes
 * *config. Not on disk yet. */
struct consumer *consumer_new(struct stream *stream, const char *name,
                              struct consumer_config *config,
                              int64_t created_ns);

/* Ends it: waiting requests are told `status` ("409 Consumer Deleted"), or
 * nothing when NULL. */
void consumer_free(struct consumer *consumer, const char *status);

/* Takes on a new configuration; takes *config. */
void consumer_update(struct consumer *consumer, struct consumer_config *config);

/* A request came for messages to be sent to inbox. */
void consumer_request(struct consumer *consumer, struct str inbox,
                      struct str body);

/* Sends what waits to whoever waits for it. True: there is more to do. */
bool consumer_pump(struct consumer *consumer);

/* Has it pumped at the end of the turn. */
void consumer_wake(struct consumer *consumer);

/* A blocked receiver has room again. */
void consumer_room(struct consumer *consumer);

/* Messages up to seq have left the stream. */
void consumer_left(struct consumer *consumer, uint64_t seq);

/* One message is about to leave the stream, from anywhere in it. */
void consumer_lost(struct consumer *consumer, uint64_t seq, struct str subject);

/* Does it want that message still: is it to come, or not acknowledged yet? */
bool consumer_needs(const struct consumer *consumer, uint64_t seq,
                    struct str subject);

/* The stream's subjects changed: counts again what its filter selects. */
void consumer_recount(struct consumer *consumer);

/* Messages that are to come. */
uint64_t consumer_pending(struct consumer *consumer);

/* Members of ConsumerInfo. */
void consumer_describe(struct consumer *consumer, struct json_writer *w);
void consumer_describe_with(struct consumer *consumer, bool config,
                            struct json_writer *w);

/* Does somebody listen to its deliver subject? */
bool consumer_is_bound(const struct consumer *consumer);

/* Paused or resumed by a request; its configuration says until when. */
void consumer_pause(struct consumer *consumer);

/* "paused", "pause_until" and "pause_remaining". */
void consumer_describe_pause(const struct consumer *consumer,
                             struct json_writer *w);

/* Tells whoever listens to advisories. */
void consumer_advise_created(const struct consumer *consumer);
void consumer_advise_deleted(const struct consumer *consumer);

/* Puts it where it began at first. picked_through: of a last_per_subject
 * consumer, up to where only the picked ones count. */
void consumer_restart(struct consumer *consumer, uint64_t start_seq,
                      uint64_t picked_through);

/* Puts it where a new one that begins at seq would be: nothing delivered,
 * nothing waited for. seq is within the stream or right behind it. */
void consumer_reset(struct consumer *consumer, uint64_t seq);

/* After its state was read back from disk. */
void consumer_recovered(struct consumer *consumer);

#endif
