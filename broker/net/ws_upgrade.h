/* ws_upgrade: the HTTP request a WebSocket begins with, and its answer. */
#ifndef NEXUS_WS_UPGRADE_H
#define NEXUS_WS_UPGRADE_H

#include <stdbool.h>

#include "broker/net/websocket_config.h"
#include "lib/buf.h"
#include "lib/str.h"

#define WS_UPGRADE_MAX 8192u /* bytes of the request */

/* What was agreed upon. */
struct ws_terms {
    bool deflate; /* permessage-deflate, no context takeover on either side */
    bool browser; /* wants small frames */
};

/* Answers a whole request into *out: 101 with *terms, or an error. Returns the
 * status. secure: it came over TLS. */
int ws_upgrade(struct str request, const struct websocket_config *config,
               bool secure, struct ws_terms *terms, struct buf *out);

/* Appends an error. */
void ws_upgrade_refuse(int status, const char *why, struct buf *out);

#endif
