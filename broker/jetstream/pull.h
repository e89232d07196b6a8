/* pull: requests for messages that wait at a consumer.
 *
 * They stand in a ring; after each message the one that got it goes to the end,
 * so that collectors that share a consumer get equal parts. */
#ifndef NEXUS_BROKER_PULL_H
#define NEXUS_BROKER_PULL_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/timer.h"
#include "lib/arena.h"
#include "lib/errmsg.h"
#include "lib/str.h"

struct consumer;

#define PULL_PRIORITY_MAX 9

/* What a request asks for. */
struct pull_terms {
    int64_t batch;        /* messages, at least 1 */
    int64_t bytes;        /* 0: no limit */
    int64_t expires_ns;   /* 0: waits for ever */
    int64_t heartbeat_ns; /* 0: none */
    bool no_wait;
    /* Of a priority group (priority.h). */
    struct str group, id; /* borrowed; a request that waits has none */
    int64_t min_pending, min_ack_pending; /* 0: not a condition */
    int64_t priority;                     /* 0 comes first */
};

struct pull {
    struct pull *prev, *next;
    struct consumer *consumer;
    struct timer timer; /* its end or its next heartbeat */
    struct pull_terms left;
    int64_t ends_ns;  /* mono; 0: never */
    int64_t spoke_ns; /* mono: when it last got something */
    bool served;      /* has got a message */
    bool held;        /* its receiver is blocked */
    bool pinned;      /* of the client that is pinned */
    struct str inbox; /* points behind the struct */
};

struct pulls {
    struct pull *first, *last;
    uint32_t count, held;
    uint32_t impatient; /* of them, with no_wait */
};

/* Body of a request: empty, a number, or JSON. 0, or -1 with the reason. The
 * texts of the terms are the body's or the arena's. */
int pull_terms_read(struct pull_terms *terms, struct str body,
                    struct arena *arena, struct errmsg *why);

struct pull *pull_add(struct pulls *pulls, struct str inbox,
                      const struct pull_terms *terms);

/* Unlinks and frees; its timer must be stopped. */
void pull_remove(struct pulls *pulls, struct pull *pull);

/* Moves it behind the others. */
void pull_rotate(struct pulls *pulls, struct pull *pull);

/* The first one that is not held, or NULL. */
struct pull *pull_next(const struct pulls *pulls);

#endif
