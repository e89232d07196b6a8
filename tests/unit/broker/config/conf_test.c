/* conf: the configuration language. */
#include "tests/unit/test.h"

#include <sys/stat.h>

#include "broker/config/conf.h"

static struct arena arena;
static struct errmsg err;

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static const struct conf_value *read_conf(const char *text)
{
    struct conf_value *root = conf_parse(str_of(text), "x.conf", &arena, &err);
    if (root == NULL)
        fail_msg("%s", err.text);
    return root;
}

static const struct conf_value *member(const struct conf_value *map,
                                       const char *key)
{
    for (const struct conf_value *v = map->first; v != NULL; v = v->next) {
        if (strcmp(v->key, key) == 0)
            return v;
    }
    fail_msg("no key %s", key);
    return NULL;
}

/* The text that the key "a" has. */
static const char *text_of(const char *conf)
{
    return member(read_conf(conf), "a")->text;
}

static int64_t number_of(const char *conf)
{
    const struct conf_value *value = member(read_conf(conf), "a");
    assert_int_equal(value->type, CONF_INT);
    return value->integer;
}

static void assert_refused(const char *conf, const char *message)
{
    struct conf_value *root = conf_parse(str_of(conf), "x.conf", &arena, &err);
    assert_null(root);
    assert_string_equal(err.text, message);
}

static void keys_and_separators(void **state)
{
    (void)state;
    assert_string_equal(text_of("a: b"), "b");
    assert_string_equal(text_of("a = b"), "b");
    assert_string_equal(text_of("a b"), "b");
    assert_string_equal(text_of("a=b"), "b");
    assert_string_equal(text_of("\"a\": b"), "b");
    assert_string_equal(text_of("'a' b;"), "b");
    assert_string_equal(text_of("x: 1, a: b"), "b");
    assert_string_equal(text_of("{\"x\": 1, \"a\": \"b\"}"), "b");
    assert_string_equal(text_of("\r\n\ta\t=\tb\r\n"), "b");
}

static void comments(void **state)
{
    (void)state;
    assert_string_equal(text_of("# one\n// two\na: b # three\n"), "b");
    assert_string_equal(text_of("a: nats://h:1 // x"), "nats://h:1");
    const struct conf_value *list =
        member(read_conf("a: [ # first\n 1 # 1\n // none\n 2, ] # end"), "a");
    assert_int_equal(list->first->integer, 1);
    assert_int_equal(list->last->integer, 2);
}

static void texts(void **state)
{
    (void)state;
    assert_string_equal(text_of("a: \"x y\""), "x y");
    assert_string_equal(text_of("a: \"\\t\\n\\r\\\"\\\\\\x41\""),
                        "\t\n\r\"\\A");
    assert_string_equal(text_of("a: 'x \\n $Y'"), "x \\n $Y");
    assert_string_equal(text_of("a: foo.*.>"), "foo.*.>");
    assert_string_equal(text_of("a: 127.0.0.1:4222"), "127.0.0.1:4222");
    assert_string_equal(text_of("a (\n one\n  )two\n)\n"), "\n one\n  )two\n");
    assert_string_equal(text_of("a: $2a$11$abc/def."), "$2a$11$abc/def.");
}

static void numbers(void **state)
{
    (void)state;
    assert_int_equal(number_of("a: 42"), 42);
    assert_int_equal(number_of("a: -42"), -42);
    assert_int_equal(number_of("a: 2k"), 2000);
    assert_int_equal(number_of("a: 2kb"), 2048);
    assert_int_equal(number_of("a: 2Ki"), 2048);
    assert_int_equal(number_of("a: 3KiB"), 3072);
    assert_int_equal(number_of("a: 1m"), 1000000);
    assert_int_equal(number_of("a: 1MB"), 1 << 20);
    assert_int_equal(number_of("a: 1g"), 1000000000);
    assert_int_equal(number_of("a: 1GiB"), 1 << 30);
    assert_int_equal(number_of("a: 1t"), INT64_C(1000000000000));
    static const char *const none[] = {"a: 2x",   "a: 2kk", "a: 99999999999g",
                                       "a: 12ab", "a: -",   "a: 1.2.3"};
    for (size_t i = 0; i < COUNT(none); i++)
        assert_int_equal(member(read_conf(none[i]), "a")->type, CONF_TEXT);
    assert_int_equal(member(read_conf("a: 0.5"), "a")->type, CONF_FLOAT);
    assert_true(member(read_conf("a: 0.5"), "a")->real == 0.5);
}

static void booleans(void **state)
{
    (void)state;
    static const char *const yes[] = {"a: true", "a: yes", "a: ON"};
    static const char *const no[] = {"a: false", "a: no", "a: Off"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(member(read_conf(yes[i]), "a")->type, CONF_BOOL);
        assert_true(member(read_conf(yes[i]), "a")->boolean);
        assert_int_equal(member(read_conf(no[i]), "a")->type, CONF_BOOL);
        assert_false(member(read_conf(no[i]), "a")->boolean);
    }
    assert_int_equal(member(read_conf("a: 'true'"), "a")->type, CONF_TEXT);
}

static void blocks_within_blocks(void **state)
{
    (void)state;
    const struct conf_value *root = read_conf("x {\n  y = { z: [ {k: 1}, \n"
                                              " {k: 2} ] }\n  w\n  {\n }\n}\n");
    const struct conf_value *x = member(root, "x");
    assert_int_equal(x->type, CONF_MAP);
    assert_int_equal(x->line, 1);
    const struct conf_value *z = member(member(x, "y"), "z");
    assert_int_equal(z->type, CONF_ARRAY);
    assert_int_equal(member(z->first, "k")->integer, 1);
    assert_int_equal(member(z->last, "k")->line, 3);
    assert_int_equal(member(z->last, "k")->column, 3);
    assert_null(member(x, "w")->first);
}

static void the_later_of_two_counts(void **state)
{
    (void)state;
    const struct conf_value *root = read_conf("a: 1\nb: 2\na: 3");
    assert_int_equal(member(root, "a")->integer, 3);
    assert_string_equal(root->first->next->key, "b");
    assert_null(root->first->next->next);
}

static void variables(void **state)
{
    (void)state;
    setenv("NEXUS_TEST_WORD", "7kb", 1);
    setenv("NEXUS_TEST_LIST", "[1, 2]", 1);
    assert_int_equal(number_of("N: 5\na: $N"), 5);
    assert_int_equal(number_of("a: $NEXUS_TEST_WORD"), 7 * 1024);
    assert_int_equal(
        member(read_conf("a: $NEXUS_TEST_LIST"), "a")->last->integer, 2);
    const struct conf_value *root =
        read_conf("N: 5\nM: 6\nx { N: 7, y { a: $N, b: $M } }");
    const struct conf_value *y = member(member(root, "x"), "y");
    assert_int_equal(member(y, "a")->integer, 7);
    assert_int_equal(member(y, "b")->integer, 6);
    assert_true(member(root, "M")->used);
    assert_false(member(root, "N")->used);
    assert_refused("\na: $NEXUS_TEST_NONE",
                   "x.conf:2:1: the variable NEXUS_TEST_NONE is neither a key "
                   "further up nor in the environment");
    assert_refused("a: $b\nb: 1", "x.conf:1:1: the variable b is neither a key "
                                  "further up nor in the environment");
    setenv("NEXUS_TEST_SELF", "$NEXUS_TEST_SELF", 1);
    assert_refused("a: $NEXUS_TEST_SELF",
                   "$NEXUS_TEST_SELF:1:17: the variable NEXUS_TEST_SELF stands "
                   "for itself");
    setenv("NEXUS_TEST_TWO", "1 2", 1);
    assert_refused("a: $NEXUS_TEST_TWO", "$NEXUS_TEST_TWO:1:3: expected one "
                                         "value, but there is more");
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"a", "x.conf:1:2: expected a value"},
        {"a:\nb: 1", "x.conf:1:3: expected a value"},
        {"a b c", "x.conf:1:5: expected the end of the line behind the value"},
        {"x {\n a: 1 b: 2 }", "x.conf:2:7: expected the end of the line behind "
                              "the value, a comma or }"},
        {"x {\n a: 1\n", "x.conf:3:1: the block that begins in line 1 does not "
                         "end"},
        {"x [\n 1\n", "x.conf:3:1: the list that begins in line 1 does not "
                      "end"},
        {"a: [1 2]", "x.conf:1:7: expected a comma, a new line or ] in the "
                     "list"},
        {"a: \"b", "x.conf:1:6: the text that begins with \" does not end"},
        {"a: 'b\n'", "x.conf:1:6: the text that begins with ' does not end"},
        {"a: \"\\q\"", "x.conf:1:6: unknown escape: expected \\t \\n \\r \\\" "
                       "\\\\ or \\x"},
        {"a: \"\\x00\"", "x.conf:1:7: \\x needs two hexadecimal digits, not "
                         "00"},
        {"}", "x.conf:1:1: expected a name"},
        {"{ a: 1 } b", "x.conf:1:10: expected nothing behind the last }"},
        {"a (\nx", "x.conf:2:2: the block that begins with ( in line 1 does "
                   "not end with a ) alone in a line"},
        {"include other.conf",
         "x.conf:1:19: include is understood only in files"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_refused(wrong[i][0], wrong[i][1]);
}

static void depth_has_a_limit(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_append_text(&text, "a: ");
    for (int i = 0; i < CONF_DEPTH_MAX; i++)
        buf_append_byte(&text, '[');
    for (int i = 0; i < CONF_DEPTH_MAX; i++)
        buf_append_byte(&text, ']');
    read_conf(buf_text(&text));
    buf_reset(&text);
    buf_append_text(&text, "a: ");
    for (int i = 0; i < 100000; i++)
        buf_append_byte(&text, '[');
    assert_refused(buf_text(&text), "x.conf:1:36: blocks and lists stand more "
                                    "than 32 deep");
    buf_fini(&text);
}

/* ---- files ---- */

static char folder[] = "/tmp/nexus-conf-test.XXXXXX";

static const char *path_to(const char *name)
{
    return arena_printf(&arena, "%s/%s", folder, name);
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(path_to(name), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void files_include_others(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(mkdir(path_to("sub"), 0700), 0);
    write_file("main.conf", "N: 1\ninclude sub/a.conf\nx { include "
                            "\"sub/b.conf\" }\n");
    write_file("sub/a.conf", "a: $N\ninclude ./b.conf # beside this one\n");
    write_file("sub/b.conf", "b: 2\nbad: [\n");
    struct conf_value *root = conf_load(path_to("main.conf"), &arena, &err);
    assert_null(root);
    assert_string_equal(err.text,
                        arena_printf(&arena,
                                     "%s/sub/./b.conf:3:1: the list that "
                                     "begins in line 2 does not end",
                                     folder));
    write_file("sub/b.conf", "b: 2\n");
    root = conf_load(path_to("main.conf"), &arena, &err);
    assert_non_null(root);
    assert_int_equal(member(root, "a")->integer, 1);
    assert_int_equal(member(root, "b")->integer, 2);
    assert_int_equal(member(member(root, "x"), "b")->line, 1);
}

static void files_that_cannot_be_read(void **state)
{
    (void)state;
    assert_null(conf_load(path_to("none.conf"), &arena, &err));
    assert_contains(err.text, "No such file");
    assert_null(conf_load(folder, &arena, &err));
    assert_contains(err.text, "Invalid argument");
    write_file("self.conf", "include self.conf\n");
    assert_null(conf_load(path_to("self.conf"), &arena, &err));
    assert_contains(err.text, "include each other more than 8 deep");
    write_file("self.conf", "a: 1\ninclude none.conf\n");
    assert_null(conf_load(path_to("self.conf"), &arena, &err));
    assert_contains(err.text, "self.conf:2:18: cannot read");
    char command[128];
    snprintf(command, sizeof(command), "rm -r '%s'", folder);
    assert_int_equal(system(command), 0);
}

static void a_nul_byte_is_refused(void **state)
{
    (void)state;
    assert_null(conf_parse(str_make("a: b\0c", 6), "x", &arena, &err));
    assert_contains(err.text, "NUL byte");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_and_separators),
        cmocka_unit_test(comments),
        cmocka_unit_test(texts),
        cmocka_unit_test(numbers),
        cmocka_unit_test(booleans),
        cmocka_unit_test(blocks_within_blocks),
        cmocka_unit_test(the_later_of_two_counts),
        cmocka_unit_test(variables),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(files_include_others),
        cmocka_unit_test(files_that_cannot_be_read),
        cmocka_unit_test(a_nul_byte_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
