/* metric: the catalogue, and the fields that are named after it.
 *
 * A metric's field is its name in camel case, which the preprocessor cannot
 * make: so the tables of those fields are filled when the program starts. A
 * metric that the schema lacks is then a resolver without a field, which stops
 * the start with its name; and the other way round. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "api/graphql/telemetry/shared.h"

void metric_field_name(enum metric metric, char out[METRIC_FIELD_MAX])
{
    struct str name = metric_catalogue[metric].name;
    bool upper = false;
    size_t len = 0;
    for (size_t i = 0; i < name.len && len < METRIC_FIELD_MAX - 1; i++) {
        char c = name.p[i];
        if (c != '_')
            out[len++] = (char)(upper ? toupper((unsigned char)c) : c);
        upper = c == '_';
    }
    out[len] = '\0';
}

/* ---- tables of fields ---- */

struct gql_binding telemetry_metric_bindings[METRIC_COUNT + 1];
struct gql_binding latest_metric_bindings[METRIC_COUNT + 1];
struct gql_binding data_metric_bindings[METRIC_COUNT + 1];

#define BINDING_NAME_MAX (METRIC_FIELD_MAX + 32)

static void fill(struct gql_binding table[METRIC_COUNT + 1],
                 char names[METRIC_COUNT][BINDING_NAME_MAX], const char *type,
                 gql_write_fn write)
{
    for (int m = 0; m < METRIC_COUNT; m++) {
        char field[METRIC_FIELD_MAX];
        metric_field_name(m, field);
        snprintf(names[m], BINDING_NAME_MAX, "%s.%s", type, field);
        table[m] =
            (struct gql_binding){.name = names[m], .write = write, .number = m};
    }
}

void metric_bindings_fill(void)
{
    static char names[3][METRIC_COUNT][BINDING_NAME_MAX];
    fill(telemetry_metric_bindings, names[0], "Telemetry",
         telemetry_write_metric);
    fill(latest_metric_bindings, names[1], "LatestTelemetry",
         latest_write_metric);
    fill(data_metric_bindings, names[2], "TelemetryData", data_write_metric);
}

/* The enum's values are in the catalogue's order. */
static int check_names(const struct gql_type *names, struct errmsg *err)
{
    for (uint32_t i = 0; i < names->value_count; i++)
        if (metric_by_name(names->values[i].name) != (int)i)
            return errmsg_set(err, -EINVAL,
                              "MetricName.%.*s is not metric %u of metrics.def",
                              STR_ARG(names->values[i].name), (unsigned)i);
    if (names->value_count < METRIC_COUNT)
        return errmsg_set(err, -EINVAL, "metric %.*s is not in MetricName",
                          STR_ARG(metric_catalogue[names->value_count].name));
    return 0;
}

static int check_interface(const struct gql_type *metrics, struct errmsg *err)
{
    char field[METRIC_FIELD_MAX];
    for (int m = 0; m < METRIC_COUNT; m++) {
        metric_field_name(m, field);
        if (gql_type_field(metrics, str_of(field)) == NULL)
            return errmsg_set(err, -EINVAL, "Metrics.%s is missing", field);
    }
    if (metrics->field_count > METRIC_COUNT)
        return errmsg_set(err, -EINVAL, "Metrics has %u fields for %d metrics",
                          (unsigned)metrics->field_count, METRIC_COUNT);
    return 0;
}

int metric_check_schema(const struct gql_schema *schema, struct errmsg *err)
{
    const struct gql_type *names =
        gql_schema_type(schema, str_of("MetricName"));
    const struct gql_type *metrics = gql_schema_type(schema, str_of("Metrics"));
    if (names == NULL || names->kind != GQL_TYPE_ENUM)
        return errmsg_set(err, -EINVAL, "the schema has no enum MetricName");
    if (metrics == NULL || metrics->kind != GQL_TYPE_INTERFACE)
        return errmsg_set(err, -EINVAL, "the schema has no interface Metrics");
    int rc = check_names(names, err);
    return rc < 0 ? rc : check_interface(metrics, err);
}

/* ---- Metric ---- */

static void write_name(struct gql_out *out, const void *object)
{
    const struct metric_info *metric = object;
    json_put_str(&out->json, metric->name);
}

static void write_field(struct gql_out *out, const void *object)
{
    char field[METRIC_FIELD_MAX];
    const struct metric_info *metric = object;
    metric_field_name((enum metric)(metric - metric_catalogue), field);
    json_put_text(&out->json, field);
}

static void write_unit(struct gql_out *out, const void *object)
{
    const struct metric_info *metric = object;
    json_put_text(&out->json, metric->unit);
}

static void write_title(struct gql_out *out, const void *object)
{
    const struct metric_info *metric = object;
    json_put_text(&out->json, metric->title);
}

static void write_dcgm(struct gql_out *out, const void *object)
{
    const struct metric_info *metric = object;
    json_put_str(&out->json, metric->dcgm);
}

/* ---- Query.metrics, Query.metric ---- */

static void resolve_metrics(struct gql_batch *batch)
{
    const void *all[METRIC_COUNT];
    for (int m = 0; m < METRIC_COUNT; m++)
        all[m] = &metric_catalogue[m];
    for (uint32_t i = 0; i < batch->count; i++)
        gql_batch_list(batch, i, all, METRIC_COUNT);
    gql_batch_done(batch);
}

static void resolve_metric(struct gql_batch *batch)
{
    int metric = metric_of(gql_argument(&batch->call, "name"));
    for (uint32_t i = 0; i < batch->count; i++)
        gql_batch_object(batch, i, &metric_catalogue[metric]);
    gql_batch_done(batch);
}

const struct gql_binding metric_bindings[] = {
    {.name = "Query.metrics", .resolve = resolve_metrics},
    {.name = "Query.metric", .resolve = resolve_metric},
    {.name = "Metric.name", .write = write_name},
    {.name = "Metric.field", .write = write_field},
    {.name = "Metric.unit", .write = write_unit},
    {.name = "Metric.title", .write = write_title},
    {.name = "Metric.dcgm", .write = write_dcgm},
    {.name = NULL},
};
