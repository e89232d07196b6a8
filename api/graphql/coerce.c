/* coerce: literals, defaults and arguments. Variables come from JSON and have
 * a file of their own, variables.c. */
#include "api/graphql/coerce.h"

#include <errno.h>

#include "api/graphql/bind.h"
#include "api/graphql/coerce_private.h"

const struct gql_value *gql_variable(const struct gql_variables *variables,
                                     struct str name)
{
    for (uint32_t i = 0; variables != NULL && i < variables->count; i++)
        if (str_eq(variables->list[i].name, name))
            return variables->list[i].value;
    return NULL;
}

/* ---- putting values together ---- */

struct gql_value *gql_value_copy(const struct gql_value *value,
                                 struct arena *arena)
{
    struct gql_value *copy = arena_alloc(arena, sizeof *copy);
    *copy = *value;
    copy->next = NULL;
    return copy;
}

/* A value stands in one list only, so what goes in is copied: it may be shared
 * (a default, a variable used twice). */
void gql_list_take(struct gql_value *list, struct gql_value **last,
                   struct gql_value *item)
{
    if (*last == NULL)
        list->items = item;
    else
        (*last)->next = item;
    *last = item;
    list->count++;
}

void gql_list_add(struct gql_value *list, struct gql_value **last,
                  const struct gql_value *item, struct arena *arena)
{
    gql_list_take(list, last, gql_value_copy(item, arena));
}

struct gql_value *gql_value_new(enum gql_value_kind kind, uint32_t at,
                                struct arena *arena)
{
    struct gql_value *value = arena_zalloc(arena, sizeof *value);
    value->kind = kind;
    value->at = at;
    return value;
}

void gql_object_add(struct gql_value *object, struct gql_object_field **last,
                    struct str name, const struct gql_value *value,
                    struct arena *arena)
{
    struct gql_object_field *field = arena_zalloc(arena, sizeof *field);
    field->name = name;
    field->value = gql_value_copy(value, arena);
    if (*last == NULL)
        object->fields = field;
    else
        (*last)->next = field;
    *last = field;
    object->count++;
}

bool gql_is_hooked(const struct gql_type *leaf)
{
    return leaf->kind == GQL_TYPE_SCALAR && leaf->binding != NULL &&
           leaf->binding->parse != NULL;
}

bool gql_takes_anything(const struct gql_type *leaf)
{
    return leaf->kind == GQL_TYPE_SCALAR && !leaf->builtin &&
           !gql_is_hooked(leaf);
}

const struct gql_value *gql_default_value(const struct gql_input *input,
                                          struct arena *arena)
{
    if (input->coerced != NULL || input->initial == NULL)
        return input->coerced;
    return gql_coerce_literal(input->initial, input->type, NULL, arena, NULL);
}

/* ---- literals ---- */

struct coercion {
    const struct gql_variables *variables;
    struct arena *arena;
    bool *hooked;
};

static const struct gql_value *coerce(const struct coercion *c,
                                      const struct gql_value *value,
                                      const struct gql_type_ref *type);

static bool is_missing(const struct coercion *c, const struct gql_value *value)
{
    return value->kind == GQL_VARIABLE &&
           gql_variable(c->variables, value->text) == NULL;
}

static const struct gql_value *put_variables_in(const struct coercion *c,
                                                const struct gql_value *value);

static const struct gql_value *untyped_list(const struct coercion *c,
                                            const struct gql_value *value)
{
    static const struct gql_value null = {.kind = GQL_NULL};
    struct gql_value *list = gql_value_new(GQL_LIST, value->at, c->arena);
    struct gql_value *last = NULL;
    for (const struct gql_value *i = value->items; i != NULL; i = i->next) {
        const struct gql_value *item = put_variables_in(c, i);
        gql_list_add(list, &last, item != NULL ? item : &null, c->arena);
    }
    return list;
}

static const struct gql_value *untyped_object(const struct coercion *c,
                                              const struct gql_value *value)
{
    struct gql_value *object = gql_value_new(GQL_OBJECT, value->at, c->arena);
    struct gql_object_field *last = NULL;
    for (const struct gql_object_field *f = value->fields; f != NULL;
         f = f->next) {
        const struct gql_value *member = put_variables_in(c, f->value);
        if (member != NULL)
            gql_object_add(object, &last, f->name, member, c->arena);
    }
    return object;
}

/* For scalars that take anything. */
static const struct gql_value *put_variables_in(const struct coercion *c,
                                                const struct gql_value *value)
{
    switch (value->kind) {
    case GQL_VARIABLE:
        return gql_variable(c->variables, value->text);
    case GQL_LIST:
        return untyped_list(c, value);
    case GQL_OBJECT:
        return untyped_object(c, value);
    default:
        return value;
    }
}

static const struct gql_value *coerce_leaf(const struct coercion *c,
                                           const struct gql_value *value,
                                           const struct gql_type *leaf)
{
    bool nested = value->kind == GQL_LIST || value->kind == GQL_OBJECT;
    if (nested && (leaf->builtin || leaf->kind == GQL_TYPE_ENUM))
        return NULL;
    if (nested)
        value = put_variables_in(c, value);
    if (gql_takes_anything(leaf) && nested)
        return value;
    if (gql_is_hooked(leaf) && c->hooked != NULL)
        *c->hooked = true;
    struct gql_value *out = gql_value_copy(value, c->arena);
    struct errmsg err;
    return gql_leaf_coerce(leaf, GQL_FROM_DOCUMENT, value, out, c->arena,
                           &err) == 0
               ? out
               : NULL;
}

static const struct gql_value *coerce_items(const struct coercion *c,
                                            const struct gql_value *value,
                                            const struct gql_type_ref *item)
{
    static const struct gql_value null = {.kind = GQL_NULL};
    struct gql_value *list = gql_value_new(GQL_LIST, value->at, c->arena);
    struct gql_value *last = NULL;
    for (const struct gql_value *i = value->items; i != NULL; i = i->next) {
        bool absent = is_missing(c, i) && item->wrap != GQL_NON_NULL;
        const struct gql_value *coerced = absent ? &null : coerce(c, i, item);
        if (coerced == NULL)
            return NULL;
        gql_list_add(list, &last, coerced, c->arena);
    }
    return list;
}

static const struct gql_value *coerce_list(const struct coercion *c,
                                           const struct gql_value *value,
                                           const struct gql_type_ref *item)
{
    if (value->kind == GQL_LIST)
        return coerce_items(c, value, item);
    const struct gql_value *only = coerce(c, value, item);
    if (only == NULL)
        return NULL;
    struct gql_value *list = gql_value_new(GQL_LIST, value->at, c->arena);
    struct gql_value *last = NULL;
    gql_list_add(list, &last, only, c->arena);
    return list;
}

/* The last of that name, as in the messages' oracle. */
const struct gql_object_field *gql_object_member(const struct gql_value *object,
                                                 struct str name)
{
    const struct gql_object_field *found = NULL;
    for (const struct gql_object_field *f = object->fields; f != NULL;
         f = f->next)
        if (str_eq(f->name, name))
            found = f;
    return found;
}

static bool one_of_suits(const struct gql_value *object)
{
    return object->count == 1 && object->fields->value->kind != GQL_NULL;
}

static const struct gql_value *coerce_object(const struct coercion *c,
                                             const struct gql_value *value,
                                             const struct gql_type *type)
{
    if (value->kind != GQL_OBJECT)
        return NULL;
    struct gql_value *object = gql_value_new(GQL_OBJECT, value->at, c->arena);
    struct gql_object_field *last = NULL;
    for (uint32_t i = 0; i < type->input_count; i++) {
        const struct gql_input *def = &type->inputs[i];
        const struct gql_object_field *given =
            gql_object_member(value, def->name);
        bool absent = given == NULL || is_missing(c, given->value);
        const struct gql_value *member =
            absent ? gql_default_value(def, c->arena)
                   : coerce(c, given->value, def->type);
        if (member != NULL)
            gql_object_add(object, &last, def->name, member, c->arena);
        else if (!absent || def->type->wrap == GQL_NON_NULL)
            return NULL;
    }
    return type->one_of && !one_of_suits(object) ? NULL : object;
}

static const struct gql_value *coerce(const struct coercion *c,
                                      const struct gql_value *value,
                                      const struct gql_type_ref *type)
{
    bool required = type->wrap == GQL_NON_NULL;
    if (value->kind == GQL_VARIABLE)
        value = gql_variable(c->variables, value->text); /* coerced already */
    else if (value->kind != GQL_NULL && required)
        return coerce(c, value, type->of);
    else if (value->kind != GQL_NULL && type->wrap == GQL_LIST_OF)
        return coerce_list(c, value, type->of);
    else if (value->kind != GQL_NULL)
        return type->named->kind == GQL_TYPE_INPUT
                   ? coerce_object(c, value, type->named)
                   : coerce_leaf(c, value, type->named);
    return value != NULL && value->kind == GQL_NULL && required ? NULL : value;
}

const struct gql_value *gql_coerce_literal(
    const struct gql_value *literal, const struct gql_type_ref *type,
    const struct gql_variables *variables, struct arena *arena, bool *hooked)
{
    struct coercion c = {variables, arena, hooked};
    return coerce(&c, literal, type);
}

/* ---- arguments ---- */

static const struct gql_argument *find_given(const struct gql_argument *list,
                                             struct str name)
{
    const struct gql_argument *found = NULL;
    for (; list != NULL; list = list->next)
        if (str_eq(list->name, name))
            found = list;
    return found;
}

/* An argument and what is said about it. */
struct argument {
    const struct gql_input *def;
    const struct gql_value *given; /* NULL: not at all */
    const struct coercion *c;
    uint32_t field_at;
    struct gql_coerce_error *error;
};

static int refuse(const struct argument *a, uint32_t at, struct buf *message)
{
    a->error->message = arena_str(a->c->arena, buf_str(message));
    a->error->at = at;
    buf_fini(message);
    return -EINVAL;
}

static void begin_refusal(const struct argument *a, const char *of_what,
                          struct buf *message)
{
    buf_printf(message, "Argument \"%.*s\" of %s type \"",
               STR_ARG(a->def->name), of_what);
    gql_type_ref_append(a->def->type, message);
    buf_append_text(message, "\" ");
}

static int refuse_missing(const struct argument *a)
{
    struct buf message = {0};
    begin_refusal(a, "required", &message);
    if (a->given == NULL)
        buf_append_text(&message, "was not provided.");
    else
        buf_printf(&message,
                   "was provided the variable \"$%.*s\" which was not provided "
                   "a runtime value.",
                   STR_ARG(a->given->text));
    return refuse(a, a->given != NULL ? a->given->at : a->field_at, &message);
}

static int refuse_null(const struct argument *a)
{
    struct buf message = {0};
    begin_refusal(a, "non-null", &message);
    buf_append_text(&message, "must not be null.");
    return refuse(a, a->given->at, &message);
}

static int refuse_value(const struct argument *a)
{
    struct buf message = {0};
    buf_printf(&message, "Argument \"%.*s\" has invalid value ",
               STR_ARG(a->def->name));
    gql_value_append(a->given, &message);
    buf_append_byte(&message, '.');
    return refuse(a, a->given->at, &message);
}

static bool is_null(const struct argument *a)
{
    const struct gql_value *value = a->given;
    if (value->kind == GQL_VARIABLE)
        value = gql_variable(a->c->variables, value->text);
    return value->kind == GQL_NULL;
}

static int coerce_argument(const struct argument *a,
                           const struct gql_value **value)
{
    bool required = a->def->type->wrap == GQL_NON_NULL;
    if (a->given == NULL || is_missing(a->c, a->given)) {
        *value = gql_default_value(a->def, a->c->arena);
        return *value == NULL && required ? refuse_missing(a) : 0;
    }
    if (required && is_null(a))
        return refuse_null(a);
    *value = coerce(a->c, a->given, a->def->type);
    return *value == NULL ? refuse_value(a) : 0;
}

int gql_coerce_arguments(const struct gql_input *definitions, uint32_t count,
                         const struct gql_argument *given, uint32_t at,
                         const struct gql_variables *variables,
                         struct arena *arena, const struct gql_value **values,
                         bool *hooked, struct gql_coerce_error *error)
{
    struct coercion c = {variables, arena, hooked};
    for (uint32_t i = 0; i < count; i++) {
        const struct gql_argument *found =
            find_given(given, definitions[i].name);
        struct argument a = {
            .def = &definitions[i],
            .given = found != NULL ? found->value : NULL,
            .c = &c,
            .field_at = at,
            .error = error,
        };
        if (coerce_argument(&a, &values[i]) < 0)
            return -EINVAL;
    }
    return 0;
}
