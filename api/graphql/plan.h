/* plan: one operation with its variables, made ready to be executed.
 *
 * For every place of the query where objects stand there is a set of fields
 * per type that these objects can have: a flat list in the order of the
 * response, sub-selections merged, arguments coerced, the text of the key made
 * ("CollectFields", section 6.3.2). A set is made when the first object of its
 * type turns up there, and stays for the next execution. */
#ifndef NEXUS_GRAPHQL_PLAN_H
#define NEXUS_GRAPHQL_PLAN_H

#include "api/graphql/coerce.h"
#include "api/graphql/graphql.h"

/* A key is copied in one piece of this size where it fits. */
#define PLAN_KEY_ROOM 32

/* Selections of one response name, merged. */
struct plan_node {
    struct plan_node *next;
    const struct gql_selection *selection;
};

enum plan_kind {
    PLAN_LEAF,     /* printed by `write` */
    PLAN_OBJECTS,  /* an object or a list of them */
    PLAN_TYPENAME, /* the key holds the value, too */
};

struct plan_field {
    struct str key; /* ",\"name\":", in at least PLAN_KEY_ROOM bytes */
    gql_write_fn write;
    enum plan_kind kind;
    bool required;     /* its type is non-null */
    uint8_t lists;     /* list types around the named one */
    uint64_t non_null; /* bit i: the position inside i lists */
    uint32_t slot;     /* among the set's resolved fields; with resolved */
    bool resolved;     /* objects are found for it: kind OBJECTS, or a leaf with
                          a resolver */
    gql_resolve_fn resolve;       /* NULL: the parents are the objects */
    struct str name;              /* of the response */
    const struct gql_type *owner; /* the type it is a field of */
    const struct gql_field *field;
    const struct gql_type *type; /* the named one */
    const struct gql_value **arguments;
    struct gql_coerce_error *refusal; /* its arguments do not suit */
    struct plan_node *nodes;
    uint32_t node_count;
    struct plan_set **sets; /* one per possible type; NULL: not made yet */
};

struct plan_set {
    const struct gql_type *type;
    struct plan_field *fields;
    uint32_t count;
    uint32_t resolved;                /* how many fields are */
    struct gql_coerce_error *refusal; /* a directive's argument does not suit */
};

struct gql_plan {
    uint32_t refs; /* callers and executions */
    struct arena arena;
    struct gql_cache *cache;
    struct gql_query *query;
    const struct gql_schema *schema;
    const struct gql_limits *limits;
    const struct gql_operation *operation;
    struct gql_variables variables;
    struct plan_set *root;
    struct str variables_text; /* what it was made of */
    bool hooked;      /* made of more than the text: not for another request */
    bool kept;        /* by its query, for the next request */
    size_t size_hint; /* bytes of the last response */
    struct gql_plan *next; /* in the list of unused ones, or its query's */
};

static inline struct gql_plan *plan_ref(struct gql_plan *plan)
{
    plan->refs++;
    return plan;
}

/* How many types objects of this field can have, and which. */
static inline uint32_t plan_possible_count(const struct gql_type *type)
{
    return type->kind == GQL_TYPE_OBJECT ? 1 : type->possible_count;
}

static inline const struct gql_type *plan_possible(const struct gql_type *type,
                                                   uint32_t i)
{
    return type->kind == GQL_TYPE_OBJECT ? type : type->possible[i];
}

/* The fields asked of the i-th possible type; never NULL. */
const struct plan_set *plan_subset(struct gql_plan *plan,
                                   const struct plan_field *field, uint32_t i);

/* What a resolver is told; the plan stands behind `selection`. */
struct plan_selection {
    struct gql_plan *plan;
    const struct plan_field *field;
};

#endif
