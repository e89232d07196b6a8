/* stream_config: see stream_config.h. */
#include "broker/jetstream/stream_config.h"

#include <stdlib.h>

#include "broker/jetstream/js_config.h"
#include "broker/subject.h"
#include "lib/clock.h"
#include "lib/mem.h"

#define WINDOW_DEFAULT_NS (120 * NS_PER_S)
#define AGE_MIN_NS        (100 * NS_PER_MS)

static const char *const discards[] = {"old", "new", NULL};
static const char *const storages[] = {"file", "memory", NULL};
static const char *const retentions[] = {"limits", "interest", "workqueue",
                                         NULL};

void stream_config_fini(struct stream_config *config)
{
    for (unsigned i = 0; i < config->subject_count; i++)
        free(config->subjects[i]);
    free((void *)config->subjects);
    free(config->name);
    free(config->description);
    *config = (struct stream_config){0};
}

/* ---- reading ---- */

static int read_subjects(struct stream_config *config, struct json json,
                         struct arena *arena)
{
    struct json list = json_get(json, "subjects");
    int count = json_type(list) == JSON_ARRAY ? json_count(list) : 0;
    if (count > STREAM_SUBJECTS_MAX)
        return -1;
    config->subjects =
        (char **)mem_zalloc(sizeof(char *) * (size_t)(count > 0 ? count : 1));
    for (struct json_iter it = json_iter(list); count > 0 && json_next(&it);) {
        struct str text;
        if (json_string(it.value, arena, &text) != 0)
            return -1;
        config->subjects[config->subject_count++] = mem_strndup(text);
    }
    if (count == 0)
        config->subjects[config->subject_count++] = mem_strdup(config->name);
    return 0;
}

static int read_limits(struct stream_config *config, struct json json)
{
    return js_read_i64(json, "max_consumers", &config->max_consumers) |
           js_read_i64(json, "max_msgs", &config->max_msgs) |
           js_read_i64(json, "max_bytes", &config->max_bytes) |
           js_read_i64(json, "max_msg_size", &config->max_msg_size) |
           js_read_i64(json, "max_age", &config->max_age_ns);
}

static int read_flags(struct stream_config *config, struct json json)
{
    return js_read_bool(json, "no_ack", &config->no_ack) |
           js_read_bool(json, "allow_direct", &config->allow_direct) |
           js_read_bool(json, "mirror_direct", &config->mirror_direct) |
           js_read_bool(json, "sealed", &config->sealed) |
           js_read_bool(json, "deny_delete", &config->deny_delete) |
           js_read_bool(json, "deny_purge", &config->deny_purge);
}

static int read_choices(struct stream_config *config, struct json json,
                        struct arena *arena)
{
    int discard = DISCARD_OLD, storage = STORAGE_FILE;
    if (js_read_choice(json, "discard", arena, discards, &discard) != 0 ||
        js_read_choice(json, "storage", arena, storages, &storage) != 0)
        return -1;
    config->discard = (enum stream_discard)discard;
    config->storage = (enum stream_storage)storage;
    return 0;
}

static int64_t limit_or_none(int64_t limit)
{
    return limit <= 0 ? -1 : limit;
}

static void put_defaults(struct stream_config *config, bool window_given)
{
    config->max_consumers = limit_or_none(config->max_consumers);
    config->max_msgs = limit_or_none(config->max_msgs);
    config->max_bytes = limit_or_none(config->max_bytes);
    config->max_msg_size = limit_or_none(config->max_msg_size);
    if (window_given)
        return;
    config->duplicate_window_ns = WINDOW_DEFAULT_NS;
    if (config->max_age_ns > 0 && config->max_age_ns < WINDOW_DEFAULT_NS)
        config->duplicate_window_ns = config->max_age_ns;
}

/* ---- refusing ---- */

static bool has(struct json json, const char *name)
{
    enum json_type type = json_type(json_get(json, name));
    return type != JSON_NONE && type != JSON_NULL;
}

static int refuse_unsupported(struct json json, struct arena *arena,
                              struct js_error *error)
{
    static const char *const objects[] = {"mirror", "sources", "republish",
                                          "subject_transform", NULL};
    for (int i = 0; objects[i] != NULL; i++) {
        if (has(json, objects[i]))
            return js_refuse(error, 500, 10052, "%s is not supported",
                             objects[i]);
    }
    int retention = 0;
    int64_t per_subject = 0, replicas = 1;
    bool rollup = false, per_subject_new = false;
    if (js_read_choice(json, "retention", arena, retentions, &retention) |
        js_read_i64(json, "max_msgs_per_subject", &per_subject) |
        js_read_i64(json, "num_replicas", &replicas) |
        js_read_bool(json, "allow_rollup_hdrs", &rollup) |
        js_read_bool(json, "discard_new_per_subject", &per_subject_new))
        return js_refuse(error, JS_INVALID_JSON);
    if (retention != 0)
        return js_refuse(error, 500, 10052, "retention %s is not supported",
                         retentions[retention]);
    if (per_subject > 0 || per_subject_new)
        return js_refuse(error, 500, 10052,
                         "limits per subject are not supported");
    if (rollup)
        return js_refuse(error, 500, 10052,
                         "allow_rollup_hdrs is not supported");
    if (replicas > 1)
        return js_refuse(error, 500, 10074,
                         "replicas > 1 not supported in non-clustered mode");
    return 0;
}

static int check_subject(const struct stream_config *config, unsigned at,
                         struct js_error *error)
{
    struct str subject = str_of(config->subjects[at]);
    if (!subject_valid(subject))
        return js_refuse(error, 500, 10052, "invalid subject");
    if (subject_overlaps(subject, str_of("$JS.API.>")))
        return js_refuse(error, 500, 10052,
                         "subjects overlap with jetstream api");
    for (unsigned i = 0; i < at; i++) {
        struct str other = str_of(config->subjects[i]);
        if (str_eq(subject, other))
            return js_refuse(error, 500, 10052, "duplicate subjects detected");
        if (subject_overlaps(subject, other))
            return js_refuse(error, 500, 10052,
                             "subject \"%s\" overlaps with \"%s\"",
                             config->subjects[at], config->subjects[i]);
    }
    return 0;
}

static int check_times(const struct stream_config *config,
                       struct js_error *error)
{
    int64_t age = config->max_age_ns, window = config->duplicate_window_ns;
    if (age < 0 || (age > 0 && age < AGE_MIN_NS))
        return js_refuse(error, 500, 10052, "max age needs to be >= 100ms");
    if (window > 0 && window < AGE_MIN_NS)
        return js_refuse(error, 500, 10052,
                         "duplicates window needs to be >= 100ms");
    if (age > 0 && window > age)
        return js_refuse(error, 500, 10052,
                         "duplicates window can not be larger then max age");
    return 0;
}

static int check(const struct stream_config *config, struct js_error *error)
{
    if (config->name == NULL || config->name[0] == '\0')
        return js_refuse(error, 500, 10052, "stream name is required");
    if (!js_name_valid(str_of(config->name)))
        return js_refuse(error, 500, 10052,
                         "stream name can not contain whitespace, '.', '*', "
                         "'>', '/' or '\\' and has at most %u bytes",
                         JS_NAME_MAX);
    for (unsigned i = 0; i < config->subject_count; i++) {
        if (check_subject(config, i, error) != 0)
            return -1;
    }
    return check_times(config, error);
}

int stream_config_read(struct stream_config *config, struct json json,
                       struct arena *arena, struct js_error *error)
{
    *config = (struct stream_config){0};
    int64_t window = -1;
    if (json_type(json) != JSON_OBJECT ||
        js_read_text(json, "name", arena, &config->name) != 0 ||
        js_read_text(json, "description", arena, &config->description) != 0 ||
        js_read_i64(json, "duplicate_window", &window) != 0 ||
        read_limits(config, json) != 0 || read_flags(config, json) != 0 ||
        read_choices(config, json, arena) != 0)
        return js_refuse(error, JS_INVALID_JSON);
    if (refuse_unsupported(json, arena, error) != 0)
        return -1;
    if (config->name == NULL)
        config->name = mem_strdup("");
    if (read_subjects(config, json, arena) != 0)
        return js_refuse(error, JS_INVALID_JSON);
    config->duplicate_window_ns = window;
    put_defaults(config, window > 0);
    return check(config, error);
}

/* ---- writing and comparing ---- */

static void write_limits(const struct stream_config *config,
                         struct json_writer *w)
{
    json_member_text(w, "retention", "limits");
    json_member_i64(w, "max_consumers", config->max_consumers);
    json_member_i64(w, "max_msgs", config->max_msgs);
    json_member_i64(w, "max_bytes", config->max_bytes);
    json_member_i64(w, "max_age", config->max_age_ns);
    json_member_i64(w, "max_msgs_per_subject", -1);
    json_member_i64(w, "max_msg_size", config->max_msg_size);
    json_member_text(w, "discard", discards[config->discard]);
    json_member_text(w, "storage", storages[config->storage]);
    json_member_i64(w, "num_replicas", 1);
}

static void write_flags(const struct stream_config *config,
                        struct json_writer *w)
{
    if (config->no_ack)
        json_member_bool(w, "no_ack", true);
    json_member_i64(w, "duplicate_window", config->duplicate_window_ns);
    json_member_bool(w, "allow_direct", config->allow_direct);
    json_member_bool(w, "mirror_direct", config->mirror_direct);
    json_member_bool(w, "sealed", config->sealed);
    json_member_bool(w, "deny_delete", config->deny_delete);
    json_member_bool(w, "deny_purge", config->deny_purge);
    json_member_bool(w, "allow_rollup_hdrs", false);
}

void stream_config_write(const struct stream_config *config,
                         struct json_writer *w)
{
    json_begin_object(w);
    json_member_text(w, "name", config->name);
    if (config->description != NULL && config->description[0] != '\0')
        json_member_text(w, "description", config->description);
    json_key(w, "subjects");
    json_begin_array(w);
    for (unsigned i = 0; i < config->subject_count; i++)
        json_put_text(w, config->subjects[i]);
    json_end_array(w);
    write_limits(config, w);
    write_flags(config, w);
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

int stream_config_may_become(const struct stream_config *from,
                             const struct stream_config *to,
                             struct js_error *error)
{
    const char *what = NULL;
    if (from->storage != to->storage)
        what = "change storage type";
    else if (from->max_consumers != to->max_consumers)
        what = "change MaxConsumers";
    else if (from->deny_delete && !to->deny_delete)
        what = "cancel deny message deletes";
    else if (from->deny_purge && !to->deny_purge)
        what = "cancel deny purge";
    else if (from->sealed && !to->sealed)
        what = "unseal sealed stream";
    if (what == NULL)
        return 0;
    return js_refuse(error, 500, 10052,
                     "stream configuration update can not %s", what);
}
