/* timer: see timer.h. The heap is stored from index 0; place is index + 1. */
#include "broker/timer.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/mem.h"

void timers_fini(struct timers *timers)
{
    free((void *)timers->heap);
    *timers = (struct timers){0};
}

static void put(struct timers *timers, size_t index, struct timer *timer)
{
    timers->heap[index] = timer;
    timer->place = index + 1;
}

static void sift_up(struct timers *timers, size_t index, struct timer *timer)
{
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (timers->heap[parent]->when_ns <= timer->when_ns)
            break;
        put(timers, index, timers->heap[parent]);
        index = parent;
    }
    put(timers, index, timer);
}

static void sift_down(struct timers *timers, size_t index, struct timer *timer)
{
    for (;;) {
        size_t child = index * 2 + 1;
        if (child >= timers->count)
            break;
        if (child + 1 < timers->count &&
            timers->heap[child + 1]->when_ns < timers->heap[child]->when_ns)
            child++;
        if (timers->heap[child]->when_ns >= timer->when_ns)
            break;
        put(timers, index, timers->heap[child]);
        index = child;
    }
    put(timers, index, timer);
}

static void restore(struct timers *timers, size_t index, struct timer *timer)
{
    sift_up(timers, index, timer);
    sift_down(timers, timer->place - 1, timer);
}

void timer_set(struct timers *timers, struct timer *timer, int64_t when_ns)
{
    timer->when_ns = when_ns;
    if (timer->place != 0) {
        restore(timers, timer->place - 1, timer);
        return;
    }
    if (timers->count == timers->cap) {
        timers->cap = timers->cap > 0 ? timers->cap * 2 : 16;
        timers->heap = (struct timer **)mem_grow(
            (void *)timers->heap, timers->cap, sizeof(*timers->heap));
    }
    sift_up(timers, timers->count++, timer);
}

void timer_stop(struct timers *timers, struct timer *timer)
{
    if (timer->place == 0)
        return;
    size_t index = timer->place - 1;
    timer->place = 0;
    struct timer *last = timers->heap[--timers->count];
    if (last != timer)
        restore(timers, index, last);
}

void timers_run(struct timers *timers, int64_t now_ns)
{
    while (timers->count > 0 && timers->heap[0]->when_ns <= now_ns) {
        struct timer *timer = timers->heap[0];
        timer_stop(timers, timer);
        timer->fire(timer);
    }
}

int timers_wait_ms(const struct timers *timers, int64_t now_ns, int most_ms)
{
    if (timers->count == 0)
        return most_ms;
    int64_t left_ns = timers->heap[0]->when_ns - now_ns;
    if (left_ns <= 0)
        return 0;
    int64_t left_ms = (left_ns + NS_PER_MS - 1) / NS_PER_MS;
    return left_ms < most_ms ? (int)left_ms : most_ms;
}
