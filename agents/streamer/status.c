#include "agents/streamer/status.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "agents/streamer/figures.h"
#include "lib/health.h"
#include "lib/http.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/mem.h"

struct status {
    struct status_config config;
    _Atomic int state;
    pthread_mutex_t lock; /* guards what the HTTP thread borrows */
    struct bus *bus;
    struct bus_publisher *publisher;
    struct health_check checks[2];
    struct health health;
    struct http_route routes[2];
    const struct http_route *tables[3];
    struct http_server *server;
};

static const char *const state_names[] = {
    [STATUS_CONNECTING] = "connecting",
    [STATUS_STREAMING] = "streaming",
    [STATUS_FLUSHING] = "flushing",
};

static bool check_broker(void *arg, struct errmsg *why)
{
    struct status *s = arg;
    pthread_mutex_lock(&s->lock);
    bool well = s->bus != NULL && bus_check(s->bus, why);
    if (s->bus == NULL)
        errmsg_set(why, 0, "not connected yet");
    pthread_mutex_unlock(&s->lock);
    return well;
}

static void refresh(void *arg)
{
    struct status *s = arg;
    pthread_mutex_lock(&s->lock);
    figures_refresh(s->publisher);
    pthread_mutex_unlock(&s->lock);
}

/* ---- GET /api/v1/status ---- */

static void put_figure(struct json_writer *w, const char *key, enum figure f)
{
    json_member_i64(w, key, figure(f));
}

static void put_bad_rows(struct json_writer *w)
{
    json_key(w, "bad_rows");
    json_begin_object(w);
    json_member_i64(w, "total", figure_bad_rows());
    for (int fault = ROW_GOOD + 1; fault < ROW_FAULTS; fault++)
        put_figure(w, row_fault_names[fault],
                   figure_of_fault((enum row_fault)fault));
    json_end_object(w);
}

static void put_percent(struct json_writer *w)
{
    int64_t size = figure(FIGURE_FILE_BYTES);
    int64_t offset = figure(FIGURE_FILE_OFFSET);
    if (size > 0)
        json_member_i64(w, "percent", offset * 100 / size);
}

static void put_data(struct json_writer *w, const struct status *s)
{
    json_begin_object(w);
    json_member_text(w, "state", state_names[atomic_load(&s->state)]);
    json_member_text(w, "file", s->config.file);
    json_member_bool(w, "loop", s->config.loop);
    json_member_text(w, "timestamps",
                     s->config.source_times ? "source" : "processing");
    json_member_i64(w, "pass", figure(FIGURE_PASSES) + 1);
    put_percent(w);
    put_figure(w, "rows", FIGURE_ROWS);
    put_bad_rows(w);
    put_figure(w, "deadletters", FIGURE_DEADLETTERS);
    put_figure(w, "samples", FIGURE_SAMPLES);
    put_figure(w, "values", FIGURE_VALUES);
    put_figure(w, "published", FIGURE_PUBLISHED);
    put_figure(w, "acknowledged", FIGURE_ACKNOWLEDGED);
    put_figure(w, "duplicates", FIGURE_DUPLICATES);
    put_figure(w, "retries", FIGURE_RETRIES);
    put_figure(w, "in_flight", FIGURE_IN_FLIGHT);
    json_end_object(w);
}

static void get_status(struct http_request *req, void *arg)
{
    struct buf body = {0};
    struct json_writer w = json_writer(&body);
    refresh(arg);
    json_begin_object(&w);
    json_member_bool(&w, "success", true);
    json_key(&w, "data");
    put_data(&w, arg);
    json_end_object(&w);
    http_reply(req, 200, HTTP_JSON, &body);
}

/* ---- the server ---- */

static void set_up(struct status *s)
{
    pthread_mutex_init(&s->lock, NULL);
    s->checks[0] = (struct health_check){"broker", check_broker, s};
    s->health = (struct health){.service = "nexus-streamer",
                                .checks = s->checks,
                                .stats = figures,
                                .refresh = refresh,
                                .refresh_arg = s};
    s->routes[0] = (struct http_route){"GET", "/api/v1/status", get_status, s};
    s->tables[0] = health_routes(&s->health);
    s->tables[1] = s->routes;
}

struct status *status_start(const struct status_config *config,
                            struct errmsg *err)
{
    struct status *s = mem_zalloc(sizeof *s);
    s->config = *config;
    set_up(s);
    struct http_config http = {
        .host = config->host, .port = config->port, .routes = s->tables};
    s->server = http_server_new(&http, err);
    if (s->server == NULL || http_server_start(s->server, err) < 0)
        status_stop(&s);
    else
        log_info("serving", LOG_I64("port", http_server_port(s->server)));
    return s;
}

void status_stop(struct status **status)
{
    struct status *s = *status;
    if (s == NULL)
        return;
    if (s->server != NULL)
        http_server_stop(s->server);
    http_server_free(&s->server);
    pthread_mutex_destroy(&s->lock);
    free(s);
    *status = NULL;
}

void status_set_broker(struct status *s, struct bus *bus,
                       struct bus_publisher *publisher)
{
    pthread_mutex_lock(&s->lock);
    s->bus = bus;
    s->publisher = publisher;
    pthread_mutex_unlock(&s->lock);
}

void status_set_state(struct status *s, enum status_state state)
{
    atomic_store(&s->state, (int)state);
}
