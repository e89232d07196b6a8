/* schema_order: the last step, lists over all types. Their order is that of
 * graphql-js: types as the text has them, a built-in one behind the first that
 * refers to it. */
#include "api/graphql/schema_build.h"

struct order {
    const struct gql_type **list;
    uint32_t count;
    bool seen[GQL_BUILTINS];
};

static void visit_members(struct order *order, const struct gql_type *type);

/* The text's own types have their places already. */
static void visit(struct order *order, const struct gql_type *type)
{
    if (!type->builtin || order->seen[type->id])
        return;
    order->seen[type->id] = true;
    order->list[order->count++] = type;
    visit_members(order, type);
}

static void visit_inputs(struct order *order, const struct gql_input *list,
                         uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        visit(order, list[i].type->named);
}

static void visit_members(struct order *order, const struct gql_type *type)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        visit(order, type->fields[i].type->named);
        visit_inputs(order, type->fields[i].arguments,
                     type->fields[i].argument_count);
    }
    visit_inputs(order, type->inputs, type->input_count);
}

static void visit_sources(struct order *order, const struct gql_build *build)
{
    for (uint32_t i = 0; i < build->count; i++)
        if (build->sources[i].own == NULL)
            order->seen[build->sources[i].type->id] = true;
    for (uint32_t i = 0; i < build->count; i++) {
        order->list[order->count++] = build->sources[i].type;
        visit_members(order, build->sources[i].type);
    }
}

static void list_types(struct gql_build *build)
{
    struct order order = {
        .list = arena_alloc(build->arena, (build->count + GQL_BUILTINS) *
                                              sizeof *order.list)};
    visit_sources(&order, build);
    for (uint32_t i = 0; i < build->schema->directive_count; i++)
        visit_inputs(&order, build->directives[i].arguments,
                     build->directives[i].argument_count);
    visit(&order, &gql_builtin_types[GQL_BUILTIN_SCHEMA]);
    build->schema->types = order.list;
    build->schema->type_count = order.count;
}

static void index_types(struct gql_build *build)
{
    struct gql_schema *schema = build->schema;
    struct gql_name_map *names = arena_zalloc(build->arena, sizeof *names);
    for (uint32_t i = 0; i < schema->type_count; i++)
        gql_name_map_put(names, build->arena, schema->types[i]->name)->value =
            (void *)schema->types[i];
    schema->index = names;
}

/* ---- what implements an interface ---- */

/* The build's own type at that id, to be written; NULL: built in. */
static struct gql_type *own(struct gql_build *build,
                            const struct gql_type *type)
{
    return type->builtin ? NULL : &build->own[type->id - GQL_BUILTINS];
}

static void count_possible(struct gql_build *build, const struct gql_type *type)
{
    for (uint32_t i = 0; i < type->interface_count; i++)
        if (type->interfaces[i]->kind == GQL_TYPE_INTERFACE)
            own(build, type->interfaces[i])->possible_count++;
}

static void add_possible(const struct gql_type *type,
                         const struct gql_type ***next)
{
    for (uint32_t i = 0; i < type->interface_count; i++)
        if (type->interfaces[i]->kind == GQL_TYPE_INTERFACE)
            *next[type->interfaces[i]->id]++ = type;
}

/* What claims to be an interface may not be one yet: that is checked next. */
void gql_build_possible(struct gql_build *build)
{
    const struct gql_type ***next =
        arena_zalloc(build->arena, build->schema->type_ids * sizeof *next);
    for (uint32_t i = 0; i < build->count; i++)
        if (build->sources[i].kind == GQL_DEF_OBJECT)
            count_possible(build, build->sources[i].type);
    for (uint32_t i = 0; i < build->count; i++) {
        struct gql_type *type = build->sources[i].own;
        if (type == NULL || type->kind != GQL_TYPE_INTERFACE)
            continue;
        next[type->id] =
            arena_alloc(build->arena, type->possible_count * sizeof **next);
        type->possible = next[type->id];
    }
    for (uint32_t i = 0; i < build->count; i++)
        if (build->sources[i].kind == GQL_DEF_OBJECT)
            add_possible(build->sources[i].type, next);
}

void gql_build_order(struct gql_build *build)
{
    list_types(build);
    index_types(build);
}
