/* link: see link.h. */
#include "tests/bench/load/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/mem.h"

void fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(1);
}

void link_send(struct link *link, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(link->fd, bytes.p, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            fail("send: %s", strerror(errno));
        if (n > 0)
            bytes = str_make(bytes.p + n, bytes.len - (size_t)n);
    }
}

void link_printf(struct link *link, const char *format, ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    link_send(link, buf_str(&text));
    buf_fini(&text);
}

void link_read(struct link *link)
{
    if (link->start > 0) {
        memmove(link->in, link->in + link->start, link->end - link->start);
        link->end -= link->start;
        link->start = 0;
    }
    if (link->end == LINK_IN_BYTES)
        fail("a message of more than %u bytes", LINK_IN_BYTES);
    ssize_t n =
        recv(link->fd, link->in + link->end, LINK_IN_BYTES - link->end, 0);
    if (n == 0)
        fail("the server hung up");
    if (n < 0 && errno != EINTR)
        fail("recv: %s", strerror(errno));
    if (n > 0)
        link->end += (size_t)n;
}

/* The control line that has arrived, without its end. */
static bool line_next(const struct link *link, struct str *line)
{
    const char *start = link->in + link->start;
    const char *newline = memchr(start, '\n', link->end - link->start);
    if (newline == NULL)
        return false;
    *line = str_make(start, (size_t)(newline - start));
    return true;
}

static struct str line_wait(struct link *link)
{
    struct str line;
    while (!line_next(link, &line))
        link_read(link);
    link->start += line.len + 1;
    return line;
}

void link_sync(struct link *link)
{
    link_send(link, str_of("PING\r\n"));
    for (;;) {
        struct str line = line_wait(link);
        if (str_has_prefix(line, str_of("PONG")))
            return;
        if (str_has_prefix(line, str_of("PING")))
            link_send(link, str_of("PONG\r\n"));
        else
            fail("PONG was expected, not %.*s", STR_ARG(line));
    }
}

void link_open(struct link *link, int port)
{
    int on = 1;
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    *link = (struct link){.in = mem_alloc(LINK_IN_BYTES)};
    link->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(link->fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
        fail("connect to port %d: %s", port, strerror(errno));
    struct str info = line_wait(link);
    if (!str_has_prefix(info, str_of("INFO ")))
        fail("INFO was expected, not %.*s", STR_ARG(info));
    link_send(link, str_of("CONNECT {\"verbose\":false,\"pedantic\":false,"
                           "\"headers\":true,\"protocol\":1}\r\n"));
    link_sync(link);
}

void link_close(struct link *link)
{
    close(link->fd);
    free(link->in);
    *link = (struct link){.fd = -1};
}

/* Splits off what stands before the first space. */
static struct str word_next(struct str *line)
{
    const char *space = line->len > 0 ? memchr(line->p, ' ', line->len) : NULL;
    size_t n = space != NULL ? (size_t)(space - line->p) : line->len;
    struct str word = str_make(line->p, n);
    size_t taken = space != NULL ? n + 1 : n;
    *line = str_make(line->p + taken, line->len - taken);
    return word;
}

static size_t number(struct str digits)
{
    size_t value = 0;
    for (size_t i = 0; i < digits.len; i++)
        value = value * 10 + (size_t)(digits.p[i] - '0');
    return value;
}

/* "[reply] [headers] total"; the size of both parts. */
static size_t sizes_read(struct str line, bool with_headers,
                         struct frame *frame)
{
    struct str words[3] = {0};
    unsigned count = 0, sizes = with_headers ? 2 : 1;
    while (line.len > 0 && count < 3)
        words[count++] = word_next(&line);
    if (count < sizes)
        fail("a MSG without its sizes");
    frame->reply = count > sizes ? words[0] : str_make(NULL, 0);
    frame->headers.len = with_headers ? number(words[count - 2]) : 0;
    return number(words[count - 1]);
}

static bool take_message(struct link *link, struct str line,
                         struct frame *frame)
{
    size_t line_bytes = line.len + 1;
    const char *body = line.p + line_bytes;
    bool with_headers = line.p[0] == 'H';
    struct str rest = str_make(line.p, line.len - 1); /* less the CR */
    word_next(&rest);
    frame->subject = word_next(&rest);
    word_next(&rest); /* sid */
    size_t total = sizes_read(rest, with_headers, frame);
    if (link->end - link->start < line_bytes + total + 2)
        return false;
    frame->headers.p = body;
    frame->payload =
        str_make(body + frame->headers.len, total - frame->headers.len);
    link->start += line_bytes + total + 2;
    return true;
}

bool link_frame(struct link *link, struct frame *frame)
{
    struct str line;
    while (line_next(link, &line)) {
        if (str_has_prefix(line, str_of("MSG ")) ||
            str_has_prefix(line, str_of("HMSG ")))
            return take_message(link, line, frame);
        if (str_has_prefix(line, str_of("PING")))
            link_send(link, str_of("PONG\r\n"));
        else if (!str_has_prefix(line, str_of("PONG")))
            fail("a message was expected, not %.*s", STR_ARG(line));
        link->start += line.len + 1;
    }
    return false;
}

void link_wait(struct link *link, struct frame *frame)
{
    while (!link_frame(link, frame))
        link_read(link);
}

struct str link_request(struct link *link, const char *subject,
                        const char *payload)
{
    struct frame frame;
    link_printf(link,
                "SUB _INBOX.request request\r\nUNSUB request 1\r\n"
                "PUB %s _INBOX.request %zu\r\n%s\r\n",
                subject, strlen(payload), payload);
    link_wait(link, &frame);
    if (memmem(frame.payload.p, frame.payload.len, "\"error\"", 7) != NULL ||
        frame.payload.len == 0)
        fail("%s: %.*s%.*s", subject, STR_ARG(frame.headers),
             STR_ARG(frame.payload));
    return frame.payload;
}
