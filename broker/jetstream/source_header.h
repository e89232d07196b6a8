/* source_header: where a message of a stream with sources came from.
 *
 *     Nats-Stream-Source: <origin> <seq> <filters> <destinations> <subject>
 *
 * origin is the stream's name, for one on another server with ":" and eight
 * characters of its API prefix's hash behind it. filters and destinations are
 * what the source selects and turns it into (">": all, as it is; several are
 * joined by \f); subject is the message's over there. Older forms are read,
 * too: "<origin> <seq>" (2.9), and the subject of an acknowledgement (2.2). */
#ifndef NEXUS_BROKER_SOURCE_HEADER_H
#define NEXUS_BROKER_SOURCE_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/str.h"

#define SOURCE_HEADER "Nats-Stream-Source"

struct source_header {
    struct str origin;
    uint64_t seq;
    struct str filters, destinations; /* empty in the older forms */
};

/* Reads the header's value; slices point into it. False: none of the forms. */
bool source_header_read(struct str value, struct source_header *out);

/* Appends "NAME", or "NAME:hash" with the API prefix of another server. */
void source_origin_append(struct buf *out, const char *name, const char *api);

/* Appends a block of headers: those given, without the marks of an earlier
 * copy and without what the publisher expected of the origin, and the mark of
 * this one. */
void source_headers_append(struct buf *out, struct str headers,
                           const struct source_header *mark,
                           struct str subject);

#endif
