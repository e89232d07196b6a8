/* validate: what its files share. validate.c walks the document once and asks
 * the rules, each in the file of what it is about:
 *
 *     validate_operations.c  definitions, operations, subscriptions
 *     validate_fragments.c   fragments and their spreads
 *     validate_fields.c      fields and their selections
 *     validate_arguments.c   arguments and directives
 *     validate_values.c      literals
 *     validate_variables.c   variables and where they are used
 *     validate_merge.c       may fields of one response name be merged? asked
 *                            of the whole document, fast
 *     validate_conflict.c    which may not: only where validate_merge.c doubts
 *     validate_limits.c      what a request may ask for
 *     validate_text.c        types and values as messages name them
 *
 * A rule whose name starts with rule_ is one of the specification's. They are
 * asked in the order of graphql-js's list, so errors come in its order, too. */
#ifndef NEXUS_GRAPHQL_VALIDATE_PRIVATE_H
#define NEXUS_GRAPHQL_VALIDATE_PRIVATE_H

#include "api/graphql/name_map.h"
#include "api/graphql/validate.h"

/* Fragments spread in one another, along one path: what follows such paths
 * calls itself that often. */
#define GQL_FRAGMENT_DEPTH_MAX 1000

/* A use of a variable, with what its place expects. */
struct validation_usage {
    struct str name;
    uint32_t at;
    const struct gql_type_ref *type; /* NULL: not known */
    const struct gql_type *input;    /* the input object whose field it is */
    bool has_default;                /* the place has one */
};

/* An operation or a fragment, with what it holds. */
struct validation_body {
    const struct gql_definition *def;
    const struct gql_selection_set *set;
    const struct gql_directive_use *directives;
    const struct gql_type *named; /* a fragment's type condition, any type */
    const struct gql_type *type;  /* of the selections; NULL: not composite */

    const struct gql_selection **spreads; /* see find_all_spreads */
    uint32_t spread_count;
    bool spreads_known, usages_known;
    struct validation_usage *usages; /* in the order of the text */
    uint32_t usage_count;

    uint32_t reached; /* by the walk of that number, see validation.walks */

    /* of fragments, for validate_fragments.c */
    struct validation_body *known; /* the one that its name stands for */
    bool cycles_told;              /* those from here on were looked for */
    uint32_t on_path; /* its place on the path walked, from 1; 0: is not */
    uint32_t below;   /* fragments on the longest path from here, with it;
                            0: not known yet */
    uint32_t deepest; /* that of those it spreads, so far */

    struct pot *merged; /* validate_merge.c's */

    /* of fragments, for validate_limits.c: lists of the introspection types
     * around it, plus one */
    uint32_t lists_passed;  /* the most with which it was good */
    uint32_t lists_failed;  /* the least with which it was not */
    uint32_t lists_visited; /* the most, in the check of that number: */
    uint32_t visit;
    struct extent *extent; /* once known */
};

struct validation {
    const struct gql_schema *schema;
    const struct gql_document *doc;
    const struct gql_limits *limits;
    struct gql_errors *errors;
    struct arena arena;   /* for the time of the validation */
    struct arena scratch; /* for that of a comparison */

    struct validation_body
        *bodies; /* operations and fragments, as in the text */
    uint32_t body_count;
    uint32_t operation_count;
    struct gql_name_map fragments; /* to the last body of each name */
    uint32_t walks;                /* through fragments, counted */
    struct validation_body *
        *reach;             /* what the last found, see validation_reach */
    struct path_step *path; /* of validate_fragments.c, one at a time */

    struct gql_name_map operations;     /* seen, to struct gql_operation */
    struct gql_name_map fragments_seen; /* to struct gql_fragment, the first */
    uint64_t shared; /* steps of validate_variables.c through fragments */
    bool gave_up;    /* they were too many */
    const struct gql_field *field; /* whose parts are walked; or NULL */
    struct conflicts *conflicts;   /* validate_conflict.c's; NULL: all fields
                                        of the document can be merged */
    uint64_t work;                 /* steps taken */
};

/* Places for one error's locations. */
struct validation_places {
    uint32_t *list;
    uint32_t count, cap;
};

void validation_place(struct validation_places *places, struct arena *arena,
                      uint32_t at);
#define validation_report(v, places, ...)                           \
    gql_error_add((v)->errors, GQL_CODE_VALIDATION, (places)->list, \
                  (places)->count, __VA_ARGS__)
#define REPORT(v, at, ...)                                          \
    do {                                                            \
        const uint32_t place_ = (at);                               \
        gql_error_add((v)->errors, GQL_CODE_VALIDATION, &place_, 1, \
                      __VA_ARGS__);                                 \
    } while (0)
#define REPORT_TWO(v, at, other, ...)                               \
    do {                                                            \
        const uint32_t places_[] = {(at), (other)};                 \
        gql_error_add((v)->errors, GQL_CODE_VALIDATION, places_, 2, \
                      __VA_ARGS__);                                 \
    } while (0)
#define EXCEEDED(v, at, ...)                                                 \
    do {                                                                     \
        const uint32_t place_ = (at);                                        \
        gql_error_add((v)->errors, GQL_CODE_LIMIT, &place_, 1, __VA_ARGS__); \
    } while (0)

/* Was there one error more than are told? */
static inline bool validation_full(const struct validation *v)
{
    return gql_errors_full(v->errors) &&
           strcmp(v->errors->last->code, GQL_CODE_LIMIT) == 0;
}

/* ---- names, types and values in messages ---- */

const char *validation_type_text(struct validation *v,
                                 const struct gql_type_ref *type);
const char *validation_node_text(struct validation *v,
                                 const struct gql_type_node *type);
const char *validation_value_text(struct validation *v,
                                  const struct gql_value *value);

/* ---- what validate.c knows ---- */

/* The type a node names, in the schema; NULL where it is unknown. */
const struct gql_type_ref *validation_type_of(struct validation *v,
                                              const struct gql_type_node *node);
/* The field of a selection in a type, __typename and the like, too. NULL where
 * there is none, or no type. */
const struct gql_field *validation_field_of(const struct gql_schema *schema,
                                            const struct gql_type *parent,
                                            struct str name);
const struct gql_type *validation_composite(const struct gql_type *type);
/* The last fragment of that name, or NULL. */
struct validation_body *validation_fragment(const struct validation *v,
                                            struct str name);
/* What the bodies spread, directly or not, in graphql-js's order. Good until
 * the next call. */
struct validation_body **validation_reach(struct validation *v,
                                          struct validation_body **from,
                                          uint32_t from_count, uint32_t *count);

/* gql_validate, which says how many steps it took: selections, values, places
 * and comparisons looked at. */
uint64_t validation_run(const struct gql_schema *schema,
                        const struct gql_document *doc,
                        const struct gql_limits *limits,
                        struct gql_errors *errors);

/* ---- validate_operations.c ---- */

void rule_executable_definitions(struct validation *v);
void rule_known_operation_types(struct validation *v,
                                const struct validation_body *operation);
void rule_unique_operation_names(struct validation *v,
                                 const struct gql_operation *op);
void rule_lone_anonymous_operation(struct validation *v,
                                   const struct gql_definition *def);
void rule_single_field_subscriptions(struct validation *v,
                                     const struct validation_body *operation);

/* ---- validate_fragments.c ---- */

/* False, with an error: spread in one another too often. */
bool fragments_in_reach(struct validation *v);
void rule_fragments_on_composite_types(struct validation *v,
                                       const struct gql_fragment *fragment,
                                       struct str on, uint32_t at);
void rule_unique_fragment_names(struct validation *v,
                                const struct gql_fragment *fragment);
void rule_known_fragment_names(struct validation *v,
                               const struct gql_selection *spread);
void rule_no_unused_fragments(struct validation *v);
void rule_possible_fragment_spreads(struct validation *v,
                                    const struct gql_selection *spread,
                                    const struct gql_type *type,
                                    const struct gql_type *parent);
void rule_no_fragment_cycles(struct validation *v,
                             struct validation_body *fragment);

/* ---- validate_fields.c ---- */

void rule_known_type_names(struct validation *v, struct str name, uint32_t at);
void rule_scalar_leafs(struct validation *v, const struct gql_selection *field,
                       const struct gql_type_ref *type);
void rule_fields_on_correct_type(struct validation *v,
                                 const struct gql_selection *field,
                                 const struct gql_type *parent);

/* ---- validate_arguments.c ---- */

void rule_known_directives(struct validation *v,
                           const struct gql_directive_use *use,
                           enum gql_location_kind location);
void rule_unique_directives(struct validation *v,
                            const struct gql_directive_use *list);
void rule_known_argument_names(struct validation *v,
                               const struct gql_argument *given,
                               const struct gql_field *field,
                               const struct gql_type *parent);
void rule_known_directive_arguments(struct validation *v,
                                    const struct gql_directive_use *use);
void rule_unique_argument_names(struct validation *v,
                                const struct gql_argument *list);
void rule_required_field_arguments(struct validation *v,
                                   const struct gql_selection *selection,
                                   const struct gql_field *field);
void rule_required_directive_arguments(struct validation *v,
                                       const struct gql_directive_use *use);

/* ---- validate_values.c ---- */

/* Values of correct type and unique input field names. type NULL: unknown. */
void rule_values_of_correct_type(struct validation *v,
                                 const struct gql_value *value,
                                 const struct gql_type_ref *type);

/* ---- validate_variables.c ---- */

void rule_variables_are_input_types(struct validation *v,
                                    const struct gql_variable_def *def);
void rule_unique_variable_names(struct validation *v,
                                const struct gql_variable_def *list);
/* All uses defined, all definitions used, all uses in allowed positions. */
void validate_variables(struct validation *v,
                        struct validation_body *operation);

/* ---- validate_merge.c, validate_conflict.c ---- */

/* Looks over the whole document; what cannot be merged is told by the next,
 * set by set. */
void prepare_fields_can_be_merged(struct validation *v);
void rule_fields_can_be_merged(struct validation *v,
                               const struct gql_selection_set *set,
                               const struct gql_type *parent);

/* False: every two fields of one response name can be merged. True: maybe
 * not. */
bool validation_merge_doubtful(struct validation *v);
/* Are the arguments the same, whatever their order? */
bool validation_same_arguments(struct validation *v,
                               const struct gql_argument *a,
                               const struct gql_argument *b);
/* Could no value be of both types? */
bool validation_types_conflict(const struct gql_type_ref *a,
                               const struct gql_type_ref *b);

/* ---- validate_limits.c ---- */

void rule_introspection_depth(struct validation *v,
                              const struct gql_selection *field);
/* Of a document without errors. */
void validate_limits(struct validation *v);
/* cost.c: what an operation costs at least, whatever its variables. */
uint64_t gql_cost_least(const struct gql_schema *schema,
                        const struct gql_document *doc,
                        const struct gql_operation *operation,
                        const struct gql_limits *limits);

#endif
