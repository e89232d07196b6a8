/* consumer_index: which consumers of a stream a message is for.
 *
 * When messages became durable, those whose filter selects one are counted up
 * and woken, and no others: thousands of watchers of single keys cost what one
 * does. As long as no consumer has a filter nothing is read for this. */
#ifndef NEXUS_BROKER_CONSUMER_INDEX_H
#define NEXUS_BROKER_CONSUMER_INDEX_H

#include <stdint.h>

#include "broker/sublist.h"

struct consumer;
struct stream;

/* Of a stream. A zeroed one is empty. */
struct consumer_index {
    struct sublist *patterns; /* NULL: no consumer was ever added */
    unsigned filtered;        /* consumers that do not take everything */
    struct sub_result scratch;
};

void consumer_index_fini(struct consumer_index *index);

/* By its filter, which must not change until it is removed. */
void consumer_index_add(struct consumer_index *index,
                        struct consumer *consumer);
void consumer_index_remove(struct consumer_index *index,
                           struct consumer *consumer);

/* The messages from..stream->durable have become durable. */
void consumer_index_advance(struct stream *stream, uint64_t from);

/* That message is about to leave the stream: tells those who select it. */
void consumer_index_lost(struct consumer_index *index, uint64_t seq,
                         struct str subject);

#endif
