/* parser: each operation whole and in pieces, with the input ending at an
 * unreadable page. */
#include "tests/unit/test.h"

#include <sys/mman.h>

#include "broker/parser.h"

static char *page_end; /* what is behind it may not be read */

static int map_pages(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    assert_int_equal(mprotect(pages + 2 * page, page, PROT_NONE), 0);
    page_end = pages + 2 * page;
    return 0;
}

static struct parser parser_make(void)
{
    return (struct parser){
        .payload_max = 1024, .control_line_max = 128, .headers = true};
}

/* Parses text lying at the very end of the readable pages. */
static ssize_t parse(struct parser *parser, const char *text, size_t len,
                     struct op *op)
{
    char *at = page_end - len;
    memcpy(at, text, len);
    return parser_next(parser, at, len, op);
}

/* The whole text is one operation, however few bytes come at a time. */
static struct op whole(const char *text)
{
    struct parser parser = parser_make();
    struct op op = {0};
    size_t len = strlen(text);
    for (size_t n = 0; n < len; n++)
        assert_int_equal(parse(&parser, text, n, &op), PARSE_AGAIN);
    assert_int_equal(parse(&parser, text, len, &op), len);
    struct parser fresh = parser_make();
    assert_int_equal(parse(&fresh, text, len, &op), len);
    return op;
}

/* The first error on the way, one byte more at a time. */
static ssize_t refused(const char *text)
{
    struct parser parser = parser_make();
    struct op op;
    ssize_t n = PARSE_AGAIN;
    for (size_t len = 0; len <= strlen(text) && n == PARSE_AGAIN; len++)
        n = parse(&parser, text, len, &op);
    struct parser fresh = parser_make();
    assert_int_equal(parse(&fresh, text, strlen(text), &op), n);
    return n;
}

static void pub(void **state)
{
    (void)state;
    struct op op = whole("PUB a.b 5\r\nhello\r\n");
    assert_int_equal(op.kind, OP_PUB);
    assert_str(op.msg.subject, "a.b");
    assert_int_equal(op.msg.reply.len, 0);
    assert_str(op.msg.payload, "hello");
    op = whole("pub  a.b\tre.ply  0 \n\r\n");
    assert_str(op.msg.subject, "a.b");
    assert_str(op.msg.reply, "re.ply");
    assert_str(op.msg.payload, "");
    op = whole("PUB a 00002\r\n\r\n\r\n");
    assert_str(op.msg.payload, "\r\n");
}

/* Whether the subject was expected shows in nothing but where it points. */
static void expected_subject(void **state)
{
    (void)state;
    static const char *const subjects[] = {
        "a",        "a.b.c",   "a.b.c.",  "a.b.c.d",
        "a.b.c.de", "b.b.c.d", "a.b.c.e", "a.b.c.d.e.f.g.h.i"};
    struct parser parser = parser_make();
    parser.known = str_of("a.b.c.d");
    for (size_t i = 0; i < sizeof(subjects) / sizeof(*subjects); i++) {
        static const char *const ways[][2] = {{"PUB ", " 2\r\nhi\r\n"},
                                              {"PUB ", " r 2\r\nhi\r\n"},
                                              {"PUB\t", " 2\r\nhi\r\n"},
                                              {"HPUB ", " 0 2\r\nhi\r\n"}};
        for (size_t j = 0; j < sizeof(ways) / sizeof(*ways); j++) {
            char text[64];
            struct op op;
            int n = snprintf(text, sizeof(text), "%s%s%s", ways[j][0],
                             subjects[i], ways[j][1]);
            assert_int_equal(parse(&parser, text, (size_t)n, &op), n);
            assert_str(op.msg.subject, subjects[i]);
            assert_str(op.msg.to, subjects[i]);
            assert_str(op.msg.payload, "hi");
            assert_int_equal(op.msg.subject.p == parser.known.p, i == 3);
        }
    }
}

static void hpub(void **state)
{
    (void)state;
    struct op op = whole("HPUB a r 12 14\r\nNATS/1.0\r\n\r\nhi\r\n");
    assert_int_equal(op.kind, OP_PUB);
    assert_str(op.msg.headers, "NATS/1.0\r\n\r\n");
    assert_str(op.msg.payload, "hi");
    assert_str(op.msg.reply, "r");
    op = whole("HPUB a 0 2\r\nhi\r\n");
    assert_int_equal(op.msg.headers.len, 0);
    assert_str(op.msg.payload, "hi");
}

static void sub_and_unsub(void **state)
{
    (void)state;
    struct op op = whole("SUB a.* 1\r\n");
    assert_int_equal(op.kind, OP_SUB);
    assert_str(op.pattern, "a.*");
    assert_str(op.sid, "1");
    assert_int_equal(op.queue.len, 0);
    op = whole("sub a q x2\n");
    assert_str(op.queue, "q");
    assert_str(op.sid, "x2");
    op = whole("UNSUB 7\r\n");
    assert_int_equal(op.kind, OP_UNSUB);
    assert_int_equal(op.max, 0);
    op = whole("UNSUB 7 12\r\n");
    assert_str(op.sid, "7");
    assert_int_equal(op.max, 12);
}

static void small_operations(void **state)
{
    (void)state;
    assert_int_equal(whole("PING\r\n").kind, OP_PING);
    assert_int_equal(whole("ping what ever\r\n").kind, OP_PING);
    assert_int_equal(whole("PONG\n").kind, OP_PONG);
    assert_int_equal(whole("+OK\r\n").kind, OP_IGNORED);
    assert_int_equal(whole("INFO {}\r\n").kind, OP_IGNORED);
    assert_int_equal(whole("-ERR 'x'\r\n").kind, OP_ERR);
    struct op op = whole("CONNECT {\"a\": 1}\r\n");
    assert_int_equal(op.kind, OP_CONNECT);
    assert_str(op.options, " {\"a\": 1}");
}

static void unknown_operations(void **state)
{
    (void)state;
    static const char *const texts[] = {"FOO\r\n",
                                        "\r\n",
                                        "GET / HTTP/1.1\r\n",
                                        "PUX a 1\r\n",
                                        "PUB\r\n",
                                        "SUBa 1\r\n",
                                        "CONNECT{}\r\n",
                                        "MSG a 1 0\r\n",
                                        "PUB a 1\r\nxy\r\n",
                                        "PUB a 1\r\nx\n\r\n",
                                        "HPUB a 0 1\r\nxyz"};
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_int_equal(refused(texts[i]), PARSE_UNKNOWN);
}

static void wrong_arguments(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "PUB \r\n",       "PUB a\r\n",       "PUB a b c 1\r\n",
        "PUB a x\r\n",    "PUB a -1\r\n",    "PUB a 1x\r\n",
        "SUB a\r\n",      "SUB a b c d\r\n", "UNSUB \r\n",
        "HPUB a 1\r\n",   "HPUB a 5 3\r\n",  "PUB a 9999999999999999999\r\n",
        "UNSUB a b c\r\n"};
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_int_equal(refused(texts[i]), PARSE_ARGUMENTS);
}

static void headers_only_when_negotiated(void **state)
{
    (void)state;
    struct parser parser = parser_make();
    struct op op;
    parser.headers = false;
    static const char text[] = "HPUB a 0 0\r\n\r\n";
    assert_int_equal(parse(&parser, text, sizeof(text) - 1, &op),
                     PARSE_ARGUMENTS);
}

static void limits(void **state)
{
    (void)state;
    char line[512];
    assert_int_equal(refused("PUB a 1025\r\n"), PARSE_PAYLOAD_MAX);
    assert_int_equal(refused("HPUB a 1 1025\r\n"), PARSE_PAYLOAD_MAX);
    memset(line, 'a', sizeof(line));
    memcpy(line, "SUB ", 4);
    line[sizeof(line) - 1] = '\0';
    assert_int_equal(refused(line), PARSE_LINE_MAX);
    memcpy(line + 140, " 1\r\n", 5);
    assert_int_equal(refused(line), PARSE_LINE_MAX);
}

static void one_after_the_other(void **state)
{
    (void)state;
    static const char text[] = "PING\r\nPUB a 1\r\nx\r\nSUB b 1\r\n";
    struct parser parser = parser_make();
    struct op op;
    size_t at = 0, len = sizeof(text) - 1;
    enum op_kind kinds[] = {OP_PING, OP_PUB, OP_SUB};
    for (size_t i = 0; i < COUNT(kinds); i++) {
        ssize_t n = parse(&parser, text + at, len - at, &op);
        assert_true(n > 0);
        assert_int_equal(op.kind, kinds[i]);
        at += (size_t)n;
    }
    assert_int_equal(at, len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pub),
        cmocka_unit_test(expected_subject),
        cmocka_unit_test(hpub),
        cmocka_unit_test(sub_and_unsub),
        cmocka_unit_test(small_operations),
        cmocka_unit_test(unknown_operations),
        cmocka_unit_test(wrong_arguments),
        cmocka_unit_test(headers_only_when_negotiated),
        cmocka_unit_test(limits),
        cmocka_unit_test(one_after_the_other),
    };
    return cmocka_run_group_tests(tests, map_pages, NULL);
}
