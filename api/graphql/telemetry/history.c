/* history: GPU.telemetry and the type Telemetry.
 *
 * The latest samples of a GPU are in the newest partitions, but PostgreSQL
 * opens all that the range touches: with 30 days, that takes longer than the
 * reading. So where no start is asked for, one is guessed from how dense the
 * GPU's samples were before; where the guess gives too few, the whole range is
 * read. */
#include "api/graphql/telemetry/history.h"

#include <stdlib.h>

#include "api/graphql/telemetry/history_sql.h"
#include "api/graphql/telemetry/shared.h"
#include "lib/clock.h"
#include "lib/mem.h"

#define LIMIT_MAX     10000
#define ROWS_MAX      100000             /* of all GPUs of a statement */
#define MEMORY_MAX    (64 * 1024 * 1024) /* of a request */
#define STEP_MIN_NS   NS_PER_S
#define STEP_MAX_NS   (366 * 86400 * NS_PER_S)
#define STEPS_SPAN_NS (200 * 365 * (86400 * NS_PER_S)) /* that times can be */
#define SLACK_NS      (600 * NS_PER_S)                 /* of a guess */

/* ---- what is known of the density ---- */

struct history {
    int64_t *spacing_ns; /* by the GPU's number; 0: not known */
    uint32_t room;
};

struct history *history_new(void)
{
    return mem_zalloc(sizeof(struct history));
}

void history_free(struct history **history)
{
    struct history *h = *history;
    *history = NULL;
    if (h == NULL)
        return;
    free(h->spacing_ns);
    free(h);
}

static int64_t spacing_of(const struct history *h, const struct fleet_gpu *gpu)
{
    return gpu->number < h->room ? h->spacing_ns[gpu->number] : 0;
}

static void spacing_set(struct history *h, const struct fleet_gpu *gpu,
                        int64_t ns)
{
    if (gpu->number >= h->room) {
        uint32_t room =
            gpu->number + 1 > 2 * h->room ? gpu->number + 1 : 2 * h->room;
        h->spacing_ns = mem_realloc(h->spacing_ns, room * sizeof(int64_t));
        memset(h->spacing_ns + h->room, 0, (room - h->room) * sizeof(int64_t));
        h->room = room;
    }
    h->spacing_ns[gpu->number] = ns;
}

/* ---- rows ---- */

/* What the rows of one answer have in common. */
struct row_set {
    struct history_shape shape;
    uint8_t slot[METRIC_COUNT]; /* its place in a row's values */
    uint32_t values;            /* of a row */
    size_t row_size;
};

/* A Telemetry. */
struct row {
    const struct row_set *set;
    int64_t ts_ns;
    int64_t samples;
    struct str extra;
    uint64_t present; /* bit i: values[i] is known */
    double values[];
};

/* A call from its arguments to its rows. */
struct reading {
    struct gql_batch *batch;
    struct row_set set;
    int64_t start_ns, end_ns; /* DB_TIME_MIN, DB_TIME_MAX: open */
    int64_t limit, step_ns;
    bool guessed; /* that nothing needed is before guess_ns */
    int64_t guess_ns;
    uint32_t *gpu_of; /* which parents are asked for, by n - 1 */
    struct str *uuids;
    uint32_t asked;
};

/* ---- arguments ---- */

static enum aggregate aggregate_of(struct str name)
{
    int aggregate = 0;
    while (!str_is(name, aggregate_names[aggregate]))
        aggregate++; /* it is one of the enum's */
    return (enum aggregate)aggregate;
}

static bool arguments_check(struct reading *r, struct errmsg *err)
{
    if (r->limit < 1 || r->limit > LIMIT_MAX)
        errmsg_set(err, 0, "limit: expected 1 to %d, got %lld", LIMIT_MAX,
                   (long long)r->limit);
    else if (r->set.shape.stepped &&
             (r->step_ns < STEP_MIN_NS || r->step_ns > STEP_MAX_NS))
        errmsg_set(err, 0, "step: expected 1s to 366d, got %g s",
                   (double)r->step_ns / NS_PER_S);
    else if (r->start_ns > r->end_ns)
        errmsg_set(err, 0, "start is after end");
    else
        return true;
    return false;
}

static bool arguments_read(struct reading *r, struct errmsg *err)
{
    const struct gql_call *call = &r->batch->call;
    const struct gql_value *step = gql_argument(call, "step");
    r->start_ns = DB_TIME_MIN;
    r->end_ns = DB_TIME_MAX;
    time_of(gql_argument(call, "start"), &r->start_ns);
    time_of(gql_argument(call, "end"), &r->end_ns);
    r->limit = gql_argument_i64(call, "limit", 100);
    r->set.shape.stepped = step != NULL && step->kind != GQL_NULL;
    r->step_ns = r->set.shape.stepped ? step->i64 : 0;
    if (r->set.shape.stepped)
        r->set.shape.aggregate =
            aggregate_of(gql_argument(call, "aggregate")->text);
    return arguments_check(r, err);
}

/* Which columns: those of the fields that are asked for. */
static void set_init(struct row_set *set, const struct gql_call *call)
{
    for (int m = 0; m < METRIC_COUNT; m++) {
        const char *name = telemetry_metric_bindings[m].name;
        if (!gql_selects(call, strchr(name, '.') + 1))
            continue;
        set->shape.metrics |= UINT64_C(1) << m;
        set->slot[m] = (uint8_t)set->values++;
    }
    set->shape.extra = !set->shape.stepped && gql_selects(call, "extra");
    set->row_size = sizeof(struct row) + set->values * sizeof(double);
}

/* ---- from the result ---- */

/* Which column has what; see history_sql.h. */
static int time_column(const struct row_set *set)
{
    return set->shape.many ? 1 : 0;
}

/* `extra`, or how many samples. */
static int second_column(const struct row_set *set)
{
    return time_column(set) + 1;
}

static int first_metric_column(const struct row_set *set)
{
    bool second = set->shape.stepped || set->shape.extra;
    return second_column(set) + (second ? 1 : 0);
}

/* Whose row it is, from 0. */
static uint32_t gpu_of_row(const struct row_set *set, const PGresult *rows,
                           int i)
{
    return set->shape.many ? (uint32_t)(db_i64(rows, i, 0) - 1) : 0;
}

/* jsonb travels as a version byte and the JSON text. */
static struct str extra_copy(const struct row_set *set, const PGresult *rows,
                             int i, struct arena *arena)
{
    struct str extra = db_str(rows, i, second_column(set));
    if (db_is_null(rows, i, second_column(set)) || extra.len < 1)
        return (struct str){0};
    return arena_str(arena, str_make(extra.p + 1, extra.len - 1));
}

static void row_copy(struct row *row, const struct row_set *set,
                     const PGresult *rows, int i, struct arena *arena)
{
    int column = first_metric_column(set);
    row->set = set;
    row->ts_ns = db_time(rows, i, time_column(set));
    row->samples = set->shape.stepped ? db_i64(rows, i, second_column(set)) : 1;
    row->extra =
        set->shape.extra ? extra_copy(set, rows, i, arena) : (struct str){0};
    row->present = 0;
    for (uint32_t v = 0; v < set->values; v++)
        row->present |=
            (uint64_t)db_take_double(rows, i, column + (int)v, &row->values[v])
            << v;
}

/* The rows of all GPUs, each GPU's together and in order of time. */
struct table {
    const void **rows; /* of struct row */
    uint32_t *first;   /* by n - 1; first[asked]: behind the last */
};

static void table_count(struct table *t, const struct reading *r,
                        const PGresult *rows)
{
    int count = PQntuples(rows);
    for (int i = 0; i < count; i++)
        t->first[gpu_of_row(&r->set, rows, i) + 1]++;
    for (uint32_t n = 0; n < r->asked; n++)
        t->first[n + 1] += t->first[n];
}

/* They come newest first: each GPU's places are filled from the last on. */
static void table_fill(struct table *t, struct reading *r, const PGresult *rows)
{
    struct arena *arena = r->batch->call.arena;
    int count = PQntuples(rows);
    uint32_t *end = arena_alloc(arena, (r->asked + 1) * sizeof *end);
    memcpy(end, t->first + 1, r->asked * sizeof *end);
    char *memory = arena_alloc(arena, (size_t)count * r->set.row_size + 1);
    for (int i = 0; i < count; i++) {
        struct row *row = (void *)(memory + (size_t)i * r->set.row_size);
        row_copy(row, &r->set, rows, i, arena);
        t->rows[--end[gpu_of_row(&r->set, rows, i)]] = row;
    }
}

static void table_init(struct table *t, struct reading *r, const PGresult *rows)
{
    struct arena *arena = r->batch->call.arena;
    t->first = arena_zalloc(arena, (r->asked + 2) * sizeof *t->first);
    t->rows = arena_alloc(arena,
                          ((size_t)PQntuples(rows) + 1) * sizeof(const void *));
    table_count(t, r, rows);
    table_fill(t, r, rows);
}

static uint32_t table_rows(const struct table *t, uint32_t n)
{
    return t->first[n + 1] - t->first[n];
}

/* ---- the guess ---- */

static const struct fleet_gpu *gpu_at(const struct reading *r, uint32_t n)
{
    return r->batch->parents[r->gpu_of[n]];
}

/* False: it is not known of all of them. */
static bool guess(struct reading *r)
{
    const struct history *h = context_of(&r->batch->call)->history;
    r->guess_ns = DB_TIME_MAX;
    for (uint32_t n = 0; n < r->asked; n++) {
        const struct fleet_gpu *gpu = gpu_at(r, n);
        int64_t spacing = spacing_of(h, gpu);
        int64_t end = r->end_ns < gpu->ts_ns ? r->end_ns : gpu->ts_ns;
        int64_t start;
        if (spacing == 0 || gpu->ts_ns == 0 ||
            __builtin_mul_overflow(spacing * 2, r->limit, &start) ||
            __builtin_sub_overflow(end - SLACK_NS, start, &start))
            return false;
        r->guess_ns = start < r->guess_ns ? start : r->guess_ns;
    }
    return true;
}

/* A GPU that has fewer than were asked for is not guessed of. */
static void learn(const struct reading *r, const struct table *t)
{
    struct history *h = context_of(&r->batch->call)->history;
    for (uint32_t n = 0; n < r->asked; n++) {
        uint32_t count = table_rows(t, n);
        if (count < r->limit || count < 2) {
            spacing_set(h, gpu_at(r, n), 0);
            continue;
        }
        const struct row *first = t->rows[t->first[n]];
        const struct row *last = t->rows[t->first[n + 1] - 1];
        spacing_set(h, gpu_at(r, n),
                    (last->ts_ns - first->ts_ns) / (count - 1) + 1);
    }
}

static bool is_short(const struct reading *r, const struct table *t)
{
    for (uint32_t n = 0; n < r->asked; n++)
        if (table_rows(t, n) < r->limit)
            return true;
    return false;
}

/* ---- asking ---- */

static void give_rows(struct reading *r, const struct table *t)
{
    for (uint32_t n = 0; n < r->asked; n++)
        gql_batch_list(r->batch, r->gpu_of[n], t->rows + t->first[n],
                       table_rows(t, n));
    gql_batch_done(r->batch);
}

static void reading_send(struct reading *r);

static bool memory_check(struct reading *r)
{
    bool enough = r->batch->call.arena->allocated <= MEMORY_MAX;
    if (!enough)
        gql_batch_fail(r->batch, GQL_CODE_LIMIT,
                       "the request takes more than %d MiB of telemetry",
                       MEMORY_MAX >> 20);
    return enough;
}

static void rows_take(struct reading *r, const PGresult *rows)
{
    struct table t;
    if (!memory_check(r)) {
        gql_batch_done(r->batch);
        return;
    }
    table_init(&t, r, rows);
    if (r->guessed && is_short(r, &t)) {
        r->guessed = false;
        reading_send(r);
        return;
    }
    if (!r->set.shape.stepped && r->start_ns == DB_TIME_MIN)
        learn(r, &t);
    give_rows(r, &t);
}

static void rows_done(enum db_outcome outcome, const PGresult *rows, void *arg)
{
    struct reading *r = arg;
    if (outcome == DB_OK) {
        rows_take(r, rows);
        return;
    }
    fail_by_outcome(r->batch, outcome);
    gql_batch_done(r->batch);
}

static int64_t steps_span(const struct reading *r)
{
    int64_t span;
    if (__builtin_mul_overflow(r->step_ns, r->limit - 1, &span) ||
        span > STEPS_SPAN_NS)
        span = STEPS_SPAN_NS;
    return span / NS_PER_US;
}

static void reading_send(struct reading *r)
{
    struct db *db = context_of(&r->batch->call)->db;
    struct buf sql = {0};
    history_sql_append(&sql, &r->set.shape);
    const struct db_param params[] = {
        {.type = DB_TEXTS, .texts = r->uuids, .count = r->asked},
        {.type = DB_TIME, .number = r->guessed ? r->guess_ns : r->start_ns},
        {.type = DB_TIME, .number = r->end_ns},
        {.type = DB_INT, .number = r->limit},
        {.type = DB_INT, .number = r->step_ns / NS_PER_US},
        {.type = DB_INT, .number = steps_span(r)},
    };
    db_query(db, db_statement_made(db, "telemetry of GPUs", buf_str(&sql)),
             params, r->set.shape.stepped ? 6 : 4, rows_done, r);
    buf_fini(&sql);
}

/* Each GPU once, though it may be several parents: the rows are the same, but
 * parents are told apart by n, so it is asked for as often as it is there. */
static void reading_gather(struct reading *r)
{
    struct arena *arena = r->batch->call.arena;
    r->gpu_of = arena_alloc(arena, r->batch->count * sizeof *r->gpu_of);
    r->uuids = arena_alloc(arena, r->batch->count * sizeof *r->uuids);
    for (uint32_t i = 0; i < r->batch->count; i++) {
        const struct fleet_gpu *gpu = r->batch->parents[i];
        r->gpu_of[r->asked] = i;
        r->uuids[r->asked++] = gpu->uuid;
    }
}

static bool reading_check(struct reading *r)
{
    struct errmsg err;
    if (!arguments_read(r, &err))
        gql_batch_fail(r->batch, GQL_CODE_INPUT, "%s", err.text);
    else if ((uint64_t)r->limit * r->batch->count > ROWS_MAX)
        gql_batch_fail(r->batch, GQL_CODE_LIMIT,
                       "telemetry of %u GPUs, %lld rows each, is more than %d "
                       "rows",
                       (unsigned)r->batch->count, (long long)r->limit,
                       ROWS_MAX);
    else
        return memory_check(r);
    return false;
}

static void resolve_telemetry(struct gql_batch *batch)
{
    struct reading *r = arena_zalloc(batch->call.arena, sizeof *r);
    r->batch = batch;
    if (!reading_check(r)) {
        gql_batch_done(batch);
        return;
    }
    set_init(&r->set, &batch->call);
    reading_gather(r);
    r->set.shape.many = r->asked > 1;
    r->guessed =
        !r->set.shape.stepped && r->start_ns == DB_TIME_MIN && guess(r);
    reading_send(r);
}

/* ---- Telemetry's fields ---- */

void telemetry_write_metric(struct gql_out *out, const void *object)
{
    const struct row *row = object;
    const struct row_set *set = row->set;
    int64_t metric = out->call.field->binding->number;
    uint32_t slot = set->slot[metric];
    bool fetched = (set->shape.metrics >> metric & 1) != 0;
    if (fetched && (row->present >> slot & 1) != 0)
        json_put_double(&out->json, row->values[slot]);
    else
        json_put_null(&out->json);
}

static void write_timestamp(struct gql_out *out, const void *object)
{
    const struct row *row = object;
    write_time(out, row->ts_ns);
}

static void write_samples(struct gql_out *out, const void *object)
{
    const struct row *row = object;
    json_put_i64(&out->json, row->samples);
}

static void write_extra(struct gql_out *out, const void *object)
{
    const struct row *row = object;
    if (row->extra.len > 0)
        json_put_raw(&out->json, row->extra);
    else
        json_put_null(&out->json);
}

const struct gql_binding history_bindings[] = {
    {.name = "GPU.telemetry", .resolve = resolve_telemetry},
    {.name = "Telemetry.timestamp", .write = write_timestamp},
    {.name = "Telemetry.samples", .write = write_samples},
    {.name = "Telemetry.extra", .write = write_extra},
    {.name = NULL},
};
