/* selection: which GPUs or hosts a field gives, and in which order.
 *
 * The model's own order (cluster, host, index) is the order where nothing else
 * is asked for, and decides between what is equal otherwise: so an order is
 * always total, and a place in it (a cursor) always has one meaning. */
#ifndef NEXUS_API_TELEMETRY_SELECTION_H
#define NEXUS_API_TELEMETRY_SELECTION_H

#include "api/graphql/telemetry/shared.h"

#define ORDER_MAX 4 /* fields of one order */

/* What an object is sorted by: a number, a text, or not known. */
struct order_key {
    enum { KEY_NONE, KEY_NUMBER, KEY_TEXT } kind;
    double number;
    struct str text;
};

struct order_part {
    int field;  /* of GPUSortField or HostSortField, in the schema's order */
    int metric; /* of GPUs: instead of a field; -1: none */
    bool descending;
};

struct order {
    struct order_part parts[ORDER_MAX];
    uint32_t count;
};

struct selected {
    const void *object; /* struct fleet_gpu or fleet_host */
    uint32_t position;  /* in the model's order */
    struct order_key keys[ORDER_MAX];
};

/* Where to look: some GPUs, or some hosts. */
struct scope {
    bool of_hosts;
    struct fleet_gpu *const *gpus;
    struct fleet_host *const *hosts;
    uint32_t count;
};

struct selection {
    const struct gql_call *call;
    struct scope scope; /* while it is being made: borrowed */
    struct order order;
    struct selected *items;
    uint32_t count;
};

/* Reads `filter` and `sort` of the call, and selects. 0, or -EINVAL with *err:
 * the arguments do not go together. Memory is the call's. */
int selection_make(struct selection *s, const struct gql_call *call,
                   const struct scope *scope, struct errmsg *err);

/* The call's argument `filter` alone; NULL takes all. 0, or -EINVAL with
 * *err. */
struct gpu_filter;
int gpu_filter_of(const struct gql_call *call, const struct gpu_filter **filter,
                  struct errmsg *err);
bool gpu_filter_takes(const struct gpu_filter *filter,
                      const struct fleet_gpu *gpu);
bool gpu_filter_names_status(const struct gpu_filter *filter);

/* Less than 0: a is before b. */
int selected_compare(const struct order *order, const struct selected *a,
                     const struct selected *b);

/* Its keys by the selection's order. */
void selected_fill(const struct selection *s, struct selected *item);

/* Where to look, of a parent: its GPUs or hosts in the model's order. */
typedef struct scope (*scope_fn)(const void *parent,
                                 const struct gql_call *call);
struct scope gpus_of_host(const void *host, const struct gql_call *call);
struct scope gpus_of_cluster(const void *cluster, const struct gql_call *call);
struct scope gpus_of_fleet(const void *root, const struct gql_call *call);
struct scope hosts_of_cluster(const void *cluster, const struct gql_call *call);
struct scope hosts_of_fleet(const void *root, const struct gql_call *call);

/* Gives all parents their lists: of the scope what `filter` takes, in the order
 * of `sort`, `limit` at most; or the error that the arguments are. Made once
 * for a parent that is there several times in a row: what "{ gpus { cluster {
 * gpus …" costs is then what it writes. */
void resolve_lists(struct gql_batch *batch, scope_fn scope_of);

/* ---- what hosts are filtered and sorted by ---- */

struct host_filter;
int host_filter_of(const struct gql_call *call,
                   const struct host_filter **filter, struct errmsg *err);
bool host_filter_takes(const struct host_filter *filter,
                       const struct fleet_host *host);

/* Active while a GPU is. */
enum fleet_status host_status(const struct fleet_host *host);
int64_t host_last_seen(const struct fleet_host *host); /* 0: never */
uint32_t host_known_gpus(const struct fleet_host *host);

/* Of the latest values of its active GPUs. */
struct host_figure {
    bool known;
    double value;
};
struct host_figure host_utilization(const struct fleet_host *host);
struct host_figure host_temperature(const struct fleet_host *host);
struct host_figure host_power(const struct fleet_host *host);

#endif
