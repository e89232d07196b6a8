/* ws_deflate: what goes in comes out, in any pieces; rubbish is refused. */
#include "tests/unit/test.h"

#include <errno.h>

#include "lib/ws_deflate.h"

static void fill(struct buf *text, size_t len)
{
    while (text->len < len)
        buf_printf(text, "PUB telemetry.%zu 5\r\nhello\r\n", text->len % 977);
}

static void inflate_all(struct ws_inflater *inflater, const struct buf *packed,
                        size_t step, size_t room, struct buf *out)
{
    for (size_t at = 0; at < packed->len; at += step) {
        size_t n = packed->len - at < step ? packed->len - at : step;
        ws_inflater_feed(inflater, str_make(packed->data + at, n),
                         at + n == packed->len);
        ssize_t got;
        do {
            got = ws_inflate(inflater, buf_reserve(out, room), room);
            assert_true(got >= 0);
            out->len += (size_t)got;
        } while ((size_t)got == room);
    }
    assert_true(ws_inflater_done(inflater));
}

static void there_and_back(void **state)
{
    (void)state;
    static const size_t rooms[] = {1, 7, 4096, 1u << 20};
    struct ws_deflater *deflater = ws_deflater_new();
    struct buf text = {0};
    fill(&text, 200000);
    const struct iovec iov[] = {{text.data, 100}, {text.data + 100, 150000}};
    for (size_t i = 0; i < COUNT(rooms); i++) {
        struct buf packed = {0}, out = {0};
        struct ws_inflater *inflater = ws_inflater_new();
        ws_deflate(deflater, iov, 2, 120000, &packed);
        assert_true(packed.len < 60000);
        inflate_all(inflater, &packed, 1000, rooms[i], &out);
        assert_int_equal(out.len, 120000);
        assert_memory_equal(out.data, text.data, out.len);
        ws_inflater_free(&inflater);
        buf_fini(&packed);
        buf_fini(&out);
    }
    ws_deflater_free(&deflater);
    buf_fini(&text);
}

static void rubbish_is_refused(void **state)
{
    (void)state;
    char room[64];
    struct ws_inflater *inflater = ws_inflater_new();
    ws_inflater_feed(inflater, str_of("\xff\xff\xff rubbish"), true);
    assert_int_equal(ws_inflate(inflater, room, sizeof(room)), -EPROTO);
    ws_inflater_free(&inflater);
}

static void an_empty_message_is_one(void **state)
{
    (void)state;
    char room[64];
    struct ws_inflater *inflater = ws_inflater_new();
    ws_inflater_feed(inflater, str_make("\0", 1), true);
    assert_int_equal(ws_inflate(inflater, room, sizeof(room)), 0);
    assert_true(ws_inflater_done(inflater));
    ws_inflater_free(&inflater);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(rubbish_is_refused),
        cmocka_unit_test(an_empty_message_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
