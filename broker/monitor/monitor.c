/* monitor: see monitor.h. */
#include "broker/monitor/monitor.h"

#include <stdlib.h>

#include "broker/monitor/closed_clients.h"
#include "broker/monitor/pages.h"
#include "broker/server.h"
#include "lib/health.h"
#include "lib/log.h"
#include "lib/mem.h"

/* What can be asked for, in the order of the index page. */
static const struct {
    const char *path, *title;
    page_writer write;
} pages[] = {
    {"/varz", "General", page_varz},
    {"/jsz", "Streams", page_jsz},
    {"/connz", "Connections", page_connz},
    {"/accountz", "Accounts", page_accountz},
    {"/accstatz", "Traffic of accounts", page_accstatz},
    {"/subsz", "Subscriptions", page_subsz},
    {"/subscriptionsz", NULL, page_subsz},
    {"/routez", "Routes", page_routez},
    {"/leafz", "Leaf nodes", page_leafz},
    {"/gatewayz", "Gateways", page_gatewayz},
    {"/healthz", "Health", page_healthz},
};

#define PAGES (sizeof(pages) / sizeof(pages[0]))

/* A page, as the HTTP server's argument of its route. */
struct door {
    struct monitor *monitor;
    size_t page;
};

struct monitor {
    struct server *server;
    struct http_server *http;
    char *addr;
    struct health health;
    struct health_check checks[2];
    struct door doors[PAGES];
    uint64_t requests[PAGES];            /* so far; of the HTTP thread */
    struct http_route routes[PAGES + 2]; /* the pages, "/", the end */
    const struct http_route *tables[3];
};

/* ---- answering ---- */

static void handle_page(struct http_request *req, void *arg)
{
    const struct door *door = arg;
    struct monitor *monitor = door->monitor;
    monitor->requests[door->page]++;
    page_answer(monitor, monitor->server, req, pages[door->page].write);
}

static void handle_index(struct http_request *req, void *arg)
{
    struct buf body = {0};
    (void)arg;
    buf_append_text(&body,
                    "<!doctype html>\n<html lang=\"en\">\n"
                    "<title>nexus-broker</title>\n<h1>nexus-broker</h1>\n");
    for (size_t i = 0; i < PAGES; i++) {
        if (pages[i].title != NULL)
            buf_printf(&body, "<p><a href=\".%s\">%s</a></p>\n", pages[i].path,
                       pages[i].title);
    }
    buf_append_text(&body,
                    "<p><a href=\"./metrics\">Metrics</a></p>\n</html>\n");
    http_reply(req, 200, "text/html; charset=utf-8", &body);
}

void monitor_write_requests(const struct monitor *monitor,
                            struct json_writer *w)
{
    json_begin_object(w);
    for (size_t i = 0; i < PAGES; i++) {
        if (monitor->requests[i] > 0)
            json_member_u64(w, pages[i].path, monitor->requests[i]);
    }
    json_end_object(w);
}

/* ---- readiness and metrics, as in every program ---- */

static void refresh(void *arg)
{
    const struct monitor *monitor = arg;
    server_call(monitor->server, metrics_refresh, NULL);
}

static void check_on_loop(struct server *server, void *arg)
{
    health_look(server, arg);
}

static bool check(void *arg, struct errmsg *why)
{
    const struct monitor *monitor = arg;
    why->text[0] = '\0';
    if (!server_call(monitor->server, check_on_loop, why))
        errmsg_set(why, 0, "stopping");
    return why->text[0] == '\0';
}

/* ---- beginning and end ---- */

const char *monitor_addr(const struct monitor *monitor)
{
    return monitor->addr;
}

int monitor_port(const struct monitor *monitor)
{
    return http_server_port(monitor->http);
}

static void lay_routes(struct monitor *monitor)
{
    for (size_t i = 0; i < PAGES; i++) {
        monitor->doors[i] = (struct door){monitor, i};
        monitor->routes[i] = (struct http_route){
            "GET", pages[i].path, handle_page, &monitor->doors[i]};
    }
    monitor->routes[PAGES] =
        (struct http_route){"GET", "/", handle_index, NULL};
    monitor->tables[0] = health_routes(&monitor->health);
    monitor->tables[1] = monitor->routes;
}

static struct http_server *listen_on(struct monitor *monitor, int port,
                                     struct errmsg *err)
{
    lay_routes(monitor);
    const struct http_config config = {
        .host = monitor->addr, .port = port, .routes = monitor->tables};
    return http_server_new(&config, err);
}

struct monitor *monitor_start(struct server *server, const char *addr, int port,
                              struct errmsg *err)
{
    struct monitor *monitor = mem_zalloc(sizeof(*monitor));
    monitor->server = server;
    monitor->addr = mem_strdup(addr);
    monitor->checks[0] = (struct health_check){
        .name = "streams", .check = check, .arg = monitor};
    monitor->health = (struct health){.service = "nexus-broker",
                                      .checks = monitor->checks,
                                      .stats = metrics,
                                      .refresh = refresh,
                                      .refresh_arg = monitor};
    monitor->http = listen_on(monitor, port, err);
    if (monitor->http == NULL || http_server_start(monitor->http, err) != 0) {
        monitor_stop(&monitor);
        return NULL;
    }
    if (server->closed_clients == NULL)
        server->closed_clients = closed_clients_new();
    log_info("monitoring", LOG_STR("address", addr),
             LOG_I64("port", http_server_port(monitor->http)));
    return monitor;
}

void monitor_stop(struct monitor **monitor)
{
    if (*monitor == NULL)
        return;
    if ((*monitor)->http != NULL)
        http_server_stop((*monitor)->http);
    http_server_free(&(*monitor)->http);
    free((*monitor)->addr);
    free(*monitor);
    *monitor = NULL;
}
