/* transform: each function, and destinations that are refused. */
#include "tests/unit/test.h"

#include "broker/jetstream/transform.h"

static void functions(void **state)
{
    (void)state;
    static const struct {
        const char *src, *dest, *subject, *expected;
    } cases[] = {
        {"", "in.>", "a.b", "in.a.b"},
        {">", ">", "a.b", "a.b"},
        {"a.>", "b.>", "a.x.y", "b.x.y"},
        {"a", "b", "a", "b"},
        {"a.*.*", "$2.$1", "a.x.y", "y.x"},
        {"a.*.*", "b.{{wildcard(2)}}", "a.x.y", "b.y"},
        {"a.*.>", "b.{{ Wildcard( 1 ) }}.>", "a.x.y.z", "b.x.y.z"},
        {"*", "{{split(1,-)}}", "-a--b-", "a.b"},
        {"*", "{{split(1,--)}}", "a-b--c", "a-b.c"},
        {"*", "{{SplitFromLeft(1,3)}}", "12345", "123.45"},
        {"*", "{{SplitFromRight(1,3)}}", "12345", "12.345"},
        {"*", "{{splitfromleft(1,5)}}", "12345", "12345"},
        {"*", "{{SliceFromLeft(1,2)}}", "12345", "12.34.5"},
        {"*", "{{SliceFromRight(1,2)}}", "12345", "1.23.45"},
        {"*", "{{slicefromright(1,2)}}", "1234", "12.34"},
        {"*", "{{slicefromleft(1,2)}}", "1234", "12.34"},
        {"*", "{{left(1,2)}}.{{right(1,2)}}", "12345", "12.45"},
        {"new.*", "new.{{wildcard(1)}}.{{partition(3,1)}}", "new.customerid1",
         "new.customerid1.0"},
        {"new.*", "{{partition(3,1)}}", "new.customerid2", "2"},
        {"new.*", "{{partition(3,1)}}", "new.customerid3", "1"},
        {"*.*", "{{partition(3,1,2)}}", "customer.id2", "2"},
        {">", "{{partition(3)}}.>", "customerid3", "1.customerid3"},
        {"*.*", "$1.{{partition(1,2)}}", "foo.bar", "foo.0"},
        {"a.*", "b.{{wildcard(1)}}.{{split(1,_)}}", "a.x_y", "b.x_y.x.y"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct errmsg err = {0};
        struct buf out = {0};
        struct transform *transform =
            transform_new(str_of(cases[i].src), str_of(cases[i].dest), &err);
        if (transform == NULL)
            fail_msg("%s: %s", cases[i].dest, err.text);
        assert_true(transform_apply(transform, str_of(cases[i].subject), &out));
        assert_string_equal(buf_text(&out), cases[i].expected);
        transform_free(&transform);
        buf_fini(&out);
    }
}

static void another_subject_stays(void **state)
{
    (void)state;
    struct buf out = {0};
    struct errmsg err;
    struct transform *transform =
        transform_new(str_of("a.*"), str_of("b.$1"), &err);
    assert_false(transform_apply(transform, str_of("a.b.c"), &out));
    assert_false(transform_apply(transform, str_of("x.b"), &out));
    assert_int_equal(out.len, 0);
    transform_free(&transform);
    assert_null(transform);
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *src, *dest;
    } cases[] = {
        {"a..b", "c"},
        {"a.*", ""},
        {"a.*", "b..c"},
        {"a.*", "b.*"},
        {"a.*", "b.>"},
        {"a.>", "b"},
        {"a.>", ">.b"},
        {"a.*", "b.$2"},
        {"a.*", "b.$0"},
        {"a", "b.$1"},
        {"a.*", "b.{{wildcard(2)}}"},
        {"a.*", "b.{{wildcard()}}"},
        {"a.*", "b.{{wildcard(1,1)}}"},
        {"a.*", "b.{{wildcard(x)}}"},
        {"a.*", "b.{{wildcard}}"},
        {"a.*", "b.{{nonsense(1)}}"},
        {"a.*", "b.{{}}"},
        {"a.*", "b.{{partition(0,1)}}"},
        {"a.*", "b.{{partition(2,3)}}"},
        {"a.*", "b.{{split(1)}}"},
        {"a.*", "b.{{split(1,.)}}"},
        {"a.*", "b.{{left(1,-3)}}"},
        {"a.*", "b.{{left(1,2).c"},
        {"a.*", "b. .c"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct errmsg err = {0};
        struct transform *transform =
            transform_new(str_of(cases[i].src), str_of(cases[i].dest), &err);
        if (transform != NULL)
            fail_msg("%s -> %s was taken", cases[i].src, cases[i].dest);
        assert_true(err.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions),
        cmocka_unit_test(another_subject_stays),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
