/* filter: see the header. */
#include "api/live/filter.h"

#include "lib/buf.h"

static bool lists(const struct filter *filter, struct str uuid)
{
    for (uint32_t i = 0; i < filter->gpu_count; i++)
        if (str_eq(filter->gpus[i], uuid))
            return true;
    return false;
}

bool filter_takes(const struct filter *filter, const struct fleet_gpu *gpu)
{
    const struct fleet_host *host = gpu->host;
    if (filter->cluster.p != NULL &&
        !str_eq(filter->cluster, host->cluster->name))
        return false;
    if (filter->host.p != NULL && !str_eq(filter->host, host->name))
        return false;
    return filter->gpu_count == 0 || lists(filter, gpu->uuid);
}

struct fleet_scope filter_scope(const struct filter *filter)
{
    return (struct fleet_scope){filter->cluster, filter->host, filter->gpus,
                                filter->gpu_count};
}

static void append_token(struct buf *out, struct str name)
{
    buf_append_byte(out, '.');
    if (name.p == NULL)
        buf_append_byte(out, '*');
    else
        subject_append_token(out, name);
}

static void append_subject(struct buf *out, const struct filter *filter,
                           struct str uuid)
{
    buf_reset(out);
    buf_append_text(out, "telemetry");
    append_token(out, filter->cluster);
    append_token(out, filter->host);
    append_token(out, uuid);
}

void filter_subjects(const struct filter *filter,
                     void (*add)(const char *subject, void *arg), void *arg)
{
    static const struct str any = {NULL, 0};
    struct buf subject = {0};
    uint32_t i = 0;
    do {
        append_subject(&subject, filter,
                       filter->gpu_count > 0 ? filter->gpus[i] : any);
        add(buf_text(&subject), arg);
    } while (++i < filter->gpu_count);
    buf_fini(&subject);
}
