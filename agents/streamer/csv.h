/* csv: rows of an RFC 4180 file, one after another, without copying.
 *
 * Fields may be quoted; a quote in a quoted field is doubled; a quoted field
 * may hold commas and line breaks. Lines end in LF or CRLF, the last one may
 * end without. A byte order mark is skipped, and so are empty lines.
 *
 * What is malformed costs its own line alone: reading goes on at the next one.
 * So a quote that is never closed does not swallow the rest of the file. */
#ifndef NEXUS_STREAMER_CSV_H
#define NEXUS_STREAMER_CSV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/arena.h"
#include "lib/errmsg.h"
#include "lib/str.h"

#define CSV_ROW_MAX     65536 /* bytes of a row, line end not counted */
#define CSV_COLUMNS_MAX 64

struct csv_field {
    struct str raw; /* between the quotes, where there are any */
    bool escaped;   /* raw still holds doubled quotes: see csv_text */
};

struct csv_row {
    uint64_t line;   /* where it starts, the first line of the file is 1 */
    struct str text; /* as it stands in the file, without its line end */
    int count;
    struct csv_field fields[CSV_COLUMNS_MAX];
};

/* ---- the parser ---- */

/* Reads the one row that text begins with; fills row->text, count and fields,
 * which borrow from text. last: nothing follows text. Returns the bytes used,
 * the line end among them; 0 when the row does not end in text (or text is
 * empty); -EBADMSG with *err when it is malformed or beyond a limit, in the
 * column that row->count then counts up to. Allocates nothing and reads no
 * byte behind text. */
ssize_t csv_parse_row(struct str text, bool last, struct csv_row *row,
                      struct errmsg *err);

/* The field's text, doubled quotes made single (then in the arena). */
struct str csv_unescape(struct str raw, struct arena *arena);

static inline struct str csv_text(const struct csv_field *field,
                                  struct arena *arena)
{
    return field->escaped ? csv_unescape(field->raw, arena) : field->raw;
}

/* ---- the file ---- */

struct csv;

/* Opens a regular file. NULL with *err naming it. */
struct csv *csv_open(const char *path, struct errmsg *err);
void csv_close(struct csv **csv);

/* The next row, valid until the next call. 1; 0 at the end; -EBADMSG with *err
 * for a malformed line (line and text of row are set; go on with the next
 * call); another negative errno when the file cannot be read. */
int csv_next(struct csv *csv, struct csv_row *row, struct errmsg *err);

uint64_t csv_offset(const struct csv *csv); /* bytes read as rows so far */

/* Which file was opened, in which state: equal while nobody has changed it. */
struct csv_file {
    uint64_t device, inode;
    int64_t bytes;
    int64_t changed_ns;
};
struct csv_file csv_file(const struct csv *csv);

#endif
