#include "api/graphql/cli/fixture.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "api/graphql/inspect.h"
#include "api/graphql/scalar.h"

#define LISTS_MAX 16 /* lists of lists of leaves */

const void *fixture_root(struct json json, struct arena *arena)
{
    return gql_value_from_json(&json, arena);
}

/* The member of an object, the last of that name; NULL: none. */
static const struct gql_value *member(const struct gql_value *object,
                                      struct str name)
{
    const struct gql_value *found = NULL;
    if (object->kind != GQL_OBJECT)
        return NULL;
    for (const struct gql_object_field *f = object->fields; f != NULL;
         f = f->next)
        if (str_eq(f->name, name))
            found = f->value;
    return found;
}

/* Its text, where the value is an error. */
static const struct str *error_of(const struct gql_value *value)
{
    const struct gql_value *text = member(value, str_of("__error"));
    return text != NULL && text->kind == GQL_STRING ? &text->text : NULL;
}

static bool is_null(const struct gql_value *value)
{
    return value == NULL || value->kind == GQL_NULL;
}

static bool is_true(const struct gql_value *value)
{
    return value != NULL && value->kind == GQL_BOOLEAN && value->boolean;
}

static const struct gql_type_ref *nullable(const struct gql_type_ref *type)
{
    return type->wrap == GQL_NON_NULL ? type->of : type;
}

/* ---- objects ---- */

static const void *no_iterable(struct gql_batch *batch)
{
    const struct gql_field *field = batch->call.field;
    return gql_batch_item_error(batch, GQL_CODE_INTERNAL,
                                "Expected Iterable, but did not find one for "
                                "field \"%.*s.%.*s\".",
                                STR_ARG(field->parent->name),
                                STR_ARG(field->name));
}

static const void **take_items(struct gql_batch *batch,
                               const struct gql_value *list,
                               const struct gql_type_ref *item);

/* An item that is to be a list itself. */
static const void *take_list(struct gql_batch *batch,
                             const struct gql_value *value,
                             const struct gql_type_ref *item)
{
    struct gql_list *list = arena_zalloc(batch->call.arena, sizeof *list);
    const struct str *error = error_of(value);
    if (error != NULL) {
        list->error = gql_batch_item_error(batch, GQL_CODE_INTERNAL, "%.*s",
                                           STR_ARG(*error));
    } else if (value->kind != GQL_LIST) {
        list->error = no_iterable(batch);
    } else {
        list->objects = take_items(batch, value, item);
        list->count = value->count;
    }
    return list;
}

static const void *take_item(struct gql_batch *batch,
                             const struct gql_value *value,
                             const struct gql_type_ref *type)
{
    if (is_null(value))
        return NULL;
    type = nullable(type);
    if (type->wrap == GQL_LIST_OF)
        return take_list(batch, value, type->of);
    const struct str *error = error_of(value);
    return error == NULL ? (const void *)value
                         : gql_batch_item_error(batch, GQL_CODE_INTERNAL,
                                                "%.*s", STR_ARG(*error));
}

static const void **take_items(struct gql_batch *batch,
                               const struct gql_value *list,
                               const struct gql_type_ref *item)
{
    uint32_t count = 0;
    const void **objects =
        arena_alloc(batch->call.arena, list->count * sizeof *objects);
    for (const struct gql_value *i = list->items; i != NULL; i = i->next)
        objects[count++] = take_item(batch, i, item);
    return objects;
}

static void resolve_one(struct gql_batch *batch, uint32_t i)
{
    const struct gql_type_ref *type = nullable(batch->call.field->type);
    const struct gql_value *value =
        member(batch->parents[i], batch->call.field->name);
    if (is_null(value)) {
        gql_batch_object(batch, i, NULL);
        return;
    }
    const struct str *error = error_of(value);
    if (error != NULL)
        gql_batch_error(batch, i, GQL_CODE_INTERNAL, "%.*s", STR_ARG(*error));
    else if (type->wrap == GQL_LIST_OF && value->kind == GQL_LIST)
        gql_batch_list(batch, i, take_items(batch, value, type->of),
                       value->count);
    else
        gql_batch_object(batch, i, value);
}

static void resolve(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        resolve_one(batch, i);
    gql_batch_done(batch);
}

static const char *type_of(const void *object, void *context)
{
    static char name[256];
    const struct gql_value *value = member(object, str_of("__typename"));
    (void)context;
    if (value == NULL || value->kind != GQL_STRING ||
        value->text.len >= sizeof name)
        return NULL;
    memcpy(name, value->text.p, value->text.len);
    name[value->text.len] = '\0';
    return name;
}

/* ---- leaves ---- */

/* A leaf on its way out; place: the indexes of the item it is. */
struct leaf {
    struct gql_out *out;
    uint32_t place[LISTS_MAX];
};

static bool fail(struct leaf *leaf, uint32_t depth, const char *what,
                 struct str more)
{
    if (depth == 0)
        gql_out_error(leaf->out, GQL_CODE_INTERNAL, "%s%.*s", what,
                      STR_ARG(more));
    else
        gql_out_item_error(leaf->out, leaf->place, depth, GQL_CODE_INTERNAL,
                           "%s%.*s", what, STR_ARG(more));
    return false;
}

/* "… cannot represent …: value" */
static bool refuse(struct leaf *leaf, uint32_t depth, const char *what,
                   const struct gql_value *value)
{
    struct buf shown = {0};
    gql_inspect(value, &shown);
    fail(leaf, depth, what, buf_str(&shown));
    buf_fini(&shown);
    return false;
}

static bool fail_field(struct leaf *leaf, uint32_t depth, const char *before,
                       const char *after)
{
    const struct gql_field *field = leaf->out->call.field;
    struct buf text = {0};
    buf_printf(&text, "%.*s.%.*s%s", STR_ARG(field->parent->name),
               STR_ARG(field->name), after);
    fail(leaf, depth, before, buf_str(&text));
    buf_fini(&text);
    return false;
}

/* Number(text), as JavaScript reads it; NaN where it is none. */
static double number_of_text(struct str text)
{
    text = str_trim(text);
    if (text.len == 0)
        return 0;
    char *copy = strndup(text.p, text.len), *end = copy;
    bool word = text.len > 1 && isalpha((unsigned char)text.p[1]) &&
                tolower((unsigned char)text.p[1]) != 'x' &&
                tolower((unsigned char)text.p[1]) != 'e';
    double value = copy != NULL && !word ? strtod(copy, &end) : NAN;
    if (copy == NULL || *end != '\0')
        value = NAN;
    free(copy);
    return value;
}

/* NaN where it is no number in Int's and Float's eyes. */
static double number_of(const struct gql_value *value)
{
    switch (value->kind) {
    case GQL_BOOLEAN:
        return value->boolean;
    case GQL_INT:
    case GQL_FLOAT:
        return number_of_text(value->text);
    case GQL_STRING:
        return value->text.len > 0 ? number_of_text(value->text) : NAN;
    default:
        return NAN;
    }
}

static bool is_number(const struct gql_value *value)
{
    return value->kind == GQL_INT || value->kind == GQL_FLOAT;
}

static bool put_number(struct leaf *leaf, double number)
{
    struct buf text = {0};
    gql_number_append(number, &text);
    json_put_raw(&leaf->out->json, buf_str(&text));
    buf_fini(&text);
    return true;
}

static bool put_number_text(struct leaf *leaf, double number)
{
    struct buf text = {0};
    gql_number_append(number, &text);
    json_put_str(&leaf->out->json, buf_str(&text));
    buf_fini(&text);
    return true;
}

static bool put_int(struct leaf *leaf, uint32_t depth,
                    const struct gql_value *value)
{
    double number = number_of(value);
    if (!isfinite(number) || number != trunc(number))
        return refuse(leaf, depth,
                      "Int cannot represent non-integer value: ", value);
    if (fabs(number) > INT32_MAX && number != INT32_MIN)
        return refuse(
            leaf, depth,
            "Int cannot represent non 32-bit signed integer value: ", value);
    return put_number(leaf, number);
}

static bool put_float(struct leaf *leaf, uint32_t depth,
                      const struct gql_value *value)
{
    double number = number_of(value);
    if (!isfinite(number))
        return refuse(leaf, depth,
                      "Float cannot represent non numeric value: ", value);
    return put_number(leaf, number);
}

static bool put_string(struct leaf *leaf, uint32_t depth,
                       const struct gql_value *value)
{
    if (is_number(value))
        return put_number_text(leaf, number_of(value));
    if (value->kind == GQL_BOOLEAN)
        json_put_text(&leaf->out->json, value->boolean ? "true" : "false");
    else if (value->kind == GQL_STRING)
        json_put_str(&leaf->out->json, value->text);
    else
        return refuse(leaf, depth, "String cannot represent value: ", value);
    return true;
}

static bool put_boolean(struct leaf *leaf, uint32_t depth,
                        const struct gql_value *value)
{
    bool truth = value->kind == GQL_BOOLEAN && value->boolean;
    if (is_number(value))
        truth = number_of(value) != 0;
    else if (value->kind != GQL_BOOLEAN)
        return refuse(leaf, depth,
                      "Boolean cannot represent a non boolean value: ", value);
    json_put_bool(&leaf->out->json, truth);
    return true;
}

static bool put_id(struct leaf *leaf, uint32_t depth,
                   const struct gql_value *value)
{
    double number = is_number(value) ? number_of(value) : NAN;
    if (value->kind == GQL_STRING)
        json_put_str(&leaf->out->json, value->text);
    else if (isfinite(number) && number == trunc(number))
        put_number_text(leaf, number);
    else
        return refuse(leaf, depth, "ID cannot represent value: ", value);
    return true;
}

static bool put_enum(struct leaf *leaf, uint32_t depth,
                     const struct gql_type *type, const struct gql_value *value)
{
    for (uint32_t i = 0; i < type->value_count; i++)
        if (value->kind == GQL_STRING &&
            str_eq(type->values[i].name, value->text)) {
            json_put_str(&leaf->out->json, value->text);
            return true;
        }
    struct buf what = {0};
    buf_printf(&what,
               "Enum \"%.*s\" cannot represent value: ", STR_ARG(type->name));
    refuse(leaf, depth, buf_text(&what), value);
    buf_fini(&what);
    return false;
}

static void put_json_object(struct json_writer *w,
                            const struct gql_value *value);

/* Any value, numbers as JavaScript prints them. */
static void put_json(struct json_writer *w, const struct gql_value *value)
{
    struct buf text = {0};
    switch (value->kind) {
    case GQL_LIST:
        json_begin_array(w);
        for (const struct gql_value *i = value->items; i != NULL; i = i->next)
            put_json(w, i);
        json_end_array(w);
        break;
    case GQL_OBJECT:
        put_json_object(w, value);
        break;
    case GQL_BOOLEAN:
        json_put_bool(w, value->boolean);
        break;
    case GQL_NULL:
        json_put_null(w);
        break;
    case GQL_INT:
    case GQL_FLOAT:
        gql_number_append(number_of(value), &text);
        json_put_raw(w, buf_str(&text));
        buf_fini(&text);
        break;
    default:
        json_put_str(w, value->text);
    }
}

static void put_json_object(struct json_writer *w,
                            const struct gql_value *value)
{
    json_begin_object(w);
    for (const struct gql_object_field *f = value->fields; f != NULL;
         f = f->next) {
        json_key_str(w, f->name);
        put_json(w, f->value);
    }
    json_end_object(w);
}

/* The field's arguments as a JSON text, in a string. */
static bool put_arguments(struct leaf *leaf)
{
    const struct gql_call *call = &leaf->out->call;
    struct buf text = {0};
    struct json_writer w = json_writer(&text);
    json_begin_object(&w);
    for (uint32_t i = 0; i < call->field->argument_count; i++) {
        if (call->arguments[i] == NULL)
            continue;
        json_key_str(&w, call->field->arguments[i].name);
        put_json(&w, call->arguments[i]);
    }
    json_end_object(&w);
    json_put_str(&leaf->out->json, buf_str(&text));
    buf_fini(&text);
    return true;
}

static bool put_leaf(struct leaf *leaf, uint32_t depth,
                     const struct gql_type *type, const struct gql_value *value)
{
    if (is_true(member(value, str_of("__arguments"))))
        return put_arguments(leaf);
    if (type->kind == GQL_TYPE_ENUM)
        return put_enum(leaf, depth, type, value);
    if (!type->builtin) {
        put_json(&leaf->out->json, value);
        return true;
    }
    if (str_is(type->name, "Int"))
        return put_int(leaf, depth, value);
    if (str_is(type->name, "Float"))
        return put_float(leaf, depth, value);
    if (str_is(type->name, "String"))
        return put_string(leaf, depth, value);
    if (str_is(type->name, "Boolean"))
        return put_boolean(leaf, depth, value);
    return put_id(leaf, depth, value);
}

static bool put_value(struct leaf *leaf, uint32_t depth,
                      const struct gql_type_ref *type,
                      const struct gql_value *value);

/* One item; null is put where an error may end at it. */
static bool put_item(struct leaf *leaf, uint32_t depth,
                     const struct gql_type_ref *type,
                     const struct gql_value *value)
{
    struct json_writer *w = &leaf->out->json, before = *w;
    size_t mark = w->out->len;
    if (put_value(leaf, depth, type, value))
        return true;
    if (type->wrap == GQL_NON_NULL)
        return false;
    *w = before;
    w->out->len = mark;
    json_put_null(w);
    return true;
}

static bool put_list(struct leaf *leaf, uint32_t depth,
                     const struct gql_type_ref *item,
                     const struct gql_value *value)
{
    if (value->kind != GQL_LIST || depth == LISTS_MAX)
        return fail_field(leaf, depth,
                          "Expected Iterable, but did not find one for field "
                          "\"",
                          "\".");
    uint32_t *index = &leaf->place[depth];
    *index = 0;
    json_begin_array(&leaf->out->json);
    for (const struct gql_value *i = value->items; i != NULL; i = i->next) {
        if (!put_item(leaf, depth + 1, item, i))
            return false;
        ++*index;
    }
    json_end_array(&leaf->out->json);
    return true;
}

/* False: an error was said, and null climbs. */
static bool put_value(struct leaf *leaf, uint32_t depth,
                      const struct gql_type_ref *type,
                      const struct gql_value *value)
{
    const struct str *error = value != NULL ? error_of(value) : NULL;
    if (error != NULL)
        return fail(leaf, depth, "", *error);
    if (is_null(value) && type->wrap == GQL_NON_NULL && depth > 0)
        return fail_field(leaf, depth,
                          "Cannot return null for non-nullable field ", ".");
    if (is_null(value)) {
        json_put_null(&leaf->out->json);
        return true;
    }
    type = nullable(type);
    return type->wrap == GQL_LIST_OF
               ? put_list(leaf, depth, type->of, value)
               : put_leaf(leaf, depth, type->named, value);
}

static void write(struct gql_out *out, const void *object)
{
    struct leaf leaf = {.out = out};
    const struct gql_field *field = out->call.field;
    if (!put_value(&leaf, 0, field->type, member(object, field->name)))
        gql_out_fail(out);
}

/* ---- binding ---- */

static uint32_t count_bindings(const struct gql_schema *schema)
{
    uint32_t count = 1;
    for (uint32_t i = 0; i < schema->type_count; i++)
        count += schema->types[i]->field_count + 1;
    return count;
}

static struct gql_source *no_source(const struct gql_call *call,
                                    gql_event_fn on_event, void *arg,
                                    struct errmsg *err)
{
    (void)call;
    (void)on_event;
    (void)arg;
    errmsg_set(err, 0, "A fixture has no events.");
    return NULL;
}

static struct gql_binding bind_field(const struct gql_schema *schema,
                                     const struct gql_field *field,
                                     struct arena *arena)
{
    bool leaf = gql_is_leaf(field->type->named);
    return (struct gql_binding){
        .name = arena_printf(arena, "%.*s.%.*s", STR_ARG(field->parent->name),
                             STR_ARG(field->name)),
        .resolve = leaf ? NULL : resolve,
        .write = leaf ? write : NULL,
        .subscribe = field->parent == schema->subscription ? no_source : NULL,
    };
}

static uint32_t bind_type(const struct gql_schema *schema,
                          const struct gql_type *type,
                          struct gql_binding *table, struct arena *arena)
{
    if (type->kind == GQL_TYPE_INTERFACE || type->kind == GQL_TYPE_UNION) {
        table[0] = (struct gql_binding){.name = arena_text(arena, type->name),
                                        .type_of = type_of};
        return 1;
    }
    if (type->kind != GQL_TYPE_OBJECT || type->builtin)
        return 0;
    for (uint32_t i = 0; i < type->field_count; i++)
        table[i] = bind_field(schema, &type->fields[i], arena);
    return type->field_count;
}

int fixture_bind(struct gql_schema *schema, struct arena *arena,
                 struct errmsg *err)
{
    struct gql_binding *table =
        arena_zalloc(arena, count_bindings(schema) * sizeof *table);
    uint32_t count = 0;
    for (uint32_t i = 0; i < schema->type_count; i++)
        count += bind_type(schema, schema->types[i], table + count, arena);
    const struct gql_binding *const tables[] = {table, NULL};
    return gql_bind(schema, tables, err);
}
