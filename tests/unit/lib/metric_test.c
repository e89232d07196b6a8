/* The catalogue, as far as the rest of the system counts on it. */
#include "unit/test.h"

#include <ctype.h>

#include "lib/metric.h"
#include "lib/sample.h"

/* Longest identifier PostgreSQL keeps. */
#define COLUMN_MAX 63

static void nothing_stands_twice(void **state)
{
    (void)state;
    for (int a = 0; a < METRIC_COUNT; a++)
        for (int b = a + 1; b < METRIC_COUNT; b++) {
            const struct metric_info *x = &metric_catalogue[a];
            const struct metric_info *y = &metric_catalogue[b];
            assert_false(str_eq(x->name, y->name));
            assert_false(str_eq(x->dcgm, y->dcgm));
            assert_string_not_equal(x->title, y->title);
        }
}

/* Unquoted SQL columns and JSON members that need no escape. */
static void names_are_lower_case_identifiers(void **state)
{
    (void)state;
    for (int m = 0; m < METRIC_COUNT; m++) {
        struct str name = metric_catalogue[m].name;
        assert_in_range(name.len, 1, COLUMN_MAX);
        assert_true(islower((unsigned char)name.p[0]));
        for (size_t i = 0; i < name.len; i++)
            assert_true(islower((unsigned char)name.p[i]) ||
                        isdigit((unsigned char)name.p[i]) || name.p[i] == '_');
    }
}

static void no_name_is_another_column_of_the_table(void **state)
{
    (void)state;
    static const char *const taken[] = {"gpu_id", "ts",   "revision", "extra",
                                        "user",   "from", "select",   "order"};
    for (size_t i = 0; i < COUNT(taken); i++)
        assert_int_equal(metric_by_name(str_of(taken[i])), -1);
}

static void every_metric_is_described(void **state)
{
    (void)state;
    for (int m = 0; m < METRIC_COUNT; m++) {
        assert_true(strlen(metric_catalogue[m].title) > 0);
        assert_non_null(metric_catalogue[m].unit);
        assert_true(
            str_has_prefix(metric_catalogue[m].dcgm, str_of("DCGM_FI_DEV_")));
    }
}

static void each_is_found_by_both_names(void **state)
{
    (void)state;
    for (int m = 0; m < METRIC_COUNT; m++) {
        assert_int_equal(metric_by_name(metric_catalogue[m].name), m);
        assert_int_equal(metric_by_dcgm(metric_catalogue[m].dcgm), m);
    }
    assert_int_equal(metric_by_name(str_of("power_draw")), METRIC_power_draw);
    assert_int_equal(metric_by_dcgm(str_of("DCGM_FI_DEV_GPU_TEMP")),
                     METRIC_temperature);
}

static void others_are_not_found(void **state)
{
    (void)state;
    static const char *const other[] = {"", "GPU_UTILIZATION", "gpu_utilizatio",
                                        "gpu_utilization ",
                                        "DCGM_FI_DEV_GPU_UTIL"};
    for (size_t i = 0; i < COUNT(other); i++)
        assert_int_equal(metric_by_name(str_of(other[i])), -1);
    assert_int_equal(metric_by_dcgm(str_of("gpu_utilization")), -1);
}

static void the_catalogue_fits_a_samples_bits(void **state)
{
    (void)state;
    struct sample s = {0};
    assert_true(METRIC_COUNT <= 64);
    for (int m = 0; m < METRIC_COUNT; m++) {
        assert_false(sample_has(&s, (enum metric)m));
        sample_set(&s, (enum metric)m, m);
        assert_true(sample_has(&s, (enum metric)m));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_stands_twice),
        cmocka_unit_test(names_are_lower_case_identifiers),
        cmocka_unit_test(no_name_is_another_column_of_the_table),
        cmocka_unit_test(every_metric_is_described),
        cmocka_unit_test(each_is_found_by_both_names),
        cmocka_unit_test(others_are_not_found),
        cmocka_unit_test(the_catalogue_fits_a_samples_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
