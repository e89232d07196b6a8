/* host: the types Host and MissingGPU. */
#include "api/graphql/telemetry/selection.h"
#include "api/graphql/telemetry/stats.h"
#include "lib/sample.h"

/* ---- ids ---- */

void host_id_append(struct buf *out, const struct fleet_host *host)
{
    subject_append_token(out, host->cluster->name);
    buf_append_byte(out, '/');
    subject_append_token(out, host->name);
}

bool host_has_id(const struct fleet_host *host, struct str id)
{
    if (id.len < host->cluster->name.len + host->name.len + 1)
        return false; /* encoded it is longer, if anything */
    struct buf own = {0};
    host_id_append(&own, host);
    bool same = str_eq(buf_str(&own), id);
    buf_fini(&own);
    return same;
}

struct fleet_host *host_by_id(const struct fleet *fleet, struct str id)
{
    if (memchr(id.p, '/', id.len) == NULL)
        return NULL;
    for (uint32_t i = 0; i < fleet->host_count; i++)
        if (host_has_id(fleet->hosts[i], id))
            return fleet->hosts[i];
    return NULL;
}

/* ---- figures ---- */

uint32_t host_known_gpus(const struct fleet_host *host)
{
    uint32_t known = 0;
    for (uint32_t i = 0; i < host->gpu_count; i++)
        known += gpu_is_known(host->gpus[i]);
    return known;
}

enum fleet_status host_status(const struct fleet_host *host)
{
    uint32_t maintained = host->counts[FLEET_MAINTENANCE];
    if (host->counts[FLEET_ACTIVE] > 0)
        return FLEET_ACTIVE;
    return maintained > 0 && maintained == host->gpu_count ? FLEET_MAINTENANCE
                                                           : FLEET_SILENT;
}

int64_t host_last_seen(const struct fleet_host *host)
{
    int64_t last = 0;
    for (uint32_t i = 0; i < host->gpu_count; i++)
        if (host->gpus[i]->heard_ns > last)
            last = host->gpus[i]->heard_ns;
    return last;
}

/* ---- leaves ---- */

static void write_id(struct gql_out *out, const void *object)
{
    struct buf id = {0};
    host_id_append(&id, object);
    json_put_str(&out->json, buf_str(&id));
    buf_fini(&id);
}

static void write_hostname(struct gql_out *out, const void *object)
{
    const struct fleet_host *host = object;
    json_put_raw(&out->json, host->json_name);
}

static void write_cluster_id(struct gql_out *out, const void *object)
{
    const struct fleet_host *host = object;
    json_put_raw(&out->json, host->cluster->json_name);
}

static void write_status(struct gql_out *out, const void *object)
{
    json_put_text(&out->json, fleet_status_names[host_status(object)]);
}

static void write_last_seen(struct gql_out *out, const void *object)
{
    write_time_or_null(out, host_last_seen(object));
}

static void write_total_gpus(struct gql_out *out, const void *object)
{
    json_put_i64(&out->json, host_known_gpus(object));
}

static void write_active_gpus(struct gql_out *out, const void *object)
{
    const struct fleet_host *host = object;
    json_put_i64(&out->json, host->counts[FLEET_ACTIVE]);
}

/* ---- objects ---- */

static void resolve_cluster(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct fleet_host *host = batch->parents[i];
        gql_batch_object(batch, i, host->cluster);
    }
    gql_batch_done(batch);
}

static void resolve_status_counts(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct fleet_host *host = batch->parents[i];
        gql_batch_object(batch, i, host->counts);
    }
    gql_batch_done(batch);
}

static void resolve_gpus(struct gql_batch *batch)
{
    resolve_lists(batch, gpus_of_host);
}

static void give_missing(struct gql_batch *batch, uint32_t parent)
{
    const struct fleet_host *host = batch->parents[parent];
    const void **missing =
        arena_alloc(batch->call.arena, (host->gpu_count + 1) * sizeof *missing);
    uint32_t count = 0;
    for (uint32_t i = 0; i < host->gpu_count; i++)
        if (host->gpus[i]->status == FLEET_MISSING)
            missing[count++] = host->gpus[i];
    gql_batch_list(batch, parent, missing, count);
}

static void resolve_missing(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        give_missing(batch, i);
    gql_batch_done(batch);
}

static void resolve_statistics(struct gql_batch *batch)
{
    resolve_stats(batch, gpus_of_host);
}

/* ---- Query.hosts, Query.host ---- */

static void resolve_hosts(struct gql_batch *batch)
{
    resolve_lists(batch, hosts_of_fleet);
}

struct host_search {
    struct str name, cluster;
    const struct fleet_host *found;
    uint32_t count;
};

static void host_search(struct host_search *search, const struct fleet *fleet)
{
    for (uint32_t i = 0; i < fleet->host_count; i++) {
        const struct fleet_host *host = fleet->hosts[i];
        bool suits = search->cluster.p == NULL ||
                     str_eq(host->cluster->name, search->cluster);
        if (!suits || !str_eq(host->name, search->name))
            continue;
        search->found = host;
        search->count++;
    }
    if (search->count == 0)
        search->found = host_by_id(fleet, search->name);
}

static void resolve_host(struct gql_batch *batch)
{
    struct host_search search = {
        .name = gql_argument_str(&batch->call, "hostname"),
        .cluster = gql_argument_str(&batch->call, "clusterId"),
    };
    host_search(&search, fleet_of(&batch->call));
    for (uint32_t i = 0; i < batch->count; i++)
        if (search.count > 1)
            gql_batch_error(batch, i, GQL_CODE_INPUT,
                            "hosts of %u clusters have the name \"%.*s\": "
                            "give clusterId, too",
                            (unsigned)search.count, STR_ARG(search.name));
        else
            gql_batch_object(batch, i, search.found);
    gql_batch_done(batch);
}

/* ---- MissingGPU: its object is the place, a struct fleet_gpu ---- */

static void write_missing_index(struct gql_out *out, const void *object)
{
    const struct fleet_gpu *place = object;
    json_put_raw(&out->json, place->json_index);
}

static void write_missing_since(struct gql_out *out, const void *object)
{
    const struct fleet_gpu *place = object;
    write_time_or_null(out, place->status_since_ns);
}

const struct gql_binding host_bindings[] = {
    {.name = "Query.hosts", .resolve = resolve_hosts},
    {.name = "Query.host", .resolve = resolve_host},
    {.name = "Host.id", .write = write_id},
    {.name = "Host.hostname", .write = write_hostname},
    {.name = "Host.clusterId", .write = write_cluster_id},
    {.name = "Host.cluster", .resolve = resolve_cluster},
    {.name = "Host.status", .write = write_status},
    {.name = "Host.lastSeen", .write = write_last_seen},
    {.name = "Host.totalGPUs", .write = write_total_gpus},
    {.name = "Host.activeGPUs", .write = write_active_gpus},
    {.name = "Host.statusCounts", .resolve = resolve_status_counts},
    {.name = "Host.health"},
    {.name = "Host.gpus", .resolve = resolve_gpus},
    {.name = "Host.missing", .resolve = resolve_missing},
    {.name = "Host.statistics", .resolve = resolve_statistics},
    {.name = "MissingGPU.index", .write = write_missing_index},
    {.name = "MissingGPU.since", .write = write_missing_since},
    {.name = NULL},
};
