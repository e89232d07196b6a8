/* sublist: the tree, its cache, and both against a plain search. */
#include "tests/unit/test.h"

#include "broker/sublist.h"
#include "broker/subject.h"

static struct sublist *list;
static struct sub_result scratch;

static int set_up(void **state)
{
    (void)state;
    list = sublist_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sub_result_fini(&scratch);
    sublist_free(&list);
    return 0;
}

static struct sub *add(const char *subject, const char *queue)
{
    struct sub *sub =
        sub_new(NULL, str_of(subject), str_of(queue), str_of("1"));
    sublist_insert(list, sub);
    return sub;
}

static const struct sub_result *match(const char *subject)
{
    return sublist_match(list, str_of(subject), &scratch);
}

static bool finds(const char *subject, const struct sub *sub)
{
    const struct sub_result *result = match(subject);
    for (uint32_t i = 0; i < result->plain.count; i++) {
        if (result->plain.subs[i] == sub)
            return true;
    }
    return false;
}

static void remove_all(struct sub **subs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!subs[i]->closed)
            sublist_remove(list, subs[i]);
    }
}

static void wildcards(void **state)
{
    (void)state;
    struct sub *subs[] = {add("a.b", ""), add("a.*", ""), add("a.>", ""),
                          add("*.b", ""), add("a.*.c", "")};
    assert_int_equal(match("a.b")->plain.count, 4);
    assert_int_equal(match("a.x.c")->plain.count, 2);
    assert_int_equal(match("a")->plain.count, 0);
    assert_int_equal(match("a..b")->plain.count, 0);
    assert_int_equal(match("a.*")->plain.count, 2);
    remove_all(subs, COUNT(subs));
    assert_int_equal(match("a.b")->plain.count, 0);
}

static void queue_groups_of_different_patterns_are_one(void **state)
{
    (void)state;
    struct sub *subs[] = {add("a.b", "q"), add("a.*", "q"), add("a.b", "r"),
                          add("a.b", "")};
    for (int i = 0; i < 3; i++) { /* worked out, admitted, from the cache */
        const struct sub_result *result = match("a.b");
        assert_int_equal(result->plain.count, 1);
        assert_int_equal(result->group_count, 2);
        uint32_t members = 0;
        for (uint32_t g = 0; g < result->group_count; g++)
            members += result->groups[g].members.count;
        assert_int_equal(members, 3);
    }
    remove_all(subs, COUNT(subs));
    assert_int_equal(match("a.b")->group_count, 0);
}

static void an_answer_is_cached_when_asked_twice(void **state)
{
    (void)state;
    struct sublist_stats stats;
    struct sub *sub = add("a.b", "");
    match("a.b");
    sublist_stats(list, &stats);
    assert_int_equal(stats.cached, 0);
    match("a.b");
    match("a.b");
    sublist_stats(list, &stats);
    assert_int_equal(stats.cached, 1);
    assert_int_equal(stats.hits, 1);
    sublist_remove(list, sub);
}

static void a_change_drops_the_answers_it_touches(void **state)
{
    (void)state;
    struct sublist_stats stats;
    struct sub *first = add("a.b", "");
    for (int i = 0; i < 2; i++) {
        match("a.b");
        match("x.y");
    }
    struct sub *wild = add("a.>", "");
    sublist_stats(list, &stats);
    assert_int_equal(stats.cached, 1);
    assert_true(finds("a.b", wild));
    sublist_remove(list, wild);
    assert_false(finds("a.b", wild));
    assert_true(finds("a.b", first));
    sublist_remove(list, first);
}

static void what_was_removed_stays_until_reaped(void **state)
{
    (void)state;
    struct sub *sub = add("a", "");
    match("a");
    const struct sub_result *result = match("a");
    sublist_remove(list, sub);
    assert_int_equal(result->plain.count, 1);
    assert_ptr_equal(result->plain.subs[0], sub);
    assert_true(sub->closed);
    sublist_reap(list);
}

static void interest(void **state)
{
    (void)state;
    struct sub *subs[] = {add("a.*.c", ""), add("q.>", "g")};
    assert_true(sublist_has_interest(list, str_of("a.b.c")));
    assert_false(sublist_has_interest(list, str_of("a.b")));
    assert_false(sublist_has_interest(list, str_of("a.b.d")));
    assert_true(sublist_has_interest(list, str_of("q.1.2")));
    remove_all(subs, COUNT(subs));
    assert_false(sublist_has_interest(list, str_of("a.b.c")));
}

/* ---- against a plain search ---- */

#define SUBS  400
#define STEPS 20000

static void random_subject(uint64_t *seed, bool pattern, char *out)
{
    unsigned tokens = 1 + (unsigned)(random_next(seed) % 4);
    for (unsigned i = 0; i < tokens; i++) {
        unsigned pick = (unsigned)(random_next(seed) % 6);
        char c = (char)('a' + pick);
        if (pattern && pick == 4)
            c = '*';
        if (pattern && pick == 5)
            c = i + 1 == tokens ? '>' : '*';
        *out++ = c;
        *out++ = i + 1 == tokens ? '\0' : '.';
    }
}

static uint32_t expected(struct sub **subs, struct str subject)
{
    uint32_t count = 0;
    for (int i = 0; i < SUBS; i++)
        count += subs[i] != NULL && subject_matches(subs[i]->subject, subject);
    return count;
}

static void random_changes_agree_with_a_plain_search(void **state)
{
    (void)state;
    struct sub *subs[SUBS] = {0};
    uint64_t seed = 42;
    char text[16];
    for (int step = 0; step < STEPS; step++) {
        size_t at = random_next(&seed) % SUBS;
        if (step % 4 == 0 && subs[at] != NULL) {
            sublist_remove(list, subs[at]);
            subs[at] = NULL;
        } else if (step % 4 == 0) {
            random_subject(&seed, true, text);
            subs[at] = add(text, "");
        }
        random_subject(&seed, false, text);
        uint32_t want = expected(subs, str_of(text));
        assert_int_equal(match(text)->plain.count, want);
        assert_int_equal(sublist_has_interest(list, str_of(text)), want > 0);
        sublist_reap(list);
    }
    for (int i = 0; i < SUBS; i++) {
        if (subs[i] != NULL)
            sublist_remove(list, subs[i]);
    }
}

static void a_full_cache_gives_right_answers(void **state)
{
    (void)state;
    struct sub *sub = add("n.*", "");
    char text[32];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 20000; i++) {
            snprintf(text, sizeof(text), "n.%d", i);
            assert_int_equal(match(text)->plain.count, 1);
        }
        sublist_reap(list);
    }
    sublist_remove(list, sub);
    assert_int_equal(match("n.7")->plain.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(wildcards, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            queue_groups_of_different_patterns_are_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_is_cached_when_asked_twice,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_drops_the_answers_it_touches,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_removed_stays_until_reaped,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(interest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            random_changes_agree_with_a_plain_search, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_cache_gives_right_answers,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
