/* A stream's messages in memory: a ring of pointers, each to one message; NULL
 * where it was removed. Those on one subject are chained. */
#include "broker/store/store_filter.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <uthash.h>

#include "broker/store/agenda.h"
#include "broker/subject.h"
#include "lib/mem.h"

#define RING_START 64
/* What one look for messages whose own time is over may cost: messages. */
#define EXPIRY_STEPS 20000
/* What was removed leaves the agenda when it is more than half of it, and than
 * this. */
#define AGENDA_SLACK 1024
#define OVERHEAD     16 /* bytes that a message counts besides its texts */

struct topic {
    uint64_t first_seq, last_seq, messages;
    UT_hash_handle hh; /* by text */
    uint64_t asked;    /* the last filter that was tried on it, */
    bool selected;     /* and what it said */
    size_t len;
    char text[];
};

struct kept {
    struct topic *topic;
    uint64_t prev_seq, next_seq; /* on its subject; 0: none */
    int64_t time_ns, expires_ns;
    uint32_t payload_len, headers_len;
    char text[]; /* headers, payload */
};

struct store_mem {
    struct store store;
    struct kept **ring; /* seq stands at seq % size; a power of two */
    size_t size;
    struct store_state state;
    struct topic *topics;
    uint64_t asked;         /* filters so far */
    int64_t next_expiry_ns; /* INT64_MAX: none has one */
    struct agenda agenda;   /* by the low half of the sequence */
    size_t expiring;        /* messages with a time of their own */
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

/* ---- subjects ---- */

static struct topic *find_topic(const struct store_mem *s, struct str subject)
{
    struct topic *topic;
    HASH_FIND(hh, s->topics, subject.p, subject.len, topic);
    return topic;
}

static struct topic *take_topic(struct store_mem *s, struct str subject)
{
    struct topic *topic = find_topic(s, subject);
    if (topic != NULL)
        return topic;
    topic = mem_zalloc(sizeof *topic + subject.len);
    topic->len = subject.len;
    if (subject.len > 0)
        memcpy(topic->text, subject.p, subject.len);
    HASH_ADD_KEYPTR(hh, s->topics, topic->text, topic->len, topic);
    return topic;
}

static struct str topic_text(const struct topic *topic)
{
    return str_make(topic->text, topic->len);
}

static void enter_topic(struct store_mem *s, struct kept *kept, uint64_t seq,
                        struct str subject)
{
    struct topic *topic = take_topic(s, subject);
    kept->topic = topic;
    kept->prev_seq = topic->last_seq;
    kept->next_seq = 0;
    if (topic->messages++ == 0)
        topic->first_seq = seq;
    else
        (*slot(s, topic->last_seq))->next_seq = seq;
    topic->last_seq = seq;
}

static void leave_topic(struct store_mem *s, const struct kept *kept)
{
    struct topic *topic = kept->topic;
    if (kept->prev_seq != 0)
        (*slot(s, kept->prev_seq))->next_seq = kept->next_seq;
    else
        topic->first_seq = kept->next_seq;
    if (kept->next_seq != 0)
        (*slot(s, kept->next_seq))->prev_seq = kept->prev_seq;
    else
        topic->last_seq = kept->prev_seq;
    if (--topic->messages > 0)
        return;
    assert(s->topics != NULL && s->topics->hh.tbl != NULL);
    HASH_DEL(s->topics, topic);
    free(topic);
}

/* ---- messages ---- */

static struct kept *keep(const struct store_msg *msg)
{
    size_t len = msg->headers.len + msg->payload.len;
    struct kept *kept = mem_alloc(sizeof *kept + len);
    kept->time_ns = msg->time_ns;
    kept->expires_ns = msg->expires_ns;
    kept->headers_len = (uint32_t)msg->headers.len;
    kept->payload_len = (uint32_t)msg->payload.len;
    put(put(kept->text, msg->headers), msg->payload);
    return kept;
}

static uint64_t mem_size(const struct store_msg *msg)
{
    return OVERHEAD + msg->subject.len + msg->headers.len + msg->payload.len;
}

static uint64_t kept_bytes(const struct kept *kept)
{
    return OVERHEAD + (uint64_t)kept->topic->len + kept->headers_len +
           kept->payload_len;
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

/* The sequence of a number on the agenda: the first one that is left and ends
 * so. */
static uint64_t seq_of(const struct store_mem *s, uint32_t number)
{
    uint64_t first = s->state.first_seq;
    return first + (uint32_t)(number - (uint32_t)first);
}

static bool is_expiring(void *owner, uint32_t number)
{
    struct store_mem *s = owner;
    uint64_t seq = seq_of(s, number);
    return seq <= s->state.last_seq && *slot(s, seq) != NULL &&
           (*slot(s, seq))->expires_ns != 0;
}

static void note_expiring(struct store_mem *s, const struct store_msg *msg)
{
    s->expiring++;
    agenda_add(&s->agenda, msg->expires_ns, (uint32_t)msg->seq);
    if (s->agenda.count > 2 * s->expiring + AGENDA_SLACK)
        agenda_prune(&s->agenda, is_expiring, s);
    if (msg->expires_ns < s->next_expiry_ns)
        s->next_expiry_ns = msg->expires_ns;
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
    enter_topic(s, kept, msg->seq, msg->subject);
    s->state.last_seq = msg->seq;
    s->state.last_time_ns = msg->time_ns;
    s->state.messages++;
    s->state.bytes += kept_bytes(kept);
    if (msg->expires_ns != 0)
        note_expiring(s, msg);
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
    const char *headers = kept->text;
    *msg = (struct store_msg){
        .seq = seq,
        .time_ns = kept->time_ns,
        .expires_ns = kept->expires_ns,
        .subject = topic_text(kept->topic),
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
    s->state.messages--;
    s->state.bytes -= kept_bytes(kept);
    s->expiring -= kept->expires_ns != 0;
    leave_topic(s, kept);
    *slot(s, seq) = NULL;
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

/* A filter on its way through the messages. */
struct search {
    struct store_mem *s;
    const struct store_filter *filter; /* NULL: all */
};

static struct search search_begin(struct store_mem *s,
                                  const struct store_filter *filter)
{
    s->asked++;
    return (struct search){
        .s = s, .filter = filter != NULL && filter->count > 0 ? filter : NULL};
}

/* Each subject is compared once. */
static bool selects_topic(const struct search *search, struct topic *topic)
{
    if (search->filter == NULL)
        return true;
    if (topic->asked != search->s->asked) {
        topic->asked = search->s->asked;
        topic->selected =
            store_filter_selects(search->filter, topic_text(topic));
    }
    return topic->selected;
}

static bool selects(const struct search *search, uint64_t seq)
{
    const struct kept *kept = *slot(search->s, seq);
    return kept != NULL && selects_topic(search, kept->topic);
}

/* The ends of what can be found: of the only subject that is asked for, or of
 * all. False: nothing. */
static bool search_bounds(const struct search *search, uint64_t *first,
                          uint64_t *last)
{
    const struct store_filter *filter = search->filter;
    *first = search->s->state.first_seq;
    *last = search->s->state.last_seq;
    if (filter == NULL || filter->count > 1 ||
        subject_has_wildcard(filter->patterns[0]))
        return *first <= *last;
    const struct topic *topic = find_topic(search->s, filter->patterns[0]);
    if (topic == NULL)
        return false;
    *first = topic->first_seq;
    *last = topic->last_seq;
    return true;
}

static int mem_next(struct store *store, const struct store_filter *filter,
                    uint64_t seq, struct store_msg *msg)
{
    struct search search = search_begin(mem_of(store), filter);
    uint64_t first, last;
    if (!search_bounds(&search, &first, &last))
        return -ENOENT;
    for (seq = seq > first ? seq : first; seq <= last; seq++)
        if (selects(&search, seq))
            return mem_read(store, seq, msg);
    return -ENOENT;
}

static int mem_last(struct store *store, const struct store_filter *filter,
                    uint64_t seq, struct store_msg *msg)
{
    struct search search = search_begin(mem_of(store), filter);
    uint64_t first, last;
    if (!search_bounds(&search, &first, &last))
        return -ENOENT;
    for (seq = seq < last ? seq : last; seq >= first; seq--)
        if (selects(&search, seq))
            return mem_read(store, seq, msg);
    return -ENOENT;
}

static uint64_t count_topics(const struct search *search)
{
    uint64_t count = 0;
    for (struct topic *topic = search->s->topics; topic != NULL;
         topic = topic->hh.next)
        count += selects_topic(search, topic) ? topic->messages : 0;
    return count;
}

static uint64_t mem_count(struct store *store,
                          const struct store_filter *filter, uint64_t seq)
{
    struct search search = search_begin(mem_of(store), filter);
    uint64_t first, last, count = 0;
    if (!search_bounds(&search, &first, &last))
        return 0;
    if (seq <= search.s->state.first_seq)
        return count_topics(&search);
    for (seq = seq > first ? seq : first; seq <= last; seq++)
        count += selects(&search, seq);
    return count;
}

static bool mem_subject(struct store *store, struct str subject,
                        struct store_subject *out)
{
    const struct topic *topic = find_topic(mem_of(store), subject);
    if (topic == NULL)
        return false;
    *out = (struct store_subject){.first_seq = topic->first_seq,
                                  .last_seq = topic->last_seq,
                                  .messages = topic->messages};
    return true;
}

static void mem_subjects(struct store *store, const struct store_filter *filter,
                         bool (*fn)(void *arg, struct str subject,
                                    const struct store_subject *found),
                         void *arg)
{
    for (const struct topic *topic = mem_of(store)->topics; topic != NULL;
         topic = topic->hh.next) {
        struct store_subject found = {.first_seq = topic->first_seq,
                                      .last_seq = topic->last_seq,
                                      .messages = topic->messages};
        if (store_filter_selects(filter, topic_text(topic)) &&
            !fn(arg, topic_text(topic), &found))
            return;
    }
}

static uint64_t mem_subject_count(struct store *store)
{
    return HASH_COUNT(mem_of(store)->topics);
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

static bool look_expiring(void *owner, uint32_t number, struct store_msg *msg)
{
    struct store_mem *s = owner;
    return is_expiring(s, number) &&
           mem_read(&s->store, seq_of(s, number), msg) == 0;
}

static size_t mem_expired(struct store *store, int64_t now_ns, size_t max,
                          void (*fn)(void *arg, const struct store_msg *msg),
                          void *arg)
{
    struct store_mem *s = mem_of(store);
    struct agenda_run run = {.now_ns = now_ns,
                             .max = max,
                             .steps = EXPIRY_STEPS,
                             .look = look_expiring,
                             .owner = s,
                             .fn = fn,
                             .arg = arg};
    s->next_expiry_ns = agenda_run(&s->agenda, &run);
    return run.count;
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
    agenda_fini(&s->agenda);
    free(s->ring);
    free(s);
}

static const struct store_ops mem_ops = {
    .name = "memory",
    .size = mem_size,
    .append = mem_append,
    .commit = mem_commit,
    .durable = mem_durable,
    .read = mem_read,
    .next = mem_next,
    .last = mem_last,
    .count = mem_count,
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
