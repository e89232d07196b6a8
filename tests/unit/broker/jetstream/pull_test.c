/* pull: the body of a request, and the ring of those that wait. */
#include "tests/unit/test.h"

#include "broker/jetstream/pull.h"

static struct arena arena;

static int read_terms(const char *body, struct pull_terms *terms)
{
    struct errmsg why;
    return pull_terms_read(terms, str_of(body), &arena, &why);
}

static void bodies(void **state)
{
    (void)state;
    struct pull_terms terms;
    assert_int_equal(read_terms("", &terms), 0);
    assert_int_equal(terms.batch, 1);
    assert_int_equal(read_terms("25", &terms), 0);
    assert_int_equal(terms.batch, 25);
    assert_int_equal(
        read_terms("{\"batch\":5,\"expires\":1000,\"no_wait\":true,"
                   "\"max_bytes\":0,\"idle_heartbeat\":100,\"more\":1}",
                   &terms),
        0);
    assert_int_equal(terms.batch, 5);
    assert_int_equal(terms.expires_ns, 1000);
    assert_int_equal(terms.heartbeat_ns, 100);
    assert_true(terms.no_wait);
    assert_int_equal(read_terms("{\"batch\":-3}", &terms), 0);
    assert_int_equal(terms.batch, 1);
    assert_int_equal(
        read_terms("{\"group\":\"g\",\"id\":\"x\",\"min_pending\":5,"
                   "\"min_ack_pending\":6,\"priority\":9}",
                   &terms),
        0);
    assert_true(str_is(terms.group, "g"));
    assert_true(str_is(terms.id, "x"));
    assert_int_equal(terms.min_pending, 5);
    assert_int_equal(terms.min_ack_pending, 6);
    assert_int_equal(terms.priority, 9);
    arena_fini(&arena);
}

static void wrong_bodies(void **state)
{
    (void)state;
    static const char *const bad[] = {"x",
                                      "1.5",
                                      "{",
                                      "{\"batch\":1.5}",
                                      "{\"batch\":\"5\"}",
                                      "{\"expires\":-1}",
                                      "{\"max_bytes\":\"1\"}",
                                      "{\"group\":7}",
                                      "{\"group\":\"g\",\"id\":7}",
                                      "{\"group\":\"g\",\"min_pending\":-1}",
                                      "{\"group\":\"g\",\"priority\":-1}",
                                      "{\"group\":\"g\",\"priority\":10}"};
    struct pull_terms terms;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(read_terms(bad[i], &terms), -1);
    arena_fini(&arena);
}

static void turns(void **state)
{
    (void)state;
    struct pulls pulls = {0};
    struct pull_terms terms = {.batch = 1};
    struct pull *a = pull_add(&pulls, str_of("a"), &terms);
    struct pull *b = pull_add(&pulls, str_of("b"), &terms);
    assert_ptr_equal(pull_next(&pulls), a);
    pull_rotate(&pulls, a);
    assert_ptr_equal(pull_next(&pulls), b);
    b->held = true;
    pulls.held = 1;
    assert_ptr_equal(pull_next(&pulls), a);
    pull_remove(&pulls, b);
    assert_int_equal(pulls.held, 0);
    pull_remove(&pulls, a);
    assert_null(pull_next(&pulls));
    assert_int_equal(pulls.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies),
        cmocka_unit_test(wrong_bodies),
        cmocka_unit_test(turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
