/* store_file: a stream's messages in files; what its sources share.
 *
 *   store_file.c  the loop thread's side: the operations of store.h
 *   store_sync.c  the syncer thread's side: writing, syncing, deleting
 *   recovery.c    what is found when a folder is opened
 *
 * Two threads, one lock. The loop thread owns what is under "loop", the syncer
 * what is under "syncer"; what is under "shared" is touched with the lock held.
 * The lock is never held over a system call. Records cross from one to
 * the other in `pending`: those up to `target` belong to the syncer's walk until it
 * has moved `durable` past them. Segments cross in `fresh` (made by the syncer,
 * from then on the loop's), in segment->published (how far the active one
 * goes, copied into segment->extent by the loop) and in `doomed` (to be
 * deleted). A segment's index is filled by the syncer beyond what is durable and
 * read by the loop up to there. */
#ifndef NEXUS_BROKER_STORE_FILE_H
#define NEXUS_BROKER_STORE_FILE_H

#include <pthread.h>
#include <stdatomic.h>

#include "broker/store/meta.h"
#include "broker/store/pending.h"
#include "broker/store/reader.h"
#include "broker/store/segment.h"
#include "broker/store/seqset.h"
#include "broker/store/store.h"
#include "broker/store/syncer.h"
#include "lib/clock.h"

/* How soon a failed write is tried again. */
#define STORE_RETRY_NS (500 * NS_PER_MS)
/* How long removals may wait to be written down, many in one. */
#define STORE_META_DELAY_NS (250 * NS_PER_MS)
/* How long the last sequence may. */
#define STORE_LAST_DELAY_NS (1 * NS_PER_S)
/* Damaged messages that are named in the log, each once. */
#define STORE_REPORTS_MAX 256

/* Where the syncer appends. */
struct writer {
    struct segment *segment; /* NULL: the next record starts a new one */
    int fd;
    struct segment_extent extent; /* durable */
    bool unpublished;             /* the loop does not know the segment yet */
    bool suspect;                 /* a sync failed: its pages are not trusted */
    uint64_t next_seq;
};

struct store_file {
    struct store store;
    char *dir;
    int dir_fd; /* locked */
    uint32_t salt;
    uint64_t segment_bytes;
    struct syncer *syncer;
    struct sync_task task;

    /* loop */
    struct segment **segments; /* ascending; the last one is appended to */
    size_t segments_count, segments_max;
    struct store_state state; /* times and deleted excepted */
    struct seqset removed;    /* from state.first_seq on: what is not there */
    int64_t next_expiry_ns;
    uint64_t first_time_of; /* the sequence state.first_time_ns is of */
    struct pending pending;
    struct reader reader;
    uint64_t seen_seq;     /* durable when `shared` was last looked at */
    uint64_t appended_seq; /* of the last record; behind it they were skipped */
    uint64_t *reported;
    size_t reported_count;

    /* syncer */
    struct writer writer;
    struct meta meta;
    int64_t meta_saved_ns;
    bool meta_failed; /* and that was logged */

    /* shared */
    pthread_mutex_t lock;
    pthread_cond_t settled; /* durable moved, or an attempt failed */
    uint64_t target;        /* last sequence committed */
    uint64_t failures;
    struct segment *fresh; /* oldest first */
    struct segment *doomed;
    uint64_t removed_through; /* to be written down */
    bool closing;

    /* written by the syncer with the lock held, read by anyone */
    _Atomic uint64_t durable;
    _Atomic int error; /* 0 or a negative errno */
};

/* Fills the loop's and the syncer's side from the folder. 0, or a negative
 * errno with *err. */
int store_file_recover(struct store_file *s, struct errmsg *err);

/* Makes the segment's index again, in memory, from its records. */
int store_file_rebuild_index(struct store_file *s, struct segment *segment);

/* The task: writes what is committed, then what was removed. */
int64_t store_file_sync(struct sync_task *task);

/* Writes store.meta now and deletes what removals freed. */
void store_file_save_meta(struct store_file *s);

/* Adds a segment behind the others. */
void store_file_add_segment(struct store_file *s, struct segment *segment);

#endif
