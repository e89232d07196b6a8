/* json: the value tree over jsmn's tokens, and the writer. The check that
 * comes before jsmn is json_check.c.
 *
 * jsmn's tokens stand in the order of the text; an object's member is a key
 * token (size 1) followed by its value. A container's end lets us step over
 * what is inside without recursion. */
#include "lib/json.h"

#include <assert.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Parent links keep closing a container O(1). jsmn's strict mode is left out:
 * it refuses a lone number, and the text was checked before. */
#define JSMN_STATIC
#define JSMN_PARENT_LINKS
#include <jsmn.h>

#include "lib/utf8.h"

/* ---- reading ---- */

#define TOKENS_FIRST 128
#define DECIMAL_MAX  24 /* bytes of a number with four decimals */

int json_parse(struct json_doc *doc, struct str text, struct arena *arena,
               struct errmsg *err)
{
    if (json_validate(text, err) < 0)
        return -EINVAL;
    int room = TOKENS_FIRST;
    for (;;) {
        jsmn_parser parser;
        jsmn_init(&parser);
        jsmntok_t *tokens = arena_alloc(arena, (size_t)room * sizeof *tokens);
        int count =
            jsmn_parse(&parser, text.p, text.len, tokens, (unsigned)room);
        if (count >= 0) {
            *doc = (struct json_doc){text, tokens, count};
            return 0;
        }
        assert(count == JSMN_ERROR_NOMEM); /* the text was checked */
        room *= 4;
    }
}

static const jsmntok_t *token(struct json value)
{
    return (const jsmntok_t *)value.doc->tokens + value.index;
}

struct json json_root(const struct json_doc *doc)
{
    return (struct json){doc, 0};
}

enum json_type json_type(struct json value)
{
    if (value.doc == NULL)
        return JSON_NONE;
    const jsmntok_t *t = token(value);
    switch (t->type) {
    case JSMN_OBJECT:
        return JSON_OBJECT;
    case JSMN_ARRAY:
        return JSON_ARRAY;
    case JSMN_STRING:
        return JSON_STRING;
    default:
        break;
    }
    switch (value.doc->text.p[t->start]) {
    case 'n':
        return JSON_NULL;
    case 't':
    case 'f':
        return JSON_BOOL;
    default:
        return JSON_NUMBER;
    }
}

struct str json_raw(struct json value)
{
    if (value.doc == NULL)
        return str_make(NULL, 0);
    const jsmntok_t *t = token(value);
    return str_make(value.doc->text.p + t->start, (size_t)(t->end - t->start));
}

/* The index of the first token behind the value and all that is in it. */
static int skip(const struct json_doc *doc, int index)
{
    const jsmntok_t *tokens = doc->tokens;
    int next = index + 1;
    while (next < doc->count && tokens[next].start < tokens[index].end)
        next++;
    return next;
}

struct json_iter json_iter(struct json container)
{
    enum json_type type = json_type(container);
    struct json_iter it = {.parent = container};
    if (type == JSON_OBJECT || type == JSON_ARRAY) {
        it.next = container.index + 1;
        it.left = token(container)->size;
    }
    return it;
}

bool json_next(struct json_iter *it)
{
    if (it->left == 0)
        return false;
    it->left--;
    const struct json_doc *doc = it->parent.doc;
    if (token(it->parent)->type == JSMN_OBJECT) {
        it->key = json_raw((struct json){doc, it->next});
        it->next++;
    }
    it->value = (struct json){doc, it->next};
    it->next = skip(doc, it->next);
    return true;
}

int json_count(struct json container)
{
    return json_iter(container).left;
}

/* A name counts as it reads, not as it is written: "\u0076" is "v". */
static bool is_named(struct str key, struct str wanted)
{
    struct arena arena = {0};
    bool same = str_eq(json_unescape(key, &arena), wanted);
    arena_fini(&arena);
    return same;
}

struct json json_get(struct json object, const char *name)
{
    struct json found = {0};
    if (json_type(object) != JSON_OBJECT)
        return found;
    struct str wanted = str_of(name);
    for (struct json_iter it = json_iter(object); json_next(&it);)
        if (is_named(it.key, wanted))
            found = it.value;
    return found;
}

static unsigned hex4(const char *p)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        value =
            value << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return value;
}

/* One escape at p (behind the backslash) into out; returns bytes read. */
static size_t unescape(const char *p, struct buf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (*p != 'u') {
        buf_append_byte(out, to[strchr(from, *p) - from]);
        return 1;
    }
    uint32_t code = hex4(p + 1);
    size_t used = 5;
    if (code >= 0xD800 && code < 0xDC00) { /* the check saw the low half */
        code = 0x10000 + ((code - 0xD800) << 10) + (hex4(p + 7) - 0xDC00);
        used = 11;
    }
    out->len += utf8_encode(code, buf_reserve(out, 4));
    return used;
}

struct str json_unescape(struct str raw, struct arena *arena)
{
    if (raw.len == 0 || memchr(raw.p, '\\', raw.len) == NULL)
        return raw;
    struct buf text = {0};
    for (size_t i = 0; i < raw.len;) {
        if (raw.p[i] == '\\') {
            i += 1 + unescape(raw.p + i + 1, &text);
            continue;
        }
        buf_append_byte(&text, raw.p[i++]);
    }
    struct str copy = arena_str(arena, buf_str(&text));
    buf_fini(&text);
    return copy;
}

int json_string(struct json value, struct arena *arena, struct str *out)
{
    if (json_type(value) != JSON_STRING)
        return -EINVAL;
    *out = json_unescape(json_raw(value), arena);
    return 0;
}

int json_i64(struct json value, int64_t *out)
{
    return json_type(value) == JSON_NUMBER &&
                   str_to_i64(json_raw(value), out) == 0
               ? 0
               : -EINVAL;
}

int json_u64(struct json value, uint64_t *out)
{
    struct str raw = json_raw(value);
    if (json_type(value) != JSON_NUMBER)
        return -EINVAL;
    uint64_t number = 0;
    for (size_t i = 0; i < raw.len; i++)
        if (raw.p[i] < '0' || raw.p[i] > '9' ||
            __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(raw.p[i] - '0'), &number))
            return -EINVAL;
    *out = number;
    return 0;
}

int json_double(struct json value, double *out)
{
    return json_type(value) == JSON_NUMBER &&
                   str_to_double(json_raw(value), out) == 0
               ? 0
               : -EINVAL;
}

int json_bool(struct json value, bool *out)
{
    if (json_type(value) != JSON_BOOL)
        return -EINVAL;
    *out = str_is(json_raw(value), "true");
    return 0;
}

/* ---- writing ---- */

static inline void separate(struct json_writer *w)
{
    if (w->comma)
        buf_append_byte(w->out, ',');
    w->comma = true;
}

static void begin(struct json_writer *w, char bracket)
{
    separate(w);
    buf_append_byte(w->out, bracket);
    w->comma = false;
}

static void end(struct json_writer *w, char bracket)
{
    buf_append_byte(w->out, bracket);
    w->comma = true;
}

void json_begin_object(struct json_writer *w)
{
    begin(w, '{');
}

void json_end_object(struct json_writer *w)
{
    end(w, '}');
}

void json_begin_array(struct json_writer *w)
{
    begin(w, '[');
}

void json_end_array(struct json_writer *w)
{
    end(w, ']');
}

static void append_escaped_byte(struct buf *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    switch (c) {
    case '"':
        buf_append(out, "\\\"", 2);
        break;
    case '\\':
        buf_append(out, "\\\\", 2);
        break;
    case '\b':
        buf_append(out, "\\b", 2);
        break;
    case '\f':
        buf_append(out, "\\f", 2);
        break;
    case '\n':
        buf_append(out, "\\n", 2);
        break;
    case '\r':
        buf_append(out, "\\r", 2);
        break;
    case '\t':
        buf_append(out, "\\t", 2);
        break;
    default:
        buf_append(out, "\\u00", 4);
        buf_append_byte(out, hex[c >> 4]);
        buf_append_byte(out, hex[c & 15]);
    }
}

static bool plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* Is a byte of these eight anything but plain? A byte's high bit stays set in
 * a term that it is found by. */
static bool any_special(uint64_t word)
{
    uint64_t quote = word ^ EACH_BYTE('"'), slash = word ^ EACH_BYTE('\\');
    uint64_t control = word - EACH_BYTE(0x20);
    quote -= EACH_BYTE(1);
    slash -= EACH_BYTE(1);
    return ((word | control | quote | slash) & EACH_BYTE(0x80)) != 0;
}

static bool copy_word(char *to, const char *from)
{
    uint64_t word;
    memcpy(&word, from, sizeof word);
    memcpy(to, &word, sizeof word);
    return !any_special(word);
}

/* Copies the plain bytes that s begins with, returns how many; there is room
 * for all of s. Eight bytes at a time, the last eight once more where they are
 * not a whole eight. */
static size_t copy_plain(char *to, struct str s)
{
    size_t i = 0, last = s.len - sizeof(uint64_t);
    if (s.len >= sizeof(uint64_t)) {
        while (i < last && copy_word(to + i, s.p + i))
            i += sizeof(uint64_t);
        if (i >= last && copy_word(to + last, s.p + last))
            return s.len;
    }
    for (; i < s.len && plain((unsigned char)s.p[i]); i++)
        to[i] = s.p[i];
    return i;
}

static size_t append_character(struct buf *out, struct str s)
{
    assert(s.p != NULL && s.len > 0);
    unsigned char c = (unsigned char)s.p[0];
    if (c < 0x80) {
        append_escaped_byte(out, c);
        return 1;
    }
    size_t n = utf8_sequence(s.p, s.len);
    if (n == 0)
        buf_append(out, "\xEF\xBF\xBD", 3); /* U+FFFD */
    else
        buf_append(out, s.p, n);
    return n > 0 ? n : 1;
}

/* The rest of a string, from its first byte that is not plain. */
static void append_rest(struct buf *out, struct str s)
{
    while (s.len > 0) {
        size_t n = append_character(out, s);
        s = str_make(s.p + n, s.len - n);
        n = copy_plain(buf_reserve(out, s.len), s);
        out->len += n;
        s = str_make(s.p + n, s.len - n);
    }
    buf_append_byte(out, '"');
}

/* Runs of plain bytes are copied whole: mostly all of it is one. */
static inline void append_quoted(struct buf *out, struct str s)
{
    char *to = buf_reserve(out, s.len + 2);
    *to = '"';
    size_t n = copy_plain(to + 1, s);
    if (__builtin_expect(n == s.len, 1)) {
        to[n + 1] = '"';
        out->len += n + 2;
        return;
    }
    out->len += n + 1;
    append_rest(out, str_make(s.p + n, s.len - n));
}

void json_key_str(struct json_writer *w, struct str key)
{
    separate(w);
    append_quoted(w->out, key);
    buf_append_byte(w->out, ':');
    w->comma = false;
}

void json_key(struct json_writer *w, const char *key)
{
    json_key_str(w, str_of(key));
}

void json_put_str(struct json_writer *w, struct str s)
{
    separate(w);
    append_quoted(w->out, s);
}

void json_put_text(struct json_writer *w, const char *text)
{
    if (text == NULL)
        json_put_null(w);
    else
        json_put_str(w, str_of(text));
}

void json_put_i64(struct json_writer *w, int64_t value)
{
    separate(w);
    buf_append_i64(w->out, value);
}

void json_put_u64(struct json_writer *w, uint64_t value)
{
    separate(w);
    buf_append_u64(w->out, value);
}

void json_put_double(struct json_writer *w, double value)
{
    separate(w);
    json_append_double(w->out, value);
}

void json_put_bool(struct json_writer *w, bool value)
{
    separate(w);
    buf_append_text(w->out, value ? "true" : "false");
}

void json_put_null(struct json_writer *w)
{
    separate(w);
    buf_append(w->out, "null", 4);
}

void json_put_raw(struct json_writer *w, struct str json)
{
    separate(w);
    buf_append_str(w->out, json);
}

void json_member_text(struct json_writer *w, const char *key, const char *text)
{
    json_key(w, key);
    json_put_text(w, text);
}

void json_member_str(struct json_writer *w, const char *key, struct str s)
{
    json_key(w, key);
    json_put_str(w, s);
}

void json_member_i64(struct json_writer *w, const char *key, int64_t value)
{
    json_key(w, key);
    json_put_i64(w, value);
}

void json_member_u64(struct json_writer *w, const char *key, uint64_t value)
{
    json_key(w, key);
    json_put_u64(w, value);
}

void json_member_double(struct json_writer *w, const char *key, double value)
{
    json_key(w, key);
    json_put_double(w, value);
}

void json_member_bool(struct json_writer *w, const char *key, bool value)
{
    json_key(w, key);
    json_put_bool(w, value);
}

/* "00" to "99". */
static const char pairs[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334"
    "3536373839404142434445464748495051525354555657585960616263646566676869"
    "707172737475767778798081828384858687888990919293949596979899";

/* 0 to 999 */
static inline char *put_small(char *at, unsigned small)
{
    unsigned hundreds = small / 100;
    *at = (char)('0' + hundreds);
    at += hundreds > 0;
    small %= 100;
    *at = pairs[2 * small];
    at += small >= 10 || hundreds > 0;
    *at = pairs[2 * small + 1];
    return at + 1;
}

static inline char *put_whole(char *at, uint64_t whole)
{
    if (whole < 1000)
        return put_small(at, (unsigned)whole);
    if (whole >= 1000000)
        return str_put_u64(at, whole);
    at = put_small(at, (unsigned)whole / 1000);
    unsigned rest = (unsigned)whole % 1000;
    *at = (char)('0' + rest / 100);
    memcpy(at + 1, pairs + (size_t)2 * (rest % 100), 2);
    return at + 3;
}

/* ".5", ".05", ".0005": without zeros at the end. Counted, not looked for: the
 * processor cannot guess how many there are. */
static char *put_fraction(char *at, unsigned tenthousandths)
{
    unsigned n = tenthousandths;
    if (n == 0)
        return at;
    *at = '.';
    memcpy(at + 1, pairs + (size_t)2 * (n / 100), 2);
    memcpy(at + 3, pairs + (size_t)2 * (n % 100), 2);
    return at + 5 - (n % 10 == 0) - (n % 100 == 0) - (n % 1000 == 0);
}

/* What sensors report: at most four decimals. A whole number of ten-thousandths
 * that divides back to exactly this value is its text, and the shortest, as no
 * two numbers of up to 15 digits are the same double. */
static bool append_decimal(struct buf *out, double value)
{
    double scaled = value * 10000;
    if (!(fabs(scaled) < 1e15))
        return false;
    int64_t whole = (int64_t)(scaled + (scaled < 0 ? -0.5 : 0.5));
    if ((double)whole / 10000 != value || (whole == 0 && signbit(value)))
        return false;
    uint64_t magnitude = (uint64_t)llabs(whole);
    char *start = buf_reserve(out, DECIMAL_MAX), *at = start;
    *at = '-';
    at += whole < 0;
    at = put_whole(at, magnitude / 10000);
    at = put_fraction(at, (unsigned)(magnitude % 10000));
    out->len += (size_t)(at - start);
    return true;
}

/* Most of what sensors report is a small whole number. */
static bool append_small(struct buf *out, double value)
{
    if (!(value >= 0 && value < 1000000) || signbit(value))
        return false;
    uint32_t whole = (uint32_t)value;
    if ((double)whole != value)
        return false;
    char *start = buf_reserve(out, DECIMAL_MAX);
    out->len += (size_t)(put_whole(start, whole) - start);
    return true;
}

/* Whole numbers from where append_decimal ends up to those of which a double
 * holds each. */
static bool append_integer(struct buf *out, double value)
{
    if (!(fabs(value) <= 0x1p53) || (double)(int64_t)value != value ||
        (value == 0 && signbit(value)))
        return false;
    buf_append_i64(out, (int64_t)value);
    return true;
}

void json_append_double(struct buf *out, double value)
{
    if (append_small(out, value))
        return;
    if (!isfinite(value)) {
        buf_append(out, "null", 4);
        return;
    }
    if (append_decimal(out, value) || append_integer(out, value))
        return;
    /* Up to 15 digits survive any double but a subnormal one. */
    char text[32];
    int n = 0;
    for (int digits = fabs(value) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        n = snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    buf_append(out, text, (size_t)n);
}
