/* A file store on a disk that works: what goes in comes out, now and after the
 * next start; what is removed is gone. */
#include "store_fixture.h"

#include <signal.h>
#include <sys/wait.h>

static int count_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* ---- appending and reading ---- */

static void an_empty_store(void **state)
{
    struct fixture *f = *state;
    assert_state(f->store, 1, 0);
    assert_int_equal(read_result(f->store, 0), -ENOENT);
    assert_int_equal(read_result(f->store, 1), -ENOENT);
    f->store->ops->commit(f->store);
    assert_int_equal(f->store->ops->remove_through(f->store, 0), 0);
    assert_int_equal(f->store->ops->remove_through(f->store, 1), -EINVAL);
    fixture_reopen(f, 0);
    assert_state(f->store, 1, 0);
    append_durable(f, 1, 1);
    assert_readable(f->store, 1, 1);
}

static void what_is_appended_is_read(void **state)
{
    struct fixture *f = *state;
    append_durable(f, 1, 5000);
    assert_state(f->store, 1, 5000);
    assert_readable(f->store, 1, 5000);
    assert_readable(f->store, 17, 17);
    assert_readable(f->store, 4000, 4100);
    assert_int_equal(read_result(f->store, 5001), -ENOENT);
}

static void nothing_is_read_before_it_is_durable(void **state)
{
    struct fixture *f = *state;
    append_only(f->store, 1, 10);
    assert_state(f->store, 1, 10);
    assert_int_equal(f->store->ops->durable(f->store), 0);
    assert_int_equal(read_result(f->store, 1), -ENOENT);
    f->store->ops->commit(f->store);
    wait_durable(f, 10);
    assert_readable(f->store, 1, 10);
}

static void many_groups_while_a_sync_runs(void **state)
{
    struct fixture *f = *state;
    for (uint64_t seq = 1; seq <= 20000; seq++) {
        append_only(f->store, seq, seq);
        if (seq % 7 == 0)
            f->store->ops->commit(f->store);
        uint64_t durable = f->store->ops->durable(f->store);
        if (seq % 101 == 0 && durable > 0)
            assert_readable(f->store, durable, durable);
    }
    f->store->ops->commit(f->store);
    wait_durable(f, 20000);
    assert_readable(f->store, 1, 20000);
}

static void several_readers_of_one_stream(void **state)
{
    struct fixture *f = *state;
    append_durable(f, 1, 9000);
    for (uint64_t i = 1; i <= 3000; i++)
        for (uint64_t reader = 0; reader < 3; reader++)
            assert_readable(f->store, reader * 3000 + i, reader * 3000 + i);
}

static void goes_on_after_reopening(void **state)
{
    struct fixture *f = *state;
    for (uint64_t round = 0; round < 10; round++) {
        append_durable(f, round * 100 + 1, round * 100 + 100);
        fixture_reopen(f, round % 2 == 0 ? 4096 : 0);
        assert_state(f->store, 1, round * 100 + 100);
        assert_readable(f->store, 1, round * 100 + 100);
    }
}

static void close_waits_for_the_disk(void **state)
{
    struct fixture *f = *state;
    append_only(f->store, 1, 3000);
    fixture_reopen(f, 0);
    assert_readable(f->store, 1, 3000);
}

static void large_messages(void **state)
{
    struct fixture *f = *state;
    size_t lens[] = {0, 1, 4096, 256 << 10, 1 << 20, 9 << 20, 5};
    char *text = malloc(9 << 20);
    struct store_msg got;
    for (size_t i = 0; i < 9 << 20; i++)
        text[i] = (char)(i * 7 >> 3);
    for (uint64_t seq = 1; seq <= 7; seq++) {
        struct store_msg msg = {.seq = seq,
                                .time_ns = 1,
                                .subject = STR("s"),
                                .payload = str_make(text, lens[seq - 1])};
        assert_int_equal(f->store->ops->append(f->store, &msg), 0);
    }
    f->store->ops->commit(f->store);
    wait_durable(f, 7);
    for (int round = 0; round < 2; round++) {
        for (uint64_t seq = 7; seq >= 1; seq--) {
            assert_int_equal(f->store->ops->read(f->store, seq, &got), 0);
            assert_str(got.payload, str_make(text, lens[seq - 1]));
        }
        fixture_reopen(f, 4096);
    }
    free(text);
}

static void what_is_too_large_is_refused(void **state)
{
    struct fixture *f = *state;
    static char text[STORE_SUBJECT_MAX + 1];
    struct store_msg msg = {.seq = 1, .subject = str_make(text, sizeof text)};
    assert_int_equal(f->store->ops->append(f->store, &msg), -EMSGSIZE);
    msg.subject = str_of("s");
    msg.payload = str_make(text, (size_t)STORE_MSG_MAX);
    assert_int_equal(f->store->ops->append(f->store, &msg), -EMSGSIZE);
    append_durable(f, 1, 1);
    assert_readable(f->store, 1, 1);
}

/* ---- many segments ---- */

static void a_thousand_segments(void **state)
{
    struct fixture *f = *state;
    uint64_t random = 1;
    int fds = count_fds();
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    append_durable(f, 1, 20000);
    assert_true(count_segments(f) > 1000);
    assert_readable(f->store, 1, 20000);
    for (int i = 0; i < 3000; i++) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        uint64_t seq = (random >> 33) % 20000 + 1;
        assert_readable(f->store, seq, seq);
    }
    assert_true(count_fds() <= fds + 9);
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    assert_state(f->store, 1, 20000);
    assert_readable(f->store, 19000, 20000);
    assert_int_equal(f->store->ops->remove_through(f->store, 19990), 0);
    fixture_close(f);
    assert_true(count_segments(f) <= 2);
    assert_true(count_fds() < fds);
    fixture_open(f);
    assert_state(f->store, 19991, 20000);
}

static void start_reads_only_the_last_segment(void **state)
{
    struct fixture *f = *state;
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    append_durable(f, 1, 2000);
    fixture_close(f);
    /* Damage that only reading the messages could find. */
    int segments = count_segments(f);
    for (int n = 0; n + 1 < segments; n++) {
        struct file file = segment_file(f, n);
        memset(file.data + 64, 0xff, 200);
        file_store(&file, file.size);
        free(file.data);
    }
    fixture_open(f);
    assert_state(f->store, 1, 2000);
}

/* ---- removing ---- */

static void removal_hides_at_once(void **state)
{
    struct fixture *f = *state;
    append_durable(f, 1, 100);
    assert_int_equal(f->store->ops->remove_through(f->store, 40), 0);
    assert_state(f->store, 41, 100);
    assert_int_equal(read_result(f->store, 40), -ENOENT);
    assert_readable(f->store, 41, 100);
    assert_int_equal(f->store->ops->remove_through(f->store, 20), 0);
    assert_state(f->store, 41, 100);
    fixture_reopen(f, 0);
    assert_state(f->store, 41, 100);
    assert_readable(f->store, 41, 100);
}

static void removal_of_everything(void **state)
{
    struct fixture *f = *state;
    append_durable(f, 1, 50);
    assert_int_equal(f->store->ops->remove_through(f->store, 50), 0);
    assert_state(f->store, 51, 50);
    fixture_reopen(f, 0);
    assert_state(f->store, 51, 50);
    append_durable(f, 51, 60);
    assert_state(f->store, 51, 60);
    assert_readable(f->store, 51, 60);
}

/* A limit of one message removes what is not even on disk. */
static void removal_of_what_is_not_durable(void **state)
{
    struct fixture *f = *state;
    for (uint64_t seq = 1; seq <= 5000; seq++) {
        append_only(f->store, seq, seq);
        assert_int_equal(f->store->ops->remove_through(f->store, seq - 1), 0);
        assert_state(f->store, seq, seq);
        if (seq % 50 == 0)
            f->store->ops->commit(f->store);
    }
    wait_durable(f, 5000);
    assert_state(f->store, 5000, 5000);
    assert_readable(f->store, 5000, 5000);
    fixture_reopen(f, 0);
    assert_state(f->store, 5000, 5000);
}

static void removed_segments_are_deleted(void **state)
{
    struct fixture *f = *state;
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    append_durable(f, 1, 1000);
    int before = count_segments(f);
    assert_int_equal(f->store->ops->remove_through(f->store, 900), 0);
    for (int ms = 0; count_segments(f) > before / 5; ms++) {
        usleep(1000);
        assert_true(ms < DURABLE_WAIT_MS);
    }
    assert_state(f->store, 901, 1000);
    assert_readable(f->store, 901, 1000);
}

/* ---- against a model ---- */

struct model {
    uint64_t first, last, durable;
    uint64_t random;
};

static uint64_t next_random(struct model *m, uint64_t below)
{
    m->random = m->random * 6364136223846793005U + 1442695040888963407U;
    return (m->random >> 33) % below;
}

static void model_read(struct fixture *f, struct model *m)
{
    uint64_t seq = next_random(m, m->last + 2);
    bool there = seq >= m->first && seq <= m->durable;
    if (there)
        assert_readable(f->store, seq, seq + 3 < m->durable ? seq + 3 : seq);
    else if (seq < m->first || seq > m->last)
        assert_int_equal(read_result(f->store, seq), -ENOENT);
}

static void model_step(struct fixture *f, struct model *m)
{
    static const uint64_t sizes[] = {4096, 6000, 50000, 0};
    uint64_t n;
    switch (next_random(m, 12)) {
    case 0:
        n = m->first - 1 + next_random(m, m->last + 2 - m->first);
        assert_int_equal(f->store->ops->remove_through(f->store, n), 0);
        m->first = n + 1;
        break;
    case 1:
        fixture_reopen(f, sizes[next_random(m, 4)]);
        m->durable = m->last;
        break;
    case 2:
        f->store->ops->commit(f->store);
        wait_durable(f, m->last);
        m->durable = m->last;
        break;
    case 3:
    case 4:
        model_read(f, m);
        break;
    case 5:
        assert_state(f->store, m->first, m->last);
        break;
    default:
        n = next_random(m, 60);
        append_only(f->store, m->last + 1, m->last + n);
        m->last += n;
    }
}

static void any_order_of_operations(void **state)
{
    struct fixture *f = *state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct model m = {.first = 1, .random = seed};
        for (int step = 0; step < 400; step++)
            model_step(f, &m);
        f->store->ops->destroy(f->store);
        fixture_open(f);
        assert_state(f->store, 1, 0);
    }
}

/* ---- the folder ---- */

static void a_folder_is_opened_once(void **state)
{
    struct fixture *f = *state;
    struct errmsg err = {""};
    assert_null(store_file_open(f->dir, f->syncer, NULL, &err));
    assert_non_null(strstr(err.text, f->dir));
    assert_non_null(strstr(err.text, "in use"));
}

static void folders_above_are_made(void **state)
{
    struct fixture *f = *state;
    struct errmsg err;
    char dir[128];
    snprintf(dir, sizeof dir, "%s/a/b", f->dir);
    struct store *store = store_file_open(dir, f->syncer, NULL, &err);
    assert_non_null(store);
    store->ops->destroy(store);
    assert_int_equal(access(dir, F_OK), -1);
    snprintf(dir, sizeof dir, "%s/a", f->dir);
    assert_int_equal(rmdir(dir), 0);
}

static void a_folder_that_cannot_be_made(void **state)
{
    struct fixture *f = *state;
    struct errmsg err = {""};
    assert_null(store_file_open("/dev/null/x", f->syncer, NULL, &err));
    assert_non_null(strstr(err.text, "/dev/null/x"));
}

static void destroy_deletes_its_own_files(void **state)
{
    struct fixture *f = *state;
    char other[128];
    snprintf(other, sizeof other, "%s/other", f->dir);
    close(open(other, O_CREAT | O_WRONLY, 0600));
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    append_durable(f, 1, 500);
    f->store->ops->remove_through(f->store, 100);
    f->store->ops->destroy(f->store);
    f->store = NULL;
    assert_int_equal(count_segments(f), 0);
    assert_int_equal(unlink(other), 0);
    assert_int_equal(rmdir(f->dir), 0);
}

/* ---- the process is killed ---- */

/* Appends for ever and tells on fd what has become durable. */
static void append_until_killed(const char *dir, int fd)
{
    struct errmsg err;
    int wake_fd = eventfd(0, EFD_CLOEXEC);
    struct syncer *syncer = syncer_new(wake_fd, &err);
    struct store *store = store_file_open(
        dir, syncer, &(struct store_options){.segment_bytes = 16384}, &err);
    struct store_state at;
    if (store == NULL)
        _exit(1);
    store->ops->state(store, &at);
    for (uint64_t seq = at.last_seq + 1;; seq++) {
        struct store_msg msg = message(seq);
        while (store->ops->append(store, &msg) != 0)
            store->ops->commit(store);
        if (seq % 5 == 0)
            store->ops->commit(store);
        uint64_t durable = store->ops->durable(store);
        if (write(fd, &durable, sizeof durable) != sizeof durable)
            _exit(1);
    }
}

static uint64_t kill_after(pid_t child, int fd, int reports)
{
    uint64_t durable = 0;
    for (int i = 0; i < reports; i++)
        assert_int_equal(read(fd, &durable, sizeof durable), 8);
    kill(child, SIGKILL);
    while (read(fd, &durable, sizeof durable) == sizeof durable)
        continue;
    waitpid(child, NULL, 0);
    return durable;
}

static void what_was_durable_survives_a_kill(void **state)
{
    struct fixture *f = *state;
    for (int round = 1; round <= 8; round++) {
        int fds[2];
        struct store_state at;
        fixture_close(f);
        assert_int_equal(pipe(fds), 0);
        pid_t child = fork();
        if (child == 0)
            append_until_killed(f->dir, fds[1]);
        close(fds[1]);
        uint64_t durable = kill_after(child, fds[0], round * 700);
        close(fds[0]);
        fixture_open(f);
        f->store->ops->state(f->store, &at);
        assert_true(at.last_seq >= durable);
        assert_state(f->store, 1, at.last_seq);
        assert_readable(f->store, 1, at.last_seq);
    }
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_store),
        TEST(what_is_appended_is_read),
        TEST(nothing_is_read_before_it_is_durable),
        TEST(many_groups_while_a_sync_runs),
        TEST(several_readers_of_one_stream),
        TEST(goes_on_after_reopening),
        TEST(close_waits_for_the_disk),
        TEST(large_messages),
        TEST(what_is_too_large_is_refused),
        TEST(a_thousand_segments),
        TEST(start_reads_only_the_last_segment),
        TEST(removal_hides_at_once),
        TEST(removal_of_everything),
        TEST(removal_of_what_is_not_durable),
        TEST(removed_segments_are_deleted),
        TEST(any_order_of_operations),
        TEST(a_folder_is_opened_once),
        TEST(folders_above_are_made),
        TEST(a_folder_that_cannot_be_made),
        TEST(destroy_deletes_its_own_files),
        TEST(what_was_durable_survives_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
