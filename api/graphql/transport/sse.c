/* sse: GraphQL over server-sent events, distinct connections: one operation a
 * response, its results as events.
 *
 *     event: next
 *     data: {"data":{…}}
 *
 *     event: complete
 *     data:
 *
 * A comment line now and then keeps proxies patient and finds out clients that
 * are gone. */
#include <stddef.h>
#include <stdlib.h>

#include "api/graphql/transport/service_private.h"
#include "api/graphql/transport/topic.h"
#include "lib/mem.h"

#define NEXT     "event: next\ndata: "
#define COMPLETE "event: complete\ndata:\n\n"
#define COMMENT  ":\n\n"

struct stream {
    struct operation operation;
    struct graphql_beat beat;
    struct http_stream *http;
    struct buf unsent; /* the result of a query, the last events */
    bool comment;      /* is due */
    bool silent;       /* no event was sent since the last beat */
    bool complete;     /* unsent has its last event */
};

/* ---- what is sent ---- */

static void event_append(struct buf *out, const struct event *event)
{
    buf_append_text(out, NEXT);
    if (event->missed > 0)
        graphql_topic_mark_missed(event->payload, event->missed, out);
    else
        buf_append_str(out, event->payload);
    buf_append_text(out, "\n\n");
}

static void stream_finish(struct stream *stream, struct str response)
{
    struct event last = {.payload = response};
    event_append(&stream->unsent, &last);
    buf_append_text(&stream->unsent, COMPLETE);
    stream->complete = true;
    http_stream_want(stream->http);
}

static void comment_append(struct stream *stream, struct buf *out)
{
    if (stream->comment)
        buf_append_text(out, COMMENT);
    stream->comment = false;
}

static bool stream_fill(struct http_stream *http, struct buf *out, size_t room,
                        void *arg)
{
    struct stream *stream = arg;
    struct event event;
    size_t end = out->len + room;
    bool more = true;
    comment_append(stream, out);
    if (stream->complete) {
        buf_append(out, stream->unsent.data, stream->unsent.len);
        buf_reset(&stream->unsent);
        http_stream_end(http);
        return false;
    }
    while (out->len < end &&
           (more = operation_next(&stream->operation, &event))) {
        event_append(out, &event);
        stream->silent = false;
    }
    return more;
}

/* ---- what happens ---- */

static void operation_result(struct operation *op, struct buf *out)
{
    struct stream *stream = (struct stream *)op;
    operation_end(op);
    stream_finish(stream, buf_str(out));
}

static void operation_woken(struct operation *op)
{
    http_stream_want(((struct stream *)op)->http);
}

static const struct operation_handlers operation_handlers = {
    .result = operation_result,
    .wake = operation_woken,
};

static void beat(struct graphql_beat *b)
{
    struct stream *stream =
        (struct stream *)((char *)b - offsetof(struct stream, beat));
    stream->comment = stream->silent;
    if (stream->comment)
        http_stream_want(stream->http);
    stream->silent = true;
}

static void stream_closed(struct http_stream *http, void *arg)
{
    (void)http;
    struct stream *stream = arg;
    struct graphql_service *service = stream->operation.service;
    operation_end(&stream->operation);
    graphql_beat_leave(service, &stream->beat);
    stat_add(service->stats.connections[GRAPHQL_SSE], -1);
    service->streams--;
    buf_fini(&stream->unsent);
    free(stream);
}

/* ---- beginning ---- */

static const struct http_stream_handlers stream_handlers = {
    .fill = stream_fill,
    .closed = stream_closed,
};

/* NULL: there are as many streams as may be, and the request is answered. */
static struct stream *stream_new(struct graphql_service *service,
                                 struct http_request *req)
{
    if (service->streams >= service->settings.streams) {
        http_reply_header(req, "Retry-After", "5");
        graphql_http_refuse(req, 503, GQL_CODE_LIMIT,
                            "There are as many event streams as may be.");
        return NULL;
    }
    struct stream *stream = mem_zalloc(sizeof *stream);
    stream->operation.service = service;
    stream->beat.fn = beat;
    graphql_beat_join(service, &stream->beat);
    stat_add(service->stats.connections[GRAPHQL_SSE], 1);
    service->streams++;
    http_reply_header(req, "Cache-Control", "no-store");
    http_reply_header(req, "X-Accel-Buffering", "no");
    http_reply_header(req, "Vary", "Accept");
    stream->http = http_reply_stream(
        req, 200, "text/event-stream; charset=utf-8", &stream_handlers, stream);
    return stream;
}

static void errors_finish(struct stream *stream,
                          const struct gql_errors *errors)
{
    struct buf response = {0};
    gql_response_errors(errors, &response);
    stream_finish(stream, buf_str(&response));
    buf_fini(&response);
}

void graphql_sse_open(struct graphql_service *service, struct http_request *req,
                      struct operation *op)
{
    struct arena arena = {0};
    struct gql_errors errors = {.arena = &arena};
    struct stream *stream = stream_new(service, req);
    if (stream == NULL) {
        operation_end(op);
        return;
    }
    stream->operation = *op;
    stream->operation.handlers = &operation_handlers;
    if (!operation_run(&stream->operation, &errors)) {
        operation_end(&stream->operation);
        errors_finish(stream, &errors);
    }
    arena_fini(&arena);
}

void graphql_sse_refuse(struct graphql_service *service,
                        struct http_request *req,
                        const struct gql_errors *errors)
{
    struct buf response = {0};
    gql_response_errors(errors, &response); /* the request's memory goes */
    struct stream *stream = stream_new(service, req);
    if (stream != NULL)
        stream_finish(stream, buf_str(&response));
    buf_fini(&response);
}
