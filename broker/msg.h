/* msg: one message on its way, and the headers it carries.
 *
 * A headers block is "NATS/1.0[ code[ text]]\r\nName: value\r\n…\r\n\r\n"; names
 * are case-sensitive and may repeat. */
#ifndef NEXUS_BROKER_MSG_H
#define NEXUS_BROKER_MSG_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/str.h"

#define MSG_HEADERS_LINE "NATS/1.0\r\n"

/* Borrows everything; good for the time of a call. */
struct msg {
    struct str to;      /* where it is routed */
    struct str subject; /* what the receiver reads: the same, but for messages
                           of a stream sent to an inbox */
    struct str reply;
    struct str headers; /* the block, or empty */
    struct str payload;
};

/* Takes the next "Name: value" off a block, the value without surrounding
 * spaces; passes over lines that are none. False: there is no more. */
bool msg_header_next(struct str *block, struct str *name, struct str *value);

/* The first value of that name, without surrounding spaces. */
bool msg_header(struct str headers, const char *name, struct str *value);

#endif
