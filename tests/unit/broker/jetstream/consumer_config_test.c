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
    assert_int_equal(read_config(&config, "{\"durable_name\":\"D\","
                                          "\"ack_policy\":\"explicit\"}"),
                     0);
    assert_string_equal(config.name, "D");
    assert_int_equal(config.ack_wait_ns, 30 * NS_PER_S);
    assert_int_equal(config.max_deliver, -1);
    assert_int_equal(config.max_ack_pending, 1000);
    assert_int_equal(config.max_waiting, 512);
    assert_int_equal(config.inactive_threshold_ns, 0);
    consumer_config_fini(&config);
    assert_int_equal(read_config(&config, "{\"name\":\"\"}"), 0);
    assert_int_equal(config.ack_policy, ACK_NONE);
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
        {"{\"filter_subjects\":[7]}", 10025},
        {"{\"filter_subjects\":[\"a\",\"\"]}", 10139},
        {"{\"filter_subjects\":[\"a.b\",\"a.*\"]}", 10138},
        {"{\"filter_subject\":\"a\",\"filter_subjects\":[\"b\"]}", 10136},
        {"{\"deliver_policy\":\"last_per_subject\"}", 10094},
        {"{\"deliver_subject\":\"d.*\"}", 10079},
        {"{\"deliver_subject\":\"d..x\"}", 10112},
        {"{\"deliver_subject\":\"d\",\"max_waiting\":1}", 10080},
        {"{\"deliver_subject\":\"d\",\"max_ack_pending\":1}", 10082},
        {"{\"deliver_subject\":\"d\",\"idle_heartbeat\":99999999}", 10083},
        {"{\"deliver_subject\":\"d\",\"flow_control\":true}", 10108},
        {"{\"rate_limit_bps\":1}", 10086},
        {"{\"max_waiting\":-1}", 10087},
        {"{\"idle_heartbeat\":1000000000}", 10088},
        {"{\"flow_control\":true}", 10089},
        {"{\"max_batch\":-1}", 10114},
        {"{\"max_expires\":999}", 10115},
        {"{\"sample_freq\":\"often\"}", 10095},
        {"{\"num_replicas\":3}", 10074},
        {"{\"num_replicas\":-1}", 10133},
        {"{\"durable_name\":\"a.b\"}", 10103},
        {"{\"name\":\"a/b\"}", 10127},
        {"{\"priority_policy\":\"bogus\"}", 10025},
        {"{\"priority_groups\":[7],\"priority_policy\":\"overflow\"}", 10025},
        {"{\"priority_groups\":[\"g\"]}", 10196},
        {"{\"priority_timeout\":1}", 10197},
        {"{\"priority_policy\":\"overflow\"}", 10159},
        {"{\"priority_policy\":\"overflow\",\"priority_groups\":[\"\"]}",
         10161},
        {"{\"priority_policy\":\"overflow\",\"priority_groups\":[\"a.b\"]}",
         10162},
        {"{\"priority_policy\":\"overflow\","
         "\"priority_groups\":[\"abcdefghij0123456\"]}",
         10162},
        {"{\"priority_policy\":\"overflow\",\"priority_groups\":[\"a\",\"b\"]}",
         10012},
        {"{\"priority_policy\":\"overflow\",\"priority_groups\":[\"a\"],"
         "\"deliver_subject\":\"d\"}",
         10178},
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

static void check_read_back(const char *config)
{
    struct consumer_config a, b;
    struct buf text = {0};
    struct json_writer w = json_writer(&text);
    assert_int_equal(read_config(&a, config), 0);
    consumer_config_write(&a, &w);
    assert_int_equal(read_config(&b, buf_text(&text)), 0);
    assert_true(consumer_config_equal(&a, &b));
    struct buf again = {0};
    struct json_writer wb = json_writer(&again);
    consumer_config_write(&b, &wb);
    assert_string_equal(buf_text(&again), buf_text(&text));
    consumer_config_fini(&a);
    consumer_config_fini(&b);
    buf_fini(&again);
    buf_fini(&text);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    check_read_back("{\"durable_name\":\"D\",\"description\":\"x\","
                    "\"filter_subject\":\"a.>\",\"ack_policy\":\"all\","
                    "\"deliver_policy\":\"by_start_time\","
                    "\"opt_start_time\":\"2026-01-02T03:04:05.678901234Z\","
                    "\"max_deliver\":5,\"backoff\":[1,2,3],\"max_batch\":6,"
                    "\"max_expires\":7000000,\"max_bytes\":8,\"max_waiting\":9,"
                    "\"max_ack_pending\":10,\"inactive_threshold\":11}");
    check_read_back("{\"deliver_subject\":\"d\",\"deliver_group\":\"g\","
                    "\"flow_control\":true,\"idle_heartbeat\":1000000000,"
                    "\"rate_limit_bps\":80,\"replay_policy\":\"original\","
                    "\"headers_only\":true,\"sample_freq\":\"50%\","
                    "\"filter_subjects\":[\"a\",\"b.>\"],"
                    "\"metadata\":{\"k\":\"v\"},\"mem_storage\":true,"
                    "\"pause_until\":\"2030-01-02T03:04:05Z\","
                    "\"num_replicas\":1}");
}

/* One filter is said back as it was said. */
static void both_forms_of_a_filter(void **state)
{
    (void)state;
    static const char *const forms[] = {"\"filter_subject\":\"a\"",
                                        "\"filter_subjects\":[\"a\"]"};
    for (size_t i = 0; i < COUNT(forms); i++) {
        struct consumer_config config;
        struct buf text = {0};
        struct json_writer w = json_writer(&text);
        char body[64];
        snprintf(body, sizeof(body), "{%s}", forms[i]);
        assert_int_equal(read_config(&config, body), 0);
        consumer_config_write(&config, &w);
        assert_contains(buf_text(&text), forms[i]);
        consumer_config_fini(&config);
        buf_fini(&text);
    }
}

static int change(const char *from, const char *to, bool bound)
{
    struct consumer_config a, b;
    error.err_code = 0;
    assert_int_equal(read_config(&a, from), 0);
    assert_int_equal(read_config(&b, to), 0);
    consumer_config_may_become(&a, &b, bound, &error);
    consumer_config_fini(&a);
    consumer_config_fini(&b);
    return error.err_code;
}

static void what_may_change(void **state)
{
    (void)state;
    const char *pull = "{\"max_waiting\":0}";
    const char *push = "{\"deliver_subject\":\"d\"}";
    assert_int_equal(change(pull, "{\"max_waiting\":7}", false), 10012);
    assert_string_equal(error.text, "max waiting can not be updated");
    assert_int_equal(change(pull, "{\"ack_policy\":\"all\"}", false), 10012);
    assert_int_equal(change(pull, "{\"headers_only\":true}", false), 0);
    assert_int_equal(change(push, "{\"deliver_subject\":\"e\"}", false), 0);
    assert_int_equal(change(push, "{\"deliver_subject\":\"e\"}", true), 10013);
    assert_int_equal(change(push,
                            "{\"deliver_subject\":\"d\","
                            "\"idle_heartbeat\":1000000000}",
                            false),
                     10012);
    assert_string_equal(error.text, "heart beats can not be updated");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(refusals),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(both_forms_of_a_filter),
        cmocka_unit_test(what_may_change),
    };
    return cmocka_run_group_tests(tests, NULL, done);
}
