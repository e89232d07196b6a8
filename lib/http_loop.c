/* http_loop: the loop, a turn at a time: libwebsockets hands out what is ready
 * and what other threads ask for; then come those whose time has come, and what
 * wants to be written. */
#include "lib/http_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/mem.h"

#define EVENTS_MAX       128 /* of watches in one turn */
#define PROTOCOL_WATCHES "nexus-watches"

/* Files of libwebsockets that are no client's, and clients that were let in
 * before others, closed in the same turn, have gone. */
#define SPARE_FILES 128

/* ---- what is dead ---- */

void http_bury(struct http_server *server, struct http_dead *dead)
{
    dead->next = server->dead;
    server->dead = dead;
}

static void free_dead(struct http_server *server)
{
    while (server->dead != NULL) {
        struct http_dead *dead = server->dead;
        server->dead = dead->next;
        free(dead);
    }
}

/* ---- watches ---- */

static struct epoll_event watch_event(struct http_watch *watch)
{
    struct epoll_event event = {.data.ptr = watch};
    if (watch->events & HTTP_READABLE)
        event.events |= EPOLLIN;
    if (watch->events & HTTP_WRITABLE)
        event.events |= EPOLLOUT;
    return event;
}

struct http_watch *http_watch_new(struct http_server *server, int fd,
                                  int events, http_watch_fn fn, void *arg)
{
    struct http_watch *watch = mem_alloc(sizeof *watch);
    *watch = (struct http_watch){
        .server = server, .fd = fd, .events = events, .fn = fn, .arg = arg};
    struct epoll_event event = watch_event(watch);
    if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
        return watch;
    free(watch);
    return NULL;
}

void http_watch_set(struct http_watch *watch, int events)
{
    if (watch->events == events)
        return;
    watch->events = events;
    struct epoll_event event = watch_event(watch);
    epoll_ctl(watch->server->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event);
}

void http_watch_free(struct http_watch **watch)
{
    struct http_watch *w = *watch;
    *watch = NULL;
    if (w == NULL)
        return;
    epoll_ctl(w->server->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
    w->fn = NULL;
    http_bury(w->server, &w->dead);
}

/* What it waits for by now: an earlier callback of this turn may have changed
 * that, or ended it. */
static void watch_call(struct http_watch *watch, uint32_t ready)
{
    int events = HTTP_READABLE | HTTP_WRITABLE;
    if ((ready & (EPOLLERR | EPOLLHUP)) == 0)
        events = watch->events & ((ready & EPOLLIN ? HTTP_READABLE : 0) |
                                  (ready & EPOLLOUT ? HTTP_WRITABLE : 0));
    if (watch->fn != NULL && events != 0)
        watch->fn(watch->fd, events, watch->arg);
}

static int on_watches(struct lws *wsi, enum lws_callback_reasons reason,
                      void *user, void *in, size_t len)
{
    (void)user;
    (void)in;
    (void)len;
    if (reason != LWS_CALLBACK_RAW_RX_FILE)
        return 0;
    struct http_server *server = lws_get_opaque_user_data(wsi);
    struct epoll_event events[EVENTS_MAX];
    http_loop_event(server);
    int n = epoll_wait(server->epoll_fd, events, EVENTS_MAX, 0);
    for (int i = 0; i < n; i++)
        watch_call(events[i].data.ptr, events[i].events);
    return 0;
}

static int watches_open(struct http_server *server)
{
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (server->epoll_fd < 0)
        return -errno;
    lws_adopt_desc_t adopt = {
        .vh = server->vhost,
        .type = LWS_ADOPT_RAW_FILE_DESC,
        .fd.filefd = server->epoll_fd,
        .vh_prot_name = PROTOCOL_WATCHES,
        .opaque = server,
    };
    if (lws_adopt_descriptor_vhost_via_info(&adopt) != NULL)
        return 0;
    close(server->epoll_fd);
    return -ENOMEM;
}

/* ---- calls of other threads ---- */

struct http_post {
    struct http_post *next;
    void (*fn)(void *arg);
    void *arg;
};

void http_loop_wake(struct http_server *server)
{
    lws_cancel_service(server->lws);
}

void http_server_post(struct http_server *server, void (*fn)(void *arg),
                      void *arg)
{
    struct http_post *post = mem_alloc(sizeof *post);
    *post = (struct http_post){.fn = fn, .arg = arg};
    pthread_mutex_lock(&server->posts_lock);
    bool first = server->posts == NULL;
    *server->posts_end = post;
    server->posts_end = &post->next;
    pthread_mutex_unlock(&server->posts_lock);
    if (first)
        http_loop_wake(server);
}

void http_posts_run(struct http_server *server)
{
    pthread_mutex_lock(&server->posts_lock);
    struct http_post *post = server->posts;
    server->posts = NULL;
    server->posts_end = &server->posts;
    pthread_mutex_unlock(&server->posts_lock);
    while (post != NULL) {
        struct http_post *next = post->next;
        post->fn(post->arg);
        free(post);
        post = next;
    }
}

/* The first protocol hears what concerns the whole context. */
static int on_server(struct lws *wsi, enum lws_callback_reasons reason,
                     void *user, void *in, size_t len)
{
    (void)user;
    (void)in;
    (void)len;
    if (reason != LWS_CALLBACK_EVENT_WAIT_CANCELLED)
        return 0;
    struct http_server *server = lws_context_user(lws_get_context(wsi));
    http_loop_event(server);
    http_server_woken(server);
    return 0;
}

/* ---- libwebsockets' own loop ---- */

/* It finds a descriptor's owner by looking through a table, here no larger than
 * needed; or the table would be as large as the system's limit on files. */
static int poll_open(struct http_server *server,
                     struct lws_context_creation_info *info)
{
    info->fd_limit_per_thread =
        (unsigned)server->config.connections_max + SPARE_FILES;
    return 0;
}

/* It was due before the wait began: so that there is none. */
static void poll_due(lws_sorted_usec_list_t *sul)
{
    struct http_server *server = lws_container_of(sul, struct http_server, due);
    http_loop_wake(server);
}

/* Its clock ticks in milliseconds and rounds down: it would spin through the
 * last one. */
static void poll_turn(struct http_server *server, int64_t due_ns)
{
    int64_t wait_ns = due_ns - clock_mono_ns();
    if (due_ns < INT64_MAX && wait_ns > 0)
        lws_sul_schedule(server->lws, 0, &server->due, poll_due,
                         (wait_ns + NS_PER_MS - NS_PER_US) / NS_PER_US);
    lws_service(server->lws, wait_ns > 0 ? 0 : -1);
    lws_sul_cancel(&server->due);
}

static void poll_close(struct http_server *server)
{
    if (server->lws != NULL)
        lws_context_destroy(server->lws);
}

const struct http_loop http_loop_poll = {
    .connections = HTTP_CONNECTIONS_DEFAULT,
    .open = poll_open,
    .turn = poll_turn,
    .close = poll_close,
};

/* ---- the loop ---- */

static const struct lws_protocols protocols[] = {
    {.name = "nexus-server", .callback = on_server},
    {.name = HTTP_PROTOCOL_CONN, .callback = http_conn_callback},
    {.name = PROTOCOL_WATCHES, .callback = on_watches},
    {.name = NULL},
};

static void library_log(int level, const char *line)
{
    (void)level;
    log_debug("libwebsockets", LOG_SLICE("line", str_trim(str_of(line))));
}

static int context_open(struct http_server *server)
{
    lws_set_log_level(LLL_ERR | LLL_WARN, library_log);
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = protocols,
        .user = server,
        .gid = -1,
        .uid = -1,
        .vhost_name = "nexus",
    };
    int rc = server->config.loop->open(server, &info);
    if (rc != 0)
        return rc;
    server->lws = lws_create_context(&info);
    if (server->lws == NULL)
        return -ENOMEM;
    server->vhost = lws_get_vhost_by_name(server->lws, "nexus");
    return watches_open(server);
}

int http_loop_open(struct http_server *server)
{
    server->posts_end = &server->posts;
    server->now_ns = clock_mono_ns();
    http_gather_open(server);
    return context_open(server);
}

void http_loop_event(struct http_server *server)
{
    if (!server->turning)
        server->now_ns = clock_mono_ns();
    server->turning = true;
}

static int64_t next_due(const struct http_server *server)
{
    int64_t timers = http_timers_next(server);
    int64_t gather = http_gather_next(server);
    return timers < gather ? timers : gather;
}

void http_loop_turn(struct http_server *server)
{
    server->config.loop->turn(server, next_due(server));
    http_loop_event(server);
    http_timers_run(server);
    http_conns_write(server);
    http_gather_run(server);
    http_conns_free(server);
    free_dead(server);
    server->turning = false;
}

void http_loop_close(struct http_server *server)
{
    http_conns_free(server);
    free_dead(server);
    http_timers_close(server);
    http_gather_close(server);
    server->config.loop->close(server);
}
