/* origins: all that a stream copies from, and how far it is.
 *
 * A mirror's place is its own last sequence. The places of a stream with
 * sources are in its messages' headers, and in <stream>/sources.json:
 *
 *     {"through":900,"places":{"ORDERS > >":412,"AUDIT:a8Xd03kk > >":87}}
 *
 * says: what the messages up to 900 tell is known, so that after a restart
 * only those behind it are read. The file is written within ORIGINS_SAVE_NS,
 * and before a message behind `through` that is on disk leaves the stream: its
 * header is the only other witness. No place is beyond what is on disk here. */
#ifndef NEXUS_BROKER_ORIGINS_H
#define NEXUS_BROKER_ORIGINS_H

#include <stdint.h>

#include "broker/jetstream/js_error.h"
#include "broker/jetstream/origin.h"
#include "broker/timer.h"
#include "lib/json.h"

#define ORIGINS_SAVE_NS (250 * NS_PER_MS)

struct jetstream;
struct stream;
struct stream_config;

struct origins {
    struct stream *stream;
    struct origin **list;
    unsigned count;

    uint64_t saved;    /* `through` in the file */
    uint64_t through;  /* origin->durable says what messages up to here tell */
    uint64_t snapshot; /* the same of origin->snapshot; 0: none was made */
    struct timer save_timer;
};

/* Would a stream of this configuration copy from itself, by way of others? 0,
 * or -1 with *error. */
int origins_check(struct jetstream *js, const struct stream_config *config,
                  struct js_error *error);

/* Those that the stream's configuration names, at their places; none: nothing
 * is made. Also after the configuration changed. */
void origins_open(struct stream *stream);

/* All streams of before are there again: what they copy is looked for. */
void origins_begin(struct jetstream *js);

/* Saves the places. */
void origins_close(struct stream *stream);

/* ---- what happens to streams ---- */

/* A stream was made: those that waited for it begin. */
void origins_stream_came(struct jetstream *js, const struct stream *stream);

/* It is about to be freed: those that read it wait. */
void origins_stream_goes(struct stream *stream);

/* Messages of it became durable: those that read it are woken. */
void origins_stream_grew(struct stream *stream);

/* The same, of the stream that copies. */
void origins_stored(struct origins *origins);

/* The same when nothing waits for the disk: what was passed over counts, too. */
void origins_settle(struct origins *origins);

/* Messages up to seq are about to be removed from the stream that copies. */
void origins_leaving(struct origins *origins, uint64_t seq);

/* Does this block of headers say that the message was copied from one of
 * them? Only copies may: their places are read from it. */
bool origins_is_mark(const struct origins *origins, struct str headers);

/* ---- for the loop ---- */

/* Copies a turn's worth of everything that is to be copied. */
void origins_turn(struct jetstream *js);

/* Members "mirror" or "sources" of StreamInfo. */
void origins_describe(const struct origins *origins, struct json_writer *w);

#endif
