/* backlog: what a consumer selects, how much is to come, and what happens to
 * that when messages leave. */
#include "tests/unit/broker/fixture.h"

#include "broker/jetstream/consumer_parts.h"

static struct sub *listening[3];

static void listen_all(void)
{
    listening[0] = listen_to("api");
    listening[1] = listen_to("in");
    listening[2] = listen_to("d");
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
    return api("CONSUMER.CREATE.S.C", body);
}

static struct consumer *consumer(void)
{
    struct consumer *found = stream_consumer(stream_named("S"), str_of("C"));
    assert_non_null(found);
    return found;
}

/* One message on each of the subjects s.<letter>. */
static void fill(const char *letters)
{
    for (; *letters != '\0'; letters++) {
        char subject[] = "s.?";
        subject[2] = *letters;
        publish(subject, "x");
    }
    turn_loop();
}

static void pull(int batch)
{
    char body[64];
    snprintf(body, sizeof(body), "{\"batch\":%d,\"no_wait\":true}", batch);
    publish_with("$JS.API.CONSUMER.MSG.NEXT.S.C", "in", "", body);
    turn_loop();
}

/* The letters of what came, in order, less statuses. */
static const char *came(void)
{
    static char letters[HEARD_MAX + 1];
    size_t count = 0;
    for (size_t i = 0; i < heard_count; i++) {
        if (strcmp(heard[i].to, "in") == 0 && heard[i].subject[0] == 's')
            letters[count++] = heard[i].subject[2];
    }
    letters[count] = '\0';
    heard_count = 0;
    return letters;
}

static void delete_message(uint64_t seq)
{
    assert_int_equal(stream_remove(stream_named("S"), seq, false), 0);
}

static void several_filters(void **state)
{
    (void)state;
    fill("abcabc");
    assert_contains(create(",\"filter_subjects\":[\"s.a\",\"s.c\"]"),
                    "\"num_pending\":4");
    pull(10);
    assert_string_equal(came(), "acac");
    fill("cbb");
    assert_int_equal(consumer_pending(consumer()), 1);
    assert_contains(create(",\"filter_subject\":\"s.b\""), "\"num_pending\":2");
    pull(10);
    assert_string_equal(came(), "bb");
}

static void the_last_of_each_subject(void **state)
{
    (void)state;
    fill("aabbac");
    assert_contains(
        create(",\"deliver_policy\":\"last_per_subject\",\"filter_subject\":"
               "\"s.*\""),
        "\"num_pending\":3");
    fill("ad");
    pull(2);
    assert_contains(last_heard("in")->reply, ".3");
    assert_string_equal(came(), "ba");
    pull(10);
    assert_string_equal(came(), "cad");
    assert_int_equal(consumer_pending(consumer()), 0);
    fill("a");
    pull(10);
    assert_string_equal(came(), "a");
}

/* A picked message that was removed does not come, and is not counted. */
static void picks_that_leave(void **state)
{
    (void)state;
    fill("abcd");
    create(",\"deliver_policy\":\"last_per_subject\",\"filter_subject\":\"s."
           "*\"");
    delete_message(2);
    assert_int_equal(consumer_pending(consumer()), 3);
    pull(1);
    delete_message(1); /* was sent */
    assert_int_equal(consumer_pending(consumer()), 2);
    api("STREAM.PURGE.S", "{\"seq\":4}");
    assert_int_equal(consumer_pending(consumer()), 1);
    fill("c");
    assert_int_equal(consumer_pending(consumer()), 2);
    pull(10);
    assert_string_equal(came(), "adc");
}

static void picks_outlive_a_restart(void **state)
{
    (void)state;
    fill("ababcc");
    create(",\"deliver_policy\":\"last_per_subject\",\"filter_subject\":\"s."
           "*\"");
    fill("d");
    pull(1);
    assert_string_equal(came(), "a");
    restart();
    assert_int_equal(consumer_pending(consumer()), 3);
    pull(10);
    assert_string_equal(came(), "bcd");
    restart();
    assert_int_equal(consumer_pending(consumer()), 0);
}

static void removals_are_counted(void **state)
{
    (void)state;
    fill("ababab");
    create(",\"filter_subject\":\"s.a\"");
    assert_int_equal(consumer_pending(consumer()), 3);
    delete_message(2);
    assert_int_equal(consumer_pending(consumer()), 3);
    delete_message(3);
    assert_int_equal(consumer_pending(consumer()), 2);
    pull(1);
    delete_message(1); /* on its way: given up */
    assert_int_equal(consumer_pending(consumer()), 1);
    assert_int_equal(consumer()->unacked.count, 0);
    api("STREAM.PURGE.S", "{\"filter\":\"s.a\"}");
    assert_int_equal(consumer_pending(consumer()), 0);
    fill("aa");
    assert_int_equal(consumer_pending(consumer()), 2);
    api("STREAM.PURGE.S", "");
    assert_int_equal(consumer_pending(consumer()), 0);
    pull(10);
    assert_string_equal(came(), "a");
}

static void limits_are_counted(void **state)
{
    (void)state;
    create("");
    assert_contains(api("STREAM.UPDATE.S", "{\"name\":\"S\",\"subjects\":[\"s."
                                           "*\"],\"max_msgs_per_subject\":1}"),
                    "\"created\"");
    fill("abab");
    assert_int_equal(consumer_pending(consumer()), 2);
    fill("a");
    assert_int_equal(consumer_pending(consumer()), 2);
    pull(1);
    fill("ab");
    assert_int_equal(consumer_pending(consumer()), 2);
    pull(10);
    assert_string_equal(came(), "bab");
    assert_int_equal(consumer_pending(consumer()), 0);
}

/* What is selected, counted the slow way, whatever happened before. */
static uint64_t count_slowly(const struct consumer *c)
{
    struct store *store = c->stream->store;
    uint64_t count = 0;
    struct store_msg msg;
    for (uint64_t seq = c->next_seq; seq <= stream_durable(c->stream); seq++)
        count += store->ops->read(store, seq, &msg) == 0 &&
                 (str_is(msg.subject, "s.a") || str_is(msg.subject, "s.c"));
    return count;
}

static void the_count_is_right_at_any_time(void **state)
{
    (void)state;
    static const char letters[] = "abcd";
    srand(7);
    create(",\"filter_subjects\":[\"s.a\",\"s.c\"],\"max_ack_pending\":-1");
    for (int i = 0; i < 300; i++) {
        char one[] = {letters[rand() % 4], letters[rand() % 4], '\0'};
        struct store_state there;
        stream_state(stream_named("S"), &there);
        switch (rand() % 5) {
        case 0:
            pull(1 + rand() % 3);
            break;
        case 1:
            stream_remove(stream_named("S"),
                          there.first_seq + (uint64_t)rand() % 20, false);
            break;
        case 2:
            if (rand() % 8 == 0)
                api("STREAM.PURGE.S", "{\"keep\":3}");
            break;
        default:
            fill(one);
        }
        assert_int_equal(consumer_pending(consumer()),
                         count_slowly(consumer()));
        heard_count = 0;
    }
}

static void settled_messages_do_not_come_back(void **state)
{
    (void)state;
    fill("abc");
    create("");
    pull(3);
    assert_int_equal(consumer()->unacked.count, 3);
    pass_time(NS_PER_S); /* its state is saved */
    consumer()->durable = false;
    delete_message(2);
    restart();
    assert_int_equal(consumer()->unacked.count, 2);
    assert_null(unacked_find(&consumer()->unacked, 2));
}

/* ---- reset ---- */

static const char *reset(const char *body)
{
    const char *answer = api("CONSUMER.RESET.S.C", body);
    turn_loop();
    return answer;
}

static void a_reset_to_the_floor(void **state)
{
    (void)state;
    fill("abc");
    create("");
    pull(2);
    publish(last_heard("in")->reply, "-NAK");
    turn_loop();
    came();
    const char *answer = reset("");
    assert_contains(answer, "v1.consumer_reset_response\"");
    assert_contains(answer, "\"delivered\":{\"consumer_seq\":0,"
                            "\"stream_seq\":0}");
    assert_contains(answer, "\"num_ack_pending\":0,\"num_redelivered\":0");
    assert_contains(answer, "\"num_pending\":3");
    assert_contains(answer, "\"reset_seq\":1");
    pull(1);
    assert_contains(last_heard("in")->reply, "$JS.ACK.S.C.1.1.1.");
    publish(last_heard("in")->reply, "");
    turn_loop();
    assert_contains(reset("{}"), "\"reset_seq\":2");
    came();
    pull(10);
    assert_string_equal(came(), "bc");
}

static void a_reset_to_a_sequence(void **state)
{
    (void)state;
    fill("abcabc");
    create(",\"filter_subject\":\"s.b\"");
    pull(10);
    assert_string_equal(came(), "bb");
    assert_contains(reset("{\"seq\":3}"), "\"reset_seq\":3");
    assert_int_equal(consumer_pending(consumer()), 1);
    restart();
    assert_int_equal(consumer_pending(consumer()), 1);
    assert_int_equal(consumer()->floor.seq, 2);
    pull(10);
    assert_string_equal(came(), "b");
    assert_int_equal(consumer()->last_dseq, 1);
    assert_contains(reset("{\"seq\":100}"), "\"reset_seq\":7");
    assert_int_equal(consumer_pending(consumer()), 0);
    fill("b");
    pull(10);
    assert_string_equal(came(), "b");
}

static void a_reset_brings_the_picks_back(void **state)
{
    (void)state;
    fill("aabb");
    create(",\"deliver_policy\":\"last_per_subject\",\"filter_subject\":\"s."
           "*\"");
    fill("c");
    pull(10);
    assert_string_equal(came(), "abc");
    reset("");
    assert_int_equal(consumer_pending(consumer()), 3);
    pull(10);
    assert_string_equal(came(), "abc");
}

static void resets_that_are_refused(void **state)
{
    (void)state;
    fill("abc");
    create(",\"deliver_policy\":\"by_start_sequence\",\"opt_start_seq\":2");
    assert_contains(reset("{\"seq\":1}"), "10204");
    assert_contains(reset("{\"seq\":2}"), "\"reset_seq\":2");
    assert_contains(reset("{\"seq\":-1}"), "10025");
    assert_contains(api("CONSUMER.RESET.S.X", ""), "10014");
    api("CONSUMER.DELETE.S.C", "");
    create(",\"deliver_policy\":\"new\"");
    assert_contains(reset("{\"seq\":1}"), "10204");
    assert_contains(reset(""), "\"reset_seq\":4");
    api("CONSUMER.DELETE.S.C", "");
    create(",\"deliver_policy\":\"by_start_time\","
           "\"opt_start_time\":\"2200-01-01T00:00:00Z\"");
    assert_contains(reset("{\"seq\":1}"), "10204");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(several_filters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_of_each_subject, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(picks_that_leave, set_up, tear_down),
        cmocka_unit_test_setup_teardown(picks_outlive_a_restart, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(removals_are_counted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(limits_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_count_is_right_at_any_time, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(settled_messages_do_not_come_back,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reset_to_the_floor, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_reset_to_a_sequence, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_reset_brings_the_picks_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(resets_that_are_refused, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
