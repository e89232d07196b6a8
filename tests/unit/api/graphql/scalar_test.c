/* What the leaf types take, from a document and from JSON, and how values are
 * printed. Messages are those of graphql-js 16. */
#include "unit/test.h"

#include <errno.h>

#include "api/graphql/bind.h"
#include "api/graphql/parse.h"
#include "api/graphql/scalar.h"

static struct arena arena;
static struct gql_schema *schema;
static struct errmsg err;
static struct gql_value result;
static struct buf text;

static int init(void **state)
{
    (void)state;
    schema =
        gql_schema_new(str_of("type Query { a(s: String, b: Boolean, i: "
                              "Int, f: Float, id: ID, e: E, d: Date): Int } "
                              "enum E { RED GREEN } scalar Date"),
                       "scalar.graphql", NULL, &err);
    return schema == NULL;
}

static int fini(void **state)
{
    (void)state;
    gql_schema_free(&schema);
    arena_fini(&arena);
    buf_fini(&text);
    return 0;
}

static const struct gql_value *literal(const char *source)
{
    struct gql_value *value;
    struct gql_errors errors = {.arena = &arena};
    assert_int_equal(gql_parse_value(str_of(source), &arena, &value, &errors),
                     0);
    return value;
}

static const struct gql_value *json(const char *source)
{
    struct json_doc *doc = arena_alloc(&arena, sizeof *doc);
    assert_int_equal(json_parse(doc, str_of(source), &arena, &err), 0);
    struct json root = json_root(doc);
    return gql_value_from_json(&root, &arena);
}

/* Coerces; the message, or NULL. */
static const char *coerce(const char *type, enum gql_input_source source,
                          const char *in)
{
    const struct gql_type *leaf = gql_schema_type(schema, str_of(type));
    const struct gql_value *value =
        source == GQL_FROM_JSON ? json(in) : literal(in);
    int rc = gql_leaf_coerce(leaf, source, value, &result, &arena, &err);
    return rc == 0 ? NULL : err.text;
}

#define assert_literal(type, in) \
    assert_null(coerce(type, GQL_FROM_DOCUMENT, in))
#define assert_json(type, in) assert_null(coerce(type, GQL_FROM_JSON, in))
#define assert_no_literal(type, in, message) \
    assert_string_equal(coerce(type, GQL_FROM_DOCUMENT, in), message)
#define assert_no_json(type, in, message) \
    assert_string_equal(coerce(type, GQL_FROM_JSON, in), message)

static void ints(void **state)
{
    (void)state;
    assert_literal("Int", "-2147483648");
    assert_int_equal(result.i64, INT32_MIN);
    assert_no_literal("Int", "2147483648",
                      "Int cannot represent non 32-bit signed integer value: "
                      "2147483648");
    assert_no_literal("Int", "99999999999999999999",
                      "Int cannot represent non 32-bit signed integer value: "
                      "99999999999999999999");
    assert_no_literal("Int", "1.0",
                      "Int cannot represent non-integer value: 1.0");
    assert_no_literal("Int", "\"1\"",
                      "Int cannot represent non-integer value: \"1\"");
    assert_no_literal("Int", "[1]",
                      "Int cannot represent non-integer value: [1]");
    assert_json("Int", "1.0");
    assert_int_equal(result.kind, GQL_INT);
    assert_int_equal(result.i64, 1);
    assert_json("Int", "2e3");
    assert_int_equal(result.i64, 2000);
    assert_no_json("Int", "1.5", "Int cannot represent non-integer value: 1.5");
    assert_no_json("Int", "1e10",
                   "Int cannot represent non 32-bit signed integer value: "
                   "10000000000");
    assert_no_json("Int", "true",
                   "Int cannot represent non-integer value: true");
}

static void floats(void **state)
{
    (void)state;
    assert_literal("Float", "3");
    assert_int_equal(result.kind, GQL_FLOAT);
    assert_true(result.f64 == 3);
    assert_json("Float", "-1.5e-3");
    assert_true(result.f64 == -0.0015);
    assert_no_literal("Float", "\"1\"",
                      "Float cannot represent non numeric value: \"1\"");
    assert_no_json("Float", "\"a\"",
                   "Float cannot represent non numeric value: \"a\"");
    assert_non_null(coerce("Float", GQL_FROM_DOCUMENT, "1e999"));
}

static void strings_and_booleans(void **state)
{
    (void)state;
    assert_literal("String", "\"a\"");
    assert_str(result.text, "a");
    assert_no_literal("String", "a",
                      "String cannot represent a non string value: a");
    assert_no_json("String", "1",
                   "String cannot represent a non string value: 1");
    assert_literal("Boolean", "true");
    assert_true(result.boolean);
    assert_json("Boolean", "false");
    assert_false(result.boolean);
    assert_no_literal("Boolean", "1",
                      "Boolean cannot represent a non boolean value: 1");
    assert_no_json("Boolean", "\"true\"",
                   "Boolean cannot represent a non boolean value: \"true\"");
}

static void ids(void **state)
{
    (void)state;
    assert_literal("ID", "12");
    assert_int_equal(result.kind, GQL_STRING);
    assert_str(result.text, "12");
    assert_json("ID", "\"x\"");
    assert_str(result.text, "x");
    assert_json("ID", "5.0");
    assert_str(result.text, "5");
    assert_no_literal("ID", "1.5",
                      "ID cannot represent a non-string and non-integer value: "
                      "1.5");
    assert_no_json("ID", "1.5", "ID cannot represent value: 1.5");
    assert_no_json("ID", "true", "ID cannot represent value: true");
}

static void enums(void **state)
{
    (void)state;
    assert_literal("E", "RED");
    assert_json("E", "\"GREEN\"");
    assert_int_equal(result.kind, GQL_ENUM);
    assert_str(result.text, "GREEN");
    assert_no_literal("E", "\"RED\"",
                      "Enum \"E\" cannot represent non-enum value: \"RED\".");
    assert_no_literal("E", "BLUE",
                      "Value \"BLUE\" does not exist in \"E\" enum.");
    assert_no_json("E", "1",
                   "Enum \"E\" cannot represent non-string value: 1.");
    assert_no_json("E", "\"red\"",
                   "Value \"red\" does not exist in \"E\" enum.");
}

static int parse_date(const struct gql_value *in, struct gql_value *out,
                      struct arena *a, struct errmsg *e)
{
    (void)a;
    if (in->kind != GQL_STRING)
        return errmsg_set(e, -EINVAL, "a date is a string");
    out->kind = GQL_INT;
    out->i64 = (int64_t)in->text.len;
    return 0;
}

static void custom_scalars(void **state)
{
    (void)state;
    assert_literal("Date", "{a: [1]}");
    assert_json("Date", "[1, null]");
    assert_int_equal(result.kind, GQL_LIST);
    static const struct gql_binding date = {.name = "Date",
                                            .parse = parse_date};
    struct gql_type *type =
        (struct gql_type *)gql_schema_type(schema, str_of("Date"));
    type->binding = &date;
    assert_literal("Date", "\"abc\"");
    assert_int_equal(result.i64, 3);
    assert_no_json("Date", "1", "a date is a string");
}

static void values_are_printed_as_literals(void **state)
{
    (void)state;
    static const char *const same[] = {
        "{a: [1, B], c: \"d\"}",
        "null",
        "-1.50e3",
        "\"\\\"\\\\\\n\\u0007\"",
        "[]",
        "{}",
        "$v",
        "true",
    };
    for (size_t i = 0; i < COUNT(same); i++) {
        gql_value_append(literal(same[i]), &text);
        assert_buf(&text, same[i]);
    }
    gql_value_append(literal("\"\"\"\n  a\n  \"b\"\n\"\"\""), &text);
    assert_buf(&text, "\"\"\"\na\n\"b\"\n\"\"\"");
    gql_value_append(literal("\"\\u007F\\u0085\xC3\xA9\""), &text);
    assert_buf(&text, "\"\\u007F\\u0085\xC3\xA9\"");
}

static void values_are_printed_as_json(void **state)
{
    (void)state;
    gql_value_append_json(literal("{a: [1, B, $v], c: \"\\n\"}"), &text);
    assert_buf(&text, "{\"a\":[1,\"B\",null],\"c\":\"\\n\"}");
    static const char source[] =
        "{\"a\":[1,2.5,true,null,\"x\\u0001\"],\"\xC3\xA9\":{}}";
    gql_value_append_json(json(source), &text);
    assert_buf(&text, source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ints),
        cmocka_unit_test(floats),
        cmocka_unit_test(strings_and_booleans),
        cmocka_unit_test(ids),
        cmocka_unit_test(enums),
        cmocka_unit_test(custom_scalars),
        cmocka_unit_test(values_are_printed_as_literals),
        cmocka_unit_test(values_are_printed_as_json),
    };
    return cmocka_run_group_tests(tests, init, fini);
}
