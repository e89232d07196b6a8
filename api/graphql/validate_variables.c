/* Variables: what an operation defines against what it and its fragments use. */
#include "api/graphql/validate_private.h"

#define SHARED_LEAST     50000 /* steps through fragments, all operations */
#define SHARED_PER_TOKEN 32

/* ---- definitions ---- */

void rule_variables_are_input_types(struct validation *v,
                                    const struct gql_variable_def *def)
{
    REPORT(v, def->type->at,
           "Variable \"$%.*s\" cannot be non-input type \"%s\".",
           STR_ARG(def->name), validation_node_text(v, def->type));
}

static void report_variables(struct validation *v,
                             const struct gql_variable_def *list,
                             struct str name)
{
    struct validation_places places = {0};
    for (; list != NULL; list = list->next)
        if (str_eq(list->name, name))
            validation_place(&places, &v->arena, list->name_at);
    validation_report(v, &places,
                      "There can be only one variable named \"$%.*s\".",
                      STR_ARG(name));
}

void rule_unique_variable_names(struct validation *v,
                                const struct gql_variable_def *list)
{
    static char once, twice;
    struct gql_name_map seen = {0};
    bool unique = true;
    for (const struct gql_variable_def *d = list; d != NULL; d = d->next) {
        struct gql_name *name = gql_name_map_put(&seen, &v->arena, d->name);
        unique &= name->value == NULL;
        name->value = name->value == NULL ? &once : &twice;
    }
    for (uint32_t i = 0; !unique && i < seen.count && !validation_full(v); i++)
        if (seen.list[i].value == &twice)
            report_variables(v, list, seen.list[i].name);
}

/* ---- uses ---- */

struct usages {
    struct validation *v;
    struct validation_usage *list;
    uint32_t count, cap;
    const struct gql_field *field; /* the innermost, or NULL */
};

/* What a place expects. */
struct place {
    const struct gql_type_ref *type;
    const struct gql_type *input; /* the input object whose field it is */
    bool has_default;
};

static void add_usage(struct usages *u, const struct gql_value *variable,
                      struct place place)
{
    if (u->count == u->cap) {
        u->cap = u->cap == 0 ? 8 : u->cap * 2;
        struct validation_usage *list =
            arena_alloc(&u->v->arena, u->cap * sizeof *list);
        if (u->count > 0)
            memcpy(list, u->list, u->count * sizeof *list);
        u->list = list;
    }
    u->list[u->count++] =
        (struct validation_usage){variable->text, variable->at, place.type,
                                  place.input, place.has_default};
}

static void use_value(struct usages *u, const struct gql_value *value,
                      struct place place);

static void use_list(struct usages *u, const struct gql_value *list,
                     const struct gql_type_ref *type)
{
    if (type != NULL && type->wrap == GQL_NON_NULL)
        type = type->of;
    if (type != NULL && type->wrap == GQL_LIST_OF)
        type = type->of;
    for (const struct gql_value *item = list->items; item != NULL;
         item = item->next)
        use_value(u, item, (struct place){.type = type});
}

static struct place place_of(const struct gql_input *list, uint32_t count,
                             struct str name)
{
    const struct gql_input *input = gql_find_input(list, count, name);
    if (input == NULL)
        return (struct place){0};
    return (struct place){.type = input->type,
                          .has_default = input->initial != NULL};
}

static void use_object(struct usages *u, const struct gql_value *object,
                       const struct gql_type_ref *type)
{
    const struct gql_type *named = type != NULL ? type->named : NULL;
    if (named != NULL && named->kind != GQL_TYPE_INPUT)
        named = NULL;
    for (const struct gql_object_field *f = object->fields; f != NULL;
         f = f->next) {
        struct place place = {0};
        if (named != NULL)
            place = place_of(named->inputs, named->input_count, f->name);
        place.input = named;
        use_value(u, f->value, place);
    }
}

static void use_value(struct usages *u, const struct gql_value *value,
                      struct place place)
{
    u->v->work++;
    if (value->kind == GQL_VARIABLE)
        add_usage(u, value, place);
    else if (value->kind == GQL_LIST)
        use_list(u, value, place.type);
    else if (value->kind == GQL_OBJECT)
        use_object(u, value, place.type);
}

static void use_arguments(struct usages *u, const struct gql_argument *given,
                          const struct gql_input *inputs, uint32_t count)
{
    for (; given != NULL; given = given->next)
        use_value(u, given->value, place_of(inputs, count, given->name));
}

static void use_field_arguments(struct usages *u,
                                const struct gql_argument *given,
                                const struct gql_field *field)
{
    if (field != NULL)
        use_arguments(u, given, field->arguments, field->argument_count);
    else
        use_arguments(u, given, NULL, 0);
}

static void use_directives(struct usages *u,
                           const struct gql_directive_use *list)
{
    for (; list != NULL; list = list->next) {
        const struct gql_directive *def =
            gql_schema_directive(u->v->schema, list->name);
        if (def != NULL)
            use_arguments(u, list->arguments, def->arguments,
                          def->argument_count);
        else
            use_field_arguments(u, list->arguments, u->field);
    }
}

static void use_set(struct usages *u, const struct gql_selection_set *set,
                    const struct gql_type *parent);

static void use_field(struct usages *u, const struct gql_selection *selection,
                      const struct gql_type *parent)
{
    const struct gql_field *around = u->field;
    u->field = validation_field_of(u->v->schema, parent, selection->name);
    use_field_arguments(u, selection->arguments, u->field);
    use_directives(u, selection->directives);
    if (selection->set != NULL)
        use_set(u, selection->set,
                u->field != NULL ? validation_composite(u->field->type->named)
                                 : NULL);
    u->field = around;
}

static void use_set(struct usages *u, const struct gql_selection_set *set,
                    const struct gql_type *parent)
{
    for (const struct gql_selection *s = set->first; s != NULL; s = s->next) {
        u->v->work++;
        if (s->kind == GQL_FIELD) {
            use_field(u, s, parent);
            continue;
        }
        use_directives(u, s->directives);
        if (s->kind == GQL_INLINE)
            use_set(u, s->set,
                    s->on.len == 0 ? parent
                                   : validation_composite(
                                         gql_schema_type(u->v->schema, s->on)));
    }
}

static void usages_of(struct validation *v, struct validation_body *body)
{
    if (body->usages_known)
        return;
    struct usages u = {.v = v};
    use_directives(&u, body->directives);
    use_set(&u, body->set, body->type);
    body->usages = u.list;
    body->usage_count = u.count;
    body->usages_known = true;
}

/* ---- may it be used there? ---- */

static const struct gql_type_ref *inner(const struct gql_type_ref *type)
{
    return type->wrap == GQL_NAMED ? type : type->of;
}

/* Is every value of the one a value of the other? Input types alone. */
static bool narrower(const struct gql_type_ref *type,
                     const struct gql_type_ref *wide)
{
    if (wide->wrap == GQL_NON_NULL)
        return type->wrap == GQL_NON_NULL && narrower(type->of, wide->of);
    if (type->wrap == GQL_NON_NULL)
        return narrower(type->of, wide);
    if (wide->wrap != type->wrap)
        return false;
    return wide->wrap == GQL_NAMED ? wide->named == type->named
                                   : narrower(type->of, wide->of);
}

/* A place that wants a value takes a variable that may be null where either
 * has a default. */
static bool allowed(const struct gql_variable_def *def,
                    const struct gql_type_ref *type,
                    const struct validation_usage *usage)
{
    const struct gql_type_ref *wanted = usage->type;
    if (wanted->wrap == GQL_NON_NULL && type->wrap != GQL_NON_NULL) {
        bool given = def->initial != NULL && def->initial->kind != GQL_NULL;
        if (!given && !usage->has_default)
            return false;
        wanted = inner(wanted);
    }
    return narrower(type, wanted);
}

/* graphql-js overlooks the last where the input object is wanted as "O!". */
static void check_position(struct validation *v,
                           const struct gql_variable_def *def,
                           const struct validation_usage *usage)
{
    const struct gql_type_ref *type = validation_type_of(v, def->type);
    if (type == NULL)
        return;
    if (!allowed(def, type, usage))
        REPORT_TWO(v, def->at, usage->at,
                   "Variable \"$%.*s\" of type \"%s\" used in position "
                   "expecting type \"%s\".",
                   STR_ARG(usage->name), validation_type_text(v, type),
                   validation_type_text(v, usage->type));
    if (usage->input != NULL && usage->input->one_of &&
        type->wrap != GQL_NON_NULL)
        REPORT_TWO(v, def->at, usage->at,
                   "Variable \"$%.*s\" is of type \"%s\" but must be "
                   "non-nullable to be used for OneOf Input Object \"%.*s\".",
                   STR_ARG(usage->name), validation_type_text(v, type),
                   STR_ARG(usage->input->name));
}

/* ---- the rules ---- */

/* The variables of an operation, and all that uses some. */
struct scope {
    struct validation *v;
    const struct gql_definition *def;
    struct gql_name_map defined; /* to struct variable */
    const struct validation_body *body;
    struct validation_body **reached; /* the fragments it spreads */
    uint32_t reached_count;
};

struct variable {
    const struct gql_variable_def *def; /* the last of its name */
    bool used;
};

static struct variable *variable_of(const struct scope *scope, struct str name)
{
    struct gql_name *found = gql_name_map_find(&scope->defined, name);
    return found != NULL ? found->value : NULL;
}

static void define(struct scope *scope)
{
    for (const struct gql_variable_def *d = scope->def->operation.variables;
         d != NULL; d = d->next) {
        struct gql_name *name =
            gql_name_map_put(&scope->defined, &scope->v->arena, d->name);
        if (name->value == NULL)
            name->value =
                arena_zalloc(&scope->v->arena, sizeof(struct variable));
        ((struct variable *)name->value)->def = d;
    }
}

typedef void (*usage_fn)(const struct scope *scope,
                         const struct validation_usage *usage);

static void each_usage_of(const struct scope *scope,
                          const struct validation_body *body, usage_fn fn)
{
    for (uint32_t i = 0; i < body->usage_count; i++) {
        if (validation_full(scope->v))
            return;
        scope->v->work++;
        fn(scope, &body->usages[i]);
    }
}

static void each_usage(const struct scope *scope, usage_fn fn)
{
    each_usage_of(scope, scope->body, fn);
    for (uint32_t i = 0; i < scope->reached_count; i++)
        each_usage_of(scope, scope->reached[i], fn);
}

static void rule_no_undefined_variables(const struct scope *scope,
                                        const struct validation_usage *usage)
{
    const struct gql_operation *op = &scope->def->operation;
    struct variable *variable = variable_of(scope, usage->name);
    if (variable != NULL)
        variable->used = true;
    else if (op->name.len > 0)
        REPORT_TWO(scope->v, usage->at, scope->def->at,
                   "Variable \"$%.*s\" is not defined by operation \"%.*s\".",
                   STR_ARG(usage->name), STR_ARG(op->name));
    else
        REPORT_TWO(scope->v, usage->at, scope->def->at,
                   "Variable \"$%.*s\" is not defined.", STR_ARG(usage->name));
}

static void rule_no_unused_variables(const struct scope *scope)
{
    const struct gql_operation *op = &scope->def->operation;
    for (const struct gql_variable_def *d = op->variables;
         d != NULL && !validation_full(scope->v); d = d->next) {
        if (variable_of(scope, d->name)->used)
            continue;
        if (op->name.len > 0)
            REPORT(scope->v, d->at,
                   "Variable \"$%.*s\" is never used in operation \"%.*s\".",
                   STR_ARG(d->name), STR_ARG(op->name));
        else
            REPORT(scope->v, d->at, "Variable \"$%.*s\" is never used.",
                   STR_ARG(d->name));
    }
}

static void
rule_variables_in_allowed_position(const struct scope *scope,
                                   const struct validation_usage *usage)
{
    const struct variable *variable = variable_of(scope, usage->name);
    if (variable != NULL && usage->type != NULL)
        check_position(scope->v, variable->def, usage);
}

/* The operation and all the fragments it spreads, with their uses. Returns how
 * much there is to look at. */
static uint64_t gather(struct scope *scope, struct validation_body *operation)
{
    uint64_t before = scope->v->work;
    scope->reached =
        validation_reach(scope->v, &operation, 1, &scope->reached_count);
    uint64_t work = scope->v->work - before;
    usages_of(scope->v, operation);
    for (uint32_t i = 0; i < scope->reached_count; i++) {
        usages_of(scope->v, scope->reached[i]);
        work += scope->reached[i]->usage_count;
    }
    return work;
}

/* Operations that share fragments look through them again and again: in all,
 * no more than grows with the document. */
static bool affordable(struct validation *v, uint64_t work,
                       const struct gql_definition *def)
{
    uint64_t budget =
        SHARED_LEAST + (uint64_t)SHARED_PER_TOKEN * v->doc->tokens;
    v->shared += work;
    if (v->shared <= budget)
        return true;
    gql_error_add(v->errors, GQL_CODE_LIMIT, &def->at, 1,
                  "Too many operations share fragments to look through them "
                  "for each.");
    return false;
}

void validate_variables(struct validation *v, struct validation_body *operation)
{
    struct scope scope = {.v = v, .def = operation->def, .body = operation};
    if (v->gave_up)
        return;
    v->gave_up = !affordable(v, gather(&scope, operation), operation->def);
    define(&scope);
    each_usage(&scope, rule_no_undefined_variables);
    rule_no_unused_variables(&scope);
    each_usage(&scope, rule_variables_in_allowed_position);
}
