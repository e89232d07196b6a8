/* advisory: what the broker tells about streams and consumers to whoever
 * listens: {"type":…,"id":…,"timestamp":…, members, "domain":…}. */
#ifndef NEXUS_BROKER_ADVISORY_H
#define NEXUS_BROKER_ADVISORY_H

#include "lib/json.h"
#include "lib/str.h"

struct jetstream;
struct stream;

/* What subjects and types begin with. */
#define ADVISORY_SUBJECT "$JS.EVENT.ADVISORY."
#define ADVISORY_TYPE    "io.nats.jetstream.advisory.v1."
#define METRIC_SUBJECT   "$JS.EVENT.METRIC."
#define METRIC_TYPE      "io.nats.jetstream.metric.v1."

/* Writes the members that this kind of advisory has. */
typedef void (*advisory_writer)(struct json_writer *w, const void *arg);

/* Sends one to subject; where nobody listens, nothing is written. type is
 * whole: ADVISORY_TYPE "max_deliver". Borrows everything. */
void advisory_send(struct jetstream *js, const char *type, struct str subject,
                   advisory_writer write, const void *arg);

enum stream_action { STREAM_CREATED, STREAM_UPDATED, STREAM_DELETED };

void advisory_stream_action(const struct stream *stream,
                            enum stream_action action);

#endif
