/* puback: publishers are answered in order, when the disk has it. */
#include "tests/unit/test.h"

#include "broker/jetstream/puback.h"

static void push(struct pubacks *acks, uint64_t wait, uint64_t seq,
                 const char *reply)
{
    struct puback ack = {.wait_seq = wait,
                         .seq = seq,
                         .duplicate = seq < wait,
                         .reply = str_of(reply)};
    pubacks_push(acks, &ack);
}

static void waits_for_the_disk(void **state)
{
    (void)state;
    struct pubacks acks = {0};
    struct puback ack;
    push(&acks, 1, 1, "r.1");
    push(&acks, 2, 2, "r.two");
    push(&acks, 2, 1, "r.dup");
    assert_false(pubacks_pop(&acks, 0, &ack));
    assert_true(pubacks_pop(&acks, 1, &ack));
    assert_str(ack.reply, "r.1");
    assert_false(pubacks_pop(&acks, 1, &ack));
    assert_true(pubacks_pop(&acks, 5, &ack));
    assert_int_equal(ack.seq, 2);
    assert_true(pubacks_pop(&acks, 5, &ack));
    assert_true(ack.duplicate);
    assert_int_equal(ack.seq, 1);
    assert_true(pubacks_empty(&acks));
    pubacks_fini(&acks);
}

static void long_queues_keep_their_order(void **state)
{
    (void)state;
    struct pubacks acks = {0};
    struct puback ack;
    char reply[32];
    uint64_t popped = 0;
    for (uint64_t seq = 1; seq <= 200000; seq++) {
        snprintf(reply, sizeof(reply), "inbox.%llu", (unsigned long long)seq);
        push(&acks, seq, seq, reply);
        while (seq % 7 != 0 && popped + 3000 < seq &&
               pubacks_pop(&acks, seq - 2000, &ack))
            assert_int_equal(ack.seq, ++popped);
    }
    assert_true(acks.bytes.cap < 2 << 20);
    while (pubacks_pop(&acks, UINT64_MAX, &ack)) {
        snprintf(reply, sizeof(reply), "inbox.%llu",
                 (unsigned long long)++popped);
        assert_str(ack.reply, reply);
    }
    assert_int_equal(popped, 200000);
    pubacks_fini(&acks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_for_the_disk),
        cmocka_unit_test(long_queues_keep_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
