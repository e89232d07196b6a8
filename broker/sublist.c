/* sublist: see sublist.h.
 *
 *      root ── "telemetry" ── "local" ── "*" ── ">"   <- node of telemetry.local.*.>
 *                    └─────── ">"                     <- node of telemetry.>
 *
 * A node has its literal children in a hash table and "*" and ">" aside. The
 * cache is a table of sets of CACHE_WAYS entries; a subject is admitted when
 * its hash stands in `seen`, i.e. when it missed before and nothing else fell
 * on the same place since. */
#include "broker/sublist.h"

#include <assert.h>
#include <stdlib.h>

#include "broker/subject.h"
#include "lib/mem.h"

#define CACHE_SETS      1024u /* power of two */
#define CACHE_WAYS      4u
#define CACHE_SLOTS     (CACHE_SETS * CACHE_WAYS)
#define CHILD_SLOTS_MIN 4u

struct node_group {
    struct node_group *next;
    struct sub_set members;
    struct str queue; /* points behind the struct */
};

struct sublist_node {
    struct sublist_node *parent;
    struct sublist_node *next; /* in the parent's slot */
    struct sublist_node **slots;
    uint32_t slot_count, child_count;
    struct sublist_node *any;  /* "*" */
    struct sublist_node *rest; /* ">" */
    struct sub_set subs;
    struct node_group *groups;
    uint32_t hash;
    struct str token; /* points behind the struct */
};

struct cache_entry {
    uint32_t hash;
    struct str subject; /* this and the result point behind the struct */
    struct sub_result result;
    struct cache_entry *next_retired;
};

struct sublist {
    struct sublist_node root;
    struct cache_entry *cache[CACHE_SLOTS];
    uint32_t seen[CACHE_SLOTS];
    uint32_t victim; /* which way of a full set goes next */
    uint64_t generation;
    struct cache_entry *retired;
    struct sub *removed;
    struct interest interest;
    struct sublist_stats stats;
};

/* ---- subscriptions and sets of them ---- */

static struct str copy_to(char **at, struct str s)
{
    struct str copy = str_make(*at, s.len);
    if (s.len > 0)
        memcpy(*at, s.p, s.len);
    *at += s.len;
    return copy;
}

struct sub *sub_new(struct conn *conn, struct str subject, struct str queue,
                    struct str sid)
{
    struct sub *sub =
        mem_zalloc(sizeof(*sub) + subject.len + queue.len + sid.len);
    char *at = (char *)(sub + 1);
    sub->conn = conn;
    sub->subject = copy_to(&at, subject);
    sub->queue = copy_to(&at, queue);
    sub->sid = copy_to(&at, sid);
    return sub;
}

static void set_add(struct sub_set *set, struct sub *sub)
{
    if (set->count == set->cap) {
        set->cap = set->cap > 0 ? set->cap * 2 : 2;
        set->subs = mem_grow(set->subs, set->cap, sizeof(*set->subs));
    }
    set->subs[set->count++] = sub;
}

static void set_remove(struct sub_set *set, struct sub *sub)
{
    assert(sub->index < set->count && set->subs[sub->index] == sub);
    struct sub *last = set->subs[--set->count];
    set->subs[sub->index] = last;
    last->index = sub->index;
}

void sub_result_fini(struct sub_result *result)
{
    for (uint32_t i = 0; i < result->group_cap; i++)
        free(result->groups[i].members.subs);
    free(result->groups);
    free(result->plain.subs);
    *result = (struct sub_result){0};
}

static void result_reset(struct sub_result *result)
{
    result->plain.count = 0;
    result->group_count = 0;
}

static struct sub_group *result_group(struct sub_result *result,
                                      struct str queue)
{
    for (uint32_t i = 0; i < result->group_count; i++) {
        if (str_eq(result->groups[i].queue, queue))
            return &result->groups[i];
    }
    if (result->group_count == result->group_cap) {
        uint32_t cap = result->group_cap > 0 ? result->group_cap * 2 : 2;
        result->groups = mem_grow(result->groups, cap, sizeof(*result->groups));
        memset(result->groups + result->group_cap, 0,
               (cap - result->group_cap) * sizeof(*result->groups));
        result->group_cap = cap;
    }
    struct sub_group *group = &result->groups[result->group_count++];
    group->queue = queue;
    group->members.count = 0;
    return group;
}

static void result_add(struct sub_result *result,
                       const struct sublist_node *node)
{
    for (uint32_t i = 0; i < node->subs.count; i++)
        set_add(&result->plain, node->subs.subs[i]);
    for (struct node_group *g = node->groups; g != NULL; g = g->next) {
        struct sub_group *group = result_group(result, g->queue);
        for (uint32_t i = 0; i < g->members.count; i++)
            set_add(&group->members, g->members.subs[i]);
    }
}

/* ---- the tree ---- */

static struct sublist_node *node_new(struct sublist_node *parent,
                                     struct str token)
{
    struct sublist_node *node = mem_zalloc(sizeof(*node) + token.len);
    char *at = (char *)(node + 1);
    node->parent = parent;
    node->hash = subject_hash(token);
    node->token = copy_to(&at, token);
    return node;
}

static struct sublist_node *child_find(const struct sublist_node *node,
                                       struct str token)
{
    if (node->child_count == 0)
        return NULL;
    uint32_t hash = subject_hash(token);
    struct sublist_node *child = node->slots[hash & (node->slot_count - 1)];
    while (child != NULL &&
           (child->hash != hash || !str_eq(child->token, token)))
        child = child->next;
    return child;
}

static void child_link(struct sublist_node *node, struct sublist_node *child)
{
    struct sublist_node **slot =
        &node->slots[child->hash & (node->slot_count - 1)];
    child->next = *slot;
    *slot = child;
}

static void children_grow(struct sublist_node *node)
{
    struct sublist_node **old = node->slots;
    uint32_t old_count = node->slot_count;
    node->slot_count = old_count > 0 ? old_count * 2 : CHILD_SLOTS_MIN;
    node->slots = mem_zalloc(node->slot_count * sizeof(struct sublist_node *));
    for (uint32_t i = 0; i < old_count; i++) {
        struct sublist_node *next;
        for (struct sublist_node *child = old[i]; child != NULL; child = next) {
            next = child->next;
            child_link(node, child);
        }
    }
    free(old);
}

static struct sublist_node *child_get(struct sublist_node *node,
                                      struct str token)
{
    if (str_is(token, "*")) {
        if (node->any == NULL)
            node->any = node_new(node, token);
        return node->any;
    }
    if (str_is(token, ">")) {
        if (node->rest == NULL)
            node->rest = node_new(node, token);
        return node->rest;
    }
    struct sublist_node *child = child_find(node, token);
    if (child != NULL)
        return child;
    if (node->child_count == node->slot_count)
        children_grow(node);
    child = node_new(node, token);
    child_link(node, child);
    node->child_count++;
    return child;
}

static void child_unlink(struct sublist_node *node, struct sublist_node *child)
{
    if (node->any == child) {
        node->any = NULL;
        return;
    }
    if (node->rest == child) {
        node->rest = NULL;
        return;
    }
    struct sublist_node **at =
        &node->slots[child->hash & (node->slot_count - 1)];
    while (*at != child)
        at = &(*at)->next;
    *at = child->next;
    node->child_count--;
}

static bool node_empty(const struct sublist_node *node)
{
    return node->subs.count == 0 && node->groups == NULL &&
           node->child_count == 0 && node->any == NULL && node->rest == NULL;
}

static void node_prune(struct sublist_node *node)
{
    while (node->parent != NULL && node_empty(node)) {
        struct sublist_node *parent = node->parent;
        child_unlink(parent, node);
        free(node->slots);
        free(node->subs.subs);
        free(node);
        node = parent;
    }
}

static struct node_group *node_group_get(struct sublist_node *node,
                                         struct str queue)
{
    struct node_group *group = node->groups;
    while (group != NULL && !str_eq(group->queue, queue))
        group = group->next;
    if (group != NULL)
        return group;
    group = mem_zalloc(sizeof(*group) + queue.len);
    char *at = (char *)(group + 1);
    group->queue = copy_to(&at, queue);
    group->next = node->groups;
    node->groups = group;
    return group;
}

static void node_group_remove(struct sublist_node *node, struct sub *sub)
{
    struct node_group **at = &node->groups;
    while (!str_eq((*at)->queue, sub->queue))
        at = &(*at)->next;
    struct node_group *group = *at;
    set_remove(&group->members, sub);
    if (group->members.count > 0)
        return;
    *at = group->next;
    free(group->members.subs);
    free(group);
}

static void node_add(struct sublist_node *node, struct sub *sub)
{
    struct sub_set *set = &node->subs;
    if (sub->queue.len > 0)
        set = &node_group_get(node, sub->queue)->members;
    sub->node = node;
    sub->index = set->count;
    set_add(set, sub);
}

static void collect(const struct sublist_node *node, struct str rest,
                    struct sub_result *result)
{
    struct str token;
    while (subject_next(&rest, &token)) {
        if (token.len == 0)
            return;
        bool last = rest.p == NULL;
        if (node->rest != NULL)
            result_add(result, node->rest);
        if (node->any != NULL && last)
            result_add(result, node->any);
        else if (node->any != NULL)
            collect(node->any, rest, result);
        node = child_find(node, token);
        if (node == NULL)
            return;
        if (last)
            result_add(result, node);
    }
}

/* ---- the cache ---- */

static void cache_retire(struct sublist *list, uint32_t slot)
{
    struct cache_entry *entry = list->cache[slot];
    entry->next_retired = list->retired;
    list->retired = entry;
    list->cache[slot] = NULL;
    list->generation++;
    list->stats.cached--;
}

static uint32_t cache_set(uint32_t hash)
{
    return (hash & (CACHE_SETS - 1)) * CACHE_WAYS;
}

static const struct cache_entry *cache_find(const struct sublist *list,
                                            struct str subject, uint32_t hash)
{
    uint32_t set = cache_set(hash);
    for (uint32_t way = 0; way < CACHE_WAYS; way++) {
        const struct cache_entry *entry = list->cache[set + way];
        if (entry != NULL && entry->hash == hash &&
            str_eq(entry->subject, subject))
            return entry;
    }
    return NULL;
}

/* The set's entries in one piece, starting at *at. */
static struct sub_set set_copy(struct sub ***at, const struct sub_set *set)
{
    struct sub_set copy = {.subs = *at, .count = set->count};
    if (set->count > 0)
        memcpy((void *)*at, (const void *)set->subs,
               set->count * sizeof(struct sub *));
    *at += set->count;
    return copy;
}

static struct cache_entry *cache_entry_new(struct str subject, uint32_t hash,
                                           const struct sub_result *result)
{
    size_t subs = result->plain.count, text = subject.len;
    for (uint32_t i = 0; i < result->group_count; i++) {
        subs += result->groups[i].members.count;
        text += result->groups[i].queue.len;
    }
    struct cache_entry *entry = mem_zalloc(
        sizeof(*entry) + result->group_count * sizeof(struct sub_group) +
        subs * sizeof(struct sub *) + text);
    struct sub_group *groups = (struct sub_group *)(entry + 1);
    struct sub **at = (struct sub **)(groups + result->group_count);
    char *text_at = (char *)(at + subs);
    entry->hash = hash;
    entry->result.groups = groups;
    entry->result.group_count = result->group_count;
    entry->result.plain = set_copy(&at, &result->plain);
    for (uint32_t i = 0; i < result->group_count; i++) {
        groups[i].members = set_copy(&at, &result->groups[i].members);
        groups[i].queue = copy_to(&text_at, result->groups[i].queue);
    }
    entry->subject = copy_to(&text_at, subject);
    return entry;
}

static const struct sub_result *cache_put(struct sublist *list,
                                          struct str subject, uint32_t hash,
                                          const struct sub_result *result)
{
    uint32_t set = cache_set(hash);
    uint32_t slot = set;
    while (slot < set + CACHE_WAYS && list->cache[slot] != NULL)
        slot++;
    if (slot == set + CACHE_WAYS) {
        slot = set + list->victim++ % CACHE_WAYS;
        cache_retire(list, slot);
    }
    list->cache[slot] = cache_entry_new(subject, hash, result);
    list->stats.cached++;
    return &list->cache[slot]->result;
}

/* Drops the answers that a change at pattern may alter. */
static void cache_invalidate(struct sublist *list, struct str pattern)
{
    list->generation++;
    if (list->stats.cached == 0)
        return;
    uint32_t from = 0, to = CACHE_SLOTS;
    if (!subject_has_wildcard(pattern)) {
        from = cache_set(subject_hash(pattern));
        to = from + CACHE_WAYS;
    }
    for (uint32_t slot = from; slot < to; slot++) {
        struct cache_entry *entry = list->cache[slot];
        if (entry != NULL && subject_matches(pattern, entry->subject))
            cache_retire(list, slot);
    }
}

/* ---- the list ---- */

struct sublist *sublist_new(void)
{
    return mem_zalloc(sizeof(struct sublist));
}

static void node_free(struct sublist_node *node)
{
    for (uint32_t i = 0; i < node->slot_count; i++) {
        struct sublist_node *next;
        for (struct sublist_node *child = node->slots[i]; child != NULL;
             child = next) {
            next = child->next;
            node_free(child);
            free(child);
        }
    }
    struct sublist_node *wild[] = {node->any, node->rest};
    for (int i = 0; i < 2; i++) {
        if (wild[i] != NULL)
            node_free(wild[i]);
        free(wild[i]);
    }
    assert(node->groups == NULL && node->subs.count == 0);
    free(node->slots);
    free(node->subs.subs);
}

void sublist_free(struct sublist **list)
{
    if (*list == NULL)
        return;
    sublist_reap(*list);
    for (uint32_t i = 0; i < CACHE_SLOTS; i++)
        free((*list)->cache[i]);
    node_free(&(*list)->root);
    free(*list);
    *list = NULL;
}

/* What the broker listens to for itself is nobody's interest. */
static bool is_internal(const struct sub *sub)
{
    static const struct str internal = STR("$JS.");
    return sub->conn == NULL && str_has_prefix(sub->subject, internal);
}

static inline void tell_change(struct sublist *list, const struct sub *sub)
{
    if (list->interest.topics != NULL && !is_internal(sub))
        interest_tell(&list->interest, sub->subject);
}

void sublist_insert(struct sublist *list, struct sub *sub)
{
    struct sublist_node *node = &list->root;
    struct str rest = sub->subject, token;
    while (subject_next(&rest, &token))
        node = child_get(node, token);
    node_add(node, sub);
    list->stats.subs++;
    list->stats.inserts++;
    cache_invalidate(list, sub->subject);
    tell_change(list, sub);
}

void sublist_remove(struct sublist *list, struct sub *sub)
{
    assert(!sub->closed);
    struct sublist_node *node = sub->node;
    if (sub->queue.len > 0)
        node_group_remove(node, sub);
    else
        set_remove(&node->subs, sub);
    node_prune(node);
    sub->closed = true;
    sub->node = NULL;
    sub->next_removed = list->removed;
    list->removed = sub;
    list->stats.subs--;
    list->stats.removes++;
    cache_invalidate(list, sub->subject);
    tell_change(list, sub);
}

const struct sub_result *sublist_match(struct sublist *list, struct str subject,
                                       struct sub_result *scratch)
{
    uint32_t hash = subject_hash(subject);
    list->stats.matches++;
    const struct cache_entry *entry = cache_find(list, subject, hash);
    if (entry != NULL) {
        list->stats.hits++;
        return &entry->result;
    }
    result_reset(scratch);
    collect(&list->root, subject, scratch);
    uint32_t *seen = &list->seen[hash & (CACHE_SLOTS - 1)];
    if (*seen == hash)
        return cache_put(list, subject, hash, scratch);
    *seen = hash;
    return scratch;
}

static bool node_interest(const struct sublist_node *node)
{
    return node != NULL && (node->subs.count > 0 || node->groups != NULL);
}

static bool find_interest(const struct sublist_node *node, struct str rest)
{
    struct str token;
    while (subject_next(&rest, &token)) {
        bool last = rest.p == NULL;
        if (token.len == 0)
            return false;
        if (node_interest(node->rest))
            return true;
        if (node->any != NULL &&
            (last ? node_interest(node->any) : find_interest(node->any, rest)))
            return true;
        node = child_find(node, token);
        if (node == NULL)
            return false;
        if (last)
            return node_interest(node);
    }
    return false;
}

bool sublist_has_interest(struct sublist *list, struct str subject)
{
    return find_interest(&list->root, subject);
}

bool sublist_has_group(struct sublist *list, struct str subject,
                       struct str queue)
{
    struct sub_result result = {0};
    bool found = false;
    collect(&list->root, subject, &result);
    for (uint32_t i = 0; i < result.group_count && !found; i++)
        found = str_eq(result.groups[i].queue, queue);
    sub_result_fini(&result);
    return found;
}

struct interest *sublist_interest(struct sublist *list)
{
    return &list->interest;
}

uint64_t sublist_generation(const struct sublist *list)
{
    return list->generation;
}

void sublist_reap(struct sublist *list)
{
    while (list->retired != NULL) {
        struct cache_entry *entry = list->retired;
        list->retired = entry->next_retired;
        free(entry);
    }
    while (list->removed != NULL) {
        struct sub *sub = list->removed;
        list->removed = sub->next_removed;
        free(sub);
    }
}

void sublist_stats(const struct sublist *list, struct sublist_stats *out)
{
    *out = list->stats;
    for (size_t slot = 0; slot < CACHE_SLOTS; slot++) {
        const struct cache_entry *entry = list->cache[slot];
        if (entry == NULL)
            continue;
        uint64_t fanout = entry->result.plain.count + entry->result.group_count;
        out->fanout_sum += fanout;
        if (fanout > out->fanout_max)
            out->fanout_max = fanout;
    }
}
