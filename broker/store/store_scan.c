#include "broker/store/store_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "broker/subject.h"
#include "lib/mem.h"

bool store_filter_selects(const struct store_filter *filter, struct str subject)
{
    if (filter == NULL || filter->count == 0)
        return true;
    for (unsigned i = 0; i < filter->count; i++)
        if (subject_matches(filter->patterns[i], subject))
            return true;
    return false;
}

/* 1: selected; 0: not there or not selected; or the errno of a failed read. */
static int try(struct store *store, const struct store_filter *filter,
               uint64_t seq, struct store_msg *msg)
{
    int rc = store->ops->read(store, seq, msg);
    if (rc == -ENOENT || rc == -EBADMSG)
        return 0;
    return rc < 0 ? rc : store_filter_selects(filter, msg->subject);
}

int store_scan_next(struct store *store, const struct store_filter *filter,
                    uint64_t seq, struct store_msg *msg)
{
    struct store_state at;
    uint64_t last = store->ops->durable(store);
    store->ops->state(store, &at);
    if (seq < at.first_seq)
        seq = at.first_seq;
    for (; seq <= last; seq++) {
        int rc = try(store, filter, seq, msg);
        if (rc != 0)
            return rc < 0 ? rc : 0;
    }
    return -ENOENT;
}

int store_scan_last(struct store *store, const struct store_filter *filter,
                    uint64_t seq, struct store_msg *msg)
{
    struct store_state at;
    uint64_t last = store->ops->durable(store);
    store->ops->state(store, &at);
    for (seq = seq < last ? seq : last; seq >= at.first_seq; seq--) {
        int rc = try(store, filter, seq, msg);
        if (rc != 0)
            return rc < 0 ? rc : 0;
    }
    return -ENOENT;
}

uint64_t store_scan_count(struct store *store,
                          const struct store_filter *filter, uint64_t seq)
{
    struct store_msg msg;
    uint64_t count = 0;
    while (store_scan_next(store, filter, seq, &msg) == 0) {
        count++;
        seq = msg.seq + 1;
    }
    return count;
}

bool store_scan_subject(struct store *store, store_peek *peek,
                        struct str subject, struct store_subject *out)
{
    struct store_state at;
    struct store_msg msg;
    *out = (struct store_subject){.messages = 0};
    store->ops->state(store, &at);
    for (uint64_t seq = at.first_seq; seq <= at.last_seq; seq++) {
        if (peek(store, seq, &msg) != 0 || !str_eq(msg.subject, subject))
            continue;
        if (out->messages++ == 0)
            out->first_seq = seq;
        out->last_seq = seq;
    }
    return out->messages > 0;
}

/* ---- all subjects ---- */

struct found {
    struct store_subject what;
    UT_hash_handle hh;
    size_t len;
    char text[];
};

static struct found *find(struct found **all, struct str subject)
{
    struct found *found;
    HASH_FIND(hh, *all, subject.p, subject.len, found);
    if (found != NULL)
        return found;
    found = mem_zalloc(sizeof *found + subject.len);
    found->len = subject.len;
    memcpy(found->text, subject.p, subject.len);
    HASH_ADD_KEYPTR(hh, *all, found->text, found->len, found);
    return found;
}

static struct found *collect(struct store *store, store_peek *peek,
                             const struct store_filter *filter)
{
    struct store_state at;
    struct store_msg msg;
    struct found *all = NULL;
    store->ops->state(store, &at);
    for (uint64_t seq = at.first_seq; seq <= at.last_seq; seq++) {
        if (peek(store, seq, &msg) != 0 ||
            !store_filter_selects(filter, msg.subject))
            continue;
        struct found *found = find(&all, msg.subject);
        if (found->what.messages++ == 0)
            found->what.first_seq = seq;
        found->what.last_seq = seq;
    }
    return all;
}

void store_scan_subjects(struct store *store, store_peek *peek,
                         const struct store_filter *filter,
                         bool (*fn)(void *arg, struct str subject,
                                    const struct store_subject *found),
                         void *arg)
{
    struct found *all = collect(store, peek, filter), *found, *next;
    bool more = true;
    HASH_ITER (hh, all, found, next) {
        struct str subject = str_make(found->text, found->len);
        more = more && fn(arg, subject, &found->what);
        HASH_DEL(all, found);
        free(found);
    }
}

static bool count_one(void *arg, struct str subject,
                      const struct store_subject *found)
{
    (void)subject, (void)found;
    ++*(uint64_t *)arg;
    return true;
}

uint64_t store_scan_subject_count(struct store *store, store_peek *peek)
{
    uint64_t count = 0;
    store_scan_subjects(store, peek, NULL, count_one, &count);
    return count;
}

/* ---- lifetimes ---- */

size_t store_scan_expired(struct store *store, int64_t now_ns, size_t max,
                          void (*fn)(void *arg, const struct store_msg *msg),
                          void *arg)
{
    struct store_msg msg;
    uint64_t seq = 1;
    size_t count = 0;
    while (count < max && store_scan_next(store, NULL, seq, &msg) == 0) {
        seq = msg.seq + 1;
        if (msg.expires_ns == 0 || msg.expires_ns > now_ns)
            continue;
        fn(arg, &msg);
        count++;
    }
    return count;
}
