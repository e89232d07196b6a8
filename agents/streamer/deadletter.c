#include "agents/streamer/deadletter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/mem.h"

struct deadletter {
    const char *path;
    int fd;        /* -1: not open yet */
    int64_t bytes; /* in the file */
    struct buf out;
};

struct deadletter *deadletter_new(const char *path)
{
    struct deadletter *dl = mem_alloc(sizeof *dl);
    *dl = (struct deadletter){.path = path, .fd = -1};
    return dl;
}

void deadletter_free(struct deadletter **dl)
{
    if (*dl == NULL)
        return;
    if ((*dl)->fd >= 0)
        close((*dl)->fd);
    buf_fini(&(*dl)->out);
    free(*dl);
    *dl = NULL;
}

static int open_file(struct deadletter *dl)
{
    struct stat st;
    int fd = open(dl->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0) {
        int code = -errno;
        close(fd);
        return code;
    }
    dl->fd = fd;
    dl->bytes = st.st_size;
    return 0;
}

static void append_quoted(struct buf *out, struct str s)
{
    buf_append_byte(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '"')
            buf_append_byte(out, '"');
        buf_append_byte(out, s.p[i]);
    }
    buf_append_byte(out, '"');
}

static void format_row(struct deadletter *dl, const char *file, uint64_t line,
                       const char *reason, struct str row)
{
    struct buf *out = &dl->out;
    buf_reset(out);
    if (dl->bytes == 0)
        buf_append_text(out, "file,line,reason,row\n");
    append_quoted(out, str_of(file));
    buf_append_byte(out, ',');
    buf_append_u64(out, line);
    buf_append_byte(out, ',');
    append_quoted(out, str_of(reason));
    buf_append_byte(out, ',');
    append_quoted(out, row);
    buf_append_byte(out, '\n');
}

static int write_all(struct deadletter *dl)
{
    for (size_t done = 0; done < dl->out.len;) {
        ssize_t n = write(dl->fd, dl->out.data + done, dl->out.len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        done += (size_t)n;
        dl->bytes += n;
    }
    return 0;
}

int deadletter_put(struct deadletter *dl, const char *file, uint64_t line,
                   const char *reason, struct str row, struct errmsg *err)
{
    int rc = dl->fd < 0 ? open_file(dl) : 0;
    if (rc == 0) {
        format_row(dl, file, line, reason, row);
        if (dl->bytes + (int64_t)dl->out.len > DEADLETTER_BYTES_MAX)
            return errmsg_set(err, -ENOSPC, "%s: reached its limit of %lld MiB",
                              dl->path,
                              (long long)(DEADLETTER_BYTES_MAX >> 20));
        rc = write_all(dl);
    }
    if (rc < 0)
        return errmsg_set(err, rc, "%s: %s", dl->path, strerror(-rc));
    return 0;
}
