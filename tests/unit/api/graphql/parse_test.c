/* The lexer and the parser, with what they refuse. Messages and places are
 * those of graphql-js 16. */
#include "unit/test.h"

#include <errno.h>

#include "api/graphql/parse.h"

static struct arena arena;
static struct gql_document doc;
static struct gql_errors errors;
static struct buf out;

static int parse_with(struct str source, struct gql_parse_limits limits)
{
    arena_fini(&arena);
    doc = (struct gql_document){.arena = &arena};
    errors = (struct gql_errors){.arena = &arena};
    return gql_parse(&doc, source, &limits, &errors);
}

static int parse(const char *source)
{
    return parse_with(str_of(source), (struct gql_parse_limits){0});
}

#define assert_parses(source) \
    assert_parses_at(str_of(source), __FILE__, __LINE__)

static void assert_parses_at(struct str source, const char *file, int line)
{
    if (parse_with(source, (struct gql_parse_limits){0}) == 0)
        return;
    print_error("%.*s\n%.*s\n", STR_ARG(source),
                STR_ARG(errors.first->message));
    _fail(file, line);
}

/* where: "line:column message". */
#define assert_refused(source, where)                                   \
    do {                                                                \
        assert_int_equal(parse(source), -EINVAL);                       \
        assert_int_equal(errors.count, 1);                              \
        buf_printf(&out, "%u:%u %.*s", errors.first->locations[0].line, \
                   errors.first->locations[0].column,                   \
                   STR_ARG(errors.first->message));                     \
        assert_buf(&out, where);                                        \
    } while (0)

static int fini(void **state)
{
    (void)state;
    arena_fini(&arena);
    buf_fini(&out);
    return 0;
}

static const struct gql_selection *first_field(void)
{
    return doc.first->operation.set->first;
}

static void operations_and_fields(void **state)
{
    (void)state;
    assert_parses("query Q($a: Int! = 1 @d, $b: [ID!]!) @x {"
                  " first: second(n: $a, s: \"t\") @skip(if: true) { id } }");
    const struct gql_operation *o = &doc.first->operation;
    assert_int_equal(o->type, GQL_QUERY);
    assert_str(o->name, "Q");
    assert_str(o->variables->name, "a");
    assert_int_equal(o->variables->at, 8);
    assert_int_equal(o->variables->name_at, 9);
    assert_int_equal(o->variables->type->wrap, GQL_NON_NULL);
    assert_str(o->variables->initial->text, "1");
    assert_str(o->variables->directives->name, "d");
    assert_int_equal(o->variables->next->type->of->wrap, GQL_LIST_OF);
    const struct gql_selection *f = first_field();
    assert_true(f->aliased);
    assert_str(f->alias, "first");
    assert_str(f->name, "second");
    assert_int_equal(f->arguments->value->kind, GQL_VARIABLE);
    assert_str(f->arguments->next->value->text, "t");
    assert_str(f->directives->name, "skip");
    assert_true(f->directives->arguments->value->boolean);
    assert_str(f->set->first->alias, "id");
    assert_null(f->set->first->next);
    assert_int_equal(doc.tokens, 47);
}

static void fragments(void **state)
{
    (void)state;
    assert_parses("{ ...F ...on T{a} ... @include(if:false){b} ...onX }"
                  "fragment F on T { fragment }");
    const struct gql_selection *s = first_field();
    assert_int_equal(s->kind, GQL_SPREAD);
    assert_str(s->name, "F");
    s = s->next;
    assert_int_equal(s->kind, GQL_INLINE);
    assert_str(s->on, "T");
    s = s->next;
    assert_int_equal(s->on.len, 0);
    assert_str(s->directives->name, "include");
    assert_str(s->next->name, "onX");
    assert_non_null(gql_document_fragment(&doc, str_of("F")));
    assert_null(gql_document_fragment(&doc, str_of("G")));
}

static const struct gql_value *value_of(const char *source)
{
    arena_fini(&arena);
    errors = (struct gql_errors){.arena = &arena};
    struct gql_value *value = NULL;
    assert_int_equal(gql_parse_value(str_of(source), &arena, &value, &errors),
                     0);
    return value;
}

static void values(void **state)
{
    (void)state;
    const struct gql_value *v = value_of("[1, -2.5e3, \"s\", true, null, RED, "
                                         "$v, {a: 1, b: []}]");
    static const enum gql_value_kind kinds[] = {
        GQL_INT,  GQL_FLOAT, GQL_STRING,   GQL_BOOLEAN,
        GQL_NULL, GQL_ENUM,  GQL_VARIABLE, GQL_OBJECT};
    assert_int_equal(v->count, COUNT(kinds));
    v = v->items;
    for (size_t i = 0; i < COUNT(kinds); i++, v = v->next)
        assert_int_equal(v->kind, kinds[i]);
    v = value_of("{a: 1, b: [2]}");
    assert_int_equal(v->count, 2);
    assert_str(v->fields->next->name, "b");
    assert_int_equal(v->fields->next->at, 7);
}

static void strings_resolve_their_escapes(void **state)
{
    (void)state;
    static const struct {
        const char *source, *value;
    } cases[] = {
        {"\"\"", ""},
        {"\"a\"", "a"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"x\\u00e9y\"", "x\xC3\xA9y"},
        {"\"\\u{1F600}\"", "\xF0\x9F\x98\x80"},
        {"\"\\u{0}\"", ""},
        {"\"\\u{00000041}\"", "A"},
        {"\"\\uD83D\\uDE00\"", "\xF0\x9F\x98\x80"},
        {"\"\xF0\x9F\x98\x80\"", "\xF0\x9F\x98\x80"},
        {"\"\"\"\"\"\"", ""},
        {"\"\"\" a \"\"\"", " a "},
        {"\"\"\"\n    a\n      b\n\n    c\n\"\"\"", "a\n  b\n\nc"},
        {"\"\"\"\r\n\ta\r\tb\n  \"\"\"", "a\nb"},
        {"\"\"\"a\n  b\n c\"\"\"", "a\n b\nc"},
        {"\"\"\"\n \n\"\"\"", ""},
        {"\"\"\"x \\\"\"\" y \\n\"\"\"", "x \"\"\" y \\n"},
        {"\"\"\"say \"hi\" \"\"\"", "say \"hi\" "},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct gql_value *v = value_of(cases[i].source);
        if (strstr(cases[i].source, "{0}") != NULL)
            assert_int_equal(v->text.len, 1);
        else
            assert_str(v->text, cases[i].value);
    }
}

static void ignored_text_is_ignored(void **state)
{
    (void)state;
    assert_parses("\xEF\xBB\xBF,,, # a comment \xC3\xA9\r\n{ a,,b\t#x\r c }#");
    assert_int_equal(doc.tokens, 5);
    assert_parses("\"about\" query Q(\"\"\"v\"\"\" $a: Int) { a }"
                  "\"f\" fragment F on T { b }");
}

static void lexical_errors(void **state)
{
    (void)state;
    assert_refused("{ a(n: 01) }", "1:9 Syntax Error: Invalid number, "
                                   "unexpected digit after 0: \"1\".");
    assert_refused("{ a(n: 1a) }", "1:9 Syntax Error: Invalid number, expected "
                                   "digit but got: \"a\".");
    assert_refused("{ a(n: 1.) }", "1:10 Syntax Error: Invalid number, "
                                   "expected digit but got: \")\".");
    assert_refused("{ a(n: -", "1:9 Syntax Error: Invalid number, expected "
                               "digit but got: <EOF>.");
    assert_refused("{ a(n: 1e+_", "1:11 Syntax Error: Invalid number, expected "
                                  "digit but got: \"_\".");
    assert_refused("{ a(n: 1.2.3", "1:11 Syntax Error: Invalid number, "
                                   "expected digit but got: \".\".");
    assert_refused("{ a(s: \"x", "1:10 Syntax Error: Unterminated string.");
    assert_refused("{ a(s: \"x\n\")",
                   "1:10 Syntax Error: Unterminated string.");
    assert_refused("{ a(s: \"\"\"x\n\"\")",
                   "2:4 Syntax Error: Unterminated string.");
    assert_refused("\n {\n  \xC3\xA9 }",
                   "3:3 Syntax Error: Unexpected character: U+00E9.");
    assert_refused("{ \xF0\x9F\x98\x80",
                   "1:3 Syntax Error: Unexpected character: U+1F600.");
    assert_refused("{ .. }", "1:3 Syntax Error: Unexpected character: \".\".");
    assert_refused("{ a(b: 'c') }",
                   "1:8 Syntax Error: Unexpected single quote character ('), "
                   "did you mean to use a double quote (\")?");
    assert_refused("# \xFF", "1:3 Syntax Error: Invalid character: byte 0xFF.");
    assert_refused("{ a(s: \"\xED\xA0\x80\") }",
                   "1:9 Syntax Error: Invalid character within String: byte "
                   "0xED.");
}

static void escape_errors(void **state)
{
    (void)state;
    assert_refused("{ a(s: \"\\q\") }", "1:9 Syntax Error: Invalid character "
                                        "escape sequence: \"\\q\".");
    static const char *const escapes[] = {
        "\\uD83D",    "\\uDE00",        "\\u00G0",       "\\u{D800}",
        "\\u{}",      "\\u{110000}",    "\\u{12345678",  "\\u{G",
        "\\uD83D\\n", "\\uD83D\\u0041", "\\u{FFFFFFFF}", "\\u",
    };
    for (size_t i = 0; i < COUNT(escapes); i++) {
        char source[64];
        snprintf(source, sizeof source, "{ a(s: \"%s\") }", escapes[i]);
        assert_int_equal(parse(source), -EINVAL);
        assert_int_equal(errors.first->locations[0].column, 9);
        assert_contains(errors.first->message.p, "Invalid Unicode escape");
    }
}

static void syntax_errors(void **state)
{
    (void)state;
    assert_refused("", "1:1 Syntax Error: Unexpected <EOF>.");
    assert_refused("{", "1:2 Syntax Error: Expected Name, found <EOF>.");
    assert_refused("{}", "1:2 Syntax Error: Expected Name, found \"}\".");
    assert_refused("{ a() }", "1:5 Syntax Error: Expected Name, found \")\".");
    assert_refused("query Q() { a }",
                   "1:9 Syntax Error: Expected \"$\", found \")\".");
    assert_refused("query ($a: Int = $b) { a }",
                   "1:18 Syntax Error: Unexpected variable \"$b\" in constant "
                   "value.");
    assert_refused("fragment on on T { a }",
                   "1:10 Syntax Error: Unexpected Name \"on\".");
    assert_refused("fragment F T { a }",
                   "1:12 Syntax Error: Expected \"on\", found Name \"T\".");
    assert_refused("{ ...on }",
                   "1:9 Syntax Error: Expected Name, found \"}\".");
    assert_refused("notanoperation Foo { a }",
                   "1:1 Syntax Error: Unexpected Name \"notanoperation\".");
    assert_refused("\"d\" { a }",
                   "1:1 Syntax Error: Unexpected description, descriptions are "
                   "not supported on shorthand queries.");
    assert_refused("\"d\" extend type A { a: B }",
                   "1:1 Syntax Error: Unexpected description, only GraphQL "
                   "definitions support descriptions.");
    assert_refused("enum E { true }", "1:10 Syntax Error: Name \"true\" is "
                                      "reserved and cannot be used for an enum "
                                      "value.");
    assert_refused("extend type A", "1:14 Syntax Error: Unexpected <EOF>.");
    assert_refused("directive @d on FIELD | NOWHERE",
                   "1:25 Syntax Error: Unexpected Name \"NOWHERE\".");
    assert_refused("{ a(x: \"s\" y) }",
                   "1:13 Syntax Error: Expected \":\", found \")\".");
    assert_refused("query { a } \"s\" 1", "1:17 Syntax Error: Unexpected Int "
                                          "\"1\".");
}

static void schema_documents(void **state)
{
    (void)state;
    assert_parses("\"s\" schema @a { query: Q mutation: M }\n"
                  "scalar S @specifiedBy(url: \"u\")\n"
                  "\"t\" type T implements & A & B @d { \"f\" f(\"x\" a: Int = "
                  "1 @d, b: [S!]): T! @deprecated }\n"
                  "interface A implements B { a: Int }\n"
                  "union U @d = | T | V\n"
                  "enum E { A \"b\" B @deprecated(reason: \"r\") }\n"
                  "input I @oneOf { a: Int = 1, b: I }\n"
                  "directive @d(a: Int) repeatable on | FIELD | QUERY\n"
                  "extend schema { subscription: S }\n"
                  "extend type T { g: Int } extend scalar S @d\n"
                  "extend union U = W extend enum E { C } extend input I { c: "
                  "ID } extend interface A @d\n"
                  "type Empty");
    const struct gql_definition *d = doc.first;
    assert_int_equal(d->kind, GQL_DEF_SCHEMA);
    assert_str(d->type.description, "s");
    assert_str(d->type.roots->next->type, "M");
    d = d->next->next;
    assert_str(d->type.interfaces->next->name, "B");
    assert_str(d->type.fields->arguments->description, "x");
    assert_str(d->type.fields->description, "f");
    d = d->next->next;
    assert_str(d->type.members->next->name, "V");
    d = d->next->next->next;
    assert_true(d->type.repeatable);
    assert_true(d->next->extension);
}

static void limits_end_the_reading(void **state)
{
    (void)state;
    struct gql_parse_limits limits = {.tokens = 4};
    assert_int_equal(parse_with(str_of("{ a b }"), limits), 0);
    assert_int_equal(parse_with(str_of("{ a b c }"), limits), -EINVAL);
    assert_string_equal(errors.first->code, GQL_CODE_LIMIT);
    assert_contains(errors.first->message.p, "more than 4 tokens");
    limits = (struct gql_parse_limits){.directives = 1};
    assert_int_equal(parse_with(str_of("{ a @b }"), limits), 0);
    assert_int_equal(parse_with(str_of("{ a @b c @d }"), limits), -EINVAL);
    assert_contains(errors.first->message.p, "more than 1 directives");
}

/* open repeated n times. */
static int parse_nested(const char *head, const char *open, size_t n)
{
    struct buf text = {0};
    buf_append_text(&text, head);
    for (size_t i = 0; i < n; i++)
        buf_append_text(&text, open);
    int rc = parse_with(buf_str(&text), (struct gql_parse_limits){0});
    buf_fini(&text);
    return rc;
}

static void depth_has_a_limit(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "{a"},
        {"{a(b:", "["},
        {"{a(b:", "{c:"},
        {"{", "...{"},
        {"query($a:", "["},
        {"type A { b:", "["},
        {"input A { b: Int = ", "["},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(parse_nested(cases[i][0], cases[i][1], 1000000),
                         -EINVAL);
        assert_string_equal(errors.first->code, GQL_CODE_LIMIT);
        assert_contains(errors.first->message.p, "200 levels of nesting");
    }
}

static void columns_count_utf16_units(void **state)
{
    (void)state;
    struct str s = str_of("a\r\n\xC3\xA9\xF0\x9F\x98\x80x\ry\nz");
    errors = (struct gql_errors){.arena = &arena, .source = s};
    gql_error_add(&errors, NULL, (uint32_t[]){9, 11, 99}, 3, "x");
    const struct gql_location *at = errors.first->locations;
    assert_int_equal(at->line, 2);
    assert_int_equal(at->column, 4);
    at++;
    assert_int_equal(at->line, 3);
    assert_int_equal(at->column, 1);
    at++;
    assert_int_equal(at->line, 4);
    assert_int_equal(at->column, 2);
}

static void errors_are_printed_as_json(void **state)
{
    (void)state;
    assert_int_equal(parse("{ a(s: \"\\q\") }"), -EINVAL);
    gql_errors_append(&errors, &out);
    assert_buf(&out, "[{\"message\":\"Syntax Error: Invalid character escape "
                     "sequence: \\\"\\\\q\\\".\",\"locations\":[{\"line\":1,"
                     "\"column\":9}],\"extensions\":{\"code\":"
                     "\"GRAPHQL_PARSE_FAILED\"}}]");
    struct gql_path list = {NULL, STR("gpus"), 0};
    struct gql_path item = {&list, {0}, 3}, name = {&item, STR("n"), 0};
    errors = (struct gql_errors){.arena = &arena, .source = STR("{ n }")};
    gql_error_add_str(&errors, NULL, &(uint32_t){2}, 1, &name, str_of("no"));
    gql_errors_append(&errors, &out);
    assert_buf(&out, "[{\"message\":\"no\",\"locations\":[{\"line\":1,"
                     "\"column\":3}],\"path\":[\"gpus\",3,\"n\"]}]");
}

static void errors_have_a_limit(void **state)
{
    (void)state;
    errors = (struct gql_errors){.arena = &arena, .max = 3};
    for (int i = 0; i < 10; i++)
        gql_error_add(&errors, GQL_CODE_VALIDATION, NULL, 0, "no %d", i);
    assert_int_equal(errors.count, 4);
    assert_str(errors.first->next->next->message, "no 2");
    assert_contains(errors.last->message.p,
                    "Too many validation errors, error limit reached.");
    assert_string_equal(errors.last->code, GQL_CODE_LIMIT);
    errors = (struct gql_errors){.arena = &arena};
    char *wide = arena_alloc(&arena, 10001);
    memset(wide, 'w', 10000);
    wide[10000] = '\0';
    gql_error_add(&errors, GQL_CODE_VALIDATION, NULL, 0, "%s", wide);
    assert_in_range(errors.first->message.len, 4000, 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_and_fields),
        cmocka_unit_test(fragments),
        cmocka_unit_test(values),
        cmocka_unit_test(strings_resolve_their_escapes),
        cmocka_unit_test(ignored_text_is_ignored),
        cmocka_unit_test(lexical_errors),
        cmocka_unit_test(escape_errors),
        cmocka_unit_test(syntax_errors),
        cmocka_unit_test(schema_documents),
        cmocka_unit_test(limits_end_the_reading),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(columns_count_utf16_units),
        cmocka_unit_test(errors_are_printed_as_json),
        cmocka_unit_test(errors_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, fini);
}
