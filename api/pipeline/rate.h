/* rate: how fast a counter grows, over its last few marks. */
#ifndef NEXUS_API_RATE_H
#define NEXUS_API_RATE_H

#include <stdint.h>

#define RATE_MARKS 5

/* A zeroed one is ready for use. */
struct rate {
    struct {
        int64_t at_ns;
        double value;
    } marks[RATE_MARKS]; /* oldest first */
    int count;
};

/* A mark of the same time as the last one is none. A counter that has gone back
 * has begun anew. */
void rate_mark(struct rate *rate, int64_t at_ns, double value);

/* A second; NaN: not known, it takes two marks. */
double rate_per_second(const struct rate *rate);

#endif
