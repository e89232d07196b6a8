/* host_filter: the input HostFilter. */
#include "api/graphql/telemetry/selection.h"

#include <errno.h>

struct host_filter {
    struct names clusters, hostnames, words;
    uint32_t statuses; /* bits */
    bool by_status;
    bool by_missing, missing;
};

static const struct host_filter *filter_read(const struct gql_value *in,
                                             struct arena *arena)
{
    struct host_filter *filter = arena_zalloc(arena, sizeof *filter);
    const struct gql_value *missing = gql_member(in, "missing");
    filter->clusters = names_of(gql_member(in, "cluster"), arena);
    filter->hostnames = names_of(gql_member(in, "hostname"), arena);
    filter->words = words_of(gql_member(in, "text"), arena);
    filter->statuses =
        statuses_of(gql_member(in, "status"), &filter->by_status);
    filter->by_missing = missing != NULL && missing->kind == GQL_BOOLEAN;
    filter->missing = filter->by_missing && missing->boolean;
    return filter;
}

int host_filter_of(const struct gql_call *call,
                   const struct host_filter **filter, struct errmsg *err)
{
    const struct gql_value *in = gql_argument(call, "filter");
    *filter = NULL;
    if (in == NULL || in->kind == GQL_NULL)
        return 0;
    if (filter_check(in, err) < 0)
        return -EINVAL;
    *filter = filter_read(in, call->arena);
    return 0;
}

static bool takes_words(const struct names *words,
                        const struct fleet_host *host)
{
    for (uint32_t i = 0; i < words->count; i++)
        if (!text_has(host->name, words->names[i]) &&
            !text_has(host->cluster->name, words->names[i]))
            return false;
    return true;
}

bool host_filter_takes(const struct host_filter *f,
                       const struct fleet_host *host)
{
    if (f == NULL)
        return true;
    return (!f->clusters.given ||
            names_have(&f->clusters, host->cluster->name)) &&
           (!f->hostnames.given || names_have(&f->hostnames, host->name)) &&
           (!f->by_status || (f->statuses >> host_status(host) & 1)) &&
           (!f->by_missing ||
            f->missing == (host->counts[FLEET_MISSING] > 0)) &&
           takes_words(&f->words, host);
}
