#include "api/graphql/validate_private.h"

#include "lib/buf.h"

/* ---- what a body spreads ---- */

struct spreads {
    struct validation *v;
    const struct gql_selection **list;
    uint32_t count, cap;
    const struct gql_selection_set **sets; /* still to be looked at */
    uint32_t set_count, set_cap;
};

/* Doubles an array of pointers in the arena when it is full. */
static void *room_for_one(struct arena *arena, void *list, uint32_t count,
                          uint32_t *cap)
{
    if (count < *cap)
        return list;
    *cap = *cap == 0 ? 8 : *cap * 2;
    void **grown = arena_alloc(arena, *cap * sizeof *grown);
    if (count > 0)
        memcpy(grown, list, count * sizeof *grown);
    return grown;
}

static void add_spread(struct spreads *s, const struct gql_selection *spread)
{
    s->list = room_for_one(&s->v->arena, s->list, s->count, &s->cap);
    s->list[s->count++] = spread;
}

static void add_set(struct spreads *s, const struct gql_selection_set *set)
{
    s->sets = room_for_one(&s->v->arena, s->sets, s->set_count, &s->set_cap);
    s->sets[s->set_count++] = set;
}

static void find_spreads(struct spreads *s, const struct gql_selection_set *set)
{
    for (const struct gql_selection *at = set->first; at != NULL;
         at = at->next) {
        s->v->work++;
        if (at->kind == GQL_SPREAD)
            add_spread(s, at);
        else if (at->set != NULL)
            add_set(s, at->set);
    }
}

/* Fills body->spreads, sets that come later first: the order in which
 * graphql-js finds them. */
static void find_all_spreads(struct validation *v, struct validation_body *body)
{
    if (body->spreads_known)
        return;
    struct spreads s = {.v = v};
    add_set(&s, body->set);
    while (s.set_count > 0)
        find_spreads(&s, s.sets[--s.set_count]);
    body->spreads = s.list;
    body->spread_count = s.count;
    body->spreads_known = true;
}

/* ---- paths through fragments, without the program's own stack ---- */

/* A step of a depth-first walk: a body and which of its spreads is next. */
struct path_step {
    struct validation_body *body;
    uint32_t next;
};

struct path {
    struct path_step *steps;
    uint32_t count;
};

static struct path path_new(struct validation *v)
{
    if (v->path == NULL)
        v->path = arena_alloc(&v->arena, v->body_count * sizeof *v->path);
    return (struct path){v->path, 0};
}

static void path_push(struct validation *v, struct path *path,
                      struct validation_body *body)
{
    find_all_spreads(v, body);
    path->steps[path->count++] = (struct path_step){body, 0};
    body->known->on_path = path->count;
}

static void path_pop(struct path *path)
{
    path->steps[--path->count].body->known->on_path = 0;
}

/* The next spread at the end of the path, or NULL: all were seen. */
static const struct gql_selection *path_next(struct validation *v,
                                             struct path *path)
{
    struct path_step *end = &path->steps[path->count - 1];
    v->work++;
    return end->next < end->body->spread_count ? end->body->spreads[end->next++]
                                               : NULL;
}

/* ---- how deep they go ---- */

static void too_deep(struct validation *v, const struct validation_body *body)
{
    EXCEEDED(v, body->def->fragment.name_at,
             "Fragments are spread in one another more than %d deep.",
             GQL_FRAGMENT_DEPTH_MAX);
}

/* One step: the next fragment that was not measured yet, or back up. What
 * closes a cycle does not count: those who follow spreads guard themselves. */
static void measure_step(struct validation *v, struct path *path)
{
    struct validation_body *end = path->steps[path->count - 1].body;
    const struct gql_selection *spread = path_next(v, path);
    if (spread != NULL) {
        struct validation_body *next = validation_fragment(v, spread->name);
        if (next == NULL || next->on_path > 0)
            return;
        if (next->below > 0)
            end->deepest =
                next->below > end->deepest ? next->below : end->deepest;
        else
            path_push(v, path, next);
        return;
    }
    end->below = end->deepest + 1;
    path_pop(path);
    if (path->count > 0) {
        struct validation_body *up = path->steps[path->count - 1].body;
        up->deepest = end->below > up->deepest ? end->below : up->deepest;
    }
}

static bool measure(struct validation *v, struct validation_body *fragment)
{
    struct path path = path_new(v);
    path_push(v, &path, fragment);
    while (path.count > 0)
        measure_step(v, &path);
    if (fragment->below <= GQL_FRAGMENT_DEPTH_MAX)
        return true;
    too_deep(v, fragment);
    return false;
}

bool fragments_in_reach(struct validation *v)
{
    if (v->body_count - v->operation_count <= GQL_FRAGMENT_DEPTH_MAX)
        return true;
    for (uint32_t i = 0; i < v->body_count; i++) {
        struct validation_body *body = &v->bodies[i];
        if (body->def->kind == GQL_DEF_FRAGMENT && body->below == 0 &&
            !measure(v, body))
            return false;
    }
    return true;
}

/* ---- the rules ---- */

void rule_fragments_on_composite_types(struct validation *v,
                                       const struct gql_fragment *fragment,
                                       struct str on, uint32_t at)
{
    const struct gql_type *type = gql_schema_type(v->schema, on);
    if (type == NULL || gql_is_composite(type))
        return;
    if (fragment != NULL)
        REPORT(v, at,
               "Fragment \"%.*s\" cannot condition on non composite type "
               "\"%.*s\".",
               STR_ARG(fragment->name), STR_ARG(on));
    else
        REPORT(v, at,
               "Fragment cannot condition on non composite type \"%.*s\".",
               STR_ARG(on));
}

void rule_unique_fragment_names(struct validation *v,
                                const struct gql_fragment *fragment)
{
    struct gql_name *seen =
        gql_name_map_put(&v->fragments_seen, &v->arena, fragment->name);
    if (seen->value == NULL)
        seen->value = (void *)fragment;
    else
        REPORT_TWO(v, ((const struct gql_fragment *)seen->value)->name_at,
                   fragment->name_at,
                   "There can be only one fragment named \"%.*s\".",
                   STR_ARG(fragment->name));
}

void rule_known_fragment_names(struct validation *v,
                               const struct gql_selection *spread)
{
    REPORT(v, spread->name_at, "Unknown fragment \"%.*s\".",
           STR_ARG(spread->name));
}

void rule_possible_fragment_spreads(struct validation *v,
                                    const struct gql_selection *spread,
                                    const struct gql_type *type,
                                    const struct gql_type *parent)
{
    if (type == NULL || parent == NULL || gql_types_overlap(type, parent))
        return;
    const char *name = "";
    if (spread->kind == GQL_SPREAD)
        name = arena_printf(&v->arena, " \"%.*s\"", STR_ARG(spread->name));
    REPORT(v, spread->at,
           "Fragment%s cannot be spread here as objects of type \"%.*s\" can "
           "never be of type \"%.*s\".",
           name, STR_ARG(parent->name), STR_ARG(type->name));
}

/* ---- unused ---- */

struct reach {
    struct validation *v;
    struct validation_body **list; /* all that was reached */
    uint32_t count;
};

static void reach_from(struct reach *r, struct validation_body *body)
{
    find_all_spreads(r->v, body);
    for (uint32_t i = 0; i < body->spread_count; i++) {
        struct validation_body *next =
            validation_fragment(r->v, body->spreads[i]->name);
        r->v->work++;
        if (next == NULL || next->reached == r->v->walks)
            continue;
        next->reached = r->v->walks;
        r->list[r->count++] = next;
    }
}

struct validation_body **validation_reach(struct validation *v,
                                          struct validation_body **from,
                                          uint32_t from_count, uint32_t *count)
{
    if (v->reach == NULL)
        v->reach = arena_alloc(&v->arena, v->body_count * sizeof *v->reach);
    struct reach r = {v, v->reach, 0};
    v->walks++;
    for (uint32_t i = 0; i < from_count; i++)
        reach_from(&r, from[i]);
    for (uint32_t i = 0; i < r.count; i++)
        reach_from(&r, r.list[i]);
    *count = r.count;
    return r.list;
}

static void reach_from_operations(struct validation *v)
{
    struct validation_body **operations =
        arena_alloc(&v->arena, (v->body_count + 1) * sizeof *operations);
    uint32_t count = 0, reached;
    for (uint32_t i = 0; i < v->body_count; i++)
        if (v->bodies[i].def->kind == GQL_DEF_OPERATION)
            operations[count++] = &v->bodies[i];
    validation_reach(v, operations, count, &reached);
}

/* By name: of two fragments of one name the use of either counts. */
void rule_no_unused_fragments(struct validation *v)
{
    if (v->operation_count == v->body_count)
        return;
    reach_from_operations(v);
    for (uint32_t i = 0; i < v->body_count && !validation_full(v); i++) {
        const struct gql_definition *def = v->bodies[i].def;
        if (def->kind == GQL_DEF_FRAGMENT &&
            validation_fragment(v, def->fragment.name)->reached != v->walks)
            REPORT(v, def->at, "Fragment \"%.*s\" is never used.",
                   STR_ARG(def->fragment.name));
    }
}

/* ---- cycles ---- */

/* The path from where the fragment is on it, closed by the spread. */
static void report_cycle(struct validation *v, const struct path *path,
                         const struct gql_selection *spread,
                         const struct validation_body *fragment)
{
    struct validation_places places = {0};
    struct buf via = {0};
    for (uint32_t i = fragment->on_path - 1; i + 1 < path->count; i++) {
        const struct path_step *step = &path->steps[i];
        const struct gql_selection *taken = step->body->spreads[step->next - 1];
        validation_place(&places, &v->arena, taken->at);
        buf_printf(&via, "%s\"%.*s\"", via.len > 0 ? ", " : " via ",
                   STR_ARG(taken->name));
    }
    validation_place(&places, &v->arena, spread->at);
    validation_report(v, &places,
                      "Cannot spread fragment \"%.*s\" within itself%.*s.",
                      STR_ARG(spread->name), STR_ARG(buf_str(&via)));
    buf_fini(&via);
}

/* From a fragment that no search came by so far: each is looked into once. */
void rule_no_fragment_cycles(struct validation *v,
                             struct validation_body *fragment)
{
    if (fragment->known->cycles_told)
        return;
    struct path path = path_new(v);
    fragment->known->cycles_told = true;
    path_push(v, &path, fragment);
    while (path.count > 0 && !validation_full(v)) {
        const struct gql_selection *spread = path_next(v, &path);
        if (spread == NULL) {
            path_pop(&path);
            continue;
        }
        struct validation_body *next = validation_fragment(v, spread->name);
        if (next != NULL && next->on_path > 0)
            report_cycle(v, &path, spread, next);
        else if (next != NULL && !next->cycles_told) {
            next->cycles_told = true;
            path_push(v, &path, next);
        }
    }
}
