/* work: the kinds of load, one function each. Every one checks that what it
 * asked for really happened and prints one figure. */
#ifndef NEXUS_BENCH_WORK_H
#define NEXUS_BENCH_WORK_H

#include <stdint.h>

struct work {
    int64_t port;
    int64_t pubs, subs, queue; /* connections; queue 1: subs share a group */
    int64_t payload, headers;  /* bytes; of the headers block */
    int64_t window;            /* sent and not yet answered */
    int64_t count;             /* messages, where it is not time that counts */
    int64_t time_ns;           /* how long messages are published */
};

/* pubs publish as fast as they can, subs read: messages a second, delivered
 * (to a queue group: one for each published). */
void work_flood(const struct work *work);

/* One request after the other: µs for a round trip, the median. */
void work_request(const struct work *work);

/* window publishes to a file stream at a time: acknowledged a second. */
void work_publish(const struct work *work);

/* Fetches of window from a stream of count messages, each acknowledged. */
void work_fetch(const struct work *work);

/* What a push consumer without acknowledgements is sent, messages a second. */
void work_push(const struct work *work);

/* Key-value: puts over count keys; gets of them. A second. */
void work_kv_put(const struct work *work);
void work_kv_get(const struct work *work);

/* A stream of 2 × count messages and a bucket of count keys, and stays. */
void work_fill(const struct work *work);

/* count connections with one subscription each, until stdin ends. */
void work_idle(const struct work *work);

#endif
