/* stream: messages of some subjects, kept in order.
 *
 * A stream listens to its subjects like any subscriber. What it takes is
 * appended to its store; the publisher's acknowledgement waits until the store
 * says that the message is durable, and only then do consumers see it. */
#ifndef NEXUS_BROKER_STREAM_H
#define NEXUS_BROKER_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "broker/jetstream/consumer.h"
#include "broker/jetstream/consumer_index.h"
#include "broker/jetstream/dedup.h"
#include "broker/jetstream/js_error.h"
#include "broker/msg.h"
#include "broker/jetstream/puback.h"
#include "broker/jetstream/republish.h"
#include "broker/store/store.h"
#include "broker/jetstream/stream_config.h"
#include "broker/sublist.h"
#include "broker/timer.h"

#define STREAM_HEADERS_MAX (64u << 10)

struct jetstream;
struct origin;
struct origins;
struct transform;

/* Bytes handed to the store that are not durable yet, told from the sums at
 * the last commits. */
#define STREAM_COMMITS_MAX 64

/* Messages after which the disk gets a turn's first ones, so that it is busy
 * while the loop still reads the others: a fifth more a second with 500 in
 * flight than one commit a turn; each half of this, or twice, gains less. */
#define STREAM_COMMIT_EACH 128

struct stream_backlog {
    struct {
        uint64_t seq, bytes;
    } commits[STREAM_COMMITS_MAX];
    unsigned first, count;
    uint64_t appended, durable; /* bytes since the start */
};

struct stream {
    struct jetstream *js;
    char *name; /* the key in jetstream->streams */
    struct stream_config config;
    int64_t created_ns;
    bool narrowed; /* it may hold messages of subjects it no longer takes */
    char *folder;  /* "" for memory */
    struct store *store;
    uint64_t durable; /* what consumers may see: the store's, when last asked */
    struct stream_backlog backlog;
    int64_t last_time_ns;
    char *last_msg_id; /* of the last message; NULL: it had none */

    struct sub **subs; /* one a subject */
    unsigned sub_count;
    struct dedup dedup;
    struct pubacks acks;
    struct buf ack; /* `{"stream":"X", "seq":` and scratch behind it */
    size_t ack_prefix;
    struct timer age_timer;    /* the first message's time is over */
    struct timer ttl_timer;    /* the time of some message is over */
    uint64_t aged_seq;         /* what is left before it stays for ever */
    struct timer review_timer; /* retention_review goes on */
    uint64_t review_seq, review_through; /* from and to there */
    struct transform *transform;         /* of what is published; NULL: none */
    struct buf transformed;              /* scratch: a subject */
    struct republish republish;

    struct origins *origins; /* what it copies from; NULL: nothing */
    struct origin *readers;  /* of other streams, that copy from it */
    bool visited;            /* in a search (origins_check) */

    struct consumer *consumers; /* by name */
    struct consumer_index index;
    uint32_t consumer_count;

    bool dirty;           /* appended to in this turn */
    unsigned uncommitted; /* acknowledgements that wait for a commit */
    struct stream *next_dirty;
    UT_hash_handle hh; /* of jetstream */
};

/* A stream over a store that holds what it held before; takes *config and
 * store. It listens once stream_listen was called. */
struct stream *stream_new(struct jetstream *js, struct stream_config *config,
                          struct store *store, const char *folder,
                          int64_t created_ns);
void stream_listen(struct stream *stream);

/* Ends it with its consumers and closes its store. deleted: those who wait for
 * messages are told. */
void stream_free(struct stream *stream, bool deleted);

/* Would a stream of these subjects take everything that it takes now? */
bool stream_keeps_subjects(const struct stream *stream,
                           const struct stream_config *config);

/* Takes on a new configuration; takes *config. */
void stream_update(struct stream *stream, struct stream_config *config);

/* Something is to be committed or acknowledged in this turn. */
void stream_mark_dirty(struct stream *stream);

/* The last message's id; empty: it had none. Copies. */
void stream_set_last_id(struct stream *stream, struct str id);

/* Hands what was appended to the disk. */
void stream_commit(struct stream *stream);

/* Acknowledges what became durable, and lets consumers have it. */
void stream_advance(struct stream *stream);

static inline uint64_t stream_durable(const struct stream *stream)
{
    return stream->durable;
}

static inline void stream_state(const struct stream *stream,
                                struct store_state *out)
{
    stream->store->ops->state(stream->store, out);
}

/* Everything that was taken is durable and acknowledged. */
bool stream_settled(const struct stream *stream);

/* So much waits for the disk that publishers should pause. */
bool stream_congested(const struct stream *stream);

/* The first sequence at or after a time. */
uint64_t stream_seq_at(const struct stream *stream, int64_t time_ns);

/* Removes all up to seq (at most the last); how many that were. */
uint64_t stream_remove_through(struct stream *stream, uint64_t seq);

/* Gives up the sequences behind the last through seq. 0, or -EINVAL: there is
 * nothing between. */
int stream_skip(struct stream *stream, uint64_t seq);

/* Removes one message; erase: its bytes on disk, too. 0, or -ENOENT. */
int stream_remove(struct stream *stream, uint64_t seq, bool erase);

/* The same where its subject is known. */
int stream_drop(struct stream *stream, uint64_t seq, struct str subject,
                bool erase);

struct consumer *stream_consumer(const struct stream *stream, struct str name);

/* Adds one; takes it. Not a name that is there already. */
void stream_consumer_add(struct stream *stream, struct consumer *consumer);

/* Ends a consumer and removes its files. */
void stream_consumer_delete(struct stream *stream, struct consumer *consumer);

/* ---- stream_info.c ---- */

/* What StreamInfo is to tell besides the usual. */
struct stream_details {
    struct str subjects_filter; /* len 0: no subjects */
    uint64_t offset;            /* how many of them to leave out */
    bool deleted;               /* the sequences that are not there */
};

#define STREAM_SUBJECTS_PAGE 100000u

/* How many subjects the filter selects. */
uint64_t stream_count_subjects(const struct stream *stream, struct str filter);

/* Members of StreamInfo; the second with details. */
void stream_describe(const struct stream *stream, struct json_writer *w);
void stream_describe_state(const struct stream *stream, struct json_writer *w);
void stream_describe_with(const struct stream *stream,
                          const struct stream_details *details,
                          struct json_writer *w);

#endif
