/* names: a hash table from names to small numbers, for what a schema or a
 * document holds many of. Built once, then only read. */
#ifndef NEXUS_GRAPHQL_NAMES_H
#define NEXUS_GRAPHQL_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/str.h"

struct gql_names;

/* An empty table with room for `count` names. */
struct gql_names *gql_names_new(struct arena *arena, uint32_t count);

/* Borrows the name. Returns the number that is in the table for it now: not
 * the one given where the name was there already. */
uint32_t gql_names_add(struct gql_names *names, struct str name,
                       uint32_t number);

/* Its number, or -1. */
int64_t gql_names_find(const struct gql_names *names, struct str name);

#endif
