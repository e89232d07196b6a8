/* origin: see origin.h. */
#include "broker/jetstream/origin.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/jetstream/jetstream.h"
#include "broker/jetstream/publish.h"
#include "broker/jetstream/retention.h"
#include "broker/remote/remote_origin.h"
#include "broker/remote/remotes.h"
#include "broker/server.h"
#include "broker/subject.h"
#include "lib/log.h"
#include "lib/mem.h"

#define API_PREFIX "$JS."
#define API_SUFFIX ".API"

static struct server *server_of(const struct origin *origin)
{
    return origin->stream->js->account->server;
}

/* ---- coming and going ---- */

static const char *or_all(const char *subject)
{
    return subject != NULL && subject[0] != '\0' ? subject : ">";
}

/* Sources, or destinations, joined by \f. */
static void append_maps(struct buf *out, const struct stream_source *config,
                        bool dest)
{
    for (unsigned i = 0; i < config->transform_count; i++) {
        const struct subject_map *map = &config->transforms[i];
        if (i > 0)
            buf_append_byte(out, '\f');
        buf_append_text(out, or_all(dest ? map->dest : map->src));
    }
}

static void make_key(struct origin *origin)
{
    const struct stream_source *config = origin->config;
    struct buf key = {0};
    source_origin_append(&key, config->name, config->external_api);
    size_t filters = key.len + 1;
    buf_append_byte(&key, ' ');
    if (config->transform_count == 0)
        buf_append_text(&key, or_all(config->filter_subject));
    append_maps(&key, config, false);
    size_t destinations = key.len + 1;
    buf_append_byte(&key, ' ');
    if (config->transform_count == 0)
        buf_append_byte(&key, '>');
    append_maps(&key, config, true);
    size_t end = key.len;
    buf_append_byte(&key, '\0');
    origin->key = key.data;
    origin->mark = (struct source_header){
        .origin = str_make(key.data, filters - 1),
        .filters = str_make(key.data + filters, destinations - filters - 1),
        .destinations = str_make(key.data + destinations, end - destinations)};
}

/* Patterns point into the configuration. */
static void make_filter(struct origin *origin)
{
    const struct stream_source *config = origin->config;
    unsigned count = config->transform_count;
    origin->patterns =
        mem_zalloc(sizeof(*origin->patterns) * (size_t)(count + 1));
    for (unsigned i = 0; i < count; i++)
        origin->patterns[i] = str_of(or_all(config->transforms[i].src));
    if (count == 0 && config->filter_subject != NULL &&
        config->filter_subject[0] != '\0')
        origin->patterns[count++] = str_of(config->filter_subject);
    origin->filter =
        (struct store_filter){.patterns = origin->patterns, .count = count};
}

/* They were checked with the configuration. */
static void make_transforms(struct origin *origin)
{
    const struct stream_source *config = origin->config;
    origin->transforms = (struct transform **)mem_zalloc(
        sizeof(struct transform *) * (size_t)(config->transform_count + 1));
    for (unsigned i = 0; i < config->transform_count; i++) {
        const struct subject_map *map = &config->transforms[i];
        if (map->dest != NULL && map->dest[0] != '\0')
            origin->transforms[i] = transform_new(str_of(or_all(map->src)),
                                                  str_of(map->dest), NULL);
    }
}

static void drop_selection(struct origin *origin)
{
    for (unsigned i = 0; origin->transforms[i] != NULL; i++)
        transform_free(&origin->transforms[i]);
    free((void *)origin->transforms);
    free(origin->patterns);
}

static void retry_timeout(struct timer *timer)
{
    char *start = (char *)timer - offsetof(struct origin, retry_timer);
    origin_wake((struct origin *)start);
}

struct origin *origin_new(struct stream *stream,
                          const struct stream_source *config, bool mirror)
{
    struct origin *origin = mem_zalloc(sizeof(*origin));
    origin->stream = stream;
    origin->config = config;
    origin->mirror = mirror;
    origin->retry_timer.fire = retry_timeout;
    make_key(origin);
    make_filter(origin);
    make_transforms(origin);
    return origin;
}

void origin_rebind(struct origin *origin, const struct stream_source *config)
{
    drop_selection(origin);
    origin->config = config;
    make_filter(origin);
    make_transforms(origin);
}

static void forget_woken(struct origin *origin)
{
    struct origin_queue *queue = &origin->stream->js->copying;
    struct origin *before = NULL, *at = queue->first;
    if (!origin->woken)
        return;
    for (; at != origin; at = at->next_woken)
        before = at;
    if (before != NULL)
        before->next_woken = origin->next_woken;
    else
        queue->first = origin->next_woken;
    if (queue->last == origin)
        queue->last = before;
    origin->woken = false;
}

static void unlink_reader(struct origin *origin)
{
    struct origin **at = &origin->local->readers;
    while (*at != origin)
        at = &(*at)->next_reader;
    *at = origin->next_reader;
    origin->local = NULL;
}

/* What only it needed leaves the origin. */
static void leave_local(struct origin *origin)
{
    struct stream *local = origin->local;
    if (local == NULL)
        return;
    unlink_reader(origin);
    if (origin->stream->js->restored)
        retention_review(local, 1);
}

void origin_free(struct origin **originp)
{
    struct origin *origin = *originp;
    leave_local(origin);
    remote_origin_free(&origin->remote);
    forget_woken(origin);
    timer_stop(&server_of(origin)->timers, &origin->retry_timer);
    drop_selection(origin);
    free(origin->key);
    free(origin);
    *originp = NULL;
}

bool origin_is_marked(const struct origin *origin,
                      const struct source_header *mark)
{
    if (!str_eq(origin->mark.origin, mark->origin))
        return false;
    return mark->filters.len == 0 ||
           (str_eq(origin->mark.filters, mark->filters) &&
            str_eq(origin->mark.destinations, mark->destinations));
}

/* ---- where it is ---- */

void origin_fail(struct origin *origin, int code, int err_code,
                 const char *format, ...)
{
    char text[sizeof(origin->error.text)];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (origin->error.code != 0 && strcmp(text, origin->error.text) == 0)
        return;
    js_refuse(&origin->error, code, err_code, "%s", text);
    log_warn(origin->mirror ? "mirror waits" : "source waits",
             LOG_STR("stream", origin->stream->name),
             LOG_STR("origin", origin->config->name), LOG_STR("error", text));
}

/* "$JS.<domain>.API" → domain; empty: it has another form. */
static struct str domain_of(const char *api)
{
    static const struct str prefix = STR(API_PREFIX), suffix = STR(API_SUFFIX);
    struct str text = str_of(api);
    if (text.len <= prefix.len + suffix.len || !str_has_prefix(text, prefix) ||
        memcmp(text.p + text.len - suffix.len, suffix.p, suffix.len) != 0)
        return str_make("", 0);
    return str_make(text.p + prefix.len, text.len - prefix.len - suffix.len);
}

static bool is_here(const struct origin *origin)
{
    const char *api = origin->config->external_api;
    if (api == NULL || api[0] == '\0')
        return true;
    struct str domain = domain_of(api);
    return domain.len > 0 &&
           str_is(domain, jetstream_domain(origin->stream->js));
}

static void attach_local(struct origin *origin)
{
    struct stream *local =
        jetstream_stream(origin->stream->js, str_of(origin->config->name));
    struct store_state state;
    if (local == NULL) {
        origin_fail(origin, JS_STREAM_NOT_FOUND);
        return;
    }
    origin->local = local;
    origin->next_reader = local->readers;
    local->readers = origin;
    stream_state(local, &state);
    const struct origin_state met = {.created_ns = local->created_ns,
                                     .first_seq = state.first_seq,
                                     .last_seq = state.last_seq};
    origin_contact(origin, 0);
    origin_meet(origin, &met);
    if (origin->position == 0 && origin->config->start_time_ns != 0)
        origin->position =
            stream_seq_at(local, origin->config->start_time_ns) - 1;
    origin->released = 0;
    origin_release(origin);
    origin_wake(origin);
}

static void attach_remote(struct origin *origin)
{
    const char *api = origin->config->external_api;
    struct str domain = domain_of(api);
    struct remote *remote = remotes_find(server_of(origin)->remotes, domain);
    if (remote == NULL)
        origin_fail(origin, 500, origin->mirror ? 10029 : 10045,
                    "no remote is configured for the domain of %s", api);
    else
        origin->remote = remote_origin_new(origin, remote);
}

void origin_attach(struct origin *origin)
{
    if (origin->local != NULL || origin->remote != NULL)
        return;
    if (is_here(origin))
        attach_local(origin);
    else
        attach_remote(origin);
}

void origin_detach(struct origin *origin)
{
    unlink_reader(origin);
    forget_woken(origin);
    timer_stop(&server_of(origin)->timers, &origin->retry_timer);
    if (origin->stream->js->restored)
        origin_fail(origin, JS_STREAM_NOT_FOUND);
}

/* ---- how far it is ---- */

void origin_contact(struct origin *origin, uint64_t lag)
{
    if (origin->error.code != 0)
        log_info(origin->mirror ? "mirror goes on" : "source goes on",
                 LOG_STR("stream", origin->stream->name),
                 LOG_STR("origin", origin->config->name));
    origin->error.code = 0;
    origin->error.text[0] = '\0';
    origin->contact_ns = server_of(origin)->now_ns;
    origin->lag = lag;
}

uint64_t origin_next(const struct origin *origin)
{
    uint64_t start = origin->config->start_seq;
    uint64_t next = origin->position > 0 ? origin->position + 1 : 0;
    return next > start ? next : start;
}

static void begin_anew(struct origin *origin, bool other,
                       const struct origin_state *state)
{
    origin->position = other ? 0 : state->last_seq;
    origin->durable = origin->snapshot = origin->position;
    log_warn(other ? "origin was made anew: it is read from its beginning"
                   : "origin lost its end: what comes next is copied",
             LOG_STR("stream", origin->stream->name),
             LOG_STR("origin", origin->config->name),
             LOG_I64("last", state->last_seq));
}

/* Sequences are the origin's: what it has removed for good is skipped. */
static void follow(struct origin *origin, const struct origin_state *state)
{
    struct store_state own;
    stream_state(origin->stream, &own);
    origin->position = own.last_seq;
    if (state->first_seq > own.last_seq + 1 &&
        stream_skip(origin->stream, state->first_seq - 1) == 0)
        origin->position = state->first_seq - 1;
    if (own.last_seq > state->last_seq)
        log_warn("mirror is ahead of its origin, and waits for it to pass",
                 LOG_STR("stream", origin->stream->name),
                 LOG_STR("origin", origin->config->name),
                 LOG_I64("last", own.last_seq),
                 LOG_I64("origin_last", state->last_seq));
}

void origin_meet(struct origin *origin, const struct origin_state *state)
{
    bool other =
        origin->created_ns != 0 && origin->created_ns != state->created_ns;
    if (origin->mirror)
        follow(origin, state);
    else if (other || origin->position > state->last_seq)
        begin_anew(origin, other, state);
    origin->created_ns = state->created_ns;
}

/* ---- taking a message ---- */

static bool is_selected(const struct origin *origin, struct str subject)
{
    const struct store_filter *filter = &origin->filter;
    for (unsigned i = 0; i < filter->count; i++) {
        if (subject_matches(filter->patterns[i], subject))
            return true;
    }
    return filter->count == 0;
}

/* What the first map that selects the subject makes of it. */
static struct str transformed(const struct origin *origin, struct str subject,
                              struct buf *room)
{
    for (unsigned i = 0; i < origin->config->transform_count; i++) {
        if (!subject_matches(origin->patterns[i], subject))
            continue;
        if (origin->transforms[i] != NULL &&
            transform_apply(origin->transforms[i], subject, room))
            return buf_str(room);
        break;
    }
    return subject;
}

static int copy_message(struct origin *origin, const struct store_msg *msg,
                        struct js_error *error)
{
    struct buf subject = {0}, headers = {0};
    struct store_msg copy = *msg;
    copy.subject = transformed(origin, msg->subject, &subject);
    if (!origin->mirror) {
        struct source_header mark = origin->mark;
        mark.seq = msg->seq;
        source_headers_append(&headers, msg->headers, &mark, msg->subject);
        copy.headers = buf_str(&headers);
        copy.seq = 0;
    }
    int rc = publish_copied(origin->stream, &copy, error);
    buf_fini(&subject);
    buf_fini(&headers);
    return rc;
}

int origin_take(struct origin *origin, const struct store_msg *msg)
{
    struct js_error error;
    if (msg->seq <= origin->position)
        return 0;
    if (is_selected(origin, msg->subject) &&
        msg->time_ns >= origin->config->start_time_ns) {
        int rc = copy_message(origin, msg, &error);
        if (rc == -EAGAIN) {
            origin_fail(origin, error.code, error.err_code, "%s", error.text);
            return rc;
        }
        if (rc != 0)
            log_error("a message that the stream never takes is passed over",
                      LOG_STR("stream", origin->stream->name),
                      LOG_STR("origin", origin->config->name),
                      LOG_I64("seq", msg->seq), LOG_STR("error", error.text));
    }
    origin->position = msg->seq;
    return 0;
}

/* ---- what the origin need not keep ---- */

bool origin_is_needed(const struct stream *stream, uint64_t seq,
                      struct str subject)
{
    for (const struct origin *reader = stream->readers; reader != NULL;
         reader = reader->next_reader) {
        if (seq > reader->durable && seq >= reader->config->start_seq &&
            is_selected(reader, subject))
            return true;
    }
    return false;
}

void origin_release(struct origin *origin)
{
    struct stream *local = origin->local;
    struct store_msg msg;
    if (local == NULL || local->config.retention == RETENTION_LIMITS)
        return;
    while (origin->released < origin->durable &&
           local->store->ops->next(local->store, &origin->filter,
                                   origin->released + 1, &msg) == 0 &&
           msg.seq <= origin->durable) {
        origin->released = msg.seq;
        retention_acked(local, msg.seq);
    }
    origin->released = origin->durable;
}

/* ---- a stream of this broker ---- */

void origin_wake(struct origin *origin)
{
    struct origin_queue *queue = &origin->stream->js->copying;
    if (origin->woken || origin->local == NULL)
        return;
    origin->woken = true;
    origin->next_woken = NULL;
    if (queue->first == NULL)
        queue->first = origin;
    else
        queue->last->next_woken = origin;
    queue->last = origin;
}

static void retry_later(struct origin *origin)
{
    timer_set(&server_of(origin)->timers, &origin->retry_timer,
              time_after(server_of(origin)->now_ns, ORIGIN_RETRY_NS));
}

/* The next message, or 0 < rc: there is none. */
static int read_next(struct origin *origin, struct store_msg *msg)
{
    struct store *store = origin->local->store;
    int rc = store->ops->next(store, &origin->filter, origin_next(origin), msg);
    if (rc == -ENOENT) {
        if (origin->local->durable > origin->position)
            origin->position = origin->local->durable;
        origins_settle(origin->stream->origins);
        return 1;
    }
    if (rc != 0)
        origin_fail(origin, 500, origin->mirror ? 10029 : 10045, "%s",
                    strerror(-rc));
    return rc;
}

void origin_copy(struct origin *origin)
{
    size_t bytes = 0;
    for (unsigned n = 0; n < ORIGIN_TURN_MSGS && bytes < ORIGIN_TURN_BYTES;
         n++) {
        struct store_msg msg;
        origin->held = stream_congested(origin->stream);
        if (origin->held)
            return;
        int rc = read_next(origin, &msg);
        if (rc == 0)
            rc = origin_take(origin, &msg);
        if (rc < 0) {
            retry_later(origin);
            return;
        }
        origin_contact(origin, 0);
        if (rc > 0)
            return;
        bytes += msg.subject.len + msg.headers.len + msg.payload.len;
    }
    origin_wake(origin);
}

/* ---- what it says of itself ---- */

static uint64_t lag_of(const struct origin *origin)
{
    const struct stream *local = origin->local;
    if (local == NULL)
        return origin->lag;
    return local->store->ops->count(local->store, &origin->filter,
                                    origin_next(origin));
}

/* One of this broker is always in touch. */
static int64_t silence_of(const struct origin *origin)
{
    if (origin->contact_ns == 0)
        return -1;
    return origin->local != NULL
               ? 0
               : server_of(origin)->now_ns - origin->contact_ns;
}

static void describe_external(const struct stream_source *config,
                              struct json_writer *w)
{
    json_key(w, "external");
    json_begin_object(w);
    json_member_text(w, "api", config->external_api);
    json_member_text(w, "deliver",
                     config->external_deliver != NULL ? config->external_deliver
                                                      : "");
    json_end_object(w);
}

static void describe_maps(const struct stream_source *config,
                          struct json_writer *w)
{
    json_key(w, "subject_transforms");
    json_begin_array(w);
    for (unsigned i = 0; i < config->transform_count; i++)
        subject_map_write(&config->transforms[i], w);
    json_end_array(w);
}

void origin_describe(const struct origin *origin, struct json_writer *w)
{
    const struct stream_source *config = origin->config;
    json_begin_object(w);
    json_member_text(w, "name", config->name);
    if (config->filter_subject != NULL)
        json_member_text(w, "filter_subject", config->filter_subject);
    if (config->external_api != NULL)
        describe_external(config, w);
    if (config->transform_count > 0)
        describe_maps(config, w);
    json_member_u64(w, "lag", lag_of(origin));
    json_member_i64(w, "active", silence_of(origin));
    if (origin->error.code != 0)
        js_error_write(&origin->error, w);
    json_end_object(w);
}
