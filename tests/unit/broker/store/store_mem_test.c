#include "store_fixture.h"

static int setup(void **state)
{
    *state = store_mem_open();
    return 0;
}

static int teardown(void **state)
{
    struct store *store = *state;
    store->ops->destroy(store);
    return 0;
}

static void keeps_what_is_appended(void **state)
{
    struct store *store = *state;
    assert_state(store, 1, 0);
    append_only(store, 1, 1000);
    store->ops->commit(store);
    assert_int_equal(store->ops->durable(store), 1000);
    assert_readable(store, 1, 1000);
    assert_state(store, 1, 1000);
    assert_int_equal(read_result(store, 0), -ENOENT);
    assert_int_equal(read_result(store, 1001), -ENOENT);
    assert_int_equal(store->ops->error(store), 0);
}

static void removes_from_the_front(void **state)
{
    struct store *store = *state;
    append_only(store, 1, 100);
    assert_int_equal(store->ops->remove_through(store, 60), 0);
    assert_int_equal(store->ops->remove_through(store, 30), 0);
    assert_int_equal(read_result(store, 60), -ENOENT);
    assert_readable(store, 61, 100);
    assert_state(store, 61, 100);
    assert_int_equal(store->ops->remove_through(store, 101), -EINVAL);
    assert_int_equal(store->ops->remove_through(store, 100), 0);
    assert_state(store, 101, 100);
    append_only(store, 101, 110);
    assert_state(store, 101, 110);
}

/* The ring grows while its first message stands in the middle of it. */
static void grows_while_it_moves(void **state)
{
    struct store *store = *state;
    uint64_t last = 0;
    for (int round = 0; round < 50; round++) {
        append_only(store, last + 1, last + 40);
        last += 40;
        assert_int_equal(store->ops->remove_through(store, last / 2), 0);
        assert_readable(store, last / 2 + 1, last);
        assert_state(store, last / 2 + 1, last);
    }
}

static void refuses_what_is_too_large(void **state)
{
    struct store *store = *state;
    static char text[STORE_SUBJECT_MAX + 1];
    struct store_msg msg = {.seq = 1, .subject = str_make(text, sizeof text)};
    assert_int_equal(store->ops->append(store, &msg), -EMSGSIZE);
    assert_state(store, 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_what_is_appended, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(removes_from_the_front, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(grows_while_it_moves, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_is_too_large, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
