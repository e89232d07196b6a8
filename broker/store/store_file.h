/* store_file: a stream's messages in files; what its sources share.
 *
 *   store_file.c    the loop thread's side: appending, reading, opening
 *   store_remove.c  removing, on that side, and what it asks of the other
 *   store_held.c    removals that wait for what pushed them out
 *   store_search.c  which messages, by filter, subject and time
 *   store_sync.c    the syncer thread's side: writing, syncing, deleting
 *   compaction.c    on that side, too: what is left of a segment, in less room
 *   recovery.c      what is found when a folder is opened
 *
 * Two threads, one lock. The loop thread owns what is under "loop", the syncer
 * what is under "syncer"; what is under "shared" is touched with the lock held.
 * The lock is never held over a system call. Records cross from one to
 * the other in `pending`: those up to `target` belong to the syncer's walk until it
 * has moved `durable` past them. Segments cross in `fresh` (made by the syncer,
 * from then on the loop's), in segment->published (how far the active one
 * goes, copied into segment->extent by the loop) and in `doomed` (to be
 * deleted). A segment's index is filled by the syncer beyond what is durable and
 * read by the loop up to there. The set of what was removed and the list of
 * segments are the loop's, which takes the lock to change them: so the syncer
 * may read them with it. */
#ifndef NEXUS_BROKER_STORE_FILE_H
#define NEXUS_BROKER_STORE_FILE_H

#include <pthread.h>
#include <stdatomic.h>

#include "broker/store/meta.h"
#include "broker/store/pending.h"
#include "broker/store/reader.h"
#include "broker/store/removals.h"
#include "broker/store/segment.h"
#include "broker/store/seqset.h"
#include "broker/store/store.h"
#include "broker/store/subjects.h"
#include "broker/store/syncer.h"
#include "lib/clock.h"

/* How soon a failed write is tried again. */
#define STORE_RETRY_NS (500 * NS_PER_MS)
/* How long removals may wait to be written down, many in one. */
#define STORE_META_DELAY_NS (250 * NS_PER_MS)
/* How long the last sequence may. */
#define STORE_LAST_DELAY_NS (1 * NS_PER_S)
/* Ranges of damaged messages that are remembered; each is named in the log
 * once. */
#define STORE_DAMAGE_MAX 256
/* Filters whose choice of a segment's subjects is remembered. */
#define STORE_SELECTIONS 8
/* A segment with less of its bytes in use is compacted, in percent, */
#define STORE_COMPACT_PERCENT 50
/* unless it is smaller. */
#define STORE_COMPACT_BYTES (8U << 10)
/* and how soon that is tried again where the disk does not take it. */
#define STORE_COMPACT_RETRY_NS (10 * NS_PER_S)
/* What one look for messages whose own time is over may cost: entries of
 * segments, of which one whose message is read counts for so many. */
#define STORE_EXPIRY_STEPS 100000
#define STORE_EXPIRY_READ  16
/* Hashes that are known to be those of several subjects. */
#define STORE_SHARED_MAX          64
#define STORE_INDEX_BYTES_DEFAULT (UINT64_C(64) << 20)
#define STORE_SYNC_INTERVAL_NS    (1 * NS_PER_S)

/* Where the syncer appends. */
struct writer {
    struct segment *segment; /* NULL: the next record starts a new one */
    int fd;
    struct segment_extent extent; /* durable */
    bool unpublished;             /* the loop does not know the segment yet */
    bool suspect;                 /* a sync failed: its pages are not trusted */
    uint64_t next_seq;
};

/* Which subjects of a segment a filter selects. */
struct selection {
    const struct segment *segment; /* NULL: free */
    uint64_t filter;               /* hash of its patterns */
    bool by_text;                  /* too many: each message is looked at */
    uint64_t *chosen;              /* a bit a subject, */
    uint32_t known;                /* for so many */
    size_t words;
    uint64_t used;
};

/* A record whose text is to be overwritten. */
struct erasure {
    uint64_t first_seq; /* of the segment */
    uint32_t offset;    /* 0: it is not on disk yet */
    uint64_t seq;
};

struct erasures {
    struct erasure *list;
    size_t count, max;
};

/* Messages that others pushed out: not removed for the disk yet. */
struct held {
    struct seqset set;
    uint64_t after; /* until this one is durable */
};

/* A segment that is written anew, without what was removed from it. */
struct compaction {
    struct segment *segment;      /* the loop's; its index is in the file */
    uint64_t *dead;               /* a bit a sequence; owned */
    uint64_t dead_bytes;          /* what that comes to, ever */
    struct segment_extent extent; /* of what was written */
    int rc;                       /* 1: to be done; 0: done; negative errno */
    bool erased; /* the loop's: a message it may have copied, meanwhile */
};

enum store_subjects {
    SUBJECTS_UNKNOWN, /* not asked for yet */
    SUBJECTS_KNOWN,
    SUBJECTS_TOO_MANY, /* for index_bytes_max: they are looked for */
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
    uint64_t early_dead;      /* removed ones that are not durable yet */
    struct erasures early_erasures;
    enum store_subjects subjects_are;
    struct subjects subjects;
    uint64_t index_bytes_max;
    uint64_t shared[STORE_SHARED_MAX]; /* hashes of several subjects; */
    size_t shared_count;               /* at its most, all may be */
    struct selection selections[STORE_SELECTIONS];
    uint64_t selections_used;
    struct buf scratch;
    int64_t fresh_expiry_ns;    /* of messages that are not durable yet */
    struct store_range *damage; /* ascending; STORE_DAMAGE_MAX */
    size_t damage_count;
    bool removals_damaged;  /* when the folder was opened */
    unsigned walking;       /* through the segments: none may come now */
    uint64_t first_time_of; /* the sequence state.first_time_ns is of */
    struct pending pending;
    struct reader reader;
    uint64_t seen_seq;     /* durable when `shared` was last looked at */
    uint64_t appended_seq; /* of the last record; behind it they were skipped */

    /* syncer */
    struct writer writer;
    struct meta meta;
    int64_t meta_saved_ns;
    bool meta_failed; /* and that was logged */
    struct removals removals;
    bool removals_failed; /* as meta_failed */
    enum store_sync sync;
    int64_t sync_interval_ns;
    int64_t synced_ns; /* relaxed: when that was last done */
    bool unsynced;     /* and something was written since */

    /* shared */
    pthread_mutex_t lock;
    pthread_cond_t settled; /* durable moved, or an attempt failed */
    uint64_t target;        /* last sequence committed */
    uint64_t failures;
    struct segment *fresh; /* oldest first */
    struct segment *doomed;
    uint64_t removed_through;   /* to be written down */
    uint64_t settled_seq;       /* seen_seq */
    struct seqset removed;      /* from state.first_seq on: what is not there */
    struct seqset unsaved;      /* what of it is to be written down */
    bool all_unsaved;           /* the journal is to be begun anew */
    struct store_range skipped; /* the last that was; 0: none */
    struct erasures erasures;
    struct compaction compaction; /* segment NULL: none */
    struct held held[2];          /* the loop's, as `removed` is */
    uint64_t held_from;           /* those below do not count any more */
    bool closing;

    /* written by the syncer with the lock held, read by anyone */
    _Atomic uint64_t durable;
    _Atomic int error;      /* 0 or a negative errno */
    _Atomic bool compacted; /* a compaction is to be taken over */
};

/* Fills the loop's and the syncer's side from the folder. 0, or a negative
 * errno with *err. */
int store_file_recover(struct store_file *s, struct errmsg *err);

/* Makes the segment's index again, in memory, from its records. */
int store_file_rebuild_index(struct store_file *s, struct segment *segment);

/* Notes sequences that should be there and cannot be read; false: that is
 * known, or cannot be remembered. */
bool store_file_note_damage(struct store_file *s, uint64_t from,
                            uint64_t through);

/* ---- loop ---- */

static inline struct store_file *store_file_of(struct store *store)
{
    return (struct store_file *)store; /* its first member */
}

/* Takes over what the syncer has made durable since the last time. */
void store_file_harvest(struct store_file *s);

/* Adds a segment behind the others; with the lock held. */
void store_file_add_segment(struct store_file *s, struct segment *segment);

/* The place of the last segment that starts at or before seq, from 1; 0: none
 * does. */
size_t store_file_place(const struct store_file *s, uint64_t seq);

/* The segment that covers seq; NULL: none does. */
struct segment *store_file_segment(const struct store_file *s, uint64_t seq);

/* As the operation, but takes nothing over from the syncer: a segment the caller
 * holds stays. */
int store_file_read_at(struct store_file *s, uint64_t seq,
                       struct store_msg *msg);
bool store_file_has(struct store *store, uint64_t seq);

/* Entry n of the segment's index, which is made again where it is damaged. 0
 * or a negative errno. */
int store_file_entry(struct store_file *s, struct segment *segment, uint64_t n,
                     struct segment_entry *entry);
int store_file_subject(struct store_file *s, struct segment *segment,
                       uint32_t place, struct segment_subject *subject);

/* Its subjects can be looked up: an old segment gets an index for that. */
int store_file_make_searchable(struct store_file *s, struct segment *segment);

/* ---- removing (loop) ---- */

int store_file_remove(struct store *store, uint64_t seq, bool erase);
int store_file_remove_through(struct store *store, uint64_t seq);
int store_file_skip(struct store *store, uint64_t seq);

/* Hands segments without messages over for deletion; the last one stays, it
 * knows how far the sequence has come. */
void store_file_drop_removed(struct store_file *s);

/* Enters what became durable through seq in its segments' figures. */
void store_file_settle_removed(struct store_file *s, uint64_t from,
                               uint64_t through);

/* One message that was removed is durable, or held no longer: it is entered in
 * its segment's figures and is to be written down. */
void store_file_note_settled(struct store_file *s, uint64_t seq);

/* Takes over a segment that was compacted. */
void store_file_take_compaction(struct store_file *s);

/* ---- what is held (loop, but for the first) ---- */

/* The first run of held messages at or behind seq. With the lock held, or on
 * the loop. */
bool store_file_next_held(const struct store_file *s, uint64_t seq,
                          struct store_range *run);
bool store_file_is_held(const struct store_file *s, uint64_t from,
                        uint64_t through);

/* Holds the removal of these back where what was appended last caused it and
 * is not durable; false: it need not wait. */
bool store_file_hold(struct store_file *s, uint64_t from, uint64_t through);

/* Somebody removed these, whatever becomes of what pushed them out. */
void store_file_give_up_held(struct store_file *s, uint64_t through);

/* Those whose time has come are written down like any other. */
void store_file_release_held(struct store_file *s);

/* removed_through follows the first sequence as far as nothing is held. With
 * the lock held. */
void store_file_move_removed(struct store_file *s);

/* ---- searching (loop) ---- */

int store_file_next(struct store *store, const struct store_filter *filter,
                    uint64_t seq, struct store_msg *msg);
int store_file_last(struct store *store, const struct store_filter *filter,
                    uint64_t seq, struct store_msg *msg);
uint64_t store_file_count(struct store *store,
                          const struct store_filter *filter, uint64_t seq);
bool store_file_subject_of(struct store *store, struct str subject,
                           struct store_subject *out);
void store_file_subjects(struct store *store, const struct store_filter *filter,
                         bool (*fn)(void *arg, struct str subject,
                                    const struct store_subject *found),
                         void *arg);
uint64_t store_file_subject_count(struct store *store);
int64_t store_file_next_expiry(struct store *store);
size_t store_file_expired(struct store *store, int64_t now_ns, size_t max,
                          void (*fn)(void *arg, const struct store_msg *msg),
                          void *arg);

/* The segment is gone or another: nothing of it is remembered. */
void store_file_forget_selections(struct store_file *s,
                                  const struct segment *segment);

/* ---- syncer ---- */

/* The task: writes what is committed, then what was removed. */
int64_t store_file_sync(struct sync_task *task);

/* Relaxed: what is written and not synced is, now. */
void store_file_sync_now(struct store_file *s);

/* Writes removals and store.meta now and deletes what they freed. 0, or a
 * negative errno: it is tried again. */
int store_file_save_meta(struct store_file *s);

/* Writes the segment anew; what is left is the loop's to do. */
void store_file_compact(struct store_file *s);

#endif
