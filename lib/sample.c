#include "lib/sample.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

#include "lib/json.h"
#include "lib/timestamp.h"

/* ---- writing ---- */

static void put_metrics(struct json_writer *w, const struct sample *s)
{
    json_key(w, "metrics");
    json_begin_object(w);
    for (int m = 0; m < METRIC_COUNT; m++)
        if (sample_has(s, m)) {
            json_key_str(w, metric_catalogue[m].name);
            json_put_double(w, s->metrics[m]);
        }
    json_end_object(w);
}

static void put_extra(struct json_writer *w, const struct sample *s)
{
    if (s->extra_count == 0)
        return;
    json_key(w, "extra");
    json_begin_object(w);
    for (size_t i = 0; i < s->extra_count; i++) {
        json_key_str(w, s->extra[i].name);
        json_put_double(w, s->extra[i].value);
    }
    json_end_object(w);
}

/* Milliseconds are what sources have; a finer time is kept in full. */
static void put_time(struct json_writer *w, int64_t ns)
{
    char text[TIMESTAMP_MAX];
    int n = timestamp_format(ns, ns % 1000000 == 0 ? 3 : 9, text);
    json_member_str(w, "ts", str_make(text, (size_t)n));
}

void sample_encode(const struct sample *s, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    json_member_i64(&w, "v", SAMPLE_VERSION);
    put_time(&w, s->ts_ns);
    json_member_str(&w, "cluster", s->cluster);
    json_member_str(&w, "host", s->host);
    json_member_str(&w, "gpu", s->gpu);
    json_member_str(&w, "uuid", s->uuid);
    json_member_str(&w, "device", s->device);
    json_member_str(&w, "model", s->model);
    json_member_str(&w, "pod", s->pod);
    json_member_str(&w, "namespace", s->namespace);
    json_member_str(&w, "container", s->container);
    put_metrics(&w, s);
    put_extra(&w, s);
    json_end_object(&w);
}

/* ---- reading ---- */

struct reader {
    struct arena *arena;
    struct sample *sample;
    struct errmsg *err;
    bool has_version, has_time;
};

static int read_version(struct reader *r, struct json value)
{
    int64_t version;
    if (json_i64(value, &version) < 0 || version < 1)
        return errmsg_set(r->err, -EINVAL,
                          "\"v\": expected a version number from 1");
    if (version > SAMPLE_VERSION)
        return errmsg_set(r->err, -ENOTSUP,
                          "\"v\" is %" PRId64 ": newer than %d, the newest "
                          "version known here",
                          version, SAMPLE_VERSION);
    r->has_version = true;
    return 0;
}

static int read_time(struct reader *r, struct json value)
{
    struct str raw = json_raw(value);
    int64_t ns;
    if (json_type(value) != JSON_STRING || timestamp_parse(raw, &ns) < 0)
        return errmsg_set(
            r->err, -EINVAL, "\"ts\" is \"%.*s\": expected an RFC 3339 time",
            STR_ARG(str_make(raw.p, raw.len < 40 ? raw.len : 40)));
    if (ns < SAMPLE_TS_MIN || ns >= SAMPLE_TS_MAX)
        return errmsg_set(r->err, -EINVAL,
                          "\"ts\" is \"%.*s\": expected a time from the year "
                          "2000 to 2199",
                          STR_ARG(raw));
    r->sample->ts_ns = ns;
    r->has_time = true;
    return 0;
}

static int read_number(struct reader *r, struct str name, struct json value,
                       double *out)
{
    if (json_double(value, out) == 0)
        return 0;
    return errmsg_set(r->err, -EINVAL, "\"%.*s\": expected a finite number",
                      STR_ARG(str_make(name.p, name.len < 80 ? name.len : 80)));
}

/* PostgreSQL's text and jsonb cannot hold a NUL byte. */
static bool has_nul(struct str s)
{
    return s.len > 0 && memchr(s.p, '\0', s.len) != NULL;
}

static int add_extra(struct reader *r, struct str name, double value)
{
    struct sample *s = r->sample;
    if (name.len == 0 || name.len > SAMPLE_NAME_MAX || has_nul(name))
        return errmsg_set(r->err, -EINVAL,
                          "a metric's name: expected 1 to %d bytes without "
                          "NUL",
                          SAMPLE_NAME_MAX);
    if (s->extra_count == SAMPLE_EXTRA_MAX)
        return errmsg_set(r->err, -EINVAL,
                          "expected at most %d metrics outside the catalogue",
                          SAMPLE_EXTRA_MAX);
    if (s->extra == NULL)
        s->extra = arena_alloc(r->arena, SAMPLE_EXTRA_MAX * sizeof *s->extra);
    s->extra[s->extra_count++] = (struct sample_extra){name, value};
    return 0;
}

/* The catalogue's metric of that name, looked for from *hint on first:
 * members usually come in the catalogue's order. */
static int find_metric(struct str name, int *hint)
{
    for (int m = *hint; m < METRIC_COUNT; m++)
        if (str_eq(metric_catalogue[m].name, name)) {
            *hint = m + 1;
            return m;
        }
    return metric_by_name(name);
}

/* The members of "metrics" and of "extra". Null is "not reported". A metric
 * that the writer's catalogue has and ours has not is kept as an extra. */
static int read_values(struct reader *r, struct str key, struct json object,
                       bool catalogue)
{
    if (json_type(object) != JSON_OBJECT)
        return errmsg_set(r->err, -EINVAL, "\"%.*s\": expected an object",
                          STR_ARG(key));
    int hint = 0;
    for (struct json_iter it = json_iter(object); json_next(&it);) {
        double number;
        if (json_type(it.value) == JSON_NULL)
            continue;
        if (read_number(r, it.key, it.value, &number) < 0)
            return -EINVAL;
        struct str name = json_unescape(it.key, r->arena);
        int m = catalogue ? find_metric(name, &hint) : -1;
        if (m >= 0)
            sample_set(r->sample, m, number);
        else if (add_extra(r, name, number) < 0)
            return -EINVAL;
    }
    return 0;
}

static struct str *name_field(struct sample *s, struct str key)
{
    static const struct {
        struct str key;
        size_t offset;
    } fields[] = {
        {STR("cluster"), offsetof(struct sample, cluster)},
        {STR("host"), offsetof(struct sample, host)},
        {STR("gpu"), offsetof(struct sample, gpu)},
        {STR("uuid"), offsetof(struct sample, uuid)},
        {STR("device"), offsetof(struct sample, device)},
        {STR("model"), offsetof(struct sample, model)},
        {STR("pod"), offsetof(struct sample, pod)},
        {STR("namespace"), offsetof(struct sample, namespace)},
        {STR("container"), offsetof(struct sample, container)},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (str_eq(key, fields[i].key))
            return (struct str *)((char *)s + fields[i].offset);
    return NULL;
}

static int read_name(struct reader *r, struct str key, struct str *field,
                     struct json value)
{
    struct str text;
    if (json_string(value, r->arena, &text) < 0 || text.len > SAMPLE_NAME_MAX ||
        has_nul(text))
        return errmsg_set(r->err, -EINVAL,
                          "\"%.*s\": expected a string of at most %d bytes "
                          "without NUL",
                          STR_ARG(key), SAMPLE_NAME_MAX);
    *field = text;
    return 0;
}

static int read_member(struct reader *r, struct str key, struct json value)
{
    struct str *field = name_field(r->sample, key);
    if (field != NULL)
        return read_name(r, key, field, value);
    if (str_is(key, "v"))
        return read_version(r, value);
    if (str_is(key, "ts"))
        return read_time(r, value);
    if (str_is(key, "metrics"))
        return read_values(r, key, value, true);
    if (str_is(key, "extra"))
        return read_values(r, key, value, false);
    return 0;
}

static int check_required(const struct reader *r)
{
    const struct sample *s = r->sample;
    const char *missing = !r->has_version       ? "v"
                          : !r->has_time        ? "ts"
                          : s->cluster.len == 0 ? "cluster"
                          : s->host.len == 0    ? "host"
                          : s->uuid.len == 0    ? "uuid"
                                                : NULL;
    if (missing == NULL)
        return 0;
    return errmsg_set(r->err, -EINVAL, "\"%s\" is missing or empty", missing);
}

/* The version goes first: a newer message may mean anything by the rest. */
int sample_decode(struct str text, struct arena *arena, struct sample *s,
                  struct errmsg *err)
{
    *s = (struct sample){0};
    struct json_doc doc;
    if (json_parse(&doc, text, arena, err) < 0)
        return -EINVAL;
    struct reader r = {.arena = arena, .sample = s, .err = err};
    struct json root = json_root(&doc);
    if (json_type(root) != JSON_OBJECT)
        return errmsg_set(err, -EINVAL, "a sample: expected an object");
    struct json version = json_get(root, "v");
    int rc = version.doc != NULL ? read_version(&r, version) : 0;
    if (rc < 0)
        return rc;
    for (struct json_iter it = json_iter(root); json_next(&it);)
        if (read_member(&r, json_unescape(it.key, arena), it.value) < 0)
            return -EINVAL;
    return check_required(&r);
}

/* ---- subjects ---- */

static bool token_byte(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c >= '0' && c <= '9') || c == '_' || c == '-';
}

void subject_append_token(struct buf *out, struct str name)
{
    static const char hex[] = "0123456789ABCDEF";
    if (name.len == 0)
        buf_append_byte(out, '%');
    for (size_t i = 0; i < name.len; i++) {
        if (token_byte(name.p[i])) {
            buf_append_byte(out, name.p[i]);
            continue;
        }
        unsigned char c = (unsigned char)name.p[i];
        buf_append(out, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
    }
}

void sample_append_subject(const struct sample *s, struct buf *out)
{
    buf_append_text(out, "telemetry.");
    subject_append_token(out, s->cluster);
    buf_append_byte(out, '.');
    subject_append_token(out, s->host);
    buf_append_byte(out, '.');
    subject_append_token(out, s->uuid);
}
