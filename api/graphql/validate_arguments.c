/* Arguments, and the directives that have some. */
#include "api/graphql/suggest.h"
#include "api/graphql/validate_private.h"

/* ---- directives ---- */

void rule_known_directives(struct validation *v,
                           const struct gql_directive_use *use,
                           enum gql_location_kind location)
{
    const struct gql_directive *def =
        gql_schema_directive(v->schema, use->name);
    if (def == NULL)
        REPORT(v, use->at, "Unknown directive \"@%.*s\".", STR_ARG(use->name));
    else if ((def->locations >> location & 1) == 0)
        REPORT(v, use->at, "Directive \"@%.*s\" may not be used on %s.",
               STR_ARG(use->name), gql_location_names[location]);
}

static bool once_only(const struct validation *v, struct str name)
{
    const struct gql_directive *def = gql_schema_directive(v->schema, name);
    return def != NULL && !def->repeatable;
}

void rule_unique_directives(struct validation *v,
                            const struct gql_directive_use *list)
{
    if (list == NULL || list->next == NULL)
        return;
    struct gql_name_map seen = {0};
    for (; list != NULL && !validation_full(v); list = list->next) {
        if (!once_only(v, list->name))
            continue;
        struct gql_name *first = gql_name_map_put(&seen, &v->arena, list->name);
        if (first->value == NULL)
            first->value = (void *)list;
        else
            REPORT_TWO(v, ((const struct gql_directive_use *)first->value)->at,
                       list->at,
                       "The directive \"@%.*s\" can only be used once at this "
                       "location.",
                       STR_ARG(list->name));
    }
}

/* ---- known ---- */

void rule_known_argument_names(struct validation *v,
                               const struct gql_argument *given,
                               const struct gql_field *field,
                               const struct gql_type *parent)
{
    REPORT(v, given->at, "Unknown argument \"%.*s\" on field \"%.*s.%.*s\".%s",
           STR_ARG(given->name), STR_ARG(parent->name), STR_ARG(field->name),
           gql_suggest_input(&v->arena, v->limits, given->name,
                             field->arguments, field->argument_count));
}

void rule_known_directive_arguments(struct validation *v,
                                    const struct gql_directive_use *use)
{
    const struct gql_directive *def =
        gql_schema_directive(v->schema, use->name);
    if (def == NULL)
        return;
    for (const struct gql_argument *a = use->arguments;
         a != NULL && !validation_full(v); a = a->next)
        if (gql_find_input(def->arguments, def->argument_count, a->name) ==
            NULL)
            REPORT(v, a->at,
                   "Unknown argument \"%.*s\" on directive \"@%.*s\".%s",
                   STR_ARG(a->name), STR_ARG(use->name),
                   gql_suggest_input(&v->arena, v->limits, a->name,
                                     def->arguments, def->argument_count));
}

/* ---- unique ---- */

static void report_arguments(struct validation *v,
                             const struct gql_argument *list, struct str name)
{
    struct validation_places places = {0};
    for (; list != NULL; list = list->next)
        if (str_eq(list->name, name))
            validation_place(&places, &v->arena, list->at);
    validation_report(v, &places,
                      "There can be only one argument named \"%.*s\".",
                      STR_ARG(name));
}

void rule_unique_argument_names(struct validation *v,
                                const struct gql_argument *list)
{
    static char once, twice;
    if (list == NULL || list->next == NULL)
        return;
    struct gql_name_map seen = {0};
    bool unique = true;
    for (const struct gql_argument *a = list; a != NULL; a = a->next) {
        struct gql_name *name = gql_name_map_put(&seen, &v->arena, a->name);
        unique &= name->value == NULL;
        name->value = name->value == NULL ? &once : &twice;
    }
    for (uint32_t i = 0; !unique && i < seen.count && !validation_full(v); i++)
        if (seen.list[i].value == &twice)
            report_arguments(v, list, seen.list[i].name);
}

/* ---- required ---- */

static bool required(const struct gql_input *input)
{
    return input->type->wrap == GQL_NON_NULL && input->initial == NULL;
}

static bool given(const struct gql_argument *list, struct str name)
{
    for (; list != NULL; list = list->next)
        if (str_eq(list->name, name))
            return true;
    return false;
}

void rule_required_field_arguments(struct validation *v,
                                   const struct gql_selection *selection,
                                   const struct gql_field *field)
{
    for (uint32_t i = 0; i < field->argument_count; i++) {
        const struct gql_input *input = &field->arguments[i];
        if (required(input) && !given(selection->arguments, input->name))
            REPORT(v, selection->at,
                   "Field \"%.*s\" argument \"%.*s\" of type \"%s\" is "
                   "required, but it was not provided.",
                   STR_ARG(field->name), STR_ARG(input->name),
                   validation_type_text(v, input->type));
    }
}

void rule_required_directive_arguments(struct validation *v,
                                       const struct gql_directive_use *use)
{
    const struct gql_directive *def =
        gql_schema_directive(v->schema, use->name);
    for (uint32_t i = 0; def != NULL && i < def->argument_count; i++) {
        const struct gql_input *input = &def->arguments[i];
        if (required(input) && !given(use->arguments, input->name))
            REPORT(v, use->at,
                   "Directive \"@%.*s\" argument \"%.*s\" of type \"%s\" is "
                   "required, but it was not provided.",
                   STR_ARG(use->name), STR_ARG(input->name),
                   validation_type_text(v, input->type));
    }
}
