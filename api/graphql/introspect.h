/* introspect: the resolvers of the types "__Schema", "__Type" … (section 4),
 * over the schema's own structs. gql_bind binds them beside the program's. */
#ifndef NEXUS_GRAPHQL_INTROSPECT_H
#define NEXUS_GRAPHQL_INTROSPECT_H

#include "api/graphql/bind.h"

extern const struct gql_binding gql_introspection_bindings[];

/* What `__schema` and `__type(name:)` give, objects of these types. */
const void *gql_introspect_schema(const struct gql_schema *schema);
const void *gql_introspect_type(const struct gql_schema *schema,
                                struct str name, struct arena *arena);

#endif
