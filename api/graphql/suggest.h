/* suggest: "Did you mean …?", names that resemble one that is unknown.
 *
 * Each gives a sentence for the end of a message, " Did you mean "x" or "y"?",
 * in the arena, or "": nothing is near, or limits->suggestions is off. what:
 * "the enum value", or NULL. */
#ifndef NEXUS_GRAPHQL_SUGGEST_H
#define NEXUS_GRAPHQL_SUGGEST_H

#include "api/graphql/limits.h"
#include "api/graphql/schema.h"

/* Of names chosen and sorted by the caller. */
const char *gql_did_you_mean(struct arena *arena,
                             const struct gql_limits *limits, const char *what,
                             const struct str *names, uint32_t count);
/* Of those of the options that resemble the input. */
const char *gql_suggest(struct arena *arena, const struct gql_limits *limits,
                        const char *what, struct str input,
                        const struct str *options, uint32_t count);
const char *gql_suggest_input(struct arena *arena,
                              const struct gql_limits *limits, struct str input,
                              const struct gql_input *options, uint32_t count);
const char *gql_suggest_value(struct arena *arena,
                              const struct gql_limits *limits, struct str input,
                              const struct gql_type *type);

/* By value of digits, then by letters: "a2" before "a10". */
int gql_natural_compare(struct str a, struct str b);

#endif
