/* execute: finding the objects, level by level, and the life of an execution.
 * Resolvers' results come in through batch.c, write.c writes them. */
#include <stdlib.h>

#include "api/graphql/cache.h"
#include "api/graphql/execution.h"
#include "lib/clock.h"
#include "lib/mem.h"

#define OUT_KEPT_MAX   ((size_t)1024 * 1024) /* memory for the next response */
#define OBJECT_BYTES   8      /* the least an object needs: {"a":1}, */
#define ROOT_NO_OBJECT "root" /* the root's object where none is given */

/* ---- sets and fields ---- */

static struct gql_call make_call(struct gql_execution *x,
                                 const struct plan_field *plan)
{
    return (struct gql_call){
        .schema = x->plan->schema,
        .field = plan->field,
        .context = x->context,
        .arena = &x->arena,
        .arguments = plan->arguments,
    };
}

static struct exec_set *make_set(struct gql_execution *x,
                                 const struct plan_set *plan,
                                 const void *const *objects, uint32_t count)
{
    struct exec_set *set = arena_alloc(&x->arena, sizeof *set);
    *set = (struct exec_set){.plan = plan, .objects = objects, .count = count};
    set->leaves = arena_alloc(&x->arena, plan->count * sizeof *set->leaves);
    for (uint32_t i = 0; i < plan->count; i++)
        if (plan->fields[i].kind == PLAN_LEAF)
            set->leaves[i] = (struct exec_leaf){
                .out = {.json = {.out = &x->out},
                        .call = make_call(x, &plan->fields[i])},
                .execution = x,
                .plan = &plan->fields[i],
            };
    set->fields = arena_zalloc(&x->arena, plan->resolved * sizeof *set->fields);
    return set;
}

static struct exec_field *make_field(struct gql_execution *x,
                                     const struct exec_set *set,
                                     const struct plan_field *plan)
{
    struct exec_field *field = arena_zalloc(&x->arena, sizeof *field);
    field->selection = (struct plan_selection){x->plan, plan};
    field->batch.call = make_call(x, plan);
    field->batch.call.selection = &field->selection;
    field->batch.parents = set->objects;
    field->batch.count = set->count;
    field->execution = x;
    field->plan = plan;
    field->results =
        arena_zalloc(&x->arena, set->count * sizeof *field->results);
    return field;
}

/* A namespace: its object is its parent. */
static void resolve_parent(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        gql_batch_object(batch, i, batch->parents[i]);
    gql_batch_done(batch);
}

static void ask(struct gql_execution *x, struct exec_set *set,
                const struct plan_field *plan)
{
    if (!plan->resolved || plan->refusal != NULL)
        return;
    execution_weigh(x);
    struct exec_field *field = make_field(x, set, plan);
    set->fields[plan->slot] = field;
    x->open++;
    if (plan->resolve != NULL)
        plan->resolve(&field->batch);
    else
        resolve_parent(&field->batch);
}

static bool is_over(const struct gql_execution *x)
{
    return x->cancelled || x->aborted.p != NULL;
}

static void ask_all(struct gql_execution *x, struct exec_set *set,
                    uint32_t from, uint32_t to)
{
    if (set->plan->refusal != NULL)
        return;
    for (uint32_t i = from; i < to && !is_over(x); i++)
        ask(x, set, &set->plan->fields[i]);
}

/* ---- children: out of their lists, into sets by type ---- */

uint32_t execution_count_inside(const struct gql_list *list, int depth)
{
    if (list == NULL || depth == 0)
        return list != NULL ? list->count : 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < list->count; i++)
        count += execution_count_inside(list->objects[i], depth - 1);
    return count;
}

static const void **take_inside(const struct gql_list *list, int depth,
                                const void **at)
{
    for (uint32_t i = 0; list != NULL && i < list->count; i++)
        if (depth > 0)
            at = take_inside(list->objects[i], depth - 1, at);
        else
            *at++ = list->objects[i];
    return at;
}

/* Where the objects inside each child, a list itself, begin; how many in all. */
static uint32_t set_starts(struct exec_field *field, int depth)
{
    uint32_t total = 0;
    for (uint32_t p = 0; p < field->batch.count; p++) {
        const struct result *r = &field->results[p];
        if (r->kind != RESULT_LIST)
            continue;
        for (uint32_t i = r->at; i < r->at + r->count; i++) {
            field->starts[i] = total;
            total += execution_count_inside(field->children[i], depth);
        }
    }
    return total;
}

/* The objects of lists of lists, one behind the other. */
static void flatten(struct exec_field *field)
{
    struct arena *arena = &field->execution->arena;
    int depth = field->plan->lists - 2;
    field->starts =
        arena_alloc(arena, field->child_count * sizeof *field->starts);
    field->object_count = set_starts(field, depth);
    field->objects =
        arena_alloc(arena, field->object_count * sizeof *field->objects);
    for (uint32_t p = 0; p < field->batch.count; p++) {
        const struct result *r = &field->results[p];
        for (uint32_t i = 0; r->kind == RESULT_LIST && i < r->count; i++)
            take_inside(field->children[r->at + i], depth,
                        field->objects + field->starts[r->at + i]);
    }
}

/* What abstract types' objects are parted by; remembers the last answer. */
struct parting {
    struct exec_field *field;
    uint32_t *counts; /* by possible type */
    uint32_t type;
};

static uint32_t refuse_type(struct parting *p, const char *name)
{
    struct exec_field *field = p->field;
    struct arena *arena = &field->execution->arena;
    const struct gql_field *def = field->plan->field;
    struct str abstract = field->plan->type->name;
    const char *message;
    if (name == NULL)
        message = arena_printf(
            arena,
            "Abstract type \"%.*s\" must resolve to an Object type at runtime "
            "for field \"%.*s.%.*s\". Either the \"%.*s\" type should provide "
            "a \"resolveType\" function or each possible type should provide "
            "an \"isTypeOf\" function.",
            STR_ARG(abstract), STR_ARG(field->plan->owner->name),
            STR_ARG(def->name), STR_ARG(abstract));
    else if (gql_schema_type(field->execution->plan->schema, str_of(name)) ==
             NULL)
        message = arena_printf(arena,
                               "Abstract type \"%.*s\" was resolved to a type "
                               "\"%s\" that does not exist inside the schema.",
                               STR_ARG(abstract), name);
    else if (gql_schema_type(field->execution->plan->schema, str_of(name))
                 ->kind != GQL_TYPE_OBJECT)
        message = arena_printf(arena,
                               "Abstract type \"%.*s\" was resolved to a "
                               "non-object type \"%s\".",
                               STR_ARG(abstract), name);
    else
        message = arena_printf(arena,
                               "Runtime Object type \"%s\" is not a possible "
                               "type for \"%.*s\".",
                               name, STR_ARG(abstract));
    return exec_field_error(field, GQL_CODE_INTERNAL, str_of(message));
}

/* The index of the object's type among the possible; UINT32_MAX: none. */
static uint32_t type_index(struct parting *p, const void *object,
                           const char **name)
{
    const struct gql_type *type = p->field->plan->type;
    if (type->kind == GQL_TYPE_OBJECT)
        return 0;
    *name = type->binding != NULL && type->binding->type_of != NULL
                ? type->binding->type_of(object, p->field->execution->context)
                : NULL;
    if (*name == NULL)
        return UINT32_MAX;
    struct str wanted = str_of(*name);
    if (p->type < type->possible_count &&
        str_eq(type->possible[p->type]->name, wanted))
        return p->type;
    for (uint32_t i = 0; i < type->possible_count; i++)
        if (str_eq(type->possible[i]->name, wanted))
            return p->type = i;
    return UINT32_MAX;
}

/* An object that stands for an error in a list: gql_batch_item_error's. */
static const struct exec_error *item_error(const struct gql_execution *x,
                                           const void *object)
{
    for (const struct item_error *e = x->item_errors; e != NULL; e = e->next)
        if (e == object)
            return &e->error;
    return NULL;
}

static struct ref place(struct parting *p, const void *object)
{
    const char *name = NULL;
    struct exec_field *field = p->field;
    if (object == NULL)
        return (struct ref){REF_NULL, 0};
    const struct exec_error *error = item_error(field->execution, object);
    if (error != NULL)
        return (struct ref){
            REF_ERROR, exec_field_error(field, error->code, error->message)};
    uint32_t type = type_index(p, object, &name);
    if (type == UINT32_MAX)
        return (struct ref){REF_ERROR, refuse_type(p, name)};
    return (struct ref){type, p->counts[type]++};
}

static bool all_plain(const struct exec_field *field)
{
    if (field->plan->type->kind != GQL_TYPE_OBJECT ||
        field->execution->item_errors != NULL)
        return false;
    for (uint32_t i = 0; i < field->object_count; i++)
        if (field->objects[i] == NULL)
            return false;
    return true;
}

static void add_set(struct exec_field *field, uint32_t type,
                    const void *const *objects, uint32_t count)
{
    struct gql_execution *x = field->execution;
    const struct plan_set *plan = plan_subset(x->plan, field->plan, type);
    field->sets[type] = make_set(x, plan, objects, count);
    ask_all(x, field->sets[type], 0, plan->count);
}

static void part(struct exec_field *field, uint32_t types)
{
    struct arena *arena = &field->execution->arena;
    struct parting p = {.field = field};
    p.counts = arena_zalloc(arena, types * sizeof *p.counts);
    field->refs = arena_alloc(arena, field->object_count * sizeof *field->refs);
    for (uint32_t i = 0; i < field->object_count; i++)
        field->refs[i] = place(&p, field->objects[i]);
    const void ***objects = arena_zalloc(arena, types * sizeof *objects);
    for (uint32_t t = 0; t < types; t++)
        if (p.counts[t] > 0)
            objects[t] = arena_alloc(arena, p.counts[t] * sizeof **objects);
    for (uint32_t i = 0; i < field->object_count; i++)
        if (field->refs[i].set < types)
            objects[field->refs[i].set][field->refs[i].index] =
                field->objects[i];
    for (uint32_t t = 0; t < types; t++)
        if (p.counts[t] > 0)
            add_set(field, t, objects[t], p.counts[t]);
}

/* A field's objects are all there: on to their fields. */
static void go_on(struct exec_field *field)
{
    uint32_t types;
    field->objects = field->children;
    field->object_count = field->child_count;
    if (field->plan->kind != PLAN_OBJECTS || field->child_count == 0)
        return;
    if (field->plan->lists > 1)
        flatten(field);
    types = plan_possible_count(field->plan->type);
    field->sets =
        arena_zalloc(&field->execution->arena, types * sizeof *field->sets);
    if (!all_plain(field))
        part(field, types);
    else if (field->object_count > 0)
        add_set(field, 0, field->objects, field->object_count);
}

/* ---- the loop ---- */

bool execution_expired(const struct gql_execution *x)
{
    return x->deadline_ns > 0 && clock_mono_ns() > x->deadline_ns;
}

void execution_abort(struct gql_execution *x, const char *why)
{
    if (x->aborted.p == NULL)
        x->aborted = str_of(why);
}

void execution_weigh(struct gql_execution *x)
{
    size_t max = x->plan->limits->memory;
    if (max > 0 && x->arena.allocated + x->plan->arena.allocated > max)
        execution_abort(x, EXECUTION_TOO_GREEDY);
}

static void find(struct gql_execution *x)
{
    while (x->queue != NULL && !is_over(x)) {
        struct exec_field *field = x->queue;
        x->queue = field->next;
        if (x->queue == NULL)
            x->queue_end = &x->queue;
        go_on(field);
    }
}

static bool is_mutation(const struct gql_execution *x)
{
    return x->plan->operation->type == GQL_MUTATION;
}

/* What has been found is written; the next field of a mutation is asked. False
 * when there is nothing more to do. */
static bool advance(struct gql_execution *x)
{
    uint32_t count = x->root->plan->count;
    if (execution_expired(x))
        execution_abort(x, EXECUTION_TOO_LONG);
    if (is_over(x) || x->data_null)
        return false;
    if (!is_mutation(x)) {
        x->data_null = !execution_write(x, 0, count);
        return false;
    }
    if (x->next_field > 0)
        x->data_null = !execution_write(x, x->next_field - 1, x->next_field);
    if (x->data_null || x->next_field == count || x->aborted.p != NULL)
        return false;
    x->next_field++;
    ask_all(x, x->root, x->next_field - 1, x->next_field);
    return true;
}

/* ---- the end ---- */

static void recycle(struct gql_execution *x)
{
    struct gql_plan *plan = x->plan;
    struct cache_spares *spares = gql_cache_spares(plan->cache);
    struct arena arena = x->arena;
    struct buf out = x->out;
    if (spares->execution_count >= CACHE_SPARES_MAX) {
        execution_destroy(x);
    } else {
        arena_reset(&arena);
        if (out.cap > OUT_KEPT_MAX)
            buf_fini(&out);
        buf_reset(&out);
        *x = (struct gql_execution){
            .arena = arena, .out = out, .next = spares->executions};
        spares->executions = x;
        spares->execution_count++;
    }
    gql_plan_free(&plan);
}

void execution_destroy(struct gql_execution *x)
{
    arena_fini(&x->arena);
    buf_fini(&x->out);
    free(x);
}

struct gql_execution *execution_next(const struct gql_execution *x)
{
    return x->next;
}

void gql_response_errors(const struct gql_errors *errors, struct buf *out)
{
    buf_append_text(out, "{\"errors\":");
    gql_errors_append(errors, out);
    buf_append_byte(out, '}');
}

/* {"errors":[…],"data":…}: the errors come to the front. */
static void put_errors_first(struct gql_execution *x)
{
    struct buf errors = {0};
    size_t data = sizeof "{" - 1;
    buf_append_text(&errors, "\"errors\":");
    gql_errors_append(&x->errors, &errors);
    buf_append_byte(&errors, ',');
    buf_reserve(&x->out, errors.len);
    memmove(x->out.data + data + errors.len, x->out.data + data,
            x->out.len - data);
    memcpy(x->out.data + data, errors.data, errors.len);
    x->out.len += errors.len;
    buf_fini(&errors);
}

static void finish(struct gql_execution *x)
{
    static const char begin[] = "{\"data\":";
    if (x->aborted.p != NULL) {
        x->errors.count = 0;
        x->errors.first = x->errors.last = NULL;
        gql_error_add_str(&x->errors, GQL_CODE_LIMIT, NULL, 0, NULL,
                          x->aborted);
        x->data_null = true;
    }
    if (x->data_null) {
        x->out.len = sizeof begin - 1;
        buf_append_text(&x->out, "null}");
    } else {
        buf_append_text(&x->out, "}}");
    }
    x->plan->size_hint = x->out.len;
    bool failed = x->errors.count > 0;
    if (failed)
        put_errors_first(x);
    x->finished = true;
    x->done(&x->out, failed, x->arg);
}

/* Goes on as far as it can. True: it waits for batches; false: the answer has
 * been given, and x may be gone. */
static bool run(struct gql_execution *x)
{
    if (x->running)
        return true;
    x->running = true;
    find(x);
    while (x->open == 0 && !x->finished && !is_over(x) && advance(x))
        find(x);
    bool ended = x->open == 0 || x->aborted.p != NULL;
    if (ended && !x->cancelled && !x->finished)
        finish(x);
    x->running = false;
    bool waits = !x->finished && x->open > 0;
    if (x->open == 0)
        recycle(x);
    return waits;
}

void execution_done(struct exec_field *field)
{
    struct gql_execution *x = field->execution;
    x->open--;
    *x->queue_end = field;
    x->queue_end = &field->next;
    run(x);
}

void gql_execution_cancel(struct gql_execution *x)
{
    x->cancelled = true;
    run(x);
}

void gql_execution_expire(struct gql_execution *x)
{
    execution_abort(x, EXECUTION_TOO_LONG);
    run(x);
}

/* ---- the beginning ---- */

static struct gql_execution *take_spare(struct cache_spares *spares)
{
    struct gql_execution *x = spares->executions;
    if (x == NULL)
        return mem_zalloc(sizeof *x);
    spares->executions = x->next;
    spares->execution_count--;
    x->next = NULL;
    return x;
}

static void set_limits(struct gql_execution *x)
{
    const struct gql_limits *limits = x->plan->limits;
    x->errors = (struct gql_errors){
        .arena = &x->arena,
        .source = x->plan->query->document.source,
        .max = limits->errors,
    };
    if (limits->time_ns > 0)
        x->deadline_ns = clock_mono_ns() + limits->time_ns;
    if (limits->response > 0)
        x->objects_max = limits->response / OBJECT_BYTES + 1;
}

static void set_root(struct gql_execution *x, const void *root)
{
    const struct plan_set *plan = x->plan->root;
    x->root_object = root != NULL ? root : ROOT_NO_OBJECT;
    x->root = make_set(x, plan, &x->root_object, 1);
    buf_reserve(&x->out, x->plan->size_hint + x->plan->size_hint / 8 + 64);
    buf_append_text(&x->out, "{\"data\":{");
    if (plan->refusal == NULL)
        return;
    gql_error_add_str(&x->errors, GQL_CODE_INPUT, &plan->refusal->at, 1, NULL,
                      plan->refusal->message);
    x->data_null = true;
}

struct gql_execution *gql_execute(struct gql_plan *plan, const void *root,
                                  void *context, gql_done_fn done, void *arg)
{
    struct gql_execution *x = take_spare(gql_cache_spares(plan->cache));
    x->plan = plan_ref(plan);
    x->context = context;
    x->done = done;
    x->arg = arg;
    x->queue_end = &x->queue;
    set_limits(x);
    set_root(x, root);
    x->running = true;
    if (!is_mutation(x))
        ask_all(x, x->root, 0, x->root->plan->count);
    x->running = false;
    return run(x) ? x : NULL;
}
