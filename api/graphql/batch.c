/* batch: how resolvers give their results. */
#include <stdarg.h>

#include "api/graphql/execution.h"

static struct exec_field *field_of(struct gql_batch *batch)
{
    return (struct exec_field *)batch;
}

/* The result to be filled; NULL where there is one already, or nobody waits. */
static struct result *open_result(struct gql_batch *batch, uint32_t parent)
{
    struct exec_field *field = field_of(batch);
    if (parent >= batch->count || field->done || field->execution->cancelled ||
        field->results[parent].kind != RESULT_NONE)
        return NULL;
    return &field->results[parent];
}

static void grow(struct exec_field *field, uint32_t more)
{
    uint64_t need = (uint64_t)field->child_count + more;
    uint64_t room = field->child_room > 0 ? field->child_room * UINT64_C(2)
                                          : field->batch.count;
    if (room < need)
        room = need;
    const void **children =
        arena_alloc(&field->execution->arena, (size_t)room * sizeof *children);
    if (field->child_count > 0)
        memcpy(children, field->children,
               field->child_count * sizeof *children);
    field->children = children;
    field->child_room = (uint32_t)room;
    execution_weigh(field->execution);
}

/* Room for more children, within what can be written at all. */
static const void **add_children(struct exec_field *field, uint32_t more)
{
    struct gql_execution *x = field->execution;
    x->objects += more;
    if (x->objects_max > 0 && x->objects > x->objects_max) {
        execution_abort(x, EXECUTION_TOO_LARGE);
        return NULL;
    }
    if (field->child_room - field->child_count < more)
        grow(field, more);
    const void **at = field->children + field->child_count;
    field->child_count += more;
    return at;
}

void gql_batch_object(struct gql_batch *batch, uint32_t parent,
                      const void *object)
{
    struct result *result = open_result(batch, parent);
    if (result == NULL)
        return;
    if (object == NULL) {
        result->kind = RESULT_NULL;
        return;
    }
    struct exec_field *field = field_of(batch);
    const void **at = add_children(field, 1);
    if (at == NULL)
        return;
    *at = object;
    *result = (struct result){RESULT_OBJECT, field->child_count - 1, 1};
}

void gql_batch_list(struct gql_batch *batch, uint32_t parent,
                    const void *const *objects, uint32_t count)
{
    struct result *result = open_result(batch, parent);
    struct exec_field *field = field_of(batch);
    if (result == NULL)
        return;
    if (count > 0) { /* the first list of a batch has no room yet */
        const void **at = add_children(field, count);
        if (at == NULL)
            return;
        memcpy(at, objects, count * sizeof *objects);
    }
    *result = (struct result){RESULT_LIST, field->child_count - count, count};
}

/* ---- errors ---- */

uint32_t exec_field_error(struct exec_field *field, const char *code,
                          struct str message)
{
    struct arena *arena = &field->execution->arena;
    if (field->error_count == field->error_room) {
        uint32_t room = field->error_room > 0 ? field->error_room * 2 : 4;
        struct exec_error *errors = arena_alloc(arena, room * sizeof *errors);
        if (field->error_count > 0)
            memcpy(errors, field->errors, field->error_count * sizeof *errors);
        field->errors = errors;
        field->error_room = room;
    }
    field->errors[field->error_count] =
        (struct exec_error){message, code != NULL ? code : GQL_CODE_INTERNAL};
    return field->error_count++;
}

static struct str format_message(struct arena *arena, const char *format,
                                 va_list args)
{
    struct buf text = {0};
    buf_vprintf(&text, format, args);
    struct str message = arena_str(arena, buf_str(&text));
    buf_fini(&text);
    return message;
}

void gql_batch_error(struct gql_batch *batch, uint32_t parent, const char *code,
                     const char *format, ...)
{
    struct result *result = open_result(batch, parent);
    struct exec_field *field = field_of(batch);
    if (result == NULL)
        return;
    va_list args;
    va_start(args, format);
    struct str message = format_message(&field->execution->arena, format, args);
    va_end(args);
    result->kind = RESULT_ERROR;
    result->at = exec_field_error(field, code, message);
}

void gql_batch_fail(struct gql_batch *batch, const char *code,
                    const char *format, ...)
{
    struct exec_field *field = field_of(batch);
    if (field->done || field->execution->cancelled)
        return;
    va_list args;
    va_start(args, format);
    struct str message = format_message(&field->execution->arena, format, args);
    va_end(args);
    uint32_t error = exec_field_error(field, code, message);
    for (uint32_t i = 0; i < batch->count; i++)
        if (field->results[i].kind == RESULT_NONE)
            field->results[i] = (struct result){RESULT_ERROR, error, 0};
}

const void *gql_batch_item_error(struct gql_batch *batch, const char *code,
                                 const char *format, ...)
{
    struct gql_execution *x = field_of(batch)->execution;
    struct item_error *item = arena_alloc(&x->arena, sizeof *item);
    va_list args;
    va_start(args, format);
    item->error.message = format_message(&x->arena, format, args);
    va_end(args);
    item->error.code = code;
    item->next = x->item_errors;
    x->item_errors = item;
    return item;
}

void gql_batch_done(struct gql_batch *batch)
{
    struct exec_field *field = field_of(batch);
    if (field->done)
        return;
    field->done = true;
    execution_done(field);
}

/* ---- leaves ---- */

void gql_out_error(struct gql_out *out, const char *code, const char *format,
                   ...)
{
    struct gql_execution *x = ((struct exec_leaf *)out)->execution;
    if (x->leaf_failed)
        return;
    va_list args;
    va_start(args, format);
    x->leaf_error =
        (struct exec_error){format_message(&x->arena, format, args), code};
    va_end(args);
    x->leaf_failed = true;
}

void gql_out_fail(struct gql_out *out)
{
    struct gql_execution *x = ((struct exec_leaf *)out)->execution;
    if (x->leaf_failed)
        return;
    x->leaf_failed = true;
    x->leaf_error = (struct exec_error){0}; /* said already */
}

void gql_out_item_error(struct gql_out *out, const uint32_t *indexes,
                        uint32_t count, const char *code, const char *format,
                        ...)
{
    const struct exec_leaf *leaf = (struct exec_leaf *)out;
    struct gql_execution *x = leaf->execution;
    struct gql_path field = {x->path, leaf->plan->name, 0};
    const struct gql_path *path = leaf->plan->resolved ? x->path : &field;
    struct gql_path *items = arena_zalloc(&x->arena, count * sizeof *items);
    for (uint32_t i = 0; i < count; i++) {
        items[i] = (struct gql_path){.up = path, .index = indexes[i]};
        path = &items[i];
    }
    va_list args;
    va_start(args, format);
    struct exec_error error = {format_message(&x->arena, format, args), code};
    va_end(args);
    execution_error(x, leaf->plan, path, &error);
}
