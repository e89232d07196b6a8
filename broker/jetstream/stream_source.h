/* stream_source: where a mirror, or a stream with sources, takes its messages
 * from. */
#ifndef NEXUS_BROKER_STREAM_SOURCE_H
#define NEXUS_BROKER_STREAM_SOURCE_H

#include <stdint.h>

#include "broker/jetstream/js_error.h"
#include "broker/jetstream/js_members.h"
#include "lib/json.h"

#define STREAM_TRANSFORMS_MAX 64

/* "src" → "dest", as in transform.h. Owns. */
struct subject_map {
    char *src, *dest; /* NULL: "" */
};

/* One stream; a zeroed one is empty. Owns. */
struct stream_source {
    char *name;
    uint64_t start_seq;    /* 0: from the beginning */
    int64_t start_time_ns; /* 0: none */
    char *filter_subject;  /* NULL: everything */
    char *external_api;    /* prefix of its API; NULL: a stream of this
                                broker and account */
    char *external_deliver;
    struct subject_map *transforms; /* each is a filter, too */
    unsigned transform_count;
};

/* 0, or -1: something is of another type. */
int subject_map_read(struct subject_map *map, struct json object,
                     struct arena *arena);
void subject_map_write(const struct subject_map *map, struct json_writer *w);
void subject_map_fini(struct subject_map *map);

int stream_source_read(struct stream_source *source, struct json object,
                       struct arena *arena);
void stream_source_write(const struct stream_source *source,
                         struct json_writer *w);
void stream_source_fini(struct stream_source *source);

/* Alone, without a look at other streams. 0, or -1 with *error. */
int stream_source_check(const struct stream_source *source, bool mirror,
                        struct js_error *error);

#endif
