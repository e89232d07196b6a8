/* msg_ttl: how long a single message lives (header Nats-TTL). */
#ifndef NEXUS_BROKER_MSG_TTL_H
#define NEXUS_BROKER_MSG_TTL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"

/* It does not even end with the stream's max_age. */
#define MSG_TTL_NEVER INT64_MAX

/* "never", whole seconds ("30"; "0": as the stream says), or a duration
 * ("1m30s") of at least a second, in ns into *ttl_ns. 0, or -1: none of
 * these. */
int msg_ttl_read(struct str text, int64_t *ttl_ns);

/* Do these headers say "never"? */
bool msg_ttl_is_never(struct str headers);

/* Appends a duration as Go prints it: "1h0m5s". */
void msg_ttl_append(struct buf *out, int64_t ns);

#endif
