/* nexus-gateway: the fleet and its telemetry over HTTP. */
#include <stdio.h>
#include <stdlib.h>

#include "api/gateway.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/pg.h"
#include "lib/service.h"

static const char *service_id, *host;
static int64_t port, silent_after_ns;
static bool cors;
static struct pg_settings pg;
static struct graphql_settings graphql;
static const char *web_root;
static int64_t db_connections, db_queue, db_timeout_ns;

static const struct opt options[] = {
    {.flag = "service-id",
     .type = OPT_TEXT,
     .value = &service_id,
     .initial = "nexus-gateway",
     .help = "name of this instance: the database shows it"},
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
     .initial = "60s",
     .min = NS_PER_S,
     .max = 365 * 86400 * NS_PER_S,
     .help = "a GPU not heard of for this long is silent"},
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

int main(int argc, char **argv)
{
    service_init("nexus-gateway", "the fleet and its telemetry over HTTP",
                 options, argc, argv);
    struct errmsg err;
    char *conninfo = pg_conninfo(&pg, service_id);
    if (pg_check_conninfo(conninfo, &err) < 0)
        service_refuse("nexus-gateway", &err);
    service_checked();
    struct gateway_config config = {
        .host = host,
        .port = (int)port,
        .cors = cors,
        .silent_after_ns = silent_after_ns,
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
        return 1;
    }
    gateway_run(gateway);
    gateway_free(&gateway);
    return 0;
}
