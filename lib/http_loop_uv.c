/* http_loop_uv: the loop of http_loop.c with libwebsockets on libuv, whose epoll
 * costs nothing for sockets that are quiet: for thousands of clients. */
#include "lib/http_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <uv.h>

#include "lib/mem.h"

#define CONNECTIONS 16384 /* unless the program says otherwise */
#define SPARE_FILES 1024  /* descriptors for all else */
#define CLOSE_TURNS 100   /* libuv closes in turns of the loop, too */

struct uv {
    uv_loop_t loop;
    uv_timer_t timer;
    int64_t due_ms; /* the timer's; 0: it is not set */
    void *loops[1];
};

/* libwebsockets has a table of as many descriptors as the program may have: as
 * many as the clients need, that is, if the system gives them. */
static int files_limit(struct http_server *server)
{
    struct rlimit limit;
    rlim_t files = server->config.connections_max + SPARE_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return -errno;
    limit.rlim_cur = files < limit.rlim_max ? files : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return -errno;
    server->files_max = (int)limit.rlim_cur;
    return 0;
}

static int loop_open(struct http_server *server,
                     struct lws_context_creation_info *info)
{
    int rc = files_limit(server);
    if (rc != 0)
        return rc;
    struct uv *uv = mem_zalloc(sizeof *uv);
    rc = uv_loop_init(&uv->loop);
    if (rc != 0) {
        free(uv);
        return rc;
    }
    uv_timer_init(&uv->loop, &uv->timer);
    uv->loops[0] = &uv->loop;
    info->options |= LWS_SERVER_OPTION_LIBUV;
    info->foreign_loops = uv->loops;
    server->loop = uv;
    return 0;
}

/* Were it due before the wait begins, there would be none. */
static void due(uv_timer_t *timer)
{
    struct uv *uv = lws_container_of(timer, struct uv, timer);
    uv->due_ms = 0;
    uv_stop(&uv->loop);
}

/* One that is set too early only ends a wait in vain. */
static void set_timer(struct uv *uv, int64_t due_ms)
{
    if (uv->due_ms != 0 && uv->due_ms <= due_ms)
        return;
    uv_update_time(&uv->loop);
    int64_t wait = due_ms - (int64_t)uv_now(&uv->loop);
    uv_timer_start(&uv->timer, due, wait > 0 ? (uint64_t)wait : 0, 0);
    uv->due_ms = due_ms;
}

static void loop_turn(struct http_server *server, int64_t due_ns)
{
    struct uv *uv = server->loop;
    bool waits = due_ns > clock_mono_ns();
    if (waits && due_ns < INT64_MAX)
        set_timer(uv, (due_ns + NS_PER_MS - 1) / NS_PER_MS);
    uv_run(&uv->loop, waits ? UV_RUN_ONCE : UV_RUN_NOWAIT);
}

/* Its descriptors are closed by turns of the loop; only then can the rest go. */
static void loop_close(struct http_server *server)
{
    struct uv *uv = server->loop;
    if (uv == NULL)
        return;
    if (server->lws != NULL)
        lws_context_destroy(server->lws);
    uv_close((uv_handle_t *)&uv->timer, NULL);
    for (int i = 0; i < CLOSE_TURNS && uv_run(&uv->loop, UV_RUN_NOWAIT); i++)
        ;
    if (server->lws != NULL)
        lws_context_destroy(server->lws);
    uv_loop_close(&uv->loop);
    free(uv);
}

const struct http_loop http_loop_uv = {
    .connections = CONNECTIONS,
    .open = loop_open,
    .turn = loop_turn,
    .close = loop_close,
};
