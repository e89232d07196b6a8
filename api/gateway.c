/* gateway: see the header. */
#include "api/gateway.h"

#include <assert.h>
#include <stdlib.h>

#include "api/respond.h"
#include "api/route.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/service.h"

static void refresh_stats(void *arg)
{
    struct gateway *gateway = arg;
    db_refresh_stats(gateway->db);
    gateway_stats_fleet(gateway->stats, gateway->fleet);
    if (gateway->ws != NULL)
        ws_refresh_stats(gateway->ws);
}

static bool database_check(void *arg, struct errmsg *why)
{
    struct gateway *gateway = arg;
    return db_check(gateway->db, why);
}

/* Without the broker there is still everything that the database has. */
static bool broker_check(void *arg, struct errmsg *why)
{
    struct gateway *gateway = arg;
    return feed_check(gateway->feed, why);
}

/* What is checked comes after the server, on whose loop it runs. */
static void health_setup(struct gateway *gateway)
{
    gateway->checks[0] =
        (struct health_check){"database", database_check, gateway, false};
    gateway->checks[1] =
        (struct health_check){"broker", broker_check, gateway, .told = true};
    gateway->checks[2] = (struct health_check){.name = NULL};
    gateway->health = (struct health){
        .service = "nexus-gateway",
        .checks = gateway->checks,
        .stats = gateway_stats_table(gateway->stats),
        .refresh = refresh_stats,
        .refresh_arg = gateway,
    };
}

/* True for a line of the API's own table, not of health's. */
static bool is_api(const struct gateway *gateway,
                   const struct http_route *route)
{
    for (const struct http_route *r = gateway->routes; r->method != NULL; r++)
        if (r == route)
            return true;
    return false;
}

static void observe(const struct http_route *route, int status,
                    int64_t elapsed_ns, void *arg)
{
    struct gateway *gateway = arg;
    const struct api_route *operation =
        route != NULL && is_api(gateway, route) ? route_of(route) : NULL;
    gateway_stats_reply(gateway->stats, operation, status, elapsed_ns);
}

static void ws_handle(struct http_request *req, void *arg)
{
    struct gateway *gateway = arg;
    ws_open(gateway->ws, req);
}

static const struct http_route *ws_routes(struct gateway *gateway)
{
    if (gateway->config.ws.enabled)
        gateway->ws_routes[0] =
            (struct http_route){"GET", "/ws", ws_handle, gateway};
    return gateway->ws_routes;
}

static struct http_server *server_open(struct gateway *gateway,
                                       struct errmsg *err)
{
    gateway->tables[0] = health_routes(&gateway->health);
    gateway->tables[1] = gateway->routes;
    gateway->tables[2] = ws_routes(gateway);
    gateway->tables[3] = openapi_routes(gateway->openapi);
    gateway->tables[4] = pages_routes(gateway->pages);
    if (gateway->graphql != NULL)
        gateway->tables[5] = graphql_service_routes(gateway->graphql);
    struct http_config config = {
        .host = gateway->config.host,
        .port = gateway->config.port,
        .routes = gateway->tables,
        .connections_max = (size_t)gateway->config.connections_max,
        .loop = &http_loop_uv,
        .cors = gateway->config.cors,
        .observe = observe,
        .observe_arg = gateway,
    };
    return http_server_new(&config, err);
}

/* ---- GraphQL ---- */

/* True: it is there, or not wanted. */
static bool graphql_open(struct gateway *gateway, struct errmsg *err)
{
    if (!gateway->config.graphql.enabled)
        return true;
    struct graphql_service_config config = {
        .settings = gateway->config.graphql,
        .schema = telemetry_schema_new(err),
        .schema_text = telemetry_schema_text(),
        .files = gateway->files,
        .stats = gateway_stats_graphql(gateway->stats),
        .any_origin = gateway->config.cors,
    };
    if (config.schema != NULL)
        gateway->graphql = graphql_service_new(&config, err);
    return gateway->graphql != NULL;
}

static void graphql_start(struct gateway *gateway)
{
    gateway->context = api_context_new(gateway->server, gateway->fleet,
                                       gateway->db, gateway->pipeline);
    if (gateway->graphql != NULL)
        graphql_service_start(gateway->graphql, gateway->server,
                              gateway->context);
}

static void fleet_loaded(void *arg)
{
    respond_fleet_loaded(arg);
}

/* The fleet from the database, then the stream; in the background, both. */
static void live_start(struct gateway *gateway)
{
    const struct gateway_config *config = &gateway->config;
    struct fleet_config fleet = {.silent_after_ns = config->silent_after_ns};
    struct feed_config feed = {
        .urls = config->broker_urls,
        .name = config->name,
        .follow = config->follow,
        .stats = gateway_stats_feed(gateway->stats),
    };
    gateway->fleet = fleet_new(gateway->server, &fleet);
    fleet_load(gateway->fleet, gateway->db, fleet_loaded, gateway);
    gateway->feed = feed_new(gateway->server, gateway->fleet, &feed);
    gateway->config.ws.stats = gateway_stats_ws(gateway->stats);
    gateway->config.ws.any_origin = config->cors;
    if (config->ws.enabled)
        gateway->ws = ws_new(gateway->server, gateway->fleet, gateway->feed,
                             &gateway->config.ws);
}

static void pipeline_start(struct gateway *gateway)
{
    struct pipeline_config config = {
        .id = gateway->config.name,
        .follows_all = follow_is_all(gateway->config.follow),
        .feed = gateway_stats_feed(gateway->stats),
        .ws = gateway_stats_ws(gateway->stats),
        .graphql = gateway_stats_graphql(gateway->stats),
        .refresh = refresh_stats,
        .arg = gateway,
    };
    gateway->pipeline =
        pipeline_new(gateway->server, gateway->fleet, gateway->feed, &config);
}

struct gateway *gateway_new(const struct gateway_config *config,
                            struct errmsg *err)
{
    struct gateway *gateway = mem_zalloc(sizeof *gateway);
    gateway->config = *config;
    gateway->started_ns = clock_mono_ns();
    gateway->stats = gateway_stats_new();
    gateway->config.db.stats = gateway_stats_db(gateway->stats);
    gateway->routes = route_table_new(gateway);
    health_setup(gateway);
    gateway->files = static_files_new(config->web_root);
    gateway->pages = pages_new(gateway->files);
    gateway->openapi = openapi_new(&(struct openapi_scope){
        .graphql = config->graphql.enabled, .websocket = config->ws.enabled});
    if (graphql_open(gateway, err))
        gateway->server = server_open(gateway, err);
    if (gateway->server == NULL) {
        gateway_free(&gateway);
        return NULL;
    }
    gateway->db = db_new(gateway->server, &gateway->config.db);
    live_start(gateway);
    pipeline_start(gateway);
    graphql_start(gateway);
    return gateway;
}

static void stop_asked(int fd, int events, void *arg)
{
    (void)fd;
    (void)events;
    struct gateway *gateway = arg;
    http_server_stop(gateway->server);
}

void gateway_run(struct gateway *gateway)
{
    struct http_watch *stop = http_watch_new(
        gateway->server, service_stop_fd(), HTTP_READABLE, stop_asked, gateway);
    assert(stop != NULL);
    log_info("listening", LOG_I64("port", http_server_port(gateway->server)));
    http_server_run(gateway->server);
    http_watch_free(&stop);
    log_info("stopped");
}

void gateway_free(struct gateway **gateway)
{
    struct gateway *g = *gateway;
    *gateway = NULL;
    if (g == NULL)
        return;
    if (g->graphql != NULL && g->server != NULL)
        graphql_service_stop(g->graphql);
    respond_fleet_stop(g);
    pipeline_stop(g->pipeline);
    feed_stop(g->feed);
    ws_free(&g->ws);
    db_free(&g->db);
    api_context_free(&g->context);
    http_server_free(&g->server); /* what subscriptions follow goes behind it */
    pipeline_free(&g->pipeline);
    feed_free(&g->feed);
    fleet_free(&g->fleet);
    graphql_service_free(&g->graphql);
    openapi_free(&g->openapi);
    pages_free(&g->pages);
    static_files_free(&g->files);
    route_table_free(&g->routes);
    gateway_stats_free(&g->stats);
    free(g);
}
