/* direct: $JS.API.DIRECT.GET.<stream>[.<subject>], messages as the answer.
 *
 * Of a stream with allow_direct; or, where none of the name is in the account,
 * of a mirror of it with mirror_direct, under the mirror's name. One message, or (`batch`, `multi_last`) many
 * and then a status 204 EOB. They carry headers Nats-Stream, Nats-Subject,
 * Nats-Sequence and Nats-Time-Stamp behind their own. */
#ifndef NEXUS_BROKER_DIRECT_H
#define NEXUS_BROKER_DIRECT_H

#include "broker/jetstream/jetstream.h"
#include "broker/msg.h"

/* Messages a multi_last may select, and patterns it may have. */
#define DIRECT_MULTI_MAX    1024
#define DIRECT_PATTERNS_MAX 256

/* names is the subject behind "DIRECT.GET."; where nobody may answer,
 * nobody does. */
void direct_get(struct jetstream *js, struct str names, const struct msg *msg);

#endif
