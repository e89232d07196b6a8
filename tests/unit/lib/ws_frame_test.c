/* ws_frame: frames are understood however they arrive, and what the RFC
 * forbids is refused. */
#include "tests/unit/test.h"

#include <errno.h>

#include "lib/ws_frame.h"

static const unsigned char mask[4] = {1, 2, 3, 4};

/* A frame as a client sends it. */
static void add_frame(struct buf *out, unsigned first, const char *text,
                      size_t len)
{
    char head[WS_HEAD_OUT_MAX];
    size_t n = ws_write_head(head, WS_BINARY, false, len);
    head[0] = (char)first;
    head[1] = (char)(head[1] | 0x80);
    buf_append(out, head, n);
    buf_append(out, mask, sizeof(mask));
    for (size_t i = 0; i < len; i++)
        buf_append_byte(out, (char)(text[i] ^ mask[i % 4]));
}

static void add_text(struct buf *out, unsigned first, const char *text)
{
    add_frame(out, first, text, strlen(text));
}

/* Reads in steps: data as it is, controls in <>, '|' where a message ends. */
static int read_all(struct ws_reader *reader, const struct buf *in, size_t step,
                    struct buf *seen)
{
    for (size_t at = 0; at < in->len;) {
        struct ws_piece piece;
        size_t n = in->len - at < step ? in->len - at : step;
        char *exact = malloc(n); /* nothing behind it may be looked at */
        memcpy(exact, in->data + at, n);
        ssize_t taken = ws_read_piece(reader, exact, n, &piece);
        if (taken > 0 && piece.kind == WS_DATA) {
            buf_append_str(seen, piece.text);
            buf_append_text(seen, piece.last ? "|" : "");
        } else if (taken > 0 && piece.kind == WS_CONTROL) {
            buf_printf(seen, "<%d %.*s>", (int)piece.opcode,
                       STR_ARG(piece.text));
        }
        free(exact);
        if (taken < 0)
            return (int)taken;
        assert_true(taken > 0 && (size_t)taken <= n);
        at += (size_t)taken;
    }
    return 0;
}

static void any_split_will_do(void **state)
{
    (void)state;
    struct buf in = {0};
    add_text(&in, 0x02, "PUB a ");
    add_text(&in, 0x89, "are you there");
    add_text(&in, 0x00, "5\r\nhe");
    add_text(&in, 0x80, "llo\r\n");
    add_text(&in, 0x81, "PING\r\n");
    add_text(&in, 0x8a, "");
    add_text(&in, 0x82, "");
    for (size_t step = 1; step <= in.len; step++) {
        struct ws_reader reader = {0};
        struct buf seen = {0};
        assert_int_equal(read_all(&reader, &in, step, &seen), 0);
        struct buf whole = {0};
        for (size_t i = 0; i < seen.len; i++)
            buf_append_byte(&whole, seen.data[i]);
        assert_str(buf_str(&whole),
                   "PUB a <9 are you there>5\r\nhello\r\n|PING\r\n|<10 >|");
        buf_fini(&seen);
        buf_fini(&whole);
    }
    buf_fini(&in);
}

static void lengths_of_every_form(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536, 100000};
    char *text = calloc(1, 100000);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct ws_reader reader = {0};
        struct buf in = {0}, seen = {0};
        add_frame(&in, 0x82, text, lengths[i]);
        assert_int_equal(read_all(&reader, &in, in.len, &seen), 0);
        assert_int_equal(seen.len, lengths[i] + 1);
        buf_fini(&in);
        buf_fini(&seen);
    }
    free(text);
}

static void assert_refused(const char *bytes, size_t len, bool deflate)
{
    for (size_t step = 1; step <= len; step++) {
        struct ws_reader reader = {.deflate = deflate};
        struct buf in = {0}, seen = {0};
        buf_append(&in, bytes, len);
        assert_int_equal(read_all(&reader, &in, step, &seen), -EPROTO);
        buf_fini(&in);
        buf_fini(&seen);
    }
}

#define REFUSED(bytes) assert_refused((bytes), sizeof(bytes) - 1, false)

static void what_is_forbidden_is_refused(void **state)
{
    (void)state;
    REFUSED("\x82\x01x");        /* not masked */
    REFUSED("\xa2\x80\0\0\0\0"); /* reserved bits */
    REFUSED("\xc2\x80\0\0\0\0"); /* compressed, unasked */
    REFUSED("\x83\x80\0\0\0\0"); /* unknown opcodes */
    REFUSED("\x8b\x80\0\0\0\0");
    REFUSED("\x09\x80\0\0\0\0");                 /* a fragmented ping */
    REFUSED("\x89\xfe\0\x7e\0\0\0\0");           /* a long ping */
    REFUSED("\x80\x80\0\0\0\0");                 /* goes on from nothing */
    REFUSED("\x02\x80\0\0\0\0\x82\x80\0\0\0\0"); /* one within another */
    REFUSED("\x82\xfe\0\x7d\0\0\0\0");           /* not the shortest form */
    REFUSED("\x82\xff\0\0\0\0\0\0\xff\xff\0\0\0\0");
    REFUSED("\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0"); /* beyond 63 bits */
    assert_refused("\x42\x80\0\0\0\0\xc0\x80\0\0\0\0", 12, true);
    assert_refused("\xc9\x80\0\0\0\0", 6, true);
}

static void heads_are_written_in_the_shortest_form(void **state)
{
    (void)state;
    char head[WS_HEAD_OUT_MAX];
    assert_int_equal(ws_write_head(head, WS_BINARY, false, 125), 2);
    assert_memory_equal(head, "\x82\x7d", 2);
    assert_int_equal(ws_write_head(head, WS_BINARY, true, 126), 4);
    assert_memory_equal(head, "\xc2\x7e\0\x7e", 4);
    assert_int_equal(ws_write_head(head, WS_CLOSE, false, 65536), 10);
    assert_memory_equal(head, "\x88\x7f\0\0\0\0\0\1\0\0", 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_split_will_do),
        cmocka_unit_test(lengths_of_every_form),
        cmocka_unit_test(what_is_forbidden_is_refused),
        cmocka_unit_test(heads_are_written_in_the_shortest_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
