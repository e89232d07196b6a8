/* websocket_accept: from a request to a WebSocket. */
#include "lib/http_private.h"
#include "lib/websocket_private.h"
#include "lib/ws_handshake.h"

bool websocket_asked(const struct http_request *req)
{
    return ws_asked(&req->head);
}

/* The list may be spread over several fields. */
bool websocket_offered(const struct http_request *req, size_t index,
                       struct str *protocol)
{
    static const struct str name = STR("Sec-WebSocket-Protocol");
    const struct http_head *head = &req->head;
    for (size_t i = 0; i < head->field_count; i++) {
        struct str list = head->fields[i].value;
        while (str_ieq(head->fields[i].name, name) && list.len > 0) {
            *protocol = ws_list_take(&list, ',');
            if (protocol->len > 0 && index-- == 0)
                return true;
        }
    }
    return false;
}

static struct websocket *refuse(struct http_request *req, int status,
                                const char *why)
{
    if (status == 405)
        http_reply_header(req, "Allow", "GET");
    if (status == 426) {
        http_reply_header(req, "Upgrade", "websocket");
        http_reply_header(req, "Sec-WebSocket-Version", WS_VERSION);
    }
    http_reply_problem(req, status, NULL, "%s", why);
    return NULL;
}

/* NULL when there is nothing to refuse; else why, and *status. */
static const char *refusal(const struct http_request *req, int *status)
{
    struct str version = http_header(req, "sec-websocket-version");
    *status = 405;
    if (!str_is(req->head.method, "GET"))
        return "a WebSocket begins with GET";
    *status = 426;
    if (!ws_asked(&req->head) || req->head.minor == 0)
        return "this path is for WebSockets: ask for an upgrade";
    if (!str_is(version, WS_VERSION))
        return "the only version of WebSocket understood is 13";
    *status = 400;
    if (!ws_key_valid(http_header(req, "sec-websocket-key")))
        return "Sec-WebSocket-Key is missing or too long";
    return NULL;
}

/* The answer; valid until the next reply. */
static struct str answer(struct http_request *req, const char *protocol,
                         bool deflate)
{
    struct buf *head = http_reply_begin(req, 101, NULL);
    ws_append_accept(head, http_header(req, "sec-websocket-key"), deflate);
    if (protocol != NULL) {
        buf_append_text(head, "Sec-WebSocket-Protocol: ");
        buf_append_text(head, protocol);
        buf_append_text(head, "\r\n");
    }
    buf_append_text(head, "\r\n");
    return buf_str(head);
}

struct websocket *websocket_accept(struct http_request *req,
                                   const char *protocol,
                                   const struct websocket_config *config,
                                   const struct websocket_handlers *handlers,
                                   void *arg)
{
    int status;
    const char *why = refusal(req, &status);
    if (why != NULL)
        return refuse(req, status, why);
    if (req->server->draining)
        return refuse(req, 503, "the server is stopping");
    if (req->conn == NULL) { /* replying ends the request */
        http_reply(req, 101, NULL, NULL);
        return NULL;
    }
    bool deflate = config->compress && ws_deflate_offered(&req->head);
    http_reply_done(req, 101, 0);
    return websocket_begin(req, answer(req, protocol, deflate), deflate, config,
                           handlers, arg);
}
