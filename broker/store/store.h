/* store: where a stream keeps its messages.
 *
 * A stream appends and reads through this table of functions; behind it stand
 * files (store_file.c) or memory (store_mem.c). All calls come from the
 * broker's one loop thread. Appending is buffered; store_commit hands what was
 * appended since the last commit to the disk as one group. A message counts as
 * stored, may be acknowledged and is shown to consumers only once
 * store_durable has reached its sequence. */
#ifndef NEXUS_BROKER_STORE_H
#define NEXUS_BROKER_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/errmsg.h"
#include "lib/str.h"

struct store;
struct syncer;

/* Longest message: subject, headers and payload together. */
#define STORE_MSG_MAX     (65U << 20)
#define STORE_SUBJECT_MAX UINT16_MAX

/* Of one stream, what may wait in memory for the disk. */
#define STORE_PENDING_MAX (64U << 20)

struct store_msg {
    uint64_t seq;    /* first message of a stream: 1; no gaps when appended */
    int64_t time_ns; /* never earlier than the message before */
    struct str subject;
    struct str headers; /* "NATS/1.0\r\n…\r\n\r\n", or empty */
    struct str payload;
    int64_t expires_ns; /* wall clock; 0: stays as long as the stream says */
};

/* Which messages: those whose subject one of the patterns selects. No filter
 * (NULL), or one without patterns: all. */
struct store_filter {
    const struct str *patterns;
    unsigned count;
};

/* Of the messages on one subject that are there, appended ones included. */
struct store_subject {
    uint64_t first_seq, last_seq;
    uint64_t messages;
};

struct store_range {
    uint64_t first_seq, last_seq;
};

struct store_state {
    uint64_t first_seq; /* last_seq + 1 when empty */
    uint64_t last_seq;  /* appended, durable or not */
    uint64_t messages;  /* from first to last, less what is missing */
    uint64_t bytes;     /* of them, by size() */
    int64_t first_time_ns, last_time_ns; /* 0 when empty */
    uint64_t deleted; /* sequences between first and last that are not there:
                         removed, skipped or lost */
};

struct store_ops {
    const char *name; /* "file", "memory" */

    /* What a message counts, as in nats-server: subject + headers + payload,
     * and 16 in memory; in files 30, and 4 more if it has headers. */
    uint64_t (*size)(const struct store_msg *msg);

    /* Buffers one message (copies); seq must be last_seq + 1. 0, or nothing
     * was taken: the negative errno of the last failed write (-ENOSPC, -EIO …)
     * while the disk refuses; -EAGAIN while STORE_PENDING_MAX waits for the
     * disk (ask again when wake_fd was written; error() is 0); -EMSGSIZE.
     *
     * What was taken before the disk began to refuse stays in memory, is
     * written when the disk recovers (tried every 500 ms) and becomes durable
     * then. last_seq never goes back. */
    int (*append)(struct store *store, const struct store_msg *msg);

    /* Hands the appended messages to the disk; once per turn of the loop. A
     * memory store's are durable at once, without a wake. */
    void (*commit)(struct store *store);

    /* The last sequence that is on disk. */
    uint64_t (*durable)(struct store *store);

    /* Reads one durable message and checks it. 0; -ENOENT no such sequence
     * (removed, missing, or not durable yet); -EBADMSG damaged (reported in
     * the log once; the next sequence may be well); the negative errno of a
     * read that failed (-EIO …). What *msg points to stays until the next call
     * on this store. */
    int (*read)(struct store *store, uint64_t seq, struct store_msg *msg);

    /* The first durable message from seq on (at seq or behind) that the filter
     * selects, and it is read as above; damaged ones are passed over. 0, or
     * -ENOENT: none is durable yet; the negative errno of a failed read. */
    int (*next)(struct store *store, const struct store_filter *filter,
                uint64_t seq, struct store_msg *msg);

    /* The same backwards: the last durable one at seq or before. */
    int (*last)(struct store *store, const struct store_filter *filter,
                uint64_t seq, struct store_msg *msg);

    /* How many durable messages from seq on the filter selects. */
    uint64_t (*count)(struct store *store, const struct store_filter *filter,
                      uint64_t seq);

    /* What there is of one literal subject. False: nothing. */
    bool (*subject)(struct store *store, struct str subject,
                    struct store_subject *out);

    /* Calls fn for every subject that is there and that the filter selects, in
     * no order, until it answers false. Neither appends nor removes. */
    void (*subjects)(struct store *store, const struct store_filter *filter,
                     bool (*fn)(void *arg, struct str subject,
                                const struct store_subject *found),
                     void *arg);

    /* How many subjects there are. */
    uint64_t (*subject_count)(struct store *store);

    /* Is a message of this sequence there (appended ones included)? */
    bool (*has)(struct store *store, uint64_t seq);

    /* Sequences that should be there and cannot be read: the first `max`
     * ranges known, ascending; how many. */
    size_t (*damage)(struct store *store, struct store_range *ranges,
                     size_t max);

    /* Removes one message, appended or durable. At once for reading and
     * state; on disk within 250 ms. erase: its bytes are overwritten on disk,
     * too. 0, or -ENOENT. */
    int (*remove)(struct store *store, uint64_t seq, bool erase);

    /* Gives up the sequences behind the last through seq: the next message
     * gets seq + 1. 0, or -EINVAL: seq is not beyond the last. */
    int (*skip)(struct store *store, uint64_t seq);

    /* When (wall clock) the next message with a time of its own may be over;
     * never too late, maybe too early. INT64_MAX: none has one. */
    int64_t (*next_expiry)(struct store *store);

    /* Calls fn for durable messages whose own time is over at now_ns; fn may
     * remove that message. At most `max` of them, and no more than can be
     * found in some milliseconds; next_expiry is not later than now_ns while
     * there may be others. How many. */
    size_t (*expired)(struct store *store, int64_t now_ns, size_t max,
                      void (*fn)(void *arg, const struct store_msg *msg),
                      void *arg);

    /* Removes every message up to and including seq (at most last_seq);
     * segments that hold nothing else are deleted, the active one excepted. At
     * once for reading and state; on disk within 250 ms. 0, or -EINVAL when
     * seq is beyond the last. */
    int (*remove_through)(struct store *store, uint64_t seq);

    void (*state)(struct store *store, struct store_state *out);

    /* 0, or the negative errno that append answers at present. */
    int (*error)(struct store *store);

    /* Commits, waits for the disk and closes. What a refusing disk does not
     * take (tried once more) is given up with an error in the log: it was
     * never durable, and as after a crash part of it may be there when the
     * store is opened next. */
    void (*close)(struct store *store);

    /* Closes and deletes everything the store made; the folder too, unless
     * it holds other files. */
    void (*destroy)(struct store *store);
};

/* Each kind of store starts with this. */
struct store {
    const struct store_ops *ops;
    bool making_room; /* the caller's: what is removed now is pushed out by the
                         message appended last, and is not gone from the disk
                         before that one is durable */
};

/* How messages of a file store become durable. */
enum store_sync {
    STORE_SYNC_ALWAYS, /* after fdatasync */
    STORE_SYNC_RELAXED /* when written; fdatasync every sync_interval_ns: a
                          power failure costs what came since */
};

struct store_options {
    uint64_t segment_bytes; /* 0: SEGMENT_BYTES_DEFAULT; 4 KiB to 1 GiB */
    enum store_sync sync;
    int64_t sync_interval_ns; /* relaxed; 0: 1 s */
    uint64_t index_bytes_max; /* memory for what is known of subjects; 0:
                                   STORE_INDEX_BYTES_DEFAULT. With less than
                                   it takes, all works, slower */
};

/* Opens or makes the store in folder dir (and the folders above it): recovers
 * what is there, cuts a torn tail off the last segment (and says so in the
 * log). The folder may hold other files, except *.seg and store.meta.
 * options NULL: the defaults. Borrows syncer. NULL with
 * *err: the folder is in use, of a newer version, cannot be read … */
struct store *store_file_open(const char *dir, struct syncer *syncer,
                              const struct store_options *options,
                              struct errmsg *err);

struct store *store_mem_open(void);

/* The thread that writes and fdatasyncs for all file stores: while one sync
 * runs, the next group gathers. wake_fd (an eventfd) is written when some
 * store's durable sequence or error changed. */
struct syncer *syncer_new(int wake_fd, struct errmsg *err);

/* After its stores are closed. */
void syncer_free(struct syncer **syncer);

/* Syncs done and time spent, for /metrics. */
struct syncer_stats {
    uint64_t syncs, bytes;
    int64_t sync_ns;
};
void syncer_stats(const struct syncer *syncer, struct syncer_stats *out);

#endif
