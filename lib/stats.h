/* stats: a program's own counters, gauges and histograms, as Prometheus reads
 * them. A program lists them in one static table; threads update them without
 * locks, and /metrics prints the table. */
#ifndef NEXUS_STATS_H
#define NEXUS_STATS_H

#include <stdatomic.h>
#include <stdint.h>

#include "lib/buf.h"

enum stat_type { STAT_COUNTER, STAT_GAUGE, STAT_HISTOGRAM };

#define STAT_BUCKETS_MAX 16

struct statistic {
    const char *name; /* "nexus_collector_rows_total"; NULL ends a table */
    const char *help;
    enum stat_type type;
    const char *labels; /* `reason="late"`, or NULL; entries of one name
                              stand together */
    const double
        *buckets; /* histogram: upper bounds, ascending, 0 at the end */
    _Atomic int64_t value;  /* counter and gauge; histogram: count */
    _Atomic int64_t sum_ns; /* histogram: sum, in nanoseconds */
    _Atomic int64_t bucket[STAT_BUCKETS_MAX];
};

static inline void stat_add(struct statistic *s, int64_t n)
{
    atomic_fetch_add_explicit(&s->value, n, memory_order_relaxed);
}

static inline void stat_set(struct statistic *s, int64_t value)
{
    atomic_store_explicit(&s->value, value, memory_order_relaxed);
}

static inline int64_t stat_get(const struct statistic *s)
{
    return atomic_load_explicit(&s->value, memory_order_relaxed);
}

/* One observation of a duration in a histogram whose buckets are in seconds. */
void stat_observe_ns(struct statistic *s, int64_t ns);

/* The table in Prometheus text format 0.0.4, the process's own figures
 * (process_resident_memory_bytes, process_cpu_seconds_total,
 * process_open_fds) behind it. */
void stats_append(struct buf *out, const struct statistic *table);

#endif
