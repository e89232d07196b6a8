/* The syncer thread's side of a file store. Nothing counts as durable before
 * the fdatasync that covers it has returned; what fails is tried again from
 * memory. */
#include "broker/store/store_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/store/disk.h"
#include "lib/log.h"
#include "lib/mem.h"

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
    uint64_t after = atomic_load(&s->durable) + 1;
    if (after < segment->first_seq)
        segment->since_seq = after; /* the rest was skipped */
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
           extent->count < s->writer.segment->index->max;
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
    if (s->sync == STORE_SYNC_RELAXED && !piece->full) {
        s->unsynced = true;
        return 0;
    }
    int rc = disk_sync(w->fd);
    w->suspect = rc < 0;
    s->unsynced &= rc < 0;
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
    assert(cursor->chunk != NULL);
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

/* The last sequence that is durable, or was skipped behind it; with the lock
 * held. */
static uint64_t last_durable(const struct store_file *s)
{
    uint64_t durable = atomic_load(&s->durable);
    return s->skipped.first_seq > 0 && durable + 1 >= s->skipped.first_seq &&
                   durable < s->skipped.last_seq
               ? s->skipped.last_seq
               : durable;
}

static int save_meta(struct store_file *s, uint64_t first_seq,
                     uint64_t last_seq)
{
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

/* ---- the journal of removals ---- */

/* The run without what is held. With the lock held. */
static void add_run(const struct store_file *s, struct removals_batch *batch,
                    struct store_range run)
{
    struct store_range held;
    while (store_file_next_held(s, run.first_seq, &held) &&
           held.first_seq <= run.last_seq) {
        if (held.first_seq > run.first_seq)
            removals_add_run(
                batch, (struct store_range){run.first_seq, held.first_seq - 1});
        run.first_seq = held.last_seq + 1;
    }
    if (run.first_seq <= run.last_seq)
        removals_add_run(batch, run);
}

/* Runs of the set from first_seq to last_seq. */
static void add_runs(const struct store_file *s, struct removals_batch *batch,
                     const struct seqset *set, uint64_t first_seq,
                     uint64_t last_seq)
{
    struct store_range run = {.last_seq = first_seq - 1};
    while (seqset_next_run(set, run.last_seq + 1, &run) &&
           run.first_seq <= last_seq) {
        if (run.last_seq > last_seq)
            run.last_seq = last_seq;
        add_run(s, batch, run);
    }
}

/* Only what is durable, and was taken over by the loop, is written down: so the journal never speaks of a
 * sequence that may be given to another message after a crash. With the lock
 * held. */
static struct removals_batch take_batch(struct store_file *s, bool all)
{
    struct removals_batch batch = {.through = 0};
    uint64_t last_seq = s->settled_seq, first_seq = s->removed_through + 1;
    struct seqset early = {.count = 0};
    struct store_range run = {.last_seq = last_seq};
    add_runs(s, &batch, all ? &s->removed : &s->unsaved, first_seq, last_seq);
    while (seqset_next_run(&s->unsaved, run.last_seq + 1, &run))
        seqset_add_range(&early, run.first_seq, run.last_seq);
    seqset_fini(&s->unsaved);
    s->unsaved = early;
    for (size_t i = 0; i < s->segments_count; i++) {
        struct segment *segment = s->segments[i];
        if (segment->dead_bytes > 0 && (all || segment->dead_unsaved))
            removals_add_dead(&batch,
                              (struct removals_dead){segment->first_seq,
                                                     segment->dead_bytes});
        segment->dead_unsaved = false;
    }
    return batch;
}

/* What is behind the last durable message waits. With the lock held. */
static bool has_unsaved(const struct store_file *s)
{
    struct store_range run;
    return s->all_unsaved ||
           (seqset_next_run(&s->unsaved, s->removed_through + 1, &run) &&
            run.first_seq <= s->settled_seq);
}

static int save_removals(struct store_file *s)
{
    pthread_mutex_lock(&s->lock);
    bool some = has_unsaved(s);
    bool all = s->all_unsaved || removals_grown(&s->removals);
    struct removals_batch batch = {.through = 0};
    if (some)
        batch = take_batch(s, all);
    else if (s->unsaved.count > 0)
        seqset_drop_below(&s->unsaved, s->removed_through + 1);
    pthread_mutex_unlock(&s->lock);
    int rc = some ? removals_write(&s->removals, &batch, all) : 0;
    removals_batch_fini(&batch);
    if (some) {
        pthread_mutex_lock(&s->lock);
        s->all_unsaved = rc < 0;
        pthread_mutex_unlock(&s->lock);
    }
    if (rc < 0 && !s->removals_failed)
        log_warn("what was removed cannot be written down, trying again",
                 LOG_STR("dir", s->dir), LOG_STR("error", strerror(-rc)));
    s->removals_failed = rc < 0;
    return rc;
}

/* ---- erasing ---- */

static int erase_record(struct store_file *s, int fd, uint32_t offset,
                        uint64_t seq)
{
    struct record header;
    ssize_t got = disk_read(fd, &header, sizeof header, offset);
    if (got != (ssize_t)sizeof header || header.seq != seq ||
        !record_header_valid(&header, s->salt))
        return got < 0 ? (int)got : 0; /* damaged, or compacted meanwhile */
    size_t size = record_size(&header);
    struct record *record = mem_alloc(size);
    got = disk_read(fd, record, size, offset);
    int rc = got < 0 ? (int)got : 0;
    if (got == (ssize_t)size) {
        record_erase(record, s->salt);
        rc = disk_write(fd, record, size, offset);
    }
    free(record);
    return rc < 0 ? rc : disk_sync(fd);
}

/* After the removals are written down: what is overwritten is no damage. */
static void erase_all(struct store_file *s, const struct erasures *erasures)
{
    for (size_t i = 0; i < erasures->count; i++) {
        const struct erasure *erasure = &erasures->list[i];
        char *path = segment_path(s->dir, erasure->first_seq);
        int fd = disk_open(path, O_RDWR);
        int rc =
            fd < 0 ? fd : erase_record(s, fd, erasure->offset, erasure->seq);
        if (fd >= 0)
            close(fd);
        if (rc < 0 && rc != -ENOENT)
            log_error("a removed message cannot be overwritten",
                      LOG_STR("file", path), LOG_I64("seq", erasure->seq),
                      LOG_STR("error", strerror(-rc)));
        free(path);
    }
    free(erasures->list);
}

/* They wait for another time, before those that came meanwhile. With the lock
 * held. */
static void put_back(struct store_file *s, struct segment *doomed,
                     struct erasures *erasures)
{
    struct segment **link = &doomed;
    while (*link != NULL)
        link = &(*link)->next;
    *link = s->doomed;
    s->doomed = doomed;
    size_t count = erasures->count + s->erasures.count;
    if (erasures->count == 0)
        return;
    erasures->list = mem_grow(erasures->list, count, sizeof *erasures->list);
    for (size_t i = 0; i < s->erasures.count; i++)
        erasures->list[erasures->count++] = s->erasures.list[i];
    free(s->erasures.list);
    erasures->max = count;
    s->erasures = *erasures;
}

/* Takes the segments out of the list that store.meta alone says are removed. */
static struct segment *take_passed(struct segment **doomed, uint64_t first_seq)
{
    struct segment *passed = NULL;
    while (*doomed != NULL) {
        struct segment *segment = *doomed;
        if (segment_last_seq(segment) >= first_seq) {
            doomed = &segment->next;
            continue;
        }
        *doomed = segment->next;
        segment->next = passed;
        passed = segment;
    }
    return passed;
}

int store_file_save_meta(struct store_file *s)
{
    /* Taken first: what is deleted was removed before it is written down. */
    pthread_mutex_lock(&s->lock);
    uint64_t first_seq = s->removed_through + 1, last_seq = last_durable(s);
    struct segment *doomed = s->doomed;
    struct erasures erasures = s->erasures;
    s->doomed = NULL;
    s->erasures = (struct erasures){.count = 0};
    pthread_mutex_unlock(&s->lock);
    int saved = save_removals(s);
    int rc = save_meta(s, first_seq, last_seq);
    /* The journal may be waiting for the room that they take. */
    if (rc == 0)
        delete_segments(s, take_passed(&doomed, first_seq));
    if (rc == 0 && saved == 0) {
        delete_segments(s, doomed);
        erase_all(s, &erasures);
        return 0;
    }
    pthread_mutex_lock(&s->lock);
    put_back(s, doomed, &erasures);
    pthread_mutex_unlock(&s->lock);
    return rc < 0 ? rc : saved;
}

/* Nanoseconds until removals, or how far the sequence has come, are to be
 * written down; or SYNC_NEVER. */
static int64_t meta_due(struct store_file *s)
{
    pthread_mutex_lock(&s->lock);
    bool removed = s->doomed != NULL || has_unsaved(s) ||
                   s->erasures.count > 0 ||
                   s->meta.first_seq != s->removed_through + 1;
    bool last = s->meta.last_seq != last_durable(s);
    pthread_mutex_unlock(&s->lock);
    if (!removed && !last)
        return SYNC_NEVER;
    int64_t delay_ns = removed ? STORE_META_DELAY_NS : STORE_LAST_DELAY_NS;
    int64_t wait_ns = s->meta_saved_ns + delay_ns - clock_mono_ns();
    return wait_ns > 0 ? wait_ns : 0;
}

/* ---- relaxed ---- */

void store_file_sync_now(struct store_file *s)
{
    if (!s->unsynced || s->writer.fd < 0)
        return;
    int rc = disk_sync(s->writer.fd);
    s->synced_ns = clock_mono_ns();
    s->unsynced = rc < 0;
    if (rc < 0)
        log_error("what was written cannot be synced, trying again",
                  LOG_STR("dir", s->dir), LOG_STR("error", strerror(-rc)));
}

/* As meta_due. */
static int64_t sync_due(const struct store_file *s)
{
    if (!s->unsynced)
        return SYNC_NEVER;
    int64_t wait_ns = s->synced_ns + s->sync_interval_ns - clock_mono_ns();
    return wait_ns > 0 ? wait_ns : 0;
}

/* ---- the whole ---- */

static int64_t sooner(int64_t a_ns, int64_t b_ns)
{
    if (a_ns == SYNC_NEVER || b_ns == SYNC_NEVER)
        return a_ns == SYNC_NEVER ? b_ns : a_ns;
    return a_ns < b_ns ? a_ns : b_ns;
}

int64_t store_file_sync(struct sync_task *task)
{
    struct store_file *s =
        (void *)((char *)task - offsetof(struct store_file, task));
    int rc = store_group(s);
    int64_t retry_ns = SYNC_NEVER;
    if (sync_due(s) == 0)
        store_file_sync_now(s);
    if (meta_due(s) == 0)
        store_file_save_meta(s);
    pthread_mutex_lock(&s->lock);
    bool compact = s->compaction.segment != NULL && s->compaction.rc > 0;
    if (rc < 0)
        retry_ns = s->closing ? 0 : STORE_RETRY_NS;
    compact &= !s->closing;
    pthread_mutex_unlock(&s->lock);
    /* What it leaves out must be known to be removed, whatever happens next. */
    if (compact && store_file_save_meta(s) == 0)
        store_file_compact(s);
    return sooner(retry_ns, sooner(meta_due(s), sync_due(s)));
}
