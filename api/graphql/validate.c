/* The walk over the document: what is at each place, and which rules ask. */
#include "api/graphql/validate_private.h"

/* ---- types ---- */

const struct gql_type *validation_composite(const struct gql_type *type)
{
    return type != NULL && gql_is_composite(type) ? type : NULL;
}

const struct gql_type_ref *validation_type_of(struct validation *v,
                                              const struct gql_type_node *node)
{
    const struct gql_type_ref *of = NULL;
    const struct gql_type *named = NULL;
    if (node->wrap == GQL_NAMED)
        named = gql_schema_type(v->schema, node->name);
    else if ((of = validation_type_of(v, node->of)) != NULL)
        named = of->named;
    if (named == NULL)
        return NULL;
    struct gql_type_ref *ref = arena_alloc(&v->arena, sizeof *ref);
    *ref = (struct gql_type_ref){node->wrap, of, named};
    return ref;
}

const struct gql_field *validation_field_of(const struct gql_schema *schema,
                                            const struct gql_type *parent,
                                            struct str name)
{
    if (parent == NULL)
        return NULL;
    if (name.len > 2 && name.p[0] == '_' && name.p[1] == '_') {
        if (str_eq(name, gql_typename_field.name))
            return &gql_typename_field;
        if (parent == schema->query && str_eq(name, gql_schema_field.name))
            return &gql_schema_field;
        if (parent == schema->query && str_eq(name, gql_type_field_meta.name))
            return &gql_type_field_meta;
    }
    return parent->kind == GQL_TYPE_UNION ? NULL : gql_type_field(parent, name);
}

/* ---- directives ---- */

static void walk_arguments(struct validation *v,
                           const struct gql_argument *given,
                           const struct gql_input *inputs, uint32_t count)
{
    for (; given != NULL; given = given->next) {
        const struct gql_input *input =
            gql_find_input(inputs, count, given->name);
        rule_values_of_correct_type(v, given->value,
                                    input != NULL ? input->type : NULL);
    }
}

/* The arguments of an unknown directive are taken for those of the field it
 * stands in, as graphql-js does. */
static void walk_directive(struct validation *v,
                           const struct gql_directive_use *use,
                           enum gql_location_kind location)
{
    rule_known_directives(v, use, location);
    rule_known_directive_arguments(v, use);
    rule_unique_argument_names(v, use->arguments);
    const struct gql_directive *def =
        gql_schema_directive(v->schema, use->name);
    if (def != NULL)
        walk_arguments(v, use->arguments, def->arguments, def->argument_count);
    else if (v->field != NULL)
        walk_arguments(v, use->arguments, v->field->arguments,
                       v->field->argument_count);
    else
        walk_arguments(v, use->arguments, NULL, 0);
    rule_required_directive_arguments(v, use);
}

static void walk_directives(struct validation *v,
                            const struct gql_directive_use *list,
                            enum gql_location_kind location)
{
    for (; list != NULL && !validation_full(v); list = list->next)
        walk_directive(v, list, location);
}

/* ---- selections ---- */

static void walk_whole_set(struct validation *v,
                           const struct gql_selection_set *set,
                           const struct gql_type *parent);
static void walk_selections(struct validation *v,
                            const struct gql_selection *selection,
                            const struct gql_type *parent);

/* Entering and leaving a field; between them, what it holds. */
static void enter_field(struct validation *v, const struct gql_selection *field,
                        const struct gql_field *def,
                        const struct gql_type *parent)
{
    if (def != NULL)
        rule_scalar_leafs(v, field, def->type);
    else if (parent != NULL)
        rule_fields_on_correct_type(v, field, parent);
    rule_unique_directives(v, field->directives);
    rule_unique_argument_names(v, field->arguments);
    rule_introspection_depth(v, field);
}

static void walk_field_arguments(struct validation *v,
                                 const struct gql_argument *given,
                                 const struct gql_field *def,
                                 const struct gql_type *parent)
{
    for (; given != NULL; given = given->next) {
        const struct gql_input *input = NULL;
        if (def != NULL)
            input = gql_find_input(def->arguments, def->argument_count,
                                   given->name);
        if (def != NULL && input == NULL)
            rule_known_argument_names(v, given, def, parent);
        rule_values_of_correct_type(v, given->value,
                                    input != NULL ? input->type : NULL);
    }
}

static void walk_field(struct validation *v, const struct gql_selection *field,
                       const struct gql_type *parent)
{
    const struct gql_field *def =
        validation_field_of(v->schema, parent, field->name);
    const struct gql_field *around = v->field;
    v->field = def;
    enter_field(v, field, def, parent);
    walk_field_arguments(v, field->arguments, def, parent);
    walk_directives(v, field->directives, GQL_AT_FIELD);
    if (field->set != NULL)
        walk_whole_set(v, field->set,
                       def != NULL ? validation_composite(def->type->named)
                                   : NULL);
    if (def != NULL)
        rule_required_field_arguments(v, field, def);
    v->field = around;
}

static void walk_spread(struct validation *v,
                        const struct gql_selection *spread,
                        const struct gql_type *parent)
{
    const struct validation_body *fragment =
        validation_fragment(v, spread->name);
    if (fragment == NULL)
        rule_known_fragment_names(v, spread);
    else
        rule_possible_fragment_spreads(v, spread, fragment->type, parent);
    rule_unique_directives(v, spread->directives);
    walk_directives(v, spread->directives, GQL_AT_FRAGMENT_SPREAD);
}

static void walk_inline(struct validation *v,
                        const struct gql_selection *fragment,
                        const struct gql_type *parent)
{
    const struct gql_type *type = parent;
    if (fragment->on.len > 0) {
        const struct gql_type *on = gql_schema_type(v->schema, fragment->on);
        type = validation_composite(on);
        if (on != NULL && type == NULL)
            rule_fragments_on_composite_types(v, NULL, fragment->on,
                                              fragment->on_at);
        rule_possible_fragment_spreads(v, fragment, type, parent);
    }
    rule_unique_directives(v, fragment->directives);
    if (fragment->on.len > 0)
        rule_known_type_names(v, fragment->on, fragment->on_at);
    walk_directives(v, fragment->directives, GQL_AT_INLINE_FRAGMENT);
    walk_selections(v, fragment->set->first, type);
}

static void walk_selections(struct validation *v,
                            const struct gql_selection *selection,
                            const struct gql_type *parent)
{
    for (; selection != NULL && !validation_full(v);
         selection = selection->next) {
        v->work++;
        if (selection->kind == GQL_FIELD)
            walk_field(v, selection, parent);
        else if (selection->kind == GQL_SPREAD)
            walk_spread(v, selection, parent);
        else
            walk_inline(v, selection, parent);
    }
}

/* A set of a field or a definition: what inline fragments hold belongs to it. */
static void walk_whole_set(struct validation *v,
                           const struct gql_selection_set *set,
                           const struct gql_type *parent)
{
    rule_fields_can_be_merged(v, set, parent);
    walk_selections(v, set->first, parent);
}

/* ---- definitions ---- */

static void walk_type_names(struct validation *v,
                            const struct gql_type_node *node)
{
    while (node->wrap != GQL_NAMED)
        node = node->of;
    rule_known_type_names(v, node->name, node->at);
}

static void walk_variable(struct validation *v,
                          const struct gql_variable_def *def)
{
    const struct gql_type_ref *type = validation_type_of(v, def->type);
    bool input = type != NULL && gql_is_input(type->named);
    if (type != NULL && !input)
        rule_variables_are_input_types(v, def);
    rule_unique_directives(v, def->directives);
    walk_type_names(v, def->type);
    if (def->initial != NULL)
        rule_values_of_correct_type(v, def->initial, input ? type : NULL);
    walk_directives(v, def->directives, GQL_AT_VARIABLE_DEFINITION);
}

static enum gql_location_kind location_of(enum gql_operation_type type)
{
    static const enum gql_location_kind locations[] = {
        [GQL_QUERY] = GQL_AT_QUERY,
        [GQL_MUTATION] = GQL_AT_MUTATION,
        [GQL_SUBSCRIPTION] = GQL_AT_SUBSCRIPTION};
    return locations[type];
}

static void enter_operation(struct validation *v, struct validation_body *body)
{
    const struct gql_operation *op = &body->def->operation;
    rule_known_operation_types(v, body);
    rule_unique_operation_names(v, op);
    rule_lone_anonymous_operation(v, body->def);
    rule_single_field_subscriptions(v, body);
    rule_unique_variable_names(v, op->variables);
    rule_unique_directives(v, op->directives);
}

static void walk_operation(struct validation *v, struct validation_body *body)
{
    const struct gql_operation *op = &body->def->operation;
    enter_operation(v, body);
    for (const struct gql_variable_def *def = op->variables; def != NULL;
         def = def->next)
        walk_variable(v, def);
    walk_directives(v, op->directives, location_of(op->type));
    walk_whole_set(v, op->set, body->type);
    validate_variables(v, body);
}

static void walk_fragment(struct validation *v, struct validation_body *body)
{
    const struct gql_fragment *fragment = &body->def->fragment;
    rule_fragments_on_composite_types(v, fragment, fragment->on,
                                      fragment->on_at);
    rule_unique_fragment_names(v, fragment);
    rule_no_fragment_cycles(v, body);
    rule_unique_directives(v, fragment->directives);
    rule_known_type_names(v, fragment->on, fragment->on_at);
    walk_directives(v, fragment->directives, GQL_AT_FRAGMENT_DEFINITION);
    walk_whole_set(v, fragment->set, body->type);
}

/* ---- the document ---- */

static bool executable(const struct gql_definition *def)
{
    return def->kind == GQL_DEF_OPERATION || def->kind == GQL_DEF_FRAGMENT;
}

static struct validation_body body_of(const struct validation *v,
                                      const struct gql_definition *def)
{
    if (def->kind == GQL_DEF_OPERATION)
        return (struct validation_body){
            .def = def,
            .set = def->operation.set,
            .directives = def->operation.directives,
            .type = gql_schema_root(v->schema, def->operation.type)};
    return (struct validation_body){
        .def = def,
        .set = def->fragment.set,
        .directives = def->fragment.directives,
        .named = gql_schema_type(v->schema, def->fragment.on),
        .type =
            validation_composite(gql_schema_type(v->schema, def->fragment.on))};
}

static void list_bodies(struct validation *v)
{
    uint32_t count = 0;
    const struct gql_definition *def;
    for (def = v->doc->first; def != NULL; def = def->next)
        count += executable(def);
    v->bodies = arena_alloc(&v->arena, (count + 1) * sizeof *v->bodies);
    for (def = v->doc->first; def != NULL; def = def->next)
        if (executable(def))
            v->bodies[v->body_count++] = body_of(v, def);
}

static void index_fragment(struct validation *v, struct validation_body *body)
{
    gql_name_map_put(&v->fragments, &v->arena, body->def->fragment.name)
        ->value = body;
}

/* Of fragments of one name the last counts, as for graphql-js. */
static void index_fragments(struct validation *v)
{
    for (uint32_t i = 0; i < v->body_count; i++)
        if (v->bodies[i].def->kind == GQL_DEF_OPERATION)
            v->operation_count++;
        else
            index_fragment(v, &v->bodies[i]);
    for (uint32_t i = 0; i < v->body_count; i++)
        if (v->bodies[i].def->kind == GQL_DEF_FRAGMENT)
            v->bodies[i].known =
                validation_fragment(v, v->bodies[i].def->fragment.name);
}

struct validation_body *validation_fragment(const struct validation *v,
                                            struct str name)
{
    const struct gql_name *found = gql_name_map_find(&v->fragments, name);
    return found != NULL ? found->value : NULL;
}

static void walk_document(struct validation *v)
{
    rule_executable_definitions(v);
    prepare_fields_can_be_merged(v);
    for (uint32_t i = 0; i < v->body_count && !validation_full(v); i++) {
        if (v->bodies[i].def->kind == GQL_DEF_OPERATION)
            walk_operation(v, &v->bodies[i]);
        else
            walk_fragment(v, &v->bodies[i]);
    }
    rule_no_unused_fragments(v);
}

uint64_t validation_run(const struct gql_schema *schema,
                        const struct gql_document *doc,
                        const struct gql_limits *limits,
                        struct gql_errors *errors)
{
    struct validation v = {
        .schema = schema, .doc = doc, .limits = limits, .errors = errors};
    list_bodies(&v);
    index_fragments(&v);
    if (fragments_in_reach(&v)) {
        walk_document(&v);
        if (errors->count == 0)
            validate_limits(&v);
    }
    arena_fini(&v.scratch);
    arena_fini(&v.arena);
    return v.work;
}

void gql_validate(const struct gql_schema *schema,
                  const struct gql_document *doc,
                  const struct gql_limits *limits, struct gql_errors *errors)
{
    validation_run(schema, doc, limits, errors);
}
