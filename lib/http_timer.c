/* http_timer: timers in a binary heap.
 *
 * Most are set again and again to a later time (a connection's deadline moves
 * with every request) and never fire. Such a move only writes the new time: the
 * entry keeps its old key, is found too early when it comes to the top, and
 * goes down to where it belongs then. */
#include "lib/http_private.h"

#include <stdlib.h>

#include "lib/mem.h"

static void put(struct http_timers *t, size_t at, struct http_timer_entry entry)
{
    t->heap[at] = entry;
    entry.timer->at = at;
}

static void sift_up(struct http_timers *t, size_t at,
                    struct http_timer_entry entry)
{
    for (; at > 1 && t->heap[at / 2].key_ns > entry.key_ns; at /= 2)
        put(t, at, t->heap[at / 2]);
    put(t, at, entry);
}

static void sift_down(struct http_timers *t, size_t at,
                      struct http_timer_entry entry)
{
    for (size_t child; (child = 2 * at) <= t->count; at = child) {
        if (child < t->count &&
            t->heap[child + 1].key_ns < t->heap[child].key_ns)
            child++;
        if (t->heap[child].key_ns >= entry.key_ns)
            break;
        put(t, at, t->heap[child]);
    }
    put(t, at, entry);
}

static void insert(struct http_timers *t, struct http_timer *timer)
{
    if (t->count + 1 >= t->cap) {
        t->cap = t->cap > 0 ? 2 * t->cap : 64;
        t->heap = mem_grow(t->heap, t->cap, sizeof *t->heap);
    }
    sift_up(t, ++t->count, (struct http_timer_entry){timer->due_ns, timer});
}

static void removed(struct http_timers *t, size_t at)
{
    struct http_timer_entry last = t->heap[t->count--];
    if (at > t->count)
        return;
    if (at > 1 && t->heap[at / 2].key_ns > last.key_ns)
        sift_up(t, at, last);
    else
        sift_down(t, at, last);
}

void http_timer_init(struct http_timer *timer, struct http_server *server,
                     void (*fn)(void *arg), void *arg)
{
    *timer = (struct http_timer){.server = server, .fn = fn, .arg = arg};
}

void http_timer_set_at(struct http_timer *timer, int64_t due_ns)
{
    struct http_timers *t = &timer->server->timers;
    timer->due_ns = due_ns;
    if (timer->at == 0)
        insert(t, timer);
    else if (due_ns < t->heap[timer->at].key_ns)
        sift_up(t, timer->at, (struct http_timer_entry){due_ns, timer});
}

void http_timer_cancel(struct http_timer *timer)
{
    size_t at = timer->at;
    timer->at = 0;
    if (at > 0)
        removed(&timer->server->timers, at);
}

struct http_timer *http_timer_new(struct http_server *server,
                                  void (*fn)(void *arg), void *arg)
{
    struct http_timer *timer = mem_zalloc(sizeof *timer);
    http_timer_init(timer, server, fn, arg);
    return timer;
}

void http_timer_set(struct http_timer *timer, int64_t delay_ns)
{
    http_timer_set_at(timer, clock_mono_ns() + (delay_ns > 0 ? delay_ns : 0));
}

void http_timer_set_turn(struct http_timer *timer)
{
    http_timer_set_at(timer, timer->server->now_ns);
}

void http_timer_free(struct http_timer **timer)
{
    if (*timer != NULL)
        http_timer_cancel(*timer);
    free(*timer);
    *timer = NULL;
}

int64_t http_timers_next(const struct http_server *server)
{
    const struct http_timers *t = &server->timers;
    return t->count > 0 ? t->heap[1].key_ns : INT64_MAX;
}

/* What is due when it begins: a timer that sets itself anew waits a turn. */
void http_timers_run(struct http_server *server)
{
    struct http_timers *t = &server->timers;
    int64_t now = server->now_ns;
    while (t->count > 0 && t->heap[1].key_ns <= now) {
        struct http_timer *timer = t->heap[1].timer;
        if (timer->due_ns > now) {
            sift_down(t, 1, (struct http_timer_entry){timer->due_ns, timer});
            continue;
        }
        http_timer_cancel(timer);
        timer->fn(timer->arg);
    }
}

/* Those that are still set belong to others, who may free them later. */
void http_timers_close(struct http_server *server)
{
    struct http_timers *t = &server->timers;
    for (size_t i = 1; i <= t->count; i++)
        t->heap[i].timer->at = 0;
    free(t->heap);
    *t = (struct http_timers){0};
}
