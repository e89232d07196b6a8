#include "api/graphql/inspect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/json.h"
#include "lib/utf8.h"

#define ITEMS_SHOWN 10
#define DEPTH_SHOWN 2
#define BYTES_SHOWN 16384 /* messages are shorter */

/* ---- numbers ---- */

/* The fewest significant digits that read back as value (positive, finite),
 * NUL-terminated, and the power of ten of the first. */
static int shortest_digits(double value, char digits[24])
{
    char text[40];
    for (int precision = 0; precision <= 16; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, value);
        if (strtod(text, NULL) == value)
            break;
    }
    int n = 0;
    const char *p = text;
    for (; *p != 'e'; p++)
        if (*p != '.')
            digits[n++] = *p;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    digits[n] = '\0';
    return atoi(p + 1);
}

static void append_zeros(struct buf *out, int count)
{
    while (count-- > 0)
        buf_append_byte(out, '0');
}

static void append_scientific(const char *digits, int power, struct buf *out)
{
    buf_append_byte(out, digits[0]);
    if (digits[1] != '\0')
        buf_printf(out, ".%s", digits + 1);
    buf_printf(out, "e%+d", power);
}

static void append_decimal(const char *digits, int power, struct buf *out)
{
    int n = (int)strlen(digits), whole = power + 1;
    if (whole <= 0) {
        buf_append_text(out, "0.");
        append_zeros(out, -whole);
        buf_append_text(out, digits);
    } else if (whole >= n) {
        buf_append_text(out, digits);
        append_zeros(out, whole - n);
    } else {
        buf_append(out, digits, (size_t)whole);
        buf_append_byte(out, '.');
        buf_append_text(out, digits + whole);
    }
}

void gql_number_append(double value, struct buf *out)
{
    char digits[24] = {0};
    if (isnan(value)) {
        buf_append_text(out, "NaN");
        return;
    }
    if (value == 0) {
        buf_append_byte(out, '0');
        return;
    }
    if (value < 0)
        buf_append_byte(out, '-');
    if (isinf(value)) {
        buf_append_text(out, "Infinity");
        return;
    }
    int power = shortest_digits(fabs(value), digits);
    if (power >= 21 || power < -6)
        append_scientific(digits, power, out);
    else
        append_decimal(digits, power, out);
}

/* ---- values ---- */

static void inspect(const struct gql_value *value, int depth, struct buf *out);

static struct str shown(struct str text)
{
    return text.len <= BYTES_SHOWN
               ? text
               : str_make(text.p, utf8_valid(text.p, BYTES_SHOWN));
}

static void inspect_list(const struct gql_value *list, int depth,
                         struct buf *out)
{
    uint32_t n = 0;
    buf_append_byte(out, '[');
    for (const struct gql_value *i = list->items; i != NULL && n < ITEMS_SHOWN;
         i = i->next, n++) {
        buf_append_text(out, n > 0 ? ", " : "");
        inspect(i, depth + 1, out);
    }
    if (list->count > ITEMS_SHOWN)
        buf_printf(out, ", ... %u more item%s", list->count - ITEMS_SHOWN,
                   list->count == ITEMS_SHOWN + 1 ? "" : "s");
    buf_append_byte(out, ']');
}

static void inspect_object(const struct gql_value *object, int depth,
                           struct buf *out)
{
    buf_append_text(out, "{ ");
    for (const struct gql_object_field *f = object->fields; f != NULL;
         f = f->next) {
        buf_append_str(out, shown(f->name));
        buf_append_text(out, ": ");
        inspect(f->value, depth + 1, out);
        if (out->len > BYTES_SHOWN)
            break;
        buf_append_text(out, f->next != NULL ? ", " : " }");
    }
}

static void inspect_leaf(const struct gql_value *value, struct buf *out)
{
    struct json_writer w = json_writer(out);
    char *text;
    switch (value->kind) {
    case GQL_INT:
    case GQL_FLOAT:
        text = strndup(value->text.p, value->text.len);
        gql_number_append(text != NULL ? strtod(text, NULL) : 0, out);
        free(text);
        break;
    case GQL_BOOLEAN:
        json_put_bool(&w, value->boolean);
        break;
    case GQL_NULL:
        json_put_null(&w);
        break;
    default:
        json_put_str(&w, shown(value->text));
    }
}

static void inspect(const struct gql_value *value, int depth, struct buf *out)
{
    bool list = value->kind == GQL_LIST;
    if (!list && value->kind != GQL_OBJECT)
        inspect_leaf(value, out);
    else if (value->count == 0)
        buf_append_text(out, list ? "[]" : "{}");
    else if (depth >= DEPTH_SHOWN)
        buf_append_text(out, list ? "[Array]" : "[Object]");
    else if (list)
        inspect_list(value, depth, out);
    else
        inspect_object(value, depth, out);
}

void gql_inspect(const struct gql_value *value, struct buf *out)
{
    inspect(value, 0, out);
}
