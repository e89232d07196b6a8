/* js_limits: how much the streams of an account may hold, after what the
 * configuration lets the account have, and the operator all accounts together.
 *
 * A negative limit of the account is none, 0 is nothing; of the operator, 0 is
 * none. Bytes count as streams count them. */
#ifndef NEXUS_BROKER_JS_LIMITS_H
#define NEXUS_BROKER_JS_LIMITS_H

#include "broker/jetstream/stream.h"

struct account;
struct jetstream;

/* ---- 0, or -1 with *error ---- */

/* May there be a stream like that? self: that it is to replace; NULL: a new
 * one. A stream's max_bytes is room that it may count on. */
int js_limits_admit_stream(const struct jetstream *js,
                           const struct stream *self,
                           const struct stream_config *config,
                           struct js_error *error);

/* May the stream have one more consumer? */
int js_limits_admit_consumer(const struct stream *stream,
                             struct js_error *error);

/* May a stream take so many bytes more? */
int js_limits_admit_bytes(struct jetstream *js, enum stream_storage storage,
                          uint64_t bytes, struct js_error *error);

/* ---- */

/* A stream took them. */
void js_limits_took(struct jetstream *js, enum stream_storage storage,
                    uint64_t bytes);

/* "limits":{"max_memory":-1, …} of the account: JetStreamAccountLimits. */
void js_limits_write(const struct account *account, struct json_writer *w);

#endif
