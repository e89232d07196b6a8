/* retention: see retention.h. */
#include "broker/jetstream/retention.h"

#include <errno.h>

/* ---- interest and work queues ---- */

static bool is_needed(const struct stream *stream, uint64_t seq,
                      struct str subject)
{
    for (const struct consumer *consumer = stream->consumers; consumer != NULL;
         consumer = consumer->hh.next) {
        if (consumer_needs(consumer, seq, subject))
            return true;
    }
    return false;
}

void retention_acked(struct stream *stream, uint64_t seq)
{
    struct store_msg msg;
    if (stream->config.retention == RETENTION_LIMITS)
        return;
    if (stream->config.retention == RETENTION_INTEREST &&
        (stream->store->ops->read(stream->store, seq, &msg) != 0 ||
         is_needed(stream, seq, msg.subject)))
        return;
    stream_remove(stream, seq, false);
}

void retention_review(struct stream *stream, uint64_t from)
{
    struct store_msg msg;
    if (stream->config.retention != RETENTION_INTEREST)
        return;
    if (stream->consumers == NULL) {
        stream_remove_through(stream, stream_durable(stream));
        return;
    }
    uint64_t seq = from;
    while (stream->store->ops->next(stream->store, NULL, seq, &msg) == 0) {
        seq = msg.seq + 1;
        if (!is_needed(stream, msg.seq, msg.subject))
            stream_remove(stream, msg.seq, false);
    }
}

/* ---- consumers of a work queue ---- */

/* Each message of a work queue is for one consumer. */
static bool is_apart(const struct stream *stream, const char *name,
                     const struct consumer_config *config)
{
    for (const struct consumer *other = stream->consumers; other != NULL;
         other = other->hh.next) {
        if (strcmp(other->name, name) != 0 &&
            consumer_config_overlap(config, &other->config))
            return false;
    }
    return true;
}

static bool has_others(const struct stream *stream, const char *name)
{
    const struct consumer *first = stream->consumers;
    return stream->consumer_count > 1 ||
           (first != NULL && strcmp(first->name, name) != 0);
}

int retention_admits(const struct stream *stream, const char *name,
                     const struct consumer_config *config,
                     struct js_error *error)
{
    if (stream->config.retention != RETENTION_WORKQUEUE)
        return 0;
    if (config->ack_policy != ACK_EXPLICIT)
        return js_refuse(error, 400, 10098,
                         "workqueue stream requires explicit ack");
    if (has_others(stream, name) && config->filters.count == 0)
        return js_refuse(error, 400, 10099,
                         "multiple non-filtered consumers not allowed on "
                         "workqueue stream");
    if (!is_apart(stream, name, config))
        return js_refuse(error, 400, 10100,
                         "filtered consumer not unique on workqueue stream");
    if (config->deliver_policy != DELIVER_ALL)
        return js_refuse(error, 400, 10101,
                         "consumer must be deliver all on workqueue stream");
    return 0;
}
