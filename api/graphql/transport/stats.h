/* stats: what /metrics tells of the GraphQL API. The lines are the gateway's
 * (api/stats.c); here they are counted. */
#ifndef NEXUS_GRAPHQL_STATS_H
#define NEXUS_GRAPHQL_STATS_H

#include "api/graphql/ast.h"
#include "lib/stats.h"

enum graphql_outcome {
    GRAPHQL_OK,
    GRAPHQL_FAILED,  /* executed, with errors in its result */
    GRAPHQL_REFUSED, /* could not be read, is not valid, is beyond a limit */
    GRAPHQL_TIMEOUT,
    GRAPHQL_CANCELLED, /* its client left */
    GRAPHQL_OUTCOMES
};
#define GRAPHQL_TYPES (GQL_SUBSCRIPTION + 1)

enum graphql_transport {
    GRAPHQL_TRANSPORT_WS, /* WebSocket, graphql-transport-ws */
    GRAPHQL_LEGACY_WS, /* WebSocket, graphql-ws (subscriptions-transport-ws) */
    GRAPHQL_SSE,
    GRAPHQL_TRANSPORTS
};

extern const char *const graphql_outcome_names[GRAPHQL_OUTCOMES];
extern const char *const graphql_type_names[GRAPHQL_TYPES];
extern const char *const graphql_transport_names[GRAPHQL_TRANSPORTS];

struct graphql_stats {
    struct statistic *operations[GRAPHQL_TYPES][GRAPHQL_OUTCOMES];
    struct statistic *unread; /* requests refused before their operation was
                                 known */
    struct statistic *connections[GRAPHQL_TRANSPORTS]; /* now */
    struct statistic *subscriptions;                   /* now */
    struct statistic *topics;                          /* now */
    struct statistic *events;                          /* executed */
    struct statistic *sent;                            /* to subscribers */
    struct statistic *missed;                          /* by slow subscribers */
    struct statistic *dropped; /* not executed: too many were under way */
};

#endif
