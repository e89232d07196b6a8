#include "api/live/message.h"

#include <math.h>

#include "lib/json.h"
#include "lib/timestamp.h"

void message_time(struct buf *out, int64_t ns)
{
    char *at = buf_reserve(out, TIMESTAMP_MAX + 2);
    int n = timestamp_format_nano(ns, at + 1);
    at[0] = at[n + 1] = '"';
    out->len += (size_t)n + 2;
}

static void put_time(struct json_writer *w, int64_t ns)
{
    json_key(w, "timestamp");
    message_time(w->out, ns);
    w->comma = true;
}

/* Writes the value of one metric that the source has. */
typedef void (*put_value_fn)(struct buf *out, const void *source, int metric);

/* {"name":value,…} of the wanted metrics, null where the source has none; wanted
 * 0: of those it has. */
static void put_metrics(struct buf *out, uint64_t wanted, uint64_t present,
                        put_value_fn put, const void *source)
{
    char comma = '{';
    for (uint64_t left = wanted != 0 ? wanted : present; left != 0;
         left &= left - 1) {
        int m = __builtin_ctzll(left);
        buf_append_byte(out, comma);
        buf_append_byte(out, '"');
        buf_append_str(out, metric_catalogue[m].name);
        buf_append(out, "\":", 2);
        if ((present >> m & 1) != 0)
            put(out, source, m);
        else
            buf_append(out, "null", 4);
        comma = ',';
    }
    if (comma == '{')
        buf_append_byte(out, '{');
    buf_append_byte(out, '}');
}

static void put_reported(struct buf *out, const void *sample, int metric)
{
    json_append_double(out, ((const struct sample *)sample)->metrics[metric]);
}

static void put_latest(struct buf *out, const void *object, int metric)
{
    const struct fleet_gpu *gpu = object;
    buf_append(out, gpu->value_json[metric].text, gpu->value_json[metric].len);
}

static void put_extra(struct json_writer *w, const struct sample *s)
{
    json_key(w, "extra");
    json_begin_object(w);
    for (size_t i = 0; i < s->extra_count; i++) {
        json_key_str(w, s->extra[i].name);
        json_put_double(w, s->extra[i].value);
    }
    json_end_object(w);
}

void message_update(struct buf *out, const struct sample *s, uint64_t metrics,
                    uint64_t sequence)
{
    struct json_writer w = json_writer(out);
    put_time(&w, s->ts_ns);
    json_member_str(&w, "gpu_uuid", s->uuid);
    json_member_str(&w, "cluster_id", s->cluster);
    json_member_str(&w, "hostname", s->host);
    json_member_str(&w, "gpu_id", s->gpu);
    json_key(&w, "data");
    put_metrics(out, metrics, s->present, put_reported, s);
    w.comma = true;
    if (metrics == 0 && s->extra_count > 0)
        put_extra(&w, s);
    json_member_u64(&w, "sequence", sequence);
}

void message_resume(struct buf *out, uint64_t sequence)
{
    buf_append_text(out, ",\"resume\":");
    buf_append_u64(out, sequence);
}

static void put_member(struct buf *out, const char *key, struct str json)
{
    buf_append_text(out, key);
    buf_append_str(out, json);
}

/* Where it stands, from texts that are quoted already. */
static void put_place(struct buf *out, const struct fleet_gpu *gpu)
{
    static const struct str null = STR("null"); /* missing, never seen */
    put_member(out, "\"gpu_uuid\":", gpu->uuid.len > 0 ? gpu->json_uuid : null);
    put_member(out, ",\"cluster_id\":", gpu->host->cluster->json_name);
    put_member(out, ",\"hostname\":", gpu->host->json_name);
    put_member(out, ",\"gpu_id\":", gpu->json_index);
}

void message_change(struct buf *out, const struct fleet_change *change,
                    uint64_t sequence)
{
    buf_append_text(out, "\"timestamp\":");
    message_time(out, change->at_ns);
    buf_append_byte(out, ',');
    put_place(out, change->gpu);
    buf_printf(out, ",\"before\":\"%s\",\"status\":\"%s\",\"sequence\":",
               fleet_status_names[change->before],
               fleet_status_names[change->now]);
    buf_append_u64(out, sequence);
}

void message_gpu(struct buf *out, const struct fleet_gpu *gpu, uint64_t metrics)
{
    buf_append_byte(out, '{');
    put_place(out, gpu);
    put_member(out, ",\"name\":", gpu->json_name);
    buf_printf(out, ",\"status\":\"%s\",\"timestamp\":",
               fleet_status_names[gpu->status]);
    if (gpu->ts_ns == 0)
        buf_append(out, "null", 4);
    else
        message_time(out, gpu->ts_ns);
    buf_append_text(out, ",\"data\":");
    put_metrics(out, metrics, gpu->present, put_latest, gpu);
    buf_append_text(out, ",\"sequence\":");
    buf_append_u64(out, gpu->sequence);
    buf_append_byte(out, '}');
}

/* ---- the fleet in numbers ---- */

struct summary {
    uint32_t status[FLEET_STATUS_COUNT];
    uint32_t count[METRIC_COUNT]; /* of active GPUs that report it */
    double sum[METRIC_COUNT], max[METRIC_COUNT];
};

static void summary_add(struct summary *sum, const struct fleet_gpu *gpu)
{
    sum->status[gpu->status]++;
    if (gpu->status != FLEET_ACTIVE)
        return;
    for (uint64_t left = gpu->present; left != 0; left &= left - 1) {
        int m = __builtin_ctzll(left);
        double value = gpu->values[m];
        if (sum->count[m]++ == 0 || value > sum->max[m])
            sum->max[m] = value;
        sum->sum[m] += value;
    }
}

/* An average has no more digits than its values mean. */
static double rounded(double value)
{
    return round(value * 1000) / 1000;
}

static void put_summary(struct json_writer *w, const struct summary *sum,
                        uint64_t wanted)
{
    json_key(w, "metrics");
    json_begin_object(w);
    for (int m = 0; m < METRIC_COUNT; m++) {
        if (wanted != 0 ? (wanted >> m & 1) == 0 : sum->count[m] == 0)
            continue;
        json_key_str(w, metric_catalogue[m].name);
        if (sum->count[m] == 0) {
            json_put_null(w);
            continue;
        }
        json_begin_object(w);
        json_member_i64(w, "gpus", sum->count[m]);
        json_member_double(w, "average", rounded(sum->sum[m] / sum->count[m]));
        json_member_double(w, "max", sum->max[m]);
        json_member_double(w, "sum", rounded(sum->sum[m]));
        json_end_object(w);
    }
    json_end_object(w);
}

static void put_statuses(struct json_writer *w, const struct summary *sum)
{
    json_key(w, "status");
    json_begin_object(w);
    for (int i = 0; i < FLEET_STATUS_COUNT; i++)
        json_member_i64(w, fleet_status_names[i], sum->status[i]);
    json_end_object(w);
}

void message_fleet(struct buf *out, const struct fleet *f,
                   const struct filter *filter)
{
    struct summary sum = {0};
    int64_t gpus = 0;
    for (uint32_t i = 0; i < f->gpu_count; i++)
        if (filter_takes(filter, f->gpus[i])) {
            summary_add(&sum, f->gpus[i]);
            gpus++;
        }
    struct json_writer w = json_writer(out);
    put_time(&w, f->as_of_ns);
    json_member_bool(&w, "following", f->following);
    json_key(&w, "data");
    json_begin_object(&w);
    json_member_i64(&w, "gpus", gpus);
    put_statuses(&w, &sum);
    put_summary(&w, &sum, filter->metrics);
    json_end_object(&w);
    json_member_u64(&w, "sequence", f->sequence);
}
