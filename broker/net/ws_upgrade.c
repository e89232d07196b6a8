/* ws_upgrade: see ws_upgrade.h. */
#include "broker/net/ws_upgrade.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/http_head.h"

#define ACCEPT_SALT "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 */
#define KEY_MAX     64u
#define SHA1_BYTES  20u
#define BASE64_MAX  32u /* of SHA1_BYTES */
#define PORT_HTTP   80
#define PORT_HTTPS  443
#define NO_TAKEOVER                                   \
    "permessage-deflate; server_no_context_takeover;" \
    " client_no_context_takeover"

/* ---- lists in header fields ---- */

/* Cuts off what stands before the next separator. */
static struct str next_part(struct str *rest, char separator)
{
    const char *end =
        rest->len > 0 ? memchr(rest->p, separator, rest->len) : NULL;
    size_t len = end != NULL ? (size_t)(end - rest->p) : rest->len;
    struct str part = str_trim(str_make(rest->p, len));
    size_t used = end != NULL ? len + 1 : len;
    *rest = str_make(rest->p + used, rest->len - used);
    return part;
}

static bool list_has(struct str list, const char *wanted)
{
    while (list.len > 0) {
        if (str_ieq(next_part(&list, ','), str_of(wanted)))
            return true;
    }
    return false;
}

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

/* ---- compression ---- */

/* One offer will do unless it limits what the server may do: a smaller window
 * is not at hand. */
static bool offer_fits(struct str offer)
{
    if (!str_ieq(next_part(&offer, ';'), str_of("permessage-deflate")))
        return false;
    while (offer.len > 0) {
        struct str parameter = next_part(&offer, ';');
        if (str_has_prefix(parameter, str_of("server_max_window_bits")))
            return false;
    }
    return true;
}

static bool deflate_offered(const struct http_head *head)
{
    for (size_t i = 0; i < head->field_count; i++) {
        struct str list = head->fields[i].value;
        if (!str_ieq(head->fields[i].name, str_of("Sec-WebSocket-Extensions")))
            continue;
        while (list.len > 0) {
            if (offer_fits(next_part(&list, ',')))
                return true;
        }
    }
    return false;
}

/* ---- the answer ---- */

static void append_field(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "%s: %s\r\n", name, value);
}

static void append_accept(struct buf *out, struct str key)
{
    unsigned char digest[SHA1_BYTES];
    unsigned char text[BASE64_MAX];
    struct buf salted = {0};
    buf_append_str(&salted, key);
    buf_append_text(&salted, ACCEPT_SALT);
    EVP_Digest(salted.data, salted.len, digest, NULL, EVP_sha1(), NULL);
    EVP_EncodeBlock(text, digest, sizeof(digest));
    append_field(out, "Sec-WebSocket-Accept", (const char *)text);
    buf_fini(&salted);
}

void ws_upgrade_refuse(int status, const char *why, struct buf *out)
{
    buf_printf(out, "HTTP/1.1 %d %s\r\n", status, why);
    append_field(out, "Sec-WebSocket-Version", "13");
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
    struct str key = field(head, "Sec-WebSocket-Key");
    return head->minor >= 1 && field(head, "Host").len > 0 &&
           list_has(field(head, "Upgrade"), "websocket") &&
           list_has(field(head, "Connection"), "upgrade") &&
           str_is(field(head, "Sec-WebSocket-Version"), "13") && key.len > 0 &&
           key.len <= KEY_MAX;
}

static void accept_terms(const struct http_head *head,
                         const struct ws_terms *terms, struct buf *out)
{
    buf_append_text(out, "HTTP/1.1 101 Switching Protocols\r\n");
    append_field(out, "Upgrade", "websocket");
    append_field(out, "Connection", "Upgrade");
    append_accept(out, field(head, "Sec-WebSocket-Key"));
    if (terms->deflate)
        append_field(out, "Sec-WebSocket-Extensions", NO_TAKEOVER);
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
    terms->deflate = config->compression && deflate_offered(&head);
    terms->browser =
        str_has_prefix(field(&head, "User-Agent"), str_of("Mozilla/"));
    accept_terms(&head, terms, out);
    return 101;
}
