/* republish: what a stream stores is told on another subject.
 *
 * A message is told once it is durable. Until then it waits here as it is to
 * be sent: with headers Nats-Stream, Nats-Subject, Nats-Sequence,
 * Nats-Time-Stamp and Nats-Last-Sequence (of its subject; a gap shows that
 * something was missed) behind its own. */
#ifndef NEXUS_BROKER_REPUBLISH_H
#define NEXUS_BROKER_REPUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/jetstream/stream_config.h"
#include "broker/store/store.h"
#include "lib/buf.h"

struct account;
struct transform;

/* Most that waits for one stream; beyond it publishes are refused. */
#define REPUBLISH_BYTES_MAX (64u << 20)

/* A zeroed one tells nothing. */
struct republish {
    struct transform *transform; /* NULL: off */
    bool headers_only;
    struct buf waiting;
    size_t start;                /* of the first that waits */
    struct buf headers, subject; /* scratch */
};

/* Takes on what the (checked) configuration says; what waits stays. */
void republish_set(struct republish *republish,
                   const struct stream_config *config);
void republish_fini(struct republish *republish);

static inline bool republish_is_on(const struct republish *republish)
{
    return republish->transform != NULL;
}

static inline bool republish_full(const struct republish *republish)
{
    return republish->waiting.len - republish->start > REPUBLISH_BYTES_MAX;
}

/* The message was appended; last_seq: the one before on its subject, or 0.
 * Copies. */
void republish_add(struct republish *republish, const char *stream,
                   const struct store_msg *msg, uint64_t last_seq);

/* Tells what is durable. */
void republish_send(struct republish *republish, struct account *account,
                    uint64_t durable);

#endif
