/* graphql_parse: whatever a text holds, the lexer stays inside it and the
 * parser reads it or says where it is wrong; a value that is printed reads back
 * as the same.
 * fuzz-links: api/graphql/lex.c api/graphql/lex_string.c
 * fuzz-links: api/graphql/parse.c api/graphql/parse_query.c
 * fuzz-links: api/graphql/parse_schema.c api/graphql/error.c
 * fuzz-links: api/graphql/schema_lookup.c api/graphql/schema_builtin.c
 * fuzz-links: api/graphql/name_map.c api/graphql/value.c */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/graphql/lex.h"
#include "api/graphql/parse.h"
#include "api/graphql/scalar.h"

#define TOKENS_MAX 5000

/* The text is in memory of exactly its size, for the address sanitizer. */
static void read_tokens(struct str text)
{
    struct arena arena = {0};
    struct gql_lexer lexer;
    gql_lexer_init(&lexer, text, &arena);
    uint32_t at = 0;
    do {
        gql_lexer_next(&lexer);
        assert(lexer.token.at >= at || lexer.error != NULL);
        assert(lexer.token.at <= text.len);
        at = lexer.token.at;
    } while (lexer.token.kind != GQL_TOKEN_EOF);
    gql_lexer_next(&lexer);
    assert(lexer.token.kind == GQL_TOKEN_EOF);
    arena_fini(&arena);
}

static void check_error(const struct gql_errors *errors)
{
    struct buf json = {0};
    assert(errors->count == 1);
    assert(errors->first->location_count == 1);
    assert(errors->first->locations[0].line >= 1);
    assert(errors->first->locations[0].column >= 1);
    gql_errors_append(errors, &json);
    assert(json.len > 0);
    buf_fini(&json);
}

static void read_document(struct str text)
{
    struct arena arena = {0};
    struct gql_document doc = {.arena = &arena};
    struct gql_errors errors = {.arena = &arena};
    struct gql_parse_limits limits = {TOKENS_MAX, 500};
    if (gql_parse(&doc, text, &limits, &errors) < 0) {
        check_error(&errors);
    } else {
        assert(errors.count == 0 && doc.first != NULL);
        assert(doc.tokens <= TOKENS_MAX);
    }
    arena_fini(&arena);
}

/* Reads a value and prints it. False where there is none. */
static bool print_value(struct str text, struct arena *arena, struct buf *out)
{
    struct gql_errors errors = {.arena = arena};
    struct gql_value *value;
    if (gql_parse_value(text, arena, &value, &errors) < 0) {
        check_error(&errors);
        return false;
    }
    gql_value_append(value, out);
    return true;
}

static void read_value(struct str text)
{
    struct arena arena = {0};
    struct buf once = {0}, twice = {0};
    if (print_value(text, &arena, &once)) {
        bool again = print_value(buf_str(&once), &arena, &twice);
        assert(again);
        assert(str_eq(buf_str(&once), buf_str(&twice)));
    }
    buf_fini(&once);
    buf_fini(&twice);
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);
    assert(copy != NULL);
    memcpy(copy, data, size);
    struct str text = {copy, size};
    read_tokens(text);
    read_document(text);
    read_value(text);
    free(copy);
    return 0;
}
