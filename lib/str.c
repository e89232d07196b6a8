#include "lib/str.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

/* Longest number text worth looking at; more digits than any double needs. */
#define NUMBER_TEXT_MAX 320

bool str_ieq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.p, b.p, a.len) == 0);
}

bool str_has_prefix(struct str s, struct str prefix)
{
    return s.len >= prefix.len &&
           (prefix.len == 0 || memcmp(s.p, prefix.p, prefix.len) == 0);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.p[0])) {
        s.p++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.p[s.len - 1]))
        s.len--;
    return s;
}

int str_to_i64(struct str s, int64_t *out)
{
    bool negative = s.len > 0 && s.p[0] == '-';
    size_t i = negative || (s.len > 0 && s.p[0] == '+') ? 1 : 0;
    if (i == s.len)
        return -1;
    /* Counted downwards: the negative range is one larger. */
    int64_t value = 0;
    for (; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return -1;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, s.p[i] - '0', &value))
            return -1;
    }
    if (!negative && value == INT64_MIN)
        return -1;
    *out = negative ? value : -value;
    return 0;
}

/* Digits with at most one point and at most 15 significant digits are exact as
 * integer / power of ten (both fit a double exactly), hence correctly rounded.
 * That is nearly every number a GPU reports; the rest goes to strtod. */
static bool parse_short_decimal(struct str s, double *out)
{
    static const double power[] = {1,    1e1,  1e2,  1e3, 1e4,  1e5,
                                   1e6,  1e7,  1e8,  1e9, 1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15};
    size_t i = s.p[0] == '-' ? 1 : 0;
    int64_t digits = 0;
    int count = 0, fraction = 0;
    bool point = false;
    for (; i < s.len; i++) {
        if (s.p[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (s.p[i] < '0' || s.p[i] > '9' || ++count > 15)
            return false;
        digits = digits * 10 + (s.p[i] - '0');
        fraction += point;
    }
    if (count == 0 || (point && fraction == 0))
        return false;
    double value = (double)digits / power[fraction];
    *out = s.p[0] == '-' ? -value : value;
    return true;
}

int str_to_double(struct str s, double *out)
{
    char text[NUMBER_TEXT_MAX];
    if (s.len == 0 || s.len >= sizeof text)
        return -1;
    if (parse_short_decimal(s, out))
        return 0;
    /* strtod also takes names, hexadecimal and leading space: not numbers
     * here. */
    for (size_t i = 0; i < s.len; i++)
        if (!isdigit((unsigned char)s.p[i]) && strchr("+-.eE", s.p[i]) == NULL)
            return -1;
    memcpy(text, s.p, s.len);
    text[s.len] = '\0';
    char *end = NULL;
    double value = strtod(text, &end);
    if (end != text + s.len || !isfinite(value))
        return -1;
    *out = value;
    return 0;
}
