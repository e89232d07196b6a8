/* write: leaf values that several types have. */
#include "api/graphql/telemetry/shared.h"
#include "lib/timestamp.h"

void write_time(struct gql_out *out, int64_t ns)
{
    char text[TIMESTAMP_MAX + 2];
    text[0] = '"';
    int len = timestamp_format_nano(ns, text + 1);
    text[len + 1] = '"';
    json_put_raw(&out->json, str_make(text, (size_t)len + 2));
}

void write_time_or_null(struct gql_out *out, int64_t ns)
{
    if (ns != 0)
        write_time(out, ns);
    else
        json_put_null(&out->json);
}

void write_str_or_null(struct gql_out *out, struct str s)
{
    if (s.len > 0)
        json_put_str(&out->json, s);
    else
        json_put_null(&out->json);
}

void write_double_or_null(struct gql_out *out, bool known, double value)
{
    if (known)
        json_put_double(&out->json, value);
    else
        json_put_null(&out->json);
}

void write_as_of(struct gql_out *out, const void *object)
{
    (void)object;
    write_time(out, fleet_of(&out->call)->as_of_ns);
}
