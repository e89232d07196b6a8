/* msg_query: which message of a stream somebody asks for. */
#ifndef NEXUS_BROKER_MSG_QUERY_H
#define NEXUS_BROKER_MSG_QUERY_H

#include "broker/jetstream/stream.h"
#include "lib/json.h"

/* One of: seq; last_by; next_by, at seq or behind, or at a time or later; the
 * first at a time or later. */
struct msg_query {
    uint64_t seq;
    struct str last_by, next_by;
    int64_t start_ns;
};

/* 0, or -1: something is of another type. */
int msg_query_read(struct msg_query *query, struct json body,
                   struct arena *arena);

bool msg_query_is_empty(const struct msg_query *query);
bool msg_query_contradicts(const struct msg_query *query);

/* As store->next. */
int msg_query_find(const struct stream *stream, const struct msg_query *query,
                   struct store_msg *msg);

#endif
