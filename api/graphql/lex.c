#include "api/graphql/lex.h"

#include "api/graphql/lex_private.h"
#include "lib/utf8.h"

const char *const gql_token_names[GQL_TOKEN_KINDS] = {
    [GQL_TOKEN_EOF] = "<EOF>",       [GQL_TOKEN_BANG] = "\"!\"",
    [GQL_TOKEN_DOLLAR] = "\"$\"",    [GQL_TOKEN_AMP] = "\"&\"",
    [GQL_TOKEN_PAREN_L] = "\"(\"",   [GQL_TOKEN_PAREN_R] = "\")\"",
    [GQL_TOKEN_SPREAD] = "\"...\"",  [GQL_TOKEN_COLON] = "\":\"",
    [GQL_TOKEN_EQUALS] = "\"=\"",    [GQL_TOKEN_AT] = "\"@\"",
    [GQL_TOKEN_BRACKET_L] = "\"[\"", [GQL_TOKEN_BRACKET_R] = "\"]\"",
    [GQL_TOKEN_BRACE_L] = "\"{\"",   [GQL_TOKEN_PIPE] = "\"|\"",
    [GQL_TOKEN_BRACE_R] = "\"}\"",   [GQL_TOKEN_NAME] = "Name",
    [GQL_TOKEN_INT] = "Int",         [GQL_TOKEN_FLOAT] = "Float",
    [GQL_TOKEN_STRING] = "String",   [GQL_TOKEN_BLOCK_STRING] = "BlockString",
};

/* What a byte begins. Punctuation stands as its own token kind. */
enum {
    BEGINS_NOTHING = 0,
    BEGINS_SPACE = GQL_TOKEN_KINDS,
    BEGINS_COMMENT,
    BEGINS_DOTS,
    BEGINS_NUMBER,
    BEGINS_NAME,
    BEGINS_STRING,
    BEGINS_BOM
};

static const uint8_t begins[256] = {
    ['\t'] = BEGINS_SPACE,         ['\n'] = BEGINS_SPACE,
    ['\r'] = BEGINS_SPACE,         [' '] = BEGINS_SPACE,
    [','] = BEGINS_SPACE,          ['#'] = BEGINS_COMMENT,
    ['.'] = BEGINS_DOTS,           ['-'] = BEGINS_NUMBER,
    ['0' ... '9'] = BEGINS_NUMBER, ['A' ... 'Z'] = BEGINS_NAME,
    ['a' ... 'z'] = BEGINS_NAME,   ['_'] = BEGINS_NAME,
    ['"'] = BEGINS_STRING,         [0xEF] = BEGINS_BOM,
    ['!'] = GQL_TOKEN_BANG,        ['$'] = GQL_TOKEN_DOLLAR,
    ['&'] = GQL_TOKEN_AMP,         ['('] = GQL_TOKEN_PAREN_L,
    [')'] = GQL_TOKEN_PAREN_R,     [':'] = GQL_TOKEN_COLON,
    ['='] = GQL_TOKEN_EQUALS,      ['@'] = GQL_TOKEN_AT,
    ['['] = GQL_TOKEN_BRACKET_L,   [']'] = GQL_TOKEN_BRACKET_R,
    ['{'] = GQL_TOKEN_BRACE_L,     ['|'] = GQL_TOKEN_PIPE,
    ['}'] = GQL_TOKEN_BRACE_R,
};

static const bool continues_name[256] = {
    ['0' ... '9'] = true,
    ['A' ... 'Z'] = true,
    ['a' ... 'z'] = true,
    ['_'] = true,
};

void gql_lexer_init(struct gql_lexer *lexer, struct str source,
                    struct arena *arena)
{
    *lexer = (struct gql_lexer){.start = source.p,
                                .p = source.p,
                                .end = source.p + source.len,
                                .arena = arena};
}

void gql_lexer_fail(struct gql_lexer *lexer, const char *at, const char *error)
{
    lexer->token = (struct gql_token){.kind = GQL_TOKEN_EOF,
                                      .at = (uint32_t)(at - lexer->start)};
    lexer->error = error;
    lexer->p = lexer->end;
}

/* The code point at p, or -1 where the bytes are no UTF-8. */
static int32_t code_point(const char *p, const char *end)
{
    size_t len = utf8_sequence(p, (size_t)(end - p));
    if (len <= 1)
        return len == 1 ? *p : -1;
    int32_t code = *p & 0x7F >> len;
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (p[i] & 0x3F);
    return code;
}

const char *gql_lexer_describe(const struct gql_lexer *lexer, const char *p)
{
    if (p >= lexer->end)
        return "<EOF>";
    int32_t code = code_point(p, lexer->end);
    if (code < 0)
        return arena_printf(lexer->arena, "byte 0x%02X", (unsigned char)*p);
    if (code == '"')
        return "'\"'";
    if (code >= 0x20 && code <= 0x7E)
        return arena_printf(lexer->arena, "\"%c\"", (char)code);
    return arena_printf(lexer->arena, "U+%04X", (unsigned)code);
}

static void finish(struct gql_lexer *lexer, enum gql_token_kind kind,
                   const char *from, const char *to)
{
    lexer->token = (struct gql_token){
        kind, (uint32_t)(from - lexer->start), {from, (size_t)(to - from)}};
    lexer->p = to;
    lexer->tokens++;
}

static void read_name(struct gql_lexer *lexer, const char *from)
{
    const char *p = from + 1;
    while (p < lexer->end && continues_name[(unsigned char)*p])
        p++;
    finish(lexer, GQL_TOKEN_NAME, from, p);
}

/* ---- numbers ---- */

static bool is_digit(const struct gql_lexer *lexer, const char *p)
{
    return p < lexer->end && *p >= '0' && *p <= '9';
}

static void fail_number(struct gql_lexer *lexer, const char *at,
                        const char *what)
{
    gql_lexer_fail(lexer, at,
                   arena_printf(lexer->arena, "Invalid number, %s: %s.", what,
                                gql_lexer_describe(lexer, at)));
}

/* One digit or more; NULL when there is none. */
static const char *skip_digits(struct gql_lexer *lexer, const char *p)
{
    if (!is_digit(lexer, p)) {
        fail_number(lexer, p, "expected digit but got");
        return NULL;
    }
    while (is_digit(lexer, p))
        p++;
    return p;
}

/* "0" or digits that begin with another. */
static const char *skip_integer(struct gql_lexer *lexer, const char *p)
{
    bool zero = p < lexer->end && *p == '0';
    if (!zero || !is_digit(lexer, p + 1))
        return zero ? p + 1 : skip_digits(lexer, p);
    fail_number(lexer, p + 1, "unexpected digit after 0");
    return NULL;
}

static bool is_one_of(const struct gql_lexer *lexer, const char *p, char a,
                      char b)
{
    return p < lexer->end && (*p == a || *p == b);
}

static const char *skip_fraction(struct gql_lexer *lexer, const char *p)
{
    return is_one_of(lexer, p, '.', '.') ? skip_digits(lexer, p + 1) : p;
}

static const char *skip_exponent(struct gql_lexer *lexer, const char *p)
{
    if (!is_one_of(lexer, p, 'e', 'E'))
        return p;
    p++;
    return skip_digits(lexer, is_one_of(lexer, p, '+', '-') ? p + 1 : p);
}

static void read_number(struct gql_lexer *lexer, const char *from)
{
    const char *whole = skip_integer(lexer, from + (*from == '-'));
    const char *p = whole != NULL ? skip_fraction(lexer, whole) : NULL;
    p = p != NULL ? skip_exponent(lexer, p) : NULL;
    if (p == NULL)
        return;
    bool runs_on = p < lexer->end &&
                   (*p == '.' || begins[(unsigned char)*p] == BEGINS_NAME);
    if (runs_on)
        fail_number(lexer, p, "expected digit but got");
    else
        finish(lexer, p == whole ? GQL_TOKEN_INT : GQL_TOKEN_FLOAT, from, p);
}

/* ---- the rest ---- */

static void fail_character(struct gql_lexer *lexer, const char *at)
{
    const char *error = "Unexpected single quote character ('), did you mean "
                        "to use a double quote (\")?";
    if (*at != '\'')
        error = arena_printf(lexer->arena, "%s character: %s.",
                             code_point(at, lexer->end) < 0 ? "Invalid"
                                                            : "Unexpected",
                             gql_lexer_describe(lexer, at));
    gql_lexer_fail(lexer, at, error);
}

static void read_dots(struct gql_lexer *lexer, const char *from)
{
    if (lexer->end - from >= 3 && from[1] == '.' && from[2] == '.')
        finish(lexer, GQL_TOKEN_SPREAD, from, from + 3);
    else
        fail_character(lexer, from);
}

/* Ends before the end of the line, or before what is no UTF-8: that is then
 * refused as a token. */
static const char *skip_comment(const struct gql_lexer *lexer, const char *p)
{
    while (p < lexer->end && *p != '\n' && *p != '\r') {
        size_t len = utf8_sequence(p, (size_t)(lexer->end - p));
        if (len == 0)
            break;
        p += len;
    }
    return p;
}

/* Behind spaces, commas, line ends, byte order marks and comments. */
static const char *skip_ignored(const struct gql_lexer *lexer)
{
    const char *p = lexer->p;
    while (p < lexer->end) {
        switch (begins[(unsigned char)*p]) {
        case BEGINS_SPACE:
            p++;
            break;
        case BEGINS_COMMENT:
            p = skip_comment(lexer, p + 1);
            break;
        case BEGINS_BOM:
            if (lexer->end - p < 3 || memcmp(p, "\xEF\xBB\xBF", 3) != 0)
                return p;
            p += 3;
            break;
        default:
            return p;
        }
    }
    return p;
}

static void read_end(struct gql_lexer *lexer)
{
    if (lexer->error == NULL)
        lexer->token = (struct gql_token){
            GQL_TOKEN_EOF, (uint32_t)(lexer->end - lexer->start), {0}};
    lexer->p = lexer->end;
}

void gql_lexer_next(struct gql_lexer *lexer)
{
    const char *p = skip_ignored(lexer);
    if (p == lexer->end) {
        read_end(lexer);
        return;
    }
    uint8_t kind = begins[(unsigned char)*p];
    switch (kind) {
    case BEGINS_NAME:
        read_name(lexer, p);
        break;
    case BEGINS_NUMBER:
        read_number(lexer, p);
        break;
    case BEGINS_STRING:
        gql_lexer_string(lexer, p);
        break;
    case BEGINS_DOTS:
        read_dots(lexer, p);
        break;
    case BEGINS_NOTHING:
    case BEGINS_BOM:
        fail_character(lexer, p);
        break;
    default:
        finish(lexer, (enum gql_token_kind)kind, p, p + 1);
    }
}
