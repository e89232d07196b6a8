/* gpu_filter: the input GPUFilter. */
#include "api/graphql/telemetry/selection.h"

#include <errno.h>

struct label_filter {
    struct str key, value;
    bool any_value;
};

struct value_filter {
    int metric;
    bool has_min, has_max;
    double min, max;
};

struct gpu_filter {
    struct names clusters, hosts, uuids, models, words;
    uint32_t statuses; /* bits */
    bool by_status;
    struct label_filter *labels;
    uint32_t label_count;
    struct value_filter *values;
    uint32_t value_count;
};

/* ---- reading it ---- */

static uint32_t length_of(const struct gql_value *list)
{
    uint32_t count = 0;
    if (list != NULL && list->kind == GQL_LIST)
        for (const struct gql_value *v = list->items; v != NULL; v = v->next)
            count++;
    return count;
}

static bool is_null(const struct gql_value *value)
{
    return value == NULL || value->kind == GQL_NULL;
}

static void read_labels(struct gpu_filter *filter, const struct gql_value *list,
                        struct arena *arena)
{
    uint32_t count = length_of(list);
    if (count == 0)
        return;
    filter->labels = arena_zalloc(arena, count * sizeof *filter->labels);
    for (const struct gql_value *v = list->items; v != NULL; v = v->next) {
        const struct gql_value *value = gql_member(v, "value");
        struct label_filter *label = &filter->labels[filter->label_count++];
        label->key = gql_member(v, "key")->text;
        label->any_value = is_null(value);
        if (!label->any_value)
            label->value = value->text;
    }
}

static double bound_of(const struct gql_value *value, bool *given)
{
    *given = !is_null(value);
    return *given ? value->f64 : 0;
}

static void read_values(struct gpu_filter *filter, const struct gql_value *list,
                        struct arena *arena)
{
    uint32_t count = length_of(list);
    if (count == 0)
        return;
    filter->values = arena_zalloc(arena, count * sizeof *filter->values);
    for (const struct gql_value *v = list->items; v != NULL; v = v->next) {
        struct value_filter *value = &filter->values[filter->value_count++];
        value->metric = metric_of(gql_member(v, "metric"));
        value->min = bound_of(gql_member(v, "min"), &value->has_min);
        value->max = bound_of(gql_member(v, "max"), &value->has_max);
    }
}

static const struct gpu_filter *filter_read(const struct gql_value *in,
                                            struct arena *arena)
{
    struct gpu_filter *filter = arena_zalloc(arena, sizeof *filter);
    filter->clusters = names_of(gql_member(in, "cluster"), arena);
    filter->hosts = names_of(gql_member(in, "host"), arena);
    filter->uuids = names_of(gql_member(in, "uuid"), arena);
    filter->models = lower_names_of(gql_member(in, "model"), arena);
    filter->words = words_of(gql_member(in, "text"), arena);
    filter->statuses =
        statuses_of(gql_member(in, "status"), &filter->by_status);
    read_labels(filter, gql_member(in, "labels"), arena);
    read_values(filter, gql_member(in, "values"), arena);
    return filter;
}

int gpu_filter_of(const struct gql_call *call, const struct gpu_filter **filter,
                  struct errmsg *err)
{
    const struct gql_value *in = gql_argument(call, "filter");
    *filter = NULL;
    if (is_null(in))
        return 0;
    if (filter_check(in, err) < 0)
        return -EINVAL;
    *filter = filter_read(in, call->arena);
    return 0;
}

bool gpu_filter_names_status(const struct gpu_filter *filter)
{
    return filter != NULL && filter->by_status;
}

/* ---- asking it ---- */

static bool takes_host(const struct names *hosts, const struct fleet_host *host)
{
    if (!hosts->given)
        return true;
    for (uint32_t i = 0; i < hosts->count; i++)
        if (str_eq(hosts->names[i], host->name) ||
            host_has_id(host, hosts->names[i]))
            return true;
    return false;
}

static bool takes_model(const struct names *models, struct str model)
{
    for (uint32_t i = 0; i < models->count; i++)
        if (text_has(model, models->names[i]))
            return true;
    return !models->given;
}

static bool has_word(const struct fleet_gpu *gpu, struct str word)
{
    const struct str texts[] = {
        gpu->uuid,   gpu->host->name, gpu->model,
        gpu->device, gpu->index,      gpu->host->cluster->name,
        gpu->pod,    gpu->namespace,  gpu->container,
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (text_has(texts[i], word))
            return true;
    for (uint32_t i = 0; i < gpu->label_count; i++)
        if (text_has(gpu->labels[i].key, word) ||
            text_has(gpu->labels[i].value, word))
            return true;
    return false;
}

static bool takes_words(const struct names *words, const struct fleet_gpu *gpu)
{
    for (uint32_t i = 0; i < words->count; i++)
        if (!has_word(gpu, words->names[i]))
            return false;
    return true;
}

static bool has_label(const struct fleet_gpu *gpu,
                      const struct label_filter *label)
{
    for (uint32_t i = 0; i < gpu->label_count; i++)
        if (str_eq(gpu->labels[i].key, label->key))
            return label->any_value ||
                   str_eq(gpu->labels[i].value, label->value);
    return false;
}

static bool takes_labels(const struct gpu_filter *filter,
                         const struct fleet_gpu *gpu)
{
    for (uint32_t i = 0; i < filter->label_count; i++)
        if (!has_label(gpu, &filter->labels[i]))
            return false;
    return true;
}

static bool takes_values(const struct gpu_filter *filter,
                         const struct fleet_gpu *gpu)
{
    for (uint32_t i = 0; i < filter->value_count; i++) {
        const struct value_filter *f = &filter->values[i];
        double value = gpu->values[f->metric];
        if ((gpu->present >> f->metric & 1) == 0 ||
            (f->has_min && value < f->min) || (f->has_max && value > f->max))
            return false;
    }
    return true;
}

bool gpu_filter_takes(const struct gpu_filter *filter,
                      const struct fleet_gpu *gpu)
{
    if (filter == NULL)
        return true;
    return (!filter->clusters.given ||
            names_have(&filter->clusters, gpu->host->cluster->name)) &&
           takes_host(&filter->hosts, gpu->host) &&
           (!filter->uuids.given || names_have(&filter->uuids, gpu->uuid)) &&
           (!filter->by_status || (filter->statuses >> gpu->status & 1)) &&
           takes_model(&filter->models, gpu->model) &&
           takes_words(&filter->words, gpu) && takes_labels(filter, gpu) &&
           takes_values(filter, gpu);
}
