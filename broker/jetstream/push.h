/* push: the sending side of a push consumer: whether somebody listens to its
 * deliver subject, how much that somebody has not taken yet, and when it last
 * heard something. */
#ifndef NEXUS_BROKER_PUSH_H
#define NEXUS_BROKER_PUSH_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/interest.h"
#include "broker/timer.h"
#include "lib/buf.h"

struct consumer;
struct sub;

/* Flow control. Each time half of the window is out, the receiver is asked to
 * answer (100 FlowControl Request); its answer says that it has taken what
 * came before the question, and lets the window grow. */
#define FLOW_WINDOW_MIN (2u << 20)
#define FLOW_WINDOW_MAX (32u << 20)

struct flow {
    struct sub *sub;  /* $JS.FC.<stream>.<consumer>.>; NULL: not in use */
    struct buf asked; /* the subject to be answered; empty: none is out */
    uint64_t window;  /* bytes */
    uint64_t out;     /* bytes that no answer covers */
    uint64_t covered; /* of them, sent before the question */
};

struct push {
    struct consumer *consumer;
    struct interest_watch watch;
    bool looked; /* `bound` is what the subscriptions say */
    bool bound;  /* somebody listens */
    bool held;   /* and is blocked */
    struct flow flow;
    struct timer beat_timer;
    int64_t spoke_ns; /* mono: when something was sent last */
};

#endif
