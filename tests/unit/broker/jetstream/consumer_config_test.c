/* consumer_config: defaults, refusals, and reading back what was written. */
#include "tests/unit/test.h"

#include "broker/jetstream/consumer_config.h"
#include "lib/clock.h"

static struct arena arena;
static struct js_error error;

static int read_config(struct consumer_config *config, const char *text)
{
    struct json_doc doc;
    assert_int_equal(json_parse(&doc, str_of(text), &arena, NULL), 0);
    return consumer_config_read(config, json_root(&doc), &arena, &error);
}

static int done(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static void defaults(void **state)
{
    (void)state;
    struct consumer_config config;
    assert_int_equal(read_config(&config, "{\"durable_name\":\"D\"}"), 0);
    assert_string_equal(config.name, "D");
    assert_int_equal(config.ack_wait_ns, 30 * NS_PER_S);
    assert_int_equal(config.max_deliver, -1);
    assert_int_equal(config.max_ack_pending, 1000);
    assert_int_equal(config.max_waiting, 512);
    assert_int_equal(config.inactive_threshold_ns, 0);
    consumer_config_fini(&config);
    assert_int_equal(
        read_config(&config, "{\"ack_policy\":\"none\",\"name\":\"\"}"), 0);
    assert_null(config.name);
    assert_int_equal(config.max_ack_pending, 0);
    assert_int_equal(config.inactive_threshold_ns, 5 * NS_PER_S);
    consumer_config_fini(&config);
    assert_int_equal(
        read_config(&config, "{\"backoff\":[1000000000,2000000000]}"), 0);
    assert_int_equal(config.ack_wait_ns, NS_PER_S);
    consumer_config_fini(&config);
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int err_code;
    } cases[] = {
        {"7", 10025},
        {"{\"ack_policy\":\"perhaps\"}", 10025},
        {"{\"ack_wait\":\"1s\"}", 10025},
        {"{\"backoff\":[-1]}", 10025},
        {"{\"opt_start_time\":\"yesterday\"}", 10025},
        {"{\"deliver_policy\":\"last_per_subject\"}", 10012},
        {"{\"deliver_subject\":\"d\"}", 10012},
        {"{\"filter_subjects\":[\"a\",\"b\"]}", 10012},
        {"{\"headers_only\":true}", 10012},
        {"{\"replay_policy\":\"original\"}", 10012},
        {"{\"durable_name\":\"a.b\"}", 10012},
        {"{\"filter_subject\":\"a..b\"}", 10012},
        {"{\"durable_name\":\"a\",\"name\":\"b\"}", 10017},
        {"{\"deliver_policy\":\"by_start_sequence\"}", 10094},
        {"{\"opt_start_seq\":4}", 10094},
        {"{\"deliver_policy\":\"by_start_time\"}", 10094},
        {"{\"max_deliver\":1,\"backoff\":[1]}", 10116},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct consumer_config config;
        assert_int_equal(read_config(&config, cases[i].text), -1);
        assert_int_equal(error.err_code, cases[i].err_code);
        consumer_config_fini(&config);
    }
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    struct consumer_config a, b;
    struct buf text = {0};
    struct json_writer w = json_writer(&text);
    assert_int_equal(
        read_config(&a, "{\"durable_name\":\"D\",\"description\":\"x\","
                        "\"filter_subject\":\"a.>\",\"ack_policy\":\"all\","
                        "\"deliver_policy\":\"by_start_time\","
                        "\"opt_start_time\":\"2026-01-02T03:04:05.678901234Z\","
                        "\"max_deliver\":5,\"backoff\":[1,2,3],\"max_batch\":6,"
                        "\"max_expires\":7,\"max_bytes\":8,\"max_waiting\":9,"
                        "\"max_ack_pending\":10,\"inactive_threshold\":11}"),
        0);
    consumer_config_write(&a, &w);
    assert_int_equal(read_config(&b, buf_text(&text)), 0);
    struct buf again = {0};
    struct json_writer wb = json_writer(&again);
    consumer_config_write(&b, &wb);
    assert_string_equal(buf_text(&again), buf_text(&text));
    consumer_config_fini(&a);
    consumer_config_fini(&b);
    buf_fini(&again);
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(refusals),
        cmocka_unit_test(what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, done);
}
