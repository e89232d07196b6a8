/* jsapi_stream: the requests about streams and single messages. */
#include "broker/jetstream/jsapi.h"

#include <stdlib.h>

#include "broker/jetstream/advisory.h"
#include "broker/jetstream/js_config.h"
#include "broker/jetstream/purge.h"
#include "broker/subject.h"
#include "lib/clock.h"
#include "lib/log.h"

static void write_now(struct json_writer *w)
{
    js_member_time(w, "ts", clock_wall_ns());
}

/* ---- CREATE, UPDATE, INFO, DELETE ---- */

static int read_config(struct api_call *call, struct stream_config *config)
{
    if (json_type(call->body) != JSON_OBJECT)
        return js_refuse(&call->error, JS_INVALID_JSON);
    if (stream_config_read(config, call->body, call->arena, &call->error) != 0)
        return -1;
    if (!str_is(call->stream, config->name))
        return js_refuse(&call->error, 400, 10056,
                         "stream name in subject does not match request");
    return 0;
}

int api_stream_create(struct api_call *call)
{
    struct stream_config config = {0};
    struct stream *stream;
    int rc = read_config(call, &config);
    bool there = call->target != NULL;
    if (rc == 0)
        rc = jetstream_stream_create(call->js, &config, &stream, &call->error);
    if (rc == 0) {
        stream_describe(stream, &call->w);
        json_member_bool(&call->w, "did_create", true);
        if (!there)
            advisory_stream_action(stream, STREAM_CREATED);
    }
    stream_config_fini(&config);
    return rc;
}

int api_stream_update(struct api_call *call)
{
    struct stream_config config = {0};
    int rc = read_config(call, &config);
    if (rc == 0)
        rc = jetstream_stream_update(call->target, &config, &call->error);
    if (rc == 0) {
        stream_describe(call->target, &call->w);
        write_now(&call->w);
        advisory_stream_action(call->target, STREAM_UPDATED);
    }
    stream_config_fini(&config);
    return rc;
}

/* {"subjects_filter":"a.>","offset":0,"deleted_details":true} */
static int read_details(struct api_call *call, struct stream_details *details)
{
    *details = (struct stream_details){0};
    if (js_read_str(call->body, "subjects_filter", call->arena,
                    &details->subjects_filter) != 0 ||
        js_read_bool(call->body, "deleted_details", &details->deleted) != 0)
        return js_refuse(&call->error, JS_INVALID_JSON);
    return 0;
}

int api_stream_info(struct api_call *call)
{
    struct stream_details details;
    uint64_t subjects = 0;
    if (read_details(call, &details) != 0)
        return -1;
    if (details.subjects_filter.len > 0)
        subjects = stream_count_subjects(call->target, details.subjects_filter);
    struct api_page page =
        api_page(call, subjects, subjects > 0 ? STREAM_SUBJECTS_PAGE : 0);
    details.offset = page.offset;
    stream_describe_with(call->target, &details, &call->w);
    write_now(&call->w);
    return 0;
}

int api_stream_delete(struct api_call *call)
{
    if (api_expect_empty(call) != 0)
        return -1;
    log_info("stream deleted", LOG_SLICE("stream", call->stream));
    advisory_stream_action(call->target, STREAM_DELETED);
    jetstream_stream_delete(call->target);
    json_member_bool(&call->w, "success", true);
    return 0;
}

/* ---- NAMES, LIST ---- */

/* Streams that hold something a subject selects; without one, all. */
static bool wanted(const struct stream *stream, struct str subject)
{
    for (unsigned i = 0; i < stream->config.subject_count; i++) {
        if (subject_overlaps(str_of(stream->config.subjects[i]), subject))
            return true;
    }
    return subject.len == 0;
}

static int compare_names(const void *a, const void *b)
{
    const struct stream *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* Those wanted, by name; how many. */
static uint64_t list_streams(struct api_call *call, struct str subject,
                             const struct stream ***list)
{
    size_t most = HASH_COUNT(call->js->streams);
    uint64_t count = 0;
    *list = arena_alloc(call->arena, sizeof(**list) * (most + 1));
    for (const struct stream *stream = call->js->streams; stream != NULL;
         stream = stream->hh.next) {
        if (wanted(stream, subject))
            (*list)[count++] = stream;
    }
    qsort((void *)*list, count, sizeof(**list), compare_names);
    return count;
}

/* How many were written. */
static uint64_t write_streams(struct api_call *call, uint64_t limit,
                              void (*write)(const struct stream *stream,
                                            struct json_writer *w))
{
    struct str subject = STR("");
    const struct stream **list;
    js_read_str(call->body, "subject", call->arena, &subject);
    uint64_t total = list_streams(call, subject, &list);
    struct api_page page = api_page(call, total, limit);
    uint64_t end =
        page.offset + page.limit < total ? page.offset + page.limit : total;
    json_key(&call->w, "streams");
    json_begin_array(&call->w);
    for (uint64_t i = page.offset; i < end; i++)
        write(list[i], &call->w);
    json_end_array(&call->w);
    return end - page.offset;
}

static void write_name(const struct stream *stream, struct json_writer *w)
{
    json_put_text(w, stream->name);
}

static void write_info(const struct stream *stream, struct json_writer *w)
{
    json_begin_object(w);
    stream_describe(stream, w);
    json_end_object(w);
}

/* No names at all are null, as Go writes a list that was never made. */
int api_stream_names(struct api_call *call)
{
    if (write_streams(call, API_NAMES_PAGE, write_name) == 0) {
        call->w.out->len -= 2;
        call->w.comma = false;
        json_put_null(&call->w);
    }
    return 0;
}

int api_stream_list(struct api_call *call)
{
    write_streams(call, API_LIST_PAGE, write_info);
    return 0;
}

/* ---- PURGE ---- */

static int read_purge(struct api_call *call, struct purge *purge)
{
    *purge = (struct purge){0};
    if (js_read_str(call->body, "filter", call->arena, &purge->filter) != 0 ||
        js_read_u64(call->body, "seq", &purge->seq) != 0 ||
        js_read_u64(call->body, "keep", &purge->keep) != 0)
        return js_refuse(&call->error, JS_INVALID_JSON);
    if ((purge->seq > 0 && purge->keep > 0) ||
        (purge->filter.len > 0 && !subject_valid(purge->filter)))
        return js_refuse(&call->error, JS_BAD_REQUEST);
    return 0;
}

int api_stream_purge(struct api_call *call)
{
    const struct stream_config *config = &call->target->config;
    struct purge purge;
    if (config->sealed)
        return js_refuse(&call->error, JS_SEALED);
    if (config->deny_purge)
        return js_refuse(&call->error, 500, 10110,
                         "stream purge not permitted");
    if (read_purge(call, &purge) != 0)
        return -1;
    uint64_t purged = stream_purge(call->target, &purge);
    json_member_bool(&call->w, "success", true);
    json_member_u64(&call->w, "purged", purged);
    return 0;
}
