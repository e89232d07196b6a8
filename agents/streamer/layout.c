#include "agents/streamer/layout.h"

#include <errno.h>

#include "lib/metric.h"
#include "lib/utf8.h"

const char *const row_fault_names[ROW_FAULTS] = {
    [ROW_GOOD] = "good",       [ROW_MALFORMED] = "malformed",
    [ROW_COLUMNS] = "columns", [ROW_TIMESTAMP] = "timestamp",
    [ROW_NAME] = "name",       [ROW_VALUE] = "value",
};

static const struct str name_titles[NAME_COUNT] = {
    [NAME_UUID] = STR("uuid"),           [NAME_HOST] = STR("hostname"),
    [NAME_GPU] = STR("gpu_id"),          [NAME_DEVICE] = STR("device"),
    [NAME_MODEL] = STR("modelname"),     [NAME_POD] = STR("pod"),
    [NAME_NAMESPACE] = STR("namespace"), [NAME_CONTAINER] = STR("container"),
};

/* Bytes of a bad value that a message repeats. */
#define SHOWN_MAX 40

static struct str shown(struct str s)
{
    return str_make(s.p, s.len < SHOWN_MAX ? s.len : SHOWN_MAX);
}

/* ---- text ---- */

/* True when eight bytes are all printable ASCII: none has its high bit set or
 * is below a space or DEL. Each byte's test carries into its own high bit. */
static bool is_printable8(uint64_t bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
    uint64_t below_space = bytes - ones * ' ';
    uint64_t above_tilde = bytes + ones;
    return ((bytes | below_space | above_tilde) & high) == 0;
}

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

/* Names are text without control characters. Nearly all are ASCII: eight bytes
 * at a time say so. */
static bool is_name_text(struct str s)
{
    size_t i = 0;
    for (uint64_t bytes; i + sizeof bytes <= s.len; i += sizeof bytes) {
        memcpy(&bytes, s.p + i, sizeof bytes);
        if (!is_printable8(bytes))
            break;
    }
    for (size_t n; i < s.len; i += n) {
        n = utf8_sequence(s.p + i, s.len - i);
        if (n == 0 || is_control(s.p[i]))
            return false;
    }
    return true;
}

/* ---- the header line ---- */

static int find_column(const struct layout *l, const char *title)
{
    for (int i = 0; i < l->columns; i++)
        if (str_ieq(l->titles[i], str_of(title)))
            return i;
    return -1;
}

static int read_titles(struct layout *l, const struct csv_row *header,
                       struct errmsg *err)
{
    for (int i = 0; i < header->count; i++) {
        struct str title = str_trim(csv_text(&header->fields[i], &l->arena));
        if (title.len > SAMPLE_NAME_MAX)
            return errmsg_set(err, -EINVAL,
                              "the name of column %d is longer than %d bytes",
                              i + 1, SAMPLE_NAME_MAX);
        if (!is_name_text(title))
            return errmsg_set(err, -EINVAL,
                              "the name of column %d is not UTF-8 text without "
                              "control characters",
                              i + 1);
        for (int k = 0; k < i && title.len > 0; k++)
            if (str_ieq(l->titles[k], title))
                return errmsg_set(err, -EINVAL,
                                  "columns %d and %d are both named \"%.*s\"",
                                  k + 1, i + 1, STR_ARG(shown(title)));
        l->titles[i] = arena_str(&l->arena, title);
        l->columns = i + 1;
    }
    return 0;
}

static void find_columns(struct layout *l)
{
    l->timestamp = find_column(l, "timestamp");
    l->metric_name = find_column(l, "metric_name");
    l->value = find_column(l, "value");
    for (int n = 0; n < NAME_COUNT; n++)
        l->names[n] = find_column(l, name_titles[n].p);
    l->kind = l->metric_name >= 0 ? LAYOUT_LONG : LAYOUT_WIDE;
}

static bool is_name_column(const struct layout *l, int column)
{
    for (int n = 0; n < NAME_COUNT; n++)
        if (l->names[n] == column)
            return true;
    return column == l->timestamp;
}

static int metric_named(struct str name)
{
    int metric = metric_by_dcgm(name);
    return metric >= 0 ? metric : metric_by_name(name);
}

/* Every column of a wide file that has another meaning is none; returns how
 * many of the others the catalogue knows. */
static int find_metrics(struct layout *l)
{
    int known = 0;
    for (int i = 0; i < l->columns; i++) {
        if (is_name_column(l, i) || l->titles[i].len == 0)
            continue;
        int metric = metric_named(l->titles[i]);
        l->metrics[l->metric_count++] = (struct layout_metric){i, metric};
        known += metric >= 0;
    }
    return known;
}

static void append_missing(struct buf *list, int column, const char *title)
{
    if (column >= 0)
        return;
    buf_append_text(list, list->len > 0 ? ", " : "");
    buf_append_text(list, title);
}

static int check_required(const struct layout *l, struct errmsg *err)
{
    struct buf missing = {0};
    int rc = 0;
    append_missing(&missing, l->timestamp, "timestamp");
    append_missing(&missing, l->names[NAME_GPU], "gpu_id");
    append_missing(&missing, l->names[NAME_UUID], "uuid");
    append_missing(&missing, l->names[NAME_HOST], "hostname");
    if (l->kind == LAYOUT_LONG)
        append_missing(&missing, l->value, "value");
    if (missing.len > 0)
        rc = errmsg_set(err, -EINVAL, "required columns are missing: %s",
                        buf_text(&missing));
    buf_fini(&missing);
    return rc;
}

int layout_init(struct layout *l, const struct csv_row *header,
                struct errmsg *err)
{
    *l = (struct layout){.metric = -1};
    int rc = read_titles(l, header, err);
    if (rc == 0) {
        find_columns(l);
        rc = check_required(l, err);
    }
    if (rc == 0 && l->kind == LAYOUT_WIDE && find_metrics(l) == 0)
        rc = errmsg_set(err, -EINVAL,
                        "no column holds a metric: expected metric_name and "
                        "value, or columns such as gpu_utilization");
    if (rc < 0)
        layout_fini(l);
    return rc;
}

void layout_fini(struct layout *l)
{
    arena_fini(&l->arena);
}

/* ---- a row ---- */

struct reader {
    struct layout *layout;
    const struct csv_row *row;
    struct arena *arena;
    struct reading *reading;
    struct errmsg *err;
};

static struct str field(const struct reader *r, int column)
{
    return csv_text(&r->row->fields[column], r->arena);
}

/* Says what is wrong with the text in a column. */
static enum row_fault fault(const struct reader *r, enum row_fault kind,
                            int column, struct str text, const char *expected)
{
    errmsg_set(r->err, 0, "column %.*s: \"%.*s\" is not %s",
               STR_ARG(shown(r->layout->titles[column])), STR_ARG(shown(text)),
               expected);
    return kind;
}

static enum row_fault read_time(struct reader *r)
{
    struct layout *l = r->layout;
    struct str text = field(r, l->timestamp);
    if (l->time_len == 0 ||
        !str_eq(text, str_make(l->time_text, l->time_len))) {
        int64_t ns;
        if (timestamp_parse(text, &ns) < 0)
            return fault(r, ROW_TIMESTAMP, l->timestamp, text,
                         "an RFC 3339 time such as 2025-07-18T20:42:34Z");
        if (ns < SAMPLE_TS_MIN || ns >= SAMPLE_TS_MAX)
            return fault(r, ROW_TIMESTAMP, l->timestamp, text,
                         "a time from the year 2000 to 2199");
        l->time_ns = ns;
        l->time_len = text.len < sizeof l->time_text ? text.len : 0;
        memcpy(l->time_text, text.p, l->time_len);
    }
    r->reading->ts_ns = l->time_ns;
    return ROW_GOOD;
}

static enum row_fault check_name(const struct reader *r, int column,
                                 struct str text)
{
    if (text.len > SAMPLE_NAME_MAX)
        return fault(r, ROW_NAME, column, text, "at most 255 bytes long");
    if (!is_name_text(text))
        return fault(r, ROW_NAME, column, text,
                     "UTF-8 text without control characters");
    return ROW_GOOD;
}

_Static_assert(SAMPLE_NAME_MAX == 255, "a message above names the limit");

static bool is_required(enum name name)
{
    return name == NAME_UUID || name == NAME_HOST;
}

static enum row_fault read_names(struct reader *r)
{
    for (int n = 0; n < NAME_COUNT; n++) {
        int column = r->layout->names[n];
        struct str text = {"", 0};
        if (column >= 0)
            text = field(r, column);
        if (is_required(n) && text.len == 0)
            return fault(r, ROW_NAME, column, text, "a name");
        if (check_name(r, column, text) != ROW_GOOD)
            return ROW_NAME;
        r->reading->names[n] = text;
    }
    return ROW_GOOD;
}

static void add_value(struct reading *reading, int metric, struct str name,
                      double value)
{
    reading->values[reading->count++] =
        (struct reading_value){metric, name, value};
}

/* The metric a long row names, into layout->metric. */
static enum row_fault read_metric_name(struct reader *r, struct str text)
{
    struct layout *l = r->layout;
    if (l->metric_len > 0 &&
        str_eq(text, str_make(l->metric_text, l->metric_len)))
        return ROW_GOOD;
    if (text.len == 0)
        return fault(r, ROW_NAME, l->metric_name, text, "the name of a metric");
    if (check_name(r, l->metric_name, text) != ROW_GOOD)
        return ROW_NAME;
    l->metric = metric_named(text);
    l->metric_len = text.len;
    memcpy(l->metric_text, text.p, text.len);
    return ROW_GOOD;
}

/* What NVIDIA's tools and Prometheus write where there is nothing to report. */
static bool is_blank(struct str s)
{
    static const struct str blanks[] = {
        STR("N/A"),           STR("nan"), STR("[N/A]"), STR("[Not Supported]"),
        STR("Not Supported"),
    };
    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++)
        if (str_ieq(s, blanks[i]))
            return true;
    return s.len == 0;
}

static enum row_fault read_long_value(struct reader *r)
{
    struct layout *l = r->layout;
    struct str name = field(r, l->metric_name);
    if (read_metric_name(r, name) != ROW_GOOD)
        return ROW_NAME;
    struct str text = str_trim(field(r, l->value));
    if (is_blank(text))
        return ROW_GOOD;
    double value;
    if (str_to_double(text, &value) < 0)
        return fault(r, ROW_VALUE, l->value, text, "a number");
    add_value(r->reading, l->metric, name, value);
    return ROW_GOOD;
}

/* A column outside the catalogue may hold anything: only numbers are kept. */
static enum row_fault read_wide_values(struct reader *r)
{
    const struct layout *l = r->layout;
    for (int i = 0; i < l->metric_count; i++) {
        const struct layout_metric *m = &l->metrics[i];
        struct str text = str_trim(field(r, m->column));
        double value;
        if (text.len > 0 && str_to_double(text, &value) == 0)
            add_value(r->reading, m->metric, l->titles[m->column], value);
        else if (m->metric >= 0 && !is_blank(text))
            return fault(r, ROW_VALUE, m->column, text, "a number");
    }
    return ROW_GOOD;
}

enum row_fault layout_read(struct layout *l, const struct csv_row *row,
                           struct arena *arena, struct reading *reading,
                           struct errmsg *err)
{
    struct reader r = {l, row, arena, reading, err};
    reading->count = 0;
    if (row->count != l->columns) {
        errmsg_set(err, 0, "the row has %d columns: expected %d as in line 1",
                   row->count, l->columns);
        return ROW_COLUMNS;
    }
    enum row_fault bad = read_time(&r);
    if (bad == ROW_GOOD)
        bad = read_names(&r);
    if (bad == ROW_GOOD)
        bad =
            l->kind == LAYOUT_LONG ? read_long_value(&r) : read_wide_values(&r);
    return bad;
}
