/* hold_back: a disk that keeps only what was synced. For LD_PRELOAD.
 *
 * The program works on its files in HOLD_BACK_DIR as ever. Beside them, in
 * HOLD_BACK_DISK (same file system), stands what a power failure would leave:
 *
 *     files/<inode>   a file's bytes as of its last fdatasync or fsync
 *     folders/<path>  a folder's entries as of its last fsync, '/' as '%':
 *                     lines "f <inode> <name>" and "d 0 <name>"
 *     links/<inode>   keeps the inode from being given to another file
 *
 * Who killed the program puts the folder together again from these. */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES_MAX 8192

struct dirty {
    ino_t inode;
    off_t from, to; /* bytes written since the last sync */
};

static char dir[PATH_MAX], disk[PATH_MAX];
static struct dirty files[FILES_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread int inside; /* a call of our own */

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static void die(const char *what)
{
    perror(what);
    _exit(99);
}

/* ---- what is written ---- */

static struct dirty *dirty_of(ino_t inode)
{
    size_t i = inode % FILES_MAX;
    while (files[i].inode != 0 && files[i].inode != inode)
        i = (i + 1) % FILES_MAX;
    files[i].inode = inode;
    return &files[i];
}

static int is_ours(int fd, struct stat *st, char *path)
{
    char link[64];
    if (dir[0] == '\0' || inside || fstat(fd, st) != 0)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    path[n > 0 ? n : 0] = '\0';
    return strncmp(path, dir, strlen(dir)) == 0;
}

static void mark(int fd, off_t from, ssize_t n)
{
    struct stat st;
    char path[PATH_MAX];
    if (n <= 0 || !is_ours(fd, &st, path))
        return;
    pthread_mutex_lock(&lock);
    struct dirty *file = dirty_of(st.st_ino);
    if (file->to == 0 || from < file->from)
        file->from = from;
    if (from + n > file->to)
        file->to = from + n;
    pthread_mutex_unlock(&lock);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    ssize_t done = REAL(pwrite)(fd, bytes, n, at);
    mark(fd, at, done);
    return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off_t at)
{
    return pwrite(fd, bytes, n, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
    ssize_t done = REAL(pwritev)(fd, parts, count, at);
    mark(fd, at, done);
    return done;
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    off_t at = dir[0] != '\0' && !inside ? lseek(fd, 0, SEEK_CUR) : -1;
    ssize_t done = REAL(write)(fd, bytes, n);
    if (at >= 0)
        mark(fd, at, done);
    return done;
}

/* ---- what is synced ---- */

static void copy(int from, int to, off_t at, off_t end)
{
    static char bytes[1 << 20];
    while (at < end) {
        size_t want =
            end - at < (off_t)sizeof bytes ? (size_t)(end - at) : sizeof bytes;
        ssize_t n = pread(from, bytes, want, at);
        if (n <= 0)
            return;
        if (REAL(pwrite)(to, bytes, (size_t)n, at) != n)
            die("hold_back: write");
        at += n;
    }
}

static void keep_file(const char *path, const struct stat *st, off_t from,
                      off_t to)
{
    char kept[PATH_MAX + 64];
    snprintf(kept, sizeof kept, "%s/links/%lu", disk,
             (unsigned long)st->st_ino);
    int linked = link(path, kept);
    (void)linked; /* there already, or it has no name any more */
    snprintf(kept, sizeof kept, "%s/files/%lu", disk,
             (unsigned long)st->st_ino);
    int in = open(path, O_RDONLY | O_CLOEXEC);
    int out = open(kept, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (in >= 0 && out >= 0) {
        copy(in, out, from, to);
        if (ftruncate(out, st->st_size) != 0)
            die("hold_back: ftruncate");
    }
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
}

static void sync_file(const char *path, const struct stat *st)
{
    struct dirty *file = dirty_of(st->st_ino);
    keep_file(path, st, file->from, file->to);
    file->from = file->to = 0;
}

static void kept_name(const char *path, char *out, size_t size)
{
    snprintf(out, size, "%s/folders/%%%s", disk, path + strlen(dir));
    for (char *c = out + strlen(disk) + sizeof "/folders/" - 1; *c != '\0'; c++)
        if (*c == '/')
            *c = '%';
}

static void sync_folder(const char *path)
{
    char kept[PATH_MAX + 64], new[PATH_MAX + 80], entry[PATH_MAX * 2];
    kept_name(path, kept, sizeof kept);
    snprintf(new, sizeof new, "%s/folder.new", disk);
    DIR *folder = opendir(path);
    FILE *out = fopen(new, "w");
    if (folder == NULL || out == NULL)
        die("hold_back: a folder");
    for (struct dirent *e; (e = readdir(folder)) != NULL;) {
        struct stat st;
        snprintf(entry, sizeof entry, "%s/%s", path, e->d_name);
        if (e->d_name[0] == '.' || lstat(entry, &st) != 0)
            continue;
        fprintf(out, "%c %lu %s\n", S_ISDIR(st.st_mode) ? 'd' : 'f',
                S_ISDIR(st.st_mode) ? 0 : (unsigned long)st.st_ino, e->d_name);
    }
    closedir(folder);
    fclose(out);
    if (rename(new, kept) != 0)
        die("hold_back: rename");
}

static void synced(int fd)
{
    struct stat st;
    char path[PATH_MAX];
    if (!is_ours(fd, &st, path))
        return;
    pthread_mutex_lock(&lock);
    inside++;
    if (S_ISDIR(st.st_mode))
        sync_folder(path);
    else
        sync_file(path, &st);
    inside--;
    pthread_mutex_unlock(&lock);
}

int fdatasync(int fd)
{
    synced(fd);
    return 0;
}

int fsync(int fd)
{
    synced(fd);
    return 0;
}

/* ---- the start: all there is was synced ---- */

static void keep_tree(const char *path)
{
    char entry[PATH_MAX * 2];
    DIR *folder = opendir(path);
    if (folder == NULL)
        return;
    for (struct dirent *e; (e = readdir(folder)) != NULL;) {
        struct stat st;
        snprintf(entry, sizeof entry, "%s/%s", path, e->d_name);
        if (e->d_name[0] == '.' || lstat(entry, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode))
            keep_tree(entry);
        else
            keep_file(entry, &st, 0, st.st_size);
    }
    closedir(folder);
    sync_folder(path);
}

__attribute__((constructor)) static void start(void)
{
    static const char *const parts[] = {"files", "folders", "links"};
    const char *where = getenv("HOLD_BACK_DIR"), *to = getenv("HOLD_BACK_DISK");
    char path[PATH_MAX + 16];
    if (where == NULL || to == NULL)
        return;
    inside++;
    snprintf(disk, sizeof disk, "%s", to);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", disk, parts[i]);
        mkdir(path, 0700);
    }
    if (realpath(where, dir) == NULL)
        die("hold_back: HOLD_BACK_DIR");
    keep_tree(dir);
    inside--;
}
