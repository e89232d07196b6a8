/* Damage: whatever happened to the files, what is whole is still read, what is
 * not says so, and nothing but a torn tail is ever cut. */
#include "store_fixture.h"

#include "broker/store/crc32c.h"

#define META_PATH_MAX 128

static char *meta_path(const struct fixture *f)
{
    static char path[META_PATH_MAX];
    snprintf(path, sizeof path, "%s/store.meta", f->dir);
    return path;
}

/* ---- what the log says meanwhile ---- */

struct log_capture {
    int stderr_before;
    FILE *file;
};

static struct log_capture capture_log(void)
{
    struct log_capture c = {.stderr_before = dup(2), .file = tmpfile()};
    dup2(fileno(c.file), 2);
    return c;
}

/* Ends the capture; how many lines hold the text. */
static int captured_lines(struct log_capture *c, const char *text)
{
    char line[1024];
    int count = 0;
    fflush(stderr);
    dup2(c->stderr_before, 2);
    close(c->stderr_before);
    rewind(c->file);
    while (fgets(line, sizeof line, c->file) != NULL)
        count += strstr(line, text) != NULL;
    fclose(c->file);
    return count;
}

/* ---- torn tails ---- */

/* A tail is torn by a crash, before store.meta knows of the messages in it:
 * the tests put it back as it was. */

static void tail_torn_at_every_byte(void **state)
{
    struct fixture *f = *state;
    struct file meta = file_load(meta_path(f));
    append_durable(f, 1, 3);
    fixture_close(f);
    struct file file = segment_file(f, 0);
    size_t from = record_offset(&file, 2);
    assert_int_equal(record_offset(&file, 3), file.size);
    for (size_t size = from; size < file.size; size++) {
        file_store(&file, size);
        file_store(&meta, meta.size);
        fixture_open(f);
        assert_state(f->store, 1, 2);
        assert_readable(f->store, 1, 2);
        assert_int_equal(read_result(f->store, 3), -ENOENT);
        assert_int_equal(file_size(file.path), from);
        append_durable(f, 3, 4);
        fixture_close(f);
        fixture_open(f);
        assert_readable(f->store, 1, 4);
        fixture_close(f);
    }
    free(meta.data);
    free(file.data);
}

static void tail_torn_in_the_only_record_or_the_header(void **state)
{
    struct fixture *f = *state;
    struct file meta = file_load(meta_path(f));
    append_durable(f, 1, 1);
    fixture_close(f);
    struct file file = segment_file(f, 0);
    for (size_t size = 0; size < file.size; size++) {
        file_store(&file, size);
        file_store(&meta, meta.size);
        fixture_open(f);
        assert_state(f->store, 1, 0);
        append_durable(f, 1, 2);
        fixture_close(f);
        fixture_open(f);
        assert_readable(f->store, 1, 2);
        fixture_close(f);
    }
    free(meta.data);
    free(file.data);
}

static void garbage_behind_the_last_record(void **state)
{
    static const size_t lens[] = {1, 8, 40, 1000, 5000};
    struct fixture *f = *state;
    append_durable(f, 1, 5);
    fixture_close(f);
    struct file file = segment_file(f, 0);
    file.data = realloc(file.data, file.size + 5000);
    for (int filling = 0; filling < 256; filling += 85) {
        memset(file.data + file.size, filling, 5000);
        for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
            file_store(&file, file.size + lens[i]);
            struct log_capture log = capture_log();
            fixture_open(f);
            assert_int_equal(captured_lines(&log, "torn tail"), 1);
            assert_int_equal(file_size(file.path), file.size);
            assert_state(f->store, 1, 5);
            fixture_close(f);
        }
    }
    free(file.data);
}

/* What was durable is not deleted, even where it cannot be read. */
static void a_damaged_end_is_kept_aside(void **state)
{
    struct fixture *f = *state;
    append_durable(f, 1, 3);
    fixture_close(f);
    struct file file = segment_file(f, 0);
    size_t from = record_offset(&file, 2);
    file.data[file.size - 9] ^= 1;
    file_store(&file, file.size);
    fixture_open(f);
    assert_readable(f->store, 1, 2);
    assert_int_equal(read_result(f->store, 3), -ENOENT);
    append_durable(f, 4, 5);
    assert_readable(f->store, 4, 5);
    char path[sizeof file.path];
    snprintf(path, sizeof path, "%.480s.tail.damaged", file.path);
    struct file kept = file_load(path);
    assert_int_equal(kept.size, file.size - from);
    assert_memory_equal(kept.data, file.data + from, kept.size);
    free(kept.data);
    free(file.data);
}

static void the_log_names_what_was_cut(void **state)
{
    struct fixture *f = *state;
    char text[700];
    append_durable(f, 1, 2);
    fixture_close(f);
    struct file file = segment_file(f, 0);
    file_store(&file, file.size - 1);
    struct log_capture log = capture_log();
    fixture_open(f);
    size_t offset = record_offset(&file, 1);
    snprintf(text, sizeof text, "file=%s offset=%zu bytes=%zu", file.path,
             offset, file.size - 1 - offset);
    assert_int_equal(captured_lines(&log, text), 1);
    free(file.data);
}

/* ---- flipped bits ---- */

/* Opens with one byte of record `seq` changed: that message is damaged, all
 * others are read, the file keeps its size. */
static void check_changed_byte(struct fixture *f, struct file *file, size_t at,
                               uint64_t seq, uint64_t last)
{
    file->data[at] ^= 0x10;
    file_store(file, file->size);
    fixture_open(f);
    for (int again = 0; again < 2; again++) {
        assert_readable(f->store, 1, seq - 1);
        assert_int_equal(read_result(f->store, seq), -EBADMSG);
        assert_readable(f->store, seq + 1, last);
    }
    assert_int_equal(file_size(file->path), file->size);
    fixture_close(f);
    file->data[at] ^= 0x10;
}

static void any_byte_changed_in_the_last_segment(void **state)
{
    struct fixture *f = *state;
    append_durable(f, 1, 6);
    fixture_close(f);
    struct file file = segment_file(f, 0);
    for (uint64_t seq = 1; seq <= 3; seq++)
        for (size_t at = record_offset(&file, (int)seq - 1);
             at < record_offset(&file, (int)seq); at++)
            check_changed_byte(f, &file, at, seq, 6);
    free(file.data);
}

static void any_byte_changed_in_a_sealed_segment(void **state)
{
    struct fixture *f = *state;
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    append_durable(f, 1, 40);
    fixture_close(f);
    struct file file = segment_file(f, 0);
    for (size_t at = record_offset(&file, 4); at < record_offset(&file, 5);
         at++)
        check_changed_byte(f, &file, at, 5, 40);
    free(file.data);
}

static void damage_is_reported_once(void **state)
{
    struct fixture *f = *state;
    char text[700];
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    append_durable(f, 1, 40);
    fixture_close(f);
    struct file file = segment_file(f, 0);
    size_t offset = record_offset(&file, 4);
    file.data[offset + 41] ^= 1;
    file_store(&file, file.size);
    fixture_open(f);
    struct log_capture log = capture_log();
    for (int i = 0; i < 5; i++) {
        assert_int_equal(read_result(f->store, 5), -EBADMSG);
        assert_readable(f->store, 6, 40);
    }
    snprintf(text, sizeof text, "file=%s offset=%zu seq=5", file.path, offset);
    assert_int_equal(captured_lines(&log, text), 1);
    free(file.data);
}

static void a_hole_of_many_records(void **state)
{
    struct fixture *f = *state;
    append_durable(f, 1, 1000);
    fixture_close(f);
    struct file file = segment_file(f, 0);
    size_t from = record_offset(&file, 100), to = record_offset(&file, 900);
    memset(file.data + from, 0, to - from);
    file_store(&file, file.size);
    fixture_open(f);
    assert_int_equal(file_size(file.path), file.size);
    assert_readable(f->store, 1, 100);
    for (uint64_t seq = 101; seq <= 900; seq++)
        assert_int_equal(read_result(f->store, seq), -EBADMSG);
    assert_readable(f->store, 901, 1000);
    append_durable(f, 1001, 1010);
    assert_int_equal(f->store->ops->remove_through(f->store, 950), 0);
    fixture_close(f);
    fixture_open(f);
    assert_readable(f->store, 951, 1010);
    assert_state(f->store, 951, 1010);
    free(file.data);
}

/* ---- index and footer ---- */

static void any_byte_of_index_or_footer_changed(void **state)
{
    struct fixture *f = *state;
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    append_durable(f, 1, 40);
    fixture_close(f);
    struct file file = segment_file(f, 0);
    struct segment_footer *footer =
        (void *)(file.data + file.size - sizeof *footer);
    for (size_t at = footer->index_offset; at < file.size; at += 3) {
        file.data[at] ^= 0x20;
        file_store(&file, file.size);
        file.data[at] ^= 0x20;
        fixture_open(f);
        assert_readable(f->store, 3, 40);
        assert_readable(f->store, 1, 40);
        assert_state(f->store, 1, 40);
        fixture_close(f);
        assert_true(file_size(file.path) >= file.size);
    }
    free(file.data);
}

static void footer_cut_off(void **state)
{
    struct fixture *f = *state;
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    append_durable(f, 1, 40);
    fixture_close(f);
    struct file file = segment_file(f, 0);
    struct segment_footer *footer =
        (void *)(file.data + file.size - sizeof *footer);
    for (size_t size = footer->index_offset; size < file.size; size += 7) {
        file_store(&file, size);
        fixture_open(f);
        assert_readable(f->store, 1, 40);
        assert_state(f->store, 1, 40);
        fixture_close(f);
        /* Sealed again: the next start does not scan it. */
        struct log_capture log = capture_log();
        fixture_open(f);
        assert_int_equal(captured_lines(&log, "not sealed"), 0);
        assert_readable(f->store, 1, 40);
        fixture_close(f);
    }
    free(file.data);
}

static void index_damage_is_noticed_when_removing(void **state)
{
    struct fixture *f = *state;
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    append_durable(f, 1, 40);
    fixture_close(f);
    struct file file = segment_file(f, 0);
    struct segment_footer *footer =
        (void *)(file.data + file.size - sizeof *footer);
    file.data[footer->index_offset + 5 * 8 + 4] ^= 0x40;
    file_store(&file, file.size);
    fixture_open(f);
    assert_int_equal(f->store->ops->remove_through(f->store, 6), 0);
    assert_state(f->store, 7, 40);
    free(file.data);
}

/* ---- headers ---- */

static void header_damaged(void **state)
{
    struct fixture *f = *state;
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    append_durable(f, 1, 40);
    fixture_close(f);
    for (int n = 0; n >= -1; n--) {
        struct file file = segment_file(f, n);
        memset(file.data, 0xee, 64);
        file_store(&file, file.size);
        fixture_open(f);
        assert_state(f->store, 1, 40);
        assert_readable(f->store, 1, 40);
        fixture_close(f);
        free(file.data);
    }
    fixture_open(f);
    append_durable(f, 41, 100);
    fixture_close(f);
    fixture_open(f);
    assert_readable(f->store, 1, 100);
}

static void a_last_segment_beyond_reading_is_set_aside(void **state)
{
    struct fixture *f = *state;
    struct store_state st;
    char aside[600];
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    append_durable(f, 1, 40);
    fixture_close(f);
    struct file file = segment_file(f, -1);
    uint64_t first;
    assert_true(segment_parse_name(strrchr(file.path, '/') + 1, &first));
    memset(file.data, 0xee, file.size);
    file_store(&file, file.size);
    fixture_open(f);
    snprintf(aside, sizeof aside, "%s.damaged", file.path);
    assert_int_equal(file_size(aside), file.size);
    f->store->ops->state(f->store, &st);
    assert_int_equal(st.messages, first - 1);
    assert_int_equal(st.last_seq, 40);
    assert_readable(f->store, 1, first - 1);
    append_durable(f, 41, 60);
    assert_readable(f->store, 41, 60);
    free(file.data);
}

static void a_newer_version_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct errmsg err = {""};
    append_durable(f, 1, 3);
    fixture_close(f);
    struct file file = segment_file(f, 0);
    struct segment_header *header = (void *)file.data;
    header->version = SEGMENT_VERSION + 1;
    header->checksum =
        crc32c(0, header, offsetof(struct segment_header, checksum));
    file_store(&file, file.size);
    assert_null(store_file_open(f->dir, f->syncer, NULL, &err));
    assert_non_null(strstr(err.text, "newer version"));
    assert_non_null(strstr(err.text, file.path));
    struct file after = segment_file(f, 0);
    assert_int_equal(after.size, file.size);
    assert_memory_equal(after.data, file.data, file.size);
    free(after.data);
    free(file.data);
}

/* ---- missing files ---- */

static void a_missing_segment(void **state)
{
    struct fixture *f = *state;
    struct store_state st;
    uint64_t first, next;
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    append_durable(f, 1, 100);
    fixture_close(f);
    struct file gone = segment_file(f, 1), after = segment_file(f, 2);
    assert_true(segment_parse_name(strrchr(gone.path, '/') + 1, &first));
    assert_true(segment_parse_name(strrchr(after.path, '/') + 1, &next));
    unlink(gone.path);
    struct log_capture log = capture_log();
    fixture_open(f);
    assert_int_equal(captured_lines(&log, "messages are missing"), 1);
    assert_readable(f->store, 1, first - 1);
    for (uint64_t seq = first; seq < next; seq++)
        assert_int_equal(read_result(f->store, seq), -ENOENT);
    assert_readable(f->store, next, 100);
    f->store->ops->state(f->store, &st);
    assert_int_equal(st.messages, 100 - (next - first));
    assert_int_equal(st.last_seq, 100);
    assert_int_equal(f->store->ops->remove_through(f->store, first + 2), 0);
    f->store->ops->state(f->store, &st);
    assert_int_equal(st.first_seq, first + 3);
    assert_int_equal(st.messages, 101 - next);
    assert_int_equal(f->store->ops->remove_through(f->store, next), 0);
    assert_state(f->store, next + 1, 100);
    free(gone.data);
    free(after.data);
}

static void the_first_segments_missing(void **state)
{
    struct fixture *f = *state;
    struct store_state st;
    uint64_t first;
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    append_durable(f, 1, 100);
    fixture_close(f);
    struct file gone = segment_file(f, 0), next = segment_file(f, 1);
    assert_true(segment_parse_name(strrchr(next.path, '/') + 1, &first));
    unlink(gone.path);
    struct log_capture log = capture_log();
    fixture_open(f);
    assert_int_equal(captured_lines(&log, "messages are missing"), 1);
    assert_state(f->store, first, 100);
    f->store->ops->state(f->store, &st);
    assert_readable(f->store, first, 100);
    free(gone.data);
    free(next.data);
}

/* Sequences are not given twice when the end of a stream is lost. */
static void the_last_segment_missing(void **state)
{
    struct fixture *f = *state;
    struct store_state st;
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    append_durable(f, 1, 100);
    assert_int_equal(f->store->ops->remove_through(f->store, 99), 0);
    fixture_close(f);
    struct file last = segment_file(f, -1);
    unlink(last.path);
    fixture_open(f);
    f->store->ops->state(f->store, &st);
    assert_int_equal(st.last_seq, 100);
    assert_int_equal(st.messages, 0);
    append_durable(f, 101, 110);
    assert_state(f->store, 101, 110);
    fixture_close(f);
    fixture_open(f);
    assert_state(f->store, 101, 110);
    assert_readable(f->store, 101, 110);
    free(last.data);
}

/* Nor when messages that nobody removed are lost with it. */
static void the_last_segments_missing(void **state)
{
    struct fixture *f = *state;
    struct store_state st;
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    append_durable(f, 1, 100);
    fixture_close(f);
    for (int i = 0; i < 2; i++) {
        struct file last = segment_file(f, -1);
        unlink(last.path);
        free(last.data);
    }
    struct log_capture log = capture_log();
    fixture_open(f);
    assert_int_equal(captured_lines(&log, "through_seq=100"), 1);
    f->store->ops->state(f->store, &st);
    assert_int_equal(st.last_seq, 100);
    assert_true(st.messages > 0 && st.messages < 100);
    assert_int_equal(read_result(f->store, 100), -ENOENT);
    append_durable(f, 101, 110);
    fixture_close(f);
    fixture_open(f);
    assert_readable(f->store, 1, st.messages);
    assert_readable(f->store, 101, 110);
}

/* ---- store.meta ---- */

static void one_slot_of_meta_damaged(void **state)
{
    struct fixture *f = *state;
    append_durable(f, 1, 100);
    assert_int_equal(f->store->ops->remove_through(f->store, 30), 0);
    fixture_close(f);
    fixture_open(f);
    assert_int_equal(f->store->ops->remove_through(f->store, 60), 0);
    fixture_close(f);
    struct file meta = file_load(meta_path(f));
    assert_int_equal(meta.size, 8192);
    uint64_t firsts[2];
    for (int slot = 0; slot < 2; slot++) {
        struct store_state st;
        meta.data[slot * 4096 + 24] ^= 1;
        file_store(&meta, meta.size);
        meta.data[slot * 4096 + 24] ^= 1;
        fixture_open(f);
        f->store->ops->state(f->store, &st);
        firsts[slot] = st.first_seq;
        assert_readable(f->store, st.first_seq, 100);
        fixture_close(f);
        file_store(&meta, meta.size);
    }
    assert_int_equal(firsts[0] + firsts[1], 31 + 61);
    free(meta.data);
}

static void meta_gone_or_unreadable(void **state)
{
    struct fixture *f = *state;
    append_durable(f, 1, 100);
    assert_int_equal(f->store->ops->remove_through(f->store, 30), 0);
    for (int round = 0; round < 2; round++) {
        fixture_close(f);
        struct file meta = file_load(meta_path(f));
        memset(meta.data, round, meta.size);
        file_store(&meta, meta.size);
        if (round == 0)
            unlink(meta.path);
        struct log_capture log = capture_log();
        fixture_open(f);
        assert_int_equal(captured_lines(&log, "missing or damaged"), 1);
        assert_state(f->store, 1, 100);
        assert_readable(f->store, 1, 100);
        free(meta.data);
    }
    append_durable(f, 101, 120);
    fixture_close(f);
    fixture_open(f);
    assert_readable(f->store, 1, 120);
}

/* ---- anything ---- */

/* Random damage anywhere: whatever is read is right. */
static void random_damage(void **state)
{
    struct fixture *f = *state;
    uint64_t random = 42;
    fixture_reopen(f, SEGMENT_BYTES_MIN);
    append_durable(f, 1, 200);
    fixture_close(f);
    int segments = count_segments(f);
    for (int round = 0; round < 150; round++) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        struct file file =
            segment_file(f, (int)((random >> 40) % (uint64_t)segments));
        size_t from = (random >> 20) % file.size;
        size_t n = (random >> 33) % 200;
        char *damaged = malloc(file.size);
        memcpy(damaged, file.data, file.size);
        for (size_t at = from; at < file.size && at < from + n; at++)
            damaged[at] = (char)(random >> (at % 57));
        struct file copy = file;
        copy.data = damaged;
        file_store(&copy, round % 5 == 0 ? from : file.size);
        fixture_open(f);
        for (uint64_t seq = 1; seq <= 200; seq++)
            if (read_result(f->store, seq) == 0)
                assert_readable(f->store, seq, seq);
        fixture_close(f);
        file_store(&file, file.size);
        free(damaged);
        free(file.data);
    }
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tail_torn_at_every_byte),
        TEST(tail_torn_in_the_only_record_or_the_header),
        TEST(a_damaged_end_is_kept_aside),
        TEST(garbage_behind_the_last_record),
        TEST(the_log_names_what_was_cut),
        TEST(any_byte_changed_in_the_last_segment),
        TEST(any_byte_changed_in_a_sealed_segment),
        TEST(damage_is_reported_once),
        TEST(a_hole_of_many_records),
        TEST(any_byte_of_index_or_footer_changed),
        TEST(footer_cut_off),
        TEST(index_damage_is_noticed_when_removing),
        TEST(header_damaged),
        TEST(a_last_segment_beyond_reading_is_set_aside),
        TEST(a_newer_version_is_left_alone),
        TEST(a_missing_segment),
        TEST(the_first_segments_missing),
        TEST(the_last_segment_missing),
        TEST(the_last_segments_missing),
        TEST(one_slot_of_meta_damaged),
        TEST(meta_gone_or_unreadable),
        TEST(random_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
