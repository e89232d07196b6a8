/* publish_headers: what a publisher's headers ask of a stream. */
#ifndef NEXUS_BROKER_PUBLISH_HEADERS_H
#define NEXUS_BROKER_PUBLISH_HEADERS_H

#include "lib/str.h"

/* Each as it stands there; len 0: not asked for. Borrows the block. */
struct publish_headers {
    struct str msg_id;               /* Nats-Msg-Id */
    struct str expected_stream;      /* Nats-Expected-Stream */
    struct str expected_last_id;     /* …-Last-Msg-Id */
    struct str expected_last_seq;    /* …-Last-Sequence */
    struct str expected_subject_seq; /* …-Last-Subject-Sequence */
    struct str expected_subject;     /* …-Last-Subject-Sequence-Subject */
    struct str rollup;               /* Nats-Rollup */
    struct str ttl;                  /* Nats-TTL */
};

/* One pass over the block, which may be empty. */
void publish_headers_read(struct publish_headers *out, struct str block);

#endif
