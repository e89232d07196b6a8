/* store_bench: how fast a file store takes and gives back messages.
 *
 *     store_bench [folder [messages [commit_every]]]
 *
 * For payloads of 128 and 500 bytes: appends with a commit every so many
 * messages until all is durable, then reads all back, in order and at random.
 * Beside it the same bytes by write and fdatasync alone, as the measure of what
 * the disk gives.
 *
 * Then a bucket of keys: put and overwritten (each put removes the value
 * before), removed at random, looked for by subject and by pattern; and what
 * memory the store takes meanwhile. At last keys with a time of their own, which
 * are over one after the other. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "broker/store/store.h"
#include "lib/clock.h"
#include "lib/mem.h"

struct bench {
    const char *dir;
    uint64_t messages;
    uint64_t commit_every;
    int wake_fd;
    struct syncer *syncer;
};

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "store_bench: %s: %s\n", what, why);
    exit(1);
}

static void print_rate(const char *what, size_t payload, uint64_t messages,
                       uint64_t bytes, int64_t ns, uint64_t syncs)
{
    double s = (double)ns / (double)NS_PER_S;
    printf("%-14s %4zu B  %9.0f records/s  %7.1f MB/s", what, payload,
           (double)messages / s, (double)bytes / 1e6 / s);
    if (syncs > 0)
        printf("  %6llu syncs, %.0f records each", (unsigned long long)syncs,
               (double)messages / (double)syncs);
    printf("\n");
}

static void wait_wake(const struct bench *b)
{
    uint64_t count;
    struct pollfd poller = {.fd = b->wake_fd, .events = POLLIN};
    poll(&poller, 1, 1000);
    if (read(b->wake_fd, &count, sizeof count) < 0 && errno != EAGAIN)
        fail("eventfd", "cannot be read");
}

static void append_all(const struct bench *b, struct store *store,
                       size_t payload)
{
    char *text = mem_zalloc(payload);
    for (uint64_t seq = 1; seq <= b->messages; seq++) {
        struct store_msg msg = {
            .seq = seq,
            .time_ns = (int64_t)seq,
            .subject = STR("telemetry.local.host-01.GPU-5fd4f087"),
            .payload = str_make(text, payload),
        };
        int rc;
        while ((rc = store->ops->append(store, &msg)) == -EAGAIN) {
            store->ops->commit(store);
            wait_wake(b);
        }
        if (rc < 0)
            fail("append", "the disk refuses");
        if (seq % b->commit_every == 0)
            store->ops->commit(store);
    }
    store->ops->commit(store);
    while (store->ops->durable(store) < b->messages)
        wait_wake(b);
    free(text);
}

static void read_one(struct store *store, uint64_t seq)
{
    struct store_msg msg;
    if (store->ops->read(store, seq, &msg) < 0)
        fail("read", "a message is missing");
}

static void bench_payload(const struct bench *b, size_t payload)
{
    struct errmsg err;
    struct syncer_stats before, after;
    struct store_state state;
    struct store *store = store_file_open(b->dir, b->syncer, NULL, &err);
    if (store == NULL)
        fail("open", err.text);
    syncer_stats(b->syncer, &before);
    int64_t start_ns = clock_mono_ns();
    append_all(b, store, payload);
    int64_t ns = clock_mono_ns() - start_ns;
    syncer_stats(b->syncer, &after);
    print_rate("append+sync", payload, b->messages, after.bytes - before.bytes,
               ns, after.syncs - before.syncs);

    store->ops->state(store, &state);
    start_ns = clock_mono_ns();
    for (uint64_t seq = 1; seq <= b->messages; seq++)
        read_one(store, seq);
    print_rate("read in order", payload, b->messages, state.bytes,
               clock_mono_ns() - start_ns, 0);

    uint64_t random = 1, reads = b->messages / 10 + 1;
    start_ns = clock_mono_ns();
    for (uint64_t i = 0; i < reads; i++) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        read_one(store, (random >> 33) % b->messages + 1);
    }
    print_rate("read at random", payload, reads, state.bytes / 10,
               clock_mono_ns() - start_ns, 0);

    store->ops->close(store);
    start_ns = clock_mono_ns();
    store = store_file_open(b->dir, b->syncer, NULL, &err);
    if (store == NULL)
        fail("open again", err.text);
    printf("%-14s %4zu B  %.1f ms\n", "open again", payload,
           (double)(clock_mono_ns() - start_ns) / (double)NS_PER_MS);
    store->ops->destroy(store);
}

/* ---- keys ---- */

#define KEYS 100000

static struct str key_name(uint64_t key)
{
    static char text[32];
    int len = snprintf(text, sizeof text, "$KV.bench.%c.%llu",
                       (char)('a' + key % 26), (unsigned long long)key);
    return str_make(text, (size_t)len);
}

static long resident_kb(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%*s %ld", &pages) != 1)
        fail("statm", "cannot be read");
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void put_key(const struct bench *b, struct store *store, uint64_t seq,
                    uint64_t key)
{
    static const char value[128];
    struct store_subject found;
    struct store_msg msg = {
        .seq = seq,
        .time_ns = (int64_t)seq,
        .subject = key_name(key),
        .payload = str_make(value, sizeof value),
    };
    while (store->ops->append(store, &msg) == -EAGAIN) {
        store->ops->commit(store);
        wait_wake(b);
    }
    if (!store->ops->subject(store, msg.subject, &found))
        fail("subject", "a key is missing");
    if (found.messages > 1)
        store->ops->remove(store, found.first_seq, false);
    if (seq % b->commit_every == 0)
        store->ops->commit(store);
}

static void settle(const struct bench *b, struct store *store, uint64_t seq)
{
    store->ops->commit(store);
    while (store->ops->durable(store) < seq)
        wait_wake(b);
}

static void print_ns(const char *what, uint64_t n, int64_t ns)
{
    printf("%-24s %8llu  %8.2f us each\n", what, (unsigned long long)n,
           (double)ns / (double)n / 1e3);
}

static void bench_search(struct store *store)
{
    struct str pattern = STR("$KV.bench.q.*");
    struct store_filter filter = {.patterns = &pattern, .count = 1};
    struct store_msg msg;
    struct store_subject found;
    uint64_t seq = 1, n = 0;
    int64_t start_ns = clock_mono_ns();
    while (store->ops->next(store, &filter, seq, &msg) == 0) {
        seq = msg.seq + 1;
        n++;
    }
    print_ns("next, 1 in 26", n, clock_mono_ns() - start_ns);
    start_ns = clock_mono_ns();
    if (store->ops->count(store, &filter, 1) != n)
        fail("count", "differs from next");
    print_ns("count, 1 in 26", 1, clock_mono_ns() - start_ns);
    start_ns = clock_mono_ns();
    for (uint64_t key = 0; key < KEYS; key++)
        store->ops->subject(store, key_name(key * 7919 % KEYS), &found);
    print_ns("subject", KEYS, clock_mono_ns() - start_ns);
}

static void bench_keys(const struct bench *b)
{
    struct errmsg err;
    uint64_t seq = 0, random = 1;
    long before_kb = resident_kb();
    struct store *store = store_file_open(b->dir, b->syncer, NULL, &err);
    if (store == NULL)
        fail("open", err.text);
    int64_t start_ns = clock_mono_ns();
    for (uint64_t key = 0; key < KEYS; key++)
        put_key(b, store, ++seq, key);
    settle(b, store, seq);
    print_ns("put, new keys", KEYS, clock_mono_ns() - start_ns);
    printf("%-24s %8ld kB\n", "memory", resident_kb() - before_kb);
    start_ns = clock_mono_ns();
    for (uint64_t i = 0; i < 5 * KEYS; i++) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        put_key(b, store, ++seq, (random >> 33) % KEYS);
    }
    settle(b, store, seq);
    print_ns("put, overwriting", 5 * KEYS, clock_mono_ns() - start_ns);
    printf("%-24s %8ld kB\n", "memory", resident_kb() - before_kb);
    bench_search(store);
    start_ns = clock_mono_ns();
    for (uint64_t i = 0; i < KEYS; i++) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        store->ops->remove(store, (random >> 33) % seq + 1, false);
    }
    print_ns("remove, at random", KEYS, clock_mono_ns() - start_ns);
    store->ops->close(store);
    start_ns = clock_mono_ns();
    store = store_file_open(b->dir, b->syncer, NULL, &err);
    if (store == NULL)
        fail("open again", err.text);
    print_ns("open again", 1, clock_mono_ns() - start_ns);
    start_ns = clock_mono_ns();
    uint64_t subjects = store->ops->subject_count(store);
    print_ns("learn the subjects", subjects, clock_mono_ns() - start_ns);
    store->ops->destroy(store);
}

/* ---- lifetimes ---- */

static void take_over(void *arg, const struct store_msg *msg)
{
    struct store *store = arg;
    store->ops->remove(store, msg->seq, false);
}

/* Keys that are over one after the other, in no order of their sequences, as
 * many as 10 ms of the clock bring; looked for every 10 ms. */
static void bench_lifetimes(const struct bench *b, const char *what,
                            struct store *store)
{
    int64_t most_ns = 0, all_ns = 0, now_ns = clock_wall_ns();
    uint64_t n = b->messages, passes = n / 100, gone = 0, late = 0;
    for (uint64_t seq = 1; seq <= n; seq++) {
        struct store_msg msg = {
            .seq = seq,
            .time_ns = now_ns,
            .subject = key_name(seq),
            .payload = STR("0123456789abcdef0123456789abcdef"),
            .expires_ns = now_ns + (int64_t)(seq * 7919 % n) * 100 * NS_PER_US,
        };
        while (store->ops->append(store, &msg) == -EAGAIN) {
            store->ops->commit(store);
            wait_wake(b);
        }
    }
    settle(b, store, n);
    for (uint64_t i = 1; i <= passes && all_ns < 10 * NS_PER_S; i++) {
        int64_t start_ns = clock_mono_ns();
        gone += store->ops->expired(store, now_ns + (int64_t)i * 10 * NS_PER_MS,
                                    1000, take_over, store);
        int64_t ns = clock_mono_ns() - start_ns;
        late = i * 100 > gone + late ? i * 100 - gone : late;
        most_ns = ns > most_ns ? ns : most_ns;
        all_ns += ns;
    }
    printf("expired, %-15s %8llu  %8.2f us each, %.1f ms at most, %llu late\n",
           what, (unsigned long long)gone, (double)all_ns / 1e3 / (double)gone,
           (double)most_ns / 1e6, (unsigned long long)late);
    store->ops->destroy(store);
}

/* What the disk alone does with groups of that size. */
static void bench_disk(const struct bench *b, size_t group)
{
    char path[4096];
    uint64_t total = UINT64_C(256) << 20, done = 0, syncs = 0;
    snprintf(path, sizeof path, "%s.plain", b->dir);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    char *bytes = mem_zalloc(group);
    if (fd < 0)
        fail(path, "cannot be made");
    int64_t start_ns = clock_mono_ns();
    for (; done < total; done += group, syncs++)
        if (write(fd, bytes, group) != (ssize_t)group || fdatasync(fd) != 0)
            fail(path, "cannot be written");
    int64_t ns = clock_mono_ns() - start_ns;
    printf("%-14s %4zu kB groups  %7.1f MB/s  %6.0f us each\n", "disk alone",
           group >> 10, (double)done / 1e6 * 1e9 / (double)ns,
           (double)ns / 1e3 / (double)syncs);
    free(bytes);
    close(fd);
    unlink(path);
}

static uint64_t argument(char **argv, int argc, int n, uint64_t otherwise)
{
    uint64_t value = argc > n ? strtoull(argv[n], NULL, 10) : otherwise;
    return value > 0 ? value : otherwise;
}

int main(int argc, char **argv)
{
    static char temporary[] = "/tmp/store_bench.XXXXXX";
    struct errmsg err;
    struct bench b = {
        .dir = argc > 1 ? argv[1] : mkdtemp(temporary),
        .messages = argument(argv, argc, 2, 2000000),
        .commit_every = argument(argv, argc, 3, 64),
        .wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
    };
    b.syncer = syncer_new(b.wake_fd, &err);
    if (b.dir == NULL || b.wake_fd < 0 || b.syncer == NULL)
        fail("start", b.syncer == NULL ? err.text : "no folder or eventfd");
    bench_disk(&b, 400U << 10);
    bench_disk(&b, 4U << 20);
    bench_payload(&b, 128);
    bench_payload(&b, 500);
    bench_keys(&b);
    bench_lifetimes(&b, "memory", store_mem_open());
    bench_lifetimes(&b, "file", store_file_open(b.dir, b.syncer, NULL, &err));
    syncer_free(&b.syncer);
    close(b.wake_fd);
    return 0;
}
