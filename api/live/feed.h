/* feed: the broker's telemetry stream, on the loop.
 *
 * An ordered consumer of TELEMETRY brings every sample with its sequence; it is
 * made again where a gap shows or the broker was away, from where it stood. The
 * NATS client's thread hands batches over, bounded: past the limit it is the
 * stream that keeps what is to come. */
#ifndef NEXUS_API_FEED_H
#define NEXUS_API_FEED_H

#include "api/fleet/fleet.h"
#include "api/live/follow.h"
#include "lib/errmsg.h"
#include "lib/http.h"
#include "lib/stats.h"

struct feed;

/* For /metrics; all may be NULL. */
struct feed_stats {
    struct statistic *samples;   /* counters */
    struct statistic *malformed; /* messages that are no samples */
    struct statistic *restarts;  /* of the consumer */
    struct statistic *replays;   /* gauge: going on */
};

struct feed_config {
    const char *urls;            /* BROKER_URL */
    const char *name;            /* of the connection */
    const struct follow *follow; /* what of the stream; borrowed */
    struct feed_stats stats;
};

/* Starts connecting, in the background. */
struct feed *feed_new(struct http_server *server, struct fleet *fleet,
                      const struct feed_config *config);

/* Ends its threads; the loop must not run any more, nor ever again. When the
 * service is asked to stop (lib/service.h): else it would wait for a broker that
 * never came. */
void feed_stop(struct feed *feed);
void feed_free(struct feed **feed); /* after the server */

/* For health_check: connected, and what was sent up to now is in. */
bool feed_check(void *feed, struct errmsg *why);

/* Its connection, for others to use until feed_stop; NULL: not connected yet.
 * From any thread. */
struct bus *feed_bus(struct feed *feed);

/* How often the stream was made anew since the start: what was kept of its
 * sequences means nothing when this has grown. */
uint64_t feed_streams(const struct feed *feed);

/* Which one it is, by the time it was made at; 0: not known yet. */
int64_t feed_stream(const struct feed *feed);

/* ---- catching up ---- */

#define FEED_REPLAYS_MAX 16 /* at once */

struct filter;
struct feed_replay;

struct feed_replay_end {
    uint64_t first;    /* not 0: what was between since and this is gone */
    bool anew;         /* it is not the stream that since is of */
    const char *error; /* NULL: it went to its end */
};

/* Where to begin: behind `since`, in the stream that was made at stream_ns (0:
 * it is not known which, and taken for another if it ends before that). */
struct feed_place {
    uint64_t since;
    int64_t stream_ns;
};

/* Reads what the stream has after the place and the filter takes, up to sequence
 * `until`, oldest first; then done, once. Pull it: event is called while it
 * returns true (what it was called with is taken); feed_replay_more goes on.
 * Neither is called from within a function here, and the replay must not be
 * freed from within event. min_interval_ns is the caller's. NULL when the
 * broker is not connected, or FEED_REPLAYS_MAX go on, with *err. */
struct feed_replay_handlers {
    bool (*event)(const struct sample *sample, uint64_t sequence,
                  int64_t time_ns, void *arg); /* time: the broker's */
    void (*done)(const struct feed_replay_end *end, void *arg);
};
struct feed_replay *feed_replay_new(struct feed *feed,
                                    const struct filter *filter,
                                    const struct feed_place *place,
                                    uint64_t until,
                                    const struct feed_replay_handlers *handlers,
                                    void *arg, struct errmsg *err);
void feed_replay_more(struct feed_replay *replay);
/* From within event: feed_replay_end's first, which is known before the events. */
uint64_t feed_replay_first(const struct feed_replay *replay);
void feed_replay_free(struct feed_replay **replay);

#endif
