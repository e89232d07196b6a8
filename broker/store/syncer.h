/* syncer: the one thread that waits for the disk on behalf of all stores.
 *
 * A store's work is a task: it is scheduled, run on the thread, and may ask to
 * be run again later. What a task does is the store's (store_sync.c). */
#ifndef NEXUS_BROKER_SYNCER_H
#define NEXUS_BROKER_SYNCER_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/store/store.h"

#define SYNC_NEVER INT64_C(-1)

struct sync_task {
    /* On the thread. Returns after how many nanoseconds it wants to run again,
     * or SYNC_NEVER. */
    int64_t (*run)(struct sync_task *task);
    struct sync_task *next;
    int64_t due_ns; /* SYNC_NEVER: not in the list */
    bool running;
    bool detached;
};

/* Runs the task after delay_ns, or sooner if it is due sooner. */
void syncer_schedule(struct syncer *syncer, struct sync_task *task,
                     int64_t delay_ns);

/* Takes the task off the thread for good; waits where it is running. */
void syncer_detach(struct syncer *syncer, struct sync_task *task);

/* Writes wake_fd. */
void syncer_wake(struct syncer *syncer);

/* Adds one sync to the figures. */
void syncer_count(struct syncer *syncer, uint64_t bytes, int64_t ns);

#endif
