/* segment_fuzz: arbitrary bytes as a segment file, and as a journal of removals
 * beside it. Scanning ends, what it finds lies within the file, and a store over
 * these files opens, answers every call, and opens again.
 *
 * The last byte of an input says how much of its end is the journal. Each input
 * is tried twice: as it is, and with the checksums of header, records, tables,
 * footer and journal put right, because chance does not get past a checksum.
 *
 * fuzz-links: broker/store/?*.c broker/subject.c
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/store/crc32c.h"
#include "broker/store/segment.h"
#include "broker/store/store.h"
#include "lib/log.h"

#define SALT      1U
#define INPUT_MAX (64U << 10)

static char dir[] = "/dev/shm/segment_fuzz.XXXXXX";
static char path[64], meta_path[64], aside_path[80], removed_path[64];
static struct syncer *syncer;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void remove_folder(void)
{
    unlink(path);
    unlink(aside_path);
    unlink(meta_path);
    unlink(removed_path);
    rmdir(dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct errmsg err;
    (void)argc, (void)argv;
    syncer = syncer_new(eventfd(0, EFD_NONBLOCK), &err);
    if (syncer == NULL || mkdtemp(dir) == NULL)
        abort();
    snprintf(path, sizeof path, "%s/0000000000000001.seg", dir);
    snprintf(aside_path, sizeof aside_path, "%s.damaged", path);
    snprintf(meta_path, sizeof meta_path, "%s/store.meta", dir);
    snprintf(removed_path, sizeof removed_path, "%s/store.removed", dir);
    atexit(remove_folder);
    log_setup("fuzz", LOG_ERROR + 1, LOG_LOGFMT); /* damage is the point */
    return 0;
}

static void repair_page(char *page, size_t size, uint32_t number)
{
    struct segment_page_end *end = (void *)(page + size - sizeof *end);
    end->number = number;
    end->checksum = crc32c(SALT, page, size - sizeof end->checksum);
}

/* Two pages and a footer at the end, of as many entries as the input says. */
static void repair_footer(char *data, size_t size)
{
    struct segment_footer footer;
    size_t entries = sizeof(struct segment_entries_page);
    size_t subjects = sizeof(struct segment_subjects_page);
    size_t tables = entries + subjects + sizeof footer;
    if (size < sizeof(struct segment_header) + tables)
        return;
    size_t at = (size - tables) & ~(size_t)7;
    char *end = data + at + entries + subjects;
    memcpy(&footer, end, sizeof footer);
    if (footer.bytes % 8 == 7)
        return; /* none */
    memcpy(footer.magic, "NEXUSEND", 8);
    footer.version = SEGMENT_VERSION;
    footer.salt = SALT;
    footer.first_seq = 1;
    footer.count = footer.count % SEGMENT_PAGE_ENTRIES + 1;
    footer.index_offset = at;
    footer.subjects_offset = at + entries;
    footer.subjects = footer.count < SEGMENT_PAGE_SUBJECTS
                          ? footer.subjects % footer.count + 1
                          : 1;
    footer.checksum =
        crc32c(0, &footer, offsetof(struct segment_footer, checksum));
    memcpy(end, &footer, sizeof footer);
    repair_page(data + at, entries, 0);
    repair_page(data + at + entries, subjects, 0);
}

/* Puts right what a checksum would reject, record after record. */
static void repair(char *data, size_t size)
{
    struct segment_header *header = (void *)data;
    size_t at = sizeof *header;
    if (size < sizeof *header)
        return;
    memcpy(header->magic, "NEXUSSEG", 8);
    header->version = SEGMENT_VERSION;
    header->salt = SALT;
    header->first_seq = 1;
    header->checksum =
        crc32c(0, header, offsetof(struct segment_header, checksum));
    while (at + RECORD_HEADER <= size) {
        struct record *record = (void *)(data + at);
        record->payload_len %= 200;
        record->headers_len %= 50;
        record->subject_len %= 30;
        record->kind = record->kind % 8 == 0 ? RECORD_KIND_EXPIRING
                       : record->kind % 8 == 1
                           ? RECORD_KIND_MESSAGE | RECORD_ERASED
                           : RECORD_KIND_MESSAGE;
        record->zero = 0;
        if (record_size(record) > size - at)
            break;
        record->body_crc =
            crc32c(SALT, record + 1, record_size(record) - RECORD_HEADER);
        record->header_crc = crc32c(SALT, &record->body_crc, RECORD_HEADER - 4);
        at += record_size(record);
    }
    repair_footer(data, size);
}

/* The journal: one batch, whatever its body says. */
static void repair_journal(char *data, size_t size)
{
    uint32_t words[8];
    if (size < sizeof words)
        return;
    memcpy(words, data, sizeof words);
    memcpy(words, "NXRM", 4);
    words[1] = 1;
    words[2] = SALT;
    words[3] %= 50;
    words[4] %= 5;
    words[5] = (uint32_t)(size - sizeof words);
    words[6] = crc32c(SALT, data + sizeof words, size - sizeof words);
    words[7] = crc32c(0, words, 28);
    memcpy(data, words, sizeof words);
}

static void scan(const char *data, size_t size)
{
    struct segment_scan found = {
        .data = data, .size = size, .limit_seq = UINT64_MAX};
    uint32_t salt = SALT;
    if (size >= sizeof(struct segment_header))
        salt = ((const struct segment_header *)(const void *)data)->salt;
    segment_scan(&found, 1, salt);
    assert(found.good.count <= found.all.count);
    assert(found.all.count <= size / RECORD_HEADER);
    assert(found.good.end <= found.all.end);
    for (uint64_t i = 0; i < found.all.count; i++)
        assert(found.index->entries[i].offset < size);
    segment_index_free(&found.index);
}

static bool see_subject(void *arg, struct str subject,
                        const struct store_subject *found)
{
    (void)arg;
    assert(subject.len <= STORE_SUBJECT_MAX);
    assert(found->first_seq <= found->last_seq);
    return true;
}

static void see_expired(void *arg, const struct store_msg *msg)
{
    struct store *store = arg;
    store->ops->remove(store, msg->seq, true);
}

static void search_all(struct store *store, struct str pattern)
{
    struct store_filter filter = {.patterns = &pattern, .count = 1};
    struct store_subject found;
    struct store_msg msg;
    uint64_t seq = 1, count = 0;
    while (store->ops->next(store, &filter, seq, &msg) == 0) {
        assert(msg.seq >= seq);
        seq = msg.seq + 1;
        count++;
    }
    store->ops->last(store, &filter, UINT64_MAX, &msg);
    store->ops->count(store, &filter, seq / 2);
    store->ops->subject(store, pattern, &found);
    store->ops->subjects(store, &filter, see_subject, NULL);
    assert(count <= INPUT_MAX);
}

static void use_all(struct store *store)
{
    struct store_state state;
    struct store_msg msg;
    struct store_range ranges[16];
    store->ops->state(store, &state);
    assert(state.messages <= SEGMENT_GAPS_MAX + INPUT_MAX);
    uint64_t last = state.last_seq;
    if (last > state.first_seq + 500)
        last = state.first_seq + 500;
    for (uint64_t seq = state.first_seq; seq <= last; seq++) {
        int rc = store->ops->read(store, seq, &msg);
        assert(rc != 0 || msg.seq == seq);
        store->ops->has(store, seq);
        if (seq % 7 == 3)
            store->ops->remove(store, seq, seq % 2 == 0);
    }
    search_all(store, str_of("s"));
    search_all(store, str_of(">"));
    store->ops->subject_count(store);
    store->ops->damage(store, ranges, 16);
    store->ops->next_expiry(store);
    store->ops->expired(store, INT64_MAX, 10, see_expired, store);
    store->ops->remove_through(store, last / 2);
    store->ops->state(store, &state);
}

static void put_file(const char *name, const char *data, size_t size)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    close(fd);
}

static void use(const char *data, size_t size, size_t journal)
{
    struct errmsg err;
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        abort();
    put_file(path, data, size - journal);
    if (journal > 0)
        put_file(removed_path, data + size - journal, journal);
    for (int again = 0; again < 2; again++) {
        struct store *store = store_file_open(
            dir, syncer,
            &(struct store_options){.segment_bytes = SEGMENT_BYTES_MIN}, &err);
        if (store == NULL)
            break; /* of a newer version */
        use_all(store);
        struct store_state state;
        store->ops->state(store, &state);
        struct store_msg msg = {
            .seq = state.last_seq + 1, .time_ns = 1, .subject = STR("s")};
        assert(store->ops->append(store, &msg) == 0);
        store->ops->commit(store);
        if (again == 0)
            store->ops->close(store);
        else
            store->ops->destroy(store);
    }
    remove_folder();
}

static void try(char *data, size_t size, size_t journal)
{
    scan(data, size - journal);
    use(data, size, journal);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size > INPUT_MAX)
        return 0;
    size_t journal = size > 0 ? bytes[size - 1] : 0;
    if (journal > size)
        journal = 0;
    char *data = malloc(size + 1);
    if (data == NULL)
        abort();
    memcpy(data, bytes, size);
    try(data, size, journal);
    repair(data, size - journal);
    repair_journal(data + size - journal, journal);
    try(data, size, journal);
    free(data);
    return 0;
}
