/* schema_constant: do the constants of a schema suit their types? */
#include "api/graphql/scalar.h"
#include "api/graphql/schema_build.h"

struct constant {
    struct gql_build *build;
    const char *what; /* whose value, for the messages */
};

static void check(const struct constant *c, const struct gql_value *value,
                  const struct gql_type_ref *type);

#define REFUSE(c, at, format, ...)                                        \
    GQL_SCHEMA_ERROR((c)->build, at, "%s is invalid: " format, (c)->what, \
                     __VA_ARGS__)

static void refuse_value(const struct constant *c,
                         const struct gql_value *value,
                         const struct gql_type_ref *type)
{
    struct buf text = {0};
    gql_value_append(value, &text);
    REFUSE(c, value->at, "Expected value of type \"%s\", found %s.",
           gql_build_ref_text(c->build, type), buf_text(&text));
    buf_fini(&text);
}

static void check_leaf(const struct constant *c, const struct gql_value *value,
                       const struct gql_type *leaf)
{
    struct gql_value out;
    struct errmsg err;
    if (gql_leaf_coerce(leaf, GQL_FROM_DOCUMENT, value, &out, c->build->arena,
                        &err) < 0)
        REFUSE(c, value->at, "%s", err.text);
}

static const struct gql_object_field *find_member(const struct gql_value *value,
                                                  struct str name)
{
    const struct gql_object_field *f = value->fields;
    while (f != NULL && !str_eq(f->name, name))
        f = f->next;
    return f;
}

static void check_members(const struct constant *c,
                          const struct gql_value *value,
                          const struct gql_type *type)
{
    for (const struct gql_object_field *f = value->fields; f; f = f->next) {
        const struct gql_input *def =
            gql_find_input(type->inputs, type->input_count, f->name);
        if (def == NULL)
            REFUSE(c, f->at, "Field \"%.*s\" is not defined by type \"%.*s\".",
                   STR_ARG(f->name), STR_ARG(type->name));
        else if (find_member(value, f->name) != f)
            REFUSE(c, f->at,
                   "There can be only one input field named \"%.*s\".",
                   STR_ARG(f->name));
        else
            check(c, f->value, def->type);
    }
}

static void check_missing(const struct constant *c,
                          const struct gql_value *value,
                          const struct gql_type *type)
{
    for (uint32_t i = 0; i < type->input_count; i++) {
        const struct gql_input *def = &type->inputs[i];
        if (gql_is_required(def) && find_member(value, def->name) == NULL)
            REFUSE(c, value->at,
                   "Field \"%.*s.%.*s\" of required type \"%s\" was not "
                   "provided.",
                   STR_ARG(type->name), STR_ARG(def->name),
                   gql_build_ref_text(c->build, def->type));
    }
}

static void check_one_of(const struct constant *c,
                         const struct gql_value *value,
                         const struct gql_type *type)
{
    if (value->count != 1)
        REFUSE(c, value->at,
               "OneOf Input Object \"%.*s\" must specify exactly one key.",
               STR_ARG(type->name));
    else if (value->fields->value->kind == GQL_NULL)
        REFUSE(c, value->at, "Field \"%.*s.%.*s\" must be non-null.",
               STR_ARG(type->name), STR_ARG(value->fields->name));
}

static void check_object(const struct constant *c,
                         const struct gql_value *value,
                         const struct gql_type_ref *type)
{
    if (value->kind != GQL_OBJECT) {
        refuse_value(c, value, type);
        return;
    }
    check_members(c, value, type->named);
    check_missing(c, value, type->named);
    if (type->named->one_of)
        check_one_of(c, value, type->named);
}

static void check_list(const struct constant *c, const struct gql_value *value,
                       const struct gql_type_ref *item)
{
    if (value->kind != GQL_LIST) {
        check(c, value, item);
        return;
    }
    for (const struct gql_value *v = value->items; v; v = v->next)
        check(c, v, item);
}

static void check(const struct constant *c, const struct gql_value *value,
                  const struct gql_type_ref *type)
{
    if (type->wrap == GQL_NON_NULL && value->kind == GQL_NULL)
        refuse_value(c, value, type);
    else if (type->wrap == GQL_NON_NULL)
        check(c, value, type->of);
    else if (value->kind == GQL_NULL)
        return;
    else if (type->wrap == GQL_LIST_OF)
        check_list(c, value, type->of);
    else if (type->named->kind == GQL_TYPE_INPUT)
        check_object(c, value, type);
    else if (gql_is_leaf(type->named))
        check_leaf(c, value, type->named);
}

void gql_check_constant(struct gql_build *build, const struct gql_value *value,
                        const struct gql_type_ref *type, const char *what)
{
    struct constant c = {build, what};
    check(&c, value, type);
}
