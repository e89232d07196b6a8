/* graphql_schema: whatever a text holds, it becomes a schema whose parts fit
 * together, or is refused with its place.
 * fuzz-links: api/graphql/lex.c api/graphql/lex_string.c
 * fuzz-links: api/graphql/parse.c api/graphql/parse_query.c
 * fuzz-links: api/graphql/parse_schema.c api/graphql/error.c
 * fuzz-links: api/graphql/schema.c api/graphql/schema_lookup.c
 * fuzz-links: api/graphql/schema_builtin.c api/graphql/schema_document.c
 * fuzz-links: api/graphql/schema_build.c api/graphql/schema_order.c
 * fuzz-links: api/graphql/schema_uses.c api/graphql/schema_check.c
 * fuzz-links: api/graphql/schema_constant.c api/graphql/schema_default.c
 * fuzz-links: api/graphql/scalar.c api/graphql/value.c api/graphql/name_map.c
 * fuzz-links: api/graphql/coerce.c api/graphql/inspect.c */
#include <assert.h>
#include <string.h>

#include "api/graphql/schema.h"

static const struct gql_schema *schema;

static void check_ref(const struct gql_type_ref *ref)
{
    for (; ref->wrap != GQL_NAMED; ref = ref->of)
        assert(ref->named == ref->of->named);
    assert(gql_schema_type(schema, ref->named->name) == ref->named);
}

static void check_inputs(const struct gql_input *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert(gql_find_input(list, count, list[i].name) == &list[i]);
        assert(gql_is_input(list[i].type->named));
        check_ref(list[i].type);
    }
}

static void check_possible(const struct gql_type *type)
{
    for (uint32_t i = 0; i < type->possible_count; i++) {
        assert(type->possible[i]->kind == GQL_TYPE_OBJECT);
        assert(gql_types_overlap(type, type->possible[i]));
    }
}

static void check_type(const struct gql_type *type)
{
    assert(gql_schema_type(schema, type->name) == type);
    assert(type->id < schema->type_ids);
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct gql_field *field = &type->fields[i];
        assert(gql_type_field(type, field->name) == field);
        assert(field->parent == type && field->index == i);
        check_ref(field->type);
        check_inputs(field->arguments, field->argument_count);
    }
    for (uint32_t i = 0; i < type->interface_count; i++)
        assert(type->kind != GQL_TYPE_OBJECT ||
               gql_type_includes(type->interfaces[i], type));
    check_inputs(type->inputs, type->input_count);
    check_possible(type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct errmsg err = {0};
    struct gql_schema *made =
        gql_schema_new(str_make((const char *)data, size), "fuzz", NULL, &err);
    assert((made == NULL) == (err.text[0] != '\0'));
    if (made == NULL) {
        assert(strncmp(err.text, "fuzz:", 5) == 0);
        return 0;
    }
    schema = made;
    assert(schema->query != NULL && schema->query->kind == GQL_TYPE_OBJECT);
    for (uint32_t i = 0; i < schema->type_count; i++)
        check_type(schema->types[i]);
    gql_schema_free(&made);
    return 0;
}
