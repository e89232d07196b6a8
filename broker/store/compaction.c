/* Compaction, on the syncer thread: a sealed segment that is mostly removed
 * messages is written anew without them, beside the old file. The loop
 * puts it in the old one's place (store_remove.c) with one rename, so a crash
 * leaves either. What is left keeps its sequence; entries of the others say
 * that they are gone. */
#include "broker/store/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/store/disk.h"
#include "lib/log.h"
#include "lib/mem.h"

/* One segment on its way. */
struct copy {
    const struct compaction *job;
    struct segment old;  /* a copy without its index */
    struct segment *new; /* owned */
    int from, to;
    struct segment_extent extent;
    char *record; /* the one at hand */
    size_t record_max;
};

static void enter_gone(struct copy *c, uint32_t offset)
{
    c->new->index->entries[c->extent.count++] = (struct segment_entry){
        .offset = offset,
        .bytes_through = (uint32_t)c->extent.bytes,
        .subject = SEGMENT_NOBODY,
    };
}

/* Reads the record at offset: 0; -EBADMSG it is damaged. */
static int read_record(struct copy *c, uint32_t offset, uint64_t seq)
{
    struct record header;
    ssize_t got = disk_read(c->from, &header, sizeof header, offset);
    if (got < 0)
        return (int)got;
    if (got != sizeof header || header.seq != seq ||
        !record_header_valid(&header, c->old.salt))
        return -EBADMSG;
    size_t size = record_size(&header);
    if (size > c->record_max) {
        c->record = mem_realloc(c->record, size);
        c->record_max = size;
    }
    got = disk_read(c->from, c->record, size, offset);
    if (got < 0)
        return (int)got;
    return got == (ssize_t)size &&
                   record_body_valid((const void *)c->record, c->old.salt)
               ? 0
               : -EBADMSG;
}

/* Any damage ends the whole: the old file stays as it is, for a person. */
static int copy_entry(struct copy *c, const struct segment_entry *entry,
                      uint64_t n)
{
    bool dead = c->job->dead[n / 64] >> n % 64 & 1;
    if (dead || entry->offset == SEGMENT_GONE) {
        enter_gone(c, SEGMENT_GONE);
        return 0;
    }
    int rc = read_record(c, entry->offset, c->old.first_seq + n);
    if (rc < 0)
        return rc;
    const struct record *record = (const void *)c->record;
    rc = disk_write(c->to, record, record_size(record), c->extent.end);
    if (rc == 0)
        segment_enter(c->new, &c->extent, record);
    return rc;
}

static int copy_all(struct copy *c)
{
    struct segment_entries_page *page = mem_alloc(sizeof *page);
    int rc = 0;
    for (uint64_t n = 0; rc == 0 && n < c->old.extent.count; n++) {
        if (n % SEGMENT_PAGE_ENTRIES == 0)
            rc = segment_read_entries(
                c->from, &c->old, (uint32_t)(n / SEGMENT_PAGE_ENTRIES), page);
        if (rc == 0)
            rc = copy_entry(c, &page->entries[n % SEGMENT_PAGE_ENTRIES], n);
    }
    free(page);
    return rc;
}

static int finish(struct copy *c)
{
    const struct segment_extent *old = &c->old.extent;
    c->extent.first_time_ns = old->first_time_ns;
    c->extent.last_time_ns = old->last_time_ns;
    c->extent.dropped_bytes = c->job->dead_bytes;
    int rc = segment_seal(c->to, c->new, &c->extent);
    c->extent.sealed = true;
    return rc == 0 ? disk_sync(c->to) : rc;
}

static int copy_segment(struct copy *c, const char *path, const char *new_path)
{
    c->from = disk_open(path, O_RDONLY);
    if (c->from < 0)
        return c->from;
    c->to = disk_open(new_path, O_RDWR | O_CREAT | O_TRUNC);
    if (c->to < 0)
        return c->to;
    int rc = segment_write_header(c->to, c->new);
    if (rc == 0)
        rc = copy_all(c);
    return rc == 0 ? finish(c) : rc;
}

static void close_copy(struct copy *c)
{
    if (c->from >= 0)
        close(c->from);
    if (c->to >= 0)
        close(c->to);
    segment_free(&c->new);
    free(c->record);
}

void store_file_compact(struct store_file *s)
{
    pthread_mutex_lock(&s->lock);
    struct compaction job = s->compaction;
    struct copy c = {.job = &job, .old = *job.segment, .from = -1, .to = -1};
    pthread_mutex_unlock(&s->lock);
    char *path = segment_path(s->dir, c.old.first_seq);
    struct buf new_path = {.len = 0};
    buf_printf(&new_path, "%s" SEGMENT_NEW, path);
    c.new = segment_new(c.old.first_seq, s->salt);
    c.new->since_seq = c.old.since_seq;
    c.new->compacted = true;
    segment_index_reserve(&c.new->index, c.old.extent.count + 1);
    c.extent = c.new->extent;
    int rc = copy_segment(&c, path, buf_text(&new_path));
    pthread_mutex_lock(&s->lock);
    s->compaction.extent = c.extent;
    s->compaction.rc = rc;
    pthread_mutex_unlock(&s->lock);
    atomic_store(&s->compacted, true);
    close_copy(&c);
    buf_fini(&new_path);
    free(path);
    syncer_wake(s->syncer);
}
