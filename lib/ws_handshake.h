/* ws_handshake: what an HTTP request must say to become a WebSocket, and what
 * the answer must hold (RFC 6455 section 4, RFC 7692). */
#ifndef NEXUS_WS_HANDSHAKE_H
#define NEXUS_WS_HANDSHAKE_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/http_head.h"
#include "lib/str.h"

#define WS_VERSION "13"

/* Cuts the next item off a list in a field's value, spaces around it too. */
struct str ws_list_take(struct str *list, char separator);

/* Upgrade and Connection say so. */
bool ws_asked(const struct http_head *head);

/* "Sec-WebSocket-Key" there and of a sane length? */
bool ws_key_valid(struct str key);

/* permessage-deflate offered on terms that are at hand: without context
 * takeover, with the largest window? */
bool ws_deflate_offered(const struct http_head *head);

/* The answer's fields: Upgrade, Connection, Sec-WebSocket-Accept and, with
 * deflate, the extension. Each ends with CRLF; no empty line. */
void ws_append_accept(struct buf *out, struct str key, bool deflate);

#endif
