/* nexus-gateway: the fleet and its telemetry over HTTP. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/gateway.h"
#include "lib/bus.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/pg.h"
#include "lib/service.h"

static const char *service_id, *host;
static int64_t port, connections, silent_after_ns;
static bool cors, websocket;
static const char *broker_urls, *follow_list;
static int64_t ws_subscriptions, ws_message_max, ws_kept_max;
static struct pg_settings pg;
static struct graphql_settings graphql;
static const char *web_root;
static int64_t db_connections, db_queue, db_timeout_ns;

static const struct opt options[] = {
    {.flag = "service-id",
     .type = OPT_TEXT,
     .value = &service_id,
     .initial = "nexus-gateway",
     .help = "name of this instance: the database and the broker show it"},
    {.flag = "host",
     .type = OPT_TEXT,
     .value = &host,
     .help = "address to listen on (all)"},
    {.flag = "port",
     .type = OPT_INT,
     .value = &port,
     .initial = "8080",
     .min = 0,
     .max = 65535,
     .help = "port to listen on; 0: any free one"},
    {.flag = "enable-cors",
     .type = OPT_BOOL,
     .value = &cors,
     .initial = "true",
     .help = "let pages of any origin read the API"},
    {.flag = "silent-after",
     .type = OPT_DURATION,
     .value = &silent_after_ns,
     .initial = "15s",
     .min = NS_PER_S,
     .max = 365 * 86400 * NS_PER_S,
     .help = "a GPU is silent after three of its own intervals, and not "
             "before this"},
    {.flag = "broker-url",
     .type = OPT_TEXT,
     .value = &broker_urls,
     .initial = "nats://127.0.0.1:4222",
     .help = "broker; a comma-separated list is a cluster"},
    {.flag = "follow",
     .type = OPT_TEXT,
     .value = &follow_list,
     .initial = SAMPLE_SUBJECTS,
     .help = "subjects of the fleet's part that is followed live, separated by "
             "commas"},
    {.flag = "enable-websocket",
     .type = OPT_BOOL,
     .value = &websocket,
     .initial = "true",
     .help = "serve updates at /ws"},
    {.flag = "max-connections",
     .type = OPT_INT,
     .value = &connections,
     .initial = "16384",
     .min = 1,
     .max = 1000000,
     .help = "clients at once; further ones wait"},
    {.flag = "ws-subscriptions",
     .type = OPT_INT,
     .value = &ws_subscriptions,
     .initial = "100",
     .min = 1,
     .max = WS_SUBSCRIPTIONS_MAX,
     .help = "subscriptions of one connection at /ws"},
    {.flag = "ws-message-max",
     .type = OPT_SIZE,
     .value = &ws_message_max,
     .initial = "64KB",
     .min = 1024,
     .max = 16 << 20,
     .help = "a client's message at /ws; a larger one ends its connection"},
    {.flag = "ws-kept-max",
     .type = OPT_SIZE,
     .value = &ws_kept_max,
     .initial = "64MB",
     .min = 1 << 20,
     .max = INT64_C(1) << 36,
     .help = "updates kept for clients of /ws that read slowly"},
    PG_OPTIONS(pg),
    {.flag = "db-connections",
     .type = OPT_INT,
     .value = &db_connections,
     .initial = "4",
     .min = 1,
     .max = DB_CONNECTIONS_MAX,
     .help = "database connections"},
    {.flag = "db-queue",
     .type = OPT_INT,
     .value = &db_queue,
     .initial = "1024",
     .min = 1,
     .max = 1000000,
     .help = "requests that may wait for a connection; more get 503"},
    {.flag = "db-timeout",
     .type = OPT_DURATION,
     .value = &db_timeout_ns,
     .initial = "5s",
     .min = 100 * NS_PER_MS,
     .max = 3600 * NS_PER_S,
     .help = "time a request may take in the database; then it gets 503"},
    GRAPHQL_OPTIONS(graphql),
    {.flag = "web-root",
     .type = OPT_TEXT,
     .value = &web_root,
     .help = "folder of the pages it serves (web, beside the program)"},
    OPTS_END,
};

/* Threads that read the stream for one client come and go: what they allocate
 * shall not be spread over an arena of each. */
#define MALLOC_ARENAS 2

/* What requests free stays, up to this, for those that follow: giving it back
 * and faulting it in again took a tenth of a request. */
#define MEMORY_KEPT (4 << 20)

int main(int argc, char **argv)
{
    mallopt(M_ARENA_MAX, MALLOC_ARENAS);
    mallopt(M_TRIM_THRESHOLD, MEMORY_KEPT);
    mem_return_large();
    service_init("nexus-gateway", "the fleet and its telemetry over HTTP",
                 options, argc, argv);
    struct errmsg err;
    char *conninfo = pg_conninfo(&pg, service_id);
    if (pg_check_conninfo(conninfo, &err) < 0)
        service_refuse("nexus-gateway", &err);
    struct follow follow;
    if (follow_parse(&follow, follow_list, &err) < 0)
        service_refuse("nexus-gateway", &err);
    service_checked();
    struct gateway_config config = {
        .host = host,
        .port = (int)port,
        .connections_max = connections,
        .cors = cors,
        .name = service_id,
        .silent_after_ns = silent_after_ns,
        .broker_urls = broker_urls,
        .follow = &follow,
        .ws = {.enabled = websocket,
               .subscriptions_max = ws_subscriptions,
               .message_max = ws_message_max,
               .kept_max = ws_kept_max},
        .db = {.conninfo = conninfo,
               .connections = (int)db_connections,
               .queue_max = db_queue,
               .timeout_ns = db_timeout_ns},
        .graphql = graphql,
        .web_root = web_root,
    };
    struct gateway *gateway = gateway_new(&config, &err);
    free(conninfo);
    if (gateway == NULL) {
        log_error("cannot start", LOG_STR("reason", err.text));
        follow_fini(&follow);
        return 1;
    }
    gateway_run(gateway);
    gateway_free(&gateway);
    follow_fini(&follow);
    bus_library_close();
    return 0;
}
