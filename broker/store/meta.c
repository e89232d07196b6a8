#include "broker/store/meta.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/store/crc32c.h"
#include "broker/store/disk.h"

#define META_MAGIC "NEXMETA1"
#define META_SLOTS 2
#define SLOT_BYTES 4096

struct slot {
    char magic[8];
    uint32_t version;
    uint32_t salt;
    uint64_t generation;
    uint64_t first_seq;
    uint64_t last_seq;
    uint32_t zero[5];
    uint32_t checksum;
    char unused[SLOT_BYTES - 64];
};
_Static_assert(sizeof(struct slot) == SLOT_BYTES, "the form on disk");

static uint32_t slot_checksum(const struct slot *slot)
{
    return crc32c(0, slot, offsetof(struct slot, checksum));
}

static bool slot_valid(const struct slot *slot)
{
    return memcmp(slot->magic, META_MAGIC, sizeof slot->magic) == 0 &&
           slot_checksum(slot) == slot->checksum;
}

/* 0: read, 1: neither slot is well, or a negative errno. */
static int load(struct meta *meta)
{
    int result = 1;
    for (int i = 0; i < META_SLOTS; i++) {
        struct slot slot = {.version = 0};
        ssize_t got =
            disk_read(meta->fd, &slot, sizeof slot, (uint64_t)i * SLOT_BYTES);
        if (got < 0)
            return (int)got;
        if (!slot_valid(&slot) || slot.generation < meta->generation)
            continue;
        if (slot.version != META_VERSION)
            return -ENOTSUP;
        meta->salt = slot.salt;
        meta->generation = slot.generation;
        meta->first_seq = slot.first_seq;
        meta->last_seq = slot.last_seq;
        result = 0;
    }
    return result;
}

int meta_open(struct meta *meta, const char *dir, struct errmsg *err)
{
    char path[PATH_MAX];
    *meta = (struct meta){.fd = -1};
    int len = snprintf(path, sizeof path, "%s/" META_NAME, dir);
    if (len >= (int)sizeof path)
        return errmsg_set(err, -ENAMETOOLONG, "%s: the name is too long", dir);
    meta->fd = disk_open(path, O_RDWR | O_CREAT);
    int rc = meta->fd < 0 ? meta->fd : load(meta);
    if (rc >= 0)
        return rc;
    meta_close(meta);
    if (rc == -ENOTSUP)
        return errmsg_set(err, rc,
                          "%s was written by a newer version, this one reads "
                          "version %d",
                          path, META_VERSION);
    return errmsg_set(err, rc, "cannot open %s: %s", path, strerror(-rc));
}

void meta_close(struct meta *meta)
{
    if (meta->fd >= 0)
        close(meta->fd);
    meta->fd = -1;
}

int meta_save(struct meta *meta)
{
    struct slot slot = {
        .version = META_VERSION,
        .salt = meta->salt,
        .generation = meta->generation + 1,
        .first_seq = meta->first_seq,
        .last_seq = meta->last_seq,
    };
    memcpy(slot.magic, META_MAGIC, sizeof slot.magic);
    slot.checksum = slot_checksum(&slot);
    int rc = disk_write(meta->fd, &slot, sizeof slot,
                        slot.generation % META_SLOTS * SLOT_BYTES);
    if (rc == 0)
        rc = disk_sync(meta->fd);
    if (rc == 0)
        meta->generation++;
    return rc;
}
