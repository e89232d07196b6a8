/* cursor: see the header. The text is base64url of a JSON list: the name of the
 * order, the object, its keys. */
#include "api/graphql/telemetry/cursor.h"

#include <errno.h>
#include <math.h>
#include <openssl/evp.h>

#include "lib/json.h"

/* ---- base64url, without padding ---- */

static void base64_append(struct buf *out, struct str bytes)
{
    unsigned char *at =
        (unsigned char *)buf_reserve(out, (bytes.len + 2) / 3 * 4 + 1);
    int len =
        EVP_EncodeBlock(at, (const unsigned char *)bytes.p, (int)bytes.len);
    while (len > 0 && at[len - 1] == '=')
        len--;
    for (int i = 0; i < len; i++)
        at[i] = at[i] == '+' ? '-' : at[i] == '/' ? '_' : at[i];
    out->len += (size_t)len;
}

static bool base64_read(struct str text, struct arena *arena, struct str *bytes)
{
    size_t whole = (text.len + 3) / 4 * 4, padding = whole - text.len;
    unsigned char *in = arena_alloc(arena, whole + 1);
    unsigned char *out = arena_alloc(arena, whole + 1);
    for (size_t i = 0; i < text.len; i++)
        in[i] = (unsigned char)(text.p[i] == '-'   ? '+'
                                : text.p[i] == '_' ? '/'
                                                   : text.p[i]);
    memset(in + text.len, '=', padding);
    int len = EVP_DecodeBlock(out, in, (int)whole);
    if (len < (int)padding || padding > 2)
        return false;
    *bytes = str_make((char *)out, (size_t)len - padding);
    return true;
}

/* ---- the order's name: cursors of another are refused ---- */

static void order_append(struct buf *out, const struct selection *s)
{
    buf_append_byte(out, s->scope.of_hosts ? 'h' : 'g');
    for (uint32_t i = 0; i < s->order.count; i++) {
        const struct order_part *part = &s->order.parts[i];
        buf_printf(out, "%c%c%d", part->descending ? '-' : '+',
                   part->metric >= 0 ? 'm' : 'f',
                   part->metric >= 0 ? part->metric : part->field);
    }
}

static void put_order(struct json_writer *w, const struct selection *s)
{
    struct buf order = {0};
    order_append(&order, s);
    json_put_str(w, buf_str(&order));
    buf_fini(&order);
}

static bool is_order(struct json value, const struct selection *s)
{
    struct buf order = {0};
    order_append(&order, s);
    bool same = json_type(value) == JSON_STRING &&
                str_eq(json_raw(value), buf_str(&order));
    buf_fini(&order);
    return same;
}

/* ---- writing ---- */

static void put_object(struct json_writer *w, const struct selection *s,
                       const void *object)
{
    struct buf id = {0};
    const struct fleet_gpu *gpu = object;
    if (s->scope.of_hosts)
        host_id_append(&id, object);
    else
        buf_append_str(&id, gpu->uuid);
    json_put_str(w, buf_str(&id));
    buf_fini(&id);
}

static void put_key(struct json_writer *w, const struct order_key *key)
{
    if (key->kind == KEY_TEXT)
        json_put_str(w, key->text);
    else if (key->kind == KEY_NUMBER)
        json_put_double(w, key->number);
    else
        json_put_null(w);
}

void cursor_append(struct buf *out, const struct selection *s,
                   const struct selected *item)
{
    struct buf text = {0};
    struct json_writer w = json_writer(&text);
    json_begin_array(&w);
    put_order(&w, s);
    put_object(&w, s, item->object);
    for (uint32_t i = 0; i < s->order.count; i++)
        put_key(&w, &item->keys[i]);
    json_end_array(&w);
    base64_append(out, buf_str(&text));
    buf_fini(&text);
}

/* ---- reading ---- */

static bool key_read(struct json value, struct arena *arena,
                     struct order_key *key)
{
    switch (json_type(value)) {
    case JSON_NULL:
        key->kind = KEY_NONE;
        return true;
    case JSON_NUMBER:
        key->kind = KEY_NUMBER;
        return json_double(value, &key->number) == 0;
    case JSON_STRING:
        key->kind = KEY_TEXT;
        return json_string(value, arena, &key->text) == 0;
    default:
        return false;
    }
}

/* Where the object is in the selection's scope. */
static bool find_object(const struct selection *s, struct str id,
                        struct selected *item)
{
    for (uint32_t i = 0; i < s->scope.count; i++) {
        const void *object = s->scope.of_hosts ? (const void *)s->scope.hosts[i]
                                               : s->scope.gpus[i];
        if (s->scope.of_hosts ? !host_has_id(object, id)
                              : !str_eq(s->scope.gpus[i]->uuid, id))
            continue;
        item->object = object;
        item->position = i;
        return true;
    }
    return false;
}

static bool read_list(struct json list, const struct selection *s,
                      struct selected *item)
{
    struct arena *arena = s->call->arena;
    struct str id;
    if (json_count(list) != (int)s->order.count + 2)
        return false;
    struct json_iter it = json_iter(list);
    if (!json_next(&it) || !is_order(it.value, s) || !json_next(&it) ||
        json_string(it.value, arena, &id) < 0 || id.len == 0 ||
        !find_object(s, id, item))
        return false;
    for (uint32_t i = 0; i < s->order.count; i++)
        if (!json_next(&it) || !key_read(it.value, arena, &item->keys[i]))
            return false;
    return true;
}

static bool read_text(struct str text, const struct selection *s,
                      struct selected *item)
{
    struct json_doc doc;
    struct str json;
    struct errmsg ignored;
    return text.len > 0 && text.len <= CURSOR_MAX &&
           base64_read(text, s->call->arena, &json) &&
           json_parse(&doc, json, s->call->arena, &ignored) == 0 &&
           json_type(json_root(&doc)) == JSON_ARRAY &&
           read_list(json_root(&doc), s, item);
}

int cursor_parse(struct str text, const struct selection *s,
                 struct selected *item, struct errmsg *err)
{
    if (read_text(text, s, item))
        return 0;
    return errmsg_set(err, -EINVAL,
                      "\"%.*s\" is not a cursor of this list in this order",
                      (int)(text.len < 100 ? text.len : 100), text.p);
}
