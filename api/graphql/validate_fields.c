#include "api/graphql/suggest.h"
#include "api/graphql/validate_private.h"

/* ---- the names of types ---- */

static bool defined_here(const struct validation *v, struct str name)
{
    for (const struct gql_definition *def = v->doc->first; def != NULL;
         def = def->next)
        if (def->kind > GQL_DEF_SCHEMA && def->kind < GQL_DEF_DIRECTIVE &&
            !def->extension && str_eq(def->type.name, name))
            return true;
    return false;
}

static const char *suggest_type(struct validation *v, struct str name)
{
    uint32_t count = v->schema->type_count;
    struct str *names = arena_alloc(&v->arena, (count + 1) * sizeof *names);
    for (uint32_t i = 0; i < count; i++)
        names[i] = v->schema->types[i]->name;
    return gql_suggest(&v->arena, v->limits, NULL, name, names, count);
}

void rule_known_type_names(struct validation *v, struct str name, uint32_t at)
{
    if (gql_schema_type(v->schema, name) == NULL && !defined_here(v, name))
        REPORT(v, at, "Unknown type \"%.*s\".%s", STR_ARG(name),
               suggest_type(v, name));
}

/* ---- selections ---- */

void rule_scalar_leafs(struct validation *v, const struct gql_selection *field,
                       const struct gql_type_ref *type)
{
    bool leaf = gql_is_leaf(type->named);
    if (leaf && field->set != NULL)
        REPORT(v, field->set->at,
               "Field \"%.*s\" must not have a selection since type \"%s\" has "
               "no subfields.",
               STR_ARG(field->name), validation_type_text(v, type));
    else if (!leaf && field->set == NULL)
        REPORT(v, field->at,
               "Field \"%.*s\" of type \"%s\" must have a selection of "
               "subfields. Did you mean \"%.*s { ... }\"?",
               STR_ARG(field->name), validation_type_text(v, type),
               STR_ARG(field->name));
}

/* ---- types that do have the field ---- */

struct candidate {
    const struct gql_type *type;
    uint32_t uses; /* how many of the possible types it stands for */
};

struct candidates {
    struct candidate *list;
    uint32_t count;
};

static void add_candidate(struct candidates *c, const struct gql_type *type)
{
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->list[i].type != type)
            continue;
        c->list[i].uses++;
        return;
    }
    c->list[c->count++] = (struct candidate){type, 1};
}

static void find_candidates(struct candidates *c, const struct gql_type *type,
                            struct str field)
{
    for (uint32_t i = 0; i < type->possible_count; i++) {
        const struct gql_type *object = type->possible[i];
        if (gql_type_field(object, field) == NULL)
            continue;
        add_candidate(c, object);
        for (uint32_t k = 0; k < object->interface_count; k++)
            if (gql_type_field(object->interfaces[k], field) != NULL)
                add_candidate(c, object->interfaces[k]);
    }
}

static bool implements(const struct gql_type *type,
                       const struct gql_type *interface)
{
    for (uint32_t i = 0; i < type->interface_count; i++)
        if (type->interfaces[i] == interface)
            return true;
    return false;
}

/* Those that stand for more types first, then the wider ones. */
static bool before(const struct candidate *a, const struct candidate *b)
{
    if (a->uses != b->uses)
        return a->uses > b->uses;
    if (implements(b->type, a->type))
        return true;
    if (implements(a->type, b->type))
        return false;
    return gql_natural_compare(a->type->name, b->type->name) < 0;
}

static void sort_candidates(struct candidates *c)
{
    for (uint32_t i = 1; i < c->count; i++) {
        struct candidate moved = c->list[i];
        uint32_t at = i;
        for (; at > 0 && before(&moved, &c->list[at - 1]); at--)
            c->list[at] = c->list[at - 1];
        c->list[at] = moved;
    }
}

static const char *suggest_types(struct validation *v,
                                 const struct gql_type *type, struct str field)
{
    if (type->kind == GQL_TYPE_OBJECT)
        return "";
    struct candidates c = {arena_alloc(
        &v->arena, (v->schema->type_count + 1) * sizeof(struct candidate))};
    find_candidates(&c, type, field);
    sort_candidates(&c);
    struct str *names = arena_alloc(&v->arena, (c.count + 1) * sizeof *names);
    for (uint32_t i = 0; i < c.count; i++)
        names[i] = c.list[i].type->name;
    return gql_did_you_mean(&v->arena, v->limits,
                            "to use an inline fragment on", names, c.count);
}

static const char *suggest_fields(struct validation *v,
                                  const struct gql_type *type, struct str field)
{
    uint32_t count = type->field_count;
    struct str *names = arena_alloc(&v->arena, (count + 1) * sizeof *names);
    for (uint32_t i = 0; i < count; i++)
        names[i] = type->fields[i].name;
    return gql_suggest(&v->arena, v->limits, NULL, field, names, count);
}

void rule_fields_on_correct_type(struct validation *v,
                                 const struct gql_selection *field,
                                 const struct gql_type *parent)
{
    const char *hint = suggest_types(v, parent, field->name);
    if (*hint == '\0')
        hint = suggest_fields(v, parent, field->name);
    REPORT(v, field->at, "Cannot query field \"%.*s\" on type \"%.*s\".%s",
           STR_ARG(field->name), STR_ARG(parent->name), hint);
}
