/* params: see the header. */
#include "api/rest/params.h"

#include <inttypes.h>

#include "lib/clock.h"
#include "lib/timestamp.h"

/* Bytes of a refused value that the answer repeats. */
#define VALUE_SHOWN_MAX 100

static struct str shown(struct str value)
{
    size_t len = value.len < VALUE_SHOWN_MAX ? value.len : VALUE_SHOWN_MAX;
    return str_make(value.p, len);
}

static bool refuse(struct http_request *req, const struct api_param *param,
                   struct str value, const char *expected)
{
    http_reply_problem(req, 400, param->name, "%s is \"%.*s\": %s is expected",
                       param->name, STR_ARG(shown(value)), expected);
    return false;
}

static bool int_parse(struct http_request *req, const struct api_param *param,
                      struct param_value *value)
{
    if (str_to_i64(value->text, &value->number) == 0 &&
        value->number >= param->min && value->number <= param->max)
        return true;
    struct arena *arena = http_arena(req);
    return refuse(req, param, value->text,
                  arena_printf(arena,
                               "a whole number from %" PRId64 " to %" PRId64,
                               param->min, param->max));
}

/* A '+' that was not escaped has become a space: "…T20:42:34 02:00". */
static struct str plus_restored(struct http_request *req, struct str text)
{
    const char *t = memchr(text.p, 'T', text.len);
    const char *space = memchr(text.p, ' ', text.len);
    if (t == NULL || space == NULL || space < t)
        return text;
    char *copy = arena_text(http_arena(req), text);
    copy[space - text.p] = '+';
    return str_make(copy, text.len);
}

static bool time_parse(struct http_request *req, const struct api_param *param,
                       struct param_value *value)
{
    struct str text = plus_restored(req, value->text);
    if (timestamp_parse_query(text, clock_wall_ns(), &value->number) == 0)
        return true;
    return refuse(req, param, value->text,
                  "a time as in 2025-07-18T20:42:34Z, now or now-5m");
}

static bool value_parse(struct http_request *req, const struct api_param *param,
                        struct param_value *value)
{
    switch (param->type) {
    case PARAM_INT:
        return int_parse(req, param, value);
    case PARAM_TIME:
        return time_parse(req, param, value);
    case PARAM_TEXT:
        return value->text.len > 0 ||
               refuse(req, param, value->text, "a text that is not empty");
    }
    return false;
}

static int param_by_name(const struct api_param *table, struct str name)
{
    for (int i = 0; table[i].name != NULL; i++)
        if (table[i].place == PARAM_QUERY && str_is(name, table[i].name))
            return i;
    return -1;
}

static bool refuse_unknown(struct http_request *req,
                           const struct api_param *table, struct str name)
{
    struct arena *arena = http_arena(req);
    const char *known = "";
    for (const struct api_param *p = table; p->name != NULL; p++)
        if (p->place == PARAM_QUERY)
            known = arena_printf(arena, "%s%s%s", known,
                                 known[0] != '\0' ? ", " : "", p->name);
    http_reply_problem(req, 400, arena_text(arena, shown(name)),
                       "there is no parameter \"%.*s\" here; known are: %s",
                       STR_ARG(shown(name)), known[0] != '\0' ? known : "none");
    return false;
}

/* Takes the query's parameters as text, each at most once. */
static bool query_take(struct http_request *req, const struct api_param *table,
                       struct param_value values[PARAMS_MAX])
{
    struct str name, text;
    for (size_t i = 0; http_query_at(req, i, &name, &text); i++) {
        int index = param_by_name(table, name);
        if (index < 0)
            return refuse_unknown(req, table, name);
        if (values[index].given) {
            http_reply_problem(req, 400, table[index].name,
                               "%s is given more than once", table[index].name);
            return false;
        }
        values[index].given = true;
        values[index].text = text;
    }
    return true;
}

bool params_parse(struct http_request *req, const struct api_param *table,
                  struct param_value values[PARAMS_MAX])
{
    memset(values, 0, PARAMS_MAX * sizeof *values);
    if (!query_take(req, table, values))
        return false;
    for (int i = 0; table[i].name != NULL; i++) {
        struct param_value *value = &values[i];
        if (table[i].place == PARAM_PATH) {
            value->given = true;
            value->text = http_param(req, table[i].name);
        } else if (!value->given && table[i].initial != NULL) {
            value->given = true;
            value->text = str_of(table[i].initial);
        }
        if (value->given && !value_parse(req, &table[i], value))
            return false;
    }
    return true;
}
