/* name_map: a small ordered map from a name to a pointer.
 *
 * A document has many small sets of names (the arguments of a field, the
 * response names of a selection set), and a hostile one has few that are
 * large. Up to GQL_NAME_MAP_SCANNED are found by looking at each; beyond, by a
 * hash that nobody outside can foresee. Memory is the arena's. */
#ifndef NEXUS_GRAPHQL_NAME_MAP_H
#define NEXUS_GRAPHQL_NAME_MAP_H

#include "lib/arena.h"
#include "lib/str.h"

#define GQL_NAME_MAP_SCANNED 12

struct gql_name {
    struct str name; /* borrowed */
    void *value;
    uint64_t hash; /* set once there is a table */
};

/* A zeroed struct is an empty map. */
struct gql_name_map {
    struct gql_name *list; /* in the order they were added */
    uint32_t count, cap;
    uint32_t *table; /* index + 1, or 0; NULL: too few to need one */
    uint32_t mask;
};

/* Finds the name or adds it with a NULL value. Good until the next is added. */
struct gql_name *gql_name_map_put(struct gql_name_map *names,
                                  struct arena *arena, struct str name);

/* NULL where it is not there. */
struct gql_name *gql_name_map_find(const struct gql_name_map *names,
                                   struct str name);

#endif
