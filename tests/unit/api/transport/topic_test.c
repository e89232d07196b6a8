/* Topics: one execution an event for all who follow, in order, bounded. */
#include "tests/unit/test.h"

#include "api/graphql/transport/service_private.h"
#include "api/graphql/transport/topic.h"
#include "lib/mem.h"

/* ---- an API whose only field follows a source of numbers ---- */

static const char sdl[] =
    "type Query { a: Int }\n"
    "type Subscription { tick(from: Int, to: Int, now: Boolean): "
    "Tick }\n"
    "type Tick { n: Int! slow: Slow }\n"
    "type Slow { n: Int! }\n";

static struct source {
    struct gql_source source;
    gql_event_fn on_event;
    void *arg;
    int started, stopped, executed;
    struct gql_batch *held[GRAPHQL_PENDING_MAX + 8]; /* batches of `slow` */
    size_t held_count;
} source;

static void source_stop(struct gql_source *s)
{
    (void)s;
    source.stopped++;
}

static void emit(intptr_t n, uint64_t key)
{
    source.on_event((const void *)n, key, source.arg);
}

static struct gql_source *tick_subscribe(const struct gql_call *call,
                                         gql_event_fn on_event, void *arg,
                                         struct errmsg *err)
{
    if (gql_argument_i64(call, "from", 0) < 0) {
        errmsg_set(err, -1, "from must not be negative");
        return NULL;
    }
    source.source.stop = source_stop;
    source.on_event = on_event;
    source.arg = arg;
    source.started++;
    if (gql_argument_bool(call, "now", false))
        emit(99, 0);
    return &source.source;
}

static void n_write(struct gql_out *out, const void *object)
{
    source.executed++;
    json_put_i64(&out->json, (intptr_t)object);
}

static void slow_resolve(struct gql_batch *batch)
{
    gql_batch_object(batch, 0, batch->parents[0]);
    source.held[source.held_count++] = batch;
}

static void a_write(struct gql_out *out, const void *object)
{
    (void)object;
    json_put_i64(&out->json, 1);
}

static const struct gql_binding bindings[] = {
    {.name = "Query.a", .write = a_write},
    {.name = "Subscription.tick", .subscribe = tick_subscribe},
    {.name = "Tick.n", .write = n_write},
    {.name = "Tick.slow", .resolve = slow_resolve},
    {.name = "Slow.n", .write = n_write},
    {.name = NULL},
};

/* ---- a service and those who follow ---- */

static struct statistic figures[GRAPHQL_TYPES * GRAPHQL_OUTCOMES + 16];

static struct graphql_stats figures_take(void)
{
    struct graphql_stats stats;
    struct statistic *next = figures;
    memset(figures, 0, sizeof figures);
    for (int t = 0; t < GRAPHQL_TYPES; t++)
        for (int o = 0; o < GRAPHQL_OUTCOMES; o++)
            stats.operations[t][o] = next++;
    for (int t = 0; t < GRAPHQL_TRANSPORTS; t++)
        stats.connections[t] = next++;
    stats.unread = next++;
    stats.subscriptions = next++;
    stats.topics = next++;
    stats.events = next++;
    stats.sent = next++;
    stats.missed = next++;
    stats.dropped = next++;
    return stats;
}

static struct graphql_service *service;
static struct arena arena;

static int setup(void **state)
{
    (void)state;
    struct errmsg err;
    static const struct gql_binding *const tables[] = {bindings, NULL};
    struct graphql_service_config config = {
        .settings = {.introspection = true, .topics = 4, .cache_entries = 10},
        .schema = gql_schema_new(str_of(sdl), "test", NULL, &err),
        .stats = figures_take(),
    };
    assert_non_null(config.schema);
    assert_int_equal(gql_bind(config.schema, tables, &err), 0);
    service = graphql_service_new(&config, &err);
    assert_non_null(service);
    memset(&source, 0, sizeof source);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_null(service->topics);
    assert_int_equal(source.started, source.stopped);
    assert_int_equal(stat_get(service->stats.subscriptions), 0);
    graphql_service_free(&service);
    arena_fini(&arena);
    return 0;
}

struct follower {
    struct operation operation;
    int woken;
};

static void follower_woken(struct operation *op)
{
    ((struct follower *)op)->woken++;
}

static const struct operation_handlers handlers = {.wake = follower_woken};

static bool follow_or_not(struct follower *f, const char *query,
                          const char *variables, struct gql_errors *errors)
{
    struct json_doc *doc = arena_alloc(&arena, sizeof *doc);
    struct errmsg err;
    assert_int_equal(json_parse(doc, str_of(variables), &arena, &err), 0);
    struct graphql_request request = {.query = str_of(query),
                                      .variables = json_root(doc)};
    f->woken = 0;
    return operation_begin(&f->operation, service, &handlers, &request,
                           OPERATION_ANY, errors) == OPERATION_READY &&
           operation_run(&f->operation, errors);
}

static void follow(struct follower *f, const char *query, const char *variables)
{
    struct gql_errors errors = {.arena = &arena};
    if (!follow_or_not(f, query, variables, &errors))
        fail_msg("%.*s", STR_ARG(errors.first->message));
}

static void assert_next(struct follower *f, const char *payload)
{
    struct event event;
    assert_true(operation_next(&f->operation, &event));
    assert_str(event.payload, payload);
}

static void assert_all_read(struct follower *f)
{
    struct event event;
    assert_false(operation_next(&f->operation, &event));
}

#define TICK "subscription S($f: Int, $g: Int) { tick(from: $f, to: $g) { n } }"

/* ---- the tests ---- */

static void event_is_executed_once_for_all(void **state)
{
    (void)state;
    struct follower f[3], other;
    for (size_t i = 0; i < 3; i++)
        follow(&f[i], TICK, i == 1 ? "{\"g\":2,\"f\":1}" : "{\"f\":1,\"g\":2}");
    assert_int_equal(source.started, 1);
    assert_int_equal(stat_get(service->stats.topics), 1);
    emit(7, 0);
    emit(8, 0);
    assert_int_equal(source.executed, 2);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(f[i].woken, 1);
        assert_next(&f[i], "{\"data\":{\"tick\":{\"n\":7}}}");
        assert_next(&f[i], "{\"data\":{\"tick\":{\"n\":8}}}");
        assert_all_read(&f[i]);
    }
    follow(&other, TICK, "{\"f\":2,\"g\":2}");
    assert_int_equal(source.started, 2);
    operation_end(&other.operation);
    for (size_t i = 0; i < 3; i++)
        operation_end(&f[i].operation);
    operation_end(&f[0].operation); /* any number of times */
}

static void newest_of_a_state_is_told_first(void **state)
{
    (void)state;
    struct follower f, late;
    follow(&f, "subscription { tick(now: true) { n } }", "{}");
    assert_next(&f, "{\"data\":{\"tick\":{\"n\":99}}}");
    follow(&late, "subscription { tick(now: true) { n } }", "{}");
    assert_int_equal(late.woken, 1);
    assert_next(&late, "{\"data\":{\"tick\":{\"n\":99}}}");
    assert_all_read(&late);
    emit(1, 0);
    assert_next(&late, "{\"data\":{\"tick\":{\"n\":1}}}");
    operation_end(&f.operation);
    operation_end(&late.operation);
}

static void source_that_cannot_start_is_told(void **state)
{
    (void)state;
    struct follower f;
    struct gql_errors errors = {.arena = &arena};
    assert_false(follow_or_not(&f, TICK, "{\"f\":-1}", &errors));
    assert_str(errors.first->message, "from must not be negative");
    operation_end(&f.operation);
}

static void topics_are_limited(void **state)
{
    (void)state;
    static const char *const variables[] = {"{\"f\":0}", "{\"f\":1}",
                                            "{\"f\":2}", "{\"f\":3}"};
    struct follower f[4], more;
    struct gql_errors errors = {.arena = &arena};
    for (size_t i = 0; i < 4; i++)
        follow(&f[i], TICK, variables[i]);
    assert_false(follow_or_not(&more, TICK, "{\"f\":4}", &errors));
    assert_string_equal(errors.first->code, GQL_CODE_LIMIT);
    operation_end(&more.operation);
    follow(&more, TICK, variables[2]); /* no new one */
    operation_end(&more.operation);
    for (size_t i = 0; i < 4; i++)
        operation_end(&f[i].operation);
}

#define SLOW "subscription { tick { n slow { n } } }"

static void events_that_wait_keep_their_order(void **state)
{
    (void)state;
    struct follower f;
    follow(&f, SLOW, "{}");
    emit(1, 0);
    emit(2, 0);
    emit(3, 0);
    assert_int_equal(source.held_count, 3);
    gql_batch_done(source.held[1]);
    gql_batch_done(source.held[2]);
    assert_all_read(&f);
    gql_batch_done(source.held[0]);
    assert_next(&f, "{\"data\":{\"tick\":{\"n\":1,\"slow\":{\"n\":1}}}}");
    assert_next(&f, "{\"data\":{\"tick\":{\"n\":2,\"slow\":{\"n\":2}}}}");
    assert_next(&f, "{\"data\":{\"tick\":{\"n\":3,\"slow\":{\"n\":3}}}}");
    assert_all_read(&f);
    operation_end(&f.operation);
}

static void events_under_way_are_limited_and_counted(void **state)
{
    (void)state;
    struct follower f;
    follow(&f, SLOW, "{}");
    for (int i = 0; i < GRAPHQL_PENDING_MAX + 3; i++)
        emit(i + 1, 0);
    assert_int_equal(source.held_count, GRAPHQL_PENDING_MAX);
    assert_int_equal(stat_get(service->stats.dropped), 3);
    for (size_t i = 0; i < GRAPHQL_PENDING_MAX; i++)
        gql_batch_done(source.held[i]);
    struct event event;
    for (size_t i = 0; i < GRAPHQL_PENDING_MAX; i++)
        assert_true(operation_next(&f.operation, &event));
    emit(5, 0);
    gql_batch_done(source.held[GRAPHQL_PENDING_MAX]);
    assert_true(operation_next(&f.operation, &event));
    operation_end(&f.operation);
}

static void topic_may_go_while_events_are_under_way(void **state)
{
    (void)state;
    struct follower f;
    follow(&f, SLOW, "{}");
    emit(1, 0);
    emit(2, 0);
    gql_batch_done(source.held[1]);
    operation_end(&f.operation);
    assert_null(service->topics);
    gql_batch_done(source.held[0]);
}

static void missed_is_spliced_in_and_added(void **state)
{
    (void)state;
    struct buf one = {0}, two = {0};
    graphql_topic_mark_missed(str_of("{\"data\":{\"a\":1}}"), 3, &one);
    assert_str(buf_str(&one),
               "{\"data\":{\"a\":1},\"extensions\":{\"missed\":3}}");
    graphql_topic_mark_missed(buf_str(&one), 40, &two);
    assert_str(buf_str(&two),
               "{\"data\":{\"a\":1},\"extensions\":{\"missed\":43}}");
    buf_fini(&one);
    buf_fini(&two);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(event_is_executed_once_for_all),
        TEST(newest_of_a_state_is_told_first),
        TEST(source_that_cannot_start_is_told),
        TEST(topics_are_limited),
        TEST(events_that_wait_keep_their_order),
        TEST(events_under_way_are_limited_and_counted),
        TEST(topic_may_go_while_events_are_under_way),
        TEST(missed_is_spliced_in_and_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
