/* fixture: an API whose objects are the values of a JSON text.
 *
 * The root value is an object; a field gives its parent's member of that name.
 * "__typename" says the type where several are possible. An object with the
 * member "__error" makes the resolver fail with that text. Leaves are printed
 * by the rules of graphql-js: 1 is a String "1", but no Boolean is an ID; one
 * that is {"__arguments":true} is the text of the field's arguments. */
#ifndef NEXUS_GRAPHQL_CLI_FIXTURE_H
#define NEXUS_GRAPHQL_CLI_FIXTURE_H

#include "api/graphql/bind.h"

/* Binds every field of the schema. The table is the arena's. */
int fixture_bind(struct gql_schema *schema, struct arena *arena,
                 struct errmsg *err);

/* The root value, to be handed to gql_execute. Borrows the JSON, owns nothing
 * beyond the arena. */
const void *fixture_root(struct json json, struct arena *arena);

#endif
