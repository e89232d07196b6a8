/* stream_config: what a stream is asked to be.
 *
 * Members are rows of a table in stream_config.c; what they may be is in
 * stream_config_check.c. */
#ifndef NEXUS_BROKER_STREAM_CONFIG_H
#define NEXUS_BROKER_STREAM_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/jetstream/js_error.h"
#include "broker/jetstream/js_members.h"
#include "broker/jetstream/stream_source.h"
#include "lib/json.h"

#define STREAM_SUBJECTS_MAX    256
#define STREAM_SOURCES_MAX     256
#define STREAM_TAGS_MAX        64
#define STREAM_DESCRIPTION_MAX 4096

enum stream_retention {
    RETENTION_LIMITS,
    RETENTION_INTEREST,
    RETENTION_WORKQUEUE
};
enum stream_discard { DISCARD_OLD, DISCARD_NEW };
enum stream_storage { STORAGE_FILE, STORAGE_MEMORY };
enum stream_compression { COMPRESSION_NONE, COMPRESSION_S2 /* refused */ };

/* How a message becomes durable before it is acknowledged. */
enum stream_persist {
    PERSIST_DEFAULT, /* as the operator's settings say */
    PERSIST_ASYNC    /* written, synced within a second or so */
};

struct stream_config {
    char *name, *description;
    char **subjects;
    unsigned subject_count; /* 0: a mirror, or one with sources only */
    enum stream_retention retention;
    enum stream_discard discard;
    enum stream_storage storage;
    enum stream_compression compression;
    enum stream_persist persist;
    int64_t max_consumers, max_msgs, max_bytes, max_msg_size; /* -1: none */
    int64_t max_msgs_per_subject;                             /* -1: none */
    int64_t max_age_ns;                                       /* 0: none */
    int64_t duplicate_window_ns; /* 0: every message is new */
    int64_t replicas;            /* 1 */
    uint64_t first_seq;          /* of its first message; 0: 1 */
    bool discard_new_per_subject;
    bool no_ack, allow_direct, mirror_direct, sealed, deny_delete, deny_purge;
    bool allow_rollup;
    bool allow_msg_ttl;
    int64_t delete_marker_ttl_ns; /* 0: no markers */
    struct {
        int64_t inactive_threshold_ns, max_ack_pending; /* 0: none */
    } consumer_limits;
    struct js_metadata metadata;
    struct { /* means nothing to one server; kept and shown */
        char *cluster, *preferred;
        struct js_texts tags;
    } placement;
    struct subject_map *transform; /* of what is published; NULL: none */
    struct {
        struct subject_map map; /* dest NULL: none */
        bool headers_only;
    } republish;
    struct stream_source *mirror; /* NULL: none */
    struct stream_source *sources;
    unsigned source_count;
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

/* ---- stream_config_check.c ---- */

/* Is it sound by itself? 0, or -1 with *error. */
int stream_config_check(const struct stream_config *config,
                        struct js_error *error);

/* May a stream begin like this? 0, or -1 with *error. */
int stream_config_may_begin(const struct stream_config *config,
                            struct js_error *error);

/* What being sealed entails: nothing comes, nothing leaves. */
void stream_config_seal(struct stream_config *config);

/* May a stream change from one to the other? 0, or -1 with *error. */
int stream_config_may_become(const struct stream_config *from,
                             const struct stream_config *to,
                             struct js_error *error);

#endif
