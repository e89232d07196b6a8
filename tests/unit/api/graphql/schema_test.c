/* Schemas: what they become, and what is refused. */
#include "unit/test.h"

#include "api/graphql/scalar.h"
#include "api/graphql/schema.h"
#include "lib/buf.h"

static struct gql_schema *schema;
static struct errmsg err;
static struct buf out;

static void build(const char *source)
{
    gql_schema_free(&schema);
    err.text[0] = '\0';
    schema = gql_schema_new(str_of(source), "test.graphql", NULL, &err);
    if (schema == NULL)
        print_error("%s\n", err.text);
    assert_non_null(schema);
}

static int fini(void **state)
{
    (void)state;
    gql_schema_free(&schema);
    buf_fini(&out);
    return 0;
}

/* The first error of a schema that has a Query type besides. */
#define assert_refused(source, message)                             \
    do {                                                            \
        struct gql_schema *s = gql_schema_new(                      \
            str_of("type Query{a:Int}\n" source), "t", NULL, &err); \
        assert_null(s);                                             \
        assert_string_equal(err.text, message);                     \
    } while (0)

static const struct gql_type *type(const char *name)
{
    const struct gql_type *t = gql_schema_type(schema, str_of(name));
    assert_non_null(t);
    return t;
}

static void types_stand_in_the_order_of_graphql_js(void **state)
{
    (void)state;
    build("scalar D type Query { a(x: Boolean): Int b: [T!]! } "
          "type T { f: Float d: D }");
    for (uint32_t i = 0; i < schema->type_count; i++)
        buf_printf(&out, "%.*s ", STR_ARG(schema->types[i]->name));
    assert_buf(&out, "D Query Int Boolean T Float String __Schema __Type "
                     "__TypeKind __Field __InputValue __EnumValue __Directive "
                     "__DirectiveLocation ");
    assert_null(gql_schema_type(schema, str_of("ID")));
    assert_ptr_equal(schema->query, type("Query"));
    assert_null(schema->mutation);
    for (uint32_t i = 0; i < schema->type_count; i++)
        assert_true(schema->types[i]->id < schema->type_ids);
}

static void types_refer_to_each_other(void **state)
{
    (void)state;
    build("\"d\" type Query { b(n: Int = 3, f: [F!]): [T!]! } "
          "interface I { t: T } type T implements I { t: T } "
          "type V implements I { t: T } union U = V | T input F { a: Int }");
    const struct gql_field *b = gql_type_field(type("Query"), str_of("b"));
    assert_str(type("Query")->description, "d");
    gql_type_ref_append(b->type, &out);
    assert_buf(&out, "[T!]!");
    assert_ptr_equal(b->type->named, type("T"));
    assert_ptr_equal(b->parent, type("Query"));
    assert_int_equal(b->argument_count, 2);
    assert_str(b->arguments[0].initial->text, "3");
    assert_int_equal(b->arguments[1].index, 1);
    assert_int_equal(type("I")->possible_count, 2);
    assert_ptr_equal(type("U")->possible[0], type("V"));
    assert_true(gql_type_includes(type("I"), type("V")));
    assert_false(gql_type_includes(type("I"), type("Query")));
    assert_true(gql_types_overlap(type("I"), type("U")));
    assert_false(gql_types_overlap(type("I"), type("Query")));
    assert_ptr_equal(b->arguments[1].type->named, type("F"));
}

static void many_fields_are_found(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_append_text(&text, "type Query {");
    for (int i = 0; i < 300; i++)
        buf_printf(&text, " f%d: Int", i);
    buf_append_text(&text, " }");
    build(buf_text(&text));
    buf_fini(&text);
    assert_int_equal(gql_type_field(schema->query, str_of("f299"))->index, 299);
    assert_null(gql_type_field(schema->query, str_of("f300")));
}

static void extensions_are_merged(void **state)
{
    (void)state;
    build("extend type Query { b: E } type Query { a: Int } enum E { A } "
          "extend enum E { B @deprecated } extend schema { mutation: M } "
          "type M { c: Int } extend union U = M union U = Query");
    assert_int_equal(schema->query->field_count, 2);
    assert_str(schema->query->fields[1].name, "b");
    assert_str(type("E")->values[1].deprecation, "No longer supported");
    assert_ptr_equal(schema->mutation, type("M"));
    assert_ptr_equal(type("U")->possible[1], type("M"));
}

static void directives_that_mean_something(void **state)
{
    (void)state;
    build("directive @cost(value: Int!) on FIELD_DEFINITION "
          "schema { query: Q } "
          "type Q { a(b: Int @deprecated(reason: \"r\")): D @cost(value: 7) "
          "c(i: In): Int @deprecated(reason: \"old\") } "
          "scalar D @specifiedBy(url: \"https://d\") "
          "input In @oneOf { x: Int y: Int }");
    const struct gql_field *a = gql_type_field(schema->query, str_of("a"));
    assert_int_equal(a->cost, 7);
    assert_str(a->arguments[0].deprecation, "r");
    assert_str(gql_type_field(schema->query, str_of("c"))->deprecation, "old");
    assert_str(type("D")->specified_by, "https://d");
    assert_true(type("In")->one_of);
    const struct gql_directive *deprecated =
        gql_schema_directive(schema, str_of("deprecated"));
    assert_int_equal(deprecated->location_count, 4);
    assert_int_equal(deprecated->location_list[3], GQL_AT_ENUM_VALUE);
    assert_int_equal(schema->directive_count, 6);
    assert_str(schema->directives[0].name, "cost");
    assert_str(schema->directives[5].name, "oneOf");
}

static void built_in_scalars_may_be_repeated(void **state)
{
    (void)state;
    build("scalar ID scalar Int type Query { a: ID b: Int }");
    assert_str(schema->types[0]->name, "ID");
    assert_true(schema->types[0]->builtin);
}

static void names_are_checked(void **state)
{
    (void)state;
    assert_refused("type A { a: B }", "t:2:13: Unknown type \"B\".");
    assert_refused("type A { a: Int } type A { b: Int }",
                   "t:2:6: There can be only one type named \"A\".");
    assert_refused("type A { a: Int a: Int }",
                   "t:2:10: Field \"A.a\" can only be defined once.");
    assert_refused("type A { a: Int } extend type A { a: Int }",
                   "t:2:10: Field \"A.a\" can only be defined once.");
    assert_refused("enum A { X X }",
                   "t:2:10: Enum value \"A.X\" can only be defined once.");
    assert_refused("type A { a(b: Int, b: Int): Int }",
                   "t:2:12: Argument \"A.a(b:)\" can only be defined once.");
    assert_refused("directive @a on FIELD directive @a on QUERY",
                   "t:2:12: There can be only one directive named \"@a\".");
    assert_refused("extend type A { a: Int }",
                   "t:2:13: Cannot extend type \"A\" because it is not "
                   "defined.");
    assert_refused("extend input Query { a: Int }",
                   "t:1:6: Cannot extend non-input object type \"Query\".");
    assert_refused("schema { query: Query } schema { query: Query }",
                   "t:2:25: Must provide only one schema definition.");
    assert_refused("schema { query: Query query: Query }",
                   "t:2:10: There can be only one query type in schema.");
    assert_refused("type String { a: Int }",
                   "t:2:6: The built-in type \"String\" cannot be redefined.");
    assert_refused("query { a }",
                   "t:2:1: A schema has no operations and no fragments.");
    assert_refused("type __A { a: Int }",
                   "t:2:6: Name \"__A\" must not begin with \"__\", which is "
                   "reserved by GraphQL introspection.");
    assert_refused("type A { __a: Int }",
                   "t:2:10: Name \"__a\" must not begin with \"__\", which is "
                   "reserved by GraphQL introspection.");
    assert_refused("type A {", "t:2:9: Syntax Error: Expected Name, found "
                               "<EOF>.");
}

static void directive_uses_are_checked(void **state)
{
    (void)state;
    assert_refused("type A @x { a: Int }", "t:2:8: Unknown directive \"@x\".");
    assert_refused("type A @deprecated { a: Int }",
                   "t:2:8: Directive \"@deprecated\" may not be used on "
                   "OBJECT.");
    assert_refused("enum E { A @deprecated @deprecated }",
                   "t:2:24: The directive \"@deprecated\" can only be used "
                   "once at this location.");
    assert_refused("directive @d on SCALAR scalar S @d extend scalar S @d",
                   "t:2:52: The directive \"@d\" can only be used once at this "
                   "location.");
    assert_refused("enum E { A @deprecated(why: \"\") }",
                   "t:2:24: Unknown argument \"why\" on directive "
                   "\"@deprecated\".");
    assert_refused("scalar S @specifiedBy",
                   "t:2:10: Directive \"@specifiedBy\" argument \"url\" of "
                   "type \"String!\" is required, but it was not provided.");
    assert_refused("scalar S @specifiedBy(url: 3)",
                   "t:2:28: Argument \"url\" of directive \"@specifiedBy\" is "
                   "invalid: String cannot represent a non string value: 3");
    assert_refused("scalar S @specifiedBy(url: \"a\", url: \"b\")",
                   "t:2:33: There can be only one argument named \"url\".");
}

static void types_are_checked(void **state)
{
    (void)state;
    assert_refused("type A", "t:2:6: Type A must define one or more fields.");
    assert_refused("enum A", "t:2:6: Enum type A must define one or more "
                             "values.");
    assert_refused("union A", "t:2:7: Union type A must define one or more "
                              "member types.");
    assert_refused("input A", "t:2:7: Input Object type A must define one or "
                              "more fields.");
    assert_refused("union A = Int",
                   "t:2:11: Union type A can only include Object types, it "
                   "cannot include Int.");
    assert_refused("union A = Query | Query",
                   "t:2:19: Union type A can only include type Query once.");
    assert_refused("input A { a: Query }",
                   "t:2:11: The type of A.a must be Input Type but got: "
                   "Query.");
    assert_refused("input I { a: Int } type A { a: [I!] }",
                   "t:2:29: The type of A.a must be Output Type but got: "
                   "[I!].");
    assert_refused("type A { a(b: Query!): Int }",
                   "t:2:12: The type of A.a(b:) must be Input Type but got: "
                   "Query!.");
    assert_refused("type A { a(b: Int! @deprecated): Int }",
                   "t:2:12: Required argument A.a(b:) cannot be deprecated.");
    assert_refused("input A { a: Int! @deprecated }",
                   "t:2:11: Required input field A.a cannot be deprecated.");
    assert_refused("input A @oneOf { a: Int! }",
                   "t:2:18: OneOf input field A.a must be nullable.");
    assert_refused("input A @oneOf { a: Int = 1 }",
                   "t:2:18: OneOf input field A.a cannot have a default "
                   "value.");
    assert_refused("input A { b: B! } input B { c: Int, a: A! }",
                   "t:2:11: Cannot reference Input Object \"A\" within itself "
                   "through a series of non-null fields: \"b.a\".");
    assert_refused("enum M { A } schema { query: Query mutation: M }",
                   "t:2:6: Mutation root type must be Object type if provided, "
                   "it cannot be M.");
    struct gql_schema *s =
        gql_schema_new(str_of("type A { a: Int }"), "t", NULL, &err);
    assert_null(s);
    assert_string_equal(err.text, "t:1:1: Query root type must be provided.");
}

static void interfaces_are_checked(void **state)
{
    (void)state;
    assert_refused("interface I { a: Int } type A implements I { b: Int }",
                   "t:2:29: Interface field I.a expected but A does not "
                   "provide it.");
    assert_refused("interface I { a: Int! } type A implements I { a: Int }",
                   "t:2:47: Interface field I.a expects type Int! but A.a is "
                   "type Int.");
    assert_refused("interface I { a(x: Int): Int } "
                   "type A implements I { a: Int }",
                   "t:2:54: Interface field argument I.a(x:) expected but A.a "
                   "does not provide it.");
    assert_refused("interface I { a(x: Int): Int } "
                   "type A implements I { a(x: Int!): Int }",
                   "t:2:56: Interface field argument I.a(x:) expects type Int "
                   "but A.a(x:) is type Int!.");
    assert_refused("interface I { a: Int } "
                   "type A implements I { a(x: Int!): Int }",
                   "t:2:48: Object field A.a includes required argument x that "
                   "is missing from the Interface field I.a.");
    assert_refused("type A implements Query { a: Int }",
                   "t:2:19: Type A must only implement Interface types, it "
                   "cannot implement Query.");
    assert_refused("interface A implements A { a: Int }",
                   "t:2:24: Type A cannot implement itself because it would "
                   "create a circular reference.");
    assert_refused("interface I { a: Int } interface J implements I { a: Int } "
                   "type A implements J { a: Int }",
                   "t:2:78: Type A must implement I because it is implemented "
                   "by J.");
    assert_refused("interface I { a: Int } "
                   "type A implements I & I { a: Int }",
                   "t:2:46: Type A can only implement I once.");
    build("interface I { i: I l: [I] u: U } type Query implements I "
          "{ i: Query! l: [Query!]! u: Query } union U = Query");
}

static void defaults_are_checked(void **state)
{
    (void)state;
    assert_refused(
        "type A { a(b: Int = 1.5): Int }",
        "t:2:21: The default value of A.a(b:) is invalid: Int cannot "
        "represent non-integer value: 1.5");
    assert_refused("type A { a(b: [Int!] = [1, null]): Int }",
                   "t:2:28: The default value of A.a(b:) is invalid: Expected "
                   "value of type \"Int!\", found null.");
    assert_refused("enum E { X } input A { b: E = Y }",
                   "t:2:31: The default value of A.b is invalid: Value \"Y\" "
                   "does not exist in \"E\" enum.");
    assert_refused(
        "input B { c: Int! } input A { b: B = {d: 1, c: 2} }",
        "t:2:39: The default value of A.b is invalid: Field \"d\" is "
        "not defined by type \"B\".");
    assert_refused("input B { c: Int! } input A { b: B = {} }",
                   "t:2:38: The default value of A.b is invalid: Field \"B.c\" "
                   "of required type \"Int!\" was not provided.");
    assert_refused("input B @oneOf { c: Int d: Int } "
                   "type A { a(b: B = {c: 1, d: 2}): Int }",
                   "t:2:52: The default value of A.a(b:) is invalid: OneOf "
                   "Input Object \"B\" must specify exactly one key.");
}

/* The default of a field's or input object's input, as introspection has it. */
static const struct gql_input *input_of(const char *owner, const char *name)
{
    const struct gql_type *t = type(owner);
    const struct gql_field *f = gql_type_field(t, str_of(name));
    return f != NULL ? f->arguments
                     : gql_find_input(t->inputs, t->input_count, str_of(name));
}

static void defaults_are_coerced(void **state)
{
    (void)state;
    build("type Query { a(f: F = {x: 1}): Int b(l: [[Int]] = 3): Int "
          "c(f: Float = 1.50): Int d(i: ID = \"7\"): Int "
          "e(s: String = \"\"\"x\"\"\"): Int g(n: Int = null): Int "
          "h(f: Float = 2.0): Int i(f: Float = 1e21): Int } "
          "input F { x: Float y: E! = B z: G = {} } input G { w: Int = 5 } "
          "enum E { A B }");
    static const struct {
        const char *field, *shown;
    } cases[] = {
        {"a", "{x: 1, y: B, z: {w: 5}}"},
        {"b", "[[3]]"},
        {"c", "1.5"},
        {"d", "7"},
        {"e", "\"x\""},
        {"g", "null"},
        {"h", "2"},
        {"i", "1e+21"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        gql_value_append(input_of("Query", cases[i].field)->initial, &out);
        assert_buf(&out, cases[i].shown);
    }
    const struct gql_value *a = input_of("Query", "a")->coerced;
    assert_true(a->fields->value->f64 == 1);
    assert_int_equal(a->fields->next->next->value->fields->value->i64, 5);
    assert_int_equal(input_of("Query", "g")->coerced->kind, GQL_NULL);
    assert_refused("input A { b: B = {} } input B { a: A = {} }",
                   "t:2:11: The default value of A.b contains itself.");
    build("type Query { a(b: B): Int } "
          "input A { b: B = {a: null} } input B { a: A = {} }");
}

static void all_errors_are_told(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct gql_errors errors = {.arena = &arena};
    assert_null(gql_schema_new(str_of("type Query { a: X b: Y\n c: Z }"), "t",
                               &errors, &err));
    assert_int_equal(errors.count, 3);
    assert_int_equal(errors.last->locations[0].line, 2);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_stand_in_the_order_of_graphql_js),
        cmocka_unit_test(types_refer_to_each_other),
        cmocka_unit_test(many_fields_are_found),
        cmocka_unit_test(extensions_are_merged),
        cmocka_unit_test(directives_that_mean_something),
        cmocka_unit_test(built_in_scalars_may_be_repeated),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(directive_uses_are_checked),
        cmocka_unit_test(types_are_checked),
        cmocka_unit_test(interfaces_are_checked),
        cmocka_unit_test(defaults_are_checked),
        cmocka_unit_test(defaults_are_coerced),
        cmocka_unit_test(all_errors_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, fini);
}
