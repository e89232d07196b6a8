/* subject: what is a subject, and what a pattern selects. */
#include "tests/unit/test.h"

#include "broker/subject.h"

static void validity(void **state)
{
    (void)state;
    static const char *const good[] = {"a",      "a.b",         "*",  "a.*.c",
                                       "a.>",    ">",           "a*", "a>.b",
                                       "foo*.>", "\x01\xc3\xa9"};
    static const char *const bad[] = {"",     ".",     "a.",   ".a",
                                      "a..b", "a.>.b", "> .a", "a b",
                                      "a\tb", "a\fb",  ">.a"};
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(subject_valid(str_of(good[i])));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(subject_valid(str_of(bad[i])));
    assert_true(subject_valid_literal(str_of("a.b*")));
    assert_false(subject_valid_literal(str_of("a.*")));
    assert_false(subject_valid_literal(str_of("a.>")));
}

static void tokens(void **state)
{
    (void)state;
    struct str rest = str_of("a.bc."), token;
    assert_true(subject_next(&rest, &token));
    assert_str(token, "a");
    assert_true(subject_next(&rest, &token));
    assert_str(token, "bc");
    assert_true(subject_next(&rest, &token));
    assert_str(token, "");
    assert_false(subject_next(&rest, &token));
}

struct pair {
    const char *a, *b;
    bool yes;
};

static void matching(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"a", "a", true},        {"a", "b", false},
        {"a.*", "a.b", true},    {"a.*", "a", false},
        {"a.*", "a.b.c", false}, {"a.>", "a.b.c", true},
        {"a.>", "a", false},     {">", "a.b", true},
        {"*.b", "a.b", true},    {"a.b", "a.b.c", false},
        {"a*", "ab", false},     {"a*", "a*", true},
        {"*.>", "a", false},     {"*.>", "a.b", true},
        {"w.*", "w.*", true},
    };
    for (size_t i = 0; i < COUNT(pairs); i++)
        assert_int_equal(
            subject_matches(str_of(pairs[i].a), str_of(pairs[i].b)),
            pairs[i].yes);
}

static void covering(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"a.>", "a.b", true},  {"a.>", "a.>", true},     {"a.>", "a.*.c", true},
        {"a.*", "a.>", false}, {"a.b", "a.*", false},    {"*", ">", false},
        {">", "*", true},      {"a.*.c", "a.b.c", true}, {"a.>", "a", false},
    };
    for (size_t i = 0; i < COUNT(pairs); i++)
        assert_int_equal(subject_covers(str_of(pairs[i].a), str_of(pairs[i].b)),
                         pairs[i].yes);
}

static void overlapping(void **state)
{
    (void)state;
    static const struct pair pairs[] = {
        {"a.*", "*.b", true},  {"a.>", "a.b.c", true},  {"a.>", "a", false},
        {"a.b", "a.c", false}, {"*.b", "a.*.c", false}, {"a.*", "a.>", true},
        {">", "x", true},
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct str a = str_of(pairs[i].a), b = str_of(pairs[i].b);
        assert_int_equal(subject_overlaps(a, b), pairs[i].yes);
        assert_int_equal(subject_overlaps(b, a), pairs[i].yes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(validity),    cmocka_unit_test(tokens),
        cmocka_unit_test(matching),    cmocka_unit_test(covering),
        cmocka_unit_test(overlapping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
