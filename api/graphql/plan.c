/* plan: making one, and the collecting of fields. */
#include "api/graphql/plan.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "api/graphql/cache.h"
#include "api/graphql/introspect.h"
#include "api/graphql/name_map.h"
#include "api/graphql/validate.h"
#include "lib/mem.h"

#define KEPT_PER_QUERY     4    /* plans of one document, by variables */
#define VARIABLES_TEXT_MAX 1024 /* of a plan that is kept */
#define KEPT_BYTES_MAX     ((size_t)256 * 1024)

/* ---- collecting ---- */

/* A response name and the selections that have it. */
struct found {
    struct found *next;
    struct str name;
    struct plan_node *first, *last;
    uint32_t count;
};

struct visited {
    struct visited *next;
    const struct gql_fragment *fragment;
};

struct collection {
    struct gql_plan *plan;
    const struct gql_type *type;
    struct found *first, *last;
    struct gql_name_map names; /* response names to them */
    uint32_t count;
    struct visited *visited;
    struct gql_coerce_error *refusal;
};

static bool is_true(const struct gql_value *value)
{
    return value != NULL && value->kind == GQL_BOOLEAN && value->boolean;
}

/* The `if` of a directive; refused where it is null. */
static bool condition(struct collection *c, const struct gql_directive_use *use,
                      bool otherwise)
{
    struct gql_plan *plan = c->plan;
    const struct gql_directive *directive =
        gql_schema_directive(plan->schema, use->name);
    const struct gql_value *values[4] = {0};
    if (directive == NULL || directive->argument_count != 1)
        return otherwise;
    struct gql_coerce_error error;
    if (gql_coerce_arguments(directive->arguments, 1, use->arguments, use->at,
                             &plan->variables, &plan->arena, values, NULL,
                             &error) == 0)
        return is_true(values[0]);
    if (c->refusal == NULL) {
        c->refusal = arena_alloc(&plan->arena, sizeof error);
        *c->refusal = error;
    }
    return otherwise;
}

/* Whatever their order in the text: @skip has the first word, and what it
 * leaves out is not asked for more. */
static bool is_included(struct collection *c,
                        const struct gql_selection *selection)
{
    bool included = true;
    const struct gql_directive_use *use;
    for (use = selection->directives; use != NULL && included; use = use->next)
        if (str_is(use->name, "skip"))
            included = !condition(c, use, true);
    for (use = selection->directives; use != NULL && included; use = use->next)
        if (str_is(use->name, "include"))
            included = condition(c, use, false);
    return included;
}

static struct found *find_or_add(struct collection *c, struct str name)
{
    struct gql_name *known = gql_name_map_put(&c->names, &c->plan->arena, name);
    struct found *f = known->value;
    if (f != NULL)
        return f;
    f = known->value = arena_zalloc(&c->plan->arena, sizeof *f);
    f->name = name;
    if (c->first == NULL)
        c->first = f;
    else
        c->last->next = f;
    c->last = f;
    c->count++;
    return f;
}

static void collect_field(struct collection *c,
                          const struct gql_selection *selection)
{
    struct found *f = find_or_add(c, selection->alias);
    struct plan_node *node = arena_alloc(&c->plan->arena, sizeof *node);
    *node = (struct plan_node){.selection = selection};
    if (f->first == NULL)
        f->first = node;
    else
        f->last->next = node;
    f->last = node;
    f->count++;
}

static bool applies(const struct collection *c, struct str on)
{
    if (on.len == 0 || str_eq(on, c->type->name))
        return true;
    const struct gql_type *type = gql_schema_type(c->plan->schema, on);
    return type != NULL && gql_is_composite(type) &&
           gql_type_includes(type, c->type);
}

static void collect(struct collection *c, const struct gql_selection_set *set);

static bool first_visit(struct collection *c,
                        const struct gql_fragment *fragment)
{
    for (struct visited *v = c->visited; v != NULL; v = v->next)
        if (v->fragment == fragment)
            return false;
    struct visited *v = arena_alloc(&c->plan->arena, sizeof *v);
    *v = (struct visited){c->visited, fragment};
    c->visited = v;
    return true;
}

static void collect_spread(struct collection *c,
                           const struct gql_selection *selection)
{
    const struct gql_fragment *fragment =
        gql_document_fragment(&c->plan->query->document, selection->name);
    if (fragment != NULL && first_visit(c, fragment) &&
        applies(c, fragment->on))
        collect(c, fragment->set);
}

static void collect(struct collection *c, const struct gql_selection_set *set)
{
    for (const struct gql_selection *s = set->first; s != NULL; s = s->next) {
        if (s->directives != NULL && !is_included(c, s))
            continue;
        if (s->kind == GQL_FIELD)
            collect_field(c, s);
        else if (s->kind == GQL_SPREAD)
            collect_spread(c, s);
        else if (applies(c, s->on))
            collect(c, s->set);
    }
}

/* ---- fields ---- */

/* ",\"name\":" and value behind it. */
static struct str key_text(struct str name, struct str value,
                           struct arena *arena)
{
    size_t len = name.len + value.len + 4;
    char *text = arena_alloc(arena, len < PLAN_KEY_ROOM ? PLAN_KEY_ROOM : len);
    char *p = text;
    *p++ = ',';
    *p++ = '"';
    memcpy(p, name.p, name.len);
    p += name.len;
    *p++ = '"';
    *p++ = ':';
    if (value.len > 0)
        memcpy(p, value.p, value.len);
    return str_make(text, len);
}

static void set_type(struct plan_field *f, const struct gql_type_ref *type)
{
    f->required = type->wrap == GQL_NON_NULL;
    f->type = type->named;
    for (; type->wrap != GQL_NAMED; type = type->of)
        if (type->wrap == GQL_NON_NULL)
            f->non_null |= UINT64_C(1) << f->lists;
        else if (f->lists < 63)
            f->lists++;
}

static void set_arguments(struct gql_plan *plan, struct plan_field *f)
{
    uint32_t count = f->field->argument_count;
    if (count == 0)
        return;
    f->arguments = arena_zalloc(&plan->arena, count * sizeof *f->arguments);
    const struct gql_selection *node = f->nodes->selection;
    struct gql_coerce_error error;
    if (gql_coerce_arguments(f->field->arguments, count, node->arguments,
                             node->at, &plan->variables, &plan->arena,
                             f->arguments, &plan->hooked, &error) == 0)
        return;
    f->refusal = arena_alloc(&plan->arena, sizeof error);
    *f->refusal = error;
}

static void set_typename(struct gql_plan *plan, struct plan_field *f,
                         const struct gql_type *type)
{
    const char *value =
        arena_printf(&plan->arena, "\"%.*s\"", STR_ARG(type->name));
    f->kind = PLAN_TYPENAME;
    f->field = &gql_typename_field;
    f->key = key_text(f->name, str_of(value), &plan->arena);
}

/* What stands behind the field; false: the type has no such field, which
 * validation has refused. */
static bool bind_field(const struct gql_plan *plan, struct plan_field *f,
                       struct str name, const struct gql_type *type)
{
    const struct gql_binding *binding;
    bool root = type == plan->schema->query;
    f->field = gql_type_field(type, name);
    if (f->field != NULL) {
        binding = type->builtin ? gql_introspection_binding(f->field)
                                : f->field->binding;
    } else if (root && str_is(name, "__schema")) {
        f->field = &gql_schema_field;
        binding = &gql_introspect_schema;
    } else if (root && str_is(name, "__type")) {
        f->field = &gql_type_field_meta;
        binding = &gql_introspect_type;
    } else {
        return false;
    }
    f->resolve = binding != NULL ? binding->resolve : NULL;
    f->write = binding != NULL ? binding->write : NULL;
    return true;
}

static bool make_field(struct gql_plan *plan, struct plan_field *f,
                       const struct found *found, const struct gql_type *type)
{
    struct str name = found->first->selection->name;
    f->name = found->name;
    f->owner = type;
    f->nodes = found->first;
    f->node_count = found->count;
    if (str_is(name, "__typename")) {
        set_typename(plan, f, type);
        return true;
    }
    if (!bind_field(plan, f, name, type))
        return false;
    set_type(f, f->field->type);
    f->key = key_text(f->name, str_make(NULL, 0), &plan->arena);
    f->kind = gql_is_leaf(f->type) ? PLAN_LEAF : PLAN_OBJECTS;
    f->resolved = f->kind == PLAN_OBJECTS || f->resolve != NULL;
    assert(f->kind != PLAN_LEAF || f->write != NULL); /* gql_bind saw to it */
    set_arguments(plan, f);
    if (f->kind == PLAN_OBJECTS)
        f->sets = arena_zalloc(&plan->arena,
                               plan_possible_count(f->type) * sizeof *f->sets);
    return true;
}

static struct plan_set *make_set(struct collection *c)
{
    struct gql_plan *plan = c->plan;
    struct plan_set *set = arena_zalloc(&plan->arena, sizeof *set);
    set->type = c->type;
    set->refusal = c->refusal;
    set->fields = arena_zalloc(&plan->arena, c->count * sizeof *set->fields);
    for (const struct found *found = c->first; found != NULL;
         found = found->next) {
        struct plan_field *f = &set->fields[set->count];
        if (!make_field(plan, f, found, c->type))
            continue;
        if (f->resolved)
            f->slot = set->resolved++;
        set->count++;
    }
    return set;
}

const struct plan_set *plan_subset(struct gql_plan *plan,
                                   const struct plan_field *field, uint32_t i)
{
    if (field->sets[i] != NULL)
        return field->sets[i];
    struct collection c = {.plan = plan, .type = plan_possible(field->type, i)};
    for (const struct plan_node *n = field->nodes; n != NULL; n = n->next)
        if (n->selection->set != NULL)
            collect(&c, n->selection->set);
    return field->sets[i] = make_set(&c);
}

bool gql_selects(const struct gql_call *call, const char *field_name)
{
    const struct plan_selection *s = call->selection;
    if (s == NULL || s->field->kind != PLAN_OBJECTS)
        return false;
    struct str name = str_of(field_name);
    for (uint32_t i = 0; i < plan_possible_count(s->field->type); i++) {
        const struct plan_set *set = plan_subset(s->plan, s->field, i);
        for (uint32_t k = 0; k < set->count; k++)
            if (str_eq(set->fields[k].field->name, name))
                return true;
    }
    return false;
}

/* ---- the operation ---- */

static const struct gql_operation *refuse_operation(struct gql_errors *errors,
                                                    const char *message)
{
    gql_error_add(errors, GQL_CODE_OPERATION, NULL, 0, "%s", message);
    return NULL;
}

static void refuse_name(struct str name, struct gql_errors *errors)
{
    struct buf message = {0};
    buf_append_text(&message, "Unknown operation named \"");
    buf_append_str(&message, name);
    buf_append_text(&message, "\".");
    gql_error_add_str(errors, GQL_CODE_OPERATION, NULL, 0, NULL,
                      buf_str(&message));
    buf_fini(&message);
}

static const struct gql_operation *
pick_operation(const struct gql_document *doc, struct str name,
               struct gql_errors *errors)
{
    const struct gql_operation *found = NULL;
    for (const struct gql_definition *d = doc->first; d != NULL; d = d->next) {
        if (d->kind != GQL_DEF_OPERATION)
            continue;
        if (name.p == NULL && found != NULL)
            return refuse_operation(errors,
                                    "Must provide operation name if query "
                                    "contains multiple operations.");
        if (name.p == NULL ||
            (d->operation.name.len > 0 && str_eq(d->operation.name, name)))
            found = &d->operation;
    }
    if (found == NULL && name.p == NULL)
        return refuse_operation(errors, "Must provide an operation.");
    if (found == NULL)
        refuse_name(name, errors);
    return found;
}

static const struct gql_type *find_root(const struct gql_schema *schema,
                                        const struct gql_operation *operation,
                                        struct gql_errors *errors)
{
    static const char *const names[] = {"query", "mutation", "subscription"};
    const struct gql_type *root = gql_schema_root(schema, operation->type);
    if (root == NULL)
        gql_error_add(errors, GQL_CODE_OPERATION, &operation->set->at, 1,
                      "Schema is not configured to execute %s operation.",
                      names[operation->type]);
    return root;
}

static int check_cost(struct gql_plan *plan, struct gql_errors *errors)
{
    uint64_t max = plan->limits->cost;
    if (max == 0)
        return 0;
    uint64_t cost = gql_cost(plan->schema, &plan->query->document,
                             plan->operation, &plan->variables, plan->limits);
    if (cost <= max)
        return 0;
    gql_error_add(errors, GQL_CODE_LIMIT, NULL, 0,
                  "A cost of %llu is more than the limit of %llu.",
                  (unsigned long long)cost, (unsigned long long)max);
    return -EINVAL;
}

/* ---- plans that serve again ---- */

static struct str text_of(const struct gql_operation *operation,
                          struct json variables)
{
    if (operation->variables == NULL || json_type(variables) != JSON_OBJECT)
        return str_make("", 0);
    return json_raw(variables);
}

static void forget(struct gql_plan **at)
{
    struct gql_plan *plan = *at;
    *at = plan->next;
    plan->kept = false;
    if (plan->refs == 0)
        plan_destroy(plan);
}

static struct gql_plan **find_in_list(const struct gql_plan *plan)
{
    struct gql_plan **at = gql_query_plans(plan->query);
    while (*at != plan)
        at = &(*at)->next;
    return at;
}

/* One made of the same text, or NULL. Those that turned out to depend on more
 * are let go. */
static struct gql_plan *find_kept(struct gql_query *query,
                                  const struct gql_operation *operation,
                                  struct str text)
{
    struct gql_plan **at = gql_query_plans(query);
    while (*at != NULL) {
        struct gql_plan *plan = *at;
        if (plan->hooked) {
            forget(at);
            continue;
        }
        if (plan->operation == operation && str_eq(plan->variables_text, text))
            return plan;
        at = &plan->next;
    }
    return NULL;
}

static void keep(struct gql_plan *plan, struct str text)
{
    if (plan->hooked || text.len > VARIABLES_TEXT_MAX ||
        !gql_query_recurs(plan->query))
        return;
    struct gql_plan **at = gql_query_plans(plan->query);
    plan->variables_text = arena_str(&plan->arena, text);
    plan->kept = true;
    plan->next = *at;
    *at = plan;
    for (uint32_t n = 0; n < KEPT_PER_QUERY && *at != NULL; n++)
        at = &(*at)->next;
    if (*at != NULL)
        forget(at);
}

/* ---- its life ---- */

static struct gql_plan *take_spare(struct cache_spares *spares)
{
    struct gql_plan *plan = spares->plans;
    if (plan == NULL)
        return mem_zalloc(sizeof *plan);
    spares->plans = plan->next;
    spares->plan_count--;
    return plan;
}

/* refs is 0 and no query keeps it. */
void plan_destroy(struct gql_plan *plan)
{
    struct gql_cache *cache = plan->cache;
    struct cache_spares *spares = gql_cache_spares(cache);
    struct arena arena = plan->arena;
    if (spares->plan_count >= CACHE_SPARES_MAX) {
        arena_fini(&arena);
        free(plan);
        return;
    }
    arena_reset(&arena);
    *plan = (struct gql_plan){.arena = arena, .next = spares->plans};
    spares->plans = plan;
    spares->plan_count++;
}

static struct gql_plan *make_plan(struct gql_cache *cache,
                                  struct gql_query *query,
                                  const struct gql_operation *operation)
{
    struct gql_plan *plan = take_spare(gql_cache_spares(cache));
    struct arena arena = plan->arena;
    *plan = (struct gql_plan){
        .arena = arena,
        .cache = cache,
        .query = query,
        .schema = gql_cache_schema(cache),
        .limits = gql_cache_limits(cache),
        .operation = operation,
    };
    return plan;
}

static int fill(struct gql_plan *plan, struct json variables,
                struct gql_errors *errors)
{
    const struct gql_type *root =
        find_root(plan->schema, plan->operation, errors);
    if (root == NULL ||
        gql_coerce_variables(plan->schema, plan->operation, variables,
                             &plan->arena, &plan->variables, plan->limits,
                             errors) < 0 ||
        check_cost(plan, errors) < 0)
        return -EINVAL;
    plan->hooked = plan->variables.hooked;
    struct collection c = {.plan = plan, .type = root};
    collect(&c, plan->operation->set);
    plan->root = make_set(&c);
    return 0;
}

static struct gql_plan *hand_out(struct gql_plan *plan)
{
    if (plan->refs == 0) {
        gql_query_ref(plan->query);
        gql_cache_ref(plan->cache);
    }
    return plan_ref(plan);
}

struct gql_plan *gql_plan_new(struct gql_cache *cache, struct gql_query *query,
                              struct str operation_name, struct json variables,
                              struct gql_errors *errors)
{
    assert(query->errors.count == 0); /* valid documents only */
    errors->source = query->document.source;
    const struct gql_operation *operation =
        pick_operation(&query->document, operation_name, errors);
    if (operation == NULL)
        return NULL;
    struct str text = text_of(operation, variables);
    struct gql_plan *plan = find_kept(query, operation, text);
    if (plan != NULL)
        return hand_out(plan);
    plan = make_plan(cache, query, operation);
    if (fill(plan, variables, errors) < 0) {
        plan_destroy(plan);
        return NULL;
    }
    hand_out(plan);
    keep(plan, text);
    return plan;
}

void gql_plan_free(struct gql_plan **at)
{
    struct gql_plan *plan = *at;
    *at = NULL;
    if (plan == NULL || --plan->refs > 0)
        return;
    struct gql_cache *cache = plan->cache;
    struct gql_query *query = plan->query;
    if (plan->kept && plan->arena.allocated > KEPT_BYTES_MAX)
        forget(find_in_list(plan));
    else if (!plan->kept)
        plan_destroy(plan);
    gql_query_weigh(query);
    gql_query_unref(&query); /* maybe the plan with it */
    gql_cache_unref(cache);
}

enum gql_operation_type gql_plan_type(const struct gql_plan *plan)
{
    return plan->operation->type;
}
