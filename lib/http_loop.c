/* http_loop: the loop: what is ready, whose time has come, what other threads
 * ask for, and then what wants to be written. */
#include "lib/http_private.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/mem.h"

#define EVENTS_MAX 128 /* of one turn */

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

int http_watch_init(struct http_watch *watch, struct http_server *server,
                    int fd, int events, http_watch_fn fn, void *arg)
{
    *watch = (struct http_watch){
        .server = server, .fd = fd, .events = events, .fn = fn, .arg = arg};
    struct epoll_event event = watch_event(watch);
    if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return -errno;
    return 0;
}

struct http_watch *http_watch_new(struct http_server *server, int fd,
                                  int events, http_watch_fn fn, void *arg)
{
    struct http_watch *watch = mem_alloc(sizeof *watch);
    if (http_watch_init(watch, server, fd, events, fn, arg) == 0)
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

/* ---- calls of other threads ---- */

struct http_post {
    struct http_post *next;
    void (*fn)(void *arg);
    void *arg;
};

void http_loop_wake(struct http_server *server)
{
    uint64_t one = 1;
    if (write(server->wake_fd, &one, sizeof one) < 0) {
        /* The counter is full: the loop is woken already. */
    }
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

static void woken(int fd, int events, void *arg)
{
    (void)events;
    uint64_t count;
    if (read(fd, &count, sizeof count) > 0)
        http_server_woken(arg);
}

/* ---- the loop ---- */

int http_loop_open(struct http_server *server)
{
    server->posts_end = &server->posts;
    server->now_ns = clock_mono_ns();
    http_gather_open(server);
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    server->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (server->epoll_fd < 0 || server->wake_fd < 0)
        return -errno;
    return http_watch_init(&server->wake, server, server->wake_fd,
                           HTTP_READABLE, woken, server);
}

/* Milliseconds to wait, rounded up: waking too early would only be spinning. */
static int wait_ms(const struct http_server *server)
{
    int64_t next = http_timers_next(server), gather = http_gather_next(server);
    if (gather < next)
        next = gather;
    if (next == INT64_MAX)
        return -1;
    int64_t wait = next - clock_mono_ns();
    if (wait <= 0)
        return 0;
    int64_t ms = (wait + NS_PER_MS - 1) / NS_PER_MS;
    return ms < INT_MAX ? (int)ms : INT_MAX;
}

void http_loop_turn(struct http_server *server)
{
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(server->epoll_fd, events, EVENTS_MAX, wait_ms(server));
    server->now_ns = clock_mono_ns();
    for (int i = 0; i < n; i++)
        watch_call(events[i].data.ptr, events[i].events);
    http_timers_run(server);
    http_gather_run(server);
    free_dead(server);
}

void http_loop_close(struct http_server *server)
{
    free_dead(server);
    http_timers_close(server);
    http_gather_close(server);
    if (server->epoll_fd >= 0)
        close(server->epoll_fd);
    if (server->wake_fd >= 0)
        close(server->wake_fd);
}
