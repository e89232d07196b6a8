#include "broker/store/removals.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/store/crc32c.h"
#include "broker/store/disk.h"
#include "lib/log.h"
#include "lib/mem.h"

#define BATCH_MAGIC   "NXRM"
#define BATCH_VERSION 1
/* A number takes at most this many bytes. */
#define VARINT_MAX 10

struct batch_header {
    char magic[4];
    uint32_t version;
    uint32_t salt;
    uint32_t runs, dead;
    uint32_t len;      /* of what follows */
    uint32_t body_crc; /* of that */
    uint32_t checksum; /* of all before */
};
_Static_assert(sizeof(struct batch_header) == 32, "the form on disk");

/* ---- a batch ---- */

static void put_varint(struct buf *b, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        buf_append_byte(b, (char)(value | 0x80));
    buf_append_byte(b, (char)value);
}

/* False: the bytes end first. */
static bool take_varint(struct str *bytes, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; bytes->len > 0 && shift < VARINT_MAX * 7U;
         shift += 7) {
        uint8_t byte = (uint8_t)*bytes->p;
        *bytes = str_make(bytes->p + 1, bytes->len - 1);
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

void removals_add_run(struct removals_batch *batch, struct store_range run)
{
    put_varint(&batch->runs, run.first_seq - batch->through);
    put_varint(&batch->runs, run.last_seq - run.first_seq);
    batch->through = run.last_seq;
    batch->runs_count++;
}

void removals_add_dead(struct removals_batch *batch, struct removals_dead dead)
{
    put_varint(&batch->dead, dead.first_seq);
    put_varint(&batch->dead, dead.bytes);
    batch->dead_count++;
}

void removals_batch_fini(struct removals_batch *batch)
{
    buf_fini(&batch->runs);
    buf_fini(&batch->dead);
    *batch = (struct removals_batch){.through = 0};
}

static bool read_batch(const struct batch_header *header, struct str body,
                       const struct removals_reader *reader)
{
    uint64_t through = 0, gap, more;
    for (uint32_t i = 0; i < header->runs; i++) {
        if (!take_varint(&body, &gap) || !take_varint(&body, &more))
            return false;
        struct store_range run = {through + gap, through + gap + more};
        if (run.first_seq < through || run.last_seq < run.first_seq ||
            run.first_seq == 0 || run.last_seq > INT64_MAX)
            return false;
        through = run.last_seq;
        reader->run(reader->arg, run);
    }
    for (uint32_t i = 0; i < header->dead; i++) {
        struct removals_dead dead;
        if (!take_varint(&body, &dead.first_seq) ||
            !take_varint(&body, &dead.bytes))
            return false;
        reader->dead(reader->arg, dead);
    }
    return true;
}

/* ---- reading the file ---- */

static uint32_t header_checksum(const struct batch_header *header)
{
    return crc32c(0, header, offsetof(struct batch_header, checksum));
}

/* The batch at offset: its size; 0: it is damaged or the file ends. */
static size_t batch_at(const struct removals *removals, struct str file,
                       size_t offset, const struct removals_reader *reader)
{
    struct batch_header header;
    if (file.len - offset < sizeof header)
        return 0;
    memcpy(&header, file.p + offset, sizeof header);
    struct str body = str_make(file.p + offset + sizeof header, header.len);
    if (memcmp(header.magic, BATCH_MAGIC, sizeof header.magic) != 0 ||
        header_checksum(&header) != header.checksum ||
        header.version != BATCH_VERSION || header.salt != removals->salt ||
        header.len > file.len - offset - sizeof header ||
        crc32c(removals->salt, body.p, body.len) != header.body_crc ||
        !read_batch(&header, body, reader))
        return 0;
    return sizeof header + header.len;
}

/* The first offset behind `offset` where a batch is well; or the end. */
static size_t resume(const struct removals *removals, struct str file,
                     size_t offset, const struct removals_reader *reader,
                     size_t *size)
{
    *size = 0;
    while (offset < file.len &&
           (*size = batch_at(removals, file, offset, reader)) == 0)
        offset++;
    return offset;
}

/* 0, or 1 when something between batches that are well is not. What follows
 * the last one is torn off and does not count. */
static int read_all(struct removals *removals, struct str file,
                    const struct removals_reader *reader)
{
    size_t at = 0, size;
    int rc = 0;
    while (at < file.len) {
        size_t next = resume(removals, file, at, reader, &size);
        if (size == 0)
            break;
        if (next > at)
            rc = 1;
        at = next + size;
        if (removals->start == 0)
            removals->start = at;
    }
    removals->size = at;
    return rc;
}

static int load(struct removals *removals, const struct removals_reader *reader)
{
    int64_t size = disk_size(removals->fd);
    if (size < 0)
        return (int)size;
    char *bytes = mem_alloc((size_t)size + 1);
    ssize_t got = disk_read(removals->fd, bytes, (size_t)size, 0);
    int rc = got < 0 ? (int)got
                     : read_all(removals, str_make(bytes, (size_t)got), reader);
    if (rc >= 0 && removals->size < (uint64_t)size) {
        log_warn("the journal of removals ends in something else, which is cut",
                 LOG_STR("dir", removals->dir),
                 LOG_I64("offset", removals->size),
                 LOG_I64("bytes", (uint64_t)size - removals->size));
        int cut = disk_truncate(removals->fd, removals->size);
        if (cut < 0)
            rc = cut;
    }
    free(bytes);
    return rc;
}

static char *path_of(const struct removals *removals, const char *suffix)
{
    size_t size = strlen(removals->dir) + sizeof REMOVALS_NAME + 8;
    char *path = mem_alloc(size);
    snprintf(path, size, "%s/" REMOVALS_NAME "%s", removals->dir, suffix);
    return path;
}

int removals_open(struct removals *removals, const char *dir, int dir_fd,
                  uint32_t salt, const struct removals_reader *reader,
                  struct errmsg *err)
{
    *removals =
        (struct removals){.dir = dir, .dir_fd = dir_fd, .salt = salt, .fd = -1};
    char *path = path_of(removals, "");
    int rc = disk_open(path, O_RDWR);
    if (rc >= 0) {
        removals->fd = rc;
        rc = load(removals, reader);
    } else if (rc == -ENOENT) {
        rc = 0;
    }
    if (rc < 0) {
        removals_close(removals);
        errmsg_set(err, rc, "cannot open %s: %s", path, strerror(-rc));
    }
    free(path);
    return rc;
}

void removals_close(struct removals *removals)
{
    if (removals->fd >= 0)
        close(removals->fd);
    removals->fd = -1;
}

/* ---- writing the file ---- */

bool removals_grown(const struct removals *removals)
{
    return removals->fd < 0 || (removals->size > REMOVALS_BYTES_MIN &&
                                removals->size > removals->start * 2);
}

static struct buf encode(const struct removals *removals,
                         const struct removals_batch *batch)
{
    struct buf out = {.len = 0};
    struct batch_header header = {
        .version = BATCH_VERSION,
        .salt = removals->salt,
        .runs = batch->runs_count,
        .dead = batch->dead_count,
        .len = (uint32_t)(batch->runs.len + batch->dead.len),
    };
    memcpy(header.magic, BATCH_MAGIC, sizeof header.magic);
    header.body_crc = crc32c(removals->salt, batch->runs.data, batch->runs.len);
    header.body_crc =
        crc32c(header.body_crc, batch->dead.data, batch->dead.len);
    header.checksum = header_checksum(&header);
    buf_append(&out, &header, sizeof header);
    buf_append_str(&out, buf_str(&batch->runs));
    buf_append_str(&out, buf_str(&batch->dead));
    return out;
}

/* A new file with this, in the place of the old one. */
static int begin_anew(struct removals *removals, const struct buf *bytes)
{
    char *path = path_of(removals, ""), *new_path = path_of(removals, ".new");
    int fd = disk_open(new_path, O_RDWR | O_CREAT | O_TRUNC);
    int rc = fd < 0 ? fd : disk_write(fd, bytes->data, bytes->len, 0);
    if (rc == 0)
        rc = disk_sync(fd);
    if (rc == 0)
        rc = disk_rename(new_path, path);
    if (rc == 0) {
        removals_close(removals);
        removals->fd = fd;
        removals->size = removals->start = bytes->len;
        removals->unnamed = true;
    } else if (fd >= 0) {
        close(fd);
        disk_unlink(new_path);
    }
    free(path);
    free(new_path);
    return rc;
}

static int append(struct removals *removals, const struct buf *bytes)
{
    int rc = disk_write(removals->fd, bytes->data, bytes->len, removals->size);
    if (rc < 0)
        return rc;
    rc = disk_sync(removals->fd);
    if (rc == 0)
        removals->size += bytes->len;
    else
        removals_close(removals); /* not to be trusted: begun anew */
    return rc;
}

int removals_write(struct removals *removals,
                   const struct removals_batch *batch, bool anew)
{
    struct buf bytes = encode(removals, batch);
    int rc = anew || removals->fd < 0 ? begin_anew(removals, &bytes)
                                      : append(removals, &bytes);
    if (rc == 0 && removals->unnamed) {
        rc = disk_sync_folder(removals->dir_fd);
        removals->unnamed = rc < 0;
    }
    buf_fini(&bytes);
    return rc;
}
