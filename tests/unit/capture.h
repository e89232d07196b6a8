/* capture: what a piece of a test writes to a descriptor. */
#ifndef NEXUS_CAPTURE_H
#define NEXUS_CAPTURE_H

#include "unit/test.h"

#include <fcntl.h>
#include <sys/mman.h>

struct capture {
    int fd, saved, file;
};

/* From here on, what is written to fd is kept aside … */
static inline struct capture capture_begin(int fd)
{
    fflush(NULL);
    struct capture c = {fd, dup(fd), memfd_create("capture", MFD_CLOEXEC)};
    assert_true(c.saved >= 0 && c.file >= 0);
    assert_int_equal(fcntl(c.file, F_SETFL, O_APPEND), 0);
    assert_int_equal(dup2(c.file, fd), fd);
    return c;
}

/* … until here, where it is appended to out. */
static inline void capture_end(struct capture c, struct buf *out)
{
    fflush(NULL);
    assert_int_equal(dup2(c.saved, c.fd), c.fd);
    size_t size = (size_t)lseek(c.file, 0, SEEK_END);
    assert_int_equal(pread(c.file, buf_reserve(out, size), size, 0), size);
    out->len += size;
    close(c.saved);
    close(c.file);
}

#endif
