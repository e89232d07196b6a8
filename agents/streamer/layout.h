/* layout: what the columns of a DCGM CSV file mean, and what a row says.
 *
 * Two kinds of file are told apart by their header line; columns stand in any
 * order, and their names are compared without regard to case:
 *
 *   long  one metric a row, named in column metric_name, its number in value
 *   wide  one column a metric, named as in schema/metrics.def or by its DCGM
 *         field; any other column that holds numbers is a metric, too
 *
 * Both need timestamp, gpu_id, uuid and hostname; device, modelname, pod,
 * namespace and container are read where they are. */
#ifndef NEXUS_STREAMER_LAYOUT_H
#define NEXUS_STREAMER_LAYOUT_H

#include "agents/streamer/csv.h"
#include "lib/arena.h"
#include "lib/errmsg.h"
#include "lib/sample.h"
#include "lib/timestamp.h"

/* Who a row is about, and what ran there. */
enum name {
    NAME_UUID,
    NAME_HOST,
    NAME_GPU,
    NAME_DEVICE,
    NAME_MODEL,
    NAME_POD,
    NAME_NAMESPACE,
    NAME_CONTAINER,
    NAME_COUNT
};

enum layout_kind { LAYOUT_LONG, LAYOUT_WIDE };

/* A column of a wide file that holds a metric. */
struct layout_metric {
    int column;
    int metric; /* of the catalogue; -1: kept under the column's name */
};

struct layout {
    enum layout_kind kind;
    int columns;
    struct str titles[CSV_COLUMNS_MAX]; /* as the header line writes them */
    int timestamp;                      /* columns; -1: the file has none */
    int metric_name, value;             /* long */
    int names[NAME_COUNT];
    struct layout_metric metrics[CSV_COLUMNS_MAX]; /* wide */
    int metric_count;
    struct arena arena; /* titles */
    /* Neighbouring rows mostly share time and metric: the last ones, read. */
    char time_text[TIMESTAMP_MAX], metric_text[SAMPLE_NAME_MAX];
    size_t time_len, metric_len;
    int64_t time_ns;
    int metric;
};

/* What a row says: one GPU, one time, some values. Borrows from the row, its
 * arena and the layout. */
struct reading {
    int64_t ts_ns;
    struct str names[NAME_COUNT];
    int count; /* 0: nothing was reported, which is no fault */
    struct reading_value {
        int metric; /* -1: outside the catalogue, then it has a name */
        struct str name;
        double value;
    } values[CSV_COLUMNS_MAX];
};

/* What can be wrong with a row. */
enum row_fault {
    ROW_GOOD,
    ROW_MALFORMED, /* not CSV, or beyond a limit of csv.h */
    ROW_COLUMNS,   /* more or fewer than the header line has */
    ROW_TIMESTAMP, /* not RFC 3339, or outside sample.h's range */
    ROW_NAME,      /* a name that is missing, too long or not text */
    ROW_VALUE,     /* not a number */
    ROW_FAULTS
};

extern const char *const row_fault_names[ROW_FAULTS];

/* Reads the header line. 0, or -EINVAL with *err that names what is missing or
 * wrong. */
int layout_init(struct layout *layout, const struct csv_row *header,
                struct errmsg *err);
void layout_fini(struct layout *layout);

/* Reads one row; what is wrong, with *err that names column and expectation.
 * Unescaped text goes to arena. */
enum row_fault layout_read(struct layout *layout, const struct csv_row *row,
                           struct arena *arena, struct reading *reading,
                           struct errmsg *err);

#endif
