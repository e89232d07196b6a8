/* ws_upgrade: see ws_upgrade.h. */
#include "broker/net/ws_upgrade.h"

#include <stdlib.h>
#include <string.h>

#include "lib/http_head.h"
#include "lib/ws_handshake.h"

#define PORT_HTTP  80
#define PORT_HTTPS 443

static struct str field(const struct http_head *head, const char *name)
{
    return http_head_field(head, str_of(name));
}

/* ---- where the client's page comes from ---- */

struct origin {
    struct str scheme, host;
    int64_t port;
};

/* "host:port" or "[v6]:port", the port maybe left out. */
static bool split_host(struct str text, struct origin *out)
{
    size_t at = text.len;
    while (at > 0 && text.p[at - 1] != ':' && text.p[at - 1] != ']')
        at--;
    bool has_port = at > 0 && text.p[at - 1] == ':';
    out->host = has_port ? str_make(text.p, at - 1) : text;
    return !has_port ||
           str_to_i64(str_make(text.p + at, text.len - at), &out->port) == 0;
}

static bool split_origin(struct str text, struct origin *out)
{
    const char *mark = memmem(text.p, text.len, "://", 3);
    if (mark == NULL)
        return false;
    size_t len = (size_t)(mark - text.p);
    *out = (struct origin){.scheme = str_make(text.p, len)};
    bool https = str_ieq(out->scheme, str_of("https"));
    out->port = https ? PORT_HTTPS : PORT_HTTP;
    return split_host(str_make(mark + 3, text.len - len - 3), out);
}

static bool same_place(const struct origin *a, const struct origin *b)
{
    return str_ieq(a->host, b->host) && a->port == b->port;
}

static bool origin_listed(const struct origin *origin,
                          const char *const *allowed)
{
    for (; *allowed != NULL; allowed++) {
        struct origin other;
        if (split_origin(str_of(*allowed), &other) &&
            str_ieq(origin->scheme, other.scheme) && same_place(origin, &other))
            return true;
    }
    return false;
}

/* Programs that are no browsers send no Origin: nothing to check. */
static bool origin_allowed(const struct http_head *head,
                           const struct websocket_config *config, bool secure)
{
    struct str text = field(head, "Origin");
    struct origin origin, here = {.port = secure ? PORT_HTTPS : PORT_HTTP};
    if (text.len == 0 ||
        (!config->same_origin && config->allowed_origins[0] == NULL))
        return true;
    if (!split_origin(text, &origin))
        return false;
    if (config->same_origin && (!split_host(field(head, "Host"), &here) ||
                                !same_place(&origin, &here)))
        return false;
    return config->allowed_origins[0] == NULL ||
           origin_listed(&origin, config->allowed_origins);
}

/* ---- the answer ---- */

static void append_field(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "%s: %s\r\n", name, value);
}

void ws_upgrade_refuse(int status, const char *why, struct buf *out)
{
    buf_printf(out, "HTTP/1.1 %d %s\r\n", status, why);
    append_field(out, "Sec-WebSocket-Version", WS_VERSION);
    append_field(out, "Content-Type", "text/plain; charset=utf-8");
    append_field(out, "Connection", "close");
    buf_printf(out, "Content-Length: %zu\r\n\r\n%s\n", strlen(why) + 1, why);
}

static int refuse(int status, const char *why, struct buf *out)
{
    ws_upgrade_refuse(status, why, out);
    return status;
}

static bool asks_for_websocket(const struct http_head *head)
{
    return head->minor >= 1 && field(head, "Host").len > 0 && ws_asked(head) &&
           str_is(field(head, "Sec-WebSocket-Version"), WS_VERSION) &&
           ws_key_valid(field(head, "Sec-WebSocket-Key"));
}

static void accept_terms(const struct http_head *head,
                         const struct ws_terms *terms, struct buf *out)
{
    buf_append_text(out, "HTTP/1.1 101 Switching Protocols\r\n");
    ws_append_accept(out, field(head, "Sec-WebSocket-Key"), terms->deflate);
    buf_append_text(out, "\r\n");
}

int ws_upgrade(struct str request, const struct websocket_config *config,
               bool secure, struct ws_terms *terms, struct buf *out)
{
    struct http_head head;
    const char *why;
    if (http_head_parse(request, &head, &why) != 0)
        return refuse(400, "Bad Request", out);
    if (!str_is(head.method, "GET"))
        return refuse(405, "Method Not Allowed", out);
    if (!asks_for_websocket(&head))
        return refuse(400, "Bad Request", out);
    if (!origin_allowed(&head, config, secure))
        return refuse(403, "Forbidden", out);
    terms->deflate = config->compression && ws_deflate_offered(&head);
    terms->browser =
        str_has_prefix(field(&head, "User-Agent"), str_of("Mozilla/"));
    accept_terms(&head, terms, out);
    return 101;
}
