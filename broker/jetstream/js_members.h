/* js_members: the members of a configuration as a table, which reads, writes
 * and frees them.
 *
 *     static const struct js_member members[] = {
 *         {"max_msgs", JS_I64, offsetof(struct stream_config, max_msgs)}, … }; */
#ifndef NEXUS_BROKER_JS_MEMBERS_H
#define NEXUS_BROKER_JS_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>

#include "broker/jetstream/js_error.h"
#include "lib/arena.h"
#include "lib/json.h"

enum js_kind {
    JS_TEXT,   /* char *, owned; NULL: none */
    JS_I64,    /* int64_t */
    JS_U64,    /* uint64_t */
    JS_BOOL,   /* bool */
    JS_CHOICE, /* an enum, the index of one of `choices` */
    JS_TIME    /* int64_t, wall ns; 0: none */
};

struct js_member {
    const char *name;
    enum js_kind kind;
    size_t at;                  /* in the struct */
    const char *const *choices; /* NULL at the end */
    bool always; /* written though it is empty, 0, false or the first choice */
};

struct js_members {
    const struct js_member *rows;
    size_t count;
};

/* What is absent or null stays as it is. 0, or -1: one is of another type. */
int js_members_read(struct js_members members, struct json object,
                    struct arena *arena, void *config);
void js_members_write(struct js_members members, const void *config,
                      struct json_writer *w);

/* Frees the texts. */
void js_members_fini(struct js_members members, void *config);

/* ---- other shapes of members ---- */

/* "name":["a","b"]; a zeroed one is empty. Owns. */
struct js_texts {
    char **texts;
    unsigned count;
};

/* At most max of them; what is absent or null leaves *out empty. 0 or -1. */
int js_texts_read(struct js_texts *out, struct json list, struct arena *arena,
                  unsigned max);
void js_texts_write(const struct js_texts *texts, struct json_writer *w);
void js_texts_fini(struct js_texts *texts);

/* "metadata":{"key":"value"}, in the order of the keys. Owns. */
struct js_metadata {
    struct js_texts keys, values;
};

#define JS_METADATA_BYTES_MAX (128u << 10) /* keys and values together */
#define JS_METADATA_MAX       4096u        /* pairs */

int js_metadata_read(struct js_metadata *out, struct json object,
                     struct arena *arena);
/* The member, unless it is empty. */
void js_metadata_write(const struct js_metadata *metadata,
                       struct json_writer *w);
size_t js_metadata_bytes(const struct js_metadata *metadata);
void js_metadata_fini(struct js_metadata *metadata);

/* This is one server: what is to be kept more than once is refused. 0, or -1
 * with *error. */
int js_check_replicas(int64_t replicas, struct js_error *error);

#endif
