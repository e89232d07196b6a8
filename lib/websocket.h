/* websocket: a WebSocket connection (RFC 6455) on the HTTP server's loop.
 *
 * A handler turns its request into one; from then on messages come by callback.
 * Sending is pulled: who has something to send says so (websocket_want), and is
 * called when the socket can take it, with a buffer to append frames to. So
 * nothing piles up for a client that does not read, and many small messages
 * leave in one write. Answers that must be sent (an acknowledgement, an error,
 * a pong) are pushed with websocket_send; a client that has more of them unread
 * than is allowed is closed with 1008 when the next one comes. One answer alone
 * may be of any size.
 *
 * The connection sends pings; one that is not answered in time ends it. Text
 * only: a binary message closes with 1003, text that is not UTF-8 with 1007, a
 * message beyond the limit with 1009, what the RFC forbids with 1002. */
#ifndef NEXUS_WEBSOCKET_H
#define NEXUS_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/http.h"

struct websocket;

struct websocket_handlers {
    /* A whole message, UTF-8; borrowed for the call. */
    void (*message)(struct websocket *ws, struct str text, void *arg);
    /* The socket takes more: append frames (websocket_append) to out, at least
     * one and up to `room` bytes or so; return true where there is more. NULL
     * for one that only pushes. */
    bool (*fill)(struct websocket *ws, struct buf *out, size_t room, void *arg);
    /* The last call: it is gone, code is why (1006: without a close frame). */
    void (*closed)(struct websocket *ws, int code, void *arg);
};

struct websocket_config {
    size_t message_max; /* bytes of a client's message; 0: 1 MiB */
    size_t unsent_max;  /* pushed and unsent; 0: 1 MiB */
    int64_t ping_ns;    /* pause between pings; 0: 25 s */
    int64_t pong_ns;    /* for the answer; 0: 10 s */
    int64_t gather_ns;  /* what is wanted waits so long for more after the
                              last write; 0: 5 ms */
    bool compress;      /* permessage-deflate where the client offers it */
};

/* The subprotocols the client offers, in its order: index from 0; false behind
 * the last. */
bool websocket_offered(const struct http_request *req, size_t index,
                       struct str *protocol);

/* Answers 101 and ends the request. protocol: the chosen one, NULL for none.
 * NULL when the request is no valid upgrade: it has been refused (400, 405 or
 * 426), and nothing more is to be done. config and handlers are borrowed. */
struct websocket *websocket_accept(struct http_request *req,
                                   const char *protocol,
                                   const struct websocket_config *config,
                                   const struct websocket_handlers *handlers,
                                   void *arg);

/* Was a WebSocket asked for? (Else the handler may answer as usual.) */
bool websocket_asked(const struct http_request *req);

/* Pushes one text message; or several, as one answer. */
void websocket_send(struct websocket *ws, struct str text);
void websocket_send_all(struct websocket *ws, const struct str *texts,
                        size_t count);

/* There is something for fill. Cheap, any number of times; not from fill. */
void websocket_want(struct websocket *ws);

/* Appends one text frame, made of the parts one after the other; for fill. */
void websocket_append(const struct websocket *ws, struct buf *out,
                      const struct str *parts, size_t count);

/* Sends a close frame with code and reason, waits shortly for the answer, then
 * calls closed. Nothing is received any more, and fill is not called. */
void websocket_close(struct websocket *ws, int code, const char *reason);

size_t websocket_unsent(const struct websocket *ws); /* bytes */
struct http_server *websocket_server(const struct websocket *ws);

#endif
