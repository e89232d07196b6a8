/* mailbox: what the broker sends to itself, until its turn.
 *
 * A consumer's message, an answer or an advisory may go to a subject that the
 * broker listens to itself: a stream's, $JS.API.>, $JS.ACK.…. A listener that
 * were called at once could remove messages, consumers or streams that its
 * caller still works with; so such a message waits here, copied, and is
 * handed over at the beginning of the streams' turn (route_mailbox). */
#ifndef NEXUS_BROKER_MAILBOX_H
#define NEXUS_BROKER_MAILBOX_H

#include <stdbool.h>

#include "broker/msg.h"

/* It takes a message as long as it holds less than this. */
#define MAILBOX_BYTES_MAX (16u << 20)

/* A zeroed one is empty. */
struct mailbox {
    struct buf bytes;
    size_t start; /* of the first message that was not taken out */
};

void mailbox_fini(struct mailbox *mailbox);

static inline bool mailbox_empty(const struct mailbox *mailbox)
{
    return mailbox->start == mailbox->bytes.len;
}

/* Copies the message. False: the mailbox is full, nothing was taken. */
bool mailbox_put(struct mailbox *mailbox, const struct msg *msg);

/* The first message, which points into the mailbox until the next put. False:
 * there is none. */
bool mailbox_take(struct mailbox *mailbox, struct msg *msg);

#endif
