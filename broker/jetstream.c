/* jetstream: see jetstream.h. */
#include "broker/jetstream.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/consumer_state.h"
#include "broker/disk.h"
#include "broker/jsapi.h"
#include "broker/js_config.h"
#include "broker/js_file.h"
#include "broker/server.h"
#include "broker/subject.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mem.h"
#include "lib/timestamp.h"
#include "lib/ulid.h"

/* A crash costs at most the acknowledgements of this time (they come again). */
#define SAVE_DELAY_NS  (250 * NS_PER_MS)
#define JSON_FILE_MAX  (1u << 20)
#define STATE_FILE_MAX (1u << 30)

/* ---- files ---- */

static char *path_of(const char *format, const char *a, const char *b)
{
    struct buf path = {0};
    buf_append_text(&path, a);
    buf_append_text(&path, format);
    buf_append_text(&path, b);
    buf_append_byte(&path, '\0');
    return path.data;
}

static char *stream_folder(const struct jetstream *js, const char *name)
{
    return path_of("/streams/", js->folder, name);
}

static char *consumer_file(const struct consumer *consumer, const char *suffix)
{
    char *base =
        path_of("/consumers/", consumer->stream->folder, consumer->name);
    char *path = path_of("", base, suffix);
    free(base);
    return path;
}

static bool on_disk(const struct stream *stream)
{
    return stream->folder[0] != '\0';
}

/* {"created":"…","config":{…}} */
static void write_record(struct buf *out, int64_t created_ns,
                         const struct stream_config *stream,
                         const struct consumer_config *consumer)
{
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    js_member_time(&w, "created", created_ns);
    json_key(&w, "config");
    if (stream != NULL)
        stream_config_write(stream, &w);
    else
        consumer_config_write(consumer, &w);
    json_end_object(&w);
}

static int save_stream(const struct stream *stream, const char *folder,
                       const struct stream_config *config, struct errmsg *err)
{
    struct buf text = {0};
    char *path = path_of("/", folder, "stream.json");
    write_record(&text, stream != NULL ? stream->created_ns : clock_wall_ns(),
                 config, NULL);
    int rc = js_file_write(path, buf_str(&text), true, err);
    free(path);
    buf_fini(&text);
    return rc;
}

static int save_consumer(const struct consumer *consumer,
                         const struct consumer_config *config,
                         struct errmsg *err)
{
    struct buf text = {0};
    char *path = consumer_file(consumer, ".json");
    write_record(&text, consumer->created_ns, NULL, config);
    int rc = js_file_write(path, buf_str(&text), true, err);
    free(path);
    buf_fini(&text);
    return rc;
}

static int save_state(const struct consumer *consumer, bool sync,
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

static void save_states(struct jetstream *js, bool sync)
{
    struct consumer *todo = js->dirty_states;
    js->dirty_states = NULL;
    while (todo != NULL) {
        struct consumer *consumer = todo;
        struct errmsg err;
        todo = consumer->next_dirty;
        consumer->dirty = false;
        if (save_state(consumer, sync, &err) == 0)
            continue;
        log_warn("consumer state not saved", LOG_STR("error", err.text));
        if (!sync)
            jetstream_consumer_dirty(js, consumer);
    }
}

static void save_timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct jetstream, save_timer);
    save_states((struct jetstream *)start, false);
}

/* ---- reading back ---- */

static int read_record(const char *path, struct arena *arena,
                       struct json *config, int64_t *created_ns,
                       struct errmsg *err)
{
    struct buf text = {0};
    struct json_doc *doc = arena_alloc(arena, sizeof(*doc));
    int rc = js_file_read(path, JSON_FILE_MAX, &text, err);
    if (rc == 0)
        rc = json_parse(doc, arena_str(arena, buf_str(&text)), arena, err);
    buf_fini(&text);
    if (rc != 0)
        return rc;
    if (js_read_time(json_root(doc), "created", arena, created_ns) != 0)
        return errmsg_set(err, -EINVAL, "%s: created is not a time", path);
    *config = json_get(json_root(doc), "config");
    return 0;
}

static void restore_state(struct consumer *consumer)
{
    struct buf bytes = {0};
    struct errmsg err;
    char *path = consumer_file(consumer, ".state");
    int rc = js_file_read(path, STATE_FILE_MAX, &bytes, &err);
    if (rc == 0) {
        rc = consumer_state_decode(consumer, buf_str(&bytes));
        errmsg_set(&err, rc, "%s is damaged", path);
    }
    if (rc == 0)
        consumer_recovered(consumer);
    else if (rc != -ENOENT)
        log_error("consumer begins again where its configuration says",
                  LOG_STR("stream", consumer->stream->name),
                  LOG_STR("consumer", consumer->name),
                  LOG_STR("error", err.text));
    buf_fini(&bytes);
    free(path);
}

static void restore_consumer(struct stream *stream, const char *name)
{
    struct arena arena = {0};
    struct consumer_config config = {0};
    struct js_error error = {0};
    struct errmsg err = {0};
    struct json json;
    int64_t created_ns = 0;
    char *base = path_of("/consumers/", stream->folder, name);
    char *path = path_of("", base, ".json");
    int rc = read_record(path, &arena, &json, &created_ns, &err);
    if (rc == 0) {
        rc = consumer_config_read(&config, json, &arena, &error);
        errmsg_set(&err, rc, "%s: %s", path, error.text);
    }
    if (rc == 0) {
        struct consumer *consumer =
            consumer_new(stream, name, &config, created_ns);
        stream_consumer_add(stream, consumer);
        restore_state(consumer);
    } else {
        log_error("consumer not read", LOG_STR("error", err.text));
    }
    consumer_config_fini(&config);
    arena_fini(&arena);
    free(path);
    free(base);
}

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

static void consumer_found(void *stream, const char *name)
{
    restore_consumer(stream, name);
}

static struct store *open_store(struct jetstream *js,
                                const struct stream_config *config,
                                const char *folder, struct errmsg *err)
{
    if (config->storage == STORAGE_MEMORY)
        return store_mem_open();
    char *path = path_of("/", folder, "msgs");
    struct store *store = store_file_open(path, js->syncer, 0, err);
    free(path);
    return store;
}

static struct stream *add_stream(struct jetstream *js,
                                 struct stream_config *config,
                                 struct store *store, const char *folder,
                                 int64_t created_ns)
{
    struct stream *stream = stream_new(js, config, store, folder, created_ns);
    HASH_ADD_KEYPTR(hh, js->streams, stream->name, strlen(stream->name),
                    stream);
    stream_listen(stream);
    return stream;
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
    struct json json;
    int64_t created_ns = 0;
    char *path = path_of("/", folder, "stream.json");
    int rc = read_record(path, &arena, &json, &created_ns, err);
    if (rc == 0 && stream_config_read(&config, json, &arena, &error) != 0)
        rc = errmsg_set(err, -EINVAL, "%s: %s", path, error.text);
    if (rc == 0 && strcmp(config.name, name) != 0)
        rc = errmsg_set(err, -EINVAL, "%s names another stream", path);
    struct store *store = rc == 0 ? open_store(js, &config, folder, err) : NULL;
    if (store != NULL) {
        struct stream *stream =
            add_stream(js, &config, store, folder, created_ns);
        char *consumers = path_of("/", folder, "consumers");
        each_entry(consumers, ".json", consumer_found, stream);
        free(consumers);
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
    char *folder = stream_folder(js, name);
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
    char *folder = stream_folder(js, name);
    char *path = path_of("", folder, ".deleted");
    js_folder_remove(path);
    free(path);
    free(folder);
}

/* ---- beginning and end ---- */

static int lock_folder(struct jetstream *js, struct errmsg *err)
{
    char *streams = path_of("/", js->folder, "streams");
    int rc = disk_make_folder(streams);
    free(streams);
    if (rc != 0)
        return errmsg_set(err, rc, "cannot make the folder %s: %s", js->folder,
                          strerror(-rc));
    char *path = path_of("/", js->folder, "lock");
    js->lock_fd = disk_open(path, O_RDWR | O_CREAT);
    free(path);
    if (js->lock_fd < 0)
        return errmsg_set(err, js->lock_fd, "cannot write to %s: %s",
                          js->folder, strerror(-js->lock_fd));
    if (flock(js->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return errmsg_set(err, -EBUSY,
                          "another broker uses the folder %s; choose one with "
                          "--store_dir",
                          js->folder);
    return 0;
}

struct jetstream *jetstream_open(struct server *server, const char *folder,
                                 struct errmsg *err)
{
    struct jetstream *js = mem_zalloc(sizeof(*js));
    js->server = server;
    js->folder = mem_strdup(folder);
    js->lock_fd = -1;
    js->save_timer.fire = save_timeout;
    if (lock_folder(js, err) == 0)
        js->syncer = syncer_new(server->wake_fd, err);
    if (js->syncer == NULL) {
        jetstream_close(&js);
        return NULL;
    }
    char *streams = path_of("/", js->folder, "streams");
    each_entry(streams, ".deleted", deleted_found, js);
    each_entry(streams, "", stream_found, js);
    free(streams);
    jsapi_listen(js);
    return js;
}

void jetstream_close(struct jetstream **jsp)
{
    struct jetstream *js = *jsp;
    struct stream *stream, *next;
    if (js == NULL)
        return;
    save_states(js, true);
    HASH_ITER (hh, js->streams, stream, next) {
        HASH_DEL(js->streams, stream);
        stream_free(stream, false);
    }
    if (js->api_sub != NULL)
        sublist_remove(js->server->subs, js->api_sub);
    timer_stop(&js->server->timers, &js->save_timer);
    syncer_free(&js->syncer);
    if (js->lock_fd >= 0)
        close(js->lock_fd);
    free(js->folder);
    free(js);
    *jsp = NULL;
}

/* ---- the loop ---- */

static void commit_streams(struct jetstream *js)
{
    while (js->dirty != NULL) {
        struct stream *stream = js->dirty;
        js->dirty = stream->next_dirty;
        stream->dirty = false;
        stream_commit(stream);
        stream_advance(stream);
    }
}

static void pump_consumers(struct jetstream *js)
{
    struct consumer *todo = js->woken;
    js->woken = NULL;
    while (todo != NULL) {
        struct consumer *consumer = todo;
        todo = consumer->next_woken;
        consumer->woken = false;
        if (consumer_pump(consumer))
            consumer_wake(consumer);
    }
}

void jetstream_turn(struct jetstream *js)
{
    commit_streams(js);
    pump_consumers(js);
}

void jetstream_stored(struct jetstream *js)
{
    for (struct stream *stream = js->streams; stream != NULL;
         stream = stream->hh.next)
        stream_advance(stream);
}

void jetstream_room(struct jetstream *js)
{
    for (struct stream *stream = js->streams; stream != NULL;
         stream = stream->hh.next) {
        for (struct consumer *consumer = stream->consumers; consumer != NULL;
             consumer = consumer->hh.next)
            consumer_room(consumer);
    }
}

bool jetstream_busy(const struct jetstream *js)
{
    return js->woken != NULL || js->dirty != NULL;
}

bool jetstream_settled(const struct jetstream *js)
{
    for (const struct stream *stream = js->streams; stream != NULL;
         stream = stream->hh.next) {
        if (!stream_settled(stream))
            return false;
    }
    return true;
}

bool jetstream_congested(const struct jetstream *js)
{
    for (const struct stream *stream = js->streams; stream != NULL;
         stream = stream->hh.next) {
        if (stream_congested(stream))
            return true;
    }
    return false;
}

/* ---- streams ---- */

struct stream *jetstream_stream(const struct jetstream *js, struct str name)
{
    struct stream *stream;
    HASH_FIND(hh, js->streams, name.p, name.len, stream);
    return stream;
}

static int check_overlap(const struct jetstream *js, const struct stream *self,
                         const struct stream_config *config,
                         struct js_error *error)
{
    for (const struct stream *other = js->streams; other != NULL;
         other = other->hh.next) {
        for (unsigned i = 0; other != self && i < config->subject_count; i++) {
            for (unsigned j = 0; j < other->config.subject_count; j++) {
                if (subject_overlaps(str_of(config->subjects[i]),
                                     str_of(other->config.subjects[j])))
                    return js_refuse(error, 400, 10065,
                                     "subjects overlap with an existing "
                                     "stream");
            }
        }
    }
    return 0;
}

static int make_folder(const char *folder, const struct stream_config *config,
                       struct js_error *error)
{
    struct errmsg err;
    struct stat st;
    if (stat(folder, &st) == 0)
        return js_refuse(error, 500, 10049,
                         "a damaged stream of this name is on disk");
    char *made = path_of("", folder, ".new");
    char *consumers = path_of("/", made, "consumers");
    int rc = disk_make_folder(consumers);
    if (rc != 0)
        errmsg_set(&err, rc, "%s", strerror(-rc));
    else
        rc = save_stream(NULL, made, config, &err);
    if (rc == 0 && rename(made, folder) != 0)
        rc = errmsg_set(&err, -errno, "%s", strerror(errno));
    free(consumers);
    free(made);
    return rc == 0 ? 0 : js_refuse(error, 500, 10049, "%s", err.text);
}

static int create_new(struct jetstream *js, struct stream_config *config,
                      struct stream **out, struct js_error *error)
{
    struct errmsg err;
    bool memory = config->storage == STORAGE_MEMORY;
    char *folder = memory ? mem_strdup("") : stream_folder(js, config->name);
    int rc = memory ? 0 : make_folder(folder, config, error);
    if (rc == 0) {
        struct store *store = open_store(js, config, folder, &err);
        if (store != NULL)
            *out = add_stream(js, config, store, folder, clock_wall_ns());
        else
            rc = js_refuse(error, 500, 10049, "%s", err.text);
    }
    free(folder);
    return rc;
}

int jetstream_stream_create(struct jetstream *js, struct stream_config *config,
                            struct stream **out, struct js_error *error)
{
    *out = jetstream_stream(js, str_of(config->name));
    if (*out != NULL)
        return stream_config_equal(&(*out)->config, config)
                   ? 0
                   : js_refuse(error, JS_NAME_IN_USE);
    if (check_overlap(js, NULL, config, error) != 0)
        return -1;
    return create_new(js, config, out, error);
}

int jetstream_stream_update(struct stream *stream, struct stream_config *config,
                            struct js_error *error)
{
    struct errmsg err;
    if (check_overlap(stream->js, stream, config, error) != 0 ||
        stream_config_may_become(&stream->config, config, error) != 0)
        return -1;
    if (on_disk(stream) &&
        save_stream(stream, stream->folder, config, &err) != 0)
        return js_refuse(error, 500, 10069, "%s", err.text);
    stream_update(stream, config);
    return 0;
}

void jetstream_stream_delete(struct stream *stream)
{
    struct jetstream *js = stream->js;
    char *folder = mem_strdup(stream->folder);
    char *deleted = path_of("", folder, ".deleted");
    HASH_DEL(js->streams, stream);
    bool stored = on_disk(stream);
    stream_free(stream, true);
    if (stored && rename(folder, deleted) != 0)
        log_error("stream's folder not renamed", LOG_STR("folder", folder),
                  LOG_STR("error", strerror(errno)));
    if (stored)
        js_folder_remove(deleted);
    free(deleted);
    free(folder);
}

/* ---- consumers ---- */

static int update_consumer(struct consumer *consumer,
                           struct consumer_config *config,
                           struct js_error *error)
{
    struct errmsg err;
    if (consumer_config_may_become(&consumer->config, config, error) != 0)
        return -1;
    if (consumer->durable && on_disk(consumer->stream) &&
        save_consumer(consumer, config, &err) != 0)
        return js_refuse(error, 500, 10012, "%s", err.text);
    consumer_update(consumer, config);
    return 0;
}

static int create_consumer(struct stream *stream, const char *name,
                           struct consumer_config *config,
                           struct consumer **out, struct js_error *error)
{
    struct errmsg err;
    int64_t most = stream->config.max_consumers;
    if (most > 0 && stream->consumer_count >= (uint64_t)most)
        return js_refuse(error, 400, 10026, "maximum consumers limit reached");
    struct consumer *consumer =
        consumer_new(stream, name, config, clock_wall_ns());
    consumer->durable = consumer->durable && on_disk(stream);
    if (consumer->durable &&
        (save_consumer(consumer, &consumer->config, &err) != 0 ||
         save_state(consumer, true, &err) != 0)) {
        consumer_free(consumer, NULL);
        return js_refuse(error, 500, 10012, "%s", err.text);
    }
    stream_consumer_add(stream, consumer);
    *out = consumer;
    return 0;
}

int jetstream_consumer_create(struct stream *stream, const char *name,
                              struct consumer_config *config,
                              struct consumer **out, struct js_error *error)
{
    if (consumer_config_fits(config, &stream->config, error) != 0)
        return -1;
    *out = stream_consumer(stream, str_of(name));
    if (*out == NULL)
        return create_consumer(stream, name, config, out, error);
    return update_consumer(*out, config, error);
}

void jetstream_consumer_dirty(struct jetstream *js, struct consumer *consumer)
{
    if (consumer->dirty)
        return;
    consumer->dirty = true;
    consumer->next_dirty = js->dirty_states;
    js->dirty_states = consumer;
    if (!timer_is_set(&js->save_timer))
        timer_set(&js->server->timers, &js->save_timer,
                  js->server->now_ns + SAVE_DELAY_NS);
}

void jetstream_consumer_woken(struct jetstream *js, struct consumer *consumer)
{
    if (consumer->woken)
        return;
    consumer->woken = true;
    consumer->next_woken = js->woken;
    js->woken = consumer;
}

void jetstream_consumer_forget(struct jetstream *js, struct consumer *consumer)
{
    struct consumer **at;
    for (at = &js->woken; *at != NULL; at = &(*at)->next_woken) {
        if (*at == consumer) {
            *at = consumer->next_woken;
            break;
        }
    }
    for (at = &js->dirty_states; *at != NULL; at = &(*at)->next_dirty) {
        if (*at == consumer) {
            *at = consumer->next_dirty;
            break;
        }
    }
}

void jetstream_consumer_erase(struct jetstream *js, struct consumer *consumer)
{
    static const char *const suffixes[] = {".json", ".state"};
    (void)js;
    for (int i = 0; i < 2 && consumer->durable; i++) {
        char *path = consumer_file(consumer, suffixes[i]);
        disk_unlink(path);
        free(path);
    }
}

void jetstream_advisory_begin(struct json_writer *w, const char *type)
{
    char id[ULID_LEN + 1];
    ulid_make(id);
    json_begin_object(w);
    json_member_text(w, "type", type);
    json_member_text(w, "id", id);
    js_member_time(w, "timestamp", clock_wall_ns());
}
