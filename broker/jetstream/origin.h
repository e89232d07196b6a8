/* origin: a stream that another stream copies its messages from.
 *
 * A mirror has one origin, and its messages keep their sequences and times. A
 * stream with sources has several; their messages are appended under
 * sequences of its own, with a header that says where they came from
 * (source_header.h).
 *
 * An origin in the same account is read from its store, as soon as messages
 * are durable there; one on another server through a connection
 * (remote/remote_origin.h). Either reader asks origin_next where to go on and
 * hands every message to origin_take; what is not taken is offered again. */
#ifndef NEXUS_BROKER_ORIGIN_H
#define NEXUS_BROKER_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/jetstream/js_error.h"
#include "broker/jetstream/source_header.h"
#include "broker/jetstream/stream_source.h"
#include "broker/jetstream/transform.h"
#include "broker/store/store.h"
#include "broker/timer.h"
#include "lib/clock.h"

/* Of one origin in one turn of the loop. */
#define ORIGIN_TURN_MSGS  1024
#define ORIGIN_TURN_BYTES (2u << 20)

/* After the stream did not take a message, or the origin could not be read. */
#define ORIGIN_RETRY_NS (250 * NS_PER_MS)

struct jetstream;
struct remote_origin;
struct stream;

struct origin {
    struct stream *stream;              /* that copies */
    const struct stream_source *config; /* a part of stream->config */
    bool mirror;
    char *key; /* "<origin> <filters> <destinations>", which name it */
    struct source_header mark; /* the same in parts */
    struct str *patterns;
    struct store_filter filter; /* what it selects; no patterns: all */
    struct transform **transforms;

    uint64_t position;  /* sequence there of the last message taken or passed
                          over; 0: none yet */
    uint64_t durable;   /* the same of messages that are on disk here (see
                          origins.c) */
    uint64_t released;  /* up to here the origin was told so */
    uint64_t snapshot;  /* position, when the last snapshot was made */
    uint64_t lag;       /* messages there that are still to come, when known */
    int64_t contact_ns; /* mono, when the origin was last heard of; 0: never */
    struct js_error error; /* why nothing comes; code 0: nothing is wrong */
    int64_t created_ns; /* of the stream there when it was met last; 0: it was
                           not */
    bool held;          /* waits until less waits for the disk here */

    struct stream *local; /* the origin, when it is here … */
    struct origin *next_reader;
    struct remote_origin *remote; /* … or the way to it */
    struct timer retry_timer;
    bool woken;
    struct origin *next_woken;
};

/* Borrows stream and config. Reads nothing yet. */
struct origin *origin_new(struct stream *stream,
                          const struct stream_source *config, bool mirror);
void origin_free(struct origin **origin);

/* The configuration moved, or changed in what does not name the origin. */
void origin_rebind(struct origin *origin, const struct stream_source *config);

/* Is a copied message's mark one of this origin's? */
bool origin_is_marked(const struct origin *origin,
                      const struct source_header *mark);

/* Looks for the origin and begins to read; when it is not there, its error
 * says so. Again whenever that may have changed. */
void origin_attach(struct origin *origin);

/* The origin is about to end; waits for it to come back. */
void origin_detach(struct origin *origin);

/* Is a message of the stream still to be copied by one that reads it? */
bool origin_is_needed(const struct stream *stream, uint64_t seq,
                      struct str subject);

/* What was copied leaves an origin that is a work queue, or kept only for
 * those who are interested. */
void origin_release(struct origin *origin);

/* ---- for readers ---- */

/* The sequence to read next; 0: the beginning, or where the configuration's
 * time says. */
uint64_t origin_next(const struct origin *origin);

/* Takes a message, or passes over one that is not wanted. 0, or -EAGAIN: it,
 * and what follows, must be offered again after ORIGIN_RETRY_NS. */
int origin_take(struct origin *origin, const struct store_msg *msg);

/* What the origin is now, before anything is read of it. One that was made
 * anew is read from its beginning; a mirror waits until it has passed the
 * mirror's own sequence, and follows where the origin has removed messages. */
struct origin_state {
    int64_t created_ns;
    uint64_t first_seq, last_seq;
};
void origin_meet(struct origin *origin, const struct origin_state *state);

/* It was heard of, and all is well. */
void origin_contact(struct origin *origin, uint64_t lag);

/* Why nothing comes; logged when it changes. */
void origin_fail(struct origin *origin, int code, int err_code,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* ---- for the loop ---- */

/* Those that are to be copied in the next turn, first come first served. */
struct origin_queue {
    struct origin *first, *last;
};

/* Messages may be there to be copied. */
void origin_wake(struct origin *origin);

/* Copies a turn's worth from a stream of this broker. */
void origin_copy(struct origin *origin);

/* A StreamSourceInfo: {"name":…,"lag":…,"active":…}. */
void origin_describe(const struct origin *origin, struct json_writer *w);

#endif
