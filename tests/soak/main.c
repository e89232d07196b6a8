/* soak: see soak.h. Watches the broker's memory while the threads run.
 *
 *     soak --port 4222 --pid 1234 --time 10m
 *
 * The resident memory is sampled. It is flat when, after WARM_PCT of the time,
 * the median of the last third is at most GROWTH_PCT and GROWTH_KB above that
 * of the first third, and when it is within LEFT_KB of what it was at the start
 * once all clients have gone and the broker has had its time to give memory
 * back. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "lib/mem.h"
#include "lib/opts.h"
#include "tests/soak/soak.h"

#define THREADS_MAX   16
#define CALIBRATE_PCT 10 /* of the time */
#define SAMPLE_MS     200
#define WARM_PCT      20
#define GROWTH_PCT    10
#define GROWTH_KB     2048
#define REST_MS       12000 /* the broker gives memory back every 10 s */
#define LEFT_KB       8192

struct soak soak;

static pthread_t threads[THREADS_MAX];
static unsigned thread_count;

void sleep_ms(int64_t ms)
{
    struct timespec time = {.tv_sec = ms / 1000,
                            .tv_nsec = ms % 1000 * NS_PER_MS};
    nanosleep(&time, NULL);
}

void pace_wait(struct pace *pace, int64_t rate, uint64_t done)
{
    int64_t now_ns = clock_mono_ns();
    if (pace->rate != rate)
        *pace = (struct pace){rate, now_ns, done};
    if (rate == 0)
        return;
    double due = (double)(done - pace->done_before) / (double)rate;
    int64_t ahead_ns = pace->since_ns + (int64_t)(due * NS_PER_S) - now_ns;
    if (ahead_ns > 0)
        sleep_ms(ahead_ns / NS_PER_MS + 1);
}

void append_numbered(struct buf *out, const char *line, uint64_t number)
{
    buf_append_text(out, line);
    char *at = buf_reserve(out, PAYLOAD) + PAYLOAD;
    memset(at - PAYLOAD, '0', PAYLOAD);
    for (; number > 0; number /= 10)
        *--at = (char)('0' + number % 10);
    out->len += PAYLOAD;
    buf_append_text(out, "\r\n");
}

/* ---- the threads ---- */

static void start(void *(*run)(void *arg), void *arg)
{
    pthread_create(&threads[thread_count++], NULL, run, arg);
}

static struct link *listening(struct link *link, const char *subject)
{
    link_open(link, soak.port);
    link_printf(link, "SUB %s 1\r\n", subject);
    link_sync(link);
    return link;
}

static void start_all(void)
{
    static struct link readers[SOAK_READERS], responder;
    durable_setup();
    kv_setup();
    for (int i = 0; i < SOAK_READERS; i++)
        start(fanout_read, listening(&readers[i], "soak.fanout"));
    start(respond, listening(&responder, "soak.request"));
    start(fanout_publish, NULL);
    start(durable_publish, NULL);
    start(durable_consume, NULL);
    start(kv_update, NULL);
    start(request_reply, NULL);
    start(rough_slow, NULL);
    start(rough_stalled, NULL);
    start(rough_vanish, NULL);
}

static void end_all(void)
{
    soak.ending = true;
    for (unsigned i = 0; i < thread_count; i++)
        pthread_join(threads[i], NULL);
}

/* Half of what was reached until now. */
static void set_rates(int64_t start_ns)
{
    double seconds = (double)(clock_mono_ns() - start_ns) / NS_PER_S;
    soak.durable_rate = (int64_t)((double)soak.durable_acked / seconds / 2);
    soak.fanout_rate = (int64_t)((double)soak.fanout_published / seconds / 2);
    printf("at most: %lld acknowledged/s, %lld published to %d readers/s; "
           "from now on half of that\n",
           2 * (long long)soak.durable_rate, 2 * (long long)soak.fanout_rate,
           SOAK_READERS);
    fflush(stdout);
}

/* ---- memory ---- */

static int64_t resident_kb(int64_t pid)
{
    char path[64], line[256];
    long long kb = 0;
    snprintf(path, sizeof(path), "/proc/%lld/status", (long long)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        fail("the broker is gone");
    while (fgets(line, sizeof(line), file) != NULL) {
        if (str_has_prefix(str_of(line), str_of("VmRSS:")))
            kb = strtoll(line + 6, NULL, 10);
    }
    fclose(file);
    return kb;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t median(int64_t *values, size_t count)
{
    qsort(values, count, sizeof(*values), by_size);
    return values[count / 2];
}

static void check_flat(int64_t *samples, size_t count)
{
    size_t warm = count * WARM_PCT / 100, third = (count - warm) / 3;
    if (third == 0)
        fail("too short to say anything about memory");
    int64_t early = median(samples + warm, third);
    int64_t late = median(samples + count - third, third);
    int64_t most = early + early * GROWTH_PCT / 100 + GROWTH_KB;
    printf("memory: %lld kB early, %lld kB late (at most %lld)\n",
           (long long)early, (long long)late, (long long)most);
    if (late > most)
        fail("memory grows");
}

/* Samples until end_ns; how many. */
static size_t watch(int64_t pid, int64_t end_ns, int64_t *samples, size_t max)
{
    size_t count = 0;
    while (clock_mono_ns() < end_ns && count < max) {
        samples[count++] = resident_kb(pid);
        sleep_ms(SAMPLE_MS);
    }
    return count;
}

static void print_summary(void)
{
#define COUNT(member) (unsigned long long)soak.member
    printf("durable: %llu acknowledged, %llu consumed, %llu again, over %llu "
           "restarts\n",
           COUNT(durable_acked), COUNT(durable_seen), COUNT(durable_again),
           COUNT(consumer_restarts));
    printf("fan-out: %llu published, %llu read in order by %d readers\n",
           COUNT(fanout_published), COUNT(fanout_seen), SOAK_READERS);
    printf("key-value: %llu puts, %llu gets; %llu requests answered\n",
           COUNT(kv_puts), COUNT(kv_gets), COUNT(requests));
    printf("slow and closed %llu times, stalled %llu, vanished %llu\n",
           COUNT(slow_closed), COUNT(stalled), COUNT(vanished));
#undef COUNT
}

int main(int argc, char **argv)
{
    int64_t port, pid, time_ns;
    const struct opt table[] = {
        {"port", NULL, "", OPT_INT, &port, "4222", 1, 65535},
        {"pid", NULL, "", OPT_INT, &pid, "0"},
        {"time", NULL, "", OPT_DURATION, &time_ns, "10m"},
        OPTS_END};
    struct errmsg err = {0};
    if (opts_parse(table, "soak", "Clients of every kind.", argc, argv, &err) !=
        0)
        fail("%s", err.text);
    soak.port = (int)port;
    int64_t idle_kb = resident_kb(pid), start_ns = clock_mono_ns();
    start_all();
    sleep_ms(time_ns / NS_PER_MS * CALIBRATE_PCT / 100);
    set_rates(start_ns);
    size_t max = (size_t)(time_ns / NS_PER_MS / SAMPLE_MS + 1);
    int64_t *samples = mem_grow(NULL, max, sizeof(*samples));
    size_t count = watch(pid, start_ns + time_ns, samples, max);
    end_all();
    print_summary();
    durable_check();
    check_flat(samples, count);
    sleep_ms(REST_MS);
    int64_t left_kb = resident_kb(pid);
    printf("memory: %lld kB at the start, %lld kB when all had gone\n",
           (long long)idle_kb, (long long)left_kb);
    if (left_kb > idle_kb + LEFT_KB)
        fail("memory is not given back");
    return 0;
}
