/* A stream's messages in memory: a ring of pointers, each to one message; NULL
 * where it was removed. */
#include "broker/store/store_scan.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "lib/mem.h"

#define RING_START 64

struct kept {
    int64_t time_ns, expires_ns;
    uint32_t payload_len, headers_len;
    uint16_t subject_len;
    char text[]; /* subject, headers, payload */
};

struct store_mem {
    struct store store;
    struct kept **ring; /* seq stands at seq % size; a power of two */
    size_t size;
    struct store_state state;
    int64_t next_expiry_ns; /* INT64_MAX: none has one */
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
    kept->expires_ns = msg->expires_ns;
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
    if (s->state.last_seq + 1 - s->state.first_seq >= s->size)
        grow(s);
    struct kept *kept = keep(msg);
    *slot(s, msg->seq) = kept;
    s->state.last_seq = msg->seq;
    s->state.last_time_ns = msg->time_ns;
    s->state.messages++;
    s->state.bytes += kept_bytes(kept);
    if (msg->expires_ns != 0 && msg->expires_ns < s->next_expiry_ns)
        s->next_expiry_ns = msg->expires_ns;
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

static bool mem_has(struct store *store, uint64_t seq)
{
    struct store_mem *s = mem_of(store);
    return seq >= s->state.first_seq && seq <= s->state.last_seq &&
           *slot(s, seq) != NULL;
}

static int mem_read(struct store *store, uint64_t seq, struct store_msg *msg)
{
    struct store_mem *s = mem_of(store);
    if (!mem_has(store, seq))
        return -ENOENT;
    const struct kept *kept = *slot(s, seq);
    const char *headers = kept->text + kept->subject_len;
    *msg = (struct store_msg){
        .seq = seq,
        .time_ns = kept->time_ns,
        .expires_ns = kept->expires_ns,
        .subject = str_make(kept->text, kept->subject_len),
        .headers = str_make(headers, kept->headers_len),
        .payload = str_make(headers + kept->headers_len, kept->payload_len),
    };
    return 0;
}

static void let_go(struct store_mem *s, uint64_t seq)
{
    struct kept *kept = *slot(s, seq);
    if (kept == NULL)
        return;
    *slot(s, seq) = NULL;
    s->state.messages--;
    s->state.bytes -= kept_bytes(kept);
    free(kept);
}

/* The first sequence moves over what is not there. */
static void advance_first(struct store_mem *s)
{
    while (s->state.first_seq <= s->state.last_seq &&
           *slot(s, s->state.first_seq) == NULL)
        s->state.first_seq++;
}

static int mem_remove_through(struct store *store, uint64_t seq)
{
    struct store_mem *s = mem_of(store);
    if (seq > s->state.last_seq)
        return -EINVAL;
    for (; s->state.first_seq <= seq; s->state.first_seq++)
        let_go(s, s->state.first_seq);
    advance_first(s);
    return 0;
}

static int mem_remove(struct store *store, uint64_t seq, bool erase)
{
    struct store_mem *s = mem_of(store);
    (void)erase; /* nothing is left of it anyway */
    if (!mem_has(store, seq))
        return -ENOENT;
    let_go(s, seq);
    advance_first(s);
    return 0;
}

static int mem_skip(struct store *store, uint64_t seq)
{
    struct store_mem *s = mem_of(store);
    if (seq <= s->state.last_seq)
        return -EINVAL;
    if (s->state.messages == 0)
        s->state.first_seq = seq + 1;
    while (s->state.messages > 0 && seq + 1 - s->state.first_seq >= s->size)
        grow(s);
    for (uint64_t at = s->state.last_seq + 1;
         s->state.messages > 0 && at <= seq; at++)
        *slot(s, at) = NULL;
    s->state.last_seq = seq;
    return 0;
}

static void mem_state(struct store *store, struct store_state *out)
{
    struct store_mem *s = mem_of(store);
    *out = s->state;
    out->first_time_ns = out->last_time_ns = 0;
    out->deleted = out->last_seq + 1 - out->first_seq - out->messages;
    if (out->messages == 0)
        return;
    out->first_time_ns = (*slot(s, s->state.first_seq))->time_ns;
    out->last_time_ns = s->state.last_time_ns;
}

/* ---- searching ---- */

static bool mem_subject(struct store *store, struct str subject,
                        struct store_subject *out)
{
    return store_scan_subject(store, mem_read, subject, out);
}

static void mem_subjects(struct store *store, const struct store_filter *filter,
                         bool (*fn)(void *arg, struct str subject,
                                    const struct store_subject *found),
                         void *arg)
{
    store_scan_subjects(store, mem_read, filter, fn, arg);
}

static uint64_t mem_subject_count(struct store *store)
{
    return store_scan_subject_count(store, mem_read);
}

static size_t mem_damage(struct store *store, struct store_range *ranges,
                         size_t max)
{
    (void)store, (void)ranges, (void)max;
    return 0;
}

static int64_t mem_next_expiry(struct store *store)
{
    return mem_of(store)->next_expiry_ns;
}

/* The earliest time that is left. */
static int64_t earliest_expiry(struct store_mem *s)
{
    int64_t earliest = INT64_MAX;
    for (uint64_t seq = s->state.first_seq; seq <= s->state.last_seq; seq++) {
        const struct kept *kept = *slot(s, seq);
        if (kept != NULL && kept->expires_ns != 0 &&
            kept->expires_ns < earliest)
            earliest = kept->expires_ns;
    }
    return earliest;
}

static size_t mem_expired(struct store *store, int64_t now_ns, size_t max,
                          void (*fn)(void *arg, const struct store_msg *msg),
                          void *arg)
{
    struct store_mem *s = mem_of(store);
    size_t count = store_scan_expired(store, now_ns, max, fn, arg);
    s->next_expiry_ns = earliest_expiry(s);
    return count;
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
    .next = store_scan_next,
    .last = store_scan_last,
    .count = store_scan_count,
    .subject = mem_subject,
    .subjects = mem_subjects,
    .subject_count = mem_subject_count,
    .has = mem_has,
    .damage = mem_damage,
    .remove = mem_remove,
    .skip = mem_skip,
    .next_expiry = mem_next_expiry,
    .expired = mem_expired,
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
    s->next_expiry_ns = INT64_MAX;
    return &s->store;
}
