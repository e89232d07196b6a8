#include "lib/http_chunks.h"

#include <errno.h>

#define DIGITS_MAX 15 /* hexadecimal; more is beyond any limit */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int enter(struct http_chunks *c, enum http_chunks_state state)
{
    c->state = state;
    return 0;
}

static int expect(struct http_chunks *c, char byte, char wanted,
                  enum http_chunks_state next)
{
    return byte == wanted ? enter(c, next) : -EPROTO;
}

/* A byte of the size, or the first one behind it. */
static int take_size(struct http_chunks *c, char byte)
{
    int digit = hex_digit(byte);
    if (digit >= 0) {
        c->left = c->left << 4 | (unsigned)digit;
        return ++c->digits <= DIGITS_MAX ? 0 : -EMSGSIZE;
    }
    if (c->digits == 0)
        return -EPROTO;
    if (byte == '\r')
        return enter(c, CHUNKS_SIZE_LF);
    return byte == ';' || byte == ' ' || byte == '\t'
               ? enter(c, CHUNKS_EXTENSION)
               : -EPROTO;
}

static int take_skipped(struct http_chunks *c, char byte, size_t most,
                        enum http_chunks_state at_cr)
{
    if (byte == '\n' || byte == '\0' || ++c->line > most)
        return -EPROTO;
    return byte == '\r' ? enter(c, at_cr) : 0;
}

/* The size line is whole: data, or the last chunk's trailers. */
static int take_size_end(struct http_chunks *c, char byte)
{
    c->digits = 0;
    c->line = 0;
    return expect(c, byte, '\n',
                  c->left > 0 ? CHUNKS_DATA : CHUNKS_TRAILER_START);
}

static int take_trailer_start(struct http_chunks *c, char byte)
{
    if (byte == '\r')
        return enter(c, CHUNKS_END_LF);
    c->state = CHUNKS_TRAILER;
    return take_skipped(c, byte, HTTP_CHUNKS_TRAILER_MAX, CHUNKS_TRAILER_LF);
}

/* A byte that is not of the body. */
static int take_byte(struct http_chunks *c, char byte)
{
    switch (c->state) {
    case CHUNKS_SIZE:
        return take_size(c, byte);
    case CHUNKS_EXTENSION:
        return take_skipped(c, byte, HTTP_CHUNKS_LINE_MAX, CHUNKS_SIZE_LF);
    case CHUNKS_SIZE_LF:
        return take_size_end(c, byte);
    case CHUNKS_DATA_CR:
        return expect(c, byte, '\r', CHUNKS_DATA_LF);
    case CHUNKS_DATA_LF:
        return expect(c, byte, '\n', CHUNKS_SIZE);
    case CHUNKS_TRAILER_START:
        return take_trailer_start(c, byte);
    case CHUNKS_TRAILER:
        return take_skipped(c, byte, HTTP_CHUNKS_TRAILER_MAX,
                            CHUNKS_TRAILER_LF);
    case CHUNKS_TRAILER_LF:
        return expect(c, byte, '\n', CHUNKS_TRAILER_START);
    default: /* CHUNKS_END_LF */
        return expect(c, byte, '\n', CHUNKS_DONE);
    }
}

static ssize_t take_data(struct http_chunks *c, struct str text,
                         struct buf *body, size_t body_max)
{
    size_t n = text.len < c->left ? text.len : (size_t)c->left;
    if (c->left > body_max - body->len)
        return -EMSGSIZE;
    buf_append(body, text.p, n);
    c->left -= n;
    if (c->left == 0)
        c->state = CHUNKS_DATA_CR;
    return (ssize_t)n;
}

ssize_t http_chunks_take(struct http_chunks *c, struct str text,
                         struct buf *body, size_t body_max)
{
    size_t at = 0;
    while (at < text.len && c->state != CHUNKS_DONE) {
        ssize_t n = 1;
        if (c->state == CHUNKS_DATA)
            n = take_data(c, str_make(text.p + at, text.len - at), body,
                          body_max);
        else if ((n = take_byte(c, text.p[at])) == 0)
            n = 1;
        if (n < 0)
            return n;
        at += (size_t)n;
    }
    return (ssize_t)at;
}
