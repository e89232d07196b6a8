/* segment: one file of a stream: header, records, and once it is sealed, index
 * and footer. The form is described in README.md, "The disk layout". */
#ifndef NEXUS_BROKER_SEGMENT_H
#define NEXUS_BROKER_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/store/agenda.h"
#include "broker/store/record.h"
#include "lib/errmsg.h"

#define SEGMENT_VERSION       2
#define SEGMENT_BYTES_DEFAULT (UINT64_C(16) << 20)
#define SEGMENT_BYTES_MIN     (UINT64_C(4) << 10)
#define SEGMENT_BYTES_MAX     (UINT64_C(1) << 30)
/* A segment of more sequences is not compacted. */
#define SEGMENT_GAPS_MAX (UINT64_C(1) << 20)
#define SEGMENT_NAME_LEN 20     /* 16 hexadecimal digits and ".seg" */
#define SEGMENT_NEW      ".new" /* behind the name: being compacted */

/* ---- what stands in the file ---- */

struct segment_header {
    char magic[8];
    uint32_t version;
    uint32_t salt;
    uint64_t first_seq;
    int64_t created_ns;
    uint64_t since_seq; /* those from here to first_seq were skipped; or 0 */
    uint32_t compacted; /* 1: it is, so sequences are missing */
    uint32_t zero[4];
    uint32_t checksum;
};
_Static_assert(sizeof(struct segment_header) == 64, "the form on disk");

struct segment_entry {
    uint32_t offset; /* SEGMENT_LOST, SEGMENT_GONE, or of the record */
    uint32_t bytes_through;
    uint32_t subject; /* its place in the table of subjects, and a flag */
    uint32_t next;    /* entry of the next one on this subject; 0: none */
};
_Static_assert(sizeof(struct segment_entry) == 16, "the form on disk");

#define SEGMENT_LOST     0u /* offset: it could not be found any more */
#define SEGMENT_GONE     1u /* offset: removed, and its bytes were given up */
#define SEGMENT_EXPIRING 0x80000000u /* subject: it has a time of its own */
#define SEGMENT_SUBJECT  0x7fffffffu
#define SEGMENT_NOBODY   SEGMENT_SUBJECT /* the subject is not known */

struct segment_subject {
    uint64_t hash;        /* record_subject_hash */
    uint32_t first, last; /* its messages: entries, */
    uint32_t count;       /* and how many */
    uint32_t zero;
};
_Static_assert(sizeof(struct segment_subject) == 24, "the form on disk");

/* Both tables stand in pages that have a checksum each. */
#define SEGMENT_PAGE_ENTRIES  128
#define SEGMENT_PAGE_SUBJECTS 80

struct segment_page_end {
    uint32_t number; /* from 0, entries and subjects each */
    uint32_t checksum;
};

struct segment_entries_page {
    struct segment_entry entries[SEGMENT_PAGE_ENTRIES];
    struct segment_page_end end;
};
_Static_assert(sizeof(struct segment_entries_page) == 2056, "on disk");

struct segment_subjects_page {
    struct segment_subject subjects[SEGMENT_PAGE_SUBJECTS];
    struct segment_page_end end;
};
_Static_assert(sizeof(struct segment_subjects_page) == 1928, "on disk");

struct segment_footer {
    char magic[8];
    uint32_t version;
    uint32_t salt;
    uint64_t first_seq;
    uint64_t count;
    uint64_t index_offset;
    uint64_t subjects_offset;
    uint64_t subjects;
    uint64_t bytes;
    uint64_t dropped_bytes;
    int64_t first_time_ns;
    int64_t last_time_ns;
    int64_t expiry_ns;
    uint32_t zero[7];
    uint32_t checksum;
};
_Static_assert(sizeof(struct segment_footer) == 128, "the form on disk");

/* Version 1: entries of 8 bytes, no subjects. */
struct segment_entry_v1 {
    uint32_t offset; /* 0: lost */
    uint32_t bytes_through;
};

struct segment_footer_v1 {
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
_Static_assert(sizeof(struct segment_footer_v1) == 72, "the form on disk");

/* ---- what a program knows of it ---- */

/* How far a segment goes. */
struct segment_extent {
    uint64_t count; /* sequences, lost ones included */
    uint64_t end;   /* offset behind the last record; of the index, if sealed */
    uint64_t bytes; /* of the messages, as the stream counts */
    int64_t first_time_ns, last_time_ns; /* 0 when empty */
    int64_t expiry_ns; /* the earliest time of their own; INT64_MAX: none */
    uint64_t subjects_offset, subjects; /* of a sealed one's table */
    uint64_t dropped_bytes; /* of messages that a compaction left out */
    bool sealed;
};

/* The index of a segment, in memory. The syncer (or a scan) adds to it; what
 * was added neither moves nor changes, except an entry's next and a subject's
 * last and count. */
struct segment_index {
    struct segment_entry *entries; /* by sequence */
    size_t max;                    /* entries (and subjects) it has room for */
    struct segment_subject *subjects;
    uint32_t subjects_count;
    uint32_t *table; /* by hash: place in subjects, from 1; open addressing */
    uint32_t table_size;
};

struct segment {
    uint64_t first_seq;
    uint64_t since_seq; /* as the header has it; or first_seq */
    uint32_t salt;
    uint32_t version;
    uint32_t index_crc;          /* version 1: as the footer has it */
    bool index_checked;          /* version 1: it is as it was written */
    struct segment_index *index; /* owned; NULL: in the file */
    struct segment_extent extent;
    struct segment_extent published; /* by the syncer, see store_file.h */
    uint64_t dead;                   /* messages removed one by one, */
    uint64_t dead_bytes;             /* as the stream counts, ever */
    bool dead_unsaved;               /* since dead_bytes was written down */
    bool compacted;
    bool keep_as_is;          /* it cannot be compacted */
    int64_t compact_after_ns; /* one failed: not before that */
    int64_t expiry_ns;        /* of what is left; maybe too early */
    struct agenda agenda;     /* once some are due: of the first */
    uint64_t agenda_through;  /* entries; owned by the loop */
    struct segment *next;     /* in a list of the syncer's */
};

/* The last sequence; first_seq - 1 when empty. */
static inline uint64_t segment_last_seq(const struct segment *segment)
{
    return segment->first_seq + segment->extent.count - 1;
}

struct segment *segment_new(uint64_t first_seq, uint32_t salt);
void segment_free(struct segment **segment);

/* ---- the index in memory ---- */

/* Makes room for max entries; what it holds is kept. */
void segment_index_reserve(struct segment_index **index, size_t max);
void segment_index_free(struct segment_index **index);

/* Makes room in memory for the index of a segment that is appended to until it
 * is segment_bytes long; what the index holds is kept. */
void segment_reserve_index(struct segment *segment, uint64_t segment_bytes);

/* Enters the record, which goes behind what extent covers, in the index, and
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

/* Writes index and footer behind extent->end, and notes where the table of
 * subjects went; does not sync. */
int segment_seal(int fd, struct segment *segment,
                 struct segment_extent *extent);

/* One page of a sealed segment's tables, of version 2. -EBADMSG: damaged. */
int segment_read_entries(int fd, const struct segment *segment, uint32_t number,
                         struct segment_entries_page *page);
int segment_read_subjects(int fd, const struct segment *segment,
                          uint32_t number, struct segment_subjects_page *page);

/* Version 1: the index is read and compared with its checksum, once; and one
 * entry of it. -EBADMSG when it is damaged. */
int segment_check_index(int fd, struct segment *segment);
int segment_entry_v1(int fd, const struct segment *segment, uint64_t n,
                     struct segment_entry *entry);

/* ---- scanning ---- */

/* What a scan of a segment's bytes found. */
struct segment_scan {
    const void *data; /* the whole file; aligned to 8 */
    size_t size;
    uint64_t limit_seq; /* sequences from here on belong to another file */
    bool gaps;          /* it is compacted: sequences may be missing */
    uint64_t cut;       /* bytes of the file to look at; 0: all */

    struct segment_index *index; /* the caller frees it */
    struct segment_extent all;   /* through the last header that is well */
    struct segment_extent good;  /* through the last record that is well */
    uint64_t damaged;            /* records within `good` that are not well */
    uint64_t damaged_seq;        /* the first of those */
    uint64_t damaged_offset;
};

/* Reads every record of data. Bytes that are none are stepped over; a record
 * counts when its checksum is right and its sequence can follow. */
void segment_scan(struct segment_scan *scan, uint64_t first_seq, uint32_t salt);

#endif
