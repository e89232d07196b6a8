/* Execution: batches, null propagation, errors, mutations, limits. What the
 * responses are compared with was written down from graphql-js's. */
#include "unit/api/graphql/world.h"

#include "api/graphql/cache.h"
#include "unit/test.h"

static struct world *w;

static int setup(void **state)
{
    (void)state;
    w = world_new(NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_free(&w);
    return 0;
}

static void expect(const char *query, const char *response)
{
    assert_string_equal(world_run(w, query, NULL), response);
}

static void expect_with(const char *query, const char *variables,
                        const char *response)
{
    assert_string_equal(world_run(w, query, variables), response);
}

/* ---- what is asked for, in which order ---- */

static void fields_come_in_the_order_asked(void **state)
{
    (void)state;
    expect("{hosts{name id}}",
           "{\"data\":{\"hosts\":[{\"name\":\"a\",\"id\":\"1\"},"
           "{\"name\":\"b\",\"id\":\"2\"},{\"name\":\"c\",\"id\":\"3\"}]}}");
}

static void aliases_typename_and_an_empty_selection(void **state)
{
    (void)state;
    expect("{x:__typename host{__typename n:name}}",
           "{\"data\":{\"x\":\"Query\",\"host\":{\"__typename\":\"Host\","
           "\"n\":\"a\"}}}");
    expect("{host @skip(if:true){name}}", "{\"data\":{}}");
    expect("{host{name @include(if:false)}}", "{\"data\":{\"host\":{}}}");
}

static void selections_of_one_name_are_merged(void **state)
{
    (void)state;
    expect("{host{name} __typename host{id ...F}} fragment F on Host{name id}",
           "{\"data\":{\"host\":{\"name\":\"a\",\"id\":\"1\"},"
           "\"__typename\":\"Query\"}}");
    assert_int_equal(w->host_batches, 1);
}

static void long_names_are_whole(void **state)
{
    (void)state;
    expect("{a_name_that_is_longer_than_what_is_copied_in_one_piece:__typename "
           "host{another_name_that_is_longer_than_one_piece_is:name}}",
           "{\"data\":{\"a_name_that_is_longer_than_what_is_copied_in_one_"
           "piece\":\"Query\",\"host\":{\"another_name_that_is_longer_than_one_"
           "piece_is\":\"a\"}}}");
}

static void types_are_told_apart(void **state)
{
    (void)state;
    expect("{nodes{__typename id ...on Host{name} ...on Gpu{load}}}",
           "{\"data\":{\"nodes\":["
           "{\"__typename\":\"Host\",\"id\":\"1\",\"name\":\"a\"},"
           "{\"__typename\":\"Gpu\",\"id\":\"10\",\"load\":0.5},"
           "null,"
           "{\"__typename\":\"Host\",\"id\":\"2\",\"name\":\"b\"}]}}");
}

static void lists_of_lists(void **state)
{
    (void)state;
    expect("{matrix{name}}",
           "{\"data\":{\"matrix\":[[{\"name\":\"a\"},null],null,[],"
           "[{\"name\":\"b\"},{\"name\":\"c\"}]]}}");
}

/* ---- batches ---- */

static void a_level_costs_one_batch(void **state)
{
    (void)state;
    expect("{hosts{gpus{id host{name}}}}",
           "{\"data\":{\"hosts\":["
           "{\"gpus\":[{\"id\":\"10\",\"host\":{\"name\":\"a\"}},"
           "{\"id\":\"11\",\"host\":{\"name\":\"a\"}}]},"
           "{\"gpus\":[{\"id\":\"20\",\"host\":{\"name\":\"b\"}},"
           "{\"id\":\"21\",\"host\":{\"name\":\"b\"}}]},"
           "{\"gpus\":[{\"id\":\"30\",\"host\":{\"name\":\"c\"}},"
           "{\"id\":\"31\",\"host\":{\"name\":\"c\"}}]}]}}");
    assert_int_equal(w->gpus_batches, 1);
    assert_int_equal(w->gpus_parents, 3);
    assert_int_equal(w->owner_batches, 1);
    assert_int_equal(w->owner_parents, 6);
}

static void batches_finish_in_any_order(void **state)
{
    (void)state;
    const char *query = "{a:later(n:1){name} b:later(n:2){name later{id}}}";
    const char *response = "{\"data\":{\"a\":{\"name\":\"a\"},"
                           "\"b\":{\"name\":\"b\",\"later\":{\"id\":\"2\"}}}}";
    assert_non_null(world_start(w, query, NULL));
    assert_int_equal(w->waiting, 2);
    world_finish(w, 1);
    assert_null(w->response);
    world_finish(w, 0);
    assert_null(w->response);
    assert_int_equal(w->waiting, 1); /* b's own */
    world_finish(w, 0);
    assert_string_equal(w->response, response);
    assert_non_null(world_start(w, query, NULL));
    world_finish(w, 0);
    world_finish(w, 0);
    world_finish(w, 0);
    assert_string_equal(w->response, response);
}

static void one_plan_runs_twice_at_a_time(void **state)
{
    (void)state;
    world_start(w, "{later(n:1){name}}", NULL);
    world_start(w, "{later(n:1){name}}", NULL);
    world_finish(w, 1);
    assert_string_equal(w->response, "{\"data\":{\"later\":{\"name\":\"a\"}}}");
    world_forget(w);
    world_finish(w, 0);
    assert_string_equal(w->response, "{\"data\":{\"later\":{\"name\":\"a\"}}}");
}

static void what_is_cancelled_is_never_answered(void **state)
{
    (void)state;
    struct gql_execution *x = world_start(w, "{later(n:1){later{id}}}", NULL);
    gql_execution_cancel(x);
    world_finish(w, 0);
    assert_int_equal(w->waiting, 0);
    assert_null(w->response);
}

static void what_takes_too_long_is_ended(void **state)
{
    (void)state;
    struct gql_execution *x = world_start(w, "{later(n:1){id}}", NULL);
    gql_execution_expire(x);
    assert_string_equal(w->response,
                        "{\"errors\":[{\"message\":\"The execution took longer "
                        "than the limit allows.\",\"extensions\":{\"code\":"
                        "\"LIMIT_EXCEEDED\"}}],\"data\":null}");
    world_forget(w);
    world_finish(w, 0);
    assert_null(w->response);
}

static void a_namespace_gives_its_parent_on(void **state)
{
    (void)state;
    expect("{host{self{name self{id}}} empty{__typename}}",
           "{\"data\":{\"host\":{\"self\":{\"name\":\"a\",\"self\":{\"id\":"
           "\"1\"}}},\"empty\":{\"__typename\":\"Query\"}}}");
}

static void a_leaf_may_have_a_resolver(void **state)
{
    (void)state;
    expect("{tags hosts{tag}}",
           "{\"data\":{\"tags\":[\"x\",null,\"z\"],\"hosts\":[{\"tag\":\"a\"},"
           "{\"tag\":\"b\"},{\"tag\":null}]}}");
}

static void a_resolver_knows_what_is_selected(void **state)
{
    (void)state;
    world_run(w, "{selecting{name}}", NULL);
    assert_true(w->selected_name && !w->selected_id);
    world_run(w, "{selecting{...F}} fragment F on Host{x:id}", NULL);
    assert_true(!w->selected_name && w->selected_id);
}

/* ---- errors and null ---- */

#define ERROR_AT(message, line, column, path, code)             \
    "{\"errors\":[{\"message\":\"" message                      \
    "\",\"locations\":[{\"line\":" #line ",\"column\":" #column \
    "}],\"path\":" path ",\"extensions\":{\"code\":\"" code "\"}}],\"data\":"

static void an_error_leaves_null_at_its_field(void **state)
{
    (void)state;
    expect(
        "{host{name boom id}}",
        ERROR_AT(
            "bang", 1, 12, "[\"host\",\"boom\"]",
            "BANG") "{\"host\":{\"name\":\"a\",\"boom\":null,\"id\":\"1\"}}}");
    expect(
        "{x:failing{name} __typename}",
        ERROR_AT(
            "no", 1, 2, "[\"x\"]",
            "INTERNAL_SERVER_ERROR") "{\"x\":null,\"__typename\":\"Query\"}}");
}

static void null_climbs_to_what_may_be_null(void **state)
{
    (void)state;
    expect("{host{name must}}",
           ERROR_AT("Cannot return null for non-nullable field Host.must.", 1,
                    12, "[\"host\",\"must\"]",
                    "INTERNAL_SERVER_ERROR") "{\"host\":null}}");
    expect("{must}",
           ERROR_AT("Cannot return null for non-nullable field "
                    "Query.must.",
                    1, 2, "[\"must\"]", "INTERNAL_SERVER_ERROR") "null}");
}

static void null_stops_at_an_item(void **state)
{
    (void)state;
    expect("{nodes{...on Host{id mustB}}}",
           ERROR_AT("Cannot return null for non-nullable field Host.mustB.", 1,
                    22, "[\"nodes\",3,\"mustB\"]",
                    "INTERNAL_SERVER_ERROR") "{\"nodes\":[{\"id\":\"1\","
                                             "\"mustB\":1},{},null,null]}}");
}

static void null_goes_through_items_that_must_be(void **state)
{
    (void)state;
    /* hosts: [Host!]!, so all of the data; what follows is not looked at. */
    expect("{hosts{id mustB} host{boom}}",
           ERROR_AT("Cannot return null for non-nullable field Host.mustB.", 1,
                    11, "[\"hosts\",1,\"mustB\"]",
                    "INTERNAL_SERVER_ERROR") "null}");
}

static void items_may_be_errors(void **state)
{
    (void)state;
    expect("{broken{id}}",
           ERROR_AT("second", 1, 2, "[\"broken\",1]",
                    "INTERNAL_SERVER_ERROR") "{\"broken\":[{\"id\":\"1\"},null,"
                                             "{\"id\":\"2\"}]}}");
}

static void an_error_names_all_merged_fields(void **state)
{
    (void)state;
    expect("{failing{name} failing{id}}",
           "{\"errors\":[{\"message\":\"no\",\"locations\":[{\"line\":1,"
           "\"column\":2},{\"line\":1,\"column\":16}],\"path\":[\"failing\"],"
           "\"extensions\":{\"code\":\"INTERNAL_SERVER_ERROR\"}}],"
           "\"data\":{\"failing\":null}}");
}

static void a_type_that_is_not_known_is_an_error(void **state)
{
    (void)state;
    expect("{stranger{id}}",
           ERROR_AT("Abstract type \\\"Node\\\" was resolved to a type "
                    "\\\"Nobody\\\" that does not exist inside the schema.",
                    1, 2, "[\"stranger\"]",
                    "INTERNAL_SERVER_ERROR") "{\"stranger\":null}}");
}

/* ---- input ---- */

static void arguments_are_coerced(void **state)
{
    (void)state;
    expect("{echo}", "{\"data\":{\"echo\":\"{n: 7}\"}}");
    expect("{echo(n:null)}", "{\"data\":{\"echo\":\"{n: null}\"}}");
    expect("{echo(n:3,list:4,in:{a:1})}",
           "{\"data\":{\"echo\":\"{n: 3, list: [4], in: {a: 1, b: \\\"x\\\"}}"
           "\"}}");
    expect_with("query($n:Int!){echo(n:$n,list:[1,$n],in:{a:$n})}", "{\"n\":5}",
                "{\"data\":{\"echo\":\"{n: 5, list: [1, 5], in: {a: 5, b: "
                "\\\"x\\\"}}\"}}");
    expect_with("query($n:Int){echo(n:$n,list:[1,$n])}", "{}",
                "{\"data\":{\"echo\":\"{n: 7, list: [1, null]}\"}}");
}

static void refuse_with(const char *variables, const char *message)
{
    const char *response =
        world_run(w, "query($w:Word){echo(word:$w)}", variables);
    if (strstr(response, message) == NULL)
        fail_msg("%s\nis not in\n%s", message, response);
}

static void messages_quote_a_nul(void **state)
{
    (void)state;
    refuse_with("{\"w\":{\"a\":1,\"x\\u0000y\":2}}",
                "got invalid value { a: 1, x\\u0000y: 2 }; Field "
                "\\\"x\\u0000y\\\" is not defined by type");
    refuse_with("{\"w\":{\"letter\":\"x\\u0000y\"}}",
                "Value \\\"x\\u0000y\\\" does not exist in \\\"Letter\\\" "
                "enum.");
    refuse_with("{\"w\":{\"letter\":\"BE\"}}",
                "Did you mean the enum value \\\"B\\\"?");
}

static void variables_are_refused_with_their_place(void **state)
{
    (void)state;
    expect_with("query($n:Int!){echo(n:$n)}", "{}",
                "{\"errors\":[{\"message\":\"Variable \\\"$n\\\" of required "
                "type \\\"Int!\\\" was not provided.\",\"locations\":[{"
                "\"line\":1,\"column\":7}],\"extensions\":{\"code\":"
                "\"BAD_USER_INPUT\"}}]}");
    expect_with("query($i:In){echo(in:$i)}", "{\"i\":{\"a\":\"x\",\"c\":1}}",
                "{\"errors\":[{\"message\":\"Variable \\\"$i\\\" got invalid "
                "value \\\"x\\\" at \\\"i.a\\\"; Int cannot represent "
                "non-integer value: \\\"x\\\"\",\"locations\":[{\"line\":1,"
                "\"column\":7}],\"extensions\":{\"code\":\"BAD_USER_INPUT\"}},"
                "{\"message\":\"Variable \\\"$i\\\" got invalid value { a: "
                "\\\"x\\\", c: 1 }; Field \\\"c\\\" is not defined by type "
                "\\\"In\\\". Did you mean \\\"a\\\" or "
                "\\\"b\\\"?\",\"locations\":[{\"line\":1,\"column\":7}],"
                "\"extensions\":{\"code\":\"BAD_USER_INPUT\"}}]}");
}

static void a_null_condition_is_an_error(void **state)
{
    (void)state;
    expect_with(
        "query($x:Boolean=true){host{name @skip(if:$x)}}", "{\"x\":null}",
        ERROR_AT("Argument \\\"if\\\" of non-null type \\\"Boolean!"
                 "\\\" must not be null.",
                 1, 43, "[\"host\"]", "BAD_USER_INPUT") "{\"host\":null}}");
}

static void an_operation_is_picked_by_name(void **state)
{
    (void)state;
    static const char two[] = "query A{a:__typename} query B{b:__typename}";
    w->operation = "B";
    expect(two, "{\"data\":{\"b\":\"Query\"}}");
    w->operation = "C";
    expect(two, "{\"errors\":[{\"message\":\"Unknown operation named \\\"C\\\"."
                "\",\"extensions\":{\"code\":\"OPERATION_RESOLUTION_FAILURE\"}}"
                "]}");
    w->operation = NULL;
    expect(two, "{\"errors\":[{\"message\":\"Must provide operation name if "
                "query contains multiple operations.\",\"extensions\":{"
                "\"code\":\"OPERATION_RESOLUTION_FAILURE\"}}]}");
}

/* ---- mutations ---- */

static void mutations_run_one_after_the_other(void **state)
{
    (void)state;
    world_start(w, "mutation{a:add(n:1){value} b:add(n:2){value}}", NULL);
    assert_int_equal(w->waiting, 1);
    world_finish(w, 0);
    assert_int_equal(w->waiting, 1);
    world_finish(w, 0);
    /* Each saw the world as the one before it had left it, and was printed
     * before the next began. */
    assert_string_equal(w->response, "{\"data\":{\"a\":{\"value\":1},"
                                     "\"b\":{\"value\":3}}}");
}

static void a_mutation_that_must_not_fail_ends_all(void **state)
{
    (void)state;
    expect("mutation{must add(n:1){value}}",
           ERROR_AT("Cannot return null for non-nullable field Mutation.must.",
                    1, 10, "[\"must\"]", "INTERNAL_SERVER_ERROR") "null}");
    assert_int_equal(w->waiting, 0);
}

/* ---- limits ---- */

static void a_response_has_its_limit(void **state)
{
    (void)state;
    struct gql_limits limits = gql_limits_default;
    limits.response = 60;
    world_free(&w);
    w = world_new(&limits);
    expect("{host{name}}", "{\"data\":{\"host\":{\"name\":\"a\"}}}");
    expect("{hosts{name id x:name y:id}}",
           "{\"errors\":[{\"message\":\"The response is larger than the limit "
           "allows.\",\"extensions\":{\"code\":\"LIMIT_EXCEEDED\"}}],"
           "\"data\":null}");
}

static void memory_has_its_limit(void **state)
{
    (void)state;
    struct gql_limits limits = gql_limits_default;
    struct buf query = {0};
    buf_append_text(&query, "{...F0}");
    for (int i = 0; i < 12; i++)
        buf_printf(&query,
                   "fragment F%d on Query {a:empty{...F%d} b:empty{...F%d}}", i,
                   i + 1, i + 1);
    buf_append_text(&query, "fragment F12 on Query {__typename}");
    limits.memory = 256 * 1024;
    world_free(&w);
    w = world_new(&limits);
    expect("{hosts{gpus{id}}}",
           "{\"data\":{\"hosts\":[{\"gpus\":[{\"id\":\"10\"},{\"id\":\"11\"}]},"
           "{\"gpus\":[{\"id\":\"20\"},{\"id\":\"21\"}]},{\"gpus\":[{\"id\":"
           "\"30\"},{\"id\":\"31\"}]}]}}");
    expect(buf_text(&query),
           "{\"errors\":[{\"message\":\"The execution needs more memory than "
           "the limit allows.\",\"extensions\":{\"code\":\"LIMIT_EXCEEDED\"}}],"
           "\"data\":null}");
    buf_fini(&query);
}

static void errors_have_their_limit(void **state)
{
    (void)state;
    struct gql_limits limits = gql_limits_default;
    limits.errors = 2;
    world_free(&w);
    w = world_new(&limits);
    const char *response = world_run(w, "{hosts{boom}}", NULL);
    assert_non_null(strstr(response, "Too many errors"));
    assert_non_null(strstr(response, "\"boom\":null},{\"boom\":null}"));
}

static void cost_has_its_limit(void **state)
{
    (void)state;
    struct gql_limits limits = gql_limits_default;
    limits.cost = 3;
    world_free(&w);
    w = world_new(&limits);
    expect("{host{name}}", "{\"data\":{\"host\":{\"name\":\"a\"}}}");
    assert_non_null(
        strstr(world_run(w, "{host{name id a:id b:id c:id}}", NULL), "cost"));
}

/* ---- subscriptions ---- */

static void an_event_is_the_roots_object(void **state)
{
    (void)state;
    struct gql_plan *plan =
        world_plan(w, "subscription{renamed(n:4){name}}", NULL);
    assert_int_equal(gql_plan_type(plan), GQL_SUBSCRIPTION);
    struct gql_errors errors = world_errors(w);
    struct gql_source *source = gql_subscribe(plan, w, world_event, w, &errors);
    assert_non_null(source);
    assert_int_equal(w->subscribed_to, 4);
    world_emit(w, 1);
    assert_int_equal(w->events, 1);
    gql_execute(plan, w->event, w, world_answer, w);
    assert_string_equal(w->response, "{\"data\":{\"renamed\":{\"name\":"
                                     "\"b\"}}}");
    source->stop(source);
    gql_plan_free(&plan);
}

static void a_source_may_refuse(void **state)
{
    (void)state;
    struct gql_plan *plan =
        world_plan(w, "subscription{r:renamed(n:-1){name}}", NULL);
    struct gql_errors errors = world_errors(w);
    assert_null(gql_subscribe(plan, w, world_event, w, &errors));
    assert_string_equal(world_response_errors(w, &errors),
                        "{\"errors\":[{\"message\":\"no such host\","
                        "\"locations\":[{\"line\":1,\"column\":14}],\"path\":["
                        "\"r\"],\"extensions\":{\"code\":"
                        "\"INTERNAL_SERVER_ERROR\"}}]}");
    gql_plan_free(&plan);
}

/* ---- introspection ---- */

static void introspection_sees_types_and_wrappers(void **state)
{
    (void)state;
    expect("{__type(name:\"Query\"){kind name fields{name} } "
           "n:__type(name:\"Nope\"){name}}",
           "{\"data\":{\"__type\":{\"kind\":\"OBJECT\",\"name\":\"Query\","
           "\"fields\":[{\"name\":\"hosts\"},{\"name\":\"host\"},{\"name\":"
           "\"nodes\"},{\"name\":\"matrix\"},{\"name\":\"later\"},{\"name\":"
           "\"failing\"},{\"name\":\"broken\"},{\"name\":\"stranger\"},"
           "{\"name\":\"selecting\"},{\"name\":\"tags\"},{\"name\":\"empty\"},"
           "{\"name\":\"must\"},{\"name\":\"echo\"}]},\"n\":null}}");
    expect("{__type(name:\"In\"){kind inputFields{name defaultValue "
           "type{kind name ofType{kind name}}}}}",
           "{\"data\":{\"__type\":{\"kind\":\"INPUT_OBJECT\","
           "\"inputFields\":[{\"name\":\"a\",\"defaultValue\":null,"
           "\"type\":{\"kind\":\"NON_NULL\",\"name\":null,\"ofType\":{"
           "\"kind\":\"SCALAR\",\"name\":\"Int\"}}},{\"name\":\"b\","
           "\"defaultValue\":\"\\\"x\\\"\",\"type\":{\"kind\":\"SCALAR\","
           "\"name\":\"String\",\"ofType\":null}}]}}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fields_come_in_the_order_asked, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(aliases_typename_and_an_empty_selection,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(selections_of_one_name_are_merged,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(long_names_are_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(types_are_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(lists_of_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(a_level_costs_one_batch, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(batches_finish_in_any_order, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_plan_runs_twice_at_a_time, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_cancelled_is_never_answered,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_takes_too_long_is_ended, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_namespace_gives_its_parent_on, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_leaf_may_have_a_resolver, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_resolver_knows_what_is_selected,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(an_error_leaves_null_at_its_field,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(null_climbs_to_what_may_be_null, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(null_stops_at_an_item, setup, teardown),
        cmocka_unit_test_setup_teardown(null_goes_through_items_that_must_be,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(items_may_be_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(an_error_names_all_merged_fields, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_type_that_is_not_known_is_an_error,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(arguments_are_coerced, setup, teardown),
        cmocka_unit_test_setup_teardown(messages_quote_a_nul, setup, teardown),
        cmocka_unit_test_setup_teardown(variables_are_refused_with_their_place,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_null_condition_is_an_error, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_operation_is_picked_by_name, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(mutations_run_one_after_the_other,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_mutation_that_must_not_fail_ends_all,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_response_has_its_limit, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(memory_has_its_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_have_their_limit, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(cost_has_its_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(an_event_is_the_roots_object, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_source_may_refuse, setup, teardown),
        cmocka_unit_test_setup_teardown(introspection_sees_types_and_wrappers,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
