/* Any bytes through the JSON check, reader and writer.
 *
 * What the check takes, the reader must cut as the text stands: its values put
 * together again are the text without the space between them. And strings that
 * were resolved and written again resolve to the same. */
#include <assert.h>

#include "lib/json.h"

static struct arena arena;
static struct buf dump, bare, written;

/* ---- the text, put together from its values ---- */

static void dump_value(struct json value);

static void dump_items(struct json value, bool object)
{
    bool first = true;
    buf_append_byte(&dump, object ? '{' : '[');
    for (struct json_iter it = json_iter(value); json_next(&it);) {
        if (!first)
            buf_append_byte(&dump, ',');
        first = false;
        if (object) {
            buf_append_byte(&dump, '"');
            buf_append_str(&dump, it.key);
            buf_append_text(&dump, "\":");
        }
        dump_value(it.value);
    }
    buf_append_byte(&dump, object ? '}' : ']');
}

static void dump_value(struct json value)
{
    enum json_type type = json_type(value);
    assert(type != JSON_NONE);
    if (type == JSON_OBJECT || type == JSON_ARRAY) {
        dump_items(value, type == JSON_OBJECT);
        return;
    }
    if (type == JSON_STRING)
        buf_append_byte(&dump, '"');
    buf_append_str(&dump, json_raw(value));
    if (type == JSON_STRING)
        buf_append_byte(&dump, '"');
}

static void strip_space(struct str text)
{
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        if (quoted && c == '\\')
            buf_append_byte(&bare, text.p[i++]);
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && memchr(" \t\r\n", c, 4) != NULL)
            continue;
        buf_append_byte(&bare, text.p[i]);
    }
}

/* ---- values ---- */

static void check_numbers(struct json value)
{
    int64_t i;
    uint64_t u;
    double d;
    if (json_i64(value, &i) == 0)
        assert(json_double(value, &d) == 0 && d == (double)i);
    if (json_u64(value, &u) == 0)
        assert(json_double(value, &d) == 0 && d == (double)u);
    if (json_double(value, &d) < 0)
        return;
    struct json_doc doc;
    double back;
    buf_reset(&written);
    json_append_double(&written, d);
    assert(json_parse(&doc, buf_str(&written), &arena, NULL) == 0);
    assert(json_double(json_root(&doc), &back) == 0);
    assert(memcmp(&d, &back, sizeof d) == 0);
}

static void check_string(struct str text)
{
    buf_reset(&written);
    struct json_writer w = json_writer(&written);
    json_put_str(&w, text);
    struct json_doc doc;
    struct str back;
    assert(json_parse(&doc, buf_str(&written), &arena, NULL) == 0);
    assert(json_string(json_root(&doc), &arena, &back) == 0);
    assert(str_eq(back, text));
}

static void check_value(struct json value)
{
    struct str text;
    bool truth;
    check_numbers(value);
    if (json_string(value, &arena, &text) == 0)
        check_string(text);
    assert((json_bool(value, &truth) == 0) == (json_type(value) == JSON_BOOL));
    int count = 0;
    for (struct json_iter it = json_iter(value); json_next(&it); count++) {
        if (json_type(value) == JSON_OBJECT)
            check_string(json_unescape(it.key, &arena));
        check_value(it.value);
    }
    assert(count == json_count(value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_make((const char *)data, size);
    struct json_doc doc;
    struct errmsg err;
    int valid = json_validate(text, NULL);
    assert(json_parse(&doc, text, &arena, &err) == valid);
    if (valid == 0) {
        dump_value(json_root(&doc));
        strip_space(text);
        assert(str_eq(buf_str(&dump), buf_str(&bare)));
        check_value(json_root(&doc));
    }
    /* Whatever the bytes are, they can be written. */
    buf_reset(&written);
    struct json_writer w = json_writer(&written);
    json_put_str(&w, text);
    assert(json_validate(buf_str(&written), NULL) == 0);
    buf_reset(&dump);
    buf_reset(&bare);
    arena_reset(&arena);
    return 0;
}
