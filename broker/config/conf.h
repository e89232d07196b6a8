/* conf: the configuration language, read into a tree.
 *
 *     port: 4222                  # or "port = 4222", or "port 4222"
 *     max_payload: 8mb            // k m g: thousands; kb ki kib mb …: 1024s
 *     store_dir: "/var/lib/nexus"
 *     authorization {
 *       ADMIN: { user: admin, password: $ADMIN_PASSWORD }
 *       users = [ $ADMIN, { user: 'me', password: '$2a$11$…' } ]
 *     }
 *     include ./more.conf
 *
 * A text is bare, in "…" with escapes, in '…' without, or a block between "("
 * and a ")" alone in a line. $NAME is the value of a key further up, in this map
 * or one around it, or of the environment's variable, read by the same rules.
 * Where a map has a key twice, the later one counts. */
#ifndef NEXUS_BROKER_CONF_H
#define NEXUS_BROKER_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/errmsg.h"
#include "lib/str.h"

#define CONF_FILE_BYTES_MAX    (16u << 20)
#define CONF_DEPTH_MAX         32 /* maps and arrays within each other */
#define CONF_INCLUDE_DEPTH_MAX 8  /* files, and values of the environment */

enum conf_type {
    CONF_TEXT,
    CONF_INT,   /* the size's suffix is worked in */
    CONF_FLOAT, /* a decimal point */
    CONF_BOOL,  /* true false yes no on off */
    CONF_ARRAY,
    CONF_MAP
};

struct conf_value {
    enum conf_type type;
    const char *key;  /* of a member of a map; else NULL */
    const char *text; /* of everything but maps and arrays, as written */
    int64_t integer;
    double real; /* INT, too */
    bool boolean;
    struct conf_value *first, *last, *next; /* what an array or a map holds */
    const char *file;
    int line, column; /* from 1: of the key, where there is one */
    bool used;        /* some $variable stands for it */
};

/* Reads the file and what it includes. NULL with *err: "file:line:column:
 * what". All of it lives in the arena. */
struct conf_value *conf_load(const char *path, struct arena *arena,
                             struct errmsg *err);

/* The same for a text, which may not include files; name is for messages. */
struct conf_value *conf_parse(struct str text, const char *name,
                              struct arena *arena, struct errmsg *err);

/* "a map", "a number" …, for messages. */
const char *conf_type_name(enum conf_type type);

/* Sets *err to "file:line:column: …" and returns -EINVAL. */
int conf_refuse(const struct conf_value *at, struct errmsg *err,
                const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
