/* websocket: see websocket.h. */
#include "broker/net/websocket.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "broker/net/ending.h"
#include "lib/ws_deflate.h"
#include "lib/ws_frame.h"
#include "broker/net/ws_upgrade.h"
#include "lib/buf.h"
#include "lib/http_head.h"
#include "lib/mem.h"

#define STAGE_BYTES   (64u << 10)  /* read at a time where not read in place */
#define DEFLATE_MIN   64u          /* less is sent as it is */
#define OUT_MAX       (256u << 10) /* answers to pings that may wait */
#define CLOSE_WHY_MAX 120u         /* bytes of text in a close frame */
#define PARTS_MAX     32           /* of one write */

struct ws_shared {
    struct ws_deflater *deflater; /* NULL until somebody wants it */
    char stage[STAGE_BYTES];
};

struct websocket {
    struct transport base; /* first */
    struct transport *under;
    int fd;
    struct ws_shared *shared;
    const struct websocket_config *config;
    struct ws_terms terms;

    /* Read: */
    struct buf rest; /* the request while it is not whole; later bytes that are
                        not decoded yet, from rest_at on */
    size_t rest_at, rest_seen;
    struct ws_reader reader;
    struct ws_inflater *inflater; /* while a compressed message comes in */
    ssize_t end; /* 1: goes on; else what read answers from now on */

    /* Written before anything else: */
    struct buf out;
    size_t out_at;
    bool close_sent;

    /* The frame begun, whose bytes are the connection's: */
    char head[WS_HEAD_OUT_MAX];
    size_t head_len, head_at;
    size_t frame_left;
};

struct ws_shared *ws_shared_new(void)
{
    return mem_zalloc(sizeof(struct ws_shared));
}

void ws_shared_free(struct ws_shared **shared)
{
    if (*shared == NULL)
        return;
    ws_deflater_free(&(*shared)->deflater);
    free(*shared);
    *shared = NULL;
}

/* ---- writing ---- */

static bool holds_output(const struct websocket *ws)
{
    return ws->out_at < ws->out.len;
}

/* In the middle of a frame nothing else may be sent. */
static bool in_frame(const struct websocket *ws)
{
    return ws->frame_left > 0 || ws->head_at < ws->head_len;
}

/* 0: all that it holds is out. */
static ssize_t push_out(struct websocket *ws)
{
    while (holds_output(ws)) {
        struct iovec part = {ws->out.data + ws->out_at,
                             ws->out.len - ws->out_at};
        ssize_t n = transport_write(ws->under, ws->fd, &part, 1);
        if (n <= 0)
            return n == 0 ? -EAGAIN : n;
        ws->out_at += (size_t)n;
    }
    buf_fini(&ws->out);
    ws->out_at = 0;
    return 0;
}

static void append_frame_head(struct websocket *ws, enum ws_opcode opcode,
                              bool compressed, size_t len)
{
    char *at = buf_reserve(&ws->out, WS_HEAD_OUT_MAX);
    ws->out.len += ws_write_head(at, opcode, compressed, len);
}

static size_t parts_len(const struct iovec *iov, int count)
{
    size_t len = 0;
    for (int i = 0; i < count; i++)
        len += iov[i].iov_len;
    return len;
}

/* The first `len` bytes of the parts, from `from` on. */
static void append_parts(struct buf *out, const struct iovec *iov, size_t from,
                         size_t len)
{
    for (; len > 0; iov++) {
        if (from >= iov->iov_len) {
            from -= iov->iov_len;
            continue;
        }
        size_t n = iov->iov_len - from < len ? iov->iov_len - from : len;
        buf_append(out, (const char *)iov->iov_base + from, n);
        len -= n;
        from = 0;
    }
}

static void deflate_message(struct websocket *ws, const struct iovec *iov,
                            int count, size_t len)
{
    struct buf packed = {0};
    if (ws->shared->deflater == NULL)
        ws->shared->deflater = ws_deflater_new();
    ws_deflate(ws->shared->deflater, iov, count, len, &packed);
    append_frame_head(ws, WS_BINARY, true, packed.len);
    buf_append_str(&ws->out, buf_str(&packed));
    buf_fini(&packed);
}

/* A browser gets what was compressed in small messages, too: each is one. */
static size_t copy_messages(struct websocket *ws, const struct iovec *iov,
                            size_t len)
{
    size_t most = ws->terms.browser ? WS_BROWSER_BYTES : WS_MESSAGE_BYTES;
    size_t done = 0;
    while (done < len) {
        size_t n = len - done < most ? len - done : most;
        append_frame_head(ws, WS_BINARY, false, n);
        append_parts(&ws->out, iov, done, n);
        done += n;
    }
    return done;
}

/* Takes some bytes into its own output. */
static size_t take_bytes(struct websocket *ws, const struct iovec *iov,
                         int count)
{
    size_t len = parts_len(iov, count);
    if (len > WS_MESSAGE_BYTES)
        len = WS_MESSAGE_BYTES;
    if (!ws->terms.deflate || len < DEFLATE_MIN)
        return copy_messages(ws, iov, len);
    if (ws->terms.browser && len > WS_BROWSER_BYTES)
        len = WS_BROWSER_BYTES;
    deflate_message(ws, iov, count, len);
    return len;
}

static void begin_frame(struct websocket *ws, size_t len)
{
    ws->head_len = ws_write_head(ws->head, WS_BINARY, false, len);
    ws->head_at = 0;
    ws->frame_left = len;
}

/* The head's rest and then the connection's bytes, as far as the frame goes. */
static int fill_parts(struct websocket *ws, const struct iovec *iov, int count,
                      struct iovec *parts)
{
    size_t left = ws->frame_left;
    int n = 0;
    if (ws->head_at < ws->head_len)
        parts[n++] =
            (struct iovec){ws->head + ws->head_at, ws->head_len - ws->head_at};
    for (int i = 0; i < count && n < PARTS_MAX && left > 0; i++) {
        parts[n] = iov[i];
        if (parts[n].iov_len > left)
            parts[n].iov_len = left;
        left -= parts[n++].iov_len;
    }
    return n;
}

static ssize_t write_frame(struct websocket *ws, const struct iovec *iov,
                           int count)
{
    struct iovec parts[PARTS_MAX];
    if (!in_frame(ws))
        begin_frame(ws, parts_len(iov, count));
    int n = fill_parts(ws, iov, count, parts);
    ssize_t sent = transport_write(ws->under, ws->fd, parts, n);
    if (sent < 0)
        return sent;
    size_t of_head = ws->head_len - ws->head_at;
    if ((size_t)sent < of_head)
        of_head = (size_t)sent;
    ws->head_at += of_head;
    ws->frame_left -= (size_t)sent - of_head;
    return (size_t)sent > of_head ? sent - (ssize_t)of_head : -EAGAIN;
}

static ssize_t ws_write(struct transport *t, const struct iovec *iov, int count)
{
    struct websocket *ws = (struct websocket *)t;
    if (!in_frame(ws)) {
        ssize_t rc = push_out(ws);
        if (rc != 0)
            return rc;
    }
    if (count == 0)
        return in_frame(ws) ? -EAGAIN : 0;
    if (t->phase != TRANSPORT_READY)
        return -EAGAIN;
    if (ws->close_sent)
        return -EPIPE;
    if (in_frame(ws) ||
        (ws->under == NULL && !ws->terms.deflate && !ws->terms.browser))
        return write_frame(ws, iov, count);
    size_t taken = take_bytes(ws, iov, count);
    push_out(ws); /* what is wrong shows with the next write */
    return (ssize_t)taken;
}

/* ---- control frames ---- */

static void send_control(struct websocket *ws, enum ws_opcode opcode,
                         struct str text)
{
    append_frame_head(ws, opcode, false, text.len);
    buf_append_str(&ws->out, text);
    if (!in_frame(ws))
        push_out(ws);
}

static void send_close(struct websocket *ws, int status, const char *why)
{
    char text[2 + CLOSE_WHY_MAX];
    size_t len = strnlen(why, CLOSE_WHY_MAX);
    if (ws->close_sent)
        return;
    text[0] = (char)(status >> 8);
    text[1] = (char)status;
    memcpy(text + 2, why, len);
    send_control(ws, WS_CLOSE, str_make(text, 2 + len));
    ws->close_sent = true;
}

static ssize_t fail(struct websocket *ws, int status, const char *why)
{
    send_close(ws, status, why);
    return -EPROTO;
}

/* 1: goes on; else what read has to answer. */
static ssize_t take_control(struct websocket *ws, const struct ws_piece *piece)
{
    if (piece->opcode == WS_CLOSE) {
        if (piece->text.len == 1)
            return fail(ws, WS_STATUS_PROTOCOL_ERROR, "close frame");
        if (!ws->close_sent)
            send_control(ws, WS_CLOSE, piece->text);
        ws->close_sent = true;
        return 0;
    }
    if (piece->opcode == WS_PING)
        send_control(ws, WS_PONG, piece->text);
    return ws->out.len - ws->out_at <= OUT_MAX ? 1 : -EPROTO;
}

/* ---- reading ---- */

static void feed_inflater(struct websocket *ws, const struct ws_piece *piece)
{
    if (ws->inflater == NULL)
        ws->inflater = ws_inflater_new();
    ws_inflater_feed(ws->inflater, piece->text, piece->last);
}

static ssize_t inflate_into(struct websocket *ws, char *at, size_t room,
                            size_t *put)
{
    if (ws->inflater == NULL)
        return 1;
    ssize_t n = ws_inflate(ws->inflater, at + *put, room - *put);
    if (n < 0)
        return fail(ws, WS_STATUS_PROTOCOL_ERROR, "compressed data");
    *put += (size_t)n;
    if (*put < room && ws_inflater_done(ws->inflater))
        ws_inflater_free(&ws->inflater);
    return 1;
}

static ssize_t take_piece(struct websocket *ws, const struct ws_piece *piece,
                          char *at, size_t room, size_t *put)
{
    if (piece->kind == WS_CONTROL)
        return take_control(ws, piece);
    if (piece->kind != WS_DATA)
        return 1;
    if (piece->compressed) {
        feed_inflater(ws, piece);
        return inflate_into(ws, at, room, put);
    }
    if (piece->text.len > 0)
        memmove(at + *put, piece->text.p, piece->text.len);
    *put += piece->text.len;
    return 1;
}

/* Decodes what was read, into at. `from` may be `at` itself: what comes out is
 * never longer, unless it was compressed. How many bytes it used. */
static size_t decode(struct websocket *ws, char *from, size_t len, char *at,
                     size_t room, size_t *put)
{
    size_t used = 0;
    ws->end = inflate_into(ws, at, room, put);
    while (ws->end == 1 && used < len && *put < room) {
        struct ws_piece piece;
        size_t most = len - used < room - *put ? len - used : room - *put;
        ssize_t n = ws_read_piece(&ws->reader, from + used, most, &piece);
        if (n < 0) {
            ws->end = fail(ws, WS_STATUS_PROTOCOL_ERROR, "frame");
            break;
        }
        used += (size_t)n;
        ws->end = take_piece(ws, &piece, at, room, put);
    }
    return used;
}

static void keep_rest(struct websocket *ws, const char *rest, size_t len)
{
    buf_append(&ws->rest, rest, len);
    ws->rest_at = 0;
}

/* What was read before comes first. */
static size_t decode_rest(struct websocket *ws, char *at, size_t room)
{
    size_t put = 0, left = ws->rest.len - ws->rest_at;
    ws->rest_at +=
        decode(ws, ws->rest.data + ws->rest_at, left, at, room, &put);
    if (ws->rest_at == ws->rest.len) {
        buf_fini(&ws->rest);
        ws->rest_at = 0;
    }
    return put;
}

static ssize_t decode_fresh(struct websocket *ws, char *at, size_t room,
                            size_t *put)
{
    bool in_place = !ws->terms.deflate;
    char *into = in_place ? at : ws->shared->stage;
    size_t most = in_place || room < STAGE_BYTES ? room : STAGE_BYTES;
    ssize_t n = transport_read(ws->under, ws->fd, into, most);
    if (n <= 0)
        return n;
    size_t used = decode(ws, into, (size_t)n, at, room, put);
    if (ws->end == 1 && used < (size_t)n)
        keep_rest(ws, into + used, (size_t)n - used);
    return 1;
}

static bool inflates(const struct websocket *ws)
{
    return ws->inflater != NULL && !ws_inflater_drained(ws->inflater);
}

static ssize_t read_messages(struct websocket *ws, char *at, size_t room)
{
    size_t put = 0;
    ssize_t rc = 1;
    if (ws->end != 1)
        return ws->end;
    if (ws->rest.len > 0 || inflates(ws))
        put = decode_rest(ws, at, room);
    else
        rc = decode_fresh(ws, at, room, &put);
    if (put > 0)
        return (ssize_t)put;
    if (rc <= 0)
        return rc;
    return ws->end == 1 ? -EAGAIN : ws->end;
}

/* ---- the upgrade ---- */

static ssize_t upgrade(struct websocket *ws, size_t request_len)
{
    struct str request = str_make(ws->rest.data, request_len);
    int status = ws_upgrade(request, ws->config, ws->under != NULL, &ws->terms,
                            &ws->out);
    ssize_t rc = push_out(ws);
    if (status != 101)
        return 0;
    buf_consume(&ws->rest, request_len);
    if (ws->rest.len == 0)
        buf_fini(&ws->rest);
    ws->reader.deflate = ws->terms.deflate;
    ws->base.phase = TRANSPORT_READY;
    return rc == 0 || rc == -EAGAIN ? -EAGAIN : rc;
}

static ssize_t read_request(struct websocket *ws)
{
    char *at = buf_reserve(&ws->rest, WS_UPGRADE_MAX - ws->rest.len);
    ssize_t n =
        transport_read(ws->under, ws->fd, at, WS_UPGRADE_MAX - ws->rest.len);
    if (n <= 0)
        return n;
    ws->rest.len += (size_t)n;
    size_t end = http_head_end(buf_str(&ws->rest), &ws->rest_seen);
    if (end > 0)
        return upgrade(ws, end);
    if (ws->rest.len < WS_UPGRADE_MAX)
        return -EAGAIN;
    ws_upgrade_refuse(431, "Request Header Fields Too Large", &ws->out);
    push_out(ws);
    return 0;
}

static ssize_t ws_read(struct transport *t, char *at, size_t room)
{
    struct websocket *ws = (struct websocket *)t;
    if (t->phase == TRANSPORT_READY)
        return read_messages(ws, at, room);
    return read_request(ws);
}

/* ---- the rest ---- */

static bool ws_pending(const struct transport *t)
{
    const struct websocket *ws = (const struct websocket *)t;
    if (ws->under != NULL && ws->under->ops->pending(ws->under))
        return true;
    return t->phase == TRANSPORT_READY &&
           (ws->end != 1 || ws->rest.len > 0 || inflates(ws));
}

static uint32_t ws_events(const struct transport *t, uint32_t events)
{
    const struct websocket *ws = (const struct websocket *)t;
    if (t->phase != TRANSPORT_READY)
        events = EPOLLIN;
    if (holds_output(ws))
        events |= EPOLLOUT;
    return ws->under != NULL ? ws->under->ops->events(ws->under, events)
                             : events;
}

static void ws_end(struct transport *t, const char *said)
{
    struct websocket *ws = (struct websocket *)t;
    const struct ending *ending = ending_of(said);
    if (t->phase == TRANSPORT_READY && !in_frame(ws))
        send_close(ws, ending != NULL ? ending->status : WS_STATUS_SERVER_ERROR,
                   ending != NULL ? ending->reason : "");
    if (ws->under != NULL)
        ws->under->ops->end(ws->under, said);
}

static void ws_free(struct transport *t)
{
    struct websocket *ws = (struct websocket *)t;
    if (ws->under != NULL)
        ws->under->ops->free(ws->under);
    ws_inflater_free(&ws->inflater);
    buf_fini(&ws->rest);
    buf_fini(&ws->out);
    free(ws);
}

static const struct tls *ws_tls(const struct transport *t)
{
    const struct websocket *ws = (const struct websocket *)t;
    return ws->under != NULL ? ws->under->ops->tls(ws->under) : NULL;
}

static const struct transport_ops websocket_ops = {.read = ws_read,
                                                   .write = ws_write,
                                                   .pending = ws_pending,
                                                   .events = ws_events,
                                                   .end = ws_end,
                                                   .free = ws_free,
                                                   .tls = ws_tls,
                                                   .type = "websocket"};

struct transport *websocket_transport(struct ws_shared *shared,
                                      const struct websocket_config *config,
                                      int fd, struct transport *under)
{
    struct websocket *ws = mem_zalloc(sizeof(*ws));
    ws->base.ops = &websocket_ops;
    ws->base.phase = TRANSPORT_HANDSHAKE;
    ws->fd = fd;
    ws->under = under;
    ws->shared = shared;
    ws->config = config;
    ws->end = 1;
    return &ws->base;
}
