/* schema_lookup: finding in a schema and comparing its types. */
#include "api/graphql/schema_private.h"

const char *const gql_location_names[GQL_LOCATION_COUNT] = {
    [GQL_AT_QUERY] = "QUERY",
    [GQL_AT_MUTATION] = "MUTATION",
    [GQL_AT_SUBSCRIPTION] = "SUBSCRIPTION",
    [GQL_AT_FIELD] = "FIELD",
    [GQL_AT_FRAGMENT_DEFINITION] = "FRAGMENT_DEFINITION",
    [GQL_AT_FRAGMENT_SPREAD] = "FRAGMENT_SPREAD",
    [GQL_AT_INLINE_FRAGMENT] = "INLINE_FRAGMENT",
    [GQL_AT_VARIABLE_DEFINITION] = "VARIABLE_DEFINITION",
    [GQL_AT_SCHEMA] = "SCHEMA",
    [GQL_AT_SCALAR] = "SCALAR",
    [GQL_AT_OBJECT] = "OBJECT",
    [GQL_AT_FIELD_DEFINITION] = "FIELD_DEFINITION",
    [GQL_AT_ARGUMENT_DEFINITION] = "ARGUMENT_DEFINITION",
    [GQL_AT_INTERFACE] = "INTERFACE",
    [GQL_AT_UNION] = "UNION",
    [GQL_AT_ENUM] = "ENUM",
    [GQL_AT_ENUM_VALUE] = "ENUM_VALUE",
    [GQL_AT_INPUT_OBJECT] = "INPUT_OBJECT",
    [GQL_AT_INPUT_FIELD_DEFINITION] = "INPUT_FIELD_DEFINITION",
};

int gql_location_find(struct str name)
{
    for (int i = 0; i < GQL_LOCATION_COUNT; i++)
        if (str_is(name, gql_location_names[i]))
            return i;
    return -1;
}

const struct gql_enum_value *gql_find_value(const struct gql_type *type,
                                            struct str name)
{
    for (uint32_t i = 0; i < type->value_count; i++)
        if (str_eq(type->values[i].name, name))
            return &type->values[i];
    return NULL;
}

const struct gql_type *gql_schema_root(const struct gql_schema *schema,
                                       enum gql_operation_type operation)
{
    switch (operation) {
    case GQL_QUERY:
        return schema->query;
    case GQL_MUTATION:
        return schema->mutation;
    default:
        return schema->subscription;
    }
}

const struct gql_type *gql_schema_type(const struct gql_schema *schema,
                                       struct str name)
{
    const struct gql_name *found = gql_name_map_find(schema->index, name);
    return found != NULL ? found->value : NULL;
}

const struct gql_directive *gql_schema_directive(const struct gql_schema *s,
                                                 struct str name)
{
    for (uint32_t i = 0; i < s->directive_count; i++)
        if (str_eq(s->directives[i].name, name))
            return &s->directives[i];
    return NULL;
}

/* A table where it is worth it: see FIELDS_INDEXED. */
const struct gql_field *gql_type_field(const struct gql_type *type,
                                       struct str name)
{
    if (type->field_index != NULL) {
        const struct gql_name *found =
            gql_name_map_find(type->field_index, name);
        return found != NULL ? found->value : NULL;
    }
    for (uint32_t i = 0; i < type->field_count; i++)
        if (str_eq(type->fields[i].name, name))
            return &type->fields[i];
    return NULL;
}

const struct gql_input *gql_find_input(const struct gql_input *list,
                                       uint32_t count, struct str name)
{
    for (uint32_t i = 0; i < count; i++)
        if (str_eq(list[i].name, name))
            return &list[i];
    return NULL;
}

bool gql_type_includes(const struct gql_type *type,
                       const struct gql_type *object)
{
    for (uint32_t i = 0; i < type->possible_count; i++)
        if (type->possible[i] == object)
            return true;
    return type == object;
}

bool gql_types_overlap(const struct gql_type *a, const struct gql_type *b)
{
    if (a == b || gql_type_includes(a, b) || gql_type_includes(b, a))
        return true;
    for (uint32_t i = 0; i < a->possible_count; i++)
        if (gql_type_includes(b, a->possible[i]))
            return true;
    return false;
}

bool gql_type_ref_eq(const struct gql_type_ref *a, const struct gql_type_ref *b)
{
    while (a->wrap == b->wrap && a->wrap != GQL_NAMED) {
        a = a->of;
        b = b->of;
    }
    return a->wrap == b->wrap && a->named == b->named;
}

void gql_type_ref_append(const struct gql_type_ref *type, struct buf *out)
{
    if (type->wrap == GQL_NAMED) {
        buf_append_str(out, type->named->name);
        return;
    }
    if (type->wrap == GQL_LIST_OF)
        buf_append_byte(out, '[');
    gql_type_ref_append(type->of, out);
    buf_append_byte(out, type->wrap == GQL_LIST_OF ? ']' : '!');
}
