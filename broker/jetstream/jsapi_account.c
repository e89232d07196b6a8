/* jsapi_account: INFO, what the account has and may have. */
#include "broker/jetstream/js_limits.h"
#include "broker/jetstream/jsapi.h"

struct usage {
    uint64_t bytes[2], reserved[2]; /* by storage */
    uint64_t streams, consumers;
};

static void count_usage(const struct jetstream *js, struct usage *usage)
{
    *usage = (struct usage){.streams = HASH_COUNT(js->streams)};
    for (const struct stream *stream = js->streams; stream != NULL;
         stream = stream->hh.next) {
        struct store_state state;
        stream_state(stream, &state);
        usage->bytes[stream->config.storage] += state.bytes;
        usage->consumers += stream->consumer_count;
        if (stream->config.max_bytes > 0)
            usage->reserved[stream->config.storage] +=
                (uint64_t)stream->config.max_bytes;
    }
}

int api_info(struct api_call *call)
{
    struct json_writer *w = &call->w;
    const char *domain = jetstream_domain(call->js);
    struct usage usage;
    count_usage(call->js, &usage);
    json_member_u64(w, "memory", usage.bytes[STORAGE_MEMORY]);
    json_member_u64(w, "storage", usage.bytes[STORAGE_FILE]);
    json_member_u64(w, "reserved_memory", usage.reserved[STORAGE_MEMORY]);
    json_member_u64(w, "reserved_storage", usage.reserved[STORAGE_FILE]);
    json_member_u64(w, "streams", usage.streams);
    json_member_u64(w, "consumers", usage.consumers);
    js_limits_write(call->js->account, w);
    if (domain[0] != '\0')
        json_member_text(w, "domain", domain);
    json_key(w, "api");
    json_begin_object(w);
    json_member_u64(w, "total", call->js->api_total);
    json_member_u64(w, "errors", call->js->api_errors);
    json_end_object(w);
    return 0;
}
