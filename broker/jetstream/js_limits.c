/* js_limits: see js_limits.h. */
#include "broker/jetstream/js_limits.h"

#include "broker/jetstream/jetstream.h"
#include "broker/server.h"

/* ---- the limits ---- */

/* Of all accounts together; <= 0: none. */
static int64_t limit_of_all(const struct jetstream *js,
                            enum stream_storage storage)
{
    const struct jetstream_config *settings = &js->account->server->config.js;
    return storage == STORAGE_MEMORY ? settings->max_memory
                                     : settings->max_storage;
}

/* Negative: none. */
static int64_t limit_of_account(const struct jetstream *js,
                                enum stream_storage storage)
{
    const struct account_limits *limits = &js->account->limits;
    return storage == STORAGE_MEMORY ? limits->js_memory_max
                                     : limits->js_file_max;
}

void js_limits_write(const struct account *account, struct json_writer *w)
{
    const struct account_limits *limits = &account->limits;
    const struct {
        const char *name;
        int64_t value;
    } members[] = {
        {"max_memory", limits->js_memory_max},
        {"max_storage", limits->js_file_max},
        {"max_streams", limits->js_streams_max},
        {"max_consumers", limits->js_consumers_max},
        {"max_ack_pending", -1},
        {"memory_max_stream_bytes", -1},
        {"storage_max_stream_bytes", -1},
    };
    json_key(w, "limits");
    json_begin_object(w);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        json_member_i64(w, members[i].name,
                        members[i].value >= 0 ? members[i].value : -1);
    json_member_bool(w, "max_bytes_required", false);
    json_end_object(w);
}

/* ---- bytes ---- */

static void count_used(struct jetstream *js)
{
    int64_t now_ns = js->account->server->now_ns;
    if (js->used_ns == now_ns)
        return;
    js->used_ns = now_ns;
    js->used[STORAGE_FILE] = js->used[STORAGE_MEMORY] = 0;
    for (const struct stream *stream = js->streams; stream != NULL;
         stream = stream->hh.next) {
        struct store_state state;
        stream_state(stream, &state);
        js->used[stream->config.storage] += state.bytes;
    }
}

static uint64_t used_by_account(struct jetstream *js,
                                enum stream_storage storage)
{
    count_used(js);
    return js->used[storage];
}

static uint64_t used_by_all(const struct server *server,
                            enum stream_storage storage)
{
    uint64_t used = 0;
    for (const struct account *account = server->accounts; account != NULL;
         account = account->hh.next) {
        if (account->js != NULL)
            used += used_by_account(account->js, storage);
    }
    return used;
}

int js_limits_admit_bytes(struct jetstream *js, enum stream_storage storage,
                          uint64_t bytes, struct js_error *error)
{
    int64_t mine = limit_of_account(js, storage);
    int64_t all = limit_of_all(js, storage);
    if (mine >= 0 && used_by_account(js, storage) + bytes > (uint64_t)mine)
        return js_refuse(error, 400, 10002,
                         "resource limits exceeded for account");
    if (all > 0 &&
        used_by_all(js->account->server, storage) + bytes > (uint64_t)all)
        return js_refuse(error, 503, 10023, "insufficient resources");
    return 0;
}

void js_limits_took(struct jetstream *js, enum stream_storage storage,
                    uint64_t bytes)
{
    js->used[storage] += bytes;
}

/* ---- streams and consumers ---- */

static int64_t sum_of(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* What the streams of an account may count on, but for one. */
static int64_t reserved_by_account(const struct jetstream *js,
                                   const struct stream *but,
                                   enum stream_storage storage)
{
    int64_t reserved = 0;
    for (const struct stream *stream = js->streams; stream != NULL;
         stream = stream->hh.next) {
        if (stream != but && stream->config.storage == storage &&
            stream->config.max_bytes > 0)
            reserved = sum_of(reserved, stream->config.max_bytes);
    }
    return reserved;
}

static int64_t reserved_by_all(const struct server *server,
                               const struct stream *but,
                               enum stream_storage storage)
{
    int64_t reserved = 0;
    for (const struct account *account = server->accounts; account != NULL;
         account = account->hh.next) {
        if (account->js != NULL)
            reserved = sum_of(reserved,
                              reserved_by_account(account->js, but, storage));
    }
    return reserved;
}

static int refuse_storage(enum stream_storage storage, struct js_error *error)
{
    return storage == STORAGE_MEMORY
               ? js_refuse(error, 500, 10028,
                           "insufficient memory resources available")
               : js_refuse(error, 500, 10047,
                           "insufficient storage resources available");
}

static bool fits(int64_t bytes, int64_t reserved, int64_t limit)
{
    return bytes <= limit && reserved <= limit - bytes;
}

static int admit_reservation(const struct jetstream *js,
                             const struct stream *self,
                             const struct stream_config *config,
                             struct js_error *error)
{
    enum stream_storage storage = config->storage;
    int64_t bytes = config->max_bytes > 0 ? config->max_bytes : 0;
    int64_t mine = limit_of_account(js, storage);
    int64_t all = limit_of_all(js, storage);
    if (mine == 0 && self == NULL)
        return refuse_storage(storage, error);
    if (bytes == 0)
        return 0;
    if (mine >= 0 && !fits(bytes, reserved_by_account(js, self, storage), mine))
        return refuse_storage(storage, error);
    if (all > 0 &&
        !fits(bytes, reserved_by_all(js->account->server, self, storage), all))
        return refuse_storage(storage, error);
    return 0;
}

int js_limits_admit_stream(const struct jetstream *js,
                           const struct stream *self,
                           const struct stream_config *config,
                           struct js_error *error)
{
    int64_t most = js->account->limits.js_streams_max;
    if (self == NULL && most >= 0 && HASH_COUNT(js->streams) >= (uint64_t)most)
        return js_refuse(error, 400, 10027,
                         "maximum number of streams reached");
    return admit_reservation(js, self, config, error);
}

int js_limits_admit_consumer(const struct stream *stream,
                             struct js_error *error)
{
    int64_t most = stream->config.max_consumers;
    int64_t account = stream->js->account->limits.js_consumers_max;
    if ((most > 0 && stream->consumer_count >= (uint64_t)most) ||
        (account >= 0 && stream->consumer_count >= (uint64_t)account))
        return js_refuse(error, 400, 10026, "maximum consumers limit reached");
    return 0;
}
