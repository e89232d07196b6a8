/* fleet_sample: a sample is taken in. */
#include "api/fleet/fleet_private.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/json.h"
#include "lib/mem.h"

static void value_render(struct model *m, struct fleet_gpu *gpu, int metric)
{
    buf_reset(&m->scratch);
    json_append_double(&m->scratch, gpu->values[metric]);
    assert(m->scratch.len <= sizeof gpu->value_json[metric].text);
    memcpy(gpu->value_json[metric].text, m->scratch.data, m->scratch.len);
    gpu->value_json[metric].len = (uint8_t)m->scratch.len;
}

static void value_set(struct model *m, struct fleet_gpu *gpu, int metric,
                      double value, int64_t ts_ns)
{
    uint64_t bit = UINT64_C(1) << metric;
    gpu->value_ts_ns[metric] = ts_ns;
    /* Most values are what they were; printing is what costs. */
    if ((gpu->present & bit) != 0 && gpu->values[metric] == value)
        return;
    gpu->present |= bit;
    gpu->values[metric] = value;
    value_render(m, gpu, metric);
}

/* later: of two values of one time, the sample's is the one that counts. */
static void values_take(struct model *m, struct fleet_gpu *gpu,
                        const struct sample *s, bool later)
{
    for (uint64_t left = s->present; left != 0; left &= left - 1) {
        int metric = __builtin_ctzll(left);
        bool known = (gpu->present >> metric & 1) != 0;
        int64_t ts = gpu->value_ts_ns[metric];
        if (!known || ts < s->ts_ns || (ts == s->ts_ns && later))
            value_set(m, gpu, metric, s->metrics[metric], s->ts_ns);
    }
}

/* The lesser of two gaps that follow each other: one outage between samples
 * does not count, a slow pace does. */
static void interval_learn(struct gpu *gpu, int64_t gap)
{
    if (gap <= 0 || gap > FLEET_INTERVAL_MAX_NS)
        return;
    int64_t calm = gpu->gap_ns != 0 && gpu->gap_ns < gap ? gpu->gap_ns : gap;
    gpu->gap_ns = gap;
    int64_t *interval = &gpu->pub.interval_ns;
    *interval = *interval == 0 ? calm : *interval + (calm - *interval) / 4;
}

/* A sample may come in parts of one time: the time's first part counts. */
static void interval_step(struct gpu *gpu, int64_t ts_ns, int64_t heard_ns)
{
    if (ts_ns == gpu->last_ts_ns || heard_ns < gpu->step_ns)
        return;
    if (gpu->step_ns != 0)
        interval_learn(gpu, heard_ns - gpu->step_ns);
    gpu->last_ts_ns = ts_ns;
    gpu->step_ns = heard_ns;
}

struct gpu *sample_take(struct model *m, const struct sample *s,
                        uint64_t sequence, int64_t heard_ns)
{
    bool fresh;
    struct gpu *gpu = tree_gpu(m, s, &fresh);
    if (gpu == NULL)
        return NULL;
    struct fleet_gpu *pub = &gpu->pub;
    bool later = sequence >= pub->sequence;
    m->pub.revision++;
    /* What the database tells a second time is nothing new. */
    if (fresh || s->ts_ns > pub->ts_ns || sequence > pub->sequence)
        pub->revision = m->pub.revision;
    if (fresh || s->ts_ns > pub->ts_ns || (s->ts_ns == pub->ts_ns && later)) {
        tree_name_gpu(m, gpu, s);
        pub->ts_ns = s->ts_ns;
        pub->sequence = sequence;
    }
    values_take(m, pub, s, later);
    interval_step(gpu, s->ts_ns, heard_ns);
    status_heard(m, gpu, heard_ns);
    return gpu;
}

void fleet_sample_at(struct fleet *f, const struct sample *sample,
                     uint64_t sequence, int64_t heard_ns)
{
    struct model *m = model_of(f);
    if (sequence > f->sequence)
        f->sequence = sequence;
    f->as_of_ns = heard_ns;
    status_known(m, heard_ns);
    struct gpu *gpu = sample_take(m, sample, sequence, heard_ns);
    if (gpu == NULL) {
        f->left_out++;
        return;
    }
    if (m->timer_ns == 0)
        status_arm(m);
    struct fleet_update update = {&gpu->pub, sample, sequence};
    model_tell_update(m, &update);
}

void fleet_sample(struct fleet *f, const struct sample *sample,
                  uint64_t sequence)
{
    fleet_sample_at(f, sample, sequence, model_of(f)->config.wall_ns());
}

/* ---- labels ---- */

static size_t labels_size(const struct fleet_label *labels, uint32_t count)
{
    size_t size = count * sizeof *labels;
    for (uint32_t i = 0; i < count; i++)
        size += labels[i].key.len + labels[i].value.len;
    return size;
}

static struct str label_copy(char **at, struct str text)
{
    struct str copy = str_make(*at, text.len);
    if (text.len > 0)
        memcpy(*at, text.p, text.len);
    *at += text.len;
    return copy;
}

static int label_compare(const void *a, const void *b)
{
    const struct fleet_label *x = a, *y = b;
    return str_order(x->key, y->key);
}

/* One block: the labels, then their texts. */
void fleet_set_labels(struct fleet *f, struct fleet_gpu *gpu,
                      const struct fleet_label *labels, uint32_t count)
{
    struct fleet_label *block = mem_alloc(labels_size(labels, count) + 1);
    char *at = (char *)(block + count);
    for (uint32_t i = 0; i < count; i++)
        block[i] = (struct fleet_label){label_copy(&at, labels[i].key),
                                        label_copy(&at, labels[i].value)};
    qsort(block, count, sizeof *block, label_compare);
    free(gpu_of(gpu)->labels_block);
    gpu_of(gpu)->labels_block = block;
    gpu->labels = block;
    gpu->label_count = count;
    f->revision++;
}
