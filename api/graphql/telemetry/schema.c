/* schema: the text of the API's schema. */
#include "api/graphql/telemetry/bindings.h"

static const struct {
    const char *name, *text;
} sources[] = {
#include "schema.inc"
};

struct str telemetry_schema_text(void)
{
    return str_of(sources[0].text);
}
