/* js_saved: see js_saved.h; reading back is in js_restore.c. */
#include "broker/jetstream/js_saved.h"

#include <stdlib.h>

#include "broker/jetstream/consumer_state.h"
#include "broker/jetstream/js_config.h"
#include "broker/jetstream/js_file.h"
#include "broker/server.h"
#include "broker/store/disk.h"
#include "lib/log.h"

char *js_path(const char *first, const char *between, const char *last)
{
    struct buf path = {0};
    buf_append_text(&path, first);
    buf_append_text(&path, between);
    buf_append_text(&path, last);
    buf_append_byte(&path, '\0');
    return path.data;
}

char *js_stream_folder(const struct jetstream *js, const char *name)
{
    return js_path(js->folder, "/streams/", name);
}

static char *consumer_file(const struct consumer *consumer, const char *suffix)
{
    char *base =
        js_path(consumer->stream->folder, "/consumers/", consumer->name);
    char *path = js_path(base, "", suffix);
    free(base);
    return path;
}

/* {"created":"…","narrowed":false,"config":{…}} */
int js_save_stream(const char *folder, const struct js_stream_record *record,
                   struct errmsg *err)
{
    struct buf text = {0};
    struct json_writer w = json_writer(&text);
    char *path = js_path(folder, "/", "stream.json");
    json_begin_object(&w);
    js_member_time(&w, "created", record->created_ns);
    json_member_bool(&w, "narrowed", record->narrowed);
    json_key(&w, "config");
    stream_config_write(record->config, &w);
    json_end_object(&w);
    int rc = js_file_write(path, buf_str(&text), true, err);
    free(path);
    buf_fini(&text);
    return rc;
}

/* {"created":"…","start":1,"picked_through":9,"config":{…}} */
int js_save_consumer(const struct consumer *consumer,
                     const struct consumer_config *config, struct errmsg *err)
{
    struct buf text = {0};
    struct json_writer w = json_writer(&text);
    char *path = consumer_file(consumer, ".json");
    json_begin_object(&w);
    js_member_time(&w, "created", consumer->created_ns);
    json_member_u64(&w, "start", consumer->start_seq);
    if (consumer->picks.through > 0)
        json_member_u64(&w, "picked_through", consumer->picks.through);
    json_key(&w, "config");
    consumer_config_write(config, &w);
    json_end_object(&w);
    int rc = js_file_write(path, buf_str(&text), true, err);
    free(path);
    buf_fini(&text);
    return rc;
}

int js_save_state(const struct consumer *consumer, bool sync,
                  struct errmsg *err)
{
    struct buf bytes = {0};
    char *path = consumer_file(consumer, ".state");
    consumer_state_encode(consumer, &bytes);
    int rc = js_file_write(path, buf_str(&bytes), sync, err);
    free(path);
    buf_fini(&bytes);
    return rc;
}

void js_remove_consumer(const struct consumer *consumer)
{
    static const char *const suffixes[] = {".state", ".json"};
    for (int i = 0; i < 2; i++) {
        char *path = consumer_file(consumer, suffixes[i]);
        bool last = i == 1; /* the folder is synced once for both */
        int rc = last ? js_file_remove(path) : disk_unlink(path);
        if (rc != 0)
            log_error("consumer's file not removed", LOG_STR("file", path),
                      LOG_STR("error", strerror(-rc)));
        free(path);
    }
}

struct store *js_open_store(struct jetstream *js,
                            const struct stream_config *config,
                            const char *folder, struct errmsg *err)
{
    if (config->storage == STORAGE_MEMORY)
        return store_mem_open();
    const struct jetstream_config *settings = &js->account->server->config.js;
    const struct store_options options = {
        .sync = config->persist == PERSIST_ASYNC ? STORE_SYNC_RELAXED
                                                 : settings->sync,
        .sync_interval_ns = settings->sync_interval_ns,
        .index_bytes_max = (uint64_t)settings->index_bytes_max};
    char *path = js_path(folder, "/", "msgs");
    struct store *store =
        store_file_open(path, js->account->server->syncer, &options, err);
    free(path);
    return store;
}
