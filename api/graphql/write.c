/* write: the response's bytes, depth first, from what was found.
 *
 * A function that writes a value returns false where it has none to give: an
 * error was added and null climbs. `settle` stops it at the nearest position
 * that may be null: what was written since is cut off and null put there. What
 * stands behind the error inside the position is not looked at any more, as in
 * an implementation whose resolvers throw. */
#include "api/graphql/execution.h"

#include "lib/clock.h"

#define LOCATIONS_MAX  100  /* of one error */
#define ITEMS_PER_LOOK 1024 /* between two looks at the clock */

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

static bool write_object(struct gql_execution *x, const struct exec_set *set,
                         uint32_t i);

/* ---- errors ---- */

/* The places of the selections that were merged into the field; how many. */
static uint32_t places_of(const struct plan_field *field,
                          uint32_t places[LOCATIONS_MAX])
{
    uint32_t count = 0;
    for (const struct plan_node *n = field->nodes;
         n != NULL && count < LOCATIONS_MAX; n = n->next)
        places[count++] = n->selection->at;
    return count;
}

void execution_error(struct gql_execution *x, const struct plan_field *field,
                     const struct gql_path *path,
                     const struct exec_error *error)
{
    uint32_t places[LOCATIONS_MAX];
    gql_error_add_str(&x->errors, error->code, places, places_of(field, places),
                      path, error->message);
}

/* At the path being written. */
static bool fail(struct gql_execution *x, const struct plan_field *field,
                 const char *code, const char *message)
{
    struct exec_error error = {str_of(message), code};
    execution_error(x, field, x->path, &error);
    return false;
}

static bool fail_at(struct gql_execution *x,
                    const struct gql_coerce_error *refusal)
{
    gql_error_add_str(&x->errors, GQL_CODE_INPUT, &refusal->at, 1, x->path,
                      refusal->message);
    return false;
}

static bool may_be_null(const struct plan_field *field, uint32_t level)
{
    return (field->non_null >> level & 1) == 0;
}

static bool write_null(struct gql_execution *x, const struct plan_field *field,
                       uint32_t level)
{
    const struct gql_field *def = field->field;
    if (may_be_null(field, level)) {
        buf_append(&x->out, "null", 4);
        return true;
    }
    return fail(x, field, GQL_CODE_INTERNAL,
                arena_printf(&x->arena,
                             "Cannot return null for non-nullable field "
                             "%.*s.%.*s.",
                             STR_ARG(field->owner->name), STR_ARG(def->name)));
}

/* The null has climbed to this position: does it stop here? */
static bool settle(struct gql_execution *x, const struct plan_field *field,
                   uint32_t level, size_t mark)
{
    if (x->aborted.p != NULL || !may_be_null(field, level))
        return false;
    x->out.len = mark;
    buf_append(&x->out, "null", 4);
    return true;
}

/* ---- leaves ---- */

/* What was written at mark is null, nothing, or followed by an error. */
static bool write_leaf_trouble(struct gql_execution *x,
                               const struct plan_field *field, uint32_t level,
                               size_t mark)
{
    x->out.len = mark;
    if (!x->leaf_failed)
        return write_null(x, field, level);
    x->leaf_failed = false;
    if (x->leaf_error.code != NULL)
        execution_error(x, field, x->path, &x->leaf_error);
    return false;
}

static inline bool print_leaf(struct gql_execution *x, struct exec_leaf *leaf,
                              const void *object, size_t mark)
{
    leaf->out.json.comma = false;
    leaf->plan->write(&leaf->out, object);
    return likely(!x->leaf_failed && x->out.len > mark &&
                  x->out.data[mark] != 'n');
}

/* A leaf that stands in its parent: no path is made unless it is needed. */
static bool write_leaf(struct gql_execution *x, struct exec_leaf *leaf,
                       const void *object)
{
    size_t mark = x->out.len;
    const struct plan_field *field = leaf->plan;
    if (print_leaf(x, leaf, object, mark))
        return true;
    if (!x->leaf_failed && !field->required && x->out.len > mark)
        return true; /* null, as it may be */
    struct gql_path here = {x->path, field->name, 0};
    x->path = &here;
    bool ok = write_leaf_trouble(x, field, 0, mark);
    x->path = here.up;
    return ok || settle(x, field, 0, mark);
}

/* A leaf whose object was found by a resolver, or one item of a list. */
static bool write_leaf_of(struct gql_execution *x, const struct exec_set *set,
                          const struct exec_field *found, uint32_t k,
                          uint32_t level)
{
    const struct plan_field *field = found->plan;
    const void *object = found->children[k];
    size_t mark = x->out.len;
    if (object == NULL)
        return write_null(x, field, level);
    return print_leaf(x, &set->leaves[field - set->plan->fields], object,
                      mark) ||
           write_leaf_trouble(x, field, level, mark);
}

/* ---- objects and lists ---- */

/* What is being written: a field of one parent. */
struct place {
    const struct exec_set *set;
    const struct exec_field *found;
};

static bool write_child(struct gql_execution *x, const struct place *p,
                        uint32_t k, uint32_t level)
{
    const struct exec_field *found = p->found;
    if (found->plan->kind == PLAN_LEAF)
        return write_leaf_of(x, p->set, found, k, level);
    if (found->refs == NULL)
        return write_object(x, found->sets[0], k);
    struct ref ref = found->refs[k];
    if (ref.set == REF_NULL)
        return write_null(x, found->plan, level);
    if (ref.set != REF_ERROR)
        return write_object(x, found->sets[ref.set], ref.index);
    execution_error(x, found->plan, x->path, &found->errors[ref.index]);
    return false;
}

static void look_at_the_clock(struct gql_execution *x)
{
    if (++x->items % ITEMS_PER_LOOK == 0 && execution_expired(x))
        execution_abort(x, EXECUTION_TOO_LONG);
}

/* The innermost list: objects [at, at + count). */
static bool write_items(struct gql_execution *x, const struct place *p,
                        uint32_t at, uint32_t count, uint32_t level)
{
    struct gql_path here = {.up = x->path};
    x->path = &here;
    bool ok = true;
    buf_append_byte(&x->out, '[');
    for (; ok && here.index < count; here.index++) {
        if (here.index > 0)
            buf_append_byte(&x->out, ',');
        size_t mark = x->out.len;
        look_at_the_clock(x);
        ok = write_child(x, p, at + here.index, level) ||
             settle(x, p->found->plan, level, mark);
    }
    buf_append_byte(&x->out, ']');
    x->path = here.up;
    return ok && x->aborted.p == NULL;
}

static bool write_lists(struct gql_execution *x, const struct place *p,
                        const void *const *lists, uint32_t count,
                        uint32_t start, uint32_t level);

static bool write_inner_list(struct gql_execution *x, const struct place *p,
                             const struct gql_list *list, uint32_t start,
                             uint32_t level)
{
    if (list == NULL)
        return write_null(x, p->found->plan, level);
    if (list->error != NULL) {
        const struct item_error *item = list->error;
        execution_error(x, p->found->plan, x->path, &item->error);
        return false;
    }
    return level + 1 == p->found->plan->lists
               ? write_items(x, p, start, list->count, level + 1)
               : write_lists(x, p, list->objects, list->count, start,
                             level + 1);
}

/* A list whose items are lists; start: of the first object inside. */
static bool write_lists(struct gql_execution *x, const struct place *p,
                        const void *const *lists, uint32_t count,
                        uint32_t start, uint32_t level)
{
    const struct plan_field *field = p->found->plan;
    struct gql_path here = {.up = x->path};
    x->path = &here;
    bool ok = true;
    buf_append_byte(&x->out, '[');
    for (; ok && here.index < count; here.index++) {
        const struct gql_list *list = lists[here.index];
        if (here.index > 0)
            buf_append_byte(&x->out, ',');
        size_t mark = x->out.len;
        ok = write_inner_list(x, p, list, start, level) ||
             settle(x, field, level, mark);
        start += execution_count_inside(list, field->lists - (int)level - 1);
    }
    buf_append_byte(&x->out, ']');
    x->path = here.up;
    return ok;
}

static bool write_list(struct gql_execution *x, const struct place *p,
                       const struct result *r)
{
    const struct exec_field *found = p->found;
    if (found->plan->lists == 0)
        return fail(x, found->plan, GQL_CODE_INTERNAL,
                    "Expected one value, but the resolver gave a list.");
    if (found->starts == NULL)
        return write_items(x, p, r->at, r->count, 1);
    return write_lists(x, p, found->children + r->at, r->count,
                       r->count > 0 ? found->starts[r->at] : 0, 1);
}

static bool refuse_single(struct gql_execution *x,
                          const struct plan_field *field)
{
    return fail(x, field, GQL_CODE_INTERNAL,
                arena_printf(&x->arena,
                             "Expected Iterable, but did not find one for "
                             "field \"%.*s.%.*s\".",
                             STR_ARG(field->owner->name),
                             STR_ARG(field->field->name)));
}

static bool write_result(struct gql_execution *x, const struct place *p,
                         uint32_t parent)
{
    const struct exec_field *found = p->found;
    const struct result *r = &found->results[parent];
    switch (r->kind) {
    case RESULT_OBJECT:
        if (found->plan->kind == PLAN_OBJECTS && found->plan->lists > 0)
            return refuse_single(x, found->plan);
        return write_child(x, p, r->at, 0);
    case RESULT_LIST:
        return write_list(x, p, r);
    case RESULT_ERROR:
        execution_error(x, found->plan, x->path, &found->errors[r->at]);
        return false;
    default:
        return write_null(x, found->plan, 0);
    }
}

/* A field that has been asked of all its parents. */
static bool write_found(struct gql_execution *x, const struct exec_set *set,
                        const struct plan_field *field, uint32_t parent)
{
    struct gql_path here = {x->path, field->name, 0};
    size_t mark = x->out.len;
    x->path = &here;
    bool ok;
    if (field->refusal != NULL) {
        ok = fail_at(x, field->refusal);
    } else {
        struct place p = {set, set->fields[field->slot]};
        ok = write_result(x, &p, parent);
    }
    x->path = here.up;
    return ok || settle(x, field, 0, mark);
}

static inline void write_key(struct buf *out, struct str key, bool first)
{
    size_t skip = first; /* its comma */
    size_t room = key.len > PLAN_KEY_ROOM ? key.len : PLAN_KEY_ROOM;
    char *to = buf_reserve(out, room);
    if (likely(key.len < PLAN_KEY_ROOM))
        memcpy(to, key.p + skip, PLAN_KEY_ROOM - 1);
    else
        memcpy(to, key.p + skip, key.len - skip);
    out->len += key.len - skip;
}

static bool write_fields(struct gql_execution *x, const struct exec_set *set,
                         uint32_t i, uint32_t from, uint32_t to)
{
    const void *object = set->objects[i];
    bool ok = true;
    for (uint32_t k = from; k < to && ok; k++) {
        const struct plan_field *field = &set->plan->fields[k];
        write_key(&x->out, field->key, k == 0);
        if (field->kind == PLAN_TYPENAME)
            continue;
        if (likely(field->kind == PLAN_LEAF && !field->resolved &&
                   field->refusal == NULL))
            ok = write_leaf(x, &set->leaves[k], object);
        else
            ok = write_found(x, set, field, i);
    }
    return ok;
}

static bool is_too_large(struct gql_execution *x)
{
    size_t max = x->plan->limits->response;
    if (max == 0 || x->out.len <= max)
        return false;
    execution_abort(x, EXECUTION_TOO_LARGE);
    return true;
}

static bool write_object(struct gql_execution *x, const struct exec_set *set,
                         uint32_t i)
{
    if (set->plan->refusal != NULL)
        return fail_at(x, set->plan->refusal);
    buf_append_byte(&x->out, '{');
    bool ok = write_fields(x, set, i, 0, set->plan->count);
    buf_append_byte(&x->out, '}');
    return ok && !is_too_large(x);
}

bool execution_write(struct gql_execution *x, uint32_t from, uint32_t to)
{
    return write_fields(x, x->root, 0, from, to) && !is_too_large(x);
}
