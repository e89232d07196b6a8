/* msg_ttl: what a header may say, and how a time is written. */
#include "tests/unit/test.h"

#include "broker/jetstream/msg_ttl.h"
#include "lib/clock.h"

static void reading(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds; /* -1: refused */
    } cases[] = {
        {"1", 1},
        {"0", 0},
        {"3600", 3600},
        {"1s", 1},
        {"1m30s", 90},
        {"1.5h", 5400},
        {"2000ms", 2},
        {"1500ms", 1},
        {"1h0m1s", 3601},
        {"500ms", -1},
        {"-1", -1},
        {"-5s", -1},
        {"", -1},
        {"s", -1},
        {"1x", -1},
        {"1s ", -1},
        {"soon", -1},
        {"1.2.3s", -1},
        {"9e99h", -1},
        {"9999999999999h", -1},
        {"99999999999999999999", -1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t ttl_ns = 0;
        int rc = msg_ttl_read(str_of(cases[i].text), &ttl_ns);
        if ((rc == 0) != (cases[i].seconds >= 0))
            fail_msg("\"%s\"", cases[i].text);
        if (rc == 0)
            assert_int_equal(ttl_ns, cases[i].seconds * NS_PER_S);
    }
    int64_t ttl_ns = 0;
    assert_int_equal(msg_ttl_read(str_of("Never"), &ttl_ns), 0);
    assert_true(ttl_ns == MSG_TTL_NEVER);
}

static void never(void **state)
{
    (void)state;
    assert_true(msg_ttl_is_never(
        str_of("NATS/1.0\r\nA: b\r\nNats-TTL: never\r\n\r\n")));
    assert_false(msg_ttl_is_never(str_of("NATS/1.0\r\nNats-TTL: 10\r\n\r\n")));
    assert_false(msg_ttl_is_never(str_of("")));
}

static void writing(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        {1, "1s"}, {90, "1m30s"}, {3600, "1h0m0s"}, {90061, "25h1m1s"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf out = {0};
        msg_ttl_append(&out, cases[i].seconds * NS_PER_S);
        assert_string_equal(buf_text(&out), cases[i].text);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading),
        cmocka_unit_test(never),
        cmocka_unit_test(writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
