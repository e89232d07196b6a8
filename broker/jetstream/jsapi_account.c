/* jsapi_account: INFO, what the account has and may have. */
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

/* The account's; those of the broker show in what is refused. */
static void write_limits(struct json_writer *w)
{
    static const char *const limits[] = {"max_memory",
                                         "max_storage",
                                         "max_streams",
                                         "max_consumers",
                                         "max_ack_pending",
                                         "memory_max_stream_bytes",
                                         "storage_max_stream_bytes"};
    json_key(w, "limits");
    json_begin_object(w);
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        json_member_i64(w, limits[i], -1);
    json_member_bool(w, "max_bytes_required", false);
    json_end_object(w);
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
    write_limits(w);
    if (domain[0] != '\0')
        json_member_text(w, "domain", domain);
    json_key(w, "api");
    json_begin_object(w);
    json_member_u64(w, "total", call->js->api_total);
    json_member_u64(w, "errors", call->js->api_errors);
    json_end_object(w);
    return 0;
}
