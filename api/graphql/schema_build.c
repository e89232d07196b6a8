/* schema_build: types and directives from their definitions. */
#include "api/graphql/schema_build.h"

#define FIELDS_INDEXED 8 /* fewer are found faster one by one */

const struct gql_type *gql_build_find(const struct gql_build *build,
                                      struct str name)
{
    const struct gql_name *known = gql_name_map_find(&build->names, name);
    return known != NULL ? ((struct gql_type_source *)known->value)->type
                         : gql_builtin_type(name);
}

bool gql_is_first(struct gql_build *build, struct gql_name_map *names,
                  struct str name, const void *value, const void **first)
{
    struct gql_name *at = gql_name_map_put(names, build->arena, name);
    bool is_first = at->value == NULL;
    if (is_first)
        at->value = (void *)value;
    else if (first != NULL)
        *first = at->value;
    return is_first;
}

const char *gql_build_ref_text(struct gql_build *build,
                               const struct gql_type_ref *type)
{
    struct buf text = {0};
    gql_type_ref_append(type, &text);
    char *copy = arena_text(build->arena, buf_str(&text));
    buf_fini(&text);
    return copy;
}

/* ---- directives that mean something to the engine ---- */

static const struct gql_directive_use *
find_use(const struct gql_directive_use *uses, const char *name)
{
    while (uses != NULL && !str_is(uses->name, name))
        uses = uses->next;
    return uses;
}

static const struct gql_value *
find_argument(const struct gql_directive_use *use, const char *name)
{
    for (const struct gql_argument *a = use->arguments; a; a = a->next)
        if (str_is(a->name, name))
            return a->value;
    return NULL;
}

/* The reason; p NULL: not deprecated. */
static struct str deprecation_of(const struct gql_directive_use *uses)
{
    const struct gql_directive_use *use = find_use(uses, "deprecated");
    if (use == NULL)
        return (struct str){0};
    const struct gql_value *reason = find_argument(use, "reason");
    return reason != NULL && reason->kind == GQL_STRING
               ? reason->text
               : str_of("No longer supported");
}

/* @cost(value: …), where the schema has such a directive. */
static uint32_t cost_of(const struct gql_directive_use *uses)
{
    const struct gql_directive_use *use = find_use(uses, "cost");
    const struct gql_value *value =
        use != NULL ? find_argument(use, "value") : NULL;
    int64_t cost = 0;
    bool given = value != NULL && value->kind == GQL_INT &&
                 str_to_i64(value->text, &cost) == 0;
    return given && cost > 0 && cost <= UINT32_MAX ? (uint32_t)cost : 0;
}

static struct str specified_by_of(const struct gql_directive_use *uses)
{
    const struct gql_directive_use *use = find_use(uses, "specifiedBy");
    const struct gql_value *url =
        use != NULL ? find_argument(use, "url") : NULL;
    return url != NULL ? url->text : (struct str){0};
}

/* ---- types as they are used ---- */

static const struct gql_type_ref *build_ref(struct gql_build *build,
                                            const struct gql_type_node *node)
{
    struct gql_type_ref *ref = arena_zalloc(build->arena, sizeof *ref);
    ref->wrap = node->wrap;
    if (node->wrap == GQL_NAMED) {
        ref->named = gql_build_find(build, node->name);
    } else {
        ref->of = build_ref(build, node->of);
        ref->named = ref->of->named;
    }
    return ref;
}

/* ---- arguments and fields ---- */

static struct gql_input build_input(struct gql_build *build,
                                    const struct gql_input_def *def,
                                    uint32_t index)
{
    return (struct gql_input){
        .name = def->name,
        .description = def->description,
        .type = build_ref(build, def->type),
        .initial = def->initial,
        .deprecation = deprecation_of(def->directives),
        .index = index,
        .at = def->at,
    };
}

static uint32_t count_inputs(const struct gql_input_def *def)
{
    uint32_t count = 0;
    for (; def != NULL; def = def->next)
        count++;
    return count;
}

static const struct gql_input *build_inputs(struct gql_build *build,
                                            const struct gql_input_def *def,
                                            uint32_t *count)
{
    *count = count_inputs(def);
    struct gql_input *list = arena_alloc(build->arena, *count * sizeof *list);
    for (uint32_t i = 0; i < *count; i++, def = def->next)
        list[i] = build_input(build, def, i);
    return list;
}

static void build_field(struct gql_build *build, const struct gql_type *parent,
                        const struct gql_field_def *def,
                        struct gql_field *field)
{
    field->name = def->name;
    field->description = def->description;
    field->parent = parent;
    field->type = build_ref(build, def->type);
    field->arguments =
        build_inputs(build, def->arguments, &field->argument_count);
    field->deprecation = deprecation_of(def->directives);
    field->cost = cost_of(def->directives);
    field->at = def->at;
}

static void index_fields(struct gql_build *build, struct gql_type *type)
{
    if (type->field_count < FIELDS_INDEXED)
        return;
    struct gql_name_map *names = arena_zalloc(build->arena, sizeof *names);
    for (uint32_t i = 0; i < type->field_count; i++)
        gql_name_map_put(names, build->arena, type->fields[i].name)->value =
            (void *)&type->fields[i];
    type->field_index = names;
}

static uint32_t count_fields(const struct gql_type_source *source)
{
    uint32_t count = 0;
    for (const struct gql_part *p = source->parts; p; p = p->next)
        for (const struct gql_field_def *f = p->def->fields; f; f = f->next)
            count++;
    return count;
}

static void build_fields(struct gql_build *build,
                         const struct gql_type_source *source,
                         struct gql_type *type)
{
    struct gql_field *list =
        arena_zalloc(build->arena, count_fields(source) * sizeof *list);
    type->fields = list;
    for (const struct gql_part *p = source->parts; p; p = p->next)
        for (const struct gql_field_def *f = p->def->fields; f; f = f->next) {
            list[type->field_count].index = type->field_count;
            build_field(build, type, f, &list[type->field_count++]);
        }
    index_fields(build, type);
}

/* ---- other members ---- */

static const struct gql_name_node *names_of(const struct gql_type_def *def,
                                            bool members)
{
    return members ? def->members : def->interfaces;
}

/* A union's members or a type's interfaces. */
static const struct gql_type *const *
build_names(struct gql_build *build, const struct gql_type_source *source,
            bool members, uint32_t *count)
{
    *count = 0;
    for (const struct gql_part *p = source->parts; p; p = p->next)
        for (const struct gql_name_node *n = names_of(p->def, members); n;
             n = n->next)
            ++*count;
    const struct gql_type **list =
                              arena_alloc(build->arena, *count * sizeof *list),
                          **next = list;
    for (const struct gql_part *p = source->parts; p; p = p->next)
        for (const struct gql_name_node *n = names_of(p->def, members); n;
             n = n->next)
            *next++ = gql_build_find(build, n->name);
    return list;
}

static void build_composite(struct gql_build *build,
                            const struct gql_type_source *source,
                            struct gql_type *type)
{
    type->interfaces =
        build_names(build, source, false, &type->interface_count);
    build_fields(build, source, type);
}

static void build_union(struct gql_build *build,
                        const struct gql_type_source *source,
                        struct gql_type *type)
{
    type->possible = build_names(build, source, true, &type->possible_count);
}

static uint32_t count_values(const struct gql_type_source *source)
{
    uint32_t count = 0;
    for (const struct gql_part *p = source->parts; p; p = p->next)
        for (const struct gql_enum_def *v = p->def->values; v; v = v->next)
            count++;
    return count;
}

static void build_enum(struct gql_build *build,
                       const struct gql_type_source *source,
                       struct gql_type *type)
{
    struct gql_enum_value *list =
        arena_alloc(build->arena, count_values(source) * sizeof *list);
    type->values = list;
    for (const struct gql_part *p = source->parts; p; p = p->next)
        for (const struct gql_enum_def *v = p->def->values; v; v = v->next)
            list[type->value_count++] = (struct gql_enum_value){
                v->name, v->description, deprecation_of(v->directives), v->at};
}

static void build_input_object(struct gql_build *build,
                               const struct gql_type_source *source,
                               struct gql_type *type)
{
    uint32_t count = 0, i = 0;
    for (const struct gql_part *p = source->parts; p; p = p->next) {
        count += count_inputs(p->def->inputs);
        type->one_of =
            type->one_of || find_use(p->def->directives, "oneOf") != NULL;
    }
    struct gql_input *list = arena_alloc(build->arena, count * sizeof *list);
    for (const struct gql_part *p = source->parts; p; p = p->next)
        for (const struct gql_input_def *d = p->def->inputs; d; d = d->next)
            list[i] = build_input(build, d, i), i++;
    type->inputs = list;
    type->input_count = count;
}

static void build_scalar(struct gql_build *build,
                         const struct gql_type_source *source,
                         struct gql_type *type)
{
    (void)build;
    for (const struct gql_part *p = source->parts; p; p = p->next)
        if (type->specified_by.p == NULL)
            type->specified_by = specified_by_of(p->def->directives);
}

/* ---- types ---- */

static const struct {
    enum gql_type_kind kind;
    void (*build)(struct gql_build *build, const struct gql_type_source *source,
                  struct gql_type *type);
} kinds[] = {
    [GQL_DEF_SCALAR] = {GQL_TYPE_SCALAR, build_scalar},
    [GQL_DEF_OBJECT] = {GQL_TYPE_OBJECT, build_composite},
    [GQL_DEF_INTERFACE] = {GQL_TYPE_INTERFACE, build_composite},
    [GQL_DEF_UNION] = {GQL_TYPE_UNION, build_union},
    [GQL_DEF_ENUM] = {GQL_TYPE_ENUM, build_enum},
    [GQL_DEF_INPUT] = {GQL_TYPE_INPUT, build_input_object},
};

/* The types exist before any is built: they refer to each other. */
static void make_types(struct gql_build *build)
{
    build->own = arena_zalloc(build->arena, build->count * sizeof *build->own);
    build->schema->type_ids = GQL_BUILTINS + build->count;
    for (uint32_t i = 0; i < build->count; i++) {
        struct gql_type_source *s = &build->sources[i];
        if (s->type != NULL)
            continue;
        s->own = &build->own[i];
        s->type = s->own;
        s->own->kind = kinds[s->kind].kind;
        s->own->name = s->parts->def->name;
        s->own->description = s->parts->def->description;
        s->own->at = s->parts->def->name_at;
        s->own->id = GQL_BUILTINS + i;
    }
}

/* ---- directives ---- */

static void build_locations(struct gql_build *build,
                            const struct gql_name_node *names,
                            struct gql_directive *directive)
{
    uint32_t count = 0;
    for (const struct gql_name_node *n = names; n != NULL; n = n->next)
        count++;
    uint8_t *list = arena_alloc(build->arena, count);
    directive->location_list = list;
    for (const struct gql_name_node *n = names; n != NULL; n = n->next) {
        int location = gql_location_find(n->name);
        directive->locations |= 1U << location;
        list[directive->location_count++] = (uint8_t)location;
    }
}

static void build_directive(struct gql_build *build,
                            const struct gql_type_def *def)
{
    struct gql_directive *d =
        &build->directives[build->schema->directive_count++];
    *d = (struct gql_directive){
        .name = def->name,
        .description = def->description,
        .repeatable = def->repeatable,
        .at = def->name_at,
    };
    build_locations(build, def->members, d);
    d->arguments = build_inputs(build, def->inputs, &d->argument_count);
}

static void build_directives(struct gql_build *build)
{
    struct gql_schema *schema = build->schema;
    uint32_t count = GQL_BUILTIN_DIRECTIVES;
    for (const struct gql_definition *d = build->doc.first; d; d = d->next)
        count += d->kind == GQL_DEF_DIRECTIVE;
    build->directives =
        arena_alloc(build->arena, count * sizeof *build->directives);
    schema->directives = build->directives;
    for (const struct gql_definition *d = build->doc.first; d; d = d->next)
        if (d->kind == GQL_DEF_DIRECTIVE)
            build_directive(build, &d->type);
    for (int i = 0; i < GQL_BUILTIN_DIRECTIVES; i++)
        if (gql_schema_directive(schema, gql_builtin_directives[i].name) ==
            NULL)
            build->directives[schema->directive_count++] =
                gql_builtin_directives[i];
}

/* ---- where operations start ---- */

static const struct gql_type **root_of(struct gql_schema *schema,
                                       enum gql_operation_type operation)
{
    if (operation == GQL_QUERY)
        return &schema->query;
    return operation == GQL_MUTATION ? &schema->mutation
                                     : &schema->subscription;
}

static void default_root(struct gql_build *build,
                         enum gql_operation_type operation, const char *name)
{
    const struct gql_type **root = root_of(build->schema, operation);
    if (*root == NULL)
        *root = gql_build_find(build, str_of(name));
}

static void build_roots(struct gql_build *build)
{
    bool defined = false;
    for (const struct gql_definition *d = build->doc.first; d; d = d->next) {
        if (d->kind != GQL_DEF_SCHEMA)
            continue;
        defined = defined || !d->extension;
        if (!d->extension)
            build->schema->description = d->type.description;
        for (const struct gql_root_def *r = d->type.roots; r; r = r->next)
            *root_of(build->schema, r->operation) =
                gql_build_find(build, r->type);
    }
    if (defined)
        return;
    default_root(build, GQL_QUERY, "Query");
    default_root(build, GQL_MUTATION, "Mutation");
    default_root(build, GQL_SUBSCRIPTION, "Subscription");
}

void gql_build_types(struct gql_build *build)
{
    make_types(build);
    for (uint32_t i = 0; i < build->count; i++)
        if (build->sources[i].own != NULL)
            kinds[build->sources[i].kind].build(build, &build->sources[i],
                                                build->sources[i].own);
    build_directives(build);
    build_roots(build);
}
