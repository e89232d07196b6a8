/* coerce: input values as a schema's types take them (sections 3 and 6.4.1).
 *
 * What comes out holds no variables and suits its type: lists where lists are
 * wanted (one value became a list of one), input objects with their defaults
 * and in the order of the definition, leaves as gql_leaf_coerce leaves them.
 * A value that is absent is a NULL pointer, null is a GQL_NULL. */
#ifndef NEXUS_GRAPHQL_COERCE_H
#define NEXUS_GRAPHQL_COERCE_H

#include "api/graphql/schema.h"
#include "lib/json.h"

struct gql_variable {
    struct str name;
    const struct gql_value *value; /* NULL: not given and no default */
};

/* Of one operation, in the order of their definitions. */
struct gql_variables {
    struct gql_variable *list;
    uint32_t count;
    bool hooked; /* a scalar's own parse hook was asked, which may depend on
                    more than the text (the time, for "now-5m") */
};

/* The value of that variable; NULL where it has none. variables may be NULL. */
const struct gql_value *gql_variable(const struct gql_variables *variables,
                                     struct str name);

struct gql_limits;

/* Coerces the variables of an operation from a JSON object (null and JSON_NONE
 * are an empty one); values are the arena's, nothing borrows the JSON. 0, or -EINVAL with errors added, worded as graphql-js's. */
int gql_coerce_variables(const struct gql_schema *schema,
                         const struct gql_operation *operation,
                         struct json input, struct arena *arena,
                         struct gql_variables *variables,
                         const struct gql_limits *limits,
                         struct gql_errors *errors);

/* A literal, its variables put in. NULL where it does not suit its type, or is
 * a variable without a value. *hooked is set where a parse hook was asked (may
 * be NULL). */
const struct gql_value *gql_coerce_literal(
    const struct gql_value *literal, const struct gql_type_ref *type,
    const struct gql_variables *variables, struct arena *arena, bool *hooked);

/* Arguments as they are given to a field or directive: values[i] is that of
 * definitions[i]. at: where the field stands, for what is missing. 0, or
 * -EINVAL with the one message and its place. */
struct gql_coerce_error {
    struct str message;
    uint32_t at;
};
int gql_coerce_arguments(const struct gql_input *definitions, uint32_t count,
                         const struct gql_argument *given, uint32_t at,
                         const struct gql_variables *variables,
                         struct arena *arena, const struct gql_value **values,
                         bool *hooked, struct gql_coerce_error *error);

/* The default of an argument or input field, coerced; NULL: it has none. */
const struct gql_value *gql_default_value(const struct gql_input *input,
                                          struct arena *arena);

#endif
