/* pipeline: how the samples get on, from the broker's stream through the
 * collectors into the database, and through this gateway to its subscribers.
 *
 * A thread looks at the broker every 2.5 s (look.h) and hands what it saw to the
 * loop, which keeps the last look and a figure of each kind every 5 s for the
 * last quarter of an hour. What is not known is NaN, never 0. All but the
 * thread on the loop. */
#ifndef NEXUS_API_PIPELINE_H
#define NEXUS_API_PIPELINE_H

#include "api/fleet/fleet.h"
#include "api/graphql/transport/stats.h"
#include "api/live/feed.h"
#include "api/live/ws.h"
#include "api/pipeline/look.h"
#include "lib/http.h"

enum pipeline_figure {
    PIPELINE_SAMPLES_TOTAL, /* that the stream ever took */
    PIPELINE_SAMPLES_PER_SECOND,
    PIPELINE_STREAM_MESSAGES,
    PIPELINE_STREAM_BYTES,
    PIPELINE_STREAM_BYTES_MAX, /* NaN: no limit, too */
    PIPELINE_QUEUE_DEPTH,
    PIPELINE_UNACKNOWLEDGED,
    PIPELINE_REDELIVERED,
    PIPELINE_LAG_SECONDS,
    PIPELINE_COLLECTORS, /* that run */
    PIPELINE_ROWS_TOTAL, /* written by these, since each started */
    PIPELINE_ROWS_PER_SECOND,
    PIPELINE_DEAD_LETTERS,
    PIPELINE_SAMPLES_BEHIND, /* from here on: of this gateway */
    PIPELINE_WEB_SOCKETS,
    PIPELINE_SUBSCRIPTIONS,
    PIPELINE_UPDATES_TOTAL, /* sent to subscribers */
    PIPELINE_UPDATES_PER_SECOND,
    PIPELINE_UPDATES_MISSED, /* left out for those who read slowly */
    PIPELINE_OPERATIONS_TOTAL,
    PIPELINE_OPERATIONS_PER_SECOND,
    PIPELINE_FIGURES
};

struct pipeline_point {
    int64_t at_ns; /* wall clock */
    double figures[PIPELINE_FIGURES];
};

#define PIPELINE_POINTS_MAX 181 /* a quarter of an hour, both ends */

struct pipeline_config {
    const char *id;   /* of this gateway */
    bool follows_all; /* of the stream */
    struct feed_stats feed;
    struct ws_stats ws;
    struct graphql_stats graphql;
    void (*refresh)(void *arg); /* brings these up to date; or NULL */
    void *arg;
};

struct pipeline;

struct pipeline *pipeline_new(struct http_server *server, struct fleet *fleet,
                              struct feed *feed,
                              const struct pipeline_config *config);
void pipeline_stop(struct pipeline *pipeline);  /* before feed_stop */
void pipeline_free(struct pipeline **pipeline); /* after the server */

/* What is known now. While the broker is away that is nothing of the broker. */
struct pipeline_point pipeline_now(const struct pipeline *pipeline);

struct pipeline_broker {
    bool connected;
    int64_t since_ns;    /* 0: not known */
    const char *address; /* "": not connected; good until the next look */
};
struct pipeline_broker pipeline_broker(const struct pipeline *pipeline);

/* The last look, where it tells of the services; else NULL. Good until the next
 * one, so copy it. */
const struct look *pipeline_services(const struct pipeline *pipeline);

/* The history, oldest first: points after that time, the newest `max` of them,
 * into out. Returns how many. */
uint32_t pipeline_history(const struct pipeline *pipeline, int64_t after_ns,
                          uint32_t max, struct pipeline_point *out);

#endif
