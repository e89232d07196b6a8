/* origins: see origins.h. */
#include "broker/jetstream/origins.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "broker/jetstream/jetstream.h"
#include "broker/jetstream/js_file.h"
#include "broker/jetstream/js_saved.h"
#include "broker/jetstream/source_header.h"
#include "broker/server.h"
#include "lib/log.h"
#include "lib/mem.h"

/* Of those to be copied in one turn. */
#define TURN_ORIGINS    16
#define PLACES_FILE     "sources.json"
#define PLACES_FILE_MAX (1u << 20)

static struct server *server_of(const struct origins *origins)
{
    return origins->stream->js->account->server;
}

static bool is_mirror(const struct origins *origins)
{
    return origins->stream->config.mirror != NULL;
}

/* ---- the file ---- */

static struct origin *find_key(const struct origins *origins, struct str key)
{
    for (unsigned i = 0; i < origins->count; i++) {
        if (str_is(key, origins->list[i]->key))
            return origins->list[i];
    }
    return NULL;
}

static void write_places(const struct origins *origins, struct json_writer *w)
{
    json_begin_object(w);
    json_member_u64(w, "through", origins->through);
    json_key(w, "places");
    json_begin_object(w);
    for (unsigned i = 0; i < origins->count; i++) {
        const struct origin *origin = origins->list[i];
        json_key(w, origin->key);
        json_begin_object(w);
        json_member_u64(w, "seq", origin->durable);
        json_member_i64(w, "created", origin->created_ns);
        json_end_object(w);
    }
    json_end_object(w);
    json_end_object(w);
}

static bool has_file(const struct origins *origins)
{
    return !is_mirror(origins) && js_on_disk(origins->stream);
}

static void save(struct origins *origins)
{
    struct buf text = {0};
    struct json_writer w = json_writer(&text);
    struct errmsg err;
    char *path = js_path(origins->stream->folder, "/", PLACES_FILE);
    write_places(origins, &w);
    if (js_file_write(path, buf_str(&text), false, &err) == 0)
        origins->saved = origins->through;
    else
        log_warn("places of sources not saved", LOG_STR("error", err.text));
    free(path);
    buf_fini(&text);
}

static void read_places(struct origins *origins, struct json root,
                        struct arena *arena)
{
    json_u64(json_get(root, "through"), &origins->through);
    for (struct json_iter it = json_iter(json_get(root, "places"));
         json_next(&it);) {
        struct origin *origin = find_key(origins, json_unescape(it.key, arena));
        if (origin == NULL)
            continue;
        json_u64(json_get(it.value, "seq"), &origin->durable);
        json_i64(json_get(it.value, "created"), &origin->created_ns);
    }
}

/* Without it, every message is read. */
static void load(struct origins *origins)
{
    struct arena arena = {0};
    struct buf text = {0};
    struct json_doc doc;
    struct errmsg err;
    char *path = js_path(origins->stream->folder, "/", PLACES_FILE);
    int rc = js_file_read(path, PLACES_FILE_MAX, &text, &err);
    if (rc == 0)
        rc = json_parse(&doc, buf_str(&text), &arena, &err);
    if (rc == 0)
        read_places(origins, json_root(&doc), &arena);
    else if (rc != -ENOENT)
        log_error("places of sources are read from the messages",
                  LOG_STR("stream", origins->stream->name),
                  LOG_STR("file", path), LOG_STR("error", err.text));
    if (origins->through > origins->stream->durable)
        origins->through = origins->stream->durable;
    origins->saved = origins->through;
    free(path);
    buf_fini(&text);
    arena_fini(&arena);
}

/* ---- what the messages tell ---- */

/* The origin that a message was copied from, with the sequence there; NULL:
 * none of these. */
static struct origin *find_marked(const struct origins *origins,
                                  struct str headers, uint64_t *seq)
{
    struct source_header mark;
    struct str value;
    if (!msg_header(headers, SOURCE_HEADER, &value) ||
        !source_header_read(value, &mark))
        return NULL;
    *seq = mark.seq;
    for (unsigned i = 0; i < origins->count; i++) {
        if (origin_is_marked(origins->list[i], &mark))
            return origins->list[i];
    }
    return NULL;
}

bool origins_is_mark(const struct origins *origins, struct str headers)
{
    uint64_t seq;
    return find_marked(origins, headers, &seq) != NULL;
}

static void learn(struct origins *origins, const struct store_msg *msg)
{
    uint64_t seq = 0;
    struct origin *origin = find_marked(origins, msg->headers, &seq);
    if (origin != NULL && seq > origin->durable)
        origin->durable = seq;
}

/* Reads the messages behind what is known, up to seq. */
static void learn_through(struct origins *origins, uint64_t seq)
{
    struct store *store = origins->stream->store;
    struct store_msg msg;
    while (origins->through < seq &&
           store->ops->next(store, NULL, origins->through + 1, &msg) == 0 &&
           msg.seq <= seq) {
        learn(origins, &msg);
        origins->through = msg.seq;
    }
    if (origins->through < seq)
        origins->through = seq;
}

static void take_snapshot(struct origins *origins)
{
    struct store_state state;
    stream_state(origins->stream, &state);
    origins->snapshot = state.last_seq;
    for (unsigned i = 0; i < origins->count; i++)
        origins->list[i]->snapshot = origins->list[i]->position;
}

/* What was the place when the snapshot was made is on disk now. */
static void use_snapshot(struct origins *origins)
{
    if (origins->snapshot <= origins->through ||
        origins->snapshot > origins->stream->durable)
        return;
    origins->through = origins->snapshot;
    for (unsigned i = 0; i < origins->count; i++)
        origins->list[i]->durable = origins->list[i]->snapshot;
}

static void release(struct origins *origins)
{
    for (unsigned i = 0; i < origins->count; i++)
        origin_release(origins->list[i]);
}

void origins_settle(struct origins *origins)
{
    struct store_state state;
    stream_state(origins->stream, &state);
    if (state.last_seq > origins->stream->durable)
        return;
    origins->through = state.last_seq;
    for (unsigned i = 0; i < origins->count; i++)
        origins->list[i]->durable = origins->list[i]->position;
    release(origins);
}

static void save_later(struct origins *origins)
{
    if (!timer_is_set(&origins->save_timer))
        timer_set(&server_of(origins)->timers, &origins->save_timer,
                  time_after(server_of(origins)->now_ns, ORIGINS_SAVE_NS));
}

static void save_timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct origins, save_timer);
    struct origins *origins = (struct origins *)start;
    use_snapshot(origins);
    if (origins->saved != origins->through)
        save(origins);
    if (origins->through < origins->stream->durable)
        save_later(origins);
}

void origins_stored(struct origins *origins)
{
    for (unsigned i = 0; i < origins->count; i++) {
        if (origins->list[i]->held)
            origin_wake(origins->list[i]);
    }
    use_snapshot(origins);
    if (origins->snapshot <= origins->through)
        take_snapshot(origins);
    use_snapshot(origins);
    release(origins);
    if (has_file(origins))
        save_later(origins);
}

void origins_leaving(struct origins *origins, uint64_t seq)
{
    uint64_t durable = origins->stream->durable;
    if (seq > durable)
        seq = durable;
    if (!has_file(origins) || seq <= origins->saved)
        return;
    use_snapshot(origins);
    learn_through(origins, durable);
    save(origins);
}

/* ---- coming and going ---- */

static struct origin *take_kept(struct origins *origins, const char *key)
{
    struct origin *kept =
        origins != NULL ? find_key(origins, str_of(key)) : NULL;
    for (unsigned i = 0; kept != NULL && i < origins->count; i++) {
        if (origins->list[i] == kept)
            origins->list[i] = origins->list[--origins->count];
    }
    return kept;
}

/* The one of that configuration, new or out of those there were. */
static struct origin *make_origin(struct origins *old, struct stream *stream,
                                  const struct stream_source *config,
                                  bool mirror)
{
    struct origin *made = origin_new(stream, config, mirror);
    struct origin *kept = take_kept(old, made->key);
    if (kept == NULL)
        return made;
    origin_free(&made);
    origin_rebind(kept, config);
    return kept;
}

static void free_origins(struct origins **originsp)
{
    struct origins *origins = *originsp;
    if (origins == NULL)
        return;
    timer_stop(&server_of(origins)->timers, &origins->save_timer);
    for (unsigned i = 0; i < origins->count; i++)
        origin_free(&origins->list[i]);
    free((void *)origins->list);
    free(origins);
    *originsp = NULL;
}

static struct origins *make_origins(struct stream *stream, struct origins *old)
{
    const struct stream_config *config = &stream->config;
    struct origins *origins = mem_zalloc(sizeof(*origins));
    origins->stream = stream;
    origins->save_timer.fire = save_timeout;
    origins->list = (struct origin **)mem_zalloc(sizeof(struct origin *) *
                                                 (config->source_count + 1));
    if (config->mirror != NULL)
        origins->list[origins->count++] =
            make_origin(old, stream, config->mirror, true);
    for (unsigned i = 0; i < config->source_count; i++)
        origins->list[origins->count++] =
            make_origin(old, stream, &config->sources[i], false);
    return origins;
}

/* Those that were just made go on where the stream's messages end. */
static void find_places(struct origins *origins)
{
    struct store_state state;
    stream_state(origins->stream, &state);
    if (is_mirror(origins)) {
        origins->list[0]->position = state.last_seq;
        origins->list[0]->durable = state.last_seq;
        return;
    }
    if (has_file(origins))
        load(origins);
    learn_through(origins, origins->stream->durable);
    for (unsigned i = 0; i < origins->count; i++)
        origins->list[i]->position = origins->list[i]->durable;
}

void origins_open(struct stream *stream)
{
    struct origins *old = stream->origins;
    stream->origins = NULL;
    if (stream->config.mirror != NULL || stream->config.source_count > 0) {
        stream->origins = make_origins(stream, old);
        if (old == NULL)
            find_places(stream->origins);
        else
            stream->origins->through = old->through;
    }
    free_origins(&old);
    struct origins *origins = stream->origins;
    if (origins == NULL)
        return;
    for (unsigned i = 0; stream->js->restored && i < origins->count; i++)
        origin_attach(origins->list[i]);
    if (has_file(origins))
        save_later(origins);
}

void origins_begin(struct jetstream *js)
{
    js->restored = true;
    for (struct stream *stream = js->streams; stream != NULL;
         stream = stream->hh.next) {
        struct origins *origins = stream->origins;
        for (unsigned i = 0; origins != NULL && i < origins->count; i++)
            origin_attach(origins->list[i]);
    }
}

void origins_close(struct stream *stream)
{
    struct origins *origins = stream->origins;
    if (origins != NULL && has_file(origins)) {
        use_snapshot(origins);
        learn_through(origins, stream->durable);
        if (origins->saved != origins->through)
            save(origins);
    }
    free_origins(&stream->origins);
}

void origins_stream_came(struct jetstream *js, const struct stream *came)
{
    if (!js->restored)
        return;
    for (struct stream *stream = js->streams; stream != NULL;
         stream = stream->hh.next) {
        struct origins *origins = stream->origins;
        for (unsigned i = 0; origins != NULL && i < origins->count; i++) {
            if (strcmp(origins->list[i]->config->name, came->name) == 0)
                origin_attach(origins->list[i]);
        }
    }
}

void origins_stream_goes(struct stream *stream)
{
    while (stream->readers != NULL)
        origin_detach(stream->readers);
}

void origins_stream_grew(struct stream *stream)
{
    for (struct origin *origin = stream->readers; origin != NULL;
         origin = origin->next_reader)
        origin_wake(origin);
}

/* ---- circles ---- */

static bool leads_to(struct jetstream *js, const struct stream_source *source,
                     const char *name);

static bool any_leads_to(struct jetstream *js,
                         const struct stream_config *config, const char *name)
{
    if (config->mirror != NULL)
        return leads_to(js, config->mirror, name);
    for (unsigned i = 0; i < config->source_count; i++) {
        if (leads_to(js, &config->sources[i], name))
            return true;
    }
    return false;
}

/* Each stream is looked at once. */
static bool leads_to(struct jetstream *js, const struct stream_source *source,
                     const char *name)
{
    if (source->external_api != NULL && source->external_api[0] != '\0')
        return false;
    if (strcmp(source->name, name) == 0)
        return true;
    struct stream *stream = jetstream_stream(js, str_of(source->name));
    if (stream == NULL || stream->visited)
        return false;
    stream->visited = true;
    return any_leads_to(js, &stream->config, name);
}

int origins_check(struct jetstream *js, const struct stream_config *config,
                  struct js_error *error)
{
    for (struct stream *stream = js->streams; stream != NULL;
         stream = stream->hh.next)
        stream->visited = false;
    if (any_leads_to(js, config, config->name))
        return js_refuse(error, 500, 10052, "detected cycle");
    return 0;
}

/* ---- the loop ---- */

void origins_turn(struct jetstream *js)
{
    const struct origin *last = js->copying.last;
    if (js->account->server->stopping)
        return;
    for (int n = 0; n < TURN_ORIGINS && js->copying.first != NULL; n++) {
        struct origin *origin = js->copying.first;
        js->copying.first = origin->next_woken;
        if (origin->next_woken == NULL)
            js->copying.last = NULL;
        origin->woken = false;
        origin_copy(origin);
        if (origin == last)
            return;
    }
}

void origins_describe(const struct origins *origins, struct json_writer *w)
{
    if (origins == NULL)
        return;
    json_key(w, is_mirror(origins) ? "mirror" : "sources");
    if (!is_mirror(origins))
        json_begin_array(w);
    for (unsigned i = 0; i < origins->count; i++)
        origin_describe(origins->list[i], w);
    if (!is_mirror(origins))
        json_end_array(w);
}
