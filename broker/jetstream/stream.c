/* stream: see stream.h. */
#include "broker/jetstream/stream.h"

#include <errno.h>
#include <stdlib.h>

#include "broker/jetstream/jetstream.h"
#include "broker/jetstream/js_config.h"
#include "broker/jetstream/js_saved.h"
#include "broker/jetstream/retention.h"
#include "broker/route.h"
#include "broker/server.h"
#include "broker/subject.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/timestamp.h"

/* When this much waits for the disk, publishers pause. */
#define CONGESTED_BYTES (STORE_PENDING_MAX / 2)

/* Bytes that count against the limits for a message (nats-server's formula). */
#define MSG_OVERHEAD         30
#define MSG_HEADERS_OVERHEAD 4

static struct server *server_of(const struct stream *stream)
{
    return stream->js->account->server;
}

/* ---- publishing ---- */

/* What a publisher's headers ask for. */
struct wishes {
    struct str msg_id; /* len 0: none */
    struct str expected_stream, expected_last_id;
    struct str expected_last_seq;
};

static struct str header(const struct msg *msg, const char *name)
{
    struct str value = STR("");
    if (!msg_header(msg->headers, name, &value))
        return str_make("", 0);
    return value;
}

static bool asks(const struct msg *msg, const char *name)
{
    struct str value;
    return msg_header(msg->headers, name, &value);
}

static void read_wishes(const struct msg *msg, struct wishes *wishes)
{
    *wishes = (struct wishes){0};
    if (msg->headers.len == 0)
        return;
    wishes->msg_id = header(msg, "Nats-Msg-Id");
    wishes->expected_stream = header(msg, "Nats-Expected-Stream");
    wishes->expected_last_id = header(msg, "Nats-Expected-Last-Msg-Id");
    wishes->expected_last_seq = header(msg, "Nats-Expected-Last-Sequence");
}

static int check_expected(const struct stream *stream, const struct msg *msg,
                          const struct wishes *wishes, struct js_error *error)
{
    struct store_state state;
    int64_t seq;
    if (wishes->expected_stream.len > 0 &&
        !str_is(wishes->expected_stream, stream->name))
        return js_refuse(error, 400, 10060, "expected stream does not match");
    if (asks(msg, "Nats-Expected-Last-Subject-Sequence"))
        return js_refuse(error, 503, 10077,
                         "expected last sequence per subject is not supported");
    if (asks(msg, "Nats-Rollup"))
        return js_refuse(error, 500, 10111, "rollup not permitted");
    stream_state(stream, &state);
    if (wishes->expected_last_seq.len > 0 &&
        (str_to_i64(wishes->expected_last_seq, &seq) != 0 ||
         (uint64_t)seq != state.last_seq))
        return js_refuse(error, 400, 10071, "wrong last sequence: %llu",
                         (unsigned long long)state.last_seq);
    return 0;
}

static int check_last_id(const struct stream *stream,
                         const struct wishes *wishes, struct js_error *error)
{
    const char *last = stream->last_msg_id != NULL ? stream->last_msg_id : "";
    if (wishes->expected_last_id.len == 0 ||
        str_is(wishes->expected_last_id, last))
        return 0;
    return js_refuse(error, 400, 10070, "wrong last msg ID: %s", last);
}

static uint64_t stored_size(const struct msg *msg)
{
    size_t headers =
        msg->headers.len > 0 ? MSG_HEADERS_OVERHEAD + msg->headers.len : 0;
    return MSG_OVERHEAD + msg->subject.len + headers + msg->payload.len;
}

static int check_limits(const struct stream *stream, const struct msg *msg,
                        struct js_error *error)
{
    const struct stream_config *config = &stream->config;
    struct store_state state;
    uint64_t size = stored_size(msg);
    if (config->max_msg_size >= 0 &&
        msg->headers.len + msg->payload.len > (uint64_t)config->max_msg_size)
        return js_refuse(error, 400, 10054,
                         "message size exceeds maximum allowed");
    if (msg->headers.len > STREAM_HEADERS_MAX)
        return js_refuse(error, 400, 10097,
                         "header size exceeds maximum allowed of 64k");
    if (config->max_bytes > 0 && size > (uint64_t)config->max_bytes)
        return js_refuse(error, 503, 10077, "maximum bytes exceeded");
    if (config->discard == DISCARD_OLD)
        return 0;
    stream_state(stream, &state);
    if (config->max_msgs > 0 && state.messages >= (uint64_t)config->max_msgs)
        return js_refuse(error, 503, 10077, "maximum messages exceeded");
    if (config->max_bytes > 0 &&
        state.bytes + size > (uint64_t)config->max_bytes)
        return js_refuse(error, 503, 10077, "maximum bytes exceeded");
    return 0;
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

/* ---- taking a message ---- */

static void mark_dirty(struct stream *stream)
{
    if (stream->dirty)
        return;
    stream->dirty = true;
    stream->next_dirty = stream->js->dirty;
    stream->js->dirty = stream;
}

static int append(struct stream *stream, const struct msg *msg,
                  struct js_error *error)
{
    struct store_state state;
    struct store *store = stream->store;
    stream_state(stream, &state);
    /* Each message a time of its own: who orders by it orders as the stream. */
    int64_t now_ns = clock_wall_ns();
    if (now_ns <= stream->last_time_ns)
        now_ns = stream->last_time_ns + 1;
    struct store_msg stored = {.seq = state.last_seq + 1,
                               .time_ns = now_ns,
                               .subject = msg->subject,
                               .headers = msg->headers,
                               .payload = msg->payload};
    int rc = store->ops->append(store, &stored);
    if (rc == -EAGAIN)
        return js_refuse(error, 503, 10077, "too much waits for the disk");
    if (rc < 0)
        return js_refuse(error, 503, 10077, "%s", strerror(-rc));
    stream->last_time_ns = now_ns;
    stream->backlog.appended += stored_size(msg);
    mark_dirty(stream);
    return 0;
}

static void schedule_age(struct stream *stream,
                         const struct store_state *state);

static void enforce_limits(struct stream *stream)
{
    const struct stream_config *config = &stream->config;
    struct store_state state;
    for (;;) {
        stream_state(stream, &state);
        bool count =
            config->max_msgs > 0 && state.messages > (uint64_t)config->max_msgs;
        bool bytes =
            config->max_bytes > 0 && state.bytes > (uint64_t)config->max_bytes;
        if ((!count && !bytes) || state.messages == 0)
            break;
        stream_remove_through(stream, state.first_seq);
    }
    if (config->max_age_ns > 0 && !timer_is_set(&stream->age_timer))
        schedule_age(stream, &state);
}

static void set_last_id(struct stream *stream, struct str id)
{
    free(stream->last_msg_id);
    stream->last_msg_id = id.len > 0 ? mem_strndup(id) : NULL;
}

static uint64_t find_duplicate(struct stream *stream, struct str id)
{
    if (stream->config.duplicate_window_ns <= 0)
        return 0;
    dedup_expire(&stream->dedup,
                 clock_wall_ns() - stream->config.duplicate_window_ns);
    return dedup_find(&stream->dedup, id);
}

static int take(struct stream *stream, const struct msg *msg,
                struct puback *ack, struct js_error *error)
{
    struct wishes wishes;
    struct store_state state;
    read_wishes(msg, &wishes);
    if (stream->config.sealed)
        return js_refuse(error, 400, 10109,
                         "invalid operation on sealed stream");
    if (msg->headers.len > 0 &&
        check_expected(stream, msg, &wishes, error) != 0)
        return -1;
    ack->seq =
        wishes.msg_id.len > 0 ? find_duplicate(stream, wishes.msg_id) : 0;
    ack->duplicate = ack->seq != 0;
    if (ack->duplicate)
        return 0;
    if (check_last_id(stream, &wishes, error) != 0 ||
        check_limits(stream, msg, error) != 0 ||
        append(stream, msg, error) != 0)
        return -1;
    stream_state(stream, &state);
    ack->seq = state.last_seq;
    if (wishes.msg_id.len > 0 && stream->config.duplicate_window_ns > 0)
        dedup_add(&stream->dedup, wishes.msg_id, ack->seq,
                  stream->last_time_ns);
    set_last_id(stream, wishes.msg_id);
    enforce_limits(stream);
    return 0;
}

static void answer_refusal(struct stream *stream, struct str reply,
                           const struct js_error *error)
{
    struct buf text = {0};
    struct json_writer w = json_writer(&text);
    json_begin_object(&w);
    js_error_write(error, &w);
    json_member_text(&w, "stream", stream->name);
    json_member_i64(&w, "seq", 0);
    json_end_object(&w);
    route_text(stream->js->account, reply, str_make(NULL, 0), buf_str(&text));
    buf_fini(&text);
}

static void answer(struct stream *stream, const struct puback *ack)
{
    struct buf *text = &stream->ack;
    text->len = stream->ack_prefix;
    buf_append_u64(text, ack->seq);
    if (ack->duplicate)
        buf_append_text(text, ",\"duplicate\": true");
    buf_append_byte(text, '}');
    route_text(stream->js->account, ack->reply, str_make(NULL, 0),
               buf_str(text));
}

static void receive(struct sub *sub, struct conn *from, const struct msg *msg)
{
    (void)from;
    struct stream *stream = sub->arg;
    struct js_error error;
    struct puback ack = {.reply = msg->reply};
    bool wanted = msg->reply.len > 0 && !stream->config.no_ack;
    int rc = wanted && pubacks_full(&stream->acks)
                 ? js_refuse(&error, 503, 10077,
                             "too many acknowledgements wait for the disk")
                 : take(stream, msg, &ack, &error);
    if (stream_congested(stream))
        server_of(stream)->pressure = true;
    if (!wanted)
        return;
    if (rc != 0) {
        answer_refusal(stream, msg->reply, &error);
        return;
    }
    struct store_state state;
    stream_state(stream, &state);
    ack.wait_seq = state.last_seq;
    pubacks_push(&stream->acks, &ack);
    mark_dirty(stream);
    if (++stream->uncommitted == STREAM_COMMIT_EACH)
        stream_commit(stream);
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

static void count_for_filters(struct stream *stream, uint64_t from, uint64_t to)
{
    struct consumer *consumer;
    bool any = false;
    for (consumer = stream->consumers; consumer != NULL && !any;
         consumer = consumer->hh.next)
        any = consumer->filtered;
    for (uint64_t seq = from; any && seq <= to; seq++) {
        struct store_msg msg;
        if (stream->store->ops->read(stream->store, seq, &msg) != 0)
            continue;
        for (consumer = stream->consumers; consumer != NULL;
             consumer = consumer->hh.next) {
            if (consumer->filtered)
                consumer_count(consumer, seq, msg.subject);
        }
    }
}

void stream_advance(struct stream *stream)
{
    uint64_t durable = stream->store->ops->durable(stream->store);
    struct puback ack;
    if (durable > stream->durable) {
        uint64_t from = stream->durable + 1;
        stream->durable = durable;
        backlog_advance(&stream->backlog, durable);
        count_for_filters(stream, from, durable);
        for (struct consumer *consumer = stream->consumers; consumer != NULL;
             consumer = consumer->hh.next)
            consumer_wake(consumer);
    }
    while (pubacks_pop(&stream->acks, durable, &ack))
        answer(stream, &ack);
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
    for (consumer = stream->consumers; consumer != NULL;
         consumer = consumer->hh.next)
        consumer_leaving(consumer, seq);
    if (stream->store->ops->remove_through(stream->store, seq) != 0)
        return 0;
    for (consumer = stream->consumers; consumer != NULL;
         consumer = consumer->hh.next)
        consumer_left(consumer, seq);
    stream_state(stream, &after);
    return before.messages - after.messages;
}

int stream_remove(struct stream *stream, uint64_t seq, bool erase)
{
    struct store_msg msg;
    if (stream->store->ops->read(stream->store, seq, &msg) == 0) {
        for (struct consumer *consumer = stream->consumers; consumer != NULL;
             consumer = consumer->hh.next)
            consumer_lost(consumer, seq, msg.subject);
    }
    return stream->store->ops->remove(stream->store, seq, erase);
}

uint64_t stream_seq_at(const struct stream *stream, int64_t time_ns)
{
    struct store_state state;
    stream_state(stream, &state);
    uint64_t low = state.first_seq, high = stream->durable + 1;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct store_msg msg;
        int rc = stream->store->ops->read(stream->store, middle, &msg);
        if (rc == 0 && msg.time_ns >= time_ns)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void schedule_age(struct stream *stream, const struct store_state *state)
{
    struct timers *timers = &server_of(stream)->timers;
    if (stream->config.max_age_ns <= 0 || state->messages == 0) {
        timer_stop(timers, &stream->age_timer);
        return;
    }
    int64_t end_ns =
        time_after(state->first_time_ns, stream->config.max_age_ns);
    int64_t left_ns = end_ns - clock_wall_ns() + NS_PER_MS;
    timer_set(timers, &stream->age_timer,
              time_after(clock_mono_ns(), left_ns > 0 ? left_ns : 0));
}

static void age_timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct stream, age_timer);
    struct stream *stream = (struct stream *)start;
    struct store_state state;
    int64_t oldest_ns = clock_wall_ns() - stream->config.max_age_ns;
    stream_state(stream, &state);
    if (state.messages > 0 && state.first_time_ns <= oldest_ns)
        stream_remove_through(stream, stream_seq_at(stream, oldest_ns) - 1);
    stream_state(stream, &state);
    schedule_age(stream, &state);
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
        set_last_id(stream, id);
}

static void rebuild_dedup(struct stream *stream)
{
    if (stream->config.duplicate_window_ns <= 0)
        return;
    int64_t from_ns = clock_wall_ns() - stream->config.duplicate_window_ns;
    uint64_t seq = stream_seq_at(stream, from_ns);
    if (stream->durable > DEDUP_IDS_MAX &&
        seq < stream->durable - DEDUP_IDS_MAX)
        seq = stream->durable - DEDUP_IDS_MAX;
    for (; seq <= stream->durable; seq++) {
        struct store_msg msg;
        struct str id;
        if (read_id(stream, seq, &msg, &id) &&
            dedup_find(&stream->dedup, id) == 0)
            dedup_add(&stream->dedup, id, seq, msg.time_ns);
    }
}

static void name_acks(struct stream *stream)
{
    struct json_writer w = json_writer(&stream->ack);
    json_begin_object(&w);
    json_member_text(&w, "stream", stream->name);
    buf_append_text(&stream->ack, ", \"seq\":");
    stream->ack_prefix = stream->ack.len;
}

struct stream *stream_new(struct jetstream *js, struct stream_config *config,
                          struct store *store, const char *folder,
                          int64_t created_ns)
{
    struct stream *stream = mem_zalloc(sizeof(*stream));
    struct store_state state;
    stream->js = js;
    stream->name = mem_strdup(config->name);
    stream->config = *config;
    *config = (struct stream_config){0};
    stream->store = store;
    stream->folder = mem_strdup(folder);
    stream->created_ns = created_ns;
    stream->age_timer.fire = age_timeout;
    stream->durable = store->ops->durable(store);
    name_acks(stream);
    rebuild_dedup(stream);
    recover_last_id(stream);
    stream_state(stream, &state);
    stream->last_time_ns = state.last_time_ns;
    schedule_age(stream, &state);
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
        sub->handle = receive;
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
    timer_stop(&server_of(stream)->timers, &stream->age_timer);
    forget_dirty(stream);
    HASH_ITER (hh, stream->consumers, consumer, next) {
        HASH_DEL(stream->consumers, consumer);
        consumer_free(consumer, deleted ? "409 Consumer Deleted" : NULL);
    }
    stream->store->ops->close(stream->store);
    dedup_fini(&stream->dedup);
    pubacks_fini(&stream->acks);
    buf_fini(&stream->ack);
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
    struct store_state state;
    stop_listening(stream);
    stream->narrowed =
        stream->narrowed || !stream_keeps_subjects(stream, config);
    stream_config_fini(&stream->config);
    stream->config = *config;
    *config = (struct stream_config){0};
    stream_listen(stream);
    for (struct consumer *consumer = stream->consumers; consumer != NULL;
         consumer = consumer->hh.next)
        consumer_recount(consumer);
    enforce_limits(stream);
    stream_state(stream, &state);
    schedule_age(stream, &state);
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
    consumer_free(consumer, "409 Consumer Deleted");
    retention_review(stream, from);
}

/* ---- what it says of itself ---- */

void stream_describe(const struct stream *stream, struct json_writer *w)
{
    struct store_state state;
    stream_state(stream, &state);
    json_key(w, "config");
    stream_config_write(&stream->config, w);
    js_member_time(w, "created", stream->created_ns);
    json_key(w, "state");
    json_begin_object(w);
    json_member_u64(w, "messages", state.messages);
    json_member_u64(w, "bytes", state.bytes);
    json_member_u64(w, "first_seq", state.last_seq > 0 ? state.first_seq : 0);
    js_member_time(w, "first_ts", state.first_time_ns);
    json_member_u64(w, "last_seq", state.last_seq);
    js_member_time(w, "last_ts", state.last_time_ns);
    json_member_u64(w, "consumer_count", stream->consumer_count);
    json_end_object(w);
}
