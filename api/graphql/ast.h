/* ast: a GraphQL document as the parser leaves it.
 *
 * Nodes live in the document's arena and borrow their names from its source;
 * lists are linked in the order of the text. `at` is a node's byte offset in
 * the source: lines and columns are worked out only for an error. The same
 * nodes describe queries and schemas (September 2025 edition, appendix C). */
#ifndef NEXUS_GRAPHQL_AST_H
#define NEXUS_GRAPHQL_AST_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/str.h"

/* ---- values: literals of a document, and coerced input ---- */

enum gql_value_kind {
    GQL_NULL,
    GQL_INT,   /* text: the digits; coerced to Int: also i64 */
    GQL_FLOAT, /* text; coerced to Float: also f64 */
    GQL_STRING,
    GQL_BOOLEAN,
    GQL_ENUM,
    GQL_LIST,
    GQL_OBJECT,
    GQL_VARIABLE /* text: its name without '$' */
};

struct gql_object_field;

struct gql_value {
    struct gql_value *next; /* in its list */
    enum gql_value_kind kind;
    uint32_t at;
    uint32_t count;  /* GQL_LIST, GQL_OBJECT: members */
    bool block;      /* GQL_STRING: was written as a block string */
    struct str text; /* INT, FLOAT (as written), STRING (escapes resolved),
                        ENUM, VARIABLE */
    union {
        bool boolean;
        int64_t i64;
        double f64;
        struct gql_value *items;         /* GQL_LIST: the first */
        struct gql_object_field *fields; /* GQL_OBJECT: the first */
    };
};

struct gql_object_field {
    struct gql_object_field *next;
    struct str name;
    uint32_t at;
    struct gql_value *value;
};

/* ---- parts of executable documents ---- */

struct gql_argument {
    struct gql_argument *next;
    struct str name;
    uint32_t at;
    struct gql_value *value;
};

struct gql_directive_use {
    struct gql_directive_use *next;
    struct str name;
    uint32_t at; /* of the '@' */
    struct gql_argument *arguments;
};

/* A type as written: Name, [T], T!. */
enum gql_wrap { GQL_NAMED, GQL_LIST_OF, GQL_NON_NULL };

struct gql_type_node {
    enum gql_wrap wrap;
    uint32_t at;
    struct str name;          /* GQL_NAMED */
    struct gql_type_node *of; /* the others */
};

struct gql_variable_def {
    struct gql_variable_def *next;
    struct str name;
    uint32_t at;      /* of the '$', or of a description before it */
    uint32_t name_at; /* of the name behind the '$' */
    struct gql_type_node *type;
    struct gql_value *initial; /* the default value; or NULL */
    struct gql_directive_use *directives;
};

enum gql_selection_kind { GQL_FIELD, GQL_SPREAD, GQL_INLINE };

struct gql_selection_set {
    uint32_t at; /* of the '{' */
    struct gql_selection *first;
};

struct gql_selection {
    struct gql_selection *next;
    enum gql_selection_kind kind;
    uint32_t at;      /* of the alias or name; of the '...' */
    uint32_t name_at; /* of the field's or fragment's name */
    struct str name;  /* GQL_FIELD: the field; GQL_SPREAD: the fragment */
    struct str alias; /* GQL_FIELD: the response name (the name, unaliased) */
    bool aliased;
    struct str on; /* GQL_INLINE: the type condition; len 0: none */
    uint32_t on_at;
    struct gql_argument *arguments;
    struct gql_directive_use *directives;
    struct gql_selection_set *set; /* NULL: none written */
};

enum gql_operation_type { GQL_QUERY, GQL_MUTATION, GQL_SUBSCRIPTION };

struct gql_operation {
    enum gql_operation_type type;
    struct str name; /* len 0: anonymous */
    uint32_t name_at;
    struct gql_variable_def *variables;
    struct gql_directive_use *directives;
    struct gql_selection_set *set;
};

struct gql_fragment {
    struct str name;
    uint32_t name_at;
    struct str on; /* its type condition */
    uint32_t on_at;
    struct gql_directive_use *directives;
    struct gql_selection_set *set;
};

/* ---- parts of schema documents ---- */

struct gql_input_def { /* an argument or an input object's field */
    struct gql_input_def *next;
    struct str name;
    uint32_t at;
    struct str description; /* p NULL: none */
    struct gql_type_node *type;
    struct gql_value *initial;
    struct gql_directive_use *directives;
};

struct gql_field_def {
    struct gql_field_def *next;
    struct str name;
    uint32_t at;
    struct str description;
    struct gql_input_def *arguments;
    struct gql_type_node *type;
    struct gql_directive_use *directives;
};

struct gql_enum_def {
    struct gql_enum_def *next;
    struct str name;
    uint32_t at;
    struct str description;
    struct gql_directive_use *directives;
};

struct gql_name_node {
    struct gql_name_node *next;
    struct str name;
    uint32_t at;
};

struct gql_root_def { /* "query: Query" of a schema definition */
    struct gql_root_def *next;
    enum gql_operation_type operation;
    struct str type;
    uint32_t at;
};

enum gql_def_kind {
    GQL_DEF_OPERATION,
    GQL_DEF_FRAGMENT,
    GQL_DEF_SCHEMA,
    GQL_DEF_SCALAR,
    GQL_DEF_OBJECT,
    GQL_DEF_INTERFACE,
    GQL_DEF_UNION,
    GQL_DEF_ENUM,
    GQL_DEF_INPUT,
    GQL_DEF_DIRECTIVE
};

struct gql_type_def { /* GQL_DEF_SCHEMA … GQL_DEF_DIRECTIVE */
    struct str name;  /* len 0: the schema's */
    uint32_t name_at;
    struct str description;
    struct gql_directive_use *directives;
    struct gql_root_def *roots;       /* SCHEMA */
    struct gql_name_node *interfaces; /* OBJECT, INTERFACE */
    struct gql_field_def *fields;     /* OBJECT, INTERFACE */
    struct gql_name_node *members;    /* UNION: types; DIRECTIVE: locations */
    struct gql_enum_def *values;      /* ENUM */
    struct gql_input_def *inputs;     /* INPUT: fields; DIRECTIVE: arguments */
    bool repeatable;                  /* DIRECTIVE */
};

struct gql_definition {
    struct gql_definition *next;
    enum gql_def_kind kind;
    bool extension; /* "extend …" */
    uint32_t at;    /* of its first token; of a description where it has one */
    union {
        struct gql_operation operation;
        struct gql_fragment fragment;
        struct gql_type_def type;
    };
};

struct gql_document {
    struct arena *arena;
    struct str source; /* a copy in the arena */
    struct gql_definition *first;
    uint32_t tokens; /* how many it has */
};

/* The first of that name, or NULL. */
const struct gql_fragment *gql_document_fragment(const struct gql_document *doc,
                                                 struct str name);

#endif
