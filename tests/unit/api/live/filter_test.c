/* Which updates a filter takes, and how often. */
#include "tests/unit/test.h"

#include "api/live/filter.h"
#include "api/live/pace.h"
#include "lib/clock.h"

static struct sample sample_of(const char *cluster, const char *host,
                               const char *uuid, enum metric m, double value)
{
    struct sample s = {.ts_ns = clock_wall_ns(),
                       .cluster = str_of(cluster),
                       .host = str_of(host),
                       .gpu = str_of("0"),
                       .uuid = str_of(uuid)};
    sample_set(&s, m, value);
    return s;
}

static void feed(struct fleet *f, const char *cluster, const char *host,
                 const char *uuid, enum metric m, double value)
{
    struct sample s = sample_of(cluster, host, uuid, m, value);
    fleet_sample(f, &s, f->sequence + 1);
}

struct seen {
    struct buf text;
    struct http_server *server;
    int count, stop_after;
    struct filter_feed *feed;
};

static void see(const struct fleet_update *update, void *arg)
{
    struct seen *seen = arg;
    buf_printf(&seen->text, "%.*s/%d ", STR_ARG(update->gpu->uuid),
               (int)update->sequence);
    if (++seen->count == seen->stop_after)
        http_server_stop(seen->server);
}

static struct buf heard_by(const struct filter *filter)
{
    struct fleet_config config = {0};
    struct fleet *f = fleet_new(NULL, &config);
    struct seen seen = {0};
    seen.feed = filter_feed_new(f, NULL, filter, see, &seen);
    feed(f, "local", "a", "GPU-1", METRIC_temperature, 1);
    feed(f, "local", "a", "GPU-2", METRIC_power_draw, 2);
    feed(f, "local", "b", "GPU-3", METRIC_temperature, 3);
    feed(f, "east", "a", "GPU-4", METRIC_power_draw, 4);
    filter_feed_free(&seen.feed);
    feed(f, "local", "a", "GPU-1", METRIC_temperature, 1);
    fleet_free(&f);
    return seen.text;
}

static void assert_heard(const struct filter *filter, const char *expected)
{
    struct buf text = heard_by(filter);
    assert_str(buf_str(&text), expected);
    buf_fini(&text);
}

static void a_filter_takes_what_it_names(void **state)
{
    (void)state;
    const struct str gpus[] = {STR("GPU-3"), STR("GPU-4"), STR("GPU-9")};
    assert_heard(&(struct filter){0}, "GPU-1/1 GPU-2/2 GPU-3/3 GPU-4/4 ");
    assert_heard(&(struct filter){.cluster = STR("local")},
                 "GPU-1/1 GPU-2/2 GPU-3/3 ");
    assert_heard(&(struct filter){.host = STR("a")},
                 "GPU-1/1 GPU-2/2 GPU-4/4 ");
    assert_heard(&(struct filter){.cluster = STR("local"), .host = STR("a")},
                 "GPU-1/1 GPU-2/2 ");
    assert_heard(&(struct filter){.gpus = gpus, .gpu_count = 3},
                 "GPU-3/3 GPU-4/4 ");
    assert_heard(
        &(struct filter){.gpus = gpus, .gpu_count = 3, .cluster = STR("local")},
        "GPU-3/3 ");
    assert_heard(&(struct filter){.metrics = 1u << METRIC_power_draw},
                 "GPU-2/2 GPU-4/4 ");
    assert_heard(&(struct filter){.cluster = STR("")}, "");
}

/* A GPU that moves is heard wherever it stands; names that nobody has, and one
 * that is given twice, do no harm. */
static void what_is_listened_to_may_come_later(void **state)
{
    (void)state;
    const struct str gpus[] = {STR("GPU-2"), STR("GPU-2"), STR("GPU-1"),
                               STR("GPU-2")};
    assert_heard(&(struct filter){.gpus = gpus, .gpu_count = 4},
                 "GPU-1/1 GPU-2/2 ");
    assert_heard(&(struct filter){.host = STR("nowhere")}, "");
    struct fleet_config config = {0};
    struct fleet *f = fleet_new(NULL, &config);
    struct seen seen = {0};
    struct filter filter = {.cluster = STR("east"), .host = STR("b")};
    seen.feed = filter_feed_new(f, NULL, &filter, see, &seen);
    feed(f, "east", "a", "GPU-1", METRIC_temperature, 1);
    feed(f, "west", "b", "GPU-1", METRIC_temperature, 1);
    feed(f, "east", "b", "GPU-1", METRIC_temperature, 1);
    assert_str(buf_str(&seen.text), "GPU-1/3 ");
    filter_feed_free(&seen.feed);
    buf_fini(&seen.text);
    fleet_free(&f);
}

/* Freed from within: others of the same sample are still told. */
static struct filter_feed *crowd[4];
static int crowd_told;

static void see_and_leave(const struct fleet_update *update, void *arg)
{
    (void)update;
    size_t self = (size_t)(uintptr_t)arg;
    crowd_told++;
    filter_feed_free(&crowd[self]);
    filter_feed_free(&crowd[(self + 2) % 4]);
}

static void one_may_end_others_while_it_is_told(void **state)
{
    (void)state;
    struct fleet_config config = {0};
    struct fleet *f = fleet_new(NULL, &config);
    const struct str gpu = STR("GPU-1");
    const struct filter filters[] = {{.gpus = &gpu, .gpu_count = 1},
                                     {.host = STR("a")},
                                     {.gpus = &gpu, .gpu_count = 1},
                                     {.gpus = &gpu, .gpu_count = 1}};
    for (uintptr_t i = 0; i < 4; i++)
        crowd[i] =
            filter_feed_new(f, NULL, &filters[i], see_and_leave, (void *)i);
    crowd_told = 0;
    feed(f, "local", "a", "GPU-1", METRIC_temperature, 1);
    assert_int_equal(crowd_told, 2); /* 1 ended 3, 0 ended 2 */
    feed(f, "local", "a", "GPU-1", METRIC_temperature, 1);
    assert_int_equal(crowd_told, 2);
    fleet_free(&f);
}

static void add_subject(const char *subject, void *arg)
{
    buf_printf(arg, "%s\n", subject);
}

static void assert_subjects(const struct filter *filter, const char *expected)
{
    struct buf text = {0};
    filter_subjects(filter, add_subject, &text);
    assert_buf(&text, expected);
    buf_fini(&text);
}

static void a_filter_is_subjects_of_the_broker(void **state)
{
    (void)state;
    const struct str gpus[] = {STR("GPU-3"), STR("MIG/0")};
    assert_subjects(&(struct filter){0}, "telemetry.*.*.*\n");
    assert_subjects(&(struct filter){.cluster = STR("e.u"), .host = STR("")},
                    "telemetry.e%2Eu.%.*\n");
    assert_subjects(
        &(struct filter){.host = STR("h"), .gpus = gpus, .gpu_count = 2},
        "telemetry.*.h.GPU-3\ntelemetry.*.h.MIG%2F0\n");
}

/* ---- no GPU's more often than wanted ---- */

static void see_values(const struct fleet_update *update, void *arg)
{
    struct seen *seen = arg;
    const struct sample *s = update->sample;
    buf_printf(&seen->text, "%.*s/%d", STR_ARG(s->uuid), (int)update->sequence);
    if (sample_has(s, METRIC_temperature))
        buf_printf(&seen->text, " t%g", s->metrics[METRIC_temperature]);
    if (sample_has(s, METRIC_power_draw))
        buf_printf(&seen->text, " p%g", s->metrics[METRIC_power_draw]);
    for (size_t i = 0; i < s->extra_count; i++)
        buf_printf(&seen->text, " %.*s", STR_ARG(s->extra[i].name));
    buf_append_text(&seen->text, "; ");
    if (++seen->count == seen->stop_after)
        http_server_stop(seen->server);
}

static void what_comes_too_soon_is_held_and_gathered(void **state)
{
    (void)state;
    struct http_config http = {.host = "127.0.0.1"};
    struct errmsg err;
    struct http_server *server = http_server_new(&http, &err);
    assert_non_null(server);
    struct fleet_config config = {0};
    struct fleet *f = fleet_new(server, &config);
    struct seen seen = {.server = server, .stop_after = 4};
    struct filter filter = {.min_interval_ns = 30 * NS_PER_MS};
    seen.feed = filter_feed_new(f, server, &filter, see_values, &seen);
    int64_t start = clock_mono_ns();
    feed(f, "c", "h", "GPU-1", METRIC_temperature, 1);
    feed(f, "c", "h", "GPU-1", METRIC_temperature, 2);
    feed(f, "c", "h", "GPU-2", METRIC_temperature, 3);
    feed(f, "c", "h", "GPU-1", METRIC_power_draw, 4);
    struct sample s = sample_of("c", "h", "GPU-1", METRIC_temperature, 5);
    char name[] = "DCGM_X"; /* gone when it is given */
    struct sample_extra extra = {str_of(name), 1};
    s.extra = &extra;
    s.extra_count = 1;
    fleet_sample(f, &s, 5);
    name[0] = '?';
    feed(f, "c", "h", "GPU-2", METRIC_power_draw, 6);
    assert_str(buf_str(&seen.text), "GPU-1/1 t1; GPU-2/3 t3; ");
    http_server_run(server);
    assert_true(clock_mono_ns() - start >= 30 * NS_PER_MS);
    assert_str(buf_str(&seen.text),
               "GPU-1/1 t1; GPU-2/3 t3; GPU-1/5 t5 p4 DCGM_X; GPU-2/6 p6; ");
    buf_fini(&seen.text);
    filter_feed_free(&seen.feed);
    fleet_free(&f);
    http_server_free(&server);
}

/* ---- from where a client would resume ---- */

static void see_resume(const struct fleet_update *update, uint64_t resume,
                       void *arg)
{
    buf_printf(arg, "%d:%d ", (int)update->sequence, (int)resume);
}

static void what_is_held_is_not_resumed_behind(void **state)
{
    (void)state;
    struct buf text = {0};
    struct fleet_config config = {0};
    struct fleet *f = fleet_new(NULL, &config);
    struct pace *pace = pace_new(10, see_resume, &text);
    const char *said[] = {"a", "b", "a", "a", "b", "c", "a"};
    for (int i = 0; i < 7; i++) {
        struct sample s =
            sample_of("c", "h", said[i], METRIC_temperature, i + 1);
        fleet_sample(f, &s, (uint64_t)i + 1);
        struct fleet_update update = {fleet_find_gpu(f, s.uuid), &s,
                                      (uint64_t)i + 1};
        pace_take(pace, &update, 100 + i);
    }
    /* a's 3 to 7 and b's 5 are held. */
    assert_buf(&text, "1:1 2:2 6:2 ");
    buf_reset(&text);
    assert_true(pace_tick(pace, 110));
    assert_buf(&text, "7:4 ");
    buf_reset(&text);
    pace_flush(pace);
    assert_buf(&text, "5:7 ");
    pace_free(&pace);
    buf_fini(&text);
    fleet_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filter_takes_what_it_names),
        cmocka_unit_test(what_is_listened_to_may_come_later),
        cmocka_unit_test(one_may_end_others_while_it_is_told),
        cmocka_unit_test(a_filter_is_subjects_of_the_broker),
        cmocka_unit_test(what_is_held_is_not_resumed_behind),
        cmocka_unit_test(what_comes_too_soon_is_held_and_gathered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
