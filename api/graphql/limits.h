/* limits: what one request may ask for. Every limit has a default that lets
 * the dashboard and GraphiQL work; 0 turns one off. What is beyond is an error
 * with code LIMIT_EXCEEDED that names the limit, the figure and the maximum.
 *
 * Cost: every field is 1 (or what its definition says: @cost in the schema);
 * below a list the cost is multiplied by the list's limit: the argument
 * `limit`, `first` or `last` where it is given, else that argument's default,
 * else list_size. Introspection fields cost nothing and have depth limits of
 * their own. */
#ifndef NEXUS_GRAPHQL_LIMITS_H
#define NEXUS_GRAPHQL_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gql_limits {
    uint32_t tokens;      /* of a document: 10,000 */
    uint32_t depth;       /* of fields inside fields: 15 */
    uint32_t aliases;     /* 100 */
    uint32_t directives;  /* 100 */
    uint32_t root_fields; /* 50 */
    uint64_t cost;        /* 1,000,000 */
    uint32_t list_size;   /* of a list without a limit of its own: 10 */
    uint32_t errors;      /* reported of one request: 100 */
    size_t response;      /* bytes: 64 MiB */
    size_t memory;        /* bytes of an execution and its plan: 128 MiB */
    int64_t time_ns;      /* of an execution: 10 s */
    bool introspection;   /* __schema and __type may be asked for: true */
    bool suggestions;     /* "Did you mean …?" in messages: true */
};

extern const struct gql_limits gql_limits_default;

#endif
