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
    for (int i = 0; i < READER_PAGES; i++)
        if (reader->pages[i].segment == segment)
            reader->pages[i].segment = NULL;
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

/* A descriptor of the segment's file. */
static int open_segment(struct reader *reader, struct segment *segment)
{
    struct window *w = window_of(reader, segment);
    if (w == NULL)
        w = window_oldest(reader);
    int rc = attach(reader, w, segment);
    w->used = ++reader->uses;
    return rc < 0 ? rc : w->fd;
}

/* ---- the tables ---- */

static int stale(int rc)
{
    return rc == -EBADMSG ? -ESTALE : rc;
}

static struct reader_page *page_oldest(struct reader *reader)
{
    struct reader_page *oldest = reader->pages;
    for (int i = 1; i < READER_PAGES; i++)
        if (reader->pages[i].used < oldest->used)
            oldest = &reader->pages[i];
    return oldest;
}

static struct reader_page *find_page(struct reader *reader,
                                     const struct segment *segment,
                                     bool subjects, uint32_t number)
{
    for (struct reader_page *page = reader->pages;
         page < reader->pages + READER_PAGES; page++)
        if (page->segment == segment && page->number == number &&
            page->subjects == subjects)
            return page;
    return NULL;
}

static int load_page(struct reader *reader, struct segment *segment,
                     bool subjects, uint32_t number, struct reader_page **out)
{
    struct reader_page *page = find_page(reader, segment, subjects, number);
    if (page == NULL) {
        int fd = open_segment(reader, segment);
        if (fd < 0)
            return fd;
        page = page_oldest(reader);
        page->segment = NULL;
        int rc =
            subjects
                ? segment_read_subjects(fd, segment, number, &page->as.subjects)
                : segment_read_entries(fd, segment, number, &page->as.entries);
        if (rc < 0)
            return stale(rc);
        page->segment = segment;
        page->subjects = subjects;
        page->number = number;
    }
    page->used = ++reader->uses;
    *out = page;
    return 0;
}

/* Version 1, whose index is checked as a whole. */
static int entry_v1(struct reader *reader, struct segment *segment, uint64_t n,
                    struct segment_entry *entry)
{
    int fd = open_segment(reader, segment);
    int rc = fd < 0 ? fd : segment_check_index(fd, segment);
    if (rc == 0)
        rc = segment_entry_v1(fd, segment, n, entry);
    return stale(rc);
}

int reader_entry(struct reader *reader, struct segment *segment, uint64_t n,
                 struct segment_entry *entry)
{
    struct reader_page *page;
    if (segment->index != NULL) {
        *entry = segment->index->entries[n];
        return 0;
    }
    if (segment->version == 1)
        return entry_v1(reader, segment, n, entry);
    int rc = load_page(reader, segment, false,
                       (uint32_t)(n / SEGMENT_PAGE_ENTRIES), &page);
    if (rc == 0)
        *entry = page->as.entries.entries[n % SEGMENT_PAGE_ENTRIES];
    return rc;
}

uint32_t reader_subject_count(const struct segment *segment)
{
    return segment->index != NULL ? segment->index->subjects_count
                                  : (uint32_t)segment->extent.subjects;
}

/* A checksum tells what was written, not that it makes sense. */
static bool subject_fits(const struct segment *segment,
                         const struct segment_subject *subject)
{
    return subject->first <= subject->last &&
           subject->last < segment->extent.count && subject->count > 0 &&
           subject->count <= segment->extent.count;
}

int reader_subject(struct reader *reader, struct segment *segment,
                   uint32_t place, struct segment_subject *subject)
{
    struct reader_page *page;
    if (place >= reader_subject_count(segment))
        return -ESTALE;
    if (segment->index != NULL) {
        *subject = segment->index->subjects[place];
        return 0;
    }
    int rc =
        load_page(reader, segment, true, place / SEGMENT_PAGE_SUBJECTS, &page);
    if (rc < 0)
        return rc;
    *subject = page->as.subjects.subjects[place % SEGMENT_PAGE_SUBJECTS];
    return subject_fits(segment, subject) ? 0 : -ESTALE;
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
    return record->kind & RECORD_ERASED ? -ENOENT : 0;
}

/* Reads a message that does not follow the last one of a window. */
static int read_elsewhere(struct reader *reader, struct segment *segment,
                          uint64_t seq, struct store_msg *msg,
                          struct reader_place *place)
{
    struct segment_entry entry = {.offset = SEGMENT_LOST};
    int rc = reader_entry(reader, segment, seq - segment->first_seq, &entry);
    if (rc < 0)
        return rc;
    place->offset = entry.offset;
    if (entry.offset == SEGMENT_GONE)
        return -ENOENT;
    if (entry.offset == SEGMENT_LOST || entry.offset % RECORD_ALIGN != 0)
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
