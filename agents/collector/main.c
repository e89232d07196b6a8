/* nexus-collector: takes telemetry from the stream and keeps it in PostgreSQL.
 *
 * The workers (consume.c) do the work; this thread starts them, then keeps
 * house (house.c) until the service is asked to stop. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agents/collector/collector.h"
#include "agents/collector/consume.h"
#include "agents/collector/database.h"
#include "agents/collector/house.h"
#include "agents/collector/migrate.h"
#include "lib/announce.h"
#include "lib/clock.h"
#include "lib/health.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/service.h"

#define PROGRAM "nexus-collector"

#define STOP_FLUSH_MS 2000
#define MIB           (INT64_C(1024) * 1024)
#define GIB           (INT64_C(1024) * MIB)

static const struct opt options[] = {
    {.flag = "collector-id",
     .type = OPT_TEXT,
     .value = &settings.id,
     .initial = "nexus-collector",
     .help = "name shown to broker and database"},
    {.flag = "broker-url",
     .type = OPT_TEXT,
     .value = &settings.broker_url,
     .initial = "nats://127.0.0.1:4222",
     .help = "broker; a comma-separated list is a cluster"},
    PG_OPTIONS(settings.pg),
    {.flag = "cluster-id",
     .type = OPT_TEXT,
     .value = &settings.cluster,
     .initial = "local",
     .help = "the cluster that --region is said of"},
    {.flag = "region",
     .type = OPT_TEXT,
     .value = &settings.region,
     .help = "region shown of cluster --cluster-id"},
    {.flag = "host",
     .type = OPT_TEXT,
     .value = &settings.host,
     .initial = "0.0.0.0",
     .help = "address of /health, /ready, /metrics"},
    {.flag = "http-port",
     .type = OPT_INT,
     .value = &settings.port,
     .initial = "8082",
     .min = 0,
     .max = 65535,
     .help = "their port; 0: any free one"},
    {.flag = "batch-size",
     .type = OPT_INT,
     .value = &settings.batch,
     .initial = "2000",
     .min = 1,
     .max = BATCH_MAX,
     .help = "messages written in one transaction, at most"},
    {.flag = "poll-interval",
     .type = OPT_DURATION,
     .value = &settings.poll_ns,
     .initial = "1s",
     .min = 20 * NS_PER_MS,
     .max = 60 * NS_PER_S,
     .help = "wait for messages before asking again"},
    {.flag = "buffer-size",
     .type = OPT_INT,
     .value = &settings.buffer,
     .initial = "50000",
     .min = 1,
     .max = 1000000,
     .help = "messages taken and not acknowledged, all collectors together "
             "(set when the consumer is made)"},
    {.flag = "ack-wait",
     .type = OPT_DURATION,
     .value = &settings.ack_wait_ns,
     .initial = "30s",
     .min = NS_PER_S,
     .max = 3600 * NS_PER_S,
     .help = "after which an unacknowledged message is delivered again (set "
             "when the consumer is made)"},
    {.flag = "workers",
     .type = OPT_INT,
     .value = &settings.workers,
     .initial = "2",
     .min = 1,
     .max = WORKERS_MAX,
     .help = "threads, each with a database connection"},
    {.flag = "retention",
     .type = OPT_DURATION,
     .value = &settings.retention_ns,
     .initial = "0s",
     .help = "age past which whole days are dropped; 0: keep all"},
    BUS_STREAM_OPTIONS(settings.stream),
    {.flag = "stream-keep",
     .type = OPT_SIZE,
     .value = &settings.stream_keep_bytes,
     .initial = "1GB",
     .max = INT64_C(1024) * GIB,
     .help = "how much of what was written stays in the stream"},
    OPTS_END,
};

/* ---- starting ---- */

/* A connection whose schema is up to date; NULL when the service stops. */
static PGconn *open_database(void)
{
    struct errmsg err;
    for (;;) {
        PGconn *conn = db_connect_waiting(conninfo);
        if (conn == NULL)
            return NULL;
        int rc = migrate(conn, &err);
        if (rc == 0)
            return conn;
        PQfinish(conn);
        log_error("the schema cannot be brought up to date",
                  LOG_STR("error", err.text));
        if (rc != -EAGAIN)
            exit(1);
        if (service_wait_stop(NS_PER_S))
            return NULL;
    }
}

static void set_region(PGconn *conn)
{
    if (settings.region == NULL || settings.region[0] == '\0')
        return;
    struct errmsg err;
    PGresult *rows;
    if (db_query(conn,
                 "INSERT INTO cluster (name, region) VALUES ($1, $2) ON "
                 "CONFLICT (name) DO UPDATE SET region = EXCLUDED.region",
                 2, (const char *const[]){settings.cluster, settings.region},
                 &rows, &err) != DB_OK)
        log_warn("the region was not noted", LOG_STR("error", err.text));
    PQclear(rows);
}

static bool ensure_waiting(struct consume *c)
{
    struct errmsg err;
    bool told = false;
    while (consume_ensure(c, &err) < 0) {
        if (!told)
            log_warn("waiting for the stream", LOG_STR("error", err.text));
        told = true;
        if (service_wait_stop(NS_PER_S))
            return false;
    }
    return true;
}

/* ---- health ---- */

/* Answers from the start on, while the broker and the database are still being
 * waited for. */
static bool check_broker(void *arg, struct errmsg *why)
{
    struct consume *c = arg;
    struct bus *bus = atomic_load(&c->bus);
    if (bus != NULL)
        return bus_check(bus, why);
    errmsg_set(why, 0, "not connected yet");
    return false;
}

/* Within which the database must have answered a question. */
#define ANSWER_MAX_NS (10 * NS_PER_S)

static bool check_database(void *arg, struct errmsg *why)
{
    struct consume *c = arg;
    int up = atomic_load(&c->databases_up), stuck = atomic_load(&c->stuck);
    int64_t silent_ns = clock_mono_ns() - atomic_load(&c->answered_ns);
    if (up < settings.workers)
        errmsg_set(why, 0, "%d of %d workers are connected", up,
                   (int)settings.workers);
    else if (stuck > 0)
        errmsg_set(why, 0, "does not take the batches of %d workers", stuck);
    else if (silent_ns > ANSWER_MAX_NS)
        errmsg_set(why, 0, "has not answered for %d s",
                   (int)(silent_ns / NS_PER_S));
    else
        return true;
    return false;
}

static struct http_server *serve(struct health *health)
{
    struct errmsg err;
    static const struct http_route *routes[2]; /* the server goes on using it */
    routes[0] = health_routes(health);
    const struct http_config config = {
        .host = settings.host, .port = (int)settings.port, .routes = routes};
    struct http_server *server = http_server_new(&config, &err);
    if (server == NULL || http_server_start(server, &err) < 0) {
        log_error("cannot serve HTTP", LOG_STR("error", err.text));
        exit(1);
    }
    log_info("listening", LOG_STR("address", settings.host),
             LOG_I64("port", http_server_port(server)));
    return server;
}

/* ---- what the others are told ---- */

static void put_stat(struct json_writer *w, const char *key, int stat)
{
    json_member_i64(w, key, stat_get(&collector_stats[stat]));
}

static void put_since_commit(struct json_writer *w)
{
    int64_t committed = stat_get(&collector_stats[STAT_LAST_COMMIT]);
    int64_t since = clock_wall_ns() / NS_PER_S - committed;
    json_key(w, "seconds_since_commit");
    if (committed > 0)
        json_put_i64(w, since > 0 ? since : 0);
    else
        json_put_null(w);
}

static void put_figures(struct json_writer *w, void *arg)
{
    (void)arg;
    put_stat(w, "messages", STAT_MESSAGES);
    put_stat(w, "rows", STAT_ROWS);
    put_stat(w, "values", STAT_VALUES);
    json_member_i64(w, "commits",
                    stat_get(&collector_stats[STAT_BATCHES_COPIED]) +
                        stat_get(&collector_stats[STAT_BATCHES_MERGED]));
    put_stat(w, "write_retries", STAT_WRITE_RETRIES);
    put_stat(w, "deadletters", STAT_DEADLETTERS);
    put_since_commit(w);
}

/* ---- all of it ---- */

static void start_workers(struct consume *c, struct worker **workers)
{
    struct errmsg err;
    for (int i = 0; i < settings.workers; i++) {
        workers[i] = worker_start(c, i, &err);
        if (workers[i] == NULL) {
            log_error("cannot start", LOG_STR("error", err.text));
            exit(1);
        }
    }
}

static void collect(struct consume *c, PGconn *conn)
{
    struct worker *workers[WORKERS_MAX] = {0};
    start_workers(c, workers);
    struct announce *announce = announce_start(
        c->bus, &(struct announce_config){.service = PROGRAM,
                                          .id = settings.id,
                                          .figures = put_figures});
    log_info("collecting", LOG_I64("workers", settings.workers),
             LOG_I64("batch", settings.batch));
    house_keep(c, conn);
    for (int i = 0; i < settings.workers; i++)
        worker_join(&workers[i]);
    announce_stop(&announce);
    house_leave(c, conn);
    /* The last acknowledgements are still in the client library's buffer. */
    natsConnection_FlushTimeout(bus_connection(c->bus), STOP_FLUSH_MS);
}

/* Connects to what the workers need, then lets them work. 0, or 1 when the
 * broker's address is not one. */
static int run(struct consume *c)
{
    struct errmsg err;
    PGconn *conn = open_database();
    int failed = 0;
    if (conn != NULL) {
        set_region(conn);
        atomic_store(&c->bus,
                     bus_connect(settings.broker_url, settings.id, -1, &err));
        failed = c->bus == NULL && !service_stopping();
    }
    if (failed)
        log_error("cannot start", LOG_STR("error", err.text));
    else if (c->bus != NULL && ensure_waiting(c))
        collect(c, conn);
    PQfinish(conn);
    return failed;
}

int main(int argc, char **argv)
{
    service_init(PROGRAM,
                 "takes telemetry from the stream and keeps it in PostgreSQL",
                 options, argc, argv);
    char *made = pg_conninfo(&settings.pg, settings.id);
    struct errmsg err;
    if (pg_check_conninfo(made, &err) < 0)
        service_refuse(PROGRAM, &err);
    service_checked();
    conninfo = made;
    struct consume consume = {.registry = registry_new(),
                              .partitions = partitions_new()};
    const struct health_check checks[] = {
        {"broker", check_broker, &consume},
        {"database", check_database, &consume},
        {NULL, NULL, NULL},
    };
    struct health health = {
        .service = PROGRAM, .checks = checks, .stats = collector_stats};
    struct http_server *server = serve(&health);
    int failed = run(&consume);
    http_server_stop(server);
    http_server_free(&server);
    struct bus *bus = atomic_load(&consume.bus);
    bus_close(&bus);
    registry_free(&consume.registry);
    partitions_free(&consume.partitions);
    free(made);
    bus_library_close();
    log_info("stopped");
    return failed;
}
