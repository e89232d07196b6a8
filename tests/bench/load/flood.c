/* flood: publishers that send one prepared block over and over, subscribers
 * that compare every byte with what they must be sent. One thread; it sleeps
 * only when no connection takes or gives anything. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "tests/bench/load/link.h"
#include "tests/bench/load/work.h"

#define LINKS_MAX   128
#define BLOCK_BYTES (128u << 10) /* about this much is sent in one call */
#define READ_BYTES  (256u << 10)
#define UNREAD_MAX \
    (16u << 20) /* published and not yet read: the server's
                                   buffers, far below what it closes one for */
#define SUBJECT "bench.flood"

static const char ping[] = "PING\r\n";

/* Whole messages one behind the other. */
struct pattern {
    struct buf bytes;
    size_t frame; /* bytes of one */
};

struct reader {
    struct link link;
    size_t phase;      /* bytes of the message that is arriving */
    size_t ping_bytes; /* of a PING between two messages */
    uint64_t messages;
};

struct writer {
    struct link link;
    size_t phase;
    uint64_t messages;
};

struct flood {
    const struct work *work;
    struct pattern sent, expected;
    struct writer writers[LINKS_MAX];
    struct reader readers[LINKS_MAX];
    char *input;
    bool ending; /* no new message is begun */
};

static void pattern_make(struct pattern *pattern, const char *line, size_t body,
                         size_t bytes)
{
    buf_append_text(&pattern->bytes, line);
    memset(buf_reserve(&pattern->bytes, body), 'x', body);
    pattern->bytes.len += body;
    buf_append_text(&pattern->bytes, "\r\n");
    pattern->frame = pattern->bytes.len;
    while (pattern->bytes.len < bytes) {
        buf_reserve(&pattern->bytes, pattern->frame);
        buf_append(&pattern->bytes, pattern->bytes.data, pattern->frame);
    }
}

/* A headers block in front of the payload is part of the body. */
static void headers_write(struct pattern *pattern, size_t line, size_t headers)
{
    static const char first[] = "NATS/1.0\r\nBench: ";
    for (size_t at = line; at < pattern->bytes.len; at += pattern->frame) {
        char *block = pattern->bytes.data + at;
        memcpy(block, first, sizeof(first) - 1);
        memcpy(block + headers - 4, "\r\n\r\n", 4);
    }
}

static void patterns_make(struct flood *flood)
{
    const struct work *work = flood->work;
    size_t headers = (size_t)work->headers;
    size_t body = headers + (size_t)work->payload;
    char sizes[64], out[128], in[128];
    if (headers > 0)
        snprintf(sizes, sizeof(sizes), "%zu %zu\r\n", headers, body);
    else
        snprintf(sizes, sizeof(sizes), "%zu\r\n", body);
    const char *h = headers > 0 ? "H" : "";
    snprintf(out, sizeof(out), "%sPUB " SUBJECT " %s", h, sizes);
    snprintf(in, sizeof(in), "%sMSG " SUBJECT " 1 %s", h, sizes);
    pattern_make(&flood->sent, out, body, BLOCK_BYTES);
    pattern_make(&flood->expected, in, body, READ_BYTES);
    if (headers > 0) {
        headers_write(&flood->sent, strlen(out), headers);
        headers_write(&flood->expected, strlen(in), headers);
    }
    /* A comparison may begin anywhere in the first message. */
    buf_reserve(&flood->expected.bytes, flood->expected.frame);
    buf_append(&flood->expected.bytes, flood->expected.bytes.data,
               flood->expected.frame);
}

/* Sends what the socket takes; false: nothing. */
static bool writer_run(struct flood *flood, struct writer *writer)
{
    const struct pattern *sent = &flood->sent;
    size_t left = sent->bytes.len - writer->phase;
    if (flood->ending)
        left = (sent->frame - writer->phase % sent->frame) % sent->frame;
    if (left == 0)
        return false;
    ssize_t n = send(writer->link.fd, sent->bytes.data + writer->phase, left,
                     MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n <= 0) {
        if (errno != EAGAIN)
            fail("send: %s", strerror(errno));
        return false;
    }
    size_t end = writer->phase + (size_t)n;
    writer->messages += end / sent->frame - writer->phase / sent->frame;
    writer->phase = end % sent->bytes.len;
    return true;
}

/* A PING may stand between two messages. Bytes of it. */
static size_t skip_ping(struct reader *reader, const char *at, size_t n)
{
    size_t i = 0;
    while (i < n && reader->phase == 0 && at[i] == ping[reader->ping_bytes]) {
        i++;
        if (++reader->ping_bytes == sizeof(ping) - 1) {
            reader->ping_bytes = 0;
            link_send(&reader->link, str_of("PONG\r\n"));
        }
    }
    return i;
}

static void reader_check(struct flood *flood, struct reader *reader,
                         const char *at, size_t n)
{
    const struct pattern *expected = &flood->expected;
    while (n > 0) {
        const char *wanted = expected->bytes.data + reader->phase;
        size_t same = n;
        if (reader->ping_bytes > 0 || memcmp(at, wanted, n) != 0) {
            same = 0;
            while (reader->ping_bytes == 0 && at[same] == wanted[same])
                same++;
        }
        size_t end = reader->phase + same;
        reader->messages += end / expected->frame;
        reader->phase = end % expected->frame;
        size_t skipped = skip_ping(reader, at + same, n - same);
        if (same + skipped == 0)
            fail("not what was published: %.*s", (int)(n < 64 ? n : 64), at);
        at += same + skipped;
        n -= same + skipped;
    }
}

static bool reader_run(struct flood *flood, struct reader *reader)
{
    ssize_t n = recv(reader->link.fd, flood->input, READ_BYTES, MSG_DONTWAIT);
    if (n == 0)
        fail("the server hung up on a subscriber");
    if (n < 0) {
        if (errno != EAGAIN)
            fail("recv: %s", strerror(errno));
        return false;
    }
    reader_check(flood, reader, flood->input, (size_t)n);
    return true;
}

static uint64_t published(const struct flood *flood)
{
    uint64_t sum = 0;
    for (int i = 0; i < flood->work->pubs; i++)
        sum += flood->writers[i].messages;
    return sum;
}

static uint64_t arrived(const struct flood *flood)
{
    uint64_t sum = 0;
    for (int i = 0; i < flood->work->subs; i++)
        sum += flood->readers[i].messages;
    return sum;
}

static uint64_t copies(const struct work *work)
{
    return work->queue ? 1 : (uint64_t)work->subs;
}

static bool may_write(const struct flood *flood)
{
    uint64_t unread = published(flood) * copies(flood->work) - arrived(flood);
    return unread * flood->expected.frame < UNREAD_MAX;
}

static void wait_for_any(struct flood *flood, bool writing)
{
    struct pollfd fds[2 * LINKS_MAX];
    nfds_t count = 0;
    for (int i = 0; i < flood->work->subs; i++)
        fds[count++] = (struct pollfd){flood->readers[i].link.fd, POLLIN, 0};
    for (int i = 0; writing && i < flood->work->pubs; i++)
        fds[count++] = (struct pollfd){flood->writers[i].link.fd, POLLOUT, 0};
    if (poll(fds, count, 10000) == 0)
        fail("nothing moved for ten seconds: %llu published, %llu arrived",
             (unsigned long long)published(flood),
             (unsigned long long)arrived(flood));
}

static bool whole(const struct flood *flood)
{
    for (int i = 0; i < flood->work->pubs; i++) {
        if (flood->writers[i].phase % flood->sent.frame != 0)
            return false;
    }
    return true;
}

static bool flood_turn(struct flood *flood)
{
    bool moved = false, writing = may_write(flood);
    for (int i = 0; writing && i < flood->work->pubs; i++)
        moved |= writer_run(flood, &flood->writers[i]);
    for (int i = 0; i < flood->work->subs; i++)
        moved |= reader_run(flood, &flood->readers[i]);
    if (!moved)
        wait_for_any(flood, writing && (!flood->ending || !whole(flood)));
    uint64_t wanted = published(flood) * copies(flood->work);
    return flood->ending && whole(flood) && arrived(flood) == wanted;
}

static void flood_open(struct flood *flood)
{
    const struct work *work = flood->work;
    for (int i = 0; i < work->subs; i++) {
        struct link *link = &flood->readers[i].link;
        link_open(link, (int)work->port);
        link_printf(link, "SUB " SUBJECT "%s 1\r\n", work->queue ? " q" : "");
        link_sync(link);
    }
    for (int i = 0; i < work->pubs; i++)
        link_open(&flood->writers[i].link, (int)work->port);
}

void work_flood(const struct work *work)
{
    struct flood *flood = mem_zalloc(sizeof(*flood));
    flood->work = work;
    flood->input = mem_alloc(READ_BYTES);
    patterns_make(flood);
    flood_open(flood);
    int64_t start_ns = clock_mono_ns();
    while (!flood_turn(flood))
        flood->ending = clock_mono_ns() - start_ns >= work->time_ns;
    int64_t took_ns = clock_mono_ns() - start_ns;
    printf("%.0f\n", (double)arrived(flood) * NS_PER_S / (double)took_ns);
}
