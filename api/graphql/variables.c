/* variables: an operation's variables, coerced from JSON (section 6.1.2). */
#include <errno.h>
#include <stdarg.h>

#include "api/graphql/coerce_private.h"
#include "api/graphql/inspect.h"
#include "api/graphql/suggest.h"
#include "lib/errmsg.h"

#define VARIABLE_ERRORS_MAX 50

/* One variable on its way in. */
struct intake {
    const struct gql_schema *schema;
    const struct gql_variable_def *def;
    struct arena *arena;
    const struct gql_limits *limits;
    struct gql_errors *errors;
    uint32_t failed; /* errors of all variables */
    bool hooked;
};

/* ---- errors ---- */

static bool is_full(struct intake *in)
{
    if (in->failed == VARIABLE_ERRORS_MAX) {
        in->failed++;
        gql_error_add(in->errors, GQL_CODE_INPUT, NULL, 0,
                      "Too many errors processing variables, error limit "
                      "reached. Execution aborted.");
    }
    return in->failed > VARIABLE_ERRORS_MAX;
}

static void refuse(struct intake *in, const struct buf *message)
{
    if (is_full(in))
        return;
    in->failed++;
    gql_error_add_str(in->errors, GQL_CODE_INPUT, &in->def->at, 1, NULL,
                      buf_str(message));
}

static void append_path(const struct gql_path *path, struct buf *out)
{
    if (path == NULL)
        return;
    append_path(path->up, out);
    if (path->name.p == NULL) {
        buf_printf(out, "[%u]", path->index);
        return;
    }
    buf_append_byte(out, '.');
    buf_append_str(out, path->name);
}

/* "Variable "$a" got invalid value 1 at "a.b[0]"; why" */
static void refuse_because(struct intake *in, const struct gql_value *value,
                           const struct gql_path *path, struct str why)
{
    if (is_full(in))
        return;
    struct buf message = {0};
    buf_printf(&message, "Variable \"$%.*s\" got invalid value ",
               STR_ARG(in->def->name));
    gql_inspect(value, &message);
    if (path != NULL) {
        buf_printf(&message, " at \"%.*s", STR_ARG(in->def->name));
        append_path(path, &message);
        buf_append_byte(&message, '"');
    }
    buf_append_text(&message, "; ");
    buf_append_str(&message, why);
    refuse(in, &message);
    buf_fini(&message);
}

static void refuse_value(struct intake *in, const struct gql_value *value,
                         const struct gql_path *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void refuse_value(struct intake *in, const struct gql_value *value,
                         const struct gql_path *path, const char *format, ...)
{
    struct buf why = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&why, format, args);
    va_end(args);
    refuse_because(in, value, path, buf_str(&why));
    buf_fini(&why);
}

/* 'Begin "text" …': the text is the client's, and may hold anything. */
static void refuse_quoting(struct intake *in, const struct gql_value *value,
                           const struct gql_path *path, const char *begin,
                           struct str text, const char *end)
{
    struct buf why = {0};
    buf_append_text(&why, begin);
    buf_append_byte(&why, '"');
    buf_append_str(&why, text);
    buf_append_byte(&why, '"');
    buf_append_text(&why, end);
    refuse_because(in, value, path, buf_str(&why));
    buf_fini(&why);
}

static const char *hint_value(struct intake *in, const struct gql_value *value,
                              const struct gql_type *type)
{
    struct buf written = {0};
    if (value->kind == GQL_STRING)
        buf_append_str(&written, value->text);
    else
        gql_inspect(value, &written);
    const char *hint =
        gql_suggest_value(in->arena, in->limits, buf_str(&written), type);
    buf_fini(&written);
    return hint;
}

/* The type's text, in the arena. */
static const char *type_text(const struct gql_type_ref *type,
                             struct arena *arena)
{
    struct buf text = {0};
    gql_type_ref_append(type, &text);
    const char *copy = arena_text(arena, buf_str(&text));
    buf_fini(&text);
    return copy;
}

/* ---- values ---- */

static struct gql_value *take(struct intake *in, const struct gql_value *value,
                              const struct gql_type_ref *type,
                              const struct gql_path *path);

/* A copy that needs nothing of the JSON text any more. */
static struct gql_value *keep(const struct gql_value *value,
                              struct arena *arena)
{
    struct gql_value *copy = gql_value_copy(value, arena);
    if (value->text.p != NULL)
        copy->text = arena_str(arena, value->text);
    copy->count = 0;
    if (value->kind == GQL_LIST) {
        struct gql_value *last = NULL;
        copy->items = NULL;
        for (const struct gql_value *i = value->items; i != NULL; i = i->next)
            gql_list_take(copy, &last, keep(i, arena));
    } else if (value->kind == GQL_OBJECT) {
        struct gql_object_field *last = NULL;
        copy->fields = NULL;
        for (const struct gql_object_field *f = value->fields; f != NULL;
             f = f->next)
            gql_object_add(copy, &last, arena_str(arena, f->name),
                           keep(f->value, arena), arena);
    }
    return copy;
}

static void refuse_enum(struct intake *in, const struct gql_value *value,
                        const struct gql_type *type,
                        const struct gql_path *path, const struct errmsg *err)
{
    const char *hint = hint_value(in, value, type);
    if (value->kind != GQL_STRING)
        refuse_value(in, value, path, "%s%s", err->text, hint);
    else
        refuse_quoting(in, value, path, "Value ", value->text,
                       arena_printf(in->arena,
                                    " does not exist in \"%.*s\" enum.%s",
                                    STR_ARG(type->name), hint));
}

static struct gql_value *take_leaf(struct intake *in,
                                   const struct gql_value *value,
                                   const struct gql_type *leaf,
                                   const struct gql_path *path)
{
    if (gql_takes_anything(leaf))
        return keep(value, in->arena);
    in->hooked |= gql_is_hooked(leaf);
    struct gql_value out;
    struct errmsg err;
    if (gql_leaf_coerce(leaf, GQL_FROM_JSON, value, &out, in->arena, &err) == 0)
        return keep(&out, in->arena);
    if (leaf->kind == GQL_TYPE_ENUM)
        refuse_enum(in, value, leaf, path, &err);
    else
        refuse_value(in, value, path, "%s", err.text);
    return NULL;
}

static struct gql_value *take_list(struct intake *in,
                                   const struct gql_value *value,
                                   const struct gql_type_ref *item,
                                   const struct gql_path *path)
{
    struct gql_value *list = gql_value_new(GQL_LIST, 0, in->arena);
    struct gql_value *last = NULL;
    if (value->kind != GQL_LIST) {
        struct gql_value *only = take(in, value, item, path);
        if (only != NULL)
            gql_list_take(list, &last, only);
        return list;
    }
    struct gql_path at = {.up = path};
    for (const struct gql_value *i = value->items; i != NULL && !is_full(in);
         i = i->next, at.index++) {
        struct gql_value *taken = take(in, i, item, &at);
        if (taken != NULL)
            gql_list_take(list, &last, taken);
    }
    return list;
}

static void take_default(struct intake *in, const struct gql_input *def,
                         const struct gql_value *value,
                         const struct gql_path *path, struct gql_value *object,
                         struct gql_object_field **last)
{
    const struct gql_value *initial = gql_default_value(def, in->arena);
    if (initial != NULL)
        gql_object_add(object, last, def->name, initial, in->arena);
    else if (def->type->wrap == GQL_NON_NULL)
        refuse_value(in, value, path,
                     "Field \"%.*s\" of required type \"%s\" was not provided.",
                     STR_ARG(def->name), type_text(def->type, in->arena));
}

/* How many fields there are in the oracle's eyes: those that failed, too. */
static uint32_t take_fields(struct intake *in, const struct gql_value *value,
                            const struct gql_type *type,
                            const struct gql_path *path,
                            struct gql_value *object)
{
    uint32_t given = 0;
    struct gql_object_field *last = NULL;
    for (uint32_t i = 0; i < type->input_count && !is_full(in); i++) {
        const struct gql_input *def = &type->inputs[i];
        const struct gql_object_field *found =
            gql_object_member(value, def->name);
        if (found == NULL) {
            take_default(in, def, value, path, object, &last);
            continue;
        }
        struct gql_path at = {.up = path, .name = def->name};
        const struct gql_value *taken = take(in, found->value, def->type, &at);
        given++;
        if (taken != NULL)
            gql_object_add(object, &last, def->name, taken, in->arena);
    }
    return given;
}

static void refuse_unknown(struct intake *in, const struct gql_value *value,
                           const struct gql_type *type,
                           const struct gql_path *path)
{
    for (const struct gql_object_field *f = value->fields;
         f != NULL && !is_full(in); f = f->next) {
        if (gql_find_input(type->inputs, type->input_count, f->name) != NULL)
            continue;
        refuse_quoting(
            in, value, path, "Field ", f->name,
            arena_printf(in->arena, " is not defined by type \"%.*s\".%s",
                         STR_ARG(type->name),
                         gql_suggest_input(in->arena, in->limits, f->name,
                                           type->inputs, type->input_count)));
    }
}

static void check_one_of(struct intake *in, const struct gql_value *value,
                         const struct gql_value *object, uint32_t given,
                         const struct gql_type *type,
                         const struct gql_path *path)
{
    if (given != 1)
        refuse_value(in, value, path,
                     "Exactly one key must be specified for OneOf type "
                     "\"%.*s\".",
                     STR_ARG(type->name));
    if (object->count == 0 || object->fields->value->kind != GQL_NULL)
        return;
    struct gql_path at = {.up = path, .name = object->fields->name};
    refuse_value(in, object->fields->value, &at,
                 "Field \"%.*s\" must be non-null.", STR_ARG(at.name));
}

static struct gql_value *take_object(struct intake *in,
                                     const struct gql_value *value,
                                     const struct gql_type *type,
                                     const struct gql_path *path)
{
    if (value->kind != GQL_OBJECT) {
        refuse_value(in, value, path, "Expected type \"%.*s\" to be an object.",
                     STR_ARG(type->name));
        return NULL;
    }
    struct gql_value *object = gql_value_new(GQL_OBJECT, 0, in->arena);
    uint32_t given = take_fields(in, value, type, path, object);
    refuse_unknown(in, value, type, path);
    if (type->one_of)
        check_one_of(in, value, object, given, type, path);
    return object;
}

/* A new value; NULL with an error added. */
static struct gql_value *take(struct intake *in, const struct gql_value *value,
                              const struct gql_type_ref *type,
                              const struct gql_path *path)
{
    if (type->wrap == GQL_NON_NULL && value->kind == GQL_NULL) {
        refuse_value(in, value, path,
                     "Expected non-nullable type \"%s\" not to be null.",
                     type_text(type, in->arena));
        return NULL;
    }
    if (value->kind == GQL_NULL)
        return keep(value, in->arena);
    if (type->wrap == GQL_NON_NULL)
        return take(in, value, type->of, path);
    if (type->wrap == GQL_LIST_OF)
        return take_list(in, value, type->of, path);
    if (type->named->kind == GQL_TYPE_INPUT)
        return take_object(in, value, type->named, path);
    return take_leaf(in, value, type->named, path);
}

/* ---- variables ---- */

/* The type as written; NULL where the schema has no such input type. */
static const struct gql_type_ref *type_of_node(const struct gql_schema *schema,
                                               const struct gql_type_node *node,
                                               struct arena *arena)
{
    struct gql_type_ref *ref = arena_zalloc(arena, sizeof *ref);
    ref->wrap = node->wrap;
    if (node->wrap == GQL_NAMED) {
        ref->named = gql_schema_type(schema, node->name);
        return ref->named != NULL && gql_is_input(ref->named) ? ref : NULL;
    }
    ref->of = type_of_node(schema, node->of, arena);
    if (ref->of == NULL)
        return NULL;
    ref->named = ref->of->named;
    return ref;
}

static void refuse_variable(struct intake *in, const struct gql_type_ref *type,
                            const char *of_what, const char *what)
{
    struct buf message = {0};
    buf_printf(&message, "Variable \"$%.*s\" of %s type \"%s\" %s",
               STR_ARG(in->def->name), of_what, type_text(type, in->arena),
               what);
    refuse(in, &message);
    buf_fini(&message);
}

static void append_type_node(const struct gql_type_node *node, struct buf *out)
{
    if (node->wrap == GQL_NAMED) {
        buf_append_str(out, node->name);
        return;
    }
    buf_append_text(out, node->wrap == GQL_LIST_OF ? "[" : "");
    append_type_node(node->of, out);
    buf_append_byte(out, node->wrap == GQL_LIST_OF ? ']' : '!');
}

static void refuse_type(struct intake *in)
{
    struct buf message = {0};
    buf_printf(&message, "Variable \"$%.*s\" expected value of type \"",
               STR_ARG(in->def->name));
    append_type_node(in->def->type, &message);
    buf_append_text(&message, "\" which cannot be used as an input type.");
    refuse(in, &message);
    buf_fini(&message);
}

static const struct gql_value *absent(struct intake *in,
                                      const struct gql_type_ref *type)
{
    if (in->def->initial != NULL)
        return gql_coerce_literal(in->def->initial, type, NULL, in->arena,
                                  &in->hooked);
    if (type->wrap == GQL_NON_NULL)
        refuse_variable(in, type, "required", "was not provided.");
    return NULL;
}

static const struct gql_value *take_variable(struct intake *in,
                                             struct json given)
{
    const struct gql_type_ref *type =
        type_of_node(in->schema, in->def->type, in->arena);
    if (type == NULL) {
        refuse_type(in);
        return NULL;
    }
    if (json_type(given) == JSON_NONE)
        return absent(in, type);
    if (json_type(given) == JSON_NULL && type->wrap == GQL_NON_NULL) {
        refuse_variable(in, type, "non-null", "must not be null.");
        return NULL;
    }
    return take(in, gql_value_from_json(&given, in->arena), type, NULL);
}

/* ---- finding them: one pass over the JSON, however many there are ---- */

struct slot {
    struct str name;
    struct json given;
};

static uint32_t name_hash(struct str name)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.p[i]) * 16777619u;
    return hash;
}

static struct slot *find_slot(struct slot *slots, uint32_t mask,
                              struct str name)
{
    uint32_t i = name_hash(name) & mask;
    while (slots[i].name.p != NULL && !str_eq(slots[i].name, name))
        i = (i + 1) & mask;
    return &slots[i];
}

static uint32_t count_definitions(const struct gql_operation *operation)
{
    uint32_t count = 0;
    for (const struct gql_variable_def *d = operation->variables; d != NULL;
         d = d->next)
        count++;
    return count;
}

/* A table of the operation's variables with what is given for each. */
static struct slot *match(const struct gql_operation *operation,
                          struct json input, uint32_t count, uint32_t *mask,
                          struct arena *arena)
{
    uint32_t room = 4;
    while (room < count * 2)
        room *= 2;
    *mask = room - 1;
    struct slot *slots = arena_zalloc(arena, room * sizeof *slots);
    for (const struct gql_variable_def *d = operation->variables; d != NULL;
         d = d->next)
        find_slot(slots, *mask, d->name)->name = d->name;
    for (struct json_iter it = json_iter(input); json_next(&it);) {
        struct slot *slot =
            find_slot(slots, *mask, json_unescape(it.key, arena));
        if (slot->name.p != NULL)
            slot->given = it.value;
    }
    return slots;
}

int gql_coerce_variables(const struct gql_schema *schema,
                         const struct gql_operation *operation,
                         struct json input, struct arena *arena,
                         struct gql_variables *variables,
                         const struct gql_limits *limits,
                         struct gql_errors *errors)
{
    *variables = (struct gql_variables){0};
    uint32_t count = count_definitions(operation), mask = 0;
    if (count == 0)
        return 0;
    struct slot *slots = match(operation, input, count, &mask, arena);
    variables->list = arena_zalloc(arena, count * sizeof *variables->list);
    struct intake in = {
        .schema = schema, .arena = arena, .limits = limits, .errors = errors};
    for (in.def = operation->variables; in.def != NULL && !is_full(&in);
         in.def = in.def->next) {
        struct gql_variable *v = &variables->list[variables->count++];
        v->name = in.def->name;
        v->value = take_variable(&in, find_slot(slots, mask, v->name)->given);
    }
    variables->hooked = in.hooked;
    return in.failed > 0 ? -EINVAL : 0;
}
