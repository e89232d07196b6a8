/* Removing, on the loop thread: at once for everybody who reads, on disk by the
 * syncer (store_sync.c) a moment later. */
#include "broker/store/store_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/store/disk.h"
#include "lib/log.h"
#include "lib/mem.h"

/* What there is to know of a message that goes. */
struct leaving {
    uint64_t bytes;
    uint64_t hash;
    bool hash_known;
};

static void look_at_pending(const struct store_file *s, uint64_t seq,
                            struct leaving *out)
{
    const struct record *record =
        pending_find((struct pending *)&s->pending, seq);
    out->bytes = record_stream_bytes(record);
    out->hash = record_subject_hash(s->salt, record_subject(record));
    out->hash_known = true;
}

static int entry_bytes(struct store_file *s, struct segment *segment,
                       uint64_t n, struct segment_entry *entry, uint64_t *bytes)
{
    struct segment_entry before = {.bytes_through = 0};
    int rc = store_file_entry(s, segment, n, entry);
    if (rc == 0 && n > 0)
        rc = store_file_entry(s, segment, n - 1, &before);
    *bytes = rc == 0 ? entry->bytes_through - before.bytes_through : 0;
    return rc;
}

/* What cannot be read leaves zeros. */
static void look_at(struct store_file *s, uint64_t seq, struct leaving *out)
{
    struct segment_entry entry;
    struct segment_subject subject;
    *out = (struct leaving){.bytes = 0};
    if (seq > s->seen_seq) {
        look_at_pending(s, seq, out);
        return;
    }
    struct segment *segment = store_file_segment(s, seq);
    if (segment == NULL)
        return;
    if (s->subjects_are == SUBJECTS_KNOWN)
        store_file_make_searchable(s, segment);
    int rc =
        entry_bytes(s, segment, seq - segment->first_seq, &entry, &out->bytes);
    if (rc < 0) {
        log_error("cannot tell the size of a removed message",
                  LOG_STR("dir", s->dir), LOG_I64("seq", seq),
                  LOG_STR("error", strerror(-rc)));
        return;
    }
    if (s->subjects_are != SUBJECTS_KNOWN)
        return;
    uint32_t place = entry.subject & SEGMENT_SUBJECT;
    out->hash_known = place != SEGMENT_NOBODY &&
                      store_file_subject(s, segment, place, &subject) == 0;
    out->hash = out->hash_known ? subject.hash : 0;
}

static void leave_subject(struct store_file *s, uint64_t seq,
                          const struct leaving *leaving)
{
    if (s->subjects_are == SUBJECTS_KNOWN && leaving->hash_known)
        subjects_remove(&s->subjects, leaving->hash, seq);
}

static void count_off(struct store_file *s, uint64_t bytes)
{
    s->state.messages--;
    s->state.bytes -= bytes < s->state.bytes ? bytes : s->state.bytes;
    if (s->state.messages == 0)
        s->state.bytes = 0;
}

/* The first sequence moves over what is not there. */
static void move_first(struct store_file *s, uint64_t seq)
{
    s->state.first_seq = seqset_next_absent(&s->removed, seq);
    if (s->state.messages == 0)
        s->state.first_seq = s->state.last_seq + 1;
    pthread_mutex_lock(&s->lock);
    seqset_drop_below(&s->removed, s->state.first_seq);
    store_file_move_removed(s);
    pthread_mutex_unlock(&s->lock);
}

/* ---- segments that go ---- */

static void doom(struct store_file *s, size_t from, size_t n)
{
    if (n == 0)
        return;
    pthread_mutex_lock(&s->lock);
    for (size_t i = from; i < from + n; i++) {
        reader_forget(&s->reader, s->segments[i]);
        store_file_forget_selections(s, s->segments[i]);
        s->segments[i]->next = s->doomed;
        s->doomed = s->segments[i];
    }
    s->segments_count -= n;
    memmove(s->segments + from, s->segments + from + n,
            (s->segments_count - from) * sizeof *s->segments);
    pthread_mutex_unlock(&s->lock);
    syncer_schedule(s->syncer, &s->task, STORE_META_DELAY_NS);
}

void store_file_drop_removed(struct store_file *s)
{
    size_t n = 0;
    while (n + 1 < s->segments_count &&
           segment_last_seq(s->segments[n]) <= s->removed_through &&
           s->segments[n] != s->compaction.segment)
        n++;
    doom(s, 0, n);
}

/* Nothing of a segment that is not the last is left. */
static bool is_dead(const struct store_file *s, size_t place)
{
    const struct segment *segment = s->segments[place - 1];
    uint64_t from = segment->first_seq, last = segment_last_seq(segment);
    if (from < s->state.first_seq)
        from = s->state.first_seq;
    return place < s->segments_count && segment != s->compaction.segment &&
           segment->dead >= last + 1 - from &&
           !store_file_is_held(s, segment->first_seq, last) &&
           seqset_members(&s->removed, from, last) == last + 1 - from;
}

/* ---- compaction ---- */

static bool is_worth_compacting(const struct store_file *s, size_t place)
{
    const struct segment *segment = s->segments[place - 1];
    const struct segment_extent *extent = &segment->extent;
    uint64_t dead = segment->dead_bytes - extent->dropped_bytes;
    return place < s->segments_count && extent->sealed &&
           !segment->keep_as_is && s->compaction.segment == NULL &&
           segment->version > 1 && segment->index == NULL &&
           extent->count <= SEGMENT_GAPS_MAX &&
           extent->end >= STORE_COMPACT_BYTES &&
           segment->first_seq >= s->state.first_seq &&
           dead * 100 > extent->bytes * STORE_COMPACT_PERCENT &&
           segment->compact_after_ns <= clock_mono_ns();
}

static void compact(struct store_file *s, struct segment *segment)
{
    uint64_t words = (segment->extent.count + 63) / 64;
    uint64_t *dead = mem_zalloc(words * sizeof *dead);
    struct store_range run = {.last_seq = segment->first_seq - 1};
    while (seqset_next_run(&s->removed, run.last_seq + 1, &run) &&
           run.first_seq <= segment_last_seq(segment))
        for (uint64_t seq = run.first_seq;
             seq <= run.last_seq && seq <= segment_last_seq(segment); seq++) {
            uint64_t n = seq - segment->first_seq;
            if (!store_file_is_held(s, seq, seq))
                dead[n / 64] |= UINT64_C(1) << n % 64;
        }
    pthread_mutex_lock(&s->lock);
    s->compaction = (struct compaction){.segment = segment,
                                        .dead = dead,
                                        .dead_bytes = segment->dead_bytes,
                                        .rc = 1};
    pthread_mutex_unlock(&s->lock);
    syncer_schedule(s->syncer, &s->task, STORE_META_DELAY_NS);
}

/* What is left of the segment decides whether it stays as it is. */
static void weigh(struct store_file *s, uint64_t seq)
{
    size_t place = store_file_place(s, seq);
    if (place == 0)
        return;
    if (is_dead(s, place))
        doom(s, place - 1, 1);
    else if (is_worth_compacting(s, place))
        compact(s, s->segments[place - 1]);
}

/* What the syncer wrote takes the segment's place: 0, or a negative errno. */
static int adopt(struct store_file *s, const struct compaction *done)
{
    struct segment *segment = done->segment;
    char *path = segment_path(s->dir, segment->first_seq);
    struct buf new_path = {.len = 0};
    buf_printf(&new_path, "%s" SEGMENT_NEW, path);
    int rc = done->rc;
    if (rc == 0 && !done->erased)
        rc = disk_rename(buf_text(&new_path), path);
    if (done->erased) {
        disk_unlink(buf_text(&new_path)); /* and done again */
    } else if (rc == 0) {
        reader_forget(&s->reader, segment);
        store_file_forget_selections(s, segment);
        segment->extent = segment->published = done->extent;
        segment->compacted = true;
    } else {
        if (rc == -EBADMSG)
            segment->keep_as_is = true;
        else
            segment->compact_after_ns =
                clock_mono_ns() + STORE_COMPACT_RETRY_NS;
        log_warn("a segment cannot be compacted", LOG_STR("file", path),
                 LOG_STR("error", strerror(-rc)));
        disk_unlink(buf_text(&new_path));
    }
    buf_fini(&new_path);
    free(path);
    return rc;
}

void store_file_take_compaction(struct store_file *s)
{
    atomic_store(&s->compacted, false);
    pthread_mutex_lock(&s->lock);
    struct compaction done = s->compaction;
    pthread_mutex_unlock(&s->lock);
    uint64_t first_seq = done.segment->first_seq;
    adopt(s, &done);
    free(done.dead);
    pthread_mutex_lock(&s->lock);
    s->compaction = (struct compaction){.segment = NULL};
    pthread_mutex_unlock(&s->lock);
    store_file_drop_removed(s);
    weigh(s, first_seq); /* more of it was removed meanwhile */
}

/* ---- one message ---- */

/* With the lock held. */
static void push_erasure(struct erasures *erasures, struct erasure erasure)
{
    if (erasures->count == erasures->max) {
        erasures->max = erasures->max * 2 + 8;
        erasures->list =
            mem_grow(erasures->list, erasures->max, sizeof *erasures->list);
    }
    erasures->list[erasures->count++] = erasure;
}

static void erase_later(struct store_file *s, uint64_t seq)
{
    struct segment *segment = store_file_segment(s, seq);
    struct segment_entry entry;
    if (seq > s->seen_seq) {
        push_erasure(&s->early_erasures, (struct erasure){.seq = seq});
        return;
    }
    if (segment == NULL ||
        store_file_entry(s, segment, seq - segment->first_seq, &entry) != 0 ||
        entry.offset % RECORD_ALIGN != 0 || entry.offset == SEGMENT_LOST)
        return;
    struct erasure erasure = {
        .first_seq = segment->first_seq, .offset = entry.offset, .seq = seq};
    pthread_mutex_lock(&s->lock);
    push_erasure(&s->erasures, erasure);
    s->compaction.erased |= s->compaction.segment == segment;
    pthread_mutex_unlock(&s->lock);
}

static void note_removed(struct store_file *s, uint64_t seq, uint64_t bytes)
{
    struct segment *segment =
        seq <= s->seen_seq ? store_file_segment(s, seq) : NULL;
    bool held = store_file_hold(s, seq, seq);
    pthread_mutex_lock(&s->lock);
    seqset_add(&s->removed, seq);
    if (!held)
        seqset_add(&s->unsaved, seq);
    if (!held && segment != NULL) {
        segment->dead++;
        segment->dead_bytes += bytes;
        segment->dead_unsaved = true;
    }
    pthread_mutex_unlock(&s->lock);
    if (!held && segment == NULL)
        s->early_dead++;
}

int store_file_remove(struct store *store, uint64_t seq, bool erase)
{
    struct store_file *s = store_file_of(store);
    struct leaving leaving;
    if (!store_file_has(store, seq))
        return -ENOENT;
    look_at(s, seq, &leaving);
    leave_subject(s, seq, &leaving);
    count_off(s, leaving.bytes);
    if (erase)
        erase_later(s, seq);
    note_removed(s, seq, leaving.bytes);
    if (seq == s->state.first_seq) {
        move_first(s, seq);
        store_file_drop_removed(s);
    }
    weigh(s, seq);
    syncer_schedule(s->syncer, &s->task, STORE_META_DELAY_NS);
    return 0;
}

void store_file_note_settled(struct store_file *s, uint64_t seq)
{
    struct segment *segment = store_file_segment(s, seq);
    struct segment_entry entry;
    uint64_t bytes = 0;
    if (segment != NULL)
        entry_bytes(s, segment, seq - segment->first_seq, &entry, &bytes);
    pthread_mutex_lock(&s->lock);
    seqset_add(&s->unsaved, seq);
    if (segment != NULL) {
        segment->dead++;
        segment->dead_bytes += bytes;
        segment->dead_unsaved = true;
    }
    pthread_mutex_unlock(&s->lock);
    weigh(s, seq);
}

/* Messages that were removed before they were durable stand in a segment
 * now. */
static void settle_one(struct store_file *s, uint64_t seq)
{
    struct segment *segment = store_file_segment(s, seq);
    struct segment_entry entry;
    uint64_t bytes;
    if (segment == NULL || store_file_is_held(s, seq, seq))
        return;
    entry_bytes(s, segment, seq - segment->first_seq, &entry, &bytes);
    pthread_mutex_lock(&s->lock);
    segment->dead++;
    segment->dead_bytes += bytes;
    segment->dead_unsaved = true;
    pthread_mutex_unlock(&s->lock);
    s->early_dead--;
}

static void settle_erasures(struct store_file *s)
{
    struct erasures early = s->early_erasures;
    s->early_erasures = (struct erasures){.count = 0};
    for (size_t i = 0; i < early.count; i++)
        erase_later(s, early.list[i].seq);
    free(early.list);
}

void store_file_settle_removed(struct store_file *s, uint64_t from,
                               uint64_t through)
{
    struct store_range run = {.last_seq = from - 1};
    while (s->early_dead > 0 &&
           seqset_next_run(&s->removed, run.last_seq + 1, &run) &&
           run.first_seq <= through)
        for (uint64_t seq = run.first_seq;
             s->early_dead > 0 && seq <= run.last_seq && seq <= through; seq++)
            settle_one(s, seq);
    if (s->early_erasures.count > 0)
        settle_erasures(s);
    if (s->seen_seq == s->state.last_seq)
        s->early_dead = 0;
}

/* ---- many messages ---- */

static void remove_each(struct store_file *s, uint64_t from, uint64_t through)
{
    for (uint64_t seq = seqset_next_absent(&s->removed, from); seq <= through;
         seq = seqset_next_absent(&s->removed, seq + 1)) {
        struct leaving leaving;
        if (!store_file_has(&s->store, seq))
            continue;
        look_at(s, seq, &leaving);
        leave_subject(s, seq, &leaving);
        count_off(s, leaving.bytes);
    }
}

/* Bytes of the segment's messages through seq. */
static uint64_t bytes_through(struct store_file *s, struct segment *segment,
                              uint64_t seq)
{
    struct segment_entry entry = {.bytes_through = 0};
    if (seq >= segment_last_seq(segment))
        return segment->extent.bytes;
    if (seq >= segment->first_seq &&
        store_file_entry(s, segment, seq - segment->first_seq, &entry) < 0)
        return 0;
    return entry.bytes_through;
}

/* The same where all of the range are there and nothing is to be known of
 * their subjects. */
static void remove_range(struct store_file *s, struct segment *segment,
                         uint64_t from, uint64_t through)
{
    uint64_t bytes = bytes_through(s, segment, through) -
                     bytes_through(s, segment, from - 1);
    s->state.messages -= through + 1 - from;
    s->state.bytes -= bytes < s->state.bytes ? bytes : s->state.bytes;
}

static void remove_in(struct store_file *s, struct segment *segment,
                      uint64_t from, uint64_t through)
{
    if (from < segment->first_seq)
        from = segment->first_seq;
    if (through > segment_last_seq(segment))
        through = segment_last_seq(segment);
    if (from > through)
        return;
    if (s->subjects_are != SUBJECTS_KNOWN &&
        seqset_members(&s->removed, from, through) == 0)
        remove_range(s, segment, from, through);
    else
        remove_each(s, from, through);
}

static void remove_all(struct store_file *s)
{
    s->state.messages = s->state.bytes = 0;
    subjects_fini(&s->subjects);
    if (s->subjects_are == SUBJECTS_TOO_MANY)
        s->subjects_are = SUBJECTS_UNKNOWN;
}

int store_file_remove_through(struct store *store, uint64_t seq)
{
    struct store_file *s = store_file_of(store);
    if (seq > s->state.last_seq)
        return -EINVAL;
    store_file_harvest(s);
    uint64_t first = s->state.first_seq;
    if (seq < first)
        return 0;
    if (!store_file_hold(s, first, seq) && !s->store.making_room)
        store_file_give_up_held(s, seq);
    size_t place = store_file_place(s, first);
    if (seq == s->state.last_seq)
        remove_all(s);
    else {
        for (size_t i = place > 0 ? place - 1 : 0;
             i < s->segments_count && s->segments[i]->first_seq <= seq; i++)
            remove_in(s, s->segments[i], first, seq);
        remove_each(s, first > s->seen_seq ? first : s->seen_seq + 1, seq);
    }
    move_first(s, seq + 1);
    store_file_drop_removed(s);
    syncer_schedule(s->syncer, &s->task, STORE_META_DELAY_NS);
    return 0;
}

int store_file_skip(struct store *store, uint64_t seq)
{
    struct store_file *s = store_file_of(store);
    struct store_range range = {s->state.last_seq + 1, seq};
    if (seq < range.first_seq)
        return -EINVAL;
    store_file_harvest(s);
    pthread_mutex_lock(&s->lock);
    seqset_add_range(&s->removed, range.first_seq, seq);
    seqset_add_range(&s->unsaved, range.first_seq, seq);
    if (s->skipped.last_seq + 1 == range.first_seq && s->skipped.last_seq > 0)
        range.first_seq = s->skipped.first_seq;
    s->skipped = range;
    pthread_mutex_unlock(&s->lock);
    s->state.last_seq = seq;
    if (s->state.messages == 0)
        move_first(s, seq + 1);
    store_file_harvest(s);
    syncer_schedule(s->syncer, &s->task, STORE_META_DELAY_NS);
    return 0;
}
