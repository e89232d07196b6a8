/* fleet_tree: clusters, hosts and GPUs, in arrays that are kept in order.
 *
 * A new one is put in its place by moving those behind it: pointers, a few
 * microseconds among ten thousand, once in each one's life. */
#include "api/fleet/fleet_private.h"

#include <stdlib.h>

#include "lib/json.h"
#include "lib/mem.h"

/* ---- arrays in order ---- */

typedef int (*compare_fn)(const void *a, const void *b);

static uint32_t list_place(void *const *list, uint32_t count, const void *item,
                           compare_fn compare)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare(list[middle], item) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* A list's memory is the power of two that holds its count. */
static void *list_insert(void *list, uint32_t *count, void *item,
                         compare_fn compare)
{
    void **items = list;
    uint32_t n = (*count)++;
    if ((n & (n - 1)) == 0)
        items = mem_grow(items, n == 0 ? 1 : (size_t)n * 2, sizeof *items);
    uint32_t at = list_place(items, n, item, compare);
    memmove(items + at + 1, items + at, (n - at) * sizeof *items);
    items[at] = item;
    return items;
}

static void list_remove(void *list, uint32_t *count, const void *item)
{
    void **items = list;
    uint32_t at = 0;
    while (items[at] != item)
        at++;
    uint32_t n = --*count;
    memmove(items + at, items + at + 1, (n - at) * sizeof *items);
}

static bool is_number(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.len > 0;
}

/* A shorter number is a smaller one. */
int fleet_index_order(struct str a, struct str b)
{
    bool number_a = is_number(a), number_b = is_number(b);
    if (number_a != number_b)
        return number_a ? -1 : 1;
    if (number_a && a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return str_order(a, b);
}

static int cluster_compare(const void *a, const void *b)
{
    const struct fleet_cluster *x = a, *y = b;
    return str_order(x->name, y->name);
}

static int host_compare(const void *a, const void *b)
{
    const struct fleet_host *x = a, *y = b;
    if (x->cluster != y->cluster)
        return cluster_compare(x->cluster, y->cluster);
    return str_order(x->name, y->name);
}

static int gpu_compare(const void *a, const void *b)
{
    const struct fleet_gpu *x = a, *y = b;
    if (x->host != y->host)
        return host_compare(x->host, y->host);
    int order = fleet_index_order(x->index, y->index);
    return order != 0 ? order : str_order(x->uuid, y->uuid);
}

/* ---- texts ---- */

static void text_free(struct str text)
{
    free((char *)text.p);
}

bool tree_set_text(struct str *text, struct str now)
{
    if (text->p != NULL && str_eq(*text, now))
        return false;
    text_free(*text);
    *text = str_make(mem_strndup(now), now.len);
    return true;
}

static void set_json(struct model *m, struct str *json, struct str text)
{
    struct json_writer w = json_writer(&m->scratch);
    buf_reset(&m->scratch);
    json_put_str(&w, text);
    tree_set_text(json, buf_str(&m->scratch));
}

/* ---- clusters and hosts ---- */

struct fleet_cluster *fleet_find_cluster(const struct fleet *f, struct str name)
{
    struct fleet_cluster wanted = {.name = name};
    uint32_t at = list_place((void **)f->clusters, f->cluster_count, &wanted,
                             cluster_compare);
    return at < f->cluster_count && str_eq(f->clusters[at]->name, name)
               ? f->clusters[at]
               : NULL;
}

static struct fleet_host *cluster_host(const struct fleet_cluster *cluster,
                                       struct str name)
{
    struct fleet_host wanted = {.cluster = (struct fleet_cluster *)cluster,
                                .name = name};
    uint32_t at = list_place((void **)cluster->hosts, cluster->host_count,
                             &wanted, host_compare);
    return at < cluster->host_count && str_eq(cluster->hosts[at]->name, name)
               ? cluster->hosts[at]
               : NULL;
}

struct fleet_host *fleet_find_host(const struct fleet *f, struct str cluster,
                                   struct str name)
{
    const struct fleet_cluster *c = fleet_find_cluster(f, cluster);
    return c != NULL ? cluster_host(c, name) : NULL;
}

struct fleet_cluster *tree_cluster(struct model *m, struct str name)
{
    struct fleet_cluster *cluster = fleet_find_cluster(&m->pub, name);
    if (cluster != NULL)
        return cluster;
    struct cluster *fresh = mem_zalloc(sizeof *fresh);
    cluster = &fresh->pub;
    tree_set_text(&cluster->name, name);
    set_json(m, &cluster->json_name, name);
    m->pub.clusters = list_insert(m->pub.clusters, &m->pub.cluster_count,
                                  cluster, cluster_compare);
    m->pub.revision++;
    return cluster;
}

void tree_set_region(struct fleet_cluster *cluster, struct str region)
{
    tree_set_text(&cluster->region, region);
}

struct fleet_host *tree_host(struct model *m, struct fleet_cluster *cluster,
                             struct str name)
{
    struct fleet_host *host = cluster_host(cluster, name);
    if (host != NULL)
        return host;
    struct host *fresh = mem_zalloc(sizeof *fresh);
    host = &fresh->pub;
    host->cluster = cluster;
    tree_set_text(&host->name, name);
    set_json(m, &host->json_name, name);
    cluster->hosts =
        list_insert(cluster->hosts, &cluster->host_count, host, host_compare);
    m->pub.hosts =
        list_insert(m->pub.hosts, &m->pub.host_count, host, host_compare);
    m->pub.revision++;
    return host;
}

/* ---- GPUs ---- */

struct fleet_gpu *fleet_find_gpu(const struct fleet *f, struct str uuid)
{
    struct gpu *gpu;
    HASH_FIND(hh, ((const struct model *)f)->by_uuid, uuid.p, uuid.len, gpu);
    return gpu != NULL ? &gpu->pub : NULL;
}

/* Into and out of the arrays; what it is ordered by must not change between. */
static void gpu_enter(struct model *m, struct gpu *gpu)
{
    struct fleet_host *host = gpu->pub.host;
    host->gpus = list_insert(host->gpus, &host->gpu_count, gpu, gpu_compare);
    m->pub.gpus = list_insert(m->pub.gpus, &m->pub.gpu_count, gpu, gpu_compare);
    host->cluster->gpu_count++;
}

static void gpu_leave(struct model *m, struct gpu *gpu)
{
    struct fleet_host *host = gpu->pub.host;
    list_remove(host->gpus, &host->gpu_count, gpu);
    list_remove(m->pub.gpus, &m->pub.gpu_count, gpu);
    host->cluster->gpu_count--;
}

static struct gpu *gpu_new(struct model *m, struct fleet_host *host,
                           struct str index)
{
    struct gpu *gpu = mem_zalloc(sizeof *gpu);
    gpu->pub.number = m->pub.gpu_count;
    gpu->pub.host = host;
    tree_set_text(&gpu->pub.index, index);
    set_json(m, &gpu->pub.json_index, index);
    tree_set_text(&gpu->pub.uuid, str_of(""));
    set_json(m, &gpu->pub.json_uuid, gpu->pub.uuid);
    set_json(m, &gpu->pub.json_device, str_of(""));
    set_json(m, &gpu->pub.json_model, str_of(""));
    gpu->pub.json_name = gpu->pub.json_model;
    m->pub.revision++;
    return gpu;
}

static void gpu_set_uuid(struct model *m, struct gpu *gpu, struct str uuid)
{
    tree_set_text(&gpu->pub.uuid, uuid);
    set_json(m, &gpu->pub.json_uuid, uuid);
    HASH_ADD_KEYPTR(hh, m->by_uuid, gpu->pub.uuid.p, gpu->pub.uuid.len, gpu);
}

static struct gpu *missing_at(const struct fleet_host *host, struct str index)
{
    for (uint32_t i = 0; i < host->gpu_count; i++)
        if (host->gpus[i]->uuid.len == 0 && str_eq(host->gpus[i]->index, index))
            return gpu_of(host->gpus[i]);
    return NULL;
}

/* Takes the place of one that was missing. */
static struct gpu *gpu_found(struct model *m, struct gpu *gpu, struct str uuid)
{
    gpu_leave(m, gpu);
    gpu_set_uuid(m, gpu, uuid);
    gpu_enter(m, gpu);
    return gpu;
}

struct gpu *tree_gpu(struct model *m, const struct sample *s, bool *fresh)
{
    struct fleet_gpu *known = fleet_find_gpu(&m->pub, s->uuid);
    *fresh = known == NULL;
    if (known != NULL)
        return gpu_of(known);
    struct fleet_host *host = fleet_find_host(&m->pub, s->cluster, s->host);
    struct gpu *gpu = host != NULL ? missing_at(host, s->gpu) : NULL;
    if (gpu != NULL)
        return gpu_found(m, gpu, s->uuid);
    if (m->pub.gpu_count >= m->config.gpus_max)
        return NULL;
    host = tree_host(m, tree_cluster(m, s->cluster), s->host);
    gpu = gpu_new(m, host, s->gpu);
    gpu_set_uuid(m, gpu, s->uuid);
    gpu_enter(m, gpu);
    status_init(m, gpu);
    status_settle(m, host);
    return gpu;
}

/* To another host, or to another index on its own. */
static void gpu_move(struct model *m, struct gpu *gpu, const struct sample *s)
{
    status_settle(m, gpu->pub.host);
    status_count(m, gpu, -1);
    gpu_leave(m, gpu);
    gpu->pub.host = tree_host(m, tree_cluster(m, s->cluster), s->host);
    tree_set_text(&gpu->pub.index, s->gpu);
    set_json(m, &gpu->pub.json_index, s->gpu);
    gpu_enter(m, gpu);
    status_count(m, gpu, 1);
    status_settle(m, gpu->pub.host);
}

static bool stands_there(const struct fleet_gpu *gpu, const struct sample *s)
{
    return str_eq(gpu->index, s->gpu) && str_eq(gpu->host->name, s->host) &&
           str_eq(gpu->host->cluster->name, s->cluster);
}

void tree_name_gpu(struct model *m, struct gpu *gpu, const struct sample *s)
{
    struct fleet_gpu *pub = &gpu->pub;
    if (!stands_there(pub, s))
        gpu_move(m, gpu, s);
    if (tree_set_text(&pub->device, s->device))
        set_json(m, &pub->json_device, s->device);
    if (tree_set_text(&pub->model, s->model)) {
        set_json(m, &pub->json_model, s->model);
        pub->json_name = pub->json_model;
    }
    tree_set_text(&pub->pod, s->pod);
    tree_set_text(&pub->namespace, s->namespace);
    tree_set_text(&pub->container, s->container);
}

/* ---- missing ones ---- */

static int64_t index_number(struct str index)
{
    int64_t number;
    return is_number(index) && str_to_i64(index, &number) == 0 ? number : -1;
}

static void gpu_missing(struct model *m, struct fleet_host *host, int number)
{
    char text[8];
    size_t len = (size_t)(str_put_u64(text, (uint64_t)number) - text);
    if (m->pub.gpu_count >= m->config.gpus_max)
        return;
    struct gpu *gpu = gpu_new(m, host, str_make(text, len));
    gpu_enter(m, gpu);
    status_init(m, gpu);
    status_set(m, gpu, FLEET_MISSING);
}

void tree_fill_holes(struct model *m, struct fleet_host *host)
{
    uint64_t there = 0;
    for (uint32_t i = 0; i < host->gpu_count; i++) {
        int64_t number = index_number(host->gpus[i]->index);
        if (number >= 0 && number < FLEET_INDEX_MAX)
            there |= UINT64_C(1) << number;
    }
    for (int n = 0; n < FLEET_INDEX_MAX && there >> n != 0; n++)
        if ((there >> n & 1) == 0)
            gpu_missing(m, host, n);
}

/* ---- the end ---- */

static void gpu_free(struct gpu *gpu)
{
    struct fleet_gpu *pub = &gpu->pub;
    const struct str owned[] = {
        pub->index,       pub->uuid,       pub->device,
        pub->model,       pub->pod,        pub->namespace,
        pub->container,   pub->json_uuid,  pub->json_index,
        pub->json_device, pub->json_model, pub->maintenance_reason};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        text_free(owned[i]);
    free(gpu->labels_block);
    free(gpu);
}

static void host_free(struct fleet_host *host)
{
    text_free(host->name);
    text_free(host->json_name);
    free(host->gpus);
    free(host);
}

static void cluster_free(struct fleet_cluster *cluster)
{
    text_free(cluster->name);
    text_free(cluster->region);
    text_free(cluster->json_name);
    free(cluster->hosts);
    free(cluster);
}

void tree_free(struct model *m)
{
    HASH_CLEAR(hh, m->by_uuid);
    for (uint32_t i = 0; i < m->pub.gpu_count; i++)
        gpu_free(gpu_of(m->pub.gpus[i]));
    for (uint32_t i = 0; i < m->pub.host_count; i++)
        host_free(m->pub.hosts[i]);
    for (uint32_t i = 0; i < m->pub.cluster_count; i++)
        cluster_free(m->pub.clusters[i]);
    free(m->pub.gpus);
    free(m->pub.hosts);
    free(m->pub.clusters);
    free(m->heap);
}
