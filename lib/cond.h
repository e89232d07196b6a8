/* cond: a condition variable whose waits end by the clock that never goes back
 * (clock_mono_ns), not by the one that people read. */
#ifndef NEXUS_COND_H
#define NEXUS_COND_H

#include <pthread.h>
#include <stdint.h>

void cond_init(pthread_cond_t *cond);

/* Waits until signalled or until_ns by clock_mono_ns, or for no reason: the
 * caller, who holds the lock, looks at what it waits for again. */
void cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock,
                     int64_t until_ns);

#endif
