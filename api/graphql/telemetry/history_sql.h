/* history_sql: the statement behind GPU.telemetry.
 *
 * One statement for any number of GPUs: their UUIDs come as one array, and the
 * rows say by n (from 1) whose they are. Within one GPU the newest is first.
 * Of one GPU alone nothing has to be said, and the planner need not wonder how
 * many there are.
 *
 * Parameters: $1 UUIDs; $2, $3 the range, both ends in; $4 how many of each
 * GPU; and with steps: $5 their length, $6 how far before the newest step they
 * may begin, both in microseconds. */
#ifndef NEXUS_API_TELEMETRY_HISTORY_SQL_H
#define NEXUS_API_TELEMETRY_HISTORY_SQL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"

enum aggregate {
    AGGREGATE_AVG,
    AGGREGATE_MIN,
    AGGREGATE_MAX,
    AGGREGATE_SUM,
    AGGREGATE_FIRST,
    AGGREGATE_LAST,
    AGGREGATE_P50,
    AGGREGATE_P95,
    AGGREGATE_P99,
    AGGREGATE_COUNT
};

/* The values of the enum Aggregate, in its order. */
extern const char *const aggregate_names[AGGREGATE_COUNT];

struct history_shape {
    uint64_t metrics; /* bits: which columns */
    bool many;        /* GPUs, not one */
    bool extra;       /* without steps: metrics outside the catalogue, too */
    bool stepped;
    enum aggregate aggregate;
};

/* Appends it. Its columns: n where there are many, the time, without steps `extra` where it is
 * asked for, with steps the number of samples; then the metrics. */
void history_sql_append(struct buf *out, const struct history_shape *shape);

#endif
