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
#include "broker/store/store_scan.h"
#include "lib/log.h"
#include "lib/mem.h"

static struct store_file *file_of(struct store *store)
{
    return (struct store_file *)store; /* its first member */
}

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

/* The last segment that starts at or before seq; NULL: none does. */
static struct segment *segment_before(const struct store_file *s, uint64_t seq)
{
    size_t low = 0, high = s->segments_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s->segments[middle]->first_seq <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? s->segments[low - 1] : NULL;
}

/* Takes over how far a segment goes; with the lock held. */
static void take_extent(struct segment *segment)
{
    bool sealed_now = segment->published.sealed && !segment->extent.sealed;
    segment->extent = segment->published;
    if (sealed_now) {
        segment->index_checked = true;
        free(segment->index);
        segment->index = NULL;
    }
}

/* Segments whose messages are all removed are handed over for deletion; the
 * last one stays, it knows how far the sequence has come. */
static void drop_removed(struct store_file *s)
{
    size_t n = 0;
    while (n + 1 < s->segments_count &&
           segment_last_seq(s->segments[n]) < s->state.first_seq)
        n++;
    if (n == 0)
        return;
    for (size_t i = 0; i < n; i++)
        reader_forget(&s->reader, s->segments[i]);
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < n; i++) {
        s->segments[i]->next = s->doomed;
        s->doomed = s->segments[i];
    }
    pthread_mutex_unlock(&s->lock);
    s->segments_count -= n;
    memmove(s->segments, s->segments + n,
            s->segments_count * sizeof *s->segments);
    syncer_schedule(s->syncer, &s->task, STORE_META_DELAY_NS);
}

/* Sequences that were skipped count as durable with the record before. */
static uint64_t durable_seq(const struct store_file *s)
{
    uint64_t durable = atomic_load_explicit(&s->durable, memory_order_acquire);
    return durable >= s->appended_seq ? s->state.last_seq : durable;
}

/* Takes over what the syncer has made durable since the last time. */
static void harvest(struct store_file *s)
{
    uint64_t durable = durable_seq(s);
    if (durable == s->seen_seq)
        return;
    pthread_mutex_lock(&s->lock);
    if (s->segments_count > 0)
        take_extent(s->segments[s->segments_count - 1]);
    while (s->fresh != NULL) {
        struct segment *segment = s->fresh;
        s->fresh = segment->next;
        take_extent(segment);
        store_file_add_segment(s, segment);
    }
    s->seen_seq = durable_seq(s);
    pending_release(&s->pending, s->seen_seq);
    pthread_mutex_unlock(&s->lock);
    drop_removed(s);
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
    struct store_file *s = file_of(store);
    assert(msg->seq == s->state.last_seq + 1);
    harvest(s);
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
    if (msg->expires_ns != 0 && msg->expires_ns < s->next_expiry_ns)
        s->next_expiry_ns = msg->expires_ns;
    return 0;
}

static void file_commit(struct store *store)
{
    struct store_file *s = file_of(store);
    harvest(s);
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
    return durable_seq(file_of(store));
}

static int file_error(struct store *store)
{
    return atomic_load(&file_of(store)->error);
}

/* ---- reading ---- */

static void report_once(struct store_file *s, const struct segment *segment,
                        uint64_t seq, uint64_t offset)
{
    for (size_t i = 0; i < s->reported_count; i++)
        if (s->reported[i] == seq)
            return;
    if (s->reported_count == STORE_REPORTS_MAX)
        return;
    if (s->reported == NULL)
        s->reported = mem_grow(NULL, STORE_REPORTS_MAX, sizeof *s->reported);
    s->reported[s->reported_count++] = seq;
    char *path = segment_path(s->dir, segment->first_seq);
    log_error("a message is damaged", LOG_STR("file", path),
              LOG_I64("offset", offset), LOG_I64("seq", seq));
    free(path);
}

static int file_read(struct store *store, uint64_t seq, struct store_msg *msg)
{
    struct store_file *s = file_of(store);
    harvest(s);
    if (seq < s->state.first_seq || seq > s->seen_seq ||
        seqset_has(&s->removed, seq))
        return -ENOENT;
    struct segment *segment = segment_before(s, seq);
    if (segment == NULL || seq > segment_last_seq(segment))
        return -ENOENT;
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

/* ---- removing ---- */

/* Bytes of the segment's messages through seq; 0 where they cannot be told. */
static uint64_t bytes_through(struct store_file *s, struct segment *segment,
                              uint64_t seq)
{
    uint64_t bytes = 0;
    int rc = reader_bytes_through(&s->reader, segment, seq, &bytes);
    if (rc == -ESTALE && store_file_rebuild_index(s, segment) == 0)
        rc = reader_bytes_through(&s->reader, segment, seq, &bytes);
    if (rc < 0)
        log_error("cannot tell the size of removed messages",
                  LOG_STR("dir", s->dir),
                  LOG_I64("first_seq", segment->first_seq),
                  LOG_STR("error", strerror(-rc)));
    return rc < 0 ? 0 : bytes;
}

/* Takes the segment's messages from first_seq on, through seq, off the
 * totals. */
static void discount(struct store_file *s, struct segment *segment,
                     uint64_t first_seq, uint64_t seq)
{
    if (first_seq < segment->first_seq)
        first_seq = segment->first_seq;
    if (seq > segment_last_seq(segment))
        seq = segment_last_seq(segment);
    if (first_seq > seq)
        return;
    uint64_t bytes = seq == segment_last_seq(segment)
                         ? segment->extent.bytes
                         : bytes_through(s, segment, seq);
    bytes -= bytes_through(s, segment, first_seq - 1);
    s->state.messages -=
        seq - first_seq + 1 - seqset_members(&s->removed, first_seq, seq);
    s->state.bytes -= bytes < s->state.bytes ? bytes : s->state.bytes;
}

static void discount_pending(struct store_file *s, uint64_t first_seq,
                             uint64_t seq)
{
    if (first_seq <= s->seen_seq)
        first_seq = s->seen_seq + 1;
    if (first_seq > seq)
        return;
    s->state.messages -=
        seq - first_seq + 1 - seqset_members(&s->removed, first_seq, seq);
    s->state.bytes -= pending_stream_bytes(&s->pending, first_seq, seq);
}

/* Takes everything through seq off the totals. */
static void discount_through(struct store_file *s, uint64_t seq)
{
    uint64_t first_seq = s->state.first_seq;
    for (size_t i = 0;
         i < s->segments_count && s->segments[i]->first_seq <= seq; i++)
        discount(s, s->segments[i], first_seq, seq);
    discount_pending(s, first_seq, seq);
    if (s->state.messages == 0)
        s->state.bytes = 0;
    s->state.first_seq = seqset_next_absent(&s->removed, seq + 1);
}

static bool file_has(struct store *store, uint64_t seq)
{
    struct store_file *s = file_of(store);
    harvest(s);
    if (seq < s->state.first_seq || seq > s->state.last_seq ||
        seqset_has(&s->removed, seq))
        return false;
    if (seq > s->seen_seq)
        return true;
    struct segment *segment = segment_before(s, seq);
    return segment != NULL && seq <= segment_last_seq(segment);
}

/* Reads what is not durable yet, too. */
static int peek(struct store *store, uint64_t seq, struct store_msg *msg)
{
    struct store_file *s = file_of(store);
    if (!file_has(store, seq))
        return -ENOENT;
    if (seq <= s->seen_seq)
        return file_read(store, seq, msg);
    record_read(pending_find(&s->pending, seq), msg);
    return 0;
}

static uint64_t stream_bytes(const struct store_msg *msg)
{
    uint64_t headers = msg->headers.len > 0 ? 4 + msg->headers.len : 0;
    return 22 + msg->subject.len + headers + msg->payload.len + 8;
}

static int file_remove(struct store *store, uint64_t seq, bool erase)
{
    struct store_file *s = file_of(store);
    struct store_msg msg;
    (void)erase;
    if (!file_has(store, seq))
        return -ENOENT;
    if (peek(store, seq, &msg) == 0)
        s->state.bytes -= stream_bytes(&msg);
    s->state.messages--;
    seqset_add(&s->removed, seq);
    if (seq != s->state.first_seq)
        return 0;
    s->state.first_seq = seqset_next_absent(&s->removed, seq);
    if (s->state.first_seq > s->state.last_seq)
        s->state.first_seq = s->state.last_seq + 1;
    return 0;
}

static int file_remove_through(struct store *store, uint64_t seq)
{
    struct store_file *s = file_of(store);
    if (seq > s->state.last_seq)
        return -EINVAL;
    harvest(s);
    if (seq < s->state.first_seq)
        return 0;
    if (seqset_members(&s->removed, s->state.first_seq, seq) == 0)
        discount_through(s, seq);
    while (s->state.first_seq <= seq)
        file_remove(store, s->state.first_seq, false);
    pthread_mutex_lock(&s->lock);
    s->removed_through = seq;
    pthread_mutex_unlock(&s->lock);
    syncer_schedule(s->syncer, &s->task, STORE_META_DELAY_NS);
    drop_removed(s);
    return 0;
}

static int file_skip(struct store *store, uint64_t seq)
{
    struct store_file *s = file_of(store);
    if (seq <= s->state.last_seq)
        return -EINVAL;
    harvest(s);
    seqset_add_range(&s->removed, s->state.last_seq + 1, seq);
    s->state.last_seq = seq;
    if (s->state.messages == 0)
        s->state.first_seq = seq + 1;
    harvest(s);
    return 0;
}

/* ---- searching ---- */

static bool file_subject(struct store *store, struct str subject,
                         struct store_subject *out)
{
    return store_scan_subject(store, peek, subject, out);
}

static void file_subjects(struct store *store,
                          const struct store_filter *filter,
                          bool (*fn)(void *arg, struct str subject,
                                     const struct store_subject *found),
                          void *arg)
{
    store_scan_subjects(store, peek, filter, fn, arg);
}

static uint64_t file_subject_count(struct store *store)
{
    return store_scan_subject_count(store, peek);
}

static size_t file_damage(struct store *store, struct store_range *ranges,
                          size_t max)
{
    (void)store, (void)ranges, (void)max;
    return 0;
}

static int64_t file_next_expiry(struct store *store)
{
    return file_of(store)->next_expiry_ns;
}

static size_t file_expired(struct store *store, int64_t now_ns, size_t max,
                           void (*fn)(void *arg, const struct store_msg *msg),
                           void *arg)
{
    return store_scan_expired(store, now_ns, max, fn, arg);
}

/* ---- state ---- */

/* The time of the first message that can be told. */
static int64_t first_time(struct store_file *s)
{
    struct store_msg msg;
    uint64_t seq = s->state.first_seq;
    if (seq > s->seen_seq)
        return pending_find(&s->pending, seq)->time_ns;
    if (file_read(&s->store, seq, &msg) == 0)
        return msg.time_ns;
    const struct segment *segment = segment_before(s, seq);
    return segment != NULL ? segment->extent.first_time_ns : 0;
}

static void file_state(struct store *store, struct store_state *out)
{
    struct store_file *s = file_of(store);
    harvest(s);
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
    free(s->reported);
    seqset_fini(&s->removed);
    if (s->dir_fd >= 0)
        close(s->dir_fd);
    pthread_cond_destroy(&s->settled);
    pthread_mutex_destroy(&s->lock);
    free(s->dir);
    free(s);
}

static void file_close(struct store *store)
{
    struct store_file *s = file_of(store);
    settle(s);
    syncer_detach(s->syncer, &s->task);
    harvest(s);
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

static void file_destroy(struct store *store)
{
    struct store_file *s = file_of(store);
    syncer_detach(s->syncer, &s->task);
    harvest(s);
    for (struct segment *d = s->doomed; d != NULL; d = d->next)
        unlink_segment(s, d);
    for (size_t i = 0; i < s->segments_count; i++)
        unlink_segment(s, s->segments[i]);
    if (s->writer.unpublished)
        unlink_segment(s, s->writer.segment);
    unlinkat(s->dir_fd, META_NAME, 0);
    rmdir(s->dir); /* stays where others have files in it */
    file_free(s);
}

/* ---- opening ---- */

static const struct store_ops file_ops = {
    .name = "file",
    .append = file_append,
    .commit = file_commit,
    .durable = file_durable,
    .read = file_read,
    .next = store_scan_next,
    .last = store_scan_last,
    .count = store_scan_count,
    .subject = file_subject,
    .subjects = file_subjects,
    .subject_count = file_subject_count,
    .has = file_has,
    .damage = file_damage,
    .remove = file_remove,
    .skip = file_skip,
    .next_expiry = file_next_expiry,
    .expired = file_expired,
    .remove_through = file_remove_through,
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

/* Messages through removed_seq are left from removals that a crash cut
 * short of deleting. */
static void forget_removed(struct store_file *s, uint64_t removed_seq)
{
    uint64_t there = s->segments_count > 0 ? s->segments[0]->first_seq
                                           : s->state.last_seq + 1;
    s->state.first_seq = there;
    if (removed_seq >= there)
        discount_through(s, removed_seq);
    s->removed_through = removed_seq;
    drop_removed(s);
}

static void start(struct store_file *s)
{
    s->target = s->seen_seq = s->appended_seq = s->state.last_seq;
    s->meta_saved_ns = clock_mono_ns();
    atomic_store(&s->durable, s->state.last_seq);
    for (size_t i = s->segments_count; i > 0; i--) {
        s->state.last_time_ns = s->segments[i - 1]->extent.last_time_ns;
        if (s->state.last_time_ns != 0)
            break;
    }
    forget_removed(s, s->meta.first_seq - 1);
}

static uint64_t clamp_segment_bytes(uint64_t bytes)
{
    if (bytes == 0)
        return SEGMENT_BYTES_DEFAULT;
    if (bytes < SEGMENT_BYTES_MIN)
        return SEGMENT_BYTES_MIN;
    return bytes < SEGMENT_BYTES_MAX ? bytes : SEGMENT_BYTES_MAX;
}

struct store *store_file_open(const char *dir, struct syncer *syncer,
                              const struct store_options *options,
                              struct errmsg *err)
{
    struct store_file *s = mem_zalloc(sizeof *s);
    s->store.ops = &file_ops;
    s->next_expiry_ns = INT64_MAX;
    s->dir = mem_strdup(dir);
    s->dir_fd = s->meta.fd = s->writer.fd = -1;
    s->segment_bytes =
        clamp_segment_bytes(options != NULL ? options->segment_bytes : 0);
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
