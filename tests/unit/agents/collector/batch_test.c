/* Samples become rows, and rows PostgreSQL's binary COPY format. */
#include "unit/test.h"

#include "agents/collector/batch.h"
#include "lib/json.h"

#define ROWS_MAX    4096
#define COLUMNS_MAX (4 + METRIC_COUNT)
#define PG_EPOCH_US INT64_C(946684800000000)
#define TS          INT64_C(1752871354000000) /* 2025-07-18T20:42:34Z */

static struct arena arena;
static struct row rows[ROWS_MAX];
static struct batch batch;

static int set_up(void **state)
{
    (void)state;
    batch = (struct batch){.rows = rows};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

/* A further row, its sample without values. */
static struct sample *add(int32_t gpu_id, int64_t ts_us, int64_t revision)
{
    struct sample *s = arena_zalloc(&arena, sizeof *s);
    assert_true(batch.count < ROWS_MAX);
    rows[batch.count++] = (struct row){
        .gpu_id = gpu_id, .ts_us = ts_us, .revision = revision, .sample = s};
    return s;
}

static void add_extra(struct sample *s, const char *name, double value)
{
    struct sample_extra *all =
        arena_alloc(&arena, (s->extra_count + 1) * sizeof *all);
    if (s->extra_count > 0)
        memcpy(all, s->extra, s->extra_count * sizeof *all);
    all[s->extra_count++] = (struct sample_extra){str_of(name), value};
    s->extra = all;
}

static double metric(size_t row, enum metric m)
{
    assert_true(sample_has(rows[row].sample, m));
    return rows[row].sample->metrics[m];
}

/* ---- merging ---- */

static void rows_are_sorted_by_gpu_and_time(void **state)
{
    (void)state;
    uint64_t seed = 9;
    for (int i = 0; i < 2000; i++)
        add((int32_t)(random_next(&seed) % 50),
            TS + (int64_t)(random_next(&seed) % 30), i);
    batch_merge(&batch, &arena);
    assert_in_range(batch.count, 1000, 1500);
    for (size_t i = 1; i < batch.count; i++)
        assert_true(rows[i - 1].gpu_id < rows[i].gpu_id ||
                    (rows[i - 1].gpu_id == rows[i].gpu_id &&
                     rows[i - 1].ts_us < rows[i].ts_us));
}

static void a_second_sample_adds_its_metrics(void **state)
{
    (void)state;
    struct sample *first = add(1, TS, 10);
    sample_set(first, METRIC_temperature, 40);
    sample_set(first, METRIC_power_draw, 300);
    struct sample *second = add(1, TS, 11);
    sample_set(second, METRIC_power_draw, 310);
    sample_set(second, METRIC_xid, 0);
    batch_merge(&batch, &arena);
    assert_int_equal(batch.count, 1);
    assert_true(metric(0, METRIC_temperature) == 40);
    assert_true(metric(0, METRIC_power_draw) == 310);
    assert_true(metric(0, METRIC_xid) == 0);
    assert_int_equal(rows[0].revision, 11);
    assert_true(first->metrics[METRIC_power_draw] == 300); /* not touched */
}

static void a_merged_row_knows_each_values_revision(void **state)
{
    (void)state;
    struct sample *first = add(1, TS, 10);
    sample_set(first, METRIC_temperature, 40);
    sample_set(first, METRIC_power_draw, 300);
    add_extra(first, "A", 1);
    add_extra(first, "B", 2);
    struct sample *second = add(1, TS, 11);
    sample_set(second, METRIC_power_draw, 310);
    add_extra(second, "A", 3);
    sample_set(add(2, TS, 12), METRIC_xid, 1);
    batch_merge(&batch, &arena);
    assert_int_equal(batch.count, 2);
    assert_true(batch.has_revisions);
    const struct revisions *r = rows[0].revisions;
    assert_int_equal(r->metrics[METRIC_temperature], 10);
    assert_int_equal(r->metrics[METRIC_power_draw], 11);
    assert_int_equal(r->extra[0], 11);
    assert_int_equal(r->extra[1], 10);
    assert_null(rows[1].revisions);
    assert_int_equal(rows[1].revision, 12);
}

static void the_later_in_the_stream_wins_whatever_came_first(void **state)
{
    (void)state;
    static const int64_t revisions[] = {12, 10, 13, 11};
    for (size_t i = 0; i < COUNT(revisions); i++)
        sample_set(add(1, TS, revisions[i]), METRIC_power_draw,
                   (double)revisions[i]);
    batch_merge(&batch, &arena);
    assert_int_equal(batch.count, 1);
    assert_true(metric(0, METRIC_power_draw) == 13);
    assert_int_equal(rows[0].revision, 13);
}

/* A stream may store several messages at one time. */
static void of_equal_revisions_the_one_behind_wins(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++)
        for (int gpu = 0; gpu < 4; gpu++)
            sample_set(add(gpu, TS, 10), METRIC_power_draw, i);
    batch_merge(&batch, &arena);
    assert_int_equal(batch.count, 4);
    for (size_t gpu = 0; gpu < 4; gpu++)
        assert_true(metric(gpu, METRIC_power_draw) == 999);
}

static void extras_are_merged_by_name(void **state)
{
    (void)state;
    struct sample *first = add(1, TS, 10);
    add_extra(first, "A", 1);
    add_extra(first, "B", 2);
    struct sample *second = add(1, TS, 11);
    add_extra(second, "B", 20);
    add_extra(second, "C", 30);
    sample_set(add(1, TS, 12), METRIC_xid, 1);
    batch_merge(&batch, &arena);
    assert_int_equal(batch.count, 1);
    const struct sample *s = rows[0].sample;
    assert_int_equal(s->extra_count, 3);
    assert_str(s->extra[0].name, "A");
    assert_true(s->extra[0].value == 1);
    assert_str(s->extra[1].name, "B");
    assert_true(s->extra[1].value == 20);
    assert_str(s->extra[2].name, "C");
    assert_true(s->extra[2].value == 30);
    assert_int_equal(batch_values(&batch), 4);
}

static void an_empty_batch_stays_empty(void **state)
{
    (void)state;
    batch_merge(&batch, &arena);
    assert_int_equal(batch.count, 0);
    assert_int_equal(batch_values(&batch), 0);
    assert_true(batch.metrics == 0);
    assert_false(batch.has_extra || batch.has_revisions);
}

/* ---- columns ---- */

static void only_needed_columns_are_named(void **state)
{
    (void)state;
    struct buf sql = {0};
    add(1, TS, 10);
    batch_merge(&batch, &arena);
    batch_append_columns(&batch, &sql);
    assert_buf(&sql, "gpu_id, ts, revision");
    sample_set(add(2, TS, 11), METRIC_power_draw, 1);
    sample_set(add(3, TS, 12), METRIC_gpu_utilization, 1);
    batch_merge(&batch, &arena);
    batch_append_columns(&batch, &sql);
    assert_buf(&sql, "gpu_id, ts, revision, gpu_utilization, power_draw");
    add_extra(add(3, TS, 13), "A", 1);
    batch_merge(&batch, &arena);
    batch_append_columns(&batch, &sql);
    assert_buf(&sql, "gpu_id, ts, revision, revisions, extra, "
                     "gpu_utilization, power_draw");
    buf_fini(&sql);
}

/* ---- COPY ---- */

/* What is left to read of a COPY text. */
struct copy {
    const char *p, *end;
};

static const char *take(struct copy *c, size_t n)
{
    assert_true((size_t)(c->end - c->p) >= n);
    const char *at = c->p;
    c->p += n;
    return at;
}

static uint64_t take_number(struct copy *c, size_t bytes)
{
    uint64_t value = 0;
    const unsigned char *p = (const unsigned char *)take(c, bytes);
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | p[i];
    return value;
}

static void take_head(struct copy *c)
{
    assert_memory_equal(take(c, 11), "PGCOPY\n\377\r\n\0", 11);
    assert_int_equal(take_number(c, 4), 0); /* flags */
    assert_int_equal(take_number(c, 4), 0); /* the header goes on for */
}

/* A field of a fixed width; -1 where it is null. */
static int take_field(struct copy *c, size_t width, uint64_t *value)
{
    uint32_t length = (uint32_t)take_number(c, 4);
    if (length == UINT32_MAX)
        return -1;
    assert_int_equal(length, width);
    *value = take_number(c, width);
    return 0;
}

static void check_key(struct copy *c, const struct row *row)
{
    uint64_t value;
    assert_int_equal(take_field(c, 4, &value), 0);
    assert_int_equal((int32_t)value, row->gpu_id);
    assert_int_equal(take_field(c, 8, &value), 0);
    assert_true((int64_t)value + PG_EPOCH_US == row->ts_us);
    assert_int_equal(take_field(c, 8, &value), 0);
    assert_true((int64_t)value == row->revision);
}

/* A jsonb field; no such value where it is null. */
static struct json take_jsonb(struct copy *c, struct json_doc *doc)
{
    uint32_t length = (uint32_t)take_number(c, 4);
    if (length == UINT32_MAX)
        return (struct json){0};
    assert_int_equal(take_number(c, 1), 1); /* its version */
    struct str text = str_make(take(c, length - 1), length - 1);
    assert_int_equal(json_parse(doc, text, &arena, NULL), 0);
    return json_root(doc);
}

static void check_extra(struct copy *c, const struct sample *s)
{
    struct json_doc doc;
    struct json extra = take_jsonb(c, &doc);
    assert_int_equal(extra.doc != NULL, s->extra_count > 0);
    assert_int_equal(json_count(extra), s->extra_count);
    for (size_t i = 0; i < s->extra_count; i++) {
        double value;
        const char *name = arena_text(&arena, s->extra[i].name);
        assert_int_equal(json_double(json_get(extra, name), &value), 0);
        assert_true(value == s->extra[i].value);
    }
}

static void check_revision(struct json revisions, const char *name,
                           int64_t expected)
{
    int64_t revision;
    assert_int_equal(json_i64(json_get(revisions, name), &revision), 0);
    assert_true(revision == expected);
}

static void check_revisions(struct copy *c, const struct row *row)
{
    struct json_doc doc;
    struct json revisions = take_jsonb(c, &doc);
    const struct sample *s = row->sample;
    assert_int_equal(revisions.doc != NULL, row->revisions != NULL);
    if (row->revisions == NULL)
        return;
    assert_int_equal(json_count(revisions),
                     (size_t)__builtin_popcountll(s->present) + s->extra_count);
    for (int m = 0; m < METRIC_COUNT; m++)
        if (sample_has(s, (enum metric)m))
            check_revision(revisions, metric_catalogue[m].name.p,
                           row->revisions->metrics[m]);
    for (size_t i = 0; i < s->extra_count; i++)
        check_revision(
            revisions,
            arena_printf(&arena, "extra.%.*s", STR_ARG(s->extra[i].name)),
            row->revisions->extra[i]);
}

static void check_metric(struct copy *c, const struct sample *s, int m)
{
    uint64_t bits;
    bool present = take_field(c, 8, &bits) == 0;
    assert_int_equal(present, sample_has(s, (enum metric)m));
    if (present)
        assert_memory_equal(&bits, &s->metrics[m], sizeof bits);
}

static void check_row(struct copy *c, const struct row *row)
{
    int columns = 3 + batch.has_revisions + batch.has_extra +
                  __builtin_popcountll(batch.metrics);
    assert_int_equal(take_number(c, 2), columns);
    check_key(c, row);
    if (batch.has_revisions)
        check_revisions(c, row);
    if (batch.has_extra)
        check_extra(c, row->sample);
    for (int m = 0; m < METRIC_COUNT; m++)
        if ((batch.metrics >> m & 1) != 0)
            check_metric(c, row->sample, m);
}

/* Decodes what the batch is copied as and compares it with its rows. */
static void check_copy(void)
{
    struct buf out = {0};
    buf_append_text(&out, "before");
    batch_append_copy(&batch, &out);
    struct copy c = {out.data + 6, out.data + out.len};
    take_head(&c);
    for (size_t i = 0; i < batch.count; i++)
        check_row(&c, &rows[i]);
    assert_int_equal(take_number(&c, 2), 0xFFFF);
    assert_ptr_equal(c.p, c.end);
    buf_fini(&out);
}

static void nothing_is_copied_as_head_and_trailer(void **state)
{
    (void)state;
    batch_merge(&batch, &arena);
    check_copy();
}

static void limits_are_copied_as_they_are(void **state)
{
    (void)state;
    struct sample *s = add(INT32_MAX, SAMPLE_TS_MIN / 1000, 0);
    sample_set(s, METRIC_power_draw, 1.7976931348623157e308);
    sample_set(s, METRIC_temperature, -0.0);
    s = add(INT32_MAX, SAMPLE_TS_MAX / 1000 - 1, INT64_MAX);
    sample_set(s, METRIC_xid, 5e-324);
    add_extra(s, "odd \"name\"\n\xC3\xA9", -1e-300);
    add(1, TS, 1);
    batch_merge(&batch, &arena);
    assert_int_equal(batch.count, 3);
    check_copy();
}

static void fill(struct sample *s, uint64_t *seed)
{
    s->present = random_next(seed) & random_next(seed) &
                 ((UINT64_C(1) << METRIC_COUNT) - 1);
    for (int m = 0; m < METRIC_COUNT; m++)
        s->metrics[m] = (double)(random_next(seed) % 100000) / 100;
    for (uint64_t n = random_next(seed) % 8; n >= 5; n--)
        add_extra(s,
                  n == 5   ? "A"
                  : n == 6 ? "B"
                           : "C",
                  (double)(random_next(seed) % 1000));
}

/* Of any length: growing the buffer must not hurt, wherever it happens. */
static void random_batches_are_copied_whole(void **state)
{
    (void)state;
    uint64_t seed = 10;
    for (int round = 0; round < 300; round++) {
        batch.count = 0;
        for (int i = 0; i < round; i++)
            fill(add((int32_t)(random_next(&seed) % 100), TS + i % 3,
                     (int64_t)random_next(&seed) / 2),
                 &seed);
        batch_merge(&batch, &arena);
        check_copy();
        arena_reset(&arena);
    }
}

#define batch_test(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        batch_test(rows_are_sorted_by_gpu_and_time),
        batch_test(a_second_sample_adds_its_metrics),
        batch_test(a_merged_row_knows_each_values_revision),
        batch_test(the_later_in_the_stream_wins_whatever_came_first),
        batch_test(of_equal_revisions_the_one_behind_wins),
        batch_test(extras_are_merged_by_name),
        batch_test(an_empty_batch_stays_empty),
        batch_test(only_needed_columns_are_named),
        batch_test(nothing_is_copied_as_head_and_trailer),
        batch_test(limits_are_copied_as_they_are),
        batch_test(random_batches_are_copied_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
