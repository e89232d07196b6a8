/* scalars: what DateTime, Duration and BigInt take as input. JSON takes
 * anything. */
#include <errno.h>

#include "api/graphql/scalar.h"
#include "api/graphql/telemetry/shared.h"
#include "lib/clock.h"
#include "lib/timestamp.h"

static int refuse(const struct gql_value *in, const char *scalar,
                  const char *expected, struct errmsg *err)
{
    struct buf text = {0};
    gql_value_append_json(in, &text);
    size_t len = text.len < 100 ? text.len : 100;
    errmsg_set(err, 0, "%s cannot represent %.*s: expected %s", scalar,
               (int)len, text.data, expected);
    buf_fini(&text);
    return -EINVAL;
}

/* It stays the text that it was: what "now" is, is known when a field that is
 * given it is resolved, which for a subscription is at every event. */
static int date_time_parse(const struct gql_value *in, struct gql_value *out,
                           struct arena *arena, struct errmsg *err)
{
    (void)arena;
    int64_t ns;
    if (in->kind != GQL_STRING ||
        timestamp_parse_query(in->text, clock_wall_ns(), &ns) < 0)
        return refuse(in, "DateTime",
                      "RFC 3339, \"now\", or a time before now as \"now-5m\"",
                      err);
    *out = *in;
    out->next = NULL;
    return 0;
}

/* Becomes nanoseconds. */
static int duration_parse_input(const struct gql_value *in,
                                struct gql_value *out, struct arena *arena,
                                struct errmsg *err)
{
    (void)arena;
    int64_t ns;
    bool readable = in->kind == GQL_STRING || in->kind == GQL_INT;
    if (!readable || duration_parse(in->text, &ns) < 0)
        return refuse(in, "Duration",
                      "\"250ms\", \"30s\", \"5m\", \"1h\", \"7d\" or seconds",
                      err);
    *out = (struct gql_value){
        .kind = GQL_INT, .at = in->at, .text = in->text, .i64 = ns};
    return 0;
}

static int big_int_parse(const struct gql_value *in, struct gql_value *out,
                         struct arena *arena, struct errmsg *err)
{
    (void)arena;
    int64_t number;
    bool readable = in->kind == GQL_STRING || in->kind == GQL_INT;
    if (!readable || str_to_i64(in->text, &number) < 0)
        return refuse(in, "BigInt", "a whole number of up to 64 bits", err);
    *out = (struct gql_value){
        .kind = GQL_INT, .at = in->at, .text = in->text, .i64 = number};
    return 0;
}

const struct gql_binding scalar_bindings[] = {
    {.name = "DateTime", .parse = date_time_parse},
    {.name = "Duration", .parse = duration_parse_input},
    {.name = "BigInt", .parse = big_int_parse},
    {.name = NULL},
};
