/* usage: see usage.h. */
#include "broker/monitor/usage.h"

#include "broker/jetstream/jetstream.h"
#include "broker/server.h"

#define RANGES_MAX 64

static uint64_t lost_messages(const struct stream *stream)
{
    struct store_range ranges[RANGES_MAX];
    uint64_t lost = 0;
    size_t count =
        stream->store->ops->damage(stream->store, ranges, RANGES_MAX);
    for (size_t i = 0; i < count && i < RANGES_MAX; i++)
        lost += ranges[i].last_seq - ranges[i].first_seq + 1;
    return lost;
}

static void add_stream(struct usage *sum, const struct stream *stream)
{
    struct store_state state;
    stream_state(stream, &state);
    sum->streams++;
    sum->consumers += stream->consumer_count;
    sum->messages += state.messages;
    sum->bytes += state.bytes;
    sum->stored[stream->config.storage] += state.bytes;
    if (stream->config.max_bytes > 0)
        sum->reserved[stream->config.storage] +=
            (uint64_t)stream->config.max_bytes;
    sum->lost += lost_messages(stream);
    for (const struct consumer *consumer = stream->consumers; consumer != NULL;
         consumer = consumer->hh.next)
        sum->ack_pending += consumer->unacked.count;
}

static void add_account(struct usage *sum, const struct account *account)
{
    const struct jetstream *js = account->js;
    if (js == NULL)
        return;
    sum->accounts++;
    sum->api_total += js->api_total;
    sum->api_errors += js->api_errors;
    for (const struct stream *stream = js->streams; stream != NULL;
         stream = stream->hh.next)
        add_stream(sum, stream);
}

struct usage usage_of_account(const struct account *account)
{
    struct usage sum = {0};
    add_account(&sum, account);
    return sum;
}

struct usage usage_of_all(const struct server *server)
{
    struct usage sum = {0};
    for (const struct account *account = server->accounts; account != NULL;
         account = account->hh.next)
        add_account(&sum, account);
    return sum;
}

void usage_write(const struct usage *usage, struct json_writer *w)
{
    json_member_u64(w, "memory", usage->stored[STORAGE_MEMORY]);
    json_member_u64(w, "storage", usage->stored[STORAGE_FILE]);
    json_member_u64(w, "reserved_memory", usage->reserved[STORAGE_MEMORY]);
    json_member_u64(w, "reserved_storage", usage->reserved[STORAGE_FILE]);
    json_member_u64(w, "accounts", usage->accounts);
    json_member_i64(w, "ha_assets", 0);
    json_key(w, "api");
    json_begin_object(w);
    json_member_u64(w, "total", usage->api_total);
    json_member_u64(w, "errors", usage->api_errors);
    json_end_object(w);
}
