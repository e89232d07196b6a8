/* Can the fields of a document be merged? Asked of the whole document at once,
 * in time that grows with its size.
 *
 * Two fields of one response name that may stand for the same place of a
 * response must be the same field with the same arguments, or, where no object
 * has both, return the same shape. Comparing them two by two is quadratic, and
 * worse with fragments inside fragments. Here every place of the response has
 * one pot:
 *
 *     { a { x } a { y } ...F }     pot of the root:  a ──▶ pot of "a":  x, y, z
 *     fragment F on T { a { z } }
 *
 * A field put in where there is one of its name is compared with that one alone
 * and its selections go into that one's pot. A fragment's selections go into
 * one pot; spread elsewhere, that place's pot and the fragment's become one
 * (union-find, the smaller poured into the larger). So every selection is put
 * in once.
 *
 * Two places that share a fragment share a pot, which makes more fields meet
 * than really do. A document that passes can be merged for sure; of one that
 * does not, validate_conflict.c finds out exactly, within a budget. */
#include "api/graphql/validate_private.h"

#include <stdlib.h>

/* Of a response name, in types that exclude each other; with more the exact
 * search decides. */
#define VARIANTS_MAX 32

/* ---- pots ---- */

struct variant {
    struct variant *next;
    const struct gql_selection *field;
    const struct gql_type *parent;
    const struct gql_field *def; /* NULL: unknown */
};

struct entry { /* a response name */
    struct variant *variants;
    uint32_t count;
    struct pot *below; /* the pot of its selections, or NULL */
};

struct pot {
    struct pot *into; /* poured into that one; NULL: it is alive */
    struct gql_name_map entries;
};

/* What is left to do: a set to put into a pot, or a pot to pour into it. */
struct task {
    struct pot *into, *from;
    const struct gql_selection_set *set;
    const struct gql_type *parent;
};

struct merge {
    struct validation *v;
    struct task *tasks; /* a stack */
    uint32_t count, cap;
    bool doubtful;
};

static struct pot *pot_new(struct merge *m)
{
    return arena_zalloc(&m->v->arena, sizeof(struct pot));
}

static struct pot *pot_of(struct pot *pot)
{
    while (pot->into != NULL) {
        if (pot->into->into != NULL)
            pot->into = pot->into->into;
        pot = pot->into;
    }
    return pot;
}

static void push(struct merge *m, struct task task)
{
    if (m->count == m->cap) {
        m->cap = m->cap == 0 ? 32 : m->cap * 2;
        struct task *tasks = arena_alloc(&m->v->arena, m->cap * sizeof *tasks);
        if (m->count > 0)
            memcpy(tasks, m->tasks, m->count * sizeof *tasks);
        m->tasks = tasks;
    }
    m->tasks[m->count++] = task;
}

static void push_set(struct merge *m, struct pot *into,
                     const struct gql_selection_set *set,
                     const struct gql_type *parent)
{
    push(m, (struct task){.into = into, .set = set, .parent = parent});
}

/* ---- two fields ---- */

bool validation_types_conflict(const struct gql_type_ref *a,
                               const struct gql_type_ref *b)
{
    for (; a->wrap != GQL_NAMED || b->wrap != GQL_NAMED; a = a->of, b = b->of)
        if (a->wrap != b->wrap)
            return true;
    return (gql_is_leaf(a->named) || gql_is_leaf(b->named)) &&
           a->named != b->named;
}

static bool is_object(const struct gql_type *type)
{
    return type != NULL && type->kind == GQL_TYPE_OBJECT;
}

/* Does no object have both? */
static bool exclusive(const struct variant *a, const struct variant *b)
{
    return a->parent != b->parent && is_object(a->parent) &&
           is_object(b->parent);
}

/* Meets a all that b meets? */
static bool covers(const struct variant *a, const struct variant *b)
{
    return a->parent == b->parent || !is_object(a->parent);
}

static bool same_field(struct merge *m, const struct gql_selection *a,
                       const struct gql_selection *b)
{
    return str_eq(a->name, b->name) &&
           validation_same_arguments(m->v, a->arguments, b->arguments);
}

enum likeness {
    SAME,  /* whatever conflicts with the new one conflicts with the old */
    APART, /* they do not conflict, but both must be kept */
    CONFLICT
};

static enum likeness compare(struct merge *m, const struct variant *old,
                             const struct variant *new)
{
    m->v->work++;
    if (old->def != new->def &&
        old->def != NULL &&new->def !=
            NULL &&validation_types_conflict(old->def->type, new->def->type))
        return CONFLICT;
    if (same_field(m, old->field, new->field))
        return covers(old, new) ? SAME : APART;
    return exclusive(old, new) ? APART : CONFLICT;
}

/* ---- filling ---- */

static struct pot *below(struct merge *m, struct entry *entry)
{
    if (entry->below == NULL)
        entry->below = pot_new(m);
    return entry->below;
}

static struct entry *entry_of(struct merge *m, struct pot *pot,
                              struct str response)
{
    struct gql_name *name =
        gql_name_map_put(&pot->entries, &m->v->arena, response);
    if (name->value == NULL)
        name->value = arena_zalloc(&m->v->arena, sizeof(struct entry));
    return name->value;
}

/* Must it be kept beside those that are there? */
static bool is_new(struct merge *m, const struct entry *entry,
                   const struct variant *variant)
{
    bool covered = false;
    for (const struct variant *v = entry->variants; v != NULL; v = v->next) {
        enum likeness likeness = compare(m, v, variant);
        if (likeness == CONFLICT)
            m->doubtful = true;
        covered |= likeness == SAME;
    }
    return !covered;
}

static void add_variant(struct merge *m, struct entry *entry,
                        const struct variant *variant)
{
    if (!is_new(m, entry, variant))
        return;
    struct variant *kept = arena_alloc(&m->v->arena, sizeof *kept);
    *kept = *variant;
    kept->next = entry->variants;
    entry->variants = kept;
    if (++entry->count > VARIANTS_MAX)
        m->doubtful = true;
}

static void put_field(struct merge *m, struct pot *pot,
                      const struct gql_selection *field,
                      const struct gql_type *parent)
{
    const struct gql_field *def =
        validation_field_of(m->v->schema, parent, field->name);
    struct variant variant = {NULL, field, parent, def};
    struct entry *entry = entry_of(m, pot, field->alias);
    add_variant(m, entry, &variant);
    if (field->set != NULL)
        push_set(m, below(m, entry), field->set,
                 def != NULL ? def->type->named : NULL);
}

static void put_spread(struct merge *m, struct pot *pot,
                       const struct gql_selection *spread)
{
    struct validation_body *fragment = validation_fragment(m->v, spread->name);
    if (fragment == NULL)
        return;
    if (fragment->merged == NULL) {
        fragment->merged = pot;
        push_set(m, pot, fragment->set, fragment->named);
    } else
        push(m, (struct task){.into = pot, .from = fragment->merged});
}

static void put_set(struct merge *m, struct pot *pot,
                    const struct gql_selection_set *set,
                    const struct gql_type *parent)
{
    for (const struct gql_selection *s = set->first; s != NULL && !m->doubtful;
         s = s->next) {
        m->v->work++;
        if (s->kind == GQL_FIELD)
            put_field(m, pot, s, parent);
        else if (s->kind == GQL_SPREAD)
            put_spread(m, pot, s);
        else
            push_set(m, pot, s->set,
                     s->on.len > 0 ? gql_schema_type(m->v->schema, s->on)
                                   : parent);
    }
}

/* ---- pouring ---- */

static void pour_entry(struct merge *m, struct entry *into,
                       const struct entry *from)
{
    for (const struct variant *v = from->variants; v != NULL; v = v->next)
        add_variant(m, into, v);
    if (from->below != NULL && into->below != NULL)
        push(m, (struct task){.into = into->below, .from = from->below});
    else if (from->below != NULL)
        into->below = from->below;
}

static void pour(struct merge *m, struct pot *into, struct pot *from)
{
    if (into == from)
        return;
    if (into->entries.count < from->entries.count) {
        struct pot *smaller = into;
        into = from;
        from = smaller;
    }
    from->into = into;
    for (uint32_t i = 0; i < from->entries.count && !m->doubtful; i++) {
        const struct gql_name *name = &from->entries.list[i];
        pour_entry(m, entry_of(m, into, name->name), name->value);
    }
}

static void work_off(struct merge *m)
{
    while (m->count > 0 && !m->doubtful) {
        struct task task = m->tasks[--m->count];
        struct pot *into = pot_of(task.into);
        if (task.from != NULL)
            pour(m, into, pot_of(task.from));
        else
            put_set(m, into, task.set, task.parent);
    }
}

/* Fragments that no operation spreads have pots of their own. */
bool validation_merge_doubtful(struct validation *v)
{
    struct merge m = {.v = v};
    for (uint32_t i = 0; i < v->body_count && !m.doubtful; i++) {
        struct validation_body *body = &v->bodies[i];
        if (body->def->kind != GQL_DEF_OPERATION)
            continue;
        push_set(&m, pot_new(&m), body->set, body->type);
        work_off(&m);
    }
    for (uint32_t i = 0; i < v->body_count && !m.doubtful; i++) {
        struct validation_body *body = &v->bodies[i];
        if (body->def->kind == GQL_DEF_OPERATION || body->merged != NULL)
            continue;
        body->merged = pot_new(&m);
        push_set(&m, body->merged, body->set, body->named);
        work_off(&m);
    }
    return m.doubtful;
}

/* ---- arguments ---- */

static bool same_value(struct arena *arena, const struct gql_value *a,
                       const struct gql_value *b);

/* A name with its value: of a list of arguments or of an object. */
struct pair {
    struct str name;
    const struct gql_value *value;
};

static int by_name(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    size_t len = x->name.len < y->name.len ? x->name.len : y->name.len;
    int order = memcmp(x->name.p, y->name.p, len);
    if (order != 0)
        return order;
    if (x->name.len != y->name.len)
        return x->name.len < y->name.len ? -1 : 1;
    return x->value->at < y->value->at ? -1 : x->value->at > y->value->at;
}

static bool same_pairs(struct arena *arena, const struct pair *a,
                       const struct pair *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!str_eq(a[i].name, b[i].name) ||
            !same_value(arena, a[i].value, b[i].value))
            return false;
    return true;
}

static bool same_names(const struct pair *a, const struct pair *b,
                       uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!str_eq(a[i].name, b[i].name))
            return false;
    return true;
}

static bool same_in_any_order(struct arena *arena, struct pair *a,
                              struct pair *b, uint32_t count)
{
    if (!same_names(a, b, count)) {
        qsort(a, count, sizeof *a, by_name);
        qsort(b, count, sizeof *b, by_name);
    }
    return same_pairs(arena, a, b, count);
}

static bool same_items(struct arena *arena, const struct gql_value *a,
                       const struct gql_value *b)
{
    for (; a != NULL && b != NULL; a = a->next, b = b->next)
        if (!same_value(arena, a, b))
            return false;
    return a == b;
}

static struct pair *fields_of(struct arena *arena,
                              const struct gql_value *object)
{
    struct pair *pairs = arena_alloc(arena, object->count * sizeof *pairs);
    uint32_t i = 0;
    for (const struct gql_object_field *f = object->fields; f != NULL;
         f = f->next)
        pairs[i++] = (struct pair){f->name, f->value};
    return pairs;
}

static bool same_value(struct arena *arena, const struct gql_value *a,
                       const struct gql_value *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case GQL_NULL:
        return true;
    case GQL_BOOLEAN:
        return a->boolean == b->boolean;
    case GQL_LIST:
        return a->count == b->count && same_items(arena, a->items, b->items);
    case GQL_OBJECT:
        return a->count == b->count &&
               same_in_any_order(arena, fields_of(arena, a),
                                 fields_of(arena, b), a->count);
    default:
        return a->block == b->block && str_eq(a->text, b->text);
    }
}

static uint32_t count_arguments(const struct gql_argument *list)
{
    uint32_t count = 0;
    for (; list != NULL; list = list->next)
        count++;
    return count;
}

static struct pair *pairs_of(struct arena *arena,
                             const struct gql_argument *list, uint32_t count)
{
    struct pair *pairs = arena_alloc(arena, count * sizeof *pairs);
    for (uint32_t i = 0; list != NULL; list = list->next)
        pairs[i++] = (struct pair){list->name, list->value};
    return pairs;
}

bool validation_same_arguments(struct validation *v,
                               const struct gql_argument *a,
                               const struct gql_argument *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    uint32_t count = count_arguments(a);
    if (count != count_arguments(b))
        return false;
    arena_reset(&v->scratch);
    return same_in_any_order(&v->scratch, pairs_of(&v->scratch, a, count),
                             pairs_of(&v->scratch, b, count), count);
}
