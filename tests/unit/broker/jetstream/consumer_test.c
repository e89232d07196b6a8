/* consumer: delivery, acknowledgements, time limits, filters, restarts. */
#include "tests/unit/broker/fixture.h"

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
    assert_contains(
        api("STREAM.CREATE.S", "{\"name\":\"S\",\"subjects\":[\"s.*\"]}"),
        "did_create");
    return 0;
}

static int tear_down(void **state)
{
    close_server(listening, COUNT(listening));
    return broker_teardown(state);
}

static void restart(void)
{
    close_server(listening, COUNT(listening));
    open_server();
    listen_all();
}

static const char *create(const char *members)
{
    char body[512];
    snprintf(body, sizeof(body),
             "{\"stream_name\":\"S\",\"config\":{\"durable_name\":\"C\","
             "\"ack_policy\":\"explicit\"%s}}",
             members);
    return api("CONSUMER.DURABLE.CREATE.S.C", body);
}

static struct consumer *consumer(void)
{
    struct consumer *found = stream_consumer(stream_named("S"), str_of("C"));
    assert_non_null(found);
    return found;
}

static void fill(const char *subject, int count)
{
    for (int i = 0; i < count; i++)
        publish(subject, "x");
    turn_loop();
}

static void pull(const char *inbox, const char *body)
{
    publish_with("$JS.API.CONSUMER.MSG.NEXT.S.C", inbox, "", body);
    turn_loop();
}

/* Acknowledges what was heard n-th (from 0) on in.a. */
static void answer(size_t n, const char *body)
{
    for (size_t i = 0; i < heard_count; i++) {
        if (strcmp(heard[i].to, "in.a") == 0 && n-- == 0) {
            publish(heard[i].reply, body);
            turn_loop();
            return;
        }
    }
    fail();
}

static void delivers_and_counts(void **state)
{
    (void)state;
    char reply[128];
    fill("s.a", 3);
    assert_contains(create(""), "\"num_pending\":3");
    pull("in.a", "2");
    assert_int_equal(heard_on("in.a"), 2);
    assert_string_equal(heard[heard_count - 1].subject, "s.a");
    struct store_msg msg;
    struct store *store = stream_named("S")->store;
    assert_int_equal(store->ops->read(store, 2, &msg), 0);
    snprintf(reply, sizeof(reply), "$JS.ACK.S.C.1.2.2.%lld.1",
             (long long)msg.time_ns);
    assert_string_equal(last_heard("in.a")->reply, reply);
    assert_int_equal(consumer()->unacked.count, 2);
    answer(1, "+ACK");
    assert_int_equal(consumer()->floor.seq, 0);
    answer(0, "");
    assert_int_equal(consumer()->floor.seq, 2);
    assert_int_equal(consumer()->floor.dseq, 2);
    assert_int_equal(consumer_pending(consumer()), 1);
}

static void waiting_requests_share_what_comes(void **state)
{
    (void)state;
    create("");
    pull("in.a", "{\"batch\":10,\"expires\":5000000000}");
    pull("in.b", "{\"batch\":10,\"expires\":5000000000}");
    fill("s.a", 10);
    assert_int_equal(heard_on("in.a"), 5);
    assert_int_equal(heard_on("in.b"), 5);
    assert_int_equal(consumer()->pulls.count, 2);
}

static void unacknowledged_comes_again(void **state)
{
    (void)state;
    fill("s.a", 1);
    create(",\"ack_wait\":1000000000,\"max_deliver\":2");
    pull("in.a", "{\"batch\":9,\"expires\":60000000000}");
    pass_time(NS_PER_S / 2);
    assert_int_equal(heard_on("in.a"), 1);
    pass_time(NS_PER_S);
    assert_int_equal(heard_on("in.a"), 2);
    assert_contains(last_heard("in.a")->reply, "$JS.ACK.S.C.2.1.2.");
    assert_int_equal(consumer()->redelivered, 1);
    pass_time(2 * NS_PER_S);
    assert_int_equal(heard_on("in.a"), 2);
    assert_contains(
        last_heard("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.S.C")->payload,
        "\"stream_seq\":1,\"deliveries\":2");
    assert_int_equal(consumer()->unacked.count, 0);
    assert_int_equal(consumer()->floor.seq, 1);
}

static void refused_comes_again(void **state)
{
    (void)state;
    fill("s.a", 1);
    create("");
    pull("in.a", "{\"batch\":9,\"expires\":60000000000}");
    answer(0, "-NAK");
    assert_int_equal(heard_on("in.a"), 2);
    answer(1, "-NAK {\"delay\":2000000000}");
    assert_int_equal(heard_on("in.a"), 2);
    pass_time(3 * NS_PER_S);
    assert_int_equal(heard_on("in.a"), 3);
    answer(2, "-NAK 1s");
    pass_time(2 * NS_PER_S);
    assert_int_equal(heard_on("in.a"), 4);
    answer(3, "+TERM");
    assert_int_equal(consumer()->unacked.count, 0);
}

static void work_in_progress_prolongs(void **state)
{
    (void)state;
    fill("s.a", 1);
    create(",\"ack_wait\":1000000000");
    pull("in.a", "{\"batch\":9,\"expires\":60000000000}");
    for (int i = 0; i < 4; i++) {
        pass_time(NS_PER_S * 3 / 4);
        answer(0, "+WPI");
    }
    assert_int_equal(heard_on("in.a"), 1);
    pass_time(2 * NS_PER_S);
    assert_int_equal(heard_on("in.a"), 2);
}

static void backoff(void **state)
{
    (void)state;
    fill("s.a", 1);
    create(",\"backoff\":[1000000000,3000000000]");
    pull("in.a", "{\"batch\":9,\"expires\":60000000000}");
    pass_time(NS_PER_S + 1);
    assert_int_equal(heard_on("in.a"), 2);
    pass_time(2 * NS_PER_S);
    assert_int_equal(heard_on("in.a"), 2);
    pass_time(2 * NS_PER_S);
    assert_int_equal(heard_on("in.a"), 3);
}

static void no_more_than_max_ack_pending(void **state)
{
    (void)state;
    fill("s.a", 5);
    create(",\"max_ack_pending\":2");
    pull("in.a", "{\"batch\":9,\"expires\":60000000000}");
    assert_int_equal(heard_on("in.a"), 2);
    answer(0, "");
    assert_int_equal(heard_on("in.a"), 3);
}

static void endings(void **state)
{
    (void)state;
    create(",\"max_batch\":10,\"max_waiting\":1");
    pull("in.a", "{\"batch\":1,\"no_wait\":true}");
    assert_string_equal(last_heard("in.a")->headers,
                        "NATS/1.0 404 No Messages\r\n\r\n");
    pull("in.a", "{\"batch\":11}");
    assert_contains(last_heard("in.a")->headers,
                    "409 Exceeded MaxRequestBatch of 10");
    pull("in.a", "{\"batch\":1,\"expires\":100,\"idle_heartbeat\":60}");
    assert_contains(last_heard("in.a")->headers,
                    "400 Bad Request - heartbeat value too large");
    pull("in.a", "{\"batch\":3,\"expires\":1000000000,\"max_bytes\":7}");
    pull("in.b", "1");
    assert_contains(last_heard("in.b")->headers, "409 Exceeded MaxWaiting");
    pass_time(2 * NS_PER_S);
    assert_string_equal(last_heard("in.a")->headers,
                        "NATS/1.0 408 Request Timeout\r\n"
                        "Nats-Pending-Messages: 3\r\n"
                        "Nats-Pending-Bytes: 7\r\n\r\n");
    pull("in.a", "{");
    assert_contains(last_heard("in.a")->headers, "400 Bad Request - ");
    pull("in.a", "1");
    api("CONSUMER.DELETE.S.C", "");
    assert_contains(last_heard("in.a")->headers, "409 Consumer Deleted");
}

static void too_large_for_the_request(void **state)
{
    (void)state;
    fill("s.a", 2);
    create("");
    pull("in.a", "{\"batch\":2,\"max_bytes\":70}");
    assert_int_equal(heard_on("in.a"), 2);
    assert_contains(last_heard("in.a")->headers,
                    "409 Message Size Exceeds MaxBytes");
    assert_int_equal(consumer()->pulls.count, 0);
    assert_int_equal(consumer()->next_seq, 2);
}

static void heartbeats(void **state)
{
    (void)state;
    create("");
    pull("in.a", "{\"expires\":10000000000,\"idle_heartbeat\":1000000000}");
    pass_time(NS_PER_S + 1);
    assert_contains(last_heard("in.a")->headers,
                    "NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 0\r\n");
    pass_time(NS_PER_S + 1);
    assert_int_equal(heard_on("in.a"), 2);
}

static void nothing_goes_to_an_inbox_without_a_listener(void **state)
{
    (void)state;
    create("");
    pull("in.gone", "{\"batch\":9}");
    pull("in.a", "{\"batch\":9}");
    fill("s.a", 3);
    assert_int_equal(heard_on("in.a"), 3);
    assert_int_equal(consumer()->pulls.count, 1);
    assert_int_equal(consumer()->last_dseq, 3);
}

static void a_filter_counts_exactly(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++)
        fill(i % 2 == 0 ? "s.a" : "s.b", 1);
    assert_contains(create(",\"filter_subject\":\"s.b\""), "\"num_pending\":5");
    fill("s.b", 1);
    fill("s.a", 1);
    assert_int_equal(consumer_pending(consumer()), 6);
    pull("in.a", "2");
    assert_string_equal(last_heard("in.a")->subject, "s.b");
    assert_contains(last_heard("in.a")->reply, "$JS.ACK.S.C.1.4.2.");
    assert_int_equal(consumer_pending(consumer()), 4);
    api("STREAM.PURGE.S", "{\"seq\":9}");
    assert_int_equal(consumer_pending(consumer()), 2);
    assert_int_equal(consumer()->unacked.count, 0);
    pull("in.a", "{\"batch\":9,\"no_wait\":true}");
    assert_int_equal(consumer_pending(consumer()), 0);
}

static void update_subjects(const char *subjects)
{
    char body[128];
    snprintf(body, sizeof(body), "{\"name\":\"S\",\"subjects\":[%s]}",
             subjects);
    assert_contains(api("STREAM.UPDATE.S", body), "\"created\"");
}

static void a_filter_holds_when_the_stream_s_subjects_change(void **state)
{
    (void)state;
    create(",\"filter_subject\":\"s.*\"");
    update_subjects("\"s.*\",\"t\"");
    fill("t", 2);
    fill("s.a", 1);
    assert_int_equal(consumer_pending(consumer()), 1);
    update_subjects("\"s.*\"");
    restart();
    assert_int_equal(consumer_pending(consumer()), 1);
    pull("in.a", "5");
    assert_int_equal(heard_on("in.a"), 1);
    assert_string_equal(last_heard("in.a")->subject, "s.a");
}

static void starting_places(void **state)
{
    (void)state;
    fill("s.a", 4);
    static const struct {
        const char *policy;
        uint64_t next;
    } cases[] = {
        {"\"deliver_policy\":\"all\"", 1},
        {"\"deliver_policy\":\"last\"", 4},
        {"\"deliver_policy\":\"new\"", 5},
        {"\"deliver_policy\":\"by_start_sequence\",\"opt_start_seq\":3", 3},
        {"\"deliver_policy\":\"by_start_time\","
         "\"opt_start_time\":\"2001-01-01T00:00:00Z\"",
         1},
        {"\"deliver_policy\":\"by_start_time\","
         "\"opt_start_time\":\"2200-01-01T00:00:00Z\"",
         5},
    };
    char members[128];
    for (size_t i = 0; i < COUNT(cases); i++) {
        snprintf(members, sizeof(members), ",%s", cases[i].policy);
        assert_contains(create(members), "consumer_create_response");
        assert_int_equal(consumer()->next_seq, cases[i].next);
        api("CONSUMER.DELETE.S.C", "");
    }
}

static void ack_all_acknowledges_what_is_below(void **state)
{
    (void)state;
    fill("s.a", 5);
    api("CONSUMER.CREATE.S.C",
        "{\"config\":{\"durable_name\":\"C\",\"ack_policy\":\"all\"}}");
    pull("in.a", "5");
    answer(3, "");
    assert_int_equal(consumer()->unacked.count, 1);
    assert_int_equal(consumer()->floor.seq, 4);
}

static void a_restart_brings_back_the_place(void **state)
{
    (void)state;
    fill("s.a", 5);
    create("");
    pull("in.a", "3");
    answer(1, "");
    restart();
    assert_int_equal(consumer()->next_seq, 4);
    assert_int_equal(consumer()->last_dseq, 3);
    assert_int_equal(consumer()->floor.seq, 0);
    assert_int_equal(consumer()->unacked.count, 2);
    answer(0, "");
    assert_int_equal(consumer()->floor.seq, 2);
    pull("in.a", "1");
    assert_contains(last_heard("in.a")->reply, "$JS.ACK.S.C.1.4.4.");
}

static void a_damaged_state_begins_again(void **state)
{
    (void)state;
    char path[128];
    fill("s.a", 2);
    create("");
    pull("in.a", "2");
    close_server(listening, COUNT(listening));
    snprintf(path, sizeof(path), "%s/streams/S/consumers/C.state", store_dir);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    fseek(f, 24, SEEK_SET);
    fputc(7, f);
    fclose(f);
    open_server();
    listen_all();
    assert_int_equal(consumer()->next_seq, 1);
}

/* All files of the stream's messages are gone. */
static void lose_messages(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/streams/S/msgs", store_dir);
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void a_place_behind_the_stream_s_end_goes_back(void **state)
{
    (void)state;
    fill("s.a", 5);
    create("");
    pull("in.a", "4");
    answer(0, "");
    answer(2, "");
    close_server(listening, COUNT(listening));
    lose_messages();
    open_server();
    listen_all();
    assert_int_equal(consumer()->next_seq, 1);
    assert_int_equal(consumer()->floor.seq, 0);
    assert_int_equal(consumer()->unacked.count, 0);
    fill("s.b", 1);
    pull("in.a", "1");
    assert_string_equal(last_heard("in.a")->subject, "s.b");
    assert_contains(last_heard("in.a")->reply, "$JS.ACK.S.C.1.1.5.");
}

static void a_start_behind_the_stream_s_end_is_its_end(void **state)
{
    (void)state;
    fill("s.a", 2);
    create(",\"deliver_policy\":\"by_start_sequence\",\"opt_start_seq\":7");
    assert_int_equal(consumer()->next_seq, 3);
    restart();
    assert_int_equal(consumer()->next_seq, 3);
}

static void an_inactive_ephemeral_goes(void **state)
{
    (void)state;
    api("CONSUMER.CREATE.S.E",
        "{\"config\":{\"name\":\"E\",\"ack_policy\":\"none\"}}");
    struct str name = str_of("E");
    pass_time(4 * NS_PER_S);
    assert_non_null(stream_consumer(stream_named("S"), name));
    pass_time(4 * NS_PER_S);
    assert_null(stream_consumer(stream_named("S"), name));
}

/* ---- what the broker sends to itself ---- */

static void keep_one(const char *subjects)
{
    char body[128];
    snprintf(body, sizeof(body),
             "{\"name\":\"S\",\"subjects\":[%s],\"max_msgs\":1}", subjects);
    assert_contains(api("STREAM.UPDATE.S", body), "\"created\"");
}

/* The delivery goes into the stream and pushes the delivered message out. */
static void an_inbox_may_be_a_subject_of_the_stream(void **state)
{
    (void)state;
    keep_one("\"s.*\"");
    create(",\"ack_wait\":1000000000");
    fill("s.a", 1);
    pull("in.a", "1");
    pass_time(NS_PER_S * 13 / 10);
    pull("s.b", "1");
    assert_int_equal(consumer()->unacked.count, 0);
    assert_int_equal(consumer()->redelivered, 0);
    pass_time(NS_PER_S * 15 / 10);
    pull("in.a", "{\"batch\":5,\"no_wait\":true}");
    assert_int_equal(heard_on("in.a"), 3); /* two messages, one status */
    assert_contains(heard[heard_count - 2].reply, "$JS.ACK.S.C.1.2.3.");
    assert_int_equal(consumer()->unacked.count, 1);
    assert_int_equal(consumer()->floor.seq, 1);
}

static void a_stream_may_keep_advisories_about_itself(void **state)
{
    (void)state;
    keep_one("\"s.*\",\"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>\"");
    create(",\"ack_wait\":1000000000,\"max_deliver\":1");
    fill("s.a", 1);
    pull("in.a", "1");
    pass_time(NS_PER_S * 13 / 10);
    assert_int_equal(consumer()->unacked.count, 0);
    pull("in.a", "1");
    assert_contains(last_heard("in.a")->payload, "\"stream_seq\":1");
    assert_int_equal(consumer()->unacked.count, 1);
    assert_int_equal(consumer()->floor.seq, 1);
}

static void delete_stream(struct sub *sub, struct conn *from,
                          const struct msg *msg)
{
    (void)sub;
    (void)from;
    (void)msg;
    api("STREAM.DELETE.S", "");
}

static void a_delivery_may_end_its_stream(void **state)
{
    (void)state;
    create("");
    fill("s.a", 3);
    listening[2]->handle = delete_stream;
    pull("in.b", "{\"batch\":3,\"expires\":1000000000}");
    assert_null(jetstream_stream(server->account->js, str_of("S")));
}

static void changing(void **state)
{
    (void)state;
    create("");
    assert_contains(create(",\"ack_wait\":5000000000"), "5000000000");
    assert_contains(create(",\"deliver_policy\":\"last\""),
                    "deliver policy can not be updated");
    assert_contains(create(",\"filter_subject\":\"t\""), "10093");
    restart();
    assert_int_equal(consumer()->config.ack_wait_ns, 5 * NS_PER_S);
}

#define CONSUMER_TEST(name) \
    cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONSUMER_TEST(delivers_and_counts),
        CONSUMER_TEST(waiting_requests_share_what_comes),
        CONSUMER_TEST(unacknowledged_comes_again),
        CONSUMER_TEST(refused_comes_again),
        CONSUMER_TEST(work_in_progress_prolongs),
        CONSUMER_TEST(backoff),
        CONSUMER_TEST(no_more_than_max_ack_pending),
        CONSUMER_TEST(endings),
        CONSUMER_TEST(too_large_for_the_request),
        CONSUMER_TEST(heartbeats),
        CONSUMER_TEST(nothing_goes_to_an_inbox_without_a_listener),
        CONSUMER_TEST(a_filter_counts_exactly),
        CONSUMER_TEST(a_filter_holds_when_the_stream_s_subjects_change),
        CONSUMER_TEST(starting_places),
        CONSUMER_TEST(ack_all_acknowledges_what_is_below),
        CONSUMER_TEST(a_restart_brings_back_the_place),
        CONSUMER_TEST(a_damaged_state_begins_again),
        CONSUMER_TEST(a_place_behind_the_stream_s_end_goes_back),
        CONSUMER_TEST(a_start_behind_the_stream_s_end_is_its_end),
        CONSUMER_TEST(an_inactive_ephemeral_goes),
        CONSUMER_TEST(an_inbox_may_be_a_subject_of_the_stream),
        CONSUMER_TEST(a_stream_may_keep_advisories_about_itself),
        CONSUMER_TEST(a_delivery_may_end_its_stream),
        CONSUMER_TEST(changing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
