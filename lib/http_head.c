/* http_head: see the header. The text is cut line by line; a line ends with
 * CRLF or, as RFC 9112 section 2.2 allows, with LF alone. */
#include "lib/http_head.h"

#include <errno.h>

#include "lib/utf8.h"

size_t http_head_end(struct str text, size_t *seen)
{
    for (size_t i = *seen; i < text.len; i++) {
        if (text.p[i] != '\n')
            continue;
        size_t next = i + 1;
        if (next < text.len && text.p[next] == '\r')
            next++;
        if (next >= text.len) { /* the byte that decides is still to come */
            *seen = i;
            return 0;
        }
        if (text.p[next] == '\n')
            return next + 1;
    }
    *seen = text.len;
    return 0;
}

/* Cuts the first line off *text, its end left out. */
static struct str line_take(struct str *text)
{
    const char *end = memchr(text->p, '\n', text->len);
    size_t len = end != NULL ? (size_t)(end - text->p) : text->len;
    struct str line = str_make(text->p, len);
    size_t taken = end != NULL ? len + 1 : len;
    *text = str_make(text->p + taken, text->len - taken);
    if (line.len > 0 && line.p[line.len - 1] == '\r')
        line.len--;
    return line;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_token_byte(unsigned char c)
{
    if (is_digit((char)c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
        return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_token_byte((unsigned char)s.p[i]))
            return false;
    return s.len > 0;
}

/* Visible ASCII: what a request target is made of. */
static bool is_target(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '#')
            return false;
    return s.len > 0;
}

static bool is_field_value(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* Cuts s at the first separator: true when there is one. */
static bool cut(struct str s, char separator, struct str *before,
                struct str *after)
{
    const char *at = s.len > 0 ? memchr(s.p, separator, s.len) : NULL;
    if (at == NULL) {
        *before = s;
        *after = str_make(s.p + s.len, 0);
        return false;
    }
    *before = str_make(s.p, (size_t)(at - s.p));
    *after = str_make(at + 1, s.len - before->len - 1);
    return true;
}

/* "http://host/path", which every server must take, becomes "/path". */
static struct str target_without_authority(struct str target)
{
    static const struct str scheme = STR("http://");
    struct str head = str_make(target.p, scheme.len);
    if (target.len < scheme.len || !str_ieq(head, scheme))
        return target;
    struct str rest = str_make(target.p + scheme.len, target.len - scheme.len);
    const char *slash = memchr(rest.p, '/', rest.len);
    if (slash == NULL)
        return str_of("/");
    return str_make(slash, (size_t)(rest.p + rest.len - slash));
}

static int version_parse(struct str version, struct http_head *head,
                         const char **why)
{
    static const struct str name = STR("HTTP/");
    const char *number = version.p + name.len;
    *why = "the request line does not end with the version, \"HTTP/1.1\"";
    if (version.len != name.len + 3 || !str_has_prefix(version, name) ||
        !is_digit(number[0]) || number[1] != '.' || !is_digit(number[2]))
        return 400;
    head->minor = number[2] - '0';
    *why = "the version is neither HTTP/1.1 nor HTTP/1.0";
    return number[0] == '1' && head->minor <= 1 ? 0 : 505;
}

static int request_line_parse(struct str line, struct http_head *head,
                              const char **why)
{
    struct str target, version, rest;
    *why = "the request line is not \"METHOD target HTTP/1.1\"";
    if (!cut(line, ' ', &head->method, &rest) || !is_token(head->method) ||
        !cut(rest, ' ', &target, &version))
        return 400;
    int status = version_parse(version, head, why);
    if (status != 0)
        return status;
    *why = "the request target holds a byte that must be percent-encoded";
    if (!is_target(target))
        return 400;
    cut(target_without_authority(target), '?', &head->path, &head->query);
    return 0;
}

static int field_parse(struct str line, struct http_head *head,
                       const char **why)
{
    if (head->field_count == HTTP_FIELDS_MAX) {
        *why = "the request has too many header fields";
        return 431;
    }
    struct http_field *field = &head->fields[head->field_count];
    *why = "a header line is not \"Name: value\"";
    if (!cut(line, ':', &field->name, &field->value) || !is_token(field->name))
        return 400;
    field->value = str_trim(field->value);
    *why = "a header value holds a control byte";
    if (!is_field_value(field->value))
        return 400;
    head->field_count++;
    return 0;
}

static int length_parse(struct str value, struct http_head *head,
                        const char **why)
{
    int64_t length;
    *why = "Content-Length is not one decimal number";
    if (value.len == 0 || !is_digit(value.p[0]) ||
        str_to_i64(value, &length) != 0 || length < 0)
        return 400;
    if (head->content_length >= 0 && head->content_length != length)
        return 400;
    head->content_length = length;
    return 0;
}

static int transfer_parse(struct str value, struct http_head *head,
                          const char **why)
{
    if (!str_ieq(value, str_of("chunked")) || head->chunked) {
        *why = "the only Transfer-Encoding understood is chunked";
        return 501;
    }
    head->chunked = true;
    return 0;
}

/* Looks for the options of a Connection field: a comma-separated list. */
static void connection_parse(struct str list, struct http_head *head)
{
    struct str option;
    while (list.len > 0) {
        cut(list, ',', &option, &list);
        option = str_trim(option);
        if (str_ieq(option, str_of("close")))
            head->keep_alive = false;
        else if (str_ieq(option, str_of("keep-alive")) && head->minor == 0)
            head->keep_alive = true;
    }
}

/* What the fields mean for the framing of this request. */
static int field_apply(const struct http_field *field, struct http_head *head,
                       size_t *hosts, const char **why)
{
    if (str_ieq(field->name, str_of("content-length")))
        return length_parse(field->value, head, why);
    if (str_ieq(field->name, str_of("transfer-encoding")))
        return transfer_parse(field->value, head, why);
    if (str_ieq(field->name, str_of("connection")))
        connection_parse(field->value, head);
    else if (str_ieq(field->name, str_of("expect")))
        head->expect_continue = str_ieq(field->value, str_of("100-continue"));
    else if (str_ieq(field->name, str_of("host")))
        ++*hosts;
    return 0;
}

static int framing_check(const struct http_head *head, size_t hosts,
                         const char **why)
{
    if (hosts > 1 || (hosts == 0 && head->minor == 1)) {
        *why = "the request must have exactly one Host field";
        return 400;
    }
    if (head->chunked && (head->content_length >= 0 || head->minor == 0)) {
        *why = "Transfer-Encoding stands beside Content-Length or HTTP/1.0";
        return 400;
    }
    return 0;
}

int http_head_parse(struct str text, struct http_head *head, const char **why)
{
    head->field_count = 0;
    head->content_length = -1;
    head->chunked = head->expect_continue = false;
    int status = request_line_parse(line_take(&text), head, why);
    head->keep_alive = status == 0 && head->minor == 1;

    size_t hosts = 0;
    while (status == 0 && text.len > 0) {
        struct str line = line_take(&text);
        if (line.len == 0)
            break;
        status = field_parse(line, head, why);
        if (status == 0)
            status = field_apply(&head->fields[head->field_count - 1], head,
                                 &hosts, why);
    }
    return status != 0 ? status : framing_check(head, hosts, why);
}

struct str http_head_field(const struct http_head *head, struct str name)
{
    for (size_t i = 0; i < head->field_count; i++)
        if (str_ieq(head->fields[i].name, name))
            return head->fields[i].value;
    return str_make("", 0);
}

/* ---- percent-encoding ---- */

static int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_utf8_text(struct str s)
{
    for (size_t i = 0; i < s.len;) {
        size_t n = s.p[i] != '\0' ? utf8_sequence(s.p + i, s.len - i) : 0;
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

/* The byte that the escape at s.p[i] stands for, or -1. */
static int escape_value(struct str s, size_t i)
{
    if (i + 2 >= s.len)
        return -1;
    int high = hex_digit(s.p[i + 1]);
    int low = hex_digit(s.p[i + 2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

int http_unescape(struct str text, bool plus, struct arena *arena,
                  struct str *out)
{
    char *copy = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        if (c == '%') {
            int value = escape_value(text, i);
            if (value < 0)
                return -EINVAL;
            c = (char)value;
            i += 2;
        } else if (plus && c == '+') {
            c = ' ';
        }
        copy[len++] = c;
    }
    *out = str_make(copy, len);
    return is_utf8_text(*out) ? 0 : -EINVAL;
}
