/* introspect: the resolvers of the types "__Schema", "__Type" … (section 4),
 * over the schema's own structs. These types are the same in every schema, so
 * nothing is bound: a plan asks here for what stands behind their fields. */
#ifndef NEXUS_GRAPHQL_INTROSPECT_H
#define NEXUS_GRAPHQL_INTROSPECT_H

#include "api/graphql/bind.h"

/* Of a field of an introspection type. */
const struct gql_binding *
gql_introspection_binding(const struct gql_field *field);

/* What `__schema` and `__type(name:)` give. */
extern const struct gql_binding gql_introspect_schema, gql_introspect_type;

#endif
