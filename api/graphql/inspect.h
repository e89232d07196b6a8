/* inspect: values as people read them in messages, the way JavaScript's
 * GraphQL writes them: { a: 1, b: ["x"] }. */
#ifndef NEXUS_GRAPHQL_INSPECT_H
#define NEXUS_GRAPHQL_INSPECT_H

#include "api/graphql/ast.h"
#include "lib/buf.h"

/* A value that came from JSON; deep ones are cut, long lists too. */
void gql_inspect(const struct gql_value *value, struct buf *out);

/* A number's shortest text in JavaScript's layout: 1e+21, 100000, 1.5e-7. */
void gql_number_append(double value, struct buf *out);

#endif
