/* live_load: many subscribers on one GraphQL server, and what they receive.
 * Where PATH is /ws they speak its protocol, and DOCUMENT is the message that
 * subscribes.
 *
 *     live_load fan PORT PATH CLIENTS BROKER RATE SECONDS GPUS DOCUMENT
 *         CLIENTS subscribe; a thread publishes RATE samples a second over GPUS
 *         for SECONDS. Prints, as JSON: samples published, events received and
 *         missing, and the time from publication to receipt. A sample says when
 *         it was published in its metric energy_mj, in microseconds, so the
 *         document must ask for energyMj.
 *     live_load idle PORT PATH CLIENTS DOCUMENT
 *         CLIENTS subscribe; says "ready", stays until its input ends.
 *     live_load churn PORT PATH CYCLES DOCUMENT
 *         CYCLES times: connect, subscribe, die. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "tests/bench/live/client.h"
#include "tests/bench/load/link.h"

#define LATENCY_MAX_US (20 * 1000 * 1000) /* counted as this */
#define DRAIN_NS       (20 * NS_PER_S)    /* for the last events to come */
#define EVENTS_MAX     256

static struct {
    int broker, rate, seconds, gpus;
    atomic_int published;
    atomic_bool done;
} work;

static uint32_t *latencies; /* how many took so many tens of microseconds */
static uint64_t received;

static int number(const char *text)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (*end != '\0' || value < 0 || value > 100000000)
        fail("%s is no number", text);
    return (int)value;
}

static int64_t now_us(void)
{
    return clock_wall_ns() / NS_PER_US;
}

/* ---- publishing ---- */

static void publish_one(struct link *link, struct buf *payload, int gpu)
{
    int64_t us = now_us();
    time_t s = (time_t)(us / 1000000);
    struct tm utc;
    char ts[32];
    gmtime_r(&s, &utc);
    strftime(ts, sizeof ts, "%Y-%m-%dT%H:%M:%S", &utc);
    buf_reset(payload);
    buf_printf(payload,
               "{\"v\":1,\"ts\":\"%s.%06dZ\",\"cluster\":\"bench\",\"host\":"
               "\"host-%d\",\"gpu\":\"%d\",\"uuid\":\"GPU-%d\",\"device\":"
               "\"nvidia%d\",\"model\":\"NVIDIA H100 80GB HBM3\",\"metrics\":{"
               "\"gpu_utilization\":%d,\"temperature\":61,\"power_draw\":320.1,"
               "\"energy_mj\":%lld}}",
               ts, (int)(us % 1000000), gpu / 8, gpu % 8, gpu, gpu % 8,
               (int)(us % 101), (long long)us);
    link_printf(link, "PUB telemetry.bench.host-%d.GPU-%d %zu\r\n%.*s\r\n",
                gpu / 8, gpu, payload->len, (int)payload->len, payload->data);
}

/* A sample every 1/RATE seconds, by the clock. */
static void *publish(void *arg)
{
    (void)arg;
    struct link link;
    struct buf payload = {0};
    link_open(&link, work.broker);
    int total = work.rate * work.seconds;
    int64_t start = clock_mono_ns();
    for (int i = 0; i < total; i++) {
        int64_t due = start + (int64_t)i * NS_PER_S / work.rate;
        int64_t wait = due - clock_mono_ns();
        if (wait > 0)
            usleep((useconds_t)(wait / NS_PER_US));
        publish_one(&link, &payload, i % work.gpus);
        atomic_store(&work.published, i + 1);
    }
    link_sync(&link);
    link_close(&link);
    buf_fini(&payload);
    atomic_store(&work.done, true);
    return NULL;
}

/* ---- receiving ---- */

static void count_event(struct str payload, void *arg)
{
    (void)arg;
    static const char key[] = "\"energyMj\":", plain[] = "\"energy_mj\":";
    const char *at = memmem(payload.p, payload.len, key, sizeof key - 1);
    if (at == NULL)
        at = memmem(payload.p, payload.len, plain, sizeof plain - 1);
    received++;
    if (at == NULL)
        fail("an event without its time: %.*s", STR_ARG(payload));
    int64_t us = now_us() - (int64_t)strtod(strchr(at, ':') + 1, NULL);
    if (us < 0)
        us = 0;
    latencies[us < LATENCY_MAX_US ? us / 10 : LATENCY_MAX_US / 10]++;
}

static double latency_ms(double part)
{
    uint64_t rank = (uint64_t)((double)received * part), seen = 0;
    for (int i = 0; i <= LATENCY_MAX_US / 10; i++) {
        seen += latencies[i];
        if (seen > rank)
            return i / 100.0;
    }
    return 0;
}

static struct client *open_clients(int count, int port, const char *path,
                                   const char *document)
{
    struct client *clients = mem_zalloc((size_t)count * sizeof *clients);
    for (int i = 0; i < count; i++) {
        client_open(&clients[i], port, path);
        client_subscribe(&clients[i], document);
    }
    return clients;
}

static int watch_all(struct client *clients, int count)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].fd, &event);
    }
    return epoll;
}

static void read_ready(int epoll, int timeout_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(epoll, events, EVENTS_MAX, timeout_ms);
    for (int i = 0; i < n; i++)
        if (!client_read(events[i].data.ptr, count_event, NULL))
            fail("the server hung up on a subscriber");
}

static void receive(int epoll, int clients)
{
    int64_t deadline = 0;
    for (;;) {
        read_ready(epoll, 10);
        if (!atomic_load(&work.done))
            continue;
        uint64_t due = (uint64_t)work.published * (uint64_t)clients;
        if (deadline == 0)
            deadline = clock_mono_ns() + DRAIN_NS;
        if (received >= due || clock_mono_ns() > deadline)
            return;
    }
}

static int fan(char **args)
{
    int count = number(args[2]);
    work.broker = number(args[3]);
    work.rate = number(args[4]);
    work.seconds = number(args[5]);
    work.gpus = number(args[6]);
    latencies = mem_zalloc((LATENCY_MAX_US / 10 + 1) * sizeof *latencies);
    struct client *clients =
        open_clients(count, number(args[0]), args[1], args[7]);
    int epoll = watch_all(clients, count);
    printf("ready\n");
    fflush(stdout);
    (void)!getchar(); /* to begin */
    pthread_t publisher;
    if (pthread_create(&publisher, NULL, publish, NULL) != 0)
        fail("no thread for the publisher");
    receive(epoll, count);
    pthread_join(publisher, NULL);
    uint64_t due = (uint64_t)work.published * (uint64_t)count;
    printf("{\"published\":%d,\"received\":%llu,\"missing\":%lld,"
           "\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f}\n",
           work.published, (unsigned long long)received,
           (long long)(due - received), latency_ms(0.5), latency_ms(0.99),
           latency_ms(0.9999999));
    return 0;
}

static int idle(char **args)
{
    int count = number(args[2]);
    open_clients(count, number(args[0]), args[1], args[3]);
    printf("ready\n");
    fflush(stdout);
    while (getchar() != EOF) {
    }
    return 0;
}

static int churn(char **args)
{
    int cycles = number(args[2]);
    for (int i = 0; i < cycles; i++) {
        struct client client;
        client_open(&client, number(args[0]), args[1]);
        client_subscribe(&client, args[3]);
        client_kill(&client);
    }
    printf("{\"cycles\":%d}\n", cycles);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int args;
        int (*run)(char **args);
    } modes[] = {{"fan", 8, fan}, {"idle", 4, idle}, {"churn", 4, churn}};
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (argc == modes[i].args + 2 && strcmp(argv[1], modes[i].name) == 0)
            return modes[i].run(argv + 2);
    fprintf(stderr, "usage: live_load fan PORT PATH CLIENTS BROKER RATE "
                    "SECONDS GPUS DOCUMENT | idle PORT PATH CLIENTS DOCUMENT | "
                    "churn PORT PATH CYCLES DOCUMENT\n");
    return 2;
}
