/* http_chunks: the same however the bytes are cut; what is malformed is
 * refused. */
#include "tests/unit/test.h"

#include <errno.h>

#include "lib/http_chunks.h"

#define BODY_MAX 64

/* Takes text in steps: what the last call said, and *left bytes behind it. */
static ssize_t take(const char *text, size_t step, struct buf *body,
                    size_t *left)
{
    struct http_chunks chunks = {0};
    size_t len = strlen(text), at = 0;
    ssize_t n = 0;
    buf_reset(body);
    while (at < len && chunks.state != CHUNKS_DONE) {
        size_t most = len - at < step ? len - at : step;
        n = http_chunks_take(&chunks, str_make(text + at, most), body,
                             BODY_MAX);
        if (n < 0)
            return n;
        at += (size_t)n;
    }
    *left = len - at;
    return chunks.state == CHUNKS_DONE ? 1 : 0;
}

static void whole(const char *text, const char *expected, size_t behind)
{
    struct buf body = {0};
    size_t left;
    for (size_t step = 1; step < 40; step++) {
        assert_int_equal(take(text, step, &body, &left), 1);
        assert_int_equal(left, behind);
        assert_buf(&body, expected);
    }
    buf_fini(&body);
}

static void refused(const char *text, int code)
{
    struct buf body = {0};
    size_t left;
    for (size_t step = 1; step < 40; step++)
        assert_int_equal(take(text, step, &body, &left), code);
    buf_fini(&body);
}

static void chunks_are_joined(void **state)
{
    (void)state;
    whole("0\r\n\r\n", "", 0);
    whole("3\r\nabc\r\n0\r\n\r\nGET /", "abc", 5);
    whole("1\r\na\r\n00a\r\n0123456789\r\n000\r\n\r\n", "a0123456789", 0);
    whole("A;name=\"v\"\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n",
          "\r\n\r\n\r\n\r\n\r\n", 0);
}

static void trailers_are_skipped(void **state)
{
    (void)state;
    whole("1\r\na\r\n0\r\nX: y\r\nZ: \r\n\r\n.", "a", 1);
}

static void what_is_malformed_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\r\n",        "x\r\n",       ";\r\n",       "-1\r\n",
        "0x1\r\na",    "1\na\r\n",    "1\r\nab\r\n", "1\r\na\n0\r\n",
        "1\r\ra",      "0\r\n\r\r\n", "0\r\nX: y\n", "0\r\n\n",
        "1;x\ny\r\na", " 1\r\na\r\n",
    };
    for (size_t i = 0; i < COUNT(texts); i++)
        refused(texts[i], -EPROTO);
}

static void limits_hold(void **state)
{
    (void)state;
    struct buf text = {0};
    refused("41\r\n0", -EMSGSIZE);
    refused("ffffffffffffffff\r\n", -EMSGSIZE);
    refused("0000000000000000\r\n", -EMSGSIZE);
    buf_append_text(&text, "1;");
    while (text.len < HTTP_CHUNKS_LINE_MAX + 8)
        buf_append_byte(&text, 'x');
    refused(buf_text(&text), -EPROTO);
    buf_reset(&text);
    buf_append_text(&text, "0\r\n");
    while (text.len < 2 * HTTP_CHUNKS_TRAILER_MAX)
        buf_append_text(&text, "a:b\r\n");
    refused(buf_text(&text), -EPROTO);
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_are_joined),
        cmocka_unit_test(trailers_are_skipped),
        cmocka_unit_test(what_is_malformed_is_refused),
        cmocka_unit_test(limits_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
