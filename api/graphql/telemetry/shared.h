/* shared: what the files of the bindings have in common. */
#ifndef NEXUS_API_TELEMETRY_SHARED_H
#define NEXUS_API_TELEMETRY_SHARED_H

#include "api/graphql/telemetry/bindings.h"

/* ---- the tables, one a file ---- */

extern const struct gql_binding scalar_bindings[];
extern const struct gql_binding node_bindings[];
extern const struct gql_binding fleet_bindings[];
extern const struct gql_binding cluster_bindings[];
extern const struct gql_binding host_bindings[];
extern const struct gql_binding gpu_bindings[];
extern const struct gql_binding health_bindings[];
extern const struct gql_binding latest_bindings[];
extern const struct gql_binding columns_bindings[];
extern const struct gql_binding history_bindings[];
extern const struct gql_binding metric_bindings[];
extern const struct gql_binding stats_bindings[];
extern const struct gql_binding connection_bindings[];
extern const struct gql_binding mutation_bindings[];
extern const struct gql_binding subscription_bindings[];
extern const struct gql_binding update_bindings[];
extern const struct gql_binding pipeline_bindings[];

/* One field a metric in each type of the interface Metrics, see metric.c. */
extern struct gql_binding telemetry_metric_bindings[METRIC_COUNT + 1];
extern struct gql_binding latest_metric_bindings[METRIC_COUNT + 1];
extern struct gql_binding data_metric_bindings[METRIC_COUNT + 1];

/* Fills those tables; before gql_bind. */
void metric_bindings_fill(void);
void telemetry_write_metric(struct gql_out *out, const void *object);
void latest_write_metric(struct gql_out *out, const void *object);
void data_write_metric(struct gql_out *out, const void *object);

/* "gpu_utilization" → "gpuUtilization". */
#define METRIC_FIELD_MAX 64
void metric_field_name(enum metric metric, char out[METRIC_FIELD_MAX]);

/* 0, or -EINVAL with the name of what is in one of schema and catalogue only. */
int metric_check_schema(const struct gql_schema *schema, struct errmsg *err);

/* ---- the call ---- */

static inline struct api_context *context_of(const struct gql_call *call)
{
    return call->context;
}

static inline struct fleet *fleet_of(const struct gql_call *call)
{
    return context_of(call)->fleet;
}

/* ---- writing ---- */

void write_time(struct gql_out *out, int64_t ns);
void write_time_or_null(struct gql_out *out, int64_t ns);  /* 0: null */
void write_str_or_null(struct gql_out *out, struct str s); /* empty: null */
void write_double_or_null(struct gql_out *out, bool known, double value);

/* As it was printed when it came; null was never reported. */
void write_latest_value(struct gql_out *out, const struct fleet_gpu *gpu,
                        enum metric m);

/* Fields that are the same in several types. */
void write_as_of(struct gql_out *out, const void *object);

/* ---- the database ---- */

/* The error for all parents that a failed statement is. */
void fail_by_outcome(struct gql_batch *batch, enum db_outcome outcome);

/* ---- arguments ---- */

/* A list of names, or nothing. */
struct names {
    const struct str *names;
    uint32_t count;
    bool given; /* an empty list takes nothing; one that is not there, all */
};
struct names names_of(const struct gql_value *list, struct arena *arena);
struct names lower_names_of(const struct gql_value *list, struct arena *arena);
bool names_have(const struct names *names, struct str name);

/* A list of MetricName as bits; all where it is not given. */
uint64_t metrics_of(const struct gql_value *list);
int metric_of(const struct gql_value *name);

/* A list of GPUStatus as bits of enum fleet_status; 0: not given. */
uint32_t statuses_of(const struct gql_value *list, bool *given);

/* A DateTime: *ns unchanged where it is not given. */
void time_of(const struct gql_value *value, int64_t *ns);

/* Words of a search, in lower case. */
struct names words_of(const struct gql_value *text, struct arena *arena);
/* Is word (in lower case) in text, whatever its case? */
bool text_has(struct str text, struct str word);

/* The lists and the text of a filter are short enough: each is held against
 * every object. 0, or -EINVAL with *err. */
int filter_check(const struct gql_value *filter, struct errmsg *err);

/* ---- ids ---- */

/* Appends "<cluster>/<hostname>", each as a subject's token. */
void host_id_append(struct buf *out, const struct fleet_host *host);
bool host_has_id(const struct fleet_host *host, struct str id);
struct fleet_host *host_by_id(const struct fleet *fleet, struct str id);

/* Was it ever seen? A place that was always empty is no GPU for the API. */
static inline bool gpu_is_known(const struct fleet_gpu *gpu)
{
    return gpu->uuid.len > 0;
}

#endif
