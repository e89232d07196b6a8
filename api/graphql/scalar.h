/* scalar: what the leaf types take as input. */
#ifndef NEXUS_GRAPHQL_SCALAR_H
#define NEXUS_GRAPHQL_SCALAR_H

#include "api/graphql/schema.h"

/* Where an input value comes from: the rules differ (Int takes 1.0 as JSON but
 * not as a literal; an enum is a name in a document, a string in JSON). */
enum gql_input_source { GQL_FROM_DOCUMENT, GQL_FROM_JSON };

/* Coerces one value that is no list, no null and no variable to a scalar or
 * enum: *out has .i64, .f64, .boolean or .text set. 0, or -EINVAL with *err
 * worded as graphql-js's ("Int cannot represent non-integer value: 1.5"). A
 * custom scalar without a parse hook takes anything. */
int gql_leaf_coerce(const struct gql_type *leaf, enum gql_input_source source,
                    const struct gql_value *in, struct gql_value *out,
                    struct arena *arena, struct errmsg *err);

/* Input of JSON as a value: numbers become GQL_INT or GQL_FLOAT with their
 * text, objects GQL_OBJECT, strings GQL_STRING. */
struct json;
struct gql_value *gql_value_from_json(const struct json *json,
                                      struct arena *arena);

/* Appends a value as a GraphQL literal ("{a: [1, B], c: \"d\"}"), as graphql-js
 * prints defaults. */
void gql_value_append(const struct gql_value *value, struct buf *out);

/* Appends a coerced value or literal as JSON (for messages and for scalars
 * that take anything). */
void gql_value_append_json(const struct gql_value *value, struct buf *out);

#endif
