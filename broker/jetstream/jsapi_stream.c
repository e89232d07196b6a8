/* jsapi_stream: the requests about streams and single messages. */
#include "broker/jetstream/jsapi.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "broker/jetstream/advisory.h"
#include "broker/jetstream/js_config.h"
#include "broker/subject.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mem.h"

static void write_now(struct json_writer *w)
{
    js_member_time(w, "ts", clock_wall_ns());
}

/* ---- CREATE, UPDATE, INFO, DELETE ---- */

static int read_config(struct api_call *call, struct stream_config *config)
{
    if (json_type(call->body) != JSON_OBJECT)
        return js_refuse(&call->error, JS_INVALID_JSON);
    if (stream_config_read(config, call->body, call->arena, &call->error) != 0)
        return -1;
    if (!str_is(call->stream, config->name))
        return js_refuse(&call->error, 400, 10056,
                         "stream name in subject does not match request");
    return 0;
}

int api_stream_create(struct api_call *call)
{
    struct stream_config config = {0};
    struct stream *stream;
    int rc = read_config(call, &config);
    bool there = call->target != NULL;
    if (rc == 0)
        rc = jetstream_stream_create(call->js, &config, &stream, &call->error);
    if (rc == 0) {
        stream_describe(stream, &call->w);
        json_member_bool(&call->w, "did_create", true);
        if (!there)
            advisory_stream_action(stream, STREAM_CREATED);
    }
    stream_config_fini(&config);
    return rc;
}

int api_stream_update(struct api_call *call)
{
    struct stream_config config = {0};
    int rc = read_config(call, &config);
    if (rc == 0)
        rc = jetstream_stream_update(call->target, &config, &call->error);
    if (rc == 0) {
        stream_describe(call->target, &call->w);
        write_now(&call->w);
        advisory_stream_action(call->target, STREAM_UPDATED);
    }
    stream_config_fini(&config);
    return rc;
}

int api_stream_info(struct api_call *call)
{
    json_member_i64(&call->w, "total", 0);
    json_member_i64(&call->w, "offset", 0);
    json_member_i64(&call->w, "limit", 0);
    stream_describe(call->target, &call->w);
    write_now(&call->w);
    return 0;
}

int api_stream_delete(struct api_call *call)
{
    if (call->payload.len > 0)
        return js_refuse(&call->error, 400, 10038,
                         "expected an empty request payload");
    log_info("stream deleted", LOG_SLICE("stream", call->stream));
    advisory_stream_action(call->target, STREAM_DELETED);
    jetstream_stream_delete(call->target);
    json_member_bool(&call->w, "success", true);
    return 0;
}

/* ---- NAMES, LIST ---- */

/* Streams that hold something a subject selects; without one, all. */
static bool wanted(const struct stream *stream, struct str subject)
{
    for (unsigned i = 0; i < stream->config.subject_count; i++) {
        if (subject_overlaps(str_of(stream->config.subjects[i]), subject))
            return true;
    }
    return subject.len == 0;
}

static int write_streams(struct api_call *call, uint64_t limit,
                         void (*write)(const struct stream *stream,
                                       struct json_writer *w))
{
    struct str subject = STR("");
    uint64_t total = 0, at = 0;
    const struct stream *stream;
    if (json_string(json_get(call->body, "subject"), call->arena, &subject) !=
        0)
        subject = str_make("", 0);
    for (stream = call->js->streams; stream != NULL; stream = stream->hh.next)
        total += wanted(stream, subject);
    struct api_page page = api_page(call, total, limit);
    json_key(&call->w, "streams");
    if (total == 0) {
        json_put_null(&call->w);
        return 0;
    }
    json_begin_array(&call->w);
    for (stream = call->js->streams; stream != NULL; stream = stream->hh.next) {
        if (!wanted(stream, subject))
            continue;
        if (at >= page.offset && at < page.offset + page.limit)
            write(stream, &call->w);
        at++;
    }
    json_end_array(&call->w);
    return 0;
}

static void write_name(const struct stream *stream, struct json_writer *w)
{
    json_put_text(w, stream->name);
}

static void write_info(const struct stream *stream, struct json_writer *w)
{
    json_begin_object(w);
    stream_describe(stream, w);
    json_end_object(w);
}

int api_stream_names(struct api_call *call)
{
    return write_streams(call, API_NAMES_PAGE, write_name);
}

int api_stream_list(struct api_call *call)
{
    return write_streams(call, API_LIST_PAGE, write_info);
}

/* ---- PURGE ---- */

/* True when the filter selects everything the stream may hold. */
static bool filter_is_all(const struct stream *stream, struct str filter)
{
    for (unsigned i = 0; i < stream->config.subject_count; i++) {
        if (!subject_covers(filter, str_of(stream->config.subjects[i])))
            return false;
    }
    return true;
}

/* The last sequence that goes; 0: none. */
static int purge_bound(struct api_call *call, uint64_t *through)
{
    struct store_state state;
    struct str filter = STR("");
    uint64_t seq = 0, keep = 0;
    json_u64(json_get(call->body, "seq"), &seq);
    json_u64(json_get(call->body, "keep"), &keep);
    if (json_string(json_get(call->body, "filter"), call->arena, &filter) != 0)
        filter = str_make("", 0);
    if (seq > 0 && keep > 0)
        return js_refuse(&call->error, JS_BAD_REQUEST);
    if (filter.len > 0 && !filter_is_all(call->target, filter))
        return js_refuse(&call->error, 500, 10110,
                         "purging a part of a stream's subjects is not "
                         "supported");
    stream_state(call->target, &state);
    *through = state.last_seq;
    if (seq > 0 && seq - 1 < state.last_seq)
        *through = seq - 1;
    if (keep > 0)
        *through = keep < state.last_seq ? state.last_seq - keep : 0;
    return 0;
}

int api_stream_purge(struct api_call *call)
{
    struct stream *stream = call->target;
    uint64_t through = 0;
    if (stream->config.sealed)
        return js_refuse(&call->error, 400, 10109,
                         "invalid operation on sealed stream");
    if (stream->config.deny_purge)
        return js_refuse(&call->error, 500, 10110,
                         "stream purge not permitted");
    if (purge_bound(call, &through) != 0)
        return -1;
    uint64_t purged = stream_remove_through(stream, through);
    json_member_bool(&call->w, "success", true);
    json_member_u64(&call->w, "purged", purged);
    return 0;
}

/* ---- MSG.GET ---- */

static void member_base64(struct json_writer *w, const char *key,
                          struct str bytes)
{
    size_t room = (bytes.len + 2) / 3 * 4 + 1;
    unsigned char *text = mem_alloc(room);
    int n =
        EVP_EncodeBlock(text, (const unsigned char *)bytes.p, (int)bytes.len);
    json_member_str(w, key, str_make((const char *)text, (size_t)n));
    free(text);
}

static void write_msg(const struct store_msg *msg, struct json_writer *w)
{
    json_key(w, "message");
    json_begin_object(w);
    json_member_str(w, "subject", msg->subject);
    json_member_u64(w, "seq", msg->seq);
    if (msg->headers.len > 0)
        member_base64(w, "hdrs", msg->headers);
    if (msg->payload.len > 0)
        member_base64(w, "data", msg->payload);
    js_member_time(w, "time", msg->time_ns);
    json_end_object(w);
}

/* The first message from seq on, in steps of step, of that subject. */
static int find_subject(const struct stream *stream, uint64_t seq, int step,
                        struct str pattern, struct store_msg *msg)
{
    struct store_state state;
    stream_state(stream, &state);
    if (seq < state.first_seq)
        seq = state.first_seq;
    for (; seq >= state.first_seq && seq <= stream_durable(stream);
         seq += (uint64_t)(int64_t)step) {
        if (stream->store->ops->read(stream->store, seq, msg) == 0 &&
            subject_matches(pattern, msg->subject))
            return 0;
    }
    return -ENOENT;
}

static int find_msg(struct api_call *call, struct store_msg *msg)
{
    const struct stream *stream = call->target;
    struct str subject;
    uint64_t seq = 0;
    json_u64(json_get(call->body, "seq"), &seq);
    if (json_string(json_get(call->body, "last_by_subj"), call->arena,
                    &subject) == 0)
        return find_subject(stream, stream_durable(stream), -1, subject, msg);
    if (json_string(json_get(call->body, "next_by_subj"), call->arena,
                    &subject) == 0)
        return find_subject(stream, seq, 1, subject, msg);
    if (seq == 0)
        return -EINVAL;
    return stream->store->ops->read(stream->store, seq, msg);
}

int api_msg_get(struct api_call *call)
{
    struct store_msg msg;
    int rc = find_msg(call, &msg);
    if (rc == -EINVAL)
        return js_refuse(&call->error, JS_BAD_REQUEST);
    if (rc != 0)
        return js_refuse(&call->error, JS_NO_MESSAGE);
    write_msg(&msg, &call->w);
    return 0;
}
