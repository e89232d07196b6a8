/* The loop thread's side of a file store: the operations of store.h. Nothing
 * here waits for the disk, except opening, closing and reading. */
#include "broker/store/store_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "broker/store/disk.h"
#include "lib/log.h"
#include "lib/mem.h"

/* ---- segments ---- */

void store_file_add_segment(struct store_file *s, struct segment *segment)
{
    if (s->segments_count == s->segments_max) {
        s->segments_max = s->segments_max * 2 + 16;
        s->segments =
            mem_grow(s->segments, s->segments_max, sizeof *s->segments);
    }
    s->segments[s->segments_count++] = segment;
}

size_t store_file_place(const struct store_file *s, uint64_t seq)
{
    size_t low = 0, high = s->segments_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s->segments[middle]->first_seq <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct segment *store_file_segment(const struct store_file *s, uint64_t seq)
{
    size_t place = store_file_place(s, seq);
    if (place == 0 || seq > segment_last_seq(s->segments[place - 1]))
        return NULL;
    return s->segments[place - 1];
}

/* Takes over how far a segment goes; with the lock held. */
static void take_extent(struct store_file *s, struct segment *segment)
{
    bool sealed_now = segment->published.sealed && !segment->extent.sealed;
    segment->extent = segment->published;
    if (!sealed_now)
        return;
    segment_index_free(&segment->index);
    store_file_forget_selections(s, segment); /* places are others now */
}

/* Sequences that were skipped count as durable with the record before. */
static uint64_t durable_seq(const struct store_file *s)
{
    uint64_t durable = atomic_load_explicit(&s->durable, memory_order_acquire);
    return durable >= s->appended_seq ? s->state.last_seq : durable;
}

/* Segments that what is durable now may stand in. */
static void take_segments(struct store_file *s)
{
    size_t i = s->segments_count > 0 ? s->segments_count - 1 : 0;
    if (s->segments_count > 0)
        take_extent(s, s->segments[i]);
    while (s->fresh != NULL) {
        struct segment *segment = s->fresh;
        s->fresh = segment->next;
        take_extent(s, segment);
        store_file_add_segment(s, segment);
    }
    for (; i < s->segments_count; i++)
        if (s->fresh_expiry_ns < s->segments[i]->expiry_ns)
            s->segments[i]->expiry_ns = s->fresh_expiry_ns;
}

void store_file_harvest(struct store_file *s)
{
    uint64_t durable = durable_seq(s), before = s->seen_seq;
    if (s->walking > 0)
        return;
    if (atomic_load_explicit(&s->compacted, memory_order_acquire))
        store_file_take_compaction(s);
    if (durable == before)
        return;
    pthread_mutex_lock(&s->lock);
    take_segments(s);
    s->seen_seq = durable_seq(s);
    pending_release(&s->pending, s->seen_seq);
    pthread_mutex_unlock(&s->lock);
    if (s->seen_seq == s->state.last_seq)
        s->fresh_expiry_ns = INT64_MAX;
    if (s->early_dead > 0 || s->early_erasures.count > 0)
        store_file_settle_removed(s, before + 1, s->seen_seq);
    pthread_mutex_lock(&s->lock);
    s->settled_seq = s->seen_seq;
    bool unsaved = s->unsaved.count > 0;
    pthread_mutex_unlock(&s->lock);
    store_file_release_held(s);
    if (unsaved)
        syncer_schedule(s->syncer, &s->task, STORE_META_DELAY_NS);
    store_file_drop_removed(s);
}

/* ---- appending ---- */

static int may_append(const struct store_file *s, const struct store_msg *msg,
                      size_t size)
{
    size_t len = msg->subject.len + msg->headers.len + msg->payload.len;
    int error = atomic_load_explicit(&s->error, memory_order_relaxed);
    if (error != 0)
        return error;
    if (msg->subject.len > STORE_SUBJECT_MAX || len > STORE_MSG_MAX)
        return -EMSGSIZE;
    if (s->pending.bytes > 0 && s->pending.bytes + size > STORE_PENDING_MAX)
        return -EAGAIN;
    return 0;
}

static int file_append(struct store *store, const struct store_msg *msg)
{
    struct store_file *s = store_file_of(store);
    assert(msg->seq == s->state.last_seq + 1);
    store_file_harvest(s);
    size_t size = record_size_of(msg);
    int rc = may_append(s, msg, size);
    if (rc < 0)
        return rc;
    struct record *record = pending_add(&s->pending, size, msg->seq);
    record_write(record, s->salt, msg);
    s->state.last_seq = s->appended_seq = msg->seq;
    s->state.last_time_ns = msg->time_ns;
    s->state.messages++;
    s->state.bytes += record_stream_bytes(record);
    if (msg->expires_ns != 0 && msg->expires_ns < s->fresh_expiry_ns)
        s->fresh_expiry_ns = msg->expires_ns;
    if (s->subjects_are == SUBJECTS_KNOWN)
        subjects_add(&s->subjects, record_subject_hash(s->salt, msg->subject),
                     msg->seq, msg->seq, 1);
    return 0;
}

static void file_commit(struct store *store)
{
    struct store_file *s = store_file_of(store);
    store_file_harvest(s);
    if (s->target >= s->appended_seq)
        return;
    pthread_mutex_lock(&s->lock);
    s->target = s->appended_seq;
    pthread_mutex_unlock(&s->lock);
    /* A refusing disk is tried again at its own pace. */
    if (atomic_load(&s->error) == 0)
        syncer_schedule(s->syncer, &s->task, 0);
}

static uint64_t file_durable(struct store *store)
{
    store_file_harvest(store_file_of(store));
    return durable_seq(store_file_of(store));
}

static int file_error(struct store *store)
{
    return atomic_load(&store_file_of(store)->error);
}

/* ---- reading ---- */

static void report_once(struct store_file *s, const struct segment *segment,
                        uint64_t seq, uint64_t offset)
{
    if (!store_file_note_damage(s, seq, seq))
        return;
    char *path = segment_path(s->dir, segment->first_seq);
    log_error("a message is damaged", LOG_STR("file", path),
              LOG_I64("offset", offset), LOG_I64("seq", seq));
    free(path);
}

/* Reads from the segment; an index that is damaged is made again. */
static int read_from(struct store_file *s, struct segment *segment,
                     uint64_t seq, struct store_msg *msg)
{
    struct reader_place place = {.offset = 0};
    int rc = reader_read(&s->reader, segment, seq, msg, &place);
    if (rc == -ESTALE) {
        rc = store_file_rebuild_index(s, segment);
        if (rc == 0)
            rc = reader_read(&s->reader, segment, seq, msg, &place);
    }
    if (rc == -EBADMSG)
        report_once(s, segment, seq, place.offset);
    return rc;
}

int store_file_read_at(struct store_file *s, uint64_t seq,
                       struct store_msg *msg)
{
    if (seq < s->state.first_seq || seq > s->seen_seq ||
        seqset_has(&s->removed, seq))
        return -ENOENT;
    struct segment *segment = store_file_segment(s, seq);
    return segment != NULL ? read_from(s, segment, seq, msg) : -ENOENT;
}

static int file_read(struct store *store, uint64_t seq, struct store_msg *msg)
{
    struct store_file *s = store_file_of(store);
    store_file_harvest(s);
    return store_file_read_at(s, seq, msg);
}

bool store_file_has(struct store *store, uint64_t seq)
{
    struct store_file *s = store_file_of(store);
    store_file_harvest(s);
    if (seq < s->state.first_seq || seq > s->state.last_seq ||
        seqset_has(&s->removed, seq))
        return false;
    return seq > s->seen_seq || store_file_segment(s, seq) != NULL;
}

int store_file_entry(struct store_file *s, struct segment *segment, uint64_t n,
                     struct segment_entry *entry)
{
    int rc = reader_entry(&s->reader, segment, n, entry);
    if (rc != -ESTALE)
        return rc;
    rc = store_file_rebuild_index(s, segment);
    return rc == 0 ? reader_entry(&s->reader, segment, n, entry) : rc;
}

int store_file_subject(struct store_file *s, struct segment *segment,
                       uint32_t place, struct segment_subject *subject)
{
    return reader_subject(&s->reader, segment, place, subject);
}

int store_file_make_searchable(struct store_file *s, struct segment *segment)
{
    if (segment->index != NULL || segment->version > 1)
        return 0;
    return store_file_rebuild_index(s, segment);
}

static size_t file_damage(struct store *store, struct store_range *ranges,
                          size_t max)
{
    const struct store_file *s = store_file_of(store);
    size_t count = 0;
    for (size_t i = 0; i < s->damage_count && count < max; i++)
        if (s->damage[i].last_seq >= s->state.first_seq)
            ranges[count++] = s->damage[i];
    return count;
}

/* ---- state ---- */

/* The time of the first message that can be told. */
static int64_t first_time(struct store_file *s)
{
    struct store_msg msg;
    uint64_t seq = s->state.first_seq;
    if (seq > s->seen_seq)
        return pending_find(&s->pending, seq)->time_ns;
    if (store_file_read_at(s, seq, &msg) == 0)
        return msg.time_ns;
    const struct segment *segment = store_file_segment(s, seq);
    return segment != NULL ? segment->extent.first_time_ns : 0;
}

static void file_state(struct store *store, struct store_state *out)
{
    struct store_file *s = store_file_of(store);
    store_file_harvest(s);
    if (s->state.messages > 0 && s->first_time_of != s->state.first_seq) {
        s->state.first_time_ns = first_time(s);
        s->first_time_of = s->state.first_seq;
    }
    *out = s->state;
    out->deleted = out->last_seq + 1 - out->first_seq - out->messages;
    if (out->messages == 0)
        out->first_time_ns = out->last_time_ns = 0;
}

/* ---- closing ---- */

/* Waits until all is durable, or has been tried once more and failed. */
static void settle(struct store_file *s)
{
    file_commit(&s->store);
    syncer_schedule(s->syncer, &s->task, 0);
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    uint64_t failures_max = s->failures + 2; /* one may be under way */
    while (atomic_load(&s->durable) < s->target && s->failures < failures_max)
        pthread_cond_wait(&s->settled, &s->lock);
    uint64_t dropped = s->target - atomic_load(&s->durable);
    pthread_mutex_unlock(&s->lock);
    if (dropped > 0)
        log_error("messages that were never acknowledged are given up: the "
                  "disk does not take them",
                  LOG_STR("dir", s->dir), LOG_I64("messages", dropped),
                  LOG_STR("error", strerror(-atomic_load(&s->error))));
}

static void free_segments(struct segment *list)
{
    while (list != NULL) {
        struct segment *next = list->next;
        segment_free(&list);
        list = next;
    }
}

static void file_free(struct store_file *s)
{
    reader_fini(&s->reader);
    pending_fini(&s->pending);
    meta_close(&s->meta);
    if (s->writer.fd >= 0)
        close(s->writer.fd);
    if (s->writer.unpublished)
        segment_free(&s->writer.segment);
    free_segments(s->fresh);
    free_segments(s->doomed);
    for (size_t i = 0; i < s->segments_count; i++)
        segment_free(&s->segments[i]);
    free(s->segments);
    free(s->damage);
    seqset_fini(&s->removed);
    seqset_fini(&s->unsaved);
    seqset_fini(&s->held[0].set);
    seqset_fini(&s->held[1].set);
    subjects_fini(&s->subjects);
    removals_close(&s->removals);
    buf_fini(&s->scratch);
    free(s->erasures.list);
    free(s->early_erasures.list);
    free(s->compaction.dead);
    for (int i = 0; i < STORE_SELECTIONS; i++)
        free(s->selections[i].chosen);
    if (s->dir_fd >= 0)
        close(s->dir_fd);
    pthread_cond_destroy(&s->settled);
    pthread_mutex_destroy(&s->lock);
    free(s->dir);
    free(s);
}

static void file_close(struct store *store)
{
    struct store_file *s = store_file_of(store);
    settle(s);
    syncer_detach(s->syncer, &s->task);
    store_file_harvest(s);
    store_file_sync_now(s);
    store_file_save_meta(s);
    file_free(s);
}

static void unlink_segment(const struct store_file *s,
                           const struct segment *segment)
{
    char *path = segment_path(s->dir, segment->first_seq);
    int rc = disk_unlink(path);
    if (rc < 0)
        log_error("cannot delete a segment", LOG_STR("file", path),
                  LOG_STR("error", strerror(-rc)));
    free(path);
}

/* What a compaction wrote that was not taken over. */
static void unlink_compaction(const struct store_file *s)
{
    char *path = segment_path(s->dir, s->compaction.segment->first_seq);
    struct buf new_path = {.len = 0};
    buf_printf(&new_path, "%s" SEGMENT_NEW, path);
    disk_unlink(buf_text(&new_path));
    buf_fini(&new_path);
    free(path);
}

static void file_destroy(struct store *store)
{
    struct store_file *s = store_file_of(store);
    syncer_detach(s->syncer, &s->task);
    store_file_harvest(s);
    for (struct segment *d = s->doomed; d != NULL; d = d->next)
        unlink_segment(s, d);
    for (size_t i = 0; i < s->segments_count; i++)
        unlink_segment(s, s->segments[i]);
    if (s->writer.unpublished)
        unlink_segment(s, s->writer.segment);
    unlinkat(s->dir_fd, META_NAME, 0);
    unlinkat(s->dir_fd, REMOVALS_NAME, 0);
    if (s->compaction.segment != NULL)
        unlink_compaction(s);
    rmdir(s->dir); /* stays where others have files in it */
    file_free(s);
}

/* ---- opening ---- */

static uint64_t file_size(const struct store_msg *msg)
{
    const struct record record = {.subject_len = (uint16_t)msg->subject.len,
                                  .headers_len = (uint32_t)msg->headers.len,
                                  .payload_len = (uint32_t)msg->payload.len};
    return record_stream_bytes(&record);
}

static const struct store_ops file_ops = {
    .name = "file",
    .size = file_size,
    .append = file_append,
    .commit = file_commit,
    .durable = file_durable,
    .read = file_read,
    .next = store_file_next,
    .last = store_file_last,
    .count = store_file_count,
    .subject = store_file_subject_of,
    .subjects = store_file_subjects,
    .subject_count = store_file_subject_count,
    .has = store_file_has,
    .damage = file_damage,
    .remove = store_file_remove,
    .skip = store_file_skip,
    .next_expiry = store_file_next_expiry,
    .expired = store_file_expired,
    .remove_through = store_file_remove_through,
    .state = file_state,
    .error = file_error,
    .close = file_close,
    .destroy = file_destroy,
};

static int open_folder(struct store_file *s, struct errmsg *err)
{
    int rc = disk_make_folder(s->dir);
    if (rc == 0)
        s->dir_fd = disk_open(s->dir, O_RDONLY | O_DIRECTORY);
    if (rc < 0 || s->dir_fd < 0)
        return errmsg_set(err, -1, "cannot open the folder %s: %s", s->dir,
                          strerror(rc < 0 ? -rc : -s->dir_fd));
    if (flock(s->dir_fd, LOCK_EX | LOCK_NB) != 0)
        return errmsg_set(err, -1,
                          "%s is in use by another process (cannot lock it: "
                          "%s)",
                          s->dir, strerror(errno));
    return 0;
}

/* The last time of a message that is known. */
static int64_t last_time(const struct store_file *s)
{
    for (size_t i = s->segments_count; i > 0; i--)
        if (s->segments[i - 1]->extent.last_time_ns != 0)
            return s->segments[i - 1]->extent.last_time_ns;
    return 0;
}

static void start(struct store_file *s)
{
    s->target = s->seen_seq = s->settled_seq = s->appended_seq =
        s->state.last_seq;
    s->meta_saved_ns = clock_mono_ns();
    atomic_store(&s->durable, s->state.last_seq);
    s->state.last_time_ns = last_time(s);
    s->removed_through = s->state.first_seq - 1;
    store_file_drop_removed(s);
}

static uint64_t clamp_segment_bytes(uint64_t bytes)
{
    if (bytes == 0)
        return SEGMENT_BYTES_DEFAULT;
    if (bytes < SEGMENT_BYTES_MIN)
        return SEGMENT_BYTES_MIN;
    return bytes < SEGMENT_BYTES_MAX ? bytes : SEGMENT_BYTES_MAX;
}

static void take_options(struct store_file *s,
                         const struct store_options *options)
{
    s->segment_bytes = clamp_segment_bytes(options->segment_bytes);
    s->sync = options->sync;
    s->sync_interval_ns = options->sync_interval_ns > 0
                              ? options->sync_interval_ns
                              : STORE_SYNC_INTERVAL_NS;
    s->index_bytes_max = options->index_bytes_max > 0
                             ? options->index_bytes_max
                             : STORE_INDEX_BYTES_DEFAULT;
}

struct store *store_file_open(const char *dir, struct syncer *syncer,
                              const struct store_options *options,
                              struct errmsg *err)
{
    struct store_file *s = mem_zalloc(sizeof *s);
    s->store.ops = &file_ops;
    s->fresh_expiry_ns = INT64_MAX;
    s->dir = mem_strdup(dir);
    s->dir_fd = s->meta.fd = s->writer.fd = s->removals.fd = -1;
    take_options(s, options != NULL ? options : &(struct store_options){0});
    s->syncer = syncer;
    s->task = (struct sync_task){.run = store_file_sync, .due_ns = SYNC_NEVER};
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->settled, NULL);
    reader_init(&s->reader, s->dir);
    if (open_folder(s, err) < 0 || store_file_recover(s, err) < 0) {
        file_free(s);
        return NULL;
    }
    start(s);
    return &s->store;
}
