/* websocket: the protocol's bytes in WebSocket frames.
 *
 * Where neither TLS nor compression nor a browser asks for more, what is sent
 * goes from the connection's chunks to the socket without a copy, each write
 * one message, and what is received is unmasked where it was read. */
#ifndef NEXUS_BROKER_WEBSOCKET_H
#define NEXUS_BROKER_WEBSOCKET_H

#include "broker/net/transport.h"
#include "broker/net/websocket_config.h"

/* Bytes of one message to a client, at most. */
#define WS_MESSAGE_BYTES (64u << 10)
#define WS_BROWSER_BYTES 4096u /* and to a browser */

/* What all connections share; made when the door opens. */
struct ws_shared;
struct ws_shared *ws_shared_new(void);
void ws_shared_free(struct ws_shared **shared);

/* The server's side, over a socket (borrowed) or over TLS on it (taken; NULL:
 * none). It waits for the request to upgrade. Borrows config until then, and
 * shared for good. */
struct transport *websocket_transport(struct ws_shared *shared,
                                      const struct websocket_config *config,
                                      int fd, struct transport *under);

#endif
