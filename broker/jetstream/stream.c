/* stream: see stream.h. */
#include "broker/jetstream/stream.h"

#include <errno.h>
#include <stdlib.h>

#include "broker/jetstream/jetstream.h"
#include "broker/jetstream/js_config.h"
#include "broker/jetstream/js_saved.h"
#include "broker/jetstream/publish.h"
#include "broker/jetstream/retention.h"
#include "broker/jetstream/transform.h"
#include "broker/route.h"
#include "broker/server.h"
#include "broker/subject.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/timestamp.h"

/* When this much waits for the disk, publishers pause. */
#define CONGESTED_BYTES (STORE_PENDING_MAX / 2)

static struct server *server_of(const struct stream *stream)
{
    return stream->js->account->server;
}

/* ---- what waits for the disk ---- */

static void backlog_commit(struct stream_backlog *backlog, uint64_t seq)
{
    unsigned place = backlog->first + backlog->count;
    if (backlog->count == STREAM_COMMITS_MAX)
        place--; /* the newest one stands for this commit, too */
    else
        backlog->count++;
    backlog->commits[place % STREAM_COMMITS_MAX].seq = seq;
    backlog->commits[place % STREAM_COMMITS_MAX].bytes = backlog->appended;
}

static void backlog_advance(struct stream_backlog *backlog, uint64_t durable)
{
    while (backlog->count > 0 &&
           backlog->commits[backlog->first].seq <= durable) {
        backlog->durable = backlog->commits[backlog->first].bytes;
        backlog->first = (backlog->first + 1) % STREAM_COMMITS_MAX;
        backlog->count--;
    }
}

void stream_mark_dirty(struct stream *stream)
{
    if (stream->dirty)
        return;
    stream->dirty = true;
    stream->next_dirty = stream->js->dirty;
    stream->js->dirty = stream;
}

void stream_set_last_id(struct stream *stream, struct str id)
{
    free(stream->last_msg_id);
    stream->last_msg_id = id.len > 0 ? mem_strndup(id) : NULL;
}

/* ---- what became durable ---- */

void stream_commit(struct stream *stream)
{
    struct store_state state;
    stream->uncommitted = 0;
    stream->store->ops->commit(stream->store);
    stream_state(stream, &state);
    backlog_commit(&stream->backlog, state.last_seq);
}

void stream_advance(struct stream *stream)
{
    uint64_t durable = stream->store->ops->durable(stream->store);
    if (durable > stream->durable) {
        uint64_t from = stream->durable + 1;
        stream->durable = durable;
        backlog_advance(&stream->backlog, durable);
        consumer_index_advance(stream, from);
        origins_stream_grew(stream);
        if (stream->origins != NULL)
            origins_stored(stream->origins);
    }
    republish_send(&stream->republish, stream->js->account, durable);
    publish_acknowledge(stream, durable);
}

bool stream_settled(const struct stream *stream)
{
    struct store_state state;
    stream_state(stream, &state);
    return stream->store->ops->durable(stream->store) >= state.last_seq &&
           pubacks_empty(&stream->acks);
}

bool stream_congested(const struct stream *stream)
{
    const struct stream_backlog *backlog = &stream->backlog;
    return backlog->appended - backlog->durable > CONGESTED_BYTES ||
           stream->acks.bytes.len - stream->acks.start > PUBACKS_BYTES_MAX / 2;
}

/* ---- removing ---- */

uint64_t stream_remove_through(struct stream *stream, uint64_t seq)
{
    struct store_state before, after;
    struct consumer *consumer;
    stream_state(stream, &before);
    if (seq > before.last_seq)
        seq = before.last_seq;
    if (seq < before.first_seq)
        return 0;
    if (stream->origins != NULL)
        origins_leaving(stream->origins, seq);
    if (stream->store->ops->remove_through(stream->store, seq) != 0)
        return 0;
    for (consumer = stream->consumers; consumer != NULL;
         consumer = consumer->hh.next)
        consumer_left(consumer, seq);
    stream_state(stream, &after);
    return before.messages - after.messages;
}

int stream_skip(struct stream *stream, uint64_t seq)
{
    int rc = stream->store->ops->skip(stream->store, seq);
    if (rc == 0)
        stream_mark_dirty(stream);
    return rc;
}

int stream_drop(struct stream *stream, uint64_t seq, struct str subject,
                bool erase)
{
    consumer_index_lost(&stream->index, seq, subject);
    if (stream->origins != NULL)
        origins_leaving(stream->origins, seq);
    return stream->store->ops->remove(stream->store, seq, erase);
}

int stream_remove(struct stream *stream, uint64_t seq, bool erase)
{
    struct store_msg msg;
    struct buf subject = {0};
    if (stream->store->ops->read(stream->store, seq, &msg) != 0)
        return stream->store->ops->remove(stream->store, seq, erase);
    buf_append_str(&subject, msg.subject);
    int rc = stream_drop(stream, seq, buf_str(&subject), erase);
    buf_fini(&subject);
    return rc;
}

uint64_t stream_seq_at(const struct stream *stream, int64_t time_ns)
{
    struct store_state state;
    stream_state(stream, &state);
    uint64_t low = state.first_seq, high = stream->durable + 1;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct store_msg msg;
        int rc = stream->store->ops->next(stream->store, NULL, middle, &msg);
        if (rc != 0 || msg.time_ns >= time_ns)
            high = middle;
        else
            low = msg.seq + 1;
    }
    return low;
}

/* ---- coming and going ---- */

static bool read_id(struct stream *stream, uint64_t seq, struct store_msg *msg,
                    struct str *id)
{
    return stream->store->ops->read(stream->store, seq, msg) == 0 &&
           msg_header(msg->headers, "Nats-Msg-Id", id) && id->len > 0;
}

static void recover_last_id(struct stream *stream)
{
    struct store_msg msg;
    struct str id;
    if (read_id(stream, stream->durable, &msg, &id))
        stream_set_last_id(stream, id);
}

/* The oldest message whose id is to be known again, as far as the limits of
 * dedup.h let messages be read for it. */
static uint64_t dedup_from(const struct stream *stream)
{
    int64_t from_ns = clock_wall_ns() - stream->config.duplicate_window_ns;
    uint64_t seq = stream_seq_at(stream, from_ns);
    uint64_t max = stream->dedup.max > 0 ? stream->dedup.max : DEDUP_IDS_MAX;
    struct store_state at;
    stream_state(stream, &at);
    if (at.messages > 0 && at.bytes / at.messages > 0) {
        uint64_t fit = DEDUP_READ_BYTES_MAX / (at.bytes / at.messages) + 1;
        max = fit < max ? fit : max;
    }
    if (stream->durable <= max || seq > stream->durable - max)
        return seq;
    log_warn("not all message ids of the window are read again",
             LOG_STR("stream", stream->name), LOG_I64("messages", max));
    return stream->durable - max + 1;
}

static void rebuild_dedup(struct stream *stream)
{
    const struct jetstream_config *settings =
        &stream->js->account->server->config.js;
    if (settings->dedup_ids_max > 0 && settings->dedup_ids_max < UINT32_MAX / 4)
        stream->dedup.max = (uint32_t)settings->dedup_ids_max;
    if (stream->config.duplicate_window_ns <= 0)
        return;
    for (uint64_t seq = dedup_from(stream); seq <= stream->durable; seq++) {
        struct store_msg msg;
        struct str id;
        if (read_id(stream, seq, &msg, &id) &&
            dedup_find(&stream->dedup, id) == 0)
            dedup_add(&stream->dedup, id, seq, msg.time_ns);
    }
}

/* What it makes of its configuration. */
static void adopt(struct stream *stream, struct stream_config *config)
{
    stream_config_fini(&stream->config);
    stream->config = *config;
    *config = (struct stream_config){0};
    transform_free(&stream->transform);
    const struct subject_map *map = stream->config.transform;
    if (map != NULL)
        stream->transform =
            transform_new(str_of(map->src), str_of(map->dest), NULL);
    republish_set(&stream->republish, &stream->config);
}

struct stream *stream_new(struct jetstream *js, struct stream_config *config,
                          struct store *store, const char *folder,
                          int64_t created_ns)
{
    struct stream *stream = mem_zalloc(sizeof(*stream));
    struct store_state state;
    stream->js = js;
    stream->name = mem_strdup(config->name);
    adopt(stream, config);
    stream->store = store;
    stream->folder = mem_strdup(folder);
    stream->created_ns = created_ns;
    stream->age_timer.fire = retention_age_timeout;
    stream->ttl_timer.fire = retention_ttl_timeout;
    stream->review_timer.fire = retention_review_timeout;
    stream->durable = store->ops->durable(store);
    publish_name_acks(stream);
    rebuild_dedup(stream);
    recover_last_id(stream);
    stream_state(stream, &state);
    stream->last_time_ns = state.last_time_ns;
    return stream;
}

void stream_listen(struct stream *stream)
{
    const struct stream_config *config = &stream->config;
    struct str none = {0};
    stream->sub_count = config->subject_count;
    stream->subs =
        (struct sub **)mem_zalloc(sizeof(struct sub *) * stream->sub_count);
    for (unsigned i = 0; i < stream->sub_count; i++) {
        struct sub *sub =
            sub_new(NULL, str_of(config->subjects[i]), none, none);
        sub->handle = publish_arrived;
        sub->arg = stream;
        sublist_insert(stream->js->account->subs, sub);
        stream->subs[i] = sub;
    }
}

static void stop_listening(struct stream *stream)
{
    for (unsigned i = 0; i < stream->sub_count; i++)
        sublist_remove(stream->js->account->subs, stream->subs[i]);
    free((void *)stream->subs);
    stream->subs = NULL;
    stream->sub_count = 0;
}

static void forget_dirty(struct stream *stream)
{
    struct stream **at = &stream->js->dirty;
    while (*at != NULL && *at != stream)
        at = &(*at)->next_dirty;
    if (*at == stream)
        *at = stream->next_dirty;
}

void stream_free(struct stream *stream, bool deleted)
{
    struct consumer *consumer, *next;
    stop_listening(stream);
    origins_stream_goes(stream);
    origins_close(stream);
    timer_stop(&server_of(stream)->timers, &stream->age_timer);
    timer_stop(&server_of(stream)->timers, &stream->ttl_timer);
    timer_stop(&server_of(stream)->timers, &stream->review_timer);
    forget_dirty(stream);
    HASH_ITER (hh, stream->consumers, consumer, next) {
        HASH_DEL(stream->consumers, consumer);
        consumer_free(consumer, deleted ? "409 Consumer Deleted" : NULL);
    }
    stream->store->ops->close(stream->store);
    consumer_index_fini(&stream->index);
    dedup_fini(&stream->dedup);
    pubacks_fini(&stream->acks);
    buf_fini(&stream->ack);
    buf_fini(&stream->transformed);
    transform_free(&stream->transform);
    republish_fini(&stream->republish);
    stream_config_fini(&stream->config);
    free(stream->last_msg_id);
    free(stream->folder);
    free(stream->name);
    free(stream);
}

static bool takes(const struct stream_config *config, struct str subject)
{
    for (unsigned i = 0; i < config->subject_count; i++) {
        if (subject_covers(str_of(config->subjects[i]), subject))
            return true;
    }
    return false;
}

bool stream_keeps_subjects(const struct stream *stream,
                           const struct stream_config *config)
{
    for (unsigned i = 0; i < stream->config.subject_count; i++) {
        if (!takes(config, str_of(stream->config.subjects[i])))
            return false;
    }
    return true;
}

void stream_update(struct stream *stream, struct stream_config *config)
{
    stop_listening(stream);
    stream->narrowed =
        stream->narrowed || !stream_keeps_subjects(stream, config);
    adopt(stream, config);
    stream_listen(stream);
    for (struct consumer *consumer = stream->consumers; consumer != NULL;
         consumer = consumer->hh.next)
        consumer_recount(consumer);
    retention_apply(stream);
    retention_review(stream, 1);
    origins_open(stream);
}

/* ---- consumers ---- */

struct consumer *stream_consumer(const struct stream *stream, struct str name)
{
    struct consumer *consumer;
    HASH_FIND(hh, stream->consumers, name.p, name.len, consumer);
    return consumer;
}

void stream_consumer_add(struct stream *stream, struct consumer *consumer)
{
    HASH_ADD_KEYPTR(hh, stream->consumers, consumer->name,
                    strlen(consumer->name), consumer);
    stream->consumer_count++;
}

void stream_consumer_delete(struct stream *stream, struct consumer *consumer)
{
    HASH_DEL(stream->consumers, consumer);
    stream->consumer_count--;
    if (consumer->durable)
        js_remove_consumer(consumer);
    uint64_t from = consumer->floor.seq + 1;
    consumer_advise_deleted(consumer);
    consumer_free(consumer, "409 Consumer Deleted");
    retention_review(stream, from);
}
