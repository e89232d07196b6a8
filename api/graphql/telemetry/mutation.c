/* mutation: setGpuLabels, setGpuMaintenance. */
#include <errno.h>

#include "api/graphql/telemetry/annotations.h"
#include "api/graphql/telemetry/shared.h"

#define REASON_MAX 1000 /* bytes */
#define NOT_FOUND  "NOT_FOUND"

/* ---- outcomes ---- */

/* What a failed statement is for a client: code and words. */
void fail_by_outcome(struct gql_batch *batch, enum db_outcome outcome)
{
    switch (outcome) {
    case DB_TIMEOUT:
        gql_batch_fail(batch, "TIMEOUT", "the database took too long");
        break;
    case DB_FULL:
        gql_batch_fail(batch, "OVERLOADED",
                       "too many requests wait for the database");
        break;
    case DB_ABSENT:
        gql_batch_fail(batch, "UNAVAILABLE",
                       "the database has no tables yet: no collector has run");
        break;
    default:
        gql_batch_fail(batch, "UNAVAILABLE", "the database did not answer");
    }
}

static void written(enum db_outcome outcome, bool known, void *arg)
{
    struct gql_batch *batch = arg;
    struct fleet_gpu *gpu = batch->state;
    if (outcome != DB_OK)
        fail_by_outcome(batch, outcome);
    else if (!known)
        gql_batch_fail(batch, NOT_FOUND,
                       "the database does not know GPU \"%.*s\" yet",
                       STR_ARG(gpu->uuid));
    else
        for (uint32_t i = 0; i < batch->count; i++)
            gql_batch_object(batch, i, gpu);
    gql_batch_done(batch);
}

/* The GPU of the argument `uuid`, in batch->state. */
static struct fleet_gpu *gpu_of(struct gql_batch *batch)
{
    struct str uuid = gql_argument_str(&batch->call, "uuid");
    struct fleet_gpu *gpu =
        uuid.len > 0 ? fleet_find_gpu(fleet_of(&batch->call), uuid) : NULL;
    if (gpu == NULL)
        gql_batch_fail(batch, NOT_FOUND, "there is no GPU \"%.*s\"",
                       STR_ARG(uuid));
    batch->state = gpu;
    return gpu;
}

/* ---- labels ---- */

static struct fleet_label *labels_of(struct gql_batch *batch, uint32_t *count,
                                     struct errmsg *err)
{
    const struct gql_value *list = gql_argument(&batch->call, "labels");
    struct fleet_label *labels = arena_alloc(
        batch->call.arena, (ANNOTATIONS_LABELS_MAX + 1) * sizeof *labels);
    *count = 0;
    for (const struct gql_value *v = list->items;
         v != NULL && *count <= ANNOTATIONS_LABELS_MAX; v = v->next)
        labels[(*count)++] = (struct fleet_label){gql_member(v, "key")->text,
                                                  gql_member(v, "value")->text};
    return annotations_check_labels(labels, *count, err) < 0 ? NULL : labels;
}

static void resolve_set_labels(struct gql_batch *batch)
{
    struct errmsg err;
    uint32_t count;
    struct fleet_label *labels = labels_of(batch, &count, &err);
    struct fleet_gpu *gpu = NULL;
    if (labels == NULL)
        gql_batch_fail(batch, GQL_CODE_INPUT, "%s", err.text);
    else
        gpu = gpu_of(batch);
    if (gpu != NULL)
        annotations_set_labels(context_of(&batch->call)->annotations, gpu,
                               labels, count, written, batch);
    else
        gql_batch_done(batch);
}

/* ---- maintenance ---- */

static bool reason_check(struct gql_batch *batch, struct str reason)
{
    bool ok = reason.len <= REASON_MAX &&
              (reason.len == 0 || memchr(reason.p, 0, reason.len) == NULL);
    if (!ok)
        gql_batch_fail(batch, GQL_CODE_INPUT,
                       "reason: up to %d bytes, without NUL", REASON_MAX);
    return ok;
}

static void resolve_set_maintenance(struct gql_batch *batch)
{
    struct str reason = gql_argument_str(&batch->call, "reason");
    bool on = gql_argument_bool(&batch->call, "on", false);
    struct fleet_gpu *gpu = NULL;
    if (reason_check(batch, reason))
        gpu = gpu_of(batch);
    if (gpu != NULL)
        annotations_set_maintenance(context_of(&batch->call)->annotations, gpu,
                                    on, reason, written, batch);
    else
        gql_batch_done(batch);
}

const struct gql_binding mutation_bindings[] = {
    {.name = "Mutation.setGpuLabels", .resolve = resolve_set_labels},
    {.name = "Mutation.setGpuMaintenance", .resolve = resolve_set_maintenance},
    {.name = NULL},
};
