/* subject: see subject.h. */
#include "broker/subject.h"

static bool is_any(struct str token)
{
    return token.len == 1 && token.p[0] == '*';
}

static bool is_rest(struct str token)
{
    return token.len == 1 && token.p[0] == '>';
}

bool subject_next(struct str *rest, struct str *token)
{
    if (rest->p == NULL)
        return false;
    const char *dot = rest->len > 0 ? memchr(rest->p, '.', rest->len) : NULL;
    if (dot == NULL) {
        *token = *rest;
        *rest = str_make(NULL, 0);
        return true;
    }
    size_t len = (size_t)(dot - rest->p);
    *token = str_make(rest->p, len);
    *rest = str_make(dot + 1, rest->len - len - 1);
    return true;
}

static bool token_valid(struct str token)
{
    for (size_t i = 0; i < token.len; i++) {
        switch (token.p[i]) {
        case ' ':
        case '\t':
        case '\r':
        case '\n':
        case '\f':
            return false;
        default:
            break;
        }
    }
    return token.len > 0;
}

bool subject_valid(struct str pattern)
{
    struct str token;
    bool ended = false;
    while (subject_next(&pattern, &token)) {
        if (ended || !token_valid(token))
            return false;
        ended = is_rest(token);
        if (pattern.p == NULL)
            return true;
    }
    return false;
}

bool subject_has_wildcard(struct str pattern)
{
    struct str token;
    while (subject_next(&pattern, &token)) {
        if (is_any(token) || is_rest(token))
            return true;
    }
    return false;
}

bool subject_valid_literal(struct str subject)
{
    return subject_valid(subject) && !subject_has_wildcard(subject);
}

bool subject_matches(struct str pattern, struct str subject)
{
    struct str want, have;
    while (subject_next(&pattern, &want)) {
        if (!subject_next(&subject, &have))
            return false;
        if (is_rest(want) && pattern.p == NULL)
            return true;
        if (!is_any(want) && !str_eq(want, have))
            return false;
    }
    return subject.p == NULL;
}

bool subject_covers(struct str outer, struct str inner)
{
    struct str want, have;
    while (subject_next(&outer, &want)) {
        if (!subject_next(&inner, &have))
            return false;
        if (is_rest(want))
            return true;
        if (is_rest(have) || (!is_any(want) && !str_eq(want, have)))
            return false;
    }
    return inner.p == NULL;
}

bool subject_overlaps(struct str a, struct str b)
{
    struct str ta, tb;
    for (;;) {
        bool more_a = subject_next(&a, &ta);
        bool more_b = subject_next(&b, &tb);
        if (!more_a || !more_b)
            return more_a == more_b;
        if (is_rest(ta) || is_rest(tb))
            return true;
        if (!is_any(ta) && !is_any(tb) && !str_eq(ta, tb))
            return false;
    }
}
