/* stats: the types MetricStatistics and HistogramBucket. */
#include "api/graphql/telemetry/stats.h"

#include <math.h>
#include <stdlib.h>

#define BUCKETS_MAX     1000
#define ALL_BUCKETS_MAX 100000 /* of all histograms of a field */

/* ---- figures ---- */

static void stats_add(struct metric_stats *stats, const struct fleet_gpu *gpu)
{
    double value = gpu->values[stats->metric];
    if (stats->count == 0 || value < stats->min) {
        stats->min = value;
        stats->min_gpu = gpu;
    }
    if (stats->count == 0 || value > stats->max) {
        stats->max = value;
        stats->max_gpu = gpu;
    }
    stats->sum += value;
    stats->values[stats->count++] = value;
}

struct metric_stats *stats_new(struct arena *arena, const struct scope *scope,
                               uint32_t statuses, enum metric metric)
{
    struct metric_stats *stats = arena_zalloc(arena, sizeof *stats);
    stats->metric = metric;
    stats->values =
        arena_alloc(arena, (scope->count + 1) * sizeof *stats->values);
    for (uint32_t i = 0; i < scope->count; i++) {
        const struct fleet_gpu *gpu = scope->gpus[i];
        if ((statuses >> gpu->status & 1) != 0 &&
            (gpu->present >> metric & 1) != 0)
            stats_add(stats, gpu);
    }
    return stats;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double stats_percentile(struct metric_stats *stats, double percent)
{
    if (!stats->sorted)
        qsort(stats->values, stats->count, sizeof *stats->values, compare);
    stats->sorted = true;
    double at = percent / 100 * (stats->count - 1);
    uint32_t below = (uint32_t)at;
    uint32_t above = below + 1 < stats->count ? below + 1 : below;
    double low = stats->values[below], high = stats->values[above];
    return low + (high - low) * (at - below);
}

/* Of all there are, not of a sample of them. */
double stats_deviation(const struct metric_stats *stats)
{
    double mean = stats->sum / stats->count, squares = 0;
    for (uint32_t i = 0; i < stats->count; i++)
        squares += (stats->values[i] - mean) * (stats->values[i] - mean);
    return sqrt(squares / stats->count);
}

/* ---- the histogram ---- */

/* A range may be wider than any double. */
static double bound(double from, double to, uint32_t buckets, uint32_t i)
{
    double part = (double)i / buckets;
    if (i == buckets)
        return to;
    return isfinite(to - from) ? from + (to - from) / buckets * i
                               : from * (1 - part) + to * part;
}

/* The part that a value is in: the last that does not begin above it. */
static uint32_t bucket_of(const struct histogram_bucket *all, uint32_t buckets,
                          double value)
{
    uint32_t first = 0, last = buckets - 1;
    while (first < last) {
        uint32_t middle = last - (last - first) / 2;
        if (value < all[middle].from)
            last = middle - 1;
        else
            first = middle;
    }
    return first;
}

struct histogram_bucket *stats_histogram(const struct metric_stats *stats,
                                         struct arena *arena, uint32_t buckets,
                                         double from, double to)
{
    struct histogram_bucket *all = arena_zalloc(arena, buckets * sizeof *all);
    for (uint32_t i = 0; i < buckets; i++) {
        all[i].from = bound(from, to, buckets, i);
        all[i].to = bound(from, to, buckets, i + 1);
    }
    for (uint32_t i = 0; i < stats->count; i++) {
        double value = stats->values[i];
        if (value >= from && value <= to)
            all[bucket_of(all, buckets, value)].count++;
    }
    return all;
}

/* ---- leaves ---- */

static struct metric_stats *stats_of(const void *object)
{
    return (struct metric_stats *)(uintptr_t)object;
}

static void write_count(struct gql_out *out, const void *object)
{
    json_put_i64(&out->json, stats_of(object)->count);
}

static void write_average(struct gql_out *out, const void *object)
{
    const struct metric_stats *stats = object;
    write_double_or_null(out, stats->count > 0,
                         stats->count > 0 ? stats->sum / stats->count : 0);
}

static void write_sum(struct gql_out *out, const void *object)
{
    const struct metric_stats *stats = object;
    write_double_or_null(out, stats->count > 0, stats->sum);
}

static void write_min(struct gql_out *out, const void *object)
{
    const struct metric_stats *stats = object;
    write_double_or_null(out, stats->count > 0, stats->min);
}

static void write_max(struct gql_out *out, const void *object)
{
    const struct metric_stats *stats = object;
    write_double_or_null(out, stats->count > 0, stats->max);
}

static void write_deviation(struct gql_out *out, const void *object)
{
    const struct metric_stats *stats = object;
    write_double_or_null(out, stats->count > 0,
                         stats->count > 0 ? stats_deviation(stats) : 0);
}

static void put_percentile(struct gql_out *out, struct metric_stats *stats,
                           double percent)
{
    bool known = stats->count > 0;
    write_double_or_null(out, known,
                         known ? stats_percentile(stats, percent) : 0);
}

/* p50, p95, p99. */
static void write_fixed_percentile(struct gql_out *out, const void *object)
{
    put_percentile(out, stats_of(object),
                   (double)out->call.field->binding->number);
}

static void write_percentile(struct gql_out *out, const void *object)
{
    double percent = gql_argument_f64(&out->call, "percent", 0);
    if (percent >= 0 && percent <= 100)
        put_percentile(out, stats_of(object), percent);
    else
        gql_out_error(out, GQL_CODE_INPUT, "percent: expected 0 to 100, got %g",
                      percent);
}

static void write_from(struct gql_out *out, const void *object)
{
    const struct histogram_bucket *bucket = object;
    json_put_double(&out->json, bucket->from);
}

static void write_to(struct gql_out *out, const void *object)
{
    const struct histogram_bucket *bucket = object;
    json_put_double(&out->json, bucket->to);
}

static void write_bucket_count(struct gql_out *out, const void *object)
{
    const struct histogram_bucket *bucket = object;
    json_put_i64(&out->json, bucket->count);
}

/* ---- objects ---- */

static void resolve_metric(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct metric_stats *stats = batch->parents[i];
        gql_batch_object(batch, i, &metric_catalogue[stats->metric]);
    }
    gql_batch_done(batch);
}

static void resolve_min_gpu(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct metric_stats *stats = batch->parents[i];
        gql_batch_object(batch, i, stats->min_gpu);
    }
    gql_batch_done(batch);
}

static void resolve_max_gpu(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct metric_stats *stats = batch->parents[i];
        gql_batch_object(batch, i, stats->max_gpu);
    }
    gql_batch_done(batch);
}

static void give_histogram(struct gql_batch *batch, uint32_t parent,
                           uint32_t buckets)
{
    const struct metric_stats *stats = batch->parents[parent];
    double from = gql_argument_f64(&batch->call, "from", stats->min);
    double to = gql_argument_f64(&batch->call, "to", stats->max);
    const void *objects[BUCKETS_MAX];
    if (!(from <= to)) {
        gql_batch_error(batch, parent, GQL_CODE_INPUT,
                        "histogram: from (%g) is above to (%g)", from, to);
        return;
    }
    if (stats->count == 0)
        buckets = 0;
    else {
        const struct histogram_bucket *all =
            stats_histogram(stats, batch->call.arena, buckets, from, to);
        for (uint32_t i = 0; i < buckets; i++)
            objects[i] = &all[i];
    }
    gql_batch_list(batch, parent, objects, buckets);
}

static void resolve_histogram(struct gql_batch *batch)
{
    int64_t buckets = gql_argument_i64(&batch->call, "buckets", 10);
    if (buckets < 1 || buckets > BUCKETS_MAX)
        gql_batch_fail(batch, GQL_CODE_INPUT,
                       "buckets: expected 1 to %d, got %d", BUCKETS_MAX,
                       (int)buckets);
    else if ((uint64_t)buckets * batch->count > ALL_BUCKETS_MAX)
        gql_batch_fail(batch, GQL_CODE_LIMIT,
                       "%u histograms of %d buckets each are more than %d "
                       "buckets",
                       (unsigned)batch->count, (int)buckets, ALL_BUCKETS_MAX);
    else
        for (uint32_t i = 0; i < batch->count; i++)
            give_histogram(batch, i, (uint32_t)buckets);
    gql_batch_done(batch);
}

struct stats_list {
    const void *stats[METRIC_COUNT];
    uint32_t count;
};

static void list_make(struct stats_list *list, const struct gql_call *call,
                      const struct scope *scope, uint32_t statuses)
{
    uint64_t asked = metrics_of(gql_argument(call, "metrics"));
    list->count = 0;
    for (int m = 0; m < METRIC_COUNT; m++)
        if (asked >> m & 1)
            list->stats[list->count++] =
                stats_new(call->arena, scope, statuses, m);
}

void stats_give(struct gql_batch *batch, uint32_t parent,
                const struct scope *scope, uint32_t statuses)
{
    struct stats_list list;
    list_make(&list, &batch->call, scope, statuses);
    gql_batch_list(batch, parent, list.stats, list.count);
}

/* What was made for one of the last parents is used again. */
#define MEMO_MAX 16

struct memo {
    const void *parent;
    struct stats_list list;
};

void resolve_stats(struct gql_batch *batch, scope_fn scope_of)
{
    struct memo memo[MEMO_MAX] = {0};
    uint32_t next = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        const void *parent = batch->parents[i];
        uint32_t m = 0;
        while (m < MEMO_MAX && memo[m].parent != parent)
            m++;
        if (m == MEMO_MAX) {
            struct scope scope = scope_of(parent, &batch->call);
            m = next++ % MEMO_MAX;
            memo[m].parent = parent;
            list_make(&memo[m].list, &batch->call, &scope, STATS_ACTIVE);
        }
        gql_batch_list(batch, i, memo[m].list.stats, memo[m].list.count);
    }
    gql_batch_done(batch);
}

const struct gql_binding stats_bindings[] = {
    {.name = "MetricStatistics.metric", .resolve = resolve_metric},
    {.name = "MetricStatistics.count", .write = write_count},
    {.name = "MetricStatistics.average", .write = write_average},
    {.name = "MetricStatistics.sum", .write = write_sum},
    {.name = "MetricStatistics.min", .write = write_min},
    {.name = "MetricStatistics.max", .write = write_max},
    {.name = "MetricStatistics.standardDeviation", .write = write_deviation},
    {.name = "MetricStatistics.p50",
     .write = write_fixed_percentile,
     .number = 50},
    {.name = "MetricStatistics.p95",
     .write = write_fixed_percentile,
     .number = 95},
    {.name = "MetricStatistics.p99",
     .write = write_fixed_percentile,
     .number = 99},
    {.name = "MetricStatistics.percentile", .write = write_percentile},
    {.name = "MetricStatistics.minGPU", .resolve = resolve_min_gpu},
    {.name = "MetricStatistics.maxGPU", .resolve = resolve_max_gpu},
    {.name = "MetricStatistics.histogram", .resolve = resolve_histogram},
    {.name = "HistogramBucket.from", .write = write_from},
    {.name = "HistogramBucket.to", .write = write_to},
    {.name = "HistogramBucket.count", .write = write_bucket_count},
    {.name = NULL},
};
