/* Which part of the stream a gateway follows. */
#include "tests/unit/test.h"

#include "api/live/follow.h"

static void assert_cover(const char *list, const char *cover)
{
    struct follow follow;
    struct errmsg err;
    assert_int_equal(follow_parse(&follow, list, &err), 0);
    assert_string_equal(follow.cover, cover);
    follow_fini(&follow);
}

static void the_narrowest_subject_covers_all(void **state)
{
    (void)state;
    assert_cover("telemetry.>", "telemetry.>");
    assert_cover("telemetry.a.b.c", "telemetry.a.b.c");
    assert_cover("telemetry.a.b.c,telemetry.a.x.c", "telemetry.a.*.c");
    assert_cover("telemetry.a.>, telemetry.b.c.d", "telemetry.*.>");
    assert_cover("telemetry.a.b.c,telemetry.a.*.*", "telemetry.a.*.*");
    assert_cover("telemetry.a.b.c,telemetry.a.b", "telemetry.a.b.>");
}

static void each_subject_takes_its_own(void **state)
{
    (void)state;
    struct follow follow;
    struct errmsg err;
    assert_int_equal(
        follow_parse(&follow, "telemetry.east.>,telemetry.*.h.G-1", &err), 0);
    assert_true(follow_takes(&follow, "telemetry.east.h.G-2"));
    assert_true(follow_takes(&follow, "telemetry.west.h.G-1"));
    assert_false(follow_takes(&follow, "telemetry.west.h.G-2"));
    assert_false(follow_takes(&follow, "telemetry.east"));
    assert_false(follow_takes(&follow, "telemetry.west.h.G-1.x"));
    assert_false(follow_takes(&follow, "telemetry.eastern.h.G-2"));
    follow_fini(&follow);
}

static void what_is_no_subject_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "events.>",       "telemetry",    "telemetry.",
        "telemetry..a",   "telemetry.a.", "telemetry.>.a",
        "telemetry.a*.b", "telemetry.a>", "telemetry.a,x.y",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct follow follow;
        struct errmsg err;
        assert_true(follow_parse(&follow, bad[i], &err) < 0);
        assert_non_null(strstr(err.text, "FOLLOW: \""));
    }
    struct follow follow;
    struct errmsg err;
    assert_true(follow_parse(&follow, " ,", &err) < 0);
    struct buf many = {0};
    for (int i = 0; i <= FOLLOW_MAX; i++)
        buf_printf(&many, "telemetry.c%d.>,", i);
    assert_true(follow_parse(&follow, buf_text(&many), &err) < 0);
    assert_non_null(strstr(err.text, "too many"));
    buf_reset(&many);
    buf_append_text(&many, "telemetry.");
    memset(buf_reserve(&many, FOLLOW_BYTES_MAX), 'x', FOLLOW_BYTES_MAX);
    many.len += FOLLOW_BYTES_MAX;
    assert_true(follow_parse(&follow, buf_text(&many), &err) < 0);
    buf_fini(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_narrowest_subject_covers_all),
        cmocka_unit_test(each_subject_takes_its_own),
        cmocka_unit_test(what_is_no_subject_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
