/* source_header: the mark of a copied message, in all its forms. */
#include "tests/unit/test.h"

#include "broker/jetstream/source_header.h"

static struct source_header read_mark(const char *value)
{
    struct source_header mark;
    assert_true(source_header_read(str_of(value), &mark));
    return mark;
}

static void all_forms_are_read(void **state)
{
    (void)state;
    struct source_header mark = read_mark("ORDERS 17 orders.> > orders.new");
    assert_str(mark.origin, "ORDERS");
    assert_int_equal(mark.seq, 17);
    assert_str(mark.filters, "orders.>");
    assert_str(mark.destinations, ">");
    mark = read_mark("ORDERS:aB3dE6gH 9 a.*\fb.* x.$1\fy.$1 a.1");
    assert_str(mark.origin, "ORDERS:aB3dE6gH");
    assert_str(mark.filters, "a.*\fb.*");
    mark = read_mark("ORDERS 17");
    assert_str(mark.origin, "ORDERS");
    assert_int_equal(mark.seq, 17);
    assert_int_equal(mark.filters.len, 0);
    mark = read_mark("$JS.ACK.ORDERS.c1.1.17.3.1700000000000000000.0");
    assert_str(mark.origin, "ORDERS");
    assert_int_equal(mark.seq, 17);
}

static void others_are_not(void **state)
{
    (void)state;
    struct source_header mark;
    static const char *const wrong[] = {
        "",          "ORDERS", "ORDERS x",         "ORDERS 0",
        "ORDERS -1", " 5",     "$JS.ACK.ORDERS.c1"};
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(source_header_read(str_of(wrong[i]), &mark));
}

static void a_mark_replaces_an_earlier_one(void **state)
{
    (void)state;
    struct buf out = {0};
    const struct source_header mark = {.origin = str_of("O"),
                                       .seq = 5,
                                       .filters = str_of(">"),
                                       .destinations = str_of(">")};
    source_headers_append(&out, str_of(""), &mark, str_of("o.1"));
    assert_buf(&out, "NATS/1.0\r\nNats-Stream-Source: O 5 > > o.1\r\n\r\n");
    source_headers_append(&out,
                          str_of("NATS/1.0\r\nA: 1\r\n"
                                 "Nats-Stream-Source: X 9\r\n"
                                 "Nats-Expected-Last-Sequence: 4\r\n"
                                 "Nats-Msg-Id: 7\r\n\r\n"),
                          &mark, str_of("o.1"));
    assert_buf(&out, "NATS/1.0\r\nA: 1\r\nNats-Msg-Id: 7\r\n"
                     "Nats-Stream-Source: O 5 > > o.1\r\n\r\n");
    buf_fini(&out);
}

static void another_server_s_stream_has_a_hash(void **state)
{
    (void)state;
    struct buf out = {0};
    source_origin_append(&out, "O", NULL);
    assert_buf(&out, "O");
    source_origin_append(&out, "O", "$JS.HUB.API");
    assert_int_equal(out.len, strlen("O:") + 8);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forms_are_read), cmocka_unit_test(others_are_not),
        cmocka_unit_test(a_mark_replaces_an_earlier_one),
        cmocka_unit_test(another_server_s_stream_has_a_hash)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
