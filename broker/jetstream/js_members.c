/* js_members: see js_members.h. */
#include "broker/jetstream/js_members.h"

#include <stdlib.h>

#include "broker/jetstream/js_config.h"
#include "lib/mem.h"

/* ---- tables ---- */

static int read_choice(struct json object, const struct js_member *member,
                       struct arena *arena, void *at)
{
    int choice;
    memcpy(&choice, at, sizeof(choice));
    if (js_read_choice(object, member->name, arena, member->choices, &choice) !=
        0)
        return -1;
    memcpy(at, &choice, sizeof(choice));
    return 0;
}

static int read_member(const struct js_member *member, struct json object,
                       struct arena *arena, void *at)
{
    switch (member->kind) {
    case JS_TEXT:
        return js_read_text(object, member->name, arena, at);
    case JS_I64:
        return js_read_i64(object, member->name, at);
    case JS_U64:
        return js_read_u64(object, member->name, at);
    case JS_BOOL:
        return js_read_bool(object, member->name, at);
    case JS_CHOICE:
        return read_choice(object, member, arena, at);
    case JS_TIME:
    default:
        return js_read_time(object, member->name, arena, at);
    }
}

int js_members_read(struct js_members members, struct json object,
                    struct arena *arena, void *config)
{
    for (size_t i = 0; i < members.count; i++) {
        const struct js_member *member = &members.rows[i];
        if (read_member(member, object, arena, (char *)config + member->at) !=
            0)
            return -1;
    }
    return 0;
}

static void write_text(const struct js_member *member, const void *at,
                       struct json_writer *w)
{
    const char *text;
    memcpy(&text, at, sizeof(text));
    if (text == NULL)
        text = "";
    if (member->always || text[0] != '\0')
        json_member_text(w, member->name, text);
}

static void write_choice(const struct js_member *member, const void *at,
                         struct json_writer *w)
{
    int choice;
    memcpy(&choice, at, sizeof(choice));
    if (member->always || choice != 0)
        json_member_text(w, member->name, member->choices[choice]);
}

static void write_number(const struct js_member *member, const void *at,
                         struct json_writer *w)
{
    int64_t number;
    memcpy(&number, at, sizeof(number));
    if (number == 0 && !member->always)
        return;
    if (member->kind == JS_TIME)
        js_member_time(w, member->name, number);
    else if (member->kind == JS_U64)
        json_member_u64(w, member->name, (uint64_t)number);
    else
        json_member_i64(w, member->name, number);
}

static void write_member(const struct js_member *member, const void *at,
                         struct json_writer *w)
{
    bool set;
    switch (member->kind) {
    case JS_TEXT:
        write_text(member, at, w);
        break;
    case JS_BOOL:
        memcpy(&set, at, sizeof(set));
        if (member->always || set)
            json_member_bool(w, member->name, set);
        break;
    case JS_CHOICE:
        write_choice(member, at, w);
        break;
    default:
        write_number(member, at, w);
        break;
    }
}

void js_members_write(struct js_members members, const void *config,
                      struct json_writer *w)
{
    for (size_t i = 0; i < members.count; i++)
        write_member(&members.rows[i],
                     (const char *)config + members.rows[i].at, w);
}

void js_members_fini(struct js_members members, void *config)
{
    for (size_t i = 0; i < members.count; i++) {
        char **text = (char **)(void *)((char *)config + members.rows[i].at);
        if (members.rows[i].kind != JS_TEXT)
            continue;
        free(*text);
        *text = NULL;
    }
}

/* ---- lists of texts ---- */

static void texts_add(struct js_texts *texts, struct str text)
{
    texts->texts = (char **)mem_grow((void *)texts->texts, texts->count + 1,
                                     sizeof(*texts->texts));
    texts->texts[texts->count++] = mem_strndup(text);
}

static bool is_there(struct json value)
{
    enum json_type type = json_type(value);
    return type != JSON_NONE && type != JSON_NULL;
}

static int read_plain(struct json value, struct arena *arena, struct str *out)
{
    return json_string(value, arena, out) == 0 &&
                   memchr(out->p, '\0', out->len) == NULL
               ? 0
               : -1;
}

int js_texts_read(struct js_texts *out, struct json list, struct arena *arena,
                  unsigned max)
{
    if (!is_there(list))
        return 0;
    if (json_type(list) != JSON_ARRAY || json_count(list) > (int)max)
        return -1;
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        struct str text;
        if (read_plain(it.value, arena, &text) != 0)
            return -1;
        texts_add(out, text);
    }
    return 0;
}

void js_texts_write(const struct js_texts *texts, struct json_writer *w)
{
    json_begin_array(w);
    for (unsigned i = 0; i < texts->count; i++)
        json_put_text(w, texts->texts[i]);
    json_end_array(w);
}

void js_texts_fini(struct js_texts *texts)
{
    for (unsigned i = 0; i < texts->count; i++)
        free(texts->texts[i]);
    free((void *)texts->texts);
    *texts = (struct js_texts){0};
}

/* ---- metadata ---- */

static void swap(char **a, char **b)
{
    char *text = *a;
    *a = *b;
    *b = text;
}

/* The pair added last goes to its place. */
static void sort_last(struct js_metadata *metadata)
{
    char **keys = metadata->keys.texts, **values = metadata->values.texts;
    for (unsigned i = metadata->keys.count - 1;
         i > 0 && strcmp(keys[i], keys[i - 1]) < 0; i--) {
        swap(&keys[i], &keys[i - 1]);
        swap(&values[i], &values[i - 1]);
    }
}

int js_metadata_read(struct js_metadata *out, struct json object,
                     struct arena *arena)
{
    if (!is_there(object))
        return 0;
    if (json_type(object) != JSON_OBJECT ||
        json_count(object) > (int)JS_METADATA_MAX)
        return -1;
    for (struct json_iter it = json_iter(object); json_next(&it);) {
        struct str key = json_unescape(it.key, arena), value;
        if (memchr(key.p, '\0', key.len) != NULL ||
            read_plain(it.value, arena, &value) != 0)
            return -1;
        texts_add(&out->keys, key);
        texts_add(&out->values, value);
        sort_last(out);
    }
    return 0;
}

void js_metadata_write(const struct js_metadata *metadata,
                       struct json_writer *w)
{
    if (metadata->keys.count == 0)
        return;
    json_key(w, "metadata");
    json_begin_object(w);
    for (unsigned i = 0; i < metadata->keys.count; i++) {
        json_key_str(w, str_of(metadata->keys.texts[i]));
        json_put_text(w, metadata->values.texts[i]);
    }
    json_end_object(w);
}

size_t js_metadata_bytes(const struct js_metadata *metadata)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < metadata->keys.count; i++)
        bytes +=
            strlen(metadata->keys.texts[i]) + strlen(metadata->values.texts[i]);
    return bytes;
}

void js_metadata_fini(struct js_metadata *metadata)
{
    js_texts_fini(&metadata->keys);
    js_texts_fini(&metadata->values);
}

int js_check_replicas(int64_t replicas, struct js_error *error)
{
    if (replicas < 0)
        return js_refuse(error, 400, 10133,
                         "replicas count cannot be negative");
    if (replicas > 1)
        return js_refuse(error, 500, 10074,
                         "replicas > 1 not supported in non-clustered mode");
    return 0;
}
