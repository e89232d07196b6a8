/* health: see the header. */
#include "lib/health.h"

#include "lib/json.h"
#include "lib/service.h"

static void status_begin(struct json_writer *w, const struct health *health,
                         const char *status)
{
    json_begin_object(w);
    json_member_text(w, "status", status);
    json_member_text(w, "service", health->service);
    json_member_text(w, "version", NEXUS_VERSION);
}

static void health_reply(struct http_request *req, void *arg)
{
    struct buf body = {0};
    struct json_writer w = json_writer(&body);
    status_begin(&w, arg, "healthy");
    json_end_object(&w);
    http_reply(req, 200, HTTP_JSON, &body);
}

/* Writes every check by name. True when all are well that have to be. */
static bool checks_append(struct json_writer *w, const struct health *health)
{
    bool all = true;
    json_key(w, "checks");
    json_begin_object(w);
    const struct health_check *c = health->checks;
    for (; c != NULL && c->name != NULL; c++) {
        struct errmsg why = {""};
        bool well = c->check(c->arg, &why);
        json_member_text(w, c->name, well ? "ok" : why.text);
        all = all && (well || c->told);
    }
    json_end_object(w);
    return all;
}

/* The checks run once, though their outcome stands first in the body. */
static void ready_reply(struct http_request *req, void *arg)
{
    const struct health *health = arg;
    struct buf checks = {0}, body = {0};
    struct json_writer w = json_writer(&checks);
    bool ready = checks_append(&w, health);
    w = json_writer(&body);
    status_begin(&w, health, ready ? "ready" : "unavailable");
    buf_append_byte(&body, ',');
    buf_append_str(&body, buf_str(&checks));
    json_end_object(&w);
    buf_fini(&checks);
    http_reply(req, ready ? 200 : 503, HTTP_JSON, &body);
}

static void metrics_reply(struct http_request *req, void *arg)
{
    const struct health *health = arg;
    struct buf body = {0};
    if (health->refresh != NULL)
        health->refresh(health->refresh_arg);
    stats_append(&body, health->stats);
    http_reply(req, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
}

const struct http_route *health_routes(struct health *health)
{
    health->routes[0] =
        (struct http_route){"GET", "/health", health_reply, health};
    health->routes[1] =
        (struct http_route){"GET", "/ready", ready_reply, health};
    health->routes[2] =
        (struct http_route){"GET", "/metrics", metrics_reply, health};
    health->routes[3] = (struct http_route){.method = NULL};
    return health->routes;
}
