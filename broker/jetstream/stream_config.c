/* stream_config: see stream_config.h. */
#include "broker/jetstream/stream_config.h"

#include <stdlib.h>

#include "broker/jetstream/js_config.h"
#include "lib/clock.h"
#include "lib/mem.h"

#define WINDOW_DEFAULT_NS (120 * NS_PER_S)

#define ROWS(rows)                               \
    {                                            \
        (rows), sizeof(rows) / sizeof((rows)[0]) \
    }
#define AT(member) offsetof(struct stream_config, member)

static const char *const retentions[] = {"limits", "interest", "workqueue",
                                         NULL};
static const char *const discards[] = {"old", "new", NULL};
static const char *const storages[] = {"file", "memory", NULL};
static const char *const compressions[] = {"none", "s2", NULL};
static const char *const persists[] = {"default", "async", NULL};

static const struct js_member rows[] = {
    {"name", JS_TEXT, AT(name), .always = true},
    {"description", JS_TEXT, AT(description)},
    {"retention", JS_CHOICE, AT(retention), retentions, true},
    {"max_consumers", JS_I64, AT(max_consumers), .always = true},
    {"max_msgs", JS_I64, AT(max_msgs), .always = true},
    {"max_bytes", JS_I64, AT(max_bytes), .always = true},
    {"max_age", JS_I64, AT(max_age_ns), .always = true},
    {"max_msgs_per_subject", JS_I64, AT(max_msgs_per_subject), .always = true},
    {"max_msg_size", JS_I64, AT(max_msg_size), .always = true},
    {"discard", JS_CHOICE, AT(discard), discards, true},
    {"discard_new_per_subject", JS_BOOL, AT(discard_new_per_subject)},
    {"storage", JS_CHOICE, AT(storage), storages, true},
    {"num_replicas", JS_I64, AT(replicas), .always = true},
    {"no_ack", JS_BOOL, AT(no_ack)},
    {"duplicate_window", JS_I64, AT(duplicate_window_ns)},
    {"compression", JS_CHOICE, AT(compression), compressions},
    {"first_seq", JS_U64, AT(first_seq)},
    {"allow_direct", JS_BOOL, AT(allow_direct), .always = true},
    {"mirror_direct", JS_BOOL, AT(mirror_direct), .always = true},
    {"sealed", JS_BOOL, AT(sealed), .always = true},
    {"deny_delete", JS_BOOL, AT(deny_delete), .always = true},
    {"deny_purge", JS_BOOL, AT(deny_purge), .always = true},
    {"allow_rollup_hdrs", JS_BOOL, AT(allow_rollup), .always = true},
    {"allow_msg_ttl", JS_BOOL, AT(allow_msg_ttl)},
    {"subject_delete_marker_ttl", JS_I64, AT(delete_marker_ttl_ns)},
    {"persist_mode", JS_CHOICE, AT(persist), persists},
};
static const struct js_members members = ROWS(rows);

static const struct js_member limit_rows[] = {
    {"inactive_threshold", JS_I64, AT(consumer_limits.inactive_threshold_ns)},
    {"max_ack_pending", JS_I64, AT(consumer_limits.max_ack_pending)},
};
static const struct js_members limit_members = ROWS(limit_rows);

static const struct js_member placement_rows[] = {
    {"cluster", JS_TEXT, AT(placement.cluster)},
    {"preferred", JS_TEXT, AT(placement.preferred)},
};
static const struct js_members placement_members = ROWS(placement_rows);

static const struct js_member republish_rows[] = {
    {"src", JS_TEXT, AT(republish.map.src)},
    {"dest", JS_TEXT, AT(republish.map.dest), .always = true},
    {"headers_only", JS_BOOL, AT(republish.headers_only)},
};
static const struct js_members republish_members = ROWS(republish_rows);

void stream_config_fini(struct stream_config *config)
{
    for (unsigned i = 0; i < config->subject_count; i++)
        free(config->subjects[i]);
    free((void *)config->subjects);
    for (unsigned i = 0; i < config->source_count; i++)
        stream_source_fini(&config->sources[i]);
    free(config->sources);
    if (config->mirror != NULL)
        stream_source_fini(config->mirror);
    free(config->mirror);
    if (config->transform != NULL)
        subject_map_fini(config->transform);
    free(config->transform);
    js_metadata_fini(&config->metadata);
    js_texts_fini(&config->placement.tags);
    js_members_fini(placement_members, config);
    js_members_fini(republish_members, config);
    js_members_fini(members, config);
    *config = (struct stream_config){0};
}

/* ---- reading ---- */

/* The member, unless it is absent or null. */
static bool find(struct json json, const char *name, struct json *out)
{
    *out = json_get(json, name);
    enum json_type type = json_type(*out);
    return type != JSON_NONE && type != JSON_NULL;
}

static int read_subjects(struct stream_config *config, struct json json,
                         struct arena *arena)
{
    struct js_texts list = {0};
    int rc = js_texts_read(&list, json_get(json, "subjects"), arena,
                           STREAM_SUBJECTS_MAX);
    config->subjects = list.texts;
    config->subject_count = list.count;
    return rc;
}

/* An object whose members stand in the configuration itself. */
static int read_object(struct stream_config *config, struct json json,
                       const char *name, struct js_members rows_of,
                       struct arena *arena)
{
    struct json object;
    if (!find(json, name, &object))
        return 0;
    if (json_type(object) != JSON_OBJECT)
        return -1;
    return js_members_read(rows_of, object, arena, config);
}

static int read_transform(struct stream_config *config, struct json json,
                          struct arena *arena)
{
    struct json object;
    if (!find(json, "subject_transform", &object))
        return 0;
    config->transform = mem_zalloc(sizeof(*config->transform));
    return subject_map_read(config->transform, object, arena);
}

static int read_mirror(struct stream_config *config, struct json json,
                       struct arena *arena)
{
    struct json object;
    if (!find(json, "mirror", &object))
        return 0;
    config->mirror = mem_zalloc(sizeof(*config->mirror));
    return stream_source_read(config->mirror, object, arena);
}

static int read_sources(struct stream_config *config, struct json json,
                        struct arena *arena)
{
    struct json list;
    if (!find(json, "sources", &list))
        return 0;
    int count = json_type(list) == JSON_ARRAY ? json_count(list) : -1;
    if (count < 0 || count > STREAM_SOURCES_MAX)
        return -1;
    config->sources =
        mem_zalloc(sizeof(*config->sources) * ((size_t)count + 1));
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        if (stream_source_read(&config->sources[config->source_count++],
                               it.value, arena) != 0)
            return -1;
    }
    return 0;
}

static int read_republish(struct stream_config *config, struct json json,
                          struct arena *arena)
{
    struct json object;
    if (find(json, "republish", &object))
        config->republish.map.dest = mem_strdup("");
    return read_object(config, json, "republish", republish_members, arena);
}

static int read_placement(struct stream_config *config, struct json json,
                          struct arena *arena)
{
    struct json object;
    if (!find(json, "placement", &object))
        return 0;
    return read_object(config, json, "placement", placement_members, arena) !=
                       0 ||
                   js_texts_read(&config->placement.tags,
                                 json_get(object, "tags"), arena,
                                 STREAM_TAGS_MAX) != 0
               ? -1
               : 0;
}

static int read_all(struct stream_config *config, struct json json,
                    struct arena *arena)
{
    return json_type(json) != JSON_OBJECT ||
                   js_members_read(members, json, arena, config) != 0 ||
                   read_subjects(config, json, arena) != 0 ||
                   read_object(config, json, "consumer_limits", limit_members,
                               arena) != 0 ||
                   js_metadata_read(&config->metadata,
                                    json_get(json, "metadata"), arena) != 0 ||
                   read_placement(config, json, arena) != 0 ||
                   read_transform(config, json, arena) != 0 ||
                   read_republish(config, json, arena) != 0 ||
                   read_mirror(config, json, arena) != 0 ||
                   read_sources(config, json, arena) != 0
               ? -1
               : 0;
}

/* ---- defaults ---- */

static void put_limit(int64_t *limit)
{
    if (*limit <= 0)
        *limit = -1;
}

static void put_window(struct stream_config *config)
{
    if (config->duplicate_window_ns != 0 || config->mirror != NULL)
        return;
    config->duplicate_window_ns = WINDOW_DEFAULT_NS;
    if (config->max_age_ns > 0 && config->max_age_ns < WINDOW_DEFAULT_NS)
        config->duplicate_window_ns = config->max_age_ns;
}

static void put_subject(struct stream_config *config)
{
    if (config->subject_count > 0 || config->mirror != NULL ||
        config->source_count > 0)
        return;
    free((void *)config->subjects);
    config->subjects = (char **)mem_zalloc(sizeof(char *));
    config->subjects[config->subject_count++] = mem_strdup(config->name);
}

static void put_defaults(struct stream_config *config)
{
    put_limit(&config->max_consumers);
    put_limit(&config->max_msgs);
    put_limit(&config->max_bytes);
    put_limit(&config->max_msg_size);
    put_limit(&config->max_msgs_per_subject);
    put_window(config);
    if (config->replicas == 0)
        config->replicas = 1;
    if (config->name == NULL)
        config->name = mem_strdup("");
    put_subject(config);
    if (config->republish.map.dest != NULL && config->republish.map.src == NULL)
        config->republish.map.src = mem_strdup(">");
}

int stream_config_read(struct stream_config *config, struct json json,
                       struct arena *arena, struct js_error *error)
{
    *config = (struct stream_config){0};
    if (read_all(config, json, arena) != 0)
        return js_refuse(error, JS_INVALID_JSON);
    put_defaults(config);
    return stream_config_check(config, error);
}

/* ---- writing and comparing ---- */

static void write_placement(const struct stream_config *config,
                            struct json_writer *w)
{
    if (config->placement.cluster == NULL && config->placement.tags.count == 0)
        return;
    json_key(w, "placement");
    json_begin_object(w);
    js_members_write(placement_members, config, w);
    if (config->placement.tags.count > 0) {
        json_key(w, "tags");
        js_texts_write(&config->placement.tags, w);
    }
    json_end_object(w);
}

static void write_origins(const struct stream_config *config,
                          struct json_writer *w)
{
    if (config->mirror != NULL) {
        json_key(w, "mirror");
        stream_source_write(config->mirror, w);
    }
    if (config->source_count == 0)
        return;
    json_key(w, "sources");
    json_begin_array(w);
    for (unsigned i = 0; i < config->source_count; i++)
        stream_source_write(&config->sources[i], w);
    json_end_array(w);
}

static void write_maps(const struct stream_config *config,
                       struct json_writer *w)
{
    if (config->transform != NULL) {
        json_key(w, "subject_transform");
        subject_map_write(config->transform, w);
    }
    if (config->republish.map.dest == NULL)
        return;
    json_key(w, "republish");
    json_begin_object(w);
    js_members_write(republish_members, config, w);
    json_end_object(w);
}

void stream_config_write(const struct stream_config *config,
                         struct json_writer *w)
{
    const struct js_texts subjects = {config->subjects, config->subject_count};
    json_begin_object(w);
    js_members_write(members, config, w);
    if (subjects.count > 0) {
        json_key(w, "subjects");
        js_texts_write(&subjects, w);
    }
    if (config->consumer_limits.inactive_threshold_ns != 0 ||
        config->consumer_limits.max_ack_pending != 0) {
        json_key(w, "consumer_limits");
        json_begin_object(w);
        js_members_write(limit_members, config, w);
        json_end_object(w);
    }
    js_metadata_write(&config->metadata, w);
    write_placement(config, w);
    write_maps(config, w);
    write_origins(config, w);
    json_end_object(w);
}

bool stream_config_equal(const struct stream_config *a,
                         const struct stream_config *b)
{
    struct buf texts[2] = {0};
    struct json_writer wa = json_writer(&texts[0]);
    struct json_writer wb = json_writer(&texts[1]);
    stream_config_write(a, &wa);
    stream_config_write(b, &wb);
    bool equal = str_eq(buf_str(&texts[0]), buf_str(&texts[1]));
    buf_fini(&texts[0]);
    buf_fini(&texts[1]);
    return equal;
}
