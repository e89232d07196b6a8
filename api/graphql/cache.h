/* cache: what the plan and the execution need of it beside graphql.h. */
#ifndef NEXUS_GRAPHQL_CACHE_H
#define NEXUS_GRAPHQL_CACHE_H

#include "api/graphql/graphql.h"

#define CACHE_SPARES_MAX 16 /* plans and executions kept for the next request */

struct gql_execution;

/* Unused plans and executions, whose arenas hold memory already. */
struct cache_spares {
    struct gql_plan *plans;
    struct gql_execution *executions;
    uint32_t plan_count, execution_count;
};

struct cache_spares *gql_cache_spares(struct gql_cache *cache);

/* Plans keep their cache: it is freed with the last of them. */
void gql_cache_ref(struct gql_cache *cache);
void gql_cache_unref(struct gql_cache *cache);

struct gql_query *gql_query_ref(struct gql_query *query);
/* Has it been prepared more than once? What comes only once leaves no plans. */
bool gql_query_recurs(const struct gql_query *query);
/* The plans of this query that may serve again. */
struct gql_plan **gql_query_plans(struct gql_query *query);
/* Counts their memory anew. The query is the caller's: it may leave the cache. */
void gql_query_weigh(struct gql_query *query);

void plan_destroy(struct gql_plan *plan);
void execution_destroy(struct gql_execution *execution);
struct gql_execution *execution_next(const struct gql_execution *execution);

#endif
