/* bind: resolvers to the fields of a schema, every one or a refusal. */
#include "api/graphql/bind.h"

#include <errno.h>

#include "api/graphql/schema_private.h"

/* ---- finding what a binding is for ---- */

struct bound_name {
    struct str type, field; /* field.p NULL: the type itself */
};

static struct bound_name split(const char *name)
{
    const char *dot = strchr(name, '.');
    if (dot == NULL)
        return (struct bound_name){str_of(name), {0}};
    return (struct bound_name){str_make(name, (size_t)(dot - name)),
                               str_of(dot + 1)};
}

/* The schema made its types itself and hands them out as const; until it is
 * bound nothing else reads them. */
static struct gql_type *own_type(const struct gql_type *type)
{
    return (struct gql_type *)type;
}

static struct gql_field *own_field(const struct gql_field *field)
{
    return (struct gql_field *)field;
}

/* ---- does it suit? ---- */

static int refuse(struct errmsg *err, const char *name, const char *why)
{
    return errmsg_set(err, -EINVAL, "%s: %s", name, why);
}

static bool is_list(const struct gql_type_ref *type)
{
    if (type->wrap == GQL_NON_NULL)
        type = type->of;
    return type->wrap == GQL_LIST_OF;
}

/* What is wrong with a leaf's binding, or NULL. */
static const char *leaf_fault(const struct gql_binding *binding)
{
    return binding->write == NULL ? "a leaf field needs `write`" : NULL;
}

static const char *composite_fault(const struct gql_field *field,
                                   const struct gql_binding *binding)
{
    bool events = binding->subscribe != NULL;
    if (binding->write != NULL)
        return "a field of objects has `resolve`, not `write`";
    if (binding->resolve == NULL && !events && is_list(field->type))
        return "a list needs `resolve`";
    return NULL;
}

static const char *field_fault(const struct gql_schema *schema,
                               const struct gql_field *field,
                               const struct gql_binding *binding)
{
    bool subscription = field->parent == schema->subscription;
    if (field->parent->kind != GQL_TYPE_OBJECT)
        return "only the fields of object types have resolvers";
    if (binding->type_of != NULL || binding->parse != NULL)
        return "`type_of` and `parse` are for types";
    if (binding->subscribe != NULL && !subscription)
        return "`subscribe` is for the fields of the subscription type";
    if (binding->subscribe == NULL && subscription)
        return "a field of the subscription type needs `subscribe`";
    return gql_is_leaf(field->type->named) ? leaf_fault(binding)
                                           : composite_fault(field, binding);
}

static const char *type_fault(const struct gql_type *type,
                              const struct gql_binding *binding)
{
    bool abstract =
        type->kind == GQL_TYPE_INTERFACE || type->kind == GQL_TYPE_UNION;
    bool scalar = type->kind == GQL_TYPE_SCALAR && !type->builtin;
    if (binding->resolve != NULL || binding->write != NULL ||
        binding->subscribe != NULL)
        return "a type has no resolver";
    if (!abstract && !scalar)
        return "only interfaces, unions and custom scalars are bound";
    if (abstract != (binding->type_of != NULL))
        return abstract ? "an interface or union needs `type_of`"
                        : "`type_of` is for interfaces and unions";
    if (abstract && binding->parse != NULL)
        return "`parse` is for scalars";
    return NULL;
}

/* ---- binding ---- */

static int bind_type(const struct gql_type *type,
                     const struct gql_binding *binding, struct errmsg *err)
{
    const char *fault = type_fault(type, binding);
    if (fault != NULL)
        return refuse(err, binding->name, fault);
    if (type->binding != NULL)
        return refuse(err, binding->name, "bound twice");
    own_type(type)->binding = binding;
    return 0;
}

static int bind_field(const struct gql_schema *schema,
                      const struct gql_field *field,
                      const struct gql_binding *binding, struct errmsg *err)
{
    const char *fault = field_fault(schema, field, binding);
    if (fault != NULL)
        return refuse(err, binding->name, fault);
    if (field->binding != NULL)
        return refuse(err, binding->name, "bound twice");
    own_field(field)->binding = binding;
    return 0;
}

static int bind_one(const struct gql_schema *schema,
                    const struct gql_binding *binding, struct errmsg *err)
{
    struct bound_name name = split(binding->name);
    const struct gql_type *type = gql_schema_type(schema, name.type);
    if (type == NULL)
        return refuse(err, binding->name, "the schema has no such type");
    if (name.field.p == NULL)
        return bind_type(type, binding, err);
    const struct gql_field *field =
        type->builtin ? NULL : gql_type_field(type, name.field);
    if (field == NULL)
        return refuse(err, binding->name, "the schema has no such field");
    return bind_field(schema, field, binding, err);
}

/* ---- is everything bound? ---- */

static int missing_field(const struct gql_field *field, struct errmsg *err)
{
    return errmsg_set(err, -EINVAL, "%.*s.%.*s: a field without a resolver",
                      STR_ARG(field->parent->name), STR_ARG(field->name));
}

/* An object that a field gives must say of which type it is. */
static int check_abstract(const struct gql_field *field, struct errmsg *err)
{
    const struct gql_type *type = field->type->named;
    bool known = gql_is_leaf(type) || type->kind == GQL_TYPE_OBJECT ||
                 type->binding != NULL;
    if (known)
        return 0;
    return errmsg_set(err, -EINVAL,
                      "%.*s: an interface or union without `type_of`",
                      STR_ARG(type->name));
}

static int check_fields(const struct gql_type *type, struct errmsg *err)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (type->fields[i].binding == NULL)
            return missing_field(&type->fields[i], err);
        if (check_abstract(&type->fields[i], err) < 0)
            return -EINVAL;
    }
    return 0;
}

static int check_bound(const struct gql_schema *schema, struct errmsg *err)
{
    for (uint32_t i = 0; i < schema->type_count; i++) {
        const struct gql_type *type = schema->types[i];
        if (type->kind == GQL_TYPE_OBJECT && !type->builtin &&
            check_fields(type, err) < 0)
            return -EINVAL;
    }
    return 0;
}

int gql_bind(struct gql_schema *schema, const struct gql_binding *const *tables,
             struct errmsg *err)
{
    for (; *tables != NULL; tables++)
        for (const struct gql_binding *b = *tables; b->name != NULL; b++)
            if (bind_one(schema, b, err) < 0)
                return -EINVAL;
    return check_bound(schema, err) < 0
               ? -EINVAL
               : gql_schema_coerce_defaults(schema, err);
}

/* ---- arguments ---- */

static bool is_given(const struct gql_value *value)
{
    return value != NULL && value->kind != GQL_NULL;
}

const struct gql_value *gql_argument(const struct gql_call *call,
                                     const char *name)
{
    const struct gql_field *field = call->field;
    const struct gql_input *input =
        gql_find_input(field->arguments, field->argument_count, str_of(name));
    return input != NULL ? call->arguments[input->index] : NULL;
}

int64_t gql_argument_i64(const struct gql_call *call, const char *name,
                         int64_t missing)
{
    const struct gql_value *value = gql_argument(call, name);
    return is_given(value) ? value->i64 : missing;
}

double gql_argument_f64(const struct gql_call *call, const char *name,
                        double missing)
{
    const struct gql_value *value = gql_argument(call, name);
    if (!is_given(value))
        return missing;
    return value->kind == GQL_INT ? (double)value->i64 : value->f64;
}

bool gql_argument_bool(const struct gql_call *call, const char *name,
                       bool missing)
{
    const struct gql_value *value = gql_argument(call, name);
    return is_given(value) ? value->boolean : missing;
}

struct str gql_argument_str(const struct gql_call *call, const char *name)
{
    const struct gql_value *value = gql_argument(call, name);
    return is_given(value) ? value->text : (struct str){0};
}

const struct gql_value *gql_member(const struct gql_value *object,
                                   const char *name)
{
    if (object == NULL || object->kind != GQL_OBJECT)
        return NULL;
    for (const struct gql_object_field *f = object->fields; f; f = f->next)
        if (str_is(f->name, name))
            return f->value;
    return NULL;
}
