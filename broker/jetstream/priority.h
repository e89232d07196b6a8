/* priority: which request of a pull consumer with a priority group is served
 * next.
 *
 *   overflow       those without a condition; when there are none, those with
 *                  min_pending or min_ack_pending of which one is reached
 *   prioritized    those of the lowest number, in turns
 *   pinned_client  those of one client:
 *
 *     nobody ──the first request that gets a message──▶ pinned
 *        ▲                                                 │
 *        └──no request for priority_timeout, or UNPIN──────┘
 *
 * A pinned client is known by the id that its messages carry (Nats-Pin-Id) and
 * that its further requests name; requests without one wait until nobody is
 * pinned. The pin is not kept over a restart: a client that names an id which
 * nobody has is told so (423), and asks again without. */
#ifndef NEXUS_BROKER_PRIORITY_H
#define NEXUS_BROKER_PRIORITY_H

#include "broker/jetstream/consumer_parts.h"

#define PIN_ID_LEN 22

struct priority {
    struct consumer *consumer;
    struct timer timer;       /* ends the pin */
    char pin[PIN_ID_LEN + 1]; /* "": nobody is pinned */
    int64_t pinned_ns;        /* wall: since when */
};

/* Begins where the configuration has a group, if it has not yet; ends it, and
 * with it the pin, without a word. */
void priority_start(struct consumer *consumer);
void priority_stop(struct consumer *consumer);

/* Writes the status with which a request is refused, and what it will not get
 * (clients count on that to ask again); false: it is not refused. For a
 * consumer with a group, or a request that names one. */
bool priority_refuses(const struct consumer *consumer,
                      const struct pull_terms *terms, struct buf *status);

/* The others are for a consumer with a group. */

/* The request waits now; it named that id. */
void priority_admitted(struct consumer *consumer, struct pull *pull,
                       struct str id);

/* The one to get the next message, or NULL: nobody, now. */
struct pull *priority_next(const struct consumer *consumer);

/* consumer_send to it; pins its client, if nobody is and one is to be. */
enum sent priority_send(struct consumer *consumer, struct pull *pull,
                        struct candidate *found);

/* Whoever is pinned is so no longer; reason: "admin" or "timeout". */
void priority_unpin(struct consumer *consumer, const char *reason);

/* "priority_groups":[{"group":"jobs","pinned_client_id":"…","pinned_ts":"…"}] */
void priority_describe(const struct consumer *consumer, struct json_writer *w);

#endif
