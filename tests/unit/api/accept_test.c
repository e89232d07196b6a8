/* Quality values: what a client would rather have. */
#include "tests/unit/test.h"

#include "api/accept.h"

static int quality(const char *header, const char *name)
{
    return accept_quality(str_of(header), name);
}

static void quality_is_that_of_the_range(void **state)
{
    (void)state;
    assert_int_equal(quality("text/html", "text/html"), 1000);
    assert_int_equal(quality("text/html;q=0.8", "text/html"), 800);
    assert_int_equal(quality("text/html; level=1; q=0.25", "text/html"), 250);
    assert_int_equal(quality("a/b,\ttext/HTML ; Q=0.125", "text/html"), 125);
    assert_int_equal(quality("text/html;q=0", "text/html"), 0);
    assert_int_equal(quality("text/html;charset=utf-8", "text/html"), 1000);
    assert_int_equal(quality("text/plain", "text/html"), 0);
    assert_int_equal(quality("", "text/html"), 0);
    assert_int_equal(quality("br, gzip;q=0.5", "gzip"), 500);
}

static void most_specific_range_decides(void **state)
{
    (void)state;
    const char *all = "*/*;q=0.1, text/*;q=0.2, text/html;q=0";
    assert_int_equal(quality(all, "text/html"), 0);
    assert_int_equal(quality(all, "text/css"), 200);
    assert_int_equal(quality(all, "image/png"), 100);
    assert_int_equal(accept_precision(str_of(all), "text/html"), 3);
    assert_int_equal(accept_precision(str_of(all), "text/css"), 2);
    assert_int_equal(accept_precision(str_of(all), "image/png"), 1);
    assert_int_equal(accept_precision(str_of("a/b"), "image/png"), 0);
    assert_int_equal(quality("gzip;q=0, *", "gzip"), 0);
    assert_int_equal(quality("*", "gzip"), 1000);
}

static void nonsense_is_no_preference(void **state)
{
    (void)state;
    assert_int_equal(quality("text/html;q=", "text/html"), 1000);
    assert_int_equal(quality("text/html;q=2", "text/html"), 1000);
    assert_int_equal(quality("text/html;q=1.5", "text/html"), 1000);
    assert_int_equal(quality("text/html;q=0.1234567", "text/html"), 1000);
    assert_int_equal(quality(",,;,;q=0,", "text/html"), 0);
    assert_int_equal(quality("/*", "text/html"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quality_is_that_of_the_range),
        cmocka_unit_test(most_specific_range_decides),
        cmocka_unit_test(nonsense_is_no_preference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
