/* buf: a growing run of bytes.
 *
 * A zeroed struct buf is an empty buffer. Growth doubles and cannot fail (see
 * mem.h); callers that collect outside input check their own limit first. */
#ifndef NEXUS_BUF_H
#define NEXUS_BUF_H

#include <stdarg.h>
#include <stddef.h>

#include "lib/str.h"

struct buf {
    char *data;
    size_t len;
    size_t cap;
};

void buf_fini(struct buf *b);

/* Empties the buffer and keeps its memory. */
static inline void buf_reset(struct buf *b)
{
    b->len = 0;
}

/* Makes the memory hold n more bytes behind b->len. */
void buf_grow(struct buf *b, size_t n);

/* Room for n more bytes behind b->len; returns where they go. The caller
 * writes there and adds to b->len. */
static inline char *buf_reserve(struct buf *b, size_t n)
{
    if (b->cap - b->len < n || b->data == NULL)
        buf_grow(b, n);
    return b->data + b->len;
}

static inline void buf_append(struct buf *b, const void *bytes, size_t n)
{
    if (n == 0)
        return;
    memcpy(buf_reserve(b, n), bytes, n);
    b->len += n;
}

static inline void buf_append_str(struct buf *b, struct str s)
{
    buf_append(b, s.p, s.len);
}

static inline void buf_append_text(struct buf *b, const char *text)
{
    buf_append(b, text, strlen(text));
}

static inline void buf_append_byte(struct buf *b, char byte)
{
    *buf_reserve(b, 1) = byte;
    b->len++;
}

void buf_append_u64(struct buf *b, uint64_t value);
void buf_append_i64(struct buf *b, int64_t value);
void buf_printf(struct buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list args);

/* Drops the first n bytes and moves the rest to the front. */
void buf_consume(struct buf *b, size_t n);

/* The text with a NUL behind it (not counted in len); borrows. */
const char *buf_text(struct buf *b);

static inline struct str buf_str(const struct buf *b)
{
    return str_make(b->data, b->len);
}

#endif
