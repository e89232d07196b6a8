/* The log of a topic: what readers get at their own pace. */
#include "tests/unit/test.h"

#include "api/live/event_log.h"

struct client {
    struct event_reader reader; /* first */
    int woken;
};

static void wake(struct event_reader *reader)
{
    ((struct client *)reader)->woken++;
}

static void join(struct client *c, struct event_log *log)
{
    *c = (struct client){.reader.wake = wake};
    event_reader_join(&c->reader, log);
}

static void append(struct event_log *log, uint64_t key, uint64_t sequence)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%llu:%llu", (unsigned long long)key,
                     (unsigned long long)sequence);
    event_log_append(log, key, sequence, str_make(text, (size_t)n));
}

static void assert_next(struct client *c, const char *payload,
                        uint64_t previous, uint64_t missed)
{
    struct event event;
    assert_true(event_reader_next(&c->reader, &event));
    assert_str(event.payload, payload);
    assert_int_equal(event.previous, previous);
    assert_int_equal(event.missed, missed);
}

static void assert_end(struct client *c)
{
    struct event event;
    assert_false(event_reader_next(&c->reader, &event));
}

static void readers_get_all_that_came_after_they_joined(void **state)
{
    (void)state;
    struct event_log *log = event_log_new(NULL);
    struct client a, b;
    join(&a, log);
    append(log, 1, 10);
    join(&b, log);
    append(log, 2, 12);
    assert_next(&a, "1:10", 0, 0);
    assert_next(&a, "2:12", 10, 0);
    assert_end(&a);
    assert_next(&b, "2:12", 10, 0);
    assert_end(&b);
    event_reader_leave(&a.reader);
    event_reader_leave(&b.reader);
    event_log_free(&log);
}

static void a_reader_is_woken_once_until_it_has_read_all(void **state)
{
    (void)state;
    struct event_log *log = event_log_new(NULL);
    struct client c;
    join(&c, log);
    append(log, 1, 1);
    append(log, 1, 2);
    assert_int_equal(c.woken, 1);
    assert_next(&c, "1:1", 0, 0);
    append(log, 1, 3);
    assert_int_equal(c.woken, 1);
    assert_next(&c, "1:2", 1, 0);
    assert_next(&c, "1:3", 2, 0);
    assert_end(&c);
    assert_end(&c);
    append(log, 1, 4);
    assert_int_equal(c.woken, 2);
    event_reader_leave(&c.reader);
    event_log_free(&log);
}

/* The ring holds 4: of 1 … 20 over three keys the reader gets the newest of
 * each key, in order, and what is in the ring whole. */
static void a_slow_reader_gets_the_newest_of_each_key(void **state)
{
    (void)state;
    struct event_log_config config = {.events_max = 4};
    struct event_log *log = event_log_new(&config);
    struct client slow, fast;
    join(&slow, log);
    join(&fast, log);
    append(log, 7, 1);
    append(log, 8, 2);
    for (uint64_t n = 3; n <= 20; n++)
        append(log, 9, n);
    assert_next(&slow, "7:1", 0, 0);
    assert_next(&slow, "8:2", 1, 0);
    assert_next(&slow, "9:17", 16, 14);
    assert_next(&slow, "9:18", 17, 0);
    append(log, 7, 21);
    assert_next(&slow, "9:19", 18, 0);
    assert_next(&slow, "9:20", 19, 0);
    assert_next(&slow, "7:21", 20, 0);
    assert_end(&slow);
    /* The other has read nothing: key 7's event of then is superseded. */
    assert_next(&fast, "8:2", 1, 1);
    assert_next(&fast, "9:18", 17, 15);
    event_reader_leave(&slow.reader);
    event_reader_leave(&fast.reader);
    event_log_free(&log);
}

static void nothing_is_kept_when_all_have_read_all(void **state)
{
    (void)state;
    struct event_log *log = event_log_new(NULL);
    struct client c;
    join(&c, log);
    append(log, 1, 1);
    assert_next(&c, "1:1", 0, 0);
    assert_end(&c);
    size_t one = event_log_bytes(log);
    for (uint64_t n = 2; n < 1000; n++) {
        struct event event;
        append(log, n, n);
        while (event_reader_next(&c.reader, &event))
            ;
    }
    assert_true(event_log_bytes(log) < one + 16);
    event_reader_leave(&c.reader);
    for (uint64_t n = 0; n < 100; n++)
        append(log, n, n);
    assert_true(event_log_bytes(log) < one + 16);
    event_log_free(&log);
}

static void memory_is_bounded_by_the_log_and_by_the_budget(void **state)
{
    (void)state;
    struct event_budget budget = {.bytes_max = 20000};
    struct event_log_config config = {.bytes_max = 10000, .budget = &budget};
    struct event_log *logs[8];
    struct client clients[COUNT(logs)];
    for (size_t i = 0; i < COUNT(logs); i++) {
        logs[i] = event_log_new(&config);
        join(&clients[i], logs[i]);
    }
    char text[100] = {0};
    for (uint64_t n = 0; n < 10000; n++)
        for (size_t i = 0; i < COUNT(logs); i++) {
            event_log_append(logs[i], n % 50, n + 1, str_make(text, 100));
            assert_true(event_log_bytes(logs[i]) < 20000);
            assert_true(budget.bytes < 20000 + COUNT(logs) * 200);
        }
    for (size_t i = 0; i < COUNT(logs); i++) {
        struct event event;
        uint64_t got = 0, missed = 0;
        while (event_reader_next(&clients[i].reader, &event)) {
            got++;
            missed += event.missed;
        }
        assert_int_equal(got + missed, 10000);
        assert_int_equal(event.sequence, 10000);
        event_reader_leave(&clients[i].reader);
        event_log_free(&logs[i]);
    }
    assert_int_equal(budget.bytes, 0);
}

/* Whatever is appended and read: every reader's events come in order, what it
 * gets and what it missed add up, and after catching up it has seen the newest
 * event of every key. */
static void readers_at_any_pace_end_with_the_newest_of_every_key(void **state)
{
    (void)state;
    enum { KEYS = 40, READERS = 6, ROUNDS = 20000 };
    struct event_log_config config = {.events_max = 16};
    struct event_log *log = event_log_new(&config);
    struct client clients[READERS];
    uint64_t newest[KEYS] = {0}, seen[READERS][KEYS] = {{0}};
    uint64_t last[READERS] = {0}, sum[READERS] = {0};
    for (int r = 0; r < READERS; r++)
        join(&clients[r], log);
    unsigned seed = 1;
    for (uint64_t n = 1; n <= ROUNDS; n++) {
        uint64_t key = (uint64_t)rand_r(&seed) % KEYS;
        key = key * key / KEYS;
        append(log, key, n);
        newest[key] = n;
        for (int r = 0; r < READERS; r++) {
            struct event e;
            if (n != ROUNDS && rand_r(&seed) % (r * r * 20 + 1) != 0)
                continue;
            int left = n == ROUNDS ? ROUNDS : rand_r(&seed) % 60;
            while (left-- > 0 && event_reader_next(&clients[r].reader, &e)) {
                assert_true(e.sequence > last[r]);
                assert_int_equal(e.previous, e.sequence - 1);
                last[r] = e.sequence;
                sum[r] += 1 + e.missed;
                seen[r][strtoul(e.payload.p, NULL, 10)] = e.sequence;
            }
        }
    }
    for (int r = 0; r < READERS; r++) {
        assert_int_equal(sum[r], ROUNDS);
        assert_memory_equal(seen[r], newest, sizeof newest);
        event_reader_leave(&clients[r].reader);
    }
    event_log_free(&log);
}

/* ---- leaving while being woken ---- */

static struct client *victim;

static void wake_and_dismiss(struct event_reader *reader)
{
    ((struct client *)reader)->woken++;
    event_reader_leave(&victim->reader);
    event_reader_leave(reader);
}

static void readers_may_leave_while_they_are_woken(void **state)
{
    (void)state;
    struct event_log *log = event_log_new(NULL);
    struct client a, b, c;
    join(&a, log);
    join(&b, log);
    join(&c, log);
    a.reader.wake = wake_and_dismiss;
    victim = &b;
    append(log, 1, 1);
    assert_int_equal(a.woken, 1);
    assert_int_equal(b.woken, 0);
    assert_int_equal(c.woken, 1);
    assert_int_equal(event_log_readers(log), 1);
    event_reader_leave(&c.reader);
    event_log_free(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_get_all_that_came_after_they_joined),
        cmocka_unit_test(a_reader_is_woken_once_until_it_has_read_all),
        cmocka_unit_test(a_slow_reader_gets_the_newest_of_each_key),
        cmocka_unit_test(nothing_is_kept_when_all_have_read_all),
        cmocka_unit_test(memory_is_bounded_by_the_log_and_by_the_budget),
        cmocka_unit_test(readers_at_any_pace_end_with_the_newest_of_every_key),
        cmocka_unit_test(readers_may_leave_while_they_are_woken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
