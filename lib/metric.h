/* metric: the catalogue of GPU metrics, made from schema/metrics.def. */
#ifndef NEXUS_METRIC_H
#define NEXUS_METRIC_H

#include "lib/str.h"

enum metric {
#define METRIC(name, dcgm, unit, title) METRIC_##name,
#include "schema/metrics.def"
#undef METRIC
    METRIC_COUNT
};

struct metric_info {
    struct str name;  /* "gpu_utilization": JSON member, database column */
    struct str dcgm;  /* "DCGM_FI_DEV_GPU_UTIL" */
    const char *unit; /* "%", "MiB", …; "" for counts and codes */
    const char *title;
};

extern const struct metric_info metric_catalogue[METRIC_COUNT];

/* The metric of that name or DCGM field, or -1. */
int metric_by_name(struct str name);
int metric_by_dcgm(struct str field);

#endif
