/* lex_string: string values (2.9.4): escapes, Unicode, block strings. */
#include "api/graphql/lex_private.h"

#include "lib/utf8.h"

static bool at_quotes(const struct gql_lexer *lexer, const char *p)
{
    return lexer->end - p >= 3 && memcmp(p, "\"\"\"", 3) == 0;
}

static void finish(struct gql_lexer *lexer, enum gql_token_kind kind,
                   const char *from, const char *to, struct str value)
{
    lexer->token =
        (struct gql_token){kind, (uint32_t)(from - lexer->start), value};
    lexer->p = to;
    lexer->tokens++;
}

static void fail_text(struct gql_lexer *lexer, const char *at)
{
    const char *error = "Unterminated string.";
    if (at < lexer->end && *at != '\n' && *at != '\r')
        error =
            arena_printf(lexer->arena, "Invalid character within String: %s.",
                         gql_lexer_describe(lexer, at));
    gql_lexer_fail(lexer, at, error);
}

/* ---- strings on one line ---- */

/* ASCII that does not stand for itself. */
static const bool is_special[128] = {
    ['"'] = true,
    ['\\'] = true,
    ['\n'] = true,
    ['\r'] = true,
};

/* Behind characters that stand for themselves. */
static const char *skip_plain(const struct gql_lexer *lexer, const char *p)
{
    while (p < lexer->end) {
        size_t len = (unsigned char)*p < 128
                         ? !is_special[(unsigned char)*p]
                         : utf8_sequence(p, (size_t)(lexer->end - p));
        if (len == 0)
            break;
        p += len;
    }
    return p;
}

/* "Invalid … sequence: "\q"."; width: what of the escape is shown, in UTF-16
 * code units. */
static const char *fail_escape(struct gql_lexer *lexer, const char *at,
                               const char *what, size_t width)
{
    size_t shown = 0, left = (size_t)(lexer->end - at);
    while (shown < left) {
        size_t len = utf8_sequence(at + shown, left - shown);
        size_t units = len > 3 ? 2 : 1;
        if (len == 0 || units > width)
            break;
        shown += len;
        width -= units;
    }
    gql_lexer_fail(lexer, at,
                   arena_printf(lexer->arena, "Invalid %s sequence: \"%.*s\".",
                                what, (int)shown, at));
    return NULL;
}

static int hex_digit(const struct gql_lexer *lexer, const char *p)
{
    if (p >= lexer->end)
        return -1;
    if (*p >= '0' && *p <= '9')
        return *p - '0';
    char folded = (char)(*p | 0x20);
    return folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : -1;
}

/* Four digits, or -1. */
static int32_t hex4(const struct gql_lexer *lexer, const char *p)
{
    int32_t code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(lexer, p + i);
        if (digit < 0)
            return -1;
        code = code << 4 | digit;
    }
    return code;
}

static bool is_scalar_value(int64_t code)
{
    return (code >= 0 && code <= 0xD7FF) ||
           (code >= 0xE000 && code <= 0x10FFFF);
}

/* "\uXXXX", or two of them that are a surrogate pair. Returns what is behind,
 * or NULL. */
static const char *read_fixed(struct gql_lexer *lexer, const char *at,
                              char **out)
{
    int32_t code = hex4(lexer, at + 2);
    const char *next = at + 6;
    if (code >= 0xD800 && code <= 0xDBFF && lexer->end - next >= 6 &&
        next[0] == '\\' && next[1] == 'u') {
        int32_t low = hex4(lexer, next + 2);
        next += 6;
        if (low >= 0xDC00 && low <= 0xDFFF)
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    if (!is_scalar_value(code))
        return fail_escape(lexer, at, "Unicode escape", 6);
    *out += utf8_encode((uint32_t)code, *out);
    return next;
}

#define BRACED_DIGITS_MAX 8 /* "\u{0000000A}" */

/* "\u{X…}". */
static const char *read_braced(struct gql_lexer *lexer, const char *at,
                               char **out)
{
    const char *p = at + 3;
    int64_t code = 0;
    while (p - at < 3 + BRACED_DIGITS_MAX && hex_digit(lexer, p) >= 0)
        code = code << 4 | hex_digit(lexer, p++);
    bool closed = p > at + 3 && p < lexer->end && *p == '}';
    if (!closed || !is_scalar_value(code))
        return fail_escape(lexer, at, "Unicode escape",
                           (size_t)(p - at) + (code <= INT32_MAX));
    *out += utf8_encode((uint32_t)code, *out);
    return p + 1;
}

static char simple_escape(char letter)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    const char *found = memchr(letters, letter, sizeof letters - 1);
    return found != NULL ? meant[found - letters] : '\0';
}

/* The escape at the backslash, written to *out. */
static const char *read_escape(struct gql_lexer *lexer, const char *at,
                               char **out)
{
    char letter = at + 1 < lexer->end ? at[1] : '\0';
    if (letter == 'u')
        return at + 2 < lexer->end && at[2] == '{' ? read_braced(lexer, at, out)
                                                   : read_fixed(lexer, at, out);
    char meant = simple_escape(letter);
    if (meant == '\0')
        return fail_escape(lexer, at, "character escape", 2);
    *(*out)++ = meant;
    return at + 2;
}

/* A bound of the value's length: an escape is never shorter than what it
 * stands for. */
static size_t length_bound(const struct gql_lexer *lexer, const char *from)
{
    const char *p = from;
    while (p < lexer->end && *p != '"' && *p != '\n' && *p != '\r')
        p += *p == '\\' && p + 1 < lexer->end ? 2 : 1;
    return (size_t)(p - from);
}

/* The value of a string with escapes; first: the first one. */
static void read_escaped(struct gql_lexer *lexer, const char *from,
                         const char *first)
{
    char *value = arena_alloc(lexer->arena, length_bound(lexer, from + 1) + 1);
    char *out = value;
    const char *chunk = from + 1, *p = first;
    for (;;) {
        memcpy(out, chunk, (size_t)(p - chunk));
        out += p - chunk;
        if (p >= lexer->end || *p != '\\')
            break;
        chunk = read_escape(lexer, p, &out);
        if (chunk == NULL)
            return;
        p = skip_plain(lexer, chunk);
    }
    if (p < lexer->end && *p == '"')
        finish(lexer, GQL_TOKEN_STRING, from, p + 1,
               str_make(value, (size_t)(out - value)));
    else
        fail_text(lexer, p);
}

static void read_string(struct gql_lexer *lexer, const char *from)
{
    const char *p = skip_plain(lexer, from + 1);
    if (p < lexer->end && *p == '"')
        finish(lexer, GQL_TOKEN_STRING, from, p + 1,
               str_make(from + 1, (size_t)(p - from - 1)));
    else if (p < lexer->end && *p == '\\')
        read_escaped(lexer, from, p);
    else
        fail_text(lexer, p);
}

/* ---- block strings ---- */

/* The closing quotes, or where the text is no UTF-8 or ends. */
static const char *find_block_end(const struct gql_lexer *lexer, const char *p)
{
    while (p < lexer->end) {
        if (at_quotes(lexer, p))
            break;
        if (*p == '\\' && at_quotes(lexer, p + 1)) {
            p += 4;
            continue;
        }
        size_t len = utf8_sequence(p, (size_t)(lexer->end - p));
        if (len == 0)
            break;
        p += len;
    }
    return p;
}

/* Cuts the first line off *rest; false when there was none. */
static bool next_line(struct str *rest, struct str *line)
{
    if (rest->p == NULL)
        return false;
    size_t len = 0;
    while (len < rest->len && rest->p[len] != '\n' && rest->p[len] != '\r')
        len++;
    *line = str_make(rest->p, len);
    if (len == rest->len) {
        rest->p = NULL;
        return true;
    }
    bool two =
        len + 1 < rest->len && rest->p[len] == '\r' && rest->p[len + 1] == '\n';
    len += two ? 2 : 1;
    *rest = str_make(rest->p + len, rest->len - len);
    return true;
}

static size_t indent_of(struct str line)
{
    size_t n = 0;
    while (n < line.len && (line.p[n] == ' ' || line.p[n] == '\t'))
        n++;
    return n;
}

struct block {
    size_t indent;      /* of all lines but the first */
    size_t first, last; /* lines with more than white space; first > last:
                           none */
};

static struct block measure(struct str raw)
{
    struct block block = {.indent = SIZE_MAX, .first = SIZE_MAX};
    struct str line;
    for (size_t i = 0; next_line(&raw, &line); i++) {
        size_t indent = indent_of(line);
        if (indent == line.len)
            continue;
        if (block.first == SIZE_MAX)
            block.first = i;
        block.last = i;
        if (i > 0 && indent < block.indent)
            block.indent = indent;
    }
    return block;
}

/* Appends a line with \""" as """. */
static char *put_line(char *out, struct str line)
{
    size_t i = 0;
    while (i < line.len) {
        bool escaped =
            line.len - i >= 4 && memcmp(line.p + i, "\\\"\"\"", 4) == 0;
        size_t n = escaped ? 3 : 1;
        i += escaped;
        memcpy(out, line.p + i, n);
        out += n;
        i += n;
    }
    return out;
}

/* The value of the raw text between the quotes: without the common indent and
 * without blank lines at its ends. */
static struct str block_value(struct gql_lexer *lexer, struct str raw)
{
    struct block block = measure(raw);
    char *value = arena_alloc(lexer->arena, raw.len + 1), *out = value;
    struct str line;
    for (size_t i = 0; next_line(&raw, &line); i++) {
        if (i < block.first || i > block.last)
            continue;
        if (i > block.first)
            *out++ = '\n';
        size_t drop = i == 0 ? 0 : block.indent;
        drop = drop < line.len ? drop : line.len;
        out = put_line(out, str_make(line.p + drop, line.len - drop));
    }
    return str_make(value, (size_t)(out - value));
}

static bool is_one_plain_line(struct str raw)
{
    return memchr(raw.p, '\n', raw.len) == NULL &&
           memchr(raw.p, '\r', raw.len) == NULL &&
           memchr(raw.p, '\\', raw.len) == NULL && indent_of(raw) < raw.len;
}

static void read_block(struct gql_lexer *lexer, const char *from)
{
    const char *close = find_block_end(lexer, from + 3);
    if (close >= lexer->end || !at_quotes(lexer, close)) {
        const char *error = "Unterminated string.";
        if (close < lexer->end)
            error = arena_printf(lexer->arena,
                                 "Invalid character within String: %s.",
                                 gql_lexer_describe(lexer, close));
        gql_lexer_fail(lexer, close, error);
        return;
    }
    struct str raw = {from + 3, (size_t)(close - from - 3)};
    finish(lexer, GQL_TOKEN_BLOCK_STRING, from, close + 3,
           is_one_plain_line(raw) ? raw : block_value(lexer, raw));
}

void gql_lexer_string(struct gql_lexer *lexer, const char *from)
{
    if (at_quotes(lexer, from))
        read_block(lexer, from);
    else
        read_string(lexer, from);
}
