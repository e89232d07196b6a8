/* http_loop: file descriptors, timers and calls of other threads on the
 * server's loop.
 *
 * All watches live in one epoll set, and libwebsockets polls the set as one
 * file. So watched descriptors stay their owners', readiness is level-triggered
 * in both directions, and a watch costs the loop nothing while it is quiet. */
#include "lib/http_private.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/mem.h"

/* Watches served before the loop looks at its connections again. */
#define WATCH_ROUNDS_MAX 64

struct http_watch {
    struct http_server *server;
    int fd;
    int events;
    http_watch_fn fn;
    void *arg;
};

int http_watches_open(struct http_server *server)
{
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (server->epoll_fd < 0)
        return -errno;
    lws_adopt_desc_t adopt = {
        .vh = server->vhost,
        .type = LWS_ADOPT_RAW_FILE_DESC,
        .fd.filefd = server->epoll_fd,
        .vh_prot_name = HTTP_PROTOCOL_WATCH,
        .opaque = server,
    };
    if (lws_adopt_descriptor_vhost_via_info(&adopt) != NULL)
        return 0;
    close(server->epoll_fd);
    return -ENOMEM;
}

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
    struct http_watch *watch = mem_zalloc(sizeof *watch);
    *watch = (struct http_watch){server, fd, events, fn, arg};
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
    free(w);
}

static int events_of(uint32_t ready)
{
    if (ready & (EPOLLERR | EPOLLHUP))
        return HTTP_READABLE | HTTP_WRITABLE;
    return (ready & EPOLLIN ? HTTP_READABLE : 0) |
           (ready & EPOLLOUT ? HTTP_WRITABLE : 0);
}

/* One event at a time, because a callback may free any other watch. */
static void watches_run(struct http_server *server)
{
    struct epoll_event event;
    for (int i = 0; i < WATCH_ROUNDS_MAX; i++) {
        if (epoll_wait(server->epoll_fd, &event, 1, 0) != 1)
            return;
        struct http_watch *watch = event.data.ptr;
        watch->fn(watch->fd, events_of(event.events), watch->arg);
    }
}

int http_watches_callback(struct lws *wsi, enum lws_callback_reasons reason,
                          void *user, void *in, size_t len)
{
    (void)user;
    (void)in;
    (void)len;
    if (reason == LWS_CALLBACK_RAW_RX_FILE)
        watches_run(lws_get_opaque_user_data(wsi));
    return 0;
}

/* ---- timers ---- */

struct http_timer {
    lws_sorted_usec_list_t sul; /* first: the callback gets its address */
    struct http_server *server;
    void (*fn)(void *arg);
    void *arg;
};

static void timer_fired(lws_sorted_usec_list_t *sul)
{
    struct http_timer *timer = (struct http_timer *)sul;
    timer->fn(timer->arg);
}

struct http_timer *http_timer_new(struct http_server *server,
                                  void (*fn)(void *arg), void *arg)
{
    struct http_timer *timer = mem_zalloc(sizeof *timer);
    timer->server = server;
    timer->fn = fn;
    timer->arg = arg;
    return timer;
}

void http_timer_set(struct http_timer *timer, int64_t delay_ns)
{
    int64_t delay_us = delay_ns > NS_PER_US ? delay_ns / NS_PER_US : 1;
    lws_sul_schedule(timer->server->lws, 0, &timer->sul, timer_fired, delay_us);
}

void http_timer_free(struct http_timer **timer)
{
    if (*timer != NULL)
        lws_sul_cancel(&(*timer)->sul);
    free(*timer);
    *timer = NULL;
}

/* ---- calls of other threads ---- */

struct http_post {
    struct http_post *next;
    void (*fn)(void *arg);
    void *arg;
};

void http_server_post(struct http_server *server, void (*fn)(void *arg),
                      void *arg)
{
    struct http_post *post = mem_zalloc(sizeof *post);
    post->fn = fn;
    post->arg = arg;
    pthread_mutex_lock(&server->posts_lock);
    struct http_post **tail = &server->posts;
    while (*tail != NULL)
        tail = &(*tail)->next;
    *tail = post;
    pthread_mutex_unlock(&server->posts_lock);
    lws_cancel_service(server->lws);
}

void http_posts_run(struct http_server *server)
{
    pthread_mutex_lock(&server->posts_lock);
    struct http_post *post = server->posts;
    server->posts = NULL;
    pthread_mutex_unlock(&server->posts_lock);
    while (post != NULL) {
        struct http_post *next = post->next;
        post->fn(post->arg);
        free(post);
        post = next;
    }
}
