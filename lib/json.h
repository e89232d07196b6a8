/* json: reading and writing JSON (RFC 8259).
 *
 * Reading: json_parse first checks the whole text (grammar, UTF-8, escapes,
 * depth: jsmn alone lets malformed text through), then lets jsmn cut it into
 * tokens. Values are indexes into those tokens; nothing is copied until a
 * string with escapes is asked for.
 *
 * Writing: a json_writer appends to a buf, puts the commas and escapes. */
#ifndef NEXUS_JSON_H
#define NEXUS_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/errmsg.h"
#include "lib/str.h"

#define JSON_DEPTH_MAX 64

enum json_type {
    JSON_NONE, /* no such value: what a failed look-up returns */
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json_doc {
    struct str text;
    const void *tokens; /* jsmn's, in the arena of json_parse */
    int count;
};

/* A value of a document; doc NULL is "no such value". Small: pass by value. */
struct json {
    const struct json_doc *doc;
    int index;
};

/* Reads the one value that text holds. 0, or -EINVAL with *err naming the
 * byte offset and what was expected. The document borrows text and arena. */
int json_parse(struct json_doc *doc, struct str text, struct arena *arena,
               struct errmsg *err);

/* The check alone: 0, or -EINVAL. */
int json_validate(struct str text, struct errmsg *err);

struct json json_root(const struct json_doc *doc);
enum json_type json_type(struct json value);

/* The member of an object, the last one where the name repeats. */
struct json json_get(struct json object, const char *name);

/* Members or elements, in order:
 *     for (struct json_iter it = json_iter(v); json_next(&it);) … it.value */
struct json_iter {
    struct str key; /* of an object's member, as written between the quotes */
    struct json value;
    struct json parent;
    int next;
    int left;
};
struct json_iter json_iter(struct json container);
bool json_next(struct json_iter *it);
int json_count(struct json container); /* members or elements */

/* The value as it stands in the text, quotes of a string left out. */
struct str json_raw(struct json value);

/* The string with escapes resolved (borrowed from the text where there are
 * none, else in the arena). 0, or -EINVAL when it is not a string. */
int json_string(struct json value, struct arena *arena, struct str *out);

/* The same for the bytes between two quotes of a checked text, such as
 * json_iter's key. */
struct str json_unescape(struct str raw, struct arena *arena);

int json_i64(struct json value, int64_t *out);
int json_u64(struct json value, uint64_t *out);
int json_double(struct json value, double *out);
int json_bool(struct json value, bool *out);

/* ---- writing ---- */

struct json_writer {
    struct buf *out;
    bool comma; /* the next value or key needs one before it */
};

static inline struct json_writer json_writer(struct buf *out)
{
    return (struct json_writer){.out = out, .comma = false};
}

void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);
void json_key_str(struct json_writer *w, struct str key);

/* Bytes that are not UTF-8 come out as U+FFFD. */
void json_put_str(struct json_writer *w, struct str s);
void json_put_text(struct json_writer *w, const char *text); /* NULL: null */
void json_put_i64(struct json_writer *w, int64_t value);
void json_put_u64(struct json_writer *w, uint64_t value);

/* The shortest text that reads back as the same double; nan and inf: null. */
void json_put_double(struct json_writer *w, double value);
void json_put_bool(struct json_writer *w, bool value);
void json_put_null(struct json_writer *w);

/* JSON text made elsewhere. */
void json_put_raw(struct json_writer *w, struct str json);

/* Key and value in one. */
void json_member_text(struct json_writer *w, const char *key, const char *text);
void json_member_str(struct json_writer *w, const char *key, struct str s);
void json_member_i64(struct json_writer *w, const char *key, int64_t value);
void json_member_u64(struct json_writer *w, const char *key, uint64_t value);
void json_member_double(struct json_writer *w, const char *key, double value);
void json_member_bool(struct json_writer *w, const char *key, bool value);

/* The number's shortest text alone (no writer state); for CSV and metrics. */
void json_append_double(struct buf *out, double value);

#endif
