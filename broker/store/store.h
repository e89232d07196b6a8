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
};

struct store_state {
    uint64_t first_seq; /* last_seq + 1 when empty */
    uint64_t last_seq;  /* appended, durable or not */
    uint64_t messages;  /* from first to last, less what is missing */
    uint64_t bytes;     /* as nats-server counts: 22 + subject + (headers? 4 +
                       headers) + payload + 8 a message */
    int64_t first_time_ns, last_time_ns; /* 0 when empty */
};

struct store_ops {
    const char *name; /* "file", "memory" */

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
};

/* Opens or makes the store in folder dir (and the folders above it): recovers
 * what is there, cuts a torn tail off the last segment (and says so in the
 * log). The folder may hold other files, except *.seg and store.meta.
 * segment_bytes 0: 64 MiB; else 4 KiB to 1 GiB. Borrows syncer. NULL with
 * *err: the folder is in use, of a newer version, cannot be read … */
struct store *store_file_open(const char *dir, struct syncer *syncer,
                              uint64_t segment_bytes, struct errmsg *err);

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
