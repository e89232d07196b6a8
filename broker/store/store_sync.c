/* The syncer thread's side of a file store. Nothing counts as durable before
 * the fdatasync that covers it has returned; what fails is tried again from
 * memory. */
#include "broker/store/store_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/store/disk.h"
#include "lib/log.h"

/* Where in `pending` the syncer is. */
struct cursor {
    struct chunk *chunk;
    size_t at; /* in chunk->data */
};

/* The run of records that goes into one segment under one sync. */
struct piece {
    struct chunk *first; /* chunk its first record stands in */
    struct cursor end;
    struct segment_extent extent; /* the segment's, behind the piece */
    uint64_t last_seq;
    bool full; /* no more records for this segment */
};

/* ---- telling the loop ---- */

static void report_failure(struct store_file *s, int error)
{
    pthread_mutex_lock(&s->lock);
    bool news = atomic_load(&s->error) != error;
    atomic_store(&s->error, error);
    s->failures++;
    pthread_cond_broadcast(&s->settled);
    pthread_mutex_unlock(&s->lock);
    if (!news)
        return;
    log_error("stream cannot be written: publishes are refused, trying again",
              LOG_STR("dir", s->dir), LOG_STR("error", strerror(-error)),
              LOG_I64("durable_seq", atomic_load(&s->durable)));
    syncer_wake(s->syncer);
}

static void push_fresh(struct store_file *s, struct segment *segment)
{
    struct segment **link = &s->fresh;
    while (*link != NULL)
        link = &(*link)->next;
    segment->next = NULL;
    *link = segment;
}

/* Everything up to the piece's end is on disk. */
static void publish(struct store_file *s, const struct piece *piece)
{
    struct writer *w = &s->writer;
    w->extent = piece->extent;
    w->next_seq = piece->last_seq + 1;
    pthread_mutex_lock(&s->lock);
    for (struct chunk *c = piece->first; c != piece->end.chunk; c = c->next)
        c->synced = chunk_len(c);
    if (piece->end.chunk != NULL)
        piece->end.chunk->synced = piece->end.at;
    w->segment->published = w->extent;
    if (w->unpublished)
        push_fresh(s, w->segment);
    w->unpublished = false;
    bool recovered = atomic_exchange(&s->error, 0) != 0;
    atomic_store_explicit(&s->durable, piece->last_seq, memory_order_release);
    pthread_cond_broadcast(&s->settled);
    pthread_mutex_unlock(&s->lock);
    if (recovered)
        log_info("stream can be written again", LOG_STR("dir", s->dir));
    syncer_wake(s->syncer);
}

/* ---- segments ---- */

/* Lets go of the segment, which the loop keeps. */
static void leave_segment(struct store_file *s)
{
    close(s->writer.fd);
    s->writer.fd = -1;
    s->writer.segment = NULL;
    s->writer.suspect = false;
}

static int start_segment(struct store_file *s)
{
    struct writer *w = &s->writer;
    struct segment *segment = segment_new(w->next_seq, s->salt);
    int fd = segment_create(s->dir, segment);
    int rc = fd < 0 ? fd : disk_sync_folder(s->dir_fd);
    if (rc < 0) {
        if (fd >= 0)
            close(fd);
        segment_free(&segment);
        return rc;
    }
    segment_reserve_index(segment, s->segment_bytes);
    w->segment = segment;
    w->fd = fd;
    w->extent = segment->extent;
    w->unpublished = true;
    return 0;
}

/* After a sync that failed: cuts the segment back to what was durable before
 * and closes it for good. An empty one is started afresh instead. Pages that a
 * failed sync left behind are never counted on. */
static int retire_segment(struct store_file *s)
{
    struct writer *w = &s->writer;
    int rc = disk_truncate(w->fd, w->extent.count > 0 ? w->extent.end : 0);
    if (w->extent.count == 0) {
        if (rc == 0)
            rc = segment_write_header(w->fd, w->segment);
        if (rc == 0)
            rc = disk_sync_folder(s->dir_fd);
        w->suspect = rc < 0;
        return rc;
    }
    if (rc == 0)
        rc = segment_seal(w->fd, w->segment, &w->extent);
    if (rc == 0)
        rc = disk_sync(w->fd);
    /* Unsealed, it is scanned when the folder is opened next. */
    w->extent.sealed = rc == 0;
    pthread_mutex_lock(&s->lock);
    w->segment->published = w->extent;
    pthread_mutex_unlock(&s->lock);
    leave_segment(s);
    return 0;
}

static int prepare_segment(struct store_file *s)
{
    if (s->writer.suspect) {
        int rc = retire_segment(s);
        if (rc < 0)
            return rc;
    }
    return s->writer.segment != NULL ? 0 : start_segment(s);
}

/* ---- one piece ---- */

static bool fits(const struct store_file *s, const struct piece *piece,
                 const struct record *record)
{
    const struct segment_extent *extent = &piece->extent;
    if (extent->count == 0)
        return true;
    if (record->seq != s->writer.segment->first_seq + extent->count)
        return false; /* behind sequences that were skipped */
    return extent->end + record_size(record) <= s->segment_bytes &&
           extent->count < s->writer.segment->index_max;
}

/* Enters the chunk's records from cursor->at on in the piece, as long as they
 * fit and up to target. */
static void walk_chunk(struct store_file *s, struct piece *piece,
                       uint64_t target)
{
    struct cursor *cursor = &piece->end;
    size_t len = chunk_len(cursor->chunk);
    while (piece->last_seq < target && cursor->at < len) {
        const struct record *record =
            (const void *)(cursor->chunk->data + cursor->at);
        piece->full = !fits(s, piece, record);
        if (piece->full)
            return;
        segment_enter(s->writer.segment, &piece->extent, record);
        piece->last_seq = record->seq;
        cursor->at += record_size(record);
    }
}

/* Writes the records from start up to target, or as many as the segment
 * takes. */
static int write_piece(struct store_file *s, struct piece *piece,
                       uint64_t target)
{
    for (;;) {
        struct cursor from = piece->end;
        uint64_t offset = piece->extent.end;
        walk_chunk(s, piece, target);
        int rc = disk_write(s->writer.fd, from.chunk->data + from.at,
                            piece->end.at - from.at, offset);
        if (rc < 0 || piece->full || piece->last_seq == target)
            return rc;
        piece->end = (struct cursor){.chunk = piece->end.chunk->next};
    }
}

/* Puts index and footer behind the last piece. Where the disk takes the
 * records only, the segment stays without: see retire_segment. */
static void seal_piece(struct store_file *s, struct piece *piece)
{
    struct writer *w = &s->writer;
    int rc = segment_seal(w->fd, w->segment, &piece->extent);
    piece->extent.sealed = rc == 0;
    if (rc == 0)
        return;
    log_warn("a segment stays without index until the next start",
             LOG_STR("dir", s->dir), LOG_STR("error", strerror(-rc)),
             LOG_I64("first_seq", w->segment->first_seq));
    rc = disk_truncate(w->fd, piece->extent.end);
    (void)rc; /* what is left behind is no record: a scan steps over it */
}

static int sync_piece(struct store_file *s, const struct piece *piece)
{
    struct writer *w = &s->writer;
    int64_t start_ns = clock_mono_ns();
    int rc = disk_sync(w->fd);
    w->suspect = rc < 0;
    if (rc == 0)
        syncer_count(s->syncer, piece->extent.end - w->extent.end,
                     clock_mono_ns() - start_ns);
    return rc;
}

/* Makes the first records from cursor on durable: all up to target, or what
 * the active segment still takes. Moves cursor. */
static int store_piece(struct store_file *s, struct cursor *cursor,
                       uint64_t target)
{
    const struct record *first =
        (const void *)(cursor->chunk->data + cursor->at);
    s->writer.next_seq = first->seq;
    int rc = prepare_segment(s);
    if (rc < 0)
        return rc;
    struct piece piece = {
        .first = cursor->chunk,
        .end = *cursor,
        .extent = s->writer.extent,
        .last_seq = s->writer.next_seq - 1,
    };
    rc = write_piece(s, &piece, target);
    if (rc < 0)
        return rc;
    if (piece.full)
        seal_piece(s, &piece);
    rc = sync_piece(s, &piece);
    if (rc < 0)
        return rc;
    publish(s, &piece);
    *cursor = piece.end;
    if (piece.full)
        leave_segment(s);
    return 0;
}

/* ---- the task ---- */

/* What is committed and not durable yet: false when nothing is. */
static bool take_group(struct store_file *s, struct cursor *cursor,
                       uint64_t *target)
{
    uint64_t durable = atomic_load(&s->durable);
    pthread_mutex_lock(&s->lock);
    bool some = s->target > durable;
    *target = s->target;
    if (some) {
        struct chunk *chunk = s->pending.head;
        while (chunk->synced == chunk_len(chunk))
            chunk = chunk->next;
        *cursor = (struct cursor){.chunk = chunk, .at = chunk->synced};
    }
    pthread_mutex_unlock(&s->lock);
    return some;
}

static int store_group(struct store_file *s)
{
    struct cursor cursor;
    uint64_t target;
    if (!take_group(s, &cursor, &target))
        return 0;
    while (s->writer.next_seq <= target) {
        int rc = store_piece(s, &cursor, target);
        if (rc < 0) {
            report_failure(s, rc);
            return rc;
        }
    }
    return 0;
}

/* ---- removals ---- */

static void delete_segments(struct store_file *s, struct segment *doomed)
{
    while (doomed != NULL) {
        struct segment *next = doomed->next;
        char *path = segment_path(s->dir, doomed->first_seq);
        int rc = disk_unlink(path);
        if (rc < 0)
            log_warn("cannot delete a segment that is not needed any more",
                     LOG_STR("file", path), LOG_STR("error", strerror(-rc)));
        free(path);
        segment_free(&doomed);
        doomed = next;
    }
}

static int save_meta(struct store_file *s, uint64_t first_seq)
{
    uint64_t last_seq = atomic_load(&s->durable);
    s->meta_saved_ns = clock_mono_ns();
    if (s->meta.first_seq == first_seq && s->meta.last_seq == last_seq)
        return 0;
    s->meta.first_seq = first_seq;
    s->meta.last_seq = last_seq;
    int rc = meta_save(&s->meta);
    if (rc < 0 && !s->meta_failed)
        log_warn("store.meta cannot be written, trying again",
                 LOG_STR("dir", s->dir), LOG_STR("error", strerror(-rc)));
    s->meta_failed = rc < 0;
    if (rc < 0)
        s->meta.first_seq = 0; /* not on disk: differs from any */
    return rc;
}

void store_file_save_meta(struct store_file *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t first_seq = s->removed_through + 1;
    struct segment *doomed = s->doomed;
    s->doomed = NULL;
    pthread_mutex_unlock(&s->lock);
    if (save_meta(s, first_seq) == 0) {
        delete_segments(s, doomed);
        return;
    }
    pthread_mutex_lock(&s->lock);
    struct segment **link = &doomed;
    while (*link != NULL)
        link = &(*link)->next;
    *link = s->doomed;
    s->doomed = doomed;
    pthread_mutex_unlock(&s->lock);
}

/* Nanoseconds until removals, or how far the sequence has come, are to be
 * written down; or SYNC_NEVER. */
static int64_t meta_due(struct store_file *s)
{
    pthread_mutex_lock(&s->lock);
    bool removed =
        s->doomed != NULL || s->meta.first_seq != s->removed_through + 1;
    pthread_mutex_unlock(&s->lock);
    if (!removed && s->meta.last_seq == atomic_load(&s->durable))
        return SYNC_NEVER;
    int64_t delay_ns = removed ? STORE_META_DELAY_NS : STORE_LAST_DELAY_NS;
    int64_t wait_ns = s->meta_saved_ns + delay_ns - clock_mono_ns();
    return wait_ns > 0 ? wait_ns : 0;
}

int64_t store_file_sync(struct sync_task *task)
{
    struct store_file *s =
        (void *)((char *)task - offsetof(struct store_file, task));
    int rc = store_group(s);
    int64_t due_ns = meta_due(s);
    if (due_ns == 0) {
        store_file_save_meta(s);
        due_ns = meta_due(s);
    }
    if (rc == 0)
        return due_ns;
    pthread_mutex_lock(&s->lock);
    int64_t retry_ns = s->closing ? 0 : STORE_RETRY_NS;
    pthread_mutex_unlock(&s->lock);
    return due_ns == SYNC_NEVER || retry_ns < due_ns ? retry_ns : due_ns;
}
