/* selection: see the header. */
#include "api/graphql/telemetry/selection.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "lib/clock.h"

/* ---- the input GPUSort, HostSort ---- */

static bool is_null(const struct gql_value *value)
{
    return value == NULL || value->kind == GQL_NULL;
}

/* The enums of the schema, in its order. */
enum {
    BY_CLUSTER,
    BY_HOSTNAME,
    BY_INDEX,
    BY_UUID,
    BY_MODEL,
    BY_STATUS,
    BY_LAST_SEEN
};
static const char *const gpu_fields[] = {
    "cluster", "hostname", "index", "uuid", "model", "status", "lastSeen"};
enum {
    HOST_CLUSTER,
    HOST_NAME,
    HOST_STATUS,
    HOST_GPUS,
    HOST_ACTIVE,
    HOST_LAST_SEEN,
    HOST_UTILIZATION,
    HOST_TEMPERATURE,
    HOST_POWER
};
static const char *const host_fields[] = {
    "cluster",  "hostname",    "status",      "totalGPUs", "activeGPUs",
    "lastSeen", "utilization", "temperature", "power"};

static int field_of(const struct gql_value *name, bool hosts)
{
    const char *const *fields = hosts ? host_fields : gpu_fields;
    int field = 0;
    while (!str_is(name->text, fields[field]))
        field++; /* it is one of the enum's */
    return field;
}

static int part_read(struct order_part *part, const struct gql_value *in,
                     bool hosts, struct errmsg *err)
{
    const struct gql_value *field = gql_member(in, "field");
    const struct gql_value *metric = hosts ? NULL : gql_member(in, "metric");
    if (is_null(field) == is_null(metric))
        return errmsg_set(err, -EINVAL,
                          "sort: give either a field or a metric");
    part->field = is_null(field) ? -1 : field_of(field, hosts);
    part->metric = is_null(metric) ? -1 : metric_of(metric);
    part->descending = str_is(gql_member(in, "direction")->text, "DESC");
    return 0;
}

static int order_read(struct order *order, const struct gql_call *call,
                      bool hosts, struct errmsg *err)
{
    const struct gql_value *list = gql_argument(call, "sort");
    if (is_null(list))
        return 0;
    for (const struct gql_value *v = list->items; v != NULL; v = v->next) {
        if (order->count == ORDER_MAX)
            return errmsg_set(err, -EINVAL, "sort: by %d at most", ORDER_MAX);
        if (part_read(&order->parts[order->count++], v, hosts, err) < 0)
            return -EINVAL;
    }
    return 0;
}

/* ---- keys ---- */

static struct order_key number_key(bool known, double number)
{
    return (struct order_key){.kind = known ? KEY_NUMBER : KEY_NONE,
                              .number = number};
}

static struct order_key text_key(struct str text)
{
    return (struct order_key){.kind = KEY_TEXT, .text = text};
}

/* Indexes are numbers, as a rule. */
static struct order_key index_key(struct str index)
{
    int64_t number;
    if (str_to_i64(index, &number) == 0)
        return number_key(true, (double)number);
    return text_key(index);
}

static struct order_key time_key(int64_t ns)
{
    return number_key(ns != 0, (double)ns);
}

static struct order_key gpu_key(const struct fleet_gpu *gpu,
                                const struct order_part *part)
{
    if (part->metric >= 0)
        return number_key(gpu->present >> part->metric & 1,
                          gpu->values[part->metric]);
    switch (part->field) {
    case BY_CLUSTER:
        return text_key(gpu->host->cluster->name);
    case BY_HOSTNAME:
        return text_key(gpu->host->name);
    case BY_INDEX:
        return index_key(gpu->index);
    case BY_UUID:
        return text_key(gpu->uuid);
    case BY_MODEL:
        return text_key(gpu->model);
    case BY_STATUS:
        return number_key(true, gpu->status);
    default:
        return time_key(gpu->heard_ns);
    }
}

static struct order_key figure_key(struct host_figure figure)
{
    return number_key(figure.known, figure.value);
}

static struct order_key host_key(const struct fleet_host *host,
                                 const struct order_part *part)
{
    switch (part->field) {
    case HOST_CLUSTER:
        return text_key(host->cluster->name);
    case HOST_NAME:
        return text_key(host->name);
    case HOST_STATUS:
        return number_key(true, host_status(host));
    case HOST_GPUS:
        return number_key(true, host_known_gpus(host));
    case HOST_ACTIVE:
        return number_key(true, host->counts[FLEET_ACTIVE]);
    case HOST_LAST_SEEN:
        return time_key(host_last_seen(host));
    case HOST_UTILIZATION:
        return figure_key(host_utilization(host));
    case HOST_TEMPERATURE:
        return figure_key(host_temperature(host));
    default:
        return figure_key(host_power(host));
    }
}

/* ---- comparing ---- */

static int compare_texts(struct str a, struct str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter > 0 ? memcmp(a.p, b.p, shorter) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_known(const struct order_key *a, const struct order_key *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1; /* numbers first */
    if (a->kind == KEY_TEXT)
        return compare_texts(a->text, b->text);
    return (a->number > b->number) - (a->number < b->number);
}

/* What is not known comes last, whichever way the order goes. */
static int compare_keys(const struct order_part *part,
                        const struct order_key *a, const struct order_key *b)
{
    bool none_a = a->kind == KEY_NONE, none_b = b->kind == KEY_NONE;
    if (none_a || none_b)
        return none_a - none_b;
    int order = compare_known(a, b);
    return part->descending ? -order : order;
}

int selected_compare(const struct order *order, const struct selected *a,
                     const struct selected *b)
{
    for (uint32_t i = 0; i < order->count; i++) {
        int by = compare_keys(&order->parts[i], &a->keys[i], &b->keys[i]);
        if (by != 0)
            return by;
    }
    return (a->position > b->position) - (a->position < b->position);
}

static int compare(const void *a, const void *b, void *order)
{
    return selected_compare(order, a, b);
}

static void selection_sort(struct selection *s)
{
    if (s->order.count > 0)
        qsort_r(s->items, s->count, sizeof *s->items, compare, &s->order);
}

/* ---- selecting ---- */

static struct selected *selection_add(struct selection *s, const void *object,
                                      uint32_t position)
{
    struct selected *item = &s->items[s->count++];
    item->object = object;
    item->position = position;
    return item;
}

void selected_fill(const struct selection *s, struct selected *item)
{
    for (uint32_t k = 0; k < s->order.count; k++)
        item->keys[k] = s->scope.of_hosts
                            ? host_key(item->object, &s->order.parts[k])
                            : gpu_key(item->object, &s->order.parts[k]);
}

static int selection_begin(struct selection *s, const struct gql_call *call,
                           const struct scope *scope, struct errmsg *err)
{
    *s = (struct selection){.call = call, .scope = *scope};
    s->items = arena_alloc(call->arena, (scope->count + 1) * sizeof *s->items);
    return order_read(&s->order, call, scope->of_hosts, err);
}

static int select_gpus(struct selection *s, struct errmsg *err)
{
    const struct gpu_filter *filter;
    if (gpu_filter_of(s->call, &filter, err) < 0)
        return -EINVAL;
    for (uint32_t i = 0; i < s->scope.count; i++) {
        const struct fleet_gpu *gpu = s->scope.gpus[i];
        if (gpu_is_known(gpu) && gpu_filter_takes(filter, gpu))
            selected_fill(s, selection_add(s, gpu, i));
    }
    return 0;
}

static int select_hosts(struct selection *s, struct errmsg *err)
{
    const struct host_filter *filter;
    if (host_filter_of(s->call, &filter, err) < 0)
        return -EINVAL;
    for (uint32_t i = 0; i < s->scope.count; i++)
        if (host_filter_takes(filter, s->scope.hosts[i]))
            selected_fill(s, selection_add(s, s->scope.hosts[i], i));
    return 0;
}

int selection_make(struct selection *s, const struct gql_call *call,
                   const struct scope *scope, struct errmsg *err)
{
    if (selection_begin(s, call, scope, err) < 0)
        return -EINVAL;
    int rc = s->scope.of_hosts ? select_hosts(s, err) : select_gpus(s, err);
    if (rc == 0)
        selection_sort(s);
    return rc;
}

/* ---- giving lists ---- */

/* The argument `limit`; -EINVAL with *err. */
static int limit_of(const struct gql_call *call, uint32_t *limit,
                    struct errmsg *err)
{
    int64_t given = gql_argument_i64(call, "limit", INT32_MAX);
    if (given < 0)
        return errmsg_set(err, -EINVAL, "limit: expected 0 or more, got %d",
                          (int)given);
    *limit = (uint32_t)given;
    return 0;
}

struct list {
    const void **objects;
    uint32_t count;
    int rc; /* -EINVAL: err says what the arguments are */
    struct errmsg err;
};

/* Nothing is asked of the list: all of the scope that was ever seen. */
static bool is_plain(const struct gql_call *call)
{
    for (uint32_t i = 0; i < call->field->argument_count; i++)
        if (!is_null(call->arguments[i]))
            return false;
    return true;
}

static void list_take_all(struct list *list, const struct scope *scope)
{
    for (uint32_t i = 0; i < scope->count; i++)
        if (scope->of_hosts)
            list->objects[list->count++] = scope->hosts[i];
        else if (gpu_is_known(scope->gpus[i]))
            list->objects[list->count++] = scope->gpus[i];
}

static void list_select(struct list *list, const struct gql_call *call,
                        const struct scope *scope)
{
    struct selection s = {0};
    uint32_t limit = 0;
    list->rc = limit_of(call, &limit, &list->err);
    if (list->rc == 0)
        list->rc = selection_make(&s, call, scope, &list->err);
    if (list->rc < 0)
        return;
    list->count = s.count < limit ? s.count : limit;
    for (uint32_t i = 0; i < list->count; i++)
        list->objects[i] = s.items[i].object;
}

static void list_make(struct list *list, const struct gql_call *call,
                      const struct scope *scope)
{
    list->count = 0;
    list->rc = 0;
    list->objects =
        arena_alloc(call->arena, (scope->count + 1) * sizeof *list->objects);
    if (is_plain(call))
        list_take_all(list, scope);
    else
        list_select(list, call, scope);
}

void resolve_lists(struct gql_batch *batch, scope_fn scope_of)
{
    struct list list = {0};
    for (uint32_t i = 0; i < batch->count; i++) {
        const void *parent = batch->parents[i];
        if (i == 0 || parent != batch->parents[i - 1]) {
            struct scope scope = scope_of(parent, &batch->call);
            list_make(&list, &batch->call, &scope);
        }
        if (list.rc < 0)
            gql_batch_error(batch, i, GQL_CODE_INPUT, "%s", list.err.text);
        else
            gql_batch_list(batch, i, list.objects, list.count);
    }
    gql_batch_done(batch);
}

struct scope gpus_of_cluster(const void *parent, const struct gql_call *call)
{
    const struct fleet_cluster *cluster = parent;
    struct fleet_gpu **gpus =
        arena_alloc(call->arena, (cluster->gpu_count + 1) * sizeof *gpus);
    struct scope scope = {.gpus = gpus};
    for (uint32_t h = 0; h < cluster->host_count; h++) {
        const struct fleet_host *host = cluster->hosts[h];
        for (uint32_t g = 0; g < host->gpu_count; g++)
            gpus[scope.count++] = host->gpus[g];
    }
    return scope;
}

struct scope gpus_of_host(const void *parent, const struct gql_call *call)
{
    (void)call;
    const struct fleet_host *host = parent;
    return (struct scope){.gpus = host->gpus, .count = host->gpu_count};
}

struct scope gpus_of_fleet(const void *parent, const struct gql_call *call)
{
    (void)parent;
    const struct fleet *fleet = fleet_of(call);
    return (struct scope){.gpus = fleet->gpus, .count = fleet->gpu_count};
}

struct scope hosts_of_cluster(const void *parent, const struct gql_call *call)
{
    (void)call;
    const struct fleet_cluster *cluster = parent;
    return (struct scope){.of_hosts = true,
                          .hosts = cluster->hosts,
                          .count = cluster->host_count};
}

struct scope hosts_of_fleet(const void *parent, const struct gql_call *call)
{
    (void)parent;
    const struct fleet *fleet = fleet_of(call);
    return (struct scope){
        .of_hosts = true, .hosts = fleet->hosts, .count = fleet->host_count};
}
