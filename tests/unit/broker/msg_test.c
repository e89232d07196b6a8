/* msg: values out of a headers block. */
#include "tests/unit/test.h"

#include "broker/msg.h"

static void finds_values(void **state)
{
    (void)state;
    struct str block = str_of("NATS/1.0\r\nNats-Msg-Id:  x1 \r\nA: 1\r\n"
                              "A: 2\r\nNats-Msg-Id-Not: y\r\nEmpty:\r\n\r\n");
    struct str value;
    assert_true(msg_header(block, "Nats-Msg-Id", &value));
    assert_str(value, "x1");
    assert_true(msg_header(block, "A", &value));
    assert_str(value, "1");
    assert_true(msg_header(block, "Empty", &value));
    assert_str(value, "");
    assert_false(msg_header(block, "nats-msg-id", &value));
    assert_false(msg_header(block, "NATS/1.0", &value));
}

static void survives_malformed_blocks(void **state)
{
    (void)state;
    static const char *const blocks[] = {
        "", "NATS/1.0", "\r\n", "A: 1\r\n", "NATS/1.0\r\nA", "NATS/1.0\n\n:\n"};
    struct str value;
    for (size_t i = 0; i < COUNT(blocks); i++)
        assert_false(msg_header(str_of(blocks[i]), "A", &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_values),
        cmocka_unit_test(survives_malformed_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
