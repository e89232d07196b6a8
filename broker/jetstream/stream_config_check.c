/* stream_config_check: what a stream may be asked to be, and what it may
 * become. The sentences are nats-server's, in its order. */
#include "broker/jetstream/stream_config.h"

#include "broker/jetstream/js_config.h"
#include "broker/jetstream/transform.h"
#include "broker/subject.h"
#include "lib/clock.h"

#define AGE_MIN_NS        (100 * NS_PER_MS)
#define MARKER_TTL_MIN_NS NS_PER_S

/* Most refusals of a configuration share a number. */
#define INVALID 500, 10052

/* ---- by itself ---- */

static int check_names(const struct stream_config *config,
                       struct js_error *error)
{
    if (config->name[0] == '\0')
        return js_refuse(error, INVALID, "stream name is required");
    if (!js_name_valid(str_of(config->name)))
        return js_refuse(error, INVALID,
                         "stream name can not contain whitespace, '.', '*', "
                         "'>', '/' or '\\' and has at most %u bytes",
                         JS_NAME_MAX);
    if (config->description != NULL &&
        strlen(config->description) > STREAM_DESCRIPTION_MAX)
        return js_refuse(error, INVALID,
                         "stream description is too long, maximum allowed is "
                         "%d",
                         STREAM_DESCRIPTION_MAX);
    if (js_metadata_bytes(&config->metadata) > JS_METADATA_BYTES_MAX)
        return js_refuse(error, INVALID,
                         "stream metadata exceeds maximum size of %u bytes",
                         JS_METADATA_BYTES_MAX);
    if (config->placement.preferred != NULL)
        return js_refuse(error, INVALID,
                         "preferred server not permitted in placement");
    return 0;
}

static int check_supported(const struct stream_config *config,
                           struct js_error *error)
{
    if (js_check_replicas(config->replicas, error) != 0)
        return -1;
    if (config->compression != COMPRESSION_NONE)
        return js_refuse(error, INVALID,
                         "compression s2 is not supported, expected none");
    return 0;
}

static int check_times(const struct stream_config *config,
                       struct js_error *error)
{
    int64_t age = config->max_age_ns, window = config->duplicate_window_ns;
    if (age < 0 || (age > 0 && age < AGE_MIN_NS))
        return js_refuse(error, INVALID, "max age needs to be >= 100ms");
    if (window < 0)
        return js_refuse(error, INVALID,
                         "duplicates window can not be negative");
    if (age > 0 && window > age)
        return js_refuse(error, INVALID,
                         "duplicates window can not be larger then max age");
    if (window > 0 && window < AGE_MIN_NS)
        return js_refuse(error, INVALID,
                         "duplicates window needs to be >= 100ms");
    return 0;
}

static int check_markers(const struct stream_config *config,
                         struct js_error *error)
{
    int64_t ttl = config->delete_marker_ttl_ns;
    if (ttl < 0)
        return js_refuse(error, INVALID,
                         "subject marker delete TTL must not be negative");
    if (ttl > 0 && !config->allow_msg_ttl)
        return js_refuse(error, INVALID,
                         "subject marker delete cannot be set if message TTLs "
                         "are disabled");
    if (ttl > 0 && ttl < MARKER_TTL_MIN_NS)
        return js_refuse(error, INVALID,
                         "subject marker delete TTL must be at least 1 second");
    if (ttl > 0 && config->mirror != NULL)
        return js_refuse(error, INVALID,
                         "subject delete markers forbidden on mirrors");
    return 0;
}

static int check_rules(const struct stream_config *config,
                       struct js_error *error)
{
    if (config->deny_purge && config->allow_rollup)
        return js_refuse(error, INVALID,
                         "roll-ups require the purge permission");
    if (config->discard_new_per_subject && config->discard != DISCARD_NEW)
        return js_refuse(error, INVALID,
                         "discard new per subject requires discard new policy "
                         "to be set");
    if (config->discard_new_per_subject && config->max_msgs_per_subject <= 0)
        return js_refuse(error, INVALID,
                         "discard new per subject requires max msgs per "
                         "subject > 0");
    if (config->consumer_limits.inactive_threshold_ns < 0 ||
        config->consumer_limits.max_ack_pending < -1)
        return js_refuse(error, INVALID, "consumer limits can not be negative");
    return check_markers(config, error);
}

static bool covered_by(const char *subject, const char *space)
{
    return subject_covers(str_of(space), str_of(subject));
}

/* Answers to what is published there would be published there. */
static int check_reserved(const char *subject, struct js_error *error)
{
    if (strcmp(subject, ">") == 0)
        return js_refuse(error, INVALID,
                         "capturing all subjects requires no-ack to be true");
    if ((covered_by(subject, "$JS.>") && !covered_by(subject, "$JS.EVENT.>")) ||
        subject_overlaps(str_of(subject), str_of("$JS.API.>")))
        return js_refuse(error, INVALID,
                         "subjects that overlap with jetstream api require "
                         "no-ack to be true");
    if (covered_by(subject, "$SYS.>") && !covered_by(subject, "$SYS.ACCOUNT.>"))
        return js_refuse(error, INVALID,
                         "subjects that overlap with system api require no-ack "
                         "to be true");
    return 0;
}

static int check_subject(const struct stream_config *config, unsigned at,
                         struct js_error *error)
{
    struct str subject = str_of(config->subjects[at]);
    if (!subject_valid(subject))
        return js_refuse(error, INVALID, "invalid subject");
    if (!config->no_ack && check_reserved(config->subjects[at], error) != 0)
        return -1;
    for (unsigned i = 0; i < at; i++) {
        struct str other = str_of(config->subjects[i]);
        if (str_eq(subject, other))
            return js_refuse(error, INVALID, "duplicate subjects detected");
        if (subject_overlaps(subject, other))
            return js_refuse(error, INVALID,
                             "subject \"%s\" overlaps with \"%s\"",
                             config->subjects[at], config->subjects[i]);
    }
    return 0;
}

static int check_mirror(const struct stream_config *config,
                        struct js_error *error)
{
    if (config->mirror == NULL)
        return 0;
    if (config->first_seq > 0)
        return js_refuse(error, 400, 10143,
                         "stream mirrors can not have first sequence "
                         "configured");
    if (config->subject_count > 0)
        return js_refuse(error, 400, 10034,
                         "stream mirrors can not contain subjects");
    if (config->source_count > 0)
        return js_refuse(error, 400, 10031,
                         "stream mirrors can not also contain other sources");
    return stream_source_check(config->mirror, true, error);
}

static bool is_same_text(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static bool is_same_origin(const struct stream_source *a,
                           const struct stream_source *b)
{
    return is_same_text(a->name, b->name) &&
           is_same_text(a->filter_subject, b->filter_subject) &&
           is_same_text(a->external_api, b->external_api) &&
           a->transform_count == 0 && b->transform_count == 0;
}

static int check_sources(const struct stream_config *config,
                         struct js_error *error)
{
    for (unsigned i = 0; i < config->source_count; i++) {
        if (stream_source_check(&config->sources[i], false, error) != 0)
            return -1;
        for (unsigned j = 0; j < i; j++) {
            if (is_same_origin(&config->sources[i], &config->sources[j]))
                return js_refuse(error, 400, 10140,
                                 "duplicate source configuration detected");
        }
    }
    return 0;
}

static int check_republish(const struct stream_config *config,
                           struct js_error *error)
{
    const struct subject_map *map = &config->republish.map;
    struct errmsg err;
    if (map->dest == NULL)
        return 0;
    for (unsigned i = 0; i < config->subject_count; i++) {
        if (subject_overlaps(str_of(map->dest), str_of(config->subjects[i])))
            return js_refuse(error, INVALID,
                             "stream configuration for republish destination "
                             "forms a cycle");
    }
    struct transform *transform =
        transform_new(str_of(map->src), str_of(map->dest), &err);
    if (transform == NULL)
        return js_refuse(error, INVALID,
                         "stream configuration for republish with transform "
                         "from '%s' to '%s' not valid",
                         map->src, map->dest);
    transform_free(&transform);
    return 0;
}

static int check_transform(const struct stream_config *config,
                           struct js_error *error)
{
    const struct subject_map *map = config->transform;
    struct errmsg err;
    if (map == NULL)
        return 0;
    if (map->src != NULL && map->src[0] != '\0' &&
        !subject_valid(str_of(map->src)))
        return js_refuse(error, 400, 10155,
                         "stream transform source: invalid subject %s",
                         map->src);
    struct transform *transform =
        transform_new(str_of(map->src), str_of(map->dest), &err);
    if (transform == NULL)
        return js_refuse(error, 400, 10156, "stream transform: %s", err.text);
    transform_free(&transform);
    return 0;
}

int stream_config_check(const struct stream_config *config,
                        struct js_error *error)
{
    if (check_names(config, error) != 0 ||
        check_supported(config, error) != 0 ||
        check_times(config, error) != 0 || check_rules(config, error) != 0 ||
        check_mirror(config, error) != 0 || check_sources(config, error) != 0)
        return -1;
    for (unsigned i = 0; i < config->subject_count; i++) {
        if (check_subject(config, i, error) != 0)
            return -1;
    }
    return check_republish(config, error) != 0 ||
                   check_transform(config, error) != 0
               ? -1
               : 0;
}

/* ---- at the beginning, and later ---- */

int stream_config_may_begin(const struct stream_config *config,
                            struct js_error *error)
{
    if (config->sealed)
        return js_refuse(error, INVALID,
                         "stream configuration for create can not be sealed");
    return 0;
}

void stream_config_seal(struct stream_config *config)
{
    config->max_age_ns = 0;
    config->discard = DISCARD_NEW;
    config->deny_delete = config->deny_purge = true;
    config->allow_rollup = false;
}

static bool is_same_mirror(const struct stream_config *a,
                           const struct stream_config *b)
{
    struct buf texts[2] = {0};
    if (a->mirror == NULL || b->mirror == NULL)
        return a->mirror == b->mirror;
    struct json_writer wa = json_writer(&texts[0]);
    struct json_writer wb = json_writer(&texts[1]);
    stream_source_write(a->mirror, &wa);
    stream_source_write(b->mirror, &wb);
    bool same = str_eq(buf_str(&texts[0]), buf_str(&texts[1]));
    buf_fini(&texts[0]);
    buf_fini(&texts[1]);
    return same;
}

/* What the update may not do; NULL: nothing of that. */
static const char *forbidden(const struct stream_config *from,
                             const struct stream_config *to)
{
    if (from->max_consumers != to->max_consumers)
        return "change MaxConsumers";
    if (from->storage != to->storage)
        return "change storage type";
    if (from->retention != to->retention &&
        (from->retention == RETENTION_WORKQUEUE ||
         to->retention == RETENTION_WORKQUEUE))
        return "change retention policy to/from workqueue";
    if (from->sealed && !to->sealed)
        return "unseal a sealed stream";
    if (from->deny_delete && !to->deny_delete)
        return "cancel deny message deletes";
    if (from->deny_purge && !to->deny_purge)
        return "cancel deny purge";
    return NULL;
}

int stream_config_may_become(const struct stream_config *from,
                             const struct stream_config *to,
                             struct js_error *error)
{
    const char *what = forbidden(from, to);
    if (what != NULL)
        return js_refuse(error, INVALID,
                         "stream configuration update can not %s", what);
    if (!is_same_mirror(from, to))
        return js_refuse(error, 400, 10055,
                         "stream mirror configuration can not be updated");
    if (from->allow_msg_ttl != to->allow_msg_ttl)
        return js_refuse(error, INVALID,
                         "message TTL status can not be changed after stream "
                         "creation");
    if (from->persist != to->persist)
        return js_refuse(error, INVALID,
                         "stream configuration update can not change persist "
                         "mode");
    return 0;
}
