/* Resolvers to fields: all of them, each suiting its field, or a refusal. */
#include "unit/test.h"

#include <errno.h>

#include "api/graphql/bind.h"

static const char source[] =
    "type Query { things(n: Int = 3): [Thing] space: Space any: Any } "
    "type Space { name: String } type Thing implements Named { name: String } "
    "interface Named { name: String } union Any = Thing | Space "
    "type Subscription { tick: Thing } scalar Date";

static void resolve(struct gql_batch *batch)
{
    (void)batch;
}

static void put(struct gql_out *out, const void *object)
{
    json_put_text(&out->json, object);
}

static struct gql_source *subscribe(const struct gql_call *call,
                                    gql_event_fn on_event, void *arg,
                                    struct errmsg *err)
{
    (void)call, (void)on_event, (void)arg, (void)err;
    return NULL;
}

static const char *type_of(const void *object, void *context)
{
    (void)object, (void)context;
    return "Thing";
}

static int parse(const struct gql_value *in, struct gql_value *out,
                 struct arena *arena, struct errmsg *err)
{
    (void)in, (void)out, (void)arena, (void)err;
    return 0;
}

static const struct gql_binding all[] = {
    {.name = "Query.things", .resolve = resolve},
    {.name = "Query.space"},
    {.name = "Query.any", .resolve = resolve},
    {.name = "Space.name", .write = put},
    {.name = "Thing.name", .write = put},
    {.name = "Any", .type_of = type_of},
    {.name = "Date", .parse = parse},
    {.name = "Subscription.tick", .subscribe = subscribe},
    {0},
};

/* Binds the whole table without those whose name begins with `left_out`, and
 * one more. */
static const char *bind(const char *left_out, struct gql_binding more)
{
    static struct errmsg err;
    struct gql_binding table[COUNT(all)] = {0};
    struct gql_binding second[] = {more, {0}};
    const struct gql_binding *const tables[] = {table, second, NULL};
    size_t n = 0;
    for (size_t i = 0; all[i].name != NULL; i++)
        if (left_out == NULL || strcmp(all[i].name, left_out) != 0)
            table[n++] = all[i];
    struct gql_schema *schema =
        gql_schema_new(str_of(source), "bind.graphql", NULL, &err);
    assert_non_null(schema);
    errmsg_set(&err, 0, "bound");
    int rc = gql_bind(schema, tables, &err);
    assert_int_equal(rc, strcmp(err.text, "bound") == 0 ? 0 : -EINVAL);
    gql_schema_free(&schema);
    return err.text;
}

#define assert_bind(left_out, message, ...)                                  \
    assert_string_equal(bind((left_out), (struct gql_binding){__VA_ARGS__}), \
                        message)

static void a_whole_table_is_bound(void **state)
{
    (void)state;
    assert_bind(NULL, "bound", 0);
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    assert_bind("Space.name", "Space.name: a field without a resolver", 0);
    assert_bind("Query.space", "Query.space: a field without a resolver", 0);
    assert_bind("Any", "Any: an interface or union without `type_of`", 0);
    assert_bind("Date", "bound", 0);
}

static void what_is_too_much_is_named(void **state)
{
    (void)state;
    assert_bind(NULL, "Space.name: bound twice", .name = "Space.name",
                .write = put);
    assert_bind(NULL, "Any: bound twice", .name = "Any", .type_of = type_of);
    assert_bind(NULL, "Space.x: the schema has no such field",
                .name = "Space.x", .write = put);
    assert_bind(NULL, "Nothing.x: the schema has no such type",
                .name = "Nothing.x", .write = put);
    assert_bind(NULL, "__Type.name: the schema has no such field",
                .name = "__Type.name", .write = put);
    assert_bind(NULL, "Date.x: the schema has no such field", .name = "Date.x",
                .write = put);
}

static void what_does_not_suit_is_named(void **state)
{
    (void)state;
    assert_bind("Space.name", "Space.name: a leaf field needs `write`",
                .name = "Space.name", .resolve = resolve);
    assert_bind("Query.things",
                "Query.things: a field of objects has `resolve`, not `write`",
                .name = "Query.things", .write = put);
    assert_bind("Query.things", "Query.things: a list needs `resolve`",
                .name = "Query.things");
    assert_bind("Query.things",
                "Query.things: `subscribe` is for the fields of the "
                "subscription type",
                .name = "Query.things", .subscribe = subscribe);
    assert_bind("Subscription.tick",
                "Subscription.tick: a field of the subscription type needs "
                "`subscribe`",
                .name = "Subscription.tick", .resolve = resolve);
    assert_bind(NULL,
                "Named.name: only the fields of object types have resolvers",
                .name = "Named.name", .write = put);
    assert_bind("Any", "Any: an interface or union needs `type_of`",
                .name = "Any");
    assert_bind("Date", "Date: `type_of` is for interfaces and unions",
                .name = "Date", .type_of = type_of);
    assert_bind("Date", "Date: a type has no resolver", .name = "Date",
                .write = put);
    assert_bind(NULL,
                "Thing: only interfaces, unions and custom scalars are bound",
                .name = "Thing", .type_of = type_of);
    assert_bind("Space.name", "Space.name: `type_of` and `parse` are for types",
                .name = "Space.name", .write = put, .parse = parse);
}

static int parse_length(const struct gql_value *in, struct gql_value *out,
                        struct arena *arena, struct errmsg *err)
{
    (void)arena;
    if (in->kind != GQL_STRING)
        return errmsg_set(err, -EINVAL, "a string, please");
    out->kind = GQL_INT;
    out->i64 = (int64_t)in->text.len;
    return 0;
}

/* Binds a schema whose default is of a scalar of the API's own. What became of
 * it, or NULL with the refusal in *err. */
static const struct gql_value *
bound_default(struct gql_schema **schema, const char *text, struct errmsg *err)
{
    static const struct gql_binding table[] = {
        {.name = "Query.a", .write = put},
        {.name = "Long", .parse = parse_length},
        {0},
    };
    const struct gql_binding *const tables[] = {table, NULL};
    char sdl[200];
    snprintf(sdl, sizeof sdl,
             "type Query { a(in: In = {}): Int } scalar Long "
             "input In { l: [Long] = %s }",
             text);
    *schema = gql_schema_new(str_of(sdl), "t", NULL, err);
    assert_non_null(*schema);
    if (gql_bind(*schema, tables, err) < 0)
        return NULL;
    return (*schema)->query->fields[0].arguments[0].coerced;
}

static void defaults_go_through_the_scalars_own_hook(void **state)
{
    (void)state;
    struct gql_schema *schema;
    struct errmsg err;
    const struct gql_value *in = bound_default(&schema, "\"abc\"", &err);
    assert_non_null(in);
    assert_int_equal(gql_member(in, "l")->items->i64, 3);
    gql_schema_free(&schema);
    assert_null(bound_default(&schema, "5", &err));
    assert_contains(err.text, "l: its default value");
    gql_schema_free(&schema);
}

static void arguments_are_found_by_name(void **state)
{
    (void)state;
    static const struct gql_input inputs[] = {
        {.name = STR("i"), .index = 0}, {.name = STR("f"), .index = 1},
        {.name = STR("b"), .index = 2}, {.name = STR("s"), .index = 3},
        {.name = STR("n"), .index = 4}, {.name = STR("none"), .index = 5},
    };
    static const struct gql_field field = {.arguments = inputs,
                                           .argument_count = COUNT(inputs)};
    static const struct gql_value i = {.kind = GQL_INT, .i64 = 7},
                                  f = {.kind = GQL_FLOAT, .f64 = 1.5},
                                  b = {.kind = GQL_BOOLEAN, .boolean = true},
                                  s = {.kind = GQL_STRING, .text = STR("t")},
                                  n = {.kind = GQL_NULL};
    const struct gql_value *const values[] = {&i, &f, &b, &s, &n, NULL};
    struct gql_call call = {.field = &field, .arguments = values};
    assert_int_equal(gql_argument_i64(&call, "i", 1), 7);
    assert_int_equal(gql_argument_i64(&call, "n", 1), 1);
    assert_int_equal(gql_argument_i64(&call, "none", 2), 2);
    assert_true(gql_argument_f64(&call, "f", 0) == 1.5);
    assert_true(gql_argument_f64(&call, "i", 0) == 7);
    assert_true(gql_argument_bool(&call, "b", false));
    assert_true(gql_argument_bool(&call, "n", true));
    assert_str(gql_argument_str(&call, "s"), "t");
    assert_null(gql_argument_str(&call, "n").p);
    assert_ptr_equal(gql_argument(&call, "n"), &n);
    assert_null(gql_argument(&call, "other"));
}

static void members_are_found_by_name(void **state)
{
    (void)state;
    struct gql_value one = {.kind = GQL_INT, .i64 = 1};
    struct gql_object_field field = {.name = STR("a"), .value = &one};
    struct gql_value object = {.kind = GQL_OBJECT, .fields = &field};
    assert_ptr_equal(gql_member(&object, "a"), &one);
    assert_null(gql_member(&object, "b"));
    assert_null(gql_member(&one, "a"));
    assert_null(gql_member(NULL, "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_table_is_bound),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(what_is_too_much_is_named),
        cmocka_unit_test(what_does_not_suit_is_named),
        cmocka_unit_test(defaults_go_through_the_scalars_own_hook),
        cmocka_unit_test(arguments_are_found_by_name),
        cmocka_unit_test(members_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
