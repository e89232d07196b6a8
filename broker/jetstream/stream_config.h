/* stream_config: what a stream is asked to be. */
#ifndef NEXUS_BROKER_STREAM_CONFIG_H
#define NEXUS_BROKER_STREAM_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/jetstream/js_error.h"
#include "lib/json.h"

#define STREAM_SUBJECTS_MAX 256

enum stream_retention {
    RETENTION_LIMITS,
    RETENTION_INTEREST,
    RETENTION_WORKQUEUE
};
enum stream_discard { DISCARD_OLD, DISCARD_NEW };
enum stream_storage { STORAGE_FILE, STORAGE_MEMORY };

struct stream_config {
    char *name, *description;
    char **subjects;
    unsigned subject_count;
    int64_t max_consumers, max_msgs, max_bytes, max_msg_size; /* -1: none */
    int64_t max_age_ns;                                       /* 0: none */
    int64_t duplicate_window_ns; /* 0: every message is new */
    enum stream_retention retention;
    enum stream_discard discard;
    enum stream_storage storage;
    bool no_ack, allow_direct, mirror_direct, sealed, deny_delete, deny_purge;
};

/* Reads JSON, puts defaults in, and refuses what is wrong or not supported. 0,
 * or -1 with *error; fini in both cases. */
int stream_config_read(struct stream_config *config, struct json json,
                       struct arena *arena, struct js_error *error);
void stream_config_fini(struct stream_config *config);

void stream_config_write(const struct stream_config *config,
                         struct json_writer *w);

bool stream_config_equal(const struct stream_config *a,
                         const struct stream_config *b);

/* May a stream change from one to the other? 0, or -1 with *error. */
int stream_config_may_become(const struct stream_config *from,
                             const struct stream_config *to,
                             struct js_error *error);

#endif
