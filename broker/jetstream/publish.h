/* publish: a message's way into a stream.
 *
 *     arrives → transform → what its headers expect → a duplicate? → limits →
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

/* Acknowledges what waited for sequences up to durable. */
void publish_acknowledge(struct stream *stream, uint64_t durable);

/* The beginning of acknowledgements, once in a stream's life. */
void publish_name_acks(struct stream *stream);

#endif
