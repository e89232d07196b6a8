/* jsapi_msg: the requests about single messages. */
#include "broker/jetstream/jsapi.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "broker/jetstream/js_config.h"
#include "broker/jetstream/msg_query.h"
#include "lib/mem.h"

/* ---- GET ---- */

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

int api_msg_get(struct api_call *call)
{
    struct msg_query query;
    struct store_msg msg;
    if (msg_query_read(&query, call->body, call->arena) != 0)
        return js_refuse(&call->error, JS_INVALID_JSON);
    if (msg_query_is_empty(&query) || msg_query_contradicts(&query))
        return js_refuse(&call->error, JS_BAD_REQUEST);
    if (msg_query_find(call->target, &query, &msg) != 0)
        return js_refuse(&call->error, JS_NO_MESSAGE);
    write_msg(&msg, &call->w);
    return 0;
}

/* ---- DELETE ---- */

static int remove_msg(struct api_call *call, uint64_t seq, bool erase)
{
    struct stream *stream = call->target;
    struct store_state state;
    stream_state(stream, &state);
    if (seq > state.last_seq)
        return js_refuse(&call->error, 500, 10057, "stream store EOF");
    if (stream_remove(stream, seq, erase) != 0)
        return js_refuse(&call->error, 400, 10043, "sequence %llu not found",
                         (unsigned long long)seq);
    return 0;
}

int api_msg_delete(struct api_call *call)
{
    const struct stream_config *config = &call->target->config;
    uint64_t seq = 0;
    bool no_erase = false;
    if (js_read_u64(call->body, "seq", &seq) != 0 ||
        js_read_bool(call->body, "no_erase", &no_erase) != 0)
        return js_refuse(&call->error, JS_INVALID_JSON);
    if (config->sealed)
        return js_refuse(&call->error, JS_SEALED);
    if (config->deny_delete)
        return js_refuse(&call->error, 500, 10057,
                         "message delete not permitted");
    if (seq == 0)
        return js_refuse(&call->error, JS_BAD_REQUEST);
    if (remove_msg(call, seq, !no_erase) != 0)
        return -1;
    json_member_bool(&call->w, "success", true);
    return 0;
}
