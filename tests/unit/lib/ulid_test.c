/* Identifiers that sort by time. */
#include "unit/test.h"

#include <pthread.h>

#include "lib/clock.h"
#include "lib/ulid.h"

#define ALPHABET "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
#define MILLION  1000000

typedef char ulid_text[ULID_LEN + 1];

static void a_million_ascend_so_none_comes_twice(void **state)
{
    (void)state;
    ulid_text last = "", next;
    for (int i = 0; i < MILLION; i++) {
        ulid_make(next);
        if (strcmp(last, next) >= 0)
            fail_msg("%s came after %s", next, last);
        memcpy(last, next, sizeof last);
    }
}

static void the_alphabet_is_crockfords(void **state)
{
    (void)state;
    ulid_text id;
    for (int i = 0; i < 10000; i++) {
        ulid_make(id);
        assert_int_equal(strspn(id, ALPHABET), ULID_LEN);
        assert_int_equal(strlen(id), ULID_LEN);
    }
}

static int64_t milliseconds_of(const char *id)
{
    int64_t ms = 0;
    for (int i = 0; i < 10; i++)
        ms = ms * 32 + (strchr(ALPHABET, id[i]) - ALPHABET);
    return ms;
}

static void the_first_ten_characters_are_the_time(void **state)
{
    (void)state;
    ulid_text id;
    int64_t before = clock_wall_ns() / NS_PER_MS;
    ulid_make(id);
    int64_t after = clock_wall_ns() / NS_PER_MS;
    assert_in_range(milliseconds_of(id), before, after);
}

/* The 80 bits behind the time. */
static unsigned __int128 random_part(const char *id)
{
    unsigned __int128 value = 0;
    for (int i = 10; i < ULID_LEN; i++)
        value = value * 32 + (unsigned)(strchr(ALPHABET, id[i]) - ALPHABET);
    return value;
}

static void *make_one(void *arg)
{
    ulid_make(arg);
    return NULL;
}

/* A thread's first identifier is new in every bit: over many threads each bit
 * is seen set and clear. */
static void every_bit_behind_the_time_is_random(void **state)
{
    (void)state;
    unsigned __int128 ones = 0, zeros = 0;
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        ulid_text id;
        assert_int_equal(pthread_create(&thread, NULL, make_one, id), 0);
        pthread_join(thread, NULL);
        ones |= random_part(id);
        zeros |= ~random_part(id);
    }
    unsigned __int128 all = ((unsigned __int128)1 << 80) - 1;
    assert_true((ones & all) == all);
    assert_true((zeros & all) == all);
}

static void *make_many(void *arg)
{
    ulid_text *ids = arg;
    for (int i = 0; i < MILLION / 4; i++)
        ulid_make(ids[i]);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, ULID_LEN);
}

static void threads_do_not_make_the_same(void **state)
{
    (void)state;
    static ulid_text ids[MILLION];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_many,
                                        ids + (size_t)i * (MILLION / 4)),
                         0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    qsort(ids, MILLION, sizeof *ids, compare);
    for (int i = 1; i < MILLION; i++)
        assert_int_not_equal(compare(ids[i - 1], ids[i]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_ascend_so_none_comes_twice),
        cmocka_unit_test(the_alphabet_is_crockfords),
        cmocka_unit_test(the_first_ten_characters_are_the_time),
        cmocka_unit_test(every_bit_behind_the_time_is_random),
        cmocka_unit_test(threads_do_not_make_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
