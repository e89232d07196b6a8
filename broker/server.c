/* server: see server.h. */
#include "broker/server.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/jetstream/jetstream.h"
#include "broker/monitor/closed_clients.h"
#include "broker/net/net.h"
#include "broker/remote/remotes.h"
#include "broker/sign_in.h"
#include "broker/store/store.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/ulid.h"

#define TURN_WAIT_MS 1000
#define TRIM_LOOK_NS (500 * NS_PER_MS) /* how often it is looked whether */
#define TRIM_EACH_NS (10 * NS_PER_S)   /* memory is given back at the latest */
#define QUIET_TURNS  50                /* in TRIM_LOOK_NS, at most: quiet */
#define STOP_WAIT_NS (5 * NS_PER_S)    /* for the disk and slow readers */
#define STOP_TURN_MS 20

/* A function that another thread wants run here; lives on its stack. */
struct server_call {
    void (*fn)(struct server *server, void *arg);
    void *arg;
    bool done;
    struct server_call *next;
};

/* ---- the loop's file descriptors ---- */

static void watch_set(struct server *server, int operation, int fd,
                      uint32_t events, struct watch *watch)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    int result = epoll_ctl(server->epoll_fd, operation, fd, &event);
    assert(result == 0);
}

void server_watch(struct server *server, int fd, uint32_t events,
                  struct watch *watch)
{
    watch_set(server, EPOLL_CTL_ADD, fd, events, watch);
}

void server_watch_change(struct server *server, int fd, uint32_t events,
                         struct watch *watch)
{
    watch_set(server, EPOLL_CTL_MOD, fd, events, watch);
}

/* ---- accounts ---- */

struct account *server_account(struct server *server, const char *name)
{
    struct account *account;
    HASH_FIND_STR(server->accounts, name, account);
    if (account != NULL)
        return account;
    account = account_new(server, name);
    HASH_ADD_KEYPTR(hh, server->accounts, account->name, strlen(account->name),
                    account);
    return account;
}

static void free_accounts(struct server *server)
{
    struct account *account, *next;
    HASH_ITER (hh, server->accounts, account, next) {
        HASH_DEL(server->accounts, account);
        account_free(account);
    }
}

static void for_each_jetstream(struct server *server,
                               void (*fn)(struct jetstream *js))
{
    for (struct account *account = server->accounts; account != NULL;
         account = account->hh.next) {
        if (account->js != NULL)
            fn(account->js);
    }
}

static bool any_jetstream(const struct server *server,
                          bool (*test)(const struct jetstream *js))
{
    for (const struct account *account = server->accounts; account != NULL;
         account = account->hh.next) {
        if (account->js != NULL && test(account->js))
            return true;
    }
    return false;
}

static bool is_unsettled(const struct jetstream *js)
{
    return !jetstream_settled(js);
}

static int open_streams(struct server *server, struct errmsg *err)
{
    server->syncer = syncer_new(server->wake_fd, err);
    if (server->syncer == NULL ||
        remotes_open(server, &server->remotes, err) != 0)
        return -EINVAL;
    if (account_open_streams(server->account, server->config.js.store_dir,
                             err) != 0)
        return -EINVAL;
    return accounts_open(server, &server->config, err);
}

static void close_streams(struct server *server)
{
    for (struct account *account = server->accounts; account != NULL;
         account = account->hh.next)
        jetstream_close(&account->js);
    remotes_free(&server->remotes);
    syncer_free(&server->syncer);
}

/* ---- calls from other threads ---- */

static void run_calls(struct server *server)
{
    pthread_mutex_lock(&server->call_lock);
    while (server->calls != NULL) {
        struct server_call *call = server->calls;
        server->calls = call->next;
        call->fn(server, call->arg);
        call->done = true;
        pthread_cond_broadcast(&server->call_done);
    }
    pthread_mutex_unlock(&server->call_lock);
}

static void close_calls(struct server *server)
{
    pthread_mutex_lock(&server->call_lock);
    server->calls_closed = true;
    pthread_mutex_unlock(&server->call_lock);
    run_calls(server);
}

bool server_call(struct server *server, void (*fn)(struct server *, void *),
                 void *arg)
{
    struct server_call call = {.fn = fn, .arg = arg};
    pthread_mutex_lock(&server->call_lock);
    if (!server->calls_closed) {
        call.next = server->calls;
        server->calls = &call; // cppcheck-suppress autoVariables
        eventfd_write(server->wake_fd, 1);
        while (!call.done)
            pthread_cond_wait(&server->call_done, &server->call_lock);
    }
    pthread_mutex_unlock(&server->call_lock);
    return call.done;
}

static void wake_ready(struct watch *watch, uint32_t events)
{
    (void)events;
    char *start = (char *)watch - offsetof(struct server, wake_watch);
    struct server *server = (struct server *)start;
    eventfd_t count;
    eventfd_read(server->wake_fd, &count);
    run_calls(server);
    for_each_jetstream(server, jetstream_stored);
    sign_in_checked(server);
}

static void stop_ready(struct watch *watch, uint32_t events)
{
    (void)events;
    char *start = (char *)watch - offsetof(struct server, stop_watch);
    ((struct server *)start)->stopping = true;
}

/* ---- memory that is not needed any more ---- */

/* The read buffer holds nothing between turns. */
static void forget_read(const struct server *server)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)server->read_buffer + page - 1;
    uintptr_t end = (uintptr_t)server->read_buffer + SERVER_READ_BYTES;
    start -= start % page;
    end -= end % page;
    madvise((void *)start, end - start, MADV_DONTNEED);
}

static void give_back(struct server *server)
{
    chunk_pool_trim(&server->chunks);
    forget_read(server);
    malloc_trim(0);
    server->trimmed_ns = server->now_ns;
}

/* When it becomes quiet, and else from time to time. */
static void trim(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct server, trim_timer);
    struct server *server = (struct server *)start;
    bool was_busy = server->busy;
    server->busy = server->turns > QUIET_TURNS;
    server->turns = 0;
    if ((was_busy && !server->busy) ||
        server->now_ns - server->trimmed_ns >= TRIM_EACH_NS)
        give_back(server);
    timer_set(&server->timers, timer, server->now_ns + TRIM_LOOK_NS);
}

/* ---- a turn ---- */

uint32_t server_random(struct server *server)
{
    uint64_t x = server->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    server->random = x;
    return (uint32_t)(x >> 32);
}

static void flush_conns(struct server *server)
{
    while (server->dirty != NULL) {
        struct conn *conn = server->dirty;
        server->dirty = conn->next_dirty;
        conn->out_dirty = false;
        if (conn->state != CONN_CLOSED && !conn->out_blocked)
            conn_flush(conn);
    }
}

static void free_closed(struct server *server)
{
    while (server->closed != NULL) {
        struct conn *conn = server->closed;
        server->closed = conn->next_closed;
        conn_free(conn);
    }
    for (struct account *account = server->accounts; account != NULL;
         account = account->hh.next)
        sublist_reap(account->subs);
}

static void finish_turn(struct server *server)
{
    for_each_jetstream(server, jetstream_turn);
    flush_conns(server);
    free_closed(server);
}

static void turn(struct server *server, int wait_ms)
{
    struct epoll_event events[SERVER_EVENTS_MAX];
    int wait = timers_wait_ms(&server->timers, server->now_ns, wait_ms);
    if (any_jetstream(server, jetstream_busy))
        wait = 0;
    int count = epoll_wait(server->epoll_fd, events, SERVER_EVENTS_MAX, wait);
    server->turns++;
    server->now_ns = clock_mono_ns();
    for (int i = 0; i < count; i++) {
        struct watch *watch = events[i].data.ptr;
        watch->ready(watch, events[i].events);
    }
    timers_run(&server->timers, server->now_ns);
    finish_turn(server);
}

/* ---- beginning and end ---- */

static uint64_t random_seed(void)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed) || seed == 0)
        seed = (uint64_t)clock_wall_ns();
    return seed;
}

static int server_open(struct server *server, struct errmsg *err)
{
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    server->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (server->epoll_fd < 0 || server->wake_fd < 0)
        return errmsg_set(err, -errno, "epoll: %s", strerror(errno));
    server->wake_watch.ready = wake_ready;
    server_watch(server, server->wake_fd, EPOLLIN, &server->wake_watch);
    if (server->config.jetstream && open_streams(server, err) != 0)
        return -EINVAL;
    accounts_limit(server);
    return net_open(server, err);
}

struct server *server_new(const struct server_config *config,
                          struct errmsg *err)
{
    struct server *server = mem_zalloc(sizeof(*server));
    server->config = *config;
    server->clients.fd = server->websockets.fd = -1;
    server->epoll_fd = server->wake_fd = -1;
    server->now_ns = clock_mono_ns();
    server->started_ns = clock_wall_ns();
    server->random = random_seed();
    server->account = server_account(server, ACCOUNT_DEFAULT);
    server->read_buffer = mem_alloc(SERVER_READ_BYTES);
    server->trim_timer.fire = trim;
    timer_set(&server->timers, &server->trim_timer,
              server->now_ns + TRIM_LOOK_NS);
    pthread_mutex_init(&server->call_lock, NULL);
    pthread_cond_init(&server->call_done, NULL);
    ulid_make(server->id);
    if (server->config.name == NULL)
        server->config.name = server->id;
    if (server_open(server, err) != 0)
        server_free(&server);
    return server;
}

/* Reads no more; waits until what was published is on disk, acknowledged and
 * sent. */
static void settle(struct server *server)
{
    net_close(server);
    int64_t end_ns = clock_mono_ns() + STOP_WAIT_NS;
    for (struct conn *conn = server->conns; conn != NULL; conn = conn->next)
        conn_pause(conn, 2 * STOP_WAIT_NS);
    finish_turn(server);
    while (any_jetstream(server, is_unsettled) && clock_mono_ns() < end_ns) {
        struct pollfd wake = {.fd = server->wake_fd, .events = POLLIN};
        eventfd_t count;
        if (poll(&wake, 1, STOP_TURN_MS) > 0)
            eventfd_read(server->wake_fd, &count);
        for_each_jetstream(server, jetstream_stored);
        finish_turn(server);
    }
}

static void close_conns(struct server *server)
{
    struct conn *next;
    for (struct conn *conn = server->conns; conn != NULL; conn = next) {
        next = conn->next;
        conn_flush(conn);
        conn_close(conn, "the server stops");
    }
    server->dirty = NULL;
    free_closed(server);
}

void server_run(struct server *server, int stop_fd)
{
    server->stop_watch.ready = stop_ready;
    server_watch(server, stop_fd, EPOLLIN, &server->stop_watch);
    log_info("listening", LOG_STR("address", server->config.addr),
             LOG_I64("port", server->port));
    while (!server->stopping)
        turn(server, TURN_WAIT_MS);
    log_info("stopping", LOG_I64("clients", server->conn_count));
    close_calls(server);
    settle(server);
    close_conns(server);
    close_streams(server);
}

void server_free(struct server **serverp)
{
    struct server *server = *serverp;
    if (server == NULL)
        return;
    close_conns(server);
    sign_in_stop(server);
    close_streams(server);
    free_accounts(server);
    net_free(server);
    closed_clients_free(&server->closed_clients);
    timers_fini(&server->timers);
    for (int i = 0; i < SERVER_ROUTE_DEPTH_MAX; i++)
        sub_result_fini(&server->scratch[i]);
    chunk_pool_trim(&server->chunks);
    const int fds[] = {server->epoll_fd, server->wake_fd};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    pthread_mutex_destroy(&server->call_lock);
    pthread_cond_destroy(&server->call_done);
    free(server->read_buffer);
    free(server);
    *serverp = NULL;
}

/* ---- what it says of itself ---- */

struct conn_traffic server_traffic(const struct server *server)
{
    struct conn_traffic sum = server->counts.closed;
    for (const struct conn *conn = server->conns; conn != NULL;
         conn = conn->next) {
        sum.in_msgs += conn->traffic.in_msgs;
        sum.in_bytes += conn->traffic.in_bytes;
        sum.out_msgs += conn->traffic.out_msgs;
        sum.out_bytes += conn->traffic.out_bytes;
    }
    return sum;
}

static void describe_tls(const struct server *server, const struct conn *conn,
                         struct json_writer *w)
{
    const struct tls_config *config = &server->config.tls;
    if (server->tls == NULL || conn->websocket)
        return;
    json_member_bool(
        w, config->allow_non_tls ? "tls_available" : "tls_required", true);
    if (config->verify || config->verify_and_map)
        json_member_bool(w, "tls_verify", true);
}

void server_info(const struct server *server, const struct conn *conn,
                 struct buf *out)
{
    struct json_writer w = json_writer(out);
    buf_append_text(out, "INFO ");
    json_begin_object(&w);
    json_member_text(&w, "server_id", server->id);
    json_member_text(&w, "server_name", server->config.name);
    json_member_text(&w, "version", SERVER_NATS_VERSION);
    json_member_i64(&w, "proto", 1);
    json_member_text(&w, "go", "none");
    json_member_text(&w, "host", server->config.addr);
    json_member_i64(&w, "port", server->port);
    json_member_bool(&w, "headers", true);
    if (auth_required(&server->config.auth, sign_in_way(conn)))
        json_member_bool(&w, "auth_required", true);
    if (conn->nonce[0] != '\0')
        json_member_text(&w, "nonce", conn->nonce);
    describe_tls(server, conn, &w);
    json_member_u64(&w, "max_payload", conn->parser.payload_max);
    if (server->config.jetstream)
        json_member_bool(&w, "jetstream", true);
    if (server->lame_duck)
        json_member_bool(&w, "ldm", true);
    json_member_u64(&w, "client_id", conn->id);
    json_member_text(&w, "client_ip", conn->host);
    json_end_object(&w);
    buf_append_text(out, " \r\n");
}
