/* permissions: see permissions.h. */
#include "broker/auth/permissions.h"

#include <stdlib.h>
#include <uthash.h>

#include "broker/subject.h"
#include "lib/mem.h"

struct reply_grant {
    int64_t since_ns;
    int64_t sent;
    UT_hash_handle hh; /* by subject; in order of age */
    char subject[];
};

struct grants {
    const struct permissions *permissions;
    struct reply_grant *replies;
    size_t memo_len; /* 0: none */
    char memo[GRANTS_MEMO_MAX];
};

struct grants *grants_new(const struct permissions *permissions)
{
    struct grants *grants = mem_zalloc(sizeof(*grants));
    grants->permissions = permissions;
    return grants;
}

static void reply_drop(struct grants *grants, struct reply_grant *reply)
{
    HASH_DEL(grants->replies, reply);
    free(reply);
}

void grants_free(struct grants **grants)
{
    if (*grants == NULL)
        return;
    struct reply_grant *next;
    for (struct reply_grant *reply = (*grants)->replies; reply != NULL;
         reply = next) {
        next = reply->hh.next;
        reply_drop(*grants, reply);
    }
    free(*grants);
    *grants = NULL;
}

void grants_change(struct grants *grants, const struct permissions *p)
{
    grants->permissions = p;
    grants->memo_len = 0;
}

/* ---- publishing ---- */

static bool rules_match(const struct subject_rules *rules, struct str subject)
{
    for (uint32_t i = 0; i < rules->count; i++) {
        if (subject_matches(rules->rules[i].subject, subject))
            return true;
    }
    return false;
}

static bool reply_expired(const struct permissions *p,
                          const struct reply_grant *reply, int64_t now_ns)
{
    return p->responses_ns > 0 && now_ns - reply->since_ns >= p->responses_ns;
}

/* A reply to what it was asked; counts it. */
static bool reply_allowed(struct grants *grants, struct str subject,
                          int64_t now_ns)
{
    const struct permissions *p = grants->permissions;
    struct reply_grant *reply;
    HASH_FIND(hh, grants->replies, subject.p, subject.len, reply);
    if (!p->responses || reply == NULL)
        return false;
    reply->sent++;
    bool spent = p->responses_max >= 0 && reply->sent > p->responses_max;
    if (spent || reply_expired(p, reply, now_ns)) {
        reply_drop(grants, reply);
        return false;
    }
    return true;
}

static void memo_keep(struct grants *grants, struct str subject)
{
    if (subject.len > sizeof(grants->memo))
        return;
    memcpy(grants->memo, subject.p, subject.len);
    grants->memo_len = subject.len;
}

bool grants_publish(struct grants *grants, struct str subject, int64_t now_ns)
{
    const struct permissions *p = grants->permissions;
    if (subject.len == grants->memo_len &&
        memcmp(subject.p, grants->memo, subject.len) == 0)
        return true;
    if ((!p->publish_allow.set || rules_match(&p->publish_allow, subject)) &&
        !rules_match(&p->publish_deny, subject)) {
        memo_keep(grants, subject);
        return true;
    }
    return grants->replies != NULL && reply_allowed(grants, subject, now_ns);
}

/* ---- subscribing ---- */

/* A rule for a queue is about subscriptions to such a queue alone. */
static bool queue_fits(const struct subject_rule *rule, struct str queue)
{
    return rule->queue.len == 0 ||
           (queue.len > 0 && subject_matches(rule->queue, queue));
}

static bool allowed(const struct subject_rules *rules, struct str subject,
                    struct str queue)
{
    if (!rules->set)
        return true;
    for (uint32_t i = 0; i < rules->count; i++) {
        const struct subject_rule *rule = &rules->rules[i];
        if (subject_covers(rule->subject, subject) && queue_fits(rule, queue))
            return true;
    }
    return false;
}

/* A wider pattern is not refused: what is denied is kept from it. */
static bool denied(const struct subject_rules *rules, struct str subject,
                   struct str queue)
{
    for (uint32_t i = 0; i < rules->count; i++) {
        const struct subject_rule *rule = &rules->rules[i];
        if (subject_matches(rule->subject, subject) && queue_fits(rule, queue))
            return true;
    }
    return false;
}

bool grants_subscribe(const struct grants *grants, struct str subject,
                      struct str queue)
{
    const struct permissions *p = grants->permissions;
    return allowed(&p->subscribe_allow, subject, queue) &&
           !denied(&p->subscribe_deny, subject, queue);
}

bool grants_guard(const struct grants *grants, struct str subject)
{
    const struct permissions *p = grants->permissions;
    if (p->responses)
        return true;
    for (uint32_t i = 0; i < p->subscribe_deny.count; i++) {
        if (subject_overlaps(p->subscribe_deny.rules[i].subject, subject))
            return true;
    }
    return false;
}

/* ---- receiving ---- */

/* clang-analyzer loses sight of what HASH_DEL does to the table's head. */
/* NOLINTBEGIN(clang-analyzer-unix.Malloc) */

/* Those that have run out, from the oldest on, and one more where it is
 * full. */
static void make_room(struct grants *grants, int64_t now_ns)
{
    struct reply_grant *next;
    for (struct reply_grant *reply = grants->replies; reply != NULL;
         reply = next) {
        next = reply->hh.next;
        if (HASH_COUNT(grants->replies) < GRANTS_REPLIES_MAX &&
            !reply_expired(grants->permissions, reply, now_ns))
            return;
        reply_drop(grants, reply);
    }
}

static void reply_note(struct grants *grants, struct str subject,
                       int64_t now_ns)
{
    struct reply_grant *reply;
    HASH_FIND(hh, grants->replies, subject.p, subject.len, reply);
    if (reply != NULL) {
        HASH_DEL(grants->replies, reply); /* the youngest is the last */
    } else {
        make_room(grants, now_ns);
        reply = mem_zalloc(sizeof(*reply) + subject.len);
        memcpy(reply->subject, subject.p, subject.len);
    }
    reply->since_ns = now_ns;
    reply->sent = 0;
    HASH_ADD_KEYPTR(hh, grants->replies, reply->subject, subject.len, reply);
}

/* NOLINTEND(clang-analyzer-unix.Malloc) */

bool grants_hear(const struct grants *grants, struct str subject,
                 struct str queue)
{
    return !denied(&grants->permissions->subscribe_deny, subject, queue);
}

bool grants_receive(struct grants *grants, struct str subject, struct str queue,
                    struct str reply, int64_t now_ns)
{
    const struct permissions *p = grants->permissions;
    if (!grants_hear(grants, subject, queue))
        return false;
    if (p->responses && reply.len > 0)
        reply_note(grants, reply, now_ns);
    return true;
}
