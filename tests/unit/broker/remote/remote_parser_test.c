/* remote_parser: each operation whole and in pieces, with the input ending
 * where memory ends. */
#include "tests/unit/test.h"

#include <errno.h>

#include "broker/remote/remote_parser.h"

#define PAYLOAD_MAX 1024

/* Parses a copy of exactly len bytes: the sanitizer sees a read behind it.
 * Slices point into it until the next call. */
static ssize_t parse(struct remote_parser *parser, const char *text, size_t len,
                     struct remote_op *op)
{
    static char *copy;
    free(copy);
    copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    return remote_parser_next(parser, copy, len, op);
}

/* The whole text is one operation, however few bytes come at a time. */
static struct remote_op whole(const char *text)
{
    struct remote_parser parser = {.payload_max = PAYLOAD_MAX};
    struct remote_op op = {0};
    size_t len = strlen(text);
    for (size_t n = 0; n < len; n++)
        assert_int_equal(parse(&parser, text, n, &op), 0);
    assert_int_equal(parse(&parser, text, len, &op), len);
    struct remote_parser fresh = {.payload_max = PAYLOAD_MAX};
    assert_int_equal(parse(&fresh, text, len, &op), len);
    return op;
}

static ssize_t refused(const char *text)
{
    struct remote_parser parser = {.payload_max = PAYLOAD_MAX};
    struct remote_op op;
    return parse(&parser, text, strlen(text), &op);
}

static void messages(void **state)
{
    (void)state;
    struct remote_op op = whole("MSG a.b 9 5\r\nhello\r\n");
    assert_int_equal(op.kind, REMOTE_MSG);
    assert_str(op.subject, "a.b");
    assert_str(op.sid, "9");
    assert_int_equal(op.reply.len, 0);
    assert_str(op.payload, "hello");
    op = whole("msg\ta.b  9 $JS.ACK.x 0 \r\n\r\n");
    assert_str(op.reply, "$JS.ACK.x");
    assert_int_equal(op.payload.len, 0);
    op = whole("HMSG a 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n");
    assert_str(op.headers, "NATS/1.0\r\n\r\n");
    assert_str(op.payload, "hi");
    op = whole("HMSG a 1 r 12 12\r\nNATS/1.0\r\n\r\n\r\n");
    assert_str(op.reply, "r");
    assert_int_equal(op.payload.len, 0);
}

static void lines(void **state)
{
    (void)state;
    struct remote_op op = whole("INFO {\"a\":1} \r\n");
    assert_int_equal(op.kind, REMOTE_INFO);
    assert_str(op.text, "{\"a\":1}");
    op = whole("-ERR 'Authorization Violation'\r\n");
    assert_int_equal(op.kind, REMOTE_ERR);
    assert_str(op.text, "'Authorization Violation'");
    assert_int_equal(whole("PING\r\n").kind, REMOTE_PING);
    assert_int_equal(whole("PONG\n").kind, REMOTE_PONG);
    assert_int_equal(whole("+OK\r\n").kind, REMOTE_OK);
}

static void refusals(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "SUB a 1\r\n",           "\r\n",
        "MSG a 1\r\n",           "MSG a 1 x\r\n",
        "MSG a 1 r x 5\r\n",     "MSG a 1 2\r\nabcd",
        "HMSG a 1 5\r\nx",       "HMSG a 1 6 5\r\n",
        "HMSG a 1 r q 1 2\r\n",  "MSG a 1 -1\r\n",
        "MSG a 1 9999999999\r\n"};
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_int_equal(refused(wrong[i]), -EPROTO);
    assert_int_equal(refused("MSG a 1 1025\r\n"), -EMSGSIZE);
}

static void a_line_without_end_is_refused(void **state)
{
    (void)state;
    struct remote_parser parser = {.payload_max = PAYLOAD_MAX};
    struct remote_op op;
    static char text[REMOTE_LINE_MAX + 1];
    memset(text, 'x', sizeof(text));
    assert_int_equal(parse(&parser, text, REMOTE_LINE_MAX, &op), 0);
    assert_int_equal(parse(&parser, text, sizeof(text), &op), -EMSGSIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages), cmocka_unit_test(lines),
        cmocka_unit_test(refusals),
        cmocka_unit_test(a_line_without_end_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
