/* consumer_config: see consumer_config.h. */
#include "broker/jetstream/consumer_config.h"

#include <stdlib.h>

#include "broker/jetstream/js_config.h"
#include "broker/subject.h"
#include "lib/clock.h"
#include "lib/mem.h"

#define ACK_WAIT_DEFAULT_NS     (30 * NS_PER_S)
#define INACTIVE_DEFAULT_NS     (5 * NS_PER_S)
#define MAX_ACK_PENDING_DEFAULT 1000
#define MAX_WAITING_DEFAULT     512
#define DESCRIPTION_MAX         (4u << 10)

static const char *const deliver_policies[] = {"all",
                                               "last",
                                               "new",
                                               "by_start_sequence",
                                               "by_start_time",
                                               "last_per_subject",
                                               NULL};
static const char *const ack_policies[] = {"none", "all", "explicit", NULL};
static const char *const replay_policies[] = {"instant", "original", NULL};

void consumer_config_fini(struct consumer_config *config)
{
    free(config->durable_name);
    free(config->name);
    free(config->description);
    free(config->sample_freq);
    free(config->filter_subject);
    free(config->backoff_ns);
    *config = (struct consumer_config){0};
}

/* ---- reading ---- */

static int read_names(struct consumer_config *config, struct json json,
                      struct arena *arena)
{
    return js_read_text(json, "durable_name", arena, &config->durable_name) |
           js_read_text(json, "name", arena, &config->name) |
           js_read_text(json, "description", arena, &config->description) |
           js_read_text(json, "sample_freq", arena, &config->sample_freq) |
           js_read_text(json, "filter_subject", arena, &config->filter_subject);
}

static int read_policies(struct consumer_config *config, struct json json,
                         struct arena *arena)
{
    int deliver = DELIVER_ALL, ack = ACK_EXPLICIT;
    int64_t start_seq = 0;
    if (js_read_choice(json, "deliver_policy", arena, deliver_policies,
                       &deliver) != 0 ||
        js_read_choice(json, "ack_policy", arena, ack_policies, &ack) != 0 ||
        js_read_i64(json, "opt_start_seq", &start_seq) != 0 || start_seq < 0 ||
        js_read_time(json, "opt_start_time", arena, &config->start_time_ns) !=
            0)
        return -1;
    config->deliver_policy = (enum deliver_policy)deliver;
    config->ack_policy = (enum ack_policy)ack;
    config->start_seq = (uint64_t)start_seq;
    return 0;
}

static int read_limits(struct consumer_config *config, struct json json)
{
    return js_read_i64(json, "ack_wait", &config->ack_wait_ns) |
           js_read_i64(json, "max_deliver", &config->max_deliver) |
           js_read_i64(json, "max_waiting", &config->max_waiting) |
           js_read_i64(json, "max_ack_pending", &config->max_ack_pending) |
           js_read_i64(json, "max_batch", &config->max_batch) |
           js_read_i64(json, "max_expires", &config->max_expires_ns) |
           js_read_i64(json, "max_bytes", &config->max_bytes) |
           js_read_i64(json, "inactive_threshold",
                       &config->inactive_threshold_ns) |
           js_read_bool(json, "mem_storage", &config->mem_storage);
}

static int read_backoff(struct consumer_config *config, struct json json)
{
    struct json list = json_get(json, "backoff");
    int count = json_type(list) == JSON_ARRAY ? json_count(list) : 0;
    if (count == 0)
        return 0;
    if (count > CONSUMER_BACKOFF_MAX)
        return -1;
    config->backoff_ns = mem_zalloc(sizeof(int64_t) * (size_t)count);
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        int64_t wait_ns;
        if (json_i64(it.value, &wait_ns) != 0 || wait_ns < 0)
            return -1;
        config->backoff_ns[config->backoff_count++] = wait_ns;
    }
    return 0;
}

static bool given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static void drop_empty(char **text)
{
    if (*text != NULL && (*text)[0] == '\0') {
        free(*text);
        *text = NULL;
    }
}

static void put_defaults(struct consumer_config *config)
{
    drop_empty(&config->durable_name);
    drop_empty(&config->name);
    drop_empty(&config->filter_subject);
    if (config->max_deliver <= 0)
        config->max_deliver = -1;
    if (config->ack_policy != ACK_NONE && config->ack_wait_ns <= 0)
        config->ack_wait_ns = ACK_WAIT_DEFAULT_NS;
    if (config->backoff_count > 0)
        config->ack_wait_ns = config->backoff_ns[0];
    if (config->ack_policy == ACK_NONE)
        config->max_ack_pending = 0;
    else if (config->max_ack_pending == 0)
        config->max_ack_pending = MAX_ACK_PENDING_DEFAULT;
    if (config->max_waiting <= 0)
        config->max_waiting = MAX_WAITING_DEFAULT;
    if (config->durable_name == NULL && config->inactive_threshold_ns <= 0)
        config->inactive_threshold_ns = INACTIVE_DEFAULT_NS;
    if (config->durable_name != NULL && config->name == NULL)
        config->name = mem_strdup(config->durable_name);
}

/* ---- refusing ---- */

static int refuse_unsupported(struct json json, struct arena *arena,
                              struct js_error *error)
{
    char *deliver = NULL;
    int replay = 0;
    bool headers_only = false;
    int64_t rate = 0;
    int wrong =
        js_read_text(json, "deliver_subject", arena, &deliver) |
        js_read_choice(json, "replay_policy", arena, replay_policies, &replay) |
        js_read_bool(json, "headers_only", &headers_only) |
        js_read_i64(json, "rate_limit_bps", &rate);
    bool push = given(deliver);
    free(deliver);
    const char *what = NULL;
    if (wrong != 0)
        return js_refuse(error, JS_INVALID_JSON);
    if (push)
        what = "a deliver subject (push consumer)";
    else if (json_count(json_get(json, "filter_subjects")) > 0)
        what = "filter_subjects";
    else if (replay != 0)
        what = "replay policy original";
    else if (headers_only)
        what = "headers_only";
    else if (rate > 0)
        what = "rate_limit_bps";
    if (what == NULL)
        return 0;
    return js_refuse(error, 500, 10012, "%s is not supported", what);
}

static int check_start(const struct consumer_config *config,
                       struct js_error *error)
{
    if (config->deliver_policy == DELIVER_LAST_PER_SUBJECT)
        return js_refuse(error, 500, 10012,
                         "deliver policy last_per_subject is not supported");
    bool by_seq = config->deliver_policy == DELIVER_BY_START_SEQUENCE;
    bool by_time = config->deliver_policy == DELIVER_BY_START_TIME;
    const char *policy = deliver_policies[config->deliver_policy];
    if (by_seq && config->start_seq == 0)
        return js_refuse(error, 400, 10094,
                         "consumer delivery policy is deliver %s, but optional "
                         "start sequence is not set",
                         policy);
    if (!by_seq && config->start_seq != 0)
        return js_refuse(error, 400, 10094,
                         "consumer delivery policy is deliver %s, but optional "
                         "start sequence is also set",
                         policy);
    if (by_time && config->start_time_ns == 0)
        return js_refuse(error, 400, 10094,
                         "consumer delivery policy is deliver %s, but optional "
                         "start time is not set",
                         policy);
    if (!by_time && config->start_time_ns != 0)
        return js_refuse(error, 400, 10094,
                         "consumer delivery policy is deliver %s, but optional "
                         "start time is also set",
                         policy);
    return 0;
}

static int check(const struct consumer_config *config, struct js_error *error)
{
    const char *names[] = {config->name, config->durable_name};
    for (int i = 0; i < 2; i++) {
        if (names[i] != NULL && !js_name_valid(str_of(names[i])))
            return js_refuse(error, 500, 10012,
                             "consumer name can not contain whitespace, '.', "
                             "'*', '>', '/' or '\\' and has at most %u bytes",
                             JS_NAME_MAX);
    }
    if (config->name != NULL && config->durable_name != NULL &&
        strcmp(config->name, config->durable_name) != 0)
        return js_refuse(error, 400, 10017,
                         "consumer name in subject does not match durable "
                         "name in request");
    if (config->filter_subject != NULL &&
        !subject_valid(str_of(config->filter_subject)))
        return js_refuse(error, 500, 10012, "invalid filter subject");
    if (given(config->description) &&
        strlen(config->description) > DESCRIPTION_MAX)
        return js_refuse(error, 400, 10107,
                         "consumer description is too long, maximum allowed "
                         "is %u",
                         DESCRIPTION_MAX);
    if (config->backoff_count > 0 && config->max_deliver > 0 &&
        config->max_deliver <= (int64_t)config->backoff_count)
        return js_refuse(error, 400, 10116,
                         "max deliver is required to be > length of backoff "
                         "values");
    return check_start(config, error);
}

int consumer_config_read(struct consumer_config *config, struct json json,
                         struct arena *arena, struct js_error *error)
{
    *config = (struct consumer_config){.ack_policy = ACK_EXPLICIT};
    if (json_type(json) != JSON_OBJECT ||
        read_names(config, json, arena) != 0 ||
        read_policies(config, json, arena) != 0 ||
        read_limits(config, json) != 0 || read_backoff(config, json) != 0)
        return js_refuse(error, JS_INVALID_JSON);
    if (refuse_unsupported(json, arena, error) != 0)
        return -1;
    put_defaults(config);
    return check(config, error);
}

int consumer_config_fits(const struct consumer_config *config,
                         const struct stream_config *stream,
                         struct js_error *error)
{
    if (config->filter_subject == NULL)
        return 0;
    for (unsigned i = 0; i < stream->subject_count; i++) {
        if (subject_overlaps(str_of(stream->subjects[i]),
                             str_of(config->filter_subject)))
            return 0;
    }
    return js_refuse(error, 400, 10093,
                     "consumer filter subject is not a valid subset of the "
                     "interest subjects");
}

/* ---- writing and comparing ---- */

static void write_names(const struct consumer_config *config,
                        struct json_writer *w)
{
    if (config->durable_name != NULL)
        json_member_text(w, "durable_name", config->durable_name);
    if (config->name != NULL)
        json_member_text(w, "name", config->name);
    if (given(config->description))
        json_member_text(w, "description", config->description);
    json_member_text(w, "deliver_policy",
                     deliver_policies[config->deliver_policy]);
    if (config->start_seq != 0)
        json_member_u64(w, "opt_start_seq", config->start_seq);
    if (config->start_time_ns != 0)
        js_member_time(w, "opt_start_time", config->start_time_ns);
    json_member_text(w, "ack_policy", ack_policies[config->ack_policy]);
}

static void member_unless_zero(struct json_writer *w, const char *key,
                               int64_t value)
{
    if (value != 0)
        json_member_i64(w, key, value);
}

static void write_backoff(const struct consumer_config *config,
                          struct json_writer *w)
{
    if (config->backoff_count == 0)
        return;
    json_key(w, "backoff");
    json_begin_array(w);
    for (unsigned i = 0; i < config->backoff_count; i++)
        json_put_i64(w, config->backoff_ns[i]);
    json_end_array(w);
}

void consumer_config_write(const struct consumer_config *config,
                           struct json_writer *w)
{
    json_begin_object(w);
    write_names(config, w);
    member_unless_zero(w, "ack_wait", config->ack_wait_ns);
    json_member_i64(w, "max_deliver", config->max_deliver);
    write_backoff(config, w);
    if (config->filter_subject != NULL)
        json_member_text(w, "filter_subject", config->filter_subject);
    json_member_text(w, "replay_policy", "instant");
    if (given(config->sample_freq))
        json_member_text(w, "sample_freq", config->sample_freq);
    json_member_i64(w, "max_waiting", config->max_waiting);
    member_unless_zero(w, "max_ack_pending", config->max_ack_pending);
    member_unless_zero(w, "max_batch", config->max_batch);
    member_unless_zero(w, "max_expires", config->max_expires_ns);
    member_unless_zero(w, "max_bytes", config->max_bytes);
    member_unless_zero(w, "inactive_threshold", config->inactive_threshold_ns);
    json_member_i64(w, "num_replicas", 0);
    if (config->mem_storage)
        json_member_bool(w, "mem_storage", true);
    json_end_object(w);
}

int consumer_config_may_become(const struct consumer_config *from,
                               const struct consumer_config *to,
                               struct js_error *error)
{
    const char *what = NULL;
    if (from->deliver_policy != to->deliver_policy)
        what = "deliver policy";
    else if (from->start_seq != to->start_seq)
        what = "start sequence";
    else if (from->start_time_ns != to->start_time_ns)
        what = "start time";
    else if (from->ack_policy != to->ack_policy)
        what = "ack policy";
    else if (from->max_waiting != to->max_waiting)
        what = "max waiting";
    if (what == NULL)
        return 0;
    return js_refuse(error, 500, 10012, "%s can not be updated", what);
}
