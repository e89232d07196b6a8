/* What a service says of itself is read back as it was written; what is not
 * understood is left out. */
#include "unit/test.h"

#include "api/pipeline/look.h"
#include "lib/announce.h"

static struct arena arena;
static struct look_service service;

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    arena = (struct arena){0};
    return 0;
}

static bool takes(const char *text)
{
    return look_service_read(&service, str_of(text), &arena);
}

static void put_figures(struct json_writer *w, void *arg)
{
    (void)arg;
    json_member_i64(w, "rows", 1200);
    json_key(w, "seconds_since_commit");
    json_put_null(w);
}

static void what_is_announced_is_read_back(void **state)
{
    (void)state;
    const struct announce_config config = {
        .service = "nexus-collector", .id = "c \"7\"", .figures = put_figures};
    const struct announce_instance instance = {
        .host = "dgx-01",
        .pid = 4711,
        .started_ns = INT64_C(1752871354250000000)};
    struct buf text = {0};
    announce_write(&text, &config, &instance);
    assert_true(look_service_read(&service, buf_str(&text), &arena));
    buf_fini(&text);
    assert_true(str_is(service.name, "nexus-collector"));
    assert_true(str_is(service.id, "c \"7\""));
    assert_true(str_is(service.host, "dgx-01"));
    assert_int_equal(service.pid, 4711);
    assert_int_equal(service.started_ns, instance.started_ns);
    assert_true(look_figure(&service, "rows")->value == 1200);
    assert_false(look_figure(&service, "seconds_since_commit")->known);
    assert_null(look_figure(&service, "cats"));
}

static void what_is_not_understood_is_left_out(void **state)
{
    (void)state;
    assert_false(takes(""));
    assert_false(takes("null"));
    assert_false(takes("[]"));
    assert_false(takes("{\"v\":1,\"service\":\"x\"}"));
    assert_false(takes("{\"v\":1,\"service\":7,\"id\":\"a\",\"host\":\"b\","
                       "\"version\":\"1\",\"started\":"
                       "\"2025-07-18T20:42:34Z\"}"));
    assert_false(takes("{\"v\":1,\"service\":\"x\",\"id\":\"a\",\"host\":\"b\","
                       "\"version\":\"1\",\"started\":\"yesterday\"}"));
}

static void figures_may_be_missing(void **state)
{
    (void)state;
    assert_true(takes("{\"v\":1,\"service\":\"x\",\"id\":\"a\",\"host\":\"b\","
                      "\"version\":\"1\",\"started\":"
                      "\"2025-07-18T20:42:34Z\"}"));
    assert_int_equal(service.figure_count, 0);
    assert_int_equal(service.pid, 0);
}

static void further_figures_are_left_out(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_append_text(&text, "{\"service\":\"x\",\"id\":\"a\",\"host\":\"b\","
                           "\"version\":\"1\",\"started\":"
                           "\"2025-07-18T20:42:34Z\",\"figures\":{");
    for (int i = 0; i <= LOOK_FIGURES_MAX; i++)
        buf_printf(&text, "%s\"f%d\":%d", i > 0 ? "," : "", i, i);
    buf_append_text(&text, "}}");
    assert_true(takes(buf_text(&text)));
    assert_int_equal(service.figure_count, LOOK_FIGURES_MAX);
    buf_fini(&text);
}

static void what_is_too_long_is_left_out(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_append_text(&text, "{\"service\":\"x\",\"id\":\"a\",\"host\":\"b\","
                           "\"version\":\"1\",\"started\":"
                           "\"2025-07-18T20:42:34Z\"}");
    while (text.len < SERVICES_VALUE_MAX)
        buf_append_byte(&text, ' ');
    assert_true(takes(buf_text(&text)));
    buf_append_byte(&text, ' ');
    assert_false(takes(buf_text(&text)));
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_is_announced_is_read_back, tear_down),
        cmocka_unit_test_teardown(what_is_not_understood_is_left_out,
                                  tear_down),
        cmocka_unit_test_teardown(figures_may_be_missing, tear_down),
        cmocka_unit_test_teardown(further_figures_are_left_out, tear_down),
        cmocka_unit_test_teardown(what_is_too_long_is_left_out, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
