/* topic: all subscriptions of one document, operation and variables.
 *
 * There is one source (gql_subscribe) and one plan for all of them: an event is
 * executed once, its response's bytes are kept once in the topic's event log,
 * and a subscription is a reader of that log. The topic comes with its first
 * reader and goes with its last. */
#ifndef NEXUS_GRAPHQL_TOPIC_H
#define NEXUS_GRAPHQL_TOPIC_H

#include "api/graphql/graphql.h"
#include "api/live/event_log.h"

struct graphql_service;
struct graphql_topic;

/* Executions of one topic that may be under way (fields that wait for the
 * database); events beyond are left out and counted. */
#define GRAPHQL_PENDING_MAX 256

/* The topic of that key, held: NULL where there is none. */
struct graphql_topic *graphql_topic_find(struct graphql_service *service,
                                         struct str key);

/* A new one, held, without a source yet; takes the plan. NULL where there are
 * as many as may be: the plan stays the caller's. */
struct graphql_topic *graphql_topic_new(struct graphql_service *service,
                                        struct str key, struct gql_plan **plan);

/* Joins; the first reader starts the source. False with *errors where that
 * cannot be started. reader->wake is set by the caller. */
bool graphql_topic_join(struct graphql_topic *topic,
                        struct event_reader *reader, struct gql_errors *errors);

/* The holder lets go; its reader (zeroed: has not joined) leaves. */
void graphql_topic_release(struct graphql_topic **topic,
                           struct event_reader *reader);

/* The response with {"extensions":{"missed":N}}: so many events are left out in
 * front of it. */
void graphql_topic_mark_missed(struct str response, uint64_t missed,
                               struct buf *out);

#endif
