/* YAML: what a reader could take for something else stands in quotes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "api/rest/yaml.h"

static void assert_yaml(const char *json, const char *yaml)
{
    struct arena arena = {0};
    struct buf out = {0};
    struct json_doc doc;
    struct errmsg err;
    assert_int_equal(json_parse(&doc, str_of(json), &arena, &err), 0);
    yaml_append(&out, json_root(&doc));
    assert_string_equal(buf_text(&out), yaml);
    buf_fini(&out);
    arena_fini(&arena);
}

static void blocks_are_indented(void **state)
{
    (void)state;
    assert_yaml("{\"a\":{\"b\":1,\"c\":[true,null,-1.5e3]},\"d\":{},\"e\":[]}",
                "a:\n  b: 1\n  c:\n    - true\n    - null\n    - -1.5e3\n"
                "d: {}\ne: []\n");
    assert_yaml("[[1,2],{\"a\":{\"b\":[3]},\"c\":4}]",
                "- - 1\n  - 2\n- a:\n    b:\n      - 3\n  c: 4\n");
}

static void only_words_go_without_quotes(void **state)
{
    (void)state;
    assert_yaml("[\"word\",\"two-words_2\",\"\",\"no\",\"True\",\"~\",\"1\"]",
                "- word\n- two-words_2\n- \"\"\n- \"no\"\n- \"True\"\n"
                "- \"~\"\n- \"1\"\n");
    assert_yaml("{\"$ref\":\"#/a: b\",\"200\":\"x # y\",\"y\":\"a\\nb\"}",
                "\"$ref\": \"#/a: b\"\n\"200\": \"x # y\"\n\"y\": \"a\\nb\"\n");
}

static void a_scalar_is_a_document(void **state)
{
    (void)state;
    assert_yaml("\"x\"", "x\n");
    assert_yaml("12", "12\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_indented),
        cmocka_unit_test(only_words_go_without_quotes),
        cmocka_unit_test(a_scalar_is_a_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
