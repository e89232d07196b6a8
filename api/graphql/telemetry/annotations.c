/* annotations: see the header. */
#include "api/graphql/telemetry/annotations.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "api/rest/rest.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/mem.h"

#define READ_EVERY_NS (5 * NS_PER_S)
/* The longest that a row may be seen after its changed_at: transactions of one
 * statement, each with a time limit, and a gateway that had a pause. */
#define READ_BACK_NS (60 * NS_PER_S)

/* What the model has no place for, by the GPU's number. */
struct annotation {
    int64_t changed_ns; /* of what the model has, in the database's time */
    int64_t since_ns;
};

struct annotations {
    struct fleet *fleet;
    struct db *db;
    struct http_timer *timer;
    struct annotation *all;
    uint32_t room;
    int64_t read_up_to_ns; /* the latest change seen; DB_TIME_MIN: none */
    uint32_t read_gpus;    /* how many the model had then */
    uint32_t reading_gpus; /* and has, as this reading begins */
};

#define COLUMNS                                                         \
    "a.labels::text, a.maintenance::int::bigint, a.maintenance_reason," \
    " a.maintenance_since, a.changed_at"
enum { COL_LABELS, COL_ON, COL_REASON, COL_SINCE, COL_CHANGED, COL_UUID };

static const struct db_statement read_statement = {
    .slot = SLOT_ANNOTATIONS,
    .name = "annotations",
    .sql = "SELECT " COLUMNS ", g.uuid FROM gpu_annotation a"
           " JOIN gpu g ON g.id = a.gpu_id"
           " WHERE a.changed_at >= $1::timestamptz",
};

/* Said when the row is locked: of two that are written at the same time, the one
 * that stays is the later. */
#define CHANGED_NOW               \
    "greatest(clock_timestamp()," \
    " a.changed_at + interval '1 microsecond')"

/* Doing either twice is doing it once, but for changed_at: a repeated one wins
 * over another gateway's that came between, as if it had been sent later. */
static const struct db_statement labels_statement = {
    .slot = SLOT_SET_LABELS,
    .changes = true,
    .name = "set labels",
    .sql = "INSERT INTO gpu_annotation AS a (gpu_id, labels)"
           " SELECT id, $2::text::jsonb FROM gpu WHERE uuid = $1::text"
           " ON CONFLICT (gpu_id) DO UPDATE SET labels = excluded.labels,"
           " changed_at = " CHANGED_NOW " RETURNING " COLUMNS,
};

/* A GPU that is out of service already is so since then. */
static const struct db_statement maintenance_statement = {
    .slot = SLOT_SET_MAINTENANCE,
    .changes = true,
    .name = "set maintenance",
    .sql = "INSERT INTO gpu_annotation AS a (gpu_id, maintenance,"
           " maintenance_reason, maintenance_since)"
           " SELECT id, $2::bigint <> 0, $3::text, CASE WHEN $2::bigint <> 0"
           " THEN $4::timestamptz END FROM gpu WHERE uuid = $1::text"
           " ON CONFLICT (gpu_id) DO UPDATE SET"
           " maintenance = excluded.maintenance,"
           " maintenance_reason = excluded.maintenance_reason,"
           " maintenance_since = CASE"
           " WHEN a.maintenance AND excluded.maintenance"
           " THEN a.maintenance_since ELSE excluded.maintenance_since END,"
           " changed_at = " CHANGED_NOW " RETURNING " COLUMNS,
};

/* ---- labels ---- */

static int compare_keys(const void *a, const void *b)
{
    struct str x = ((const struct fleet_label *)a)->key;
    struct str y = ((const struct fleet_label *)b)->key;
    size_t shorter = x.len < y.len ? x.len : y.len;
    int order = memcmp(x.p, y.p, shorter);
    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

/* Control characters are of no use, and the database takes no NUL. */
static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
            return false;
    return true;
}

static int label_check(const struct fleet_label *label, struct errmsg *err)
{
    if (label->key.len == 0 || label->key.len > ANNOTATIONS_KEY_MAX)
        return errmsg_set(err, -EINVAL,
                          "labels: a key has 1 to %d bytes, not %zu",
                          ANNOTATIONS_KEY_MAX, label->key.len);
    if (label->value.len > ANNOTATIONS_VALUE_MAX)
        return errmsg_set(err, -EINVAL,
                          "labels: the value of \"%.*s\" has %zu bytes, more "
                          "than %d",
                          STR_ARG(label->key), label->value.len,
                          ANNOTATIONS_VALUE_MAX);
    if (!is_plain(label->key) || !is_plain(label->value))
        return errmsg_set(err, -EINVAL,
                          "labels: there are control characters in one");
    return 0;
}

int annotations_check_labels(struct fleet_label *labels, uint32_t count,
                             struct errmsg *err)
{
    if (count > ANNOTATIONS_LABELS_MAX)
        return errmsg_set(err, -EINVAL, "labels: %d at most, got %u",
                          ANNOTATIONS_LABELS_MAX, (unsigned)count);
    for (uint32_t i = 0; i < count; i++)
        if (label_check(&labels[i], err) < 0)
            return -EINVAL;
    if (count > 0)
        qsort(labels, count, sizeof *labels, compare_keys);
    for (uint32_t i = 1; i < count; i++)
        if (str_eq(labels[i - 1].key, labels[i].key))
            return errmsg_set(err, -EINVAL,
                              "labels: the key \"%.*s\" is there twice",
                              STR_ARG(labels[i].key));
    return 0;
}

static void labels_append(struct buf *out, const struct fleet_label *labels,
                          uint32_t count)
{
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    for (uint32_t i = 0; i < count; i++) {
        json_key_str(&w, labels[i].key);
        json_put_str(&w, labels[i].value);
    }
    json_end_object(&w);
}

/* Those of a row; what is not a string (somebody else wrote it) is left out. */
static struct fleet_label *labels_read(struct str text, struct arena *arena,
                                       uint32_t *count)
{
    struct json_doc doc;
    *count = 0;
    if (json_parse(&doc, text, arena, NULL) < 0 ||
        json_type(json_root(&doc)) != JSON_OBJECT)
        return NULL;
    struct json object = json_root(&doc);
    struct fleet_label *labels =
        arena_alloc(arena, (size_t)(json_count(object) + 1) * sizeof *labels);
    for (struct json_iter it = json_iter(object); json_next(&it);) {
        struct fleet_label *label = &labels[*count];
        label->key = json_unescape(it.key, arena);
        *count += json_string(it.value, arena, &label->value) == 0;
    }
    if (*count > 0)
        qsort(labels, *count, sizeof *labels, compare_keys);
    return labels;
}

/* ---- a row into the model ---- */

static struct annotation *annotation_of(struct annotations *a,
                                        const struct fleet_gpu *gpu)
{
    if (gpu->number >= a->room) {
        uint32_t room =
            gpu->number + 1 > 2 * a->room ? gpu->number + 1 : 2 * a->room;
        a->all = mem_realloc(a->all, room * sizeof *a->all);
        memset(a->all + a->room, 0, (room - a->room) * sizeof *a->all);
        a->room = room;
    }
    return &a->all[gpu->number];
}

static void row_apply(struct annotations *a, struct fleet_gpu *gpu,
                      const PGresult *rows, int i)
{
    struct arena arena = {0};
    uint32_t count;
    struct fleet_label *labels =
        labels_read(db_str(rows, i, COL_LABELS), &arena, &count);
    fleet_set_labels(a->fleet, gpu, labels, count);
    fleet_set_maintenance(a->fleet, gpu, db_i64(rows, i, COL_ON) != 0,
                          db_str(rows, i, COL_REASON));
    arena_fini(&arena);
}

/* Unless the model has what is as new. */
static void row_take(struct annotations *a, struct fleet_gpu *gpu,
                     const PGresult *rows, int i)
{
    struct annotation *annotation = annotation_of(a, gpu);
    int64_t changed_ns = db_time(rows, i, COL_CHANGED);
    if (changed_ns <= annotation->changed_ns)
        return;
    annotation->changed_ns = changed_ns;
    annotation->since_ns =
        db_is_null(rows, i, COL_SINCE) ? 0 : db_time(rows, i, COL_SINCE);
    row_apply(a, gpu, rows, i);
}

int64_t annotations_maintenance_since(const struct annotations *a,
                                      const struct fleet_gpu *gpu)
{
    return gpu->number < a->room ? a->all[gpu->number].since_ns : 0;
}

/* ---- reading ---- */

static void rows_take(struct annotations *a, const PGresult *rows)
{
    for (int i = 0; i < PQntuples(rows); i++) {
        struct fleet_gpu *gpu =
            fleet_find_gpu(a->fleet, db_str(rows, i, COL_UUID));
        int64_t changed_ns = db_time(rows, i, COL_CHANGED);
        if (gpu != NULL)
            row_take(a, gpu, rows, i);
        if (changed_ns > a->read_up_to_ns)
            a->read_up_to_ns = changed_ns;
    }
    a->read_gpus = a->reading_gpus;
}

static void read_done(enum db_outcome outcome, const PGresult *rows, void *arg)
{
    struct annotations *a = arg;
    if (outcome == DB_OK)
        rows_take(a, rows);
    http_timer_set(a->timer, READ_EVERY_NS);
}

/* All of it when the model has come to know of further GPUs: what was written
 * on them may have been read before. */
static void read_begin(void *arg)
{
    struct annotations *a = arg;
    a->reading_gpus = a->fleet->gpu_count;
    bool whole =
        a->read_up_to_ns == DB_TIME_MIN || a->reading_gpus != a->read_gpus;
    struct db_param since = {.type = DB_TIME,
                             .number = whole ? DB_TIME_MIN
                                             : a->read_up_to_ns - READ_BACK_NS};
    db_query(a->db, &read_statement, &since, 1, read_done, a);
}

struct annotations *annotations_new(struct http_server *server,
                                    struct fleet *fleet, struct db *db)
{
    struct annotations *a = mem_zalloc(sizeof *a);
    a->fleet = fleet;
    a->db = db;
    a->read_up_to_ns = DB_TIME_MIN;
    a->timer = http_timer_new(server, read_begin, a);
    http_timer_set(a->timer, 0);
    return a;
}

void annotations_free(struct annotations **annotations)
{
    struct annotations *a = *annotations;
    *annotations = NULL;
    if (a == NULL)
        return;
    http_timer_free(&a->timer);
    free(a->all);
    free(a);
}

/* ---- writing ---- */

struct writing {
    struct annotations *annotations;
    struct fleet_gpu *gpu;
    annotations_done done;
    void *arg;
};

static void write_done(enum db_outcome outcome, const PGresult *rows, void *arg)
{
    struct writing w = *(struct writing *)arg;
    free(arg);
    bool known = outcome == DB_OK && PQntuples(rows) > 0;
    if (known)
        row_take(w.annotations, w.gpu, rows, 0);
    w.done(outcome, known, w.arg);
}

static struct writing *writing_new(struct annotations *a, struct fleet_gpu *gpu,
                                   annotations_done done, void *arg)
{
    struct writing *w = mem_alloc(sizeof *w);
    *w = (struct writing){a, gpu, done, arg};
    return w;
}

void annotations_set_labels(struct annotations *a, struct fleet_gpu *gpu,
                            const struct fleet_label *labels, uint32_t count,
                            annotations_done done, void *arg)
{
    struct buf text = {0};
    labels_append(&text, labels, count);
    const struct db_param params[] = {
        {.type = DB_TEXT, .text = gpu->uuid},
        {.type = DB_TEXT, .text = buf_str(&text)},
    };
    db_query(a->db, &labels_statement, params, 2, write_done,
             writing_new(a, gpu, done, arg));
    buf_fini(&text);
}

void annotations_set_maintenance(struct annotations *a, struct fleet_gpu *gpu,
                                 bool on, struct str reason,
                                 annotations_done done, void *arg)
{
    const struct db_param params[] = {
        {.type = DB_TEXT, .text = gpu->uuid},
        {.type = DB_INT, .number = on},
        {.type = DB_TEXT, .text = reason, .null = !on || reason.len == 0},
        {.type = DB_TIME, .number = clock_wall_ns()},
    };
    db_query(a->db, &maintenance_statement, params, 4, write_done,
             writing_new(a, gpu, done, arg));
}
