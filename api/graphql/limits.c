#include "api/graphql/limits.h"

const struct gql_limits gql_limits_default = {
    .tokens = 10000,
    .depth = 15,
    .aliases = 100,
    .directives = 100,
    .root_fields = 50,
    .cost = 1000000,
    .list_size = 10,
    .errors = 100,
    .response = (size_t)64 * 1024 * 1024,
    .memory = (size_t)128 * 1024 * 1024,
    .time_ns = INT64_C(10) * 1000 * 1000 * 1000,
    .introspection = true,
    .suggestions = true,
};
