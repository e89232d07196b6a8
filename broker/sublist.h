/* sublist: who wants which subject.
 *
 * A tree of tokens holds the subscriptions; a cache in front of it holds the
 * answers for literal subjects that were asked for at least twice, so that
 * inboxes and acknowledgement subjects, each used once, do not push out the
 * busy ones. A change drops exactly the cached answers it touches.
 *
 * Nothing an answer points to is freed before sublist_reap: a subscription
 * that was removed meanwhile is marked `closed` and must be passed over. */
#ifndef NEXUS_BROKER_SUBLIST_H
#define NEXUS_BROKER_SUBLIST_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "broker/interest.h"
#include "lib/str.h"

struct conn;
struct msg;
struct sub;
struct sublist;
struct sublist_node;

/* What an inner subscription (conn NULL) does with a message. */
typedef void (*sub_handler)(struct sub *sub, struct conn *from,
                            const struct msg *msg);

struct sub {
    struct conn *conn; /* NULL: the broker's own */
    sub_handler handle;
    void *arg;
    struct str subject, queue, sid; /* point behind the struct */
    uint64_t delivered;
    uint64_t max; /* deliveries after which it ends; 0: none */
    bool closed;  /* removed; memory stays until sublist_reap */
    bool guarded; /* its client's permissions are asked for each message */
    struct sublist_node *node;
    uint32_t index; /* in its node's or group's array */
    struct sub *next_removed;
    UT_hash_handle hh; /* of its connection, by sid */
};

/* One subscription, not yet in a list; copies the texts. */
struct sub *sub_new(struct conn *conn, struct str subject, struct str queue,
                    struct str sid);

struct sub_set {
    struct sub **subs;
    uint32_t count, cap;
};

struct sub_group {
    struct str queue;
    struct sub_set members;
};

/* The answer for one subject: every plain subscription gets the message, and
 * one member of each group. A zeroed one is ready to be filled. */
struct sub_result {
    struct sub_set plain;
    struct sub_group *groups;
    uint32_t group_count, group_cap;
};
void sub_result_fini(struct sub_result *result);

struct sublist_stats {
    uint64_t subs, cached, inserts, removes, matches, hits;
    uint64_t fanout_max, fanout_sum; /* receivers of the cached answers */
};

struct sublist *sublist_new(void);
void sublist_free(struct sublist **list);

/* The subject must be valid. Takes sub until sublist_remove. */
void sublist_insert(struct sublist *list, struct sub *sub);

/* Marks sub closed and unlinks it; sublist_reap frees it. */
void sublist_remove(struct sublist *list, struct sub *sub);

/* The cached answer, or the one just worked out in *scratch. */
const struct sub_result *sublist_match(struct sublist *list, struct str subject,
                                       struct sub_result *scratch);

/* Does anybody want the subject? */
bool sublist_has_interest(struct sublist *list, struct str subject);

/* Does a member of that group want it? */
bool sublist_has_group(struct sublist *list, struct str subject,
                       struct str queue);

/* Those who want to know when that changes. */
struct interest *sublist_interest(struct sublist *list);

/* Changes with every insert and remove, and when an answer leaves the cache: a
 * cached answer kept aside is good while this stays the same. */
uint64_t sublist_generation(const struct sublist *list);

/* Frees what was removed; call when no answer is being walked through. */
void sublist_reap(struct sublist *list);

void sublist_stats(const struct sublist *list, struct sublist_stats *out);

#endif
