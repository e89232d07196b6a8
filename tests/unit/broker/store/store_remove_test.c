/* Single removals of a file store, on disk: what is removed stays so, what is
 * not comes back whatever happened to the journal, and old segments open. */
#include "store_fixture.h"

#include "broker/store/store_file.h"

#include "broker/store/crc32c.h"
#include "broker/store/removals.h"

static char *removed_path(const struct fixture *f)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/" REMOVALS_NAME, f->dir);
    return path;
}

static void remove_one(struct fixture *f, uint64_t seq)
{
    assert_int_equal(f->store->ops->remove(f->store, seq, false), 0);
}

static void wait_segments(const struct fixture *f, int count)
{
    for (int ms = 0; count_segments(f) != count; ms++) {
        usleep(1000);
        assert_true(ms < DURABLE_WAIT_MS);
    }
}

static uint64_t messages(struct fixture *f)
{
    struct store_state st;
    f->store->ops->state(f->store, &st);
    return st.messages;
}

static void removed_stays_removed(void **state)
{
    struct fixture *f = *state;
    append_durable(f, 1, 100);
    for (uint64_t seq = 10; seq <= 90; seq += 10)
        remove_one(f, seq);
    assert_int_equal(f->store->ops->remove(f->store, 10, false), -ENOENT);
    assert_int_equal(f->store->ops->remove(f->store, 101, false), -ENOENT);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(messages(f), 91);
        for (uint64_t seq = 1; seq <= 100; seq++) {
            bool gone = seq % 10 == 0 && seq <= 90;
            assert_int_equal(read_result(f->store, seq), gone ? -ENOENT : 0);
            assert_int_equal(f->store->ops->has(f->store, seq), !gone);
        }
        fixture_reopen(f, 0);
    }
}

/* A removal is never found again by another message with its sequence. */
static void the_last_message_removed(void **state)
{
    struct fixture *f = *state;
    append_durable(f, 1, 10);
    remove_one(f, 10);
    fixture_close(f);
    struct file last = segment_file(f, 0);
    file_store(&last, record_offset(&last, 5)); /* torn */
    free(last.data);
    fixture_open(f);
    append_durable(f, 11, 20);
    assert_readable(f->store, 1, 5);
    assert_readable(f->store, 11, 20);
}

static void a_dead_segment_is_deleted_wherever_it_stands(void **state)
{
    struct fixture *f = *state;
    struct store_range ranges[4];
    uint64_t first, next;
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    append_durable(f, 1, 100);
    int count = count_segments(f);
    struct file middle = segment_file(f, 1), after = segment_file(f, 2);
    assert_true(segment_parse_name(strrchr(middle.path, '/') + 1, &first));
    assert_true(segment_parse_name(strrchr(after.path, '/') + 1, &next));
    free(middle.data);
    free(after.data);
    for (uint64_t seq = first; seq < next; seq++)
        remove_one(f, seq);
    wait_segments(f, count - 1);
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    assert_int_equal(messages(f), 100 - (next - first));
    assert_int_equal(f->store->ops->damage(f->store, ranges, 4), 0);
    assert_readable(f->store, 1, first - 1);
    assert_readable(f->store, next, 100);
}

static void erased_bytes_are_not_on_disk(void **state)
{
    struct fixture *f = *state;
    struct store_msg msg = {.seq = 1,
                            .time_ns = 1,
                            .subject = STR("s"),
                            .headers = STR("NATS/1.0\r\nkey: hunter2\r\n\r\n"),
                            .payload = STR("the secret")};
    assert_int_equal(f->store->ops->append(f->store, &msg), 0);
    f->store->ops->commit(f->store);
    wait_durable(f, 1);
    append_durable(f, 2, 10);
    assert_int_equal(f->store->ops->remove(f->store, 1, true), 0);
    for (int ms = 0;; ms++) {
        struct file file = segment_file(f, 0);
        bool there = memmem(file.data, file.size, "secret", 6) != NULL ||
                     memmem(file.data, file.size, "hunter2", 7) != NULL;
        free(file.data);
        if (!there)
            break;
        usleep(1000);
        assert_true(ms < DURABLE_WAIT_MS);
    }
    fixture_reopen(f, 0);
    assert_readable(f->store, 2, 10);
    assert_state(f->store, 2, 10);
}

static void a_damaged_journal_brings_messages_back(void **state)
{
    struct fixture *f = *state;
    append_durable(f, 1, 50);
    remove_one(f, 20);
    fixture_close(f);
    struct file first = file_load(removed_path(f));
    fixture_open(f);
    remove_one(f, 30);
    fixture_close(f);
    struct file file = file_load(removed_path(f));
    assert_true(file.size > first.size);
    for (size_t at = 0; at < file.size; at++) {
        file.data[at] ^= 0x20;
        file_store(&file, file.size);
        file.data[at] ^= 0x20;
        fixture_open(f);
        bool second = at >= first.size;
        assert_int_equal(read_result(f->store, 20), second ? -ENOENT : 0);
        assert_int_equal(read_result(f->store, 30), second ? 0 : -ENOENT);
        assert_readable(f->store, 31, 50);
        assert_int_equal(messages(f), 49);
        fixture_close(f);
    }
    fixture_open(f);
    free(first.data);
    free(file.data);
}

static void what_is_damaged_is_known(void **state)
{
    struct fixture *f = *state;
    struct store_range ranges[4];
    append_durable(f, 1, 50);
    fixture_close(f);
    struct file file = segment_file(f, 0);
    size_t from = record_offset(&file, 9), to = record_offset(&file, 12);
    memset(file.data + from, 0xee, to - from);
    file_store(&file, file.size);
    free(file.data);
    fixture_open(f);
    assert_int_equal(f->store->ops->damage(f->store, ranges, 4), 1);
    assert_int_equal(ranges[0].first_seq, 10);
    assert_int_equal(ranges[0].last_seq, 12);
    assert_int_equal(f->store->ops->remove_through(f->store, 12), 0);
    assert_int_equal(f->store->ops->damage(f->store, ranges, 4), 0);
}

/* What is dead in a segment is left out of it in time. */
static void a_segment_is_compacted(void **state)
{
    struct fixture *f = *state;
    fixture_reopen(f, 50000);
    append_durable(f, 1, 1000);
    struct file before = segment_file(f, 1), after = segment_file(f, 2);
    uint64_t first, next;
    assert_true(segment_parse_name(strrchr(before.path, '/') + 1, &first));
    assert_true(segment_parse_name(strrchr(after.path, '/') + 1, &next));
    free(after.data);
    for (uint64_t seq = first; seq < next; seq++)
        if (seq % 8 != 0)
            remove_one(f, seq);
    for (int ms = 0; file_size(before.path) > before.size / 4; ms++) {
        usleep(1000);
        f->store->ops->has(f->store, 1);
        assert_true(ms < DURABLE_WAIT_MS);
    }
    free(before.data);
    struct store_state st, again;
    f->store->ops->state(f->store, &st);
    for (int round = 0; round < 2; round++) {
        for (uint64_t seq = first; seq < next; seq++)
            if (seq % 8 == 0)
                assert_readable(f->store, seq, seq);
            else
                assert_int_equal(read_result(f->store, seq), -ENOENT);
        fixture_reopen(f, 50000);
        f->store->ops->state(f->store, &again);
        assert_memory_equal(&st, &again, sizeof st);
    }
}

/* ---- a crash in between ---- */

/* Longer than removals wait to be written down. */
#define WRITTEN_DOWN_US 600000

/* What is found after a crash now: the first message and how many. */
static void assert_after_crash(const struct fixture *f, uint64_t first,
                               uint64_t count)
{
    char dir[64];
    struct store_state st;
    fixture_copy_folder(f, dir);
    struct store *store = fixture_open_copy(f, dir);
    store->ops->state(store, &st);
    assert_int_equal(st.first_seq, first);
    assert_int_equal(st.messages, count);
    store->ops->close(store);
    remove_folder(dir);
}

/* A message that is not durable costs no other one. */
static void what_is_pushed_out_stays_until_then(void **state)
{
    struct fixture *f = *state;
    append_durable(f, 1, 10);
    for (uint64_t seq = 11; seq <= 14; seq++) {
        append_only(f->store, seq, seq);
        f->store->making_room = true;
        remove_one(f, seq - 6);
        assert_int_equal(f->store->ops->remove_through(f->store, seq - 10), 0);
        f->store->making_room = false;
    }
    remove_one(f, 10); /* by somebody else */
    usleep(WRITTEN_DOWN_US);
    assert_int_equal(messages(f), 5);
    assert_after_crash(f, 1, 9);
    f->store->ops->commit(f->store);
    wait_durable(f, 14);
    usleep(WRITTEN_DOWN_US);
    assert_after_crash(f, 9, 5);
    fixture_reopen(f, 0);
    assert_int_equal(messages(f), 5);
    assert_readable(f->store, 9, 9);
    assert_readable(f->store, 11, 14);
}

/* A purge does not wait for what pushed messages out before. */
static void a_purge_waits_for_nothing(void **state)
{
    struct fixture *f = *state;
    append_durable(f, 1, 10);
    append_only(f->store, 11, 11);
    f->store->making_room = true;
    assert_int_equal(f->store->ops->remove_through(f->store, 1), 0);
    f->store->making_room = false;
    assert_int_equal(f->store->ops->remove_through(f->store, 8), 0);
    usleep(WRITTEN_DOWN_US);
    assert_after_crash(f, 9, 2);
}

static struct fixture *crash_at_rename;
static char crashed_dir[64];

static int rename_and_crash(const char *from, const char *to)
{
    int rc = fixture_disk()->rename(from, to);
    if (crash_at_rename != NULL && strstr(to, ".seg") != NULL) {
        fixture_copy_folder(crash_at_rename, crashed_dir);
        crash_at_rename = NULL;
    }
    return rc;
}

/* What it left out is known to be removed, also right after the rename. */
static void a_crash_behind_a_compaction(void **state)
{
    struct fixture *f = *state;
    struct store_state st, found;
    fixture_reopen(f, 50000);
    append_durable(f, 1, 1000);
    fixture_reopen(f, 50000);
    disk_calls.rename = rename_and_crash;
    crash_at_rename = f;
    for (uint64_t seq = 2; seq < 1000; seq++)
        if (seq % 8 != 0)
            remove_one(f, seq);
    f->store->ops->state(f->store, &st);
    append_only(f->store, 1001, 1001);
    f->store->ops->commit(f->store);
    for (int ms = 0; crash_at_rename != NULL; ms++) {
        usleep(1000);
        f->store->ops->has(f->store, 1);
        assert_true(ms < DURABLE_WAIT_MS);
    }
    struct store *store = fixture_open_copy(f, crashed_dir);
    store->ops->state(store, &found);
    assert_int_equal(found.messages, st.messages + 1);
    for (uint64_t seq = 8; seq < 1000; seq += 8)
        assert_int_equal(read_result(store, seq), 0);
    store->ops->close(store);
    remove_folder(crashed_dir);
}

static _Atomic bool gate_closed, gate_reached;

static int gated_fdatasync(int fd)
{
    char link[64], path[512] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    if (len > 0 && strstr(path, ".seg" SEGMENT_NEW) != NULL)
        for (gate_reached = true; gate_closed;)
            usleep(1000);
    return fixture_disk()->fdatasync(fd);
}

static bool is_in_segments(const struct fixture *f, struct str text)
{
    bool found = false;
    for (int i = 0; i < count_segments(f); i++) {
        struct file file = segment_file(f, i);
        found |= memmem(file.data, file.size, text.p, text.len) != NULL;
        free(file.data);
    }
    return found;
}

/* A compaction has copied it, and is not in the old file's place yet. */
static void erased_while_a_segment_is_compacted(void **state)
{
    struct fixture *f = *state;
    fixture_reopen(f, 50000);
    append_durable(f, 1, 1000);
    disk_calls.fdatasync = gated_fdatasync;
    gate_closed = true;
    for (uint64_t seq = 2; seq < 250; seq++)
        if (seq % 8 != 0)
            remove_one(f, seq);
    for (int ms = 0; !gate_reached; ms++) {
        usleep(1000);
        assert_true(ms < 10000);
    }
    struct str headers = message(24).headers;
    assert_true(is_in_segments(f, headers));
    assert_int_equal(f->store->ops->remove(f->store, 24, true), 0);
    gate_closed = false;
    for (int ms = 0; is_in_segments(f, headers); ms += 10) {
        usleep(10000);
        f->store->ops->has(f->store, 1);
        assert_true(ms < 10000);
    }
    usleep(WRITTEN_DOWN_US);
    f->store->ops->has(f->store, 1);
    assert_false(is_in_segments(f, headers));
    assert_readable(f->store, 32, 32);
}

/* ---- version 1 ---- */

/* Makes the sealed segment one of version 1: other entries, no subjects. */
static void make_old(const struct file *file)
{
    struct file old = *file;
    struct segment_header *header = (void *)file->data;
    struct segment_footer *footer =
        (void *)(file->data + file->size - sizeof *footer);
    uint64_t count = footer->count, at = footer->index_offset;
    old.data = malloc(file->size + 8 * count);
    memcpy(old.data, file->data, at);
    struct segment_entry_v1 *entries = (void *)(old.data + at);
    for (uint64_t n = 0; n < count; n++) {
        const struct segment_entries_page *page =
            (const void *)(file->data + at +
                           n / SEGMENT_PAGE_ENTRIES * sizeof *page);
        const struct segment_entry *e =
            &page->entries[n % SEGMENT_PAGE_ENTRIES];
        entries[n] = (struct segment_entry_v1){e->offset, e->bytes_through};
    }
    struct segment_footer_v1 end = {
        .version = 1,
        .salt = footer->salt,
        .first_seq = footer->first_seq,
        .count = count,
        .index_offset = at,
        .bytes = footer->bytes,
        .first_time_ns = footer->first_time_ns,
        .last_time_ns = footer->last_time_ns,
        .index_crc = crc32c(footer->salt, entries, count * sizeof *entries),
    };
    memcpy(end.magic, "NEXUSEND", 8);
    end.checksum =
        crc32c(0, &end, offsetof(struct segment_footer_v1, checksum));
    memcpy(old.data + at + count * sizeof *entries, &end, sizeof end);
    header = (void *)old.data;
    header->version = 1;
    header->since_seq = 0;
    header->checksum =
        crc32c(0, header, offsetof(struct segment_header, checksum));
    file_store(&old, at + count * sizeof *entries + sizeof end);
    free(old.data);
}

static void segments_of_version_1_open(void **state)
{
    struct fixture *f = *state;
    struct str pattern = STR("test.2.>"), one = STR("test.7");
    struct store_filter filter = {.patterns = &one, .count = 1};
    struct store_subject found;
    struct store_msg msg;
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    append_durable(f, 1, 100);
    fixture_close(f);
    int count = count_segments(f);
    for (int n = 0; n + 1 < count; n++) {
        struct file file = segment_file(f, n);
        make_old(&file);
        free(file.data);
    }
    fixture_open(f);
    assert_state(f->store, 1, 100);
    assert_readable(f->store, 1, 100);
    assert_int_equal(f->store->ops->next(f->store, &filter, 1, &msg), 0);
    assert_int_equal(msg.seq, 7);
    assert_true(f->store->ops->subject(f->store, one, &found));
    assert_int_equal(found.first_seq, 7);
    assert_int_equal(f->store->ops->subject_count(f->store), 100);
    filter.patterns = &pattern;
    assert_int_equal(f->store->ops->count(f->store, &filter, 1), 0);
    remove_one(f, 7);
    append_durable(f, 101, 150);
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    assert_int_equal(messages(f), 149);
    assert_int_equal(f->store->ops->remove_through(f->store, 60), 0);
    assert_state(f->store, 61, 150);
}

/* Three words; the third one undoes what the second one made of the first. */
static struct str shared_subject(struct store *store, uint64_t word, char *text)
{
    const uint64_t k0 =
        UINT64_C(0x9e3779b97f4a7c15) ^ store_file_of(store)->salt;
    const uint64_t k1 = UINT64_C(0xd6e8feb86659fd93);
    uint64_t words[3] = {word, word};
    __uint128_t product = (__uint128_t)(k0 ^ sizeof words) * k1;
    uint64_t h = (uint64_t)product ^ (uint64_t)(product >> 64);
    for (int i = 0; i < 2; i++) {
        product = (__uint128_t)(h ^ words[i]) * k0;
        h = ((uint64_t)product ^ (uint64_t)(product >> 64)) + k1;
    }
    words[2] = h;
    memcpy(text, words, sizeof words);
    return str_make(text, sizeof words);
}

static void append_on(struct store *store, struct str subject)
{
    struct store_state state;
    store->ops->state(store, &state);
    struct store_msg msg = {
        .seq = state.last_seq + 1, .time_ns = 1, .subject = subject};
    assert_int_equal(store->ops->append(store, &msg), 0);
}

static void assert_found(struct store *store, struct str subject,
                         uint64_t first_seq, uint64_t last_seq,
                         uint64_t messages)
{
    struct store_subject found;
    assert_true(store->ops->subject(store, subject, &found));
    assert_int_equal(found.first_seq, first_seq);
    assert_int_equal(found.last_seq, last_seq);
    assert_int_equal(found.messages, messages);
}

/* Appended and durable, with and without an index of all subjects. */
static void subjects_of_one_hash_are_two(void **state)
{
    struct fixture *f = *state;
    char texts[3][24];
    struct str a = shared_subject(f->store, 1, texts[0]);
    struct str b = shared_subject(f->store, 2, texts[1]);
    struct str c = shared_subject(f->store, 3, texts[2]);
    struct store_subject found;
    append_on(f->store, a);
    assert_false(f->store->ops->subject(f->store, b, &found));
    append_on(f->store, b);
    append_on(f->store, a);
    for (int i = 0; i < 3; i++) {
        assert_found(f->store, b, 2, 2, 1);
        assert_found(f->store, a, 1, 3, 2);
        assert_false(f->store->ops->subject(f->store, c, &found));
        f->index_bytes_max = i == 0 ? 0 : 1;
        f->store->ops->commit(f->store);
        wait_durable(f, 3);
        fixture_reopen(f, SEGMENT_BYTES_MIN);
    }
    assert_found(f->store, b, 2, 2, 1);
    remove_one(f, 1);
    assert_found(f->store, a, 3, 3, 1);
    assert_found(f->store, b, 2, 2, 1);
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(removed_stays_removed),
        TEST(the_last_message_removed),
        TEST(a_dead_segment_is_deleted_wherever_it_stands),
        TEST(erased_bytes_are_not_on_disk),
        TEST(a_damaged_journal_brings_messages_back),
        TEST(what_is_damaged_is_known),
        TEST(a_segment_is_compacted),
        TEST(what_is_pushed_out_stays_until_then),
        TEST(a_purge_waits_for_nothing),
        TEST(a_crash_behind_a_compaction),
        TEST(erased_while_a_segment_is_compacted),
        TEST(segments_of_version_1_open),
        TEST(subjects_of_one_hash_are_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
