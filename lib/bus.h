/* bus: the programs' way to the broker, on the official NATS C client.
 *
 * A bus is one connection that comes back by itself: BROKER_URL may name
 * several servers of a cluster, and nothing here is private to nexus-broker. */
#ifndef NEXUS_BUS_H
#define NEXUS_BUS_H

#include <nats/nats.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/clock.h"
#include "lib/errmsg.h"
#include "lib/opts.h"
#include "lib/str.h"

#define BUS_STREAM            "TELEMETRY"
#define BUS_CONSUMER          "collector"
#define BUS_DEADLETTER_STREAM "DEADLETTER"

struct bus;

/* Connects, waiting at most wait_ns for a broker to answer (negative: for
 * ever, until the service is asked to stop). NULL with *err. */
struct bus *bus_connect(const char *urls, const char *name, int64_t wait_ns,
                        struct errmsg *err);
void bus_close(struct bus **bus);
bool bus_connected(const struct bus *bus);

/* Ends the client library's own threads: the last a program does that has had a
 * bus. The process must not end while they run: the library frees under them
 * what they use. */
void bus_library_close(void);

/* The address of the server it is connected to, without user and password; ""
 * where there is none. */
void bus_address(struct bus *bus, char *out, size_t size);

/* How often it has come back. */
uint64_t bus_reconnects(struct bus *bus);

/* For health_check. */
bool bus_check(void *bus, struct errmsg *why);

natsConnection *bus_connection(struct bus *bus);
jsCtx *bus_jetstream(struct bus *bus);

/* ---- streams and consumers ---- */

struct bus_stream_limits {
    int64_t max_bytes;  /* beyond, publishes are refused: nothing is dropped */
    int64_t max_age_ns; /* 0: kept until purged */
    int64_t dedup_ns;   /* window in which a Nats-Msg-Id counts once */
    bool drop_oldest;   /* past max_bytes, instead of refusing publishes */
};

/* The options STREAM_MAX_BYTES and DEDUP_WINDOW of the stream TELEMETRY, for a
 * program's table: whoever comes first makes it, so both mean the same
 * everywhere. */
#define BUS_STREAM_OPTIONS(limits)                                            \
    {.flag = "stream-max-bytes",                                              \
     .type = OPT_SIZE,                                                        \
     .value = &(limits).max_bytes,                                            \
     .initial = "8GB",                                                        \
     .min = INT64_C(1) << 20,                                                 \
     .max = INT64_C(1) << 40,                                                 \
     .help = "size at which the stream refuses more, set when it "            \
             "is made"},                                                      \
    {                                                                         \
        .flag = "dedup-window", .type = OPT_DURATION,                         \
        .value = &(limits).dedup_ns, .initial = "2m", .min = 100 * NS_PER_MS, \
        .max = 86400 * NS_PER_S,                                              \
        .help = "how long the stream knows a message again, set "             \
                "when it is made"                                             \
    }

/* Makes the stream where it is missing; an existing one is left as it is. */
int bus_ensure_stream(struct bus *bus, const char *name, const char *subject,
                      const struct bus_stream_limits *limits,
                      struct errmsg *err);

/* ---- publishing ---- */

/* Publishes to a stream with a window of messages that are not acknowledged
 * yet. Every message is sent again under its Nats-Msg-Id until the stream has
 * acknowledged it, over lost connections and restarts of the broker. One
 * thread uses a publisher. */
struct bus_publisher;

struct bus_publisher_stats {
    uint64_t published;    /* handed in */
    uint64_t acknowledged; /* on the broker's disk */
    uint64_t duplicates;   /* acknowledged as seen before */
    uint64_t retries;      /* sent again */
};

struct bus_publisher *bus_publisher_new(struct bus *bus, int64_t window,
                                        struct errmsg *err);

/* The trace that its messages' traceparent headers name; for the log. */
const char *bus_publisher_trace(const struct bus_publisher *p);

/* Sends payload with a fresh Nats-Msg-Id, Nexus-Schema and traceparent; copies.
 * Waits while the window is full. 0; -ECANCELED when the service stops
 * meanwhile. */
int bus_publish(struct bus_publisher *p, const char *subject,
                struct str payload, const char *schema);

/* Waits until all is acknowledged, at most wait_ns (negative: for ever). 0 or
 * -ETIMEDOUT. */
int bus_publisher_flush(struct bus_publisher *p, int64_t wait_ns);
void bus_publisher_stats(struct bus_publisher *p,
                         struct bus_publisher_stats *out);
void bus_publisher_free(struct bus_publisher **p);

#endif
