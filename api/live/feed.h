/* feed: the broker's telemetry stream, on the loop.
 *
 * An ordered consumer of TELEMETRY brings every sample with its sequence; it is
 * made again where a gap shows or the broker was away, from where it stood. The
 * NATS client's thread hands batches over, bounded: past the limit it is the
 * stream that keeps what is to come. */
#ifndef NEXUS_API_FEED_H
#define NEXUS_API_FEED_H

#include "api/fleet/fleet.h"
#include "lib/errmsg.h"
#include "lib/http.h"

struct feed;

struct feed_config {
    const char *urls; /* BROKER_URL */
    const char *name; /* of the connection */
};

/* Starts connecting, in the background. */
struct feed *feed_new(struct http_server *server, struct fleet *fleet,
                      const struct feed_config *config);
void feed_free(struct feed **feed);

/* For health_check: connected, and what was sent up to now is in. */
bool feed_check(void *feed, struct errmsg *why);

/* ---- catching up ---- */

struct filter;
struct feed_replay;

/* Reads what the stream has after `since` and the filter takes, up to sequence
 * `until`, oldest first; then done. Behind the stream's first message, *first
 * (for done) says where it begins. Pull it: event is called while it returns
 * true; feed_replay_more goes on. */
struct feed_replay_handlers {
    bool (*event)(const struct sample *sample, uint64_t sequence, void *arg);
    void (*done)(uint64_t first, const char *error, void *arg);
};
struct feed_replay *feed_replay_new(struct feed *feed,
                                    const struct filter *filter, uint64_t since,
                                    uint64_t until,
                                    const struct feed_replay_handlers *handlers,
                                    void *arg);
void feed_replay_more(struct feed_replay *replay);
void feed_replay_free(struct feed_replay **replay);

#endif
