#include "broker/store/segment.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "broker/store/crc32c.h"
#include "broker/store/disk.h"
#include "lib/clock.h"
#include "lib/mem.h"

#define HEADER_MAGIC "NEXUSSEG"
#define FOOTER_MAGIC "NEXUSEND"

#define HEADER_SIZE sizeof(struct segment_header)
#define FOOTER_SIZE sizeof(struct segment_footer)
#define ENTRY_SIZE  sizeof(struct segment_entry)

/* Bytes of an index that are read or written at a time. */
#define SEAL_BYTES (64U << 10)
/* Of the table by which an index in memory finds a subject; a power of two. */
#define TABLE_MIN 64U

/* ---- the object ---- */

struct segment *segment_new(uint64_t first_seq, uint32_t salt)
{
    struct segment *segment = mem_zalloc(sizeof *segment);
    segment->first_seq = segment->since_seq = first_seq;
    segment->salt = salt;
    segment->version = SEGMENT_VERSION;
    segment->extent.end = HEADER_SIZE;
    segment->extent.expiry_ns = segment->expiry_ns = INT64_MAX;
    segment->published = segment->extent;
    return segment;
}

void segment_free(struct segment **segment)
{
    if (*segment != NULL) {
        segment_index_free(&(*segment)->index);
        agenda_fini(&(*segment)->agenda);
    }
    free(*segment);
    *segment = NULL;
}

/* ---- the index in memory ---- */

/* Pages that cost nothing until they are used. */
static void *map_pages(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert(p != MAP_FAILED);
    return p;
}

static void *grow_pages(void *before, size_t used, size_t was, size_t bytes)
{
    void *p = map_pages(bytes);
    if (used > 0)
        memcpy(p, before, used);
    if (was > 0)
        munmap(before, was);
    return p;
}

void segment_index_reserve(struct segment_index **out, size_t max)
{
    struct segment_index *index = *out;
    if (index == NULL)
        index = *out = mem_zalloc(sizeof *index);
    if (max <= index->max)
        return;
    index->entries = grow_pages(index->entries, index->max * ENTRY_SIZE,
                                index->max * ENTRY_SIZE, max * ENTRY_SIZE);
    index->subjects = grow_pages(
        index->subjects, index->subjects_count * sizeof *index->subjects,
        index->max * sizeof *index->subjects, max * sizeof *index->subjects);
    index->max = max;
}

void segment_index_free(struct segment_index **out)
{
    struct segment_index *index = *out;
    *out = NULL;
    if (index == NULL)
        return;
    if (index->max > 0) {
        munmap(index->entries, index->max * ENTRY_SIZE);
        munmap(index->subjects, index->max * sizeof *index->subjects);
    }
    free(index->table);
    free(index);
}

void segment_reserve_index(struct segment *segment, uint64_t segment_bytes)
{
    uint64_t end = segment->extent.end;
    uint64_t room = segment_bytes > end ? segment_bytes - end : 0;
    /* One more: a record larger than the segment still gets in. */
    segment_index_reserve(&segment->index,
                          segment->extent.count + room / RECORD_HEADER + 1);
}

/* Where the hash stands in the table, or the free place for it. */
static uint32_t *table_slot(const struct segment_index *index, uint64_t hash)
{
    uint32_t mask = index->table_size - 1;
    uint32_t at = (uint32_t)(hash >> 32) & mask;
    while (index->table[at] != 0 &&
           index->subjects[index->table[at] - 1].hash != hash)
        at = (at + 1) & mask;
    return &index->table[at];
}

static void grow_table(struct segment_index *index)
{
    index->table_size =
        index->table_size > 0 ? index->table_size * 2 : TABLE_MIN;
    free(index->table);
    index->table = mem_zalloc(index->table_size * sizeof *index->table);
    for (uint32_t i = 0; i < index->subjects_count; i++)
        *table_slot(index, index->subjects[i].hash) = i + 1;
}

/* Enters message n of that subject; returns the subject's place. */
static uint32_t enter_subject(struct segment_index *index, uint64_t hash,
                              uint32_t n)
{
    if (index->subjects_count * 3 >= index->table_size * 2)
        grow_table(index);
    uint32_t *slot = table_slot(index, hash);
    if (*slot == 0) {
        index->subjects[index->subjects_count] =
            (struct segment_subject){.hash = hash, .first = n};
        *slot = ++index->subjects_count;
    } else {
        uint32_t before = index->subjects[*slot - 1].last;
        __atomic_store_n(&index->entries[before].next, n, __ATOMIC_RELAXED);
    }
    struct segment_subject *subject = &index->subjects[*slot - 1];
    subject->last = n;
    subject->count++;
    return *slot - 1;
}

static int64_t expiry_of(const struct record *record)
{
    struct store_msg msg;
    record_read(record, &msg);
    return msg.expires_ns;
}

static void enter(struct segment *segment, struct segment_extent *extent,
                  const struct record *record, uint32_t subject)
{
    uint32_t n = (uint32_t)extent->count;
    extent->bytes += record_stream_bytes(record);
    segment->index->entries[n] = (struct segment_entry){
        .offset = (uint32_t)extent->end,
        .bytes_through = (uint32_t)extent->bytes,
        .subject = subject,
    };
    if (extent->first_time_ns == 0)
        extent->first_time_ns = record->time_ns;
    extent->last_time_ns = record->time_ns;
    extent->count++;
    extent->end += record_size(record);
}

void segment_enter(struct segment *segment, struct segment_extent *extent,
                   const struct record *record)
{
    uint64_t hash = record_subject_hash(segment->salt, record_subject(record));
    uint32_t subject =
        enter_subject(segment->index, hash, (uint32_t)extent->count);
    if (record->kind == RECORD_KIND_EXPIRING) {
        int64_t expiry_ns = expiry_of(record);
        subject |= SEGMENT_EXPIRING;
        if (expiry_ns < extent->expiry_ns)
            extent->expiry_ns = expiry_ns;
    }
    enter(segment, extent, record, subject);
}

bool segment_parse_name(const char *name, uint64_t *first_seq)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t seq = 0;
    if (strlen(name) != SEGMENT_NAME_LEN || strcmp(name + 16, ".seg") != 0)
        return false;
    for (int i = 0; i < 16; i++) {
        const char *digit = strchr(digits, name[i]);
        if (digit == NULL)
            return false;
        seq = seq << 4 | (uint64_t)(digit - digits);
    }
    *first_seq = seq;
    return seq > 0 && seq <= INT64_MAX;
}

char *segment_path(const char *dir, uint64_t first_seq)
{
    size_t size = strlen(dir) + 1 + SEGMENT_NAME_LEN + 1;
    char *path = mem_alloc(size);
    snprintf(path, size, "%s/%016" PRIx64 ".seg", dir, first_seq);
    return path;
}

/* ---- files ---- */

static uint32_t header_checksum(const struct segment_header *header)
{
    return crc32c(0, header, offsetof(struct segment_header, checksum));
}

int segment_write_header(int fd, const struct segment *segment)
{
    struct segment_header header = {
        .version = SEGMENT_VERSION,
        .salt = segment->salt,
        .first_seq = segment->first_seq,
        .created_ns = clock_wall_ns(),
        .since_seq = segment->since_seq,
        .compacted = segment->compacted,
    };
    memcpy(header.magic, HEADER_MAGIC, sizeof header.magic);
    header.checksum = header_checksum(&header);
    return disk_write(fd, &header, sizeof header, 0);
}

int segment_create(const char *dir, const struct segment *segment)
{
    char *path = segment_path(dir, segment->first_seq);
    int fd = disk_open(path, O_RDWR | O_CREAT | O_TRUNC);
    free(path);
    if (fd < 0)
        return fd;
    int rc = segment_write_header(fd, segment);
    if (rc == 0)
        return fd;
    close(fd);
    return rc;
}

/* 0 well, 1 damaged, -ENOTSUP newer than this program. */
static int header_check(const struct segment_header *header)
{
    if (memcmp(header->magic, HEADER_MAGIC, sizeof header->magic) != 0 ||
        header_checksum(header) != header->checksum)
        return 1;
    return header->version <= SEGMENT_VERSION ? 0 : -ENOTSUP;
}

static uint64_t pages_of(uint64_t n, uint64_t per_page)
{
    return (n + per_page - 1) / per_page;
}

static uint64_t entries_bytes(uint64_t count)
{
    return pages_of(count, SEGMENT_PAGE_ENTRIES) *
           sizeof(struct segment_entries_page);
}

static uint64_t subjects_bytes(uint64_t count)
{
    return pages_of(count, SEGMENT_PAGE_SUBJECTS) *
           sizeof(struct segment_subjects_page);
}

static bool footer_valid(const struct segment_footer *footer,
                         const struct segment *segment, uint64_t size)
{
    return memcmp(footer->magic, FOOTER_MAGIC, sizeof footer->magic) == 0 &&
           crc32c(0, footer, offsetof(struct segment_footer, checksum)) ==
               footer->checksum &&
           footer->version == SEGMENT_VERSION &&
           footer->salt == segment->salt &&
           footer->first_seq == segment->first_seq &&
           footer->index_offset >= HEADER_SIZE && footer->index_offset < size &&
           footer->count < UINT32_MAX && footer->subjects <= footer->count &&
           footer->subjects_offset ==
               footer->index_offset + entries_bytes(footer->count) &&
           footer->subjects_offset + subjects_bytes(footer->subjects) ==
               size - FOOTER_SIZE;
}

static bool footer_v1_valid(const struct segment_footer_v1 *footer,
                            const struct segment *segment, uint64_t size)
{
    uint64_t index_bytes = size - footer->index_offset - sizeof *footer;
    return memcmp(footer->magic, FOOTER_MAGIC, sizeof footer->magic) == 0 &&
           crc32c(0, footer, offsetof(struct segment_footer_v1, checksum)) ==
               footer->checksum &&
           footer->version == 1 && footer->salt == segment->salt &&
           footer->first_seq == segment->first_seq &&
           footer->index_offset >= HEADER_SIZE &&
           footer->index_offset <= size - sizeof *footer &&
           index_bytes % sizeof(struct segment_entry_v1) == 0 &&
           footer->count == index_bytes / sizeof(struct segment_entry_v1);
}

/* As segment_load. */
static int load_footer_v1(int fd, struct segment *segment, uint64_t size)
{
    struct segment_footer_v1 footer;
    if (size < HEADER_SIZE + sizeof footer)
        return 1;
    ssize_t got = disk_read(fd, &footer, sizeof footer, size - sizeof footer);
    if (got < 0)
        return (int)got;
    if (got != sizeof footer || !footer_v1_valid(&footer, segment, size))
        return 1;
    segment->version = 1;
    segment->index_crc = footer.index_crc;
    segment->extent = (struct segment_extent){
        .count = footer.count,
        .end = footer.index_offset,
        .bytes = footer.bytes,
        .first_time_ns = footer.first_time_ns,
        .last_time_ns = footer.last_time_ns,
        .expiry_ns = INT64_MAX,
        .sealed = true,
    };
    return 0;
}

static int load_footer(int fd, struct segment *segment, uint64_t size)
{
    struct segment_footer footer;
    if (size < HEADER_SIZE + FOOTER_SIZE)
        return load_footer_v1(fd, segment, size);
    ssize_t got = disk_read(fd, &footer, sizeof footer, size - FOOTER_SIZE);
    if (got < 0)
        return (int)got;
    if (got != sizeof footer || !footer_valid(&footer, segment, size))
        return load_footer_v1(fd, segment, size);
    segment->version = SEGMENT_VERSION;
    segment->extent = (struct segment_extent){
        .count = footer.count,
        .end = footer.index_offset,
        .bytes = footer.bytes,
        .first_time_ns = footer.first_time_ns,
        .last_time_ns = footer.last_time_ns,
        .expiry_ns = footer.expiry_ns,
        .subjects_offset = footer.subjects_offset,
        .subjects = footer.subjects,
        .dropped_bytes = footer.dropped_bytes,
        .sealed = true,
    };
    return 0;
}

int segment_load(int fd, struct segment *segment, bool *header_valid)
{
    struct segment_header header = {.version = 0};
    int64_t size = disk_size(fd);
    if (size < 0)
        return (int)size;
    ssize_t got = disk_read(fd, &header, sizeof header, 0);
    if (got < 0)
        return (int)got;
    int rc = header_check(&header);
    if (rc < 0)
        return rc;
    *header_valid = rc == 0 && header.first_seq == segment->first_seq;
    if (*header_valid) {
        segment->salt = header.salt;
        segment->compacted = header.compacted == 1;
        if (header.since_seq > 0 && header.since_seq < segment->first_seq)
            segment->since_seq = header.since_seq;
    }
    return load_footer(fd, segment, (uint64_t)size);
}

/* ---- sealing ---- */

/* A table on its way into the file, page after page. */
struct table_writer {
    int fd;
    uint32_t salt;
    uint64_t offset;
    char *bytes; /* SEAL_BYTES */
    size_t len;
    int rc;
};

static void flush_table(struct table_writer *w)
{
    if (w->rc == 0)
        w->rc = disk_write(w->fd, w->bytes, w->len, w->offset);
    w->offset += w->len;
    w->len = 0;
}

/* Room for the next page, zeroed. */
static void *next_page(struct table_writer *w, size_t size)
{
    if (w->len + size > SEAL_BYTES)
        flush_table(w);
    return memset(w->bytes + w->len, 0, size);
}

static void end_page(struct table_writer *w, size_t size, uint32_t number)
{
    struct segment_page_end *end =
        (void *)(w->bytes + w->len + size - sizeof *end);
    end->number = number;
    end->checksum =
        crc32c(w->salt, w->bytes + w->len, size - sizeof end->checksum);
    w->len += size;
}

struct ranked {
    uint64_t hash;
    uint32_t place;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

/* The subjects in the order of their hashes, as they stand in the file. */
static struct ranked *rank_subjects(const struct segment_index *index)
{
    struct ranked *order =
        mem_grow(NULL, index->subjects_count + 1, sizeof *order);
    for (uint32_t i = 0; i < index->subjects_count; i++)
        order[i] = (struct ranked){index->subjects[i].hash, i};
    qsort(order, index->subjects_count, sizeof *order, compare_ranked);
    return order;
}

static void write_entries(struct table_writer *w,
                          const struct segment_index *index, uint64_t count,
                          const uint32_t *rank)
{
    for (uint64_t n = 0; n < count; n += SEGMENT_PAGE_ENTRIES) {
        struct segment_entries_page *page = next_page(w, sizeof *page);
        for (uint64_t i = n; i < count && i < n + SEGMENT_PAGE_ENTRIES; i++) {
            struct segment_entry entry = index->entries[i];
            uint32_t place = entry.subject & SEGMENT_SUBJECT;
            if (place < index->subjects_count)
                entry.subject =
                    rank[place] | (entry.subject & SEGMENT_EXPIRING);
            if (entry.next >= count)
                entry.next = 0;
            page->entries[i - n] = entry;
        }
        end_page(w, sizeof *page, (uint32_t)(n / SEGMENT_PAGE_ENTRIES));
    }
    flush_table(w);
}

static void write_subjects(struct table_writer *w,
                           const struct segment_index *index,
                           const struct ranked *order)
{
    uint32_t count = index->subjects_count;
    for (uint32_t n = 0; n < count; n += SEGMENT_PAGE_SUBJECTS) {
        struct segment_subjects_page *page = next_page(w, sizeof *page);
        for (uint32_t i = n; i < count && i < n + SEGMENT_PAGE_SUBJECTS; i++)
            page->subjects[i - n] = index->subjects[order[i].place];
        end_page(w, sizeof *page, n / SEGMENT_PAGE_SUBJECTS);
    }
    flush_table(w);
}

static void write_tables(struct table_writer *w,
                         const struct segment_index *index,
                         struct segment_extent *extent)
{
    struct ranked *order = rank_subjects(index);
    uint32_t *rank = mem_grow(NULL, index->subjects_count + 1, sizeof *rank);
    for (uint32_t i = 0; i < index->subjects_count; i++)
        rank[order[i].place] = i;
    w->bytes = mem_alloc(SEAL_BYTES);
    write_entries(w, index, extent->count, rank);
    extent->subjects_offset = w->offset;
    extent->subjects = index->subjects_count;
    write_subjects(w, index, order);
    free(w->bytes);
    free(rank);
    free(order);
}

int segment_seal(int fd, struct segment *segment, struct segment_extent *extent)
{
    struct table_writer w = {
        .fd = fd, .salt = segment->salt, .offset = extent->end};
    write_tables(&w, segment->index, extent);
    if (w.rc < 0)
        return w.rc;
    struct segment_footer footer = {
        .version = SEGMENT_VERSION,
        .salt = segment->salt,
        .first_seq = segment->first_seq,
        .count = extent->count,
        .index_offset = extent->end,
        .subjects_offset = extent->subjects_offset,
        .subjects = extent->subjects,
        .bytes = extent->bytes,
        .dropped_bytes = extent->dropped_bytes,
        .first_time_ns = extent->first_time_ns,
        .last_time_ns = extent->last_time_ns,
        .expiry_ns = extent->expiry_ns,
    };
    memcpy(footer.magic, FOOTER_MAGIC, sizeof footer.magic);
    footer.checksum =
        crc32c(0, &footer, offsetof(struct segment_footer, checksum));
    segment->version = SEGMENT_VERSION;
    return disk_write(fd, &footer, sizeof footer, w.offset);
}

/* ---- reading the tables ---- */

static int read_page(int fd, uint32_t salt, uint64_t offset, uint32_t number,
                     void *page, size_t size)
{
    const struct segment_page_end *end =
        (const void *)((const char *)page + size - sizeof *end);
    ssize_t got = disk_read(fd, page, size, offset + number * (uint64_t)size);
    if (got < 0)
        return (int)got;
    if ((size_t)got != size || end->number != number ||
        crc32c(salt, page, size - sizeof end->checksum) != end->checksum)
        return -EBADMSG;
    return 0;
}

int segment_read_entries(int fd, const struct segment *segment, uint32_t number,
                         struct segment_entries_page *page)
{
    return read_page(fd, segment->salt, segment->extent.end, number, page,
                     sizeof *page);
}

int segment_read_subjects(int fd, const struct segment *segment,
                          uint32_t number, struct segment_subjects_page *page)
{
    return read_page(fd, segment->salt, segment->extent.subjects_offset, number,
                     page, sizeof *page);
}

int segment_check_index(int fd, struct segment *segment)
{
    if (segment->index != NULL || segment->index_checked)
        return 0;
    char *part = mem_alloc(SEAL_BYTES);
    uint64_t at = segment->extent.end;
    uint64_t left = segment->extent.count * sizeof(struct segment_entry_v1);
    uint32_t crc = segment->salt;
    ssize_t got = 0;
    while (left > 0) {
        size_t n = left < SEAL_BYTES ? left : SEAL_BYTES;
        got = disk_read(fd, part, n, at);
        if (got != (ssize_t)n)
            break;
        crc = crc32c(crc, part, n);
        at += n;
        left -= n;
    }
    free(part);
    if (got < 0)
        return (int)got;
    segment->index_checked = left == 0 && crc == segment->index_crc;
    return segment->index_checked ? 0 : -EBADMSG;
}

int segment_entry_v1(int fd, const struct segment *segment, uint64_t n,
                     struct segment_entry *entry)
{
    struct segment_entry_v1 old;
    ssize_t got =
        disk_read(fd, &old, sizeof old, segment->extent.end + n * sizeof old);
    if (got < 0)
        return (int)got;
    *entry = (struct segment_entry){.offset = old.offset,
                                    .bytes_through = old.bytes_through,
                                    .subject = SEGMENT_NOBODY};
    return got == sizeof old ? 0 : -EBADMSG;
}

/* ---- scanning ---- */

/* The record at offset, if its header is well and all of it is there. */
static const struct record *record_at(const struct segment_scan *scan,
                                      size_t offset, uint32_t salt)
{
    if (scan->size - offset < RECORD_HEADER)
        return NULL;
    const struct record *record =
        (const void *)((const char *)scan->data + offset);
    if (!record_header_valid(record, salt) ||
        record_size(record) > scan->size - offset)
        return NULL;
    return record;
}

/* A scan under way. */
struct walk {
    struct segment_scan *scan;
    struct segment segment; /* salt and index */
    struct segment_extent all;
    size_t offset;
    uint64_t unsettled; /* damaged records since the last one that is well */
};

/* How many sequences may be missing before the record at w->offset. Damage
 * hides no more records than fit in what it covers; where there is none, a
 * compaction left them out. */
static uint64_t gap_max(const struct walk *w)
{
    uint64_t fit = w->scan->size / RECORD_HEADER;
    if (w->offset > w->all.end)
        return (w->offset - w->all.end) / RECORD_HEADER;
    bool few = w->all.count <= SEGMENT_GAPS_MAX + fit;
    return w->scan->gaps && few ? SEGMENT_GAPS_MAX : 0;
}

/* Moves on to the next record whose sequence can follow. */
static const struct record *walk_next(struct walk *w)
{
    uint64_t next_seq = w->segment.first_seq + w->all.count;
    for (; w->offset + RECORD_HEADER <= w->scan->size;
         w->offset += RECORD_ALIGN) {
        const struct record *record =
            record_at(w->scan, w->offset, w->segment.salt);
        if (record != NULL && record->seq >= next_seq &&
            record->seq - next_seq <= gap_max(w) &&
            record->seq < w->scan->limit_seq)
            return record;
    }
    return NULL;
}

static void walk_damage(struct walk *w, uint64_t seq, uint64_t offset,
                        uint64_t count)
{
    if (w->unsettled == 0 && w->scan->damaged == 0) {
        w->scan->damaged_seq = seq;
        w->scan->damaged_offset = offset;
    }
    w->unsettled += count;
}

static void walk_reserve(struct walk *w, uint64_t n)
{
    struct segment *segment = &w->segment;
    if (segment->index == NULL || w->all.count + n > segment->index->max)
        segment_index_reserve(&segment->index, (w->all.count + n) * 2);
}

/* Enters the sequences before that of the record at w->offset which are not
 * there: their records cannot be found any more, or were left out. */
static void walk_enter_missing(struct walk *w, uint64_t seq)
{
    uint64_t missing = seq - (w->segment.first_seq + w->all.count);
    bool lost = w->offset > w->all.end;
    if (missing > 0 && lost)
        walk_damage(w, seq - missing, w->all.end, missing);
    for (walk_reserve(w, missing + 1); missing > 0; missing--)
        w->segment.index->entries[w->all.count++] =
            (struct segment_entry){.offset = lost ? SEGMENT_LOST : SEGMENT_GONE,
                                   .bytes_through = (uint32_t)w->all.bytes,
                                   .subject = SEGMENT_NOBODY};
}

static void walk_enter(struct walk *w, const struct record *record)
{
    walk_enter_missing(w, record->seq);
    w->all.end = w->offset;
    if (record_body_valid(record, w->segment.salt)) {
        segment_enter(&w->segment, &w->all, record);
        w->scan->damaged += w->unsettled;
        w->unsettled = 0;
        w->scan->good = w->all;
    } else {
        enter(&w->segment, &w->all, record, SEGMENT_NOBODY);
        walk_damage(w, record->seq, w->offset, 1);
    }
    w->offset = w->all.end;
}

void segment_scan(struct segment_scan *scan, uint64_t first_seq, uint32_t salt)
{
    struct walk w = {
        .scan = scan,
        .segment = {.first_seq = first_seq, .salt = salt},
        .all = {.end = HEADER_SIZE, .expiry_ns = INT64_MAX},
        .offset = HEADER_SIZE,
    };
    const struct record *record;
    scan->good = w.all;
    while ((record = walk_next(&w)) != NULL)
        walk_enter(&w, record);
    scan->all = w.all;
    scan->index = w.segment.index;
}
