/* Any bytes to an open WebSocket, cut anywhere: no harm, every message that is
 * handed on is UTF-8 within the limit, nothing comes after the end, and the end
 * is told once. The first byte chooses compression and how the rest is cut. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/http_private.h"
#include "lib/utf8.h"
#include "lib/websocket.h"

#define MESSAGE_MAX 3000
#define REQUEST                                             \
    "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n" \
    "Connection: upgrade\r\nSec-WebSocket-Version: 13\r\n"  \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define DEFLATE "Sec-WebSocket-Extensions: permessage-deflate\r\n"

static struct http_server *server;
static struct websocket *current;
static int ended;

static void heard(struct websocket *ws, struct str text, void *arg)
{
    (void)arg;
    assert(ws == current && ended == 0);
    assert(text.len <= MESSAGE_MAX);
    assert(utf8_valid(text.p, text.len) == text.len);
    if (text.len > 0 && text.p[0] == 'c')
        websocket_close(ws, 4000, "asked to");
    else if (text.len > 0 && text.p[0] == 'w')
        websocket_want(ws);
    else
        websocket_send(ws, text);
}

static bool fill(struct websocket *ws, struct buf *out, size_t room, void *arg)
{
    (void)room;
    (void)arg;
    struct str part = STR("filled");
    websocket_append(ws, out, &part, 1);
    return false;
}

static void closed(struct websocket *ws, int code, void *arg)
{
    (void)arg;
    assert(ws == current && ended++ == 0);
    assert(code >= 1000 && code <= 4999);
}

static const struct websocket_handlers handlers = {heard, fill, closed};
static const struct websocket_config config = {
    .message_max = MESSAGE_MAX, .unsent_max = 100000, .compress = true};

static void handle(struct http_request *req, void *arg)
{
    (void)arg;
    current = websocket_accept(req, NULL, &config, &handlers, NULL);
    assert(current != NULL);
}

static const struct http_route routes[] = {{"GET", "/ws", handle, NULL},
                                           {.method = NULL}};
static const struct http_route *const tables[] = {routes, NULL};

static void open_server(void)
{
    struct errmsg err;
    struct http_config http = {.host = "127.0.0.1", .routes = tables};
    server = http_server_new(&http, &err);
    assert(server != NULL);
}

static void turn(int fd)
{
    char sink[4096];
    http_loop_wake(server);
    http_loop_turn(server);
    while (recv(fd, sink, sizeof sink, MSG_DONTWAIT) > 0)
        ;
}

static void say(int fd, const void *bytes, size_t len)
{
    if (send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return; /* the server has ended it */
    turn(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int ends[2];
    if (size == 0)
        return 0;
    if (server == NULL)
        open_server();
    ended = 0;
    assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    http_conn_open(server, ends[0]);
    bool deflate = data[0] & 1;
    say(ends[1], deflate ? REQUEST DEFLATE "\r\n" : REQUEST "\r\n",
        deflate ? sizeof REQUEST DEFLATE "\r\n" - 1
                : sizeof REQUEST "\r\n" - 1);
    size_t step = data[0] > 127 ? size : (size_t)1 + data[0] / 2;
    for (size_t at = 1; at < size; at += step)
        say(ends[1], data + at, size - at < step ? size - at : step);
    close(ends[1]);
    turn(-1);
    while (server->conn_count > 0) /* it lingers, or waits for a close */
        http_conn_close(server->conns);
    turn(-1);
    assert(ended == 1);
    return 0;
}
