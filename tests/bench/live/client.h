/* client: one subscriber's WebSocket, as little as it can be: what arrives is
 * looked at in place, and only events are counted. Anything unexpected ends the
 * program with a sentence on stderr (fail, of load/link.h). */
#ifndef NEXUS_BENCH_CLIENT_H
#define NEXUS_BENCH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/str.h"

#define CLIENT_FRAME_MAX \
    65536u /* bytes of a frame that begins in one read
                                   and ends in another */

struct client {
    int fd;
    char *kept; /* the beginning of a frame that is not whole; or NULL */
    size_t kept_len;
    bool plain; /* speaks as /ws does, not graphql-transport-ws */
    uint64_t events;
};

/* Connected to 127.0.0.1, acknowledged by graphql-transport-ws; at /ws there is
 * nothing to acknowledge. */
void client_open(struct client *client, int port, const char *path);

/* Subscribes with the document, a JSON string's inside, or at /ws with the
 * message itself; returns when the server has taken it. */
void client_subscribe(struct client *client, const char *document);

/* Leaves as a client that dies: without a word, what is unread thrown away. */
void client_kill(struct client *client);

/* Called for every event. */
typedef void (*client_event_fn)(struct str payload, void *arg);

/* Reads once what has arrived. False when the server has hung up. */
bool client_read(struct client *client, client_event_fn event, void *arg);

#endif
