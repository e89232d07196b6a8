/* clock: the two times a program needs, in nanoseconds. */
#ifndef NEXUS_CLOCK_H
#define NEXUS_CLOCK_H

#include <stdint.h>

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)

/* Since 1970-01-01 UTC; may step. For stamps people read. */
int64_t clock_wall_ns(void);

/* Never goes back. For intervals and deadlines. */
int64_t clock_mono_ns(void);

#endif
