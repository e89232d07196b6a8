/* What the files of the lexer share. */
#ifndef NEXUS_GRAPHQL_LEX_PRIVATE_H
#define NEXUS_GRAPHQL_LEX_PRIVATE_H

#include "api/graphql/lex.h"

/* Ends the lexer with an error at that place; error is the arena's. */
void gql_lexer_fail(struct gql_lexer *lexer, const char *at, const char *error);

/* The character there as a message shows it: "\"a\"", "U+00E9", "<EOF>". */
const char *gql_lexer_describe(const struct gql_lexer *lexer, const char *p);

/* Reads the string or block string whose first quote is at from. */
void gql_lexer_string(struct gql_lexer *lexer, const char *from);

#endif
