/* js_config: see js_config.h. */
#include "broker/jetstream/js_config.h"

#include <stdlib.h>

#include "lib/mem.h"
#include "lib/timestamp.h"

bool js_name_valid(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.p[i];
        if (c <= ' ' || c == 127 || strchr(".*>/\\", c) != NULL)
            return false;
    }
    return name.len > 0 && name.len <= JS_NAME_MAX;
}

/* The member, unless it is absent or null. */
static bool member(struct json object, const char *name, struct json *out)
{
    *out = json_get(object, name);
    enum json_type type = json_type(*out);
    return type != JSON_NONE && type != JSON_NULL;
}

int js_read_i64(struct json object, const char *name, int64_t *out)
{
    struct json value;
    if (!member(object, name, &value))
        return 0;
    return json_i64(value, out) == 0 ? 0 : -1;
}

int js_read_u64(struct json object, const char *name, uint64_t *out)
{
    struct json value;
    if (!member(object, name, &value))
        return 0;
    return json_u64(value, out) == 0 ? 0 : -1;
}

int js_read_str(struct json object, const char *name, struct arena *arena,
                struct str *out)
{
    struct json value;
    if (!member(object, name, &value))
        return 0;
    return json_string(value, arena, out) == 0 ? 0 : -1;
}

int js_read_bool(struct json object, const char *name, bool *out)
{
    struct json value;
    if (!member(object, name, &value))
        return 0;
    return json_bool(value, out) == 0 ? 0 : -1;
}

int js_read_text(struct json object, const char *name, struct arena *arena,
                 char **out)
{
    struct json value;
    struct str text;
    if (!member(object, name, &value))
        return 0;
    if (json_string(value, arena, &text) != 0 ||
        memchr(text.p, '\0', text.len) != NULL)
        return -1;
    free(*out);
    *out = mem_strndup(text);
    return 0;
}

int js_read_choice(struct json object, const char *name, struct arena *arena,
                   const char *const *names, int *out)
{
    struct json value;
    struct str text;
    if (!member(object, name, &value))
        return 0;
    if (json_string(value, arena, &text) != 0)
        return -1;
    for (int i = 0; names[i] != NULL; i++) {
        if (str_is(text, names[i])) {
            *out = i;
            return 0;
        }
    }
    return -1;
}

int js_read_time(struct json object, const char *name, struct arena *arena,
                 int64_t *out)
{
    struct json value;
    struct str text;
    if (!member(object, name, &value))
        return 0;
    if (json_string(value, arena, &text) != 0)
        return -1;
    return timestamp_parse(text, out) == 0 ? 0 : -1;
}

void js_member_time(struct json_writer *w, const char *key, int64_t ns)
{
    char text[TIMESTAMP_MAX];
    if (ns == 0) {
        json_member_text(w, key, "0001-01-01T00:00:00Z");
        return;
    }
    timestamp_format_nano(ns, text);
    json_member_text(w, key, text);
}
