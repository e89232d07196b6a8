/* validate: may this document be executed on this schema? Section 5 of the
 * September 2025 edition, rule by rule, in graphql-js's wording and order of
 * rules; then the limits that need no variables. */
#ifndef NEXUS_GRAPHQL_VALIDATE_H
#define NEXUS_GRAPHQL_VALIDATE_H

#include "api/graphql/ast.h"
#include "api/graphql/error.h"
#include "api/graphql/limits.h"
#include "api/graphql/schema.h"

/* Adds what is wrong to errors (nothing: the document is valid). errors->source
 * is the document's. */
void gql_validate(const struct gql_schema *schema,
                  const struct gql_document *doc,
                  const struct gql_limits *limits, struct gql_errors *errors);

/* The cost of an operation with these variables (limits.h), coerced; stops
 * counting beyond limits->cost. Variables NULL: defaults. */
struct gql_variables;
uint64_t gql_cost(const struct gql_schema *schema,
                  const struct gql_document *doc,
                  const struct gql_operation *operation,
                  const struct gql_variables *variables,
                  const struct gql_limits *limits);

#endif
