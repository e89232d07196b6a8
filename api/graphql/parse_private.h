/* What the files of the parser share.
 *
 * After the first failure the lexer gives nothing but the end, every expect
 * fails silently, and lists end: nothing asks after each step whether it went
 * well. A function that reads a node always returns one. */
#ifndef NEXUS_GRAPHQL_PARSE_PRIVATE_H
#define NEXUS_GRAPHQL_PARSE_PRIVATE_H

#include "api/graphql/lex.h"
#include "api/graphql/parse.h"

struct gql_parser {
    struct gql_lexer lexer;
    struct arena *arena;
    struct gql_errors *errors;
    struct gql_parse_limits limits;
    uint32_t depth;
    uint32_t directives;
    bool failed;
};

#define NEW_NODE(parser, type) \
    ((type *)arena_zalloc((parser)->arena, sizeof(type)))

static inline bool gql_at(const struct gql_parser *p, enum gql_token_kind kind)
{
    return p->lexer.token.kind == kind;
}

static inline uint32_t gql_here(const struct gql_parser *p)
{
    return p->lexer.token.at;
}

static inline bool gql_at_keyword(const struct gql_parser *p, const char *word)
{
    return gql_at(p, GQL_TOKEN_NAME) && str_is(p->lexer.token.text, word);
}

static inline bool gql_at_string(const struct gql_parser *p)
{
    return gql_at(p, GQL_TOKEN_STRING) || gql_at(p, GQL_TOKEN_BLOCK_STRING);
}

/* Fails with "Syntax Error: …"; only the first failure is kept. */
void gql_parse_fail(struct gql_parser *p, uint32_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void gql_parse_fail_limit(struct gql_parser *p, uint32_t at, const char *what,
                          uint32_t max);
/* "Unexpected …": the token that is there. */
void gql_parse_unexpected(struct gql_parser *p);

void gql_advance(struct gql_parser *p);
void gql_expect(struct gql_parser *p, enum gql_token_kind kind);
void gql_expect_keyword(struct gql_parser *p, const char *word);
struct str gql_expect_name(struct gql_parser *p);
bool gql_skip(struct gql_parser *p, enum gql_token_kind kind);
bool gql_skip_keyword(struct gql_parser *p, const char *word);
/* Does the list go on? The closing token is taken. */
bool gql_more(struct gql_parser *p, enum gql_token_kind close);

/* Brackets a recursion: false, with the failure, when it is too deep. */
bool gql_enter(struct gql_parser *p);
void gql_leave(struct gql_parser *p);

/* Nodes that queries and schemas share. constant: no variables. */
struct gql_value *gql_read_value(struct gql_parser *p, bool constant);
struct gql_directive_use *gql_read_directives(struct gql_parser *p,
                                              bool constant);
struct gql_type_node *gql_read_type(struct gql_parser *p);
enum gql_operation_type gql_read_operation_type(struct gql_parser *p);

/* Definitions, at their keyword. def->at and a description are read. */
void gql_read_operation(struct gql_parser *p, struct gql_operation *operation);
void gql_read_fragment(struct gql_parser *p, struct gql_fragment *fragment);
/* False when no keyword of a type-system definition is there. */
bool gql_read_type_system(struct gql_parser *p, struct gql_definition *def,
                          struct str description);
void gql_read_extension(struct gql_parser *p, struct gql_definition *def);

#endif
