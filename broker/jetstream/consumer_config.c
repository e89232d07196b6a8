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
    for (unsigned i = 0; i < config->filter_count; i++)
        free(config->filters[i]);
    free((void *)config->filters);
    free(config->durable_name);
    free(config->name);
    free(config->description);
    free(config->sample_freq);
    free(config->backoff_ns);
    free(config->deliver_subject);
    free(config->deliver_group);
    metadata_fini(&config->metadata);
    *config = (struct consumer_config){0};
}

/* ---- reading ---- */

static int read_texts(struct consumer_config *config, struct json json,
                      struct arena *arena)
{
    return js_read_text(json, "durable_name", arena, &config->durable_name) |
           js_read_text(json, "name", arena, &config->name) |
           js_read_text(json, "description", arena, &config->description) |
           js_read_text(json, "sample_freq", arena, &config->sample_freq) |
           js_read_text(json, "deliver_subject", arena,
                        &config->deliver_subject) |
           js_read_text(json, "deliver_group", arena, &config->deliver_group) |
           metadata_read(&config->metadata, json, arena);
}

static int read_policies(struct consumer_config *config, struct json json,
                         struct arena *arena)
{
    int deliver = DELIVER_ALL, ack = ACK_NONE, replay = REPLAY_INSTANT;
    int64_t start_seq = 0;
    if (js_read_choice(json, "deliver_policy", arena, deliver_policies,
                       &deliver) != 0 ||
        js_read_choice(json, "ack_policy", arena, ack_policies, &ack) != 0 ||
        js_read_choice(json, "replay_policy", arena, replay_policies,
                       &replay) != 0 ||
        js_read_i64(json, "opt_start_seq", &start_seq) != 0 || start_seq < 0 ||
        js_read_time(json, "opt_start_time", arena, &config->start_time_ns) !=
            0)
        return -1;
    config->deliver_policy = (enum deliver_policy)deliver;
    config->ack_policy = (enum ack_policy)ack;
    config->replay_policy = (enum replay_policy)replay;
    config->start_seq = (uint64_t)start_seq;
    return 0;
}

static int read_limits(struct consumer_config *config, struct json json,
                       struct arena *arena)
{
    int64_t rate_bps = 0;
    int rc = js_read_i64(json, "ack_wait", &config->ack_wait_ns) |
             js_read_i64(json, "max_deliver", &config->max_deliver) |
             js_read_i64(json, "max_waiting", &config->max_waiting) |
             js_read_i64(json, "max_ack_pending", &config->max_ack_pending) |
             js_read_i64(json, "max_batch", &config->max_batch) |
             js_read_i64(json, "max_expires", &config->max_expires_ns) |
             js_read_i64(json, "max_bytes", &config->max_bytes) |
             js_read_i64(json, "inactive_threshold",
                         &config->inactive_threshold_ns) |
             js_read_i64(json, "idle_heartbeat", &config->heartbeat_ns) |
             js_read_i64(json, "rate_limit_bps", &rate_bps) |
             js_read_i64(json, "num_replicas", &config->replicas) |
             js_read_bool(json, "mem_storage", &config->mem_storage) |
             js_read_bool(json, "headers_only", &config->headers_only) |
             js_read_bool(json, "flow_control", &config->flow_control) |
             js_read_time(json, "pause_until", arena, &config->pause_until_ns);
    config->rate_bps = (uint64_t)rate_bps;
    return rc != 0 || rate_bps < 0 ? -1 : 0;
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

static int filters_add(struct consumer_config *config, struct str filter)
{
    if (memchr(filter.p, '\0', filter.len) != NULL)
        return -1;
    config->filters[config->filter_count++] = mem_strndup(filter);
    return 0;
}

/* filter_subject names one, filter_subjects a list of them. */
static int read_filters(struct consumer_config *config, struct json json,
                        struct arena *arena, struct js_error *error)
{
    struct json one = json_get(json, "filter_subject");
    struct json list = json_get(json, "filter_subjects");
    struct str filter = {0};
    int count = json_type(list) == JSON_ARRAY ? json_count(list) : 0;
    bool single = json_type(one) != JSON_NONE && json_type(one) != JSON_NULL;
    if ((single && json_string(one, arena, &filter) != 0) ||
        count > CONSUMER_FILTERS_MAX)
        return js_refuse(error, JS_INVALID_JSON);
    if (filter.len > 0 && count > 0)
        return js_refuse(error, 400, 10136,
                         "consumer cannot have both FilterSubject and "
                         "FilterSubjects specified");
    config->filters_listed = count > 0;
    config->filters =
        (char **)mem_zalloc(sizeof(char *) * (size_t)(count > 0 ? count : 1));
    int rc = filter.len > 0 ? filters_add(config, filter) : 0;
    for (struct json_iter it = json_iter(list); count > 0 && json_next(&it);) {
        if (rc == 0)
            rc = json_string(it.value, arena, &filter);
        if (rc == 0)
            rc = filters_add(config, filter);
    }
    return rc == 0 ? 0 : js_refuse(error, JS_INVALID_JSON);
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

static void put_ack_defaults(struct consumer_config *config)
{
    if (config->max_deliver == 0)
        config->max_deliver = -1;
    if (config->ack_policy != ACK_NONE && config->ack_wait_ns <= 0)
        config->ack_wait_ns = ACK_WAIT_DEFAULT_NS;
    if (config->backoff_count > 0)
        config->ack_wait_ns = config->backoff_ns[0];
    if (config->ack_policy != ACK_NONE && config->max_ack_pending == 0)
        config->max_ack_pending = MAX_ACK_PENDING_DEFAULT;
}

static void put_defaults(struct consumer_config *config)
{
    drop_empty(&config->durable_name);
    drop_empty(&config->name);
    drop_empty(&config->deliver_subject);
    drop_empty(&config->deliver_group);
    drop_empty(&config->sample_freq);
    put_ack_defaults(config);
    if (!consumer_config_is_push(config) && config->max_waiting == 0)
        config->max_waiting = MAX_WAITING_DEFAULT;
    if (config->durable_name == NULL && config->inactive_threshold_ns <= 0)
        config->inactive_threshold_ns = INACTIVE_DEFAULT_NS;
    if (config->durable_name != NULL && config->name == NULL)
        config->name = mem_strdup(config->durable_name);
}

/* "30" or "30%" */
static int read_sampling(struct consumer_config *config, struct js_error *error)
{
    struct str text = str_of(config->sample_freq);
    if (text.len == 0)
        return 0;
    if (text.p[text.len - 1] == '%')
        text.len--;
    if (str_to_i64(text, &config->sample_percent) == 0)
        return 0;
    return js_refuse(error, 400, 10095,
                     "failed to parse consumer sampling configuration: "
                     "strconv.Atoi: parsing \"%.*s\": invalid syntax",
                     STR_ARG(text));
}

static int refuse_unsupported(struct json json, struct js_error *error)
{
    if (json_count(json_get(json, "priority_groups")) == 0)
        return 0;
    return js_refuse(error, 500, 10012, "priority_groups is not supported");
}

int consumer_config_read(struct consumer_config *config, struct json json,
                         struct arena *arena, struct js_error *error)
{
    *config = (struct consumer_config){0};
    if (json_type(json) != JSON_OBJECT ||
        read_texts(config, json, arena) != 0 ||
        read_policies(config, json, arena) != 0 ||
        read_limits(config, json, arena) != 0 ||
        read_backoff(config, json) != 0)
        return js_refuse(error, JS_INVALID_JSON);
    if (read_filters(config, json, arena, error) != 0 ||
        refuse_unsupported(json, error) != 0)
        return -1;
    put_defaults(config);
    if (read_sampling(config, error) != 0)
        return -1;
    return consumer_config_check(config, error);
}

/* ---- writing ---- */

static void member_if_given(struct json_writer *w, const char *key,
                            const char *text)
{
    if (given(text))
        json_member_text(w, key, text);
}

static void member_unless_zero(struct json_writer *w, const char *key,
                               int64_t value)
{
    if (value != 0)
        json_member_i64(w, key, value);
}

static void member_if_true(struct json_writer *w, const char *key, bool value)
{
    if (value)
        json_member_bool(w, key, true);
}

static void write_start(const struct consumer_config *config,
                        struct json_writer *w)
{
    member_if_given(w, "durable_name", config->durable_name);
    member_if_given(w, "name", config->name);
    member_if_given(w, "description", config->description);
    json_member_text(w, "deliver_policy",
                     deliver_policies[config->deliver_policy]);
    if (config->start_seq != 0)
        json_member_u64(w, "opt_start_seq", config->start_seq);
    if (config->start_time_ns != 0)
        js_member_time(w, "opt_start_time", config->start_time_ns);
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

static void write_acks(const struct consumer_config *config,
                       struct json_writer *w)
{
    json_member_text(w, "ack_policy", ack_policies[config->ack_policy]);
    member_unless_zero(w, "ack_wait", config->ack_wait_ns);
    json_member_i64(w, "max_deliver", config->max_deliver);
    write_backoff(config, w);
}

static void write_filters(const struct consumer_config *config,
                          struct json_writer *w)
{
    if (config->filter_count > 0 && !config->filters_listed)
        json_member_text(w, "filter_subject", config->filters[0]);
    if (!config->filters_listed)
        return;
    json_key(w, "filter_subjects");
    json_begin_array(w);
    for (unsigned i = 0; i < config->filter_count; i++)
        json_put_text(w, config->filters[i]);
    json_end_array(w);
}

static void write_limits(const struct consumer_config *config,
                         struct json_writer *w)
{
    json_member_text(w, "replay_policy",
                     replay_policies[config->replay_policy]);
    member_unless_zero(w, "rate_limit_bps", (int64_t)config->rate_bps);
    member_if_given(w, "sample_freq", config->sample_freq);
    member_unless_zero(w, "max_waiting", config->max_waiting);
    member_unless_zero(w, "max_ack_pending", config->max_ack_pending);
    member_if_true(w, "flow_control", config->flow_control);
    member_if_true(w, "headers_only", config->headers_only);
    member_unless_zero(w, "max_batch", config->max_batch);
    member_unless_zero(w, "max_expires", config->max_expires_ns);
    member_unless_zero(w, "max_bytes", config->max_bytes);
}

void consumer_config_write(const struct consumer_config *config,
                           struct json_writer *w)
{
    json_begin_object(w);
    write_start(config, w);
    write_acks(config, w);
    write_filters(config, w);
    write_limits(config, w);
    member_if_given(w, "deliver_subject", config->deliver_subject);
    member_if_given(w, "deliver_group", config->deliver_group);
    member_unless_zero(w, "idle_heartbeat", config->heartbeat_ns);
    member_unless_zero(w, "inactive_threshold", config->inactive_threshold_ns);
    json_member_i64(w, "num_replicas", config->replicas);
    member_if_true(w, "mem_storage", config->mem_storage);
    metadata_write(&config->metadata, w);
    if (config->pause_until_ns != 0)
        js_member_time(w, "pause_until", config->pause_until_ns);
    json_end_object(w);
}

/* ---- comparing ---- */

bool consumer_config_equal(const struct consumer_config *a,
                           const struct consumer_config *b)
{
    struct buf left = {0}, right = {0};
    struct json_writer w = json_writer(&left);
    consumer_config_write(a, &w);
    w = json_writer(&right);
    consumer_config_write(b, &w);
    bool equal = str_eq(buf_str(&left), buf_str(&right));
    buf_fini(&left);
    buf_fini(&right);
    return equal;
}

static unsigned pattern_count(const struct consumer_config *config)
{
    return config->filter_count > 0 ? config->filter_count : 1;
}

static struct str pattern(const struct consumer_config *config, unsigned i)
{
    return str_of(config->filter_count > 0 ? config->filters[i] : ">");
}

bool consumer_config_overlap(const struct consumer_config *a,
                             const struct consumer_config *b)
{
    for (unsigned i = 0; i < pattern_count(a); i++) {
        for (unsigned j = 0; j < pattern_count(b); j++) {
            if (subject_overlaps(pattern(a, i), pattern(b, j)))
                return true;
        }
    }
    return false;
}
