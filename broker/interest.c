/* interest: see interest.h. */
#include "broker/interest.h"

#include <stdlib.h>
#include <uthash.h>

#include "broker/subject.h"
#include "lib/mem.h"

struct interest_topic {
    struct str subject; /* points behind the struct */
    struct interest_watch *first;
    UT_hash_handle hh;
};

static struct interest_topic *topic_find(const struct interest *interest,
                                         struct str subject)
{
    struct interest_topic *topic;
    HASH_FIND(hh, interest->topics, subject.p, subject.len, topic);
    return topic;
}

static struct interest_topic *topic_get(struct interest *interest,
                                        struct str subject)
{
    struct interest_topic *topic = topic_find(interest, subject);
    if (topic != NULL)
        return topic;
    topic = mem_zalloc(sizeof(*topic) + subject.len);
    memcpy(topic + 1, subject.p, subject.len);
    topic->subject = str_make((char *)(topic + 1), subject.len);
    HASH_ADD_KEYPTR(hh, interest->topics, topic->subject.p, subject.len, topic);
    return topic;
}

void interest_add(struct interest *interest, struct interest_watch *watch)
{
    struct interest_topic *topic = topic_get(interest, watch->subject);
    watch->topic = topic;
    watch->prev = NULL;
    watch->next = topic->first;
    if (topic->first != NULL)
        topic->first->prev = watch;
    topic->first = watch;
}

void interest_remove(struct interest *interest, struct interest_watch *watch)
{
    struct interest_topic *topic = watch->topic;
    if (watch->prev != NULL)
        watch->prev->next = watch->next;
    else
        topic->first = watch->next;
    if (watch->next != NULL)
        watch->next->prev = watch->prev;
    watch->topic = NULL;
    if (topic->first != NULL)
        return;
    HASH_DEL(interest->topics, topic);
    free(topic);
}

static void topic_tell(const struct interest_topic *topic)
{
    for (struct interest_watch *watch = topic->first; watch != NULL;
         watch = watch->next)
        watch->changed(watch);
}

void interest_tell(struct interest *interest, struct str pattern)
{
    const struct interest_topic *topic;
    if (!subject_has_wildcard(pattern)) {
        topic = topic_find(interest, pattern);
        if (topic != NULL)
            topic_tell(topic);
        return;
    }
    for (topic = interest->topics; topic != NULL; topic = topic->hh.next) {
        if (subject_matches(pattern, topic->subject))
            topic_tell(topic);
    }
}
