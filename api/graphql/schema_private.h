/* What the files of the schema share. */
#ifndef NEXUS_GRAPHQL_SCHEMA_PRIVATE_H
#define NEXUS_GRAPHQL_SCHEMA_PRIVATE_H

#include "api/graphql/name_map.h"
#include "api/graphql/schema.h"

/* The built-in types are the same objects in every schema. */
enum gql_builtin {
    GQL_BUILTIN_STRING,
    GQL_BUILTIN_BOOLEAN,
    GQL_BUILTIN_INT,
    GQL_BUILTIN_FLOAT,
    GQL_BUILTIN_ID,
    GQL_BUILTIN_SCHEMA, /* the introspection types from here on */
    GQL_BUILTIN_TYPE,
    GQL_BUILTIN_TYPE_KIND,
    GQL_BUILTIN_FIELD,
    GQL_BUILTIN_INPUT_VALUE,
    GQL_BUILTIN_ENUM_VALUE,
    GQL_BUILTIN_DIRECTIVE,
    GQL_BUILTIN_DIRECTIVE_LOCATION,
    GQL_BUILTINS
};

extern const struct gql_type gql_builtin_types[GQL_BUILTINS];

/* @include, @skip, @deprecated, @specifiedBy, @oneOf. */
#define GQL_BUILTIN_DIRECTIVES 5
extern const struct gql_directive
    gql_builtin_directives[GQL_BUILTIN_DIRECTIVES];

/* Must it be given? */
static inline bool gql_is_required(const struct gql_input *input)
{
    return input->type->wrap == GQL_NON_NULL && input->initial == NULL;
}

/* Coerces the defaults anew, by the parse hooks of the API's scalars. 0, or
 * -EINVAL with *err. */
int gql_schema_coerce_defaults(struct gql_schema *schema, struct errmsg *err);

/* The built-in type of that name, or NULL. */
const struct gql_type *gql_builtin_type(struct str name);

#endif
