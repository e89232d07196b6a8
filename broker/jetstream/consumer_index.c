/* consumer_index: see consumer_index.h. */
#include "broker/jetstream/consumer_index.h"

#include <errno.h>
#include <stdlib.h>

#include "broker/jetstream/consumer_parts.h"
#include "lib/mem.h"

void consumer_index_fini(struct consumer_index *index)
{
    sublist_free(&index->patterns);
    sub_result_fini(&index->scratch);
}

static struct sub *insert(struct consumer_index *index, struct str pattern,
                          struct consumer *consumer)
{
    struct str none = {0};
    struct sub *sub = sub_new(NULL, pattern, none, none);
    sub->arg = consumer;
    sublist_insert(index->patterns, sub);
    return sub;
}

void consumer_index_add(struct consumer_index *index, struct consumer *consumer)
{
    const struct store_filter *filter = &consumer->filter;
    unsigned count = filter->count > 0 ? filter->count : 1;
    if (index->patterns == NULL)
        index->patterns = sublist_new();
    consumer->indexed = (struct sub **)mem_alloc(count * sizeof(struct sub *));
    consumer->indexed_count = count;
    for (unsigned i = 0; i < count; i++)
        consumer->indexed[i] =
            insert(index, filter->count > 0 ? filter->patterns[i] : str_of(">"),
                   consumer);
    index->filtered += filter->count > 0;
}

void consumer_index_remove(struct consumer_index *index,
                           struct consumer *consumer)
{
    for (unsigned i = 0; i < consumer->indexed_count; i++)
        sublist_remove(index->patterns, consumer->indexed[i]);
    if (consumer->indexed_count > 0)
        index->filtered -= consumer->filter.count > 0;
    if (index->patterns != NULL)
        sublist_reap(index->patterns);
    free((void *)consumer->indexed);
    consumer->indexed = NULL;
    consumer->indexed_count = 0;
}

static void wake_all(const struct stream *stream)
{
    for (struct consumer *consumer = stream->consumers; consumer != NULL;
         consumer = consumer->hh.next)
        consumer_wake(consumer);
}

/* What could not be read they have to count themselves. */
static void lose_count(const struct stream *stream)
{
    for (struct consumer *consumer = stream->consumers; consumer != NULL;
         consumer = consumer->hh.next)
        consumer_recount(consumer);
    wake_all(stream);
}

void consumer_index_lost(struct consumer_index *index, uint64_t seq,
                         struct str subject)
{
    if (index->patterns == NULL)
        return;
    const struct sub_result *result =
        sublist_match(index->patterns, subject, &index->scratch);
    for (uint32_t i = 0; i < result->plain.count; i++)
        consumer_lost(result->plain.subs[i]->arg, seq, subject);
}

static void announce(struct consumer_index *index, const struct store_msg *msg)
{
    const struct sub_result *result =
        sublist_match(index->patterns, msg->subject, &index->scratch);
    for (uint32_t i = 0; i < result->plain.count; i++) {
        struct consumer *consumer = result->plain.subs[i]->arg;
        consumer_came(consumer, msg->seq);
        consumer_wake(consumer);
    }
}

void consumer_index_advance(struct stream *stream, uint64_t from)
{
    struct consumer_index *index = &stream->index;
    struct store *store = stream->store;
    struct store_msg msg;
    if (index->filtered == 0) {
        wake_all(stream);
        return;
    }
    for (uint64_t seq = from; seq <= stream->durable; seq++) {
        int rc = store->ops->read(store, seq, &msg);
        if (rc == 0)
            announce(index, &msg);
        else if (rc != -ENOENT && rc != -EBADMSG)
            lose_count(stream);
    }
    sublist_reap(index->patterns);
}
