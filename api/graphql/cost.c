/* cost: how much an operation may ask for, told from its text (limits.h).
 *
 * A selection set costs `fixed`, and `lists` for every item of the list size
 * that the field around it sets: "gpus(first: 10) { edges { node { id } } }"
 * has ten edges. A fragment's cost is the same wherever it is spread and is
 * worked out once, so all takes time that grows with the document. */
#include "api/graphql/coerce.h"
#include "api/graphql/name_map.h"
#include "api/graphql/validate_private.h"

/* Sets in each other, through fragments, too; what is deeper costs more than
 * any limit. */
#define NESTED_MAX 4000

struct price {
    uint64_t fixed, lists;
};

struct fragment_price {
    const struct gql_fragment *fragment;
    struct price price;
    bool known, entered;
};

struct cost {
    const struct gql_schema *schema;
    const struct gql_operation *operation;
    const struct gql_variables *variables;
    const struct gql_limits *limits;
    bool least; /* a size in a variable counts as one */
    struct arena arena;
    struct gql_name_map fragments; /* to struct fragment_price */
    uint32_t nested;
};

static uint64_t add(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/* ---- how long a list is ---- */

static bool sizes(struct str argument)
{
    return str_is(argument, "limit") || str_is(argument, "first") ||
           str_is(argument, "last");
}

/* A literal's or coerced value's number; -1: it is none. */
static int64_t number_of(const struct gql_value *value)
{
    int64_t number = -1;
    if (value == NULL || value->kind != GQL_INT)
        return -1;
    if (value->text.len > 0 && str_to_i64(value->text, &number) == 0)
        return number < 0 ? 0 : number;
    return value->i64 < 0 ? 0 : value->i64;
}

static const struct gql_value *variable_default(const struct cost *cost,
                                                struct str name)
{
    for (const struct gql_variable_def *d = cost->operation->variables;
         d != NULL; d = d->next)
        if (str_eq(d->name, name))
            return d->initial;
    return NULL;
}

static const struct gql_value *variable_value(const struct gql_variables *all,
                                              struct str name)
{
    for (uint32_t i = 0; i < all->count; i++)
        if (str_eq(all->list[i].name, name))
            return all->list[i].value;
    return NULL;
}

static int64_t variable_size(const struct cost *cost, struct str name)
{
    if (cost->least)
        return 1;
    if (cost->variables != NULL)
        return number_of(variable_value(cost->variables, name));
    return number_of(variable_default(cost, name));
}

static int64_t given_size(const struct cost *cost,
                          const struct gql_argument *given, struct str name)
{
    for (; given != NULL; given = given->next) {
        if (!str_eq(given->name, name))
            continue;
        if (given->value->kind == GQL_VARIABLE)
            return variable_size(cost, given->value->text);
        return number_of(given->value);
    }
    return -1;
}

/* What the field's arguments say; -1: nothing. */
static int64_t size_of(const struct cost *cost, const struct gql_field *def,
                       const struct gql_selection *field)
{
    int64_t largest = -1, initial = -1;
    for (uint32_t i = 0; i < def->argument_count; i++) {
        const struct gql_input *input = &def->arguments[i];
        if (!sizes(input->name))
            continue;
        int64_t size = given_size(cost, field->arguments, input->name);
        int64_t otherwise = number_of(input->initial);
        largest = size > largest ? size : largest;
        initial = otherwise > initial ? otherwise : initial;
    }
    return largest >= 0 ? largest : initial;
}

static bool is_list(const struct gql_type_ref *type)
{
    if (type->wrap == GQL_NON_NULL)
        type = type->of;
    return type->wrap == GQL_LIST_OF;
}

/* ---- sets ---- */

static struct price price_set(struct cost *cost,
                              const struct gql_selection_set *set,
                              const struct gql_type *parent);

static struct price price_field(struct cost *cost,
                                const struct gql_selection *field,
                                const struct gql_type *parent)
{
    const struct gql_field *def =
        validation_field_of(cost->schema, parent, field->name);
    if (def == NULL || (field->name.len > 1 && field->name.p[0] == '_' &&
                        field->name.p[1] == '_'))
        return (struct price){0};
    uint64_t own = def->cost > 0 ? def->cost : 1;
    struct price below = {0};
    if (field->set != NULL)
        below =
            price_set(cost, field->set, validation_composite(def->type->named));
    int64_t said = size_of(cost, def, field);
    uint64_t size = said >= 0 ? (uint64_t)said : cost->limits->list_size;
    if (!is_list(def->type))
        return (struct price){
            add(own, add(below.fixed, times(size, below.lists))), 0};
    uint64_t item =
        add(below.fixed, times(cost->limits->list_size, below.lists));
    if (said >= 0)
        return (struct price){add(own, times(size, item)), 0};
    return (struct price){own, item};
}

static struct price price_fragment(struct cost *cost, struct str name)
{
    struct gql_name *found = gql_name_map_find(&cost->fragments, name);
    struct fragment_price *f = found != NULL ? found->value : NULL;
    if (f == NULL || f->entered)
        return (struct price){0};
    if (!f->known) {
        f->entered = true;
        f->price = price_set(cost, f->fragment->set,
                             validation_composite(gql_schema_type(
                                 cost->schema, f->fragment->on)));
        f->entered = false;
        f->known = true;
    }
    return f->price;
}

static struct price price_selection(struct cost *cost,
                                    const struct gql_selection *selection,
                                    const struct gql_type *parent)
{
    if (selection->kind == GQL_FIELD)
        return price_field(cost, selection, parent);
    if (selection->kind == GQL_SPREAD)
        return price_fragment(cost, selection->name);
    if (selection->on.len > 0)
        parent =
            validation_composite(gql_schema_type(cost->schema, selection->on));
    return price_set(cost, selection->set, parent);
}

static struct price price_set(struct cost *cost,
                              const struct gql_selection_set *set,
                              const struct gql_type *parent)
{
    struct price sum = {0};
    if (cost->nested == NESTED_MAX)
        return (struct price){UINT64_MAX, 0};
    cost->nested++;
    for (const struct gql_selection *s = set->first; s != NULL; s = s->next) {
        struct price price = price_selection(cost, s, parent);
        sum.fixed = add(sum.fixed, price.fixed);
        sum.lists = add(sum.lists, price.lists);
    }
    cost->nested--;
    return sum;
}

/* ---- operations ---- */

static void list_fragments(struct cost *cost, const struct gql_document *doc)
{
    for (const struct gql_definition *def = doc->first; def != NULL;
         def = def->next) {
        if (def->kind != GQL_DEF_FRAGMENT)
            continue;
        struct fragment_price *f = arena_zalloc(&cost->arena, sizeof *f);
        f->fragment = &def->fragment;
        gql_name_map_put(&cost->fragments, &cost->arena, f->fragment->name)
            ->value = f;
    }
}

static uint64_t total(struct cost *cost, const struct gql_document *doc)
{
    const struct gql_type *roots[] = {cost->schema->query,
                                      cost->schema->mutation,
                                      cost->schema->subscription};
    list_fragments(cost, doc);
    struct price price =
        price_set(cost, cost->operation->set, roots[cost->operation->type]);
    arena_fini(&cost->arena);
    return add(price.fixed, times(cost->limits->list_size, price.lists));
}

uint64_t gql_cost(const struct gql_schema *schema,
                  const struct gql_document *doc,
                  const struct gql_operation *operation,
                  const struct gql_variables *variables,
                  const struct gql_limits *limits)
{
    struct cost cost = {.schema = schema,
                        .operation = operation,
                        .variables = variables,
                        .limits = limits};
    return total(&cost, doc);
}

uint64_t gql_cost_least(const struct gql_schema *schema,
                        const struct gql_document *doc,
                        const struct gql_operation *operation,
                        const struct gql_limits *limits)
{
    struct cost cost = {.schema = schema,
                        .operation = operation,
                        .limits = limits,
                        .least = true};
    return total(&cost, doc);
}
