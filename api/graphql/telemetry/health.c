/* health: the types GPUHealth and HostHealth. Their objects are the GPU and the
 * host themselves. */
#include "api/graphql/telemetry/selection.h"

#define HOT_CELSIUS 90

enum {
    PROBLEM_SILENT = 1,
    PROBLEM_MISSING = 2,
    PROBLEM_HOT = 4,
    PROBLEM_XID = 8,
    PROBLEM_ECC = 16
};
static const char *const problem_names[] = {"silent", "missing", "hot",
                                            "xid_error", "ecc_error"};
#define PROBLEM_COUNT (sizeof problem_names / sizeof *problem_names)

static bool reported(const struct fleet_gpu *gpu, enum metric metric)
{
    return (gpu->present >> metric & 1) != 0;
}

static bool above(const struct fleet_gpu *gpu, enum metric metric, double bound)
{
    return reported(gpu, metric) && gpu->values[metric] > bound;
}

/* Bits of what is wrong with it. */
static unsigned problems_of(const struct fleet_gpu *gpu)
{
    unsigned problems = 0;
    if (gpu->status == FLEET_SILENT)
        problems |= PROBLEM_SILENT;
    if (gpu->status == FLEET_MISSING)
        problems |= PROBLEM_MISSING;
    if (reported(gpu, METRIC_temperature) &&
        gpu->values[METRIC_temperature] >= HOT_CELSIUS)
        problems |= PROBLEM_HOT;
    if (above(gpu, METRIC_xid, 0))
        problems |= PROBLEM_XID;
    if (above(gpu, METRIC_ecc_double_bit, 0))
        problems |= PROBLEM_ECC;
    return problems;
}

static void write_problem_names(struct gql_out *out, unsigned problems)
{
    json_begin_array(&out->json);
    for (size_t i = 0; i < PROBLEM_COUNT; i++)
        if (problems >> i & 1)
            json_put_text(&out->json, problem_names[i]);
    json_end_array(&out->json);
}

/* ---- GPUHealth ---- */

static void write_latest(struct gql_out *out, const void *object)
{
    const struct fleet_gpu *gpu = object;
    enum metric metric = (enum metric)out->call.field->binding->number;
    write_double_or_null(out, reported(gpu, metric), gpu->values[metric]);
}

static void write_gpu_healthy(struct gql_out *out, const void *object)
{
    const struct fleet_gpu *gpu = object;
    if (gpu->ts_ns == 0)
        json_put_null(&out->json);
    else
        json_put_bool(&out->json, problems_of(gpu) == 0);
}

static void write_gpu_problems(struct gql_out *out, const void *object)
{
    write_problem_names(out, problems_of(object));
}

/* ---- HostHealth ---- */

struct gathered {
    uint32_t count;
    double sum, max;
};

static struct gathered gather(const struct fleet_host *host, enum metric metric)
{
    struct gathered all = {0};
    for (uint32_t i = 0; i < host->gpu_count; i++) {
        const struct fleet_gpu *gpu = host->gpus[i];
        if (gpu->status != FLEET_ACTIVE || !reported(gpu, metric))
            continue;
        double value = gpu->values[metric];
        all.max = all.count == 0 || value > all.max ? value : all.max;
        all.sum += value;
        all.count++;
    }
    return all;
}

struct host_figure host_utilization(const struct fleet_host *host)
{
    struct gathered all = gather(host, METRIC_gpu_utilization);
    return (struct host_figure){all.count > 0,
                                all.count > 0 ? all.sum / all.count : 0};
}

struct host_figure host_temperature(const struct fleet_host *host)
{
    struct gathered all = gather(host, METRIC_temperature);
    return (struct host_figure){all.count > 0, all.max};
}

struct host_figure host_power(const struct fleet_host *host)
{
    struct gathered all = gather(host, METRIC_power_draw);
    return (struct host_figure){all.count > 0, all.sum};
}

static void write_figure(struct gql_out *out, struct host_figure figure)
{
    write_double_or_null(out, figure.known, figure.value);
}

static void write_host_utilization(struct gql_out *out, const void *object)
{
    write_figure(out, host_utilization(object));
}

static void write_host_temperature(struct gql_out *out, const void *object)
{
    write_figure(out, host_temperature(object));
}

static void write_host_power(struct gql_out *out, const void *object)
{
    write_figure(out, host_power(object));
}

static unsigned host_problems(const struct fleet_host *host)
{
    unsigned problems = 0;
    for (uint32_t i = 0; i < host->gpu_count; i++)
        problems |= problems_of(host->gpus[i]);
    return problems;
}

static bool host_reported(const struct fleet_host *host)
{
    for (uint32_t i = 0; i < host->gpu_count; i++)
        if (host->gpus[i]->ts_ns != 0)
            return true;
    return false;
}

static void write_host_healthy(struct gql_out *out, const void *object)
{
    if (host_reported(object))
        json_put_bool(&out->json, host_problems(object) == 0);
    else
        json_put_null(&out->json);
}

static void write_host_problems(struct gql_out *out, const void *object)
{
    write_problem_names(out, host_problems(object));
}

const struct gql_binding health_bindings[] = {
    {.name = "GPUHealth.utilizationPercent",
     .write = write_latest,
     .number = METRIC_gpu_utilization},
    {.name = "GPUHealth.memoryUtilizationPercent",
     .write = write_latest,
     .number = METRIC_memory_utilization},
    {.name = "GPUHealth.temperatureCelsius",
     .write = write_latest,
     .number = METRIC_temperature},
    {.name = "GPUHealth.powerWatts",
     .write = write_latest,
     .number = METRIC_power_draw},
    {.name = "GPUHealth.healthy", .write = write_gpu_healthy},
    {.name = "GPUHealth.problems", .write = write_gpu_problems},
    {.name = "HostHealth.utilizationPercent", .write = write_host_utilization},
    {.name = "HostHealth.temperatureCelsius", .write = write_host_temperature},
    {.name = "HostHealth.powerWatts", .write = write_host_power},
    {.name = "HostHealth.healthy", .write = write_host_healthy},
    {.name = "HostHealth.problems", .write = write_host_problems},
    {.name = NULL},
};
