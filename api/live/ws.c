/* ws: connections at /ws, and what their messages ask for. */
#include "api/live/ws.h"

#include <stdlib.h>
#include <utlist.h>

#include "api/live/ws_private.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/mem.h"

#define RETRY_NS   (200 * NS_PER_MS)
#define TOPICS_MAX 10000 /* different subscriptions of all clients */

/* ---- answers ---- */

/* Begins {"type":…; what is added to it is sent by answer_end. */
static struct json_writer answer_begin(struct ws_client *c, const char *type)
{
    struct buf *out = &c->ws->scratch;
    struct json_writer w = json_writer(out);
    buf_reset(out);
    json_begin_object(&w);
    json_member_text(&w, "type", type);
    return w;
}

static void answer_end(struct ws_client *c, struct json_writer *w)
{
    json_end_object(w);
    websocket_send(c->socket, buf_str(w->out));
}

static void answer_id(struct json_writer *w, struct str id)
{
    if (id.p == NULL)
        return;
    json_key(w, "id");
    json_put_str(w, id);
}

static void answer_error(struct ws_client *c, const struct wish *wish,
                         const struct errmsg *err)
{
    struct json_writer w = answer_begin(c, "error");
    answer_id(&w, wish->id);
    json_member_text(&w, "message", err->text);
    answer_end(c, &w);
    if (c->ws->config.stats.refused != NULL)
        stat_add(c->ws->config.stats.refused, 1);
}

/* ---- what is asked for ---- */

static void ping(struct ws_client *c, const struct wish *wish)
{
    struct json_writer w = answer_begin(c, "pong");
    answer_id(&w, wish->id);
    answer_end(c, &w);
}

/* As it is kept and sent: quoted. */
static struct str id_json(struct ws_client *c, struct str id)
{
    struct buf out = {0};
    struct json_writer w = json_writer(&out);
    json_put_str(&w, id);
    struct str json = arena_str(&c->ws->arena, buf_str(&out));
    buf_fini(&out);
    return json;
}

static struct subscription *find(const struct ws_client *c, struct str json)
{
    struct subscription *s;
    DL_FOREACH(c->subscriptions, s)
    if (str_eq(s->id, json))
        return s;
    return NULL;
}

static struct str id_make(struct ws_client *c)
{
    struct str id;
    do
        id = str_of(arena_printf(&c->ws->arena, "%llu",
                                 (unsigned long long)++c->next_id));
    while (find(c, id_json(c, id)) != NULL);
    return id;
}

static int admit(struct ws_client *c, const struct wish *wish,
                 struct errmsg *err)
{
    if (c->count >= c->ws->config.subscriptions_max)
        return errmsg_set(err, -1,
                          "this connection has %u subscriptions already, which "
                          "is the limit",
                          c->count);
    if (wish->id.p != NULL && find(c, id_json(c, wish->id)) != NULL)
        return errmsg_set(err, -1, "\"id\": \"%.*s\" is subscribed already",
                          STR_ARG(wish->id));
    return 0;
}

/* A text: it is more than a number of JavaScript holds. */
static void answer_stream(struct ws_client *c, struct json_writer *w)
{
    int64_t stream = feed_stream(c->ws->feed);
    json_key(w, "stream");
    if (stream == 0)
        json_put_null(w);
    else
        json_put_text(w,
                      arena_printf(&c->ws->arena, "%lld", (long long)stream));
}

/* The answer goes first; what the subscription brings is pulled later. */
static void subscribed(struct ws_client *c, const struct wish *wish)
{
    struct json_writer w = answer_begin(c, "subscribed");
    answer_id(&w, wish->id);
    json_member_text(&w, "topic", topic_names[wish->topic]);
    json_member_u64(&w, "sequence",
                    wish->resume ? wish->since : c->ws->topics.fleet->sequence);
    answer_stream(c, &w);
    answer_end(c, &w);
}

static void subscribe(struct ws_client *c, struct wish *wish)
{
    struct errmsg err;
    if (admit(c, wish, &err) < 0) {
        answer_error(c, wish, &err);
        return;
    }
    if (wish->id.p == NULL)
        wish->id = id_make(c);
    if (subscription_new(c, wish, id_json(c, wish->id), &err) != NULL)
        subscribed(c, wish);
    else
        answer_error(c, wish, &err);
}

static void unsubscribe_id(struct ws_client *c, const struct wish *wish)
{
    struct subscription *s = find(c, id_json(c, wish->id));
    if (s == NULL) {
        struct errmsg err;
        errmsg_set(&err, 0, "\"id\": there is no subscription \"%.*s\"",
                   STR_ARG(wish->id));
        answer_error(c, wish, &err);
        return;
    }
    subscription_free(&s);
    struct json_writer w = answer_begin(c, "unsubscribed");
    answer_id(&w, wish->id);
    answer_end(c, &w);
}

/* All of a topic, or all there are. */
static void unsubscribe_topic(struct ws_client *c, const struct wish *wish)
{
    struct subscription *s, *next;
    int64_t n = 0;
    DL_FOREACH_SAFE(c->subscriptions, s, next)
    if (!wish->has_topic || s->topic->kind == wish->topic) {
        subscription_free(&s);
        n++;
    }
    struct json_writer w = answer_begin(c, "unsubscribed");
    if (wish->has_topic)
        json_member_text(&w, "topic", topic_names[wish->topic]);
    json_member_i64(&w, "count", n);
    answer_end(c, &w);
}

static void do_wish(struct ws_client *c, struct wish *wish)
{
    switch (wish->type) {
    case WISH_PING:
        ping(c, wish);
        break;
    case WISH_SUBSCRIBE:
        subscribe(c, wish);
        break;
    case WISH_UNSUBSCRIBE:
        if (wish->id.p != NULL)
            unsubscribe_id(c, wish);
        else
            unsubscribe_topic(c, wish);
        break;
    }
}

/* ---- the connection ---- */

static void on_message(struct websocket *socket, struct str text, void *arg)
{
    (void)socket;
    struct ws_client *c = arg;
    struct wish wish;
    struct errmsg err;
    if (wish_parse(&wish, text, &c->ws->arena, &err) == 0)
        do_wish(c, &wish);
    else
        answer_error(c, &wish, &err);
    arena_reset(&c->ws->arena);
}

/* Subscriptions take turns: a busy one does not keep the others waiting. */
static bool on_fill(struct websocket *socket, struct buf *out, size_t room,
                    void *arg)
{
    (void)socket;
    struct ws_client *c = arg;
    size_t end = out->len + room;
    for (uint32_t left = c->count; left > 0; left--) {
        struct subscription *s = c->turn != NULL ? c->turn : c->subscriptions;
        c->turn = s->next;
        while (subscription_fill(s, out))
            if (out->len >= end)
                return true;
    }
    return false;
}

static void subscriptions_free(struct ws_client *c)
{
    struct subscription *s, *next;
    DL_FOREACH_SAFE(c->subscriptions, s, next)
    subscription_free(&s);
}

static void ws_release(struct ws *ws)
{
    if (!ws->gone || ws->clients != NULL)
        return;
    arena_fini(&ws->arena);
    buf_fini(&ws->scratch);
    buf_fini(&ws->topics.scratch);
    free(ws);
}

static void on_closed(struct websocket *socket, int code, void *arg)
{
    (void)socket;
    (void)code;
    struct ws_client *c = arg;
    struct ws *ws = c->ws;
    subscriptions_free(c);
    DL_DELETE(ws->clients, c);
    ws->client_count--;
    free(c);
    ws_release(ws);
}

static const struct websocket_handlers handlers = {on_message, on_fill,
                                                   on_closed};

/* A browser says which page asks; where other pages may not read, it has to be
 * one of ours. */
static bool from_elsewhere(const struct ws *ws, const struct http_request *req)
{
    struct str origin = http_header(req, "origin");
    struct str host = http_header(req, "host");
    if (ws->config.any_origin || origin.len == 0)
        return false;
    return origin.len < host.len + 3 ||
           memcmp(origin.p + origin.len - host.len, host.p, host.len) != 0 ||
           memcmp(origin.p + origin.len - host.len - 3, "://", 3) != 0;
}

void ws_open(struct ws *ws, struct http_request *req)
{
    if (from_elsewhere(ws, req)) {
        http_reply_problem(req, 403, NULL,
                           "pages of other origins may not connect");
        return;
    }
    struct ws_client *c = mem_zalloc(sizeof *c);
    c->ws = ws;
    c->socket = websocket_accept(req, NULL, &ws->socket_config, &handlers, c);
    if (c->socket == NULL) {
        free(c);
        return;
    }
    DL_APPEND(ws->clients, c);
    ws->client_count++;
}

/* ---- the endpoint ---- */

static bool client_retry(struct ws_client *c)
{
    bool waits = false;
    struct subscription *s;
    DL_FOREACH(c->subscriptions, s)
    if (!subscription_retry(s))
        waits = true;
    return waits;
}

/* retrying stays set meanwhile: who still waits asks for no timer. */
static void retry(void *arg)
{
    struct ws *ws = arg;
    bool waits = false;
    struct ws_client *c;
    DL_FOREACH(ws->clients, c)
    if (client_retry(c))
        waits = true;
    ws->retrying = waits;
    if (waits)
        http_timer_set(ws->retry, RETRY_NS);
}

struct ws *ws_new(struct http_server *server, struct fleet *fleet,
                  struct feed *feed, const struct ws_config *config)
{
    struct ws *ws = mem_zalloc(sizeof *ws);
    ws->server = server;
    ws->feed = feed;
    ws->config = *config;
    ws->socket_config.message_max = (size_t)config->message_max;
    ws->socket_config.compress = true;
    ws->topics = (struct topics){
        .fleet = fleet,
        .server = server,
        .count_max = TOPICS_MAX,
        .budget.bytes_max = (size_t)config->kept_max,
    };
    ws->retry = http_timer_new(server, retry, ws);
    return ws;
}

/* Connections that are still there end with the server. */
void ws_free(struct ws **ws)
{
    struct ws *w = *ws;
    *ws = NULL;
    if (w == NULL)
        return;
    struct ws_client *c;
    DL_FOREACH(w->clients, c)
    subscriptions_free(c);
    http_timer_free(&w->retry);
    w->gone = true;
    ws_release(w);
}

void ws_refresh_stats(struct ws *ws)
{
    const struct ws_stats *stats = &ws->config.stats;
    stat_set(stats->connections, (int64_t)ws->client_count);
    stat_set(stats->subscriptions, (int64_t)ws->subscription_count);
    stat_set(stats->topics, ws->topics.count);
    stat_set(stats->kept_bytes, (int64_t)ws->topics.budget.bytes);
}
