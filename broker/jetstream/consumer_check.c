/* consumer_check: what is refused of a consumer's configuration, with the
 * numbers and texts that clients know. */
#include "broker/jetstream/consumer_config.h"

#include "broker/jetstream/js_config.h"
#include "broker/subject.h"
#include "lib/clock.h"

#define DESCRIPTION_MAX  (4u << 10)
#define HEARTBEAT_MIN_NS (100 * NS_PER_MS)
#define EXPIRES_MIN_NS   NS_PER_MS
#define GROUP_NAME_MAX   16

static int check_name(const char *name, struct js_error *error)
{
    if (name == NULL || js_name_valid(str_of(name)))
        return 0;
    if (strlen(name) > JS_NAME_MAX)
        return js_refuse(error, 400, 10102,
                         "consumer name is too long, maximum allowed is %u",
                         JS_NAME_MAX);
    if (strpbrk(name, "/\\") != NULL)
        return js_refuse(error, 400, 10127,
                         "Consumer name can not contain path separators");
    return js_refuse(error, 400, 10103,
                     "durable name can not contain '.', '*', '>'");
}

static int check_texts(const struct consumer_config *config,
                       struct js_error *error)
{
    if (check_name(config->durable_name, error) != 0 ||
        check_name(config->name, error) != 0)
        return -1;
    if (config->name != NULL && config->durable_name != NULL &&
        strcmp(config->name, config->durable_name) != 0)
        return js_refuse(error, 400, 10017,
                         "consumer name in subject does not match durable "
                         "name in request");
    if (config->description != NULL &&
        strlen(config->description) > DESCRIPTION_MAX)
        return js_refuse(error, 400, 10107,
                         "consumer description is too long, maximum allowed "
                         "is %u",
                         DESCRIPTION_MAX);
    if (js_metadata_bytes(&config->metadata) > JS_METADATA_BYTES_MAX)
        return js_refuse(error, 400, 10135,
                         "consumer metadata exceeds maximum size of %u bytes",
                         JS_METADATA_BYTES_MAX);
    return 0;
}

static int check_numbers(const struct consumer_config *config,
                         struct js_error *error)
{
    if (js_check_replicas(config->replicas, error) != 0)
        return -1;
    if (config->backoff_count > 0 && config->max_deliver > 0 &&
        config->max_deliver <= (int64_t)config->backoff_count)
        return js_refuse(error, 400, 10116,
                         "max deliver is required to be > length of backoff "
                         "values");
    return 0;
}

static int check_push(const struct consumer_config *config,
                      struct js_error *error)
{
    struct str subject = str_of(config->deliver_subject);
    if (subject_has_wildcard(subject))
        return js_refuse(error, 400, 10079,
                         "consumer deliver subject has wildcards");
    if (!subject_valid(subject))
        return js_refuse(error, 400, 10112,
                         "invalid push consumer deliver subject");
    if (config->max_waiting != 0)
        return js_refuse(error, 400, 10080,
                         "consumer in push mode can not set max waiting");
    if (config->max_ack_pending > 0 && config->ack_policy == ACK_NONE)
        return js_refuse(error, 400, 10082,
                         "consumer requires ack policy for max ack pending");
    if (config->heartbeat_ns > 0 && config->heartbeat_ns < HEARTBEAT_MIN_NS)
        return js_refuse(error, 400, 10083,
                         "consumer idle heartbeat needs to be >= 100ms");
    if (config->flow_control && config->heartbeat_ns == 0)
        return js_refuse(error, 400, 10108,
                         "consumer with flow control also needs heartbeats");
    return 0;
}

static int check_pull(const struct consumer_config *config,
                      struct js_error *error)
{
    if (config->rate_bps > 0)
        return js_refuse(error, 400, 10086,
                         "consumer in pull mode can not have rate limit set");
    if (config->max_waiting < 0)
        return js_refuse(error, 400, 10087,
                         "consumer max waiting needs to be positive");
    if (config->heartbeat_ns > 0)
        return js_refuse(error, 400, 10088,
                         "consumer idle heartbeat requires a push based "
                         "consumer");
    if (config->flow_control)
        return js_refuse(error, 400, 10089,
                         "consumer flow control requires a push based "
                         "consumer");
    if (config->max_batch < 0)
        return js_refuse(error, 400, 10114,
                         "consumer max request batch needs to be > 0");
    if (config->max_expires_ns != 0 && config->max_expires_ns < EXPIRES_MIN_NS)
        return js_refuse(error, 400, 10115,
                         "consumer max request expires needs to be >= 1ms");
    return 0;
}

static int check_filters(const struct consumer_config *config,
                         struct js_error *error)
{
    for (unsigned i = 0; i < config->filters.count; i++) {
        struct str filter = str_of(config->filters.texts[i]);
        if (filter.len == 0)
            return js_refuse(error, 400, 10139,
                             "consumer filter in FilterSubjects cannot be "
                             "empty");
        for (unsigned j = 0; j < i; j++) {
            if (subject_overlaps(str_of(config->filters.texts[j]), filter))
                return js_refuse(error, 400, 10138,
                                 "consumer subject filters cannot overlap");
        }
    }
    return 0;
}

static bool group_name_valid(struct str name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789-_/=";
    return name.len <= GROUP_NAME_MAX && strspn(name.p, allowed) == name.len;
}

static int check_group(const struct consumer_config *config,
                       struct js_error *error)
{
    const struct js_texts *groups = &config->priority_groups;
    if (config->priority_policy == PRIORITY_NONE) {
        if (groups->count > 0)
            return js_refuse(error, 400, 10196,
                             "consumer can not have priority groups when "
                             "policy is none");
        if (config->priority_timeout_ns != 0)
            return js_refuse(error, 400, 10197,
                             "PinnedTTL cannot be set when PriorityPolicy is "
                             "none");
        return 0;
    }
    if (consumer_config_is_push(config))
        return js_refuse(error, 400, 10178,
                         "priority groups can not be used with push "
                         "consumers");
    if (groups->count == 0)
        return js_refuse(error, 400, 10159,
                         "Setting PriorityPolicy requires at least one "
                         "PriorityGroup to be set");
    if (groups->texts[0][0] == '\0')
        return js_refuse(error, 400, 10161,
                         "Group name cannot be an empty string");
    if (!group_name_valid(str_of(groups->texts[0])))
        return js_refuse(error, 400, 10162,
                         "Valid priority group name must match A-Z, a-z, 0-9, "
                         "-_/=)+ and may not exceed 16 characters");
    if (config->priority_timeout_ns < 0)
        return js_refuse(error, 500, 10012,
                         "priority_timeout can not be negative");
    return 0;
}

/* Each deliver policy has the start that belongs to it, and no other. */
static int check_start(const struct consumer_config *config,
                       struct js_error *error)
{
    static const char *const policies[] = {"all",           "last",
                                           "new",           "by start sequence",
                                           "by start time", "last per subject"};
    const char *what = NULL;
    bool by_seq = config->deliver_policy == DELIVER_BY_START_SEQUENCE;
    bool by_time = config->deliver_policy == DELIVER_BY_START_TIME;
    if (by_seq && config->start_seq == 0)
        what = "start sequence is not set";
    else if (!by_seq && config->start_seq != 0)
        what = "start sequence is also set";
    else if (by_time && config->start_time_ns == 0)
        what = "start time is not set";
    else if (!by_time && config->start_time_ns != 0)
        what = "start time is also set";
    else if (config->deliver_policy == DELIVER_LAST_PER_SUBJECT &&
             config->filters.count == 0)
        what = "filter subject is not set";
    if (what == NULL)
        return 0;
    return js_refuse(error, 400, 10094,
                     "consumer delivery policy is deliver %s, but optional %s",
                     policies[config->deliver_policy], what);
}

int consumer_config_check(const struct consumer_config *config,
                          struct js_error *error)
{
    bool push = consumer_config_is_push(config);
    if (check_texts(config, error) != 0 || check_numbers(config, error) != 0 ||
        (push ? check_push : check_pull)(config, error) != 0 ||
        check_filters(config, error) != 0 || check_group(config, error) != 0)
        return -1;
    return check_start(config, error);
}

/* ---- with its stream ---- */

static bool may_hold(const struct stream_config *stream, struct str filter)
{
    for (unsigned i = 0; i < stream->subject_count; i++) {
        if (subject_overlaps(str_of(stream->subjects[i]), filter))
            return true;
    }
    return false;
}

static int check_limits(const struct consumer_config *config,
                        const struct stream_config *stream,
                        struct js_error *error)
{
    int64_t inactive_ns = stream->consumer_limits.inactive_threshold_ns;
    int64_t ack_pending = stream->consumer_limits.max_ack_pending;
    if (inactive_ns > 0 && config->inactive_threshold_ns > inactive_ns)
        return js_refuse(error, 400, 10153,
                         "consumer inactive threshold exceeds system limit "
                         "of %gs",
                         (double)inactive_ns / (double)NS_PER_S);
    if (ack_pending > 0 && config->ack_policy != ACK_NONE &&
        (config->max_ack_pending <= 0 || config->max_ack_pending > ack_pending))
        return js_refuse(error, 400, 10121,
                         "consumer max ack pending exceeds system limit of "
                         "%lld",
                         (long long)ack_pending);
    return 0;
}

int consumer_config_fits(const struct consumer_config *config,
                         const struct stream_config *stream,
                         struct js_error *error)
{
    for (unsigned i = 0; i < config->filters.count; i++) {
        struct str filter = str_of(config->filters.texts[i]);
        if (!subject_valid(filter) || !may_hold(stream, filter))
            return js_refuse(error, 400, 10093,
                             "consumer filter subject is not a valid subset "
                             "of the interest subjects");
    }
    if (consumer_config_is_push(config) &&
        may_hold(stream, str_of(config->deliver_subject)))
        return js_refuse(error, 400, 10081,
                         "consumer deliver subject forms a cycle");
    return check_limits(config, stream, error);
}

/* ---- with what it was ---- */

static const char *fixed_part_changed(const struct consumer_config *from,
                                      const struct consumer_config *to)
{
    if (from->deliver_policy != to->deliver_policy)
        return "deliver policy can not be updated";
    if (from->start_seq != to->start_seq)
        return "start sequence can not be updated";
    if (from->start_time_ns != to->start_time_ns)
        return "start time can not be updated";
    if (from->ack_policy != to->ack_policy)
        return "ack policy can not be updated";
    if (from->replay_policy != to->replay_policy)
        return "replay policy can not be updated";
    if (from->heartbeat_ns != to->heartbeat_ns)
        return "heart beats can not be updated";
    if (from->flow_control != to->flow_control)
        return "flow control can not be updated";
    if (from->max_waiting != to->max_waiting)
        return "max waiting can not be updated";
    return NULL;
}

int consumer_config_may_become(const struct consumer_config *from,
                               const struct consumer_config *to, bool bound,
                               struct js_error *error)
{
    const char *why = fixed_part_changed(from, to);
    bool push = consumer_config_is_push(from);
    if (why == NULL && push != consumer_config_is_push(to))
        why = push ? "can not update push consumer to pull based"
                   : "can not update pull consumer to push based";
    if (why != NULL)
        return js_refuse(error, 500, 10012, "%s", why);
    if (push && bound &&
        strcmp(from->deliver_subject, to->deliver_subject) != 0)
        return js_refuse(error, 400, 10013, "consumer name already in use");
    return 0;
}
