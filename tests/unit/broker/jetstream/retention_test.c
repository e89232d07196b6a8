/* retention: what makes messages leave a stream, turn by turn. */
#include "tests/unit/broker/fixture.h"

static struct sub *listening[3];

static int set_up(void **state)
{
    broker_setup(state);
    listening[0] = listen_to("api");
    listening[1] = listen_to("ack");
    listening[2] = listen_to("told.>");
    return 0;
}

static int tear_down(void **state)
{
    close_server(listening, COUNT(listening));
    return broker_teardown(state);
}

static void create(const char *members)
{
    char body[512];
    snprintf(body, sizeof(body), "{\"name\":\"S\",\"subjects\":[\"s.>\"]%s}",
             members);
    assert_contains(api("STREAM.CREATE.S", body), "did_create");
}

static struct store_state state_of(void)
{
    struct store_state state;
    stream_state(stream_named("S"), &state);
    return state;
}

static const char *said(const char *to, const char *header, const char *payload)
{
    char headers[256] = "";
    if (header[0] != '\0')
        snprintf(headers, sizeof(headers), "NATS/1.0\r\n%s\r\n\r\n", header);
    publish_with(to, "ack", headers, payload);
    turn_loop();
    return last_heard("ack")->payload;
}

static uint64_t count_on(const char *subject)
{
    struct store *store = stream_named("S")->store;
    struct store_subject found;
    return store->ops->subject(store, str_of(subject), &found) ? found.messages
                                                               : 0;
}

static void consume(const char *name, const char *members)
{
    char request[64], body[256];
    snprintf(request, sizeof(request), "CONSUMER.DURABLE.CREATE.S.%s", name);
    snprintf(body, sizeof(body),
             "{\"stream_name\":\"S\",\"config\":{\"durable_name\":\"%s\","
             "\"ack_policy\":\"explicit\"%s}}",
             name, members);
    assert_contains(api(request, body), "\"created\"");
}

/* Takes one message with a consumer and acknowledges it. */
static void take_one(const char *name)
{
    char to[64], inbox[64];
    snprintf(to, sizeof(to), "$JS.API.CONSUMER.MSG.NEXT.S.%s", name);
    snprintf(inbox, sizeof(inbox), "told.%s", name);
    publish_with(to, inbox, "", "1");
    turn_loop();
    char ack[128];
    snprintf(ack, sizeof(ack), "%s", last_heard(inbox)->reply);
    publish(ack, "+ACK");
    turn_loop();
}

/* All in one turn: none of it is durable when the next one comes. */
static void a_subject_s_limit_holds_within_a_turn(void **state)
{
    (void)state;
    create(",\"max_msgs_per_subject\":2");
    for (int i = 0; i < 5; i++)
        publish("s.a", "x");
    publish("s.b", "x");
    assert_int_equal(count_on("s.a"), 2);
    turn_loop();
    assert_int_equal(state_of().messages, 3);
    assert_int_equal(state_of().first_seq, 4);
}

static void a_rollup_takes_what_is_not_durable(void **state)
{
    (void)state;
    create(",\"allow_rollup_hdrs\":true");
    publish("s.a", "1");
    publish("s.b", "2");
    publish("s.a", "3");
    said("s.a", "Nats-Rollup: sub", "4");
    assert_int_equal(count_on("s.a"), 1);
    assert_int_equal(state_of().messages, 2);
    publish("s.c", "5");
    said("s.d", "Nats-Rollup: all", "6");
    assert_int_equal(state_of().messages, 1);
    assert_contains(said("s.d", "Nats-Rollup: some", "7"), "10111");
}

static void interest(void **state)
{
    (void)state;
    create(",\"retention\":\"interest\"");
    assert_contains(said("s.a", "", "nobody"), "\"seq\":1");
    assert_int_equal(state_of().messages, 0);
    assert_int_equal(state_of().last_seq, 1);
    consume("A", ",\"filter_subject\":\"s.a\"");
    consume("B", "");
    said("s.a", "", "both");
    said("s.b", "", "B");
    assert_int_equal(state_of().messages, 2);
    take_one("B");
    assert_int_equal(state_of().messages, 2);
    take_one("B");
    assert_int_equal(count_on("s.b"), 0);
    take_one("A");
    assert_int_equal(state_of().messages, 0);
    said("s.a", "", "both");
    take_one("A");
    assert_int_equal(state_of().messages, 1);
    api("CONSUMER.DELETE.S.B", "");
    assert_int_equal(state_of().messages, 0);
}

static void what_a_reset_passes_over_leaves(void **state)
{
    (void)state;
    create(",\"retention\":\"interest\"");
    consume("A", "");
    consume("B", ",\"filter_subject\":\"s.b\"");
    said("s.a", "", "1");
    said("s.b", "", "2");
    said("s.a", "", "3");
    api("CONSUMER.RESET.S.A", "{\"seq\":3}");
    assert_int_equal(state_of().messages, 2);
    assert_int_equal(state_of().first_seq, 2);
}

static void a_work_queue_keeps_what_nobody_has_done(void **state)
{
    (void)state;
    create(",\"retention\":\"workqueue\"");
    said("s.a", "", "1");
    said("s.a", "", "2");
    consume("W", "");
    take_one("W");
    assert_int_equal(state_of().messages, 1);
    assert_int_equal(state_of().first_seq, 2);
    api("CONSUMER.DELETE.S.W", "");
    assert_int_equal(state_of().messages, 1);
    close_server(listening, COUNT(listening));
    open_server();
    listening[0] = listen_to("api");
    listening[1] = listen_to("ack");
    listening[2] = listen_to("told.>");
    assert_int_equal(state_of().messages, 1);
}

static void limits_of_the_operator(void **state)
{
    (void)state;
    server->config.js.max_storage = 400;
    create("");
    for (int i = 0; i < 12; i++)
        said("s.a", "", "0123456789");
    assert_contains(last_heard("ack")->payload, "\"err_code\":10023");
    assert_in_range(state_of().bytes, 300, 400);
    assert_contains(
        api("STREAM.CREATE.T", "{\"name\":\"T\",\"max_bytes\":500}"), "10047");
    server->config.js.max_memory = 400;
    assert_contains(api("STREAM.CREATE.T", "{\"name\":\"T\",\"max_bytes\":500,"
                                           "\"storage\":\"memory\"}"),
                    "10028");
}

static void republished_once_durable(void **state)
{
    (void)state;
    create(",\"republish\":{\"src\":\"s.*\",\"dest\":\"told.$1\"}");
    publish_with("s.a", "", "NATS/1.0\r\nK: v\r\n\r\n", "1");
    publish("s.b.c", "not selected");
    publish("s.a", "2");
    assert_int_equal(heard_on("told.a"), 0);
    turn_loop();
    assert_int_equal(heard_on("told.a"), 2);
    assert_contains(heard[1].headers, "NATS/1.0\r\nK: v\r\nNats-Stream: S\r\n"
                                      "Nats-Subject: s.a\r\nNats-Sequence: 1");
    assert_contains(heard[1].headers, "Nats-Last-Sequence: 0\r\n\r\n");
    assert_contains(last_heard("told.a")->headers, "Nats-Last-Sequence: 1");
}

static void time_passes_for_single_messages(void **state)
{
    (void)state;
    create(",\"allow_msg_ttl\":true,\"storage\":\"memory\","
           "\"subject_delete_marker_ttl\":1000000000");
    said("s.a", "Nats-TTL: 1", "x");
    said("s.b", "Nats-TTL: 1h", "x");
    usleep(1100000);
    pass_time(2 * NS_PER_S);
    assert_int_equal(count_on("s.b"), 1);
    assert_int_equal(count_on("s.a"), 1); /* the marker */
    assert_int_equal(state_of().last_seq, 3);
    usleep(1100000);
    pass_time(2 * NS_PER_S);
    assert_int_equal(state_of().messages, 1); /* a marker leaves none */
}

/* They neither hold up what is behind them nor are looked at for ever. */
static void what_stays_for_ever_is_passed_over(void **state)
{
    (void)state;
    create(",\"allow_msg_ttl\":true,\"storage\":\"memory\","
           "\"max_age\":100000000");
    for (int i = 0; i < 1500; i++)
        publish_with("s.a", "", "NATS/1.0\r\nNats-TTL: never\r\n\r\n", "x");
    publish("s.b", "x");
    turn_loop();
    usleep(120000);
    for (int i = 0; i < 3; i++)
        pass_time(NS_PER_S);
    assert_int_equal(count_on("s.b"), 0);
    assert_int_equal(state_of().messages, 1500);
    assert_false(timer_is_set(&stream_named("S")->age_timer));
    publish("s.b", "x");
    turn_loop();
    usleep(120000);
    pass_time(NS_PER_S);
    assert_int_equal(state_of().messages, 1500);
}

/* What only the deleted one needed leaves in steps, what another one needs
 * stays. */
static void a_long_review_goes_in_steps(void **state)
{
    (void)state;
    create(",\"retention\":\"interest\",\"storage\":\"memory\"");
    consume("A", ",\"filter_subject\":\"s.a\"");
    consume("B", "");
    for (int i = 0; i < 2500; i++)
        publish(i % 100 == 0 ? "s.a" : "s.b", "x");
    turn_loop();
    assert_int_equal(state_of().messages, 2500);
    api("CONSUMER.DELETE.S.B", "");
    assert_in_range(state_of().messages, 1000, 2000);
    for (int i = 0; i < 3; i++)
        pass_time(20 * NS_PER_MS);
    assert_int_equal(state_of().messages, 25);
    api("CONSUMER.DELETE.S.A", "");
    assert_int_equal(state_of().messages, 0);
}

static void consumers_keep_to_the_stream_s_limits(void **state)
{
    (void)state;
    create("");
    consume("C", ",\"max_ack_pending\":50");
    assert_contains(api("STREAM.UPDATE.S",
                        "{\"name\":\"S\",\"subjects\":[\"s.>\"],"
                        "\"consumer_limits\":{\"max_ack_pending\":49}}"),
                    "change to limits violates consumers: C");
    assert_contains(api("STREAM.UPDATE.S",
                        "{\"name\":\"S\",\"subjects\":[\"s.>\"],"
                        "\"consumer_limits\":{\"max_ack_pending\":50}}"),
                    "\"max_ack_pending\":50");
}

static void sealed_says_so(void **state)
{
    (void)state;
    create(",\"max_age\":1000000000");
    said("s.a", "", "x");
    assert_contains(api("STREAM.UPDATE.S",
                        "{\"name\":\"S\",\"subjects\":[\"s.>\"],"
                        "\"max_age\":1000000000,\"sealed\":true}"),
                    "\"max_age\":0");
    assert_contains(said("s.a", "", "x"), "10109");
    assert_contains(api("STREAM.MSG.DELETE.S", "{\"seq\":1}"), "10109");
    assert_contains(api("STREAM.PURGE.S", ""), "10109");
    pass_time(5 * NS_PER_S);
    assert_int_equal(state_of().messages, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_subject_s_limit_holds_within_a_turn),
        TEST(a_rollup_takes_what_is_not_durable),
        TEST(interest),
        TEST(what_a_reset_passes_over_leaves),
        TEST(a_work_queue_keeps_what_nobody_has_done),
        TEST(limits_of_the_operator),
        TEST(republished_once_durable),
        TEST(time_passes_for_single_messages),
        TEST(what_stays_for_ever_is_passed_over),
        TEST(a_long_review_goes_in_steps),
        TEST(consumers_keep_to_the_stream_s_limits),
        TEST(sealed_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
