/* link: a load client's connection to a NATS server.
 *
 * As little as a client can do: whole batches are sent in one call, and what
 * arrives is looked at in place. Anything unexpected ends the program with a
 * sentence on stderr, so that no figure comes out of a run that went wrong. */
#ifndef NEXUS_BENCH_LINK_H
#define NEXUS_BENCH_LINK_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/str.h"

#define LINK_IN_BYTES (512u << 10) /* more than any one message here */

struct link {
    int fd;
    char *in;          /* LINK_IN_BYTES */
    size_t start, end; /* what of `in` has not been looked at */
};

/* One MSG or HMSG; points into the link's input until the next call. */
struct frame {
    struct str subject, reply, headers, payload;
};

/* Ends the program with that sentence. */
void fail(const char *format, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

/* Connected to 127.0.0.1, signed in, and answered. */
void link_open(struct link *link, int port);
void link_close(struct link *link);

/* Sends all of it. */
void link_send(struct link *link, struct str bytes);
void link_printf(struct link *link, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Returns when the server has taken everything sent before. Nothing else may
 * be on its way here. */
void link_sync(struct link *link);

/* The next message that has arrived already; false: none is whole. */
bool link_frame(struct link *link, struct frame *frame);

/* Waits for more to arrive. */
void link_read(struct link *link);

/* The next message, waited for. */
void link_wait(struct link *link, struct frame *frame);

/* Asks and waits for the answer, which is good until the next call; one with
 * an error fails. The link must have no other messages on their way. */
struct str link_request(struct link *link, const char *subject,
                        const char *payload);

#endif
