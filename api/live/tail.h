/* tail: the stream TELEMETRY read from some place on, by a thread that waits.
 *
 * An ephemeral consumer without acknowledgements. Pushed, with flow control, it
 * is quick but the broker sends up to 32 MiB ahead; pulled it needs little
 * memory. It is what a client of NATS calls an ordered consumer, less its repairing itself. Where
 * a message is missing, the broker was away or does not know the consumer any
 * more, the tail is lost and its owner opens another from where it stood. (The
 * client library tells of missed heartbeats through its error handler alone, so
 * in quiet times the consumer is asked after.) */
#ifndef NEXUS_API_TAIL_H
#define NEXUS_API_TAIL_H

#include "lib/bus.h"

struct tail;

struct tail_from {
    uint64_t sequence; /* 0: by time */
    int64_t time_ns;   /* the broker's */
    bool pull;         /* in small batches, as they are asked for */
};

struct tail_message {
    natsMsg *msg; /* the caller's: natsMsg_Destroy */
    uint64_t sequence;
    int64_t time_ns;  /* when the stream took it */
    uint64_t pending; /* messages behind it, when it was sent */
};

enum tail_result {
    TAIL_MESSAGE,
    TAIL_QUIET, /* nothing within the time; the broker lives */
    TAIL_LOST   /* open another */
};

/* subject: a filter. Waits for the broker's answer. NULL with *err. */
struct tail *tail_open(struct bus *bus, const char *subject,
                       const struct tail_from *from, struct errmsg *err);
void tail_close(struct tail **tail); /* removes the consumer */

/* Was there nothing to read when it was opened? */
bool tail_empty(const struct tail *tail);

enum tail_result tail_next(struct tail *tail, int64_t wait_ms,
                           struct tail_message *message);

#endif
