/* http_stream: a reply in pieces. What one fill gives is one chunk: its length
 * is written when it is known, over as many zeros. */
#include "lib/http_private.h"

#include <stdlib.h>

#include "lib/mem.h"

#define GATHER_NS  (5 * NS_PER_MS)
#define SIZE_TEXT  "00000000\r\n" /* of a chunk, in hexadecimal */
#define SIZE_BYTES (sizeof SIZE_TEXT - 1)
#define DIGITS     8

struct http_stream {
    struct http_flow flow; /* first */
    const struct http_stream_handlers *handlers;
    void *arg;
    bool chunked; /* else the connection's end is the body's */
    bool bodyless;
    bool ended, finished; /* by the caller; the last chunk is pushed, too */
};

static struct http_stream *of_flow(struct http_flow *flow)
{
    return (struct http_stream *)flow;
}

/* ---- chunks ---- */

static void write_size(char *at, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    for (int i = DIGITS - 1; i >= 0; i--, size >>= 4)
        at[i] = digits[size & 15];
}

/* The chunk that begins at `start` is whole; an empty one would be the end. */
static void end_chunk(struct buf *out, size_t start)
{
    size_t size = out->len - start - SIZE_BYTES;
    if (size == 0) {
        out->len = start;
        return;
    }
    write_size(out->data + start, size);
    buf_append(out, "\r\n", 2);
}

static bool stream_fill(struct http_flow *flow, struct buf *out, size_t room)
{
    struct http_stream *stream = of_flow(flow);
    size_t start = out->len;
    if (stream->ended)
        return false;
    if (stream->chunked)
        buf_append(out, SIZE_TEXT, SIZE_BYTES);
    bool more = stream->handlers->fill(stream, out, room, stream->arg);
    if (stream->chunked)
        end_chunk(out, start);
    return more && !stream->ended;
}

/* ---- its end ---- */

static void stream_gone(struct http_flow *flow)
{
    struct http_stream *stream = of_flow(flow);
    stream->ended = true;
    stream->handlers->closed(stream, stream->arg);
    http_flow_end(flow);
}

static void finish(struct http_stream *stream)
{
    stream->finished = true;
    if (stream->chunked && !stream->bodyless)
        buf_append_text(http_flow_push(&stream->flow), "0\r\n\r\n");
    else
        http_flow_wake(&stream->flow);
}

/* Without chunks only the connection's end tells the client. */
static void stream_leave(struct http_stream *stream)
{
    struct http_conn *conn = stream->flow.conn;
    stream->flow.conn = NULL;
    http_conn_resume(conn, !stream->chunked);
    stream_gone(&stream->flow);
}

static void stream_drained(struct http_flow *flow)
{
    struct http_stream *stream = of_flow(flow);
    if (stream->finished)
        stream_leave(stream);
    else if (stream->ended)
        finish(stream);
}

void http_stream_end(struct http_stream *stream)
{
    if (stream->ended)
        return;
    stream->ended = true;
    stream->flow.wanted = false;
    http_flow_wake(&stream->flow);
}

static void stream_stop(struct http_flow *flow)
{
    http_stream_end(of_flow(flow));
}

void http_stream_want(struct http_stream *stream)
{
    if (!stream->ended)
        http_flow_want(&stream->flow);
}

/* ---- its beginning ---- */

static const struct http_flow_ops ops = {
    .fill = stream_fill,
    .drained = stream_drained,
    .stop = stream_stop,
    .gone = stream_gone,
};

static struct str stream_head(struct http_request *req, int status,
                              const char *type, bool chunked)
{
    struct buf *head = http_reply_begin(req, status, type);
    if (chunked)
        buf_append_text(head, "Transfer-Encoding: chunked\r\n");
    buf_append_text(head, "\r\n");
    return buf_str(head);
}

static void stream_begin(struct http_stream *stream, struct http_request *req,
                         int status, const char *type)
{
    struct http_flow *flow = &stream->flow;
    stream->chunked = req->head.minor > 0;
    stream->bodyless = str_is(req->head.method, "HEAD");
    if (!stream->chunked)
        req->last = true;
    http_conn_upgrade(req->conn,
                      stream_head(req, status, type, stream->chunked), flow);
    if (stream->bodyless)
        http_stream_end(stream);
}

struct http_stream *http_reply_stream(struct http_request *req, int status,
                                      const char *type,
                                      const struct http_stream_handlers *h,
                                      void *arg)
{
    struct http_stream *stream = mem_zalloc(sizeof *stream);
    stream->handlers = h;
    stream->arg = arg;
    http_flow_init(&stream->flow, req->server, &ops, GATHER_NS);
    http_reply_done(req, status, 0);
    if (req->conn != NULL) {
        stream_begin(stream, req, status, type);
    } else { /* nobody is there: closed is called at the end of the turn */
        http_request_free(req);
        stream->ended = true;
        http_flow_wake(&stream->flow);
    }
    return stream;
}
