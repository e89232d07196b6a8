#include "lib/metric.h"

const struct metric_info metric_catalogue[METRIC_COUNT] = {
#define METRIC(name, dcgm, unit, title) \
    [METRIC_##name] = {STR(#name), STR("DCGM_FI_" dcgm), unit, title},
#include "schema/metrics.def"
#undef METRIC
};

int metric_by_name(struct str name)
{
    for (int m = 0; m < METRIC_COUNT; m++)
        if (str_eq(metric_catalogue[m].name, name))
            return m;
    return -1;
}

int metric_by_dcgm(struct str field)
{
    for (int m = 0; m < METRIC_COUNT; m++)
        if (str_eq(metric_catalogue[m].dcgm, field))
            return m;
    return -1;
}
