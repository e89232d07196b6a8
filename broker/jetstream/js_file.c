/* js_file: see js_file.h. */
#include "broker/jetstream/js_file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/store/disk.h"
#include "lib/mem.h"

#define FOLDERS_OPEN_MAX 16

static int sync_folder_of(const char *path)
{
    char *folder = mem_strdup(path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        *slash = '\0';
    int fd = disk_open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY);
    free(folder);
    if (fd < 0)
        return fd;
    int rc = disk_sync_folder(fd);
    close(fd);
    return rc;
}

static int write_new(const char *path, struct str bytes, bool sync)
{
    int fd = disk_open(path, O_WRONLY | O_CREAT | O_TRUNC);
    if (fd < 0)
        return fd;
    int rc = disk_write(fd, bytes.p, bytes.len, 0);
    if (rc == 0 && sync)
        rc = disk_sync(fd);
    close(fd);
    return rc;
}

int js_file_write(const char *path, struct str bytes, bool sync,
                  struct errmsg *err)
{
    struct buf name = {0};
    buf_printf(&name, "%s.new", path);
    int rc = write_new(buf_text(&name), bytes, sync);
    if (rc == 0 && rename(buf_text(&name), path) != 0)
        rc = -errno;
    if (rc == 0 && sync)
        rc = sync_folder_of(path);
    buf_fini(&name);
    if (rc != 0)
        errmsg_set(err, rc, "cannot write %s: %s", path, strerror(-rc));
    return rc;
}

int js_file_remove(const char *path)
{
    int rc = disk_unlink(path);
    return rc == 0 ? sync_folder_of(path) : rc;
}

static int read_all(int fd, size_t max, struct buf *out)
{
    int64_t size = disk_size(fd);
    if (size < 0)
        return (int)size;
    if ((uint64_t)size > max)
        return -EFBIG;
    char *at = buf_reserve(out, (size_t)size);
    ssize_t n = disk_read(fd, at, (size_t)size, 0);
    if (n < 0)
        return (int)n;
    out->len += (size_t)n;
    return 0;
}

int js_file_read(const char *path, size_t max, struct buf *out,
                 struct errmsg *err)
{
    int fd = disk_open(path, O_RDONLY);
    int rc = fd < 0 ? fd : read_all(fd, max, out);
    if (fd >= 0)
        close(fd);
    if (rc != 0)
        errmsg_set(err, rc, "cannot read %s: %s", path, strerror(-rc));
    return rc;
}

int js_folder_rename(const char *from, const char *to, struct errmsg *err)
{
    int rc = rename(from, to) == 0 ? sync_folder_of(to) : -errno;
    if (rc != 0)
        errmsg_set(err, rc, "cannot rename %s: %s", from, strerror(-rc));
    return rc;
}

static int remove_entry(const char *path, const struct stat *st, int type,
                        struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void js_folder_remove(const char *path)
{
    nftw(path, remove_entry, FOLDERS_OPEN_MAX, FTW_DEPTH | FTW_PHYS);
}
