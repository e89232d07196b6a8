#include "api/graphql/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/json.h"
#include "lib/utf8.h"

/* Of one message: it quotes what the client wrote, which may be long, and a
 * request may have many. */
#define MESSAGE_MAX 4096

/* One error's: each is a member of the response. */
#define LOCATIONS_MAX 100

/* By its address: the error that ends a full list. */
static const char too_many_code[] = GQL_CODE_LIMIT;

/* Goes on from the offset `from`, which is at. */
static struct gql_location locate_from(struct str source, uint32_t from,
                                       struct gql_location at, uint32_t offset)
{
    for (uint32_t i = from; i < offset && i < source.len; i++) {
        unsigned char c = (unsigned char)source.p[i];
        bool half = c == '\r' && i + 1 < source.len && source.p[i + 1] == '\n';
        if ((c == '\n' || c == '\r') && !half) {
            at.line++;
            at.column = 1;
        } else {
            /* One unit for the first byte of a character, one more for those
             * beyond the basic plane. */
            at.column += (c & 0xC0) != 0x80;
            at.column += c >= 0xF0;
        }
    }
    return at;
}

/* text cut to MESSAGE_MAX bytes, between two characters. */
static struct str bounded(struct arena *arena, struct str text)
{
    if (text.len <= MESSAGE_MAX)
        return arena_str(arena, text);
    size_t len = MESSAGE_MAX - 3;
    while (len > 0 && ((unsigned char)text.p[len] & 0xC0) == 0x80)
        len--;
    char *cut = arena_alloc(arena, MESSAGE_MAX);
    memcpy(cut, text.p, len);
    memcpy(cut + len, "\xE2\x80\xA6", 3);
    return str_make(cut, len + 3);
}

static struct gql_error *append(struct gql_errors *errors, const char *code)
{
    struct gql_error *e = arena_zalloc(errors->arena, sizeof *e);
    e->code = code;
    if (errors->last != NULL)
        errors->last->next = e;
    else
        errors->first = e;
    errors->last = e;
    errors->count++;
    return e;
}

/* Ends a full list: one error more, which says so. */
static void say_too_many(struct gql_errors *errors, const char *code)
{
    if (errors->last != NULL && errors->last->code == too_many_code)
        return;
    bool validating = code != NULL && strcmp(code, GQL_CODE_VALIDATION) == 0;
    append(errors, too_many_code)->message =
        str_of(validating ? "Too many validation errors, error limit reached. "
                            "Validation aborted."
                          : "Too many errors, error limit reached. What "
                            "follows is not told.");
}

/* Most come in the order of the text: the next is looked for behind the last. */
static struct gql_location locate_next(struct gql_errors *errors,
                                       uint32_t offset)
{
    if (errors->located.line == 0 || offset < errors->located_to) {
        errors->located = (struct gql_location){1, 1};
        errors->located_to = 0;
    }
    errors->located = locate_from(errors->source, errors->located_to,
                                  errors->located, offset);
    errors->located_to = offset;
    return errors->located;
}

static void locate(struct gql_errors *errors, struct gql_error *e,
                   const uint32_t *offsets, uint32_t count)
{
    if (count > LOCATIONS_MAX)
        count = LOCATIONS_MAX;
    e->locations = arena_alloc(errors->arena, count * sizeof *e->locations);
    e->location_count = count;
    for (uint32_t i = 0; i < count; i++)
        e->locations[i] = locate_next(errors, offsets[i]);
}

void gql_error_add(struct gql_errors *errors, const char *code,
                   const uint32_t *offsets, uint32_t count, const char *format,
                   ...)
{
    struct buf message = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&message, format, args);
    va_end(args);
    gql_error_add_str(errors, code, offsets, count, NULL, buf_str(&message));
    buf_fini(&message);
}

static const struct gql_path *copy_path(struct arena *arena,
                                        const struct gql_path *path)
{
    const struct gql_path *first = NULL, **end = &first;
    for (; path != NULL; path = path->up) {
        struct gql_path *copy = arena_alloc(arena, sizeof *copy);
        *copy = *path;
        copy->up = NULL;
        if (path->name.p != NULL)
            copy->name = arena_str(arena, path->name);
        *end = copy;
        end = &copy->up;
    }
    return first;
}

void gql_error_add_str(struct gql_errors *errors, const char *code,
                       const uint32_t *offsets, uint32_t count,
                       const struct gql_path *path, struct str message)
{
    if (gql_errors_full(errors)) {
        say_too_many(errors, code);
        return;
    }
    struct gql_error *e = append(errors, code);
    e->message = bounded(errors->arena, message);
    e->path = copy_path(errors->arena, path);
    locate(errors, e, offsets, count);
}

/* ---- JSON ---- */

static void put_locations(struct json_writer *w, const struct gql_error *e)
{
    json_key(w, "locations");
    json_begin_array(w);
    for (uint32_t i = 0; i < e->location_count; i++) {
        json_begin_object(w);
        json_member_u64(w, "line", e->locations[i].line);
        json_member_u64(w, "column", e->locations[i].column);
        json_end_object(w);
    }
    json_end_array(w);
}

/* The path is linked from its end; it is written from the root. Its depth is
 * that of the query, which has a limit. */
static void put_steps(struct json_writer *w, const struct gql_path *path)
{
    if (path == NULL)
        return;
    put_steps(w, path->up);
    if (path->name.p != NULL)
        json_put_str(w, path->name);
    else
        json_put_u64(w, path->index);
}

static void put_path(struct json_writer *w, const struct gql_path *path)
{
    json_key(w, "path");
    json_begin_array(w);
    put_steps(w, path);
    json_end_array(w);
}

static void put_code(struct json_writer *w, const char *code)
{
    json_key(w, "extensions");
    json_begin_object(w);
    json_member_text(w, "code", code);
    json_end_object(w);
}

static void put_error(struct json_writer *w, const struct gql_error *e)
{
    json_begin_object(w);
    json_member_str(w, "message", e->message);
    if (e->location_count > 0)
        put_locations(w, e);
    if (e->path != NULL)
        put_path(w, e->path);
    if (e->code != NULL)
        put_code(w, e->code);
    json_end_object(w);
}

void gql_errors_append(const struct gql_errors *errors, struct buf *out)
{
    struct json_writer w = json_writer(out);
    json_begin_array(&w);
    for (const struct gql_error *e = errors->first; e != NULL; e = e->next)
        put_error(&w, e);
    json_end_array(&w);
}
