/* A server with a route for each thing that lib/http and lib/websocket can do,
 * for tests and benchmarks. It prints its port and serves until it is told to
 * stop.
 *
 *     http_server [KEY=NUMBER …]   message_max unsent_max ping_ms pong_ms
 *                                  gather_ms compress body_max connections_max
 *                                  frame_bytes (of one that is pulled)
 *                                  poll (1: libwebsockets' own loop)
 *
 *     GET  /size/{n}     n bytes
 *     POST /echo         the body
 *     GET  /lines/{n}    a stream of n lines, one a fill; 0: without end
 *     GET  /numbers      what has happened, in JSON
 *     GET  /ws           a WebSocket that says what it hears, but for
 *                          "close CODE REASON", "frames N" (pulled),
 *                          "push N" (pushed, of 1,000 bytes), "rate N" (so
 *                          many a second to every socket, pulled) and "stop"
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/service.h"
#include "lib/websocket.h"

struct peer {
    LIST_ENTRY(peer) link;
    struct websocket *ws;
    int64_t to_fill, filled;
};

static LIST_HEAD(, peer) peers;
static struct http_server *server;
static struct websocket_config config;
static struct http_config http = {.host = "127.0.0.1", .loop = &http_loop_uv};
static char padding[1000];
static int64_t frame_bytes;
static struct http_timer *rate_timer;
static int64_t rate, rate_began_ns, rated;
static int64_t open_count, closed_count, last_code, fills, line_fills,
    streams_closed;

/* ---- WebSockets ---- */

static int64_t number_behind(struct str text, const char *word)
{
    int64_t number = 0;
    size_t len = strlen(word);
    str_to_i64(str_make(text.p + len, text.len - len), &number);
    return number;
}

static void peer_want(struct peer *peer, int64_t frames)
{
    peer->to_fill += frames;
    websocket_want(peer->ws);
}

/* As many as are due by now. */
static void rate_due(void *arg)
{
    (void)arg;
    struct peer *peer;
    int64_t elapsed_us = (clock_mono_ns() - rate_began_ns) / NS_PER_US;
    int64_t more = elapsed_us * rate / 1000000 - rated;
    rated += more;
    if (more > 0)
        LIST_FOREACH (peer, &peers, link)
            peer_want(peer, more);
    if (rate > 0)
        http_timer_set(rate_timer, NS_PER_MS);
}

static void push_many(struct websocket *ws, int64_t count)
{
    char text[1000];
    memset(text, 'p', sizeof text);
    for (; count > 0; count--)
        websocket_send(ws, str_make(text, sizeof text));
}

static void close_as_told(struct websocket *ws, struct str text)
{
    int64_t code = 0;
    char reason[200];
    snprintf(reason, sizeof reason, "%.*s", (int)text.len - 11, text.p + 11);
    str_to_i64(str_make(text.p + 6, 4), &code);
    websocket_close(ws, (int)code, reason);
}

static void heard(struct websocket *ws, struct str text, void *arg)
{
    struct peer *peer = arg;
    if (str_has_prefix(text, str_of("close ")) && text.len > 10) {
        close_as_told(ws, text);
    } else if (str_has_prefix(text, str_of("frames "))) {
        peer_want(peer, number_behind(text, "frames "));
    } else if (str_has_prefix(text, str_of("push "))) {
        push_many(ws, number_behind(text, "push "));
    } else if (str_has_prefix(text, str_of("rate "))) {
        rate = number_behind(text, "rate ");
        rate_began_ns = clock_mono_ns();
        rated = 0;
        http_timer_set(rate_timer, NS_PER_MS);
    } else if (str_is(text, "stop")) {
        http_server_stop(server);
    } else {
        websocket_send(ws, text);
    }
}

static bool fill(struct websocket *ws, struct buf *out, size_t room, void *arg)
{
    struct peer *peer = arg;
    fills++;
    while (peer->to_fill > 0 && out->len < room) {
        char number[32];
        snprintf(number, sizeof number, "%lld", (long long)peer->filled++);
        struct str parts[] = {STR("frame "), str_of(number),
                              str_make(padding, (size_t)frame_bytes)};
        websocket_append(ws, out, parts, 3);
        peer->to_fill--;
    }
    return peer->to_fill > 0;
}

static void closed(struct websocket *ws, int code, void *arg)
{
    struct peer *peer = arg;
    (void)ws;
    closed_count++;
    open_count--;
    last_code = code;
    LIST_REMOVE(peer, link);
    free(peer);
}

static const struct websocket_handlers handlers = {heard, fill, closed};

static const char *choose(const struct http_request *req)
{
    struct str offered;
    for (size_t i = 0; websocket_offered(req, i, &offered); i++)
        if (str_is(offered, "second"))
            return "second";
    return NULL;
}

static void handle_ws(struct http_request *req, void *arg)
{
    (void)arg;
    struct peer *peer = mem_zalloc(sizeof *peer);
    peer->ws = websocket_accept(req, choose(req), &config, &handlers, peer);
    if (peer->ws == NULL) {
        free(peer);
        return;
    }
    open_count++;
    LIST_INSERT_HEAD(&peers, peer, link);
}

/* ---- streams ---- */

struct lines {
    int64_t left, said;
    bool endless;
};

static bool fill_lines(struct http_stream *stream, struct buf *out, size_t room,
                       void *arg)
{
    struct lines *lines = arg;
    (void)room;
    line_fills++;
    buf_printf(out, "line %lld\n", (long long)lines->said++);
    if (lines->endless || --lines->left > 0)
        return true;
    http_stream_end(stream);
    return false;
}

static void lines_closed(struct http_stream *stream, void *arg)
{
    (void)stream;
    streams_closed++;
    free(arg);
}

static const struct http_stream_handlers line_handlers = {fill_lines,
                                                          lines_closed};

static void handle_lines(struct http_request *req, void *arg)
{
    (void)arg;
    struct lines *lines = mem_zalloc(sizeof *lines);
    str_to_i64(http_param(req, "n"), &lines->left);
    lines->endless = lines->left == 0;
    http_stream_want(
        http_reply_stream(req, 200, HTTP_TEXT, &line_handlers, lines));
}

/* ---- replies ---- */

static void handle_size(struct http_request *req, void *arg)
{
    (void)arg;
    int64_t size = 0;
    struct buf body = {0};
    str_to_i64(http_param(req, "n"), &size);
    memset(buf_reserve(&body, (size_t)size), 'x', (size_t)size);
    body.len = (size_t)size;
    http_reply(req, 200, HTTP_JSON, &body);
}

static void handle_echo(struct http_request *req, void *arg)
{
    (void)arg;
    struct buf body = {0};
    buf_append_str(&body, http_body(req));
    http_reply(req, 200, HTTP_TEXT, &body);
}

static void handle_numbers(struct http_request *req, void *arg)
{
    (void)arg;
    struct buf body = {0};
    struct json_writer w = json_writer(&body);
    json_begin_object(&w);
    json_member_i64(&w, "open", open_count);
    json_member_i64(&w, "closed", closed_count);
    json_member_i64(&w, "code", last_code);
    json_member_i64(&w, "fills", fills);
    json_member_i64(&w, "lines", line_fills);
    json_member_i64(&w, "streams_closed", streams_closed);
    json_end_object(&w);
    http_reply(req, 200, HTTP_JSON, &body);
}

static const struct http_route routes[] = {
    {"GET", "/size/{n}", handle_size, NULL},
    {"POST", "/echo", handle_echo, NULL},
    {"GET", "/lines/{n}", handle_lines, NULL},
    {"GET", "/numbers", handle_numbers, NULL},
    {"GET", "/ws", handle_ws, NULL},
    {.method = NULL},
};

static const struct http_route *const tables[] = {routes, NULL};

/* ---- the program ---- */

static void set(const char *key, size_t key_len, int64_t value)
{
    const struct {
        const char *key;
        size_t *size;
        int64_t *ms;
    } settings[] = {
        {"message_max", &config.message_max, NULL},
        {"unsent_max", &config.unsent_max, NULL},
        {"body_max", &http.body_max, NULL},
        {"connections_max", &http.connections_max, NULL},
        {"ping_ms", NULL, &config.ping_ns},
        {"pong_ms", NULL, &config.pong_ns},
        {"gather_ms", NULL, &config.gather_ns},
    };
    struct str name = str_make(key, key_len);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (!str_is(name, settings[i].key))
            continue;
        if (settings[i].size != NULL)
            *settings[i].size = (size_t)value;
        else
            *settings[i].ms = value * NS_PER_MS;
    }
    if (str_is(name, "frame_bytes"))
        frame_bytes = value < (int64_t)sizeof padding ? value : 0;
    if (str_is(name, "poll") && value != 0)
        http.loop = &http_loop_poll;
    if (str_is(name, "compress"))
        config.compress = value != 0;
}

static void stop_asked(int fd, int events, void *arg)
{
    (void)fd;
    (void)events;
    http_server_stop(arg);
}

int main(int argc, char **argv)
{
    static const struct opt none[] = {OPTS_END};
    struct errmsg err;
    for (int i = 1; i < argc; i++) {
        size_t len = strcspn(argv[i], "=");
        set(argv[i], len, argv[i][len] ? atoll(argv[i] + len + 1) : 0);
    }
    service_init("http_server", "serves the tests", none, 1, argv);
    http.routes = tables;
    server = http_server_new(&http, &err);
    if (server == NULL)
        service_refuse("http_server", &err);
    struct http_watch *stop = http_watch_new(server, service_stop_fd(),
                                             HTTP_READABLE, stop_asked, server);
    rate_timer = http_timer_new(server, rate_due, NULL);
    memset(padding, '.', sizeof padding);
    printf("%d\n", http_server_port(server));
    fflush(stdout);
    http_server_run(server);
    http_timer_free(&rate_timer);
    http_watch_free(&stop);
    http_server_free(&server);
    return 0;
}
