/* str: a borrowed run of bytes, not NUL-terminated.
 *
 * Parsers hand out slices of the buffer they read, so nothing is copied until
 * somebody needs to keep it. A str is valid as long as what it points into. */
#ifndef NEXUS_STR_H
#define NEXUS_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t len;
};

/* A str over a string literal, usable in static initialisers. */
#define STR(literal)                   \
    {                                  \
        (literal), sizeof(literal) - 1 \
    }

/* For printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).len, (s).p

static inline struct str str_make(const char *p, size_t len)
{
    return (struct str){p, len};
}

static inline struct str str_of(const char *text)
{
    return (struct str){text, text != NULL ? strlen(text) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* By bytes; the beginning of another comes before it. */
static inline int str_order(struct str a, struct str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static inline bool str_is(struct str s, const char *text)
{
    return str_eq(s, str_of(text));
}

/* ASCII case folded; for header names and protocol verbs. */
bool str_ieq(struct str a, struct str b);

/* Writes the decimal digits of value; returns where they end. At most 20. They
 * go straight to their place: gathered aside and copied, the copy would wait
 * for the digits in the processor, which takes longer than making them. */
static inline char *str_put_u64(char *at, uint64_t value)
{
    char *end = at + 1;
    for (uint64_t rest = value; rest > 9; rest /= 10)
        end++;
    at = end;
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return end;
}

bool str_has_prefix(struct str s, struct str prefix);

/* s without leading and trailing spaces, tabs, CR and LF. */
struct str str_trim(struct str s);

/* Whole of s as a decimal integer: 0, or -1 (empty, a stray byte, overflow);
 * *out is then untouched. */
int str_to_i64(struct str s, int64_t *out);

/* Whole of s as a finite decimal number: 0, or -1. "nan", "inf", hexadecimal
 * and surrounding space are refused. */
int str_to_double(struct str s, double *out);

#endif
