/* operation: one operation of a client: a query or mutation, which has one
 * result, or a subscription, which has any number of events.
 *
 * Lies in the transport's own record of it. From operation_begin on it is one
 * of: refused, run (its result will come), followed (it reads a topic). What it
 * holds is given back by operation_end, at any time, also within `result`. Until
 * it is run its record may be copied elsewhere. */
#ifndef NEXUS_GRAPHQL_OPERATION_H
#define NEXUS_GRAPHQL_OPERATION_H

#include "api/graphql/graphql.h"
#include "api/graphql/transport/request.h"
#include "api/graphql/transport/stats.h"
#include "api/live/event_log.h"

struct graphql_service;
struct operation;
struct graphql_topic;

enum { /* bits: types of operations that a transport takes */
       OPERATION_QUERY = 1 << GQL_QUERY,
       OPERATION_MUTATION = 1 << GQL_MUTATION,
       OPERATION_SUBSCRIPTION = 1 << GQL_SUBSCRIPTION,
       OPERATION_ANY =
           OPERATION_QUERY | OPERATION_MUTATION | OPERATION_SUBSCRIPTION
};

struct operation_handlers {
    /* Of a query or mutation: its response, maybe within operation_run. May
     * take out's memory. */
    void (*result)(struct operation *op, struct buf *out);
    /* Of a subscription: there are events, see operation_next. Maybe more than
     * once before they are read. */
    void (*wake)(struct operation *op);
};

struct operation {
    struct graphql_service *service;
    const struct operation_handlers *handlers;
    enum gql_operation_type type;
    struct gql_query *query;
    struct gql_plan *plan;
    struct gql_execution *execution; /* under way */
    struct http_timer *timer;        /* then; till it takes too long */
    bool late;                       /* it did */
    bool *gone;                      /* operation_run is on the stack: set when
                                        the operation ends meanwhile */
    struct graphql_topic *topic;     /* followed */
    struct event_reader reader;
};

enum operation_begun {
    OPERATION_READY,   /* operation_run comes next */
    OPERATION_REFUSED, /* *errors says why */
    OPERATION_TYPE     /* op->type is none of the types asked for */
};

/* Finds or makes the plan, or the topic. errors: as gql_plan_new's, its memory
 * the caller's arena's or the operation's. */
enum operation_begun operation_begin(struct operation *op,
                                     struct graphql_service *service,
                                     const struct operation_handlers *handlers,
                                     const struct graphql_request *request,
                                     unsigned types, struct gql_errors *errors);

/* Executes it or starts to follow. false: *errors says why (a subscription that
 * cannot start). The operation may be gone afterwards. */
bool operation_run(struct operation *op, struct gql_errors *errors);

/* A subscription's next event: its payload good until anything else happens.
 * False when it has read all and will be woken. */
bool operation_next(struct operation *op, struct event *event);

/* Stops it and gives back what it holds. Any number of times. */
void operation_end(struct operation *op);

#endif
