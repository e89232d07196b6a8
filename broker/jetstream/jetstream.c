/* jetstream: see jetstream.h. */
#include "broker/jetstream/jetstream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/store/disk.h"
#include "broker/jetstream/jsapi.h"
#include "broker/jetstream/js_config.h"
#include "broker/jetstream/js_file.h"
#include "broker/jetstream/js_limits.h"
#include "broker/jetstream/js_saved.h"
#include "broker/jetstream/retention.h"
#include "broker/route.h"
#include "broker/server.h"
#include "broker/subject.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/mem.h"

/* ---- beginning and end ---- */

static int lock_folder(struct jetstream *js, struct errmsg *err)
{
    char *streams = js_path(js->folder, "/", "streams");
    int rc = disk_make_folder(streams);
    free(streams);
    if (rc != 0)
        return errmsg_set(err, rc, "cannot make the folder %s: %s", js->folder,
                          strerror(-rc));
    char *path = js_path(js->folder, "/", "lock");
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

struct jetstream *jetstream_open(struct account *account, const char *folder,
                                 struct errmsg *err)
{
    struct jetstream *js = mem_zalloc(sizeof(*js));
    js->account = account;
    js->folder = mem_strdup(folder);
    js->lock_fd = -1;
    js->save_timer.fire = jetstream_save_timeout;
    if (lock_folder(js, err) != 0) {
        jetstream_close(&js);
        return NULL;
    }
    js_restore(js);
    origins_begin(js);
    jsapi_listen(js);
    return js;
}

void jetstream_close(struct jetstream **jsp)
{
    struct jetstream *js = *jsp;
    struct stream *stream, *next;
    if (js == NULL)
        return;
    js->restored = false; /* what ends now does not wait for others */
    jetstream_save_states(js);
    HASH_ITER (hh, js->streams, stream, next) {
        HASH_DEL(js->streams, stream);
        stream_free(stream, false);
    }
    for (int i = 0; i < 2; i++) {
        if (js->api_subs[i] != NULL)
            sublist_remove(js->account->subs, js->api_subs[i]);
    }
    timer_stop(&js->account->server->timers, &js->save_timer);
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
    route_mailbox(js->account);
    origins_turn(js);
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
    return js->woken != NULL || js->dirty != NULL ||
           js->copying.first != NULL || !mailbox_empty(&js->account->mailbox);
}

bool jetstream_settled(const struct jetstream *js)
{
    if (!mailbox_empty(&js->account->mailbox))
        return false;
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

const char *jetstream_domain(const struct jetstream *js)
{
    const char *domain = js->account->server->config.js.domain;
    return domain != NULL ? domain : "";
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

struct stream *jetstream_stream_add(struct jetstream *js,
                                    struct stream_config *config,
                                    struct store *store, const char *folder,
                                    int64_t created_ns)
{
    struct stream *stream = stream_new(js, config, store, folder, created_ns);
    HASH_ADD_KEYPTR(hh, js->streams, stream->name, strlen(stream->name),
                    stream);
    stream_listen(stream);
    origins_open(stream);
    origins_stream_came(js, stream);
    return stream;
}

/* The folder appears with its stream.json in it. */
static int make_folder(const char *folder, const struct stream_config *config,
                       int64_t created_ns, struct errmsg *err)
{
    const struct js_stream_record record = {.config = config,
                                            .created_ns = created_ns};
    char *made = js_path(folder, "", ".new");
    char *consumers = js_path(made, "/", "consumers");
    int rc = disk_make_folder(consumers);
    if (rc != 0)
        errmsg_set(err, rc, "%s", strerror(-rc));
    else
        rc = js_save_stream(made, &record, err);
    if (rc == 0)
        rc = js_folder_rename(made, folder, err);
    free(consumers);
    free(made);
    return rc;
}

/* Renamed first, so that a crash leaves nothing that looks like a stream. */
static int remove_folder(const char *folder, struct errmsg *err)
{
    char *deleted = js_path(folder, "", ".deleted");
    js_folder_remove(deleted); /* of an earlier stream of that name */
    int rc = js_folder_rename(folder, deleted, err);
    js_folder_remove(deleted);
    free(deleted);
    return rc;
}

/* The store of a new stream on disk, and the folder around it: both or
 * neither. */
static struct store *make_store(struct jetstream *js,
                                const struct stream_config *config,
                                const char *folder, int64_t created_ns,
                                struct errmsg *err)
{
    struct errmsg why;
    struct stat st;
    struct store *store = NULL;
    if (stat(folder, &st) == 0) {
        errmsg_set(err, -EEXIST, "a damaged stream of this name is on disk");
        return NULL;
    }
    if (make_folder(folder, config, created_ns, err) == 0)
        store = js_open_store(js, config, folder, err);
    if (store == NULL && stat(folder, &st) == 0 &&
        remove_folder(folder, &why) != 0)
        log_error("what is left of a stream that was refused stays",
                  LOG_STR("error", why.text));
    return store;
}

static int create_new(struct jetstream *js, struct stream_config *config,
                      struct stream **out, struct js_error *error)
{
    struct errmsg err;
    int64_t now_ns = clock_wall_ns();
    bool memory = config->storage == STORAGE_MEMORY;
    char *folder = memory ? mem_strdup("") : js_stream_folder(js, config->name);
    struct store *store = memory ? store_mem_open()
                                 : make_store(js, config, folder, now_ns, &err);
    if (store != NULL && config->first_seq > 1)
        store->ops->skip(store, config->first_seq - 1);
    if (store != NULL) {
        *out = jetstream_stream_add(js, config, store, folder, now_ns);
        stream_mark_dirty(*out);
    }
    free(folder);
    return store != NULL ? 0 : js_refuse(error, 500, 10049, "%s", err.text);
}

int jetstream_stream_create(struct jetstream *js, struct stream_config *config,
                            struct stream **out, struct js_error *error)
{
    *out = jetstream_stream(js, str_of(config->name));
    if (*out != NULL)
        return stream_config_equal(&(*out)->config, config)
                   ? 0
                   : js_refuse(error, JS_NAME_IN_USE);
    if (stream_config_may_begin(config, error) != 0 ||
        js_limits_admit_stream(js, NULL, config, error) != 0 ||
        check_overlap(js, NULL, config, error) != 0 ||
        origins_check(js, config, error) != 0)
        return -1;
    return create_new(js, config, out, error);
}

/* Consumers that are there keep to what the stream will allow. */
static int check_consumers(const struct stream *stream,
                           const struct stream_config *config,
                           struct js_error *error)
{
    int64_t inactive_ns = config->consumer_limits.inactive_threshold_ns;
    int64_t pending = config->consumer_limits.max_ack_pending;
    for (const struct consumer *consumer = stream->consumers; consumer != NULL;
         consumer = consumer->hh.next) {
        const struct consumer_config *has = &consumer->config;
        if ((inactive_ns > 0 && has->inactive_threshold_ns > inactive_ns) ||
            (pending > 0 && has->max_ack_pending > pending))
            return js_refuse(error, 500, 10052,
                             "change to limits violates consumers: %s",
                             consumer->name);
    }
    return 0;
}

int jetstream_stream_update(struct stream *stream, struct stream_config *config,
                            struct js_error *error)
{
    struct errmsg err;
    if (config->sealed)
        stream_config_seal(config);
    const struct js_stream_record record = {
        .config = config,
        .created_ns = stream->created_ns,
        .narrowed = stream->narrowed || !stream_keeps_subjects(stream, config)};
    if (stream_config_may_become(&stream->config, config, error) != 0 ||
        check_consumers(stream, config, error) != 0 ||
        js_limits_admit_stream(stream->js, stream, config, error) != 0 ||
        check_overlap(stream->js, stream, config, error) != 0 ||
        origins_check(stream->js, config, error) != 0)
        return -1;
    if (js_on_disk(stream) &&
        js_save_stream(stream->folder, &record, &err) != 0)
        return js_refuse(error, 500, 10069, "%s", err.text);
    stream_update(stream, config);
    return 0;
}

void jetstream_stream_delete(struct stream *stream)
{
    struct jetstream *js = stream->js;
    struct errmsg err;
    char *folder = mem_strdup(stream->folder);
    HASH_DEL(js->streams, stream);
    bool stored = js_on_disk(stream);
    stream_free(stream, true);
    if (stored && remove_folder(folder, &err) != 0)
        log_error("stream not deleted", LOG_STR("error", err.text));
    free(folder);
}
