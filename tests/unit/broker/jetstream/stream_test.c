/* stream: publishing, limits, duplicates, and what a restart brings back. */
#include "tests/unit/broker/fixture.h"

#include <errno.h>
#include <fcntl.h>

#include "broker/jetstream/purge.h"
#include "broker/store/disk.h"

static struct sub *listening[2];

static int set_up(void **state)
{
    broker_setup(state);
    listening[0] = listen_to("api");
    listening[1] = listen_to("ack");
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
    listening[0] = listen_to("api");
    listening[1] = listen_to("ack");
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

static const char *acked(const char *headers, const char *payload)
{
    publish_with("s.a", "ack", headers, payload);
    turn_loop();
    return last_heard("ack")->payload;
}

static void acknowledged_only_when_durable(void **state)
{
    (void)state;
    create("");
    publish_with("s.a", "ack", "", "x");
    assert_int_equal(heard_on("ack"), 0);
    turn_loop();
    assert_string_equal(last_heard("ack")->payload,
                        "{\"stream\":\"S\", \"seq\":1}");
    assert_int_equal(stream_durable(stream_named("S")), 1);
}

static void duplicates_get_the_first_sequence(void **state)
{
    (void)state;
    static const char id[] = "NATS/1.0\r\nNats-Msg-Id: 7\r\n\r\n";
    create("");
    acked("", "one");
    assert_string_equal(acked(id, "two"), "{\"stream\":\"S\", \"seq\":2}");
    acked("", "three");
    assert_string_equal(acked(id, "two"),
                        "{\"stream\":\"S\", \"seq\":2,\"duplicate\": true}");
    assert_int_equal(state_of().messages, 3);
    restart();
    assert_string_equal(acked(id, "two"),
                        "{\"stream\":\"S\", \"seq\":2,\"duplicate\": true}");
}

static void a_duplicate_waits_for_the_original(void **state)
{
    (void)state;
    static const char id[] = "NATS/1.0\r\nNats-Msg-Id: 7\r\n\r\n";
    create("");
    publish_with("s.a", "ack", id, "one");
    publish_with("s.a", "ack", id, "one");
    assert_int_equal(heard_on("ack"), 0);
    turn_loop();
    assert_int_equal(heard_on("ack"), 2);
    assert_contains(last_heard("ack")->payload, "duplicate");
}

static void ids_count_in_their_window_only(void **state)
{
    (void)state;
    static const char id[] = "NATS/1.0\r\nNats-Msg-Id: 7\r\n\r\n";
    create(",\"duplicate_window\":100000000");
    acked(id, "one");
    usleep(150000);
    assert_string_equal(acked(id, "one"), "{\"stream\":\"S\", \"seq\":2}");
}

static void expectations(void **state)
{
    (void)state;
    create("");
    acked("NATS/1.0\r\nNats-Msg-Id: first\r\n\r\n", "x");
    static const struct {
        const char *header, *answer;
    } cases[] = {
        {"Nats-Expected-Stream: T", "\"err_code\":10060"},
        {"Nats-Expected-Last-Sequence: 5", "wrong last sequence: 1"},
        {"Nats-Expected-Last-Msg-Id: other", "wrong last msg ID: first"},
        {"Nats-Expected-Last-Subject-Sequence: 0", "wrong last sequence: 1"},
        {"Nats-Rollup: all", "\"err_code\":10111"},
    };
    char headers[128];
    for (size_t i = 0; i < COUNT(cases); i++) {
        snprintf(headers, sizeof(headers), "NATS/1.0\r\n%s\r\n\r\n",
                 cases[i].header);
        assert_contains(acked(headers, "x"), cases[i].answer);
    }
    assert_int_equal(state_of().messages, 1);
    assert_contains(acked("NATS/1.0\r\nNats-Expected-Stream: S\r\n"
                          "Nats-Expected-Last-Sequence: 1\r\n"
                          "Nats-Expected-Last-Msg-Id: first\r\n\r\n",
                          "x"),
                    "\"seq\":2");
}

/* The last message's, whether or not a duplicate is looked for. */
static void the_last_id_is_the_last_message_s(void **state)
{
    (void)state;
    static const char first[] = "NATS/1.0\r\nNats-Msg-Id: first\r\n\r\n";
    static const char after[] =
        "NATS/1.0\r\nNats-Expected-Last-Msg-Id: first\r\n\r\n";
    create(",\"duplicate_window\":100000000");
    acked(first, "x");
    usleep(150000);
    restart();
    assert_contains(acked(after, "x"), "\"seq\":2");
    assert_contains(acked(after, "x"), "wrong last msg ID: ");
    restart();
    assert_contains(acked(after, "x"), "wrong last msg ID: ");
    assert_contains(acked("", "x"), "\"seq\":3");
}

static void full_and_discarding_old(void **state)
{
    (void)state;
    create(",\"max_msgs\":3");
    for (int i = 0; i < 10; i++)
        acked("", "x");
    assert_int_equal(state_of().first_seq, 8);
    assert_int_equal(state_of().messages, 3);
}

static void full_and_discarding_new(void **state)
{
    (void)state;
    create(",\"max_msgs\":2,\"discard\":\"new\"");
    acked("", "x");
    acked("", "x");
    assert_contains(acked("", "x"), "maximum messages exceeded");
    assert_int_equal(state_of().messages, 2);
}

static void limits_in_bytes(void **state)
{
    (void)state;
    create(",\"max_bytes\":100,\"discard\":\"new\",\"max_msg_size\":50");
    assert_contains(acked("", "x"), "\"seq\":1"); /* 34 bytes */
    assert_contains(acked("", "x"), "\"seq\":2");
    assert_contains(acked("", "x"), "maximum bytes exceeded");
    char large[64];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    assert_contains(acked("", large), "\"err_code\":10054");
    assert_int_equal(state_of().bytes, 68);
}

static void old_messages_leave(void **state)
{
    (void)state;
    create(",\"max_age\":200000000");
    acked("", "one");
    usleep(120000);
    acked("", "two");
    usleep(100000);
    server->now_ns = clock_mono_ns();
    timers_run(&server->timers, server->now_ns);
    assert_int_equal(state_of().first_seq, 2);
    assert_int_equal(state_of().messages, 1);
    usleep(150000);
    timers_run(&server->timers, clock_mono_ns());
    assert_int_equal(state_of().messages, 0);
}

static void purging(void **state)
{
    (void)state;
    create("");
    for (int i = 0; i < 10; i++)
        acked("", "x");
    assert_contains(api("STREAM.PURGE.S", "{\"seq\":4}"), "\"purged\":3");
    assert_contains(api("STREAM.PURGE.S", "{\"keep\":5}"), "\"purged\":2");
    assert_contains(api("STREAM.PURGE.S", "{\"keep\":1,\"seq\":2}"), "10003");
    assert_contains(api("STREAM.PURGE.S", "{\"filter\":\"s.>\"}"),
                    "\"purged\":5");
    assert_int_equal(state_of().first_seq, 11);
    assert_contains(api("STREAM.PURGE.S", "{\"filter\":\"s..a\"}"), "10003");
    assert_contains(api("STREAM.PURGE.S", "{\"seq\":100}"), "\"purged\":0");
    assert_int_equal(state_of().first_seq, 100);
    assert_int_equal(state_of().last_seq, 99);
}

static void purging_keeps_the_last_of_what_is_not_on_disk(void **state)
{
    (void)state;
    create("");
    publish("s.d", "on disk");
    turn_loop();
    const char *const subjects[] = {"s.a", "s.b", "s.c", "s.b",
                                    "s.a", "s.c", "s.b"};
    for (size_t i = 0; i < 7; i++)
        publish(subjects[i], "x");
    struct stream *stream = stream_named("S");
    assert_int_equal(stream_durable(stream), 1);
    const struct purge purge = {.filter = STR("s.*"), .keep = 3};
    assert_int_equal(stream_purge(stream, &purge), 5);
    for (uint64_t seq = 1; seq <= 8; seq++)
        assert_int_equal(stream->store->ops->has(stream->store, seq), seq > 5);
}

static void a_restart_keeps_everything(void **state)
{
    (void)state;
    create(",\"max_msgs\":100");
    for (int i = 0; i < 5; i++)
        acked("", "x");
    struct store_state before = state_of();
    restart();
    struct store_state after = state_of();
    assert_int_equal(after.messages, before.messages);
    assert_int_equal(after.last_time_ns, before.last_time_ns);
    assert_int_equal(stream_named("S")->config.max_msgs, 100);
    assert_contains(acked("", "x"), "\"seq\":6");
}

/* ---- a disk that refuses ---- */

static ssize_t no_room(int fd, const void *bytes, size_t n, off_t offset)
{
    (void)fd;
    (void)bytes;
    (void)n;
    (void)offset;
    errno = ENOSPC;
    return -1;
}

static void a_full_disk_refuses_and_loses_nothing(void **state)
{
    (void)state;
    ssize_t (*pwrite_before)(int, const void *, size_t, off_t) =
        disk_calls.pwrite;
    create("");
    acked("", "x");
    disk_calls.pwrite = no_room;
    publish_with("s.a", "ack", "", "taken before it was known");
    jetstream_turn(server->account->js);
    struct store *store = stream_named("S")->store;
    while (store->ops->error(store) == 0)
        usleep(1000);
    publish_with("s.a", "ack", "", "refused");
    hand_over();
    assert_contains(last_heard("ack")->payload, "\"code\":503");
    assert_contains(last_heard("ack")->payload, "No space left on device");
    assert_int_equal(heard_on("ack"), 2);
    disk_calls.pwrite = pwrite_before;
    turn_loop();
    assert_contains(last_heard("ack")->payload, "\"seq\":2");
    assert_contains(acked("", "x"), "\"seq\":3");
}

static const char *refused_name; /* part of a file's name */

static int open_or_refuse(const char *path, int flags, mode_t mode)
{
    if (strstr(path, refused_name) == NULL)
        return open(path, flags, mode);
    errno = ENOSPC;
    return -1;
}

static void a_stream_that_was_refused_leaves_nothing(void **state)
{
    (void)state;
    int (*open_before)(const char *, int, mode_t) = disk_calls.open;
    refused_name = "store.meta";
    disk_calls.open = open_or_refuse;
    assert_contains(api("STREAM.CREATE.S", "{\"name\":\"S\"}"), "10049");
    disk_calls.open = open_before;
    create("");
    assert_contains(acked("", "x"), "\"seq\":1");
}

static int syncs_until_failure;

static int sync_or_fail(int fd)
{
    if (--syncs_until_failure != 0)
        return fsync(fd);
    errno = EIO;
    return -1;
}

/* Whichever folder it is that cannot be synced. */
static void created_only_when_the_folders_are_synced(void **state)
{
    (void)state;
    int (*fsync_before)(int) = disk_calls.fsync;
    int refused = 0;
    for (int at = 1; refused == at - 1; at++) {
        syncs_until_failure = at;
        disk_calls.fsync = sync_or_fail;
        refused +=
            strstr(api("STREAM.CREATE.S", "{\"name\":\"S\"}"), "10049") != NULL;
        disk_calls.fsync = fsync_before;
        assert_contains(api("STREAM.CREATE.S", "{\"name\":\"S\"}"),
                        "did_create");
        assert_contains(api("STREAM.DELETE.S", ""), "\"success\":true");
    }
    assert_true(refused >= 4); /* .new, consumers, stream.json, streams */
}

static void a_consumer_that_was_refused_leaves_nothing(void **state)
{
    (void)state;
    static const char body[] = "{\"stream_name\":\"S\",\"config\":{"
                               "\"durable_name\":\"C\"}}";
    int (*open_before)(const char *, int, mode_t) = disk_calls.open;
    create("");
    refused_name = "C.state";
    disk_calls.open = open_or_refuse;
    assert_contains(api("CONSUMER.DURABLE.CREATE.S.C", body), "10012");
    disk_calls.open = open_before;
    restart();
    assert_contains(api("CONSUMER.INFO.S.C", ""), "10014");
    assert_contains(api("CONSUMER.DURABLE.CREATE.S.C", body), "\"created\"");
}

static void deleted_is_gone(void **state)
{
    (void)state;
    create("");
    acked("", "x");
    assert_contains(api("STREAM.DELETE.S", ""), "\"success\":true");
    assert_contains(api("STREAM.INFO.S", ""), "10059");
    restart();
    assert_contains(api("STREAM.INFO.S", ""), "10059");
    create("");
    assert_int_equal(state_of().messages, 0);
}

static void creating_again(void **state)
{
    (void)state;
    create("");
    create("");
    assert_contains(
        api("STREAM.CREATE.S", "{\"name\":\"S\",\"subjects\":[\"t\"]}"),
        "10058");
    assert_contains(
        api("STREAM.CREATE.T", "{\"name\":\"T\",\"subjects\":[\"*.x\"]}"),
        "10065");
    assert_contains(api("STREAM.CREATE.T", "{\"name\":\"S\"}"), "10056");
    assert_contains(
        api("STREAM.UPDATE.S", "{\"name\":\"S\",\"subjects\":[\"s.>\",\"t\"]}"),
        "\"t\"");
    publish_with("t", "ack", "", "x");
    turn_loop();
    assert_contains(last_heard("ack")->payload, "\"seq\":1");
    assert_contains(api("STREAM.INFO.S", ""), "\"messages\":1");
}

static void a_damaged_stream_is_left_alone(void **state)
{
    (void)state;
    char path[128];
    create("");
    acked("", "x");
    snprintf(path, sizeof(path), "%s/streams/S/stream.json", store_dir);
    assert_int_equal(truncate(path, 10), 0);
    restart();
    assert_int_equal(server->account->js->damaged, 1);
    assert_contains(api("STREAM.INFO.S", ""), "10059");
    assert_contains(api("STREAM.CREATE.S", "{\"name\":\"S\"}"),
                    "a damaged stream of this name is on disk");
}

static void single_messages(void **state)
{
    (void)state;
    create("");
    publish("s.a", "one");
    publish("s.b", "two");
    publish("s.a", "three");
    turn_loop();
    assert_contains(api("STREAM.MSG.GET.S", "{\"seq\":2}"),
                    "\"data\":\"dHdv\"");
    assert_contains(api("STREAM.MSG.GET.S", "{\"last_by_subj\":\"s.a\"}"),
                    "\"seq\":3");
    assert_contains(
        api("STREAM.MSG.GET.S", "{\"next_by_subj\":\"s.a\",\"seq\":2}"),
        "\"seq\":3");
    assert_contains(api("STREAM.MSG.GET.S", "{\"seq\":9}"), "10037");
    assert_contains(api("STREAM.MSG.GET.S", "{}"), "10003");
}

#define STREAM_TEST(name) \
    cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STREAM_TEST(acknowledged_only_when_durable),
        STREAM_TEST(duplicates_get_the_first_sequence),
        STREAM_TEST(a_duplicate_waits_for_the_original),
        STREAM_TEST(ids_count_in_their_window_only),
        STREAM_TEST(expectations),
        STREAM_TEST(the_last_id_is_the_last_message_s),
        STREAM_TEST(full_and_discarding_old),
        STREAM_TEST(full_and_discarding_new),
        STREAM_TEST(limits_in_bytes),
        STREAM_TEST(old_messages_leave),
        STREAM_TEST(purging),
        STREAM_TEST(purging_keeps_the_last_of_what_is_not_on_disk),
        STREAM_TEST(a_restart_keeps_everything),
        STREAM_TEST(a_full_disk_refuses_and_loses_nothing),
        STREAM_TEST(a_stream_that_was_refused_leaves_nothing),
        STREAM_TEST(created_only_when_the_folders_are_synced),
        STREAM_TEST(a_consumer_that_was_refused_leaves_nothing),
        STREAM_TEST(deleted_is_gone),
        STREAM_TEST(creating_again),
        STREAM_TEST(a_damaged_stream_is_left_alone),
        STREAM_TEST(single_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
