/* A file store in a folder of its own, with messages whose content follows
 * from their sequence: so any of them can be checked without a copy. */
#ifndef NEXUS_TESTS_STORE_FIXTURE_H
#define NEXUS_TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those four first */
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/store/disk.h"
#include "broker/store/segment.h"
#include "broker/store/store.h"

#define DURABLE_WAIT_MS 120000

struct fixture {
    char dir[64];
    int wake_fd;
    struct syncer *syncer;
    struct store *store;
    uint64_t segment_bytes;
    uint64_t index_bytes_max;
    enum store_sync sync;
};

static inline const struct disk_calls *fixture_disk(void)
{
    static struct disk_calls real;
    if (real.open == NULL)
        real = disk_calls;
    return &real;
}

static inline void fixture_open(struct fixture *f)
{
    struct errmsg err = {""};
    f->store = store_file_open(
        f->dir, f->syncer,
        &(struct store_options){.segment_bytes = f->segment_bytes,
                                .index_bytes_max = f->index_bytes_max,
                                .sync = f->sync},
        &err);
    if (f->store == NULL)
        fail_msg("%s", err.text);
}

static inline int fixture_setup(void **state)
{
    struct errmsg err;
    struct fixture *f = calloc(1, sizeof *f);
    fixture_disk();
    strcpy(f->dir, "/tmp/nexus_store.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    f->syncer = syncer_new(f->wake_fd, &err);
    assert_non_null(f->syncer);
    fixture_open(f);
    *state = f;
    return 0;
}

static inline void remove_folder(const char *dir)
{
    char path[512];
    DIR *folder = opendir(dir);
    if (folder == NULL)
        return;
    for (struct dirent *e; (e = readdir(folder)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        unlink(path);
    }
    closedir(folder);
    rmdir(dir);
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    if (f->store != NULL)
        f->store->ops->close(f->store);
    syncer_free(&f->syncer);
    disk_calls = *fixture_disk();
    close(f->wake_fd);
    remove_folder(f->dir);
    free(f);
    return 0;
}

static inline void fixture_close(struct fixture *f)
{
    f->store->ops->close(f->store);
    f->store = NULL;
}

/* Closes and opens, with segments of that size from now on. */
static inline void fixture_reopen(struct fixture *f, uint64_t segment_bytes)
{
    fixture_close(f);
    f->segment_bytes = segment_bytes;
    fixture_open(f);
}

/* ---- messages ---- */

/* Message seq: payload of a length and content of its own, headers in every
 * third. Rests in static memory. */
static inline struct store_msg message(uint64_t seq)
{
    static char subject[64], headers[64], payload[512];
    int headers_len = 0;
    int subject_len = snprintf(subject, sizeof subject, "test.%" PRIu64, seq);
    size_t payload_len = seq * 37 % 300;
    if (seq % 3 == 0)
        headers_len = snprintf(headers, sizeof headers,
                               "NATS/1.0\r\nid: %" PRIu64 "\r\n\r\n", seq);
    for (size_t i = 0; i < payload_len; i++)
        payload[i] = (char)(seq + i);
    return (struct store_msg){
        .seq = seq,
        .time_ns = 1000000 + (int64_t)seq * 10,
        .subject = str_make(subject, (size_t)subject_len),
        .headers = str_make(headers, (size_t)headers_len),
        .payload = str_make(payload, payload_len),
    };
}

static inline uint64_t message_bytes(struct store *store, uint64_t seq)
{
    struct store_msg msg = message(seq);
    uint64_t text = msg.subject.len + msg.headers.len + msg.payload.len;
    if (strcmp(store->ops->name, "memory") == 0)
        return 16 + text;
    return 30 + (msg.headers.len > 0 ? 4 : 0) + text;
}

static inline void append_only(struct store *store, uint64_t from,
                               uint64_t through)
{
    for (uint64_t seq = from; seq <= through; seq++) {
        struct store_msg msg = message(seq);
        assert_int_equal(store->ops->append(store, &msg), 0);
    }
}

/* Waits until seq is durable. */
static inline void wait_durable(struct fixture *f, uint64_t seq)
{
    for (int ms = 0; f->store->ops->durable(f->store) < seq; ms += 10) {
        uint64_t count;
        struct pollfd poller = {.fd = f->wake_fd, .events = POLLIN};
        poll(&poller, 1, 10);
        ssize_t got = read(f->wake_fd, &count, sizeof count);
        (void)got;
        if (ms > DURABLE_WAIT_MS)
            fail_msg("not durable: %" PRIu64, seq);
    }
}

static inline void append_durable(struct fixture *f, uint64_t from,
                                  uint64_t through)
{
    append_only(f->store, from, through);
    f->store->ops->commit(f->store);
    wait_durable(f, through);
}

static inline void assert_str(struct str a, struct str b)
{
    assert_int_equal(a.len, b.len);
    if (a.len > 0)
        assert_memory_equal(a.p, b.p, a.len);
}

static inline void assert_readable(struct store *store, uint64_t from,
                                   uint64_t through)
{
    for (uint64_t seq = from; seq <= through; seq++) {
        struct store_msg got, want = message(seq);
        assert_int_equal(store->ops->read(store, seq, &got), 0);
        assert_int_equal(got.seq, seq);
        assert_int_equal(got.time_ns, want.time_ns);
        assert_str(got.subject, want.subject);
        assert_str(got.headers, want.headers);
        assert_str(got.payload, want.payload);
    }
}

static inline int read_result(struct store *store, uint64_t seq)
{
    struct store_msg msg;
    return store->ops->read(store, seq, &msg);
}

/* The state of a store that holds first to last, all of them. */
static inline void assert_state(struct store *store, uint64_t first,
                                uint64_t last)
{
    struct store_state state;
    uint64_t bytes = 0;
    for (uint64_t seq = first; seq <= last; seq++)
        bytes += message_bytes(store, seq);
    store->ops->state(store, &state);
    assert_int_equal(state.first_seq, first);
    assert_int_equal(state.last_seq, last);
    assert_int_equal(state.messages, last + 1 - first);
    assert_int_equal(state.bytes, bytes);
    bool empty = first > last;
    assert_int_equal(state.first_time_ns, empty ? 0 : message(first).time_ns);
    assert_int_equal(state.last_time_ns, empty ? 0 : message(last).time_ns);
}

/* ---- files ---- */

struct file {
    char path[512];
    char *data;
    size_t size;
};

/* The nth segment file of the folder, from 0; negative: from the end. */
static inline bool find_segment(const struct fixture *f, int n, char *path,
                                size_t size)
{
    struct dirent **names;
    int count = 0, total = scandir(f->dir, &names, NULL, alphasort);
    bool found = false;
    uint64_t seq;
    for (int i = 0; i < total; i++)
        count += segment_parse_name(names[i]->d_name, &seq);
    if (n < 0)
        n += count;
    for (int i = 0; i < total; i++) {
        if (segment_parse_name(names[i]->d_name, &seq) && n-- == 0) {
            snprintf(path, size, "%s/%s", f->dir, names[i]->d_name);
            found = true;
        }
        free(names[i]);
    }
    free(names);
    return found;
}

static inline int count_segments(const struct fixture *f)
{
    char path[512];
    int count = 0;
    while (find_segment(f, count, path, sizeof path))
        count++;
    return count;
}

static inline struct file file_load(const char *path)
{
    struct file file;
    struct stat st;
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    snprintf(file.path, sizeof file.path, "%s", path);
    file.size = (size_t)st.st_size;
    file.data = malloc(file.size + 1);
    assert_int_equal(read(fd, file.data, file.size), file.size);
    close(fd);
    return file;
}

static inline struct file segment_file(const struct fixture *f, int n)
{
    char path[512];
    assert_true(find_segment(f, n, path, sizeof path));
    return file_load(path);
}

/* Writes the file's first `size` bytes back. */
static inline void file_store(const struct file *file, size_t size)
{
    int fd = open(file->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, file->data, size), size);
    close(fd);
}

static inline size_t file_size(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (size_t)st.st_size : 0;
}

/* What a crash at this moment leaves, in a folder of its own. */
static inline void fixture_copy_folder(const struct fixture *f, char *to)
{
    char path[512];
    DIR *folder = opendir(f->dir);
    strcpy(to, "/tmp/nexus_store.XXXXXX");
    assert_non_null(mkdtemp(to));
    assert_non_null(folder);
    for (struct dirent *e; (e = readdir(folder)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", f->dir, e->d_name);
        struct file file = file_load(path);
        snprintf(file.path, sizeof file.path, "%s/%s", to, e->d_name);
        file_store(&file, file.size);
        free(file.data);
    }
    closedir(folder);
}

/* The store that is found in such a folder. */
static inline struct store *fixture_open_copy(const struct fixture *f,
                                              const char *dir)
{
    struct errmsg err = {""};
    struct store *store = store_file_open(dir, f->syncer, NULL, &err);
    if (store == NULL)
        fail_msg("%s", err.text);
    return store;
}

/* Where record n of a segment file begins, from 0; also the end behind the
 * last one. */
static inline size_t record_offset(const struct file *file, int n)
{
    size_t at = sizeof(struct segment_header);
    for (; n > 0; n--)
        at += record_size((const void *)(file->data + at));
    return at;
}

#endif
