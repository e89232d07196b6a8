/* figures: what the streamer counts, in one table for /metrics, the status
 * page, the progress line and the summary. */
#ifndef NEXUS_STREAMER_FIGURES_H
#define NEXUS_STREAMER_FIGURES_H

#include "agents/streamer/layout.h"
#include "lib/bus.h"
#include "lib/stats.h"

enum figure {
    FIGURE_PASSES,
    FIGURE_ROWS,     /* good and bad */
    FIGURE_BAD_ROWS, /* the first of one for each row_fault but ROW_GOOD */
    FIGURE_DEADLETTERS = FIGURE_BAD_ROWS + ROW_FAULTS - 1,
    FIGURE_SAMPLES,
    FIGURE_VALUES,
    FIGURE_PUBLISHED,
    FIGURE_ACKNOWLEDGED,
    FIGURE_DUPLICATES,
    FIGURE_RETRIES,
    FIGURE_IN_FLIGHT,
    FIGURE_FILE_BYTES,
    FIGURE_FILE_OFFSET,
    FIGURE_COUNT
};

extern struct statistic figures[FIGURE_COUNT + 1];

static inline enum figure figure_of_fault(enum row_fault fault)
{
    return (enum figure)(FIGURE_BAD_ROWS + (int)fault - ROW_MALFORMED);
}

static inline int64_t figure(enum figure f)
{
    return stat_get(&figures[f]);
}

static inline void figure_add(enum figure f, int64_t n)
{
    stat_add(&figures[f], n);
}

int64_t figure_bad_rows(void); /* whatever was wrong with them */

/* Brings what the publisher counts up to date; it may be NULL. Any thread. */
void figures_refresh(struct bus_publisher *publisher);

#endif
