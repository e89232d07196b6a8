/* Records and segments as bytes: what is written is what README.md describes,
 * and no changed byte goes unnoticed. */
#include "store_fixture.h"

#include "broker/store/crc32c.h"

#define SALT 0x5eed5a17U

static struct store_msg small_message(uint64_t seq)
{
    return (struct store_msg){
        .seq = seq,
        .time_ns = 7,
        .subject = STR("a.b"),
        .headers = STR("NATS/1.0\r\n\r\n"),
        .payload = STR("hello"),
    };
}

/* ---- checksum ---- */

static void crc32c_known_values(void **state)
{
    (void)state;
    char zeros[32] = {0}, ones[32];
    memset(ones, 0xff, sizeof ones);
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(crc32c(0, zeros, 32), 0x8a9136aa); /* RFC 3720 B.4 */
    assert_int_equal(crc32c(0, ones, 32), 0x62a8ab43);
    assert_int_equal(crc32c(0, "", 0), 0);
}

static void crc32c_by_tables_is_the_same(void **state)
{
    (void)state;
    char bytes[100];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 31);
    for (size_t from = 0; from < 9; from++)
        for (size_t len = 0; from + len <= sizeof bytes; len++)
            assert_int_equal(crc32c(SALT, bytes + from, len),
                             crc32c_portable(SALT, bytes + from, len));
}

static void crc32c_goes_on(void **state)
{
    (void)state;
    uint32_t part = crc32c(0, "12345", 5);
    assert_int_equal(crc32c(part, "6789", 4), 0xe3069283);
    part = crc32c_portable(0, "12345", 5);
    assert_int_equal(crc32c_portable(part, "6789", 4), 0xe3069283);
}

/* ---- records ---- */

static struct record *small_record(uint64_t seq)
{
    struct store_msg msg = small_message(seq);
    struct record *record = malloc(record_size_of(&msg));
    record_write(record, SALT, &msg);
    return record;
}

static void record_stands_as_described(void **state)
{
    (void)state;
    struct record *record = small_record(0x0102030405060708);
    const unsigned char *bytes = (const void *)record;
    assert_int_equal(record_size(record), 64); /* 40 + 3 + 12 + 5, padded */
    assert_int_equal(bytes[8], 8);
    assert_int_equal(bytes[15], 1);
    assert_int_equal(bytes[16], 7);
    assert_int_equal(bytes[24], 5);
    assert_int_equal(bytes[28], 12);
    assert_int_equal(bytes[32], 3);
    assert_int_equal(bytes[34], 1);
    assert_memory_equal(bytes + 40, "a.bNATS/1.0\r\n\r\nhello\0\0\0\0", 24);
    assert_int_equal(record_stream_bytes(record), 22 + 3 + 4 + 12 + 5 + 8);
    free(record);
}

/* It stands in the segments' tables, so it stays what it is. */
static void subject_hash_known_values(void **state)
{
    (void)state;
    static const struct {
        const char *subject;
        uint64_t hash;
    } known[] = {
        {"a", UINT64_C(0x2fbf85d1c047793c)},
        {"orders", UINT64_C(0x8850d99742fc6716)},
        {"orders.n", UINT64_C(0xa7946db727764c6d)},
        {"orders.new", UINT64_C(0xc151fdd2805f5f7a)},
        {"\xc3\xa9.x", UINT64_C(0x9e58ad474f6b014a)},
        {"telemetry.rack-12.gpu-7", UINT64_C(0x04b6919261a0236a)},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        assert_int_equal(
            record_subject_hash(0x12345678, str_of(known[i].subject)),
            known[i].hash);
}

static void every_changed_bit_of_a_record_is_noticed(void **state)
{
    (void)state;
    struct record *record = small_record(5);
    char *bytes = (void *)record;
    size_t size = record_size(record);
    assert_true(record_header_valid(record, SALT));
    assert_true(record_body_valid(record, SALT));
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        bool header = record_header_valid(record, SALT);
        assert_true(bit / 8 >= RECORD_HEADER || !header);
        assert_false(header && record_body_valid(record, SALT));
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_false(record_header_valid(record, SALT + 1));
    free(record);
}

static void a_message_without_anything_is_a_record(void **state)
{
    (void)state;
    struct store_msg empty = {.seq = 1}, got;
    struct record record;
    assert_int_equal(record_size_of(&empty), sizeof record);
    record_write(&record, SALT, &empty);
    assert_true(record_header_valid(&record, SALT));
    assert_true(record_body_valid(&record, SALT));
    record_read(&record, &got);
    assert_int_equal(got.payload.len + got.headers.len + got.subject.len, 0);
}

static void zeros_are_no_record(void **state)
{
    (void)state;
    struct record record = {.seq = 0};
    assert_false(record_header_valid(&record, SALT));
    assert_false(record_header_valid(&record, 0));
}

/* ---- names ---- */

static void names(void **state)
{
    (void)state;
    uint64_t seq = 0;
    assert_true(segment_parse_name("00000000000000ff.seg", &seq));
    assert_int_equal(seq, 255);
    assert_false(segment_parse_name("0000000000000000.seg", &seq));
    assert_false(segment_parse_name("ffffffffffffffff.seg", &seq));
    assert_false(segment_parse_name("00000000000000FF.seg", &seq));
    assert_false(segment_parse_name("00000000000000ff.seg.damaged", &seq));
    assert_false(segment_parse_name("0000000000000ff.seg", &seq));
    assert_false(segment_parse_name("store.meta", &seq));
    char *path = segment_path("/d", 255);
    assert_string_equal(path, "/d/00000000000000ff.seg");
    free(path);
}

/* ---- scanning ---- */

/* A segment's bytes with records of 64 bytes: seqs `first` to `last`. */
static struct segment_scan image(uint64_t first, uint64_t last)
{
    size_t size = sizeof(struct segment_header) + (last + 1 - first) * 64;
    char *data = calloc(1, size);
    for (uint64_t seq = first; seq <= last; seq++) {
        struct store_msg msg = small_message(seq);
        size_t at = sizeof(struct segment_header) + (seq - first) * 64;
        record_write((void *)(data + at), SALT, &msg);
    }
    return (struct segment_scan){
        .data = data, .size = size, .limit_seq = UINT64_MAX};
}

static char *byte_of(struct segment_scan *scan, int record, int byte)
{
    return (char *)scan->data + sizeof(struct segment_header) + record * 64 +
           byte;
}

static void scan_free(struct segment_scan *scan)
{
    free((void *)scan->data);
    segment_index_free(&scan->index);
}

static void scan_finds_every_record(void **state)
{
    (void)state;
    struct segment_scan scan = image(10, 14);
    segment_scan(&scan, 10, SALT);
    assert_int_equal(scan.good.count, 5);
    assert_int_equal(scan.good.end, scan.size);
    assert_int_equal(scan.good.bytes, 5 * 54);
    assert_int_equal(scan.index->entries[0].offset, 64);
    assert_int_equal(scan.index->entries[4].offset, 64 + 4 * 64);
    assert_int_equal(scan.index->entries[1].bytes_through, 2 * 54);
    assert_int_equal(scan.damaged, 0);
    scan_free(&scan);
}

static void scan_of_nothing(void **state)
{
    (void)state;
    uint64_t data[16] = {0};
    for (size_t size = 0; size <= sizeof data; size++) {
        struct segment_scan scan = {
            .data = data, .size = size, .limit_seq = UINT64_MAX};
        segment_scan(&scan, 1, SALT);
        assert_int_equal(scan.all.count, 0);
        assert_null(scan.index);
    }
}

static void scan_steps_over_a_damaged_body(void **state)
{
    (void)state;
    struct segment_scan scan = image(1, 3);
    *byte_of(&scan, 1, 45) ^= 1;
    segment_scan(&scan, 1, SALT);
    assert_int_equal(scan.good.count, 3);
    assert_int_equal(scan.damaged, 1);
    assert_int_equal(scan.damaged_seq, 2);
    assert_int_equal(scan.damaged_offset, 128);
    assert_int_equal(scan.index->entries[1].offset, 128);
    scan_free(&scan);
}

static void scan_finds_on_behind_a_damaged_header(void **state)
{
    (void)state;
    struct segment_scan scan = image(1, 4);
    *byte_of(&scan, 1, 24) ^= 1;
    *byte_of(&scan, 2, 8) ^= 1;
    segment_scan(&scan, 1, SALT);
    assert_int_equal(scan.good.count, 4);
    assert_int_equal(scan.damaged, 2);
    assert_int_equal(scan.damaged_seq, 2);
    assert_int_equal(scan.index->entries[1].offset, 0);
    assert_int_equal(scan.index->entries[2].offset, 0);
    assert_int_equal(scan.index->entries[3].offset, 64 + 3 * 64);
    assert_int_equal(scan.good.bytes, 2 * 54);
    scan_free(&scan);
}

static void scan_leaves_a_damaged_tail_out(void **state)
{
    (void)state;
    struct segment_scan scan = image(1, 4);
    *byte_of(&scan, 2, 45) ^= 1;
    *byte_of(&scan, 3, 45) ^= 1;
    segment_scan(&scan, 1, SALT);
    assert_int_equal(scan.good.count, 2);
    assert_int_equal(scan.good.end, 64 + 2 * 64);
    assert_int_equal(scan.damaged, 0);
    assert_int_equal(scan.all.count, 4);
    scan_free(&scan);
}

static void scan_does_not_take_a_sequence_that_cannot_follow(void **state)
{
    (void)state;
    struct segment_scan scan = image(1, 3);
    struct store_msg msg = small_message(900);
    record_write((void *)byte_of(&scan, 1, 0), SALT, &msg);
    segment_scan(&scan, 1, SALT);
    assert_int_equal(scan.good.count, 3);
    assert_int_equal(scan.index->entries[1].offset, 0);
    scan_free(&scan);
}

static void scan_stops_where_the_next_file_begins(void **state)
{
    (void)state;
    struct segment_scan scan = image(1, 5);
    scan.limit_seq = 4;
    segment_scan(&scan, 1, SALT);
    assert_int_equal(scan.all.count, 3);
    scan_free(&scan);
}

/* A published payload may hold a segment's bytes, of this very stream. */
static void scan_does_not_take_records_out_of_payloads(void **state)
{
    (void)state;
    struct segment_scan scan = image(1, 2);
    struct record *inner = small_record(2);
    struct store_msg msg = {
        .seq = 1,
        .subject = STR("12345678"),
        .payload = str_make((const char *)inner, record_size(inner)),
    };
    size_t size = record_size_of(&msg);
    char *data = calloc(1, 64 + size + 64);
    record_write((void *)(data + 64), SALT, &msg);
    msg = small_message(2);
    record_write((void *)(data + 64 + size), SALT, &msg);
    free((void *)scan.data);
    scan.data = data;
    scan.size = 64 + size + 64;
    segment_scan(&scan, 1, SALT);
    assert_int_equal(scan.good.count, 2);
    assert_int_equal(scan.index->entries[1].offset, 64 + size);
    free(inner);
    scan_free(&scan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_known_values),
        cmocka_unit_test(crc32c_by_tables_is_the_same),
        cmocka_unit_test(crc32c_goes_on),
        cmocka_unit_test(record_stands_as_described),
        cmocka_unit_test(subject_hash_known_values),
        cmocka_unit_test(every_changed_bit_of_a_record_is_noticed),
        cmocka_unit_test(a_message_without_anything_is_a_record),
        cmocka_unit_test(zeros_are_no_record),
        cmocka_unit_test(names),
        cmocka_unit_test(scan_finds_every_record),
        cmocka_unit_test(scan_of_nothing),
        cmocka_unit_test(scan_steps_over_a_damaged_body),
        cmocka_unit_test(scan_finds_on_behind_a_damaged_header),
        cmocka_unit_test(scan_leaves_a_damaged_tail_out),
        cmocka_unit_test(scan_does_not_take_a_sequence_that_cannot_follow),
        cmocka_unit_test(scan_stops_where_the_next_file_begins),
        cmocka_unit_test(scan_does_not_take_records_out_of_payloads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
