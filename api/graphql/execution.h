/* execution: one run of a plan, in two phases.
 *
 *     root set ─ field ─ children ─ sets by type ─ field ─ …      finding
 *        │         │
 *        ▼         ▼
 *     {"data":{ … written depth first, from the same structs … }}  writing
 *
 * Finding goes breadth first: an exec_set holds all objects of one type at one
 * place of the plan, an exec_field is one field asked of all of them at once.
 * A field whose batch is done waits in a queue until its children have been
 * parted by type and their own fields asked. When the queue is empty and no
 * batch is open, everything that can be written is there. */
#ifndef NEXUS_GRAPHQL_EXECUTION_H
#define NEXUS_GRAPHQL_EXECUTION_H

#include "api/graphql/plan.h"

#define EXECUTION_TOO_LONG "The execution took longer than the limit allows."
#define EXECUTION_TOO_GREEDY \
    "The execution needs more memory than the limit allows."
#define EXECUTION_TOO_LARGE "The response is larger than the limit allows."

/* What a resolver gave for one parent. */
enum result_kind {
    RESULT_NONE, /* nothing (yet): null */
    RESULT_NULL,
    RESULT_OBJECT, /* children[at] */
    RESULT_LIST,   /* children[at … at + count) */
    RESULT_ERROR,  /* errors[at] */
};

struct result {
    enum result_kind kind;
    uint32_t at, count;
};

struct exec_error {
    struct str message;
    const char *code;
};

/* An object that is an error, in a list: gql_batch_item_error's. */
struct item_error {
    struct item_error *next;
    struct exec_error error;
};

/* Where a child went: an object of a set, or none. */
#define REF_NULL  UINT32_MAX       /* it is null */
#define REF_ERROR (UINT32_MAX - 1) /* errors[index] of its field */

struct ref {
    uint32_t set, index;
};

struct exec_field {
    struct gql_batch batch; /* first: a resolver's batch is its field */
    struct gql_execution *execution;
    const struct plan_field *plan;
    struct plan_selection selection;
    struct result *results; /* by parent */
    const void **children;
    uint32_t child_count, child_room;
    const void **objects; /* children; those inside lists of lists */
    uint32_t object_count;
    uint32_t *starts; /* of lists of lists: where the objects of children[i]
                               begin; NULL: objects are children */
    struct ref *refs; /* by object; NULL: object i is sets[0]'s i-th */
    struct exec_set **sets; /* by possible type */
    struct exec_error *errors;
    uint32_t error_count, error_room;
    struct exec_field *next; /* in the queue */
    bool done;
};

/* A leaf's writer, made once for all objects of a set. */
struct exec_leaf {
    struct gql_out out; /* first: a resolver's out is its leaf */
    struct gql_execution *execution;
    const struct plan_field *plan;
};

struct exec_set {
    const struct plan_set *plan;
    const void *const *objects;
    uint32_t count;
    struct exec_leaf *leaves;   /* by field; used for leaves only */
    struct exec_field **fields; /* by slot */
};

struct gql_execution {
    struct arena arena;
    struct buf out; /* {"data":… */
    struct gql_plan *plan;
    void *context;
    gql_done_fn done;
    void *arg;
    const void *root_object;
    struct exec_set *root;
    struct exec_field *queue, **queue_end;
    struct item_error *item_errors;
    uint32_t open;        /* batches that are not done */
    uint32_t next_field;  /* of the root, of a mutation: to be asked */
    uint64_t objects;     /* found so far */
    uint64_t objects_max; /* more could not be written */
    int64_t deadline_ns;  /* 0: none */
    bool running, cancelled, finished;

    /* ---- writing ---- */
    const struct gql_path *path;  /* of what is being written */
    uint32_t items;               /* written since the clock was looked at */
    bool leaf_failed;             /* the leaf being written has no value … */
    struct exec_error leaf_error; /* … because; code NULL: was said already */
    struct str aborted; /* why everything ends: a limit; p NULL: it goes on */
    struct gql_errors errors;
    bool data_null;             /* the null climbed to the top */
    struct gql_execution *next; /* in the list of unused ones */
};

/* Nothing more is found or written; the response says why. */
void execution_abort(struct gql_execution *x, const char *why);
bool execution_expired(const struct gql_execution *x);
/* Aborts where more memory is taken than the limit allows. */
void execution_weigh(struct gql_execution *x);

/* A batch is done: its field waits to be gone on with. */
void execution_done(struct exec_field *field);

uint32_t exec_field_error(struct exec_field *field, const char *code,
                          struct str message);

/* Writes the fields [from, to) of the root; false: null climbed to the top. */
bool execution_write(struct gql_execution *x, uint32_t from, uint32_t to);

/* Adds an error of this field, at this path. */
void execution_error(struct gql_execution *x, const struct plan_field *field,
                     const struct gql_path *path,
                     const struct exec_error *error);

/* How many objects there are in a list of lists, `depth` lists in a list. */
uint32_t execution_count_inside(const struct gql_list *list, int depth);

#endif
