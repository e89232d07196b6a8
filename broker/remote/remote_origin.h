/* remote_origin: reads an origin on another server.
 *
 * It asks STREAM.INFO what the origin is, makes an ephemeral pull consumer
 * without acknowledgements that begins behind the origin's position, and keeps
 * up to two batches requested. Sequence and time come with each message's
 * acknowledgement subject. A gap in the consumer's own sequence, silence, an
 * error, or a message that the stream does not take: the consumer is left to
 * its inactive threshold, and after a while another one begins behind the
 * position. So nothing is kept in memory for a message that cannot be stored.
 *
 * A message counts as copied once it is durable here: after a restart the
 * position is read from what is stored (origins.h), never from the other
 * server. */
#ifndef NEXUS_BROKER_REMOTE_ORIGIN_H
#define NEXUS_BROKER_REMOTE_ORIGIN_H

#include "broker/remote/remote.h"

struct origin;
struct remote_origin;

/* Borrows both. */
struct remote_origin *remote_origin_new(struct origin *origin,
                                        struct remote *remote);
void remote_origin_free(struct remote_origin **remote_origin);

#endif
