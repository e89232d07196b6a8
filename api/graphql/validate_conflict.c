/* Which fields cannot be merged, and why: pair by pair, in graphql-js's order
 * and words, for documents that validate_merge.c has doubts about.
 *
 * Every comparison is paid for from a budget that grows with the document. A
 * document that uses it up is refused: it was made for that. */
#include "api/graphql/validate_private.h"

#include "lib/buf.h"

#define BUDGET_LEAST     50000
#define BUDGET_PER_TOKEN 25
#define NESTED_MAX       (2 * GQL_FRAGMENT_DEPTH_MAX) /* calls in each other */
#define DETAIL_MAX       1000 /* bytes of a message's reason */
#define NODES_MAX        20   /* locations on either side */
#define CONFLICTS_MAX    128  /* of one set, or below one pair of fields */

/* A field of a set, with what it is in the type it is selected from. */
struct member {
    struct member *next;
    const struct gql_selection *field;
    const struct gql_type *parent;
    const struct gql_field *def;
};

struct group { /* the fields of one response name */
    struct member *first, **end;
};

/* The fields of a selection set, inline fragments included, and the fragments
 * it spreads. One for each pair of a type and a set. */
struct fields {
    const struct gql_type *parent;
    const struct gql_selection_set *set;
    struct gql_name_map groups;    /* to struct group */
    struct gql_name_map fragments; /* to their bodies, or NULL */
    struct gql_name_map compared;  /* fragments compared with, to a mark */
};

struct conflict {
    struct conflict *next;
    struct str response;
    struct str reason;
    const struct gql_selection **first, **second; /* either side's fields */
    uint32_t first_count, second_count;
};

struct conflict_list {
    struct conflict *first, **end;
    uint32_t count;
};

struct conflicts {
    struct validation *v;
    struct gql_name_map fields;   /* by the bytes of parent and set */
    struct gql_name_map compared; /* pairs of fragments, to a mark */
    uint64_t budget;
    uint32_t nested;
    bool exhausted;
};

/* Marks of pairs that were compared. What was compared as excluding each other
 * must be compared again where it does not. */
static char as_exclusive, as_any;

static bool seen_before(struct gql_name *pair, bool exclusive)
{
    if (pair->value == &as_any || (exclusive && pair->value == &as_exclusive))
        return true;
    pair->value = exclusive ? &as_exclusive : &as_any;
    return false;
}

static bool spend(struct conflicts *c, uint32_t steps)
{
    c->v->work += steps;
    if (c->budget < steps)
        c->exhausted = true;
    else
        c->budget -= steps;
    return !c->exhausted;
}

/* ---- the fields of a set ---- */

static void add_member(struct conflicts *c, struct fields *fields,
                       const struct gql_selection *field,
                       const struct gql_type *parent)
{
    struct arena *arena = &c->v->arena;
    struct gql_name *name =
        gql_name_map_put(&fields->groups, arena, field->alias);
    struct group *group = name->value;
    if (group == NULL) {
        name->value = group = arena_zalloc(arena, sizeof *group);
        group->end = &group->first;
    }
    struct member *member = arena_alloc(arena, sizeof *member);
    *member = (struct member){NULL, field, parent, NULL};
    if (parent != NULL &&
        (parent->kind == GQL_TYPE_OBJECT || parent->kind == GQL_TYPE_INTERFACE))
        member->def = gql_type_field(parent, field->name);
    *group->end = member;
    group->end = &member->next;
}

static void collect(struct conflicts *c, struct fields *fields,
                    const struct gql_selection_set *set,
                    const struct gql_type *parent)
{
    for (const struct gql_selection *s = set->first; s != NULL; s = s->next) {
        c->v->work++;
        if (s->kind == GQL_FIELD)
            add_member(c, fields, s, parent);
        else if (s->kind == GQL_SPREAD)
            gql_name_map_put(&fields->fragments, &c->v->arena, s->name)->value =
                validation_fragment(c->v, s->name);
        else
            collect(c, fields, s->set,
                    s->on.len > 0 ? gql_schema_type(c->v->schema, s->on)
                                  : parent);
    }
}

static struct fields *fields_of(struct conflicts *c,
                                const struct gql_type *parent,
                                const struct gql_selection_set *set)
{
    struct fields wanted = {.parent = parent, .set = set};
    size_t key_len = offsetof(struct fields, groups);
    const struct gql_name *known =
        gql_name_map_find(&c->fields, str_make((const char *)&wanted, key_len));
    if (known != NULL)
        return known->value;
    struct fields *fields = arena_alloc(&c->v->arena, sizeof *fields);
    *fields = wanted;
    gql_name_map_put(&c->fields, &c->v->arena,
                     str_make((const char *)fields, key_len))
        ->value = fields;
    collect(c, fields, set, parent);
    return fields;
}

/* ---- conflicts ---- */

static struct str shortened(struct arena *arena, struct str text)
{
    if (text.len <= DETAIL_MAX)
        return text;
    return str_of(arena_printf(arena, "%.*s...", DETAIL_MAX, text.p));
}

static struct conflict *conflict_new(struct conflicts *c, struct str response,
                                     struct str reason)
{
    struct conflict *conflict = arena_zalloc(&c->v->arena, sizeof *conflict);
    conflict->response = response;
    conflict->reason = reason;
    return conflict;
}

static const struct gql_selection **one_node(struct conflicts *c,
                                             const struct gql_selection *field)
{
    const struct gql_selection **list = arena_alloc(&c->v->arena, sizeof *list);
    *list = field;
    return list;
}

static struct conflict *conflict_between(struct conflicts *c,
                                         const struct member *a,
                                         const struct member *b,
                                         const char *reason)
{
    struct conflict *conflict =
        conflict_new(c, a->field->alias, str_of(reason));
    conflict->first = one_node(c, a->field);
    conflict->second = one_node(c, b->field);
    conflict->first_count = conflict->second_count = 1;
    return conflict;
}

static struct str reasons(struct conflicts *c, const struct conflict *below)
{
    struct buf text = {0};
    for (; below != NULL && text.len <= DETAIL_MAX; below = below->next) {
        struct str name = shortened(&c->v->arena, below->response);
        buf_printf(&text, "%ssubfields \"%.*s\" conflict because %.*s",
                   text.len > 0 ? " and " : "", STR_ARG(name),
                   STR_ARG(below->reason));
    }
    struct str kept = arena_str(&c->v->arena, buf_str(&text));
    buf_fini(&text);
    return shortened(&c->v->arena, kept);
}

/* The field, and those of the conflicts below it: the last of each, as far as
 * there is room. */
static uint32_t nodes_of(struct conflicts *c, const struct gql_selection *field,
                         const struct conflict *below, bool second,
                         const struct gql_selection ***list)
{
    *list = arena_alloc(&c->v->arena, NODES_MAX * sizeof **list);
    (*list)[0] = field;
    uint32_t count = 1;
    for (; below != NULL && count < NODES_MAX; below = below->next) {
        const struct gql_selection **from =
            second ? below->second : below->first;
        uint32_t n = second ? below->second_count : below->first_count;
        uint32_t taken = n < NODES_MAX - count ? n : NODES_MAX - count;
        memcpy(*list + count, from + n - taken, taken * sizeof *from);
        count += taken;
    }
    return count;
}

static struct conflict *conflict_below(struct conflicts *c,
                                       const struct member *a,
                                       const struct member *b,
                                       const struct conflict *below)
{
    struct conflict *conflict =
        conflict_new(c, a->field->alias, reasons(c, below));
    conflict->first_count =
        nodes_of(c, a->field, below, false, &conflict->first);
    conflict->second_count =
        nodes_of(c, b->field, below, true, &conflict->second);
    return conflict;
}

/* ---- comparing ---- */

static void between_sets(struct conflicts *c, struct conflict_list *found,
                         bool exclusive, struct fields *a, struct fields *b);

static bool is_object(const struct gql_type *type)
{
    return type != NULL && type->kind == GQL_TYPE_OBJECT;
}

/* Why not, where both may be asked of one object; NULL: they are the same. */
static const char *difference(struct conflicts *c, const struct member *a,
                              const struct member *b)
{
    struct arena *arena = &c->v->arena;
    const struct gql_selection *x = a->field, *y = b->field;
    if (!str_eq(x->name, y->name))
        return arena_printf(arena, "\"%.*s\" and \"%.*s\" are different fields",
                            STR_ARG(shortened(arena, x->name)),
                            STR_ARG(shortened(arena, y->name)));
    if (x->arguments == NULL && y->arguments == NULL)
        return NULL;
    for (const struct gql_argument *i = x->arguments; i != NULL; i = i->next)
        spend(c, 1);
    return validation_same_arguments(c->v, x->arguments, y->arguments)
               ? NULL
               : "they have differing arguments";
}

static const struct gql_type *named(const struct member *member)
{
    return member->def != NULL ? member->def->type->named : NULL;
}

static struct conflict *compare_below(struct conflicts *c, bool exclusive,
                                      const struct member *a,
                                      const struct member *b)
{
    struct conflict_list below = {.end = &below.first};
    if (a->field->set == NULL || b->field->set == NULL)
        return NULL;
    between_sets(c, &below, exclusive, fields_of(c, named(a), a->field->set),
                 fields_of(c, named(b), b->field->set));
    return below.first != NULL ? conflict_below(c, a, b, below.first) : NULL;
}

static struct conflict *compare(struct conflicts *c, bool exclusive,
                                const struct member *a, const struct member *b)
{
    if (!spend(c, 2))
        return NULL;
    exclusive |=
        a->parent != b->parent && is_object(a->parent) && is_object(b->parent);
    const char *reason = exclusive ? NULL : difference(c, a, b);
    if (reason != NULL)
        return conflict_between(c, a, b, reason);
    if (a->def != NULL && b->def != NULL &&
        validation_types_conflict(a->def->type, b->def->type))
        return conflict_between(
            c, a, b,
            arena_printf(&c->v->arena,
                         "they return conflicting types \"%s\" and \"%s\"",
                         validation_type_text(c->v, a->def->type),
                         validation_type_text(c->v, b->def->type)));
    return compare_below(c, exclusive, a, b);
}

static void found_one(struct conflict_list *found, struct conflict *conflict)
{
    if (conflict == NULL)
        return;
    *found->end = conflict;
    found->end = &conflict->next;
    found->count++;
}

static bool enough(const struct conflicts *c, const struct conflict_list *found)
{
    return c->exhausted || found->count >= CONFLICTS_MAX;
}

static void within(struct conflicts *c, struct conflict_list *found,
                   const struct fields *fields)
{
    for (uint32_t i = 0; i < fields->groups.count; i++) {
        const struct group *group = fields->groups.list[i].value;
        for (struct member *a = group->first; a != NULL; a = a->next)
            for (struct member *b = a->next; b != NULL && !enough(c, found);
                 b = b->next)
                found_one(found, compare(c, false, a, b));
    }
}

static void between_groups(struct conflicts *c, struct conflict_list *found,
                           bool exclusive, const struct group *a,
                           const struct group *b)
{
    for (struct member *x = a->first; x != NULL; x = x->next)
        for (struct member *y = b->first; y != NULL && !enough(c, found);
             y = y->next)
            found_one(found, compare(c, exclusive, x, y));
}

static void between_fields(struct conflicts *c, struct conflict_list *found,
                           bool exclusive, const struct fields *a,
                           const struct fields *b)
{
    for (uint32_t i = 0; i < a->groups.count && spend(c, 1); i++) {
        const struct gql_name *group = &a->groups.list[i];
        const struct gql_name *other =
            gql_name_map_find(&b->groups, group->name);
        if (other != NULL)
            between_groups(c, found, exclusive, group->value, other->value);
    }
}

static struct fields *fragment_fields(struct conflicts *c,
                                      const struct validation_body *fragment)
{
    return fields_of(c, fragment->named, fragment->set);
}

/* A set with a fragment, and all that the fragment spreads. */
static void with_fragment(struct conflicts *c, struct conflict_list *found,
                          bool exclusive, struct fields *fields,
                          struct str name)
{
    if (!spend(c, 1) || fields->groups.count == 0 || c->nested > NESTED_MAX)
        return;
    struct gql_name *pair =
        gql_name_map_put(&fields->compared, &c->v->arena, name);
    const struct validation_body *fragment = validation_fragment(c->v, name);
    if (seen_before(pair, exclusive) || fragment == NULL)
        return;
    struct fields *other = fragment_fields(c, fragment);
    if (other == fields)
        return;
    between_fields(c, found, exclusive, fields, other);
    c->nested++;
    for (uint32_t i = 0; i < other->fragments.count; i++)
        with_fragment(c, found, exclusive, fields,
                      other->fragments.list[i].name);
    c->nested--;
}

static bool fragments_seen(struct conflicts *c, const struct validation_body *a,
                           const struct validation_body *b, bool exclusive)
{
    const struct validation_body **key =
        arena_alloc(&c->v->arena, 2 * sizeof *key);
    key[0] = a < b ? a : b;
    key[1] = a < b ? b : a;
    struct str text = str_make((const char *)key, 2 * sizeof *key);
    return seen_before(gql_name_map_put(&c->compared, &c->v->arena, text),
                       exclusive);
}

/* Two fragments, and all that they spread. */
static void between_fragments(struct conflicts *c, struct conflict_list *found,
                              bool exclusive, const struct validation_body *a,
                              const struct validation_body *b)
{
    if (!spend(c, 4) || a == NULL || b == NULL || a == b ||
        c->nested > NESTED_MAX || fragments_seen(c, a, b, exclusive))
        return;
    struct fields *x = fragment_fields(c, a), *y = fragment_fields(c, b);
    between_fields(c, found, exclusive, x, y);
    c->nested++;
    for (uint32_t i = 0; i < y->fragments.count; i++)
        between_fragments(c, found, exclusive, a, y->fragments.list[i].value);
    for (uint32_t i = 0; i < x->fragments.count; i++)
        between_fragments(c, found, exclusive, x->fragments.list[i].value, b);
    c->nested--;
}

static void between_sets(struct conflicts *c, struct conflict_list *found,
                         bool exclusive, struct fields *a, struct fields *b)
{
    if (c->nested > NESTED_MAX) {
        c->exhausted = true;
        return;
    }
    c->nested++;
    between_fields(c, found, exclusive, a, b);
    for (uint32_t i = 0; i < b->fragments.count; i++)
        with_fragment(c, found, exclusive, a, b->fragments.list[i].name);
    for (uint32_t i = 0; i < a->fragments.count; i++)
        with_fragment(c, found, exclusive, b, a->fragments.list[i].name);
    for (uint32_t i = 0; i < a->fragments.count; i++)
        for (uint32_t k = 0; k < b->fragments.count && !enough(c, found); k++)
            between_fragments(c, found, exclusive, a->fragments.list[i].value,
                              b->fragments.list[k].value);
    c->nested--;
}

/* All that is in one set. */
static void search(struct conflicts *c, struct conflict_list *found,
                   struct fields *fields)
{
    const struct gql_name_map *fragments = &fields->fragments;
    within(c, found, fields);
    if (fields->groups.count == 0 && fragments->count <= 1)
        return;
    for (uint32_t i = 0; i < fragments->count; i++) {
        with_fragment(c, found, false, fields, fragments->list[i].name);
        for (uint32_t k = i + 1; k < fragments->count && !enough(c, found); k++)
            between_fragments(c, found, false, fragments->list[i].value,
                              fragments->list[k].value);
    }
}

/* ---- the rule ---- */

void prepare_fields_can_be_merged(struct validation *v)
{
    if (!validation_merge_doubtful(v))
        return;
    v->conflicts = arena_zalloc(&v->arena, sizeof *v->conflicts);
    v->conflicts->v = v;
    v->conflicts->budget =
        BUDGET_LEAST + (uint64_t)BUDGET_PER_TOKEN * v->doc->tokens;
}

static void report(struct validation *v, const struct conflict *conflict)
{
    struct validation_places places = {0};
    for (uint32_t i = 0; i < conflict->first_count; i++)
        validation_place(&places, &v->arena, conflict->first[i]->at);
    for (uint32_t i = 0; i < conflict->second_count; i++)
        validation_place(&places, &v->arena, conflict->second[i]->at);
    validation_report(
        v, &places,
        "Fields \"%.*s\" conflict because %.*s. Use different aliases "
        "on the fields to fetch both if this was intentional.",
        STR_ARG(shortened(&v->arena, conflict->response)),
        STR_ARG(conflict->reason));
}

static void give_up(struct validation *v, const struct gql_selection_set *set)
{
    gql_error_add(v->errors, GQL_CODE_LIMIT, &set->at, 1,
                  "Too many fields and fragments overlap to find out whether "
                  "they can be merged.");
    v->conflicts = NULL;
}

void rule_fields_can_be_merged(struct validation *v,
                               const struct gql_selection_set *set,
                               const struct gql_type *parent)
{
    const struct gql_selection *first = set->first;
    if (v->conflicts == NULL || first == NULL ||
        (first->next == NULL && first->kind != GQL_INLINE))
        return;
    struct conflict_list found = {.end = &found.first};
    search(v->conflicts, &found, fields_of(v->conflicts, parent, set));
    for (const struct conflict *c = found.first;
         c != NULL && !validation_full(v); c = c->next)
        report(v, c);
    if (v->conflicts->exhausted)
        give_up(v, set);
}
