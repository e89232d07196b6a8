/* stream_source: see stream_source.h. */
#include "broker/jetstream/stream_source.h"

#include <stdlib.h>

#include "broker/jetstream/js_config.h"
#include "broker/jetstream/transform.h"
#include "broker/subject.h"
#include "lib/mem.h"

#define ROWS(rows)                               \
    {                                            \
        (rows), sizeof(rows) / sizeof((rows)[0]) \
    }

/* ---- subject_map ---- */

static const struct js_member map_rows[] = {
    {"src", JS_TEXT, offsetof(struct subject_map, src)},
    {"dest", JS_TEXT, offsetof(struct subject_map, dest), .always = true},
};
static const struct js_members map_members = ROWS(map_rows);

int subject_map_read(struct subject_map *map, struct json object,
                     struct arena *arena)
{
    if (json_type(object) != JSON_OBJECT)
        return -1;
    return js_members_read(map_members, object, arena, map);
}

void subject_map_write(const struct subject_map *map, struct json_writer *w)
{
    json_begin_object(w);
    js_members_write(map_members, map, w);
    json_end_object(w);
}

void subject_map_fini(struct subject_map *map)
{
    js_members_fini(map_members, map);
}

/* ---- stream_source ---- */

static const struct js_member source_rows[] = {
    {"name", JS_TEXT, offsetof(struct stream_source, name), .always = true},
    {"opt_start_seq", JS_U64, offsetof(struct stream_source, start_seq)},
    {"opt_start_time", JS_TIME, offsetof(struct stream_source, start_time_ns)},
    {"filter_subject", JS_TEXT, offsetof(struct stream_source, filter_subject)},
};
static const struct js_members source_members = ROWS(source_rows);

static const struct js_member external_rows[] = {
    {"api", JS_TEXT, offsetof(struct stream_source, external_api),
     .always = true},
    {"deliver", JS_TEXT, offsetof(struct stream_source, external_deliver),
     .always = true},
};
static const struct js_members external_members = ROWS(external_rows);

static bool is_there(struct json value)
{
    enum json_type type = json_type(value);
    return type != JSON_NONE && type != JSON_NULL;
}

static int read_external(struct stream_source *source, struct json object,
                         struct arena *arena)
{
    if (!is_there(object))
        return 0;
    if (json_type(object) != JSON_OBJECT)
        return -1;
    source->external_api = mem_strdup("");
    return js_members_read(external_members, object, arena, source);
}

static int read_transforms(struct stream_source *source, struct json list,
                           struct arena *arena)
{
    if (!is_there(list))
        return 0;
    int count = json_type(list) == JSON_ARRAY ? json_count(list) : -1;
    if (count < 0 || count > STREAM_TRANSFORMS_MAX)
        return -1;
    source->transforms =
        mem_zalloc(sizeof(*source->transforms) * ((size_t)count + 1));
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        if (subject_map_read(&source->transforms[source->transform_count++],
                             it.value, arena) != 0)
            return -1;
    }
    return 0;
}

int stream_source_read(struct stream_source *source, struct json object,
                       struct arena *arena)
{
    if (json_type(object) != JSON_OBJECT)
        return -1;
    return js_members_read(source_members, object, arena, source) != 0 ||
                   read_external(source, json_get(object, "external"), arena) !=
                       0 ||
                   read_transforms(source,
                                   json_get(object, "subject_transforms"),
                                   arena) != 0
               ? -1
               : 0;
}

void stream_source_write(const struct stream_source *source,
                         struct json_writer *w)
{
    json_begin_object(w);
    js_members_write(source_members, source, w);
    if (source->transform_count > 0) {
        json_key(w, "subject_transforms");
        json_begin_array(w);
        for (unsigned i = 0; i < source->transform_count; i++)
            subject_map_write(&source->transforms[i], w);
        json_end_array(w);
    }
    if (source->external_api != NULL) {
        json_key(w, "external");
        json_begin_object(w);
        js_members_write(external_members, source, w);
        json_end_object(w);
    }
    json_end_object(w);
}

void stream_source_fini(struct stream_source *source)
{
    for (unsigned i = 0; i < source->transform_count; i++)
        subject_map_fini(&source->transforms[i]);
    free(source->transforms);
    js_members_fini(source_members, source);
    js_members_fini(external_members, source);
    *source = (struct stream_source){0};
}

/* ---- checking ---- */

/* Mirrors and sources are refused with numbers of their own. */
struct refusals {
    const char *what;
    int name, both_filters, filter, dest, overlap;
};

static struct str text_or(const char *text, const char *otherwise)
{
    return str_of(text != NULL && text[0] != '\0' ? text : otherwise);
}

static int check_map(const struct subject_map *map, const struct refusals *is,
                     struct js_error *error)
{
    struct str src = text_or(map->src, ">"), dest = text_or(map->dest, "");
    struct errmsg err;
    if (!subject_valid(src))
        return js_refuse(error, 400, is->filter,
                         "%s transform source: invalid subject %s", is->what,
                         map->src);
    if (dest.len == 0)
        return 0;
    struct transform *transform = transform_new(src, dest, &err);
    if (transform == NULL)
        return js_refuse(error, 400, is->dest, "%s transform: %s", is->what,
                         err.text);
    transform_free(&transform);
    return 0;
}

static int check_maps(const struct stream_source *source,
                      const struct refusals *is, struct js_error *error)
{
    for (unsigned i = 0; i < source->transform_count; i++) {
        struct str src = text_or(source->transforms[i].src, ">");
        if (check_map(&source->transforms[i], is, error) != 0)
            return -1;
        for (unsigned j = 0; j < i; j++) {
            if (subject_overlaps(src, text_or(source->transforms[j].src, ">")))
                return js_refuse(error, 400, is->overlap,
                                 "%s filters can not overlap", is->what);
        }
    }
    return 0;
}

static int check_external(const struct stream_source *source,
                          struct js_error *error)
{
    struct str api = text_or(source->external_api, "");
    struct str deliver = text_or(source->external_deliver, "");
    if (deliver.len > 0 && !subject_valid_literal(deliver))
        return js_refuse(error, 400, 10024,
                         "stream external delivery prefix %s must not contain "
                         "wildcards",
                         source->external_deliver);
    if (api.len > 0 && !subject_valid_literal(api))
        return js_refuse(error, 500, 10052,
                         "stream external api prefix \"%s\" must be a valid "
                         "subject without wildcards",
                         source->external_api);
    if (str_is(api, "$JS.API"))
        return js_refuse(error, 400, 10021,
                         "stream external api prefix %s must not overlap with "
                         "$JS.API",
                         source->external_api);
    return 0;
}

int stream_source_check(const struct stream_source *source, bool mirror,
                        struct js_error *error)
{
    static const struct refusals of_mirror = {"mirror", 10142, 10150,
                                              10151,    10154, 10152};
    static const struct refusals of_source = {"source", 10141, 10144,
                                              10145,    10146, 10147};
    const struct refusals *is = mirror ? &of_mirror : &of_source;
    if (!js_name_valid(text_or(source->name, "")))
        return js_refuse(error, 400, is->name, "%s stream name is invalid",
                         mirror ? "mirrored" : "sourced");
    if (mirror && source->start_seq > 0 && source->start_time_ns != 0)
        return js_refuse(error, 400, 10032,
                         "stream mirrors can not have both start seq and start "
                         "time configured");
    if (source->filter_subject != NULL && source->transform_count > 0)
        return js_refuse(error, 400, is->both_filters,
                         "%s with multiple subject transforms cannot also have "
                         "a single subject filter",
                         is->what);
    if (source->external_api != NULL && check_external(source, error) != 0)
        return -1;
    return check_maps(source, is, error);
}
