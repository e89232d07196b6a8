#include "agents/streamer/figures.h"

#define COUNTER(n, h)                            \
    {                                            \
        .name = "nexus_streamer_" n, .help = (h) \
    }
#define GAUGE(n, h)                                                  \
    {                                                                \
        .name = "nexus_streamer_" n, .help = (h), .type = STAT_GAUGE \
    }
#define BAD_ROWS(reason)                                           \
    {                                                              \
        .name = "nexus_streamer_bad_rows_total",                   \
        .help = "Rows that could not be read, by what was wrong.", \
        .labels = "reason=\"" reason "\""                          \
    }

struct statistic figures[FIGURE_COUNT + 1] = {
    [FIGURE_PASSES] = COUNTER("passes_total", "Times the file was read to its "
                                              "end."),
    [FIGURE_ROWS] = COUNTER("rows_total", "CSV rows read, bad ones included."),
    [FIGURE_BAD_ROWS] = BAD_ROWS("malformed"),
    [FIGURE_BAD_ROWS + 1] = BAD_ROWS("columns"),
    [FIGURE_BAD_ROWS + 2] = BAD_ROWS("timestamp"),
    [FIGURE_BAD_ROWS + 3] = BAD_ROWS("name"),
    [FIGURE_BAD_ROWS + 4] = BAD_ROWS("value"),
    [FIGURE_DEADLETTERS] =
        COUNTER("deadletters_total", "Bad rows written to the dead letter "
                                     "file."),
    [FIGURE_SAMPLES] = COUNTER("samples_total", "Samples gathered from rows."),
    [FIGURE_VALUES] = COUNTER("values_total", "Metric values in them."),
    [FIGURE_PUBLISHED] = COUNTER("published_total", "Samples handed to the "
                                                    "broker's client."),
    [FIGURE_ACKNOWLEDGED] =
        COUNTER("acknowledged_total", "Samples the stream has on disk."),
    [FIGURE_DUPLICATES] = COUNTER("duplicates_total", "Samples acknowledged "
                                                      "as stored before."),
    [FIGURE_RETRIES] = COUNTER("retries_total", "Samples sent again."),
    [FIGURE_IN_FLIGHT] =
        GAUGE("in_flight", "Samples published and not acknowledged yet."),
    [FIGURE_FILE_BYTES] = GAUGE("file_bytes", "Size of the file."),
    [FIGURE_FILE_OFFSET] =
        GAUGE("file_offset_bytes", "How far this pass has read it."),
};

_Static_assert(ROW_FAULTS == 6, "every fault has its line in the table");

int64_t figure_bad_rows(void)
{
    int64_t rows = 0;
    for (int fault = ROW_GOOD + 1; fault < ROW_FAULTS; fault++)
        rows += figure(figure_of_fault((enum row_fault)fault));
    return rows;
}

void figures_refresh(struct bus_publisher *publisher)
{
    struct bus_publisher_stats stats = {0};
    if (publisher != NULL)
        bus_publisher_stats(publisher, &stats);
    stat_set(&figures[FIGURE_PUBLISHED], (int64_t)stats.published);
    stat_set(&figures[FIGURE_ACKNOWLEDGED], (int64_t)stats.acknowledged);
    stat_set(&figures[FIGURE_DUPLICATES], (int64_t)stats.duplicates);
    stat_set(&figures[FIGURE_RETRIES], (int64_t)stats.retries);
    stat_set(&figures[FIGURE_IN_FLIGHT],
             (int64_t)(stats.published - stats.acknowledged));
}
