/* retention: when messages leave a stream.
 *
 * Every stream has limits: of messages, bytes, age and messages a subject.
 * With retention "interest" a message leaves, too, once every consumer that
 * selects it has acknowledged it (none selects it: it is never kept); with
 * "workqueue" at its first acknowledgement. */
#ifndef NEXUS_BROKER_RETENTION_H
#define NEXUS_BROKER_RETENTION_H

#include <stdint.h>

#include "broker/jetstream/stream.h"

/* A message was appended; what it pushes out leaves. */
void retention_appended(struct stream *stream, const struct store_msg *msg);

/* The stream was opened, or its configuration changed: its limits hold, and its
 * timers run. What no consumer needs is not looked for (retention_review). */
void retention_apply(struct stream *stream);

/* Of the messages on a subject, removes the oldest until `keep` are left. */
void retention_keep_last(struct stream *stream, struct str subject,
                         uint64_t keep);

/* Would a message on that subject be kept? */
bool retention_wants(const struct stream *stream, struct str subject);

/* What the stream's timers do. */
void retention_age_timeout(struct timer *timer);
void retention_ttl_timeout(struct timer *timer);
void retention_review_timeout(struct timer *timer);

/* Called by a consumer when it is done with a message, which it does not need
 * any more (consumer_needs): acknowledged, terminated, or delivered where no
 * acknowledgement is asked for. Not when deliveries ran out: such a message
 * stays. The message may be gone when this returns. */
void retention_acked(struct stream *stream, uint64_t seq);

/* A consumer was deleted, or selects less than before: of the messages at
 * `from` or behind, those that only it needed leave: the first of them before
 * this returns, the others soon. */
void retention_review(struct stream *stream, uint64_t from);

/* May a stream of this retention have such a consumer, new or changed? 0, or
 * -1 with *error (10084, 10098 to 10101). */
int retention_admits(const struct stream *stream, const char *name,
                     const struct consumer_config *config,
                     struct js_error *error);

#endif
