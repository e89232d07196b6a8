/* ws_handshake: see ws_handshake.h. */
#include "lib/ws_handshake.h"

#include <openssl/evp.h>
#include <string.h>

#define ACCEPT_SALT "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 */
#define KEY_MAX     64u
#define SHA1_BYTES  20u
#define BASE64_MAX  32u /* of SHA1_BYTES */
#define NO_TAKEOVER                                   \
    "permessage-deflate; server_no_context_takeover;" \
    " client_no_context_takeover"

struct str ws_list_take(struct str *list, char separator)
{
    const char *end =
        list->len > 0 ? memchr(list->p, separator, list->len) : NULL;
    size_t len = end != NULL ? (size_t)(end - list->p) : list->len;
    struct str part = str_trim(str_make(list->p, len));
    size_t used = end != NULL ? len + 1 : len;
    *list = str_make(list->p + used, list->len - used);
    return part;
}

static bool list_has(struct str list, const char *wanted)
{
    while (list.len > 0) {
        if (str_ieq(ws_list_take(&list, ','), str_of(wanted)))
            return true;
    }
    return false;
}

bool ws_asked(const struct http_head *head)
{
    return list_has(http_head_field(head, str_of("Upgrade")), "websocket") &&
           list_has(http_head_field(head, str_of("Connection")), "upgrade");
}

bool ws_key_valid(struct str key)
{
    return key.len > 0 && key.len <= KEY_MAX;
}

/* ---- compression ---- */

/* One offer will do unless it limits what the server may do: a smaller window
 * is not at hand. */
static bool offer_fits(struct str offer)
{
    if (!str_ieq(ws_list_take(&offer, ';'), str_of("permessage-deflate")))
        return false;
    while (offer.len > 0) {
        struct str parameter = ws_list_take(&offer, ';');
        if (str_has_prefix(parameter, str_of("server_max_window_bits")))
            return false;
    }
    return true;
}

bool ws_deflate_offered(const struct http_head *head)
{
    for (size_t i = 0; i < head->field_count; i++) {
        struct str list = head->fields[i].value;
        if (!str_ieq(head->fields[i].name, str_of("Sec-WebSocket-Extensions")))
            continue;
        while (list.len > 0) {
            if (offer_fits(ws_list_take(&list, ',')))
                return true;
        }
    }
    return false;
}

/* ---- the answer ---- */

static void append_field(struct buf *out, const char *name, const char *value)
{
    buf_append_text(out, name);
    buf_append_text(out, ": ");
    buf_append_text(out, value);
    buf_append_text(out, "\r\n");
}

static void append_digest(struct buf *out, struct str key)
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

void ws_append_accept(struct buf *out, struct str key, bool deflate)
{
    append_field(out, "Upgrade", "websocket");
    append_field(out, "Connection", "Upgrade");
    append_digest(out, key);
    if (deflate)
        append_field(out, "Sec-WebSocket-Extensions", NO_TAKEOVER);
}
