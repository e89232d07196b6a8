/* js_saved: streams and consumers as they stand on disk (the folders are drawn
 * in jetstream.h), written and read back. */
#ifndef NEXUS_BROKER_JS_SAVED_H
#define NEXUS_BROKER_JS_SAVED_H

#include "broker/jetstream/jetstream.h"

/* first, between and last in one; the caller frees it. */
char *js_path(const char *first, const char *between, const char *last);
char *js_stream_folder(const struct jetstream *js, const char *name);

static inline bool js_on_disk(const struct stream *stream)
{
    return stream->folder[0] != '\0';
}

/* What stream.json says. */
struct js_stream_record {
    const struct stream_config *config;
    int64_t created_ns;
    bool narrowed;
};

/* Each is on disk when it returns 0; else a negative errno and *err. */
int js_save_stream(const char *folder, const struct js_stream_record *record,
                   struct errmsg *err);
int js_save_consumer(const struct consumer *consumer,
                     const struct consumer_config *config, struct errmsg *err);

/* sync false: on disk some time later. */
int js_save_state(const struct consumer *consumer, bool sync,
                  struct errmsg *err);

/* Removes a consumer's files. */
void js_remove_consumer(const struct consumer *consumer);

/* The store of a stream whose folder this is. NULL with *err. */
struct store *js_open_store(struct jetstream *js,
                            const struct stream_config *config,
                            const char *folder, struct errmsg *err);

/* Reads every stream back and finishes deletions that were not finished. What
 * cannot be read is logged, counted in js->damaged, and left alone. */
void js_restore(struct jetstream *js);

#endif
