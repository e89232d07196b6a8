/* removals: the file store.removed, which says what was removed one by one.
 *
 * It is a journal: batches of runs of sequences, each with a checksum, that
 * are only ever appended, and begun anew with one batch that has everything
 * when it has grown. The form is described in README.md, "The disk layout". */
#ifndef NEXUS_BROKER_REMOVALS_H
#define NEXUS_BROKER_REMOVALS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/store/store.h"
#include "lib/buf.h"
#include "lib/errmsg.h"

#define REMOVALS_NAME "store.removed"
/* The journal is begun anew when it is larger than this and than twice what it
 * began with. */
#define REMOVALS_BYTES_MIN (UINT64_C(1) << 20)

/* Bytes of messages of a segment that were removed one by one, ever. */
struct removals_dead {
    uint64_t first_seq; /* of the segment */
    uint64_t bytes;
};

struct removals {
    int dir_fd; /* borrowed */
    const char *dir;
    uint32_t salt;
    int fd;         /* owned; -1: there is no file yet */
    uint64_t size;  /* of what is well in it */
    uint64_t start; /* size when it was begun */
    bool unnamed;   /* its folder is not synced yet */
};

/* A batch that is put together. */
struct removals_batch {
    struct buf runs, dead;
    uint32_t runs_count, dead_count;
    uint64_t through; /* of the last run */
};

/* What removals_open tells of each run and each segment. */
struct removals_reader {
    void (*run)(void *arg, struct store_range run);
    void (*dead)(void *arg, struct removals_dead dead);
    void *arg;
};

/* Reads dir/store.removed. 0; 1: some of it is damaged, and what was removed
 * by that is back; a negative errno with *err. Borrows dir and dir_fd. */
int removals_open(struct removals *removals, const char *dir, int dir_fd,
                  uint32_t salt, const struct removals_reader *reader,
                  struct errmsg *err);
void removals_close(struct removals *removals);

/* Runs go in ascending. */
void removals_add_run(struct removals_batch *batch, struct store_range run);
void removals_add_dead(struct removals_batch *batch, struct removals_dead dead);
void removals_batch_fini(struct removals_batch *batch);

/* It has grown so much that the next batch should be everything. */
bool removals_grown(const struct removals *removals);

/* Appends the batch and syncs it; anew: it takes the place of all before. 0 or
 * a negative errno: then the file is as it was. */
int removals_write(struct removals *removals,
                   const struct removals_batch *batch, bool anew);

#endif
