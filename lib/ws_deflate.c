/* ws_deflate: see ws_deflate.h. */
#include "lib/ws_deflate.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#include "lib/mem.h"

#define WINDOW_BITS  (-15) /* the largest; negative: without zlib's own head */
#define MEMORY_LEVEL 8     /* zlib's default */
#define FLUSH_BYTES  4     /* of a flush, left out on the wire */

static const char flush_end[FLUSH_BYTES] = {0, 0, (char)0xff, (char)0xff};

struct ws_deflater {
    z_stream z;
};

struct ws_deflater *ws_deflater_new(void)
{
    struct ws_deflater *deflater = mem_zalloc(sizeof(*deflater));
    int rc = deflateInit2(&deflater->z, Z_BEST_SPEED, Z_DEFLATED, WINDOW_BITS,
                          MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
    assert(rc == Z_OK);
    return deflater;
}

void ws_deflater_free(struct ws_deflater **deflater)
{
    if (*deflater == NULL)
        return;
    deflateEnd(&(*deflater)->z);
    free(*deflater);
    *deflater = NULL;
}

/* Until it has nothing more to give; out has room for all of it. */
static void deflate_part(z_stream *z, const void *part, size_t len, int flush,
                         struct buf *out)
{
    z->next_in = (unsigned char *)(uintptr_t)part;
    z->avail_in = (unsigned)len;
    do {
        size_t room = deflateBound(z, len) + 2 * FLUSH_BYTES;
        z->next_out = (unsigned char *)buf_reserve(out, room);
        z->avail_out = (unsigned)room;
        deflate(z, flush);
        out->len += room - z->avail_out;
    } while (z->avail_out == 0);
}

void ws_deflate(struct ws_deflater *deflater, const struct iovec *iov,
                int count, size_t len, struct buf *out)
{
    deflateReset(&deflater->z);
    for (int i = 0; i < count && len > 0; i++) {
        size_t n = iov[i].iov_len < len ? iov[i].iov_len : len;
        deflate_part(&deflater->z, iov[i].iov_base, n, Z_NO_FLUSH, out);
        len -= n;
    }
    deflate_part(&deflater->z, NULL, 0, Z_SYNC_FLUSH, out);
    assert(out->len >= FLUSH_BYTES && memcmp(out->data + out->len - FLUSH_BYTES,
                                             flush_end, FLUSH_BYTES) == 0);
    out->len -= FLUSH_BYTES;
}

/* ---- the other way ---- */

struct ws_inflater {
    z_stream z;
    struct buf fed; /* what z has not taken yet, from `taken` on */
    size_t taken;
    bool last;    /* the whole message was fed */
    bool drained; /* z holds nothing that could come out */
};

struct ws_inflater *ws_inflater_new(void)
{
    struct ws_inflater *inflater = mem_zalloc(sizeof(*inflater));
    int rc = inflateInit2(&inflater->z, WINDOW_BITS);
    assert(rc == Z_OK);
    inflater->drained = true;
    return inflater;
}

void ws_inflater_free(struct ws_inflater **inflater)
{
    if (*inflater == NULL)
        return;
    inflateEnd(&(*inflater)->z);
    buf_fini(&(*inflater)->fed);
    free(*inflater);
    *inflater = NULL;
}

void ws_inflater_feed(struct ws_inflater *inflater, struct str bytes, bool last)
{
    if (bytes.len == 0 && !last)
        return;
    buf_consume(&inflater->fed, inflater->taken);
    inflater->taken = 0;
    buf_append(&inflater->fed, bytes.p, bytes.len);
    if (last)
        buf_append(&inflater->fed, flush_end, FLUSH_BYTES);
    inflater->last = last;
    inflater->drained = false;
}

/* A message may end the deflate stream, and then go on with a new one. */
static int inflate_some(struct ws_inflater *inflater)
{
    z_stream *z = &inflater->z;
    size_t left = inflater->fed.len - inflater->taken;
    z->next_in = (unsigned char *)inflater->fed.data + inflater->taken;
    z->avail_in = (unsigned)left;
    int rc = inflate(z, Z_SYNC_FLUSH);
    inflater->taken += left - z->avail_in;
    if (rc == Z_STREAM_END)
        rc = inflateReset(z);
    if (rc != Z_OK && rc != Z_BUF_ERROR)
        return -EPROTO;
    if (z->avail_out > 0 && (z->avail_in == 0 || rc == Z_BUF_ERROR))
        inflater->drained = true;
    return 0;
}

ssize_t ws_inflate(struct ws_inflater *inflater, char *at, size_t room)
{
    z_stream *z = &inflater->z;
    if (room == 0 || inflater->drained)
        return 0;
    z->next_out = (unsigned char *)at;
    z->avail_out = (unsigned)room;
    while (z->avail_out > 0 && !inflater->drained) {
        if (inflate_some(inflater) != 0)
            return -EPROTO;
    }
    return (ssize_t)(room - z->avail_out);
}

bool ws_inflater_done(const struct ws_inflater *inflater)
{
    return inflater->last && inflater->drained;
}

bool ws_inflater_drained(const struct ws_inflater *inflater)
{
    return inflater->drained;
}
