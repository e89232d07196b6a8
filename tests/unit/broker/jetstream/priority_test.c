/* priority: whose request is served next, and the pinned client. */
#include "tests/unit/broker/fixture.h"

#include "broker/jetstream/priority.h"

#define PINNED_ADVISORY   "$JS.EVENT.ADVISORY.CONSUMER.PINNED.S.C"
#define UNPINNED_ADVISORY "$JS.EVENT.ADVISORY.CONSUMER.UNPINNED.S.C"

static struct sub *listening[4];

static void listen_all(void)
{
    listening[0] = listen_to("api");
    listening[1] = listen_to("in.a");
    listening[2] = listen_to("in.b");
    listening[3] = listen_to("$JS.EVENT.ADVISORY.>");
}

static int set_up(void **state)
{
    broker_setup(state);
    listen_all();
    api("STREAM.CREATE.S", "{\"name\":\"S\",\"subjects\":[\"s.*\"]}");
    return 0;
}

static int tear_down(void **state)
{
    close_server(listening, COUNT(listening));
    return broker_teardown(state);
}

static const char *create(const char *policy, const char *members)
{
    char body[512];
    snprintf(body, sizeof(body),
             "{\"stream_name\":\"S\",\"config\":{\"durable_name\":\"C\","
             "\"ack_policy\":\"explicit\",\"priority_groups\":[\"g\"],"
             "\"priority_policy\":\"%s\"%s}}",
             policy, members);
    return api("CONSUMER.DURABLE.CREATE.S.C", body);
}

static struct consumer *consumer(void)
{
    struct consumer *found = stream_consumer(stream_named("S"), str_of("C"));
    assert_non_null(found);
    return found;
}

static void ask(const char *inbox, const char *body)
{
    publish_with("$JS.API.CONSUMER.MSG.NEXT.S.C", inbox, "", body);
    turn_loop();
    hand_over();
}

/* A request of group g; members: more of it. */
static void pull(const char *inbox, const char *members)
{
    char body[256];
    snprintf(body, sizeof(body), "{\"group\":\"g\",\"expires\":60000000000%s}",
             members);
    ask(inbox, body);
}

static void fill(int count)
{
    for (int i = 0; i < count; i++)
        publish("s.a", "x");
    turn_loop();
}

/* The id that what was heard last on the inbox carries. */
static const char *pin_on(const char *inbox, char *room)
{
    const char *at = strstr(last_heard(inbox)->headers, "Nats-Pin-Id: ");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "Nats-Pin-Id: %22s", room), 1);
    return room;
}

static void pull_with_id(const char *inbox, const char *id)
{
    char members[64];
    snprintf(members, sizeof(members), ",\"batch\":5,\"id\":\"%s\"", id);
    pull(inbox, members);
}

static const char *status_on(const char *inbox)
{
    return last_heard(inbox)->headers;
}

static void settings_are_shown(void **state)
{
    (void)state;
    const char *made = create("pinned_client", "");
    assert_contains(made, "\"priority_policy\":\"pinned_client\"");
    assert_contains(made, "\"priority_timeout\":120000000000");
    assert_contains(made, "\"priority_groups\":[\"g\"]");
    assert_contains(made, "\"priority_groups\":[{\"group\":\"g\"}]");
}

static void requests_that_do_not_fit(void **state)
{
    (void)state;
    create("overflow", "");
    ask("in.a", "");
    assert_contains(status_on("in.a"), "400 Bad Request - Priority Group miss");
    ask("in.a", "{\"group\":\"h\"}");
    assert_contains(status_on("in.a"), "400 Bad Request - Invalid Priority");
    pull("in.a", ",\"id\":\"x\"");
    assert_contains(status_on("in.a"), "400 Bad Request - Not a Pinned Client");
    create("prioritized", "");
    pull("in.a", ",\"min_pending\":1");
    assert_contains(status_on("in.a"), "400 Bad Request - Not a Overflow");
    assert_int_equal(consumer()->pulls.count, 0);
}

static void overflow_waits_for_its_condition(void **state)
{
    (void)state;
    create("overflow", "");
    pull("in.b", ",\"min_pending\":3");
    fill(2);
    assert_int_equal(heard_on("in.b"), 0);
    pull("in.a", "");
    assert_int_equal(heard_on("in.a"), 1);
    fill(2);
    assert_int_equal(heard_on("in.b"), 1);
    pull("in.b", ",\"min_pending\":100,\"min_ack_pending\":2");
    assert_int_equal(heard_on("in.b"), 2); /* two are out: that will do */
    pull("in.b", ",\"min_pending\":100,\"min_ack_pending\":4");
    assert_int_equal(heard_on("in.b"), 2);
    pull("in.a", "");
    assert_int_equal(heard_on("in.a"), 2);
    fill(1);
    assert_int_equal(heard_on("in.b"), 3);
}

static void no_condition_comes_first(void **state)
{
    (void)state;
    create("overflow", "");
    pull("in.b", ",\"batch\":5,\"min_pending\":1");
    pull("in.a", ",\"batch\":2");
    fill(3);
    assert_int_equal(heard_on("in.a"), 2);
    assert_int_equal(heard_on("in.b"), 1);
}

static void impatient_without_a_turn(void **state)
{
    (void)state;
    create("overflow", "");
    fill(1);
    ask("in.a", "{\"group\":\"g\",\"no_wait\":true,\"min_pending\":5}");
    assert_contains(status_on("in.a"), "404 No Messages");
    assert_int_equal(consumer()->pulls.count, 0);
}

static void lower_numbers_come_first(void **state)
{
    (void)state;
    create("prioritized", "");
    pull("in.b", ",\"batch\":5,\"priority\":5");
    pull("in.a", ",\"batch\":2");
    fill(3);
    assert_int_equal(heard_on("in.a"), 2);
    assert_int_equal(heard_on("in.b"), 1);
    pull("in.a", ",\"batch\":5,\"priority\":5");
    fill(4);
    assert_int_equal(heard_on("in.a"), 4);
    assert_int_equal(heard_on("in.b"), 3);
}

static void one_client_is_pinned(void **state)
{
    (void)state;
    char pin[32], again[32];
    create("pinned_client", "");
    pull("in.a", ",\"batch\":2");
    pull("in.b", ",\"batch\":5");
    fill(4);
    assert_int_equal(heard_on("in.a"), 2);
    assert_int_equal(heard_on("in.b"), 0);
    pin_on("in.a", pin);
    assert_int_equal(strlen(pin), PIN_ID_LEN);
    assert_contains(last_heard(PINNED_ADVISORY)->payload,
                    "consumer_group_pinned\"");
    assert_contains(last_heard(PINNED_ADVISORY)->payload, pin);
    assert_contains(api("CONSUMER.INFO.S.C", ""), "\"pinned_ts\":\"2");
    pull_with_id("in.a", pin);
    assert_int_equal(heard_on("in.a"), 4);
    assert_string_equal(pin_on("in.a", again), pin);
    pull_with_id("in.b", "another");
    assert_contains(status_on("in.b"), "423 Nats-Pin-Id mismatch");
    assert_int_equal(consumer()->pulls.count, 2);
}

static void a_silent_one_loses_the_pin(void **state)
{
    (void)state;
    char pin[32], next[32];
    create("pinned_client", ",\"priority_timeout\":1000000000");
    pull("in.a", ",\"batch\":5");
    pull("in.b", ",\"batch\":5");
    fill(1);
    pin_on("in.a", pin);
    pass_time(NS_PER_S * 3 / 4);
    pull_with_id("in.a", pin); /* that keeps it */
    pass_time(NS_PER_S * 3 / 4);
    assert_string_equal(consumer()->priority->pin, pin);
    pass_time(NS_PER_S / 2);
    assert_contains(status_on("in.a"),
                    "423 Nats-Wrong-Pin-Id\r\nNats-Pending-Messages: ");
    assert_contains(last_heard(UNPINNED_ADVISORY)->payload,
                    "\"group\":\"g\",\"reason\":\"timeout\"");
    fill(1);
    assert_string_not_equal(pin_on("in.b", next), pin);
    pull_with_id("in.a", pin);
    assert_contains(status_on("in.a"), "423 Nats-Pin-Id mismatch");
}

static void unpinned_by_request(void **state)
{
    (void)state;
    create("pinned_client", "");
    assert_contains(api("CONSUMER.UNPIN.S.C", ""), "10025");
    assert_contains(api("CONSUMER.UNPIN.S.C", "{\"group\":\"h\"}"), "10160");
    assert_contains(api("CONSUMER.UNPIN.S.X", "{\"group\":\"g\"}"), "10014");
    pull("in.a", ",\"batch\":5");
    fill(1);
    const char *done = api("CONSUMER.UNPIN.S.C", "{\"group\":\"g\"}");
    assert_string_equal(
        done,
        "{\"type\":\"io.nats.jetstream.api.v1.consumer_unpin_response\"}");
    assert_contains(status_on("in.a"), "423 Nats-Wrong-Pin-Id");
    assert_contains(last_heard(UNPINNED_ADVISORY)->payload, "\"admin\"");
    assert_contains(api("CONSUMER.INFO.S.C", ""),
                    "\"priority_groups\":[{\"group\":\"g\"}]");
    create("overflow", "");
    assert_contains(api("CONSUMER.UNPIN.S.C", "{\"group\":\"g\"}"), "10003");
}

/* What nobody took pins nobody. */
static void deserted_request_does_not_pin(void **state)
{
    (void)state;
    create("pinned_client", "");
    pull("in.nobody", "");
    fill(1);
    assert_string_equal(consumer()->priority->pin, "");
    pull("in.a", "");
    assert_int_equal(heard_on("in.a"), 1);
}

static void another_policy(void **state)
{
    (void)state;
    create("pinned_client", "");
    pull("in.a", ",\"batch\":5");
    fill(1);
    create("pinned_client", ",\"max_deliver\":5");
    assert_string_not_equal(consumer()->priority->pin, "");
    create("overflow", "");
    assert_string_equal(consumer()->priority->pin, "");
    fill(1);
    assert_null(strstr(last_heard("in.a")->headers, "Nats-Pin-Id"));
}

static void the_group_outlives_a_restart_the_pin_does_not(void **state)
{
    (void)state;
    char pin[32];
    create("pinned_client", "");
    pull("in.a", "");
    fill(2);
    pin_on("in.a", pin);
    close_server(listening, COUNT(listening));
    open_server();
    listen_all();
    assert_contains(api("CONSUMER.INFO.S.C", ""),
                    "\"priority_groups\":[{\"group\":\"g\"}]");
    pull_with_id("in.a", pin);
    assert_contains(status_on("in.a"), "423 Nats-Pin-Id mismatch\r\n"
                                       "Nats-Pending-Messages: 5\r\n");
    pull("in.a", "");
    assert_string_equal(last_heard("in.a")->payload, "x");
}

static void headers_are_kept(void **state)
{
    (void)state;
    create("pinned_client", ",\"headers_only\":true");
    publish_with("s.a", "", "NATS/1.0\r\nA: b\r\n\r\n", "four");
    pull("in.a", "");
    assert_contains(status_on("in.a"),
                    "NATS/1.0\r\nA: b\r\nNats-Msg-Size: 4\r\n"
                    "Nats-Pin-Id: ");
    assert_string_equal(last_heard("in.a")->payload, "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(settings_are_shown),
        TEST(requests_that_do_not_fit),
        TEST(overflow_waits_for_its_condition),
        TEST(no_condition_comes_first),
        TEST(impatient_without_a_turn),
        TEST(lower_numbers_come_first),
        TEST(one_client_is_pinned),
        TEST(a_silent_one_loses_the_pin),
        TEST(unpinned_by_request),
        TEST(deserted_request_does_not_pin),
        TEST(another_policy),
        TEST(the_group_outlives_a_restart_the_pin_does_not),
        TEST(headers_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
