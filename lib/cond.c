/* cond: see the header. */
#include "lib/cond.h"

#include <time.h>

#include "lib/clock.h"

void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

void cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock,
                     int64_t until_ns)
{
    struct timespec at = {.tv_sec = until_ns / NS_PER_S,
                          .tv_nsec = until_ns % NS_PER_S};
    pthread_cond_timedwait(cond, lock, &at);
}
