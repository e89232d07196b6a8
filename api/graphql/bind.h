/* bind: resolvers, the C functions behind a schema's fields.
 *
 * Execution goes down the query level by level: each field whose objects have
 * to be found is asked once for all parents of its level (a batch), so a
 * nested query costs at most one database statement a level. When all objects
 * are there the result is written in one pass, depth first, straight into the
 * output: leaf fields print themselves.
 *
 * An object is a pointer that means something to its type's resolvers alone;
 * NULL is null. It lives at least until the request is done: in the request's
 * arena, or in a model that outlives it. */
#ifndef NEXUS_GRAPHQL_BIND_H
#define NEXUS_GRAPHQL_BIND_H

#include "api/graphql/schema.h"
#include "lib/json.h"

/* What a resolver may know of the field it is called for. */
struct gql_call {
    const struct gql_schema *schema;
    const struct gql_field *field;
    void *context;       /* of gql_request: the program's own */
    struct arena *arena; /* of the request */
    const struct gql_value *const *arguments; /* by the index of the
                              definition, coerced; NULL: not given and no
                              default */
    const void *selection;                    /* for gql_selects */
};

/* The argument of that name: NULL when it was not given and has no default. */
const struct gql_value *gql_argument(const struct gql_call *call,
                                     const char *name);
/* The same by kind; `missing` where it is absent or null. */
int64_t gql_argument_i64(const struct gql_call *call, const char *name,
                         int64_t missing);
double gql_argument_f64(const struct gql_call *call, const char *name,
                        double missing);
bool gql_argument_bool(const struct gql_call *call, const char *name,
                       bool missing);
struct str gql_argument_str(const struct gql_call *call, const char *name);
/* A member of an input object: NULL as above. */
const struct gql_value *gql_member(const struct gql_value *object,
                                   const char *name);

/* Is a field of that name asked for, of the objects this field gives? For
 * resolvers that fetch only what is needed. */
bool gql_selects(const struct gql_call *call, const char *field_name);

/* ---- fields with objects: batches ---- */

struct gql_batch {
    struct gql_call call;
    const void *const *parents;
    uint32_t count; /* of parents */
    void *state;    /* the resolver's own, until gql_batch_done */
};

/* Gives every parent its result, in any order, each at most once (none: null),
 * then calls gql_batch_done: now, or later on the same thread. Copies: the
 * list of pointers, not the objects. */
typedef void (*gql_resolve_fn)(struct gql_batch *batch);
void gql_batch_object(struct gql_batch *batch, uint32_t parent,
                      const void *object);
void gql_batch_list(struct gql_batch *batch, uint32_t parent,
                    const void *const *objects, uint32_t count);
/* Of a list of lists, [[T]], the objects are these. NULL: a null list. */
struct gql_list {
    const void *const *objects;
    uint32_t count;
    const void *error; /* instead of a list: gql_batch_item_error's */
};
void gql_batch_error(struct gql_batch *batch, uint32_t parent, const char *code,
                     const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* An object that stands for an error at its place in a list. */
const void *gql_batch_item_error(struct gql_batch *batch, const char *code,
                                 const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same error for every parent that has no result yet. */
void gql_batch_fail(struct gql_batch *batch, const char *code,
                    const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void gql_batch_done(struct gql_batch *batch);

/* ---- leaf fields: writing ---- */

struct gql_out {
    struct json_writer json; /* where the one value goes: json_put_… */
    struct gql_call call;
};

/* Writes the field of one object, exactly one JSON value. object is the
 * parent, or what `resolve` gave for it where the field has that, too. */
typedef void (*gql_write_fn)(struct gql_out *out, const void *object);
/* Instead of a value: an error at this field. */
void gql_out_error(struct gql_out *out, const char *code, const char *format,
                   ...) __attribute__((format(printf, 3, 4)));
/* For a leaf that is a list: an error at one of its items (the indexes into
 * lists of lists). The resolver writes null there and goes on, or says by
 * gql_out_fail that the null has climbed to the field. */
void gql_out_item_error(struct gql_out *out, const uint32_t *indexes,
                        uint32_t count, const char *code, const char *format,
                        ...) __attribute__((format(printf, 5, 6)));
void gql_out_fail(struct gql_out *out);

/* ---- subscriptions ---- */

/* The source of one subscription's events. */
struct gql_source {
    void (*stop)(struct gql_source *source); /* frees it; no event after */
};

/* event: the root object, whose field is executed with it as its result; good
 * during the call, or longer where the source says so. key: what a slow reader
 * needs only the newest of (a GPU); 0: all events are alike. */
typedef void (*gql_event_fn)(const void *event, uint64_t key, void *arg);

/* Starts a source. NULL with *err: a request error. The call and its arena are
 * good during this function alone. */
typedef struct gql_source *(*gql_subscribe_fn)(const struct gql_call *call,
                                               gql_event_fn on_event, void *arg,
                                               struct errmsg *err);

/* ---- the table ---- */

struct gql_binding {
    const char *name; /* "GPU.telemetry"; a type's: "Node", "DateTime"; NULL
                         ends a table */

    /* A field's. Neither resolve nor write: the field gives its parent on as
     * it is (a namespace). A field of objects has resolve, a leaf write. */
    gql_resolve_fn resolve;
    gql_write_fn write;
    gql_subscribe_fn subscribe; /* of the subscription type's fields; the
                                   field's object is the event itself, unless
                                   resolve says otherwise */

    /* An interface's or union's: the name of the object's type. */
    const char *(*type_of)(const void *object, void *context);

    /* A scalar's: what it takes as input, see scalar.h. in: no list, null or
     * variable. */
    int (*parse)(const struct gql_value *in, struct gql_value *out,
                 struct arena *arena, struct errmsg *err);

    int64_t number; /* the field's own, e.g. a metric: call.field->binding */
};

/* Binds tables (each ended by a NULL name; NULL at the end) to the schema. A
 * field of an object type without a binding, a binding without a field, two of
 * one name, or one that does not suit its field is refused with its name. 0 or
 * -EINVAL with *err. The tables are borrowed. */
int gql_bind(struct gql_schema *schema, const struct gql_binding *const *tables,
             struct errmsg *err);

#endif
