/* schema_check: the rules that each kind of type is held to (3.3 to 3.13). */
#include "api/graphql/schema_build.h"

#include <assert.h>

static void check_name(struct gql_build *build, struct str name, uint32_t at)
{
    if (str_has_prefix(name, str_of("__")))
        GQL_SCHEMA_ERROR(build, at,
                         "Name \"%.*s\" must not begin with \"__\", which is "
                         "reserved by GraphQL introspection.",
                         STR_ARG(name));
}

static bool is_input_ref(const struct gql_type_ref *type)
{
    return gql_is_input(type->named);
}

static bool is_output_ref(const struct gql_type_ref *type)
{
    return type->named->kind != GQL_TYPE_INPUT;
}

/* ---- where operations start ---- */

static void check_root(struct gql_build *build, const struct gql_type *root,
                       const char *what)
{
    if (root != NULL && root->kind != GQL_TYPE_OBJECT)
        GQL_SCHEMA_ERROR(
            build, root->at, "%s must be Object type%s, it cannot be %.*s.",
            what, what[0] == 'Q' ? "" : " if provided", STR_ARG(root->name));
}

static void check_roots(struct gql_build *build)
{
    const struct gql_schema *s = build->schema;
    if (s->query == NULL)
        gql_error_add(build->errors, GQL_CODE_VALIDATION, NULL, 0,
                      "Query root type must be provided.");
    check_root(build, s->query, "Query root type");
    check_root(build, s->mutation, "Mutation root type");
    check_root(build, s->subscription, "Subscription root type");
    const struct gql_type *m = s->mutation, *sub = s->subscription;
    bool shared = (s->query != NULL && (s->query == m || s->query == sub)) ||
                  (m != NULL && m == sub);
    if (shared)
        GQL_SCHEMA_ERROR(build, m != NULL ? m->at : sub->at,
                         "All root types must be different, \"%.*s\" is used "
                         "more than once.",
                         STR_ARG((m == sub || m == s->query ? m : sub)->name));
}

/* ---- arguments and input fields ---- */

/* owner: "Query.gpus(", "@cost(" or "Filter."; close: ":)" or "". */
static void check_input(struct gql_build *build, const struct gql_input *input,
                        const char *owner, const char *close)
{
    check_name(build, input->name, input->at);
    if (!is_input_ref(input->type))
        GQL_SCHEMA_ERROR(build, input->at,
                         "The type of %s%.*s%s must be Input Type but got: "
                         "%s.",
                         owner, STR_ARG(input->name), close,
                         gql_build_ref_text(build, input->type));
    if (gql_is_required(input) && input->deprecation.p != NULL)
        GQL_SCHEMA_ERROR(build, input->at,
                         "Required %s %s%.*s%s cannot be deprecated.",
                         close[0] != '\0' ? "argument" : "input field", owner,
                         STR_ARG(input->name), close);
}

static void check_directives(struct gql_build *build)
{
    const struct gql_schema *s = build->schema;
    for (uint32_t i = 0; i < s->directive_count; i++) {
        const struct gql_directive *d = &s->directives[i];
        check_name(build, d->name, d->at);
        const char *owner =
            arena_printf(build->arena, "@%.*s(", STR_ARG(d->name));
        for (uint32_t a = 0; a < d->argument_count; a++)
            check_input(build, &d->arguments[a], owner, ":)");
    }
}

/* ---- fields ---- */

static void check_field(struct gql_build *build, const struct gql_type *type,
                        const struct gql_field *field)
{
    const char *name = arena_printf(build->arena, "%.*s.%.*s",
                                    STR_ARG(type->name), STR_ARG(field->name));
    check_name(build, field->name, field->at);
    if (!is_output_ref(field->type))
        GQL_SCHEMA_ERROR(build, field->at,
                         "The type of %s must be Output Type but got: %s.",
                         name, gql_build_ref_text(build, field->type));
    const char *owner = arena_printf(build->arena, "%s(", name);
    for (uint32_t i = 0; i < field->argument_count; i++)
        check_input(build, &field->arguments[i], owner, ":)");
}

static void check_fields(struct gql_build *build, const struct gql_type *type)
{
    if (type->field_count == 0)
        GQL_SCHEMA_ERROR(build, type->at,
                         "Type %.*s must define one or more fields.",
                         STR_ARG(type->name));
    for (uint32_t i = 0; i < type->field_count; i++)
        check_field(build, type, &type->fields[i]);
}

/* ---- interfaces ---- */

static bool implements(const struct gql_type *type,
                       const struct gql_type *interface)
{
    for (uint32_t i = 0; i < type->interface_count; i++)
        if (type->interfaces[i] == interface)
            return true;
    return false;
}

static bool is_subtype(const struct gql_type *type,
                       const struct gql_type *super)
{
    if (super->kind == GQL_TYPE_INTERFACE && implements(type, super))
        return true;
    return gql_type_includes(super, type);
}

/* May a field be of that type where its interface says `super`? */
static bool is_sub_ref(const struct gql_type_ref *type,
                       const struct gql_type_ref *super)
{
    for (;;) {
        if (type->wrap == GQL_NON_NULL && super->wrap != GQL_NON_NULL)
            type = type->of;
        if (type->wrap != super->wrap)
            return false;
        if (type->wrap == GQL_NAMED)
            return is_subtype(type->named, super->named);
        type = type->of;
        super = super->of;
    }
}

/* A field of a type, and of the interface that asks for it. */
struct implemented {
    struct gql_build *build;
    const struct gql_type *type, *interface;
    const struct gql_field *field, *asked;
    const char *name; /* "Node.id" */
};

static void check_asked_argument(const struct implemented *i,
                                 const struct gql_input *asked)
{
    const struct gql_input *argument = gql_find_input(
        i->field->arguments, i->field->argument_count, asked->name);
    if (argument == NULL)
        GQL_SCHEMA_ERROR(i->build, i->field->at,
                         "Interface field argument %s(%.*s:) expected but "
                         "%.*s.%.*s does not provide it.",
                         i->name, STR_ARG(asked->name), STR_ARG(i->type->name),
                         STR_ARG(i->field->name));
    else if (!gql_type_ref_eq(argument->type, asked->type))
        GQL_SCHEMA_ERROR(
            i->build, argument->at,
            "Interface field argument %s(%.*s:) expects type %s but "
            "%.*s.%.*s(%.*s:) is type %s.",
            i->name, STR_ARG(asked->name),
            gql_build_ref_text(i->build, asked->type), STR_ARG(i->type->name),
            STR_ARG(i->field->name), STR_ARG(argument->name),
            gql_build_ref_text(i->build, argument->type));
}

static void check_more_arguments(const struct implemented *i)
{
    for (uint32_t a = 0; a < i->field->argument_count; a++) {
        const struct gql_input *argument = &i->field->arguments[a];
        bool asked =
            gql_find_input(i->asked->arguments, i->asked->argument_count,
                           argument->name) != NULL;
        if (!asked && gql_is_required(argument))
            GQL_SCHEMA_ERROR(
                i->build, argument->at,
                "Object field %.*s.%.*s includes required argument "
                "%.*s that is missing from the Interface field "
                "%s.",
                STR_ARG(i->type->name), STR_ARG(i->field->name),
                STR_ARG(argument->name), i->name);
    }
}

static void check_implemented(const struct implemented *i)
{
    if (!is_sub_ref(i->field->type, i->asked->type))
        GQL_SCHEMA_ERROR(i->build, i->field->at,
                         "Interface field %s expects type %s but %.*s.%.*s is "
                         "type %s.",
                         i->name, gql_build_ref_text(i->build, i->asked->type),
                         STR_ARG(i->type->name), STR_ARG(i->field->name),
                         gql_build_ref_text(i->build, i->field->type));
    for (uint32_t a = 0; a < i->asked->argument_count; a++)
        check_asked_argument(i, &i->asked->arguments[a]);
    check_more_arguments(i);
    if (i->field->deprecation.p != NULL && i->asked->deprecation.p == NULL)
        GQL_SCHEMA_ERROR(i->build, i->field->at,
                         "Interface field %s is not deprecated, so %.*s.%.*s "
                         "cannot be.",
                         i->name, STR_ARG(i->type->name),
                         STR_ARG(i->field->name));
}

static void check_asked_fields(struct gql_build *build,
                               const struct gql_type *type,
                               const struct gql_type *interface)
{
    for (uint32_t f = 0; f < interface->field_count; f++) {
        const struct gql_field *asked = &interface->fields[f];
        struct implemented i = {build,
                                type,
                                interface,
                                gql_type_field(type, asked->name),
                                asked,
                                arena_printf(build->arena, "%.*s.%.*s",
                                             STR_ARG(interface->name),
                                             STR_ARG(asked->name))};
        if (i.field != NULL)
            check_implemented(&i);
        else
            GQL_SCHEMA_ERROR(build, type->at,
                             "Interface field %s expected but %.*s does not "
                             "provide it.",
                             i.name, STR_ARG(type->name));
    }
}

/* What an interface implements, its implementers do, too. */
static void check_ancestors(struct gql_build *build,
                            const struct gql_type *type,
                            const struct gql_type *interface, uint32_t at)
{
    for (uint32_t i = 0; i < interface->interface_count; i++) {
        const struct gql_type *up = interface->interfaces[i];
        if (implements(type, up))
            continue;
        if (up == type)
            GQL_SCHEMA_ERROR(build, at,
                             "Type %.*s cannot implement %.*s because it would "
                             "create a circular reference.",
                             STR_ARG(type->name), STR_ARG(interface->name));
        else
            GQL_SCHEMA_ERROR(build, at,
                             "Type %.*s must implement %.*s because it is "
                             "implemented by %.*s.",
                             STR_ARG(type->name), STR_ARG(up->name),
                             STR_ARG(interface->name));
    }
}

static void check_interface(struct gql_build *build,
                            const struct gql_type *type,
                            const struct gql_type *interface, uint32_t at)
{
    if (interface->kind != GQL_TYPE_INTERFACE) {
        GQL_SCHEMA_ERROR(build, at,
                         "Type %.*s must only implement Interface types, it "
                         "cannot implement %.*s.",
                         STR_ARG(type->name), STR_ARG(interface->name));
    } else if (type == interface) {
        GQL_SCHEMA_ERROR(build, at,
                         "Type %.*s cannot implement itself because it would "
                         "create a circular reference.",
                         STR_ARG(type->name));
    } else {
        check_ancestors(build, type, interface, at);
        check_asked_fields(build, type, interface);
    }
}

/* Each interface once, in the order of the text. */
static void check_interfaces(struct gql_build *build,
                             const struct gql_type_source *source)
{
    const struct gql_type *type = source->own;
    struct gql_name_map names = {0};
    uint32_t i = 0;
    for (const struct gql_part *p = source->parts; p; p = p->next)
        for (const struct gql_name_node *n = p->def->interfaces; n;
             n = n->next, i++) {
            if (gql_is_first(build, &names, n->name, n, NULL))
                check_interface(build, type, type->interfaces[i], n->at);
            else
                GQL_SCHEMA_ERROR(build, n->at,
                                 "Type %.*s can only implement %.*s once.",
                                 STR_ARG(type->name), STR_ARG(n->name));
        }
}

static void check_composite(struct gql_build *build,
                            const struct gql_type_source *source)
{
    check_fields(build, source->own);
    check_interfaces(build, source);
}

/* ---- unions, enums, input objects ---- */

static void check_member(struct gql_build *build, const struct gql_type *type,
                         const struct gql_name_node *node, bool once)
{
    const struct gql_type *member = gql_build_find(build, node->name);
    if (!once)
        GQL_SCHEMA_ERROR(build, node->at,
                         "Union type %.*s can only include type %.*s once.",
                         STR_ARG(type->name), STR_ARG(node->name));
    else if (member->kind != GQL_TYPE_OBJECT)
        GQL_SCHEMA_ERROR(build, node->at,
                         "Union type %.*s can only include Object types, it "
                         "cannot include %.*s.",
                         STR_ARG(type->name), STR_ARG(node->name));
}

static void check_union(struct gql_build *build,
                        const struct gql_type_source *source)
{
    const struct gql_type *type = source->own;
    struct gql_name_map names = {0};
    for (const struct gql_part *p = source->parts; p; p = p->next)
        for (const struct gql_name_node *n = p->def->members; n; n = n->next)
            check_member(build, type, n,
                         gql_is_first(build, &names, n->name, n, NULL));
    if (type->possible_count == 0)
        GQL_SCHEMA_ERROR(build, type->at,
                         "Union type %.*s must define one or more member "
                         "types.",
                         STR_ARG(type->name));
}

static void check_enum(struct gql_build *build,
                       const struct gql_type_source *source)
{
    const struct gql_type *type = source->own;
    if (type->value_count == 0)
        GQL_SCHEMA_ERROR(build, type->at,
                         "Enum type %.*s must define one or more values.",
                         STR_ARG(type->name));
    for (uint32_t i = 0; i < type->value_count; i++)
        check_name(build, type->values[i].name, type->values[i].at);
}

static void check_one_of(struct gql_build *build, const struct gql_type *type,
                         const struct gql_input *field)
{
    if (field->type->wrap == GQL_NON_NULL)
        GQL_SCHEMA_ERROR(build, field->at,
                         "OneOf input field %.*s.%.*s must be nullable.",
                         STR_ARG(type->name), STR_ARG(field->name));
    if (field->initial != NULL)
        GQL_SCHEMA_ERROR(build, field->at,
                         "OneOf input field %.*s.%.*s cannot have a default "
                         "value.",
                         STR_ARG(type->name), STR_ARG(field->name));
}

static void check_input_object(struct gql_build *build,
                               const struct gql_type_source *source)
{
    const struct gql_type *type = source->own;
    const char *owner =
        arena_printf(build->arena, "%.*s.", STR_ARG(type->name));
    if (type->input_count == 0)
        GQL_SCHEMA_ERROR(build, type->at,
                         "Input Object type %.*s must define one or more "
                         "fields.",
                         STR_ARG(type->name));
    for (uint32_t i = 0; i < type->input_count; i++) {
        check_input(build, &type->inputs[i], owner, "");
        if (type->one_of)
            check_one_of(build, type, &type->inputs[i]);
    }
}

/* ---- input objects that need themselves ---- */

/* A depth-first walk over fields that are non-null input objects. */
struct cycles {
    struct gql_build *build;
    bool *done;                    /* by type id */
    uint32_t *depth;               /* of a type on the path, from 1; 0: not */
    const struct gql_input **path; /* the fields that led here */
    uint32_t length;
};

static void say_cycle(struct cycles *c, const struct gql_type *type)
{
    struct buf names = {0};
    uint32_t first = c->depth[type->id] - 1;
    for (uint32_t i = first; i < c->length; i++)
        buf_printf(&names, "%s%.*s", i > first ? "." : "",
                   STR_ARG(c->path[i]->name));
    GQL_SCHEMA_ERROR(c->build, c->path[first]->at,
                     "Cannot reference Input Object \"%.*s\" within itself "
                     "through a series of non-null fields: \"%s\".",
                     STR_ARG(type->name), buf_text(&names));
    buf_fini(&names);
}

static void find_cycles(struct cycles *c, const struct gql_type *type)
{
    assert(type != NULL);
    if (c->done[type->id])
        return;
    c->done[type->id] = true;
    c->depth[type->id] = c->length + 1;
    for (uint32_t i = 0; i < type->input_count; i++) {
        const struct gql_type_ref *ref = type->inputs[i].type;
        bool needed = ref->wrap == GQL_NON_NULL && ref->of->wrap == GQL_NAMED &&
                      ref->named->kind == GQL_TYPE_INPUT;
        if (!needed)
            continue;
        c->path[c->length++] = &type->inputs[i];
        if (c->depth[ref->named->id] > 0)
            say_cycle(c, ref->named);
        else
            find_cycles(c, ref->named);
        c->length--;
    }
    c->depth[type->id] = 0;
}

static void check_cycles(struct gql_build *build)
{
    uint32_t ids = build->schema->type_ids;
    struct cycles c = {
        .build = build,
        .done = arena_zalloc(build->arena, ids * sizeof *c.done),
        .depth = arena_zalloc(build->arena, ids * sizeof *c.depth),
        .path = arena_alloc(build->arena, (ids + 1) * sizeof *c.path),
    };
    for (uint32_t i = 0; i < build->count; i++)
        if (build->sources[i].kind == GQL_DEF_INPUT)
            find_cycles(&c, build->sources[i].own);
}

void gql_check_types(struct gql_build *build)
{
    static void (*const checks[])(struct gql_build *,
                                  const struct gql_type_source *) = {
        [GQL_DEF_OBJECT] = check_composite,
        [GQL_DEF_INTERFACE] = check_composite,
        [GQL_DEF_UNION] = check_union,
        [GQL_DEF_ENUM] = check_enum,
        [GQL_DEF_INPUT] = check_input_object,
    };
    check_roots(build);
    check_directives(build);
    for (uint32_t i = 0; i < build->count; i++) {
        const struct gql_type_source *source = &build->sources[i];
        if (source->own == NULL)
            continue;
        check_name(build, source->own->name, source->own->at);
        if (checks[source->kind] != NULL)
            checks[source->kind](build, source);
    }
    check_cycles(build);
}
