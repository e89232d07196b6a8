/* scalar: the five standard scalars (3.5), enums and what an API adds. */
#include "api/graphql/scalar.h"

#include <errno.h>
#include <math.h>

#include "api/graphql/bind.h"
#include "api/graphql/inspect.h"
#include "api/graphql/schema_private.h"
#include "lib/utf8.h"

/* One value on its way in. */
struct leaf {
    const struct gql_type *type;
    enum gql_input_source source;
    const struct gql_value *in;
    struct gql_value *out;
    struct arena *arena;
    struct errmsg *err;
};

#define SHOWN_MAX 200 /* bytes of a value in a message */

static struct str cut(struct str text)
{
    return text.len <= SHOWN_MAX
               ? text
               : str_make(text.p, utf8_valid(text.p, SHOWN_MAX));
}

/* The value as a message shows it, in the arena. */
static const char *shown(const struct leaf *leaf)
{
    struct buf text = {0};
    if (leaf->source == GQL_FROM_JSON)
        gql_inspect(leaf->in, &text);
    else
        gql_value_append(leaf->in, &text);
    const char *copy = arena_text(leaf->arena, cut(buf_str(&text)));
    buf_fini(&text);
    return copy;
}

static int refuse(const struct leaf *leaf, const char *why)
{
    return errmsg_set(leaf->err, -EINVAL, "%s cannot represent %s: %s",
                      arena_text(leaf->arena, leaf->type->name), why,
                      shown(leaf));
}

/* ---- numbers ---- */

static bool is_number(const struct leaf *leaf)
{
    return leaf->in->kind == GQL_INT || leaf->in->kind == GQL_FLOAT;
}

/* A whole number: in a document an Int literal, in JSON 1.0 and 1e3, too.
 * False where it is none; what needs more than 64 bits comes out as their
 * least or greatest. */
static bool whole_number(const struct leaf *leaf, int64_t *number)
{
    const struct gql_value *in = leaf->in;
    double d;
    if (in->kind == GQL_INT) {
        if (str_to_i64(in->text, number) < 0)
            *number = in->text.p[0] == '-' ? INT64_MIN : INT64_MAX;
        return true;
    }
    bool whole = in->kind == GQL_FLOAT && leaf->source == GQL_FROM_JSON &&
                 str_to_double(in->text, &d) == 0 && d == trunc(d);
    if (!whole)
        return false;
    if (fabs(d) < 0x1p63)
        *number = (int64_t)d;
    else
        *number = d < 0 ? INT64_MIN : INT64_MAX;
    return true;
}

static int coerce_int(const struct leaf *leaf)
{
    int64_t number;
    if (!whole_number(leaf, &number))
        return refuse(leaf, "non-integer value");
    if (number < INT32_MIN || number > INT32_MAX)
        return refuse(leaf, "non 32-bit signed integer value");
    leaf->out->kind = GQL_INT;
    leaf->out->i64 = number;
    return 0;
}

static int coerce_float(const struct leaf *leaf)
{
    double number;
    if (!is_number(leaf) || str_to_double(leaf->in->text, &number) < 0)
        return refuse(leaf, "non numeric value");
    leaf->out->kind = GQL_FLOAT;
    leaf->out->f64 = number;
    return 0;
}

/* ---- text ---- */

static int coerce_string(const struct leaf *leaf)
{
    return leaf->in->kind == GQL_STRING ? 0
                                        : refuse(leaf, "a non string value");
}

static int coerce_boolean(const struct leaf *leaf)
{
    return leaf->in->kind == GQL_BOOLEAN ? 0
                                         : refuse(leaf, "a non boolean value");
}

/* A whole number written with a fraction or an exponent (JSON's 1.0) becomes
 * its digits; others keep theirs, however many. */
static int coerce_id(const struct leaf *leaf)
{
    int64_t number;
    bool whole = whole_number(leaf, &number);
    if (leaf->in->kind != GQL_STRING && !whole)
        return refuse(leaf, leaf->source == GQL_FROM_JSON
                                ? "value"
                                : "a non-string and non-integer value");
    leaf->out->kind = GQL_STRING;
    leaf->out->text = leaf->in->text;
    if (leaf->in->kind == GQL_FLOAT)
        leaf->out->text =
            str_of(arena_printf(leaf->arena, "%lld", (long long)number));
    return 0;
}

/* ---- enums and the API's own ---- */

static int coerce_enum(const struct leaf *leaf)
{
    bool json = leaf->source == GQL_FROM_JSON;
    const char *name = arena_text(leaf->arena, leaf->type->name);
    if (leaf->in->kind != (json ? GQL_STRING : GQL_ENUM))
        return errmsg_set(leaf->err, -EINVAL,
                          "Enum \"%s\" cannot represent non-%s value: %s.",
                          name, json ? "string" : "enum", shown(leaf));
    if (gql_find_value(leaf->type, leaf->in->text) == NULL)
        return errmsg_set(leaf->err, -EINVAL,
                          "Value \"%.*s\" does not exist in \"%s\" enum.",
                          STR_ARG(cut(leaf->in->text)), name);
    leaf->out->kind = GQL_ENUM;
    return 0;
}

static int coerce_custom(const struct leaf *leaf)
{
    const struct gql_binding *binding = leaf->type->binding;
    if (binding == NULL || binding->parse == NULL)
        return 0;
    return binding->parse(leaf->in, leaf->out, leaf->arena, leaf->err);
}

static int coerce(const struct leaf *leaf)
{
    if (leaf->type->kind == GQL_TYPE_ENUM)
        return coerce_enum(leaf);
    if (!leaf->type->builtin)
        return coerce_custom(leaf);
    switch (leaf->type->id) {
    case GQL_BUILTIN_INT:
        return coerce_int(leaf);
    case GQL_BUILTIN_FLOAT:
        return coerce_float(leaf);
    case GQL_BUILTIN_STRING:
        return coerce_string(leaf);
    case GQL_BUILTIN_BOOLEAN:
        return coerce_boolean(leaf);
    default:
        return coerce_id(leaf);
    }
}

int gql_leaf_coerce(const struct gql_type *type, enum gql_input_source source,
                    const struct gql_value *in, struct gql_value *out,
                    struct arena *arena, struct errmsg *err)
{
    struct leaf leaf = {type, source, in, out, arena, err};
    *out = *in;
    out->next = NULL;
    return coerce(&leaf);
}
