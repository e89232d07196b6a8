/* parse: GraphQL source text to a document. */
#ifndef NEXUS_GRAPHQL_PARSE_H
#define NEXUS_GRAPHQL_PARSE_H

#include "api/graphql/ast.h"
#include "api/graphql/error.h"

/* Selection sets, values and types inside another: the parser's recursion. */
#define GQL_DEPTH_MAX 200

struct gql_parse_limits {
    uint32_t tokens;     /* 0: no limit */
    uint32_t directives; /* uses in the document; 0: no limit */
};

/* Reads a document; doc->arena and errors->arena are set by the caller. 0, or
 * -EINVAL with one error (GQL_CODE_PARSE; GQL_CODE_LIMIT when a limit was
 * reached) that says where and what was expected, worded as "Syntax Error:
 * Expected Name, found "}"." like graphql-js. */
int gql_parse(struct gql_document *doc, struct str source,
              const struct gql_parse_limits *limits, struct gql_errors *errors);

/* Reads one value alone, e.g. "[1, {a: B}]". */
int gql_parse_value(struct str source, struct arena *arena,
                    struct gql_value **value, struct gql_errors *errors);

#endif
