#include "api/graphql/validate_private.h"

#define NESTED_MAX 4000 /* sets of a subscription's root in each other */

/* ---- definitions ---- */

static void not_executable(struct validation *v,
                           const struct gql_definition *def)
{
    if (def->kind == GQL_DEF_SCHEMA)
        REPORT(v, def->at, "The schema definition is not executable.");
    else
        REPORT(v, def->at, "The \"%.*s\" definition is not executable.",
               STR_ARG(def->type.name));
}

void rule_executable_definitions(struct validation *v)
{
    for (const struct gql_definition *def = v->doc->first; def != NULL;
         def = def->next)
        if (def->kind != GQL_DEF_OPERATION && def->kind != GQL_DEF_FRAGMENT)
            not_executable(v, def);
}

/* ---- operations ---- */

void rule_known_operation_types(struct validation *v,
                                const struct validation_body *operation)
{
    static const char *const words[] = {"query", "mutation", "subscription"};
    if (operation->type == NULL)
        REPORT(v, operation->def->at,
               "The %s operation is not supported by the schema.",
               words[operation->def->operation.type]);
}

void rule_unique_operation_names(struct validation *v,
                                 const struct gql_operation *op)
{
    if (op->name.len == 0)
        return;
    struct gql_name *seen =
        gql_name_map_put(&v->operations, &v->arena, op->name);
    if (seen->value == NULL)
        seen->value = (void *)op;
    else
        REPORT_TWO(v, ((const struct gql_operation *)seen->value)->name_at,
                   op->name_at,
                   "There can be only one operation named \"%.*s\".",
                   STR_ARG(op->name));
}

void rule_lone_anonymous_operation(struct validation *v,
                                   const struct gql_definition *def)
{
    if (def->operation.name.len == 0 && v->operation_count > 1)
        REPORT(v, def->at,
               "This anonymous operation must be the only defined operation.");
}

/* ---- subscriptions ---- */

/* The fields of a subscription's root, by response name, with all the nodes of
 * each; where "@skip" and "@include" stand there. */
struct root {
    struct validation *v;
    const struct gql_type *type;
    struct gql_name_map fields; /* to struct root_field */
    struct validation_places conditions;
    uint32_t nested; /* sets in each other */
};

struct root_node {
    struct root_node *next;
    const struct gql_selection *field;
};

struct root_field {
    struct root_node *first, **end;
};

static void add_root_field(struct root *root, const struct gql_selection *field)
{
    struct arena *arena = &root->v->arena;
    struct gql_name *at = gql_name_map_put(&root->fields, arena, field->alias);
    struct root_field *list = at->value;
    if (list == NULL) {
        at->value = list = arena_zalloc(arena, sizeof *list);
        list->end = &list->first;
    }
    struct root_node *node = arena_alloc(arena, sizeof *node);
    *node = (struct root_node){NULL, field};
    *list->end = node;
    list->end = &node->next;
}

static bool condition_holds(const struct validation *v, struct str on,
                            const struct gql_type *object)
{
    const struct gql_type *type =
        on.len > 0 ? gql_schema_type(v->schema, on) : object;
    return type == object ||
           (type != NULL && gql_is_composite(type) && object != NULL &&
            gql_type_includes(type, object));
}

static void collect_root(struct root *root,
                         const struct gql_selection_set *set);

static void collect_spread(struct root *root,
                           const struct gql_selection *spread)
{
    struct validation_body *fragment =
        validation_fragment(root->v, spread->name);
    if (fragment == NULL || fragment->reached == root->v->walks)
        return;
    fragment->reached = root->v->walks;
    if (condition_holds(root->v, fragment->def->fragment.on, root->type))
        collect_root(root, fragment->set);
}

/* What is left out for one event and not for the next has no place there. */
static void forbid_conditions(struct root *root,
                              const struct gql_directive_use *use)
{
    for (; use != NULL; use = use->next)
        if (str_is(use->name, "skip") || str_is(use->name, "include"))
            validation_place(&root->conditions, &root->v->arena, use->at);
}

static void collect_root(struct root *root, const struct gql_selection_set *set)
{
    if (root->nested == NESTED_MAX) {
        gql_error_add(root->v->errors, GQL_CODE_LIMIT, &set->at, 1,
                      "Selections of a subscription are nested more than %d "
                      "deep.",
                      NESTED_MAX);
        return;
    }
    root->nested++;
    for (const struct gql_selection *s = set->first; s != NULL; s = s->next) {
        root->v->work++;
        forbid_conditions(root, s->directives);
        if (s->kind == GQL_FIELD)
            add_root_field(root, s);
        else if (s->kind == GQL_SPREAD)
            collect_spread(root, s);
        else if (condition_holds(root->v, s->on, root->type))
            collect_root(root, s->set);
    }
    root->nested--;
}

/* "Subscription "A"", or "Anonymous Subscription". */
static const char *subscription_text(struct validation *v,
                                     const struct gql_operation *op)
{
    if (op->name.len == 0)
        return "Anonymous Subscription";
    return arena_printf(&v->arena, "Subscription \"%.*s\"", STR_ARG(op->name));
}

static void add_places(struct validation_places *places, struct root *root,
                       const struct root_field *field)
{
    for (const struct root_node *n = field->first; n != NULL; n = n->next)
        validation_place(places, &root->v->arena, n->field->at);
}

static void one_root_field(struct root *root, const char *subscription)
{
    struct validation_places places = {0};
    for (uint32_t i = 1; i < root->fields.count; i++)
        add_places(&places, root, root->fields.list[i].value);
    if (places.count > 0)
        validation_report(root->v, &places,
                          "%s must select only one top level field.",
                          subscription);
}

static bool introspects(const struct root_field *field)
{
    struct str name = field->first->field->name;
    return name.len >= 2 && memcmp(name.p, "__", 2) == 0;
}

static void no_introspection(struct root *root, const char *subscription)
{
    for (uint32_t i = 0; i < root->fields.count && !validation_full(root->v);
         i++) {
        struct validation_places places = {0};
        if (!introspects(root->fields.list[i].value))
            continue;
        add_places(&places, root, root->fields.list[i].value);
        validation_report(
            root->v, &places,
            "%s must not select an introspection top level field.",
            subscription);
    }
}

void rule_single_field_subscriptions(struct validation *v,
                                     const struct validation_body *operation)
{
    const struct gql_operation *op = &operation->def->operation;
    if (op->type != GQL_SUBSCRIPTION || operation->type == NULL)
        return;
    struct root root = {.v = v, .type = operation->type};
    v->walks++;
    collect_root(&root, op->set);
    const char *text = subscription_text(v, op);
    if (root.conditions.count > 0) {
        validation_report(
            v, &root.conditions,
            "%s must not use `@skip` or `@include` directives in the "
            "top level selection.",
            text);
        return;
    }
    one_root_field(&root, text);
    no_introspection(&root, text);
}
