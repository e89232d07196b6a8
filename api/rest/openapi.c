/* openapi: see the header. */
#include "api/rest/openapi.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/fleet/fleet.h"
#include "api/rest/object.h"
#include "api/rest/yaml.h"
#include "api/route.h"
#include "api/static.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "lib/metric.h"
#include "lib/service.h"

/* openapi.json: { "openapi", text }. */
static const struct {
    const char *name, *text;
} sources[] = {
#include "openapi.inc"
};

struct openapi {
    struct buf json, yaml;
    struct http_route routes[4];
};

/* ---- schemas ---- */

static void ref_append(struct json_writer *w, const char *kind,
                       const char *name)
{
    char text[128];
    snprintf(text, sizeof text, "#/components/%s/%s", kind, name);
    json_begin_object(w);
    json_member_text(w, "$ref", text);
    json_end_object(w);
}

/* "type": "string", or ["string", "null"]. */
static void type_append(struct json_writer *w, const char *type, bool nullable)
{
    if (!nullable) {
        json_member_text(w, "type", type);
        return;
    }
    json_key(w, "type");
    json_begin_array(w);
    json_put_text(w, type);
    json_put_text(w, "null");
    json_end_array(w);
}

static void statuses_append(struct json_writer *w)
{
    json_key(w, "enum");
    json_begin_array(w);
    for (int i = 0; i < FLEET_STATUS_COUNT; i++)
        json_put_text(w, fleet_status_names[i]);
    json_end_array(w);
}

static void numbers_append(struct json_writer *w)
{
    json_key(w, "additionalProperties");
    json_begin_object(w);
    json_member_text(w, "type", "number");
    json_end_object(w);
}

static void object_append(struct json_writer *w,
                          const struct api_object *object);

static void field_type_append(struct json_writer *w,
                              const struct api_field *field)
{
    switch (field->type) {
    case FIELD_TEXT:
        type_append(w, "string", field->nullable);
        break;
    case FIELD_STATUS:
        type_append(w, "string", field->nullable);
        statuses_append(w);
        break;
    case FIELD_COUNT:
        type_append(w, "integer", field->nullable);
        json_member_i64(w, "minimum", 0);
        break;
    case FIELD_TIME:
        type_append(w, "string", field->nullable);
        json_member_text(w, "format", "date-time");
        break;
    case FIELD_NUMBERS:
        type_append(w, "object", field->nullable);
        numbers_append(w);
        break;
    case FIELD_OBJECT:
        break;
    }
}

static void field_append(struct json_writer *w, const struct api_field *field)
{
    json_key(w, field->name);
    if (field->type == FIELD_OBJECT) {
        object_append(w, field->object);
        return;
    }
    json_begin_object(w);
    field_type_append(w, field);
    json_member_text(w, "description", field->help);
    if (field->example != NULL) {
        json_key(w, "examples");
        json_begin_array(w);
        json_put_text(w, field->example);
        json_end_array(w);
    }
    json_end_object(w);
}

static void metric_append(struct json_writer *w, const struct metric_info *m)
{
    char help[160];
    snprintf(help, sizeof help, "%s%s%s (%.*s)", m->title,
             *m->unit != '\0' ? ", " : "", m->unit, STR_ARG(m->dcgm));
    json_key_str(w, m->name);
    json_begin_object(w);
    type_append(w, "number", true);
    json_member_text(w, "description", help);
    json_end_object(w);
}

static void required_append(struct json_writer *w,
                            const struct api_object *object)
{
    json_key(w, "required");
    json_begin_array(w);
    for (const struct api_field *f = object->fields; f->name != NULL; f++)
        if (!f->optional)
            json_put_text(w, f->name);
    for (int m = 0; object->metrics && m < METRIC_COUNT; m++)
        json_put_str(w, metric_catalogue[m].name);
    json_end_array(w);
}

static void object_append(struct json_writer *w,
                          const struct api_object *object)
{
    json_begin_object(w);
    json_member_text(w, "type", "object");
    json_member_text(w, "description", object->help);
    required_append(w, object);
    json_key(w, "properties");
    json_begin_object(w);
    for (const struct api_field *f = object->fields; f->name != NULL; f++)
        field_append(w, f);
    for (int m = 0; object->metrics && m < METRIC_COUNT; m++)
        metric_append(w, &metric_catalogue[m]);
    json_end_object(w);
    json_member_bool(w, "additionalProperties", false);
    json_end_object(w);
}

static bool is_first_of_its_object(size_t route)
{
    for (size_t i = 0; i < route; i++)
        if (api_routes[i]->element == api_routes[route]->element)
            return false;
    return true;
}

static void objects_append(struct json_writer *w)
{
    for (size_t i = 0; api_routes[i] != NULL; i++) {
        if (!is_first_of_its_object(i))
            continue;
        json_key(w, api_routes[i]->element->name);
        object_append(w, api_routes[i]->element);
    }
}

/* ---- operations ---- */

static void param_schema_append(struct json_writer *w,
                                const struct api_param *param)
{
    int64_t number;
    bool is_int = param->type == PARAM_INT;
    json_begin_object(w);
    json_member_text(w, "type", is_int ? "integer" : "string");
    if (is_int) {
        json_member_i64(w, "minimum", param->min);
        json_member_i64(w, "maximum", param->max);
    } else {
        json_member_i64(w, "minLength", 1);
    }
    if (param->initial != NULL && is_int &&
        str_to_i64(str_of(param->initial), &number) == 0)
        json_member_i64(w, "default", number);
    else if (param->initial != NULL)
        json_member_text(w, "default", param->initial);
    json_end_object(w);
}

static void params_append(struct json_writer *w, const struct api_param *params)
{
    if (params->name == NULL)
        return;
    json_key(w, "parameters");
    json_begin_array(w);
    for (const struct api_param *p = params; p->name != NULL; p++) {
        json_begin_object(w);
        json_member_text(w, "name", p->name);
        json_member_text(w, "in", p->place == PARAM_PATH ? "path" : "query");
        json_member_text(w, "description", p->help);
        if (p->place == PARAM_PATH)
            json_member_bool(w, "required", true);
        json_key(w, "schema");
        param_schema_append(w, p);
        if (p->example != NULL)
            json_member_text(w, "example", p->example);
        json_end_object(w);
    }
    json_end_array(w);
}

/* The envelope of respond.h around the elements. */
static void list_schema_append(struct json_writer *w,
                               const struct api_object *element)
{
    json_begin_object(w);
    json_member_text(w, "type", "object");
    json_key(w, "required");
    json_put_raw(w, str_of("[\"success\",\"count\",\"data\"]"));
    json_key(w, "properties");
    json_begin_object(w);
    json_key(w, "success");
    json_put_raw(w, str_of("{\"const\":true}"));
    json_key(w, "count");
    json_put_raw(w, str_of("{\"type\":\"integer\",\"minimum\":0,"
                           "\"description\":\"elements of data\"}"));
    json_key(w, "data");
    json_begin_object(w);
    json_member_text(w, "type", "array");
    json_key(w, "items");
    ref_append(w, "schemas", element->name);
    json_end_object(w);
    json_end_object(w);
    json_member_bool(w, "additionalProperties", false);
    json_end_object(w);
}

static void answer_append(struct json_writer *w, const struct api_route *route)
{
    json_begin_object(w);
    json_member_text(w, "description", route->summary);
    json_key(w, "content");
    json_begin_object(w);
    json_key(w, HTTP_JSON);
    json_begin_object(w);
    json_key(w, "schema");
    list_schema_append(w, route->element);
    json_end_object(w);
    json_end_object(w);
    json_end_object(w);
}

static bool has_place(const struct api_route *route)
{
    for (const struct api_param *p = route->params; p->name != NULL; p++)
        if (p->place == PARAM_PATH)
            return true;
    return false;
}

static void responses_append(struct json_writer *w,
                             const struct api_route *route)
{
    json_key(w, "responses");
    json_begin_object(w);
    json_key(w, "200");
    answer_append(w, route);
    json_key(w, "400");
    ref_append(w, "responses", "BadRequest");
    if (has_place(route)) {
        json_key(w, "404");
        ref_append(w, "responses", "NotFound");
    }
    json_key(w, "503");
    ref_append(w, "responses", "Unavailable");
    json_key(w, "default");
    ref_append(w, "responses", "Problem");
    json_end_object(w);
}

static void operation_append(struct json_writer *w,
                             const struct api_route *route)
{
    json_begin_object(w);
    json_member_text(w, "operationId", route->name);
    json_key(w, "tags");
    json_begin_array(w);
    json_put_text(w, route->tag);
    json_end_array(w);
    json_member_text(w, "summary", route->summary);
    if (route->description != NULL)
        json_member_text(w, "description", route->description);
    params_append(w, route->params);
    responses_append(w, route);
    json_end_object(w);
}

static bool is_first_of_its_path(size_t route)
{
    for (size_t i = 0; i < route; i++)
        if (strcmp(api_routes[i]->pattern, api_routes[route]->pattern) == 0)
            return false;
    return true;
}

static void path_append(struct json_writer *w, const char *pattern)
{
    json_begin_object(w);
    for (size_t i = 0; api_routes[i] != NULL; i++) {
        char method[16];
        size_t len = 0;
        if (strcmp(api_routes[i]->pattern, pattern) != 0)
            continue;
        for (const char *m = api_routes[i]->method; *m != '\0'; m++) {
            assert(len + 1 < sizeof method);
            method[len++] = (char)(*m | 0x20);
        }
        json_key_str(w, str_make(method, len));
        operation_append(w, api_routes[i]);
    }
    json_end_object(w);
}

static void routes_append(struct json_writer *w)
{
    for (size_t i = 0; api_routes[i] != NULL; i++) {
        if (!is_first_of_its_path(i))
            continue;
        json_key(w, api_routes[i]->pattern);
        path_append(w, api_routes[i]->pattern);
    }
}

/* ---- the whole ---- */

static void value_copy(struct json_writer *w, struct json value,
                       struct arena *arena)
{
    struct str text;
    switch (json_type(value)) {
    case JSON_OBJECT:
        json_begin_object(w);
        for (struct json_iter it = json_iter(value); json_next(&it);) {
            json_key_str(w, json_unescape(it.key, arena));
            value_copy(w, it.value, arena);
        }
        json_end_object(w);
        break;
    case JSON_ARRAY:
        json_begin_array(w);
        for (struct json_iter it = json_iter(value); json_next(&it);)
            value_copy(w, it.value, arena);
        json_end_array(w);
        break;
    case JSON_STRING:
        json_string(value, arena, &text);
        json_put_str(w,
                     str_is(text, "{version}") ? str_of(NEXUS_VERSION) : text);
        break;
    default:
        json_put_raw(w, json_raw(value));
    }
}

static bool is_served(const struct openapi_scope *scope, struct str path)
{
    if (str_has_prefix(path, str_of("/graphql")))
        return scope->graphql;
    return scope->websocket || !str_is(path, "/ws");
}

static void paths_append(struct json_writer *w, struct json fixed,
                         const struct openapi_scope *scope, struct arena *arena)
{
    json_begin_object(w);
    routes_append(w);
    for (struct json_iter it = json_iter(fixed); json_next(&it);) {
        if (!is_served(scope, it.key))
            continue;
        json_key_str(w, it.key);
        value_copy(w, it.value, arena);
    }
    json_end_object(w);
}

static void components_append(struct json_writer *w, struct json fixed,
                              struct arena *arena)
{
    json_begin_object(w);
    for (struct json_iter kind = json_iter(fixed); json_next(&kind);) {
        json_key_str(w, kind.key);
        json_begin_object(w);
        if (str_is(kind.key, "schemas"))
            objects_append(w);
        for (struct json_iter it = json_iter(kind.value); json_next(&it);) {
            json_key_str(w, it.key);
            value_copy(w, it.value, arena);
        }
        json_end_object(w);
    }
    json_end_object(w);
}

static void document_append(struct buf *out, struct json fixed,
                            const struct openapi_scope *scope,
                            struct arena *arena)
{
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    for (struct json_iter it = json_iter(fixed); json_next(&it);) {
        json_key_str(&w, it.key);
        if (str_is(it.key, "paths"))
            paths_append(&w, it.value, scope, arena);
        else if (str_is(it.key, "components"))
            components_append(&w, it.value, arena);
        else
            value_copy(&w, it.value, arena);
    }
    json_end_object(&w);
}

/* The text is our own: it is well-formed, or the program was built wrong. */
static struct json own_json(struct json_doc *doc, struct str text,
                            struct arena *arena)
{
    struct errmsg err;
    int rc = json_parse(doc, text, arena, &err);
    assert(rc == 0);
    (void)rc;
    return json_root(doc);
}

static void json_reply(struct http_request *req, void *arg)
{
    struct openapi *openapi = arg;
    static_text_reply(req, HTTP_JSON, buf_str(&openapi->json));
}

static void yaml_reply(struct http_request *req, void *arg)
{
    struct openapi *openapi = arg;
    static_text_reply(req, "application/yaml", buf_str(&openapi->yaml));
}

struct openapi *openapi_new(const struct openapi_scope *scope)
{
    struct openapi *openapi = mem_zalloc(sizeof *openapi);
    struct arena arena = {0};
    struct json_doc fixed, whole;
    document_append(&openapi->json,
                    own_json(&fixed, str_of(sources[0].text), &arena), scope,
                    &arena);
    yaml_append(&openapi->yaml,
                own_json(&whole, buf_str(&openapi->json), &arena));
    arena_fini(&arena);
    openapi->routes[0] = (struct http_route){"GET", "/swagger/swagger.json",
                                             json_reply, openapi};
    openapi->routes[1] =
        (struct http_route){"GET", "/swagger/spec.json", json_reply, openapi};
    openapi->routes[2] = (struct http_route){"GET", "/swagger/swagger.yaml",
                                             yaml_reply, openapi};
    return openapi;
}

void openapi_free(struct openapi **openapi)
{
    if (*openapi == NULL)
        return;
    buf_fini(&(*openapi)->json);
    buf_fini(&(*openapi)->yaml);
    free(*openapi);
    *openapi = NULL;
}

const struct http_route *openapi_routes(struct openapi *openapi)
{
    return openapi->routes;
}
