/* consumer_config: see consumer_config.h. */
#include "broker/jetstream/consumer_config.h"

#include <stdlib.h>

#include "broker/jetstream/js_config.h"
#include "broker/subject.h"
#include "lib/clock.h"
#include "lib/mem.h"

#define ACK_WAIT_DEFAULT_NS         (30 * NS_PER_S)
#define INACTIVE_DEFAULT_NS         (5 * NS_PER_S)
#define MAX_ACK_PENDING_DEFAULT     1000
#define MAX_WAITING_DEFAULT         512
#define PRIORITY_TIMEOUT_DEFAULT_NS (120 * NS_PER_S)
#define PRIORITY_GROUPS_MAX         1

static const char *const deliver_policies[] = {"all",
                                               "last",
                                               "new",
                                               "by_start_sequence",
                                               "by_start_time",
                                               "last_per_subject",
                                               NULL};
static const char *const ack_policies[] = {"none", "all", "explicit", NULL};
static const char *const replay_policies[] = {"instant", "original", NULL};
static const char *const priority_policies[] = {
    "none", "overflow", "pinned_client", "prioritized", NULL};

#define AT(member) offsetof(struct consumer_config, member)

static const struct js_member rows[] = {
    {"durable_name", JS_TEXT, AT(durable_name)},
    {"name", JS_TEXT, AT(name)},
    {"description", JS_TEXT, AT(description)},
    {"deliver_policy", JS_CHOICE, AT(deliver_policy), deliver_policies, true},
    {"opt_start_seq", JS_U64, AT(start_seq)},
    {"opt_start_time", JS_TIME, AT(start_time_ns)},
    {"ack_policy", JS_CHOICE, AT(ack_policy), ack_policies, true},
    {"ack_wait", JS_I64, AT(ack_wait_ns)},
    {"max_deliver", JS_I64, AT(max_deliver)},
    {"replay_policy", JS_CHOICE, AT(replay_policy), replay_policies, true},
    {"rate_limit_bps", JS_U64, AT(rate_bps)},
    {"sample_freq", JS_TEXT, AT(sample_freq)},
    {"max_waiting", JS_I64, AT(max_waiting)},
    {"max_ack_pending", JS_I64, AT(max_ack_pending)},
    {"flow_control", JS_BOOL, AT(flow_control)},
    {"headers_only", JS_BOOL, AT(headers_only)},
    {"max_batch", JS_I64, AT(max_batch)},
    {"max_expires", JS_I64, AT(max_expires_ns)},
    {"max_bytes", JS_I64, AT(max_bytes)},
    {"deliver_subject", JS_TEXT, AT(deliver_subject)},
    {"deliver_group", JS_TEXT, AT(deliver_group)},
    {"idle_heartbeat", JS_I64, AT(heartbeat_ns)},
    {"inactive_threshold", JS_I64, AT(inactive_threshold_ns)},
    {"num_replicas", JS_I64, AT(replicas), NULL, true},
    {"mem_storage", JS_BOOL, AT(mem_storage)},
    {"pause_until", JS_TIME, AT(pause_until_ns)},
    {"priority_policy", JS_CHOICE, AT(priority_policy), priority_policies},
    {"priority_timeout", JS_I64, AT(priority_timeout_ns)},
};

static const struct js_members members = {rows, sizeof(rows) / sizeof(rows[0])};

void consumer_config_fini(struct consumer_config *config)
{
    js_members_fini(members, config);
    js_texts_fini(&config->filters);
    js_texts_fini(&config->priority_groups);
    js_metadata_fini(&config->metadata);
    free(config->backoff_ns);
    *config = (struct consumer_config){0};
}

/* ---- reading ---- */

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

/* filter_subject names one, filter_subjects a list of them. */
static int read_filters(struct consumer_config *config, struct json json,
                        struct arena *arena, struct js_error *error)
{
    struct js_texts *filters = &config->filters;
    char *one = NULL;
    if (js_texts_read(filters, json_get(json, "filter_subjects"), arena,
                      CONSUMER_FILTERS_MAX) != 0 ||
        js_read_text(json, "filter_subject", arena, &one) != 0)
        return js_refuse(error, JS_INVALID_JSON);
    config->filters_listed = filters->count > 0;
    if (!given(one)) {
        free(one);
        return 0;
    }
    if (config->filters_listed) {
        free(one);
        return js_refuse(error, 400, 10136,
                         "consumer cannot have both FilterSubject and "
                         "FilterSubjects specified");
    }
    filters->texts = (char **)mem_alloc(sizeof(char *));
    filters->texts[filters->count++] = one;
    return 0;
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
    config->ack_pending_open =
        config->ack_policy != ACK_NONE && config->max_ack_pending == 0;
    if (config->ack_pending_open)
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
    if (config->priority_policy == PRIORITY_PINNED_CLIENT &&
        config->priority_timeout_ns == 0)
        config->priority_timeout_ns = PRIORITY_TIMEOUT_DEFAULT_NS;
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

static int read_groups(struct consumer_config *config, struct json json,
                       struct arena *arena, struct js_error *error)
{
    struct json list = json_get(json, "priority_groups");
    if (json_type(list) == JSON_ARRAY && json_count(list) > PRIORITY_GROUPS_MAX)
        return js_refuse(error, 500, 10012,
                         "priority_groups: only one group is supported");
    if (js_texts_read(&config->priority_groups, list, arena,
                      PRIORITY_GROUPS_MAX) != 0)
        return js_refuse(error, JS_INVALID_JSON);
    return 0;
}

int consumer_config_read(struct consumer_config *config, struct json json,
                         struct arena *arena, struct js_error *error)
{
    *config = (struct consumer_config){0};
    if (json_type(json) != JSON_OBJECT ||
        js_members_read(members, json, arena, config) != 0 ||
        js_metadata_read(&config->metadata, json_get(json, "metadata"),
                         arena) != 0 ||
        read_backoff(config, json) != 0)
        return js_refuse(error, JS_INVALID_JSON);
    if (read_filters(config, json, arena, error) != 0 ||
        read_groups(config, json, arena, error) != 0)
        return -1;
    put_defaults(config);
    if (read_sampling(config, error) != 0)
        return -1;
    return consumer_config_check(config, error);
}

void consumer_config_adopt(struct consumer_config *config,
                           const struct stream_config *stream)
{
    int64_t inactive_ns = stream->consumer_limits.inactive_threshold_ns;
    int64_t ack_pending = stream->consumer_limits.max_ack_pending;
    if (inactive_ns > 0 && config->inactive_threshold_ns == 0)
        config->inactive_threshold_ns = inactive_ns;
    if (ack_pending > 0 && config->ack_pending_open)
        config->max_ack_pending = ack_pending;
}

/* ---- writing ---- */

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

static void write_filters(const struct consumer_config *config,
                          struct json_writer *w)
{
    if (config->filters_listed) {
        json_key(w, "filter_subjects");
        js_texts_write(&config->filters, w);
    } else if (config->filters.count > 0) {
        json_member_text(w, "filter_subject", config->filters.texts[0]);
    }
}

void consumer_config_write(const struct consumer_config *config,
                           struct json_writer *w)
{
    json_begin_object(w);
    js_members_write(members, config, w);
    write_backoff(config, w);
    write_filters(config, w);
    if (config->priority_groups.count > 0) {
        json_key(w, "priority_groups");
        js_texts_write(&config->priority_groups, w);
    }
    js_metadata_write(&config->metadata, w);
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

bool consumer_config_same_group(const struct consumer_config *a,
                                const struct consumer_config *b)
{
    if (a->priority_policy != b->priority_policy ||
        a->priority_groups.count != b->priority_groups.count)
        return false;
    return a->priority_groups.count == 0 ||
           strcmp(a->priority_groups.texts[0], b->priority_groups.texts[0]) ==
               0;
}

static unsigned pattern_count(const struct consumer_config *config)
{
    return config->filters.count > 0 ? config->filters.count : 1;
}

static struct str pattern(const struct consumer_config *config, unsigned i)
{
    return str_of(config->filters.count > 0 ? config->filters.texts[i] : ">");
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
