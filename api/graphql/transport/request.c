/* request: see the header. */
#include "api/graphql/transport/request.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/http.h"

static const char *const type_names[] = {
    [JSON_NONE] = "missing",     [JSON_NULL] = "null",
    [JSON_BOOL] = "a boolean",   [JSON_NUMBER] = "a number",
    [JSON_STRING] = "a string",  [JSON_ARRAY] = "an array",
    [JSON_OBJECT] = "an object",
};

static bool is_absent(struct json value)
{
    return json_type(value) == JSON_NONE || json_type(value) == JSON_NULL;
}

/* A member that may be a string; absent: out->p stays NULL. */
static int text_read(struct json object, const char *name, struct arena *arena,
                     struct str *out, struct errmsg *err)
{
    struct json value = json_get(object, name);
    if (is_absent(value))
        return 0;
    if (json_string(value, arena, out) == 0) {
        if (out->p == NULL)
            *out = str_make("", 0);
        return 0;
    }
    return errmsg_set(err, -EINVAL, "\"%s\" must be a string, not %s", name,
                      type_names[json_type(value)]);
}

static int object_check(struct json value, const char *name, struct errmsg *err)
{
    if (is_absent(value) || json_type(value) == JSON_OBJECT)
        return 0;
    return errmsg_set(err, -EINVAL, "\"%s\" must be an object, not %s", name,
                      type_names[json_type(value)]);
}

/* Apollo's automatic persisted queries: {"version":1,"sha256Hash":"…"}. */
static int persisted_read(struct json extensions, struct arena *arena,
                          struct str *hash, struct errmsg *err)
{
    struct json persisted = json_get(extensions, "persistedQuery");
    if (is_absent(persisted))
        return 0;
    int64_t version = 0;
    if (json_type(persisted) != JSON_OBJECT ||
        json_i64(json_get(persisted, "version"), &version) != 0 || version != 1)
        return errmsg_set(err, -EINVAL,
                          "\"extensions.persistedQuery\" must be "
                          "{\"version\":1,\"sha256Hash\":…}");
    if (text_read(persisted, "sha256Hash", arena, hash, err) != 0)
        return -EINVAL;
    return hash->len > 0
               ? 0
               : errmsg_set(err, -EINVAL, "\"sha256Hash\" is missing");
}

int graphql_request_read(struct graphql_request *request, struct json object,
                         struct arena *arena, struct errmsg *err)
{
    *request = (struct graphql_request){0};
    if (json_type(object) == JSON_ARRAY)
        return errmsg_set(err, -EINVAL,
                          "batched requests are not taken: send one request "
                          "at a time");
    if (json_type(object) != JSON_OBJECT)
        return errmsg_set(err, -EINVAL, "the request must be an object, not %s",
                          type_names[json_type(object)]);
    struct json extensions = json_get(object, "extensions");
    request->variables = json_get(object, "variables");
    if (text_read(object, "query", arena, &request->query, err) != 0 ||
        text_read(object, "operationName", arena, &request->operation_name,
                  err) != 0 ||
        object_check(request->variables, "variables", err) != 0 ||
        object_check(extensions, "extensions", err) != 0 ||
        persisted_read(extensions, arena, &request->hash, err) != 0)
        return -EINVAL;
    if (request->query.p == NULL && request->hash.len == 0)
        return errmsg_set(err, -EINVAL, "\"query\" is missing");
    return 0;
}

int graphql_request_parse(struct graphql_request *request, struct str text,
                          struct arena *arena, struct errmsg *err)
{
    struct json_doc *doc = arena_zalloc(arena, sizeof *doc);
    struct errmsg why;
    if (json_parse(doc, text, arena, &why) != 0)
        return errmsg_set(err, -EINVAL, "the request is not JSON: %s",
                          why.text);
    return graphql_request_read(request, json_root(doc), arena, err);
}

/* ---- from a URL ---- */

/* A parameter that holds JSON. */
static int json_read(struct http_request *req, const char *name,
                     struct json *value, struct errmsg *err)
{
    struct str text;
    struct errmsg why;
    if (!http_query(req, name, &text) || text.len == 0)
        return 0;
    struct json_doc *doc = arena_zalloc(http_arena(req), sizeof *doc);
    if (json_parse(doc, text, http_arena(req), &why) != 0)
        return errmsg_set(err, -EINVAL, "\"%s\" is not JSON: %s", name,
                          why.text);
    *value = json_root(doc);
    return object_check(*value, name, err);
}

int graphql_request_of_url(struct graphql_request *request,
                           struct http_request *req, struct errmsg *err)
{
    *request = (struct graphql_request){0};
    struct json extensions = {0};
    struct str name;
    (void)http_query(req, "query", &request->query);
    if (http_query(req, "operationName", &name) && name.len > 0)
        request->operation_name = name;
    if (json_read(req, "variables", &request->variables, err) != 0 ||
        json_read(req, "extensions", &extensions, err) != 0 ||
        persisted_read(extensions, http_arena(req), &request->hash, err) != 0)
        return -EINVAL;
    if (request->query.p == NULL && request->hash.len == 0)
        return errmsg_set(err, -EINVAL, "\"query\" is missing");
    return 0;
}

/* ---- equal values, equal texts ---- */

struct member {
    struct str key;
    struct json value;
};

static int member_compare(const void *a, const void *b)
{
    struct str x = ((const struct member *)a)->key;
    struct str y = ((const struct member *)b)->key;
    int order = memcmp(x.p, y.p, x.len < y.len ? x.len : y.len);
    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

static void value_append(struct json value, struct arena *arena,
                         struct buf *out);

static void object_append(struct json object, struct arena *arena,
                          struct buf *out)
{
    size_t count = 0, size = (size_t)json_count(object);
    struct member *members = arena_alloc(arena, (size + 1) * sizeof *members);
    for (struct json_iter it = json_iter(object); json_next(&it);)
        members[count++] = (struct member){it.key, it.value};
    qsort(members, count, sizeof *members, member_compare);
    buf_append_byte(out, '{');
    for (size_t i = 0; i < count; i++) {
        buf_append_byte(out, '"');
        buf_append_str(out, members[i].key);
        buf_append_text(out, "\":");
        value_append(members[i].value, arena, out);
        buf_append_byte(out, ',');
    }
    buf_append_byte(out, '}');
}

static void array_append(struct json array, struct arena *arena,
                         struct buf *out)
{
    buf_append_byte(out, '[');
    for (struct json_iter it = json_iter(array); json_next(&it);) {
        value_append(it.value, arena, out);
        buf_append_byte(out, ',');
    }
    buf_append_byte(out, ']');
}

/* As deep as json_parse lets a text be. */
static void value_append(struct json value, struct arena *arena,
                         struct buf *out)
{
    enum json_type type = json_type(value);
    if (type == JSON_OBJECT) {
        object_append(value, arena, out);
    } else if (type == JSON_ARRAY) {
        array_append(value, arena, out);
    } else {
        const char *quote = type == JSON_STRING ? "\"" : "";
        buf_append_text(out, quote);
        buf_append_str(out, json_raw(value));
        buf_append_text(out, quote);
    }
}

void graphql_canonical_append(struct json value, struct arena *arena,
                              struct buf *out)
{
    if (json_type(value) == JSON_OBJECT && json_count(value) > 0)
        value_append(value, arena, out);
}
