/* schema_builtin: what every schema has: the five scalars (3.5), the types of
 * introspection (4.2) and the five directives (3.13). */
#include "api/graphql/schema_private.h"

#define TYPE(id) (&gql_builtin_types[GQL_BUILTIN_##id])

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))

/* ---- types with their wrappers: x, x!, [x!], [x!]! ---- */

enum wrapped { NULLABLE, REQUIRED, LIST, REQUIRED_LIST, WRAPPED };

#define WRAP(id)                                                           \
    {                                                                      \
        [NULLABLE] = {GQL_NAMED, NULL, TYPE(id)},                          \
        [REQUIRED] = {GQL_NON_NULL, &refs[GQL_BUILTIN_##id][0], TYPE(id)}, \
        [LIST] = {GQL_LIST_OF, &refs[GQL_BUILTIN_##id][1], TYPE(id)},      \
        [REQUIRED_LIST] = {GQL_NON_NULL, &refs[GQL_BUILTIN_##id][2],       \
                           TYPE(id)},                                      \
    }

static const struct gql_type_ref refs[GQL_BUILTINS][WRAPPED] = {
    [GQL_BUILTIN_STRING] = WRAP(STRING),
    [GQL_BUILTIN_BOOLEAN] = WRAP(BOOLEAN),
    [GQL_BUILTIN_SCHEMA] = WRAP(SCHEMA),
    [GQL_BUILTIN_TYPE] = WRAP(TYPE),
    [GQL_BUILTIN_TYPE_KIND] = WRAP(TYPE_KIND),
    [GQL_BUILTIN_FIELD] = WRAP(FIELD),
    [GQL_BUILTIN_INPUT_VALUE] = WRAP(INPUT_VALUE),
    [GQL_BUILTIN_ENUM_VALUE] = WRAP(ENUM_VALUE),
    [GQL_BUILTIN_DIRECTIVE] = WRAP(DIRECTIVE),
    [GQL_BUILTIN_DIRECTIVE_LOCATION] = WRAP(DIRECTIVE_LOCATION),
};

#define REF(id, wrapped) (&refs[GQL_BUILTIN_##id][wrapped])

/* ---- arguments ---- */

static const struct gql_value value_false = {
    .kind = GQL_BOOLEAN, .text = STR("false"), .boolean = false};

static const struct gql_input include_deprecated[] = {
    {.name = STR("includeDeprecated"),
     .type = REF(BOOLEAN, REQUIRED),
     .initial = &value_false,
     .coerced = &value_false},
};

static const struct gql_input type_arguments[] = {
    {.name = STR("name"), .type = REF(STRING, REQUIRED)},
};

/* ---- fields ---- */

#define FIELD_OF(owner, at, text, what, of, wrapped)                    \
    .name = STR(text), .description = STR(what), .parent = TYPE(owner), \
    .type = REF(of, wrapped), .index = (at)
#define FIELD(owner, at, text, what, of, wrapped)    \
    {                                                \
        FIELD_OF(owner, at, text, what, of, wrapped) \
    }
#define LISTING(owner, at, text, what, of, wrapped)     \
    {                                                   \
        FIELD_OF(owner, at, text, what, of, wrapped),   \
            .arguments = include_deprecated,            \
            .argument_count = COUNT(include_deprecated) \
    }

static const struct gql_field schema_fields[] = {
    FIELD(SCHEMA, 0, "description", "What the schema is for.", STRING,
          NULLABLE),
    FIELD(SCHEMA, 1, "types", "All types of the schema.", TYPE, REQUIRED_LIST),
    FIELD(SCHEMA, 2, "queryType", "The type that queries start from.", TYPE,
          REQUIRED),
    FIELD(SCHEMA, 3, "mutationType",
          "The type that mutations start from, if there are any.", TYPE,
          NULLABLE),
    FIELD(SCHEMA, 4, "subscriptionType",
          "The type that subscriptions start from, if there are any.", TYPE,
          NULLABLE),
    FIELD(SCHEMA, 5, "directives", "All directives that may be used.",
          DIRECTIVE, REQUIRED_LIST),
};

static const struct gql_field type_fields[] = {
    FIELD(TYPE, 0, "kind", "Which of the eight kinds of type this is.",
          TYPE_KIND, REQUIRED),
    FIELD(TYPE, 1, "name", "Null for LIST and NON_NULL.", STRING, NULLABLE),
    FIELD(TYPE, 2, "description", "What the type stands for.", STRING,
          NULLABLE),
    FIELD(TYPE, 3, "specifiedByURL",
          "Where a custom scalar's values are specified.", STRING, NULLABLE),
    LISTING(TYPE, 4, "fields", "Of OBJECT and INTERFACE, otherwise null.",
            FIELD, LIST),
    FIELD(TYPE, 5, "interfaces",
          "What an OBJECT or INTERFACE implements, otherwise null.", TYPE,
          LIST),
    FIELD(TYPE, 6, "possibleTypes",
          "The object types that an INTERFACE or UNION can be, otherwise null.",
          TYPE, LIST),
    LISTING(TYPE, 7, "enumValues", "Of ENUM, otherwise null.", ENUM_VALUE,
            LIST),
    LISTING(TYPE, 8, "inputFields", "Of INPUT_OBJECT, otherwise null.",
            INPUT_VALUE, LIST),
    FIELD(TYPE, 9, "ofType", "The type within a LIST or NON_NULL.", TYPE,
          NULLABLE),
    FIELD(TYPE, 10, "isOneOf",
          "Of INPUT_OBJECT: must exactly one of its fields be given?", BOOLEAN,
          NULLABLE),
};

static const struct gql_field field_fields[] = {
    FIELD(FIELD, 0, "name", "As it stands in a selection.", STRING, REQUIRED),
    FIELD(FIELD, 1, "description", "What the field gives.", STRING, NULLABLE),
    LISTING(FIELD, 2, "args", "The arguments it takes.", INPUT_VALUE,
            REQUIRED_LIST),
    FIELD(FIELD, 3, "type", "The type of its value.", TYPE, REQUIRED),
    FIELD(FIELD, 4, "isDeprecated", "Should it no longer be used?", BOOLEAN,
          REQUIRED),
    FIELD(FIELD, 5, "deprecationReason", "Why not, and what to use instead.",
          STRING, NULLABLE),
};

static const struct gql_field input_value_fields[] = {
    FIELD(INPUT_VALUE, 0, "name", "Of an argument or input field.", STRING,
          REQUIRED),
    FIELD(INPUT_VALUE, 1, "description", "What it is for.", STRING, NULLABLE),
    FIELD(INPUT_VALUE, 2, "type", "The type it takes.", TYPE, REQUIRED),
    FIELD(INPUT_VALUE, 3, "defaultValue",
          "What stands for it where it is left out, as a GraphQL value.",
          STRING, NULLABLE),
    FIELD(INPUT_VALUE, 4, "isDeprecated", "Should it no longer be used?",
          BOOLEAN, REQUIRED),
    FIELD(INPUT_VALUE, 5, "deprecationReason",
          "Why not, and what to use instead.", STRING, NULLABLE),
};

static const struct gql_field enum_value_fields[] = {
    FIELD(ENUM_VALUE, 0, "name", "As it is written.", STRING, REQUIRED),
    FIELD(ENUM_VALUE, 1, "description", "What it means.", STRING, NULLABLE),
    FIELD(ENUM_VALUE, 2, "isDeprecated", "Should it no longer be used?",
          BOOLEAN, REQUIRED),
    FIELD(ENUM_VALUE, 3, "deprecationReason",
          "Why not, and what to use instead.", STRING, NULLABLE),
};

static const struct gql_field directive_fields[] = {
    FIELD(DIRECTIVE, 0, "name", "Without the @.", STRING, REQUIRED),
    FIELD(DIRECTIVE, 1, "description", "What it does.", STRING, NULLABLE),
    FIELD(DIRECTIVE, 2, "isRepeatable",
          "May it stand more than once at one place?", BOOLEAN, REQUIRED),
    FIELD(DIRECTIVE, 3, "locations", "Where it may stand.", DIRECTIVE_LOCATION,
          REQUIRED_LIST),
    LISTING(DIRECTIVE, 4, "args", "The arguments it takes.", INPUT_VALUE,
            REQUIRED_LIST),
};

/* ---- enum values ---- */

#define VALUE(text, what)                           \
    {                                               \
        .name = STR(text), .description = STR(what) \
    }

static const struct gql_enum_value kind_values[] = {
    VALUE("SCALAR", "A leaf value."),
    VALUE("OBJECT", "`fields` and `interfaces` are set."),
    VALUE("INTERFACE", "`fields`, `interfaces` and `possibleTypes` are set."),
    VALUE("UNION", "`possibleTypes` is set."),
    VALUE("ENUM", "`enumValues` is set."),
    VALUE("INPUT_OBJECT", "`inputFields` is set."),
    VALUE("LIST", "A list of `ofType`."),
    VALUE("NON_NULL", "`ofType` without null."),
};

static const struct gql_enum_value location_values[] = {
    VALUE("QUERY", "On a query."),
    VALUE("MUTATION", "On a mutation."),
    VALUE("SUBSCRIPTION", "On a subscription."),
    VALUE("FIELD", "On a field of a selection."),
    VALUE("FRAGMENT_DEFINITION", "On the definition of a fragment."),
    VALUE("FRAGMENT_SPREAD", "On the use of a fragment."),
    VALUE("INLINE_FRAGMENT", "On a fragment without a name."),
    VALUE("VARIABLE_DEFINITION", "On the definition of a variable."),
    VALUE("SCHEMA", "On a schema definition."),
    VALUE("SCALAR", "On a scalar's definition."),
    VALUE("OBJECT", "On an object type's definition."),
    VALUE("FIELD_DEFINITION", "On the definition of a type's field."),
    VALUE("ARGUMENT_DEFINITION", "On the definition of an argument."),
    VALUE("INTERFACE", "On an interface's definition."),
    VALUE("UNION", "On a union's definition."),
    VALUE("ENUM", "On an enum's definition."),
    VALUE("ENUM_VALUE", "On the definition of an enum's value."),
    VALUE("INPUT_OBJECT", "On an input object's definition."),
    VALUE("INPUT_FIELD_DEFINITION",
          "On the definition of an input object's field."),
};

/* ---- types ---- */

#define NAMED(which, type_kind, text, what)                         \
    .kind = type_kind, .name = STR(text), .description = STR(what), \
    .builtin = true, .id = GQL_BUILTIN_##which
#define SCALAR(which, text, what) \
    [GQL_BUILTIN_##which] = {NAMED(which, GQL_TYPE_SCALAR, text, what)}
#define OBJECT(which, list, text, what)                                 \
    [GQL_BUILTIN_##which] = {NAMED(which, GQL_TYPE_OBJECT, text, what), \
                             .fields = (list), .field_count = COUNT(list)}
#define ENUM(which, list, text, what)                                 \
    [GQL_BUILTIN_##which] = {NAMED(which, GQL_TYPE_ENUM, text, what), \
                             .values = (list), .value_count = COUNT(list)}

const struct gql_type gql_builtin_types[GQL_BUILTINS] = {
    SCALAR(STRING, "String", "Text of any length, in Unicode."),
    SCALAR(BOOLEAN, "Boolean", "`true` or `false`."),
    SCALAR(INT, "Int", "A whole number from -2^31 to 2^31 - 1."),
    SCALAR(FLOAT, "Float",
           "A number with a fraction, of double precision (IEEE 754)."),
    SCALAR(ID, "ID",
           "What tells an object from others. Written as a string; taken as a "
           "string or a whole number. Not meant to be read by people."),
    OBJECT(SCHEMA, schema_fields, "__Schema",
           "What this server can be asked: its types, its directives and where "
           "each kind of operation starts."),
    OBJECT(TYPE, type_fields, "__Type",
           "A type of the schema. Which of its fields are set depends on its "
           "kind."),
    ENUM(TYPE_KIND, kind_values, "__TypeKind", "The kinds of types."),
    OBJECT(FIELD, field_fields, "__Field",
           "A field of an object type or interface."),
    OBJECT(INPUT_VALUE, input_value_fields, "__InputValue",
           "An argument of a field or directive, or a field of an input "
           "object."),
    OBJECT(ENUM_VALUE, enum_value_fields, "__EnumValue",
           "One value of an enum."),
    OBJECT(DIRECTIVE, directive_fields, "__Directive",
           "What can be written with an @ to change how a part of a document "
           "is executed or read."),
    ENUM(DIRECTIVE_LOCATION, location_values, "__DirectiveLocation",
         "A place in a document where a directive may stand."),
};

const struct gql_type *gql_builtin_type(struct str name)
{
    for (int i = 0; i < GQL_BUILTINS; i++)
        if (str_eq(gql_builtin_types[i].name, name))
            return &gql_builtin_types[i];
    return NULL;
}

/* ---- fields that are on types without being listed ---- */

const struct gql_field gql_typename_field = {
    .name = STR("__typename"),
    .description = STR("The name of the object's type."),
    .type = REF(STRING, REQUIRED),
};

const struct gql_field gql_schema_field = {
    .name = STR("__schema"),
    .description = STR("The types and directives of this server."),
    .type = REF(SCHEMA, REQUIRED),
};

const struct gql_field gql_type_field_meta = {
    .name = STR("__type"),
    .description = STR("The type of that name."),
    .type = REF(TYPE, NULLABLE),
    .arguments = type_arguments,
    .argument_count = COUNT(type_arguments),
};

/* ---- directives ---- */

static const struct gql_input include_arguments[] = {
    {.name = STR("if"),
     .description = STR("Included when true."),
     .type = REF(BOOLEAN, REQUIRED)},
};

static const struct gql_input skip_arguments[] = {
    {.name = STR("if"),
     .description = STR("Skipped when true."),
     .type = REF(BOOLEAN, REQUIRED)},
};

static const struct gql_value no_reason = {.kind = GQL_STRING,
                                           .text = STR("No longer supported")};

static const struct gql_input deprecated_arguments[] = {
    {.name = STR("reason"),
     .description = STR("Why, and what to use instead, in Markdown."),
     .type = REF(STRING, REQUIRED),
     .initial = &no_reason,
     .coerced = &no_reason},
};

static const struct gql_input specified_by_arguments[] = {
    {.name = STR("url"),
     .description = STR("Where the scalar's values are specified."),
     .type = REF(STRING, REQUIRED)},
};

#define AT(place)    (1U << GQL_AT_##place)
#define TAKES(list)  .arguments = (list), .argument_count = COUNT(list)
#define STANDS(list) .location_list = (list), .location_count = COUNT(list)

static const uint8_t selections[] = {GQL_AT_FIELD, GQL_AT_FRAGMENT_SPREAD,
                                     GQL_AT_INLINE_FRAGMENT};
static const uint8_t deprecable[] = {
    GQL_AT_FIELD_DEFINITION, GQL_AT_ARGUMENT_DEFINITION,
    GQL_AT_INPUT_FIELD_DEFINITION, GQL_AT_ENUM_VALUE};
static const uint8_t scalars[] = {GQL_AT_SCALAR};
static const uint8_t input_objects[] = {GQL_AT_INPUT_OBJECT};

const struct gql_directive gql_builtin_directives[GQL_BUILTIN_DIRECTIVES] = {
    {.name = STR("include"),
     .description =
         STR("Leaves the field or fragment out unless the argument is true."),
     TAKES(include_arguments),
     .locations = AT(FIELD) | AT(FRAGMENT_SPREAD) | AT(INLINE_FRAGMENT),
     STANDS(selections)},
    {.name = STR("skip"),
     .description =
         STR("Leaves the field or fragment out when the argument is true."),
     TAKES(skip_arguments),
     .locations = AT(FIELD) | AT(FRAGMENT_SPREAD) | AT(INLINE_FRAGMENT),
     STANDS(selections)},
    {.name = STR("deprecated"),
     .description = STR("Should no longer be used."),
     TAKES(deprecated_arguments),
     .locations = AT(FIELD_DEFINITION) | AT(ARGUMENT_DEFINITION) |
                  AT(INPUT_FIELD_DEFINITION) | AT(ENUM_VALUE),
     STANDS(deprecable)},
    {.name = STR("specifiedBy"),
     .description = STR("Says where a scalar's values are specified."),
     TAKES(specified_by_arguments),
     .locations = AT(SCALAR),
     STANDS(scalars)},
    {.name = STR("oneOf"),
     .description =
         STR("Exactly one field of the input object must be given, not null."),
     .locations = AT(INPUT_OBJECT),
     STANDS(input_objects)},
};
