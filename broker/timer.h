/* timer: callbacks at a point in time, for everything on the loop.
 *
 * A heap ordered by time; a timer is part of the thing it serves and allocates
 * nothing. Stop it before that thing is freed. */
#ifndef NEXUS_BROKER_TIMER_H
#define NEXUS_BROKER_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer;

struct timers {
    struct timer **heap;
    size_t count, cap;
};

/* Zeroed but for fire, it is ready to be set. */
struct timer {
    void (*fire)(struct timer *timer);
    int64_t when_ns; /* clock_mono_ns */
    size_t place;    /* in the heap, from 1; 0: not set */
};

void timers_fini(struct timers *timers);

/* Sets or moves the timer. */
void timer_set(struct timers *timers, struct timer *timer, int64_t when_ns);
void timer_stop(struct timers *timers, struct timer *timer);

static inline bool timer_is_set(const struct timer *timer)
{
    return timer->place != 0;
}

/* Fires what is due. A timer is no longer set when its callback runs. */
void timers_run(struct timers *timers, int64_t now_ns);

/* now + delay, or the end of time. */
static inline int64_t time_after(int64_t now_ns, int64_t delay_ns)
{
    return delay_ns > INT64_MAX - now_ns ? INT64_MAX : now_ns + delay_ns;
}

/* Milliseconds until the next one, rounded up, at most most_ms. */
int timers_wait_ms(const struct timers *timers, int64_t now_ns, int most_ms);

#endif
