/* schema_document: the names of a schema document. Each is given once, and
 * what is used is defined. */
#include <stddef.h>

#include "api/graphql/schema_build.h"

/* ---- names that must differ ---- */

/* at: where the name stands, in the document. True the first time; otherwise
 * *first is the place of the first. */
static bool take(struct gql_build *build, struct gql_name_map *names,
                 struct str name, const uint32_t *at, uint32_t *first)
{
    const void *place;
    if (gql_is_first(build, names, name, at, &place))
        return true;
    *first = *(const uint32_t *)place;
    return false;
}

#define TWICE(build, first, at, ...)                    \
    gql_error_add((build)->errors, GQL_CODE_VALIDATION, \
                  (const uint32_t[]){(first), (at)}, 2, __VA_ARGS__)

/* ---- definitions ---- */

static bool is_type(const struct gql_definition *d)
{
    return d->kind >= GQL_DEF_SCALAR && d->kind <= GQL_DEF_INPUT;
}

static void refuse_executable(struct gql_build *build,
                              const struct gql_definition *d)
{
    if (d->kind == GQL_DEF_OPERATION || d->kind == GQL_DEF_FRAGMENT)
        GQL_SCHEMA_ERROR(build, d->at,
                         "A schema has no operations and no fragments.");
}

/* Is the built-in of that name a scalar that the text may repeat? */
static bool may_repeat(const struct gql_type *builtin,
                       const struct gql_definition *d)
{
    return builtin->kind == GQL_TYPE_SCALAR && d->kind == GQL_DEF_SCALAR;
}

static void add_part(struct gql_build *build, struct gql_type_source *source,
                     const struct gql_type_def *def)
{
    struct gql_part *part = arena_zalloc(build->arena, sizeof *part);
    part->def = def;
    if (source->last != NULL)
        source->last->next = part;
    else
        source->parts = part;
    source->last = part;
}

static uint32_t name_at(const struct gql_type_source *source)
{
    return source->parts->def->name_at;
}

static void add_source(struct gql_build *build, const struct gql_definition *d)
{
    const struct gql_type *builtin = gql_builtin_type(d->type.name);
    struct gql_type_source *s = &build->sources[build->count];
    const void *first;
    if (!gql_is_first(build, &build->names, d->type.name, s, &first)) {
        TWICE(build, name_at(first), d->type.name_at,
              "There can be only one type named \"%.*s\".",
              STR_ARG(d->type.name));
        return;
    }
    if (builtin != NULL && !may_repeat(builtin, d))
        GQL_SCHEMA_ERROR(build, d->type.name_at,
                         "The built-in type \"%.*s\" cannot be redefined.",
                         STR_ARG(d->type.name));
    build->count++;
    s->kind = d->kind;
    add_part(build, s, &d->type);
    s->type = builtin;
}

static void collect_types(struct gql_build *build)
{
    uint32_t count = 0;
    for (const struct gql_definition *d = build->doc.first; d; d = d->next)
        count += is_type(d) && !d->extension;
    if (count > GQL_SCHEMA_TYPES_MAX) {
        gql_error_add(build->errors, GQL_CODE_LIMIT, NULL, 0,
                      "The schema has %u types, more than %d.", count,
                      GQL_SCHEMA_TYPES_MAX);
        return;
    }
    build->sources = arena_zalloc(build->arena, count * sizeof *build->sources);
    for (const struct gql_definition *d = build->doc.first; d; d = d->next) {
        refuse_executable(build, d);
        if (is_type(d) && !d->extension)
            add_source(build, d);
    }
}

/* ---- extensions ---- */

static const char *kind_name(enum gql_def_kind kind)
{
    static const char *const names[] = {
        [GQL_DEF_SCALAR] = "scalar",       [GQL_DEF_OBJECT] = "object",
        [GQL_DEF_INTERFACE] = "interface", [GQL_DEF_UNION] = "union",
        [GQL_DEF_ENUM] = "enum",           [GQL_DEF_INPUT] = "input object",
    };
    return names[kind];
}

static void extend(struct gql_build *build, const struct gql_definition *d)
{
    const struct gql_name *known =
        gql_name_map_find(&build->names, d->type.name);
    struct gql_type_source *source = known != NULL ? known->value : NULL;
    if (source == NULL)
        GQL_SCHEMA_ERROR(
            build, d->type.name_at,
            "Cannot extend type \"%.*s\" because it is not defined.",
            STR_ARG(d->type.name));
    else if (source->kind != d->kind)
        TWICE(build, name_at(source), d->type.name_at,
              "Cannot extend non-%s type \"%.*s\".", kind_name(d->kind),
              STR_ARG(d->type.name));
    else
        add_part(build, source, &d->type);
}

static void collect_extensions(struct gql_build *build)
{
    for (const struct gql_definition *d = build->doc.first; d; d = d->next)
        if (is_type(d) && d->extension)
            extend(build, d);
}

/* ---- the schema definition and directives ---- */

static const char *const operation_names[] = {"query", "mutation",
                                              "subscription"};

static void check_roots(struct gql_build *build, const struct gql_type_def *def,
                        const struct gql_root_def *seen[3])
{
    for (const struct gql_root_def *r = def->roots; r; r = r->next) {
        const struct gql_root_def *first = seen[r->operation];
        if (first != NULL)
            TWICE(build, first->at, r->at,
                  "There can be only one %s type in schema.",
                  operation_names[r->operation]);
        else
            seen[r->operation] = r;
    }
}

static void check_schema_definitions(struct gql_build *build)
{
    const struct gql_root_def *seen[3] = {0};
    bool defined = false;
    for (const struct gql_definition *d = build->doc.first; d; d = d->next) {
        if (d->kind != GQL_DEF_SCHEMA)
            continue;
        if (defined && !d->extension)
            GQL_SCHEMA_ERROR(build, d->at,
                             "Must provide only one schema definition.");
        defined = defined || !d->extension;
        check_roots(build, &d->type, seen);
    }
}

static void check_directive_names(struct gql_build *build)
{
    struct gql_name_map names = {0};
    uint32_t first;
    for (const struct gql_definition *d = build->doc.first; d; d = d->next) {
        if (d->kind != GQL_DEF_DIRECTIVE ||
            take(build, &names, d->type.name, &d->type.name_at, &first))
            continue;
        TWICE(build, first, d->type.name_at,
              "There can be only one directive named \"@%.*s\".",
              STR_ARG(d->type.name));
    }
}

/* ---- members of a type ---- */

static void check_arguments(struct gql_build *build, const char *owner,
                            const struct gql_input_def *list)
{
    struct gql_name_map names = {0};
    uint32_t first;
    for (const struct gql_input_def *a = list; a; a = a->next)
        if (!take(build, &names, a->name, &a->at, &first))
            TWICE(build, first, a->at,
                  "Argument \"%s(%.*s:)\" can only be defined once.", owner,
                  STR_ARG(a->name));
}

static void check_field_arguments(struct gql_build *build,
                                  const struct gql_type_def *def)
{
    for (const struct gql_field_def *f = def->fields; f; f = f->next)
        if (f->arguments != NULL)
            check_arguments(build,
                            arena_printf(build->arena, "%.*s.%.*s",
                                         STR_ARG(def->name), STR_ARG(f->name)),
                            f->arguments);
}

/* The three kinds of members share their first words. */
struct member {
    struct member *next;
    struct str name;
    uint32_t at;
};

#define SAME(type, field)                              \
    _Static_assert(offsetof(struct type, field) ==     \
                       offsetof(struct member, field), \
                   "members begin alike")
SAME(gql_field_def, next);
SAME(gql_field_def, name);
SAME(gql_field_def, at);
SAME(gql_input_def, next);
SAME(gql_input_def, name);
SAME(gql_input_def, at);
SAME(gql_enum_def, next);
SAME(gql_enum_def, name);
SAME(gql_enum_def, at);

static const struct member *members_of(const struct gql_type_def *def,
                                       enum gql_def_kind kind)
{
    if (kind == GQL_DEF_ENUM)
        return (const struct member *)def->values;
    if (kind == GQL_DEF_INPUT)
        return (const struct member *)def->inputs;
    return (const struct member *)def->fields;
}

static void check_members(struct gql_build *build,
                          const struct gql_type_source *source)
{
    struct gql_name_map names = {0};
    const char *what = source->kind == GQL_DEF_ENUM ? "Enum value" : "Field";
    uint32_t first;
    for (const struct gql_part *p = source->parts; p; p = p->next)
        for (const struct member *m = members_of(p->def, source->kind); m;
             m = m->next)
            if (!take(build, &names, m->name, &m->at, &first))
                TWICE(build, first, m->at,
                      "%s \"%.*s.%.*s\" can only be defined once.", what,
                      STR_ARG(p->def->name), STR_ARG(m->name));
}

/* ---- names of types that are used ---- */

static void check_known(struct gql_build *build, struct str name, uint32_t at)
{
    if (gql_name_map_find(&build->names, name) == NULL &&
        gql_builtin_type(name) == NULL)
        GQL_SCHEMA_ERROR(build, at, "Unknown type \"%.*s\".", STR_ARG(name));
}

static void check_ref(struct gql_build *build, const struct gql_type_node *type)
{
    while (type->wrap != GQL_NAMED)
        type = type->of;
    check_known(build, type->name, type->at);
}

static void check_input_refs(struct gql_build *build,
                             const struct gql_input_def *input)
{
    for (; input != NULL; input = input->next)
        check_ref(build, input->type);
}

static void check_field_refs(struct gql_build *build,
                             const struct gql_field_def *field)
{
    for (; field != NULL; field = field->next) {
        check_input_refs(build, field->arguments);
        check_ref(build, field->type);
    }
}

static void check_name_refs(struct gql_build *build,
                            const struct gql_name_node *name)
{
    for (; name != NULL; name = name->next)
        check_known(build, name->name, name->at);
}

static void check_definition_refs(struct gql_build *build,
                                  const struct gql_definition *d)
{
    for (const struct gql_root_def *r = d->type.roots; r; r = r->next)
        check_known(build, r->type, r->at);
    check_name_refs(build, d->type.interfaces);
    check_field_refs(build, d->type.fields);
    check_input_refs(build, d->type.inputs);
    if (d->kind == GQL_DEF_UNION)
        check_name_refs(build, d->type.members);
}

static void check_definition(struct gql_build *build,
                             const struct gql_definition *d)
{
    if (d->kind == GQL_DEF_OPERATION || d->kind == GQL_DEF_FRAGMENT)
        return;
    check_definition_refs(build, d);
    check_field_arguments(build, &d->type);
    if (d->kind == GQL_DEF_DIRECTIVE)
        check_arguments(
            build, arena_printf(build->arena, "@%.*s", STR_ARG(d->type.name)),
            d->type.inputs);
}

void gql_document_names(struct gql_build *build)
{
    collect_types(build);
    if (build->sources == NULL)
        return;
    collect_extensions(build);
    check_schema_definitions(build);
    check_directive_names(build);
    for (uint32_t i = 0; i < build->count; i++)
        check_members(build, &build->sources[i]);
    for (const struct gql_definition *d = build->doc.first; d; d = d->next)
        check_definition(build, d);
}
