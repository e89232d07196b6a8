/* segment: one file of a stream: header, records, and once it is sealed, index
 * and footer. The form is described in README.md, "The disk layout". */
#ifndef NEXUS_BROKER_SEGMENT_H
#define NEXUS_BROKER_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/store/record.h"
#include "lib/errmsg.h"

#define SEGMENT_VERSION       1
#define SEGMENT_BYTES_DEFAULT (UINT64_C(64) << 20)
#define SEGMENT_BYTES_MIN     (UINT64_C(4) << 10)
#define SEGMENT_BYTES_MAX     (UINT64_C(1) << 30)
#define SEGMENT_NAME_LEN      20 /* 16 hexadecimal digits and ".seg" */

/* ---- what stands in the file ---- */

struct segment_header {
    char magic[8];
    uint32_t version;
    uint32_t salt;
    uint64_t first_seq;
    int64_t created_ns;
    uint32_t zero[7];
    uint32_t checksum;
};
_Static_assert(sizeof(struct segment_header) == 64, "the form on disk");

struct segment_entry {
    uint32_t offset; /* 0: lost */
    uint32_t bytes_through;
};
_Static_assert(sizeof(struct segment_entry) == 8, "the form on disk");

struct segment_footer {
    char magic[8];
    uint32_t version;
    uint32_t salt;
    uint64_t first_seq;
    uint64_t count;
    uint64_t index_offset;
    uint64_t bytes;
    int64_t first_time_ns;
    int64_t last_time_ns;
    uint32_t index_crc;
    uint32_t checksum;
};
_Static_assert(sizeof(struct segment_footer) == 72, "the form on disk");

/* ---- what a program knows of it ---- */

/* How far a segment goes. */
struct segment_extent {
    uint64_t count; /* sequences, lost ones included */
    uint64_t end;   /* offset behind the last record; of the index, if sealed */
    uint64_t bytes; /* of the messages, as the stream counts */
    int64_t first_time_ns, last_time_ns; /* 0 when empty */
    bool sealed;
};

struct segment {
    uint64_t first_seq;
    uint32_t salt;
    uint32_t index_crc; /* as the footer has it */
    bool index_checked; /* the index in the file is as it was written */
    struct segment_entry *index; /* owned; NULL: in the file */
    size_t index_max;            /* entries there is room for in *index */
    struct segment_extent extent;
    struct segment_extent published; /* by the syncer, see store_file.h */
    struct segment *next;            /* in a list of the syncer's */
};

/* The last sequence; first_seq - 1 when empty. */
static inline uint64_t segment_last_seq(const struct segment *segment)
{
    return segment->first_seq + segment->extent.count - 1;
}

struct segment *segment_new(uint64_t first_seq, uint32_t salt);
void segment_free(struct segment **segment);

/* Makes room in memory for the index of a segment that is appended to until it
 * is segment_bytes long; what *index holds is kept. */
void segment_reserve_index(struct segment *segment, uint64_t segment_bytes);

/* Enters the record, which goes behind what extent covers, in *index, and
 * moves extent on. */
void segment_enter(struct segment *segment, struct segment_extent *extent,
                   const struct record *record);

/* Reads "0000000000000001.seg": false when it is no segment's name. */
bool segment_parse_name(const char *name, uint64_t *first_seq);

/* dir/<first_seq>.seg; the caller owns it. */
char *segment_path(const char *dir, uint64_t first_seq);

/* ---- files; every int is 0, a descriptor or a negative errno ---- */

/* Makes the file, empty even where one is left over, and its header. Neither
 * file nor folder is synced. Returns the descriptor. */
int segment_create(const char *dir, const struct segment *segment);
int segment_write_header(int fd, const struct segment *segment);

/* Reads header and footer. 0: sealed, *segment and its extent are filled; 1:
 * it must be scanned (not sealed, or damaged), salt is filled when the header
 * is well, *header_valid says so. -ENOTSUP: a newer version. */
int segment_load(int fd, struct segment *segment, bool *header_valid);

/* Writes index and footer behind extent->end; does not sync. */
int segment_seal(int fd, struct segment *segment,
                 const struct segment_extent *extent);

/* The index is read from the file and compared with its checksum, once.
 * -EBADMSG when it is damaged. */
int segment_check_index(int fd, struct segment *segment);

/* Entry n of the index, from memory or from the file. */
int segment_entry(int fd, const struct segment *segment, uint64_t n,
                  struct segment_entry *entry);

/* ---- scanning ---- */

/* What a scan of a segment's bytes found. */
struct segment_scan {
    const void *data; /* the whole file; aligned to 8 */
    size_t size;
    uint64_t limit_seq; /* sequences from here on belong to another file */

    struct segment_entry *index; /* the caller frees it */
    size_t index_max;
    struct segment_extent all;  /* through the last header that is well */
    struct segment_extent good; /* through the last record that is well */
    uint64_t damaged;           /* records within `good` that are not well */
    uint64_t damaged_seq;       /* the first of those */
    uint64_t damaged_offset;
};

/* Reads every record of data. Bytes that are none are stepped over; a record
 * counts when its checksum is right and its sequence can follow. */
void segment_scan(struct segment_scan *scan, uint64_t first_seq, uint32_t salt);

#endif
