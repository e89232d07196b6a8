#include "broker/store/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* Bytes of an index that are checked at a time. */
#define INDEX_CHECK_BYTES (64U << 10)

/* ---- the object ---- */

struct segment *segment_new(uint64_t first_seq, uint32_t salt)
{
    struct segment *segment = mem_zalloc(sizeof *segment);
    segment->first_seq = first_seq;
    segment->salt = salt;
    segment->extent.end = HEADER_SIZE;
    segment->published = segment->extent;
    return segment;
}

void segment_free(struct segment **segment)
{
    if (*segment != NULL)
        free((*segment)->index);
    free(*segment);
    *segment = NULL;
}

void segment_reserve_index(struct segment *segment, uint64_t segment_bytes)
{
    uint64_t end = segment->extent.end;
    uint64_t room = segment_bytes > end ? segment_bytes - end : 0;
    /* One more: a record larger than the segment still gets in. */
    segment->index_max = segment->extent.count + room / RECORD_HEADER + 1;
    segment->index = mem_grow(segment->index, segment->index_max, ENTRY_SIZE);
}

void segment_enter(struct segment *segment, struct segment_extent *extent,
                   const struct record *record)
{
    extent->bytes += record_stream_bytes(record);
    segment->index[extent->count] = (struct segment_entry){
        .offset = (uint32_t)extent->end,
        .bytes_through = (uint32_t)extent->bytes,
    };
    if (extent->first_time_ns == 0)
        extent->first_time_ns = record->time_ns;
    extent->last_time_ns = record->time_ns;
    extent->count++;
    extent->end += record_size(record);
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

static uint32_t footer_checksum(const struct segment_footer *footer)
{
    return crc32c(0, footer, offsetof(struct segment_footer, checksum));
}

int segment_write_header(int fd, const struct segment *segment)
{
    struct segment_header header = {
        .version = SEGMENT_VERSION,
        .salt = segment->salt,
        .first_seq = segment->first_seq,
        .created_ns = clock_wall_ns(),
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
    return header->version == SEGMENT_VERSION ? 0 : -ENOTSUP;
}

static bool footer_valid(const struct segment_footer *footer,
                         const struct segment *segment, uint64_t size)
{
    uint64_t index_bytes = size - footer->index_offset - FOOTER_SIZE;
    return memcmp(footer->magic, FOOTER_MAGIC, sizeof footer->magic) == 0 &&
           footer_checksum(footer) == footer->checksum &&
           footer->version == SEGMENT_VERSION &&
           footer->salt == segment->salt &&
           footer->first_seq == segment->first_seq &&
           footer->index_offset >= HEADER_SIZE &&
           footer->index_offset <= size - FOOTER_SIZE &&
           index_bytes % ENTRY_SIZE == 0 &&
           footer->count == index_bytes / ENTRY_SIZE;
}

/* As segment_load. */
static int load_footer(int fd, struct segment *segment, uint64_t size)
{
    struct segment_footer footer;
    if (size < HEADER_SIZE + FOOTER_SIZE)
        return 1;
    ssize_t got = disk_read(fd, &footer, sizeof footer, size - FOOTER_SIZE);
    if (got < 0)
        return (int)got;
    if (got != sizeof footer || !footer_valid(&footer, segment, size))
        return 1;
    segment->index_crc = footer.index_crc;
    segment->extent = (struct segment_extent){
        .count = footer.count,
        .end = footer.index_offset,
        .bytes = footer.bytes,
        .first_time_ns = footer.first_time_ns,
        .last_time_ns = footer.last_time_ns,
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
    if (*header_valid)
        segment->salt = header.salt;
    return load_footer(fd, segment, (uint64_t)size);
}

int segment_seal(int fd, struct segment *segment,
                 const struct segment_extent *extent)
{
    size_t index_bytes = extent->count * ENTRY_SIZE;
    struct segment_footer footer = {
        .version = SEGMENT_VERSION,
        .salt = segment->salt,
        .first_seq = segment->first_seq,
        .count = extent->count,
        .index_offset = extent->end,
        .bytes = extent->bytes,
        .first_time_ns = extent->first_time_ns,
        .last_time_ns = extent->last_time_ns,
        .index_crc = crc32c(segment->salt, segment->index, index_bytes),
    };
    memcpy(footer.magic, FOOTER_MAGIC, sizeof footer.magic);
    footer.checksum = footer_checksum(&footer);
    segment->index_crc = footer.index_crc;
    int rc = disk_write(fd, segment->index, index_bytes, extent->end);
    if (rc < 0)
        return rc;
    return disk_write(fd, &footer, sizeof footer, extent->end + index_bytes);
}

int segment_check_index(int fd, struct segment *segment)
{
    if (segment->index != NULL || segment->index_checked)
        return 0;
    char *part = mem_alloc(INDEX_CHECK_BYTES);
    uint64_t at = segment->extent.end;
    uint64_t left = segment->extent.count * ENTRY_SIZE;
    uint32_t crc = segment->salt;
    ssize_t got = 0;
    while (left > 0) {
        size_t n = left < INDEX_CHECK_BYTES ? left : INDEX_CHECK_BYTES;
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

int segment_entry(int fd, const struct segment *segment, uint64_t n,
                  struct segment_entry *entry)
{
    if (segment->index != NULL) {
        *entry = segment->index[n];
        return 0;
    }
    ssize_t got = disk_read(fd, entry, sizeof *entry,
                            segment->extent.end + n * ENTRY_SIZE);
    if (got < 0)
        return (int)got;
    return got == sizeof *entry ? 0 : -EBADMSG;
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

/* Moves on to the next record whose sequence can follow. */
static const struct record *walk_next(struct walk *w)
{
    uint64_t next_seq = w->segment.first_seq + w->all.count;
    for (; w->offset + RECORD_HEADER <= w->scan->size;
         w->offset += RECORD_ALIGN) {
        const struct record *record =
            record_at(w->scan, w->offset, w->segment.salt);
        /* Damage hides no more records than fit in what it covers. */
        uint64_t hidden = (w->offset - w->all.end) / RECORD_HEADER;
        if (record != NULL && record->seq >= next_seq &&
            record->seq - next_seq <= hidden &&
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
    if (w->all.count + n <= segment->index_max)
        return;
    segment->index_max = (w->all.count + n) * 2;
    segment->index = mem_grow(segment->index, segment->index_max, ENTRY_SIZE);
}

/* Enters the sequences before seq whose records cannot be found any more. */
static void walk_enter_lost(struct walk *w, uint64_t seq)
{
    uint64_t lost = seq - (w->segment.first_seq + w->all.count);
    if (lost > 0)
        walk_damage(w, seq - lost, w->all.end, lost);
    for (walk_reserve(w, lost + 1); lost > 0; lost--)
        w->segment.index[w->all.count++] =
            (struct segment_entry){.bytes_through = (uint32_t)w->all.bytes};
}

static void walk_enter(struct walk *w, const struct record *record)
{
    walk_enter_lost(w, record->seq);
    w->all.end = w->offset;
    segment_enter(&w->segment, &w->all, record);
    if (record_body_valid(record, w->segment.salt)) {
        w->scan->damaged += w->unsettled;
        w->unsettled = 0;
        w->scan->good = w->all;
    } else {
        walk_damage(w, record->seq, w->offset, 1);
    }
    w->offset = w->all.end;
}

void segment_scan(struct segment_scan *scan, uint64_t first_seq, uint32_t salt)
{
    struct walk w = {
        .scan = scan,
        .segment = {.first_seq = first_seq, .salt = salt},
        .all = {.end = HEADER_SIZE},
        .offset = HEADER_SIZE,
    };
    const struct record *record;
    scan->good = w.all;
    while ((record = walk_next(&w)) != NULL)
        walk_enter(&w, record);
    scan->all = w.all;
    scan->index = w.segment.index;
    scan->index_max = w.segment.index_max;
}
