/* remote_parser: see remote_parser.h.
 *
 *     MSG <subject> <sid> [reply] <size>\r\n<payload>\r\n
 *     HMSG <subject> <sid> [reply] <header size> <total size>\r\n<both>\r\n
 *     INFO {json}\r\n     PING\r\n     PONG\r\n     +OK\r\n     -ERR '…'\r\n
 */
#include "broker/remote/remote_parser.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define ARGS_MAX   5
#define DIGITS_MAX 9 /* of a size; more is beyond any limit */

struct args {
    struct str arg[ARGS_MAX];
    unsigned count; /* ARGS_MAX + 1: too many */
};

static struct str next_word(struct str *line)
{
    const char *p = line->p, *end = line->p + line->len;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    const char *start = p;
    while (p < end && *p != ' ' && *p != '\t')
        p++;
    *line = str_make(p, (size_t)(end - p));
    return str_make(start, (size_t)(p - start));
}

static void split_args(struct args *args, struct str line)
{
    args->count = 0;
    for (;;) {
        struct str word = next_word(&line);
        if (word.len == 0)
            return;
        if (args->count == ARGS_MAX) {
            args->count++;
            return;
        }
        args->arg[args->count++] = word;
    }
}

static bool parse_size(struct str s, size_t *out)
{
    size_t value = 0;
    if (s.len == 0 || s.len > DIGITS_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';
        if (digit > 9)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

/* The bytes behind a control line of `line` bytes. */
static ssize_t take_body(struct remote_parser *parser, struct str data,
                         size_t line, size_t headers, size_t total,
                         struct remote_op *op)
{
    if (total > parser->payload_max)
        return -EMSGSIZE;
    size_t need = line + total + 2;
    if (data.len < need) {
        parser->need = need;
        return 0;
    }
    const char *body = data.p + line;
    if (body[total] != '\r' || body[total + 1] != '\n')
        return -EPROTO;
    op->headers = str_make(body, headers);
    op->payload = str_make(body + headers, total - headers);
    return (ssize_t)need;
}

/* sizes: 1 for MSG, 2 for HMSG. */
static ssize_t take_msg(struct remote_parser *parser, struct str data,
                        size_t line, struct str rest, unsigned sizes,
                        struct remote_op *op)
{
    struct args args;
    size_t headers = 0, total;
    split_args(&args, rest);
    if (args.count != 2 + sizes && args.count != 3 + sizes)
        return -EPROTO;
    if (!parse_size(args.arg[args.count - 1], &total))
        return -EPROTO;
    if (sizes == 2 &&
        (!parse_size(args.arg[args.count - 2], &headers) || headers > total))
        return -EPROTO;
    op->kind = REMOTE_MSG;
    op->subject = args.arg[0];
    op->sid = args.arg[1];
    if (args.count == 3 + sizes)
        op->reply = args.arg[2];
    return take_body(parser, data, line, headers, total, op);
}

static ssize_t take_line(struct remote_parser *parser, struct str data,
                         size_t line, struct remote_op *op)
{
    struct str rest = str_make(data.p, line - 1);
    if (rest.len > 0 && rest.p[rest.len - 1] == '\r')
        rest.len--;
    struct str verb = next_word(&rest);
    *op = (struct remote_op){.text = str_trim(rest)};
    if (str_ieq(verb, str_of("MSG")))
        return take_msg(parser, data, line, rest, 1, op);
    if (str_ieq(verb, str_of("HMSG")))
        return take_msg(parser, data, line, rest, 2, op);
    if (str_ieq(verb, str_of("PING")))
        op->kind = REMOTE_PING;
    else if (str_ieq(verb, str_of("PONG")))
        op->kind = REMOTE_PONG;
    else if (str_ieq(verb, str_of("+OK")))
        op->kind = REMOTE_OK;
    else if (str_ieq(verb, str_of("-ERR")))
        op->kind = REMOTE_ERR;
    else if (str_ieq(verb, str_of("INFO")))
        op->kind = REMOTE_INFO;
    else
        return -EPROTO;
    return (ssize_t)line;
}

ssize_t remote_parser_next(struct remote_parser *parser, const char *data,
                           size_t len, struct remote_op *op)
{
    if (len < parser->need || len == 0)
        return 0;
    const char *newline =
        memchr(data + parser->scanned, '\n', len - parser->scanned);
    if (newline == NULL) {
        parser->scanned = len;
        return len > REMOTE_LINE_MAX ? -EMSGSIZE : 0;
    }
    size_t line = (size_t)(newline - data) + 1;
    if (line > REMOTE_LINE_MAX)
        return -EMSGSIZE;
    ssize_t taken = take_line(parser, str_make(data, len), line, op);
    /* While its payload is under way, the line's end is found again from
     * here. */
    parser->scanned = taken == 0 ? line - 1 : 0;
    if (taken > 0)
        parser->need = 0;
    return taken;
}
