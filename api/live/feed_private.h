/* feed_private: what feed.c and replay.c share. */
#ifndef NEXUS_API_FEED_PRIVATE_H
#define NEXUS_API_FEED_PRIVATE_H

#include "api/live/batch.h"
#include "api/live/feed.h"
#include "lib/bus.h"

struct feed {
    struct http_server *server;
    struct fleet *fleet;
    struct feed_config config;
    pthread_t thread;
    struct channel channel;

    /* Of the thread. */
    struct tail *tail;
    uint64_t last;      /* sequence that was read last */
    int64_t created_ns; /* of the stream; 0: never seen */
    int64_t apart_ns;   /* our clock less the broker's */
    int64_t quiet_due;  /* mono: when the loop is told that all is well */
    bool following;     /* … and that it was told so */
    bool anew;          /* the next batch says so */

    /* Of the loop. */
    uint64_t taken; /* sequence that was taken in last */
    uint64_t streams;
    int64_t
        stream_ns; /* when the one that is followed was made; 0: not known */
    bool stopped;
    struct feed_replay *all; /* replays that are not freed yet */

    pthread_mutex_t lock;                         /* of what is below */
    pthread_cond_t idle;                          /* no replay goes on */
    struct bus *bus;                              /* NULL: not connected yet */
    char state[sizeof((struct errmsg *)0)->text]; /* "" where all is well */
    int replays;                                  /* threads */
};

/* What the broker says of the stream. 0 or a negative code with *err. */
struct stream_state {
    uint64_t first, last; /* last 0: empty, and new */
    bool empty;
    int64_t last_time_ns, created_ns;
};
int feed_look(struct bus *bus, struct stream_state *state, struct errmsg *err);

/* replay.c, when the loop does not run any more. */
void replays_close(struct feed *feed); /* their threads end */
void replays_free(struct feed *feed);

#endif
