/* schema: the types of an API, read from its schema language.
 *
 * Built once from source text, checked by the type-system rules (section 3),
 * bound to resolvers, then never changed: any number of requests read it. Every
 * list keeps the order of the source. The built-in scalars, directives and the
 * introspection types are in it like any other. */
#ifndef NEXUS_GRAPHQL_SCHEMA_H
#define NEXUS_GRAPHQL_SCHEMA_H

#include "api/graphql/ast.h"
#include "api/graphql/error.h"
#include "lib/errmsg.h"

enum gql_type_kind {
    GQL_TYPE_SCALAR,
    GQL_TYPE_OBJECT,
    GQL_TYPE_INTERFACE,
    GQL_TYPE_UNION,
    GQL_TYPE_ENUM,
    GQL_TYPE_INPUT
};

struct gql_type;
struct gql_binding;
struct gql_name_map;

/* A type with its wrappers, outermost first: [T!]! is NON_NULL of LIST_OF of
 * NON_NULL of NAMED. Equal types need not be one object. */
struct gql_type_ref {
    enum gql_wrap wrap;
    const struct gql_type_ref *of; /* LIST_OF, NON_NULL */
    const struct gql_type *named;  /* the type within, at every level */
};

struct gql_input { /* an argument, or an input object's field */
    struct str name;
    struct str description; /* p NULL: none */
    const struct gql_type_ref *type;
    const struct gql_value *initial; /* the default as a literal in its plain
                                        form; or NULL */
    const struct gql_value *coerced; /* the same, coerced */
    struct str deprecation;          /* the reason; p NULL: not deprecated */
    uint32_t index;                  /* in its list */
    uint32_t at;                     /* of its name in the source */
};

struct gql_field {
    struct str name;
    struct str description;
    const struct gql_type *parent;
    const struct gql_type_ref *type;
    const struct gql_input *arguments;
    uint32_t argument_count;
    uint32_t index; /* in its type's list */
    struct str deprecation;
    uint32_t cost;                     /* see limits.h; 0: the default */
    uint32_t at;                       /* of its name in the source */
    const struct gql_binding *binding; /* NULL until bound, and in interfaces */
};

struct gql_enum_value {
    struct str name;
    struct str description;
    struct str deprecation;
    uint32_t at;
};

struct gql_type {
    enum gql_type_kind kind;
    struct str name;
    struct str description;
    struct str specified_by;        /* SCALAR; p NULL: none */
    bool one_of;                    /* INPUT */
    bool builtin;                   /* a standard scalar or "__…" type */
    uint32_t id;                    /* unique in its schema, and below its
                                       type_ids; the built-in types have the
                                       same one in all */
    uint32_t at;                    /* of its name in the source */
    const struct gql_field *fields; /* OBJECT, INTERFACE */
    uint32_t field_count;
    const struct gql_name_map *field_index; /* NULL: few fields */
    const struct gql_input *inputs;         /* INPUT: its fields */
    uint32_t input_count;
    const struct gql_enum_value *values; /* ENUM */
    uint32_t value_count;
    const struct gql_type *const *interfaces; /* OBJECT, INTERFACE */
    uint32_t interface_count;
    const struct gql_type *const *possible; /* INTERFACE, UNION: the objects it
                                               can be, in order of the types */
    uint32_t possible_count;
    const struct gql_binding *binding; /* type_of, parse, serialize; or NULL */
};

/* A bit for each place a directive may stand: 1 << location. */
enum gql_location_kind {
    GQL_AT_QUERY,
    GQL_AT_MUTATION,
    GQL_AT_SUBSCRIPTION,
    GQL_AT_FIELD,
    GQL_AT_FRAGMENT_DEFINITION,
    GQL_AT_FRAGMENT_SPREAD,
    GQL_AT_INLINE_FRAGMENT,
    GQL_AT_VARIABLE_DEFINITION,
    GQL_AT_SCHEMA,
    GQL_AT_SCALAR,
    GQL_AT_OBJECT,
    GQL_AT_FIELD_DEFINITION,
    GQL_AT_ARGUMENT_DEFINITION,
    GQL_AT_INTERFACE,
    GQL_AT_UNION,
    GQL_AT_ENUM,
    GQL_AT_ENUM_VALUE,
    GQL_AT_INPUT_OBJECT,
    GQL_AT_INPUT_FIELD_DEFINITION,
    GQL_LOCATION_COUNT
};

extern const char *const gql_location_names[GQL_LOCATION_COUNT];
/* The location of that name, or -1. */
int gql_location_find(struct str name);

struct gql_directive {
    struct str name;
    struct str description;
    const struct gql_input *arguments;
    uint32_t argument_count;
    uint32_t locations;           /* bits */
    const uint8_t *location_list; /* the same in the order of the source */
    uint32_t location_count;
    bool repeatable;
    uint32_t at;
};

struct gql_schema {
    struct arena arena;
    struct str description;
    const struct gql_type *const *types; /* in the order of the source; then
                                            built-ins, as graphql-js lists them */
    uint32_t type_count;
    uint32_t type_ids; /* every type's id is below */
    const struct gql_directive *directives;
    uint32_t directive_count;
    const struct gql_type *query, *mutation, *subscription; /* NULL: none */
    struct gql_input **defaults; /* inputs that have one, innermost first */
    uint32_t default_count;
    const struct gql_name_map *index; /* names to types */
};

#define GQL_SCHEMA_TYPES_MAX 10000

/* Reads and checks a schema. NULL with *err: the first thing that is wrong,
 * "telemetry.graphql:12:5: …" (name: the source's, for that). All of them, as
 * graphql-js's buildSchema would say, in *errors where that is not NULL. */
struct gql_schema *gql_schema_new(struct str source, const char *name,
                                  struct gql_errors *errors,
                                  struct errmsg *err);
void gql_schema_free(struct gql_schema **schema);

/* NULL where there is none of that name. */
const struct gql_type *gql_schema_type(const struct gql_schema *schema,
                                       struct str name);
const struct gql_directive *gql_schema_directive(const struct gql_schema *s,
                                                 struct str name);
/* Of an OBJECT or INTERFACE; not __typename, __schema and __type, which are: */
const struct gql_field *gql_type_field(const struct gql_type *type,
                                       struct str name);
extern const struct gql_field gql_typename_field; /* on every composite type */
extern const struct gql_field gql_schema_field;   /* on the query type */
extern const struct gql_field gql_type_field_meta;
const struct gql_input *gql_find_input(const struct gql_input *list,
                                       uint32_t count, struct str name);
/* Of an ENUM. */
const struct gql_enum_value *gql_find_value(const struct gql_type *type,
                                            struct str name);
/* The type of that operation's root; NULL where there is none. */
const struct gql_type *gql_schema_root(const struct gql_schema *schema,
                                       enum gql_operation_type operation);

static inline bool gql_is_leaf(const struct gql_type *type)
{
    return type->kind == GQL_TYPE_SCALAR || type->kind == GQL_TYPE_ENUM;
}

static inline bool gql_is_composite(const struct gql_type *type)
{
    return type->kind == GQL_TYPE_OBJECT || type->kind == GQL_TYPE_INTERFACE ||
           type->kind == GQL_TYPE_UNION;
}

static inline bool gql_is_input(const struct gql_type *type)
{
    return gql_is_leaf(type) || type->kind == GQL_TYPE_INPUT;
}

/* Can an object be both? */
bool gql_types_overlap(const struct gql_type *a, const struct gql_type *b);
/* Is object one of what the abstract type (or the object itself) can be? */
bool gql_type_includes(const struct gql_type *type,
                       const struct gql_type *object);

bool gql_type_ref_eq(const struct gql_type_ref *a,
                     const struct gql_type_ref *b);
/* Appends "[GPU!]!". */
void gql_type_ref_append(const struct gql_type_ref *type, struct buf *out);

#endif
