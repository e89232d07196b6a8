/* value: values from JSON, and as text. */
#include "api/graphql/scalar.h"

#include "lib/json.h"
#include "lib/utf8.h"

/* ---- from JSON ---- */

static void read_number(struct gql_value *value, struct json json)
{
    value->text = json_raw(json);
    bool whole = true;
    for (size_t i = 0; i < value->text.len; i++)
        whole = whole && memchr(".eE", value->text.p[i], 3) == NULL;
    value->kind = whole ? GQL_INT : GQL_FLOAT;
}

static void read_array(struct gql_value *value, struct json json,
                       struct arena *arena)
{
    struct gql_value **tail = &value->items;
    value->kind = GQL_LIST;
    for (struct json_iter it = json_iter(json); json_next(&it);) {
        *tail = gql_value_from_json(&it.value, arena);
        tail = &(*tail)->next;
        value->count++;
    }
}

static void read_object(struct gql_value *value, struct json json,
                        struct arena *arena)
{
    struct gql_object_field **tail = &value->fields;
    value->kind = GQL_OBJECT;
    for (struct json_iter it = json_iter(json); json_next(&it);) {
        struct gql_object_field *field = arena_zalloc(arena, sizeof *field);
        field->name = json_unescape(it.key, arena);
        field->value = gql_value_from_json(&it.value, arena);
        *tail = field;
        tail = &field->next;
        value->count++;
    }
}

struct gql_value *gql_value_from_json(const struct json *json,
                                      struct arena *arena)
{
    struct gql_value *value = arena_zalloc(arena, sizeof *value);
    switch (json_type(*json)) {
    case JSON_BOOL:
        value->kind = GQL_BOOLEAN;
        json_bool(*json, &value->boolean);
        break;
    case JSON_NUMBER:
        read_number(value, *json);
        break;
    case JSON_STRING:
        value->kind = GQL_STRING;
        json_string(*json, arena, &value->text);
        break;
    case JSON_ARRAY:
        read_array(value, *json, arena);
        break;
    case JSON_OBJECT:
        read_object(value, *json, arena);
        break;
    case JSON_NULL:
    case JSON_NONE:
        value->kind = GQL_NULL;
    }
    return value;
}

/* ---- as a GraphQL literal ---- */

static const char *short_escape(unsigned char c)
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        return NULL;
    }
}

/* One character; bytes that are no UTF-8 come out as U+FFFD. Returns how many
 * bytes it was. Controls from U+0080 on are two bytes, 0xC2 first. */
static size_t append_character(struct buf *out, const char *p, size_t left)
{
    unsigned char c = (unsigned char)*p;
    size_t len = utf8_sequence(p, left);
    bool high_control = len == 2 && c == 0xC2 && (unsigned char)p[1] < 0xA0;
    const char *escape = len == 1 ? short_escape(c) : NULL;
    if (len == 0)
        buf_append_text(out, "\xEF\xBF\xBD");
    else if (escape != NULL)
        buf_append_text(out, escape);
    else if (c < 0x20 || c == 0x7F || high_control)
        buf_printf(out, "\\u%04X", (unsigned char)p[len - 1]);
    else
        buf_append(out, p, len);
    return len > 0 ? len : 1;
}

static void append_string(struct buf *out, struct str text)
{
    buf_append_byte(out, '"');
    for (size_t i = 0; i < text.len;)
        i += append_character(out, text.p + i, text.len - i);
    buf_append_byte(out, '"');
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_newline(char c)
{
    return c == '\n' || c == '\r';
}

/* Behind the first are only lines that are indented or empty: from the line of
 * the quotes their indentation would not be told from the text's. */
static bool is_indented(struct str text)
{
    bool more = false;
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (!is_newline(text.p[i]))
            continue;
        more = true;
        if (!is_blank(text.p[i + 1]) && !is_newline(text.p[i + 1]))
            return false;
    }
    return more;
}

static void append_block_text(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len;) {
        bool quotes = text.len - i >= 3 && memcmp(text.p + i, "\"\"\"", 3) == 0;
        if (quotes)
            buf_append_byte(out, '\\');
        buf_append(out, text.p + i, quotes ? 3 : 1);
        i += quotes ? 3 : 1;
    }
}

#define BLOCK_LINE_MAX 70 /* characters beside the quotes */

/* The quotes stand on lines of their own where that reads better, and where
 * the text would run into them. */
static void append_block(struct buf *out, struct str text)
{
    char last = text.len > 0 ? text.p[text.len - 1] : 'x';
    bool one_line = text.len == 0 || memchr(text.p, '\n', text.len) == NULL;
    bool lines =
        !one_line || text.len > BLOCK_LINE_MAX || last == '"' || last == '\\';
    bool leads = lines && !(one_line && text.len > 0 && is_blank(*text.p));
    buf_append_text(out, "\"\"\"");
    if (leads || is_indented(text))
        buf_append_byte(out, '\n');
    append_block_text(out, text);
    buf_append_text(out, lines ? "\n\"\"\"" : "\"\"\"");
}

static void append_list(struct buf *out, const struct gql_value *value)
{
    buf_append_byte(out, '[');
    for (const struct gql_value *v = value->items; v != NULL; v = v->next) {
        if (v != value->items)
            buf_append_text(out, ", ");
        gql_value_append(v, out);
    }
    buf_append_byte(out, ']');
}

static void append_object(struct buf *out, const struct gql_value *value)
{
    buf_append_byte(out, '{');
    for (const struct gql_object_field *f = value->fields; f != NULL;
         f = f->next) {
        if (f != value->fields)
            buf_append_text(out, ", ");
        buf_append_str(out, f->name);
        buf_append_text(out, ": ");
        gql_value_append(f->value, out);
    }
    buf_append_byte(out, '}');
}

/* As written where there is a text, else the number it was made of. */
static void append_number(struct buf *out, const struct gql_value *value)
{
    if (value->text.p != NULL)
        buf_append_str(out, value->text);
    else if (value->kind == GQL_INT)
        buf_append_i64(out, value->i64);
    else
        json_append_double(out, value->f64);
}

void gql_value_append(const struct gql_value *value, struct buf *out)
{
    switch (value->kind) {
    case GQL_NULL:
        buf_append_text(out, "null");
        break;
    case GQL_INT:
    case GQL_FLOAT:
        append_number(out, value);
        break;
    case GQL_STRING:
        if (value->block)
            append_block(out, value->text);
        else
            append_string(out, value->text);
        break;
    case GQL_BOOLEAN:
        buf_append_text(out, value->boolean ? "true" : "false");
        break;
    case GQL_ENUM:
        buf_append_str(out, value->text);
        break;
    case GQL_LIST:
        append_list(out, value);
        break;
    case GQL_OBJECT:
        append_object(out, value);
        break;
    case GQL_VARIABLE:
        buf_append_byte(out, '$');
        buf_append_str(out, value->text);
    }
}

/* ---- as JSON ---- */

static void put(struct json_writer *w, const struct gql_value *value);

static void put_list(struct json_writer *w, const struct gql_value *value)
{
    json_begin_array(w);
    for (const struct gql_value *v = value->items; v != NULL; v = v->next)
        put(w, v);
    json_end_array(w);
}

static void put_object(struct json_writer *w, const struct gql_value *value)
{
    json_begin_object(w);
    for (const struct gql_object_field *f = value->fields; f != NULL;
         f = f->next) {
        json_key_str(w, f->name);
        put(w, f->value);
    }
    json_end_object(w);
}

/* GraphQL's numbers are JSON's. */
static void put_number(struct json_writer *w, const struct gql_value *value)
{
    if (value->text.p != NULL)
        json_put_raw(w, value->text);
    else if (value->kind == GQL_INT)
        json_put_i64(w, value->i64);
    else
        json_put_double(w, value->f64);
}

static void put(struct json_writer *w, const struct gql_value *value)
{
    switch (value->kind) {
    case GQL_INT:
    case GQL_FLOAT:
        put_number(w, value);
        break;
    case GQL_STRING:
    case GQL_ENUM:
        json_put_str(w, value->text);
        break;
    case GQL_BOOLEAN:
        json_put_bool(w, value->boolean);
        break;
    case GQL_LIST:
        put_list(w, value);
        break;
    case GQL_OBJECT:
        put_object(w, value);
        break;
    case GQL_NULL:
    case GQL_VARIABLE:
        json_put_null(w);
    }
}

void gql_value_append_json(const struct gql_value *value, struct buf *out)
{
    struct json_writer w = json_writer(out);
    put(&w, value);
}
