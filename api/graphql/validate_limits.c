/* What one request may ask for, as far as its text tells. */
#include "api/graphql/validate_private.h"

#include <inttypes.h>

/* Lists of fields, interfaces … inside one another, below __schema and __type:
 * graphql-js's figure. */
#define LISTS_MAX 3

#define NESTED_MAX 4000 /* sets in each other, through fragments, too */

/* ---- introspection ---- */

static bool lists_too_deep(struct validation *v,
                           const struct gql_selection_set *set, uint32_t lists,
                           uint32_t nested);

/* Each fragment is looked into once for every number of lists around it. */
static bool spread_too_deep(struct validation *v,
                            struct validation_body *fragment, uint32_t lists,
                            uint32_t nested)
{
    if (fragment->lists_failed > 0 && fragment->lists_failed <= lists + 1)
        return true;
    if (fragment->lists_passed > lists ||
        (fragment->visit == v->walks && fragment->lists_visited > lists))
        return false;
    fragment->visit = v->walks;
    fragment->lists_visited = lists + 1;
    if (lists_too_deep(v, fragment->set, lists, nested)) {
        fragment->lists_failed = lists + 1;
        return true;
    }
    fragment->lists_passed = lists + 1;
    return false;
}

static bool is_introspection_list(struct str name)
{
    return str_is(name, "fields") || str_is(name, "interfaces") ||
           str_is(name, "possibleTypes") || str_is(name, "inputFields");
}

static bool selection_too_deep(struct validation *v,
                               const struct gql_selection *s, uint32_t lists,
                               uint32_t nested)
{
    v->work++;
    if (s->kind == GQL_SPREAD) {
        struct validation_body *fragment = validation_fragment(v, s->name);
        return fragment != NULL && spread_too_deep(v, fragment, lists, nested);
    }
    if (s->kind == GQL_FIELD && is_introspection_list(s->name) &&
        ++lists >= LISTS_MAX)
        return true;
    return s->set != NULL && lists_too_deep(v, s->set, lists, nested);
}

static bool lists_too_deep(struct validation *v,
                           const struct gql_selection_set *set, uint32_t lists,
                           uint32_t nested)
{
    if (nested == NESTED_MAX)
        return true;
    for (const struct gql_selection *s = set->first; s != NULL; s = s->next)
        if (selection_too_deep(v, s, lists, nested + 1))
            return true;
    return false;
}

void rule_introspection_depth(struct validation *v,
                              const struct gql_selection *field)
{
    if (field->name.len < 6 || field->name.p[0] != '_' ||
        (!str_is(field->name, "__schema") && !str_is(field->name, "__type")))
        return;
    v->walks++;
    if (!v->limits->introspection)
        EXCEEDED(v, field->at,
                 "Introspection is turned off: \"%.*s\" cannot be asked for.",
                 STR_ARG(field->name));
    else if (field->set != NULL && lists_too_deep(v, field->set, 0, 0))
        EXCEEDED(v, field->at, "Maximum introspection depth exceeded");
}

/* ---- aliases and directives: as written ---- */

struct written {
    uint32_t aliases, directives;
    uint32_t alias_at, directive_at; /* the first beyond the limit */
};

static void count_directives(const struct validation *v, struct written *w,
                             const struct gql_directive_use *list)
{
    for (; list != NULL; list = list->next)
        if (++w->directives == v->limits->directives + 1)
            w->directive_at = list->at;
}

static void count_written(const struct validation *v, struct written *w,
                          const struct gql_selection_set *set)
{
    for (const struct gql_selection *s = set->first; s != NULL; s = s->next) {
        if (s->kind == GQL_FIELD && s->aliased &&
            ++w->aliases == v->limits->aliases + 1)
            w->alias_at = s->at;
        count_directives(v, w, s->directives);
        if (s->set != NULL)
            count_written(v, w, s->set);
    }
}

static void limit_written(struct validation *v)
{
    struct written w = {0};
    for (uint32_t i = 0; i < v->body_count; i++) {
        count_directives(v, &w, v->bodies[i].directives);
        count_written(v, &w, v->bodies[i].set);
    }
    if (v->limits->aliases > 0 && w.aliases > v->limits->aliases)
        EXCEEDED(v, w.alias_at, "%u aliases are more than the limit of %u.",
                 w.aliases, v->limits->aliases);
    if (v->limits->directives > 0 && w.directives > v->limits->directives)
        EXCEEDED(v, w.directive_at,
                 "%u directives are more than the limit of %u.", w.directives,
                 v->limits->directives);
}

/* ---- depth and root fields: with what fragments add ---- */

/* Of a selection set. */
struct extent {
    uint32_t depth;  /* fields inside fields */
    uint64_t fields; /* at its top */
};

static struct extent extent_of(struct validation *v,
                               const struct gql_selection_set *set,
                               uint32_t nested);

static bool introspects(const struct gql_selection *field)
{
    return field->name.len > 1 && field->name.p[0] == '_' &&
           field->name.p[1] == '_';
}

static struct extent extent_of_fragment(struct validation *v,
                                        struct validation_body *fragment,
                                        uint32_t nested)
{
    if (fragment->extent == NULL) {
        struct extent extent = extent_of(v, fragment->set, nested);
        fragment->extent = arena_alloc(&v->arena, sizeof extent);
        *fragment->extent = extent;
    }
    return *fragment->extent;
}

static struct extent extent_of_selection(struct validation *v,
                                         const struct gql_selection *s,
                                         uint32_t nested)
{
    if (s->kind == GQL_SPREAD)
        return extent_of_fragment(v, validation_fragment(v, s->name), nested);
    if (s->kind == GQL_INLINE)
        return extent_of(v, s->set, nested);
    if (introspects(s))
        return (struct extent){0, 1};
    uint32_t below = s->set != NULL ? extent_of(v, s->set, nested).depth : 0;
    return (struct extent){below + 1, 1};
}

/* The document has no errors, hence no cycles. */
static struct extent extent_of(struct validation *v,
                               const struct gql_selection_set *set,
                               uint32_t nested)
{
    struct extent all = {0};
    if (nested == NESTED_MAX)
        return (struct extent){NESTED_MAX, 0};
    for (const struct gql_selection *s = set->first; s != NULL; s = s->next) {
        struct extent one = extent_of_selection(v, s, nested + 1);
        v->work++;
        all.depth = one.depth > all.depth ? one.depth : all.depth;
        if (__builtin_add_overflow(all.fields, one.fields, &all.fields))
            all.fields = UINT64_MAX;
    }
    return all;
}

static void limit_extent(struct validation *v,
                         const struct validation_body *operation)
{
    const struct gql_limits *limits = v->limits;
    struct extent extent = extent_of(v, operation->set, 0);
    if (limits->depth > 0 && extent.depth > limits->depth)
        EXCEEDED(v, operation->def->at,
                 "A depth of %u is more than the limit of %u.", extent.depth,
                 limits->depth);
    if (limits->root_fields > 0 && extent.fields > limits->root_fields)
        EXCEEDED(v, operation->def->at,
                 "%" PRIu64 " root fields are more than the limit of %u.",
                 extent.fields, limits->root_fields);
}

/* ---- cost ---- */

static void limit_cost(struct validation *v,
                       const struct validation_body *operation)
{
    if (v->limits->cost == 0)
        return;
    uint64_t cost = gql_cost_least(v->schema, v->doc,
                                   &operation->def->operation, v->limits);
    if (cost > v->limits->cost)
        EXCEEDED(v, operation->def->at,
                 "A cost of %" PRIu64 " is more than the limit of %" PRIu64 ".",
                 cost, v->limits->cost);
}

void validate_limits(struct validation *v)
{
    limit_written(v);
    for (uint32_t i = 0; i < v->body_count && !validation_full(v); i++) {
        if (v->bodies[i].def->kind != GQL_DEF_OPERATION)
            continue;
        limit_extent(v, &v->bodies[i]);
        limit_cost(v, &v->bodies[i]);
    }
}
