/* A disk that is slow, full or broken, on purpose: durable is never ahead of
 * what was synced, nothing taken is lost, and service comes back by itself. */
#include "store_fixture.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>

/* ---- the disk on purpose ---- */

static _Atomic bool blocks_gone; /* no file can grow */
static _Atomic int write_error, sync_error, truncate_error, unlink_error;
static _Atomic int64_t write_budget; /* bytes until write_error applies */
static _Atomic int syncs;
static _Atomic bool gate_closed; /* syncs wait */
static _Atomic int gate_waiting;

static int fail_with(int error)
{
    errno = error;
    return -1;
}

/* Without a free block, only what is there can be overwritten. */
static bool is_beyond_end(int fd, size_t n, off_t at)
{
    struct stat st;
    return fstat(fd, &st) != 0 || at + (off_t)n > st.st_size;
}

static ssize_t failing_pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    if (blocks_gone && is_beyond_end(fd, n, at))
        return fail_with(ENOSPC);
    if (write_error != 0 &&
        atomic_fetch_sub(&write_budget, (int64_t)n) < (int64_t)n) {
        /* As a full disk does: a part of it fits. */
        ssize_t part = fixture_disk()->pwrite(fd, bytes, n / 2, at);
        return part > 0 && write_budget + (int64_t)n > 0
                   ? part
                   : fail_with(write_error);
    }
    return fixture_disk()->pwrite(fd, bytes, n, at);
}

static int failing_fdatasync(int fd)
{
    gate_waiting++;
    while (gate_closed)
        usleep(100);
    gate_waiting--;
    syncs++;
    if (sync_error != 0)
        return fail_with(sync_error);
    return fixture_disk()->fdatasync(fd);
}

static int failing_ftruncate(int fd, off_t size)
{
    if (truncate_error != 0)
        return fail_with(truncate_error);
    return fixture_disk()->ftruncate(fd, size);
}

static int failing_unlink(const char *path)
{
    if (unlink_error != 0)
        return fail_with(unlink_error);
    return fixture_disk()->unlink(path);
}

static int setup(void **state)
{
    fixture_disk();
    disk_calls.pwrite = failing_pwrite;
    disk_calls.fdatasync = failing_fdatasync;
    disk_calls.ftruncate = failing_ftruncate;
    disk_calls.unlink = failing_unlink;
    return fixture_setup(state);
}

static int teardown(void **state)
{
    write_error = sync_error = truncate_error = unlink_error = 0;
    blocks_gone = gate_closed = false;
    return fixture_teardown(state);
}

static void wait_error(struct fixture *f, int error)
{
    for (int ms = 0; f->store->ops->error(f->store) != error; ms++) {
        usleep(1000);
        assert_true(ms < DURABLE_WAIT_MS);
    }
}

/* What append answers; nothing may have been taken when it is an error. */
static int append_result(struct fixture *f, uint64_t seq)
{
    struct store_msg msg = message(seq);
    return f->store->ops->append(f->store, &msg);
}

/* ---- durable and the sync ---- */

static void durable_waits_for_the_sync(void **state)
{
    struct fixture *f = *state;
    for (uint64_t round = 0; round < 20; round++) {
        uint64_t first = round * 10 + 1, last = first + 9;
        gate_closed = true;
        append_only(f->store, first, last);
        f->store->ops->commit(f->store);
        while (gate_waiting == 0)
            usleep(100);
        assert_int_equal(f->store->ops->durable(f->store), first - 1);
        assert_int_equal(read_result(f->store, first), -ENOENT);
        gate_closed = false;
        wait_durable(f, last);
        assert_readable(f->store, first, last);
    }
}

static void the_next_group_gathers_while_a_sync_runs(void **state)
{
    struct fixture *f = *state;
    gate_closed = true;
    append_only(f->store, 1, 1);
    f->store->ops->commit(f->store);
    while (gate_waiting == 0)
        usleep(100);
    for (uint64_t seq = 2; seq <= 1000; seq++) {
        append_only(f->store, seq, seq);
        f->store->ops->commit(f->store);
    }
    int before = syncs;
    gate_closed = false;
    wait_durable(f, 1000);
    assert_int_equal(syncs, before + 2);
    assert_readable(f->store, 1, 1000);
}

static void what_waits_is_bounded(void **state)
{
    struct fixture *f = *state;
    static char text[1 << 20];
    uint64_t seq = 1;
    gate_closed = true;
    for (int rc = 0; rc == 0; seq++) {
        struct store_msg msg = {.seq = seq,
                                .subject = STR("s"),
                                .payload = str_make(text, sizeof text)};
        rc = f->store->ops->append(f->store, &msg);
        f->store->ops->commit(f->store);
        assert_true(rc == 0 || rc == -EAGAIN);
        assert_true(seq * sizeof text <= STORE_PENDING_MAX + sizeof text);
        if (rc != 0)
            break;
    }
    assert_true(seq > 60);
    assert_int_equal(f->store->ops->error(f->store), 0);
    gate_closed = false;
    wait_durable(f, seq - 1);
    append_durable(f, seq, seq + 10);
    assert_readable(f->store, seq, seq + 10);
}

/* ---- a full disk ---- */

static void a_full_disk_refuses_and_recovers(void **state)
{
    struct fixture *f = *state;
    append_durable(f, 1, 100);
    write_budget = 3000;
    write_error = ENOSPC;
    append_only(f->store, 101, 200);
    f->store->ops->commit(f->store);
    wait_error(f, -ENOSPC);
    assert_int_equal(append_result(f, 201), -ENOSPC);
    assert_int_equal(f->store->ops->durable(f->store), 100);
    assert_readable(f->store, 1, 100);
    assert_int_equal(read_result(f->store, 101), -ENOENT);
    assert_state(f->store, 1, 200);
    write_error = 0;
    wait_durable(f, 200);
    assert_int_equal(f->store->ops->error(f->store), 0);
    append_durable(f, 201, 300);
    assert_readable(f->store, 1, 300);
    fixture_reopen(f, 0);
    assert_state(f->store, 1, 300);
    assert_readable(f->store, 1, 300);
}

/* The disk is full at any point: header, record, index or footer. */
static void a_disk_full_at_any_byte(void **state)
{
    struct fixture *f = *state;
    uint64_t last = 0;
    for (int budget = 0; budget < 9000; budget += 461) {
        fixture_reopen(f, SEGMENT_BYTES_MIN);
        write_budget = budget;
        write_error = ENOSPC;
        append_only(f->store, last + 1, last + 60);
        f->store->ops->commit(f->store);
        wait_error(f, -ENOSPC);
        uint64_t durable = f->store->ops->durable(f->store);
        if (durable > 0)
            assert_readable(f->store, 1, durable);
        last += 60;
        write_error = 0;
        fixture_reopen(f, SEGMENT_BYTES_MIN); /* close tries once more */
        assert_state(f->store, 1, last);
        assert_readable(f->store, 1, last);
    }
}

static void close_gives_up_on_a_full_disk(void **state)
{
    struct fixture *f = *state;
    append_durable(f, 1, 100);
    write_error = ENOSPC;
    append_only(f->store, 101, 200);
    fixture_close(f);
    write_error = 0;
    fixture_open(f);
    /* What part of it did get there may be kept, like after a crash. */
    struct store_state st;
    f->store->ops->state(f->store, &st);
    assert_in_range(st.last_seq, 100, 199);
    append_durable(f, st.last_seq + 1, 300);
    assert_readable(f->store, 1, 300);
}

/* Removing is what makes room: it works without any. */
static void a_full_disk_lets_messages_be_removed(void **state)
{
    struct fixture *f = *state;
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    append_durable(f, 1, 200);
    blocks_gone = true;
    append_only(f->store, 201, 230);
    f->store->ops->commit(f->store);
    wait_error(f, -ENOSPC);
    assert_int_equal(f->store->ops->remove_through(f->store, 190), 0);
    for (int ms = 0; count_segments(f) > 2; ms++) {
        usleep(1000);
        assert_true(ms < DURABLE_WAIT_MS);
    }
    assert_int_equal(f->store->ops->error(f->store), -ENOSPC);
    blocks_gone = false;
    wait_durable(f, 230);
    assert_state(f->store, 191, 230);
    assert_readable(f->store, 191, 230);
}

/* The kernel's own refusal, half way through a write. */
static void a_file_size_limit(void **state)
{
    struct fixture *f = *state;
    struct rlimit before, limit;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 20000;
    append_durable(f, 1, 50);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    append_only(f->store, 51, 500);
    f->store->ops->commit(f->store);
    wait_error(f, -EFBIG);
    assert_readable(f->store, 1, 50);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    wait_durable(f, 500);
    assert_readable(f->store, 1, 500);
    fixture_reopen(f, 0);
    assert_readable(f->store, 1, 500);
}

/* ---- a broken disk ---- */

static void a_failed_sync_is_not_trusted(void **state)
{
    struct fixture *f = *state;
    append_durable(f, 1, 100);
    struct file before = segment_file(f, 0);
    sync_error = EIO;
    append_only(f->store, 101, 200);
    f->store->ops->commit(f->store);
    wait_error(f, -EIO);
    assert_int_equal(append_result(f, 201), -EIO);
    assert_int_equal(f->store->ops->durable(f->store), 100);
    sync_error = 0;
    wait_durable(f, 200);
    assert_readable(f->store, 1, 200);
    /* Not one byte of the failed group is left where it was. */
    assert_int_equal(count_segments(f), 2);
    struct file after = segment_file(f, 0);
    struct segment_footer *footer =
        (void *)(after.data + after.size - sizeof *footer);
    assert_int_equal(footer->index_offset, before.size);
    assert_int_equal(footer->count, 100);
    assert_memory_equal(after.data, before.data, before.size);
    free(before.data);
    free(after.data);
    append_durable(f, 201, 250);
    fixture_reopen(f, 0);
    assert_state(f->store, 1, 250);
    assert_readable(f->store, 1, 250);
}

static void syncs_fail_again_and_again(void **state)
{
    struct fixture *f = *state;
    sync_error = EIO;
    append_only(f->store, 1, 10);
    f->store->ops->commit(f->store);
    wait_error(f, -EIO);
    int before = syncs;
    while (syncs < before + 2)
        usleep(1000);
    assert_int_equal(f->store->ops->durable(f->store), 0);
    assert_true(count_segments(f) <= 1);
    sync_error = 0;
    wait_durable(f, 10);
    assert_int_equal(count_segments(f), 1);
    assert_readable(f->store, 1, 10);
    fixture_reopen(f, 0);
    assert_state(f->store, 1, 10);
    assert_readable(f->store, 1, 10);
}

/* What the failed sync left behind stands in the next file too: that one
 * counts. */
static void a_file_that_cannot_be_cut_back(void **state)
{
    struct fixture *f = *state;
    append_durable(f, 1, 100);
    sync_error = EIO;
    append_only(f->store, 101, 200);
    f->store->ops->commit(f->store);
    wait_error(f, -EIO);
    truncate_error = EIO;
    sync_error = 0;
    wait_durable(f, 200);
    truncate_error = 0;
    assert_readable(f->store, 1, 200);
    assert_state(f->store, 1, 200);
    for (int again = 0; again < 2; again++) {
        fixture_reopen(f, 0);
        assert_state(f->store, 1, 200);
        assert_readable(f->store, 1, 200);
    }
    assert_int_equal(f->store->ops->remove_through(f->store, 150), 0);
    assert_state(f->store, 151, 200);
}

static void files_that_cannot_be_deleted(void **state)
{
    struct fixture *f = *state;
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    append_durable(f, 1, 200);
    unlink_error = EACCES;
    assert_int_equal(f->store->ops->remove_through(f->store, 150), 0);
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    assert_state(f->store, 151, 200);
    assert_true(count_segments(f) > 5);
    unlink_error = 0;
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    assert_state(f->store, 151, 200);
    assert_true(count_segments(f) <= 5);
}

static ssize_t failing_pread(int fd, void *bytes, size_t n, off_t at)
{
    (void)fd, (void)bytes, (void)n, (void)at;
    return fail_with(EIO);
}

static void reads_fail(void **state)
{
    struct fixture *f = *state;
    append_durable(f, 1, 100);
    disk_calls.pread = failing_pread;
    assert_int_equal(read_result(f->store, 5), -EIO);
    disk_calls.pread = fixture_disk()->pread;
    assert_readable(f->store, 5, 100);
}

/* ---- figures ---- */

static void syncs_are_counted(void **state)
{
    struct fixture *f = *state;
    struct syncer_stats before, after;
    append_durable(f, 1, 1);
    syncer_stats(f->syncer, &before);
    append_durable(f, 2, 100);
    syncer_stats(f->syncer, &after);
    assert_int_equal(after.syncs, before.syncs + 1);
    assert_true(after.bytes > before.bytes + 99 * 40);
    assert_true(after.sync_ns > before.sync_ns);
}

/* The journal cannot be written, but what a purge frees needs none. */
static void a_purge_makes_room_for_the_journal(void **state)
{
    struct fixture *f = *state;
    fixture_reopen(f, 50000);
    append_durable(f, 1, 1000);
    blocks_gone = true;
    assert_int_equal(f->store->ops->remove(f->store, 500, false), 0);
    usleep(600000);
    assert_int_equal(f->store->ops->remove_through(f->store, 900), 0);
    assert_true(count_segments(f) > 2);
    for (int ms = 0; count_segments(f) > 2; ms++) {
        usleep(1000);
        assert_true(ms < 10000);
    }
    blocks_gone = false;
    fixture_reopen(f, 50000);
    assert_readable(f->store, 901, 1000);
    assert_int_equal(read_result(f->store, 900), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_purge_makes_room_for_the_journal),
        TEST(durable_waits_for_the_sync),
        TEST(the_next_group_gathers_while_a_sync_runs),
        TEST(what_waits_is_bounded),
        TEST(a_full_disk_refuses_and_recovers),
        TEST(a_disk_full_at_any_byte),
        TEST(close_gives_up_on_a_full_disk),
        TEST(a_full_disk_lets_messages_be_removed),
        TEST(a_file_size_limit),
        TEST(a_failed_sync_is_not_trusted),
        TEST(syncs_fail_again_and_again),
        TEST(a_file_that_cannot_be_cut_back),
        TEST(files_that_cannot_be_deleted),
        TEST(reads_fail),
        TEST(syncs_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
