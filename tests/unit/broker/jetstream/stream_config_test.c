/* stream_config: defaults, refusals, and reading back what was written. */
#include "tests/unit/test.h"

#include "broker/jetstream/stream_config.h"
#include "lib/clock.h"

static struct arena arena;
static struct js_error error;

static int read_config(struct stream_config *config, const char *text)
{
    struct json_doc doc;
    assert_int_equal(json_parse(&doc, str_of(text), &arena, NULL), 0);
    return stream_config_read(config, json_root(&doc), &arena, &error);
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
    struct stream_config config;
    assert_int_equal(read_config(&config, "{\"name\":\"A\",\"more\":{}}"), 0);
    assert_int_equal(config.subject_count, 1);
    assert_string_equal(config.subjects[0], "A");
    assert_int_equal(config.max_msgs, -1);
    assert_int_equal(config.max_bytes, -1);
    assert_int_equal(config.duplicate_window_ns, 120 * NS_PER_S);
    assert_int_equal(config.discard, DISCARD_OLD);
    assert_int_equal(config.storage, STORAGE_FILE);
    stream_config_fini(&config);
    assert_int_equal(read_config(&config,
                                 "{\"name\":\"A\",\"max_age\":1000000000,"
                                 "\"max_msgs\":-7,\"max_bytes\":0}"),
                     0);
    assert_int_equal(config.duplicate_window_ns, NS_PER_S);
    assert_int_equal(config.max_msgs, -1);
    stream_config_fini(&config);
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int err_code;
    } cases[] = {
        {"[]", 10025},
        {"{\"name\":7}", 10025},
        {"{\"name\":\"A\",\"discard\":\"maybe\"}", 10025},
        {"{\"name\":\"A\",\"max_msgs\":1.5}", 10025},
        {"{\"name\":\"A\",\"subjects\":[1]}", 10025},
        {"{}", 10052},
        {"{\"name\":\"a.b\"}", 10052},
        {"{\"name\":\"a/b\"}", 10052},
        {"{\"name\":\"a b\"}", 10052},
        {"{\"name\":\"A\",\"subjects\":[\"a..b\"]}", 10052},
        {"{\"name\":\"A\",\"subjects\":[\"a\",\"a\"]}", 10052},
        {"{\"name\":\"A\",\"subjects\":[\"a.*\",\"a.b\"]}", 10052},
        {"{\"name\":\"A\",\"subjects\":[\"$JS.API.x\"]}", 10052},
        {"{\"name\":\"A\",\"max_age\":5}", 10052},
        {"{\"name\":\"A\",\"duplicate_window\":5}", 10052},
        {"{\"name\":\"A\",\"max_age\":1000000000,"
         "\"duplicate_window\":2000000000}",
         10052},
        {"{\"name\":\"A\",\"mirror\":{}}", 10142},
        {"{\"name\":\"A\",\"mirror\":{\"name\":\"B\"},\"first_seq\":5}", 10143},
        {"{\"name\":\"A\",\"mirror\":{\"name\":\"B\"},\"subjects\":[\"a\"]}",
         10034},
        {"{\"name\":\"A\",\"mirror\":{\"name\":\"B\"},"
         "\"sources\":[{\"name\":\"C\"}]}",
         10031},
        {"{\"name\":\"A\",\"mirror\":{\"name\":\"B\",\"opt_start_seq\":3,"
         "\"opt_start_time\":\"2026-01-01T00:00:00Z\"}}",
         10032},
        {"{\"name\":\"A\",\"mirror\":{\"name\":\"B\",\"filter_subject\":\"x\","
         "\"subject_transforms\":[{\"src\":\"a\",\"dest\":\"b\"}]}}",
         10150},
        {"{\"name\":\"A\",\"sources\":[{\"name\":\"B.C\"}]}", 10141},
        {"{\"name\":\"A\",\"sources\":[{\"name\":\"B\"},{\"name\":\"B\"}]}",
         10140},
        {"{\"name\":\"A\",\"sources\":[{\"name\":\"B\",\"subject_transforms\":"
         "[{\"src\":\"a.*\",\"dest\":\"b.$2\"}]}]}",
         10146},
        {"{\"name\":\"A\",\"sources\":[{\"name\":\"B\",\"subject_transforms\":"
         "[{\"src\":\"a.*\"},{\"src\":\"a.b\"}]}]}",
         10147},
        {"{\"name\":\"A\",\"sources\":[{\"name\":\"B\",\"external\":"
         "{\"api\":\"$JS.API\"}}]}",
         10021},
        {"{\"name\":\"A\",\"retention\":\"sometimes\"}", 10025},
        {"{\"name\":\"A\",\"metadata\":{\"k\":1}}", 10025},
        {"{\"name\":\"A\",\"consumer_limits\":[]}", 10025},
        {"{\"name\":\"A\",\"compression\":\"s2\"}", 10052},
        {"{\"name\":\"A\",\"subjects\":[\">\"]}", 10052},
        {"{\"name\":\"A\",\"subjects\":[\"$JS.ACK.x\"]}", 10052},
        {"{\"name\":\"A\",\"deny_purge\":true,\"allow_rollup_hdrs\":true}",
         10052},
        {"{\"name\":\"A\",\"discard_new_per_subject\":true}", 10052},
        {"{\"name\":\"A\",\"discard\":\"new\","
         "\"discard_new_per_subject\":true}",
         10052},
        {"{\"name\":\"A\",\"subject_delete_marker_ttl\":1000000000}", 10052},
        {"{\"name\":\"A\",\"allow_msg_ttl\":true,"
         "\"subject_delete_marker_ttl\":1000}",
         10052},
        {"{\"name\":\"A\",\"republish\":{\"src\":\">\",\"dest\":\"A\"}}",
         10052},
        {"{\"name\":\"A\",\"republish\":{\"src\":\"*\",\"dest\":\"b.$2\"}}",
         10052},
        {"{\"name\":\"A\",\"subject_transform\":{\"src\":\"a..b\","
         "\"dest\":\"c\"}}",
         10155},
        {"{\"name\":\"A\",\"subject_transform\":{\"src\":\"a.*\","
         "\"dest\":\"c.{{nonsense(1)}}\"}}",
         10156},
        {"{\"name\":\"A\",\"placement\":{\"preferred\":\"x\"}}", 10052},
        {"{\"name\":\"A\",\"num_replicas\":-1}", 10133},
        {"{\"name\":\"A\",\"num_replicas\":3}", 10074},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct stream_config config;
        assert_int_equal(read_config(&config, cases[i].text), -1);
        assert_int_equal(error.err_code, cases[i].err_code);
        stream_config_fini(&config);
    }
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    struct stream_config a, b;
    struct buf text = {0};
    struct json_writer w = json_writer(&text);
    assert_int_equal(
        read_config(&a, "{\"name\":\"A\",\"description\":\"d\\u00e9\","
                        "\"subjects\":[\"x.>\",\"y\"],\"max_consumers\":3,"
                        "\"max_msgs\":4,\"max_bytes\":5,\"max_age\":600000000,"
                        "\"max_msg_size\":7,\"discard\":\"new\","
                        "\"storage\":\"memory\",\"no_ack\":true,"
                        "\"duplicate_window\":500000000,\"sealed\":true,"
                        "\"deny_purge\":true,\"allow_direct\":true}"),
        0);
    stream_config_write(&a, &w);
    assert_int_equal(read_config(&b, buf_text(&text)), 0);
    assert_true(stream_config_equal(&a, &b));
    b.max_msgs++;
    assert_false(stream_config_equal(&a, &b));
    stream_config_fini(&a);
    stream_config_fini(&b);
    buf_fini(&text);
}

/* Of objects and lists, each in the order it is written. */
static void what_came_later_is_read_back(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "\"retention\":\"workqueue\"",
        "\"max_msgs_per_subject\":9",
        "\"discard\":\"new\",\"discard_new_per_subject\":true",
        "\"first_seq\":18446744073709551615",
        "\"allow_rollup_hdrs\":true",
        "\"allow_msg_ttl\":true,\"subject_delete_marker_ttl\":60000000000",
        "\"persist_mode\":\"async\"",
        "\"consumer_limits\":{\"inactive_threshold\":5,\"max_ack_pending\":6}",
        "\"metadata\":{\"a\":\"1\",\"b\":\"\"}",
        "\"placement\":{\"cluster\":\"c\",\"tags\":[\"t\",\"u\"]}",
        "\"subject_transform\":{\"src\":\"a.*\",\"dest\":\"b.$1\"}",
        "\"republish\":{\"src\":\"a.>\",\"dest\":\"r.>\","
        "\"headers_only\":true}",
        "\"mirror\":{\"name\":\"M\",\"opt_start_seq\":4,"
        "\"filter_subject\":\"m.>\"}",
        "\"sources\":[{\"name\":\"B\",\"opt_start_time\":"
        "\"2026-01-01T00:00:00Z\",\"subject_transforms\":[{\"src\":\"x.*\","
        "\"dest\":\"y.{{wildcard(1)}}\"}],\"external\":{\"api\":"
        "\"$JS.D.API\",\"deliver\":\"push\"}}]",
    };
    struct buf text = {0}, again = {0};
    struct stream_config config;
    for (size_t i = 0; i < COUNT(parts); i++) {
        buf_reset(&text);
        buf_reset(&again);
        struct json_writer w = json_writer(&again);
        buf_printf(&text, "{\"name\":\"A\",\"max_msgs_per_subject\":9,%s}",
                   parts[i]);
        assert_int_equal(read_config(&config, buf_text(&text)), 0);
        stream_config_write(&config, &w);
        assert_contains(buf_text(&again), parts[i]);
        stream_config_fini(&config);
    }
    buf_fini(&text);
    buf_fini(&again);
}

static void what_may_not_change(void **state)
{
    (void)state;
    struct stream_config a, b;
    read_config(&a, "{\"name\":\"A\",\"deny_purge\":true}");
    read_config(&b, "{\"name\":\"A\",\"deny_purge\":true,\"max_msgs\":9}");
    assert_int_equal(stream_config_may_become(&a, &b, &error), 0);
    b.storage = STORAGE_MEMORY;
    assert_int_equal(stream_config_may_become(&a, &b, &error), -1);
    assert_contains(error.text, "can not change storage type");
    b.storage = STORAGE_FILE;
    b.deny_purge = false;
    assert_int_equal(stream_config_may_become(&a, &b, &error), -1);
    stream_config_fini(&a);
    stream_config_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(refusals),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(what_came_later_is_read_back),
        cmocka_unit_test(what_may_not_change),
    };
    return cmocka_run_group_tests(tests, NULL, done);
}
