/* reader: see reader.h. */
#include "broker/config/reader.h"

#include <errno.h>
#include <strings.h>

#include "lib/clock.h"
#include "lib/str.h"
#include "lib/timestamp.h"

/* ---- a map and its table ---- */

static bool has_name(const char *names, const char *key)
{
    struct str rest = str_of(names);
    for (;;) {
        const char *bar = memchr(rest.p, '|', rest.len);
        size_t len = bar != NULL ? (size_t)(bar - rest.p) : rest.len;
        if (str_ieq(str_make(rest.p, len), str_of(key)))
            return true;
        if (bar == NULL)
            return false;
        rest = str_make(bar + 1, rest.len - len - 1);
    }
}

static const struct setting *find_setting(const struct setting *table,
                                          const char *key)
{
    for (; table->names != NULL; table++) {
        if (has_name(table->names, key))
            return table;
    }
    return NULL;
}

int read_settings(struct reader *r, const struct conf_value *map,
                  const struct setting *table, void *into)
{
    if (expect_type(r, map, CONF_MAP) != 0)
        return -EINVAL;
    for (const struct conf_value *v = map->first; v != NULL; v = v->next) {
        const struct setting *setting = find_setting(table, v->key);
        if (setting == NULL && v->used)
            continue; /* a $variable of the file's own */
        if (setting == NULL)
            return conf_refuse(v, r->err, "unknown key \"%s\"", v->key);
        if (setting->read(r, v, setting, (char *)into + setting->offset) != 0)
            return -EINVAL;
    }
    return 0;
}

int expect_type(struct reader *r, const struct conf_value *value,
                enum conf_type type)
{
    if (value->type == type)
        return 0;
    if (value->key == NULL)
        return conf_refuse(value, r->err, "expected %s, not %s",
                           conf_type_name(type), conf_type_name(value->type));
    return conf_refuse(value, r->err, "\"%s\" is %s: expected %s", value->key,
                       conf_type_name(value->type), conf_type_name(type));
}

/* ---- values ---- */

int read_text(struct reader *r, const struct conf_value *value,
              const struct setting *setting, void *at)
{
    (void)setting;
    if (value->text == NULL)
        return expect_type(r, value, CONF_TEXT);
    *(const char **)at = value->text;
    return 0;
}

int read_flag(struct reader *r, const struct conf_value *value,
              const struct setting *setting, void *at)
{
    (void)setting;
    bool is_text = value->type == CONF_TEXT;
    if (is_text && strcasecmp(value->text, "enabled") == 0)
        *(bool *)at = true;
    else if (is_text && strcasecmp(value->text, "disabled") == 0)
        *(bool *)at = false;
    else if (expect_type(r, value, CONF_BOOL) != 0)
        return -EINVAL;
    else
        *(bool *)at = value->boolean;
    return 0;
}

static bool in_range(const struct setting *s, int64_t number)
{
    return s->min == s->max || (number >= s->min && number <= s->max);
}

int read_number(struct reader *r, const struct conf_value *value,
                const struct setting *setting, void *at)
{
    if (expect_type(r, value, CONF_INT) != 0)
        return -EINVAL;
    if (!in_range(setting, value->integer))
        return conf_refuse(value, r->err,
                           "\"%s\" is %s: expected a number from %lld to %lld",
                           value->key, value->text, (long long)setting->min,
                           (long long)setting->max);
    *(int64_t *)at = value->integer;
    return 0;
}

/* ---- durations ---- */

struct unit {
    const char *name;
    int64_t ns;
};

static const struct unit units[] = {
    {"ns", 1},
    {"us", NS_PER_US},
    {"\xc2\xb5s", NS_PER_US},
    {"ms", NS_PER_MS},
    {"s", NS_PER_S},
    {"m", 60 * NS_PER_S},
    {"h", 3600 * NS_PER_S},
    {"d", 86400 * NS_PER_S},
};

static const struct unit *unit_named(struct str name)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (str_is(name, units[i].name))
            return &units[i];
    }
    return NULL;
}

static bool add_seconds(double seconds, int64_t *ns)
{
    double sum = (double)*ns + seconds * (double)NS_PER_S;
    if (!(seconds >= 0) || sum > 9e18)
        return false;
    *ns = (int64_t)(sum + 0.5);
    return true;
}

/* One number and its unit, taken off the front. */
static bool add_part(struct str *rest, int64_t *ns)
{
    static const char digits[] = "0123456789.";
    const char *end = rest->p + rest->len, *at = rest->p;
    double number;
    while (at < end && strchr(digits, *at) != NULL)
        at++;
    const char *unit = at;
    while (at < end && strchr(digits, *at) == NULL)
        at++;
    const struct unit *found = unit_named(str_make(unit, (size_t)(at - unit)));
    if (found == NULL ||
        str_to_double(str_make(rest->p, (size_t)(unit - rest->p)), &number) !=
            0)
        return false;
    *rest = str_make(at, (size_t)(end - at));
    return add_seconds(number * (double)found->ns / (double)NS_PER_S, ns);
}

int duration_of(const char *text, int64_t *ns)
{
    struct str rest = str_of(text);
    *ns = 0;
    if (rest.len == 0)
        return -EINVAL;
    while (rest.len > 0) {
        if (!add_part(&rest, ns))
            return -EINVAL;
    }
    return 0;
}

static int refuse_duration(struct reader *r, const struct conf_value *value,
                           const struct setting *setting)
{
    struct buf range = {0};
    if (setting->min != setting->max) {
        buf_append_text(&range, ", from ");
        duration_append(&range, setting->min);
        buf_append_text(&range, " to ");
        duration_append(&range, setting->max);
    }
    conf_refuse(value, r->err,
                "\"%s\" is %s: expected a duration such as \"500ms\", \"10s\" "
                "or \"2m\"%s",
                value->key,
                value->text != NULL ? value->text : conf_type_name(value->type),
                buf_text(&range));
    buf_fini(&range);
    return -EINVAL;
}

int read_duration(struct reader *r, const struct conf_value *value,
                  const struct setting *setting, void *at)
{
    int64_t ns = 0;
    bool good = value->text != NULL && duration_of(value->text, &ns) == 0;
    if (!good && (value->type == CONF_INT || value->type == CONF_FLOAT))
        good = add_seconds(value->real, &ns);
    if (!good || !in_range(setting, ns))
        return refuse_duration(r, value, setting);
    *(int64_t *)at = ns;
    return 0;
}

/* ---- the rest ---- */

int read_ignored(struct reader *r, const struct conf_value *value,
                 const struct setting *setting, void *at)
{
    (void)r;
    (void)value;
    (void)setting;
    (void)at;
    return 0;
}

int read_unsupported(struct reader *r, const struct conf_value *value,
                     const struct setting *setting, void *at)
{
    (void)setting;
    (void)at;
    return conf_refuse(value, r->err, "\"%s\" is not supported by this broker",
                       value->key);
}

int read_texts(struct reader *r, const struct conf_value *value, size_t max,
               const char **out)
{
    size_t n = 0;
    const struct conf_value *v = value;
    if (value->type == CONF_ARRAY)
        v = value->first;
    for (; v != NULL; v = value->type == CONF_ARRAY ? v->next : NULL) {
        if (v->text == NULL)
            return expect_type(r, v, CONF_TEXT);
        if (n == max)
            return conf_refuse(v, r->err, "\"%s\" has more than %zu entries",
                               value->key, max);
        out[n++] = v->text;
    }
    out[n] = NULL;
    return 0;
}

int read_listen(struct reader *r, const struct conf_value *value,
                const char **addr, int64_t *port)
{
    int64_t number = value->integer;
    if (value->type != CONF_INT) {
        if (value->text == NULL)
            return expect_type(r, value, CONF_TEXT);
        const char *colon = strrchr(value->text, ':');
        if (colon == NULL || str_to_i64(str_of(colon + 1), &number) != 0)
            return conf_refuse(value, r->err,
                               "\"%s\" is %s: expected host:port or a port",
                               value->key, value->text);
        struct str host = str_make(value->text, (size_t)(colon - value->text));
        if (host.len > 2 && host.p[0] == '[' && host.p[host.len - 1] == ']')
            host = str_make(host.p + 1, host.len - 2);
        if (host.len > 0)
            *addr = arena_text(r->arena, host);
    }
    if (number < -1 || number > 65535)
        return conf_refuse(value, r->err,
                           "\"%s\" is %s: expected a port from -1 to 65535",
                           value->key, value->text);
    *port = number;
    return 0;
}
