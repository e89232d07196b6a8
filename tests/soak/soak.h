/* soak: clients of every kind on one broker for a long time, each in a thread
 * of its own. First all run as fast as they can (soak.calibrating), then at
 * half of what they reached. What may never happen ends the program with a
 * sentence (fail, in tests/bench/load/link.h). */
#ifndef NEXUS_SOAK_H
#define NEXUS_SOAK_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/clock.h"
#include "tests/bench/load/link.h"

#define SOAK_READERS 2 /* of the fan-out */

struct soak {
    int port;
    _Atomic bool ending;                       /* no new work is begun */
    _Atomic int64_t durable_rate, fanout_rate; /* a second; 0: any */

    _Atomic uint64_t durable_published, durable_acked; /* by the stream */
    _Atomic uint64_t durable_seen, durable_again;      /* by the consumer */
    _Atomic uint64_t consumer_restarts;
    _Atomic uint64_t fanout_published, fanout_seen;
    _Atomic uint64_t kv_puts, kv_gets, requests;
    _Atomic uint64_t slow_closed, stalled, vanished;
};

extern struct soak soak;

/* ---- threads: each runs until soak.ending and then ends its work ---- */

void *durable_publish(void *arg); /* acknowledged publishes, numbered */
void *durable_consume(void *arg); /* explicit acks, over restarts */
void *fanout_publish(void *arg);  /* numbered messages, no acks */
void *fanout_read(void *arg);     /* misses none, sees them in order */
void *kv_update(void *arg);       /* puts, and gets what was put last */
void *request_reply(void *arg);
void *respond(void *arg);

/* Those who do not behave; the broker may close them. */
void *rough_slow(void *arg);    /* reads far too little */
void *rough_stalled(void *arg); /* does not read at all */
void *rough_vanish(void *arg);  /* is gone in the middle of everything */

/* Streams, bucket and consumer are made; before the threads start. */
void durable_setup(void);
void kv_setup(void);

/* Everything acknowledged was seen by the consumer; when the threads of this
 * kind have ended. */
void durable_check(void);

/* Keeps at a rate: a thread calls pace_wait with how many it has done. */
struct pace {
    int64_t rate, since_ns;
    uint64_t done_before;
};
void pace_wait(struct pace *pace, int64_t rate, uint64_t done);

void sleep_ms(int64_t ms);

#define PAYLOAD 128 /* of numbered messages: digits */

/* "PUB subject [reply] 128", and number as its payload. */
void append_numbered(struct buf *out, const char *line, uint64_t number);

#endif
