/* filter: see the header. */
#include "api/live/filter.h"

#include "lib/buf.h"
#include "lib/mem.h"

bool filter_lists(const struct filter *filter, struct str uuid)
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
    return filter->gpu_count == 0 || filter_lists(filter, gpu->uuid);
}

/* ---- a copy ---- */

static size_t texts_size(const struct filter *filter)
{
    size_t size = filter->cluster.len + filter->host.len;
    for (uint32_t i = 0; i < filter->gpu_count; i++)
        size += filter->gpus[i].len;
    return size;
}

static struct str text_copy(char **at, struct str text)
{
    if (text.p == NULL)
        return text;
    struct str copy = str_make(*at, text.len);
    memcpy(*at, text.p, text.len);
    *at += text.len;
    return copy;
}

/* The filter, its list of GPUs, then the texts. */
struct filter *filter_copy(const struct filter *filter)
{
    size_t list = filter->gpu_count * sizeof(struct str);
    struct filter *copy =
        mem_alloc(sizeof *copy + list + texts_size(filter) + 1);
    struct str *gpus = (struct str *)(copy + 1);
    char *at = (char *)(copy + 1) + list;
    *copy = *filter;
    copy->cluster = text_copy(&at, filter->cluster);
    copy->host = text_copy(&at, filter->host);
    for (uint32_t i = 0; i < filter->gpu_count; i++)
        gpus[i] = text_copy(&at, filter->gpus[i]);
    copy->gpus = gpus;
    return copy;
}

/* ---- what it takes ---- */

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
