/* js_config: reading the members of a configuration. A member that is absent
 * or null leaves *out as it is; one of the wrong type is an error. Each returns
 * 0 or -1. */
#ifndef NEXUS_BROKER_JS_CONFIG_H
#define NEXUS_BROKER_JS_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/json.h"

/* Longest name of a stream or consumer: it is a file's name, too. */
#define JS_NAME_MAX 200u

/* Fit as a name: not empty, no space, '.', '*', '>', '/', '\' or control
 * character, at most JS_NAME_MAX. */
bool js_name_valid(struct str name);

int js_read_i64(struct json object, const char *name, int64_t *out);
int js_read_u64(struct json object, const char *name, uint64_t *out);
int js_read_bool(struct json object, const char *name, bool *out);

/* Frees the old text; the new one is the caller's. */
int js_read_text(struct json object, const char *name, struct arena *arena,
                 char **out);

/* Borrows from the text or the arena. */
int js_read_str(struct json object, const char *name, struct arena *arena,
                struct str *out);

/* The index of the text in names (NULL at the end). */
int js_read_choice(struct json object, const char *name, struct arena *arena,
                   const char *const *names, int *out);

/* An RFC 3339 time. */
int js_read_time(struct json object, const char *name, struct arena *arena,
                 int64_t *out);

/* "0001-01-01T00:00:00Z" for 0, as Go writes a time that is not set. */
void js_member_time(struct json_writer *w, const char *key, int64_t ns);

#endif
