/* js_restore: the streams and consumers that were there before. */
#include "broker/jetstream/js_saved.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "broker/jetstream/consumer_state.h"
#include "broker/jetstream/js_config.h"
#include "broker/jetstream/js_file.h"
#include "broker/jetstream/retention.h"
#include "lib/log.h"
#include "lib/mem.h"

#define JSON_FILE_MAX  (1u << 20)
#define STATE_FILE_MAX (1u << 30)

/* A stream.json or consumer .json. */
struct record {
    int64_t created_ns;
    uint64_t start_seq; /* of a consumer; and see consumer_restart */
    uint64_t picked_through;
    bool narrowed; /* of a stream */
    struct json config;
};

static int read_record(const char *path, struct arena *arena,
                       struct record *record, struct errmsg *err)
{
    struct buf text = {0};
    struct json_doc *doc = arena_alloc(arena, sizeof(*doc));
    int rc = js_file_read(path, JSON_FILE_MAX, &text, err);
    if (rc == 0)
        rc = json_parse(doc, arena_str(arena, buf_str(&text)), arena, err);
    buf_fini(&text);
    if (rc != 0)
        return rc;
    struct json root = json_root(doc);
    *record = (struct record){.config = json_get(root, "config")};
    json_u64(json_get(root, "start"), &record->start_seq);
    json_u64(json_get(root, "picked_through"), &record->picked_through);
    json_bool(json_get(root, "narrowed"), &record->narrowed);
    if (js_read_time(root, "created", arena, &record->created_ns) != 0)
        return errmsg_set(err, -EINVAL, "%s: created is not a time", path);
    return 0;
}

/* ---- consumers ---- */

static void restore_state(struct consumer *consumer, const char *path)
{
    struct buf bytes = {0};
    struct errmsg err;
    int rc = js_file_read(path, STATE_FILE_MAX, &bytes, &err);
    if (rc == 0) {
        rc = consumer_state_decode(consumer, buf_str(&bytes));
        errmsg_set(&err, rc, "%s is damaged", path);
    }
    if (rc != 0)
        log_error("consumer begins again where it began at first",
                  LOG_STR("stream", consumer->stream->name),
                  LOG_STR("consumer", consumer->name),
                  LOG_STR("error", err.text));
    buf_fini(&bytes);
    consumer_recovered(consumer);
}

static int restore_consumer(struct stream *stream, const char *name,
                            const char *base, struct errmsg *err)
{
    struct arena arena = {0};
    struct consumer_config config = {0};
    struct js_error error = {0};
    struct record record;
    char *path = js_path(base, "", ".json");
    int rc = read_record(path, &arena, &record, err);
    if (rc == 0 &&
        consumer_config_read(&config, record.config, &arena, &error) != 0)
        rc = errmsg_set(err, -EINVAL, "%s: %s", path, error.text);
    free(path);
    if (rc == 0) {
        struct consumer *consumer =
            consumer_new(stream, name, &config, record.created_ns);
        path = js_path(base, "", ".state");
        stream_consumer_add(stream, consumer);
        consumer_restart(consumer, record.start_seq, record.picked_through);
        restore_state(consumer, path);
        free(path);
    }
    consumer_config_fini(&config);
    arena_fini(&arena);
    return rc;
}

static void consumer_found(void *arg, const char *name)
{
    struct stream *stream = arg;
    struct errmsg err = {0};
    char *base = js_path(stream->folder, "/consumers/", name);
    if (restore_consumer(stream, name, base, &err) != 0)
        log_error("consumer not read", LOG_STR("stream", stream->name),
                  LOG_STR("error", err.text));
    free(base);
}

/* ---- streams ---- */

/* Calls fn for each entry of the folder that ends in suffix, without it. */
static void each_entry(const char *folder, const char *suffix,
                       void (*fn)(void *arg, const char *name), void *arg)
{
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return;
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        size_t len = strlen(entry->d_name), tail = strlen(suffix);
        if (len <= tail || entry->d_name[0] == '.' ||
            strcmp(entry->d_name + len - tail, suffix) != 0)
            continue;
        char *name = mem_strndup(str_make(entry->d_name, len - tail));
        if (js_name_valid(str_of(name)))
            fn(arg, name);
        free(name);
    }
    closedir(dir);
}

static void announce(const struct stream *stream)
{
    struct store_state state;
    stream_state(stream, &state);
    log_info("stream recovered", LOG_STR("stream", stream->name),
             LOG_I64("messages", state.messages),
             LOG_I64("first", state.first_seq), LOG_I64("last", state.last_seq),
             LOG_I64("consumers", stream->consumer_count));
}

static int restore_stream(struct jetstream *js, const char *folder,
                          const char *name, struct errmsg *err)
{
    struct arena arena = {0};
    struct stream_config config = {0};
    struct js_error error = {0};
    struct record record;
    struct store *store = NULL;
    char *path = js_path(folder, "/", "stream.json");
    int rc = read_record(path, &arena, &record, err);
    if (rc == 0 &&
        stream_config_read(&config, record.config, &arena, &error) != 0)
        rc = errmsg_set(err, -EINVAL, "%s: %s", path, error.text);
    if (rc == 0 && strcmp(config.name, name) != 0)
        rc = errmsg_set(err, -EINVAL, "%s names another stream", path);
    if (rc == 0)
        store = js_open_store(js, &config, folder, err);
    if (store != NULL) {
        struct stream *stream =
            jetstream_stream_add(js, &config, store, folder, record.created_ns);
        stream->narrowed = record.narrowed;
        char *consumers = js_path(folder, "/", "consumers");
        each_entry(consumers, ".json", consumer_found, stream);
        free(consumers);
        retention_apply(stream);
        announce(stream);
    }
    stream_config_fini(&config);
    arena_fini(&arena);
    free(path);
    return store != NULL ? 0 : -1;
}

static void stream_found(void *arg, const char *name)
{
    struct jetstream *js = arg;
    struct errmsg err = {0};
    char *folder = js_stream_folder(js, name);
    if (restore_stream(js, folder, name, &err) != 0) {
        js->damaged++;
        log_error("stream not opened; its files are left as they are",
                  LOG_STR("stream", name), LOG_STR("error", err.text));
    }
    free(folder);
}

static void deleted_found(void *arg, const char *name)
{
    const struct jetstream *js = arg;
    char *folder = js_stream_folder(js, name);
    char *path = js_path(folder, "", ".deleted");
    js_folder_remove(path);
    free(path);
    free(folder);
}

void js_restore(struct jetstream *js)
{
    char *streams = js_path(js->folder, "/", "streams");
    each_entry(streams, ".deleted", deleted_found, js);
    each_entry(streams, "", stream_found, js);
    free(streams);
}
