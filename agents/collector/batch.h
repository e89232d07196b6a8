/* batch: samples on their way into the table telemetry.
 *
 * A batch turns decoded samples into rows, one a GPU and time: samples of the
 * same GPU and time within the batch become one row, in which the sample that
 * is later in the stream wins where both have a value. */
#ifndef NEXUS_COLLECTOR_BATCH_H
#define NEXUS_COLLECTOR_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/sample.h"

/* A value's revision is the stream's time of the message it came with. */
struct revisions {
    int64_t metrics[METRIC_COUNT];
    int64_t *extra; /* of sample->extra, in its order */
};

struct row {
    int32_t gpu_id;
    uint32_t order;   /* batch_merge's, for revisions that are equal */
    int64_t ts_us;    /* since 1970; the table's resolution */
    int64_t revision; /* of the newest value in it */
    const struct sample *sample;
    const struct revisions *revisions; /* NULL: all values have `revision` */
};

struct batch {
    struct row *rows; /* ascending by (gpu_id, ts_us), none twice */
    size_t count;
    uint64_t metrics; /* bit m: some row has metric m */
    bool has_extra;   /* some row has metrics outside the catalogue */
    bool has_revisions;
};

/* Sorts and merges batch->rows[0..count), which come in stream order; merged
 * samples live in arena. */
void batch_merge(struct batch *batch, struct arena *arena);

/* Appends the columns the batch needs, "gpu_id, ts, revision, …". */
void batch_append_columns(const struct batch *batch, struct buf *sql);

/* Appends the rows in PostgreSQL's binary COPY format, header and trailer
 * included, with those columns. */
void batch_append_copy(const struct batch *batch, struct buf *out);

/* Values in all rows, those of extra included. */
int64_t batch_values(const struct batch *batch);

#endif
