/* Figures over the latest values of GPUs. */
#include "unit/test.h"

#include "api/graphql/telemetry/stats.h"

#define GPUS_MAX 32

static struct fleet_gpu gpus[GPUS_MAX];
static struct fleet_gpu *list[GPUS_MAX];
static struct arena arena;

static struct metric_stats *stats_of(const double *values, uint32_t count)
{
    memset(gpus, 0, sizeof gpus);
    for (uint32_t i = 0; i < count; i++) {
        gpus[i].status = FLEET_ACTIVE;
        gpus[i].present = UINT64_C(1) << METRIC_temperature;
        gpus[i].values[METRIC_temperature] = values[i];
        list[i] = &gpus[i];
    }
    struct scope scope = {.gpus = list, .count = count};
    return stats_new(&arena, &scope, STATS_ACTIVE, METRIC_temperature);
}

static void figures_are_those_of_the_values(void **state)
{
    (void)state;
    const double values[] = {4, 1, 3, 2, 10};
    struct metric_stats *s = stats_of(values, 5);
    assert_int_equal(s->count, 5);
    assert_float_equal(s->sum, 20, 0);
    assert_float_equal(s->min, 1, 0);
    assert_float_equal(s->max, 10, 0);
    assert_ptr_equal(s->min_gpu, &gpus[1]);
    assert_ptr_equal(s->max_gpu, &gpus[4]);
    assert_float_equal(stats_deviation(s), 3.16227766, 1e-8);
    assert_float_equal(stats_percentile(s, 0), 1, 0);
    assert_float_equal(stats_percentile(s, 50), 3, 0);
    assert_float_equal(stats_percentile(s, 95), 8.8, 1e-12);
    assert_float_equal(stats_percentile(s, 100), 10, 0);
}

static void one_value_is_all_percentiles(void **state)
{
    (void)state;
    const double value = 7;
    struct metric_stats *s = stats_of(&value, 1);
    assert_float_equal(stats_percentile(s, 0), 7, 0);
    assert_float_equal(stats_percentile(s, 99), 7, 0);
    assert_float_equal(stats_deviation(s), 0, 0);
}

static void what_is_not_of_now_is_left_out(void **state)
{
    (void)state;
    const double values[] = {1, 2, 3};
    stats_of(values, 3);
    gpus[0].status = FLEET_SILENT;
    gpus[1].present = 0;
    struct scope scope = {.gpus = list, .count = 3};
    struct metric_stats *s =
        stats_new(&arena, &scope, STATS_ACTIVE, METRIC_temperature);
    assert_int_equal(s->count, 1);
    assert_float_equal(s->sum, 3, 0);
    s = stats_new(&arena, &scope, UINT32_MAX, METRIC_temperature);
    assert_int_equal(s->count, 2);
}

static void assert_counts(const struct histogram_bucket *all,
                          const uint32_t *counts, uint32_t buckets)
{
    for (uint32_t i = 0; i < buckets; i++)
        assert_int_equal(all[i].count, counts[i]);
}

static void a_bucket_has_its_lower_bound(void **state)
{
    (void)state;
    const double values[] = {0, 9.999, 10, 19, 20, 30, 40};
    struct metric_stats *s = stats_of(values, 7);
    struct histogram_bucket *all = stats_histogram(s, &arena, 4, 0, 40);
    assert_counts(all, (const uint32_t[]){2, 2, 1, 2}, 4);
    assert_float_equal(all[1].from, 10, 0);
    assert_float_equal(all[1].to, 20, 0);
    /* what is outside is nowhere */
    all = stats_histogram(s, &arena, 2, 10, 20);
    assert_counts(all, (const uint32_t[]){1, 2}, 2);
}

/* Tenths have no exact double: a value on a bound must still be above it. */
static void bounds_that_are_not_exact_are_kept(void **state)
{
    (void)state;
    double values[11];
    for (int i = 0; i <= 10; i++)
        values[i] = 0.1 * i;
    struct metric_stats *s = stats_of(values, 11);
    struct histogram_bucket *all = stats_histogram(s, &arena, 10, 0, 1);
    uint32_t total = 0;
    for (int b = 0; b < 10; b++) {
        uint32_t inside = 0;
        for (int i = 0; i <= 10; i++)
            inside += values[i] >= all[b].from &&
                      (values[i] < all[b].to || (b == 9 && values[i] <= 1));
        assert_int_equal(all[b].count, inside);
        total += all[b].count;
    }
    assert_int_equal(total, 11);
}

static void equal_values_are_in_one_bucket(void **state)
{
    (void)state;
    const double values[] = {5, 5, 5};
    struct histogram_bucket *all =
        stats_histogram(stats_of(values, 3), &arena, 3, 5, 5);
    assert_int_equal(all[0].count + all[1].count + all[2].count, 3);
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_of_the_values),
        cmocka_unit_test(one_value_is_all_percentiles),
        cmocka_unit_test(what_is_not_of_now_is_left_out),
        cmocka_unit_test(a_bucket_has_its_lower_bound),
        cmocka_unit_test(bounds_that_are_not_exact_are_kept),
        cmocka_unit_test(equal_values_are_in_one_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
