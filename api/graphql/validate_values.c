/* Literals against the types of their places. */
#include "api/graphql/suggest.h"
#include "api/graphql/validate_private.h"

#include "api/graphql/bind.h"
#include "api/graphql/scalar.h"

static void walk_value(struct validation *v, const struct gql_value *value,
                       const struct gql_type_ref *type, bool checked);

/* ---- leaves ---- */

static void unexpected(struct validation *v, const struct gql_value *value,
                       const struct gql_type_ref *type, const char *why)
{
    REPORT(v, value->at, "Expected value of type \"%s\", found %s%s%s",
           validation_type_text(v, type), validation_value_text(v, value),
           why != NULL ? "; " : ".", why != NULL ? why : "");
}

static void check_enum(struct validation *v, const struct gql_value *value,
                       const struct gql_type *type)
{
    if (value->kind == GQL_ENUM && gql_find_value(type, value->text) != NULL)
        return;
    const char *written = validation_value_text(v, value);
    const char *hint =
        gql_suggest_value(&v->arena, v->limits, str_of(written), type);
    if (value->kind == GQL_ENUM)
        REPORT(v, value->at, "Value \"%s\" does not exist in \"%.*s\" enum.%s",
               written, STR_ARG(type->name), hint);
    else
        REPORT(v, value->at,
               "Enum \"%.*s\" cannot represent non-enum value: %s.%s",
               STR_ARG(type->name), written, hint);
}

static bool has_hook(const struct gql_type *type)
{
    return type->binding != NULL && type->binding->parse != NULL;
}

/* What a standard scalar says of a list or an object. */
static void refuse_compound(struct validation *v, const struct gql_value *value,
                            const struct gql_type *type)
{
    static const char *const words[][2] = {
        {"Int", "Int cannot represent non-integer value"},
        {"Float", "Float cannot represent non numeric value"},
        {"String", "String cannot represent a non string value"},
        {"Boolean", "Boolean cannot represent a non boolean value"},
        {"ID", "ID cannot represent a non-string and non-integer value"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_is(type->name, words[i][0]))
            REPORT(v, value->at, "%s: %s", words[i][1],
                   validation_value_text(v, value));
}

static void check_scalar(struct validation *v, const struct gql_value *value,
                         const struct gql_type_ref *place)
{
    const struct gql_type *type = place->named;
    struct gql_value out;
    struct errmsg err;
    if (value->kind == GQL_LIST || value->kind == GQL_OBJECT) {
        if (type->builtin)
            refuse_compound(v, value, type);
        else if (has_hook(type))
            unexpected(v, value, place, NULL);
        return;
    }
    if (gql_leaf_coerce(type, GQL_FROM_DOCUMENT, value, &out, &v->arena,
                        &err) == 0)
        return;
    if (type->builtin)
        REPORT(v, value->at, "%s", err.text);
    else
        unexpected(v, value, place, err.text);
}

static void check_leaf(struct validation *v, const struct gql_value *value,
                       const struct gql_type_ref *type)
{
    if (type == NULL)
        return;
    if (type->named->kind == GQL_TYPE_ENUM)
        check_enum(v, value, type->named);
    else if (type->named->kind == GQL_TYPE_SCALAR)
        check_scalar(v, value, type);
    else
        unexpected(v, value, type, NULL);
}

/* ---- lists ---- */

static const struct gql_type_ref *nullable(const struct gql_type_ref *type)
{
    return type != NULL && type->wrap == GQL_NON_NULL ? type->of : type;
}

static void walk_list(struct validation *v, const struct gql_value *list,
                      const struct gql_type_ref *type, bool checked)
{
    type = nullable(type);
    if (type != NULL && type->wrap == GQL_LIST_OF)
        type = type->of;
    else if (checked) {
        check_leaf(v, list, type);
        checked = false;
    }
    for (const struct gql_value *item = list->items;
         item != NULL && !validation_full(v); item = item->next)
        walk_value(v, item, type, checked);
}

/* ---- input objects ---- */

static void missing_fields(struct validation *v, const struct gql_value *object,
                           const struct gql_type *type,
                           const struct gql_name_map *given)
{
    for (uint32_t i = 0; i < type->input_count; i++) {
        const struct gql_input *input = &type->inputs[i];
        if (input->type->wrap == GQL_NON_NULL && input->initial == NULL &&
            gql_name_map_find(given, input->name) == NULL)
            REPORT(v, object->at,
                   "Field \"%.*s.%.*s\" of required type \"%s\" was not "
                   "provided.",
                   STR_ARG(type->name), STR_ARG(input->name),
                   validation_type_text(v, input->type));
    }
}

static void check_one_of(struct validation *v, const struct gql_value *object,
                         const struct gql_type *type,
                         const struct gql_name_map *given)
{
    if (given->count != 1) {
        REPORT(v, object->at,
               "OneOf Input Object \"%.*s\" must specify exactly one key.",
               STR_ARG(type->name));
        return;
    }
    const struct gql_value *value = given->list[0].value;
    if (value->kind == GQL_NULL)
        REPORT(v, object->at, "Field \"%.*s.%.*s\" must be non-null.",
               STR_ARG(type->name), STR_ARG(given->list[0].name));
}

/* Of fields of one name the last counts. */
static void check_object(struct validation *v, const struct gql_value *object,
                         const struct gql_type *type)
{
    struct gql_name_map given = {0};
    for (const struct gql_object_field *f = object->fields; f != NULL;
         f = f->next)
        gql_name_map_put(&given, &v->arena, f->name)->value = f->value;
    missing_fields(v, object, type, &given);
    if (type->one_of)
        check_one_of(v, object, type, &given);
}

static void unknown_field(struct validation *v,
                          const struct gql_object_field *field,
                          const struct gql_type *type)
{
    REPORT(v, field->at, "Field \"%.*s\" is not defined by type \"%.*s\".%s",
           STR_ARG(field->name), STR_ARG(type->name),
           gql_suggest_input(&v->arena, v->limits, field->name, type->inputs,
                             type->input_count));
}

/* seen: the names before, to their first field. */
static void check_unique(struct validation *v, struct gql_name_map *seen,
                         const struct gql_object_field *field)
{
    struct gql_name *name = gql_name_map_put(seen, &v->arena, field->name);
    if (name->value == NULL)
        name->value = (void *)field;
    else
        REPORT_TWO(v, ((const struct gql_object_field *)name->value)->at,
                   field->at,
                   "There can be only one input field named "
                   "\"%.*s\".",
                   STR_ARG(field->name));
}

static void walk_fields(struct validation *v, const struct gql_value *object,
                        const struct gql_type *type, bool checked)
{
    struct gql_name_map seen = {0};
    for (const struct gql_object_field *f = object->fields;
         f != NULL && !validation_full(v); f = f->next) {
        const struct gql_input *input = NULL;
        if (type != NULL)
            input = gql_find_input(type->inputs, type->input_count, f->name);
        if (type != NULL && input == NULL && checked)
            unknown_field(v, f, type);
        check_unique(v, &seen, f);
        walk_value(v, f->value, input != NULL ? input->type : NULL, checked);
    }
}

static void walk_object(struct validation *v, const struct gql_value *object,
                        const struct gql_type_ref *type, bool checked)
{
    bool is_input = type != NULL && type->named->kind == GQL_TYPE_INPUT;
    const struct gql_type *input = is_input ? type->named : NULL;
    if (checked && is_input)
        check_object(v, object, input);
    else if (checked)
        check_leaf(v, object, type);
    walk_fields(v, object, input, checked && is_input);
}

/* ---- any ---- */

/* checked: by its type; a value inside one that does not suit is not. */
static void walk_value(struct validation *v, const struct gql_value *value,
                       const struct gql_type_ref *type, bool checked)
{
    v->work++;
    if (value->kind == GQL_LIST)
        walk_list(v, value, type, checked);
    else if (value->kind == GQL_OBJECT)
        walk_object(v, value, type, checked);
    else if (!checked || value->kind == GQL_VARIABLE)
        return;
    else if (value->kind != GQL_NULL)
        check_leaf(v, value, type);
    else if (type != NULL && type->wrap == GQL_NON_NULL)
        unexpected(v, value, type, NULL);
}

void rule_values_of_correct_type(struct validation *v,
                                 const struct gql_value *value,
                                 const struct gql_type_ref *type)
{
    walk_value(v, value, type, true);
}
