/* msg_query: see msg_query.h. */
#include "broker/jetstream/msg_query.h"

#include "broker/jetstream/js_config.h"
#include "broker/jetstream/jsapi.h"

int msg_query_read(struct msg_query *query, struct json body,
                   struct arena *arena)
{
    *query = (struct msg_query){0};
    if (js_read_u64(body, "seq", &query->seq) != 0 ||
        js_read_str(body, "last_by_subj", arena, &query->last_by) != 0 ||
        js_read_str(body, "next_by_subj", arena, &query->next_by) != 0 ||
        js_read_time(body, "start_time", arena, &query->start_ns) != 0)
        return -1;
    return 0;
}

bool msg_query_is_empty(const struct msg_query *query)
{
    return query->seq == 0 && query->last_by.len == 0 &&
           query->next_by.len == 0 && query->start_ns == 0;
}

bool msg_query_contradicts(const struct msg_query *query)
{
    return (query->last_by.len > 0 &&
            (query->seq > 0 || query->next_by.len > 0 ||
             query->start_ns != 0)) ||
           (query->seq > 0 && query->start_ns != 0);
}

int msg_query_find(const struct stream *stream, const struct msg_query *query,
                   struct store_msg *msg)
{
    struct store *store = stream->store;
    uint64_t seq = query->seq;
    struct str pattern =
        query->last_by.len > 0 ? query->last_by : query->next_by;
    const struct store_filter filter = {.patterns = &pattern,
                                        .count = pattern.len > 0};
    if (query->last_by.len > 0)
        return store->ops->last(store, &filter, stream_durable(stream), msg);
    if (query->start_ns != 0)
        seq = stream_seq_at(stream, query->start_ns);
    if (pattern.len > 0 || query->start_ns != 0)
        return store->ops->next(store, &filter, seq, msg);
    return store->ops->read(store, seq, msg);
}
