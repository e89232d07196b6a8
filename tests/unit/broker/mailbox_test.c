/* mailbox: what was put in comes out as it was, and there is an end to it. */
#include "tests/unit/test.h"

#include "broker/mailbox.h"

static void comes_out_in_order(void **state)
{
    (void)state;
    struct mailbox mailbox = {0};
    struct msg out;
    const struct msg first = {.to = STR("a"),
                              .subject = STR("b.c"),
                              .reply = STR("d"),
                              .headers = STR("NATS/1.0\r\n\r\n"),
                              .payload = STR("e")};
    const struct msg second = {.to = STR("f"), .subject = STR("f")};
    assert_true(mailbox_empty(&mailbox));
    assert_true(mailbox_put(&mailbox, &first));
    assert_true(mailbox_put(&mailbox, &second));
    assert_true(mailbox_take(&mailbox, &out));
    assert_true(str_is(out.to, "a") && str_is(out.subject, "b.c"));
    assert_true(str_is(out.reply, "d") && str_is(out.payload, "e"));
    assert_true(str_eq(out.headers, first.headers));
    assert_true(mailbox_take(&mailbox, &out));
    assert_true(str_is(out.to, "f") && str_is(out.payload, ""));
    assert_false(mailbox_take(&mailbox, &out));
    assert_true(mailbox_empty(&mailbox));
    mailbox_fini(&mailbox);
}

static void is_full_one_day(void **state)
{
    (void)state;
    static char large[1u << 20];
    struct mailbox mailbox = {0};
    const struct msg msg = {.to = STR("a"),
                            .payload = str_make(large, sizeof(large))};
    for (size_t i = 0; i < MAILBOX_BYTES_MAX / sizeof(large); i++)
        assert_true(mailbox_put(&mailbox, &msg));
    assert_false(mailbox_put(&mailbox, &msg));
    mailbox_fini(&mailbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_out_in_order),
        cmocka_unit_test(is_full_one_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
