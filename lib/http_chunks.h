/* http_chunks: a request's body in chunks (RFC 9112 section 7.1), taken apart
 * from whatever pieces it arrives in. Extensions and trailers are skipped; what
 * is ambiguous (a bare LF, spaces, a size without end) is refused, so that no
 * proxy in front can read the same bytes differently. */
#ifndef NEXUS_HTTP_CHUNKS_H
#define NEXUS_HTTP_CHUNKS_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/buf.h"
#include "lib/str.h"

#define HTTP_CHUNKS_LINE_MAX    256  /* bytes of a size line: its extensions */
#define HTTP_CHUNKS_TRAILER_MAX 8192 /* of all trailers */

enum http_chunks_state {
    CHUNKS_SIZE,      /* in the size's digits */
    CHUNKS_EXTENSION, /* behind them, up to CR */
    CHUNKS_SIZE_LF,   /* before the LF of that line */
    CHUNKS_DATA,
    CHUNKS_DATA_CR,
    CHUNKS_DATA_LF,
    CHUNKS_TRAILER_START, /* at the start of a trailer line, or of the end */
    CHUNKS_TRAILER,       /* inside of one */
    CHUNKS_TRAILER_LF,
    CHUNKS_END_LF, /* before the very last byte */
    CHUNKS_DONE
};

/* Zeroed, it waits for the first chunk. */
struct http_chunks {
    enum http_chunks_state state;
    uint64_t left; /* of the chunk: the size as far as it is read, then bytes */
    unsigned digits;
    size_t line; /* bytes of this size line, or of all trailers */
};

/* Takes what comes next of text and appends data to body, up to body_max bytes
 * in all. How many bytes were taken: all, unless the body has ended. -EPROTO:
 * malformed; -EMSGSIZE: too large. */
ssize_t http_chunks_take(struct http_chunks *chunks, struct str text,
                         struct buf *body, size_t body_max);

#endif
