/* The CSV parser and what columns mean, on any bytes: rows are held against a
 * second parser that goes a byte at a time, and against themselves cut short.
 *
 * fuzz-links: agents/streamer/csv.c agents/streamer/layout.c
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "agents/streamer/csv.h"
#include "agents/streamer/layout.h"

/* ---- the slow parser ---- */

struct slow {
    const uint8_t *p;
    size_t len, i;
    size_t starts[CSV_COLUMNS_MAX], ends[CSV_COLUMNS_MAX];
    int count;
};

static int slow_at(const struct slow *s, size_t i)
{
    return i < s->len ? s->p[i] : -1;
}

/* Whether a line end, or the end, stands at i; behind it into *next. */
static int slow_line_end(const struct slow *s, size_t i, size_t *next)
{
    *next = i;
    if (slow_at(s, i) == '\r' && (slow_at(s, i + 1) == '\n' || i + 1 == s->len))
        *next = i + 1;
    if (*next < s->len && slow_at(s, *next) != '\n')
        return 0;
    if (*next < s->len)
        ++*next;
    return 1;
}

static int slow_quoted(struct slow *s)
{
    size_t i = s->i + 1;
    s->starts[s->count] = i;
    while (i < s->len) {
        if (s->p[i] != '"') {
            i++;
        } else if (slow_at(s, i + 1) == '"') {
            i += 2;
        } else {
            s->ends[s->count] = i;
            s->i = i + 1;
            return 1;
        }
    }
    return 0;
}

static int slow_plain(struct slow *s)
{
    size_t next;
    s->starts[s->count] = s->i;
    while (slow_at(s, s->i) != ',' && !slow_line_end(s, s->i, &next)) {
        if (s->p[s->i] == '"')
            return 0;
        s->i++;
    }
    s->ends[s->count] = s->i;
    return 1;
}

/* Bytes used, or -1 for a malformed row; limits aside. */
static long slow_parse(struct slow *s)
{
    for (;;) {
        size_t next;
        if (s->count == CSV_COLUMNS_MAX)
            return -1;
        if (!(slow_at(s, s->i) == '"' ? slow_quoted(s) : slow_plain(s)))
            return -1;
        s->count++;
        if (slow_at(s, s->i) != ',')
            return slow_line_end(s, s->i, &next) ? (long)next : -1;
        s->i++;
    }
}

/* ---- the comparison ---- */

static void compare(const uint8_t *data, size_t len, const struct csv_row *row,
                    ssize_t used)
{
    struct slow slow = {.p = data, .len = len};
    long expected = slow_parse(&slow);
    if (used < 0) {
        assert(expected < 0 || expected > CSV_ROW_MAX);
        return;
    }
    assert(expected == used && slow.count == row->count);
    for (int i = 0; i < slow.count; i++) {
        assert(row->fields[i].raw.p == (const char *)data + slow.starts[i]);
        assert(row->fields[i].raw.len == slow.ends[i] - slow.starts[i]);
    }
}

/* Cut short, a good row is never refused, and never another row. */
static void cut_short(const uint8_t *data, size_t used)
{
    static struct csv_row part;
    struct errmsg err;
    for (size_t n = used > 40 ? used - 40 : 0; n < used; n++) {
        char *copy = malloc(n + 1);
        memcpy(copy, data, n);
        assert(csv_parse_row(str_make(copy, n), false, &part, &err) == 0);
        free(copy);
    }
}

static void read_row(struct layout *layout, const struct csv_row *row)
{
    static struct reading reading;
    struct arena arena = {0};
    struct errmsg err;
    if (layout_read(layout, row, &arena, &reading, &err) == ROW_GOOD) {
        assert(reading.count <= CSV_COLUMNS_MAX);
        assert(reading.names[NAME_UUID].len > 0);
        assert(reading.ts_ns >= SAMPLE_TS_MIN && reading.ts_ns < SAMPLE_TS_MAX);
    }
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct csv_row row;
    struct layout layout;
    struct errmsg err;
    int has_layout = -1; /* -1: the header line comes first */
    while (size > 0) {
        struct str text = str_make((const char *)data, size);
        ssize_t used = csv_parse_row(text, true, &row, &err);
        assert(used != 0);
        compare(data, size, &row, used);
        if (used < 0)
            break;
        cut_short(data, (size_t)used);
        if (has_layout < 0)
            has_layout = layout_init(&layout, &row, &err) == 0;
        else if (has_layout)
            read_row(&layout, &row);
        data += used;
        size -= (size_t)used;
    }
    if (has_layout > 0)
        layout_fini(&layout);
    return 0;
}
