#include "api/live/wish.h"

#include <errno.h>

#include "lib/clock.h"

struct reader {
    struct wish *wish;
    struct arena *arena;
    struct errmsg *err;
};

typedef int (*read_fn)(struct reader *r, struct str key, struct json value);

/* Bytes of a refused value that the answer repeats. */
#define SHOWN_MAX 80

static struct str shown(struct str text)
{
    return str_make(text.p, text.len < SHOWN_MAX ? text.len : SHOWN_MAX);
}

static int refuse(struct reader *r, struct str key, const char *expected)
{
    return errmsg_set(r->err, -EINVAL, "\"%.*s\": %s is expected",
                      STR_ARG(shown(key)), expected);
}

static int read_text(struct reader *r, struct str key, struct json value,
                     struct str *out)
{
    if (json_string(value, r->arena, out) == 0 && out->len <= SAMPLE_NAME_MAX &&
        out->len > 0)
        return 0;
    return refuse(r, key, "a text of 1 to 255 bytes");
}

static int read_id(struct reader *r, struct str key, struct json value)
{
    struct str id;
    if (json_type(value) == JSON_NUMBER)
        id = json_raw(value);
    else if (json_string(value, r->arena, &id) < 0)
        id.len = 0;
    if (id.len == 0 || id.len > WISH_ID_MAX)
        return refuse(r, key, "a text of 1 to 64 bytes");
    r->wish->id = id;
    return 0;
}

static int read_topic(struct reader *r, struct str key, struct json value)
{
    struct str name = {NULL, 0};
    (void)key;
    json_string(value, r->arena, &name);
    for (int i = 0; i < TOPIC_KINDS; i++)
        if (str_is(name, topic_names[i])) {
            r->wish->topic = (enum topic_kind)i;
            r->wish->has_topic = true;
            return 0;
        }
    return errmsg_set(r->err, -EINVAL,
                      "\"topic\" is \"%.*s\": telemetry, status or fleet is "
                      "expected",
                      STR_ARG(shown(json_raw(value))));
}

static int read_bool(struct reader *r, struct str key, struct json value)
{
    if (json_bool(value, &r->wish->snapshot) == 0)
        return 0;
    return refuse(r, key, "true or false");
}

static int read_since(struct reader *r, struct str key, struct json value)
{
    if (json_u64(value, &r->wish->since) < 0)
        return refuse(r, key, "the sequence of an update");
    r->wish->resume = true;
    return 0;
}

/* As `subscribed` said it. */
static int read_stream(struct reader *r, struct str key, struct json value)
{
    struct str text = {NULL, 0};
    json_string(value, r->arena, &text);
    if (str_to_i64(text, &r->wish->stream) < 0 || r->wish->stream <= 0)
        return refuse(r, key, "the text that came with \"subscribed\"");
    return 0;
}

static int read_interval(struct reader *r, struct str key, struct json value)
{
    int64_t ms;
    if (json_i64(value, &ms) < 0 || ms < 0 || ms > WISH_INTERVAL_MAX_MS)
        return refuse(r, key, "a number of milliseconds from 0 to 3600000");
    r->wish->filter.min_interval_ns = ms * NS_PER_MS;
    return 0;
}

/* ---- filters ---- */

static int read_cluster(struct reader *r, struct str key, struct json value)
{
    return read_text(r, key, value, &r->wish->filter.cluster);
}

static int read_host(struct reader *r, struct str key, struct json value)
{
    return read_text(r, key, value, &r->wish->filter.host);
}

static int add_gpu(struct reader *r, struct str key, struct json value)
{
    struct filter *filter = &r->wish->filter;
    if (filter->gpus == NULL)
        filter->gpus =
            arena_alloc(r->arena, FILTER_GPUS_MAX * sizeof *filter->gpus);
    if (filter->gpu_count == FILTER_GPUS_MAX)
        return refuse(r, key, "a list of at most 256 GPUs");
    return read_text(r, key, value,
                     (struct str *)&filter->gpus[filter->gpu_count++]);
}

static int read_gpus(struct reader *r, struct str key, struct json value)
{
    if (json_type(value) == JSON_STRING)
        return add_gpu(r, key, value);
    if (json_type(value) != JSON_ARRAY || json_count(value) == 0)
        return refuse(r, key, "a GPU's UUID or a list of them");
    for (struct json_iter it = json_iter(value); json_next(&it);)
        if (add_gpu(r, key, it.value) < 0)
            return -EINVAL;
    return 0;
}

static int add_metric(struct reader *r, struct json value)
{
    struct str name = {NULL, 0};
    int metric = -1;
    if (json_string(value, r->arena, &name) == 0)
        metric = metric_by_name(name);
    if (metric < 0)
        return errmsg_set(r->err, -EINVAL,
                          "\"metrics\": \"%.*s\" is no metric, one such as "
                          "\"gpu_utilization\" is expected",
                          STR_ARG(shown(json_raw(value))));
    r->wish->filter.metrics |= UINT64_C(1) << metric;
    return 0;
}

static int read_metrics(struct reader *r, struct str key, struct json value)
{
    if (json_type(value) != JSON_ARRAY || json_count(value) == 0)
        return refuse(r, key, "a list of metrics");
    for (struct json_iter it = json_iter(value); json_next(&it);)
        if (add_metric(r, it.value) < 0)
            return -EINVAL;
    return 0;
}

/* ---- members by name ---- */

struct member {
    const char *name;
    read_fn read;
};

static const struct member filters[] = {
    {"cluster", read_cluster},
    {"cluster_id", read_cluster},
    {"host", read_host},
    {"hostname", read_host},
    {"host_id", read_host},
    {"gpu_uuid", read_gpus},
    {"gpus", read_gpus},
    {"metrics", read_metrics},
    {"min_interval_ms", read_interval},
    {NULL, NULL},
};

/* null is the same as nothing. What is not known is refused: a misspelt filter
 * would give too much, and nobody would know why. */
static int read_members(struct reader *r, struct json object,
                        const struct member *members, const char *where)
{
    for (struct json_iter it = json_iter(object); json_next(&it);) {
        struct str key = json_unescape(it.key, r->arena);
        const struct member *m = members;
        while (m->name != NULL && !str_is(key, m->name))
            m++;
        if (m->name == NULL)
            return errmsg_set(r->err, -EINVAL, "there is no \"%.*s\" in %s",
                              STR_ARG(shown(key)), where);
        if (m->read != NULL && json_type(it.value) != JSON_NULL &&
            m->read(r, key, it.value) < 0)
            return -EINVAL;
    }
    return 0;
}

static int read_filters(struct reader *r, struct str key, struct json value)
{
    if (json_type(value) != JSON_OBJECT)
        return refuse(r, key, "an object");
    return read_members(r, value, filters, "\"filters\"");
}

static const struct member pings[] = {
    {"type", NULL}, {"id", NULL}, {"timestamp", NULL}, {NULL, NULL}};

static const struct member subscribes[] = {
    {"type", NULL},
    {"id", NULL},
    {"topic", read_topic},
    {"filters", read_filters},
    {"min_interval_ms", read_interval},
    {"snapshot", read_bool},
    {"since", read_since},
    {"stream", read_stream},
    {NULL, NULL},
};

static const struct member unsubscribes[] = {
    {"type", NULL}, {"id", NULL}, {"topic", read_topic}, {NULL, NULL}};

static const struct {
    const char *name;
    int type;
    const struct member *members;
} types[] = {
    {"ping", WISH_PING, pings},
    {"subscribe", WISH_SUBSCRIBE, subscribes},
    {"unsubscribe", WISH_UNSUBSCRIBE, unsubscribes},
};
#define TYPE_COUNT (sizeof types / sizeof *types)

static int check(struct reader *r)
{
    const struct wish *wish = r->wish;
    if (wish->type != WISH_SUBSCRIBE)
        return 0;
    if (!wish->has_topic)
        return errmsg_set(r->err, -EINVAL,
                          "\"topic\" is missing: telemetry, status or fleet is "
                          "expected");
    if (wish->resume && wish->topic != TOPIC_TELEMETRY)
        return errmsg_set(r->err, -EINVAL,
                          "\"since\": only telemetry can be resumed");
    if (wish->resume && wish->snapshot)
        return errmsg_set(r->err, -EINVAL,
                          "\"snapshot\" and \"since\" exclude each other");
    return 0;
}

static int read_type(struct reader *r, struct json root)
{
    struct str name = {NULL, 0};
    struct json type = json_get(root, "type");
    if (json_type(type) != JSON_STRING)
        return errmsg_set(r->err, -EINVAL,
                          "\"type\" is missing: ping, subscribe or unsubscribe "
                          "is expected");
    json_string(type, r->arena, &name);
    for (size_t i = 0; i < TYPE_COUNT; i++)
        if (str_is(name, types[i].name)) {
            r->wish->type = types[i].type;
            return (int)i;
        }
    return errmsg_set(r->err, -EINVAL,
                      "\"type\" is \"%.*s\": ping, subscribe or unsubscribe is "
                      "expected",
                      STR_ARG(shown(name)));
}

/* The id goes first, so that a refusal can name it. */
int wish_parse(struct wish *wish, struct str text, struct arena *arena,
               struct errmsg *err)
{
    *wish = (struct wish){0};
    struct reader r = {wish, arena, err};
    struct json_doc doc;
    if (json_parse(&doc, text, arena, err) < 0)
        return -EINVAL;
    struct json root = json_root(&doc);
    if (json_type(root) != JSON_OBJECT)
        return errmsg_set(err, -EINVAL, "an object is expected");
    struct json id = json_get(root, "id");
    if (id.doc != NULL && json_type(id) != JSON_NULL &&
        read_id(&r, (struct str)STR("id"), id) < 0)
        return -EINVAL;
    int type = read_type(&r, root);
    if (type < 0 ||
        read_members(&r, root, types[type].members, "the message") < 0)
        return -EINVAL;
    return check(&r);
}
