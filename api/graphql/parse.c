/* parse: recursive descent over the tokens, one ahead. */
#include "api/graphql/parse_private.h"

#include <errno.h>
#include <stdarg.h>

/* ---- failing ---- */

static void stop(struct gql_parser *p)
{
    p->failed = true;
    p->lexer.p = p->lexer.end;
    p->lexer.token.kind = GQL_TOKEN_EOF;
}

void gql_parse_fail(struct gql_parser *p, uint32_t at, const char *format, ...)
{
    if (p->failed)
        return;
    struct buf text = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    gql_error_add(p->errors, GQL_CODE_PARSE, &at, 1, "Syntax Error: %s",
                  buf_text(&text));
    buf_fini(&text);
    stop(p);
}

void gql_parse_fail_limit(struct gql_parser *p, uint32_t at, const char *what,
                          uint32_t max)
{
    if (p->failed)
        return;
    gql_error_add(p->errors, GQL_CODE_LIMIT, &at, 1,
                  "Syntax Error: Document contains more than %u %s. Parsing "
                  "aborted.",
                  max, what);
    stop(p);
}

/* "Name \"a\"", "\"{\"", "<EOF>". */
static const char *token_text(struct gql_parser *p)
{
    const struct gql_token *token = &p->lexer.token;
    const char *kind = gql_token_names[token->kind];
    if (token->kind < GQL_TOKEN_NAME)
        return kind;
    return arena_printf(p->arena, "%s \"%.*s\"", kind, STR_ARG(token->text));
}

void gql_parse_unexpected(struct gql_parser *p)
{
    gql_parse_fail(p, gql_here(p), "Unexpected %s.", token_text(p));
}

/* ---- tokens ---- */

void gql_advance(struct gql_parser *p)
{
    gql_lexer_next(&p->lexer);
    if (p->lexer.error != NULL)
        gql_parse_fail(p, gql_here(p), "%s", p->lexer.error);
    else if (p->limits.tokens > 0 && p->lexer.tokens > p->limits.tokens)
        gql_parse_fail_limit(p, gql_here(p), "tokens", p->limits.tokens);
}

bool gql_skip(struct gql_parser *p, enum gql_token_kind kind)
{
    if (!gql_at(p, kind))
        return false;
    gql_advance(p);
    return true;
}

bool gql_skip_keyword(struct gql_parser *p, const char *word)
{
    if (!gql_at_keyword(p, word))
        return false;
    gql_advance(p);
    return true;
}

void gql_expect(struct gql_parser *p, enum gql_token_kind kind)
{
    if (!gql_at(p, kind))
        gql_parse_fail(p, gql_here(p), "Expected %s, found %s.",
                       gql_token_names[kind], token_text(p));
    else
        gql_advance(p);
}

void gql_expect_keyword(struct gql_parser *p, const char *word)
{
    if (!gql_skip_keyword(p, word))
        gql_parse_fail(p, gql_here(p), "Expected \"%s\", found %s.", word,
                       token_text(p));
}

struct str gql_expect_name(struct gql_parser *p)
{
    struct str name = p->lexer.token.text;
    gql_expect(p, GQL_TOKEN_NAME);
    return name;
}

bool gql_more(struct gql_parser *p, enum gql_token_kind close)
{
    return !p->failed && !gql_skip(p, close);
}

bool gql_enter(struct gql_parser *p)
{
    if (++p->depth <= GQL_DEPTH_MAX)
        return true;
    gql_parse_fail_limit(p, gql_here(p), "levels of nesting", GQL_DEPTH_MAX);
    return false;
}

void gql_leave(struct gql_parser *p)
{
    p->depth--;
}

/* ---- documents ---- */

static void read_operation_or_fragment(struct gql_parser *p,
                                       struct gql_definition *def)
{
    if (gql_at_keyword(p, "fragment")) {
        def->kind = GQL_DEF_FRAGMENT;
        gql_read_fragment(p, &def->fragment);
        return;
    }
    def->kind = GQL_DEF_OPERATION;
    gql_read_operation(p, &def->operation);
}

static bool at_executable(const struct gql_parser *p)
{
    static const char *const words[] = {"query", "mutation", "subscription",
                                        "fragment"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (gql_at_keyword(p, words[i]))
            return true;
    return false;
}

static void read_described(struct gql_parser *p, struct gql_definition *def)
{
    struct str description = p->lexer.token.text;
    gql_advance(p);
    if (gql_at(p, GQL_TOKEN_BRACE_L))
        gql_parse_fail(p, def->at,
                       "Unexpected description, descriptions are not supported "
                       "on shorthand queries.");
    else if (at_executable(p))
        read_operation_or_fragment(p, def);
    else if (gql_read_type_system(p, def, description))
        return;
    else if (gql_at(p, GQL_TOKEN_NAME))
        gql_parse_fail(p, def->at,
                       "Unexpected description, only GraphQL definitions "
                       "support descriptions.");
    else
        gql_parse_unexpected(p);
}

static struct gql_definition *read_definition(struct gql_parser *p)
{
    struct gql_definition *def = NEW_NODE(p, struct gql_definition);
    def->at = gql_here(p);
    if (gql_at(p, GQL_TOKEN_BRACE_L) || at_executable(p))
        read_operation_or_fragment(p, def);
    else if (gql_at_string(p))
        read_described(p, def);
    else if (gql_skip_keyword(p, "extend"))
        gql_read_extension(p, def);
    else if (!gql_read_type_system(p, def, (struct str){0}))
        gql_parse_unexpected(p);
    return def;
}

static void read_document(struct gql_parser *p, struct gql_document *doc)
{
    struct gql_definition **tail = &doc->first;
    do {
        *tail = read_definition(p);
        tail = &(*tail)->next;
    } while (gql_more(p, GQL_TOKEN_EOF));
    doc->tokens = p->lexer.tokens;
}

#define SOURCE_MAX ((size_t)UINT32_MAX - 1) /* offsets are 32 bits wide */

static int begin(struct gql_parser *p, struct str source)
{
    if (source.len > SOURCE_MAX) {
        gql_error_add(p->errors, GQL_CODE_LIMIT, NULL, 0,
                      "A document of %zu bytes is too long.", source.len);
        return -EINVAL;
    }
    p->errors->source = source;
    gql_lexer_init(&p->lexer, source, p->arena);
    gql_advance(p);
    return 0;
}

int gql_parse(struct gql_document *doc, struct str source,
              const struct gql_parse_limits *limits, struct gql_errors *errors)
{
    struct gql_parser p = {.arena = doc->arena, .errors = errors};
    if (limits != NULL)
        p.limits = *limits;
    doc->source = arena_str(doc->arena, source);
    doc->first = NULL;
    if (begin(&p, doc->source) < 0)
        return -EINVAL;
    read_document(&p, doc);
    return p.failed ? -EINVAL : 0;
}

int gql_parse_value(struct str source, struct arena *arena,
                    struct gql_value **value, struct gql_errors *errors)
{
    struct gql_parser p = {.arena = arena, .errors = errors};
    if (begin(&p, arena_str(arena, source)) < 0)
        return -EINVAL;
    *value = gql_read_value(&p, false);
    gql_expect(&p, GQL_TOKEN_EOF);
    return p.failed ? -EINVAL : 0;
}
