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
    return (x->revision > y->revision) - (x->revision < y->revision);
}

static void set_extra(struct sample *s, struct sample_extra extra)
{
    size_t i = 0;
    while (i < s->extra_count && !str_eq(s->extra[i].name, extra.name))
        i++;
    s->extra[i] = extra;
    s->extra_count += i == s->extra_count;
}

/* A copy of old with what newer has laid over it. */
static const struct sample *overlay(const struct sample *old,
                                    const struct sample *newer,
                                    struct arena *arena)
{
    struct sample *s = arena_alloc(arena, sizeof *s);
    *s = *old;
    for (int m = 0; m < METRIC_COUNT; m++)
        if (sample_has(newer, m))
            sample_set(s, m, newer->metrics[m]);
    if (newer->extra_count == 0)
        return s;
    s->extra = arena_alloc(arena, (old->extra_count + newer->extra_count) *
                                      sizeof *s->extra);
    s->extra_count = 0;
    for (size_t i = 0; i < old->extra_count; i++)
        set_extra(s, old->extra[i]);
    for (size_t i = 0; i < newer->extra_count; i++)
        set_extra(s, newer->extra[i]);
    return s;
}

static bool same_key(const struct row *a, const struct row *b)
{
    return a->gpu_id == b->gpu_id && a->ts_us == b->ts_us;
}

static void note_columns(struct batch *b)
{
    b->metrics = 0;
    b->has_extra = false;
    for (size_t i = 0; i < b->count; i++) {
        b->metrics |= b->rows[i].sample->present;
        b->has_extra |= b->rows[i].sample->extra_count > 0;
    }
}

void batch_merge(struct batch *b, struct arena *arena)
{
    qsort(b->rows, b->count, sizeof *b->rows, compare_rows);
    size_t kept = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct row *last = kept > 0 ? &b->rows[kept - 1] : NULL;
        if (last == NULL || !same_key(last, &b->rows[i])) {
            b->rows[kept++] = b->rows[i];
            continue;
        }
        last->sample = overlay(last->sample, b->rows[i].sample, arena);
        last->revision = b->rows[i].revision;
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

/* jsonb travels as a version byte and the text. */
static void append_extra(struct buf *out, const struct sample *s)
{
    if (s->extra_count == 0) {
        out->len += (size_t)(put32(buf_reserve(out, 4), NULL_FIELD) -
                             (out->data + out->len));
        return;
    }
    size_t at = out->len;
    buf_append(out, "\0\0\0\0\1", 5);
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    for (size_t i = 0; i < s->extra_count; i++) {
        json_key_str(&w, s->extra[i].name);
        json_put_double(&w, s->extra[i].value);
    }
    json_end_object(&w);
    put32(out->data + at, (uint32_t)(out->len - at - 4));
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
    uint16_t columns =
        (uint16_t)(3 + b->has_extra + __builtin_popcountll(b->metrics));
    buf_append(out, head, sizeof head - 1);
    for (size_t i = 0; i < b->count; i++)
        append_row(b, &b->rows[i], columns, out);
    buf_append(out, "\377\377", 2);
}
