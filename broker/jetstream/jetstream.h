/* jetstream: the streams of a broker, where they live, and their turn.
 *
 *     <store_dir>/lock                          one broker at a time
 *     <store_dir>/streams/<stream>/stream.json  configuration and age
 *     <store_dir>/streams/<stream>/msgs/        the store (see README)
 *     <store_dir>/streams/<stream>/sources.json how far its origins are copied
 *     <store_dir>/streams/<stream>/consumers/<consumer>.json
 *     <store_dir>/streams/<stream>/consumers/<consumer>.state
 *
 * A stream or consumer exists once its .json is there: that file is written
 * and synced before the creation is answered, and a folder to be deleted is
 * first renamed to <stream>.deleted. */
#ifndef NEXUS_BROKER_JETSTREAM_H
#define NEXUS_BROKER_JETSTREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/jetstream/consumer.h"
#include "broker/jetstream/origins.h"
#include "broker/jetstream/jetstream_config.h"
#include "broker/jetstream/stream.h"
#include "lib/errmsg.h"

struct account;

struct jetstream {
    struct account *account;
    char *folder;
    int lock_fd;
    struct stream *streams;  /* by name */
    struct sub *api_subs[2]; /* $JS.API.>, $JS.<domain>.API.> (NULL: none) */
    uint64_t api_total, api_errors;
    unsigned damaged; /* streams that could not be opened */

    bool restored;               /* all streams of before are there */
    struct origin_queue copying; /* origins with something to copy */
    /* Bytes of all streams by storage, as of the turn that began then and with
     * what was taken since; kept only where they are limited. */
    uint64_t used[2];
    int64_t used_ns;

    struct stream *dirty;          /* appended to in this turn */
    struct consumer *woken;        /* to be pumped at the end of the turn */
    struct consumer *dirty_states; /* to be saved, in turns */
    struct consumer *last_dirty_state;
    struct timer save_timer;
    int64_t save_after_ns; /* mono: not before */
};

/* Opens the folder, or makes it, with the streams in it. A stream that cannot
 * be read is logged and left alone. NULL with *err. */
struct jetstream *jetstream_open(struct account *account, const char *folder,
                                 struct errmsg *err);

/* Waits for the disk and saves every consumer's state. */
void jetstream_close(struct jetstream **js);

/* ---- for the loop ---- */

/* The end of a turn: commit, acknowledge, send. */
void jetstream_turn(struct jetstream *js);

/* The syncer woke the loop. */
void jetstream_stored(struct jetstream *js);

/* A blocked connection has room again. */
void jetstream_room(struct jetstream *js);

bool jetstream_busy(const struct jetstream *js);      /* more to do now */
bool jetstream_settled(const struct jetstream *js);   /* all is on disk */
bool jetstream_congested(const struct jetstream *js); /* the disk lags */

/* Of the broker's configuration; "": none. */
const char *jetstream_domain(const struct jetstream *js);

/* ---- streams and consumers; 0, or -1 with *error ---- */

struct stream *jetstream_stream(const struct jetstream *js, struct str name);

/* Takes *config. An existing stream of the same configuration will do. */
int jetstream_stream_create(struct jetstream *js, struct stream_config *config,
                            struct stream **out, struct js_error *error);
/* One over a store that is open; takes *config and store. */
struct stream *jetstream_stream_add(struct jetstream *js,
                                    struct stream_config *config,
                                    struct store *store, const char *folder,
                                    int64_t created_ns);
int jetstream_stream_update(struct stream *stream, struct stream_config *config,
                            struct js_error *error);
void jetstream_stream_delete(struct stream *stream);

/* ---- consumers: js_consumers.c ---- */

enum consumer_action {
    CONSUMER_CREATE_OR_UPDATE,
    CONSUMER_CREATE, /* one of that name must have the same configuration */
    CONSUMER_UPDATE  /* it must be there */
};

/* Makes it, or updates the one of that name; takes *config. */
int jetstream_consumer_create(struct stream *stream, const char *name,
                              struct consumer_config *config,
                              enum consumer_action action,
                              struct consumer **out, struct js_error *error);

/* Nothing is delivered until then (wall clock; 0: go on). */
int jetstream_consumer_pause(struct consumer *consumer, int64_t until_ns,
                             struct js_error *error);

/* Puts it to *seq, or, when that is 0, to its acknowledgement floor; on disk
 * when it returns. *seq: where that is. An error of the disk does not undo
 * it. */
int jetstream_consumer_reset(struct consumer *consumer, uint64_t *seq,
                             struct js_error *error);

/* Saves the states of all, on disk when it returns. */
void jetstream_save_states(struct jetstream *js);
void jetstream_save_timeout(struct timer *timer);

/* ---- called by consumers ---- */

void jetstream_consumer_dirty(struct jetstream *js, struct consumer *consumer);
void jetstream_consumer_woken(struct jetstream *js, struct consumer *consumer);

/* Takes it off every list. */
void jetstream_consumer_forget(struct jetstream *js, struct consumer *consumer);

#endif
