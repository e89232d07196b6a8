/* What coerce.c and variables.c share. */
#ifndef NEXUS_GRAPHQL_COERCE_PRIVATE_H
#define NEXUS_GRAPHQL_COERCE_PRIVATE_H

#include "api/graphql/coerce.h"
#include "api/graphql/scalar.h"

struct gql_value *gql_value_new(enum gql_value_kind kind, uint32_t at,
                                struct arena *arena);
struct gql_value *gql_value_copy(const struct gql_value *value,
                                 struct arena *arena);
/* *last: the end of the list; NULL at first. Takes the value, which is in no
 * other list. */
void gql_list_take(struct gql_value *list, struct gql_value **last,
                   struct gql_value *item);
/* The same with a copy of the value. */
void gql_list_add(struct gql_value *list, struct gql_value **last,
                  const struct gql_value *item, struct arena *arena);
void gql_object_add(struct gql_value *object, struct gql_object_field **last,
                    struct str name, const struct gql_value *value,
                    struct arena *arena);
const struct gql_object_field *gql_object_member(const struct gql_value *object,
                                                 struct str name);

bool gql_is_hooked(const struct gql_type *leaf);
/* A custom scalar without a parse hook. */
bool gql_takes_anything(const struct gql_type *leaf);

#endif
