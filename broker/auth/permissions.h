/* permissions: which subjects a user may publish and subscribe to.
 *
 * `permissions` is what the configuration says, shared by all connections of
 * a user. `grants` is what one connection carries of it: the last subject it
 * was allowed, and the replies it may send because it was asked. */
#ifndef NEXUS_BROKER_PERMISSIONS_H
#define NEXUS_BROKER_PERMISSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/str.h"

/* Replies a connection may still send; the oldest gives way. */
#define GRANTS_REPLIES_MAX 65536u
#define GRANTS_MEMO_MAX    256u /* longest subject that is remembered */

/* A pattern, and for subscriptions the pattern of queue names it is about;
 * empty: all. */
struct subject_rule {
    struct str subject, queue;
};

/* Borrows its rules. set false: nothing was said. */
struct subject_rules {
    const struct subject_rule *rules;
    uint32_t count;
    bool set;
};

struct permissions {
    struct subject_rules publish_allow, publish_deny;
    struct subject_rules subscribe_allow, subscribe_deny;
    bool responses;        /* may answer what it is asked */
    int64_t responses_max; /* so often; negative: any number */
    int64_t responses_ns;  /* for so long; 0: for ever */
};

struct grants;
struct reply_grant;

/* The permissions are borrowed: grants_change before they go. */
struct grants *grants_new(const struct permissions *permissions);
void grants_free(struct grants **grants);

/* The user has others now. */
void grants_change(struct grants *grants, const struct permissions *p);

bool grants_publish(struct grants *grants, struct str subject, int64_t now_ns);

/* The subject may be a pattern; queue empty: none. */
bool grants_subscribe(const struct grants *grants, struct str subject,
                      struct str queue);

/* Must grants_receive be asked for each message of such a subscription? */
bool grants_guard(const struct grants *grants, struct str subject);

/* Is what goes to that subject not denied to a subscription that is guarded? */
bool grants_hear(const struct grants *grants, struct str subject,
                 struct str queue);

/* May this message reach a subscription that is guarded? Where it may be
 * answered, the reply is allowed from now on. */
bool grants_receive(struct grants *grants, struct str subject, struct str queue,
                    struct str reply, int64_t now_ns);

#endif
