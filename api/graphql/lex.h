/* lex: GraphQL source text cut into tokens (September 2025 edition, 2.1).
 *
 * A token borrows its text from the source; only a string with escapes and a
 * block string of several lines get a copy in the arena. No lines are counted:
 * an offset becomes a line and column where an error needs them. */
#ifndef NEXUS_GRAPHQL_LEX_H
#define NEXUS_GRAPHQL_LEX_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/str.h"

enum gql_token_kind {
    GQL_TOKEN_EOF,
    GQL_TOKEN_BANG,
    GQL_TOKEN_DOLLAR,
    GQL_TOKEN_AMP,
    GQL_TOKEN_PAREN_L,
    GQL_TOKEN_PAREN_R,
    GQL_TOKEN_SPREAD,
    GQL_TOKEN_COLON,
    GQL_TOKEN_EQUALS,
    GQL_TOKEN_AT,
    GQL_TOKEN_BRACKET_L,
    GQL_TOKEN_BRACKET_R,
    GQL_TOKEN_BRACE_L,
    GQL_TOKEN_PIPE,
    GQL_TOKEN_BRACE_R,
    GQL_TOKEN_NAME,
    GQL_TOKEN_INT,
    GQL_TOKEN_FLOAT,
    GQL_TOKEN_STRING,
    GQL_TOKEN_BLOCK_STRING,
    GQL_TOKEN_KINDS
};

/* As a message names them: "\"{\"", "Name", "<EOF>". */
extern const char *const gql_token_names[GQL_TOKEN_KINDS];

struct gql_token {
    enum gql_token_kind kind;
    uint32_t at;
    struct str text; /* of a name or number; a string's value */
};

struct gql_lexer {
    const char *start, *p, *end;
    struct arena *arena;
    struct gql_token token; /* the one that was read last */
    uint32_t tokens;        /* read so far, the end not counted */
    const char *error;      /* NULL, or what is wrong, in the arena; the token
                               is then at its place and EOF follows for ever */
};

/* Sets out before the first token; borrows both. source: under 4 GiB. */
void gql_lexer_init(struct gql_lexer *lexer, struct str source,
                    struct arena *arena);

/* Reads the next token into lexer->token. */
void gql_lexer_next(struct gql_lexer *lexer);

#endif
