/* ws_deflate: permessage-deflate (RFC 7692) without context takeover: each
 * message is compressed for itself.
 *
 * So one deflater serves every connection, and an inflater is needed only
 * while a compressed message is on its way in. */
#ifndef NEXUS_WS_DEFLATE_H
#define NEXUS_WS_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "lib/buf.h"
#include "lib/str.h"

struct ws_deflater;
struct ws_inflater;

struct ws_deflater *ws_deflater_new(void);
void ws_deflater_free(struct ws_deflater **deflater);

/* Appends the first len bytes of the parts, compressed, as one message. */
void ws_deflate(struct ws_deflater *deflater, const struct iovec *iov,
                int count, size_t len, struct buf *out);

struct ws_inflater *ws_inflater_new(void);
void ws_inflater_free(struct ws_inflater **inflater);

/* Gives it the next bytes of a message (copies). last: they are its end. */
void ws_inflater_feed(struct ws_inflater *inflater, struct str bytes,
                      bool last);

/* Inflates into at, up to room. How many bytes; fewer than room means that all
 * it was fed is out. -EPROTO: what it was fed is no such message. */
ssize_t ws_inflate(struct ws_inflater *inflater, char *at, size_t room);

/* Has all that it was fed come out, and is that the whole message? */
bool ws_inflater_drained(const struct ws_inflater *inflater);
bool ws_inflater_done(const struct ws_inflater *inflater);

#endif
