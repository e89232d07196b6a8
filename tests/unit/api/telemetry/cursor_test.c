/* Orders, and places in them. */
#include "unit/test.h"

#include "api/graphql/telemetry/cursor.h"

#define GPUS 6

static struct fleet_cluster cluster = {.name = STR("local")};
static struct fleet_host host = {.cluster = &cluster, .name = STR("h/1")};
static struct fleet_gpu gpus[GPUS];
static struct fleet_gpu *list[GPUS];
static struct arena arena;
static struct gql_call call = {.arena = &arena};

static struct selection selection_of(struct order order)
{
    static const char *const uuids[GPUS] = {"a", "b", "c", "d", "e", "f"};
    static struct selected items[GPUS];
    struct selection s = {.call = &call, .order = order, .items = items};
    s.scope = (struct scope){.gpus = list, .count = GPUS};
    for (uint32_t i = 0; i < GPUS; i++) {
        gpus[i].uuid = str_of(uuids[i]);
        gpus[i].host = &host;
        list[i] = &gpus[i];
        items[i] = (struct selected){.object = &gpus[i], .position = i};
        selected_fill(&s, &items[i]);
    }
    s.count = GPUS;
    return s;
}

static struct order by_temperature(bool descending)
{
    return (struct order){
        .parts = {{.metric = METRIC_temperature, .descending = descending}},
        .count = 1};
}

static void set_temperature(uint32_t i, double value)
{
    gpus[i].values[METRIC_temperature] = value;
    gpus[i].present = UINT64_C(1) << METRIC_temperature;
}

static void what_is_not_known_is_last_both_ways(void **state)
{
    (void)state;
    memset(gpus, 0, sizeof gpus);
    set_temperature(0, 10);
    set_temperature(1, 20);
    for (int descending = 0; descending <= 1; descending++) {
        struct selection s = selection_of(by_temperature(descending != 0));
        const struct selected *i = s.items;
        int order = selected_compare(&s.order, &i[0], &i[1]);
        assert_true(descending ? order > 0 : order < 0);
        assert_true(selected_compare(&s.order, &i[1], &i[2]) < 0);
        assert_true(selected_compare(&s.order, &i[2], &i[0]) > 0);
        /* equal: by their places in the model */
        assert_true(selected_compare(&s.order, &i[2], &i[3]) < 0);
        assert_int_equal(selected_compare(&s.order, &i[2], &i[2]), 0);
    }
}

static struct str cursor_of(const struct selection *s, uint32_t i)
{
    struct buf text = {0};
    cursor_append(&text, s, &s->items[i]);
    struct str kept = arena_str(&arena, buf_str(&text));
    buf_fini(&text);
    return kept;
}

static void a_cursor_keeps_what_was(void **state)
{
    (void)state;
    memset(gpus, 0, sizeof gpus);
    set_temperature(3, 55.125);
    struct selection s = selection_of(by_temperature(false));
    struct str known = cursor_of(&s, 3), unknown = cursor_of(&s, 4);
    set_temperature(3, 99);
    set_temperature(4, 1);
    struct selected place;
    struct errmsg err;
    assert_int_equal(cursor_parse(known, &s, &place, &err), 0);
    assert_ptr_equal(place.object, &gpus[3]);
    assert_int_equal(place.position, 3);
    assert_int_equal(place.keys[0].kind, KEY_NUMBER);
    assert_float_equal(place.keys[0].number, 55.125, 0);
    assert_int_equal(cursor_parse(unknown, &s, &place, &err), 0);
    assert_int_equal(place.keys[0].kind, KEY_NONE);
}

static void texts_of_any_bytes_come_back(void **state)
{
    (void)state;
    memset(gpus, 0, sizeof gpus);
    struct order by_model = {.parts = {{.field = 4, .metric = -1}}, .count = 1};
    gpus[2].model = str_of("N\"V\\ \xc3\xbc\n");
    struct selection s = selection_of(by_model);
    struct selected place;
    struct errmsg err;
    assert_int_equal(cursor_parse(cursor_of(&s, 2), &s, &place, &err), 0);
    assert_str(place.keys[0].text, "N\"V\\ \xc3\xbc\n");
}

static void other_texts_are_refused(void **state)
{
    (void)state;
    memset(gpus, 0, sizeof gpus);
    struct selection s = selection_of(by_temperature(false));
    struct selection other = selection_of(by_temperature(true));
    struct selected place;
    struct errmsg err;
    struct str good = cursor_of(&s, 1);
    assert_int_equal(cursor_parse(good, &s, &place, &err), 0);
    assert_int_not_equal(cursor_parse(good, &other, &place, &err), 0);
    for (size_t len = 0; len < good.len; len++)
        assert_int_not_equal(
            cursor_parse(str_make(good.p, len), &s, &place, &err), 0);
    static const char *const texts[] = {
        "",     "=",      "!!!!", "AAAA", "W10",  "e30",
        "bnVs", "W1tdXQ", "Ww",   "====", "A===", "\xff\xff\xff\xff"};
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_int_not_equal(cursor_parse(str_of(texts[i]), &s, &place, &err),
                             0);
    char *long_text = arena_alloc(&arena, CURSOR_MAX + 4);
    memset(long_text, 'A', CURSOR_MAX + 4);
    assert_int_not_equal(
        cursor_parse(str_make(long_text, CURSOR_MAX + 4), &s, &place, &err), 0);
}

static void ids_of_hosts_are_tokens(void **state)
{
    (void)state;
    struct buf id = {0};
    host_id_append(&id, &host);
    assert_true(host_has_id(&host, buf_str(&id)));
    assert_buf(&id, "local/h%2F1");
    assert_false(host_has_id(&host, str_of("local/h/1")));
    buf_fini(&id);
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_known_is_last_both_ways),
        cmocka_unit_test(a_cursor_keeps_what_was),
        cmocka_unit_test(texts_of_any_bytes_come_back),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(ids_of_hosts_are_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
