/* bus: the connection, streams and consumers. Publishing with a window is in
 * bus_publisher.c. */
#include "lib/bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/service.h"

#define SERVERS_MAX         64 /* of BROKER_URL's list; more are refused */
#define RECONNECT_WAIT_MS   200
#define CONNECT_RETRY_NS    (200 * NS_PER_MS)
#define CONNECT_TIMEOUT_MS  2000
#define PING_INTERVAL_MS    10000
#define IO_BUFFER_BYTES     (256 * 1024)
#define RECONNECT_BUF_BYTES (32 * 1024 * 1024)
#define API_WAIT_MS         5000
#define LIBRARY_CLOSE_MS    5000
#define ADDRESS_MAX         256
#define REFUSALS            32 /* remembered */
#define REFUSAL_MAX         256

struct bus {
    natsOptions *options;
    natsConnection *nc;
    jsCtx *js;
};

static void on_disconnected(natsConnection *nc, void *arg)
{
    (void)arg;
    if (!natsConnection_IsClosed(nc)) /* not by ourselves */
        log_warn("lost the broker; reconnecting");
}

static void address_of(natsConnection *nc, char *out, size_t size)
{
    char url[ADDRESS_MAX] = "";
    natsConnection_GetConnectedUrl(nc, url, sizeof url);
    const char *scheme = strstr(url, "://");
    const char *from = scheme != NULL ? scheme + 3 : url;
    const char *at = strrchr(from, '@');
    snprintf(out, size, "%s", at != NULL ? at + 1 : from);
}

static void on_reconnected(natsConnection *nc, void *arg)
{
    (void)arg;
    char address[ADDRESS_MAX];
    address_of(nc, address, sizeof address);
    log_info("back at the broker", LOG_STR("broker", address));
}

/* True the first time, for the last REFUSALS of them. The library calls from one
 * thread, which outlives every bus. */
static bool is_news(const char *refusal)
{
    static char told[REFUSALS][REFUSAL_MAX];
    static unsigned next;
    for (int i = 0; i < REFUSALS; i++)
        if (strcmp(told[i], refusal) == 0)
            return false;
    snprintf(told[next++ % REFUSALS], REFUSAL_MAX, "%s", refusal);
    return true;
}

/* What the broker does not permit is asked for again and again. */
static void on_error(natsConnection *nc, natsSubscription *sub, natsStatus why,
                     void *arg)
{
    (void)sub, (void)arg;
    const char *text = NULL;
    char detail[REFUSAL_MAX];
    natsConnection_GetLastError(nc, &text);
    snprintf(detail, sizeof detail, "%s", text != NULL ? text : "");
    if (why != NATS_NOT_PERMITTED)
        log_warn("broker connection",
                 LOG_STR("error", natsStatus_GetText(why)));
    else if (is_news(detail))
        log_warn("the broker does not permit it", LOG_STR("error", detail));
}

static natsStatus set_servers(natsOptions *options, const char *urls)
{
    char *list = mem_strdup(urls), *rest = list, *url;
    const char *servers[SERVERS_MAX];
    int count = 0;
    while ((url = strtok_r(rest, ", ", &rest)) != NULL && count++ < SERVERS_MAX)
        servers[count - 1] = url;
    natsStatus s = count > SERVERS_MAX
                       ? NATS_INVALID_ARG
                       : natsOptions_SetServers(options, servers, count);
    free(list);
    return s;
}

static natsStatus make_options(natsOptions **out, const char *urls,
                               const char *name)
{
    natsStatus s = natsOptions_Create(out);
    if (s != NATS_OK)
        return s;
    natsOptions *o = *out;
    if ((s = set_servers(o, urls)) != NATS_OK ||
        (s = natsOptions_SetName(o, name)) != NATS_OK ||
        (s = natsOptions_SetTimeout(o, CONNECT_TIMEOUT_MS)) != NATS_OK ||
        (s = natsOptions_SetMaxReconnect(o, -1)) != NATS_OK ||
        (s = natsOptions_SetReconnectWait(o, RECONNECT_WAIT_MS)) != NATS_OK ||
        (s = natsOptions_SetReconnectBufSize(o, RECONNECT_BUF_BYTES)) !=
            NATS_OK ||
        (s = natsOptions_SetPingInterval(o, PING_INTERVAL_MS)) != NATS_OK ||
        (s = natsOptions_SetIOBufSize(o, IO_BUFFER_BYTES)) != NATS_OK ||
        (s = natsOptions_SetDisconnectedCB(o, on_disconnected, NULL)) !=
            NATS_OK ||
        (s = natsOptions_SetReconnectedCB(o, on_reconnected, NULL)) !=
            NATS_OK ||
        (s = natsOptions_SetErrorHandler(o, on_error, NULL)) != NATS_OK)
        return s;
    return NATS_OK;
}

/* Only what waiting can mend is tried again. */
static bool worth_waiting(natsStatus s)
{
    return s == NATS_NO_SERVER || s == NATS_TIMEOUT || s == NATS_IO_ERROR ||
           s == NATS_CONNECTION_CLOSED || s == NATS_STALE_CONNECTION;
}

static natsStatus connect_waiting(struct bus *bus, int64_t wait_ns)
{
    int64_t deadline = clock_mono_ns() + wait_ns;
    bool told = false;
    for (;;) {
        natsStatus s = natsConnection_Connect(&bus->nc, bus->options);
        if (!worth_waiting(s) || (wait_ns >= 0 && clock_mono_ns() >= deadline))
            return s;
        if (!told)
            log_info("waiting for the broker",
                     LOG_STR("error", natsStatus_GetText(s)));
        told = true;
        if (service_wait_stop(CONNECT_RETRY_NS))
            return s;
    }
}

struct bus *bus_connect(const char *urls, const char *name, int64_t wait_ns,
                        struct errmsg *err)
{
    struct bus *bus = mem_zalloc(sizeof *bus);
    natsStatus s = make_options(&bus->options, urls, name);
    if (s == NATS_OK)
        s = connect_waiting(bus, wait_ns);
    if (s == NATS_OK) {
        jsOptions options;
        jsOptions_Init(&options);
        options.Wait = API_WAIT_MS;
        s = natsConnection_JetStream(&bus->js, bus->nc, &options);
    }
    if (s != NATS_OK) {
        errmsg_set(err, 0, "the broker of BROKER_URL does not answer: %s",
                   natsStatus_GetText(s));
        bus_close(&bus);
    }
    return bus;
}

void bus_close(struct bus **bus)
{
    if (*bus == NULL)
        return;
    jsCtx_Destroy((*bus)->js);
    natsConnection_Destroy((*bus)->nc);
    natsOptions_Destroy((*bus)->options);
    free(*bus);
    *bus = NULL;
}

void bus_library_close(void)
{
    nats_CloseAndWait(LIBRARY_CLOSE_MS);
}

bool bus_connected(const struct bus *bus)
{
    return natsConnection_Status(bus->nc) == NATS_CONN_STATUS_CONNECTED;
}

void bus_address(struct bus *bus, char *out, size_t size)
{
    address_of(bus->nc, out, size);
}

uint64_t bus_reconnects(struct bus *bus)
{
    natsStatistics *stats = NULL;
    uint64_t count = 0, other;
    if (natsStatistics_Create(&stats) == NATS_OK &&
        natsConnection_GetStats(bus->nc, stats) == NATS_OK)
        natsStatistics_GetCounts(stats, &other, &other, &other, &other, &count);
    natsStatistics_Destroy(stats);
    return count;
}

bool bus_check(void *bus, struct errmsg *why)
{
    if (bus_connected(bus))
        return true;
    errmsg_set(why, 0, "not connected");
    return false;
}

natsConnection *bus_connection(struct bus *bus)
{
    return bus->nc;
}

jsCtx *bus_jetstream(struct bus *bus)
{
    return bus->js;
}

/* ---- streams ---- */

static natsStatus add_stream(struct bus *bus, const char *name,
                             const char *subject,
                             const struct bus_stream_limits *limits,
                             jsErrCode *code)
{
    const char *subjects[] = {subject};
    jsStreamConfig config;
    jsStreamConfig_Init(&config);
    config.Name = name;
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Storage = js_FileStorage;
    config.Discard = limits->drop_oldest ? js_DiscardOld : js_DiscardNew;
    config.MaxBytes = limits->max_bytes;
    config.MaxAge = limits->max_age_ns;
    config.Duplicates = limits->dedup_ns;
    return js_AddStream(NULL, bus->js, &config, NULL, code);
}

/* Somebody else may make it between the look and the making. */
int bus_ensure_stream(struct bus *bus, const char *name, const char *subject,
                      const struct bus_stream_limits *limits,
                      struct errmsg *err)
{
    jsStreamInfo *info = NULL;
    jsErrCode code = 0;
    natsStatus s = js_GetStreamInfo(&info, bus->js, name, NULL, &code);
    jsStreamInfo_Destroy(info);
    if (s == NATS_NOT_FOUND) {
        s = add_stream(bus, name, subject, limits, &code);
        if (s != NATS_OK && code == JSStreamNameExistErr)
            s = NATS_OK;
    }
    if (s == NATS_OK)
        return 0;
    return errmsg_set(err, -EIO, "stream %s cannot be made: %s (err_code %d)",
                      name, natsStatus_GetText(s), (int)code);
}
