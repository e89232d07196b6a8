/* reader: messages out of segment files.
 *
 * A few windows, each a stretch of one file in memory, follow the places where
 * a stream is being read: reading on from the last message of a window
 * costs one large read now and then, reading anywhere else one small one (and
 * one of the index). A window holds its file open, so the number of open files
 * does not grow with the number of segments. */
#ifndef NEXUS_BROKER_READER_H
#define NEXUS_BROKER_READER_H

#include <stdint.h>

#include "broker/store/segment.h"

#define READER_WINDOWS 8
/* Bytes read at a time: going on behind the last message, and elsewhere. */
#define READER_AHEAD_BYTES (64U << 10)
#define READER_FIRST_BYTES (4U << 10)

struct window {
    struct segment *segment; /* borrows; NULL: free */
    int fd;
    char *data; /* the file's bytes from `start` on */
    size_t len, size;
    uint64_t start;
    uint64_t next_seq, next_offset; /* behind the message read last; or 0 */
    uint64_t used;                  /* when, for reuse of the oldest */
};

/* Pages of segments' tables that were read last. */
#define READER_PAGES 8

struct reader_page {
    const struct segment *segment; /* borrows; NULL: free */
    uint32_t number;
    bool subjects; /* or entries */
    uint64_t used;
    union {
        struct segment_entries_page entries;
        struct segment_subjects_page subjects;
    } as;
};

struct reader {
    const char *dir; /* borrows */
    struct window windows[READER_WINDOWS];
    struct reader_page pages[READER_PAGES];
    uint64_t uses;
};

void reader_init(struct reader *reader, const char *dir);
void reader_fini(struct reader *reader);

/* Lets go of a segment that is about to be deleted. */
void reader_forget(struct reader *reader, const struct segment *segment);

/* Where a message stands, for the log. */
struct reader_place {
    uint64_t offset; /* 0: not known */
};

/* Reads and checks the message seq, which the segment covers. 0; -EBADMSG
 * damaged; -ENOENT it is removed, and if erased its subject is in *msg yet; -ESTALE the segment's index is damaged; or a negative errno. *msg
 * stays until the next call. */
int reader_read(struct reader *reader, struct segment *segment, uint64_t seq,
                struct store_msg *msg, struct reader_place *place);

/* Entry n of the segment's index. 0; -ESTALE the index is damaged; or a
 * negative errno. Of version 1 it names no subject. */
int reader_entry(struct reader *reader, struct segment *segment, uint64_t n,
                 struct segment_entry *entry);

/* Where the segment's table of subjects has place; errors as above. */
int reader_subject(struct reader *reader, struct segment *segment,
                   uint32_t place, struct segment_subject *subject);

/* How many there are in that table. */
uint32_t reader_subject_count(const struct segment *segment);

#endif
