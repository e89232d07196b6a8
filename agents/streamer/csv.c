#include "agents/streamer/csv.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/mem.h"

/* Reading and gathering 450-byte rows at millions a second leaves a few
 * nanoseconds for each of the sixty quotes in one of them: less than a call of
 * memchr takes. So the scanners below compare 16 bytes at a time where the
 * processor can (every x86-64), and one at a time elsewhere and at the end. */
#ifdef __SSE2__
#include <emmintrin.h>
#define BLOCK 16

static inline unsigned block_matches(const char *p, char byte)
{
    __m128i block = _mm_loadu_si128((const __m128i *)(const void *)p);
    return (unsigned)_mm_movemask_epi8(
        _mm_cmpeq_epi8(block, _mm_set1_epi8(byte)));
}
#endif

/* The first quote in p..end, or end. */
static inline const char *find_quote(const char *p, const char *end)
{
#ifdef __SSE2__
    for (; end - p >= BLOCK; p += BLOCK) {
        unsigned hits = block_matches(p, '"');
        if (hits != 0)
            return p + __builtin_ctz(hits);
    }
#endif
    while (p < end && *p != '"')
        p++;
    return p;
}

/* The first comma, line feed or quote in p..end, or end. */
static inline const char *find_delimiter(const char *p, const char *end)
{
#ifdef __SSE2__
    for (; end - p >= BLOCK; p += BLOCK) {
        unsigned hits = block_matches(p, ',') | block_matches(p, '\n') |
                        block_matches(p, '"');
        if (hits != 0)
            return p + __builtin_ctz(hits);
    }
#endif
    while (p < end && *p != ',' && *p != '\n' && *p != '"')
        p++;
    return p;
}

/* ---- the parser ---- */

enum parsed {
    PARSED,       /* what was looked for stands complete */
    PARSE_MORE,   /* it goes on behind the text */
    PARSE_REFUSED /* it is malformed; what says why */
};

struct cursor {
    const char *p, *end;
    bool last;        /* nothing follows end */
    const char *what; /* why the row was refused */
};

static enum parsed refuse(struct cursor *c, const char *what)
{
    c->what = what;
    return PARSE_REFUSED;
}

/* From the opening quote to behind the closing one. */
static enum parsed parse_quoted(struct cursor *c, struct csv_field *field)
{
    const char *start = c->p + 1;
    const char *p = start;
    field->escaped = false;
    for (;;) {
        p = find_quote(p, c->end);
        if (p == c->end)
            return c->last ? refuse(c, "a quoted field is never closed")
                           : PARSE_MORE;
        if (p + 1 == c->end && !c->last)
            return PARSE_MORE;
        if (p + 1 == c->end || p[1] != '"')
            break;
        field->escaped = true;
        p += 2;
    }
    field->raw = str_make(start, (size_t)(p - start));
    c->p = p + 1;
    return PARSED;
}

/* Up to the comma or the line end, which CR is a part of. */
static enum parsed parse_plain(struct cursor *c, struct csv_field *field)
{
    const char *p = find_delimiter(c->p, c->end);
    const char *stop = p;
    if (p == c->end && !c->last)
        return PARSE_MORE;
    if (p < c->end && *p == '"')
        return refuse(c, "a quote stands inside a field that is not quoted");
    if ((p == c->end || *p == '\n') && p > c->p && p[-1] == '\r')
        stop--;
    field->escaped = false;
    field->raw = str_make(c->p, (size_t)(stop - c->p));
    c->p = stop;
    return PARSED;
}

/* What stands behind a field: a comma (more), a line end or the end. */
static enum parsed parse_separator(struct cursor *c, bool *more)
{
    const char *p = c->p;
    *more = p < c->end && *p == ',';
    if (*more) {
        c->p = p + 1;
        return PARSED;
    }
    if (p < c->end && *p == '\r')
        p++;
    if (p == c->end && !c->last)
        return PARSE_MORE;
    if (p < c->end && *p != '\n')
        return refuse(c, "text follows a closing quote");
    c->p = p < c->end ? p + 1 : p;
    return PARSED;
}

static enum parsed parse_fields(struct cursor *c, struct csv_row *row)
{
    const char *start = c->p;
    bool more = true;
    row->count = 0;
    while (more) {
        enum parsed parsed;
        struct csv_field *field = &row->fields[row->count];
        if (row->count == CSV_COLUMNS_MAX)
            return refuse(c, "the row has more than 64 columns");
        if (c->p < c->end && *c->p == '"')
            parsed = parse_quoted(c, field);
        else
            parsed = parse_plain(c, field);
        if (parsed != PARSED)
            return parsed;
        row->text = str_make(start, (size_t)(c->p - start));
        parsed = parse_separator(c, &more);
        if (parsed != PARSED)
            return parsed;
        row->count++;
    }
    return PARSED;
}

_Static_assert(CSV_COLUMNS_MAX == 64, "a message above names the limit");

/* The longest row and its CRLF: what does not end in that is too long. */
#define SCAN_MAX (CSV_ROW_MAX + 2)

ssize_t csv_parse_row(struct str text, bool last, struct csv_row *row,
                      struct errmsg *err)
{
    bool cut = text.len > SCAN_MAX;
    size_t len = cut ? SCAN_MAX : text.len;
    struct cursor c = {text.p, text.p + len, last && !cut, NULL};
    enum parsed parsed = PARSE_MORE;
    if (len > 0)
        parsed = parse_fields(&c, row);
    if (parsed == PARSE_REFUSED)
        return errmsg_set(err, -EBADMSG, "%s", c.what);
    if (len == SCAN_MAX && parsed == PARSE_MORE)
        return errmsg_set(err, -EBADMSG, "the row is longer than %d bytes",
                          CSV_ROW_MAX);
    if (parsed == PARSE_MORE)
        return 0;
    if (row->text.len > CSV_ROW_MAX)
        return errmsg_set(err, -EBADMSG, "the row is longer than %d bytes",
                          CSV_ROW_MAX);
    return c.p - text.p;
}

struct str csv_unescape(struct str raw, struct arena *arena)
{
    char *out = arena_alloc(arena, raw.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        out[len++] = raw.p[i];
        if (raw.p[i] == '"')
            i++;
    }
    return str_make(out, len);
}

/* ---- the file ---- */

#define READ_SIZE 1048576

_Static_assert(READ_SIZE >= 2 * SCAN_MAX, "a row fits behind what is kept");

struct csv {
    int fd;
    struct csv_file file;
    bool ended;        /* the file has nothing behind the buffer */
    bool skipping;     /* the rest of a line that was too long is passed over */
    uint64_t line;     /* of the first unread byte */
    uint64_t offset;   /* of the first unread byte */
    size_t begin, end; /* the unread part of data */
    char data[READ_SIZE];
};

static int fill(struct csv *csv, struct errmsg *err)
{
    ssize_t got;
    assert(csv->end - csv->begin < READ_SIZE);
    memmove(csv->data, csv->data + csv->begin, csv->end - csv->begin);
    csv->end -= csv->begin;
    csv->begin = 0;
    do {
        got = read(csv->fd, csv->data + csv->end, READ_SIZE - csv->end);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return errmsg_set(err, -errno, "reading failed at byte %llu: %s",
                          (unsigned long long)csv->offset, strerror(errno));
    csv->end += (size_t)got;
    csv->ended = got == 0;
    return 0;
}

static struct str unread(const struct csv *csv)
{
    return str_make(csv->data + csv->begin, csv->end - csv->begin);
}

static void consume(struct csv *csv, size_t n)
{
    csv->begin += n;
    csv->offset += n;
}

static int skip_byte_order_mark(struct csv *csv, struct errmsg *err)
{
    static const struct str mark = STR("\xEF\xBB\xBF");
    while (!csv->ended && csv->end < mark.len)
        if (fill(csv, err) < 0)
            return -1;
    if (str_has_prefix(unread(csv), mark))
        consume(csv, mark.len);
    return 0;
}

static int open_file(struct csv *csv, const char *path, struct errmsg *err)
{
    struct errmsg why;
    struct stat st;
    csv->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (csv->fd < 0 || fstat(csv->fd, &st) < 0)
        return errmsg_set(err, -errno, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return errmsg_set(err, -EINVAL, "%s: not a regular file", path);
    csv->file = (struct csv_file){
        .device = st.st_dev,
        .inode = st.st_ino,
        .bytes = st.st_size,
        .changed_ns = st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec,
    };
    (void)posix_fadvise(csv->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    if (skip_byte_order_mark(csv, &why) < 0)
        return errmsg_set(err, -EIO, "%s: %s", path, why.text);
    return 0;
}

struct csv *csv_open(const char *path, struct errmsg *err)
{
    struct csv *csv = mem_zalloc(sizeof(*csv));
    csv->line = 1;
    if (open_file(csv, path, err) < 0)
        csv_close(&csv);
    return csv;
}

void csv_close(struct csv **csv)
{
    if (*csv == NULL)
        return;
    if ((*csv)->fd >= 0)
        close((*csv)->fd);
    free(*csv);
    *csv = NULL;
}

/* Passes over what is left of a line that was refused for its length. */
static int skip_line(struct csv *csv, struct errmsg *err)
{
    while (csv->skipping) {
        struct str rest = unread(csv);
        const char *feed = memchr(rest.p, '\n', rest.len);
        size_t n = feed != NULL ? (size_t)(feed - rest.p) + 1 : rest.len;

        consume(csv, n);
        if (feed != NULL)
            csv->line++;
        csv->skipping = feed == NULL && !csv->ended;
        if (csv->skipping && fill(csv, err) < 0)
            return -EIO;
    }
    return 0;
}

static uint64_t lines_in(struct str text)
{
    const char *end = text.p + text.len;
    uint64_t lines = 0;
    for (const char *p = text.p;
         p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
        lines++;
    return lines;
}

static void accept_row(struct csv *csv, struct csv_row *row, size_t used)
{
    row->line = csv->line;
    csv->line += 1 + lines_in(row->text);
    consume(csv, used);
}

/* Gives up the line that a malformed row starts on, and no more. */
static int refuse_line(struct csv *csv, struct csv_row *row)
{
    struct str rest = unread(csv);
    size_t seen = rest.len < SCAN_MAX ? rest.len : SCAN_MAX;
    const char *feed = memchr(rest.p, '\n', seen);
    size_t used = feed != NULL ? (size_t)(feed - rest.p) + 1 : seen;
    row->line = csv->line;
    row->text = str_make(rest.p, feed != NULL ? used - 1 : used);
    if (row->text.len > 0 && rest.p[row->text.len - 1] == '\r')
        row->text.len--;
    if (feed != NULL)
        csv->line++;
    csv->skipping = feed == NULL;
    consume(csv, used);
    return -EBADMSG;
}

static bool is_empty_line(const struct csv_row *row)
{
    return row->text.len == 0;
}

int csv_next(struct csv *csv, struct csv_row *row, struct errmsg *err)
{
    int rc = skip_line(csv, err);
    while (rc == 0) {
        struct str rest = unread(csv);
        ssize_t used = csv_parse_row(rest, csv->ended, row, err);

        if (used < 0)
            return refuse_line(csv, row);
        if (used > 0) {
            accept_row(csv, row, (size_t)used);
            if (!is_empty_line(row))
                return 1;
        } else if (csv->ended) {
            return 0;
        } else {
            rc = fill(csv, err);
        }
    }
    return rc;
}

uint64_t csv_offset(const struct csv *csv)
{
    return csv->offset;
}

struct csv_file csv_file(const struct csv *csv)
{
    return csv->file;
}
