/* The objects are: of __Schema the struct gql_schema, of __Type a struct
 * gql_type_ref (so that wrappers are types, too), of __Field, __InputValue,
 * __EnumValue and __Directive the schema's structs of these names. */
#include "api/graphql/introspect.h"

#include <assert.h>

#include "api/graphql/coerce.h"
#include "api/graphql/inspect.h"
#include "api/graphql/scalar.h"
#include "api/graphql/schema_private.h"

static void put_optional(struct gql_out *out, struct str text)
{
    if (text.p == NULL)
        json_put_null(&out->json);
    else
        json_put_str(&out->json, text);
}

/* ---- giving types ---- */

static const struct gql_type_ref *ref_to(const struct gql_type *type,
                                         struct arena *arena)
{
    struct gql_type_ref *ref = arena_zalloc(arena, sizeof *ref);
    ref->wrap = GQL_NAMED;
    ref->named = type;
    return ref;
}

static void give_type(struct gql_batch *batch, uint32_t i,
                      const struct gql_type *type)
{
    gql_batch_object(batch, i,
                     type != NULL ? ref_to(type, batch->call.arena) : NULL);
}

static void give_types(struct gql_batch *batch, uint32_t i,
                       const struct gql_type *const *types, uint32_t count)
{
    struct arena *arena = batch->call.arena;
    const void **list = arena_alloc(arena, count * sizeof *list);
    for (uint32_t k = 0; k < count; k++)
        list[k] = ref_to(types[k], arena);
    gql_batch_list(batch, i, list, count);
}

/* ---- lists without what is deprecated ---- */

/* An array of structs, each with its deprecation at an offset. */
struct listing {
    const void *first;
    size_t size, deprecation;
    uint32_t count;
};

#define LISTING(array, length, type)                                  \
    (struct listing)                                                  \
    {                                                                 \
        .first = (array), .size = sizeof(type),                       \
        .deprecation = offsetof(type, deprecation), .count = (length) \
    }

static void give_listing(struct gql_batch *batch, uint32_t i,
                         struct listing all)
{
    bool deprecated =
        gql_argument_bool(&batch->call, "includeDeprecated", false);
    const void **list =
        arena_alloc(batch->call.arena, all.count * sizeof *list);
    uint32_t kept = 0;
    for (uint32_t k = 0; k < all.count; k++) {
        const char *item = (const char *)all.first + k * all.size;
        const struct str *reason = (const void *)(item + all.deprecation);
        if (deprecated || reason->p == NULL)
            list[kept++] = item;
    }
    gql_batch_list(batch, i, list, kept);
}

/* ---- __Schema ---- */

static void schema_description(struct gql_out *out, const void *object)
{
    put_optional(out, ((const struct gql_schema *)object)->description);
}

static void schema_types(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct gql_schema *schema = batch->parents[i];
        give_types(batch, i, schema->types, schema->type_count);
    }
    gql_batch_done(batch);
}

static void schema_query(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        give_type(batch, i, batch->call.schema->query);
    gql_batch_done(batch);
}

static void schema_mutation(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        give_type(batch, i, batch->call.schema->mutation);
    gql_batch_done(batch);
}

static void schema_subscription(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        give_type(batch, i, batch->call.schema->subscription);
    gql_batch_done(batch);
}

static void schema_directives(struct gql_batch *batch)
{
    const struct gql_schema *schema = batch->call.schema;
    const void **list =
        arena_alloc(batch->call.arena, schema->directive_count * sizeof *list);
    for (uint32_t k = 0; k < schema->directive_count; k++)
        list[k] = &schema->directives[k];
    for (uint32_t i = 0; i < batch->count; i++)
        gql_batch_list(batch, i, list, schema->directive_count);
    gql_batch_done(batch);
}

static const struct gql_binding schema_bindings[] = {
    {.name = "description", .write = schema_description},
    {.name = "types", .resolve = schema_types},
    {.name = "queryType", .resolve = schema_query},
    {.name = "mutationType", .resolve = schema_mutation},
    {.name = "subscriptionType", .resolve = schema_subscription},
    {.name = "directives", .resolve = schema_directives},
    {0},
};

/* ---- __Type ---- */

/* The named type; NULL where the object is a wrapper. */
static const struct gql_type *named(const void *object)
{
    const struct gql_type_ref *ref = object;
    return ref->wrap == GQL_NAMED ? ref->named : NULL;
}

static bool has_fields(const struct gql_type *type)
{
    return type != NULL &&
           (type->kind == GQL_TYPE_OBJECT || type->kind == GQL_TYPE_INTERFACE);
}

static void type_kind(struct gql_out *out, const void *object)
{
    static const char *const kinds[] = {
        [GQL_TYPE_SCALAR] = "SCALAR",       [GQL_TYPE_OBJECT] = "OBJECT",
        [GQL_TYPE_INTERFACE] = "INTERFACE", [GQL_TYPE_UNION] = "UNION",
        [GQL_TYPE_ENUM] = "ENUM",           [GQL_TYPE_INPUT] = "INPUT_OBJECT",
    };
    const struct gql_type_ref *ref = object;
    if (ref->wrap == GQL_NAMED)
        json_put_text(&out->json, kinds[ref->named->kind]);
    else
        json_put_text(&out->json,
                      ref->wrap == GQL_LIST_OF ? "LIST" : "NON_NULL");
}

static void type_name(struct gql_out *out, const void *object)
{
    const struct gql_type *type = named(object);
    put_optional(out, type != NULL ? type->name : str_make(NULL, 0));
}

static void type_description(struct gql_out *out, const void *object)
{
    const struct gql_type *type = named(object);
    put_optional(out, type != NULL ? type->description : str_make(NULL, 0));
}

static void type_specified_by(struct gql_out *out, const void *object)
{
    const struct gql_type *type = named(object);
    put_optional(out, type != NULL ? type->specified_by : str_make(NULL, 0));
}

static void type_fields(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct gql_type *type = named(batch->parents[i]);
        if (has_fields(type))
            give_listing(
                batch, i,
                LISTING(type->fields, type->field_count, struct gql_field));
    }
    gql_batch_done(batch);
}

static void type_interfaces(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct gql_type *type = named(batch->parents[i]);
        if (has_fields(type))
            give_types(batch, i, type->interfaces, type->interface_count);
    }
    gql_batch_done(batch);
}

static void type_possible(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct gql_type *type = named(batch->parents[i]);
        if (type != NULL &&
            (type->kind == GQL_TYPE_INTERFACE || type->kind == GQL_TYPE_UNION))
            give_types(batch, i, type->possible, type->possible_count);
    }
    gql_batch_done(batch);
}

static void type_values(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct gql_type *type = named(batch->parents[i]);
        if (type != NULL && type->kind == GQL_TYPE_ENUM)
            give_listing(batch, i,
                         LISTING(type->values, type->value_count,
                                 struct gql_enum_value));
    }
    gql_batch_done(batch);
}

static void type_inputs(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct gql_type *type = named(batch->parents[i]);
        if (type != NULL && type->kind == GQL_TYPE_INPUT)
            give_listing(
                batch, i,
                LISTING(type->inputs, type->input_count, struct gql_input));
    }
    gql_batch_done(batch);
}

static void type_of_type(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct gql_type_ref *ref = batch->parents[i];
        gql_batch_object(batch, i, ref->wrap != GQL_NAMED ? ref->of : NULL);
    }
    gql_batch_done(batch);
}

static void type_one_of(struct gql_out *out, const void *object)
{
    const struct gql_type *type = named(object);
    if (type != NULL && type->kind == GQL_TYPE_INPUT)
        json_put_bool(&out->json, type->one_of);
    else
        json_put_null(&out->json);
}

static const struct gql_binding type_bindings[] = {
    {.name = "kind", .write = type_kind},
    {.name = "name", .write = type_name},
    {.name = "description", .write = type_description},
    {.name = "specifiedByURL", .write = type_specified_by},
    {.name = "fields", .resolve = type_fields},
    {.name = "interfaces", .resolve = type_interfaces},
    {.name = "possibleTypes", .resolve = type_possible},
    {.name = "enumValues", .resolve = type_values},
    {.name = "inputFields", .resolve = type_inputs},
    {.name = "ofType", .resolve = type_of_type},
    {.name = "isOneOf", .write = type_one_of},
    {0},
};

/* ---- __Field ---- */

static void field_name(struct gql_out *out, const void *object)
{
    json_put_str(&out->json, ((const struct gql_field *)object)->name);
}

static void field_description(struct gql_out *out, const void *object)
{
    put_optional(out, ((const struct gql_field *)object)->description);
}

static void field_arguments(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct gql_field *field = batch->parents[i];
        give_listing(
            batch, i,
            LISTING(field->arguments, field->argument_count, struct gql_input));
    }
    gql_batch_done(batch);
}

static void field_type(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        gql_batch_object(batch, i,
                         ((const struct gql_field *)batch->parents[i])->type);
    gql_batch_done(batch);
}

static void field_is_deprecated(struct gql_out *out, const void *object)
{
    json_put_bool(&out->json,
                  ((const struct gql_field *)object)->deprecation.p != NULL);
}

static void field_deprecation(struct gql_out *out, const void *object)
{
    put_optional(out, ((const struct gql_field *)object)->deprecation);
}

static const struct gql_binding field_bindings[] = {
    {.name = "name", .write = field_name},
    {.name = "description", .write = field_description},
    {.name = "args", .resolve = field_arguments},
    {.name = "type", .resolve = field_type},
    {.name = "isDeprecated", .write = field_is_deprecated},
    {.name = "deprecationReason", .write = field_deprecation},
    {0},
};

/* ---- __InputValue ---- */

static void input_name(struct gql_out *out, const void *object)
{
    json_put_str(&out->json, ((const struct gql_input *)object)->name);
}

static void input_description(struct gql_out *out, const void *object)
{
    put_optional(out, ((const struct gql_input *)object)->description);
}

static void input_type(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        gql_batch_object(batch, i,
                         ((const struct gql_input *)batch->parents[i])->type);
    gql_batch_done(batch);
}

/* "-12", "0": no sign of plus, no zeros in front. */
static bool is_whole_number(struct str text)
{
    size_t i = text.len > 0 && text.p[0] == '-';
    if (i == text.len || (text.p[i] == '0' && text.len > i + 1))
        return false;
    for (; i < text.len; i++)
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
    return true;
}

/* A coerced leaf as the literal that gives it: an ID of digits is an Int. */
static void append_leaf(const struct gql_value *value,
                        const struct gql_type *type, struct buf *out)
{
    struct gql_value text = *value;
    if (value->kind == GQL_STRING && type == &gql_builtin_types[GQL_BUILTIN_ID])
        text.kind = is_whole_number(value->text) ? GQL_INT : GQL_STRING;
    else if (value->kind == GQL_ENUM && type->kind == GQL_TYPE_SCALAR)
        text.kind = GQL_STRING;
    if (value->kind == GQL_FLOAT &&
        type == &gql_builtin_types[GQL_BUILTIN_FLOAT])
        gql_number_append(value->f64, out);
    else
        gql_value_append(&text, out);
}

static void append_default(const struct gql_value *value,
                           const struct gql_type_ref *type, struct buf *out);

static void append_list(const struct gql_value *list,
                        const struct gql_type_ref *item, struct buf *out)
{
    buf_append_byte(out, '[');
    for (const struct gql_value *i = list->items; i != NULL; i = i->next) {
        append_default(i, item, out);
        buf_append_text(out, i->next != NULL ? ", " : "");
    }
    buf_append_byte(out, ']');
}

static void append_object(const struct gql_value *object,
                          const struct gql_type *type, struct buf *out)
{
    buf_append_byte(out, '{');
    for (const struct gql_object_field *f = object->fields; f != NULL;
         f = f->next) {
        const struct gql_input *def =
            gql_find_input(type->inputs, type->input_count, f->name);
        buf_append_str(out, f->name);
        buf_append_text(out, ": ");
        append_default(f->value, def->type, out);
        buf_append_text(out, f->next != NULL ? ", " : "");
    }
    buf_append_byte(out, '}');
}

static void append_default(const struct gql_value *value,
                           const struct gql_type_ref *type, struct buf *out)
{
    if (value->kind == GQL_NULL)
        buf_append_text(out, "null");
    else if (type->wrap == GQL_NON_NULL)
        append_default(value, type->of, out);
    else if (type->wrap == GQL_LIST_OF)
        append_list(value, type->of, out);
    else if (type->named->kind == GQL_TYPE_INPUT)
        append_object(value, type->named, out);
    else
        append_leaf(value, type->named, out);
}

static void input_default(struct gql_out *out, const void *object)
{
    const struct gql_input *input = object;
    const struct gql_value *value = gql_default_value(input, out->call.arena);
    struct buf text = {0};
    if (value == NULL) {
        json_put_null(&out->json);
        return;
    }
    append_default(value, input->type, &text);
    json_put_str(&out->json, buf_str(&text));
    buf_fini(&text);
}

static void input_is_deprecated(struct gql_out *out, const void *object)
{
    json_put_bool(&out->json,
                  ((const struct gql_input *)object)->deprecation.p != NULL);
}

static void input_deprecation(struct gql_out *out, const void *object)
{
    put_optional(out, ((const struct gql_input *)object)->deprecation);
}

static const struct gql_binding input_bindings[] = {
    {.name = "name", .write = input_name},
    {.name = "description", .write = input_description},
    {.name = "type", .resolve = input_type},
    {.name = "defaultValue", .write = input_default},
    {.name = "isDeprecated", .write = input_is_deprecated},
    {.name = "deprecationReason", .write = input_deprecation},
    {0},
};

/* ---- __EnumValue ---- */

static void value_name(struct gql_out *out, const void *object)
{
    json_put_str(&out->json, ((const struct gql_enum_value *)object)->name);
}

static void value_description(struct gql_out *out, const void *object)
{
    put_optional(out, ((const struct gql_enum_value *)object)->description);
}

static void value_is_deprecated(struct gql_out *out, const void *object)
{
    json_put_bool(&out->json,
                  ((const struct gql_enum_value *)object)->deprecation.p !=
                      NULL);
}

static void value_deprecation(struct gql_out *out, const void *object)
{
    put_optional(out, ((const struct gql_enum_value *)object)->deprecation);
}

static const struct gql_binding value_bindings[] = {
    {.name = "name", .write = value_name},
    {.name = "description", .write = value_description},
    {.name = "isDeprecated", .write = value_is_deprecated},
    {.name = "deprecationReason", .write = value_deprecation},
    {0},
};

/* ---- __Directive ---- */

static void directive_name(struct gql_out *out, const void *object)
{
    json_put_str(&out->json, ((const struct gql_directive *)object)->name);
}

static void directive_description(struct gql_out *out, const void *object)
{
    put_optional(out, ((const struct gql_directive *)object)->description);
}

static void directive_repeatable(struct gql_out *out, const void *object)
{
    json_put_bool(&out->json,
                  ((const struct gql_directive *)object)->repeatable);
}

static void directive_locations(struct gql_out *out, const void *object)
{
    const struct gql_directive *directive = object;
    json_begin_array(&out->json);
    for (uint32_t i = 0; i < directive->location_count; i++)
        json_put_text(&out->json,
                      gql_location_names[directive->location_list[i]]);
    json_end_array(&out->json);
}

static void directive_arguments(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct gql_directive *directive = batch->parents[i];
        give_listing(batch, i,
                     LISTING(directive->arguments, directive->argument_count,
                             struct gql_input));
    }
    gql_batch_done(batch);
}

static const struct gql_binding directive_bindings[] = {
    {.name = "name", .write = directive_name},
    {.name = "description", .write = directive_description},
    {.name = "isRepeatable", .write = directive_repeatable},
    {.name = "locations", .write = directive_locations},
    {.name = "args", .resolve = directive_arguments},
    {0},
};

/* ---- the way in ---- */

const struct gql_binding *
gql_introspection_binding(const struct gql_field *field)
{
    static const struct gql_binding *const tables[GQL_BUILTINS] = {
        [GQL_BUILTIN_SCHEMA] = schema_bindings,
        [GQL_BUILTIN_TYPE] = type_bindings,
        [GQL_BUILTIN_FIELD] = field_bindings,
        [GQL_BUILTIN_INPUT_VALUE] = input_bindings,
        [GQL_BUILTIN_ENUM_VALUE] = value_bindings,
        [GQL_BUILTIN_DIRECTIVE] = directive_bindings,
    };
    for (const struct gql_binding *b = tables[field->parent->id];
         b->name != NULL; b++)
        if (str_is(field->name, b->name))
            return b;
    assert(!"an introspection field without a binding");
    return NULL;
}

static void give_schema(struct gql_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        gql_batch_object(batch, i, batch->call.schema);
    gql_batch_done(batch);
}

static void give_type_named(struct gql_batch *batch)
{
    const struct gql_value *name = batch->call.arguments[0];
    for (uint32_t i = 0; i < batch->count; i++)
        give_type(batch, i, gql_schema_type(batch->call.schema, name->text));
    gql_batch_done(batch);
}

const struct gql_binding gql_introspect_schema = {.name = "__schema",
                                                  .resolve = give_schema};
const struct gql_binding gql_introspect_type = {.name = "__type",
                                                .resolve = give_type_named};
