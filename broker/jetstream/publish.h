/* publish: a message's way into a stream.
 *
 *     arrives → transform → a duplicate? → what its headers expect → limits →
 *     appended → what it pushes out (retention.h) → waits for the disk →
 *     republished → acknowledged
 *
 * The order of the checks is nats-server's. */
#ifndef NEXUS_BROKER_PUBLISH_H
#define NEXUS_BROKER_PUBLISH_H

#include <stdint.h>

#include "broker/jetstream/stream.h"

/* The handler of a stream's subjects. */
void publish_arrived(struct sub *sub, struct conn *from, const struct msg *msg);

/* Appends a message of the broker's own, a marker: nothing is checked and
 * nobody answered. ttl_ns 0: none. */
void publish_own(struct stream *stream, const struct msg *msg, int64_t ttl_ns);

/* Takes a message that was copied from another stream: as the next one, or,
 * where msg->seq is given, under that sequence, which is beyond the last, and
 * with its time. What its headers expect was meant for the other stream, and is
 * not asked; a duplicate is passed over. 0; with *error: -EAGAIN: there is no
 * room now; -EMSGSIZE: it will never fit. */
int publish_copied(struct stream *stream, const struct store_msg *msg,
                   struct js_error *error);

/* Acknowledges what waited for sequences up to durable. */
void publish_acknowledge(struct stream *stream, uint64_t durable);

/* The beginning of acknowledgements, once in a stream's life. */
void publish_name_acks(struct stream *stream);

#endif
