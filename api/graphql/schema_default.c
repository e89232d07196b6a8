/* schema_default: default values, checked and coerced once.
 *
 * The default of an input object takes those of its fields that it leaves out,
 * so they are settled first. What is left of `initial` is the plain literal of
 * the coerced value, as introspection shows it: the same whatever way it was
 * written. */
#include <errno.h>

#include "api/graphql/coerce.h"
#include "api/graphql/inspect.h"
#include "api/graphql/schema_build.h"

#define DEPTH_MAX 100   /* defaults within defaults */
#define NODES_MAX 10000 /* values within one default */

struct settling;
typedef void (*visit_fn)(struct settling *s, struct gql_input *input,
                         const char *what);

struct settling {
    struct gql_build *build;
    visit_fn visit;
    const char *what; /* the default being settled, for messages */
    uint32_t count;   /* of defaults found; of those settled */
    uint32_t depth, nodes;
};

/* ---- every input of a schema that has a default ---- */

static void visit_inputs(struct settling *s, const char *owner,
                         const char *close, const struct gql_input *list,
                         uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (list[i].initial != NULL)
            s->visit(s, (struct gql_input *)&list[i],
                     arena_printf(s->build->arena,
                                  "The default value of %s%.*s%s", owner,
                                  STR_ARG(list[i].name), close));
}

static void visit_type(struct settling *s, const struct gql_type *type)
{
    const char *name = arena_text(s->build->arena, type->name);
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct gql_field *field = &type->fields[i];
        const char *owner = arena_printf(s->build->arena, "%s.%.*s(", name,
                                         STR_ARG(field->name));
        visit_inputs(s, owner, ":)", field->arguments, field->argument_count);
    }
    visit_inputs(s, arena_printf(s->build->arena, "%s.", name), "",
                 type->inputs, type->input_count);
}

static void visit_directive(struct settling *s, const struct gql_directive *d)
{
    const char *owner =
        arena_printf(s->build->arena, "@%.*s(", STR_ARG(d->name));
    visit_inputs(s, owner, ":)", d->arguments, d->argument_count);
}

static void visit_all(struct settling *s, visit_fn visit)
{
    const struct gql_schema *schema = s->build->schema;
    s->visit = visit;
    for (uint32_t i = 0; i < schema->directive_count; i++)
        visit_directive(s, &schema->directives[i]);
    for (uint32_t i = 0; i < s->build->count; i++)
        if (s->build->sources[i].own != NULL)
            visit_type(s, s->build->sources[i].own);
}

/* ---- plain literals ---- */

static struct gql_value *plain(struct settling *s,
                               const struct gql_value *value,
                               const struct gql_type_ref *type);

static bool is_integer(struct str text)
{
    size_t sign = text.len > 0 && text.p[0] == '-';
    bool good =
        text.len > sign && (text.p[sign] != '0' || text.len == sign + 1);
    for (size_t i = sign; i < text.len; i++)
        good = good && text.p[i] >= '0' && text.p[i] <= '9';
    return good;
}

/* A Float's shortest text; 1.0 is the Int literal 1. */
static void plain_float(struct settling *s, struct gql_value *value)
{
    struct buf text = {0};
    gql_number_append(value->f64, &text);
    value->text = arena_str(s->build->arena, buf_str(&text));
    value->kind = is_integer(value->text) ? GQL_INT : GQL_FLOAT;
    buf_fini(&text);
}

static void plain_leaf(struct settling *s, struct gql_value *value,
                       const struct gql_type *type)
{
    value->block = false;
    if (!type->builtin || type->kind != GQL_TYPE_SCALAR)
        return;
    if (type->id == GQL_BUILTIN_FLOAT)
        plain_float(s, value);
    else if (type->id == GQL_BUILTIN_ID && is_integer(value->text))
        value->kind = GQL_INT;
}

static void plain_list(struct settling *s, struct gql_value *value,
                       const struct gql_type_ref *item)
{
    struct gql_value **tail = &value->items;
    for (const struct gql_value *v = value->items; v; v = v->next) {
        *tail = plain(s, v, item);
        tail = &(*tail)->next;
    }
    *tail = NULL;
}

static void plain_object(struct settling *s, struct gql_value *value,
                         const struct gql_type *type)
{
    struct gql_object_field **tail = &value->fields;
    for (const struct gql_object_field *f = value->fields; f; f = f->next) {
        const struct gql_input *def =
            gql_find_input(type->inputs, type->input_count, f->name);
        struct gql_object_field *copy =
            arena_alloc(s->build->arena, sizeof *copy);
        *copy = *f;
        copy->value = plain(s, f->value, def->type);
        *tail = copy;
        tail = &copy->next;
    }
    *tail = NULL;
}

/* A copy of the coerced value, to be printed. */
static struct gql_value *plain(struct settling *s,
                               const struct gql_value *value,
                               const struct gql_type_ref *type)
{
    struct gql_value *copy = arena_alloc(s->build->arena, sizeof *copy);
    *copy = *value;
    copy->next = NULL;
    if (type->wrap == GQL_NON_NULL)
        type = type->of;
    if (value->kind == GQL_NULL || ++s->nodes > NODES_MAX)
        return copy;
    if (type->wrap == GQL_LIST_OF)
        plain_list(s, copy, type->of);
    else if (type->named->kind == GQL_TYPE_INPUT)
        plain_object(s, copy, type->named);
    else
        plain_leaf(s, copy, type->named);
    return copy;
}

/* ---- settling ---- */

static const struct gql_value in_progress;

static void settle(struct settling *s, struct gql_input *input);

static void settle_within(struct settling *s, const struct gql_value *value,
                          const struct gql_type_ref *type);

static void settle_members(struct settling *s, const struct gql_value *value,
                           const struct gql_type *type)
{
    for (uint32_t i = 0; i < type->input_count; i++) {
        const struct gql_input *def = &type->inputs[i];
        const struct gql_object_field *given = value->fields;
        while (given != NULL && !str_eq(given->name, def->name))
            given = given->next;
        if (given != NULL)
            settle_within(s, given->value, def->type);
        else
            settle(s, (struct gql_input *)def);
    }
}

/* The defaults that this one takes. */
static void settle_within(struct settling *s, const struct gql_value *value,
                          const struct gql_type_ref *type)
{
    if (type->named->kind != GQL_TYPE_INPUT)
        return;
    if (value->kind == GQL_OBJECT)
        settle_members(s, value, type->named);
    if (value->kind == GQL_LIST)
        for (const struct gql_value *v = value->items; v; v = v->next)
            settle_within(s, v, type);
}

static void refuse(struct settling *s, const struct gql_input *input,
                   const char *why)
{
    GQL_SCHEMA_ERROR(s->build, input->at, "%s %s.", s->what, why);
}

static void finish(struct settling *s, struct gql_input *input)
{
    struct gql_schema *schema = s->build->schema;
    input->coerced = gql_coerce_literal(input->initial, input->type, NULL,
                                        s->build->arena, NULL);
    s->nodes = 0;
    if (input->coerced == NULL)
        refuse(s, input, "does not suit its type");
    else
        input->initial = plain(s, input->coerced, input->type);
    if (s->nodes > NODES_MAX)
        refuse(s, input, "is too large");
    schema->defaults[schema->default_count++] = input;
}

static void settle(struct settling *s, struct gql_input *input)
{
    if (input->initial == NULL || s->build->errors->count > 0)
        return;
    if (input->coerced == &in_progress)
        refuse(s, input, "contains itself");
    else if (s->depth == DEPTH_MAX)
        refuse(s, input, "is nested too deeply");
    if (input->coerced != NULL || s->depth == DEPTH_MAX)
        return;
    input->coerced = &in_progress;
    s->depth++;
    settle_within(s, input->initial, input->type);
    s->depth--;
    if (s->build->errors->count == 0)
        finish(s, input);
}

static void check_one(struct settling *s, struct gql_input *input,
                      const char *what)
{
    gql_check_constant(s->build, input->initial, input->type, what);
    s->count++;
}

static void settle_one(struct settling *s, struct gql_input *input,
                       const char *what)
{
    s->what = what;
    settle(s, input);
}

void gql_settle_defaults(struct gql_build *build)
{
    struct settling s = {.build = build};
    visit_all(&s, check_one);
    if (build->errors->count > 0)
        return;
    build->schema->defaults =
        arena_alloc(build->arena, s.count * sizeof *build->schema->defaults);
    visit_all(&s, settle_one);
}

int gql_schema_coerce_defaults(struct gql_schema *schema, struct errmsg *err)
{
    for (uint32_t i = 0; i < schema->default_count; i++) {
        struct gql_input *input = schema->defaults[i];
        input->coerced = gql_coerce_literal(input->initial, input->type, NULL,
                                            &schema->arena, NULL);
        if (input->coerced == NULL)
            return errmsg_set(err, -EINVAL,
                              "%.*s: its default value is not what its type "
                              "takes",
                              STR_ARG(input->name));
    }
    return 0;
}
