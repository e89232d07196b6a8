#include "api/pipeline/rate.h"

#include <math.h>
#include <string.h>

#include "lib/clock.h"

void rate_mark(struct rate *rate, int64_t at_ns, double value)
{
    int last = rate->count - 1;
    if (last >= 0 && at_ns <= rate->marks[last].at_ns)
        return;
    if (last >= 0 && value < rate->marks[last].value)
        rate->count = 0;
    if (rate->count == RATE_MARKS)
        memmove(&rate->marks[0], &rate->marks[1],
                (size_t)--rate->count * sizeof rate->marks[0]);
    rate->marks[rate->count].at_ns = at_ns;
    rate->marks[rate->count].value = value;
    rate->count++;
}

double rate_per_second(const struct rate *rate)
{
    if (rate->count < 2)
        return NAN;
    int last = rate->count - 1;
    double seconds =
        (double)(rate->marks[last].at_ns - rate->marks[0].at_ns) / NS_PER_S;
    return (rate->marks[last].value - rate->marks[0].value) / seconds;
}
