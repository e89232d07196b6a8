#include "broker/store/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int call_open(const char *path, int flags, mode_t mode)
{
    return open(path, flags, mode);
}

struct disk_calls disk_calls = {
    .open = call_open,
    .pread = pread,
    .pwrite = pwrite,
    .ftruncate = ftruncate,
    .fdatasync = fdatasync,
    .fsync = fsync,
    .unlink = unlink,
    .rename = rename,
};

int disk_open(const char *path, int flags)
{
    int fd = disk_calls.open(path, flags | O_CLOEXEC, 0640);
    return fd >= 0 ? fd : -errno;
}

ssize_t disk_read(int fd, void *bytes, size_t n, uint64_t offset)
{
    size_t done = 0;
    while (done < n) {
        ssize_t rc = disk_calls.pread(fd, (char *)bytes + done, n - done,
                                      (off_t)(offset + done));
        if (rc == 0)
            break;
        if (rc > 0)
            done += (size_t)rc;
        else if (errno != EINTR)
            return -errno;
    }
    return (ssize_t)done;
}

int disk_write(int fd, const void *bytes, size_t n, uint64_t offset)
{
    size_t done = 0;
    while (done < n) {
        ssize_t rc = disk_calls.pwrite(fd, (const char *)bytes + done, n - done,
                                       (off_t)(offset + done));
        if (rc == 0)
            return -ENOSPC;
        if (rc > 0)
            done += (size_t)rc;
        else if (errno != EINTR)
            return -errno;
    }
    return 0;
}

int disk_truncate(int fd, uint64_t size)
{
    return disk_calls.ftruncate(fd, (off_t)size) == 0 ? 0 : -errno;
}

int disk_sync(int fd)
{
    return disk_calls.fdatasync(fd) == 0 ? 0 : -errno;
}

int disk_sync_folder(int fd)
{
    return disk_calls.fsync(fd) == 0 ? 0 : -errno;
}

int disk_unlink(const char *path)
{
    return disk_calls.unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
}

int disk_rename(const char *from, const char *to)
{
    return disk_calls.rename(from, to) == 0 ? 0 : -errno;
}

int64_t disk_size(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? st.st_size : -errno;
}

/* Makes path's last folder and syncs the one it stands in. */
static int make_one(const char *path)
{
    char parent[PATH_MAX + 4];
    if (mkdir(path, 0750) != 0)
        return errno == EEXIST ? 0 : -errno;
    snprintf(parent, sizeof parent, "%s/..", path);
    int fd = disk_open(parent, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return fd;
    int rc = disk_sync_folder(fd);
    close(fd);
    return rc;
}

int disk_make_folder(const char *path)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part)
        return -ENAMETOOLONG;
    memcpy(part, path, len + 1);
    for (char *slash = strchr(part + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int rc = make_one(part);
        if (rc < 0)
            return rc;
        *slash = '/';
    }
    return make_one(part);
}
