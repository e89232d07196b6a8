/* A stream's messages in memory: a ring of pointers, each to one message. */
#include "broker/store/store.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "lib/mem.h"

#define RING_START 64

struct kept {
    int64_t time_ns;
    uint32_t payload_len, headers_len;
    uint16_t subject_len;
    char text[]; /* subject, headers, payload */
};

struct store_mem {
    struct store store;
    struct kept **ring; /* seq stands at seq % size; a power of two */
    size_t size;
    struct store_state state;
};

static struct store_mem *mem_of(struct store *store)
{
    return (struct store_mem *)store; /* its first member */
}

static struct kept **slot(struct store_mem *s, uint64_t seq)
{
    return &s->ring[seq & (s->size - 1)];
}

static char *put(char *at, struct str text)
{
    if (text.len > 0)
        memcpy(at, text.p, text.len);
    return at + text.len;
}

static struct kept *keep(const struct store_msg *msg)
{
    size_t len = msg->subject.len + msg->headers.len + msg->payload.len;
    struct kept *kept = mem_alloc(sizeof *kept + len);
    kept->time_ns = msg->time_ns;
    kept->subject_len = (uint16_t)msg->subject.len;
    kept->headers_len = (uint32_t)msg->headers.len;
    kept->payload_len = (uint32_t)msg->payload.len;
    put(put(put(kept->text, msg->subject), msg->headers), msg->payload);
    return kept;
}

static uint64_t kept_bytes(const struct kept *kept)
{
    uint64_t headers = kept->headers_len > 0 ? 4 + kept->headers_len : 0;
    return 22 + kept->subject_len + headers + kept->payload_len + 8;
}

static void grow(struct store_mem *s)
{
    size_t before = s->size;
    struct kept **ring = s->ring;
    s->size = before > 0 ? before * 2 : RING_START;
    s->ring = mem_grow(NULL, s->size, sizeof *s->ring);
    for (uint64_t seq = s->state.first_seq; seq <= s->state.last_seq; seq++)
        *slot(s, seq) = ring[seq & (before - 1)];
    free(ring);
}

static int mem_append(struct store *store, const struct store_msg *msg)
{
    struct store_mem *s = mem_of(store);
    assert(msg->seq == s->state.last_seq + 1);
    size_t len = msg->subject.len + msg->headers.len + msg->payload.len;
    if (msg->subject.len > STORE_SUBJECT_MAX || len > STORE_MSG_MAX)
        return -EMSGSIZE;
    if (s->state.messages == s->size)
        grow(s);
    struct kept *kept = keep(msg);
    *slot(s, msg->seq) = kept;
    s->state.last_seq = msg->seq;
    s->state.last_time_ns = msg->time_ns;
    s->state.messages++;
    s->state.bytes += kept_bytes(kept);
    return 0;
}

static void mem_commit(struct store *store)
{
    (void)store; /* appended is stored */
}

static uint64_t mem_durable(struct store *store)
{
    return mem_of(store)->state.last_seq;
}

static int mem_read(struct store *store, uint64_t seq, struct store_msg *msg)
{
    struct store_mem *s = mem_of(store);
    if (seq < s->state.first_seq || seq > s->state.last_seq)
        return -ENOENT;
    const struct kept *kept = *slot(s, seq);
    const char *headers = kept->text + kept->subject_len;
    *msg = (struct store_msg){
        .seq = seq,
        .time_ns = kept->time_ns,
        .subject = str_make(kept->text, kept->subject_len),
        .headers = str_make(headers, kept->headers_len),
        .payload = str_make(headers + kept->headers_len, kept->payload_len),
    };
    return 0;
}

static int mem_remove_through(struct store *store, uint64_t seq)
{
    struct store_mem *s = mem_of(store);
    if (seq > s->state.last_seq)
        return -EINVAL;
    for (; s->state.first_seq <= seq; s->state.first_seq++) {
        struct kept *kept = *slot(s, s->state.first_seq);
        s->state.messages--;
        s->state.bytes -= kept_bytes(kept);
        free(kept);
    }
    return 0;
}

static void mem_state(struct store *store, struct store_state *out)
{
    struct store_mem *s = mem_of(store);
    *out = s->state;
    out->first_time_ns = out->last_time_ns = 0;
    if (out->messages == 0)
        return;
    out->first_time_ns = (*slot(s, s->state.first_seq))->time_ns;
    out->last_time_ns = s->state.last_time_ns;
}

static int mem_error(struct store *store)
{
    (void)store; /* memory does not refuse, see mem.h */
    return 0;
}

static void mem_close(struct store *store)
{
    struct store_mem *s = mem_of(store);
    mem_remove_through(store, s->state.last_seq);
    free(s->ring);
    free(s);
}

static const struct store_ops mem_ops = {
    .name = "memory",
    .append = mem_append,
    .commit = mem_commit,
    .durable = mem_durable,
    .read = mem_read,
    .remove_through = mem_remove_through,
    .state = mem_state,
    .error = mem_error,
    .close = mem_close,
    .destroy = mem_close,
};

struct store *store_mem_open(void)
{
    struct store_mem *s = mem_zalloc(sizeof *s);
    s->store.ops = &mem_ops;
    s->state.first_seq = 1;
    return &s->store;
}
