/* parser: see parser.h.
 *
 *     PUB <subject> [reply] <size>\r\n<payload>\r\n
 *     HPUB <subject> [reply] <header size> <total size>\r\n<both>\r\n
 *     SUB <subject> [queue] <sid>\r\n        UNSUB <sid> [max]\r\n
 *     CONNECT {json}\r\n     PING\r\n     PONG\r\n     +OK\r\n     -ERR …\r\n
 *
 * Verbs in any case, spaces and tabs between arguments, a bare LF also ends a
 * control line. While an operation is incomplete, `need` and `scanned` keep
 * what is known, so that bytes dribbling in are not looked at again. */
#include "broker/parser.h"

#include <string.h>

#define ARGS_MAX   4
#define DIGITS_MAX 18 /* of a number; more is beyond any limit */

struct args {
    struct str arg[ARGS_MAX];
    unsigned count; /* ARGS_MAX + 1: too many */
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static void args_split(struct args *args, const char *p, const char *end)
{
    args->count = 0;
    for (;;) {
        while (p < end && is_space(*p))
            p++;
        if (p == end)
            return;
        const char *start = p;
        while (p < end && !is_space(*p))
            p++;
        if (args->count == ARGS_MAX) {
            args->count++;
            return;
        }
        args->arg[args->count++] = str_make(start, (size_t)(p - start));
    }
}

/* A size in decimal digits, or -1. */
static int64_t parse_size(struct str s)
{
    if (s.len == 0 || s.len > DIGITS_MAX)
        return -1;
    int64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';
        if (digit > 9)
            return -1;
        value = value * 10 + digit;
    }
    return value;
}

/* ---- the subject that is expected ---- */

static uint64_t load8(const char *p)
{
    uint64_t bytes;
    memcpy(&bytes, p, sizeof(bytes));
    return bytes;
}

/* memcmp without the call, which costs more than the comparison. */
static bool same_bytes(const char *a, const char *b, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        if (load8(a + i) != load8(b + i))
            return false;
    }
    if (n >= 8)
        return load8(a + n - 8) == load8(b + n - 8);
    while (i < n && a[i] == b[i])
        i++;
    return i == n;
}

static struct str known_or(const struct parser *parser, struct str subject)
{
    struct str known = parser->known;
    return known.len == subject.len && same_bytes(subject.p, known.p, known.len)
               ? known
               : subject;
}

/* ---- what a line's arguments mean ---- */

/* The payload behind a control line of line bytes. */
static ssize_t take_payload(struct parser *parser, const char *data, size_t len,
                            size_t line, size_t headers, size_t total,
                            struct op *op)
{
    if (total > parser->payload_max)
        return PARSE_PAYLOAD_MAX;
    size_t need = line + total + 2;
    if (len < need) {
        parser->need = need;
        return PARSE_AGAIN;
    }
    const char *body = data + line;
    if (body[total] != '\r' || body[total + 1] != '\n')
        return PARSE_UNKNOWN;
    op->msg.headers = str_make(body, headers);
    op->msg.payload = str_make(body + headers, total - headers);
    return (ssize_t)need;
}

static ssize_t take_pub(struct parser *parser, const char *data, size_t len,
                        size_t line, const struct args *args, struct op *op)
{
    if (args->count != 2 && args->count != 3)
        return PARSE_ARGUMENTS;
    int64_t total = parse_size(args->arg[args->count - 1]);
    if (total < 0)
        return PARSE_ARGUMENTS;
    op->kind = OP_PUB;
    op->msg.to = op->msg.subject = known_or(parser, args->arg[0]);
    op->msg.reply = args->count == 3 ? args->arg[1] : str_make(NULL, 0);
    return take_payload(parser, data, len, line, 0, (size_t)total, op);
}

static ssize_t take_hpub(struct parser *parser, const char *data, size_t len,
                         size_t line, const struct args *args, struct op *op)
{
    if (!parser->headers || (args->count != 3 && args->count != 4))
        return PARSE_ARGUMENTS;
    int64_t headers = parse_size(args->arg[args->count - 2]);
    int64_t total = parse_size(args->arg[args->count - 1]);
    if (headers < 0 || total < 0 || headers > total)
        return PARSE_ARGUMENTS;
    op->kind = OP_PUB;
    op->msg.to = op->msg.subject = known_or(parser, args->arg[0]);
    op->msg.reply = args->count == 4 ? args->arg[1] : str_make(NULL, 0);
    return take_payload(parser, data, len, line, (size_t)headers, (size_t)total,
                        op);
}

static ssize_t take_sub(size_t line, const struct args *args, struct op *op)
{
    if (args->count != 2 && args->count != 3)
        return PARSE_ARGUMENTS;
    op->kind = OP_SUB;
    op->pattern = args->arg[0];
    op->queue = args->count == 3 ? args->arg[1] : str_make(NULL, 0);
    op->sid = args->arg[args->count - 1];
    return (ssize_t)line;
}

static ssize_t take_unsub(size_t line, const struct args *args, struct op *op)
{
    if (args->count != 1 && args->count != 2)
        return PARSE_ARGUMENTS;
    op->kind = OP_UNSUB;
    op->sid = args->arg[0];
    int64_t max = args->count == 2 ? parse_size(args->arg[1]) : 0;
    op->max = max > 0 ? (uint64_t)max : 0;
    return (ssize_t)line;
}

/* ---- verbs ---- */

enum verb {
    VERB_PUB,
    VERB_HPUB,
    VERB_SUB,
    VERB_UNSUB,
    VERB_PING,
    VERB_PONG,
    VERB_CONNECT,
    VERB_OK,
    VERB_ERR,
    VERB_INFO,
    VERB_NONE
};

static const struct verb_form {
    const char *name;
    bool spaced; /* a space must follow */
} verb_forms[VERB_NONE] = {
    [VERB_PUB] = {"PUB", true},         [VERB_HPUB] = {"HPUB", true},
    [VERB_SUB] = {"SUB", true},         [VERB_UNSUB] = {"UNSUB", true},
    [VERB_PING] = {"PING", false},      [VERB_PONG] = {"PONG", false},
    [VERB_CONNECT] = {"CONNECT", true}, [VERB_OK] = {"+OK", false},
    [VERB_ERR] = {"-ERR", false},       [VERB_INFO] = {"INFO", true},
};

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* Bytes of the verb when data starts with it; 0 when data ends within it; -1
 * when it is another. */
static int verb_match(const struct verb_form *form, const char *data,
                      size_t len)
{
    size_t n = 0;
    for (; form->name[n] != '\0'; n++) {
        if (n == len)
            return 0;
        if (upper(data[n]) != form->name[n])
            return -1;
    }
    if (!form->spaced)
        return (int)n;
    if (n == len)
        return 0;
    return is_space(data[n]) ? (int)n : -1;
}

/* The verb at the start, its length in *size; *size 0: it may become one. */
static enum verb verb_find(const char *data, size_t len, size_t *size)
{
    enum verb partial = VERB_NONE;
    for (int v = 0; v < VERB_NONE; v++) {
        int n = verb_match(&verb_forms[v], data, len);
        if (n > 0) {
            *size = (size_t)n;
            return (enum verb)v;
        }
        if (n == 0)
            partial = (enum verb)v;
    }
    *size = 0;
    return partial;
}

static ssize_t take_line(struct parser *parser, const char *data, size_t len,
                         enum verb verb, size_t verb_size, size_t line,
                         struct op *op)
{
    const char *start = data + verb_size, *end = data + line - 1;
    if (end > start && end[-1] == '\r')
        end--;
    if ((size_t)(end - start) > parser->control_line_max)
        return PARSE_LINE_MAX;
    struct args args;
    args_split(&args, start, end);
    switch (verb) {
    case VERB_PUB:
        return take_pub(parser, data, len, line, &args, op);
    case VERB_HPUB:
        return take_hpub(parser, data, len, line, &args, op);
    case VERB_SUB:
        return take_sub(line, &args, op);
    case VERB_UNSUB:
        return take_unsub(line, &args, op);
    case VERB_PING:
        op->kind = OP_PING;
        break;
    case VERB_PONG:
        op->kind = OP_PONG;
        break;
    case VERB_CONNECT:
        op->kind = OP_CONNECT;
        op->options = str_make(start, (size_t)(end - start));
        break;
    case VERB_ERR:
        op->kind = OP_ERR;
        break;
    default:
        op->kind = OP_IGNORED;
        break;
    }
    return (ssize_t)line;
}

static ssize_t next_slow(struct parser *parser, const char *data, size_t len,
                         struct op *op)
{
    size_t verb_size;
    enum verb verb = verb_find(data, len, &verb_size);
    if (verb == VERB_NONE)
        return PARSE_UNKNOWN;
    if (verb_size == 0)
        return PARSE_AGAIN;
    const char *newline =
        memchr(data + parser->scanned, '\n', len - parser->scanned);
    if (newline == NULL) {
        parser->scanned = len;
        return len - verb_size > parser->control_line_max + 1 ? PARSE_LINE_MAX
                                                              : PARSE_AGAIN;
    }
    size_t line = (size_t)(newline - data) + 1;
    return take_line(parser, data, len, verb, verb_size, line, op);
}

/* ---- the busy case, a PUB or HPUB with single spaces, all there ---- */

/* Up to a space or a control character, maybe empty. */
static struct str word_at(const char *p, const char *end)
{
    const char *start = p;
    while (p < end && (unsigned char)*p > ' ')
        p++;
    return str_make(start, (size_t)(p - start));
}

static struct str subject_at(const struct parser *parser, const char *p,
                             const char *end)
{
    struct str known = parser->known;
    if (known.len > 0 && (size_t)(end - p) > known.len && p[known.len] == ' ' &&
        same_bytes(p, known.p, known.len))
        return known;
    return word_at(p, end);
}

/* Sizes at the end of the line, 1 or 2. Bytes taken, or 0 when the general way
 * has to look at it. */
static size_t next_pub(const struct parser *parser, const char *data,
                       size_t len, size_t verb, unsigned sizes, struct op *op)
{
    struct msg *msg = &op->msg;
    struct str words[3];
    const char *end = data + len;
    unsigned count = 0;
    msg->subject = subject_at(parser, data + verb, end);
    const char *p = msg->subject.len + data + verb;
    while (p < end && *p == ' ' && count <= sizes) {
        words[count] = word_at(p + 1, end);
        p += 1 + words[count++].len;
    }
    if (msg->subject.len == 0 || count < sizes)
        return 0;
    int64_t total = parse_size(words[count - 1]);
    int64_t headers = sizes == 2 ? parse_size(words[count - 2]) : 0;
    if (headers < 0 || total < headers || (size_t)total > parser->payload_max ||
        (size_t)(p - data) > parser->control_line_max)
        return 0;
    if (end - p < total + 4 || p[0] != '\r' || p[1] != '\n')
        return 0;
    const char *body = p + 2;
    if (body[total] != '\r' || body[total + 1] != '\n')
        return 0;
    op->kind = OP_PUB;
    msg->to = msg->subject;
    msg->reply = count > sizes ? words[0] : str_make(NULL, 0);
    msg->headers = str_make(body, (size_t)headers);
    msg->payload = str_make(body + headers, (size_t)(total - headers));
    return (size_t)(body + total + 2 - data);
}

static size_t next_fast(const struct parser *parser, const char *data,
                        size_t len, struct op *op)
{
    if (len > 4 && memcmp(data, "PUB ", 4) == 0)
        return next_pub(parser, data, len, 4, 1, op);
    if (len > 5 && memcmp(data, "HPUB ", 5) == 0 && parser->headers)
        return next_pub(parser, data, len, 5, 2, op);
    return 0;
}

ssize_t parser_next(struct parser *parser, const char *data, size_t len,
                    struct op *op)
{
    if (len < parser->need || len == 0)
        return PARSE_AGAIN;
    ssize_t taken = (ssize_t)next_fast(parser, data, len, op);
    if (taken == 0)
        taken = next_slow(parser, data, len, op);
    if (taken > 0)
        parser->need = parser->scanned = 0;
    return taken;
}
