/* push: interest, groups, heartbeats, flow control; replay, rate, pause. */
#include "tests/unit/broker/fixture.h"

#include "lib/timestamp.h"

static struct sub *listening[8];
static size_t listening_count;

static struct sub *hear(const char *subject)
{
    return listening[listening_count++] = listen_to(subject);
}

static int set_up(void **state)
{
    broker_setup(state);
    listening_count = 0;
    hear("api");
    hear("$JS.EVENT.>");
    assert_contains(api("STREAM.CREATE.S",
                        "{\"name\":\"S\",\"subjects\":[\"s.*\"],"
                        "\"max_msgs_per_subject\":-1}"),
                    "did_create");
    return 0;
}

static int tear_down(void **state)
{
    close_server(listening, listening_count);
    return broker_teardown(state);
}

/* A consumer C that delivers to "d"; members begin with a comma. */
static const char *create(const char *members)
{
    char body[512];
    snprintf(body, sizeof(body),
             "{\"stream_name\":\"S\",\"config\":{\"deliver_subject\":\"d\""
             "%s}}",
             members);
    return api("CONSUMER.CREATE.S.C", body);
}

static struct consumer *consumer(void)
{
    return stream_consumer(stream_named("S"), str_of("C"));
}

static void fill(const char *subject, int count)
{
    for (int i = 0; i < count; i++)
        publish(subject, "payload");
    turn_loop();
}

static void leave(struct sub *sub)
{
    for (size_t i = 0; i < listening_count; i++) {
        if (listening[i] == sub)
            listening[i] = listening[--listening_count];
    }
    sublist_remove(server->account->subs, sub);
    turn_loop();
}

static void answer_last(const char *body)
{
    char reply[128];
    snprintf(reply, sizeof(reply), "%s", last_heard("d")->reply);
    publish(reply, body);
    turn_loop();
}

static void waits_for_somebody_to_listen(void **state)
{
    (void)state;
    fill("s.a", 3);
    assert_contains(create(""), "\"num_pending\":3");
    turn_loop();
    assert_int_equal(consumer()->last_dseq, 0);
    struct sub *sub = hear("d");
    turn_loop();
    assert_int_equal(heard_on("d"), 3);
    assert_string_equal(last_heard("d")->subject, "s.a");
    assert_contains(last_heard("d")->reply, "$JS.ACK.S.C.1.3.3.");
    assert_contains(api("CONSUMER.INFO.S.C", ""), "\"push_bound\":true");
    leave(sub);
    fill("s.a", 2);
    assert_null(strstr(api("CONSUMER.INFO.S.C", ""), "push_bound"));
    assert_int_equal(consumer()->last_dseq, 3);
    hear("d");
    turn_loop();
    assert_int_equal(heard_on("d"), 5);
}

static void a_pattern_is_interest_too(void **state)
{
    (void)state;
    fill("s.a", 1);
    create("");
    turn_loop();
    hear("*");
    turn_loop();
    assert_int_equal(heard_on("d"), 1);
}

static void a_group_needs_one_of_its_members(void **state)
{
    (void)state;
    fill("s.a", 1);
    create(",\"deliver_group\":\"g\"");
    hear("d");
    turn_loop();
    assert_int_equal(heard_on("d"), 0);
    struct sub *member = sub_new(NULL, str_of("d"), str_of("g"), str_of(""));
    member->handle = listener;
    sublist_insert(server->account->subs, member);
    listening[listening_count++] = member;
    turn_loop();
    assert_int_equal(consumer()->last_dseq, 1);
}

static void an_ephemeral_without_listener_goes(void **state)
{
    (void)state;
    create(",\"inactive_threshold\":1000000000");
    struct sub *sub = hear("d");
    turn_loop();
    pass_time(3 * NS_PER_S);
    assert_non_null(consumer());
    leave(sub);
    pass_time(NS_PER_S / 2);
    assert_non_null(consumer());
    pass_time(NS_PER_S);
    assert_null(consumer());
}

static void no_more_than_max_ack_pending(void **state)
{
    (void)state;
    fill("s.a", 5);
    hear("d");
    create(",\"ack_policy\":\"explicit\",\"max_ack_pending\":2");
    turn_loop();
    assert_int_equal(heard_on("d"), 2);
    answer_last("");
    assert_int_equal(heard_on("d"), 3);
}

static void heartbeats(void **state)
{
    (void)state;
    fill("s.a", 2);
    create(",\"idle_heartbeat\":1000000000");
    pass_time(2 * NS_PER_S);
    hear("d");
    turn_loop();
    assert_int_equal(heard_on("d"), 2);
    pass_time(NS_PER_S / 2);
    fill("s.a", 1);
    pass_time(NS_PER_S * 3 / 4);
    assert_int_equal(heard_on("d"), 3);
    pass_time(NS_PER_S / 2);
    assert_int_equal(heard_on("d"), 4);
    assert_string_equal(last_heard("d")->headers,
                        "NATS/1.0 100 Idle Heartbeat\r\n"
                        "Nats-Last-Consumer: 3\r\nNats-Last-Stream: 3\r\n\r\n");
    pass_time(NS_PER_S);
    assert_int_equal(heard_on("d"), 5);
}

static void flow_control(void **state)
{
    (void)state;
    static char big[300 << 10];
    memset(big, 'x', sizeof(big) - 1);
    create(",\"idle_heartbeat\":1000000000,\"flow_control\":true");
    hear("d");
    for (int i = 0; i < 20; i++)
        publish("s.a", big);
    turn_loop();
    /* Half a window: the question. A window: the end. */
    assert_int_equal(heard_on("d"), 7 + 1);
    const struct heard *question = &heard[heard_count - 1];
    while (strstr(question->headers, "FlowControl") == NULL)
        question--;
    assert_string_equal(question->headers,
                        "NATS/1.0 100 FlowControl Request\r\n\r\n");
    assert_contains(question->reply, "$JS.FC.S.C.");
    char reply[128];
    snprintf(reply, sizeof(reply), "%s", question->reply);
    pass_time(NS_PER_S);
    assert_contains(last_heard("d")->headers, "Nats-Consumer-Stalled: ");
    assert_contains(last_heard("d")->headers, reply);
    publish("$JS.FC.S.C.OTHER", "");
    turn_loop();
    assert_int_equal(heard_on("d"), 9);
    publish(reply, "");
    turn_loop();
    assert_int_equal(consumer()->push->flow.window, 2 * FLOW_WINDOW_MIN);
    assert_true(heard_on("d") > 9 + 5);
}

static void a_new_listener_owes_nothing(void **state)
{
    (void)state;
    static char big[1 << 20];
    memset(big, 'x', sizeof(big) - 1);
    create(",\"idle_heartbeat\":1000000000,\"flow_control\":true");
    struct sub *sub = hear("d");
    for (int i = 0; i < 6; i++)
        publish("s.a", big);
    turn_loop();
    assert_int_equal(consumer()->last_dseq, 2);
    leave(sub);
    hear("d");
    turn_loop();
    assert_int_equal(consumer()->last_dseq, 4);
}

static void headers_only(void **state)
{
    (void)state;
    create(",\"headers_only\":true");
    hear("d");
    fill("s.a", 1);
    assert_string_equal(last_heard("d")->headers,
                        "NATS/1.0\r\nNats-Msg-Size: 7\r\n\r\n");
    assert_string_equal(last_heard("d")->payload, "");
    publish_with("s.b", "", "NATS/1.0\r\nA: b\r\n\r\n", "12");
    turn_loop();
    assert_string_equal(last_heard("d")->headers,
                        "NATS/1.0\r\nA: b\r\nNats-Msg-Size: 2\r\n\r\n");
}

/* A durable one waits for its listener again. */
static void a_restart(void **state)
{
    (void)state;
    fill("s.a", 2);
    hear("d");
    api("CONSUMER.CREATE.S.C",
        "{\"stream_name\":\"S\",\"config\":{\"durable_name\":\"C\","
        "\"deliver_subject\":\"d\",\"ack_policy\":\"explicit\","
        "\"max_ack_pending\":1}}");
    turn_loop();
    answer_last("");
    assert_int_equal(heard_on("d"), 2);
    close_server(listening, listening_count);
    open_server();
    listening_count = 0;
    hear("api");
    turn_loop();
    assert_int_equal(consumer()->last_dseq, 2);
    assert_int_equal(consumer()->floor.seq, 1);
    hear("d");
    pass_time(40 * NS_PER_S);
    assert_int_equal(heard_on("d"), 3);
    assert_contains(last_heard("d")->reply, "$JS.ACK.S.C.2.2.3.");
}

/* The distance in time between the messages stays. */
static void replay_as_it_was(void **state)
{
    (void)state;
    fill("s.a", 1);
    usleep(30 * 1000);
    fill("s.a", 1);
    create(",\"replay_policy\":\"original\"");
    hear("d");
    turn_loop();
    assert_int_equal(heard_on("d"), 1);
    pass_time(10 * NS_PER_MS);
    assert_int_equal(heard_on("d"), 1);
    pass_time(NS_PER_S);
    assert_int_equal(heard_on("d"), 2);
    assert_true(consumer_pending(consumer()) == 0);
    fill("s.a", 2); /* it has caught up */
    assert_int_equal(heard_on("d"), 4);
}

static void a_rate_limit(void **state)
{
    (void)state;
    fill("s.a", 100);
    create(",\"rate_limit_bps\":3200"); /* 400 bytes a second */
    hear("d");
    turn_loop();
    size_t first = heard_on("d");
    assert_in_range(first, 5, 12);
    pass_time(NS_PER_S);
    assert_in_range(heard_on("d"), first + 4, first + 12);
    for (int i = 0; i < 60; i++)
        pass_time(NS_PER_S / 2);
    assert_int_equal(heard_on("d"), 100);
}

static void a_pause(void **state)
{
    (void)state;
    char body[128], until[TIMESTAMP_MAX];
    fill("s.a", 1);
    create("");
    timestamp_format_nano(clock_wall_ns() + 3600 * NS_PER_S, until);
    snprintf(body, sizeof(body), "{\"pause_until\":\"%s\"}", until);
    const char *reply = api("CONSUMER.PAUSE.S.C", body);
    assert_contains(reply, "consumer_pause_response\",\"paused\":true");
    assert_contains(reply, "\"pause_remaining\":3599");
    assert_contains(
        last_heard("$JS.EVENT.ADVISORY.CONSUMER.PAUSE.S.C")->payload,
        "\"paused\":true");
    hear("d");
    turn_loop();
    assert_int_equal(heard_on("d"), 0);
    assert_contains(api("CONSUMER.INFO.S.C", ""), "\"paused\":true");
    assert_contains(api("CONSUMER.PAUSE.S.C", ""), "\"paused\":false");
    turn_loop();
    assert_int_equal(heard_on("d"), 1);
}

static void advisories_and_samples(void **state)
{
    (void)state;
    fill("s.a", 3);
    hear("d");
    create(",\"ack_policy\":\"explicit\",\"sample_freq\":\"100%\","
           "\"max_ack_pending\":1");
    turn_loop();
    assert_contains(
        last_heard("$JS.EVENT.ADVISORY.CONSUMER.CREATED.S.C")->payload,
        "\"stream\":\"S\",\"consumer\":\"C\",\"action\":\"create\"");
    answer_last("-NAK");
    assert_contains(
        last_heard("$JS.EVENT.ADVISORY.CONSUMER.MSG_NAKED.S.C")->payload,
        "\"consumer_seq\":1,\"stream_seq\":1,\"deliveries\":1");
    answer_last("+TERM no use");
    assert_contains(
        last_heard("$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.S.C")->payload,
        "\"stream_seq\":1,\"deliveries\":2,\"reason\":\"no use\"");
    answer_last("+ACK");
    assert_contains(last_heard("$JS.EVENT.METRIC.CONSUMER.ACK.S.C")->payload,
                    "\"consumer_seq\":3,\"stream_seq\":2,\"deliveries\":1,"
                    "\"ack_time\":");
    api("CONSUMER.DELETE.S.C", "");
    hand_over();
    assert_contains(
        last_heard("$JS.EVENT.ADVISORY.CONSUMER.DELETED.S.C")->payload,
        "\"action\":\"delete\"");
}

/* It feeds another stream, which feeds it no more than it takes. */
static void a_stream_may_listen(void **state)
{
    (void)state;
    fill("s.a", 50);
    assert_contains(
        api("STREAM.CREATE.T", "{\"name\":\"T\",\"subjects\":[\"d\"]}"),
        "did_create");
    create("");
    turn_loop();
    assert_contains(api("STREAM.INFO.T", ""), "\"messages\":50");
    assert_contains(create(",\"deliver_policy\":\"new\""), "10012");
}

static void a_bound_one_keeps_its_subject(void **state)
{
    (void)state;
    create("");
    hear("d");
    assert_contains(api("CONSUMER.CREATE.S.C",
                        "{\"stream_name\":\"S\",\"config\":"
                        "{\"deliver_subject\":\"e\"}}"),
                    "10013");
    assert_contains(api("CONSUMER.CREATE.S.X",
                        "{\"stream_name\":\"S\",\"config\":"
                        "{\"deliver_subject\":\"s.x\"}}"),
                    "10081");
    publish_with("$JS.API.CONSUMER.MSG.NEXT.S.C", "d", "", "");
    turn_loop();
    assert_string_equal(last_heard("d")->headers,
                        "NATS/1.0 409 Consumer is push based\r\n\r\n");
}

static void actions(void **state)
{
    (void)state;
    static const char *const what = "{\"stream_name\":\"S\",\"action\":\"%s\","
                                    "\"config\":{\"name\":\"C\"%s}}";
    char body[128];
    snprintf(body, sizeof(body), what, "update", "");
    assert_contains(api("CONSUMER.CREATE.S.C", body), "10149");
    snprintf(body, sizeof(body), what, "create", "");
    assert_contains(api("CONSUMER.CREATE.S.C", body), "\"created\"");
    assert_contains(api("CONSUMER.CREATE.S.C", body), "\"created\"");
    snprintf(body, sizeof(body), what, "create", ",\"description\":\"x\"");
    assert_contains(api("CONSUMER.CREATE.S.C", body), "10148");
    snprintf(body, sizeof(body), what, "update", ",\"description\":\"x\"");
    assert_contains(api("CONSUMER.CREATE.S.C", body), "\"description\":\"x\"");
    snprintf(body, sizeof(body), what, "replace", "");
    assert_contains(api("CONSUMER.CREATE.S.C", body), "10025");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(waits_for_somebody_to_listen, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_pattern_is_interest_too, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_group_needs_one_of_its_members,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_ephemeral_without_listener_goes,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_more_than_max_ack_pending, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(heartbeats, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flow_control, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_listener_owes_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(headers_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(replay_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_rate_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pause, set_up, tear_down),
        cmocka_unit_test_setup_teardown(advisories_and_samples, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_stream_may_listen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bound_one_keeps_its_subject, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(actions, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
