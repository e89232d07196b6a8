/* Recovery: what a store finds when its folder is opened. README.md, "The disk
 * layout", has the table of what is done about each kind of damage; nothing but
 * a torn tail of the last segment is ever cut. */
#include "broker/store/store_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "broker/store/disk.h"
#include "lib/buf.h"
#include "lib/log.h"
#include "lib/mem.h"

/* A file whose offsets no longer fit an index entry was not written by us. */
#define SCAN_BYTES_MAX (UINT32_MAX & ~(RECORD_ALIGN - 1U))

/* One segment file while it is looked at. */
struct candidate {
    struct store_file *s;
    struct segment *segment;
    const char *path;
    int fd;
    bool header_valid;
    uint64_t limit_seq; /* where the next file begins */
    bool last;
};

/* ---- the folder ---- */

static int compare_seq(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* A compaction, or a journal, that a crash cut short. */
static void drop_unfinished(const char *dir, const char *name)
{
    struct buf path = {.len = 0};
    uint64_t seq;
    char seg[SEGMENT_NAME_LEN + 1] = "";
    size_t len = strlen(name);
    if (len == SEGMENT_NAME_LEN + strlen(SEGMENT_NEW))
        memcpy(seg, name, SEGMENT_NAME_LEN);
    bool segment = segment_parse_name(seg, &seq) &&
                   strcmp(name + SEGMENT_NAME_LEN, SEGMENT_NEW) == 0;
    if (!segment && strcmp(name, REMOVALS_NAME ".new") != 0)
        return;
    buf_printf(&path, "%s/%s", dir, name);
    disk_unlink(buf_text(&path));
    buf_fini(&path);
}

/* The first sequences of all segment files, ascending; the caller frees. */
static int list_segments(const char *dir, uint64_t **seqs, size_t *count)
{
    DIR *folder = opendir(dir);
    size_t max = 0;
    *seqs = NULL;
    *count = 0;
    if (folder == NULL)
        return -errno;
    for (struct dirent *e; (e = readdir(folder)) != NULL;) {
        uint64_t seq;
        drop_unfinished(dir, e->d_name);
        if (!segment_parse_name(e->d_name, &seq))
            continue;
        if (*count == max)
            *seqs = mem_grow(*seqs, max = max * 2 + 16, sizeof **seqs);
        (*seqs)[(*count)++] = seq;
    }
    closedir(folder);
    if (*count > 0)
        qsort(*seqs, *count, sizeof **seqs, compare_seq);
    return 0;
}

/* ---- scanning a file ---- */

/* Reads and scans the file. scan->index is the caller's. */
static int scan_file(int fd, const struct segment *segment,
                     struct segment_scan *scan)
{
    int64_t size = disk_size(fd);
    if (size < 0)
        return (int)size;
    if (size > SCAN_BYTES_MAX)
        size = SCAN_BYTES_MAX;
    if (scan->cut > 0 && size > (int64_t)scan->cut)
        size = (int64_t)scan->cut;
    void *data = mem_alloc((size_t)size + 1);
    ssize_t got = disk_read(fd, data, (size_t)size, 0);
    if (got >= 0) {
        scan->data = data;
        scan->size = (size_t)got;
        scan->gaps = segment->compacted;
        segment_scan(scan, segment->first_seq, segment->salt);
        scan->data = NULL;
    }
    free(data);
    return got < 0 ? (int)got : 0;
}

static void report_damage(const char *path, const struct segment_scan *scan)
{
    if (scan->damaged > 0)
        log_error("damaged messages in a segment", LOG_STR("file", path),
                  LOG_I64("count", scan->damaged),
                  LOG_I64("first_seq", scan->damaged_seq),
                  LOG_I64("offset", scan->damaged_offset));
}

/* Where the index could not be read, or has no subjects. */
static void report_rebuilt(const char *path, const struct segment *segment,
                           const struct segment_scan *scan)
{
    if (segment->version > 1)
        log_error("index of a segment is damaged, made again in memory",
                  LOG_STR("file", path));
    report_damage(path, scan);
}

int store_file_rebuild_index(struct store_file *s, struct segment *segment)
{
    uint64_t count = segment->extent.count;
    struct segment_scan scan = {.limit_seq = segment->first_seq + count};
    char *path = segment_path(s->dir, segment->first_seq);
    int fd = disk_open(path, O_RDONLY);
    int rc = fd < 0 ? fd : scan_file(fd, segment, &scan);
    if (fd >= 0)
        close(fd);
    if (rc == 0) {
        report_rebuilt(path, segment, &scan);
        segment_index_reserve(&scan.index, count);
        /* What the scan did not reach is lost. */
        for (uint64_t i = scan.all.count; i < count; i++)
            scan.index->entries[i] = (struct segment_entry){
                .bytes_through = (uint32_t)segment->extent.bytes,
                .subject = SEGMENT_NOBODY};
        segment->index = scan.index;
        store_file_forget_selections(s, segment);
    }
    free(path);
    return rc;
}

bool store_file_note_damage(struct store_file *s, uint64_t from,
                            uint64_t through)
{
    size_t i = 0;
    while (i < s->damage_count && s->damage[i].last_seq < from)
        i++;
    if (i < s->damage_count && s->damage[i].first_seq <= from &&
        s->damage[i].last_seq >= through)
        return false;
    if (i > 0 && s->damage[i - 1].last_seq + 1 == from) {
        s->damage[i - 1].last_seq = through;
        return true;
    }
    if (s->damage_count == STORE_DAMAGE_MAX)
        return false;
    if (s->damage == NULL)
        s->damage = mem_grow(NULL, STORE_DAMAGE_MAX, sizeof *s->damage);
    memmove(s->damage + i + 1, s->damage + i,
            (s->damage_count - i) * sizeof *s->damage);
    s->damage[i] = (struct store_range){from, through};
    s->damage_count++;
    return true;
}

/* ---- a segment that is not sealed ---- */

/* Gives a segment that is not the last one its index and footer, behind
 * whatever else it holds. Where the disk does not take them the index stays
 * in memory. */
static void seal_again(struct candidate *c)
{
    struct segment *segment = c->segment;
    int64_t size = disk_size(c->fd);
    if (size < 0 || segment->extent.count == 0)
        return;
    struct segment_extent extent = segment->extent;
    extent.end =
        ((uint64_t)size + RECORD_ALIGN - 1) & ~(uint64_t)(RECORD_ALIGN - 1);
    int rc = segment_seal(c->fd, segment, &extent);
    if (rc == 0)
        rc = disk_sync(c->fd);
    if (rc < 0) {
        log_warn("cannot write a segment's index, it stays in memory",
                 LOG_STR("file", c->path), LOG_STR("error", strerror(-rc)));
        return;
    }
    extent.sealed = true;
    segment->extent = extent;
    segment_index_free(&segment->index);
}

static int write_aside(const char *path, const void *bytes, size_t n)
{
    int fd = disk_open(path, O_WRONLY | O_CREAT | O_TRUNC);
    if (fd < 0)
        return fd;
    int rc = disk_write(fd, bytes, n, 0);
    if (rc == 0)
        rc = disk_sync(fd);
    close(fd);
    return rc;
}

/* Copies what is about to be cut into a file of its own. */
static int keep_tail(const struct candidate *c, uint64_t end, size_t n)
{
    struct buf path = {0};
    void *tail = mem_alloc(n);
    ssize_t got = disk_read(c->fd, tail, n, end);
    buf_printf(&path, "%s.tail.damaged", c->path);
    int rc =
        got < 0 ? (int)got : write_aside(buf_text(&path), tail, (size_t)got);
    if (rc == 0)
        rc = disk_sync_folder(c->s->dir_fd);
    log_error("the end of the last segment is damaged, its bytes are kept",
              LOG_STR("file", buf_text(&path)),
              LOG_STR("error", rc < 0 ? strerror(-rc) : ""));
    buf_fini(&path);
    free(tail);
    return rc;
}

/* Cuts what follows the last message that is well. A crash leaves nothing
 * there that was durable; what is known to have been is kept aside. */
static int cut_tail(struct candidate *c)
{
    uint64_t end = c->segment->extent.end;
    int64_t size = disk_size(c->fd);
    if (size < 0 || (uint64_t)size <= end)
        return size < 0 ? (int)size : 0;
    if (segment_last_seq(c->segment) < c->s->meta.last_seq) {
        int rc = keep_tail(c, end, (size_t)size - end);
        if (rc < 0)
            return rc;
    }
    log_warn("cut a torn tail off the last segment", LOG_STR("file", c->path),
             LOG_I64("offset", end), LOG_I64("bytes", (uint64_t)size - end));
    int rc = disk_truncate(c->fd, end);
    return rc < 0 ? rc : disk_sync(c->fd);
}

/* Notes what the index that a scan made says is damaged. */
static void note_scan(struct store_file *s, uint64_t first_seq,
                      const struct segment_scan *scan)
{
    for (uint64_t n = 0; scan->damaged > 0 && n < scan->good.count; n++) {
        const struct segment_entry *entry = &scan->index->entries[n];
        if (entry->offset != SEGMENT_GONE && entry->subject == SEGMENT_NOBODY)
            store_file_note_damage(s, first_seq + n, first_seq + n);
    }
}

static int scan_candidate(struct candidate *c)
{
    struct segment *segment = c->segment;
    struct segment_scan scan = {.limit_seq = c->limit_seq};
    int rc = scan_file(c->fd, segment, &scan);
    if (rc < 0)
        return rc;
    report_damage(c->path, &scan);
    if (c->last && scan.good.count < scan.all.count) {
        /* The index is to know nothing of what is cut. */
        segment_index_free(&scan.index);
        scan = (struct segment_scan){.limit_seq = c->limit_seq,
                                     .cut = scan.good.end};
        rc = scan_file(c->fd, segment, &scan);
        if (rc < 0)
            return rc;
    }
    note_scan(c->s, segment->first_seq, &scan);
    segment->index = scan.index;
    segment->extent = c->last ? scan.good : scan.all;
    if (!c->last) {
        log_warn("a segment was not sealed, its index is made again",
                 LOG_STR("file", c->path),
                 LOG_I64("messages", segment->extent.count));
        seal_again(c);
        return 0;
    }
    return c->header_valid || segment->extent.count > 0 ? cut_tail(c) : 0;
}

/* A last segment without a header and without a message: started when the
 * power failed (then it is deleted), or damaged beyond reading. */
static int set_aside(struct candidate *c)
{
    int64_t size = disk_size(c->fd);
    if (size < 0)
        return (int)size;
    log_warn("the last segment holds nothing that can be read",
             LOG_STR("file", c->path), LOG_I64("bytes", size));
    if ((size_t)size <= sizeof(struct segment_header))
        return disk_unlink(c->path);
    size_t len = strlen(c->path) + sizeof ".damaged";
    char *aside = mem_alloc(len);
    snprintf(aside, len, "%s.damaged", c->path);
    int rc = rename(c->path, aside) == 0 ? 0 : -errno;
    free(aside);
    return rc;
}

/* A sealed segment's last messages may stand in the next file again. */
static int limit_sealed(struct candidate *c)
{
    struct segment *segment = c->segment;
    struct segment_entry last = {.offset = 0};
    if (segment_last_seq(segment) < c->limit_seq || segment->extent.count == 0)
        return 0;
    uint64_t count = c->limit_seq - segment->first_seq;
    if (count == 0)
        return 0;
    int rc = store_file_entry(c->s, segment, count - 1, &last);
    segment->extent.bytes = last.bytes_through;
    segment->extent.count = count;
    return rc;
}

/* ---- one file after the other ---- */

static int examine(struct candidate *c)
{
    c->fd = disk_open(c->path, O_RDWR);
    if (c->fd < 0)
        return c->fd;
    int rc = segment_load(c->fd, c->segment, &c->header_valid);
    if (rc >= 0 && !c->header_valid)
        log_error("a segment's header is damaged", LOG_STR("file", c->path));
    if (rc == 0)
        return limit_sealed(c);
    if (rc == 1)
        rc = scan_candidate(c);
    if (rc == 0 && !c->header_valid && c->last &&
        c->segment->extent.count == 0) {
        rc = set_aside(c);
        segment_free(&c->segment);
    }
    return rc;
}

static int explain(const struct candidate *c, int rc, struct errmsg *err)
{
    if (rc == -ENOTSUP)
        return errmsg_set(err, rc,
                          "%s was written by a newer version, this one reads "
                          "version %d",
                          c->path, SEGMENT_VERSION);
    return errmsg_set(err, rc, "cannot recover %s: %s", c->path, strerror(-rc));
}

/* The last segment goes on where it ends, unless it is sealed. */
static void continue_writing(struct candidate *c)
{
    struct store_file *s = c->s;
    segment_reserve_index(c->segment, s->segment_bytes);
    s->writer.segment = c->segment;
    s->writer.extent = c->segment->extent;
    s->writer.fd = c->fd;
    c->fd = -1;
}

static int recover_segment(struct store_file *s, uint64_t first_seq,
                           uint64_t limit_seq, struct errmsg *err)
{
    char *path = segment_path(s->dir, first_seq);
    struct candidate c = {
        .s = s,
        .segment = segment_new(first_seq, s->salt),
        .path = path,
        .fd = -1,
        .limit_seq = limit_seq,
        .last = limit_seq == UINT64_MAX,
    };
    int rc = examine(&c);
    if (rc < 0) {
        rc = explain(&c, rc, err);
        segment_free(&c.segment);
    } else if (c.segment != NULL) {
        c.segment->published = c.segment->extent;
        c.segment->expiry_ns = c.segment->extent.expiry_ns;
        store_file_add_segment(s, c.segment);
        if (c.last && !c.segment->extent.sealed)
            continue_writing(&c);
    }
    if (c.fd >= 0)
        close(c.fd);
    free(path);
    return rc;
}

/* ---- the whole ---- */

/* Sequences that nothing is left of: those that were not removed either are
 * reported. */
static void report_gap(struct store_file *s, uint64_t from, uint64_t through)
{
    for (uint64_t seq = seqset_next_absent(&s->removed, from); seq <= through;
         seq = seqset_next_absent(&s->removed, seq)) {
        struct store_range run = {.first_seq = through + 1};
        seqset_next_run(&s->removed, seq, &run);
        uint64_t last = run.first_seq <= through ? run.first_seq - 1 : through;
        log_error("messages are missing: a segment is gone or was cut",
                  LOG_STR("dir", s->dir), LOG_I64("from_seq", seq),
                  LOG_I64("through_seq", last));
        store_file_note_damage(s, seq, last);
        seq = last + 1;
    }
}

static void skip_before(struct store_file *s, const struct segment *segment)
{
    if (segment->since_seq < segment->first_seq)
        seqset_add_range(&s->removed, segment->since_seq,
                         segment->first_seq - 1);
}

/* Looks for gaps. `expected` begins as the first sequence that has not been
 * removed; returns the sequence behind the last one. */
static uint64_t check_gaps(struct store_file *s, uint64_t expected)
{
    for (size_t i = 0; i < s->segments_count; i++) {
        const struct segment *segment = s->segments[i];
        skip_before(s, segment);
        if (segment->first_seq > expected)
            report_gap(s, expected, segment->first_seq - 1);
        if (segment_last_seq(segment) >= expected)
            expected = segment_last_seq(segment) + 1;
    }
    return expected;
}

/* ---- what was removed ---- */

static void read_run(void *arg, struct store_range run)
{
    struct store_file *s = arg;
    if (run.last_seq < s->meta.first_seq)
        return;
    seqset_add_range(&s->removed, run.first_seq, run.last_seq);
    if (run.last_seq > s->state.last_seq)
        s->state.last_seq = run.last_seq;
}

static struct segment *segment_called(const struct store_file *s,
                                      uint64_t first_seq)
{
    struct segment *segment = store_file_segment(s, first_seq);
    return segment != NULL && segment->first_seq == first_seq ? segment : NULL;
}

static void read_dead(void *arg, struct removals_dead dead)
{
    struct store_file *s = arg;
    struct segment *segment = segment_called(s, dead.first_seq);
    if (segment != NULL)
        segment->dead_bytes = dead.bytes;
}

/* The journal is read when the segments are there. */
static int recover_removals(struct store_file *s, struct errmsg *err)
{
    struct removals_reader reader = {read_run, read_dead, s};
    int rc =
        removals_open(&s->removals, s->dir, s->dir_fd, s->salt, &reader, err);
    if (rc == 1) {
        log_error(REMOVALS_NAME " is damaged: messages that were removed may "
                                "be back",
                  LOG_STR("dir", s->dir));
        s->all_unsaved = true;
        s->removals_damaged = true;
    }
    return rc < 0 ? rc : 0;
}

/* What a compaction left out is removed, whatever the journal says. */
static void find_gone(struct store_file *s, struct segment *segment)
{
    for (uint64_t n = 0; n < segment->extent.count; n++) {
        struct segment_entry entry;
        if (store_file_entry(s, segment, n, &entry) == 0 &&
            entry.offset == SEGMENT_GONE)
            seqset_add(&s->removed, segment->first_seq + n);
    }
}

/* Bytes of the segment's messages that are there, entry by entry. */
static uint64_t live_bytes(struct store_file *s, struct segment *segment)
{
    uint64_t bytes = 0, before = 0;
    for (uint64_t n = 0; n < segment->extent.count; n++) {
        struct segment_entry entry;
        uint64_t seq = segment->first_seq + n;
        if (store_file_entry(s, segment, n, &entry) < 0)
            continue;
        if (seq >= s->state.first_seq && !seqset_has(&s->removed, seq))
            bytes += entry.bytes_through - before;
        before = entry.bytes_through;
    }
    return bytes;
}

static void count_segment(struct store_file *s, struct segment *segment)
{
    const struct segment_extent *extent = &segment->extent;
    uint64_t first = segment->first_seq, last = segment_last_seq(segment);
    if (last < s->state.first_seq || extent->count == 0)
        return;
    if (first < s->state.first_seq)
        first = s->state.first_seq;
    /* The journal knows them, but for damage here or there. */
    if (segment->compacted && (s->removals_damaged || segment->index != NULL))
        find_gone(s, segment);
    segment->dead = seqset_members(&s->removed, first, last);
    s->state.messages += last + 1 - first - segment->dead;
    uint64_t known =
        first == segment->first_seq && !s->removals_damaged
            ? extent->bytes + extent->dropped_bytes - segment->dead_bytes
            : UINT64_MAX;
    bool exact = known <= extent->bytes &&
                 (segment->dead > 0) == (segment->dead_bytes > 0);
    if (!exact)
        known = live_bytes(s, segment);
    segment->dead_bytes = extent->bytes + extent->dropped_bytes - known;
    s->state.bytes += known;
}

/* Counts what is there, from the first one on. */
static void count_messages(struct store_file *s)
{
    uint64_t first = s->meta.first_seq;
    for (size_t i = 0; i < s->segments_count; i++)
        if (segment_last_seq(s->segments[i]) >= first)
            break;
        else if (i + 1 == s->segments_count)
            first = s->state.last_seq + 1;
    if (s->segments_count == 0)
        first = s->state.last_seq + 1;
    s->state.first_seq = first;
    for (size_t i = 0; i < s->segments_count; i++)
        count_segment(s, s->segments[i]);
}

/* The first sequence that is there. */
static void find_first(struct store_file *s)
{
    uint64_t seq = s->state.first_seq;
    for (size_t i = 0; i < s->segments_count; i++) {
        const struct segment *segment = s->segments[i];
        uint64_t last = segment_last_seq(segment);
        if (seq < segment->first_seq)
            seq = segment->first_seq;
        uint64_t next = seqset_next_absent(&s->removed, seq);
        if (next <= last && seq <= last)
            break;
        if (seq <= last)
            seq = last + 1;
    }
    s->state.first_seq = s->state.messages > 0
                             ? seqset_next_absent(&s->removed, seq)
                             : s->state.last_seq + 1;
}

/* A salt: the stream's, from the meta file or else from the first segment that
 * has one; a new stream's is random. */
static int choose_salt(struct store_file *s, const uint64_t *seqs, size_t count)
{
    s->salt = s->meta.salt;
    for (size_t i = 0; s->salt == 0 && i < count; i++) {
        struct segment *probe = segment_new(seqs[i], 0);
        char *path = segment_path(s->dir, seqs[i]);
        bool header_valid = false;
        int fd = disk_open(path, O_RDONLY);
        if (fd >= 0) {
            if (segment_load(fd, probe, &header_valid) >= 0 && header_valid)
                s->salt = probe->salt;
            close(fd);
        }
        free(path);
        segment_free(&probe);
    }
    while (s->salt == 0)
        if (getrandom(&s->salt, sizeof s->salt, 0) < 0)
            return -errno;
    return 0;
}

/* Both slots of a new meta file, and its name in the folder. */
static int start_meta(struct store_file *s, uint64_t first_seq)
{
    s->meta.salt = s->salt;
    s->meta.first_seq = first_seq;
    int rc = meta_save(&s->meta);
    if (rc == 0)
        rc = meta_save(&s->meta);
    if (rc == 0)
        rc = disk_sync_folder(s->dir_fd);
    return rc;
}

static int recover_meta(struct store_file *s, const uint64_t *seqs,
                        size_t count, struct errmsg *err)
{
    int rc = meta_open(&s->meta, s->dir, err);
    if (rc < 0)
        return rc;
    bool missing = rc == 1;
    rc = choose_salt(s, seqs, count);
    if (rc == 0 && missing) {
        if (count > 0)
            log_error(META_NAME " is missing or damaged: messages that were "
                                "removed may be back",
                      LOG_STR("dir", s->dir));
        rc = start_meta(s, count > 0 ? seqs[0] : 1);
    }
    if (rc < 0)
        return errmsg_set(err, rc, "cannot write %s/" META_NAME ": %s", s->dir,
                          strerror(-rc));
    return 0;
}

/* Where the next message does not follow the last one stored (the last
 * segment is gone), it starts a segment of its own. */
static void place_writer(struct store_file *s, uint64_t next_seq)
{
    struct writer *w = &s->writer;
    w->next_seq = next_seq;
    if (w->segment == NULL ||
        w->segment->first_seq + w->extent.count == next_seq)
        return;
    close(w->fd);
    w->fd = -1;
    w->segment = NULL;
}

/* Sequences before seq are not given away again, even where nothing is
 * left of them. Returns the next one to be given. */
static uint64_t skip_to(struct store_file *s, uint64_t next_seq, uint64_t seq)
{
    if (seq <= next_seq)
        return next_seq;
    report_gap(s, next_seq, seq - 1);
    return seq;
}

int store_file_recover(struct store_file *s, struct errmsg *err)
{
    uint64_t *seqs, set_aside_seq = 0;
    size_t count;
    int rc = list_segments(s->dir, &seqs, &count);
    if (rc < 0)
        return errmsg_set(err, rc, "cannot read %s: %s", s->dir, strerror(-rc));
    rc = recover_meta(s, seqs, count, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        bool last = i + 1 == count;
        rc = recover_segment(s, seqs[i], last ? UINT64_MAX : seqs[i + 1], err);
    }
    if (rc == 0 && s->segments_count < count)
        set_aside_seq = seqs[count - 1];
    free(seqs);
    if (rc == 0)
        rc = recover_removals(s, err);
    if (rc < 0)
        return rc;
    uint64_t next_seq = check_gaps(s, s->meta.first_seq);
    next_seq = skip_to(s, next_seq, set_aside_seq);
    next_seq = skip_to(s, next_seq, s->meta.last_seq + 1);
    /* A journal speaks of sequences that were durable, or skipped. */
    next_seq = skip_to(s, next_seq, s->state.last_seq + 1);
    place_writer(s, next_seq);
    s->state.last_seq = next_seq - 1;
    count_messages(s);
    find_first(s);
    return 0;
}
