/* json_check: is a text one JSON value, by the grammar of RFC 8259?
 *
 * A recursive descent over the bytes, at most JSON_DEPTH_MAX deep. It says
 * where the first fault is and what was expected there. */
#include "lib/json.h"

#include <errno.h>
#include <string.h>

#include "lib/utf8.h"

struct check {
    const char *start, *p, *end;
    const char *expected; /* at p, once a check failed */
    int depth;
};

static bool fail(struct check *c, const char *expected)
{
    c->expected = expected;
    return false;
}

static void skip_space(struct check *c)
{
    while (c->p < c->end &&
           (*c->p == ' ' || *c->p == '\n' || *c->p == '\r' || *c->p == '\t'))
        c->p++;
}

static bool at(const struct check *c, char byte)
{
    return c->p < c->end && *c->p == byte;
}

static bool take(struct check *c, char byte)
{
    if (!at(c, byte))
        return false;
    c->p++;
    return true;
}

static bool check_hex4(struct check *c, unsigned *code)
{
    *code = 0;
    for (int i = 0; i < 4; i++, c->p++) {
        static const char digits[] = "0123456789abcdefABCDEF";
        if (c->p == c->end || memchr(digits, *c->p, sizeof digits - 1) == NULL)
            return fail(c, "four hexadecimal digits");
        char d = *c->p;
        *code =
            *code << 4 | (unsigned)(d <= '9' ? d - '0' : (d | 32) - 'a' + 10);
    }
    return true;
}

/* Behind "\u". A high surrogate needs its low half, which needs the high. */
static bool check_unicode_escape(struct check *c)
{
    unsigned code;
    if (!check_hex4(c, &code))
        return false;
    if (code >= 0xDC00 && code <= 0xDFFF)
        return fail(c, "a high surrogate before this low one");
    if (code < 0xD800 || code > 0xDBFF)
        return true;
    if (!take(c, '\\') || !take(c, 'u'))
        return fail(c, "the low half of a surrogate pair");
    if (!check_hex4(c, &code))
        return false;
    return code >= 0xDC00 && code <= 0xDFFF
               ? true
               : fail(c, "the low half of a surrogate pair");
}

static bool check_escape(struct check *c)
{
    if (c->p == c->end || memchr("\"\\/bfnrtu", *c->p, 9) == NULL)
        return fail(c, "one of \"\\/bfnrtu behind a backslash");
    return *c->p++ == 'u' ? check_unicode_escape(c) : true;
}

/* Bytes that stand for themselves in a string: ASCII but for controls, the
 * quote and the backslash. */
static bool plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

static void skip_plain(struct check *c)
{
    const char *p = c->p;
    while (p < c->end && plain((unsigned char)*p))
        p++;
    c->p = p;
}

static bool check_string(struct check *c)
{
    if (!take(c, '"'))
        return fail(c, "a string");
    for (;;) {
        skip_plain(c);
        if (c->p == c->end)
            return fail(c, "the closing quote");
        unsigned char byte = (unsigned char)*c->p;
        if (byte == '"') {
            c->p++;
            return true;
        }
        if (byte < 0x20)
            return fail(c, "an escape in place of a control character");
        if (byte == '\\') {
            c->p++;
            if (!check_escape(c))
                return false;
            continue;
        }
        size_t n = utf8_sequence(c->p, (size_t)(c->end - c->p));
        if (n == 0)
            return fail(c, "well-formed UTF-8");
        c->p += n;
    }
}

static bool check_digits(struct check *c)
{
    const char *first = c->p;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
        c->p++;
    return c->p > first ? true : fail(c, "a digit");
}

static bool check_number(struct check *c)
{
    take(c, '-');
    if (!take(c, '0') && !check_digits(c))
        return false;
    if (take(c, '.') && !check_digits(c))
        return false;
    if (at(c, 'e') || at(c, 'E')) {
        c->p++;
        if (!take(c, '+'))
            take(c, '-');
        return check_digits(c);
    }
    return true;
}

static bool check_word(struct check *c, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0)
        return fail(c, "a value");
    c->p += n;
    return true;
}

static bool check_value(struct check *c);

static bool check_member(struct check *c)
{
    skip_space(c);
    if (!check_string(c))
        return false;
    skip_space(c);
    if (!take(c, ':'))
        return fail(c, "':' behind the name");
    return check_value(c);
}

/* The inside of an object or array, behind the opening bracket. */
static bool check_items(struct check *c, char closing,
                        bool (*item)(struct check *))
{
    skip_space(c);
    if (take(c, closing))
        return true;
    for (;;) {
        if (!item(c))
            return false;
        skip_space(c);
        if (take(c, closing))
            return true;
        if (!take(c, ','))
            return fail(c, closing == '}' ? "',' or '}'" : "',' or ']'");
    }
}

static bool check_container(struct check *c)
{
    if (++c->depth > JSON_DEPTH_MAX)
        return fail(c, "less depth");
    bool ok = *c->p++ == '{' ? check_items(c, '}', check_member)
                             : check_items(c, ']', check_value);
    c->depth--;
    return ok;
}

static bool check_value(struct check *c)
{
    skip_space(c);
    if (c->p == c->end)
        return fail(c, "a value");
    switch (*c->p) {
    case '{':
    case '[':
        return check_container(c);
    case '"':
        return check_string(c);
    case 't':
        return check_word(c, "true");
    case 'f':
        return check_word(c, "false");
    case 'n':
        return check_word(c, "null");
    default:
        if (*c->p != '-' && (*c->p < '0' || *c->p > '9'))
            return fail(c, "a value");
        return check_number(c);
    }
}

int json_validate(struct str text, struct errmsg *err)
{
    struct check c = {.start = text.p, .p = text.p, .end = text.p + text.len};
    bool ok = check_value(&c);
    if (ok) {
        skip_space(&c);
        if (c.p < c.end)
            ok = fail(&c, "the end");
    }
    if (ok)
        return 0;
    return errmsg_set(err, -EINVAL, "not JSON: byte %zu: expected %s",
                      (size_t)(c.p - c.start), c.expected);
}
