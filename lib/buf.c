#include "lib/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/mem.h"

#define BUF_FIRST  256 /* bytes of the first allocation */
#define DIGITS_MAX 20  /* of a uint64_t */

void buf_fini(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}

void buf_grow(struct buf *b, size_t n)
{
    size_t need = b->len + n;
    assert(need >= n);
    size_t cap = b->cap > 0 ? b->cap : BUF_FIRST;
    while (cap < need)
        cap *= 2;
    b->data = mem_realloc(b->data, cap);
    b->cap = cap;
}

void buf_append_u64(struct buf *b, uint64_t value)
{
    char *at = buf_reserve(b, DIGITS_MAX);
    b->len += (size_t)(str_put_u64(at, value) - at);
}

void buf_append_i64(struct buf *b, int64_t value)
{
    if (value < 0)
        buf_append_byte(b, '-');
    buf_append_u64(b, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void buf_vprintf(struct buf *b, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    assert(len >= 0);
    vsnprintf(buf_reserve(b, (size_t)len + 1), (size_t)len + 1, format, again);
    b->len += (size_t)len;
    va_end(again);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(b, format, args);
    va_end(args);
}

void buf_consume(struct buf *b, size_t n)
{
    assert(n <= b->len);
    if (n == 0)
        return;
    b->len -= n;
    memmove(b->data, b->data + n, b->len);
}

const char *buf_text(struct buf *b)
{
    *buf_reserve(b, 1) = '\0';
    return b->data;
}
