/* origins: what mirrors and sources copy, and where they go on. */
#include "tests/unit/broker/fixture.h"

#include "broker/jetstream/js_file.h"
#include "broker/jetstream/js_saved.h"

static struct sub *api_sub;

static void open_broker(void)
{
    if (server == NULL)
        open_server();
    api_sub = listen_to("api");
    heard_count = 0;
}

static void close_broker(void)
{
    close_server(&api_sub, 1);
}

static void restart(void)
{
    close_broker();
    open_broker();
}

static void create(const char *config)
{
    char request[64];
    const char *start = config + strlen("{\"name\":\"");
    snprintf(request, sizeof(request), "STREAM.CREATE.%.*s",
             (int)(strchr(start, '"') - start), start);
    assert_contains(api(request, config), "\"did_create\":true");
    heard_count = 0;
}

static void publish_numbers(const char *subject, int first, int last)
{
    for (int i = first; i <= last; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%d", i);
        publish(subject, text);
    }
    turn_loop();
}

static struct store_msg message(const char *stream, uint64_t seq)
{
    struct store *store = stream_named(stream)->store;
    struct store_msg msg;
    assert_int_equal(store->ops->read(store, seq, &msg), 0);
    return msg;
}

static struct store_state state_of(const char *stream)
{
    struct store_state state;
    stream_state(stream_named(stream), &state);
    return state;
}

static struct origin *origin_of(const char *stream)
{
    return stream_named(stream)->origins->list[0];
}

static void a_mirror_keeps_gaps(void **state)
{
    (void)state;
    open_broker();
    create("{\"name\":\"O\",\"subjects\":[\"o\"]}");
    publish_numbers("o", 1, 9);
    stream_remove(stream_named("O"), 1, false);
    stream_remove(stream_named("O"), 5, false);
    stream_remove(stream_named("O"), 6, false);
    create("{\"name\":\"M\",\"mirror\":{\"name\":\"O\"}}");
    turn_loop();
    struct store_state copy = state_of("M"), origin = state_of("O");
    assert_int_equal(copy.messages, 6);
    assert_int_equal(copy.first_seq, 2);
    assert_int_equal(copy.last_seq, 9);
    assert_int_equal(copy.bytes, origin.bytes);
    assert_str(message("M", 7).payload, "7");
    assert_int_equal(message("M", 7).time_ns, message("O", 7).time_ns);
    struct store *store = stream_named("M")->store;
    assert_false(store->ops->has(store, 5));
    restart();
    publish_numbers("o", 10, 10);
    assert_int_equal(state_of("M").messages, 7);
    assert_str(message("M", 10).payload, "10");
    close_broker();
}

static void sources_go_on_after_a_restart(void **state)
{
    (void)state;
    open_broker();
    create("{\"name\":\"O\",\"subjects\":[\"o.*\"]}");
    create("{\"name\":\"S\",\"sources\":[{\"name\":\"O\","
           "\"filter_subject\":\"o.a\"}]}");
    publish_numbers("o.a", 1, 5);
    publish_numbers("o.b", 6, 7);
    assert_int_equal(state_of("S").last_seq, 5);
    assert_int_equal(origin_of("S")->position, 7);
    restart();
    assert_int_equal(origin_of("S")->position, 7);
    publish_numbers("o.a", 8, 9);
    assert_int_equal(state_of("S").last_seq, 7);
    assert_str(message("S", 7).payload, "9");
    assert_contains(message("S", 6).headers.p, ": O 8 o.a > o.a\r\n");
    close_broker();
}

static char *places_file(void)
{
    return js_path(stream_named("S")->folder, "/", "sources.json");
}

static void the_messages_tell_where_the_file_is_lost(void **state)
{
    (void)state;
    static const char *const damages[] = {NULL, "", "{", "{\"through\":3}"};
    open_broker();
    create("{\"name\":\"O\",\"subjects\":[\"o\"]}");
    create("{\"name\":\"S\",\"sources\":[{\"name\":\"O\"}]}");
    publish_numbers("o", 1, 6);
    for (size_t i = 0; i < COUNT(damages); i++) {
        char *path = places_file();
        close_broker();
        assert_int_equal(unlink(path), 0);
        if (damages[i] != NULL) {
            FILE *file = fopen(path, "w");
            assert_non_null(file);
            fputs(damages[i], file);
            fclose(file);
        }
        free(path);
        open_broker();
        turn_loop();
        assert_int_equal(state_of("S").last_seq, 6);
        assert_int_equal(origin_of("S")->position, 6);
    }
    close_broker();
}

/* What a removed message told is in the file before it is gone. */
static void a_message_s_place_outlives_it(void **state)
{
    (void)state;
    struct buf text = {0};
    open_broker();
    create("{\"name\":\"O\",\"subjects\":[\"o\"]}");
    create("{\"name\":\"S\",\"sources\":[{\"name\":\"O\"}]}");
    publish_numbers("o", 1, 6);
    char *path = places_file();
    unlink(path);
    stream_remove(stream_named("S"), 2, false);
    assert_int_equal(js_file_read(path, 1000, &text, NULL), 0);
    assert_contains(buf_text(&text), "\"through\":6,\"places\":{\"O > >\":"
                                     "{\"seq\":6,");
    buf_fini(&text);
    free(path);
    close_broker();
}

static void marks_of_earlier_versions_are_read(void **state)
{
    (void)state;
    open_broker();
    create("{\"name\":\"O\",\"subjects\":[\"o\"]}");
    create("{\"name\":\"S\",\"subjects\":[\"s\"]}");
    publish_numbers("o", 1, 6);
    publish_with("s", "", "NATS/1.0\r\nNats-Stream-Source: O 4\r\n\r\n", "4");
    turn_loop();
    api("STREAM.UPDATE.S", "{\"name\":\"S\",\"subjects\":[\"s\"],"
                           "\"sources\":[{\"name\":\"O\"}]}");
    turn_loop();
    assert_int_equal(state_of("S").last_seq, 3);
    assert_str(message("S", 2).payload, "5");
    close_broker();
}

static void a_turn_copies_only_so_much(void **state)
{
    (void)state;
    open_broker();
    create("{\"name\":\"O\",\"subjects\":[\"o\"],\"storage\":\"memory\"}");
    create("{\"name\":\"S\",\"sources\":[{\"name\":\"O\"}],"
           "\"storage\":\"memory\"}");
    for (int i = 0; i < 3 * ORIGIN_TURN_MSGS; i++)
        publish("o", "x");
    jetstream_turn(server->account->js);
    uint64_t before = state_of("S").messages;
    jetstream_turn(server->account->js);
    assert_int_equal(state_of("S").messages, before + ORIGIN_TURN_MSGS);
    assert_true(jetstream_busy(server->account->js));
    turn_loop();
    assert_int_equal(state_of("S").messages, 3 * ORIGIN_TURN_MSGS);
    close_broker();
}

static void a_full_stream_waits(void **state)
{
    (void)state;
    open_broker();
    create("{\"name\":\"O\",\"subjects\":[\"o\"]}");
    publish_numbers("o", 1, 5);
    create("{\"name\":\"M\",\"mirror\":{\"name\":\"O\"},\"max_msgs\":2,"
           "\"discard\":\"new\"}");
    turn_loop();
    assert_int_equal(state_of("M").last_seq, 2);
    assert_int_equal(origin_of("M")->error.err_code, 10077);
    stream_remove_through(stream_named("M"), 2);
    pass_time(ORIGIN_RETRY_NS);
    assert_int_equal(state_of("M").last_seq, 4);
    close_broker();
}

static void what_never_fits_is_passed_over(void **state)
{
    (void)state;
    open_broker();
    create("{\"name\":\"O\",\"subjects\":[\"o\"]}");
    publish("o", "small");
    publish("o", "much too large for it");
    publish("o", "small");
    turn_loop();
    create("{\"name\":\"M\",\"mirror\":{\"name\":\"O\"},\"max_msg_size\":10}");
    turn_loop();
    assert_int_equal(state_of("M").messages, 2);
    assert_int_equal(state_of("M").last_seq, 3);
    close_broker();
}

/* Asks for the last message on a subject; whose it is, or "". */
static const char *direct(const char *names)
{
    char subject[64];
    snprintf(subject, sizeof(subject), "$JS.API.DIRECT.GET.%s", names);
    heard_count = 0;
    publish_with(subject, "api", "", "");
    turn_loop();
    return heard_count > 0 ? last_heard("api")->headers : "";
}

static void a_mirror_answers_for_its_origin(void **state)
{
    (void)state;
    open_broker();
    create("{\"name\":\"O\",\"subjects\":[\"o\"],\"allow_direct\":true}");
    create("{\"name\":\"P\",\"mirror\":{\"name\":\"O\"}}");
    create("{\"name\":\"M\",\"mirror\":{\"name\":\"O\"},"
           "\"mirror_direct\":true,\"allow_direct\":true}");
    publish_numbers("o", 1, 3);
    assert_contains(direct("O.o"), "Nats-Stream: O\r\n");
    assert_contains(direct("M.o"), "Nats-Stream: M\r\n");
    assert_string_equal(direct("P.o"), "");
    jetstream_stream_delete(stream_named("O"));
    assert_contains(direct("O.o"), "Nats-Stream: M\r\n");
    assert_contains(last_heard("api")->headers, "Nats-Sequence: 3\r\n");
    jetstream_stream_delete(stream_named("M"));
    assert_string_equal(direct("O.o"), "");
    close_broker();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_mirror_keeps_gaps, broker_setup,
                                        broker_teardown),
        cmocka_unit_test_setup_teardown(sources_go_on_after_a_restart,
                                        broker_setup, broker_teardown),
        cmocka_unit_test_setup_teardown(
            the_messages_tell_where_the_file_is_lost, broker_setup,
            broker_teardown),
        cmocka_unit_test_setup_teardown(a_message_s_place_outlives_it,
                                        broker_setup, broker_teardown),
        cmocka_unit_test_setup_teardown(marks_of_earlier_versions_are_read,
                                        broker_setup, broker_teardown),
        cmocka_unit_test_setup_teardown(a_turn_copies_only_so_much,
                                        broker_setup, broker_teardown),
        cmocka_unit_test_setup_teardown(a_mirror_answers_for_its_origin,
                                        broker_setup, broker_teardown),
        cmocka_unit_test_setup_teardown(a_full_stream_waits, broker_setup,
                                        broker_teardown),
        cmocka_unit_test_setup_teardown(what_never_fits_is_passed_over,
                                        broker_setup, broker_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
