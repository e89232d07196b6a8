/* schema_uses: directives where a schema document uses them. */
#include "api/graphql/schema_build.h"

/* ---- arguments ---- */

static void check_value(struct gql_build *build,
                        const struct gql_directive_use *use,
                        const struct gql_argument *given,
                        const struct gql_input *def)
{
    gql_check_constant(build, given->value, def->type,
                       arena_printf(build->arena,
                                    "Argument \"%.*s\" of directive \"@%.*s\"",
                                    STR_ARG(given->name), STR_ARG(use->name)));
}

static void check_given(struct gql_build *build,
                        const struct gql_directive_use *use,
                        const struct gql_directive *directive,
                        const struct gql_argument *given)
{
    const struct gql_input *def = gql_find_input(
        directive->arguments, directive->argument_count, given->name);
    if (def == NULL)
        GQL_SCHEMA_ERROR(build, given->at,
                         "Unknown argument \"%.*s\" on directive \"@%.*s\".",
                         STR_ARG(given->name), STR_ARG(use->name));
    else
        check_value(build, use, given, def);
}

static bool is_given(const struct gql_directive_use *use, struct str name)
{
    for (const struct gql_argument *a = use->arguments; a; a = a->next)
        if (str_eq(a->name, name))
            return true;
    return false;
}

static void check_required(struct gql_build *build,
                           const struct gql_directive_use *use,
                           const struct gql_directive *directive)
{
    for (uint32_t i = 0; i < directive->argument_count; i++) {
        const struct gql_input *def = &directive->arguments[i];
        if (gql_is_required(def) && !is_given(use, def->name))
            GQL_SCHEMA_ERROR(build, use->at,
                             "Directive \"@%.*s\" argument \"%.*s\" of type "
                             "\"%s\" is required, but it was not provided.",
                             STR_ARG(use->name), STR_ARG(def->name),
                             gql_build_ref_text(build, def->type));
    }
}

static void check_arguments(struct gql_build *build,
                            const struct gql_directive_use *use,
                            const struct gql_directive *directive)
{
    struct gql_name_map names = {0};
    for (const struct gql_argument *a = use->arguments; a; a = a->next) {
        if (!gql_is_first(build, &names, a->name, a, NULL))
            GQL_SCHEMA_ERROR(build, a->at,
                             "There can be only one argument named \"%.*s\".",
                             STR_ARG(a->name));
        check_given(build, use, directive, a);
    }
    check_required(build, use, directive);
}

/* ---- uses ---- */

/* Directives at one place: those of a type and of its extensions together. */
struct place {
    struct gql_build *build;
    enum gql_location_kind location;
    struct gql_name_map names; /* of those that were there */
};

static void check_once(struct place *place, const struct gql_directive_use *use,
                       const struct gql_directive *directive)
{
    bool first =
        gql_is_first(place->build, &place->names, use->name, use, NULL);
    if (!first && !directive->repeatable)
        GQL_SCHEMA_ERROR(
            place->build, use->at,
            "The directive \"@%.*s\" can only be used once at this location.",
            STR_ARG(use->name));
}

static void check_use(struct place *place, const struct gql_directive_use *use)
{
    const struct gql_directive *directive =
        gql_schema_directive(place->build->schema, use->name);
    if (directive == NULL) {
        GQL_SCHEMA_ERROR(place->build, use->at, "Unknown directive \"@%.*s\".",
                         STR_ARG(use->name));
        return;
    }
    if ((directive->locations >> place->location & 1) == 0)
        GQL_SCHEMA_ERROR(
            place->build, use->at, "Directive \"@%.*s\" may not be used on %s.",
            STR_ARG(use->name), gql_location_names[place->location]);
    check_once(place, use, directive);
    check_arguments(place->build, use, directive);
}

static void check_list(struct gql_build *build,
                       const struct gql_directive_use *use,
                       enum gql_location_kind location)
{
    struct place place = {.build = build, .location = location};
    for (; use != NULL; use = use->next)
        check_use(&place, use);
}

/* ---- where they may stand ---- */

static void check_inputs(struct gql_build *build,
                         const struct gql_input_def *input,
                         enum gql_location_kind location)
{
    for (; input != NULL; input = input->next)
        check_list(build, input->directives, location);
}

static void check_fields(struct gql_build *build,
                         const struct gql_field_def *field)
{
    for (; field != NULL; field = field->next) {
        check_list(build, field->directives, GQL_AT_FIELD_DEFINITION);
        check_inputs(build, field->arguments, GQL_AT_ARGUMENT_DEFINITION);
    }
}

static void check_values(struct gql_build *build,
                         const struct gql_enum_def *value)
{
    for (; value != NULL; value = value->next)
        check_list(build, value->directives, GQL_AT_ENUM_VALUE);
}

static void check_type_uses(struct gql_build *build,
                            const struct gql_type_source *source)
{
    static const enum gql_location_kind locations[] = {
        [GQL_DEF_SCALAR] = GQL_AT_SCALAR,
        [GQL_DEF_OBJECT] = GQL_AT_OBJECT,
        [GQL_DEF_INTERFACE] = GQL_AT_INTERFACE,
        [GQL_DEF_UNION] = GQL_AT_UNION,
        [GQL_DEF_ENUM] = GQL_AT_ENUM,
        [GQL_DEF_INPUT] = GQL_AT_INPUT_OBJECT,
    };
    struct place place = {.build = build, .location = locations[source->kind]};
    for (const struct gql_part *p = source->parts; p; p = p->next)
        for (const struct gql_directive_use *u = p->def->directives; u;
             u = u->next)
            check_use(&place, u);
}

static void check_schema_uses(struct gql_build *build)
{
    struct place place = {.build = build, .location = GQL_AT_SCHEMA};
    for (const struct gql_definition *d = build->doc.first; d; d = d->next)
        if (d->kind == GQL_DEF_SCHEMA)
            for (const struct gql_directive_use *u = d->type.directives; u;
                 u = u->next)
                check_use(&place, u);
}

static void check_member_uses(struct gql_build *build,
                              const struct gql_definition *d)
{
    check_fields(build, d->type.fields);
    check_values(build, d->type.values);
    check_inputs(build, d->type.inputs,
                 d->kind == GQL_DEF_DIRECTIVE ? GQL_AT_ARGUMENT_DEFINITION
                                              : GQL_AT_INPUT_FIELD_DEFINITION);
}

void gql_check_uses(struct gql_build *build)
{
    check_schema_uses(build);
    for (uint32_t i = 0; i < build->count; i++)
        check_type_uses(build, &build->sources[i]);
    for (const struct gql_definition *d = build->doc.first; d; d = d->next)
        check_member_uses(build, d);
}
