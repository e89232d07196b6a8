#include "broker/store/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/store/disk.h"
#include "lib/mem.h"

void reader_init(struct reader *reader, const char *dir)
{
    *reader = (struct reader){.dir = dir};
    for (int i = 0; i < READER_WINDOWS; i++)
        reader->windows[i].fd = -1;
}

static void detach(struct window *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
    w->segment = NULL;
    w->len = 0;
    w->next_seq = 0;
}

void reader_fini(struct reader *reader)
{
    for (int i = 0; i < READER_WINDOWS; i++) {
        detach(&reader->windows[i]);
        free(reader->windows[i].data);
    }
}

void reader_forget(struct reader *reader, const struct segment *segment)
{
    for (int i = 0; i < READER_WINDOWS; i++)
        if (reader->windows[i].segment == segment)
            detach(&reader->windows[i]);
}

/* ---- choosing a window ---- */

/* The window whose reader is about to want seq. */
static struct window *window_before(struct reader *reader,
                                    const struct segment *segment, uint64_t seq)
{
    for (struct window *w = reader->windows;
         w < reader->windows + READER_WINDOWS; w++)
        if (w->next_seq == seq && w->segment == segment)
            return w;
    return NULL;
}

/* Any window that has the segment open. */
static struct window *window_of(struct reader *reader,
                                const struct segment *segment)
{
    for (struct window *w = reader->windows;
         w < reader->windows + READER_WINDOWS; w++)
        if (w->segment == segment)
            return w;
    return NULL;
}

static struct window *window_holding(struct reader *reader,
                                     const struct segment *segment,
                                     uint64_t offset)
{
    for (struct window *w = reader->windows;
         w < reader->windows + READER_WINDOWS; w++)
        if (w->segment == segment && offset >= w->start &&
            offset < w->start + w->len)
            return w;
    return NULL;
}

static struct window *window_oldest(struct reader *reader)
{
    struct window *oldest = reader->windows;
    for (int i = 1; i < READER_WINDOWS; i++)
        if (reader->windows[i].used < oldest->used)
            oldest = &reader->windows[i];
    return oldest;
}

static int attach(struct reader *reader, struct window *w,
                  struct segment *segment)
{
    if (w->segment == segment)
        return 0;
    char *path = segment_path(reader->dir, segment->first_seq);
    int fd = disk_open(path, O_RDONLY);
    free(path);
    if (fd < 0)
        return fd;
    detach(w);
    w->fd = fd;
    w->segment = segment;
    return 0;
}

/* ---- the index ---- */

/* The index entry of seq; index damage is found here, once a segment. */
static int find_entry(struct reader *reader, struct segment *segment,
                      uint64_t seq, struct segment_entry *entry)
{
    struct window *w = NULL;
    if (segment->index == NULL) {
        w = window_of(reader, segment);
        if (w == NULL)
            w = window_oldest(reader);
        int rc = attach(reader, w, segment);
        if (rc == 0)
            rc = segment_check_index(w->fd, segment);
        if (rc < 0)
            return rc == -EBADMSG ? -ESTALE : rc;
        w->used = ++reader->uses;
    }
    return segment_entry(w != NULL ? w->fd : -1, segment,
                         seq - segment->first_seq, entry);
}

int reader_bytes_through(struct reader *reader, struct segment *segment,
                         uint64_t seq, uint64_t *bytes)
{
    struct segment_entry entry = {.bytes_through = 0};
    int rc = 0;
    if (seq >= segment->first_seq)
        rc = find_entry(reader, segment, seq, &entry);
    *bytes = entry.bytes_through;
    return rc;
}

/* ---- bytes ---- */

/* A window is as large as what was last wanted of it, in powers of two; one
 * that held an unusually large message shrinks again. */
static void make_room(struct window *w, size_t want)
{
    size_t size = READER_FIRST_BYTES;
    while (size < want && size < READER_AHEAD_BYTES)
        size *= 2;
    if (size < want)
        size = want;
    if (size <= w->size && w->size <= READER_AHEAD_BYTES)
        return;
    free(w->data);
    w->data = mem_alloc(size);
    w->size = size;
}

/* Makes `need` bytes at offset readable, and up to `ahead` with them. */
static int fill(struct window *w, uint64_t offset, size_t need, size_t ahead)
{
    uint64_t left = w->segment->extent.end - offset;
    if (offset >= w->start && offset + need <= w->start + w->len)
        return 0;
    w->len = 0;
    if (offset > w->segment->extent.end || need > left)
        return -EBADMSG;
    size_t want = ahead > need ? ahead : need;
    if (want > left)
        want = left;
    make_room(w, want);
    ssize_t got = disk_read(w->fd, w->data, want, offset);
    if (got < 0)
        return (int)got;
    w->start = offset;
    w->len = (size_t)got;
    return w->len >= need ? 0 : -EBADMSG;
}

/* The checked record of seq at offset. */
static int fetch(struct window *w, uint64_t offset, uint64_t seq, size_t ahead,
                 const struct record **out)
{
    uint32_t salt = w->segment->salt;
    int rc = fill(w, offset, RECORD_HEADER, ahead);
    if (rc < 0)
        return rc;
    const struct record *record = (const void *)(w->data + (offset - w->start));
    if (!record_header_valid(record, salt) || record->seq != seq)
        return -EBADMSG;
    rc = fill(w, offset, record_size(record), ahead);
    if (rc < 0)
        return rc;
    record = (const void *)(w->data + (offset - w->start));
    *out = record;
    return record_body_valid(record, salt) ? 0 : -EBADMSG;
}

/* ---- messages ---- */

static int read_at(struct window *w, uint64_t offset, uint64_t seq,
                   size_t ahead, struct store_msg *msg)
{
    const struct record *record;
    w->next_seq = 0;
    int rc = fetch(w, offset, seq, ahead, &record);
    if (rc < 0)
        return rc;
    record_read(record, msg);
    w->next_seq = seq + 1;
    w->next_offset = offset + record_size(record);
    return 0;
}

/* Reads a message that does not follow the last one of a window. */
static int read_elsewhere(struct reader *reader, struct segment *segment,
                          uint64_t seq, struct store_msg *msg,
                          struct reader_place *place)
{
    struct segment_entry entry;
    int rc = find_entry(reader, segment, seq, &entry);
    if (rc < 0)
        return rc;
    place->offset = entry.offset;
    if (entry.offset == 0 || entry.offset % RECORD_ALIGN != 0)
        return -EBADMSG;
    struct window *w = window_holding(reader, segment, entry.offset);
    if (w == NULL)
        w = window_oldest(reader);
    rc = attach(reader, w, segment);
    if (rc < 0)
        return rc;
    w->used = ++reader->uses;
    return read_at(w, entry.offset, seq, READER_FIRST_BYTES, msg);
}

int reader_read(struct reader *reader, struct segment *segment, uint64_t seq,
                struct store_msg *msg, struct reader_place *place)
{
    struct window *w = window_before(reader, segment, seq);
    if (w == NULL)
        return read_elsewhere(reader, segment, seq, msg, place);
    place->offset = w->next_offset;
    w->used = ++reader->uses;
    return read_at(w, w->next_offset, seq, READER_AHEAD_BYTES, msg);
}
