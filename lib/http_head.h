/* http_head: the head of an HTTP/1.1 request (RFC 9112), read from a buffer.
 *
 * Nothing is allocated or copied: what is found are slices of the text. What
 * is ambiguous (two lengths, two hosts, folded lines, spaces before a colon,
 * stray control bytes) is refused, so that no proxy in front can read the same
 * bytes differently. */
#ifndef NEXUS_HTTP_HEAD_H
#define NEXUS_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/str.h"

#define HTTP_FIELDS_MAX 64

struct http_field {
    struct str name; /* as sent; compare with str_ieq */
    struct str value;
};

struct http_head {
    struct str method;
    struct str path;  /* of the target, still percent-encoded */
    struct str query; /* behind '?', or empty */
    int minor;        /* HTTP/1.minor */
    struct http_field fields[HTTP_FIELDS_MAX];
    size_t field_count;
    int64_t content_length; /* -1: the request has no body */
    bool chunked;           /* Transfer-Encoding: chunked */
    bool keep_alive;
    bool expect_continue;
};

/* Bytes of the head that text starts with, its empty line included; 0 while
 * more must be read. *seen is where the last call stopped looking: 0 at first,
 * then kept by the caller, so that a slow sender costs one look at each byte. */
size_t http_head_end(struct str text, size_t *seen);

/* Reads a whole head. 0, or the status it is refused with (400, 431, 501, 505)
 * and *why, a constant phrase. */
int http_head_parse(struct str text, struct http_head *head, const char **why);

/* The field's value, empty when absent; the first one where it repeats. */
struct str http_head_field(const struct http_head *head, struct str name);

/* Resolves %XX ('+' is a space where plus is set). 0, or -EINVAL when an
 * escape is malformed or the result is not UTF-8 text without NUL. *out lies
 * in the arena. */
int http_unescape(struct str text, bool plus, struct arena *arena,
                  struct str *out);

#endif
