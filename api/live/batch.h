/* batch: decoded samples on their way from a thread that reads the stream to
 * the loop. A channel holds a bounded number of them: a reader that is ahead
 * waits, and the stream keeps what is to come. */
#ifndef NEXUS_API_BATCH_H
#define NEXUS_API_BATCH_H

#include <pthread.h>

#include "api/live/tail.h"
#include "lib/arena.h"
#include "lib/sample.h"

#define BATCH_SAMPLES_MAX 128

struct batch_item {
    struct sample sample; /* its texts are in the batch's arena */
    uint64_t sequence;
    int64_t heard_ns; /* wall clock */
};

struct batch {
    struct batch *next;
    struct arena arena;
    int64_t stream_ns;  /* when the stream was made */
    bool anew;          /* the stream was made anew before these */
    bool lost;          /* nothing is heard from now on */
    bool caught_up;     /* these are all there are */
    bool end;           /* nothing follows */
    uint32_t count, at; /* at: how far the loop has got */
    struct batch_item items[BATCH_SAMPLES_MAX];
};

struct channel {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct batch *ready, **ready_tail;
    struct batch *spare;
    int batches, batches_max; /* made so far */
    bool closed;              /* the loop wants no more */
};

void channel_init(struct channel *c, int batches_max);
void channel_fini(struct channel *c);

/* ---- the thread's side ---- */

/* An empty one; waits while all are on their way. NULL once closed. */
struct batch *channel_spare(struct channel *c);
/* Hands it over; true when the loop has to be told (it had none). */
bool channel_give(struct channel *c, struct batch *batch);
/* Closed, within at most that time? */
bool channel_wait_closed(struct channel *c, int64_t wait_ns);

/* Decodes into the batch and destroys the message; false when it is no sample,
 * with *err. */
bool batch_add(struct batch *batch, struct tail_message *message,
               int64_t heard_ns, struct errmsg *err);

/* ---- the loop's side ---- */

struct batch *channel_take(struct channel *c); /* NULL: none is ready */
void channel_return(struct channel *c, struct batch *batch);
void channel_close(struct channel *c);

#endif
