/* websocket_private: what the two files of a WebSocket share. */
#ifndef NEXUS_WEBSOCKET_PRIVATE_H
#define NEXUS_WEBSOCKET_PRIVATE_H

#include "lib/http_private.h"
#include "lib/websocket.h"
#include "lib/ws_deflate.h"
#include "lib/ws_frame.h"

enum websocket_phase {
    WEBSOCKET_OPEN,
    WEBSOCKET_CLOSING, /* close was sent; the client's is waited for */
    WEBSOCKET_CLOSED   /* both were; ours may still be unsent */
};

struct websocket {
    struct http_flow flow; /* first */
    const struct websocket_config *config;
    const struct websocket_handlers *handlers;
    void *arg;
    enum websocket_phase phase;
    int code; /* for closed, once it does not go on */
    bool deflate;
    bool pong_awaited;
    struct ws_reader reader;
    struct buf message;           /* what has come of one that is not whole */
    size_t checked;               /* bytes of it that are known as UTF-8 */
    struct ws_inflater *inflater; /* while a compressed one comes in */
};

/* What all of a server's sockets share. */
struct websocket_shared {
    struct ws_deflater *deflater;
    struct buf text, packed; /* scratch */
};

/* Takes over the request's connection; head is the answer. */
struct websocket *websocket_begin(struct http_request *req, struct str head,
                                  bool deflate,
                                  const struct websocket_config *config,
                                  const struct websocket_handlers *handlers,
                                  void *arg);

#endif
