/* varz: the broker itself: settings, load, traffic. */
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "broker/jetstream/js_config.h"
#include "broker/monitor/monitor.h"
#include "broker/monitor/pages.h"
#include "broker/monitor/usage.h"
#include "broker/server.h"

/* ---- the process ---- */

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

static int64_t cpu_ns(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NS_PER_S +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

/* Percent of one processor since the page was last asked for, or the start. */
static double cpu_percent(const struct server *server)
{
    static int64_t last_cpu_ns, last_wall_ns; /* the loop's alone */
    int64_t used_ns = cpu_ns() - last_cpu_ns, now_ns = clock_wall_ns();
    int64_t since_ns =
        now_ns - (last_wall_ns != 0 ? last_wall_ns : server->started_ns);
    last_cpu_ns += used_ns;
    last_wall_ns = now_ns;
    if (since_ns <= 0)
        return 0;
    int64_t tenths = used_ns * 1000 / since_ns;
    return (double)tenths / 10;
}

/* ---- settings ---- */

static void empty_object(struct json_writer *w, const char *key)
{
    json_key(w, key);
    json_begin_object(w);
    json_end_object(w);
}

static void write_tls(const struct tls_config *config, struct json_writer *w)
{
    if (config->on && !config->allow_non_tls)
        json_member_bool(w, "tls_required", true);
    if (config->on && (config->verify || config->verify_and_map))
        json_member_bool(w, "tls_verify", true);
}

static void write_websocket(const struct server *server, struct json_writer *w)
{
    const struct websocket_config *config = &server->config.websocket;
    json_key(w, "websocket");
    json_begin_object(w);
    if (config->on) {
        json_member_text(w, "host",
                         config->addr != NULL ? config->addr : "0.0.0.0");
        json_member_i64(w, "port", server->websockets.port);
        if (config->no_tls)
            json_member_bool(w, "no_tls", true);
        if (config->same_origin)
            json_member_bool(w, "same_origin", true);
        if (config->compression)
            json_member_bool(w, "compression", true);
    }
    json_end_object(w);
}

static void write_monitor(const struct page *page, struct json_writer *w)
{
    json_member_text(w, "http_host", monitor_addr(page->monitor));
    json_member_i64(w, "http_port", monitor_port(page->monitor));
    json_member_text(w, "http_base_path", "");
    json_member_i64(w, "https_port", 0);
}

static void write_settings(const struct server *server, struct page *page)
{
    const struct server_config *config = &server->config;
    struct json_writer *w = &page->w;
    json_member_text(w, "server_name", config->name);
    json_member_text(w, "version", SERVER_NATS_VERSION);
    json_member_i64(w, "proto", 1);
    json_member_text(w, "go", "none");
    json_member_text(w, "host", config->addr);
    json_member_i64(w, "port", server->port);
    if (!auth_open(&config->auth))
        json_member_bool(w, "auth_required", true);
    write_tls(&config->tls, w);
    json_member_i64(w, "max_connections", config->connections_max);
    if (config->subs_max > 0)
        json_member_i64(w, "max_subscriptions", config->subs_max);
    json_member_i64(w, "ping_interval", config->ping_interval_ns);
    json_member_i64(w, "ping_max", config->ping_max);
    write_monitor(page, w);
    page_seconds(w, "auth_timeout", config->auth_timeout_ns);
    json_member_i64(w, "max_control_line", config->control_line_max);
    json_member_i64(w, "max_payload", config->payload_max);
    json_member_i64(w, "max_pending", config->pending_max);
    page_seconds(w, "tls_timeout", config->tls.timeout_ns);
    json_member_i64(w, "write_deadline", config->write_deadline_ns);
}

static void write_jetstream(const struct server *server, struct json_writer *w)
{
    struct usage usage = usage_of_all(server);
    json_key(w, "jetstream");
    json_begin_object(w);
    if (usage.accounts > 0) {
        jsz_write_config(server, w);
        json_key(w, "stats");
        json_begin_object(w);
        usage_write(&usage, w);
        json_end_object(w);
    }
    json_end_object(w);
}

/* What a broker on one machine has none of. */
static void write_none(struct json_writer *w)
{
    empty_object(w, "cluster");
    empty_object(w, "gateway");
    empty_object(w, "leaf");
    empty_object(w, "mqtt");
    json_member_i64(w, "routes", 0);
    json_member_i64(w, "remotes", 0);
    json_member_i64(w, "leafnodes", 0);
}

/* ---- load ---- */

static uint64_t count_subs(const struct server *server)
{
    uint64_t count = 0;
    for (const struct account *account = server->accounts; account != NULL;
         account = account->hh.next) {
        struct sublist_stats stats;
        sublist_stats(account->subs, &stats);
        count += stats.subs;
    }
    return count;
}

static void write_load(const struct server *server, struct json_writer *w)
{
    struct conn_traffic traffic = server_traffic(server);
    js_member_time(w, "start", server->started_ns);
    page_uptime(w, "uptime", clock_wall_ns() - server->started_ns);
    json_member_i64(w, "mem", resident_bytes());
    json_member_i64(w, "cores", sysconf(_SC_NPROCESSORS_ONLN));
    json_member_i64(w, "gomaxprocs", sysconf(_SC_NPROCESSORS_ONLN));
    json_member_double(w, "cpu", cpu_percent(server));
    json_member_u64(w, "connections", server->conn_count);
    json_member_u64(w, "total_connections", server->counts.accepted);
    json_member_u64(w, "in_msgs", traffic.in_msgs);
    json_member_u64(w, "out_msgs", traffic.out_msgs);
    json_member_u64(w, "in_bytes", traffic.in_bytes);
    json_member_u64(w, "out_bytes", traffic.out_bytes);
    json_member_u64(w, "slow_consumers", server->counts.slow_consumers);
    json_member_u64(w, "subscriptions", count_subs(server));
}

void page_varz(struct server *server, struct page *page)
{
    struct json_writer *w = &page->w;
    page_begin(server, page);
    write_settings(server, page);
    write_websocket(server, w);
    write_jetstream(server, w);
    write_none(w);
    write_load(server, w);
    json_key(w, "http_req_stats");
    monitor_write_requests(page->monitor, w);
    js_member_time(w, "config_load_time", server->started_ns);
    json_member_text(w, "system_account", "$SYS");
    json_end_object(w);
}
