/* The live model, with a clock of our own. */
#include "tests/unit/test.h"

#include "api/fleet/fleet.h"
#include "lib/clock.h"

#define START (INT64_C(1760000000) * NS_PER_S)

static int64_t now;  /* both clocks, less START for one of them … */
static int64_t jump; /* … and what somebody has put that one forward by */

static int64_t wall(void)
{
    return START + now + jump;
}

static int64_t mono(void)
{
    return now;
}

static struct fleet *fleet_at_start(void)
{
    now = 1000 * NS_PER_S;
    struct fleet_config config = {.wall_ns = wall, .mono_ns = mono};
    return fleet_new(NULL, &config);
}

static struct sample sample_of(const char *cluster, const char *host,
                               const char *index, const char *uuid)
{
    return (struct sample){.ts_ns = wall(),
                           .cluster = str_of(cluster),
                           .host = str_of(host),
                           .gpu = str_of(index),
                           .uuid = str_of(uuid),
                           .device = str_of("nvidia0"),
                           .model = str_of("H100")};
}

static void hear(struct fleet *f, const char *host, const char *index,
                 const char *uuid)
{
    struct sample s = sample_of("local", host, index, uuid);
    sample_set(&s, METRIC_temperature, 50);
    fleet_sample(f, &s, f->sequence + 1);
}

/* The feed tells now and then that nothing more is there. */
static void quiet(struct fleet *f)
{
    if (f->following)
        fleet_quiet(f);
    fleet_expire(f);
}

static void pass(struct fleet *f, int64_t seconds)
{
    for (int64_t end = now + seconds * NS_PER_S; now < end; now += NS_PER_S / 4)
        quiet(f);
    quiet(f);
}

static enum fleet_status status(struct fleet *f, const char *uuid)
{
    return fleet_find_gpu(f, str_of(uuid))->status;
}

static void assert_counts(struct fleet *f, unsigned active, unsigned silent,
                          unsigned missing)
{
    uint32_t counts[FLEET_STATUS_COUNT] = {0};
    for (uint32_t i = 0; i < f->gpu_count; i++)
        counts[f->gpus[i]->status]++;
    assert_memory_equal(counts, f->counts, sizeof counts);
    assert_int_equal(f->counts[FLEET_ACTIVE], active);
    assert_int_equal(f->counts[FLEET_SILENT], silent);
    assert_int_equal(f->counts[FLEET_MISSING], missing);
}

static void a_gpu_knows_when_something_new_came(void **state)
{
    (void)state;
    struct fleet *f = fleet_at_start();
    hear(f, "alpha", "0", "GPU-a");
    hear(f, "alpha", "1", "GPU-b");
    const struct fleet_gpu *a = fleet_find_gpu(f, str_of("GPU-a"));
    const struct fleet_gpu *b = fleet_find_gpu(f, str_of("GPU-b"));
    assert_true(a->revision > 0 && b->revision > a->revision);
    uint64_t seen = f->revision;

    /* What was read from the database is told of once; late is new, too. */
    struct sample s = sample_of("local", "alpha", "0", "GPU-a");
    fleet_sample(f, &s, 0);
    assert_true(f->revision > seen && a->revision <= seen);
    s.ts_ns -= NS_PER_S;
    sample_set(&s, METRIC_power_draw, 300);
    fleet_sample(f, &s, f->sequence + 1);
    assert_true(a->revision == f->revision && b->revision <= seen);

    /* The stream was made anew. */
    seen = f->revision;
    fleet_stream_anew(f);
    s.ts_ns = b->ts_ns;
    s.uuid = str_of("GPU-b");
    fleet_sample(f, &s, 1);
    assert_true(b->revision > seen && a->revision <= seen);
    fleet_free(&f);
}

static void what_comes_is_found_in_order(void **state)
{
    (void)state;
    struct fleet *f = fleet_at_start();
    hear(f, "beta", "10", "GPU-c");
    hear(f, "beta", "9", "GPU-b");
    hear(f, "beta", "x", "GPU-d");
    hear(f, "alpha", "0", "GPU-a");
    struct sample east = sample_of("east", "zeta", "0", "GPU-z");
    fleet_sample(f, &east, 5);
    const char *order[] = {"GPU-z", "GPU-a", "GPU-b", "GPU-c", "GPU-d"};
    assert_int_equal(f->gpu_count, 5);
    uint32_t numbers = 0;
    for (int i = 0; i < 5; i++) {
        assert_str(f->gpus[i]->uuid, order[i]);
        numbers |= 1u << f->gpus[i]->number;
    }
    assert_int_equal(numbers, 31);
    assert_int_equal(f->cluster_count, 2);
    assert_str(f->clusters[0]->name, "east");
    assert_int_equal(f->host_count, 3);
    struct fleet_host *beta =
        fleet_find_host(f, str_of("local"), str_of("beta"));
    assert_int_equal(beta->gpu_count, 3);
    assert_ptr_equal(beta->gpus[1], f->gpus[3]);
    assert_int_equal(beta->counts[FLEET_ACTIVE], 3);
    assert_null(fleet_find_host(f, str_of("east"), str_of("beta")));
    assert_null(fleet_find_gpu(f, str_of("GPU-")));
    assert_null(fleet_find_cluster(f, str_of("eas")));
    assert_int_equal(f->sequence, 5);
    fleet_free(&f);
}

static void values_are_ready_as_json(void **state)
{
    (void)state;
    struct fleet *f = fleet_at_start();
    struct sample s = sample_of("local", "a\"b", "0", "GPU-1");
    sample_set(&s, METRIC_temperature, 51.5);
    sample_set(&s, METRIC_energy_mj, 123456789012.0);
    sample_set(&s, METRIC_power_draw, -1.7976931348623157e308);
    fleet_sample(f, &s, 1);
    struct fleet_gpu *g = fleet_find_gpu(f, str_of("GPU-1"));
    assert_str(g->json_uuid, "\"GPU-1\"");
    assert_str(g->host->json_name, "\"a\\\"b\"");
    assert_str(g->json_name, "\"H100\"");
    assert_str(str_make(g->value_json[METRIC_temperature].text,
                        g->value_json[METRIC_temperature].len),
               "51.5");
    assert_str(str_make(g->value_json[METRIC_energy_mj].text,
                        g->value_json[METRIC_energy_mj].len),
               "123456789012");
    assert_str(str_make(g->value_json[METRIC_power_draw].text,
                        g->value_json[METRIC_power_draw].len),
               "-1.7976931348623157e+308");
    assert_int_equal(g->value_json[METRIC_xid].len, 0);
    assert_int_equal(g->present >> METRIC_xid & 1, 0);
    fleet_free(&f);
}

static void one(struct fleet *f, int64_t ts, enum metric m, double value,
                uint64_t sequence)
{
    struct sample s = sample_of("local", "h", "0", "GPU-1");
    s.ts_ns = START + ts;
    sample_set(&s, m, value);
    fleet_sample(f, &s, sequence);
}

/* In whatever order the same samples come, the model ends the same. */
static void order_does_not_matter(void **state)
{
    (void)state;
    static const struct {
        int64_t ts;
        enum metric m;
        double value;
        uint64_t sequence;
    } samples[] = {
        {10, METRIC_temperature, 50, 0}, /* the database's */
        {10, METRIC_temperature, 51, 5}, /* of one time: the later counts */
        {10, METRIC_power_draw, 300, 6}, {20, METRIC_gpu_utilization, 80, 7},
        {15, METRIC_temperature, 49, 8}, /* sent late */
    };
    static const int orders[][5] = {
        {0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 0, 4, 1, 3}, {3, 1, 0, 2, 4}};
    for (size_t o = 0; o < COUNT(orders); o++) {
        struct fleet *f = fleet_at_start();
        for (int i = 0; i < 5; i++) {
            int k = orders[o][i];
            one(f, samples[k].ts, samples[k].m, samples[k].value,
                samples[k].sequence);
        }
        struct fleet_gpu *g = f->gpus[0];
        assert_true(g->ts_ns == START + 20);
        assert_int_equal(g->sequence, 7);
        assert_true(g->values[METRIC_temperature] == 49);
        assert_true(g->value_ts_ns[METRIC_temperature] == START + 15);
        assert_true(g->values[METRIC_power_draw] == 300);
        assert_true(g->values[METRIC_gpu_utilization] == 80);
        assert_int_equal(f->sequence, 8);
        fleet_free(&f);
    }
}

static void of_one_time_the_later_counts(void **state)
{
    (void)state;
    struct fleet *f = fleet_at_start();
    one(f, 10, METRIC_temperature, 51, 5);
    one(f, 10, METRIC_temperature, 50, 0);
    assert_true(f->gpus[0]->values[METRIC_temperature] == 51);
    one(f, 10, METRIC_temperature, 52, 6);
    assert_true(f->gpus[0]->values[METRIC_temperature] == 52);
    /* A new stream's are later than the old one's. */
    fleet_stream_anew(f);
    one(f, 10, METRIC_temperature, 53, 1);
    assert_true(f->gpus[0]->values[METRIC_temperature] == 53);
    fleet_free(&f);
}

/* ---- status ---- */

static void a_gpu_falls_silent_after_three_of_its_intervals(void **state)
{
    (void)state;
    struct fleet *f = fleet_at_start();
    for (int i = 0; i < 10; i++) {
        hear(f, "h", "0", "GPU-slow");
        for (int k = 0; k < 20; k++) {
            hear(f, "h", "1", "GPU-fast");
            pass(f, 1);
        }
        hear(f, "h", "1", "GPU-fast");
    }
    assert_counts(f, 2, 0, 0);
    pass(f, 14);
    assert_int_equal(status(f, "GPU-fast"), FLEET_ACTIVE);
    pass(f, 1);
    assert_int_equal(status(f, "GPU-fast"), FLEET_SILENT);
    assert_int_equal(status(f, "GPU-slow"), FLEET_ACTIVE);
    pass(f, 24); /* 20 + 14 + 1 + 24 = 59 of 60 s */
    assert_int_equal(status(f, "GPU-slow"), FLEET_ACTIVE);
    pass(f, 1);
    assert_counts(f, 0, 2, 0);
    hear(f, "h", "0", "GPU-slow");
    assert_counts(f, 1, 1, 0);
    fleet_free(&f);
}

/* One that reports every 40 s is silent only until its pace is known; one
 * outage of an hour does not make it wait three hours. */
static void a_pace_is_learnt_an_outage_is_not(void **state)
{
    (void)state;
    struct fleet *f = fleet_at_start();
    hear(f, "h", "0", "GPU-1");
    pass(f, 40);
    assert_int_equal(status(f, "GPU-1"), FLEET_SILENT);
    for (int i = 0; i < 5; i++) {
        hear(f, "h", "0", "GPU-1");
        pass(f, 40);
        assert_int_equal(status(f, "GPU-1"), FLEET_ACTIVE);
    }
    pass(f, 500);
    hear(f, "h", "0", "GPU-1");
    pass(f, 40);
    hear(f, "h", "0", "GPU-1");
    assert_true(f->gpus[0]->interval_ns < 60 * NS_PER_S);
    pass(f, 130);
    assert_int_equal(status(f, "GPU-1"), FLEET_SILENT);
    fleet_free(&f);
}

static void parts_of_one_sample_are_no_interval(void **state)
{
    (void)state;
    struct fleet *f = fleet_at_start();
    for (int i = 0; i < 5; i++) {
        int64_t ts = now;
        one(f, ts, METRIC_temperature, 1, f->sequence + 1);
        one(f, ts, METRIC_power_draw, 1, f->sequence + 1);
        now += 30 * NS_PER_S;
    }
    assert_true(f->gpus[0]->interval_ns == 30 * NS_PER_S);
    fleet_free(&f);
}

static void nobody_is_silent_while_we_are_deaf(void **state)
{
    (void)state;
    struct fleet *f = fleet_at_start();
    fleet_set_following(f, true);
    hear(f, "h", "0", "GPU-1");
    hear(f, "h", "1", "GPU-2");
    pass(f, 5);
    fleet_set_following(f, false);
    pass(f, 500);
    assert_counts(f, 2, 0, 0);
    fleet_set_following(f, true);
    pass(f, 14);
    assert_counts(f, 2, 0, 0);
    hear(f, "h", "0", "GPU-1");
    pass(f, 2);
    assert_counts(f, 1, 1, 0);
    fleet_free(&f);
}

/* Stopped and going on again: the clock has run, the samples are not read yet. */
static void nobody_is_silent_while_we_were_held_up(void **state)
{
    (void)state;
    struct fleet *f = fleet_at_start();
    fleet_set_following(f, true);
    hear(f, "h", "0", "GPU-1");
    hear(f, "h", "1", "GPU-2");
    pass(f, 5);
    now += 600 * NS_PER_S;
    fleet_expire(f);
    assert_counts(f, 2, 0, 0);
    hear(f, "h", "0", "GPU-1"); /* all until now is in: GPU-2 said nothing */
    fleet_expire(f);
    assert_counts(f, 1, 1, 0);
    fleet_free(&f);
}

static void a_jump_of_the_wall_clock_silences_nobody(void **state)
{
    (void)state;
    struct fleet *f = fleet_at_start();
    fleet_set_following(f, true);
    for (int i = 0; i < 4; i++) {
        hear(f, "h", "0", "GPU-1");
        pass(f, 10);
        jump += (i % 2 == 0 ? 1 : -2) * 7200 * NS_PER_S;
        quiet(f);
        assert_counts(f, 1, 0, 0);
    }
    pass(f, 20);
    assert_counts(f, 0, 1, 0);
    jump = 0;
    fleet_free(&f);
}

static void what_is_read_late_was_heard_then(void **state)
{
    (void)state;
    struct fleet *f = fleet_at_start();
    struct sample s = sample_of("local", "h", "0", "GPU-1");
    fleet_sample_at(f, &s, 1, wall() - 100 * NS_PER_S);
    assert_int_equal(status(f, "GPU-1"), FLEET_SILENT);
    s = sample_of("local", "h", "1", "GPU-2");
    fleet_sample_at(f, &s, 2, wall() - 10 * NS_PER_S);
    assert_int_equal(status(f, "GPU-2"), FLEET_ACTIVE);
    pass(f, 5);
    assert_counts(f, 0, 2, 0);
    fleet_free(&f);
}

static void an_index_that_is_left_out_is_missing(void **state)
{
    (void)state;
    struct fleet *f = fleet_at_start();
    fleet_set_following(f, true);
    hear(f, "h", "7", "GPU-7"); /* they come in any order … */
    pass(f, 5);
    hear(f, "h", "0", "GPU-0");
    hear(f, "h", "1", "GPU-1");
    hear(f, "g", "4294967295", "GPU-x"); /* … and may say anything */
    pass(f, 14);
    assert_counts(f, 3, 1, 0);
    pass(f, 2);
    assert_int_equal(f->counts[FLEET_MISSING], 5);
    struct fleet_host *h = fleet_find_host(f, str_of("local"), str_of("h"));
    assert_int_equal(h->gpu_count, 8);
    assert_int_equal(h->counts[FLEET_MISSING], 5);
    struct fleet_gpu *missing = h->gpus[4];
    assert_str(missing->index, "4");
    assert_int_equal(missing->uuid.len, 0);
    assert_int_equal(missing->present, 0);
    hear(f, "h", "4", "GPU-4"); /* found: the same object */
    assert_ptr_equal(fleet_find_gpu(f, str_of("GPU-4")), missing);
    assert_int_equal(missing->status, FLEET_ACTIVE);
    assert_int_equal(h->gpu_count, 8);
    assert_int_equal(f->counts[FLEET_MISSING], 4);
    fleet_free(&f);
}

static void maintenance_comes_first(void **state)
{
    (void)state;
    struct fleet *f = fleet_at_start();
    hear(f, "h", "0", "GPU-1");
    fleet_set_maintenance(f, f->gpus[0], true, str_of("fan"));
    hear(f, "h", "0", "GPU-1");
    pass(f, 100);
    assert_int_equal(status(f, "GPU-1"), FLEET_MAINTENANCE);
    assert_str(f->gpus[0]->maintenance_reason, "fan");
    fleet_set_maintenance(f, f->gpus[0], false, str_of(""));
    assert_int_equal(status(f, "GPU-1"), FLEET_SILENT);
    hear(f, "h", "0", "GPU-1");
    assert_int_equal(status(f, "GPU-1"), FLEET_ACTIVE);
    fleet_free(&f);
}

static void a_gpu_may_move(void **state)
{
    (void)state;
    struct fleet *f = fleet_at_start();
    hear(f, "a", "0", "GPU-1");
    hear(f, "b", "0", "GPU-2");
    struct fleet_gpu *g = fleet_find_gpu(f, str_of("GPU-1"));
    now += NS_PER_S;
    hear(f, "b", "1", "GPU-1");
    assert_ptr_equal(fleet_find_gpu(f, str_of("GPU-1")), g);
    assert_str(g->host->name, "b");
    assert_int_equal(f->hosts[0]->gpu_count, 0);
    assert_int_equal(f->hosts[0]->counts[FLEET_ACTIVE], 0);
    assert_int_equal(f->hosts[1]->counts[FLEET_ACTIVE], 2);
    assert_ptr_equal(f->hosts[1]->gpus[1], g);
    assert_counts(f, 2, 0, 0);
    fleet_free(&f);
}

static void there_are_at_most_so_many(void **state)
{
    (void)state;
    now = 0;
    struct fleet_config config = {
        .gpus_max = 2, .wall_ns = wall, .mono_ns = mono};
    struct fleet *f = fleet_new(NULL, &config);
    hear(f, "h", "0", "GPU-1");
    hear(f, "h", "1", "GPU-2");
    hear(f, "h", "2", "GPU-3");
    assert_int_equal(f->gpu_count, 2);
    assert_int_equal(f->left_out, 1);
    fleet_free(&f);
}

static void labels_are_copied_in_order(void **state)
{
    (void)state;
    struct fleet *f = fleet_at_start();
    hear(f, "h", "0", "GPU-1");
    char key[] = "team";
    struct fleet_label labels[] = {{str_of(key), str_of("red")},
                                   {str_of("rack"), str_of("")}};
    fleet_set_labels(f, f->gpus[0], labels, 2);
    key[0] = 'x';
    assert_int_equal(f->gpus[0]->label_count, 2);
    assert_str(f->gpus[0]->labels[0].key, "rack");
    assert_str(f->gpus[0]->labels[1].key, "team");
    assert_str(f->gpus[0]->labels[1].value, "red");
    fleet_set_labels(f, f->gpus[0], NULL, 0);
    assert_int_equal(f->gpus[0]->label_count, 0);
    fleet_free(&f);
}

/* ---- listeners ---- */

struct ear {
    struct fleet_listener listener;
    struct fleet *fleet;
    struct ear *other;
    int updates, changes;
    enum fleet_status before, now;
};

static void on_update(const struct fleet_update *update, void *arg)
{
    struct ear *ear = arg;
    ear->updates++;
    assert_int_equal(update->gpu->sequence, update->sequence);
    if (ear->other != NULL)
        fleet_unlisten(ear->fleet, &ear->other->listener);
    ear->other = NULL;
}

static void on_change(const struct fleet_change *change, void *arg)
{
    struct ear *ear = arg;
    ear->changes++;
    ear->before = change->before;
    ear->now = change->now;
}

static void listeners_are_told_and_may_leave(void **state)
{
    (void)state;
    struct fleet *f = fleet_at_start();
    struct ear ears[3];
    for (int i = 0; i < 3; i++) {
        ears[i] = (struct ear){
            .listener = {.update = on_update, .change = on_change}, .fleet = f};
        ears[i].listener.arg = &ears[i];
        fleet_listen(f, &ears[i].listener);
    }
    ears[0].other = &ears[1]; /* the next one */
    ears[2].other = &ears[2]; /* itself */
    hear(f, "h", "0", "GPU-1");
    hear(f, "h", "0", "GPU-1");
    pass(f, 16);
    assert_int_equal(ears[0].updates, 2);
    assert_int_equal(ears[1].updates, 0);
    assert_int_equal(ears[2].updates, 1);
    assert_int_equal(ears[0].changes, 2);
    assert_int_equal(ears[0].before, FLEET_ACTIVE);
    assert_int_equal(ears[0].now, FLEET_SILENT);
    fleet_unlisten(f, &ears[0].listener);
    fleet_free(&f);
}

/* Thousands, at paces of their own, all checked against their own arithmetic:
 * the heap forgets nobody and hurries nobody. */
static void many_fall_silent_each_in_its_time(void **state)
{
    (void)state;
    enum { GPUS = 500 };
    static int64_t heard[GPUS];
    struct fleet *f = fleet_at_start();
    fleet_set_following(f, true);
    unsigned seed = 7;
    for (int step = 0; step < 400; step++) {
        for (int i = 0; i < GPUS; i++) {
            char uuid[24], index[16];
            snprintf(uuid, sizeof uuid, "GPU-%d", i);
            snprintf(index, sizeof index, "%d", i);
            if (heard[i] == 0 || rand_r(&seed) % (i % 90 + 1) == 0) {
                hear(f, "h", index, uuid);
                heard[i] = now;
            }
        }
        now += NS_PER_S;
        quiet(f);
        for (uint32_t i = 0; i < f->gpu_count; i++) {
            struct fleet_gpu *g = f->gpus[i];
            int64_t wait = g->interval_ns * 3;
            if (wait < 15 * NS_PER_S)
                wait = 15 * NS_PER_S;
            bool due = g->heard_ns + wait <= wall();
            assert_int_equal(g->status, due ? FLEET_SILENT : FLEET_ACTIVE);
        }
    }
    fleet_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gpu_knows_when_something_new_came),
        cmocka_unit_test(what_comes_is_found_in_order),
        cmocka_unit_test(values_are_ready_as_json),
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(of_one_time_the_later_counts),
        cmocka_unit_test(a_gpu_falls_silent_after_three_of_its_intervals),
        cmocka_unit_test(a_pace_is_learnt_an_outage_is_not),
        cmocka_unit_test(parts_of_one_sample_are_no_interval),
        cmocka_unit_test(nobody_is_silent_while_we_are_deaf),
        cmocka_unit_test(nobody_is_silent_while_we_were_held_up),
        cmocka_unit_test(a_jump_of_the_wall_clock_silences_nobody),
        cmocka_unit_test(what_is_read_late_was_heard_then),
        cmocka_unit_test(an_index_that_is_left_out_is_missing),
        cmocka_unit_test(maintenance_comes_first),
        cmocka_unit_test(a_gpu_may_move),
        cmocka_unit_test(there_are_at_most_so_many),
        cmocka_unit_test(labels_are_copied_in_order),
        cmocka_unit_test(listeners_are_told_and_may_leave),
        cmocka_unit_test(many_fall_silent_each_in_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
