/* segment_fuzz: arbitrary bytes as a segment file. Scanning ends, what it finds
 * lies within the file, and a store over that file opens, reads, removes,
 * appends and opens again.
 *
 * Each input is tried twice: as it is, and with the checksums of header, records
 * and footer put right, because chance does not get past a checksum.
 *
 * fuzz-links: broker/store/compaction.c broker/store/crc32c.c broker/store/disk.c broker/store/meta.c broker/store/pending.c broker/store/reader.c broker/store/record.c broker/store/recovery.c broker/store/removals.c broker/store/segment.c broker/store/seqset.c broker/store/store_file.c broker/store/store_remove.c broker/store/store_filter.c broker/store/store_search.c broker/store/store_sync.c broker/store/subjects.c broker/store/syncer.c broker/subject.c
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
static char path[64], meta_path[64], aside_path[80];
static struct syncer *syncer;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void remove_folder(void)
{
    unlink(path);
    unlink(aside_path);
    unlink(meta_path);
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
    atexit(remove_folder);
    log_setup("fuzz", LOG_ERROR + 1, LOG_LOGFMT); /* damage is the point */
    return 0;
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
        record->kind = RECORD_KIND_MESSAGE;
        record->zero = 0;
        if (record_size(record) > size - at)
            break;
        record->body_crc =
            crc32c(SALT, record + 1, record_size(record) - RECORD_HEADER);
        record->header_crc = crc32c(SALT, &record->body_crc, RECORD_HEADER - 4);
        at += record_size(record);
    }
    if (size < sizeof *header + sizeof(struct segment_footer))
        return;
    struct segment_footer footer;
    memcpy(&footer, data + size - sizeof footer, sizeof footer);
    memcpy(footer.magic, "NEXUSEND", 8);
    footer.version = SEGMENT_VERSION;
    footer.salt = SALT;
    footer.first_seq = 1;
    footer.count %= size / 8;
    footer.index_offset = size - sizeof footer - footer.count * 8;
    if (footer.index_offset > size)
        return;
    if (footer.bytes % 2 == 0) /* else the index does not match */
        footer.index_crc =
            crc32c(SALT, data + footer.index_offset, footer.count * 8);
    footer.checksum =
        crc32c(0, &footer, offsetof(struct segment_footer, checksum));
    if (footer.bytes % 4 < 3)
        memcpy(data + size - sizeof footer, &footer, sizeof footer);
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
        assert(found.index[i].offset < size);
    free(found.index);
}

static void read_all(struct store *store)
{
    struct store_state state;
    struct store_msg msg;
    store->ops->state(store, &state);
    assert(state.messages <= INPUT_MAX);
    for (uint64_t seq = state.first_seq; seq <= state.last_seq; seq++) {
        int rc = store->ops->read(store, seq, &msg);
        assert(rc != 0 || msg.seq == seq);
    }
    store->ops->remove_through(store, state.last_seq / 2);
    store->ops->state(store, &state);
}

static void use(const char *data, size_t size)
{
    struct errmsg err;
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        abort();
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    close(fd);
    for (int again = 0; again < 2; again++) {
        struct store *store = store_file_open(
            dir, syncer,
            &(struct store_options){.segment_bytes = SEGMENT_BYTES_MIN}, &err);
        if (store == NULL)
            break; /* of a newer version */
        read_all(store);
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
    unlink(path);
    unlink(aside_path);
    unlink(meta_path);
}

static void try(char *data, size_t size)
{
    scan(data, size);
    use(data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size > INPUT_MAX)
        return 0;
    char *data = malloc(size + 1);
    if (data == NULL)
        abort();
    memcpy(data, bytes, size);
    try(data, size);
    repair(data, size);
    try(data, size);
    free(data);
    return 0;
}
