/* monitor: see monitor.h. */
#include "broker/monitor/monitor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/jetstream/jetstream.h"
#include "broker/jetstream/js_config.h"
#include "broker/server.h"
#include "lib/health.h"
#include "lib/http.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/stats.h"
#include "lib/timestamp.h"

#define CONNZ_LIMIT 1024

enum {
    STAT_CONNECTIONS,
    STAT_ACCEPTED,
    STAT_SUBSCRIPTIONS,
    STAT_IN_MSGS,
    STAT_OUT_MSGS,
    STAT_IN_BYTES,
    STAT_OUT_BYTES,
    STAT_SLOW_CONSUMERS,
    STAT_STREAMS,
    STAT_CONSUMERS,
    STAT_STREAM_MESSAGES,
    STAT_STREAM_BYTES,
    STAT_ACK_PENDING,
    STAT_API_REQUESTS,
    STAT_API_ERRORS,
    STAT_SYNCS,
    STAT_SYNC_BYTES,
    STAT_COUNT
};

static struct statistic stats[STAT_COUNT + 1] = {
    [STAT_CONNECTIONS] = {.name = "nexus_broker_connections",
                          .help = "Clients connected",
                          .type = STAT_GAUGE},
    [STAT_ACCEPTED] = {.name = "nexus_broker_connections_total",
                       .help = "Clients accepted",
                       .type = STAT_COUNTER},
    [STAT_SUBSCRIPTIONS] = {.name = "nexus_broker_subscriptions",
                            .help = "Subscriptions, the broker's own included",
                            .type = STAT_GAUGE},
    [STAT_IN_MSGS] = {.name = "nexus_broker_in_messages_total",
                      .help = "Messages from clients",
                      .type = STAT_COUNTER},
    [STAT_OUT_MSGS] = {.name = "nexus_broker_out_messages_total",
                       .help = "Messages to clients",
                       .type = STAT_COUNTER},
    [STAT_IN_BYTES] = {.name = "nexus_broker_in_bytes_total",
                       .help = "Payload bytes from clients",
                       .type = STAT_COUNTER},
    [STAT_OUT_BYTES] = {.name = "nexus_broker_out_bytes_total",
                        .help = "Payload bytes to clients",
                        .type = STAT_COUNTER},
    [STAT_SLOW_CONSUMERS] = {.name = "nexus_broker_slow_consumers_total",
                             .help = "Clients closed because they read too "
                                     "slowly",
                             .type = STAT_COUNTER},
    [STAT_STREAMS] = {.name = "nexus_broker_streams",
                      .help = "Streams",
                      .type = STAT_GAUGE},
    [STAT_CONSUMERS] = {.name = "nexus_broker_consumers",
                        .help = "Consumers of streams",
                        .type = STAT_GAUGE},
    [STAT_STREAM_MESSAGES] = {.name = "nexus_broker_stream_messages",
                              .help = "Messages in all streams",
                              .type = STAT_GAUGE},
    [STAT_STREAM_BYTES] = {.name = "nexus_broker_stream_bytes",
                           .help = "Bytes in all streams",
                           .type = STAT_GAUGE},
    [STAT_ACK_PENDING] = {.name = "nexus_broker_ack_pending",
                          .help = "Messages delivered and not acknowledged",
                          .type = STAT_GAUGE},
    [STAT_API_REQUESTS] = {.name = "nexus_broker_api_requests_total",
                           .help = "Requests about streams and consumers",
                           .type = STAT_COUNTER},
    [STAT_API_ERRORS] = {.name = "nexus_broker_api_errors_total",
                         .help = "Requests of these that were refused",
                         .type = STAT_COUNTER},
    [STAT_SYNCS] = {.name = "nexus_broker_disk_syncs_total",
                    .help = "Groups of messages synced to disk",
                    .type = STAT_COUNTER},
    [STAT_SYNC_BYTES] = {.name = "nexus_broker_disk_bytes_total",
                         .help = "Bytes written to disk for streams",
                         .type = STAT_COUNTER},
};

struct monitor {
    struct server *server;
    struct http_server *http;
    struct health health;
    struct health_check checks[2];
    struct http_route routes[6];
    const struct http_route *tables[3];
};

/* ---- figures ---- */

struct totals {
    uint64_t streams, consumers, ack_pending;
    struct store_state state; /* messages and bytes of all */
    uint64_t bytes[2];        /* by kind of storage */
};

static void sum_streams(const struct jetstream *js, struct totals *t)
{
    *t = (struct totals){0};
    for (const struct stream *stream = js->streams; stream != NULL;
         stream = stream->hh.next) {
        struct store_state state;
        stream_state(stream, &state);
        t->streams++;
        t->consumers += stream->consumer_count;
        t->state.messages += state.messages;
        t->state.bytes += state.bytes;
        t->bytes[stream->config.storage] += state.bytes;
        for (const struct consumer *consumer = stream->consumers;
             consumer != NULL; consumer = consumer->hh.next)
            t->ack_pending += consumer->unacked.count;
    }
}

static void refresh_streams(const struct jetstream *js)
{
    struct totals t;
    struct syncer_stats disk;
    sum_streams(js, &t);
    syncer_stats(js->account->server->syncer, &disk);
    stat_set(&stats[STAT_STREAMS], (int64_t)t.streams);
    stat_set(&stats[STAT_CONSUMERS], (int64_t)t.consumers);
    stat_set(&stats[STAT_STREAM_MESSAGES], (int64_t)t.state.messages);
    stat_set(&stats[STAT_STREAM_BYTES], (int64_t)t.state.bytes);
    stat_set(&stats[STAT_ACK_PENDING], (int64_t)t.ack_pending);
    stat_set(&stats[STAT_API_REQUESTS], (int64_t)js->api_total);
    stat_set(&stats[STAT_API_ERRORS], (int64_t)js->api_errors);
    stat_set(&stats[STAT_SYNCS], (int64_t)disk.syncs);
    stat_set(&stats[STAT_SYNC_BYTES], (int64_t)disk.bytes);
}

static void refresh_on_loop(struct server *server, void *arg)
{
    struct conn_traffic traffic = server_traffic(server);
    struct sublist_stats subs;
    (void)arg;
    sublist_stats(server->account->subs, &subs);
    stat_set(&stats[STAT_CONNECTIONS], server->conn_count);
    stat_set(&stats[STAT_ACCEPTED], (int64_t)server->counts.accepted);
    stat_set(&stats[STAT_SUBSCRIPTIONS], (int64_t)subs.subs);
    stat_set(&stats[STAT_IN_MSGS], (int64_t)traffic.in_msgs);
    stat_set(&stats[STAT_OUT_MSGS], (int64_t)traffic.out_msgs);
    stat_set(&stats[STAT_IN_BYTES], (int64_t)traffic.in_bytes);
    stat_set(&stats[STAT_OUT_BYTES], (int64_t)traffic.out_bytes);
    stat_set(&stats[STAT_SLOW_CONSUMERS],
             (int64_t)server->counts.slow_consumers);
    if (server->account->js != NULL)
        refresh_streams(server->account->js);
}

static void refresh(void *arg)
{
    const struct monitor *monitor = arg;
    server_call(monitor->server, refresh_on_loop, NULL);
}

/* ---- health ---- */

static void check_on_loop(struct server *server, void *arg)
{
    struct errmsg *why = arg;
    if (server->account->js == NULL)
        return;
    if (server->account->js->damaged > 0)
        errmsg_set(why, 0, "%u streams could not be opened",
                   server->account->js->damaged);
    for (const struct stream *stream = server->account->js->streams;
         stream != NULL; stream = stream->hh.next) {
        int rc = stream->store->ops->error(stream->store);
        if (rc != 0)
            errmsg_set(why, rc, "stream %s: %s", stream->name, strerror(-rc));
    }
}

static bool check(void *arg, struct errmsg *why)
{
    const struct monitor *monitor = arg;
    why->text[0] = '\0';
    if (!server_call(monitor->server, check_on_loop, why))
        errmsg_set(why, 0, "stopping");
    return why->text[0] == '\0';
}

static void handle_healthz(struct http_request *req, void *arg)
{
    struct errmsg why;
    struct buf body = {0};
    struct json_writer w = json_writer(&body);
    bool well = check(arg, &why);
    json_begin_object(&w);
    json_member_text(&w, "status", well ? "ok" : "unavailable");
    if (!well)
        json_member_text(&w, "error", why.text);
    json_end_object(&w);
    http_reply(req, well ? 200 : 503, HTTP_JSON, &body);
}

/* ---- nats-server's pages ---- */

/* A page being written on the loop. */
struct page {
    struct http_request *req;
    struct json_writer w;
};

static void begin_page(struct server *server, struct page *page)
{
    json_begin_object(&page->w);
    json_member_text(&page->w, "server_id", server->id);
    js_member_time(&page->w, "now", clock_wall_ns());
}

static void answer_page(struct http_request *req, void *arg,
                        void (*write)(struct server *, void *))
{
    const struct monitor *monitor = arg;
    struct buf body = {0};
    struct page page = {.req = req, .w = json_writer(&body)};
    if (server_call(monitor->server, write, &page)) {
        http_reply(req, 200, HTTP_JSON, &body);
    } else {
        buf_fini(&body);
        http_reply_problem(req, 503, NULL, "the broker is stopping");
    }
}

static void member_span(struct json_writer *w, const char *key, int64_t ns)
{
    struct buf text = {0};
    duration_append(&text, ns / NS_PER_S * NS_PER_S);
    json_member_str(w, key, buf_str(&text));
    buf_fini(&text);
}

static int64_t resident_bytes(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f == NULL)
        return 0;
    if (fscanf(f, "%*d %ld", &pages) != 1)
        pages = 0;
    fclose(f);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static void write_jetstream_stats(const struct jetstream *js,
                                  struct json_writer *w)
{
    struct totals t;
    sum_streams(js, &t);
    json_member_u64(w, "memory", t.bytes[STORAGE_MEMORY]);
    json_member_u64(w, "storage", t.bytes[STORAGE_FILE]);
    json_member_i64(w, "reserved_memory", 0);
    json_member_i64(w, "reserved_storage", 0);
    json_member_i64(w, "accounts", 1);
    json_member_i64(w, "ha_assets", 0);
    json_key(w, "api");
    json_begin_object(w);
    json_member_u64(w, "total", js->api_total);
    json_member_u64(w, "errors", js->api_errors);
    json_end_object(w);
}

static void write_jetstream_config(const struct jetstream *js,
                                   struct json_writer *w)
{
    json_key(w, "config");
    json_begin_object(w);
    json_member_i64(w, "max_memory", -1);
    json_member_i64(w, "max_storage", -1);
    json_member_text(w, "store_dir", js->folder);
    json_end_object(w);
}

static void write_settings(const struct server *server, struct json_writer *w)
{
    const struct server_config *config = &server->config;
    json_member_text(w, "server_name", config->name);
    json_member_text(w, "version", SERVER_NATS_VERSION);
    json_member_i64(w, "proto", 1);
    json_member_text(w, "host", config->addr);
    json_member_i64(w, "port", server->port);
    json_member_i64(w, "max_connections", config->connections_max);
    json_member_i64(w, "ping_interval", config->ping_interval_ns);
    json_member_i64(w, "ping_max", config->ping_max);
    json_member_i64(w, "max_control_line", config->control_line_max);
    json_member_i64(w, "max_payload", config->payload_max);
    json_member_i64(w, "max_pending", config->pending_max);
    json_member_i64(w, "write_deadline", config->write_deadline_ns);
}

static void write_varz(struct server *server, void *arg)
{
    struct page *page = arg;
    struct json_writer *w = &page->w;
    struct conn_traffic traffic = server_traffic(server);
    struct sublist_stats subs;
    sublist_stats(server->account->subs, &subs);
    begin_page(server, page);
    write_settings(server, w);
    js_member_time(w, "start", server->started_ns);
    member_span(w, "uptime", clock_wall_ns() - server->started_ns);
    json_member_i64(w, "mem", resident_bytes());
    json_member_i64(w, "cores", sysconf(_SC_NPROCESSORS_ONLN));
    json_member_u64(w, "connections", server->conn_count);
    json_member_u64(w, "total_connections", server->counts.accepted);
    json_member_u64(w, "in_msgs", traffic.in_msgs);
    json_member_u64(w, "out_msgs", traffic.out_msgs);
    json_member_u64(w, "in_bytes", traffic.in_bytes);
    json_member_u64(w, "out_bytes", traffic.out_bytes);
    json_member_u64(w, "slow_consumers", server->counts.slow_consumers);
    json_member_u64(w, "subscriptions", subs.subs);
    if (server->account->js != NULL) {
        json_key(w, "jetstream");
        json_begin_object(w);
        write_jetstream_config(server->account->js, w);
        json_key(w, "stats");
        json_begin_object(w);
        write_jetstream_stats(server->account->js, w);
        json_end_object(w);
        json_end_object(w);
    }
    json_end_object(w);
}

static bool query_is(const struct page *page, const char *name)
{
    struct str value;
    return http_query(page->req, name, &value) && !str_is(value, "0") &&
           !str_is(value, "false");
}

static int64_t query_number(const struct page *page, const char *name,
                            int64_t otherwise)
{
    struct str value;
    int64_t number;
    if (!http_query(page->req, name, &value) ||
        str_to_i64(value, &number) != 0 || number < 0)
        return otherwise;
    return number;
}

static void write_connz(struct server *server, void *arg)
{
    struct page *page = arg;
    struct json_writer *w = &page->w;
    int64_t offset = query_number(page, "offset", 0);
    int64_t limit = query_number(page, "limit", CONNZ_LIMIT), at = 0;
    int64_t end = limit < INT64_MAX - offset ? offset + limit : INT64_MAX;
    int64_t shown = server->conn_count - offset;
    bool subs = query_is(page, "subs");
    begin_page(server, page);
    json_member_i64(w, "num_connections",
                    shown < 0 ? 0 : (shown > limit ? limit : shown));
    json_member_u64(w, "total", server->conn_count);
    json_member_i64(w, "offset", offset);
    json_member_i64(w, "limit", limit);
    json_key(w, "connections");
    json_begin_array(w);
    for (const struct conn *conn = server->conns; conn != NULL;
         conn = conn->next, at++) {
        if (at >= offset && at < end)
            conn_describe(conn, w, subs);
    }
    json_end_array(w);
    json_end_object(w);
}

static void write_subsz(struct server *server, void *arg)
{
    struct page *page = arg;
    struct sublist_stats subs;
    sublist_stats(server->account->subs, &subs);
    begin_page(server, page);
    json_member_u64(&page->w, "num_subscriptions", subs.subs);
    json_member_u64(&page->w, "num_cache", subs.cached);
    json_member_u64(&page->w, "num_inserts", subs.inserts);
    json_member_u64(&page->w, "num_removes", subs.removes);
    json_member_u64(&page->w, "num_matches", subs.matches);
    json_member_double(
        &page->w, "cache_hit_rate",
        subs.matches > 0 ? (double)subs.hits / (double)subs.matches : 0);
    json_end_object(&page->w);
}

static void write_consumers(const struct stream *stream, struct json_writer *w)
{
    json_key(w, "consumer_detail");
    json_begin_array(w);
    for (struct consumer *consumer = stream->consumers; consumer != NULL;
         consumer = consumer->hh.next) {
        json_begin_object(w);
        consumer_describe(consumer, w);
        json_end_object(w);
    }
    json_end_array(w);
}

static void write_streams(const struct page *page, const struct jetstream *js,
                          struct json_writer *w)
{
    bool consumers = query_is(page, "consumers");
    json_key(w, "account_details");
    json_begin_array(w);
    json_begin_object(w);
    json_member_text(w, "name", "$G");
    json_member_text(w, "id", "$G");
    write_jetstream_stats(js, w);
    json_key(w, "stream_detail");
    json_begin_array(w);
    for (const struct stream *stream = js->streams; stream != NULL;
         stream = stream->hh.next) {
        json_begin_object(w);
        json_member_text(w, "name", stream->name);
        stream_describe(stream, w);
        if (consumers)
            write_consumers(stream, w);
        json_end_object(w);
    }
    json_end_array(w);
    json_end_object(w);
    json_end_array(w);
}

static void write_jsz(struct server *server, void *arg)
{
    struct page *page = arg;
    struct json_writer *w = &page->w;
    struct totals t;
    begin_page(server, page);
    if (server->account->js == NULL) {
        json_member_bool(w, "disabled", true);
    } else {
        sum_streams(server->account->js, &t);
        write_jetstream_config(server->account->js, w);
        write_jetstream_stats(server->account->js, w);
        json_member_u64(w, "streams", t.streams);
        json_member_u64(w, "consumers", t.consumers);
        json_member_u64(w, "messages", t.state.messages);
        json_member_u64(w, "bytes", t.state.bytes);
        if (query_is(page, "streams") || query_is(page, "consumers"))
            write_streams(page, server->account->js, w);
    }
    json_end_object(w);
}

static void handle_varz(struct http_request *req, void *arg)
{
    answer_page(req, arg, write_varz);
}

static void handle_connz(struct http_request *req, void *arg)
{
    answer_page(req, arg, write_connz);
}

static void handle_subsz(struct http_request *req, void *arg)
{
    answer_page(req, arg, write_subsz);
}

static void handle_jsz(struct http_request *req, void *arg)
{
    answer_page(req, arg, write_jsz);
}

/* ---- beginning and end ---- */

static void add_route(struct monitor *monitor, const char *pattern,
                      http_handler handle)
{
    struct http_route *route = monitor->routes;
    while (route->method != NULL)
        route++;
    *route = (struct http_route){"GET", pattern, handle, monitor};
}

static struct http_server *listen_on(struct monitor *monitor, const char *addr,
                                     int port, struct errmsg *err)
{
    add_route(monitor, "/healthz", handle_healthz);
    add_route(monitor, "/varz", handle_varz);
    add_route(monitor, "/connz", handle_connz);
    add_route(monitor, "/subsz", handle_subsz);
    add_route(monitor, "/jsz", handle_jsz);
    monitor->tables[0] = health_routes(&monitor->health);
    monitor->tables[1] = monitor->routes;
    const struct http_config config = {
        .host = addr, .port = port, .routes = monitor->tables};
    return http_server_new(&config, err);
}

struct monitor *monitor_start(struct server *server, const char *addr, int port,
                              struct errmsg *err)
{
    struct monitor *monitor = mem_zalloc(sizeof(*monitor));
    monitor->server = server;
    monitor->checks[0] = (struct health_check){
        .name = "streams", .check = check, .arg = monitor};
    monitor->health = (struct health){.service = "nexus-broker",
                                      .checks = monitor->checks,
                                      .stats = stats,
                                      .refresh = refresh,
                                      .refresh_arg = monitor};
    monitor->http = listen_on(monitor, addr, port, err);
    if (monitor->http == NULL || http_server_start(monitor->http, err) != 0) {
        monitor_stop(&monitor);
        return NULL;
    }
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
    free(*monitor);
    *monitor = NULL;
}
