#include "lib/utf8.h"

#include <string.h>

static bool in_range(unsigned char c, unsigned char low, unsigned char high)
{
    return c >= low && c <= high;
}

/* Table 3-7 of the Unicode standard: what may follow the first byte. */
size_t utf8_sequence(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    if (len == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (in_range(p[0], 0xC2, 0xDF))
        return len >= 2 && in_range(p[1], 0x80, 0xBF) ? 2 : 0;
    if (in_range(p[0], 0xE0, 0xEF)) {
        unsigned char low = p[0] == 0xE0 ? 0xA0 : 0x80;
        unsigned char high = p[0] == 0xED ? 0x9F : 0xBF;
        return len >= 3 && in_range(p[1], low, high) &&
                       in_range(p[2], 0x80, 0xBF)
                   ? 3
                   : 0;
    }
    if (in_range(p[0], 0xF0, 0xF4)) {
        unsigned char low = p[0] == 0xF0 ? 0x90 : 0x80;
        unsigned char high = p[0] == 0xF4 ? 0x8F : 0xBF;
        return len >= 4 && in_range(p[1], low, high) &&
                       in_range(p[2], 0x80, 0xBF) && in_range(p[3], 0x80, 0xBF)
                   ? 4
                   : 0;
    }
    return 0;
}

/* Eight bytes at a time as long as all are ASCII. */
static size_t skip_ascii(const char *p, size_t at, size_t len)
{
    uint64_t word;
    for (; len - at >= sizeof word; at += sizeof word) {
        memcpy(&word, p + at, sizeof word);
        if (word & UINT64_C(0x8080808080808080))
            break;
    }
    return at;
}

size_t utf8_valid(const char *p, size_t len)
{
    size_t at = skip_ascii(p, 0, len);
    while (at < len) {
        size_t n = utf8_sequence(p + at, len - at);
        if (n == 0)
            break;
        at += n;
        if (n == 1)
            at = skip_ascii(p, at, len);
    }
    return at;
}

/* Some rest would complete it: the lowest or the highest that is ever allowed
 * does where any does. */
bool utf8_cut_off(const char *p, size_t len)
{
    char low[4], high[4];
    if (len == 0 || len >= sizeof low)
        return false;
    memset(low, 0x80, sizeof low);
    memset(high, 0xBF, sizeof high);
    memcpy(low, p, len);
    memcpy(high, p, len);
    return utf8_sequence(low, sizeof low) > len ||
           utf8_sequence(high, sizeof high) > len;
}

size_t utf8_encode(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 63));
        out[2] = (char)(0x80 | (code & 63));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 63));
    out[2] = (char)(0x80 | (code >> 6 & 63));
    out[3] = (char)(0x80 | (code & 63));
    return 4;
}
