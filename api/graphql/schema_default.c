/* schema_default: default values, checked. */
#include "api/graphql/schema_build.h"

static void check_inputs(struct gql_build *build, const char *owner,
                         const char *close, const struct gql_input *list,
                         uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (list[i].initial != NULL)
            gql_check_constant(
                build, list[i].initial, list[i].type,
                arena_printf(build->arena, "The default value of %s%.*s%s",
                             owner, STR_ARG(list[i].name), close));
}

static void check_type(struct gql_build *build, const struct gql_type *type)
{
    const char *name = arena_text(build->arena, type->name);
    for (uint32_t i = 0; i < type->field_count; i++)
        check_inputs(build,
                     arena_printf(build->arena, "%s.%.*s(", name,
                                  STR_ARG(type->fields[i].name)),
                     ":)", type->fields[i].arguments,
                     type->fields[i].argument_count);
    check_inputs(build, arena_printf(build->arena, "%s.", name), "",
                 type->inputs, type->input_count);
}

void gql_settle_defaults(struct gql_build *build)
{
    const struct gql_schema *s = build->schema;
    for (uint32_t i = 0; i < s->directive_count; i++)
        check_inputs(build,
                     arena_printf(build->arena, "@%.*s(",
                                  STR_ARG(s->directives[i].name)),
                     ":)", s->directives[i].arguments,
                     s->directives[i].argument_count);
    for (uint32_t i = 0; i < build->count; i++)
        if (build->sources[i].own != NULL)
            check_type(build, build->sources[i].own);
}
