#include "agents/simulator/dcgm.h"

#include <stdlib.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/timestamp.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define FLUSH_BYTES 1048576
#define DRIVER      "535.129.03"

/* What never changes in a GPU's long rows: files of two million rows are
 * asked for. */
struct parts {
    struct str names;  /* from gpu_id to before the value */
    struct str labels; /* from behind the value to the metric's name */
    struct str rest;   /* from there to the line's end */
};

struct dcgm {
    const struct fleet *fleet;
    enum dcgm_format format;
    dcgm_flush flush;
    void *arg;
    struct buf out;
    struct arena arena;
    struct parts *parts; /* of each GPU; long only */
};

static void append_thousandths(struct buf *out, int64_t value)
{
    buf_append_i64(out, value / 1000);
    int64_t rest = value % 1000;
    buf_append(out,
               (char[]){'.', (char)('0' + rest / 100),
                        (char)('0' + rest / 10 % 10), (char)('0' + rest % 10)},
               4);
}

/* ---- the columns' values ---- */

static void put_utilization(struct buf *out, const struct fleet_gpu *gpu)
{
    buf_append_i64(out, gpu->utilization);
}

static void put_memory_utilization(struct buf *out, const struct fleet_gpu *gpu)
{
    buf_append_i64(out, gpu->memory_utilization);
}

static void put_power(struct buf *out, const struct fleet_gpu *gpu)
{
    append_thousandths(out, gpu->power_mw);
}

static void put_temperature(struct buf *out, const struct fleet_gpu *gpu)
{
    buf_append_i64(out, (gpu->temperature_mc + 500) / 1000);
}

static void put_used(struct buf *out, const struct fleet_gpu *gpu)
{
    buf_append_i64(out, gpu->used_mb);
}

static void put_free(struct buf *out, const struct fleet_gpu *gpu)
{
    buf_append_i64(out, FLEET_MEMORY_MB - gpu->used_mb);
}

static void put_zero(struct buf *out, const struct fleet_gpu *gpu)
{
    (void)gpu;
    buf_append_byte(out, '0');
}

static void put_sm_clock(struct buf *out, const struct fleet_gpu *gpu)
{
    buf_append_i64(out, gpu->sm_clock_mhz);
}

static void put_memory_clock(struct buf *out, const struct fleet_gpu *gpu)
{
    (void)gpu;
    buf_append_text(out, "2619");
}

typedef void (*put_value)(struct buf *out, const struct fleet_gpu *gpu);

/* ---- long ---- */

/* In the order of a scrape, with the second of it that each is read in. */
static const struct long_metric {
    struct str name;
    int second;
    put_value put;
} long_metrics[] = {
    {STR("DCGM_FI_DEV_GPU_UTIL"), 0, put_utilization},
    {STR("DCGM_FI_DEV_MEM_COPY_UTIL"), 0, put_memory_utilization},
    {STR("DCGM_FI_DEV_POWER_USAGE"), 0, put_power},
    {STR("DCGM_FI_DEV_GPU_TEMP"), 1, put_temperature},
    {STR("DCGM_FI_DEV_FB_USED"), 1, put_used},
    {STR("DCGM_FI_DEV_FB_FREE"), 1, put_free},
    {STR("DCGM_FI_DEV_DEC_UTIL"), 2, put_zero},
    {STR("DCGM_FI_DEV_ENC_UTIL"), 3, put_zero},
    {STR("DCGM_FI_DEV_SM_CLOCK"), 3, put_sm_clock},
    {STR("DCGM_FI_DEV_MEM_CLOCK"), 3, put_memory_clock},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct parts make_parts(struct arena *a, const struct fleet_gpu *gpu)
{
    const char *host = arena_printf(a, "sim-dgx-%03d", gpu->host);
    int i = gpu->index;
    const char *names =
        arena_printf(a,
                     "\",\"%d\",\"nvidia%d\",\"%s\",\"" FLEET_MODEL
                     "\",\"%s\",\"\",\"\",\"\",\"",
                     i, i, gpu->uuid, host);
    const char *labels =
        arena_printf(a,
                     "\",\"DCGM_FI_DRIVER_VERSION=\"\"" DRIVER
                     "\"\",Hostname=\"\"%s\"\",UUID=\"\"%s\"\","
                     "__name__=\"\"",
                     host, gpu->uuid);
    const char *rest =
        arena_printf(a,
                     "\"\",device=\"\"nvidia%d\"\",gpu=\"\"%d\"\","
                     "instance=\"\"%s:9400\"\",job=\"\"dgx_dcgm_exporter\"\","
                     "modelName=\"\"" FLEET_MODEL "\"\"\"\n",
                     i, i, host);
    return (struct parts){str_of(names), str_of(labels), str_of(rest)};
}

static void put_long_row(struct dcgm *d, int i, struct str time,
                         const struct long_metric *metric)
{
    struct buf *out = &d->out;
    const struct parts *parts = &d->parts[i];
    buf_append_byte(out, '"');
    buf_append_str(out, time);
    buf_append_text(out, "\",\"");
    buf_append_str(out, metric->name);
    buf_append_str(out, parts->names);
    metric->put(out, fleet_gpu(d->fleet, i));
    buf_append_str(out, parts->labels);
    buf_append_str(out, metric->name);
    buf_append_str(out, parts->rest);
}

/* ---- wide ---- */

static const struct wide_metric {
    const char *name;
    put_value put;
} wide_metrics[] = {
    {"gpu_utilization", put_utilization},
    {"memory_utilization", put_memory_utilization},
    {"memory_used_mb", put_used},
    {"memory_free_mb", put_free},
    {"temperature", put_temperature},
    {"power_draw", put_power},
    {"sm_clock_mhz", put_sm_clock},
    {"memory_clock_mhz", put_memory_clock},
};

static void put_wide_row(struct dcgm *d, int i, struct str time)
{
    struct buf *out = &d->out;
    const struct fleet_gpu *gpu = fleet_gpu(d->fleet, i);
    buf_append_str(out, time);
    buf_printf(out, ",%d,sim-dgx-%03d,%s,nvidia%d," FLEET_MODEL, gpu->index,
               gpu->host, gpu->uuid, gpu->index);
    for (size_t m = 0; m < COUNT(wide_metrics); m++) {
        buf_append_byte(out, ',');
        wide_metrics[m].put(out, gpu);
    }
    buf_append_byte(out, '\n');
}

/* ---- a file ---- */

struct dcgm *dcgm_new(const struct fleet *fleet, enum dcgm_format format,
                      dcgm_flush flush, void *arg)
{
    struct dcgm *d = mem_alloc(sizeof *d);
    *d = (struct dcgm){
        .fleet = fleet, .format = format, .flush = flush, .arg = arg};
    if (format == DCGM_WIDE)
        return d;
    d->parts = mem_grow(NULL, (size_t)fleet_count(fleet) + 1, sizeof *d->parts);
    for (int i = 0; i < fleet_count(fleet); i++)
        d->parts[i] = make_parts(&d->arena, fleet_gpu(fleet, i));
    return d;
}

void dcgm_free(struct dcgm **dcgm)
{
    if (*dcgm == NULL)
        return;
    buf_fini(&(*dcgm)->out);
    arena_fini(&(*dcgm)->arena);
    free((*dcgm)->parts);
    free(*dcgm);
    *dcgm = NULL;
}

static int flush_when_large(struct dcgm *d)
{
    return d->out.len >= FLUSH_BYTES ? d->flush(d->arg, &d->out) : 0;
}

int dcgm_end(struct dcgm *d)
{
    return d->out.len > 0 ? d->flush(d->arg, &d->out) : 0;
}

void dcgm_header(struct dcgm *d)
{
    if (d->format == DCGM_LONG) {
        buf_append_text(&d->out, "timestamp,metric_name,gpu_id,device,uuid,"
                                 "modelName,Hostname,container,pod,namespace,"
                                 "value,labels_raw\n");
        return;
    }
    buf_append_text(&d->out, "timestamp,gpu_id,hostname,uuid,device,modelname");
    for (size_t m = 0; m < COUNT(wide_metrics); m++)
        buf_printf(&d->out, ",%s", wide_metrics[m].name);
    buf_append_byte(&d->out, '\n');
}

/* Whole seconds, as Prometheus writes them, unless the start has a fraction. */
static struct str time_text(int64_t ts_ns, char *text)
{
    int digits = ts_ns % NS_PER_S == 0 ? 0 : 3;
    return str_make(text, (size_t)timestamp_format(ts_ns, digits, text));
}

static int put_metric(struct dcgm *d, int64_t ts_ns,
                      const struct long_metric *metric)
{
    char space[TIMESTAMP_MAX];
    struct str time = time_text(ts_ns + metric->second * NS_PER_S, space);
    int rc = 0;
    for (int i = 0; rc == 0 && i < fleet_count(d->fleet); i++) {
        put_long_row(d, i, time, metric);
        rc = flush_when_large(d);
    }
    return rc;
}

static int put_wide_rows(struct dcgm *d, int64_t ts_ns)
{
    char space[TIMESTAMP_MAX];
    struct str time = time_text(ts_ns, space);
    int rc = 0;
    for (int i = 0; rc == 0 && i < fleet_count(d->fleet); i++) {
        put_wide_row(d, i, time);
        rc = flush_when_large(d);
    }
    return rc;
}

int dcgm_scrape(struct dcgm *d, int64_t ts_ns)
{
    int rc = 0;
    if (d->format == DCGM_WIDE)
        return put_wide_rows(d, ts_ns);
    for (size_t m = 0; rc == 0 && m < COUNT(long_metrics); m++)
        rc = put_metric(d, ts_ns, &long_metrics[m]);
    return rc;
}
