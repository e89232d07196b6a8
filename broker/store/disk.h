/* disk: every call by which a store reaches its files.
 *
 * The functions finish what the system calls may leave half done and answer a
 * negative errno. disk_calls is the table of system calls behind them: a test
 * replaces one to count it or to make it fail; nothing else changes it. */
#ifndef NEXUS_BROKER_DISK_H
#define NEXUS_BROKER_DISK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct disk_calls {
    int (*open)(const char *path, int flags, mode_t mode);
    ssize_t (*pread)(int fd, void *bytes, size_t n, off_t offset);
    ssize_t (*pwrite)(int fd, const void *bytes, size_t n, off_t offset);
    int (*ftruncate)(int fd, off_t size);
    int (*fdatasync)(int fd);
    int (*fsync)(int fd);
    int (*unlink)(const char *path);
    int (*rename)(const char *from, const char *to);
};

extern struct disk_calls disk_calls;

/* The descriptor (close-on-exec). */
int disk_open(const char *path, int flags);

/* Bytes read: n, or fewer where the file ends. */
ssize_t disk_read(int fd, void *bytes, size_t n, uint64_t offset);

int disk_write(int fd, const void *bytes, size_t n, uint64_t offset);
int disk_truncate(int fd, uint64_t size);

/* A file's data, with the size it needs to be read back. */
int disk_sync(int fd);

/* A folder's entries. */
int disk_sync_folder(int fd);

/* 0 where there is no such file, too. */
int disk_unlink(const char *path);

int disk_rename(const char *from, const char *to);

int64_t disk_size(int fd);

/* Makes the folder and those above it. */
int disk_make_folder(const char *path);

#endif
