#include "agents/collector/batch.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"

/* PostgreSQL counts microseconds from 2000-01-01. */
#define PG_EPOCH_US INT64_C(946684800000000)

/* ---- merging ---- */

static int compare_rows(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->gpu_id != y->gpu_id)
        return x->gpu_id < y->gpu_id ? -1 : 1;
    if (x->ts_us != y->ts_us)
        return x->ts_us < y->ts_us ? -1 : 1;
    if (x->revision != y->revision)
        return x->revision < y->revision ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* A row that several samples are laid over one another in, oldest first. */
struct overlay {
    struct sample sample;
    struct revisions revisions;
};

static void add_extra(struct overlay *o, struct sample_extra extra,
                      int64_t revision)
{
    size_t i = 0;
    while (i < o->sample.extra_count &&
           !str_eq(o->sample.extra[i].name, extra.name))
        i++;
    o->sample.extra[i] = extra;
    o->revisions.extra[i] = revision;
    o->sample.extra_count += i == o->sample.extra_count;
}

static void lay_over(struct overlay *o, const struct row *row)
{
    const struct sample *s = row->sample;
    for (int m = 0; m < METRIC_COUNT; m++)
        if (sample_has(s, m)) {
            sample_set(&o->sample, m, s->metrics[m]);
            o->revisions.metrics[m] = row->revision;
        }
    for (size_t i = 0; i < s->extra_count; i++)
        add_extra(o, s->extra[i], row->revision);
}

/* rows[0..count) are of one GPU and time, ascending by revision. */
static struct row merge_rows(const struct row *rows, size_t count,
                             struct arena *arena)
{
    struct overlay *o = arena_zalloc(arena, sizeof *o);
    size_t extra_max = 0;
    for (size_t i = 0; i < count; i++)
        extra_max += rows[i].sample->extra_count;
    o->sample.extra = arena_alloc(arena, extra_max * sizeof *o->sample.extra);
    o->revisions.extra = arena_alloc(arena, extra_max * sizeof(int64_t));
    for (size_t i = 0; i < count; i++)
        lay_over(o, &rows[i]);
    struct row merged = rows[count - 1];
    merged.sample = &o->sample;
    merged.revisions = &o->revisions;
    return merged;
}

static bool same_key(const struct row *a, const struct row *b)
{
    return a->gpu_id == b->gpu_id && a->ts_us == b->ts_us;
}

static void note_columns(struct batch *b)
{
    b->metrics = 0;
    b->has_extra = b->has_revisions = false;
    for (size_t i = 0; i < b->count; i++) {
        b->metrics |= b->rows[i].sample->present;
        b->has_extra |= b->rows[i].sample->extra_count > 0;
        b->has_revisions |= b->rows[i].revisions != NULL;
    }
}

void batch_merge(struct batch *b, struct arena *arena)
{
    for (size_t i = 0; i < b->count; i++)
        b->rows[i].order = (uint32_t)i;
    qsort(b->rows, b->count, sizeof *b->rows, compare_rows);
    size_t kept = 0;
    for (size_t i = 0, next; i < b->count; i = next) {
        next = i + 1;
        while (next < b->count && same_key(&b->rows[i], &b->rows[next]))
            next++;
        b->rows[kept++] = next == i + 1
                              ? b->rows[i]
                              : merge_rows(&b->rows[i], next - i, arena);
    }
    b->count = kept;
    note_columns(b);
}

int64_t batch_values(const struct batch *b)
{
    int64_t values = 0;
    for (size_t i = 0; i < b->count; i++)
        values += __builtin_popcountll(b->rows[i].sample->present) +
                  (int64_t)b->rows[i].sample->extra_count;
    return values;
}

/* ---- COPY ---- */

static bool has_column(const struct batch *b, int m)
{
    return (b->metrics >> m & 1) != 0;
}

void batch_append_columns(const struct batch *b, struct buf *sql)
{
    buf_append_text(sql, "gpu_id, ts, revision");
    if (b->has_revisions)
        buf_append_text(sql, ", revisions");
    if (b->has_extra)
        buf_append_text(sql, ", extra");
    for (int m = 0; m < METRIC_COUNT; m++)
        if (has_column(b, m)) {
            buf_append_text(sql, ", ");
            buf_append_str(sql, metric_catalogue[m].name);
        }
}

static char *put16(char *at, uint16_t value)
{
    value = htobe16(value);
    return (char *)memcpy(at, &value, sizeof value) + sizeof value;
}

static char *put32(char *at, uint32_t value)
{
    value = htobe32(value);
    return (char *)memcpy(at, &value, sizeof value) + sizeof value;
}

static char *put64(char *at, uint64_t value)
{
    value = htobe64(value);
    return (char *)memcpy(at, &value, sizeof value) + sizeof value;
}

#define NULL_FIELD UINT32_MAX /* a length of -1 */

static char *put_metric(char *at, const struct sample *s, int m)
{
    if (!sample_has(s, m))
        return put32(at, NULL_FIELD);
    uint64_t bits;
    memcpy(&bits, &s->metrics[m], sizeof bits);
    return put64(put32(at, 8), bits);
}

static void append_null(struct buf *out)
{
    put32(buf_reserve(out, 4), NULL_FIELD);
    out->len += 4;
}

/* jsonb travels as a version byte and the text: what comes between begin and
 * end. */
static size_t begin_jsonb(struct buf *out)
{
    size_t at = out->len;
    buf_append(out, "\0\0\0\0\1", 5);
    return at;
}

static void end_jsonb(struct buf *out, size_t at)
{
    put32(out->data + at, (uint32_t)(out->len - at - 4));
}

static void append_extra(struct buf *out, const struct sample *s)
{
    if (s->extra_count == 0) {
        append_null(out);
        return;
    }
    size_t at = begin_jsonb(out);
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    for (size_t i = 0; i < s->extra_count; i++) {
        json_key_str(&w, s->extra[i].name);
        json_put_double(&w, s->extra[i].value);
    }
    json_end_object(&w);
    end_jsonb(out, at);
}

static void put_extra_revision(struct json_writer *w, struct str name,
                               int64_t revision)
{
    char key[sizeof "extra." + SAMPLE_NAME_MAX];
    memcpy(key, "extra.", 6);
    memcpy(key + 6, name.p, name.len);
    json_key_str(w, str_make(key, 6 + name.len));
    json_put_i64(w, revision);
}

static void append_revisions(struct buf *out, const struct row *row)
{
    const struct sample *s = row->sample;
    if (row->revisions == NULL) {
        append_null(out);
        return;
    }
    size_t at = begin_jsonb(out);
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    for (int m = 0; m < METRIC_COUNT; m++)
        if (sample_has(s, m)) {
            json_key_str(&w, metric_catalogue[m].name);
            json_put_i64(&w, row->revisions->metrics[m]);
        }
    for (size_t i = 0; i < s->extra_count; i++)
        put_extra_revision(&w, s->extra[i].name, row->revisions->extra[i]);
    json_end_object(&w);
    end_jsonb(out, at);
}

/* Bytes of the fixed columns, and at most of a metric, each with its length. */
#define KEY_BYTES    (2 + 8 + 12 + 12)
#define METRIC_BYTES 12

static void append_row(const struct batch *b, const struct row *row,
                       uint16_t columns, struct buf *out)
{
    char *at = buf_reserve(out, KEY_BYTES);
    at = put16(at, columns);
    at = put32(put32(at, 4), (uint32_t)row->gpu_id);
    at = put64(put32(at, 8), (uint64_t)(row->ts_us - PG_EPOCH_US));
    put64(put32(at, 8), (uint64_t)row->revision);
    out->len += KEY_BYTES;
    if (b->has_revisions)
        append_revisions(out, row);
    if (b->has_extra)
        append_extra(out, row->sample);
    at = buf_reserve(out, METRIC_COUNT * METRIC_BYTES);
    for (int m = 0; m < METRIC_COUNT; m++)
        if (has_column(b, m))
            at = put_metric(at, row->sample, m);
    out->len = (size_t)(at - out->data);
}

void batch_append_copy(const struct batch *b, struct buf *out)
{
    /* Signature, flags, length of the header's extension. */
    static const char head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
    uint16_t columns = (uint16_t)(3 + b->has_revisions + b->has_extra +
                                  __builtin_popcountll(b->metrics));
    buf_append(out, head, sizeof head - 1);
    for (size_t i = 0; i < b->count; i++)
        append_row(b, &b->rows[i], columns, out);
    buf_append(out, "\377\377", 2);
}
