/* permissions: who may publish and subscribe to what, and answer whom. */
#include "tests/unit/test.h"

#include "broker/auth/permissions.h"
#include "lib/clock.h"

#define RULE(text)                             \
    {                                          \
        .subject = {(text), sizeof(text) - 1 } \
    }
#define QUEUE_RULE(text, name)                            \
    {                                                     \
        .subject = {(text), sizeof(text) - 1}, .queue = { \
            (name),                                       \
            sizeof(name) - 1                              \
        }                                                 \
    }
#define RULES(array)                                         \
    {                                                        \
        .rules = (array), .count = COUNT(array), .set = true \
    }

static struct grants *grants;

static void use(const struct permissions *p)
{
    grants_free(&grants);
    grants = grants_new(p);
}

static int teardown(void **state)
{
    (void)state;
    grants_free(&grants);
    return 0;
}

static bool publish(const char *subject)
{
    return grants_publish(grants, str_of(subject), 0);
}

static bool subscribe(const char *subject, const char *queue)
{
    return grants_subscribe(grants, str_of(subject), str_of(queue));
}

static bool receive(const char *subject, const char *reply, int64_t now_ns)
{
    return grants_receive(grants, str_of(subject), str_of(""), str_of(reply),
                          now_ns);
}

static void nothing_said_is_everything_allowed(void **state)
{
    (void)state;
    static const struct permissions p = {0};
    use(&p);
    assert_true(publish("a.b"));
    assert_true(subscribe(">", ""));
    assert_false(grants_guard(grants, str_of(">")));
}

static void publishing(void **state)
{
    (void)state;
    static const struct subject_rule allow[] = {RULE("foo.*"), RULE("bar")};
    static const struct subject_rule deny[] = {RULE("foo.secret")};
    static const struct permissions p = {.publish_allow = RULES(allow),
                                         .publish_deny = RULES(deny)};
    use(&p);
    assert_true(publish("foo.a"));
    assert_true(publish("foo.a"));
    assert_true(publish("bar"));
    assert_false(publish("foo.secret"));
    assert_false(publish("foo.a.b"));
    assert_false(publish("foo"));
    assert_false(publish("foo.b."));
    assert_false(publish("baz"));
}

static void an_empty_list_allows_nothing(void **state)
{
    (void)state;
    static const struct permissions p = {.publish_allow = {.set = true},
                                         .subscribe_allow = {.set = true}};
    use(&p);
    assert_false(publish("a"));
    assert_false(subscribe("a", ""));
}

static void only_denied(void **state)
{
    (void)state;
    static const struct subject_rule deny[] = {RULE("x.>")};
    static const struct permissions p = {.publish_deny = RULES(deny)};
    use(&p);
    assert_true(publish("x"));
    assert_false(publish("x.y"));
}

static void a_memo_does_not_outlive_the_permissions(void **state)
{
    (void)state;
    static const struct permissions all = {0};
    static const struct permissions none = {.publish_allow = {.set = true}};
    use(&all);
    assert_true(publish("a"));
    grants_change(grants, &none);
    assert_false(publish("a"));
}

static void subscribing(void **state)
{
    (void)state;
    static const struct subject_rule allow[] = {RULE("foo.>"), RULE("a.*")};
    static const struct subject_rule deny[] = {RULE("foo.x"), RULE("foo.y.*")};
    static const struct permissions p = {.subscribe_allow = RULES(allow),
                                         .subscribe_deny = RULES(deny)};
    use(&p);
    assert_true(subscribe("foo.>", ""));
    assert_true(subscribe("foo.*", "q"));
    assert_true(subscribe("a.b", ""));
    assert_true(subscribe("a.*", ""));
    assert_false(subscribe("a.>", ""));
    assert_false(subscribe("foo.x", ""));
    assert_false(subscribe("foo.y.z", "q"));
    assert_false(subscribe("foo.y.*", ""));
    assert_false(subscribe(">", ""));
    assert_false(subscribe("*", ""));
}

static void queues(void **state)
{
    (void)state;
    static const struct subject_rule allow[] = {
        RULE("all"), QUEUE_RULE("q.*", "workers"), QUEUE_RULE("v", "v1.>")};
    static const struct subject_rule deny[] = {QUEUE_RULE("all", "bad")};
    static const struct permissions p = {.subscribe_allow = RULES(allow),
                                         .subscribe_deny = RULES(deny)};
    use(&p);
    assert_true(subscribe("all", ""));
    assert_true(subscribe("all", "good"));
    assert_false(subscribe("all", "bad"));
    assert_true(subscribe("q.1", "workers"));
    assert_false(subscribe("q.1", "others"));
    assert_false(subscribe("q.1", ""));
    assert_true(subscribe("v", "v1.a"));
    assert_false(subscribe("v", "v2.a"));
}

static void what_is_denied_is_kept_from_a_wider_pattern(void **state)
{
    (void)state;
    static const struct subject_rule deny[] = {RULE("foo.x"), RULE("b.c.*")};
    static const struct permissions p = {.subscribe_deny = RULES(deny)};
    use(&p);
    assert_true(grants_guard(grants, str_of("foo.*")));
    assert_true(grants_guard(grants, str_of("*.c.d")));
    assert_false(grants_guard(grants, str_of("bar.>")));
    assert_true(receive("foo.y", "", 0));
    assert_false(receive("foo.x", "", 0));
    assert_false(receive("b.c.d", "", 0));
}

static void answers(void **state)
{
    (void)state;
    static const struct permissions p = {.publish_allow = {.set = true},
                                         .responses = true,
                                         .responses_max = 2,
                                         .responses_ns = NS_PER_S};
    use(&p);
    assert_true(grants_guard(grants, str_of("svc")));
    assert_false(publish("in.1"));
    assert_true(receive("svc", "in.1", 0));
    assert_true(publish("in.1"));
    assert_true(publish("in.1"));
    assert_false(publish("in.1"));
    assert_false(publish("in.1"));
    assert_true(receive("svc", "in.1", 0));
    assert_true(publish("in.1"));
    assert_true(receive("svc", "in.2", 0));
    assert_false(grants_publish(grants, str_of("in.2"), NS_PER_S));
}

static void any_number_of_answers(void **state)
{
    (void)state;
    static const struct permissions p = {
        .publish_allow = {.set = true}, .responses = true, .responses_max = -1};
    use(&p);
    assert_true(receive("svc", "in", 0));
    for (int i = 0; i < 100; i++)
        assert_true(grants_publish(grants, str_of("in"), INT64_MAX));
}

static void the_oldest_answers_give_way(void **state)
{
    (void)state;
    static const struct permissions p = {
        .publish_allow = {.set = true}, .responses = true, .responses_max = 1};
    char reply[16];
    use(&p);
    for (unsigned i = 0; i < GRANTS_REPLIES_MAX + 10; i++) {
        snprintf(reply, sizeof(reply), "in.%u", i);
        assert_true(receive("svc", reply, 0));
    }
    assert_false(publish("in.9"));
    assert_true(publish("in.10"));
    assert_true(publish(reply));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said_is_everything_allowed),
        cmocka_unit_test(publishing),
        cmocka_unit_test(an_empty_list_allows_nothing),
        cmocka_unit_test(only_denied),
        cmocka_unit_test(a_memo_does_not_outlive_the_permissions),
        cmocka_unit_test(subscribing),
        cmocka_unit_test(queues),
        cmocka_unit_test(what_is_denied_is_kept_from_a_wider_pattern),
        cmocka_unit_test(answers),
        cmocka_unit_test(any_number_of_answers),
        cmocka_unit_test(the_oldest_answers_give_way),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
