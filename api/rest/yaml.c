/* yaml: see the header. A JSON string, quotes and all, is a string of YAML,
 * too: only what nobody could take for something else goes without quotes. */
#include "api/rest/yaml.h"

#include <ctype.h>

#define INDENT 2

/* Words that readers of YAML 1.1 or 1.2 take for something other than text. */
static bool is_reserved(struct str word)
{
    static const char *const words[] = {"true", "false", "null", "yes", "no",
                                        "on",   "off",   "y",    "n"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_ieq(word, str_of(words[i])))
            return true;
    return false;
}

static bool is_plain(struct str text)
{
    if (text.len == 0 || is_reserved(text))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        if (!isalpha((unsigned char)c) &&
            (i == 0 || (!isdigit((unsigned char)c) && c != '_' && c != '-')))
            return false;
    }
    return true;
}

/* raw: as it stands between the quotes. */
static void string_append(struct buf *out, struct str raw)
{
    const char *quote = is_plain(raw) ? "" : "\"";
    buf_append_text(out, quote);
    buf_append_str(out, raw);
    buf_append_text(out, quote);
}

static void line_begin(struct buf *out, int depth)
{
    buf_append_byte(out, '\n');
    for (int i = 0; i < depth * INDENT; i++)
        buf_append_byte(out, ' ');
}

static bool is_block(struct json value)
{
    enum json_type type = json_type(value);
    return (type == JSON_OBJECT || type == JSON_ARRAY) && json_count(value) > 0;
}

static void value_append(struct buf *out, struct json value, int depth);

static void member_append(struct buf *out, const struct json_iter *member,
                          int depth)
{
    string_append(out, member->key);
    buf_append_byte(out, ':');
    if (is_block(member->value))
        line_begin(out, depth + 1);
    else
        buf_append_byte(out, ' ');
    value_append(out, member->value, depth + 1);
}

/* The first line of a block has been begun. */
static void block_append(struct buf *out, struct json block, int depth)
{
    bool first = true;
    for (struct json_iter it = json_iter(block); json_next(&it);) {
        if (!first)
            line_begin(out, depth);
        first = false;
        if (json_type(block) == JSON_OBJECT) {
            member_append(out, &it, depth);
        } else {
            buf_append_text(out, "- ");
            value_append(out, it.value, depth + 1);
        }
    }
}

static void value_append(struct buf *out, struct json value, int depth)
{
    if (is_block(value))
        block_append(out, value, depth);
    else if (json_type(value) == JSON_STRING)
        string_append(out, json_raw(value));
    else if (json_type(value) == JSON_OBJECT)
        buf_append_text(out, "{}");
    else if (json_type(value) == JSON_ARRAY)
        buf_append_text(out, "[]");
    else
        buf_append_str(out, json_raw(value));
}

void yaml_append(struct buf *out, struct json value)
{
    value_append(out, value, 0);
    buf_append_byte(out, '\n');
}
